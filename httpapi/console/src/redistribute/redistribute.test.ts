import { expect, it } from 'vitest'
import { bodyOf, names, partsOf, run, type Progress, type Scope } from './redistribute'

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

const parts: Scope[] = ['X', 'Y', 'Z'].map((location) => ({ upcs: [], locations: [location] }))

it('does part after part, and keeps what a failure has left', async () => {
  const seen: Progress[] = []
  const signal = new AbortController().signal
  const send = async (part: Scope) => {
    if (part.locations[0] === 'Y' && seen.length < 3) throw new Error('lost')
    return { units: 4, waiting: 2 }
  }
  const { rest, error } = await run(parts, { send, signal, onPart: (p) => seen.push(p) })
  expect(rest).toEqual(parts.slice(1))
  expect(error?.message).toBe('lost')
  expect(seen).toEqual([{ done: 0, of: 3, units: 0, waiting: 0 }, { done: 1, of: 3, units: 4, waiting: 2 }])
  seen.push(seen[1]!)
  expect((await run(rest, { send, signal, onPart: () => {} })).rest).toEqual([])
})

it('stops between two parts', async () => {
  const stop = new AbortController()
  const send = async () => (stop.abort(), { units: 1 })
  expect((await run(parts, { send, signal: stop.signal, onPart: () => {} })).rest).toEqual(parts.slice(1))
})
