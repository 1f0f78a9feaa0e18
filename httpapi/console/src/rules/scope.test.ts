import { expect, it } from 'vitest'
import { emptyScope, sameScope, scopeForm, scopeOf, scopeText } from './scope'

it('reads what was typed', () => {
  const form = { locations: ' W2, W1 ,,W1', upcPrefix: ' BC', tags: { Channel: 'Web', Defective: '' } }
  expect(scopeOf(form, 'select')).toEqual({ locations: ['W1', 'W2'], upcPrefix: 'BC', tags: { Channel: 'Web' } })
  expect(scopeOf(form, 'redistribute').tags).toEqual({})
  expect(scopeOf(scopeForm(scopeOf(form, 'select')), 'select')).toEqual(scopeOf(form, 'select'))
  expect(scopeForm(null)).toEqual(emptyScope())
})

it('says for what a rule is asked', () => {
  expect(scopeText(null, 'select')).toBe('all order lines')
  expect(scopeText({ locations: [], tags: {} }, 'redistribute')).toBe('all records')
  expect(scopeText({ tags: { Channel: 'Web' }, upcPrefix: 'B', locations: ['W1', 'W2'] }, 'select')).toBe(
    'Web · UPCs that begin with B · at W1, W2',
  )
})

it('knows a scope again', () => {
  expect(sameScope({ tags: { A: '1', B: '2' } }, { tags: { B: '2', A: '1' }, locations: [], upcPrefix: '' })).toBe(true)
  expect(sameScope({ tags: { A: '1' } }, { tags: { A: '2' } })).toBe(false)
  expect(sameScope({ locations: ['a', 'b'] }, { locations: ['b', 'a'] })).toBe(true)
})
