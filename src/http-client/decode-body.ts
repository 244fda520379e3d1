import { promisify } from 'node:util'
import { brotliDecompress, inflateRaw, unzip, zstdDecompress } from 'node:zlib'
import { tooLarge, undecodable } from './failures.ts'

type Decode = (body: Buffer, limits: { maxOutputLength: number }) => Promise<Buffer>

/** Reads both gzip and zlib. */
const unzipped: Decode = promisify(unzip)
const inflated: Decode = promisify(inflateRaw)

/** The codings of RFC 9110 §8.4.1 and RFC 8878. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', unzipped],
  ['x-gzip', unzipped],
  // Some servers leave out the zlib header, which begins with this nibble.
  [
    'deflate',
    (body, limits) =>
      ((body[0] ?? 0) & 0x0f) === 8 ? unzipped(body, limits) : inflated(body, limits)
  ],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)]
])

/** An honest server does not stack more than two. */
const MAX_CODINGS = 2

/**
 * Undoes the compression of a body (RFC 9110 §8.4). No request asks for one, but some servers send
 * nothing else.
 *
 * @param header the answer's `content-encoding`. Words that name no compression count for nothing: many Java programs
 *   put the charset here
 * @param maxBytes limit for the result
 * @throws {HttpError} `ERR_RESPONSE_TOO_LARGE`, or `ERR_CONTENT_DECODING` for bytes that are not compressed so
 */
export async function decodeBody(body: Buffer, header: string, maxBytes: number): Promise<Buffer> {
  const decoders = header
    .split(',')
    .map((coding) => DECODERS.get(coding.trim().toLowerCase()))
    .filter((decoder) => decoder !== undefined)
  if (body.length === 0) return body
  if (decoders.length > MAX_CODINGS) throw undecodable()
  let decoded = body
  // The last one was applied last.
  for (const decode of decoders.reverse()) {
    try {
      decoded = await decode(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? tooLarge(maxBytes)
        : undecodable()
    }
  }
  return decoded
}
