import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import { Failure } from './failure.ts'

type Decode = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const inflateZlib: Decode = promisify(inflate)
const inflateBare: Decode = promisify(inflateRaw)
const decoders = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  // Some servers leave out the zlib header, whose first byte ends in 8 (RFC 9110 §8.4.1.2).
  [
    'deflate',
    (body, options) => ((body[0] ?? 0) % 16 === 8 ? inflateZlib : inflateBare)(body, options)
  ],
  ['br', promisify(brotliDecompress)]
])

/** More than two encodings, one over the other, is no honest server. */
const MAX_ENCODINGS = 2

/** Words of MIME's Content-Transfer-Encoding that stand for the bytes as they are, and the like. */
const AS_IT_IS = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit'])

/** Programs often name the charset here, whose header is Content-Type: no charset is a coding. */
function isNoCoding(encoding: string): boolean {
  if (AS_IT_IS.has(encoding)) return true
  try {
    return new TextDecoder(encoding).encoding !== ''
  } catch {
    return false
  }
}

/**
 * The body as the server meant it (RFC 9110 §8.4). Done after the transfer, with a limit on the
 * result, so that a small answer cannot unpack into all of the memory.
 *
 * @param maxBytes limit for the result
 * @throws {Failure} `ERR_RESPONSE_TOO_LARGE`, or `ERR_CONTENT_DECODING` for an unknown or broken encoding
 */
export async function decompress(
  body: Buffer,
  contentEncoding: string | undefined,
  maxBytes: number
): Promise<Buffer> {
  const encodings = (contentEncoding ?? '')
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => !isNoCoding(encoding))
  if (body.length === 0 || encodings.length === 0) return body
  let decoded = body
  // They stand in the order in which they were applied.
  for (const encoding of encodings.reverse()) {
    const decode = decoders.get(encoding)
    if (decode === undefined || encodings.length > MAX_ENCODINGS) {
      throw undecodable('the answer has a content-encoding that nobody asked for')
    }
    try {
      decoded = await decode(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new Failure(
          'ERR_RESPONSE_TOO_LARGE',
          undefined,
          `the answer unpacks to more than ${maxBytes} bytes`
        )
      }
      throw undecodable('the answer is not compressed as its content-encoding says')
    }
  }
  return decoded
}

function undecodable(message: string): Failure {
  return new Failure('ERR_CONTENT_DECODING', undefined, message)
}
