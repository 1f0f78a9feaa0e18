import { describe, expect, it } from 'vitest'
import { FileFault, Part, partRowsMax, partsOf, rowBytesMax, Splitter, type Format } from './parts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (b: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(b)

/** split cuts a file that comes in pieces of some size. */
function split(file: string | Uint8Array, format: Format = 'csv', size = 1 << 20): Part[] {
  const all = typeof file === 'string' ? bytes(file) : file
  const splitter = new Splitter(format)
  const parts: Part[] = []
  for (let i = 0; i < all.length; i += size) parts.push(...splitter.push(all.subarray(i, i + size)))
  return [...parts, ...splitter.end(parts.length === 0)]
}

describe('a CSV file', () => {
  const header = '\uFEFFupc,"note, \nlong",quantity\r\n'
  const row = (i: number) => (i % 3 === 0 ? `"U""${i}",\r\n` : i % 3 === 1 ? `"a\nb,${i}",x,1\r\n` : `plain "${i},y,2\n\n`)
  const rows = Array.from({ length: 2 * partRowsMax + 7 }, (_, i) => row(i))
  const file = header + rows.join('')

  it('is cut alike, whatever pieces it comes in', () => {
    const whole = split(file)
    expect(whole.map((part) => part.rowCount)).toEqual([partRowsMax, partRowsMax, 7])
    expect(whole.map((part) => text(part.rows)).join('')).toBe(file.slice(header.length))
    expect(whole.every((part) => text(part.header) === header)).toBe(true)
    expect(text(whole[1]!.body)).toBe(header + text(whole[1]!.rows))
    const shown = (parts: Part[]) => parts.map((part) => [part.rowCount, part.before, text(part.body)].join('\n')).join('\n')
    for (const size of [1, 4096]) expect(shown(split(file, 'csv', size)) === shown(whole)).toBe(true)
  })

  it('gives the rows of lines, and their lines in the file', () => {
    const [first, second] = split(file) as [Part, Part]
    // The header has two lines, and each third of rows has one, two, and two with the blank one.
    expect(first.texts([3, 4, 6, 8])).toEqual(['"U""0",', '"a\nb,1",x,1', 'plain "2,y,2', '"U""3",'])
    expect(first.texts([1])).toEqual([header.replace('\uFEFF', '').trim()])
    expect(first.lineOf(6)).toBe(6)
    const line = text(first.header).split('\n').length - 1 + text(first.rows).split('\n').length
    expect(second.lineOf(3)).toBe(line)
    // The blank line behind the last row of a part is in the next one.
    expect(second.texts([4])).toEqual(['"U""12000",'])
  })

  it('ends where it ends', () => {
    expect(split('upc,quantity\n1,2').map((part) => [text(part.rows), part.rowCount])).toEqual([['1,2', 1]])
    expect(split('upc,quantity\n\n').map((part) => part.rowCount)).toEqual([0])
    expect(split('upc;quantity').map((part) => [text(part.header), part.separator])).toEqual([['upc;quantity', ';']])
    expect(split('')).toHaveLength(1)
  })

  it('takes quotes as its separator tells', () => {
    expect(split('upc;q\n1;"a\n;"\n"2"x;"\n3;4\n').map((part) => part.rowCount)).toEqual([3])
    expect(split('upc\tq\n1\t"a\n"\n').map((part) => part.rowCount)).toEqual([1])
  })

  it('has no row without end', () => {
    expect(() => split('upc,quantity\n"1,2\n' + 'x,1\n'.repeat(rowBytesMax / 4))).toThrow(FileFault)
  })

  it('is cut by bytes too', () => {
    const long = 'x'.repeat(60_000) + ',1\n'
    const parts = split('upc,quantity\n' + long.repeat(100))
    expect(parts.map((part) => part.rowCount)).toEqual([70, 30])
  })
})

describe('an NDJSON file', () => {
  it('has a row a line, and leaves out what is too long', async () => {
    const file = '\uFEFF{"upc":"1"}\r\n\r\n' + 'x'.repeat(rowBytesMax + 5000) + '\n{"upc":"3"}'
    const parts = split(file, 'ndjson', 1000)
    expect(parts.map((part) => part.rowCount)).toEqual([3])
    expect(parts[0]!.rows.length).toBeLessThan(rowBytesMax + 100)
    expect(parts[0]!.texts([1, 4])).toEqual(['{"upc":"1"}', '{"upc":"3"}'])
    const lines = '{"upc":"1"}\n'.repeat(partRowsMax + 1)
    const streamed: Part[] = []
    for await (const part of partsOf(new Blob([lines]).stream(), 'ndjson')) streamed.push(part)
    expect(streamed.map((part) => part.rowCount)).toEqual([partRowsMax, 1])
    expect(streamed[1]!.lineOf(1)).toBe(partRowsMax + 1)
  })
})
