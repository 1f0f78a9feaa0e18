// What the page shows, whole, as a file that the server makes as of one moment.
import { api, take, unreachable } from '../api/client'
import { listQuery, type Filter } from './filter'

/** exportName names the file after the filter and the day. */
export function exportName(filter: Filter, now: Date): string {
  const tag = filter.tag.replace(/\\(.)/g, '$1')
  const two = (n: number) => String(n).padStart(2, '0')
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-')
  const words = ['stock', filter.location, tag, filter.state, filter.search, day].filter(Boolean)
  return words.map((word) => word.replace(/[^\p{L}\p{N}._]+/gu, '-').replace(/^-|-$/g, '')).join('-') + '.csv'
}

/** exportStock reads the file. onBytes sees how much of it has come. */
export async function exportStock(filter: Filter, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>[]> {
  const params = { path: { content: 'stock' as const }, query: listQuery(filter) }
  const body = (await take(api().GET('/v1/export/{content}', { params, signal, parseAs: 'stream' }))) as ReadableStream<Uint8Array<ArrayBuffer>>
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  const reader = body.getReader()
  for (;;) {
    // A file without its end is an error too.
    const { done, value } = await reader.read().catch((error) => {
      throw signal.aborted ? error : unreachable()
    })
    if (done) return pieces
    pieces.push(value)
    onBytes((bytes += value.length))
  }
}
