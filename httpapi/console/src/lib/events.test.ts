import { expect, it } from 'vitest'
import { eventText, eventTitle, eventTone, eventTypes, type StockEvent } from './events'

const event = (type: string, units: number, limit: number, more = {}) =>
  ({ id: 1, type, index: 1, time: '2026-11-28T15:00:00Z', units, limit, ...more }) as StockEvent

it('says what happened', () => {
  expect(eventText(event('stock-changed', -3, 1017))).toBe('On hand −3, to 1,017')
  expect(eventText(event('delivered', 1, 0))).toBe('1 unit arrived')
  expect(eventText(event('rule-suspended', 10, 2, { name: 'borrow' }))).toBe(
    'Suspended after 10 failures in a row: rule borrow, version 2',
  )
  expect(eventTone('sold-out')).toBe('bad')
})

it('has words for all types, and takes those that a newer server knows', () => {
  for (const type of eventTypes) expect(eventText(event(type, 1, 2, { name: 'n' }))).not.toContain('undefined')
  expect(eventTitle('odd')).toBe('odd')
  expect(eventText(event('odd', 1, 2))).toBe('odd: 1, 2')
})
