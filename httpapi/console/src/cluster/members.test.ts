import { expect, it } from 'vitest'
import { standing, tolerated, withMember, without, type Member } from './members'
import { parseMetrics } from './metrics'
import { sampleOf } from './samples'

const members: Member[] = ['a', 'b', 'c'].map((id) => ({ id, address: '', voter: id !== 'c', leader: id === 'a' }))

it('says what a cluster stands', () => {
  expect([1, 2, 3, 4, 5].map(tolerated)).toEqual([0, 0, 1, 1, 2])
  expect(standing(2)).toBe('2 voters: if one fails, writes stop.')
  expect(standing(5)).toBe('5 voters: writes go on while 2 of them fail.')
  expect([without(members, 'a'), without(members, 'c')]).toEqual([1, 2])
  expect([withMember(members, 'c', true), withMember(members, 'b', true), withMember(members, 'd', false)]).toEqual([3, 2, 2])
})

it('makes a sample of two looks', () => {
  const look = (at: number, commands: number, bytes: number) => ({
    at, metrics: parseMetrics(`apportion_commands_total ${commands}\napportion_log_bytes_total ${bytes}\n`),
  })
  expect(sampleOf(look(0, 10, 0), look(2000, 30, 4096), 5000)).toEqual({
    at: 5, requests: 0, commands: 10, allocateHalf: null, allocateMost: null, syncHalf: null, syncMost: null, logBytes: 2048,
  })
})
