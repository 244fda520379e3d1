import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import type { Request } from 'got'
import type { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import { cut } from './failure.ts'

/** Long bodies are sent in pieces of this size, in bytes, so that progress is visible. */
const PIECE_BYTES = 64 * 1024
/** How long to wait until the connection of a complete answer is free, in milliseconds. */
const FREE_MS = 100

export interface HttpReply {
  status: number
  headers: IncomingHttpHeaders
  /** The body, decoded from gzip, deflate or br. */
  body: Buffer
  /** The connection that it came over; the same object for all answers on it. */
  connection: Pick<Connection, 'close'>
}

/**
 * Sends the body through got and collects the answer.
 *
 * The body is written to got's stream and not given to got as an option: with the option, got waits
 * until Node.js says that the body is on its way, and if the answer is faster (a receiver nearby, a
 * busy event loop), it considers the request broken and closes the connection.
 *
 * Waits until the connection is free for the next request, which would open another.
 */
export async function transfer(
  stream: Request,
  body: Buffer | undefined,
  exchange: Exchange
): Promise<HttpReply> {
  const chunks: Buffer[] = []
  let received = 0
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    received += chunk.length
    exchange.received(received)
  })
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve)
    // Also for errors after the end, which no longer matter.
    stream.on('error', reject)
    // Closed without either event: nothing else would settle the promise.
    stream.once('close', () => {
      if (!stream.readableEnded) {
        reject(cut())
      }
    })
    // In here, so that what it throws rejects the promise.
    upload(stream, body, exchange)
  })
  const { answer, connection } = exchange
  if (answer?.statusCode === undefined || connection === undefined) {
    throw new TypeError('An answer without a head.')
  }
  if (!stream.writableEnded) {
    // The server has answered early; it must not take the next request for the rest of this one.
    stream.destroy()
  } else if (exchange.sent !== undefined) await isFree(exchange.sent)
  const [only] = chunks
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, received),
    connection
  }
}

function upload(stream: Request, body: Buffer | undefined, exchange: Exchange): void {
  if (body === undefined || body.length <= PIECE_BYTES) {
    // got ends a GET by itself.
    if (stream.options.method !== 'GET') stream.end(body)
    return
  }
  let at = 0
  const next = (error?: Error | null): void => {
    if (error || stream.destroyed) return
    exchange.uploaded()
    const piece = body.subarray(at, at + PIECE_BYTES)
    at += piece.length
    if (at < body.length) stream.write(piece, next)
    else stream.end(piece)
  }
  next()
}

/** Node.js releases a connection shortly after the answer's end. */
function isFree(sent: ClientRequest): Promise<void> | undefined {
  if (sent.closed || !sent.shouldKeepAlive) return undefined
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      sent.destroy()
      resolve()
    }, FREE_MS)
    sent.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
