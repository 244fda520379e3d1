/**
 * The charset parameter of a Content-Type header (RFC 9110 §8.3.2), or `undefined`. Tolerant: quoted
 * or not, in single quotes, with blanks around `=`, any case of the name. Linear in the length.
 */
export function charsetParameter(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined
  let from = nextSemicolon(contentType, 0)
  while (from < contentType.length) {
    const end = nextSemicolon(contentType, from + 1)
    const parameter = contentType.slice(from + 1, end)
    const equals = parameter.indexOf('=')
    if (equals >= 0 && parameter.slice(0, equals).trim().toLowerCase() === 'charset') {
      return unquoted(parameter.slice(equals + 1).trim()) || undefined
    }
    from = end
  }
  return undefined
}

/** The next semicolon outside double quotes, or the end. */
function nextSemicolon(text: string, from: number): number {
  let quoted = false
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at)
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
    else if (character === ';' && !quoted) return at
  }
  return text.length
}

function unquoted(value: string): string {
  const first = value.charAt(0)
  if (first !== '"' && first !== "'") return value
  const end = value.indexOf(first, 1)
  return value.slice(1, end < 0 ? undefined : end).trim()
}
