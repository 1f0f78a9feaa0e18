import { expect, it } from 'vitest'
import { columnsOf, marked } from './row'

const header = 'upc;"The; ""note""";quantity;Channel;tags.upc'

it('reads the names of columns', () => {
  expect(columnsOf(header)).toEqual(['upc', 'The; "note"', 'quantity', 'Channel', 'tags.upc'])
  expect(columnsOf("upc,'+x, quantity ")).toEqual(['upc', '+x', 'quantity'])
})

it('marks the wrong cell', () => {
  const row = '1;"a;""b""";x;amazon;'
  expect(marked(row, 'quantity', 'csv', header)).toEqual({ before: '1;"a;""b""";', wrong: 'x', after: ';amazon;' })
  expect(marked(row, 'tags.Channel', 'csv', header).wrong).toBe('amazon')
  expect(marked(row, 'tags.upc', 'csv', header)).toEqual({ before: '1;"a;""b""";x;amazon;', wrong: '', after: '' })
  expect(marked(row, 'upc', 'csv', header).wrong).toBe('1')
  expect(marked(row, '', 'csv', header)).toEqual({ before: row, after: '' })
  expect(marked('1;2', 'Channel', 'csv', header)).toEqual({ before: '1;2', after: '' })
})

it('marks the wrong member', () => {
  const row = '{"upc":"a\\"b","quantity" : 1.5, "tags":{"upc":"x","C":"n"}}'
  expect(marked(row, 'quantity', 'ndjson', '')).toMatchObject({ wrong: '1.5', after: ', "tags":{"upc":"x","C":"n"}}' })
  expect(marked(row, 'upc', 'ndjson', '').wrong).toBe('"a\\"b"')
  expect(marked(row, 'tags.upc', 'ndjson', '').wrong).toBe('"x"')
  expect(marked(row, 'floor', 'ndjson', '')).toEqual({ before: row, after: '' })
})

it('shortens what is long, around the mark', () => {
  const found = marked('y'.repeat(500) + ',x,' + 'z'.repeat(500), 'b', 'csv', 'a,b,c')
  expect(found.before).toMatch(/^…y+,$/)
  expect(found.wrong).toBe('x')
  expect(found.after.length).toBeLessThan(130)
})
