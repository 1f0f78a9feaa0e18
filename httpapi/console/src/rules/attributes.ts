// Attributes of an item, as they are typed: name=value, with commas or lines between them.

/** readAttributes gives the attributes, or says what is wrong. */
export function readAttributes(text: string): { attributes: Record<string, string>; fault: string } {
  const attributes: Record<string, string> = {}
  for (const part of text.split(/[,\n]/).map((part) => part.trim()).filter(Boolean)) {
    const at = part.indexOf('=')
    if (at < 1) return { attributes: {}, fault: `"${part}" is not an attribute: name=value is expected, such as tier=gold.` }
    attributes[part.slice(0, at).trim()] = part.slice(at + 1).trim()
  }
  return { attributes, fault: '' }
}
