// What the orders page shows, as its URL holds it.

export const states = {
  open: 'Holding units',
  pending: 'Waiting for stock',
  reserved: 'Reservations',
  closed: 'Closed',
  all: 'All',
} as const

export const ages = {
  '': 'Any age',
  '3600': 'More than an hour',
  '86400': 'More than a day',
  '604800': 'More than a week',
} as const

export interface Filter {
  state: keyof typeof states
  upc: string
  location: string
  older: keyof typeof ages
  /** order is the one that is shown in full. */
  order: string
}

/** readFilter reads the parameters of the page. */
export function readFilter(params: URLSearchParams): Filter {
  const state = params.get('state') ?? ''
  const older = params.get('older') ?? ''
  return {
    state: Object.hasOwn(states, state) ? (state as Filter['state']) : 'open',
    upc: params.get('upc') ?? '',
    location: params.get('location') ?? '',
    older: Object.hasOwn(ages, older) ? (older as Filter['older']) : '',
    order: params.get('order') ?? '',
  }
}

/** listQuery asks the API for the orders that a filter picks. */
export function listQuery(filter: Filter, cursor: string) {
  return {
    state: filter.state,
    limit: 100,
    ...(filter.upc && { upc: filter.upc }),
    ...(filter.location && { location: filter.location }),
    ...(filter.older && { olderThanSeconds: Number(filter.older) }),
    ...(cursor && { cursor }),
  }
}
