import { expect, it } from 'vitest'
import { bodyOf, names, partsOf } from './redistribute'

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
