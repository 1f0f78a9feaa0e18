// What the server says of a source, as marks in the editor.
import type { Schemas } from '../api/client'

export type Checked = Schemas['RuleChecked']

export interface Mark {
  from: number
  to: number
  /** line counts from 1. */
  line: number
  severity: 'error' | 'warning'
  message: string
}

/** diagnose gives the marks for what is wrong with a source, in the order of their places. */
export function diagnose(source: string, checked: Checked): Mark[] {
  const lines = source.split('\n')
  const marks = checked.warnings.map((warning) => mark(lines, warning.line, 1, 'warning', warning.message))
  for (const test of checked.tests) {
    if (!test.ok) marks.push(mark(lines, lineOfTest(lines, test.name), 1, 'error', `test fails: ${test.name}\n${test.diff ?? ''}`))
  }
  if (checked.error) {
    const { line, column, message } = checked.error
    const at = line ?? (message.startsWith('tests') ? lineOfTests(lines) : 1)
    marks.push(mark(lines, at, column ?? 1, 'error', withoutPlace(message)))
  }
  return marks.sort((a, b) => a.from - b.from)
}

/** withoutPlace takes the line off a message that is shown at its line. */
export function withoutPlace(message: string): string {
  return message.replace(/^line \d+(, column \d+)?: /, '')
}

function mark(lines: string[], line: number, column: number, severity: Mark['severity'], message: string): Mark {
  const at = Math.min(Math.max(line, 1), lines.length)
  const text = lines[at - 1]!
  const start = lines.slice(0, at - 1).reduce((sum, before) => sum + before.length + 1, 0)
  const indent = text.length - text.trimStart().length
  const first = column > 1 ? Math.min(column - 1, text.length) : indent
  const word = column > 1 ? /^(\w+|\S)?/.exec(text.slice(first))![0].length : text.trimEnd().length - first
  return { from: start + first, to: start + first + Math.max(word, 0), line: at, severity, message: message.trimEnd() }
}

function lineOfTests(lines: string[]): number {
  return lines.findIndex((line) => /^\s*tests\s*=/.test(line)) + 1 || 1
}

/** lineOfTest finds where a test has its name. Tests without one are called tests[1] and so on. */
function lineOfTest(lines: string[], name: string): number {
  const named = lines.findIndex((line) => /\bname\s*=/.test(line) && (line.includes(`"${name}"`) || line.includes(`'${name}'`)))
  return named >= 0 ? named + 1 : lineOfTests(lines)
}
