import type { IncomingHttpHeaders } from 'node:http'
import type { ConnectionSettings } from './connection-settings.ts'

/** Settings of both HTTP clients. */
export interface HttpClientSettings extends ConnectionSettings {
  /** Limit for the body of an answer, with and without compression, in bytes. */
  maxResponseBytes: number
}

export interface HttpRequest {
  method: 'GET' | 'POST'
  url: URL
  headers: Readonly<Record<string, string>>
  body?: Buffer | undefined
  /**
   * From the last byte of the request to the last byte of the answer, in milliseconds. While the
   * request is still being sent, the limit for a stall.
   */
  responseTimeoutMs: number
  /** A kept connection that was idle for longer, in milliseconds, is not used. */
  mostIdleMs?: number | undefined
  /** Ends the request with an `HttpError` of code `ERR_ABORTED`. */
  signal?: AbortSignal | undefined
}

/** A complete answer, whatever its status. */
export interface HttpReply {
  status: number
  /** With names in lower case. Of a name that came several times, the values are joined, as Node.js does. */
  headers: IncomingHttpHeaders
  /** Without any compression. */
  body: Buffer
}
