import { expect, it } from 'vitest'
import { diagnose } from './diagnose'

const none = { hooks: [], warnings: [], tests: [] }
const source = 'function select(item, record)\n  local x = = 1\nend\n'
const marked = (text: string, marks: { from: number; to: number }[]) => marks.map((m) => text.slice(m.from, m.to))

it('marks an error at its line and column', () => {
  const marks = diagnose(source, { ...none, error: { line: 2, column: 13, message: 'line 2, column 13: syntax error near "="' } })
  expect(marks).toMatchObject([{ line: 2, severity: 'error', message: 'syntax error near "="' }])
  expect(marked(source, marks)).toEqual(['='])
})

it('marks a whole line where no column is known, and the last one behind the end', () => {
  expect(marked(source, diagnose(source, { ...none, warnings: [{ line: 2, message: 'x' }] }))).toEqual(['local x = = 1'])
  expect(diagnose(source, { ...none, error: { line: 99, message: 'x' } })).toMatchObject([{ line: 4, from: source.length }])
})

it('marks a failing test at its name, and what is wrong with the table at the table', () => {
  const text = 'x = 1\ntests = {\n  { name = "one" },\n  { name = "two" },\n}'
  const tests = [{ name: 'one', ok: true }, { name: 'two', ok: false, diff: '- missing 1\n' }, { name: 'tests[3]', ok: false }]
  expect(diagnose(text, { ...none, tests }).map((m) => m.line)).toEqual([2, 4])
  expect(diagnose(text, { ...none, error: { message: 'tests[1].item: must be a table' } })).toMatchObject([{ line: 2 }])
})
