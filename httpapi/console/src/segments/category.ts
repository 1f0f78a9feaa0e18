// The definition of a tag category while it is edited: what is wrong with it, and the request that puts it.
import type { Schemas } from '../api/client'
import { percent } from '../lib/format'

export type Category = Schemas['Category']
type Body = Schemas['TagCategoryBody']

export interface Row {
  /** key stays while the row is renamed or moved. */
  key: number
  /** was is the value's name on the server; a new value has none. */
  was?: string
  value: string
  percent: number | null
  min: number | null
  max: number | null
}

export interface Draft {
  name: string
  distributed: boolean
  rounding: Category['rounding']
  /** rows are by rank. */
  rows: Row[]
  /** fallback is the key of the default value. */
  fallback: number
  /** moveTo has, for a value that leaves, the value that takes what it holds; '' is none. */
  moveTo: Record<string, string>
}

let lastKey = 0

/** newRow is an empty value. */
export function newRow(): Row {
  return { key: ++lastKey, value: '', percent: null, min: null, max: null }
}

/** draftOf makes a draft of a category as it is. */
export function draftOf(category: Category): Draft {
  const rows = category.values.map((v) => ({ ...newRow(), was: v.value, value: v.value, percent: v.percent, min: v.min || null, max: v.max }))
  const fallback = rows[category.values.findIndex((v) => v.default)]!.key
  return { name: category.name, distributed: category.distributed, rounding: category.rounding, rows, fallback, moveTo: {} }
}

/** emptyDraft is where a new category begins. */
export function emptyDraft(): Draft {
  const rows = [newRow(), newRow()]
  return { name: '', distributed: false, rounding: 'largest-remainder', rows, fallback: rows[0]!.key, moveTo: {} }
}

/** sumOf adds up the percentages, in hundredths of a percent so that it is exact. */
export function sumOf(draft: Draft): number {
  return draft.rows.reduce((sum, row) => sum + Math.round((row.percent ?? 0) * 100), 0)
}

/** leaving are the values of the category that the draft has no more. */
export function leaving(draft: Draft, category: Category | undefined): string[] {
  const stay = new Set(draft.rows.map((row) => row.value.trim()))
  return (category?.values ?? []).map((v) => v.value).filter((value) => !stay.has(value))
}

/** targetOf is the value that takes what a leaving one holds: the one that was chosen, or what it is called now. */
export function targetOf(draft: Draft, leaves: string): string {
  const target = draft.moveTo[leaves] ?? draft.rows.find((row) => row.was === leaves)?.value.trim() ?? ''
  return draft.rows.some((row) => row.value.trim() === target) ? target : ''
}

/** summary writes the values of a category as they follow each other. */
export function summary(category: Category): string {
  return category.values.map((v) => (v.percent === null ? v.value : `${v.value} ${percent(v.percent)}`)).join(', ')
}

/** faultOf says why a draft cannot be put, or nothing. taken are the names of other categories. */
export function faultOf(draft: Draft, taken: string[] = []): string {
  const names = draft.rows.map((row) => row.value.trim())
  const twice = names.find((name, i) => name && names.indexOf(name) !== i)
  if (!draft.name.trim()) return 'Give the category a name.'
  if (taken.includes(draft.name.trim())) return `There is a category ${draft.name.trim()} already.`
  if (names.some((name) => !name)) return 'Give each value a name, or take it out.'
  if (twice) return `${twice} is there twice.`
  if (!draft.distributed) return ''
  for (const { value, percent: part, min, max } of draft.rows) {
    if (part === null || part < 0 || part > 100) return `${value}: a percentage from 0 to 100 is expected.`
    if (Math.abs(part * 100 - Math.round(part * 100)) > 1e-6) return `${value}: at most two decimals are expected.`
    if ([min, max].some((n) => n !== null && (!Number.isInteger(n) || n < 0))) return `${value}: whole units are expected.`
    if (max !== null && max < (min ?? 0)) return `${value}: the maximum is less than the minimum.`
  }
  const sum = sumOf(draft)
  if (sum === 10_000) return ''
  const by = percent(Math.abs(10_000 - sum) / 100)
  return `${by} ${sum < 10_000 ? 'are missing' : 'are too many'}: the percentages add up to 100.`
}

/** bodyOf is the request that puts a draft. */
export function bodyOf(draft: Draft, category: Category | undefined): Body {
  const moves = leaving(draft, category).filter((value) => targetOf(draft, value))
  return {
    values: draft.rows.map((row) => ({
      value: row.value.trim(),
      default: row.key === draft.fallback,
      ...(draft.distributed && { percent: row.percent, min: row.min ?? 0, max: row.max }),
    })),
    rounding: draft.rounding,
    moveTo: Object.fromEntries(moves.map((value) => [value, targetOf(draft, value)])),
  }
}

/** moved gives rows with one of them at another place. */
export function moved(rows: Row[], key: number, to: number): Row[] {
  const row = rows.find((row) => row.key === key)
  if (!row || to < 0 || to >= rows.length) return rows
  const rest = rows.filter((row) => row.key !== key)
  return [...rest.slice(0, to), row, ...rest.slice(to)]
}

/** Box is where a row is on the screen. */
export type Box = Pick<DOMRect, 'top' | 'height'>

/** rankAt is where a row goes that is dragged to a height on the screen: past each neighbour whose middle it has passed. */
export function rankAt(boxes: Box[], from: number, y: number): number {
  const middle = (i: number) => boxes[i]!.top + boxes[i]!.height / 2
  let to = from
  while (to > 0 && y < middle(to - 1)) to--
  while (to < boxes.length - 1 && y > middle(to + 1)) to++
  return to
}
