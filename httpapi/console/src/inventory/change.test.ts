import { expect, it } from 'vitest'
import { effects, faultOf, inverse, sameSegments, type Change } from './change'
import type { Segment, StockRecord } from './grid'

const rest = { pending: 0, safetyStock: 0, floor: 0, ltd: 0 }
const amazon: Segment = { tags: { Channel: 'Amazon' }, onHand: 20, allocated: 5, available: 15, ...rest }
const ebay: Segment = { tags: { Channel: 'eBay' }, onHand: 8, allocated: 0, available: 8, ...rest }
const record: StockRecord = {
  upc: '1', location: 'A', version: 7, onHand: 28, allocated: 5, available: 23, ...rest, due: false, future: [],
  segments: [amazon, ebay],
}
const change: Change = { kind: 'adjust', from: 0, to: 1, quantity: -3, reason: 'damaged', reference: '' }

it('tells what a change would do', () => {
  expect(effects(record, change)).toEqual([{ tags: amazon.tags, onHand: [20, 17], available: [15, 12] }])
  expect(effects(record, { ...change, kind: 'refresh', quantity: 30 })[0]!.onHand).toEqual([20, 30])
  expect(effects(record, { ...change, kind: 'transfer', quantity: 4 }).map((e) => e.available)).toEqual([[15, 11], [8, 12]])
  expect(effects(record, { ...change, quantity: 1.5 })).toEqual([])
})

it('refuses what the server would', () => {
  expect(faultOf(record, change)).toBe('')
  expect(faultOf(record, { ...change, quantity: -21 })).toContain('20 units')
  expect(faultOf(record, { ...change, quantity: 0 })).not.toBe('')
  expect(faultOf(record, { ...change, quantity: NaN })).toContain('whole number')
  expect(faultOf(record, { ...change, kind: 'refresh', quantity: -1 })).not.toBe('')
  expect(faultOf(record, { ...change, kind: 'transfer', quantity: 16 })).toContain('15 units')
  expect(faultOf(record, { ...change, kind: 'transfer', quantity: 1, to: 0 })).toContain('another segment')
})

it('knows the way back', () => {
  expect(inverse(record, change)).toMatchObject({ kind: 'adjust', from: 0, quantity: 3 })
  expect(inverse(record, { ...change, kind: 'refresh', quantity: 30 })).toMatchObject({ kind: 'adjust', quantity: -10 })
  expect(inverse(record, { ...change, kind: 'transfer', quantity: 4 })).toMatchObject({ from: 1, to: 0, quantity: 4 })
})

it('finds its segments again', () => {
  const moved = { ...record, segments: [ebay, amazon] }
  expect(sameSegments(record, moved, change)).toMatchObject({ from: 1, to: 0 })
  expect(sameSegments(record, { ...record, segments: [ebay] }, change)).toMatchObject({ from: -1, to: 0 })
})
