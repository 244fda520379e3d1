import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { HttpError } from './http-error.ts'

const decoders: Record<string, (body: Buffer, options: object) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress)
}

/**
 * The body as the server meant it (RFC 9110 §8.4). Done after the transfer, with a limit on the
 * result, so that a small answer cannot unpack into all of the memory.
 *
 * @param maxBytes limit for the result
 * @throws {HttpError} `ERR_RESPONSE_TOO_LARGE`, or `ERR_CONTENT_DECODING` for an unknown or broken encoding
 */
export async function decompress(
  body: Buffer,
  contentEncoding: string | undefined,
  maxBytes: number
): Promise<Buffer> {
  const encodings = (contentEncoding ?? '')
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity')
  if (body.length === 0 || encodings.length === 0) return body
  let decoded = body
  // The encodings stand in the order in which they were applied. More than two is no honest server.
  for (const encoding of encodings.slice(-2).reverse()) {
    const decode = decoders[encoding]
    if (decode === undefined) throw undecodable('the answer has an unknown content-encoding')
    try {
      decoded = await decode(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new HttpError(`the answer unpacks to more than ${maxBytes} bytes`, {
          code: 'ERR_RESPONSE_TOO_LARGE',
          connected: true,
          reusedConnection: false
        })
      }
      throw undecodable('the answer is not compressed as its content-encoding says')
    }
  }
  return decoded
}

function undecodable(message: string): HttpError {
  return new HttpError(message, {
    code: 'ERR_CONTENT_DECODING',
    connected: true,
    reusedConnection: false
  })
}
