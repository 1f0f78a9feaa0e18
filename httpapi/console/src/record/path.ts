/** recordPath is where the console shows a record. */
export function recordPath(record: { upc: string; location: string }): string {
  return '#/record?' + new URLSearchParams({ upc: record.upc, location: record.location })
}
