// A complete file: its rows are counted in a stock count, and what they do not name is set to zero when that closes.
import { api, newKey, take, type Schemas } from '../api/client'

export type Unnamed = Schemas['Unnamed']

/** openCount gives the name of the stock count that is open at a location, and opens one if there is none. */
export async function openCount(location: string): Promise<string> {
  const { counts } = await take(api().GET('/v1/counts', { params: { query: { location } } }))
  if (counts[0]) return counts[0].count
  const params = { path: { location }, header: { 'Idempotency-Key': newKey() } }
  return (await take(api().POST('/v1/counts/{location}/start', { params, body: { count: 'import' } }))).count
}

/** How a count is closed: as it is, with what it has not named set to zero, or not at all, to list only what that would be. */
export type How = 'as-it-is' | 'complete' | 'list'

/** closeCount closes a count. It returns what the count has not named, if that is set to zero or listed. */
export async function closeCount(location: string, count: string, how: How): Promise<Unnamed | undefined> {
  const params = { path: { location }, header: how === 'list' ? {} : { 'Idempotency-Key': newKey() } }
  const body = { count, complete: how !== 'as-it-is', dryRun: how === 'list' }
  return (await take(api().POST('/v1/counts/{location}/close', { params, body }))).unnamed
}
