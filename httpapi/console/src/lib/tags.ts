// Tags as texts.

export type Tags = Record<string, string>

/** tagsKey is the same for the same tags. */
export function tagsKey(tags: Tags): string {
  return Object.keys(tags)
    .sort()
    .map((category) => `${category}\u0000${tags[category]}`)
    .join('\u0001')
}

/** tagsText writes tags for people. */
export function tagsText(tags: Tags): string {
  const labels = Object.entries(tags).map(([category, value]) => tagLabel(category, value))
  return labels.length ? labels.join(' · ') : 'no tags'
}

/** tagLabel is a value, with its category where the value alone would say nothing. */
export function tagLabel(category: string, value: string): string {
  return /^(yes|no|y|n|true|false|none|\d+)$/i.test(value) ? `${category}: ${value}` : value
}

/** tagParam writes a tag for a query parameter, where a comma, colon or backslash in a name has a backslash before it. */
export function tagParam(category: string, value: string): string {
  return `${escaped(category)}:${escaped(value)}`
}

function escaped(name: string): string {
  return name.replace(/[\\,:]/g, '\\$&')
}
