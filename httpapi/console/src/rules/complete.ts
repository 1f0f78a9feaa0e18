// What the editor offers to complete.
import offered from './offered.json'

export interface Category {
  name: string
  values: string[]
}

export interface Offer {
  label: string
  detail?: string
  kind: 'property' | 'function' | 'keyword' | 'variable' | 'namespace' | 'constant' | 'text'
  /** insert is what comes in place of the label. */
  insert?: string
}

export interface Offers {
  /** from is where the word begins that is completed. */
  from: number
  offers: Offer[]
}

/** identifier is a name that Lua takes without quotes, but for its keywords. */
export const identifier = /^[A-Za-z_]\w*$/

const keywords =
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(' ')

const fieldsOf = (fields: Record<string, string>): Offer[] =>
  Object.entries(fields).map(([label, detail]) => ({ label, detail, kind: 'property' }))

const hooks: Offer[] = [
  { label: 'select', detail: 'hook: segments that fill an item', kind: 'function', insert: 'select(item, record)' },
  {
    label: 'redistribute', detail: 'hook: divides available units', kind: 'function', insert: 'redistribute(record, schema)',
  },
]

const words: Offer[] = [
  { label: 'item', detail: 'the order item', kind: 'variable' },
  { label: 'record', detail: 'the stock that the rule sees', kind: 'variable' },
  { label: 'schema', detail: 'the tag categories', kind: 'variable' },
  { label: 'tests', detail: 'the self-tests of the source', kind: 'variable' },
  ...(
    [
      ['tags', 'the segment of a candidate'], ['keep', 'units that stay available'], ['max', 'units taken at most'],
      ['weights', 'shares by segment'], ['weight', 'a share'], ['units', 'units by segment'], ['across', 'categories'],
    ] as const
  ).map(([label, detail]): Offer => ({ label, detail, kind: 'property' })),
  ...offered.globals.map((label): Offer => ({ label, kind: 'function' })),
  ...Object.keys(offered.libraries).map((label): Offer => ({ label, kind: 'namespace' })),
  ...keywords.map((label): Offer => ({ label, kind: 'keyword' })),
]

/** offersAt gives what fits behind a text: the source up to the cursor. asked tells that the author wants a list now. */
export function offersAt(before: string, categories: Category[], asked = false): Offers | null {
  const line = before.slice(before.lastIndexOf('\n') + 1)
  if (/^[^"']*--/.test(line)) return null

  const text = /(\w+)\s*(?:[=~]=|=)\s*(["'])([^"']*)$/.exec(line)
  if (text) return valuesOf(text[1]!, text[3]!, before.length, categories)
  if ((line.match(/"/g)?.length ?? 0) % 2 === 1) return null

  const member = /(\w+)\s*\.\s*(\w*)$/.exec(line)
  if (member) {
    const offers = membersOf(member[1]!, before, categories)
    return offers.length > 0 ? { from: before.length - member[2]!.length, offers } : null
  }
  const word = /\w*$/.exec(line)![0]
  if ((word === '' && !asked) || /^\d/.test(word)) return null
  const from = before.length - word.length
  if (/\bfunction\s+\w*$/.test(line)) return { from, offers: hooks }
  const inTags = /\btags\s*=\s*\{[^{}]*$/.test(before)
  return { from, offers: inTags ? categoriesOf(categories) : words }
}

function valuesOf(category: string, typed: string, end: number, categories: Category[]): Offers | null {
  const found = categories.find((c) => c.name === category)
  if (!found) return null
  return {
    from: end - typed.length,
    offers: found.values.map((label) => ({ label, detail: category, kind: 'text' })),
  }
}

function categoriesOf(categories: Category[]): Offer[] {
  const named = categories.filter((c) => identifier.test(c.name) && !keywords.includes(c.name))
  return named.map((c) => ({ label: c.name, detail: c.values.join(', '), kind: 'property' }))
}

/** membersOf is what a dot behind a name gives. */
function membersOf(name: string, before: string, categories: Category[]): Offer[] {
  switch (name) {
    case 'item':
      return fieldsOf(offered.item)
    case 'record':
      return fieldsOf(offered.record)
    case 'schema':
      return [{ label: 'categories', detail: 'list of tag categories', kind: 'property' }]
    case 'tags':
      return categoriesOf(categories)
  }
  const library = (offered.libraries as Record<string, string[]>)[name]
  if (library) return library.map((label) => ({ label, kind: /^(huge|pi)$/.test(label) ? 'constant' : 'function' }))
  return name === 'segment' || namesSegment(name, before) ? fieldsOf(offered.segment) : []
}

/** namesSegment reports whether the source goes over the record's segments by this name. */
function namesSegment(name: string, source: string): boolean {
  return [...source.matchAll(/,\s*(\w+)\s+in\s+ipairs\s*\(\s*record\.segments/g)].some((loop) => loop[1] === name)
}
