// Requests that are sent before the rest of the page is there: the page then finds its answer on the way.

/** base is where the API is: beside the directory that the console is in. */
export function base(): string {
  return new URL('..', document.baseURI).href.replace(/\/$/, '')
}

/** sessionPath is where the server tells who uses the page. */
export const sessionPath = '/console/session'

const asked = new Map<string, Promise<Response | undefined>>()

/** keyOf is the same for the same address, however its query is written. */
function keyOf(url: string): string {
  const { pathname, searchParams } = new URL(url)
  searchParams.sort()
  return `${pathname}?${searchParams}`
}

/** ask sends requests for paths of the API. */
export function ask(...paths: string[]): void {
  for (const path of paths) {
    const answer = fetch(base() + path)
    // The body is read at once too: later the page has no time for it.
    const whole = answer.then(async (got) => new Response(await got.arrayBuffer(), got))
    asked.set(keyOf(base() + path), whole.catch(() => undefined))
  }
}

/** fetchOnce is fetch, but takes an answer that was asked for ahead. It takes each once, and none that is a refusal. */
export async function fetchOnce(request: Request): Promise<Response> {
  const key = keyOf(request.url)
  const answer = request.method === 'GET' ? await asked.get(key) : undefined
  asked.delete(key)
  request.signal.throwIfAborted()
  return answer?.ok ? answer : fetch(request)
}
