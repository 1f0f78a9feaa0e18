import { expect, it } from 'vitest'
import { because, figuresOf, found, heldBy, inOrderOf, lastChange, placesOf, type Item } from './order'

function item(itemId: string, location: string, lines: Partial<Item['lines'][number]>[], time = '2026-11-29T10:00:00Z'): Item {
  const zero = { tags: { Channel: 'Web' }, allocated: 0, pending: 0, fulfilled: 0, returned: 0, released: 0 }
  const history = [{ type: 'allocated' as const, tags: { Channel: 'Web' }, quantity: 1, index: 1, time }]
  return { itemId, upc: `U${itemId}`, location, requested: 1, expiresAt: null, lines: lines.map((line) => ({ ...zero, ...line })), history }
}

const items = [
  item('1', 'Rome', [{ allocated: 2 }, { tags: { Channel: 'Shop' }, pending: 3 }]),
  item('2', 'Bonn', [{ allocated: 4, released: 1 }], '2026-11-29T10:00:00.5Z'),
  item('3', 'Rome', [{ allocated: 1 }]),
]

it('adds up what an order holds, by location and segment', () => {
  expect(heldBy(items)).toBe(10)
  expect(placesOf(items)).toMatchObject([
    { location: 'Bonn', tags: { Channel: 'Web' }, items: 1, allocated: 4, released: 1 },
    { location: 'Rome', tags: { Channel: 'Web' }, items: 2, allocated: 3 },
    { location: 'Rome', tags: { Channel: 'Shop' }, items: 1, pending: 3 },
  ])
  expect(items[0]!.lines[0]!.allocated).toBe(2)
})

it('has a column only where it says something', () => {
  expect(figuresOf(items)).toEqual(['allocated', 'pending', 'released'])
  expect(figuresOf([])).toEqual(['allocated', 'pending'])
})

it('knows the last change', () => {
  expect(lastChange(items)).toBe('2026-11-29T10:00:00.5Z')
  expect(lastChange([])).toBeUndefined()
})

it('finds items by what is written on them', () => {
  expect(found(items, ' rome ').map((i) => i.itemId)).toEqual(['1', '3'])
  expect(found(items, 'shop').map((i) => i.itemId)).toEqual(['1'])
  expect(found(items, 'u2').map((i) => i.itemId)).toEqual(['2'])
  expect(found(items, '')).toBe(items)
})

it('writes the tags of a candidate in the order of the lines', () => {
  expect(Object.keys(inOrderOf({ Channel: 'Web', Type: 'A', Gone: 'x' }, { Later: 'y', Type: 'B', Channel: 'Shop' }))).toEqual(['Channel', 'Type', 'Later'])
  expect(inOrderOf(undefined, { Channel: 'Web' })).toEqual({ Channel: 'Web' })
})

it('says why a candidate gave no more', () => {
  const candidate = { tags: {}, available: 9, taken: 0, why: 'full' as const }
  expect(because(candidate)).toBe('not needed')
  expect(because({ ...candidate, max: 3, taken: 3 })).toBe('at its maximum of 3')
  expect(because({ ...candidate, why: 'kept', keep: 10 })).toBe('the rule keeps 10')
})
