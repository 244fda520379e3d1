/**
 * Quoted or not (RFC 9110 §5.6.6). What is in quotes holds no other parameter. A long word is searched once, not again
 * from each of its letters.
 */
const parameter = /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.){0,2000})"|([^\s,;"]*))/g

/**
 * All values of a parameter in a header, in their order.
 *
 * @param name in lower case
 */
export function headerParameters(header: string, name: string): string[] {
  return [...header.matchAll(parameter)]
    .filter(([, found = '']) => found.toLowerCase() === name)
    .map(([, , quoted, word = '']) => quoted?.replace(/\\(.)/g, '$1') ?? word)
}

/** The same of a content type: behind its first semicolon. */
export function typeParameters(contentType: string, name: string): string[] {
  return headerParameters(contentType.replace(/^[^;]*/, ''), name)
}

/** The first of them; undefined if it is not there, or empty. */
export function typeParameter(contentType: string, name: string): string | undefined {
  return typeParameters(contentType, name)[0] || undefined
}
