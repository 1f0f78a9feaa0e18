import { expect, it } from 'vitest'
import { readAttributes } from './attributes'

it('reads attributes, or says what is wrong', () => {
  expect(readAttributes(' tier = gold,\n note=a=b ,')).toEqual({ attributes: { tier: 'gold', note: 'a=b' }, fault: '' })
  expect(readAttributes('gold').fault).toContain('"gold" is not an attribute')
  expect(readAttributes('=x').fault).not.toBe('')
})
