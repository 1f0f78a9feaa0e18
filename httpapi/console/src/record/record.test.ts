import { expect, it } from 'vitest'
import type { Schemas } from '../api/client'
import type { StockEvent } from '../lib/events'
import { points } from './chart'
import { rulesOf, type Activation } from './rule'

const event = (type: string, second: number, units: number) =>
  ({ id: second, type, index: 1, time: new Date(second * 1000).toISOString(), units, limit: 0 }) as StockEvent

it('draws what was added and taken away, the oldest first, and what crossed a limit', () => {
  const got = points([
    event('sold-out', 30, -2), event('stock-changed', 30, -5), event('redistributed', 25, 4), event('stock-changed', 20, -1),
    event('stock-changed', 10, 3), event('delivered', 10, 4),
  ])
  expect(got).toEqual({
    times: [10, 20, 30], added: [7, null, null], taken: [null, -1, -5], available: [null, null, -2],
  })
})

const active = (rule: string, hook: Activation['hook'], scope: Activation['scope']): Activation => ({
  id: 1, rule, version: 1, hook, scope, onError: 'default', failuresMax: 1, author: '', time: '', asOf: 1, suspended: false, reason: '',
})

it('finds the rules whose scope has the record, the closest first', () => {
  const rules = [
    { name: 'r', versions: [], active: [
      active('all', 'select', null),
      active('here', 'select', { locations: ['L'] }),
      active('places', 'select', { locations: ['L', 'M'] }),
      active('prefix', 'select', { upcPrefix: 'BC' }),
      active('tagged', 'select', { tags: { Channel: 'Amazon' } }),
      active('elsewhere', 'select', { locations: ['M'] }),
      active('other', 'select', { upcPrefix: 'X' }),
      active('split', 'redistribute', null),
    ] },
  ] as Schemas['Rule'][]
  const names = (hook: Activation['hook']) => rulesOf(rules, hook, { upc: 'BC1', location: 'L' }).map((a) => a.rule)
  expect(names('select')).toEqual(['tagged', 'prefix', 'here', 'places', 'all'])
  expect(names('redistribute')).toEqual(['split'])
})
