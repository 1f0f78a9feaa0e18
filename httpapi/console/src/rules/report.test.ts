import { expect, it } from 'vitest'
import { figures, linesOf, outcome, segmentRows, type Report } from './report'

const totals = (filled: number, refused: number, unitsAllocated: number, ruleFailures = 0) => ({
  orders: { filled, partial: 0, refused, split: 0 }, lines: { filled, partial: 0, refused, split: 0 },
  unitsAllocated, unitsPending: 0, ruleLines: 4, ruleFailures, recordsSpread: 0, unitsSpread: 0,
})
const seen = { onHand: 9, keep: 0, max: 0 }
const item = (taken: number, candidates: Report['differences'][number]['candidate'][number]['candidates'], more = {}) => ({
  itemId: '1', upc: 'U', location: 'W', tags: { Channel: 'Web' }, requested: 9, taken, pending: 0, path: 'rule' as const,
  index: 7, time: '2026-11-29T10:00:00Z', candidates, ...more,
})
const refused = item(0, [{ ...seen, tags: { Channel: 'Web' }, available: 0, taken: 0, why: 'nothing-available' }], { code: 'insufficient' })
const borrowed = item(7, [
  { ...seen, tags: { Channel: 'Web' }, available: 2, taken: 2, why: 'taken' },
  { ...seen, tags: { Channel: 'eBay' }, available: 5, taken: 5, why: 'taken' },
])
const difference = { orderId: 'o', index: 7, time: '2026-11-29T10:00:00Z', asDecided: [refused], candidate: [borrowed] }
const report = {
  unitsAsked: 40, asDecided: totals(3, 1, 20), candidate: totals(4, 0, 27, 2),
  segments: [
    { tags: { Channel: 'Idle' }, asDecided: { allocated: 0, stranded: 4 }, candidate: { allocated: 0, stranded: 4 } },
    { tags: { Channel: 'Web' }, asDecided: { allocated: 20, stranded: 0 }, candidate: { allocated: 22, stranded: 0 } },
    { tags: { Channel: 'eBay' }, asDecided: { allocated: 0, stranded: 9 }, candidate: { allocated: 5, stranded: 4 } },
  ],
} as unknown as Report

it('says by which figures the rule does better', () => {
  const of = (title: string) => figures(report).find((f) => f.title === title)
  expect(of('Fill rate, orders')).toMatchObject({ decided: 0.75, candidate: 1, verdict: 'better' })
  expect(of('Orders refused')).toMatchObject({ decided: 1, candidate: 0, verdict: 'better' })
  expect(of('Lines whose rule failed')).toMatchObject({ verdict: 'worse' })
  expect(of('Lines asked of a rule')).toMatchObject({ verdict: '' })
  expect(of('Records divided by a rule')).toBeUndefined()
})

it('says nothing of a period without orders', () => {
  const empty = { ...report, unitsAsked: 0, asDecided: totals(0, 0, 0), candidate: totals(0, 0, 0) }
  expect(figures(empty)[0]).toMatchObject({ decided: NaN, verdict: '' })
})

it('puts the segment with the largest change first, and leaves those out that nobody took from', () => {
  expect(segmentRows(report).map((row) => row.label)).toEqual(['eBay', 'Web'])
})

it('says what each line got', () => {
  expect(outcome(refused)).toBe('nothing: insufficient')
  expect(outcome(borrowed)).toBe('2 from Web, 5 from eBay; 2 missing')
  expect(outcome(item(0, [], { pending: 9 }))).toBe('9 wait for stock')
  expect(outcome(undefined)).toBe('not asked for')
  expect(linesOf(difference)).toMatchObject([{ itemId: '1', differs: true }])
  expect(linesOf({ ...difference, candidate: [refused] })).toMatchObject([{ differs: false }])
})
