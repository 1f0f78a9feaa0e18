// What the feed page shows, as its URL holds it.
import { eventTypes, type EventType } from '../lib/events'

export const views = { events: 'Events', changes: 'Stock changes', webhooks: 'Webhooks' } as const

export interface Filter {
  view: keyof typeof views
  type: EventType | ''
  /** tag is category:value, as the API takes it. */
  tag: string
  location: string
}

/** readFilter reads the parameters of the page. */
export function readFilter(params: URLSearchParams): Filter {
  const view = params.get('view') ?? ''
  const type = params.get('type') as EventType
  return {
    view: view in views ? (view as Filter['view']) : 'events',
    type: eventTypes.includes(type) ? type : '',
    tag: params.get('tag') ?? '',
    location: params.get('location') ?? '',
  }
}

/** feedPath is the feed that a filter picks, behind a place in it. */
export function feedPath(filter: Filter, after: string): string {
  const params = new URLSearchParams({ after })
  if (filter.view === 'events' && filter.type) params.set('types', filter.type)
  if (filter.tag) params.set('tags', filter.tag)
  if (filter.location) params.set('locations', filter.location.replace(/[\\,:]/g, '\\$&'))
  return `/v1/${filter.view}?${params}`
}
