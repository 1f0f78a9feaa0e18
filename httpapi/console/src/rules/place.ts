// What the rules page shows, as its URL holds it.

export const parts = { edit: 'Edit', versions: 'Versions', try: 'Try', backtest: 'Backtest' } as const

export interface Place {
  /** rule is empty for the first one of the list. */
  rule: string
  /** fresh shows the form for a new rule. */
  fresh: boolean
  part: keyof typeof parts
  /** before and after are the versions that are compared: numbers, draft for what is in the editor, or empty. */
  before: string
  after: string
  /** upc and location are of the record that a rule is tried on. */
  upc: string
  location: string
  /** run is the backtest that is shown. */
  run: string
}

/** readPlace reads the parameters of the page. */
export function readPlace(params: URLSearchParams): Place {
  const part = params.get('part') ?? ''
  const version = (name: string) => (/^(\d+|draft)$/.test(params.get(name) ?? '') ? params.get(name)! : '')
  return {
    rule: params.get('rule') ?? '',
    fresh: params.get('new') === 'yes',
    part: Object.hasOwn(parts, part) ? (part as Place['part']) : 'edit',
    before: version('before'),
    after: version('after'),
    upc: params.get('upc') ?? '',
    location: params.get('location') ?? '',
    run: params.get('run') ?? '',
  }
}

/** placeParams is what readPlace reads. */
export function placeParams(place: Partial<Place>): Record<string, string> {
  return {
    rule: place.rule ?? '',
    new: place.fresh ? 'yes' : '',
    part: place.part === 'edit' ? '' : (place.part ?? ''),
    before: place.before ?? '',
    after: place.after ?? '',
    upc: place.upc ?? '',
    location: place.location ?? '',
    run: place.run ?? '',
  }
}

/** placeLink is a link to a place of the page. */
export function placeLink(place: Partial<Place>): string {
  const params = Object.entries(placeParams(place)).filter(([, value]) => value)
  return '#/rules' + (params.length > 0 ? '?' + new URLSearchParams(params) : '')
}
