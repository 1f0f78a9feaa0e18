import { describe, expect, it } from 'vitest'
import { age, bytes, counted, duration, signed, tickTime, units, utc } from './format'

describe('figures', () => {
  it('give a change its sign', () => {
    expect([signed(3), signed(-3), signed(0)]).toEqual(['+3', '−3', '0'])
    expect([units(3), units(-3), units(0)]).toEqual(['3', '−3', '0'])
  })
  it('take a noun', () => {
    expect([counted(1, 'unit'), counted(0, 'unit')]).toEqual(['1 unit', '0 units'])
  })
  it('choose the unit of a duration', () => {
    expect([0.0000015, 0.0024, 1.25, 150, 7300, 200000].map(duration)).toEqual([
      '1.5 µs', '2.4 ms', '1.3 s', '2 min', '2 h', '2 days',
    ])
  })
  it('choose the unit of a size', () => {
    expect([12, 2048, 5 * 1024 * 1024].map(bytes)).toEqual(['12 B', '2 KB', '5 MB'])
  })
  it('write times in UTC and by age', () => {
    expect(utc('2026-11-30T12:00:00.123Z')).toBe('2026-11-30 12:00:00 UTC')
    expect(age('2026-11-30T12:00:00Z', Date.parse('2026-11-30T12:05:00Z'))).toBe('5 min')
    expect(age('2026-11-30T12:00:00Z', Date.parse('2026-11-30T11:59:00Z'))).toBe('0 s')
  })
  it('write times on an axis as short as they can be told apart', () => {
    const at = new Date(2026, 10, 30, 12, 5, 9).getTime() / 1000
    expect(tickTime(at, 60)).toContain('05:09')
    expect(tickTime(at, 7200)).not.toContain('09')
    expect(tickTime(at, 10 * 86_400)).not.toContain(':')
  })
})
