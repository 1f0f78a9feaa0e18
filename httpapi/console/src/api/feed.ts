// Server-sent events over fetch, since an EventSource tells nobody why it ended. The reader goes on where it was cut.
import { createParser } from 'eventsource-parser'

export type FeedState = 'connecting' | 'live' | 'lost'

export interface FeedOptions {
  /** url of the feed, which begins after `after` as long as no event has come. */
  url: (after: string) => string
  after: string
  signal: AbortSignal
  onEvent: (type: string, data: unknown) => void
  onState: (state: FeedState) => void
  /** onGone is called when the server cannot go on from here: the reader begins again from nothing. */
  onGone: () => void
  /** onStatus sees the status of each answer. */
  onStatus?: (status: number) => void
  /** pace is waited for between two pieces: a reader that is slow gets fewer events, since changes are compacted. */
  pace?: () => Promise<void>
  fetch?: typeof fetch
  pause?: (ms: number) => Promise<void>
}

/** quietMs is how long nothing may come. The server sends a comment every 15 seconds. */
const quietMs = 40_000

const pauseMinMs = 500
const pauseMaxMs = 10_000

/** sleep waits, or returns at once when the signal ends. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true })
  })
}

/** follow reads a feed until the signal ends or the server says that the feed is gone. */
export async function follow(options: FeedOptions): Promise<void> {
  const pause = options.pause ?? ((ms) => sleep(ms, options.signal))
  let after = options.after
  let failures = 0
  options.onState('connecting')
  while (!options.signal.aborted) {
    const end = await connect(options, after, (id) => {
      after = id
      failures = 0
    })
    if (options.signal.aborted) return
    if (end === 'gone') return options.onGone()
    // A stream that ended in order goes on at once, in the same state; the server ends each after an hour.
    if (end === 'ended' && failures === 0) {
      failures = 1
      continue
    }
    options.onState('lost')
    await pause(Math.min(pauseMaxMs, pauseMinMs * 2 ** failures) * (0.75 + Math.random() / 2))
    failures = Math.min(failures + 1, 8)
  }
}

type End = 'ended' | 'failed' | 'gone'

async function connect(options: FeedOptions, after: string, reached: (id: string) => void): Promise<End> {
  const attempt = new AbortController()
  const stop = () => attempt.abort()
  options.signal.addEventListener('abort', stop, { once: true })
  let quiet = setTimeout(stop, quietMs)
  try {
    const response = await (options.fetch ?? fetch)(options.url(after), {
      headers: { Accept: 'text/event-stream' },
      signal: attempt.signal,
      cache: 'no-store',
    })
    options.onStatus?.(response.status)
    if (!response.ok || !response.body) {
      return response.status === 410 || response.status === 400 ? 'gone' : 'failed'
    }
    options.onState('live')
    const parser = createParser({
      onEvent: (event) => {
        if (event.event && event.data) options.onEvent(event.event, JSON.parse(event.data))
        if (event.id) reached(event.id)
      },
    })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return 'ended'
      clearTimeout(quiet)
      quiet = setTimeout(stop, quietMs)
      parser.feed(value)
      await options.pace?.()
    }
  } catch {
    return 'failed'
  } finally {
    clearTimeout(quiet)
    options.signal.removeEventListener('abort', stop)
    attempt.abort()
  }
}
