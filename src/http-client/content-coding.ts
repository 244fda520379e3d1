/** What a request accepts and got decodes. */
const CODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'br'])
/** An honest server does not stack more than two. */
const MAX_CODINGS = 2
/** Words for unchanged bytes, such as those of MIME's Content-Transfer-Encoding. */
const AS_IT_IS = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit'])

/**
 * The codings of a body (RFC 9110 §8.4), in the order in which they were applied, without words
 * that are not codings.
 *
 * @param header the answer's `content-encoding`
 * @returns `undefined` if one of them was not requested
 */
export function contentCodings(header: string): string[] | undefined {
  const codings = header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !AS_IT_IS.has(coding) && !isCharset(coding))
  const known = codings.length <= MAX_CODINGS && codings.every((coding) => CODINGS.has(coding))
  return known ? codings : undefined
}

/** Programs often put the charset here instead of in Content-Type. It is not a coding. */
function isCharset(word: string): boolean {
  try {
    return new TextDecoder(word).encoding !== ''
  } catch {
    return false
  }
}
