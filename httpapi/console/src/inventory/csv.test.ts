import { expect, it } from 'vitest'
import { csvOf } from './csv'
import type { StockRecord } from './grid'

it('writes a row for each segment that is safe to open', () => {
  const figures = { onHand: 5, available: 4, allocated: 1, pending: 0, safetyStock: 0, floor: 2, ltd: 0 }
  const record: StockRecord = {
    upc: '=1+1', location: 'A, "B"', version: 1, due: false, future: [], ...figures,
    segments: [{ tags: { Channel: 'Amazon' }, ...figures }],
  }
  expect(csvOf([record])).toBe(
    'upc,location,Channel,onHand,available,allocated,pending,safetyStock,floor\r\n' +
      `'=1+1,"A, ""B""",Amazon,5,4,1,0,0,2\r\n`,
  )
})
