import { expect, it } from 'vitest'
import { csv } from './csv'

it('writes rows that are safe to open', () => {
  expect(csv(['a', 'b'], [['=1+1', 'A, "B"'], [-5, '-5'], ["'@x", "it's\n"]])).toBe(
    `a,b\r\n'=1+1,"A, ""B"""\r\n-5,'-5\r\n''@x,"it's\n"\r\n`,
  )
})
