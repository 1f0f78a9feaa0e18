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

/** Progress sums up what was done of the parts. */
export interface Progress {
  done: number
  of: number
  units: number
  /** waiting counts the records that a rule still has to decide about. */
  waiting: number
}

interface Options {
  send: (part: Scope) => Promise<Pick<Schemas['Redistributed'], 'units' | 'waiting'>>
  onPart: (progress: Progress) => void
  signal: AbortSignal
}

/** run does part after part until the signal ends, and gives the parts that are left, with the error that ended it. */
export async function run(parts: Scope[], { send, onPart, signal }: Options): Promise<{ rest: Scope[]; error?: Error }> {
  let progress: Progress = { done: 0, of: parts.length, units: 0, waiting: 0 }
  onPart(progress)
  for (const [i, part] of parts.entries()) {
    if (signal.aborted) return { rest: parts.slice(i) }
    try {
      const { units, waiting = 0 } = await send(part)
      progress = { ...progress, done: i + 1, units: progress.units + units, waiting }
      onPart(progress)
    } catch (error) {
      return { rest: parts.slice(i), error: error as Error }
    }
  }
  return { rest: [] }
}
