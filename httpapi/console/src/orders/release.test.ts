import { expect, it } from 'vitest'
import { ApiError, type Schemas } from '../api/client'
import { readFilter } from './filter'
import { picked, release, sampleMax } from './release'

type Page = Schemas['DeallocatedMany']

const filterOf = (text: string) => readFilter(new URLSearchParams(text))

function page(ids: number[], next: string | null, skipped: string[] = []): Page {
  const item = (id: number) => ({
    itemId: '1', upc: 'A', location: 'L', requested: id, expiresAt: null, allocated: id, pending: 1, lines: [],
  })
  return {
    asOf: 1, dryRun: false, next,
    released: ids.map((id) => ({ orderId: String(id), changed: { index: 1 }, items: [item(id)] })),
    skipped: skipped.map((orderId) => ({ orderId, code: 'version-mismatch', detail: '' })),
  }
}

it('asks for what the list shows, where units are held', () => {
  expect(picked(filterOf('state=pending&older=3600&upc=A'))).toEqual({ state: 'pending', olderThanSeconds: 3600, upc: 'A' })
  expect(picked(filterOf(''))).toEqual({ state: 'open' })
  expect(picked(filterOf('state=all'))).toBeUndefined()
  expect(picked(filterOf('state=closed'))).toBeUndefined()
})

it('adds up all pages, and keeps the first orders', async () => {
  const sent: unknown[] = []
  const pages = [page([1, 2, 3], 'c1'), page([], 'c2', ['9']), page([4, 5, 6], null)]
  const sums: number[] = []
  const sum = await release({ state: 'open' }, {
    onPage: (s) => sums.push(s.orders),
    send: async (body) => {
      sent.push([body.dryRun, body.cursor])
      return pages.shift()!
    },
  })
  expect(sent).toEqual([[true, undefined], [true, 'c1'], [true, 'c2']])
  expect(sums).toEqual([3, 3, 6])
  expect(sum).toMatchObject({ orders: 6, allocated: 21, pending: 6, skipped: 1 })
  expect(sum.sample.map((order) => order.orderId)).toEqual(['1', '2', '3', '4', '5'].slice(0, sampleMax))
})

it('says what was done before a failure', async () => {
  const pages = [page([1, 2], 'c1')]
  const send = async () => {
    const next = pages.shift()
    if (!next) throw new ApiError(503, 'busy', 'The server is busy.')
    return next
  }
  await expect(release({ state: 'open' }, { reason: 'stuck', onPage: () => {}, send })).rejects.toThrow('busy. 2 orders were released before.')
})

it('stops when it is told to', async () => {
  const stop = new AbortController()
  const sum = await release({ state: 'open' }, { onPage: () => stop.abort(), signal: stop.signal, send: async () => page([1], 'c1') })
  expect(sum.orders).toBe(1)
})
