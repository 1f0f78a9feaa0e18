// Changes of stock by hand: what they would do, the request, and the way back.
import { api, newKey, take } from '../api/client'
import type { Tags } from '../lib/tags'
import { counted } from '../lib/format'
import { tagsKey } from '../lib/tags'
import type { Segment, StockRecord } from './grid'

export type Kind = 'adjust' | 'refresh' | 'transfer'

export const reasons = ['correction', 'count', 'received', 'damaged', 'shrinkage'] as const

/** blockReasons are offered for a block. */
export const blockReasons = ['damaged', 'recall', 'inspection', 'counting'] as const

/** Why says why stock is changed or blocked. Either may be empty. */
export interface Why {
  reason: string
  reference: string
}

export interface Change extends Why {
  kind: Kind
  /** from is the index of the segment that changes, or that the units are taken from. */
  from: number
  to: number
  quantity: number
}

/** Effect is what a segment has before and after a change. */
export interface Effect {
  tags: Tags
  onHand: [number, number]
  available: [number, number]
}

/** effects are those of a change, as far as the figures of the record are still true. */
export function effects(record: StockRecord, change: Change): Effect[] {
  const from = record.segments[change.from]
  const to = record.segments[change.to]
  if (!from || !Number.isInteger(change.quantity)) return []
  switch (change.kind) {
    case 'adjust':
      return [effect(from, change.quantity)]
    case 'refresh':
      return [effect(from, change.quantity - from.onHand)]
    case 'transfer':
      return to && to !== from ? [effect(from, -change.quantity), effect(to, change.quantity)] : []
  }
}

function effect(segment: Segment, by: number): Effect {
  return {
    tags: segment.tags,
    onHand: [segment.onHand, segment.onHand + by],
    available: [segment.available, segment.available + by],
  }
}

/** faultOf says why a change cannot be made, or nothing. */
export function faultOf(record: StockRecord, change: Change): string {
  const from = record.segments[change.from]
  if (!from) return 'Choose a segment.'
  if (!Number.isInteger(change.quantity)) return 'A whole number of units is expected.'
  switch (change.kind) {
    case 'adjust':
      if (change.quantity === 0) return 'Say by how many units: a minus takes some away.'
      if (from.onHand + change.quantity < 0) return `Only ${are(from.onHand)} on hand.`
      return ''
    case 'refresh':
      return change.quantity < 0 ? 'On hand cannot be less than nothing.' : ''
    case 'transfer':
      if (!record.segments[change.to] || change.to === change.from) return 'Choose another segment to move units to.'
      if (change.quantity <= 0) return 'Say how many units to move.'
      if (change.quantity > from.available) return `Only ${are(Math.max(0, from.available))} available to move.`
      return ''
  }
}

function are(quantity: number): string {
  return `${counted(quantity, 'unit')} ${quantity === 1 ? 'is' : 'are'}`
}

/** inverse is the change that takes one back. A refresh is taken back by what it changed, so that sales since stay. */
export function inverse(record: StockRecord, change: Change): Change {
  const reason = 'correction'
  switch (change.kind) {
    case 'adjust':
      return { ...change, quantity: -change.quantity, reason }
    case 'refresh': {
      const by = change.quantity - record.segments[change.from]!.onHand
      return { ...change, kind: 'adjust', quantity: -by, reason }
    }
    case 'transfer':
      return { ...change, from: change.to, to: change.from, reason }
  }
}

/** apply sends a change. With guarded it is for the record as it is shown, and is refused if that has changed. */
export async function apply(record: StockRecord, change: Change, guarded: boolean): Promise<void> {
  const headers = { 'Idempotency-Key': newKey() }
  const why = given(change)
  const { upc, location } = record
  const version = guarded ? { ifVersion: record.version } : {}
  const from = record.segments[change.from]!
  if (change.kind === 'transfer') {
    const to = record.segments[change.to]!
    const item = { upc, quantity: change.quantity, from: { location, tags: from.tags }, to: { location, tags: to.tags }, ...version }
    await take(api().POST('/v1/inventory/transfer', { params: { header: headers }, body: { items: [item], ...why } }))
    return
  }
  const body = { location, items: [{ upc, tags: from.tags, quantity: change.quantity, ...version }], ...why }
  const params = { header: headers }
  if (change.kind === 'adjust') await take(api().POST('/v1/inventory/adjust', { params, body }))
  else await take(api().POST('/v1/inventory/refresh', { params, body }))
}

/** block marks a record as blocked, or clears the mark. */
export async function block(record: StockRecord, blocked: boolean, why: Why): Promise<void> {
  const params = { header: { 'Idempotency-Key': newKey() } }
  const body = { location: record.location, items: [{ upc: record.upc, blocked }], ...given(why) }
  await take(api().POST('/v1/inventory/block', { params, body }))
}

/** given leaves out what is empty. */
function given({ reason, reference }: Why): Partial<Why> {
  return { ...(reason && { reason }), ...(reference && { reference }) }
}

/** sameSegments gives a change its places in a record whose segments may have moved. */
export function sameSegments(before: StockRecord, after: StockRecord, change: Change): Change {
  const find = (index: number) => {
    const tags = before.segments[index]?.tags
    return tags ? after.segments.findIndex((segment) => tagsKey(segment.tags) === tagsKey(tags)) : -1
  }
  return { ...change, from: find(change.from), to: find(change.to) }
}
