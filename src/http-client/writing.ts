import http, { type ClientRequest } from 'node:http'
import https from 'node:https'
import type { RequestFunction } from 'got'

/**
 * How got's requests are written: header names as they were given, and the end of the request with
 * the last byte of its body.
 *
 * got would send the names in lower case. To HTTP it is the same (RFC 9110 §5.1), but not to every
 * program behind a gateway that reads `UPHN-INFOMAP`.
 */
export function writing(
  given: Record<string, string>,
  body: Buffer | string | undefined
): RequestFunction {
  const names = new Map(Object.keys(given).map((name) => [name.toLowerCase(), name]))
  const length = body === undefined ? 0 : Buffer.byteLength(body)
  return (url, { headers, ...options }, callback) => {
    const written = Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, value]) => [names.get(name) ?? name, value])
    )
    const { request } = url.protocol === 'https:' ? https : http
    const all = { ...options, headers: written } as https.RequestOptions
    return endingWithLastByte(request(url, all, callback), length)
  }
}

/**
 * got writes a body in pieces and ends the request a turn of the event loop after the last one. A
 * receiver that answers within that turn finds the request unfinished: got then destroys it, and the
 * connection with it, however much of the answer is still on its way.
 *
 * @param length of the body, in bytes
 */
function endingWithLastByte(sent: ClientRequest, length: number): ClientRequest {
  let left = length
  const write = sent.write.bind(sent) as (...piece: Piece) => boolean
  sent.write = ((...piece: Piece) => {
    left -= piece[0].length
    if (left > 0) return write(...piece)
    sent.end(...piece)
    return true
  }) as ClientRequest['write']
  return sent
}

type Piece = [bytes: Uint8Array, encoding: BufferEncoding, callback: () => void]
