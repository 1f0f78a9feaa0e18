import { expect, it } from 'vitest'
import { placeLink, readPlace } from './place'

it('keeps the place in the URL', () => {
  const place = { rule: 'a b', fresh: false, part: 'versions', before: '1', after: 'draft', upc: 'U', location: '', run: '' } as const
  expect(readPlace(new URLSearchParams(placeLink(place).split('?')[1]))).toEqual(place)
  expect(placeLink({ part: 'edit' })).toBe('#/rules')
  expect(readPlace(new URLSearchParams('part=toString&before=x'))).toMatchObject({ part: 'edit', before: '', rule: '' })
})
