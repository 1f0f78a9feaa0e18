import { expect, it } from 'vitest'
import { offersAt } from './complete'

const categories = [{ name: 'Channel', values: ['Amazon', 'eBay'] }, { name: 'two words', values: ['x'] }]
const labels = (before: string, asked = false) => offersAt(before, categories, asked)?.offers.map((offer) => offer.label)

it('offers what item, record and a segment have', () => {
  expect(labels('if item.')).toContain('quantity')
  expect(labels('record.av')).toContain('available')
  expect(labels('record.')).not.toContain('quantity')
  expect(labels('local a = segment.')).toContain('available')
  expect(labels('for i, s in ipairs(record.segments) do\n  if s.')).toContain('available')
  expect(labels('local s = 1\nif s.')).toBeUndefined()
  expect(labels('math.')).toContain('floor')
})

it('offers categories and their values', () => {
  expect(labels('item.tags.')).toEqual(['Channel'])
  expect(labels('return { { tags = { Ch')).toEqual(['Channel'])
  expect(labels('{ tags = { Channel = "')).toEqual(['Amazon', 'eBay'])
  expect(labels('if item.tags.Channel ~= "e')).toEqual(['Amazon', 'eBay'])
  expect(labels('local a = "e')).toBeUndefined()
})

it('completes the word at the cursor only', () => {
  expect(offersAt('x = record.on', categories)?.from).toBe(11)
  expect(offersAt('{ tags = { Channel = "Am', categories)?.from).toBe(22)
  expect(labels('re')).toContain('record')
  expect(labels('function se')).toEqual(['select', 'redistribute'])
})

it('is silent in comments, in numbers, and where nothing was typed or asked for', () => {
  expect(labels('-- item.')).toBeUndefined()
  expect(labels('x = 12')).toBeUndefined()
  expect(labels('x = ')).toBeUndefined()
  expect(labels('x = ', true)).toContain('item')
})
