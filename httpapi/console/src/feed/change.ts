// Changes of records as the feed's page lists them.
import { keyOf, summed, type Figure, type StockRecord } from '../inventory/grid'

/** Change is one that came, with what it did to the figures as far as the page had seen the record before. */
export interface Change {
  id: number
  at: string
  upc: string
  location: string
  /** record is missing where it was deleted. */
  record?: StockRecord
  by: Partial<Record<Figure, number>>
}

const seenMax = 5000

/** Seen remembers the records that came, to compare them with what comes next. */
export class Seen {
  private readonly records = new Map<string, StockRecord>()
  private last = 0

  /** take makes a change of what the feed brings. */
  take(type: string, data: { upc: string; location: string }, at: string): Change {
    const key = keyOf(data)
    const change: Change = { id: ++this.last, at, upc: data.upc, location: data.location, by: {} }
    const before = this.records.get(key)
    this.records.delete(key)
    if (type !== 'record') return change
    const record = data as StockRecord
    this.records.set(key, record)
    if (this.records.size > seenMax) this.records.delete(this.records.keys().next().value!)
    change.record = record
    for (const figure of before ? summed : []) {
      const by = record[figure] - before![figure]
      if (by !== 0) change.by[figure] = by
    }
    return change
  }
}
