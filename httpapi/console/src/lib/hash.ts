// Filters in the page's URL, behind #/page?.
import { replace, router } from 'svelte-spa-router'

/** readParams gives the parameters of the present page. */
export function readParams(): URLSearchParams {
  return new URLSearchParams(router.querystring ?? '')
}

/** writeParams replaces the parameters of the present page. Empty ones are left out. */
export function writeParams(values: Record<string, string>): void {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value) params.set(name, value)
  const text = params.toString()
  void replace(router.location + (text ? '?' + text : ''))
}
