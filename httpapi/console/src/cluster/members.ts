// Changes of the members: the requests, and what they mean for the cluster.
import { api, take, type Schemas } from '../api/client'

export type Member = Schemas['Member']
type Cluster = Schemas['Cluster']

/** tolerated is how many voters may fail while the others still take writes. */
export function tolerated(voters: number): number {
  return Math.max(0, Math.floor((voters - 1) / 2))
}

/** silentSeconds is how long a member may say nothing before it counts as silent. One that runs answers several times a second. */
const silentSeconds = 5

/** silent reports whether a member does not answer, as far as the node that was asked knows: only the leader asks all. */
export function silent(cluster: Cluster, member: Member): boolean {
  if (member.id === cluster.node) return false
  return member.heardSeconds === null ? cluster.state === 'leader' : member.heardSeconds > silentSeconds
}

/** besides says what a cluster still stands whose members do not all answer; it is empty if they do. */
export function besides(cluster: Cluster): string {
  const voters = cluster.members.filter((member) => member.voter)
  const lost = voters.filter((member) => silent(cluster, member)).map((member) => member.id)
  if (lost.length === 0) return ''
  const names = `${lost.join(', ')} ${lost.length === 1 ? 'does' : 'do'} not answer`
  const left = tolerated(voters.length) - lost.length
  if (left < 0) return `${names}: writes wait.`
  return left === 0 ? `${names}: if one more fails, writes stop.` : `${names}: writes go on while ${left} more ${left === 1 ? 'fails' : 'fail'}.`
}

/** standing says what a cluster of so many voters stands. */
export function standing(voters: number): string {
  const failures = tolerated(voters)
  const have = voters === 1 ? '1 voter' : `${voters} voters`
  if (failures === 0) return `${have}: if one fails, writes stop.`
  return `${have}: writes go on while ${failures === 1 ? 'one of them fails' : `${failures} of them fail`}.`
}

/** without is how many voters are left when a member goes. */
export function without(members: Member[], id: string): number {
  return members.filter((member) => member.voter && member.id !== id).length
}

/** withMember is how many voters there are when a node is put. */
export function withMember(members: Member[], id: string, voter: boolean): number {
  return without(members, id) + (voter ? 1 : 0)
}

export const transferTo = (to: string) => take(api().POST('/v1/cluster/transfer-leader', { body: { to } }))
export const removeMember = (id: string) => take(api().DELETE('/v1/cluster/members/{id}', { params: { path: { id } } }))
export const putMember = (id: string, address: string, voter: boolean) =>
  take(api().PUT('/v1/cluster/members/{id}', { params: { path: { id } }, body: { address, voter } }))
export const makeCheckpoint = () => take(api().POST('/v1/cluster/snapshot'))
