import { expect, it } from 'vitest'
import { firstPaths, readFilter } from './filter'
import { picks, type StockRecord } from './grid'

const figures = { onHand: 5, available: 5, allocated: 0, pending: 0, safetyStock: 0, floor: 0, ltd: 0 }
const record: StockRecord = { upc: 'A12', location: 'L', version: 1, due: false, future: [], segments: [], ...figures }
const filter = (query: string) => picks(readFilter(new URLSearchParams(query)))

it('picks the records that belong into the list', () => {
  expect(filter('')(record)).toBe(true)
  expect(filter('search=1&location=L')(record)).toBe(true)
  expect(filter('search=3')(record)).toBe(false)
  expect(filter('location=M')(record)).toBe(false)
  expect(filter('tag=A:b')(record)).toBe(false)
  expect(filter('state=sold-out')(record)).toBe(false)
  expect(filter('state=sold-out')({ ...record, available: 0 })).toBe(true)
  expect(filter('state=blocked')(record)).toBe(false)
  expect(filter('state=blocked')({ ...record, blocked: true })).toBe(true)
  expect(filter('state=toString')(record)).toBe(true)
})

it('asks first for what it will show', () => {
  expect(firstPaths(readFilter(new URLSearchParams()))).toEqual(['/v1/changes?after=now', '/v1/inventory?limit=60'])
  expect(firstPaths(readFilter(new URLSearchParams('location=A,B&search=1&tag=C:d')))).toEqual([
    '/v1/changes?after=now&locations=A%5C%2CB&tags=C%3Ad', '/v1/inventory?limit=60&search=1&location=A%2CB&tags=C%3Ad',
  ])
})
