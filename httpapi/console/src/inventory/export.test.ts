import { expect, it } from 'vitest'
import { exportName } from './export'
import { listQuery } from './filter'

const all = { search: '', location: '', tag: '', state: '' } as const
const some = { search: 'a/b', location: 'Köln 1', tag: 'Channel\\:x:Amazon\\, DE', state: 'sold-out' } as const

it('exports what the filter picks', () => {
  expect(listQuery(all)).toEqual({})
  expect(listQuery(some)).toEqual({ search: 'a/b', location: 'Köln 1', tags: 'Channel\\:x:Amazon\\, DE', state: 'sold-out' })
})

it('names the file', () => {
  const day = new Date(2026, 10, 9, 23, 59)
  expect(exportName(all, day)).toBe('stock-2026-11-09.csv')
  expect(exportName(some, day)).toBe('stock-Köln-1-Channel-x-Amazon-DE-sold-out-a-b-2026-11-09.csv')
})
