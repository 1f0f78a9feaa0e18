// A record's events as a chart: what was added and taken away, and where a limit was crossed.
import type { StockEvent } from '../lib/events'

/** Points are the series of the chart, by time in seconds. */
export interface Points {
  times: number[]
  added: (number | null)[]
  taken: (number | null)[]
  /** available is what a segment had available when it crossed a limit. */
  available: (number | null)[]
}

const crossings = new Set(['floor-crossed', 'sold-out', 'back-in-stock', 'below-safety-stock'])

/** points makes the series of events, which come the newest first. Those of one moment are added up. */
export function points(events: StockEvent[]): Points {
  const all: Points = { times: [], added: [], taken: [], available: [] }
  for (const event of [...events].reverse()) {
    const by = event.type === 'stock-changed' || event.type === 'delivered' ? event.units : 0
    const crossed = crossings.has(event.type)
    if (by === 0 && !crossed) continue
    const at = new Date(event.time).getTime() / 1000
    if (all.times.at(-1) !== at) {
      all.times.push(at)
      for (const series of [all.added, all.taken, all.available]) series.push(null)
    }
    const last = all.times.length - 1
    if (by > 0) all.added[last] = (all.added[last] ?? 0) + by
    if (by < 0) all.taken[last] = (all.taken[last] ?? 0) + by
    if (crossed) all.available[last] = event.units
  }
  return all
}
