// What the inventory page shows, as its URL holds it.
import { tagParam } from '../lib/tags'
import { level, type Order, type StockRecord } from './grid'

export const states = {
  '': 'All records',
  'sold-out': 'Sold out',
  'below-floor': 'Below floor',
  'below-safety': 'Into safety stock',
  negative: 'Negative in a segment',
  due: 'Due to redistribute',
  blocked: 'Blocked',
} as const

export type State = keyof typeof states

export interface Filter {
  search: string
  location: string
  /** tag is category:value, as the API takes it. */
  tag: string
  state: State
}

/** readFilter reads the parameters of the page. */
export function readFilter(params: URLSearchParams): Filter {
  const state = params.get('state') ?? ''
  return {
    search: params.get('search') ?? '',
    location: params.get('location') ?? '',
    tag: params.get('tag') ?? '',
    state: Object.hasOwn(states, state) ? (state as State) : '',
  }
}

/** orderOf is the order in which the server lists what a filter picks. */
export function orderOf(filter: Filter): Order {
  return filter.search ? 'upc' : 'location'
}

/** picks makes a test for records that appear while the page is open. */
export function picks(filter: Filter): (record: StockRecord) => boolean {
  return (record) =>
    record.upc.includes(filter.search) &&
    (!filter.location || record.location === filter.location) &&
    (!filter.tag || record.segments.length > 0) &&
    (!filter.state ||
      (filter.state === 'sold-out' && level(record) === 'out') ||
      (filter.state === 'blocked' && record.blocked === true))
}

/** feedQuery restricts the feed to what the filter can show. */
export function feedQuery(filter: Filter, after: string): string {
  const params = new URLSearchParams({ after })
  if (filter.location) params.set('locations', filter.location.replace(/[\\,:]/g, '\\$&'))
  if (filter.tag) params.set('tags', filter.tag)
  return params.toString()
}

export { tagParam }
