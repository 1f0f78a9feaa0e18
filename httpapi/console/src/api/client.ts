// The client of our own API. Types come from openapi.yaml, at each build.
import createClient, { type Middleware } from 'openapi-fetch'
import { base, fetchOnce } from './ahead'
import type { components, paths } from './schema'

export { base }

export type Schemas = components['schemas']

/** consoleHeader comes with every write: a page of another site cannot send it. */
export const consoleHeader = 'Apportion-Console'

/** ApiError is a refusal or a failure that the server explained, or that the network is to blame for (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly problem?: Schemas['Problem'],
  ) {
    super(message)
  }

  /** retriable tells that nothing was changed and that the same request may succeed soon. */
  get retriable(): boolean {
    return this.status === 0 || this.status === 503
  }
}

/** problemOf makes an error of what the server answered. */
export function problemOf(status: number, body: unknown): ApiError {
  const problem = body as Schemas['Problem'] | undefined
  if (!problem || typeof problem.code !== 'string') {
    return new ApiError(status, 'unknown', `The server answered ${status}.`)
  }
  const at = problem.field ? ` (${problem.field}${problem.value ? `: ${problem.value}` : ''})` : ''
  return new ApiError(status, problem.code, sentence((problem.detail || problem.title) + at), problem)
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(first) ? first : first + '.'
}

/** unreachable is the error of a request that got no answer. */
export function unreachable(): ApiError {
  return new ApiError(0, 'unreachable', 'The server does not answer.')
}

let onLoggedOut = () => {}

/** whenLoggedOut sets what happens when the server wants a token. */
export function whenLoggedOut(act: () => void): void {
  onLoggedOut = act
}

/** noticeStatus looks at the status of an answer that did not come through api. */
export function noticeStatus(status: number): void {
  if (status === 401) onLoggedOut()
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set(consoleHeader, '1')
    return request
  },
  onResponse({ response }) {
    noticeStatus(response.status)
    return response
  },
}

/** makeClient makes a client for the API at a URL. */
export function makeClient(url: string) {
  const client = createClient<paths>({ baseUrl: url, fetch: fetchOnce })
  client.use(guard)
  return client
}

let made: ReturnType<typeof makeClient> | undefined

/** api is the client of this page. */
export function api() {
  return (made ??= makeClient(base()))
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** take gives the body of an answer, or throws an ApiError. */
export async function take<T>(answer: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>
  try {
    got = await answer
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable()
  }
  if (!got.response.ok || got.data === undefined) throw problemOf(got.response.status, got.error)
  return got.data
}

/** newKey makes an idempotency key, so that a write that is sent again is done once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return 'console-' + Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}
