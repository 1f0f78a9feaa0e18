import { describe, expect, it } from 'vitest'
import { addsUp, cellKey, Grid, keyOf, level, markMs, shares, shareText, soldOut, type Segment, type StockRecord } from './grid'

function segment(channel: string, onHand: number, allocated = 0): Segment {
  const rest = { pending: 0, safetyStock: 0, floor: 0, ltd: 0 }
  return { tags: { Channel: channel }, onHand, allocated, available: onHand - allocated, ...rest }
}

function record(location: string, upc: string, version = 1, ...segments: Segment[]): StockRecord {
  const sum = (pick: (s: Segment) => number) => segments.reduce((total, s) => total + pick(s), 0)
  return {
    upc, location, version, segments, future: [], due: false, floor: 0, ltd: 0, pending: 0, safetyStock: 0,
    onHand: sum((s) => s.onHand), allocated: sum((s) => s.allocated), available: sum((s) => s.available),
  }
}

describe('Grid', () => {
  it('keeps what the feed has told before a page', () => {
    const grid = new Grid('location')
    grid.append([record('A', '1', 1, segment('x', 5))], false)
    grid.update(record('A', '1', 3, segment('x', 2)), 0)
    grid.append([record('A', '1', 2, segment('x', 4)), record('A', '2')], true)
    expect(grid.count).toBe(2)
    expect(grid.at(0).onHand).toBe(2)
  })

  it('marks what has changed, for some time', () => {
    const grid = new Grid('location')
    grid.append([record('A', '1', 1, segment('x', 5), segment('y', 7))], true)
    expect(grid.update(record('A', '1', 2, segment('x', 5, 2), segment('y', 7)), 1000)).toBe(false)
    const key = keyOf({ location: 'A', upc: '1' })
    expect([...grid.marks].map(([cell, mark]) => [cell, mark.by])).toEqual([
      [cellKey(key, 'available'), -2],
      [cellKey(key, 'allocated'), 2],
      [cellKey(key, 'available', 'Channel\u0000x'), -2],
      [cellKey(key, 'allocated', 'Channel\u0000x'), 2],
    ])
    expect(grid.marks.fade(1000 + markMs - 1)).toBe(false)
    expect(grid.marks.fade(1000 + markMs)).toBe(true)
    expect(grid.marks.size).toBe(0)
  })

  it('puts new records where they belong, and leaves to a page what is behind', () => {
    const grid = new Grid('upc', (r) => r.upc !== 'not this')
    grid.append([record('A', '1'), record('B', '1'), record('A', '3')], false)
    expect(grid.update(record('A', '2'), 0)).toBe(true)
    expect(grid.update(record('A', '4'), 0)).toBe(false)
    grid.complete = true
    expect(grid.update(record('A', '4'), 0)).toBe(true)
    expect(grid.update(record('A', 'not this'), 0)).toBe(false)
    expect(grid.remove(keyOf(record('B', '1')))).toBe(true)
    expect(grid.remove(keyOf(record('B', '1')))).toBe(false)
    expect(grid.keys).toEqual(['A\n1', 'A\n2', 'A\n3', 'A\n4'])
  })

  it('opens one record and all', () => {
    const grid = new Grid('upc')
    grid.toggle('a')
    expect([grid.isOpen('a'), grid.isOpen('b')]).toEqual([true, false])
    grid.openAll(true)
    grid.toggle('a')
    expect([grid.isOpen('a'), grid.isOpen('b')]).toEqual([false, true])
    grid.openAll(false)
    expect([grid.isOpen('a'), grid.isOpen('b')]).toEqual([false, false])
  })

  it('takes 100,000 records and finds places among them', () => {
    const grid = new Grid('location')
    const page = Array.from({ length: 100_000 }, (_, i) => record('L', String(i).padStart(6, '0')))
    grid.append(page, true)
    grid.update(record('L', '050000x'), 0)
    expect(grid.keys[50_001]).toBe('L\n050000x')
  })
})

it('says what an operator should look at', () => {
  expect(level({ ...segment('x', 5), floor: 9 })).toBe('low')
  expect(level({ ...segment('x', 5), safetyStock: 6 })).toBe('low')
  expect(level(segment('x', 5, 5))).toBe('out')
  expect(level(segment('x', 5))).toBe('fine')
})

it('adds up', () => {
  const good = record('A', '1', 1, segment('x', 5, 2), segment('y', 15))
  expect(addsUp(good)).toBe(true)
  expect(addsUp({ ...good, available: 17 })).toBe(false)
  expect(shares(good.segments)).toEqual([25, 75])
  expect(shares([segment('x', 0), segment('y', -3)])).toEqual([0, 0])
  expect([0, 0.2, 24.6, 99.8, 100].map(shareText)).toEqual(['0 %', '< 1 %', '25 %', '> 99 %', '100 %'])
})

it('finds the segments that are sold out beside others', () => {
  expect(soldOut(record('A', '1', 1, segment('x', 5), segment('y', 2, 2), segment('z', 1, 3))).map((s) => s.tags.Channel)).toEqual(['y', 'z'])
  expect(soldOut(record('A', '1', 1, segment('x', 0), segment('y', 2, 2)))).toEqual([])
})
