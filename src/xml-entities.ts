/** The entities of XML (1.0 §4.6), each by its character. */
export const XML_ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;']
])

const characters = new Map([...XML_ENTITIES].map(([character, entity]) => [entity, character]))

const reference = /&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});/g

/**
 * Resolves the references in a text (XML 1.0 §4.1). An ampersand that begins no known one is an ampersand: programs that
 * concatenate strings write MSH-2 that way.
 */
export function resolveReferences(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(reference, (written) => characters.get(written) ?? characterOf(written))
}

/** The character of a numeric reference; as written if there is none. */
function characterOf(written: string): string {
  // `0x41` and `065` are read as XML means them.
  const code = Number(`0${written.slice(2, -1)}`)
  return code <= 0x10ffff ? String.fromCodePoint(code) : written
}
