// An import: the parts of a file go to the server one after the other, first to be looked at, then to be applied.
import { api, ApiError, take, type Schemas } from '../api/client'
import { FileFault, type Format, type Part } from './parts'

type Imported = Schemas['Imported']

export type Action = 'refresh' | 'adjust'

/** Options say how the rows of a file are meant. */
export interface Options {
  action: Action
  /** location is that of rows that name none. */
  location: string
  reason: string
  reference: string
  allOrNothing: boolean
  /** complete says that the file has all that there is at the location. */
  complete: boolean
}

/** BadRow is what is wrong with a row, with its text in the file. */
export interface BadRow {
  line: number
  column: string
  value: string
  code: string
  reason: string
  text: string
}

/** badRowsMax bounds the bad rows that are kept; all of them are counted. */
export const badRowsMax = 100_000

/** Sum is what the parts so far have come to. */
export interface Sum {
  parts: number
  rows: number
  applied: number
  bad: number
  records: number
  units: number
  badRows: BadRow[]
  /** header is that of the file, and columns that of CSV. */
  header: string
}

export type Send = (part: Part, index: number, signal: AbortSignal) => Promise<Imported>

/** sender sends parts to be applied with a key each, or without a key to be looked at. They may belong to a stock count. */
export function sender(o: Options, key?: string, count = ''): Send {
  const query = {
    action: o.action,
    ...(o.location && { location: o.location }),
    ...(o.reason && { reason: o.reason }),
    ...(o.reference && { reference: o.reference }),
    ...(count && { count }),
    ...(key === undefined ? { dryRun: true } : o.allOrNothing && { allOrNothing: true }),
  }
  return (part, index, signal) =>
    take(
      api().POST('/v1/import/stock', {
        params: { query, header: key === undefined ? {} : { 'Idempotency-Key': `${key}/${index}` } },
        headers: { 'Content-Type': part.format === 'csv' ? 'text/csv' : 'application/x-ndjson' },
        body: part.body as unknown as string,
        bodySerializer: (body: unknown) => body as Uint8Array<ArrayBuffer>,
        signal,
      }),
    )
}

/** Run is one way through a file. What ended it may be tried again: it goes on with the part that was not answered. */
export class Run {
  sum: Sum = { parts: 0, rows: 0, applied: 0, bad: 0, records: 0, units: 0, badRows: [], header: '' }
  /** done is true when the whole file has been through. */
  done = false
  private waiting: Part | undefined
  private readonly stopper = new AbortController()
  private stopping = false

  constructor(
    private readonly parts: AsyncGenerator<Part>,
    private readonly send: Send,
    private readonly onPart: (sum: Sum) => void = () => {},
  ) {}

  /** go sends what is left. It ends early when it is stopped, or throws what is in its way. */
  async go(): Promise<void> {
    this.stopping = false
    while (!this.stopping) {
      if (!this.waiting) {
        const next = await this.parts.next()
        if (next.done) {
          this.done = true
          return
        }
        this.waiting = next.value
      }
      const part = this.waiting
      if (this.stopping) return
      try {
        this.add(part, await this.send(part, this.sum.parts, this.stopper.signal))
      } catch (error) {
        // A part that is all or nothing has its bad rows in the problem.
        const told = error instanceof ApiError && error.code === 'bad-rows' ? error.problem?.import : undefined
        if (told) this.add(part, { ...told, applied: 0 })
        else if (error instanceof ApiError && isOfHeader(error)) this.addHeader(part, error)
        throw error
      }
      this.waiting = undefined
    }
  }

  /** stop ends it behind the part that is on its way. */
  stop(): void {
    this.stopping = true
  }

  /** abort ends it at once. What becomes of the part that is on its way is not known. */
  abort(): void {
    this.stopping = true
    this.stopper.abort()
    void this.parts.return(undefined)
  }

  private add(part: Part, told: Imported): void {
    const s = this.sum
    const sorted = [...told.errors].sort((a, b) => a.line - b.line)
    const kept = sorted.slice(0, Math.max(0, badRowsMax - s.badRows.length))
    const texts = part.texts(kept.map((row) => row.line))
    this.sum = {
      parts: s.parts + 1,
      rows: s.rows + told.rows,
      applied: s.applied + told.applied,
      bad: s.bad + told.bad,
      records: s.records + told.records,
      units: s.units + told.units,
      badRows: [...s.badRows, ...kept.map((row, i) => ({ ...row, line: part.lineOf(row.line), text: texts[i]! }))],
      header: s.header || headerOf(part),
    }
    this.onPart(this.sum)
  }

  /** addHeader shows the header beside what is wrong with it. */
  private addHeader(part: Part, error: ApiError): void {
    const text = headerOf(part)
    const { field = '', value = '', code = '', detail = '' } = error.problem!
    const reason = detail.replace(/^line 1(, column "[^"]*")?: /, '')
    this.sum = { ...this.sum, header: text, badRows: [{ line: 1, column: field, value, code, reason, text }] }
    this.onPart(this.sum)
  }
}

function headerOf(part: Part): string {
  return part.format === 'csv' ? part.texts([1])[0]! : ''
}

/** isOfHeader reports whether an error is about the first line of a file. */
export function isOfHeader(error: ApiError): boolean {
  return error.status === 400 && /^line 1\b/.test(error.problem?.detail ?? '')
}

// Keys of imports that have not ended.

const kept = 'apportion-import'
const keptMs = 23 * 3600_000 // the server keeps answers for 24 hours

interface Kept {
  of: string
  key: string
  at: number
}

/** FileName tells one file from another. */
export type FileName = Pick<File, 'name' | 'size' | 'lastModified'>

/**
 * keyFor gives the key of an import. If the same import was begun and did not end, its key: so it goes on, and what was done is
 * not done again.
 */
export function keyFor(file: FileName, o: Options, store: Storage, newKey: () => string, now: number): { key: string; again: boolean } {
  const of = JSON.stringify([file.name, file.size, file.lastModified, o])
  const last = readKept(store)
  if (last?.of === of && now - last.at < keptMs) return { key: last.key, again: true }
  const key = newKey()
  store.setItem(kept, JSON.stringify({ of, key, at: now } satisfies Kept))
  return { key, again: false }
}

/** forgetKey notes that the import has ended. */
export function forgetKey(store: Storage): void {
  store.removeItem(kept)
}

function readKept(store: Storage): Kept | undefined {
  try {
    return JSON.parse(store.getItem(kept) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** formatOf finds the format of a file by its name, and whether it is packed. It throws what is expected otherwise. */
export function formatOf(name: string): { format: Format; packed: boolean } {
  const packed = /\.gz$/i.test(name)
  const end = /\.([a-z]+)(\.gz)?$/i.exec(name)?.[1]?.toLowerCase()
  if (end === 'csv' || end === 'tsv' || end === 'txt') return { format: 'csv', packed }
  if (end === 'ndjson' || end === 'jsonl') return { format: 'ndjson', packed }
  if (end === 'zst') throw new FileFault('A browser cannot unpack .zst: unpack the file first, or use “apportion import”.')
  throw new FileFault('A file whose name ends with .csv, .ndjson, .csv.gz or .ndjson.gz is expected.')
}

/** streamOf reads a file. onRead sees how many of its bytes have been read. */
export function streamOf(file: Blob, packed: boolean, onRead: (bytes: number) => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let read = 0
  const counted = file.stream().pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(piece, out) {
        onRead((read += piece.length))
        out.enqueue(piece)
      },
    }),
  )
  return packed ? counted.pipeThrough(new DecompressionStream('gzip')) : counted
}
