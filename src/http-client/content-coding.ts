/** What a request accepts, and got decodes as it comes. */
const CODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'br'])
/** More than two, one over the other, is no honest server. */
const MAX_CODINGS = 2
/** Words of MIME's Content-Transfer-Encoding that stand for the bytes as they are, and the like. */
const AS_IT_IS = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit'])

/**
 * The codings of a body (RFC 9110 §8.4), in the order in which they were applied, without the words
 * that are none.
 *
 * @param header the answer's `content-encoding`
 * @returns `undefined` where there is one that nobody asked for
 */
export function contentCodings(header: string): string[] | undefined {
  const codings = header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !AS_IT_IS.has(coding) && !isCharset(coding))
  const known = codings.length <= MAX_CODINGS && codings.every((coding) => CODINGS.has(coding))
  return known ? codings : undefined
}

/** Programs often name the charset here, whose header is Content-Type: no charset is a coding. */
function isCharset(word: string): boolean {
  try {
    return new TextDecoder(word).encoding !== ''
  } catch {
    return false
  }
}
