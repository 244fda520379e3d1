import type { IncomingHttpHeaders } from 'node:http'

/** A request that a receiver of the demo has read whole. */
export interface ReceivedRequest {
  method: string
  /** Path and query. */
  url: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** An answer instead of the usual one. Default: 200 at once, without headers or body. */
export interface ReceiverAnswer {
  status?: number
  headers?: Record<string, string>
  body?: string | Buffer
  delayMs?: number
  /** Cuts the connection before the answer, or in the middle of its body. */
  cut?: 'before' | 'within'
}
