import { expect, it } from 'vitest'
import { bodyOf, draftOf, emptyDraft, faultOf, leaving, moved, newRow, rankAt, summary, sumOf, targetOf, type Category } from './category'

const channel: Category = {
  name: 'Channel', rounding: 'largest-remainder', distributed: true,
  values: [
    { value: 'Web', percent: 70.1, default: false, min: 0, max: null },
    { value: 'Shop', percent: 29.9, default: true, min: 5, max: 50 },
  ],
}

it('puts back what it read', () => {
  const draft = draftOf(channel)
  expect(sumOf(draft)).toBe(10_000)
  expect(faultOf(draft)).toBe('')
  expect(bodyOf(draft, channel)).toEqual({ values: channel.values, rounding: 'largest-remainder', moveTo: {} })
})

it('says what is wrong', () => {
  const draft = draftOf(channel)
  draft.rows[0]!.percent = 70
  expect(faultOf(draft)).toBe('0.1 % are missing: the percentages add up to 100.')
  draft.rows[0]!.percent = 70.105
  expect(faultOf(draft)).toBe('Web: at most two decimals are expected.')
  draft.rows[0]!.percent = 71.1
  expect(faultOf(draft)).toBe('1 % are too many: the percentages add up to 100.')
  draft.rows[1]!.max = 4
  expect(faultOf(draft)).toBe('Shop: the maximum is less than the minimum.')
  draft.rows[1]!.value = ' Web '
  expect(faultOf(draft)).toBe('Web is there twice.')
  expect(faultOf(emptyDraft())).toBe('Give the category a name.')
  expect(faultOf({ ...emptyDraft(), name: ' Channel' }, ['Channel'])).toBe('There is a category Channel already.')
})

it('has no percentages where the category is in units', () => {
  const draft = { ...draftOf(channel), distributed: false }
  draft.rows[0]!.percent = 1
  expect(faultOf(draft)).toBe('')
  expect(bodyOf(draft, channel).values[1]).toEqual({ value: 'Shop', default: true })
})

it('moves what a value holds that leaves', () => {
  const draft = draftOf(channel)
  draft.rows = [{ ...newRow(), value: 'Web', percent: 100 }]
  draft.moveTo = { Shop: 'Web', Gone: 'Web' }
  expect(leaving(draft, channel)).toEqual(['Shop'])
  expect(bodyOf(draft, channel).moveTo).toEqual({ Shop: 'Web' })
})

it('ranks values', () => {
  const { rows } = draftOf(channel)
  const [web, shop] = rows
  expect(moved(rows, shop!.key, 0)).toEqual([shop, web])
  expect(moved(rows, shop!.key, 2)).toBe(rows)
  expect(moved([...rows, newRow()], web!.key, 1).slice(0, 2)).toEqual([shop, web])
})

it('gives what a renamed value holds to its new name', () => {
  const draft = draftOf(channel)
  draft.rows[0]!.value = ' Online '
  expect(targetOf(draft, 'Web')).toBe('Online')
  expect(bodyOf(draft, channel).moveTo).toEqual({ Web: 'Online' })
  draft.moveTo.Web = 'Shop'
  expect(targetOf(draft, 'Web')).toBe('Shop')
  draft.moveTo.Web = ''
  expect(bodyOf(draft, channel).moveTo).toEqual({})
  draft.moveTo.Web = 'Gone'
  expect(targetOf(draft, 'Web')).toBe('')
})

it('ranks a dragged row by the middles that it passes', () => {
  const boxes = [{ top: 0, height: 40 }, { top: 40, height: 80 }, { top: 120, height: 40 }]
  expect(rankAt(boxes, 0, 79)).toBe(0)
  expect(rankAt(boxes, 0, 81)).toBe(1)
  expect(rankAt(boxes, 0, 900)).toBe(2)
  expect(rankAt(boxes, 2, 79)).toBe(1)
  expect(rankAt(boxes, 2, -5)).toBe(0)
})

it('sums a category up', () => {
  expect(summary(channel)).toBe('Web 70.1 %, Shop 29.9 %')
})
