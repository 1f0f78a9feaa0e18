// One order as its page shows it: sums, what is found in it, and the words for why.
import type { Schemas } from '../api/client'
import { units } from '../lib/format'
import { tagsKey, tagsText, type Tags } from '../lib/tags'

export type Item = Schemas['Order']['items'][number]
type Line = Item['lines'][number]
type Candidate = Schemas['Explanation']['items'][number]['candidates'][number]

/** figures are the columns of an order's lines; later ones are shown only where the order has them. */
export const figures = {
  allocated: 'Allocated',
  pending: 'Pending',
  fulfilled: 'Shipped',
  returned: 'Returned',
  released: 'Released',
} as const
export type Figure = keyof typeof figures

/** figuresOf are the columns that say something about these items. */
export function figuresOf(items: Item[]): Figure[] {
  const has = (figure: Figure) => items.some((item) => item.lines.some((line) => line[figure] > 0))
  return (Object.keys(figures) as Figure[]).filter((figure) => figure === 'allocated' || figure === 'pending' || has(figure))
}

/** heldBy is what items hold. */
export function heldBy(items: Item[]): number {
  return items.reduce((sum, item) => item.lines.reduce((sum, line) => sum + line.allocated + line.pending, sum), 0)
}

/** lastChange is when the order last changed, if its history says so. */
export function lastChange(items: Item[]): string | undefined {
  const times = items.flatMap((item) => item.history.map((move) => move.time))
  return times.reduce<string | undefined>((last, time) => (last === undefined || Date.parse(time) > Date.parse(last) ? time : last), undefined)
}

/** Place sums up the lines of an order in one segment at one location. */
export interface Place extends Line {
  location: string
  items: number
}

/** placesOf adds lines up by location and segment, in the order in which they come. */
export function placesOf(items: Item[]): Place[] {
  const places = new Map<string, Place>()
  for (const item of items) {
    for (const line of item.lines) {
      const key = `${item.location}\u0000${tagsKey(line.tags)}`
      const at = places.get(key)
      if (!at) {
        places.set(key, { ...line, location: item.location, items: 1 })
        continue
      }
      at.items++
      for (const figure of Object.keys(figures) as Figure[]) at[figure] += line[figure]
    }
  }
  return [...places.values()].sort((a, b) => (a.location < b.location ? -1 : a.location > b.location ? 1 : 0))
}

/** found are the items whose id, UPC, location or segments contain a text. */
export function found(items: Item[], text: string): Item[] {
  const part = text.trim().toLowerCase()
  if (!part) return items
  return items.filter((item) =>
    [item.itemId, item.upc, item.location, ...item.lines.map((line) => tagsText(line.tags))].some((name) => name.toLowerCase().includes(part)),
  )
}

/** inOrderOf has the categories of tags in the order of others, so that the same segment reads the same. */
export function inOrderOf(like: Tags | undefined, tags: Tags): Tags {
  const known = Object.keys(like ?? {}).filter((category) => category in tags)
  const more = Object.keys(tags).filter((category) => !known.includes(category))
  return Object.fromEntries([...known, ...more].map((category) => [category, tags[category]!]))
}

/** because says why a candidate gave what it gave. */
export function because(candidate: Candidate): string {
  switch (candidate.why) {
    case 'taken':
      return 'taken'
    case 'unknown-tag':
      return 'no such tag any more'
    case 'unknown-segment':
      return 'no such segment'
    case 'nothing-available':
      return 'nothing available'
    case 'kept':
      return candidate.keep ? `the rule keeps ${units(candidate.keep)}` : 'kept back by the rule'
    case 'full':
      return candidate.max && candidate.taken >= candidate.max ? `at its maximum of ${units(candidate.max)}` : 'not needed'
  }
}
