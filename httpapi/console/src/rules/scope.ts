// For which lines a rule is asked.
import type { Schemas } from '../api/client'
import { tagLabel } from '../lib/tags'

export type Scope = Schemas['Activation']['scope']

/** ScopeForm is a scope as it is typed. */
export interface ScopeForm {
  locations: string
  upcPrefix: string
  tags: Record<string, string>
}

/** emptyScope selects everything. */
export const emptyScope = (): ScopeForm => ({ locations: '', upcPrefix: '', tags: {} })

/** scopeForm shows a scope for changes. */
export function scopeForm(scope: Scope): ScopeForm {
  return { locations: (scope?.locations ?? []).join(', '), upcPrefix: scope?.upcPrefix ?? '', tags: { ...scope?.tags } }
}

/** scopeOf reads what was typed. A redistribute rule has no tags in its scope. */
export function scopeOf(form: ScopeForm, hook: string) {
  const locations = form.locations.split(',').map((name) => name.trim()).filter(Boolean)
  const tags = hook === 'redistribute' ? [] : Object.entries(form.tags).filter(([, value]) => value)
  return { locations: [...new Set(locations)].sort(), upcPrefix: form.upcPrefix.trim(), tags: Object.fromEntries(tags) }
}

/** scopeText says for what a rule is asked. */
export function scopeText(scope: Scope, hook: string): string {
  const parts = Object.entries(scope?.tags ?? {}).map(([category, value]) => tagLabel(category, value))
  if (scope?.upcPrefix) parts.push(`UPCs that begin with ${scope.upcPrefix}`)
  if (scope?.locations?.length) parts.push(`at ${scope.locations.join(', ')}`)
  if (parts.length > 0) return parts.join(' · ')
  return hook === 'redistribute' ? 'all records' : 'all order lines'
}

/** sameScope reports whether an activation for one scope takes the place of that for another one. */
export function sameScope(a: Scope, b: Scope): boolean {
  const key = (scope: Scope) =>
    JSON.stringify([
      [...(scope?.locations ?? [])].sort(),
      scope?.upcPrefix ?? '',
      Object.entries(scope?.tags ?? {}).sort(([x], [y]) => (x < y ? -1 : 1)),
    ])
  return key(a) === key(b)
}
