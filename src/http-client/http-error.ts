/**
 * The kind of failure that ended a request, in the order of the type: never connected · no answer in
 * time · cut while waiting for the answer · certificate or TLS handshake.
 */
export type HttpErrorFamily = 'connect' | 'timeout' | 'reset' | 'tls'

/** A connection that breaks later than this after the request, in milliseconds, was not dead. */
const MOST_STALE_MS = 1000

/** The facts of a request that ended without a complete answer. */
export interface HttpErrorFacts {
  /** Who was asked. */
  host?: string | undefined
  /** A Node.js error code such as `ECONNREFUSED`, or one of ours (`ERR_RESPONSE_TOO_LARGE`). */
  code: string
  family?: HttpErrorFamily | undefined
  /** The connection was established, TLS handshake included. Default: no, the server saw nothing. */
  connected?: boolean
  /** The request went over a connection that an earlier request had left open. */
  reusedConnection?: boolean
  /** At least one byte of an answer arrived. */
  answered?: boolean | undefined
  /** From the end of the request until it ended, in milliseconds. Default: 0, the request was not sent whole. */
  waitedMs?: number | undefined
  /** Status of an answer whose body could not be read completely. */
  status?: number | undefined
  /** What that answer's Retry-After asks for, in milliseconds. */
  retryAfterMs?: number | undefined
  /** The `x-request-id` of that answer. */
  requestId?: string | undefined
  /** The proxy failed, not the server behind it. */
  atProxy?: boolean | undefined
  /** With which the proxy refused the connection. */
  proxyStatus?: number | undefined
  /** It is about the client certificate of this side: unusable, missing, or not accepted. */
  isOfOwnCertificate?: boolean | undefined
  /** Name of the issuer of a certificate that was not trusted. */
  certificateIssuer?: string | undefined
}

/**
 * A request that ended without a complete answer. Errors of got and undici can contain the request with
 * its headers; this one is built from safe facts, so that printing it shows no token and no body.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  /** What happened, in words that are safe to print; the message also names the host. */
  readonly what: string
  readonly code: string
  readonly family: HttpErrorFamily | undefined
  readonly connected: boolean
  readonly reusedConnection: boolean
  readonly answered: boolean
  readonly waitedMs: number
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly requestId: string | undefined
  readonly atProxy: boolean
  readonly proxyStatus: number | undefined
  readonly isOfOwnCertificate: boolean
  readonly certificateIssuer: string | undefined
  readonly #facts: HttpErrorFacts

  constructor(what: string, facts: HttpErrorFacts) {
    super(facts.host === undefined ? what : `${facts.host}: ${what}`)
    this.#facts = facts
    this.what = what
    this.code = facts.code
    this.family = facts.family
    this.connected = facts.connected ?? false
    this.reusedConnection = facts.reusedConnection ?? false
    this.answered = facts.answered ?? false
    this.waitedMs = facts.waitedMs ?? 0
    this.status = facts.status
    this.retryAfterMs = facts.retryAfterMs
    this.requestId = facts.requestId
    this.atProxy = facts.atProxy ?? false
    this.proxyStatus = facts.proxyStatus
    this.isOfOwnCertificate = facts.isOfOwnCertificate ?? false
    this.certificateIssuer = facts.certificateIssuer
  }

  /** The same failure, by somebody who knows more of it. */
  with(more: Partial<HttpErrorFacts>): HttpError {
    return new HttpError(this.what, { ...this.#facts, ...more })
  }

  /**
   * The server closed a kept connection while the request was on its way, and most likely never
   * read it. The client then closes the other kept connections, so a retry goes over a new one. One that does not read a
   * request closes at once; what ends later, something has worked on.
   */
  get isStale(): boolean {
    return (
      this.family === 'reset' &&
      this.reusedConnection &&
      !this.answered &&
      this.waitedMs <= MOST_STALE_MS
    )
  }
}
