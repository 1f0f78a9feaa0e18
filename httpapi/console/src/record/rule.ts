// Which rules a record's stock and orders go by.
import type { Schemas } from '../api/client'

export type Activation = Schemas['Activation']

interface Place {
  upc: string
  location: string
}

/** takesIn reports whether the scope of an activation has a record in it. */
export function takesIn(activation: Activation, { upc, location }: Place): boolean {
  const scope = activation.scope
  const locations = scope?.locations ?? []
  return (locations.length === 0 || locations.includes(location)) && upc.startsWith(scope?.upcPrefix ?? '')
}

/** rulesOf are the activations of a hook that have a record in their scope, the one that is asked first at the front. */
export function rulesOf(rules: Schemas['Rule'][], hook: Activation['hook'], place: Place): Activation[] {
  return rules
    .flatMap((rule) => rule.active)
    .filter((activation) => activation.hook === hook && takesIn(activation, place))
    .sort((a, b) => weight(b, a))
}

function weight(a: Activation, b: Activation): number {
  const tags = (x: Activation) => Object.keys(x.scope?.tags ?? {}).length
  const prefix = (x: Activation) => (x.scope?.upcPrefix ?? '').length
  const places = (x: Activation) => x.scope?.locations?.length || Infinity
  const [more, fewer] = [places(b), places(a)]
  return tags(a) - tags(b) || prefix(a) - prefix(b) || (more === fewer ? 0 : more - fewer)
}
