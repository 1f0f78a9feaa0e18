// A row of a file beside what is wrong with it.
import { separatorOf, type Format } from './parts'

/** Marked is a row's text, cut where its wrong field is. Without such a field, all of it is before. */
export interface Marked {
  before: string
  wrong?: string
  after: string
}

/** cells finds the cells of a row of CSV: where each begins and ends. */
export function cells(row: string, separator: string): [number, number][] {
  const found: [number, number][] = []
  let begin = 0
  let quoted = false
  for (let i = 0; i <= row.length; i++) {
    if (row[i] === '"' && (quoted || i === begin)) {
      if (quoted && row[i + 1] === '"') i++
      else quoted = !quoted
    } else if (i === row.length || (row[i] === separator && !quoted)) {
      found.push([begin, i])
      begin = i + 1
    }
  }
  return found
}

/** cellText is what a cell says, without its quotes. */
function cellText(cell: string): string {
  return cell.startsWith('"') ? cell.replace(/^"|"$/g, '').replaceAll('""', '"') : cell
}

/** columnsOf are the names in the header of a CSV file. */
export function columnsOf(header: string): string[] {
  const separator = separatorOf(header)
  return cells(header, separator).map(([from, to]) => cellText(header.slice(from, to)).trim().replace(/^'(?=[=+\-@])/, ''))
}

/** marked finds the field of a row that the server names: a column, or tags. and a category. */
export function marked(row: string, field: string, format: Format, header: string): Marked {
  const place = field && (format === 'csv' ? placeInCSV(row, field, header) : placeInJSON(row, field))
  if (!place) return { before: shortened(row, textMax), after: '' }
  const [from, to] = place
  const before = row.slice(0, from)
  return {
    before: before.length > sideMax ? '…' + before.slice(-sideMax) : before,
    wrong: shortened(row.slice(from, to), sideMax),
    after: shortened(row.slice(to), sideMax),
  }
}

const sideMax = 120
const textMax = 300

function shortened(text: string, max: number): string {
  return text.length > max ? text.slice(0, max) + '…' : text
}

function placeInCSV(row: string, field: string, header: string): [number, number] | undefined {
  const names = columnsOf(header)
  const exact = names.indexOf(field)
  const index = exact >= 0 ? exact : names.findIndex((name) => 'tags.' + name === field || name === 'tags.' + field)
  return index < 0 ? undefined : cells(row, separatorOf(header))[index]
}

function placeInJSON(row: string, field: string): [number, number] | undefined {
  const tag = field.startsWith('tags.') ? field.slice('tags.'.length) : undefined
  const from = tag === undefined ? 0 : row.indexOf('"tags"')
  if (from < 0) return undefined
  const key = JSON.stringify(tag ?? field).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const found = new RegExp(`(${key}\\s*:\\s*)("(?:[^"\\\\]|\\\\.)*"|[^,}\\]\\s]*)`).exec(row.slice(from))
  if (!found) return undefined
  const begin = from + found.index + found[1]!.length
  return [begin, begin + found[2]!.length]
}
