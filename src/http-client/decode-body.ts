import { promisify } from 'node:util'
import { brotliDecompress, inflateRaw, unzip, type InputType, type ZlibOptions } from 'node:zlib'
import { tooLarge, undecodable } from './failures.ts'

type Decode = (body: InputType, limits: ZlibOptions) => Promise<Buffer>

/** `unzip` reads both gzip and zlib. */
const unzipped: Decode = promisify(unzip)
const inflated: Decode = promisify(inflateRaw)
const unbrotlied: Decode = promisify(brotliDecompress)

/** An honest server does not stack more than two. */
const MAX_CODINGS = 2
/** Words for unchanged bytes, such as those of MIME's Content-Transfer-Encoding. */
const AS_IT_IS = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit'])

/**
 * Undoes the compression of a body (RFC 9110 §8.4). No request asks for one, but some servers send
 * nothing else.
 *
 * @param header the answer's `content-encoding`
 * @param maxBytes limit for the result
 * @throws {HttpError} `ERR_RESPONSE_TOO_LARGE`, or `ERR_CONTENT_DECODING` for another coding or bytes
 *   that it does not fit
 */
export async function decodeBody(body: Buffer, header: string, maxBytes: number): Promise<Buffer> {
  const codings = header
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !AS_IT_IS.has(coding) && !isCharset(coding))
  if (body.length === 0 || codings.length === 0) return body
  if (codings.length > MAX_CODINGS) throw undecodable()
  let decoded = body
  // The last one was applied last.
  for (const coding of codings.reverse()) {
    try {
      decoded = await decoderOf(coding, decoded)(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? tooLarge(maxBytes)
        : undecodable()
    }
  }
  return decoded
}

function decoderOf(coding: string, body: Buffer): Decode {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return unzipped
    case 'deflate':
      // Some servers leave out the zlib header (RFC 9110 §8.4.1.2), which begins with this nibble.
      return ((body[0] ?? 0) & 0x0f) === 0x08 ? unzipped : inflated
    case 'br':
      return unbrotlied
    default:
      throw undecodable()
  }
}

/** Programs often put the charset here instead of in Content-Type. It is not a coding. */
function isCharset(word: string): boolean {
  try {
    return new TextDecoder(word).encoding !== ''
  } catch {
    return false
  }
}
