// Webhooks: their state in words, and the requests.
import { api, newKey, take, type Schemas } from '../api/client'
import { units } from '../lib/format'
import { tagsText } from '../lib/tags'
import { eventTitle } from '../lib/events'

export type Webhook = Schemas['Webhook']
type Body = Schemas['WebhookBody']

/** newSecret makes one in the form of the Standard Webhooks specification. */
export function newSecret(): string {
  return 'whsec_' + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
}

/** stateOf says how a webhook is. */
export function stateOf(webhook: Webhook): { text: string; tone: 'good' | 'warn' | 'bad' | '' } {
  if (webhook.disabled) return { text: webhook.disabledReason ? `stopped: ${webhook.disabledReason}` : 'stopped', tone: '' }
  if (webhook.failures > 0) return { text: `failing, ${units(webhook.failures)} in a row`, tone: 'bad' }
  if (webhook.lag > 0) return { text: `${units(webhook.lag)} behind`, tone: 'warn' }
  return { text: 'up to date', tone: 'good' }
}

/** picksText says which events a webhook gets. */
export function picksText({ types, locations, tags }: Pick<Webhook, 'types' | 'locations' | 'tags'>): string {
  const parts = [
    types.length > 0 ? types.map(eventTitle).join(', ') : 'All events',
    locations.length > 0 ? `at ${locations.join(', ')}` : '',
    Object.keys(tags).length > 0 ? `of ${tagsText(tags)}` : '',
  ]
  return parts.filter(Boolean).join(' ')
}

/** splitNames reads names that are separated by commas. */
export function splitNames(text: string): string[] {
  return text.split(',').map((name) => name.trim()).filter(Boolean)
}

/** again is the definition that a webhook has, to be put with another state. It keeps its secret. */
export function again({ url, types, locations, tags }: Webhook, disabled: boolean): Body {
  return { url, types, locations, tags, disabled }
}

const params = (name: string) => ({ path: { name }, header: { 'Idempotency-Key': newKey() } })

export const put = (name: string, body: Body) => take(api().PUT('/v1/webhooks/{name}', { params: params(name), body }))
export const remove = (name: string) => take(api().DELETE('/v1/webhooks/{name}', { params: params(name) }))
export const test = (name: string) => take(api().POST('/v1/webhooks/{name}/test', { params: { path: { name } } }))
export const replay = (name: string, from: number) =>
  take(api().POST('/v1/webhooks/{name}/replay', { params: { ...params(name), query: { from } } }))
