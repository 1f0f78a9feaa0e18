// CSV that is safe to open.

type Cell = string | number

/** csv writes a head and rows. A text that a spreadsheet would calculate has an apostrophe before it. */
export function csv(head: string[], rows: Cell[][]): string {
  return [head, ...rows].map((row) => row.map(cell).join(',') + '\r\n').join('')
}

function cell(value: Cell): string {
  if (typeof value === 'number') return String(value)
  const safe = /^'*[=+\-@\t\r\n＝＋－＠]/.test(value) ? "'" + value : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
