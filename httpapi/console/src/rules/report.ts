// What a backtest found, ready to be shown: both outcomes, figure by figure.
import type { Schemas } from '../api/client'
import { units } from '../lib/format'
import { tagsText } from '../lib/tags'

export type Report = Schemas['BacktestReport']
type Totals = Report['asDecided']
type Item = Report['differences'][number]['candidate'][number]

export interface Figure {
  title: string
  decided: number
  candidate: number
  /** share figures are between 0 and 1, or NaN where there is nothing to share. */
  share?: boolean
  /** verdict tells whether the rule does better by this figure; where it is empty, neither is better. */
  verdict: 'better' | 'worse' | ''
}

/** fillRate is the share of orders that are filled in full, from stock. */
export function fillRate(totals: Totals): number {
  const { filled, partial, refused } = totals.orders
  return filled / (filled + partial + refused)
}

/** figures compares the totals. */
export function figures(report: Report): Figure[] {
  const { asDecided: a, candidate: b } = report
  const figure = (title: string, of: (totals: Totals) => number, wanted: 'more' | 'less' | '' = '', share = false): Figure => {
    const [decided, candidate] = [of(a), of(b)]
    const same = decided === candidate || Number.isNaN(decided) || wanted === ''
    return { title, decided, candidate, share, verdict: same ? '' : candidate > decided === (wanted === 'more') ? 'better' : 'worse' }
  }
  return [
    figure('Fill rate, orders', fillRate, 'more', true),
    figure('Fill rate, units', (t) => t.unitsAllocated / report.unitsAsked, 'more', true),
    figure('Orders filled', (t) => t.orders.filled, 'more'),
    figure('Orders filled in part', (t) => t.orders.partial),
    figure('Orders refused', (t) => t.orders.refused, 'less'),
    figure('Orders split over segments', (t) => t.orders.split),
    figure('Units allocated', (t) => t.unitsAllocated, 'more'),
    figure('Units that wait for stock', (t) => t.unitsPending, 'less'),
    figure('Lines asked of a rule', (t) => t.ruleLines),
    figure('Lines whose rule failed', (t) => t.ruleFailures, 'less'),
    figure('Records divided by a rule', (t) => t.recordsSpread),
  ].filter((f) => f.share || f.decided !== 0 || f.candidate !== 0 || f.title === 'Orders refused')
}

export interface SegmentRow {
  label: string
  decided: number
  candidate: number
  left: { decided: number; candidate: number }
}

/** segmentRows has the segments that orders took units from, the one with the largest change first. */
export function segmentRows(report: Report): SegmentRow[] {
  const rows = report.segments.map(({ tags, asDecided, candidate }) => ({
    label: tagsText(tags),
    decided: asDecided.allocated,
    candidate: candidate.allocated,
    left: { decided: asDecided.stranded, candidate: candidate.stranded },
  }))
  const change = (row: SegmentRow) => Math.abs(row.candidate - row.decided)
  return rows.filter((row) => row.decided > 0 || row.candidate > 0).sort((a, b) => change(b) - change(a))
}

/** Line is one line of an order with its two outcomes. */
export interface Line {
  itemId: string
  goods: string
  requested: number
  decided: string
  candidate: string
  differs: boolean
}

/** linesOf puts the two outcomes of an order beside each other, line by line. */
export function linesOf(difference: Report['differences'][number]): Line[] {
  const ids = [...new Set([...difference.asDecided, ...difference.candidate].map((item) => item.itemId))]
  return ids.map((itemId) => {
    const decided = difference.asDecided.find((item) => item.itemId === itemId)
    const candidate = difference.candidate.find((item) => item.itemId === itemId)
    const one = (candidate ?? decided)!
    const [a, b] = [outcome(decided), outcome(candidate)]
    return {
      itemId, goods: `${one.upc} at ${one.location}, ${tagsText(one.tags)}`, requested: one.requested,
      decided: a, candidate: b, differs: a !== b,
    }
  })
}

/** outcome says what a line got. */
export function outcome(item: Item | undefined): string {
  if (!item) return 'not asked for'
  const from = item.candidates.filter((c) => c.taken > 0).map((c) => `${units(c.taken)} from ${tagsText(c.tags)}`)
  const parts = from.length > 0 ? from : item.taken > 0 ? [`${units(item.taken)} taken`] : []
  if (item.pending > 0) parts.push(`${units(item.pending)} wait for stock`)
  const why = item.reason ? `: ${item.reason}` : item.code ? `: ${item.code}` : ''
  if (parts.length === 0) return `nothing${why}`
  const missing = item.requested - item.taken - item.pending
  return parts.join(', ') + (missing > 0 ? `; ${units(missing)} missing` : '')
}
