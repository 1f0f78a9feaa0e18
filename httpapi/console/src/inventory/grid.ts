// The rows of the inventory page: which records are there, which are open, and what has just changed.
import type { Schemas } from '../api/client'
import { tagsKey } from '../lib/tags'
import type { Filter } from './filter'

export type StockRecord = Schemas['Record']
export type Segment = StockRecord['segments'][number]

/** Figure is a column of figures, which records and segments have. */
export type Figure = 'onHand' | 'available' | 'allocated' | 'pending' | 'safetyStock' | 'floor'

/** summed are the figures of which a record's is the sum of its segments'. */
export const summed: Figure[] = ['onHand', 'available', 'allocated', 'pending', 'safetyStock']

type Figures = Pick<Segment, Figure>

/** markMs is how long a change stays marked. */
export const markMs = 6000

/** Mark is a figure's change. */
export interface Mark {
  by: number
  at: number
}

/** keyOf names a record. */
export function keyOf(record: { upc: string; location: string }): string {
  return `${record.location}\n${record.upc}`
}

/** cellKey names a figure of a record, or of one of its segments. */
export function cellKey(record: string, figure: Figure, segment?: string): string {
  return `${record}\n${figure}\n${segment ?? ''}`
}

/** level reports whether an operator should look: nothing can be sold, or little. */
export function level(figures: Figures): 'out' | 'low' | 'fine' {
  if (figures.available <= 0) return 'out'
  if (figures.available < Math.max(figures.floor, figures.safetyStock)) return 'low'
  return 'fine'
}

/** soldOut are the segments of which nothing is available, though there is something in others. */
export function soldOut(record: StockRecord): Segment[] {
  return level(record) === 'out' ? [] : record.segments.filter((segment) => level(segment) === 'out')
}

/** sums adds up segments. */
export function sums(segments: Segment[]): Record<Figure, number> {
  const total: Record<Figure, number> = { onHand: 0, available: 0, allocated: 0, pending: 0, safetyStock: 0, floor: 0 }
  for (const segment of segments) for (const figure of summed) total[figure] += segment[figure]
  return total
}

/** addsUp reports whether the segments' sums are the record's figures. */
export function addsUp(record: StockRecord): boolean {
  const total = sums(record.segments)
  return summed.every((figure) => total[figure] === record[figure])
}

/** shares are the segments' parts of what is on hand, in percent. */
export function shares(segments: Segment[]): number[] {
  const total = segments.reduce((sum, segment) => sum + Math.max(0, segment.onHand), 0)
  return segments.map((segment) => (total > 0 ? (100 * Math.max(0, segment.onHand)) / total : 0))
}

/** shareText writes a part in percent: what is little is not nothing, and nearly all is not all. */
export function shareText(part: number): string {
  if (part > 0 && part < 1) return '< 1 %'
  if (part > 99 && part < 100) return '> 99 %'
  return `${Math.round(part)} %`
}

const partsMax = 8
const partsSeen = new Map<string, number>()

/** partOf is the colour of a segment: the same tags have the same one in all records. */
export function partOf(tags: string): number {
  let part = partsSeen.get(tags)
  if (part === undefined) partsSeen.set(tags, (part = partsSeen.size % partsMax))
  return part
}

/** Marks are the changes of figures that have just changed, by cell. */
export class Marks extends Map<string, Mark> {
  /** fade drops those that have been seen. It reports whether there were any. */
  fade(now: number): boolean {
    const before = this.size
    for (const [cell, mark] of this) if (now - mark.at >= markMs) this.delete(cell)
    return this.size !== before
  }

  /** compare marks what differs between two states of a record. */
  compare(before: StockRecord, after: StockRecord, now: number): void {
    const key = keyOf(after)
    this.figures(before, after, now, (figure) => cellKey(key, figure))
    const known = new Map(before.segments.map((segment) => [tagsKey(segment.tags), segment]))
    for (const segment of after.segments) {
      const tags = tagsKey(segment.tags)
      const old = known.get(tags)
      if (old) this.figures(old, segment, now, (figure) => cellKey(key, figure, tags))
    }
  }

  private figures(before: Figures, after: Figures, now: number, cell: (figure: Figure) => string): void {
    for (const figure of [...summed, 'floor'] as Figure[]) {
      const by = after[figure] - before[figure]
      if (by !== 0) this.set(cell(figure), { by, at: now })
    }
  }
}

/** Order is how records are listed. */
export type Order = 'location' | 'upc'

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

/** Grid holds what the page has of the list, in its order. */
export class Grid {
  readonly keys: string[] = []
  readonly records = new Map<string, StockRecord>()
  readonly marks = new Marks()
  /** complete is true when the last page has come. */
  complete = false

  private readonly toggled = new Set<string>()
  private allOpen = false

  constructor(
    readonly order: Order,
    /** picks reports whether a record that was not listed belongs into the list. */
    readonly picks: (record: StockRecord) => boolean = () => true,
  ) {}

  get count(): number {
    return this.keys.length
  }

  at(index: number): StockRecord {
    return this.records.get(this.keys[index]!)!
  }

  isOpen(key: string): boolean {
    return this.allOpen !== this.toggled.has(key)
  }

  toggle(key: string): void {
    if (!this.toggled.delete(key)) this.toggled.add(key)
  }

  /** openAll opens or closes all records, also those that come later. */
  openAll(open: boolean): void {
    this.allOpen = open
    this.toggled.clear()
  }

  /** append adds a page. What the feed has told meanwhile is newer. */
  append(page: StockRecord[], last: boolean): void {
    for (const record of page) {
      const key = keyOf(record)
      const known = this.records.get(key)
      if (!known) this.keys.push(key)
      if (!known || record.version > known.version) this.records.set(key, record)
    }
    this.complete = last
  }

  /** update takes in what the feed tells of a record, and marks what is new. It reports whether the rows changed. */
  update(record: StockRecord, now: number): boolean {
    const key = keyOf(record)
    const known = this.records.get(key)
    if (known) {
      this.records.set(key, record)
      this.marks.compare(known, record, now)
      return known.segments.length !== record.segments.length
    }
    if (!this.picks(record)) return false
    const index = this.place(record)
    // Behind what is loaded, a page will bring it.
    if (index === this.keys.length && !this.complete) return false
    this.keys.splice(index, 0, key)
    this.records.set(key, record)
    this.marks.set(cellKey(key, 'onHand'), { by: record.onHand, at: now })
    return true
  }

  /** remove drops a record. It reports whether it was there. */
  remove(key: string): boolean {
    if (!this.records.delete(key)) return false
    this.keys.splice(this.keys.indexOf(key), 1)
    return true
  }

  /** place is where a record belongs. */
  private place(record: StockRecord): number {
    let low = 0
    let high = this.keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.before(this.at(middle), record)) low = middle + 1
      else high = middle
    }
    return low
  }

  private before(a: StockRecord, b: StockRecord): boolean {
    const [first, second] = this.order === 'location' ? (['location', 'upc'] as const) : (['upc', 'location'] as const)
    return a[first] !== b[first] ? a[first] < b[first] : a[second] < b[second]
  }
}
