// What is shown, as a file.
import { columns } from './columns'
import type { Grid, StockRecord } from './grid'

/** csvOf writes a row for each segment. A text that a spreadsheet would calculate has an apostrophe before it. */
export function csvOf(records: Iterable<StockRecord>): string {
  const all = [...records]
  const categories = [...new Set(all.flatMap((record) => record.segments.flatMap((s) => Object.keys(s.tags))))]
  const head = ['upc', 'location', ...categories, ...columns.map((column) => column.figure)]
  const rows = all.flatMap((record) =>
    record.segments.map((segment) => [
      record.upc,
      record.location,
      ...categories.map((category) => segment.tags[category] ?? ''),
      ...columns.map((column) => segment[column.figure]),
    ]),
  )
  return [head, ...rows].map((row) => row.map(cell).join(',') + '\r\n').join('')
}

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r\n]/.test(value) ? "'" + value : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** download gives the loaded records to the viewer as a file. */
export function download(grid: Grid): void {
  const records = grid.keys.map((key) => grid.records.get(key)!)
  const url = URL.createObjectURL(new Blob([csvOf(records)], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = 'stock.csv'
  link.click()
  URL.revokeObjectURL(url)
}
