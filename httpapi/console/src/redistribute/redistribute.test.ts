import { expect, it } from 'vitest'
import { bodyOf, names, partsOf, totals } from './redistribute'

it('reads names', () => {
  expect(names(' A 1, B\nB,,C ')).toEqual(['A 1', 'B', 'C'])
})

it('asks for everything only if nothing is named', () => {
  expect(bodyOf({ upcs: [], locations: [] })).toEqual({ all: true })
  expect(bodyOf({ upcs: [], locations: ['X'] })).toEqual({ upcs: [], locations: ['X'] })
})

it('goes location by location where it may be long', () => {
  expect(partsOf({ upcs: ['A'], locations: [] }, ['X', 'Y'])).toEqual([{ upcs: ['A'], locations: [] }])
  expect(partsOf({ upcs: [], locations: [] }, ['X', 'Y'])).toHaveLength(2)
  expect(partsOf({ upcs: [], locations: ['Y'] }, ['X', 'Y'])).toEqual([{ upcs: [], locations: ['Y'] }])
})

it('adds up by segment', () => {
  const web = { Channel: 'Web' }
  expect(totals([{ tags: web, before: 1, after: 3 }, { tags: { Channel: 'Shop' }, before: 4, after: 2 }, { tags: web, before: 0, after: -1 }]))
    .toEqual([{ label: 'Web', before: 1, after: 2 }, { label: 'Shop', before: 4, after: 2 }])
})
