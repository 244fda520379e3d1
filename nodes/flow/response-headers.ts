import type { HttpReply } from '../../src/http-client/http-message.ts'

/** How Node-RED's own "http request" marks headers that it has received. */
export const MARK = 'x-node-red-request-node'

/**
 * The headers of an answer as a message has them: marked, so that "http response" does not send them on to its own
 * client, whose answer is another one (`transfer-encoding` beside its content length would break that), nor "http
 * request" to the next server. Both compare the mark with the headers, so those that a flow has changed are sent.
 */
export function markedHeaders(headers: HttpReply['headers']): HttpReply['headers'] {
  return { ...headers, [MARK]: hashOf({ ...headers }) }
}

/** What the package hash-sum, which Node-RED uses for this, makes of the values that headers have. */
function hashOf(headers: object): string {
  return foldValue(0, headers, '').toString(16).padStart(8, '0')
}

function foldValue(start: number, value: unknown, key: string): number {
  // Nearly all are texts: the same as below, at once.
  if (typeof value === 'string') {
    return fold(fold(fold(fold(start, key), '[object String]'), 'string'), value)
  }
  const kind = Object.prototype.toString.call(value)
  const hash = [key, kind, typeof value].reduce(fold, start)
  if (typeof value !== 'object' || value === null) return fold(hash, String(value))
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  const folded = members.reduce((sum, [name, member]) => foldValue(sum, member, name), hash)
  return fold(folded, Array.isArray(value) ? value.join() : kind)
}

function fold(start: number, text: string): number {
  if (text === '') return start
  // As an integer: a start beyond 2^31 makes all of the sum a float, which takes twice as long.
  let hash = start | 0
  for (let at = 0; at < text.length; at++) hash = ((hash << 5) - hash + text.charCodeAt(at)) | 0
  return hash < 0 ? hash * -2 : hash
}
