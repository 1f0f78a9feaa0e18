// Events in words.
import type { Schemas } from '../api/client'
import { signed, units } from './format'

export type StockEvent = Schemas['Events']['events'][number]
export type EventType = StockEvent['type']

interface Words {
  title: string
  tone?: 'good' | 'warn' | 'bad'
  text: (event: StockEvent) => string
}

const count = (n: number, one: string, many = one + 's') => (n === 1 ? `1 ${one}` : `${units(n)} ${many}`)
const rule = (e: StockEvent) => `rule ${e.name ?? ''}, version ${e.limit}`

const words: Record<EventType, Words> = {
  'stock-changed': { title: 'Stock changed', text: (e) => `On hand ${signed(e.units)}, to ${units(e.limit)}` },
  delivered: { title: 'Delivered', tone: 'good', text: (e) => `${count(e.units, 'unit')} arrived` },
  'sold-out': { title: 'Sold out', tone: 'bad', text: (e) => `Nothing is available any more${e.units < 0 ? `: ${signed(e.units)}` : ''}` },
  'back-in-stock': { title: 'Back in stock', tone: 'good', text: (e) => `${count(e.units, 'unit')} available again` },
  'floor-crossed': {
    title: 'Floor crossed', tone: 'warn',
    text: (e) => `Available fell to ${units(e.units)}, below the floor of ${units(e.limit)}`,
  },
  'below-safety-stock': {
    title: 'Into safety stock', tone: 'bad',
    text: (e) => `More is promised than there is beside the safety stock of ${units(e.limit)}: ${units(e.units)} available`,
  },
  'pending-filled': {
    title: 'Pending filled', tone: 'good',
    text: (e) => `${count(e.units, 'pending unit')} allocated, ${units(e.limit)} still pending`,
  },
  'record-blocked': { title: 'Blocked', tone: 'warn', text: () => 'Skipped where a location is chosen for an order' },
  'record-unblocked': { title: 'Unblocked', tone: 'good', text: () => 'Not skipped any more where a location is chosen' },
  'reservation-expired': { title: 'Reservation ended', text: (e) => `A reservation ended: ${count(e.units, 'unit')} released` },
  'unknown-order-returned': {
    title: 'Unknown order returned', tone: 'warn',
    text: (e) => `${count(e.units, 'unit')} came back from an order that was not known`,
  },
  redistributed: {
    title: 'Redistributed',
    text: (e) => `${count(e.limit, 'record')} split again or marked as due, ${count(e.units, 'unit')} moved`,
  },
  'record-spread': { title: 'Split by a rule', text: (e) => `Split by ${rule(e)}: ${count(e.units, 'unit')} moved` },
  'spread-fell-back': { title: 'Rule fell back', tone: 'warn', text: (e) => `Split by percent, not by rule ${e.name ?? ''}` },
  'spread-kept': { title: 'Split left', tone: 'warn', text: (e) => `Left as it is by rule ${e.name ?? ''}` },
  'count-started': { title: 'Count started', text: (e) => `Stock count ${e.name ?? ''} began` },
  'count-closed': { title: 'Count closed', text: (e) => `Stock count ${e.name ?? ''} is closed` },
  'count-short': {
    title: 'Count fell short', tone: 'bad',
    text: (e) => `Count ${e.name ?? ''} found ${units(e.limit)}, and ${units(e.units)} more have gone since: on hand is 0`,
  },
  'records-deleted': {
    title: 'Records deleted', tone: 'warn',
    text: (e) => `${count(e.limit, 'record or segment', 'records or segments')} deleted, with ${units(e.units)} on hand`,
  },
  'schema-changed': { title: 'Categories changed', text: (e) => `Tag category ${e.name ?? ''} was changed` },
  'rule-put': { title: 'Rule stored', text: (e) => `Stored: ${rule(e)}` },
  'rule-deleted': { title: 'Rule deleted', text: (e) => `Deleted: rule ${e.name ?? ''}` },
  'rule-activated': { title: 'Rule activated', text: (e) => `Active: ${rule(e)}` },
  'rule-deactivated': { title: 'Rule deactivated', text: (e) => `Not active any more: ${rule(e)}` },
  'rule-suspended': {
    title: 'Rule suspended', tone: 'bad',
    text: (e) => `Suspended after ${count(e.units, 'failure')} in a row: ${rule(e)}`,
  },
}

/** eventTypes are all types of events, in the order in which a menu lists them. */
export const eventTypes = Object.keys(words) as EventType[]

// A newer server may know types that this page does not.
const wordsOf = (type: string): Words | undefined => words[type as EventType]

/** eventTitle names a type of events. */
export function eventTitle(type: string): string {
  return wordsOf(type)?.title ?? type
}

/** eventTone reports whether an event is good news, or bad. */
export function eventTone(type: string): 'good' | 'warn' | 'bad' | '' {
  return wordsOf(type)?.tone ?? ''
}

/** eventText says what happened. */
export function eventText(event: StockEvent): string {
  return wordsOf(event.type)?.text(event) ?? `${event.type}: ${units(event.units)}, ${units(event.limit)}`
}
