// Sources that were changed and not saved: they stay while the console is open, whatever page is shown.

import { identifier, type Category } from './complete'

/** drafts has them by the rule's name, that of a new rule at the empty name. */
export const drafts = $state<Record<string, string>>({})

/** firstSource is what a new rule begins with: its test needs the name of a category. */
export function firstSource(categories: Category[]): string {
  const category = categories.find((c) => identifier.test(c.name) && /^[\w -]+$/.test(c.values[0] ?? ''))
  const tags = category ? `{ ${category.name} = "${category.values[0]}" }` : '{}'
  return `-- From which segments an order item is filled, in this order.
function select(item, record)
  return {
    { tags = item.tags },
  }
end

tests = {
  {
    name = "takes what its segment has",
    item = { quantity = 6, tags = ${tags} },
    record = { segments = { { tags = ${tags}, onHand = 4 } } },
    expect = { missing = 2 },
  },
}
`
}

window.addEventListener('beforeunload', (event) => {
  if (Object.keys(drafts).length > 0) event.preventDefault()
})
