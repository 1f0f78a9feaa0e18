// A redistribution on demand: whom it is for, and the requests that do it.
import type { Schemas } from '../api/client'

export interface Scope {
  upcs: string[]
  locations: string[]
}

/** names are those of a list that people write, with commas or new lines between. */
export function names(text: string): string[] {
  const all = text.split(/[,\n]/).map((name) => name.trim())
  return [...new Set(all.filter((name) => name !== ''))]
}

/** bodyOf asks for a scope; an empty one is everything. */
export function bodyOf(scope: Scope): Schemas['RedistributeBody'] {
  return scope.upcs.length + scope.locations.length > 0 ? { ...scope } : { all: true }
}

/** partsOf cuts a scope into requests that are done one after the other: one a location, unless some UPCs make it small. */
export function partsOf(scope: Scope, locations: string[]): Scope[] {
  if (scope.upcs.length > 0) return [scope]
  return (scope.locations.length > 0 ? scope.locations : locations).map((location) => ({ upcs: [], locations: [location] }))
}
