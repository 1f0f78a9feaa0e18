// Who uses the page: nobody in particular on an open server, or a token's name. Roles of tokens will come with the session.
import { base, fetchOnce, sessionPath } from './ahead'
import { consoleHeader, problemOf, unreachable } from './client'

interface Session {
  tokenNeeded: boolean
  name: string
}

/** session is what the server said last. known is false until it has said something. */
export const session = $state({ known: false, tokenNeeded: false, name: '' })

async function ask(method: string, body?: object): Promise<void> {
  const headers: Record<string, string> = { [consoleHeader]: '1' }
  if (body) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetchOnce(new Request(base() + sessionPath, { method, headers, body: body && JSON.stringify(body) }))
  } catch {
    throw unreachable()
  }
  const answer = await response.json().catch(() => undefined)
  if (!response.ok) throw problemOf(response.status, answer)
  Object.assign(session, answer as Session, { known: true })
}

export const readSession = () => ask('GET')
export const logIn = (token: string) => ask('POST', { token })
export const logOut = () => ask('DELETE')

/** loggedOut notes that the server refused a request for want of a token. */
export function loggedOut(): void {
  Object.assign(session, { known: true, tokenNeeded: true, name: '' })
}
