// The release of all that a filter finds: first only told, then done.
import { ApiError, api, take, type Schemas } from '../api/client'
import type { Filter } from './filter'

type Body = Schemas['DeallocateManyBody']
type Page = Schemas['DeallocatedMany']

/** sampleMax bounds the orders that are shown of those that a release finds. */
export const sampleMax = 5

/** Released sums up what a release did, or would do. */
export interface Released {
  orders: number
  allocated: number
  pending: number
  /** skipped counts the orders that had changed since they were found. */
  skipped: number
  sample: Page['released']
}

/** Picked is what a release takes of the page's filter. */
export type Picked = Pick<Body, 'state' | 'upc' | 'location' | 'olderThanSeconds'>

/** picked is what a filter picks for a release; undefined where nothing can be held. */
export function picked(filter: Filter): Picked | undefined {
  if (filter.state === 'closed' || filter.state === 'all') return undefined
  return {
    state: filter.state,
    ...(filter.upc && { upc: filter.upc }),
    ...(filter.location && { location: filter.location }),
    ...(filter.older && { olderThanSeconds: Number(filter.older) }),
  }
}

interface Options {
  /** reason is kept in the histories; without one, the release is only told. */
  reason?: string
  /** onPage sees the sums so far. */
  onPage: (sum: Released) => void
  signal?: AbortSignal
  send?: (body: Body) => Promise<Page>
}

/** release releases what is picked, page after page, until nothing is left or the signal ends. */
export async function release(pick: Picked, { reason, onPage, signal, send = post }: Options): Promise<Released> {
  const body: Body = { ...pick, limit: 1000, ...(reason === undefined ? { dryRun: true } : { dryRun: false, reason }) }
  let sum: Released = { orders: 0, allocated: 0, pending: 0, skipped: 0, sample: [] }
  let cursor = ''
  do {
    let page: Page
    try {
      page = await send({ ...body, ...(cursor && { cursor }) })
    } catch (error) {
      if (body.dryRun || sum.orders === 0 || !(error instanceof ApiError)) throw error
      throw new ApiError(error.status, error.code, `${error.message} ${sum.orders} orders were released before.`)
    }
    sum = add(sum, page)
    onPage(sum)
    cursor = page.next ?? ''
  } while (cursor && !signal?.aborted)
  return sum
}

function post(body: Body): Promise<Page> {
  return take(api().POST('/v1/orders/deallocate', { body }))
}

function add(sum: Released, page: Page): Released {
  const items = page.released.flatMap((order) => order.items)
  return {
    orders: sum.orders + page.released.length,
    allocated: items.reduce((units, item) => units + item.allocated, sum.allocated),
    pending: items.reduce((units, item) => units + item.pending, sum.pending),
    skipped: sum.skipped + page.skipped.length,
    sample: [...sum.sample, ...page.released].slice(0, sampleMax),
  }
}
