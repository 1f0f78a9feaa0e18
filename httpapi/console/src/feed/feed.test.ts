import { expect, it } from 'vitest'
import type { StockRecord } from '../inventory/grid'
import { Seen } from './change'
import { feedPath, readFilter } from './filter'
import { Recent } from './recent'
import { newSecret, picksText, splitNames, stateOf, type Webhook } from './webhook'

const filter = (text: string) => readFilter(new URLSearchParams(text))

it('asks for what the URL holds', () => {
  expect(feedPath(filter(''), '7')).toBe('/v1/events?after=7')
  expect(feedPath(filter('type=sold-out&tag=Channel%3AeBay&location=A%2CB'), '7')).toBe(
    '/v1/events?after=7&types=sold-out&tags=Channel%3AeBay&locations=A%5C%2CB',
  )
  expect(feedPath(filter('view=changes&type=sold-out'), 'now')).toBe('/v1/changes?after=now')
  expect(filter('view=odd&type=odd')).toMatchObject({ view: 'events', type: '' })
})

it('keeps the newest, and holds back what comes in a pause', () => {
  const recent = new Recent<number>(3)
  for (const n of [1, 2, 3, 4]) recent.add(n)
  expect(recent.shown).toEqual([4, 3, 2])
  recent.pause()
  for (const n of [5, 6]) recent.add(n)
  expect([recent.shown, recent.waits]).toEqual([[4, 3, 2], 2])
  recent.goOn()
  expect([recent.shown, recent.waits]).toEqual([[6, 5, 4], 0])
})

it('says what a change did to a record that it had seen', () => {
  const seen = new Seen()
  const record = (onHand: number) =>
    ({ upc: 'A', location: 'L', onHand, available: onHand, allocated: 0, pending: 0, safetyStock: 0 }) as StockRecord
  expect(seen.take('record', record(5), 't').by).toEqual({})
  expect(seen.take('record', record(3), 't').by).toEqual({ onHand: -2, available: -2 })
  expect(seen.take('deleted', { upc: 'A', location: 'L' }, 't')).toEqual({ id: 3, at: 't', upc: 'A', location: 'L', by: {} })
  expect(seen.take('record', record(9), 't').by).toEqual({})
})

const webhook = (more: Partial<Webhook>): Webhook => ({
  name: 'w', url: 'https://x.example', types: [], locations: [], tags: {}, disabled: false, position: 5, lag: 0, sent: 0, missed: 0,
  failures: 0, ...more,
})

it('says how a webhook is, and what it gets', () => {
  expect(stateOf(webhook({})).text).toBe('up to date')
  expect(stateOf(webhook({ lag: 3 }))).toEqual({ text: '3 behind', tone: 'warn' })
  expect(stateOf(webhook({ lag: 3, failures: 2 })).tone).toBe('bad')
  expect(stateOf(webhook({ disabled: true, failures: 2 })).text).toBe('stopped')
  expect(picksText(webhook({}))).toBe('All events')
  expect(picksText(webhook({ types: ['sold-out'], locations: ['A', 'B'], tags: { Channel: 'eBay' } }))).toBe('Sold out at A, B of eBay')
  expect(splitNames(' A, ,B ')).toEqual(['A', 'B'])
})

it('makes secrets of 32 bytes', () => {
  expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(newSecret()).not.toBe(newSecret())
})
