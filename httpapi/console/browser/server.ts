// Real servers for the stories.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const binary = resolve(import.meta.dirname, '../../../bin/apportion')

/** Server is a running process. */
export interface Server {
  url: string
  process: ChildProcess
  stop(): Promise<void>
}

/** serve starts the binary with further arguments, and returns once it is ready. */
export async function serve(...more: string[]): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'console-'))
  const args = ['serve', '--data', join(dir, 'data'), '--listen', '127.0.0.1:0', ...more]
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const ended = new Promise<void>((done) => child.on('exit', () => done()))
  const address = await new Promise<string>((found, failed) => {
    child.stderr!.on('data', (text: Buffer) => {
      log += text.toString()
      const at = /component=httpapi address=(\S+)/.exec(log) ?? /"?serving"? .*address=(\S+)/.exec(log)
      if (at) found(at[1]!)
    })
    child.on('exit', () => failed(new Error('the server ended:\n' + log)))
  })
  const url = 'http://' + address
  while (!(await fetch(url + '/readyz').then((r) => r.ok, () => false))) {
    await new Promise((done) => setTimeout(done, 20))
  }
  return {
    url,
    process: child,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** tokensFile makes a file with one token. */
export function tokensFile(name: string, secret: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'console-')), 'tokens')
  writeFileSync(file, `${name}:${secret}\n`)
  return file
}

/** send sends a request to the API, as another client would. */
export async function send(server: Server, method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(server.url + path, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}
