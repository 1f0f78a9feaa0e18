import { expect, it } from 'vitest'
import { besides, silent, standing, tolerated, withMember, without, type Member } from './members'
import { parseMetrics } from './metrics'
import { sampleOf } from './samples'

const members: Member[] = ['a', 'b', 'c'].map((id) => ({ id, address: '', voter: id !== 'c', leader: id === 'a', heardSeconds: 0.1 }))

it('says what a cluster stands', () => {
  expect([1, 2, 3, 4, 5].map(tolerated)).toEqual([0, 0, 1, 1, 2])
  expect(standing(2)).toBe('2 voters: if one fails, writes stop.')
  expect(standing(5)).toBe('5 voters: writes go on while 2 of them fail.')
  expect([without(members, 'a'), without(members, 'c')]).toEqual([1, 2])
  expect([withMember(members, 'c', true), withMember(members, 'b', true), withMember(members, 'd', false)]).toEqual([3, 2, 2])
})

it('says who does not answer, and what is left then', () => {
  const cluster = (state: 'leader' | 'follower', ...heard: (number | null)[]) => {
    const members = heard.map((heardSeconds, i) => ({ id: 'abcde'[i]!, address: '', voter: true, leader: i === 0, heardSeconds }))
    return { node: state === 'leader' ? 'a' : 'b', cluster: 'x', address: '', state, ready: true, leader: 'a', term: 1, asOf: 1, commitIndex: 1, logIndex: 1, checkpointIndex: 1, lagSeconds: 0, members }
  }
  expect(besides(cluster('leader', 0, 0.1, 0.2))).toBe('')
  expect(besides(cluster('leader', 0, 0.1, 60))).toBe('c does not answer: if one more fails, writes stop.')
  expect(besides(cluster('leader', 0, 0.1, 0.1, null, 0.1))).toBe('d does not answer: writes go on while 1 more fails.')
  expect(besides(cluster('leader', 0, 60, null))).toBe('b, c do not answer: writes wait.')
  // A follower knows of the leader only.
  const seen = cluster('follower', 0.1, 0, null)
  expect(seen.members.map((member) => silent(seen, member))).toEqual([false, false, false])
})

it('makes a sample of two looks', () => {
  const look = (at: number, commands: number, bytes: number) => ({
    at, metrics: parseMetrics(`apportion_commands_total ${commands}\napportion_log_bytes_total ${bytes}\n`),
  })
  expect(sampleOf(look(0, 10, 0), look(2000, 30, 4096), 5000)).toEqual({
    at: 5, requests: 0, commands: 10, allocateHalf: null, allocateMost: null, syncHalf: null, syncMost: null, logBytes: 2048,
  })
})
