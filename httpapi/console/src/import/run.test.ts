import { expect, it } from 'vitest'
import { unreachable, problemOf } from '../api/client'
import { FileFault, partsOf, partRowsMax, type Part } from './parts'
import { forgetKey, formatOf, keyFor, Run, streamOf, type Options } from './run'

const options: Options = { action: 'refresh', location: 'L', reason: '', reference: '', allOrNothing: false, complete: false }
const answer = { asOf: 1, dryRun: false, rows: 0, applied: 0, bad: 0, records: 0, units: 0, errors: [] }

function file(rows: number) {
  return partsOf(new Blob(['upc,quantity\n', '1,2\n'.repeat(rows)]).stream(), 'csv')
}

it('adds up parts, and shows bad rows with their lines', async () => {
  const errors = [
    { line: 3, column: 'upc', value: '1', code: 'duplicate', reason: 'later' },
    { line: 2, column: 'quantity', value: '2', code: 'x', reason: 'first' },
  ]
  const run = new Run(file(partRowsMax + 2), async (part) => ({ ...answer, rows: part.rowCount, bad: 2, applied: part.rowCount - 2, units: 5, errors }))
  await run.go()
  expect(run.done).toBe(true)
  expect(run.sum).toMatchObject({ parts: 2, rows: partRowsMax + 2, applied: partRowsMax - 2, bad: 4, units: 10, header: 'upc,quantity' })
  expect(run.sum.badRows.map((row) => [row.line, row.reason, row.text])).toEqual([
    [2, 'first', '1,2'], [3, 'later', '1,2'], [partRowsMax + 2, 'first', '1,2'], [partRowsMax + 3, 'later', '1,2'],
  ])
})

it('goes on with the part that had no answer', async () => {
  const sent: number[] = []
  let away = true
  const run = new Run(file(3 * partRowsMax), async (part: Part, index) => {
    sent.push(index)
    if (index === 1 && away) throw unreachable()
    return { ...answer, rows: part.rowCount, applied: part.rowCount }
  })
  await expect(run.go()).rejects.toThrow('does not answer')
  expect(run.done).toBe(false)
  away = false
  await run.go()
  expect(sent).toEqual([0, 1, 1, 2])
  expect(run.sum.applied).toBe(3 * partRowsMax)
})

it('stops behind a part, and goes on there', async () => {
  const run: Run = new Run(file(2 * partRowsMax), async (part, index) => {
    if (index === 0) run.stop()
    return { ...answer, rows: part.rowCount }
  })
  await run.go()
  expect([run.done, run.sum.parts]).toEqual([false, 1])
  await run.go()
  expect([run.done, run.sum.parts]).toEqual([true, 2])
})

it('shows a header that cannot be', async () => {
  const problem = { type: '', title: '', status: 400, code: 'unknown-field', detail: 'line 1, column "quantity": no such column', field: 'quantity', value: '' }
  const run = new Run(file(1), async () => {
    throw problemOf(400, problem)
  })
  await expect(run.go()).rejects.toThrow('no such column')
  expect(run.sum.badRows).toEqual([{ line: 1, column: 'quantity', value: '', code: 'unknown-field', reason: 'no such column', text: 'upc,quantity' }])
})

it('keeps the key of an import until it has ended', () => {
  const texts = new Map<string, string>()
  const store = {
    getItem: (name: string) => texts.get(name) ?? null,
    setItem: (name: string, value: string) => void texts.set(name, value),
    removeItem: (name: string) => void texts.delete(name),
  } as unknown as Storage
  const name = { name: 'a.csv', size: 3, lastModified: 5 }
  let made = 0
  const key = (o = options, now = 0, f = name) => keyFor(f, o, store, () => 'k' + ++made, now)
  expect(key()).toEqual({ key: 'k1', again: false })
  expect(key()).toEqual({ key: 'k1', again: true })
  expect(key({ ...options, action: 'adjust' })).toEqual({ key: 'k2', again: false })
  expect(key(options, 0, { ...name, size: 4 }).key).toBe('k3')
  expect(key(options, 24 * 3600_000, { ...name, size: 4 }).key).toBe('k4')
  forgetKey(store)
  expect(key(options, 24 * 3600_000, { ...name, size: 4 }).key).toBe('k5')
})

it('knows files by their names, and unpacks', async () => {
  expect(formatOf('a.b.CSV')).toEqual({ format: 'csv', packed: false })
  expect(formatOf('a.jsonl.gz')).toEqual({ format: 'ndjson', packed: true })
  expect(() => formatOf('a.csv.zst')).toThrow('.zst')
  expect(() => formatOf('stock')).toThrow(FileFault)
  const packed = await new Response(new Blob(['upc,quantity\n1,2\n']).stream().pipeThrough(new CompressionStream('gzip'))).blob()
  let read = 0
  const parts = partsOf(streamOf(packed, true, (bytes) => (read = bytes)), 'csv')
  expect((await parts.next()).value).toMatchObject({ rowCount: 1 })
  expect(read).toBe(packed.size)
})
