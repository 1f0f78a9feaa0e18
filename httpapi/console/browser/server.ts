// Real servers for the stories.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const binary = resolve(import.meta.dirname, '../../../bin/apportion')

/** Server is a process that can be killed and started again. */
export interface Server {
  url: string
  /** kill ends the process as a crash does; start brings it back with the same data, at the same address. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** serve starts the binary with further arguments, and returns once it is ready. */
export async function serve(...more: string[]): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'console-'))
  let address = '127.0.0.1:0'
  let child: ChildProcess
  let ended: Promise<void>
  const server: Server = {
    url: '',
    async start() {
      child = spawn(binary, ['serve', '--data', join(dir, 'data'), '--listen', address, ...more], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      ended = new Promise((done) => child.on('exit', () => done()))
      address = await listening(child)
      server.url = 'http://' + address
      while (!(await fetch(server.url + '/readyz').then((r) => r.ok, () => false))) {
        await new Promise((done) => setTimeout(done, 20))
      }
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** listening reads the address from the log of a server. */
function listening(child: ChildProcess): Promise<string> {
  let log = ''
  return new Promise((found, failed) => {
    child.stderr!.on('data', (text: Buffer) => {
      log += text.toString()
      const at = /component=httpapi address=(\S+)/.exec(log)
      if (at) found(at[1]!)
    })
    child.on('exit', () => failed(new Error('the server ended:\n' + log)))
  })
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

/** freePorts finds ports that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, () => new Promise<NetServer>((ready) => {
      const listener = createServer().listen(0, '127.0.0.1', () => ready(listener))
    })),
  )
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port)
  await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))))
  return ports
}
