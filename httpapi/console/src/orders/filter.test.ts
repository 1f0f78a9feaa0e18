import { expect, it } from 'vitest'
import { listQuery, readFilter } from './filter'

it('reads what a URL holds, and leaves out what it cannot be', () => {
  expect(readFilter(new URLSearchParams('state=pending&older=3600&order=1'))).toEqual({
    state: 'pending', older: '3600', order: '1', upc: '', location: '',
  })
  expect(readFilter(new URLSearchParams('state=odd&older=7'))).toMatchObject({ state: 'open', older: '' })
  expect(readFilter(new URLSearchParams('state=toString'))).toMatchObject({ state: 'open' })
})

it('asks only for what is filled in', () => {
  const filter = readFilter(new URLSearchParams('upc=A&older=86400'))
  expect(listQuery(filter, '')).toEqual({ state: 'open', limit: 100, upc: 'A', olderThanSeconds: 86400 })
  expect(listQuery(filter, 'c')).toMatchObject({ cursor: 'c' })
})
