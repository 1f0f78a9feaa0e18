import { expect, it } from 'vitest'
import { follow, type FeedState } from './feed'

function stream(...pieces: string[]): Response {
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece))
      controller.close()
    },
  })
  return new Response(body)
}

/** run follows answers until the last one has been given, and tells what was seen. */
async function run(answers: (Response | Error)[]) {
  const stop = new AbortController()
  const urls: string[] = []
  const events: string[] = []
  const states: FeedState[] = []
  const pauses: number[] = []
  let gone = false
  await follow({
    url: (after) => `/changes?after=${after}`,
    after: 'now',
    signal: stop.signal,
    onEvent: (type, data) => events.push(`${type} ${JSON.stringify(data)}`),
    onState: (state) => states.push(state),
    onGone: () => (gone = true),
    pause: async (ms) => void pauses.push(ms),
    fetch: async (url) => {
      urls.push(String(url))
      const answer = answers.shift()
      if (!answer) stop.abort()
      if (!answer || answer instanceof Error) throw answer ?? new Error('the end')
      return answer
    },
  })
  return { urls, events, states, pauses, gone }
}

it('reads events that come in pieces, and goes on behind the last one', async () => {
  const got = await run([stream('id: 7\nevent: rec', 'ord\ndata: {"upc":"A"}\n\n: beat\n\nid: 8\nevent: deleted\nda', 'ta: {}\n\n'), stream()])
  expect(got.events).toEqual(['record {"upc":"A"}', 'deleted {}'])
  expect(got.urls.slice(0, 2)).toEqual(['/changes?after=now', '/changes?after=8'])
})

it('says that the connection is lost, and waits longer each time', async () => {
  const got = await run([new Error('refused'), new Response('', { status: 503 }), new Error('refused'), stream('id: 1\nevent: a\ndata: 1\n\n')])
  expect(got.states).toEqual(['connecting', 'lost', 'lost', 'lost', 'live'])
  expect(got.pauses[0]).toBeLessThan(1000)
  expect(got.pauses[2]).toBeGreaterThan(1400)
})

it('goes on at once, and quietly, when the server ends a stream', async () => {
  const got = await run([stream('id: 1\nevent: a\ndata: 1\n\n'), stream('id: 2\nevent: a\ndata: 2\n\n')])
  expect(got.states).toEqual(['connecting', 'live', 'live'])
  expect(got.pauses).toEqual([])
})

it('begins again where the server has forgotten the cursor', async () => {
  expect((await run([new Response('', { status: 410 })])).gone).toBe(true)
})
