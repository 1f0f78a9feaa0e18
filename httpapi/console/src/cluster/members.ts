// Changes of the members: the requests, and what they mean for the cluster.
import { api, take, type Schemas } from '../api/client'

export type Member = Schemas['Member']

/** tolerated is how many voters may fail while the others still take writes. */
export function tolerated(voters: number): number {
  return Math.max(0, Math.floor((voters - 1) / 2))
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
