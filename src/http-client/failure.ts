import { describeError } from './describe-error.ts'
import type { HttpErrorFamily } from './http-error.ts'

/**
 * Why a request ended, as far as this side knows it by itself. Thrown inside the room only: what
 * leaves it is an `HttpError`, with the facts of the connection added.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: string
  readonly family: HttpErrorFamily | undefined
  readonly atProxy: boolean

  /**
   * @param message in words that are safe to print
   * @param atProxy it is the proxy that failed, and not the server behind it
   */
  constructor(code: string, family: HttpErrorFamily | undefined, message: string, atProxy = false) {
    super(message)
    this.code = code
    this.family = family
    this.atProxy = atProxy
  }
}

const CUT_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'])

/** Whether the code of an error says that the connection was cut. */
export function isCut(code = ''): boolean {
  return CUT_CODES.has(code)
}

/** The connection ended before the answer did. */
export function cut(): Failure {
  return new Failure('ECONNRESET', 'reset', describeError('ECONNRESET'))
}
