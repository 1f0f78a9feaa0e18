// What the inventory page shows, as its URL holds it. It is among the first that is loaded, and imports nothing.

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

/** feedQuery restricts the feed to what the filter can show. */
export function feedQuery(filter: Filter, after: string): string {
  const params = new URLSearchParams({ after })
  if (filter.location) params.set('locations', filter.location.replace(/[\\,:]/g, '\\$&'))
  if (filter.tag) params.set('tags', filter.tag)
  return params.toString()
}

/** listQuery picks what the filter shows, in a list or in a file. */
export function listQuery(filter: Filter) {
  return {
    ...(filter.search && { search: filter.search }),
    ...(filter.location && { location: filter.location }),
    ...(filter.tag && { tags: filter.tag }),
    ...(filter.state && { state: filter.state }),
  }
}

/** firstRecords is how many records are asked for first: more than a screen has, and soon there. */
export const firstRecords = 60

/** firstPaths are what the page asks for to begin with: where the feed stands, and the list. */
export function firstPaths(filter: Filter): string[] {
  const query = new URLSearchParams({ limit: String(firstRecords), ...listQuery(filter) })
  return [`/v1/changes?${feedQuery(filter, 'now')}`, `/v1/inventory?${query}`]
}
