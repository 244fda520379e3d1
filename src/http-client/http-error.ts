/**
 * What kind of failure ended a request, exactly one each: never connected · no answer in time ·
 * cut while waiting for the answer · certificate or TLS handshake.
 */
export type HttpErrorFamily = 'connect' | 'timeout' | 'reset' | 'tls'

/** The facts of a request that ended without a complete answer. */
export interface HttpErrorFacts {
  /** A Node.js error code such as `ECONNREFUSED`, or one of ours (`ERR_RESPONSE_TOO_LARGE`). */
  code: string
  family?: HttpErrorFamily | undefined
  /** The connection, TLS handshake included, was there. `false`: the receiver saw nothing. */
  connected: boolean
  /** The request went over a connection that an earlier request had left open. */
  reusedConnection: boolean
  /** Status of an answer whose body could not be read whole. */
  status?: number | undefined
  /** Subject of the issuer of a certificate that was not trusted. */
  certificateIssuer?: string | undefined
}

/**
 * A request that ended without a complete answer. got's own errors carry the request with its
 * headers; this one is made anew from safe facts, so that printing it shows no token and no body.
 */
export class HttpError extends Error implements HttpErrorFacts {
  override readonly name = 'HttpError'
  readonly code: string
  readonly family: HttpErrorFamily | undefined
  readonly connected: boolean
  readonly reusedConnection: boolean
  readonly status: number | undefined
  readonly certificateIssuer: string | undefined

  constructor(message: string, facts: HttpErrorFacts) {
    super(message)
    this.code = facts.code
    this.family = facts.family
    this.connected = facts.connected
    this.reusedConnection = facts.reusedConnection
    this.status = facts.status
    this.certificateIssuer = facts.certificateIssuer
  }
}
