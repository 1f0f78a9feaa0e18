import { expect, it } from 'vitest'
import { tagLabel, tagParam, tagsKey, tagsText } from './tags'

it('names tags', () => {
  expect(tagsKey({ B: '2', A: '1' })).toBe(tagsKey({ A: '1', B: '2' }))
  expect(tagsKey({ A: '1' })).not.toBe(tagsKey({ A: '2' }))
  expect(tagsText({})).toBe('no tags')
  expect(tagsText({ Channel: 'Amazon', Defective: 'NO' })).toBe('Amazon · Defective: NO')
  expect(tagLabel('Size', '42')).toBe('Size: 42')
})

it('writes tags for the API, which reads a backslash before a comma, a colon or a backslash', () => {
  expect(tagParam('a:b', 'c,d\\e')).toBe('a\\:b:c\\,d\\\\e')
})
