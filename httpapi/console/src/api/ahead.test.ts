import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ask, fetchOnce } from './ahead'

const path = '/v1/changes?after=now&locations=K%C3%B6ln+1'
const same = 'http://stock/v1/changes?locations=K%C3%B6ln%201&after=now'

/** answers makes a fetch that gives texts, one after the other, and keeps what was asked. */
function answers(...given: (Response | Error)[]) {
  const urls: string[] = []
  vi.stubGlobal('fetch', async (input: string | Request) => {
    urls.push(typeof input === 'string' ? input : input.url)
    const next = given.shift()!
    if (next instanceof Error) throw next
    return next
  })
  return urls
}

beforeEach(() => void vi.stubGlobal('document', { baseURI: 'http://stock/console/' }))
afterEach(() => void vi.unstubAllGlobals())

it('gives an answer that was asked for ahead, once, however the address is written', async () => {
  const urls = answers(new Response('ahead'), new Response('later'))
  ask(path)
  expect(await (await fetchOnce(new Request(same))).text()).toBe('ahead')
  expect(await (await fetchOnce(new Request(same))).text()).toBe('later')
  expect(urls).toEqual(['http://stock' + path, same])
})

it('asks again after a refusal, a failure or a change of mind', async () => {
  const urls = answers(new Response('', { status: 401 }), new Error('refused'), new Response('a'), new Response('b'), new Response('c'))
  ask(path, '/v1/inventory')
  expect(await (await fetchOnce(new Request(same))).text()).toBe('a')
  expect(await (await fetchOnce(new Request('http://stock/v1/inventory'))).text()).toBe('b')
  expect(urls).toHaveLength(4)
  ask(path)
  await expect(fetchOnce(new Request(same, { signal: AbortSignal.abort() }))).rejects.toThrow()
})
