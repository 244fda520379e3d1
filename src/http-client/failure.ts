import { describeError } from './describe-error.ts'
import type { HttpErrorFamily } from './http-error.ts'

/**
 * Why a request failed, as far as this side can tell. Only thrown inside the room: callers get an
 * `HttpError`, with the facts of the connection added.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: string
  readonly family: HttpErrorFamily | undefined
  readonly atProxy: boolean

  /**
   * @param message safe to print
   * @param atProxy the proxy failed, not the server behind it
   */
  constructor(code: string, family: HttpErrorFamily | undefined, message: string, atProxy = false) {
    super(message)
    this.code = code
    this.family = family
    this.atProxy = atProxy
  }
}

const CUT_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'])

/** Whether an error code means that the connection was cut. */
export function isCut(code = ''): boolean {
  return CUT_CODES.has(code)
}

/** The connection ended before the answer did. */
export function cut(): Failure {
  return new Failure('ECONNRESET', 'reset', describeError('ECONNRESET'))
}
