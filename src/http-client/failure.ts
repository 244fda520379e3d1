import { english, type KeyUnder } from '../english.ts'
import { describeError, isCertificateAlert, isCut, isTls } from './describe-error.ts'
import { HttpError, type HttpErrorFacts, type HttpErrorFamily } from './http-error.ts'

/**
 * Why a request failed, as far as this side can tell. Only thrown inside the room: callers get an
 * `HttpError`, with the facts of the connection added.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: string
  readonly family: HttpErrorFamily | undefined
  readonly atProxy: boolean
  readonly proxyStatus: number | undefined

  /**
   * @param message safe to print
   * @param atProxy the proxy failed, not the server behind it
   * @param proxyStatus with which the proxy refused the connection
   */
  constructor(
    code: string,
    family: HttpErrorFamily | undefined,
    message: string,
    atProxy = false,
    proxyStatus?: number
  ) {
    super(message)
    this.code = code
    this.family = family
    this.atProxy = atProxy
    this.proxyStatus = proxyStatus
  }

  /** The error for callers, which names the host. */
  at(
    host: string,
    facts: Omit<HttpErrorFacts, 'host' | 'code' | 'family' | 'atProxy' | 'proxyStatus'>
  ): HttpError {
    const { code, family, message, atProxy, proxyStatus } = this
    return new HttpError(message, { ...facts, host, code, family, atProxy, proxyStatus })
  }
}

/** An error of Node.js or of a library, in our own words: its message may quote what was sent. */
export function failureOf(error: unknown, family: HttpErrorFamily | undefined): Failure {
  if (error instanceof Failure) return error
  // undici's HTTPParserError has no code.
  const {
    name,
    code = name === 'Error' ? 'EUNKNOWN' : name,
    message
  } = error as NodeJS.ErrnoException
  return new Failure(code, family, describeError(code, message))
}

/** The same for an error before the connection was complete. */
export function connectFailureOf(error: unknown, phase: 'connect' | 'tls'): Failure {
  const { code = '' } = error as NodeJS.ErrnoException
  return failureOf(error, isTls(code) ? 'tls' : phase)
}

/**
 * The same for an error on an open connection. Whatever ends it is a reset, because the request may have arrived, but
 * for a server that refuses the client certificate.
 */
export function brokenBy(error: NodeJS.ErrnoException): Failure {
  if (isCertificateAlert(error)) return failureOf(error, 'tls')
  if (isCut(error)) return cut()
  const { code = '' } = error
  if (!isTls(code)) return failureOf(error, 'reset')
  return new Failure(code, 'reset', english('log', 'network.tlsBroke', { code }))
}

/** Something took longer than it may. */
export function tooLate(
  family: HttpErrorFamily,
  what: KeyUnder<'log', 'network'>,
  limitMs: number
): Failure {
  const text = english('log', `network.${what}`, { seconds: limitMs / 1000 })
  return new Failure('ETIMEDOUT', family, text)
}

/** The connection ended before the answer did. */
export function cut(): Failure {
  return new Failure('ECONNRESET', 'reset', describeError('ECONNRESET'))
}

/** This side ended the request. */
export function aborted(): Failure {
  return new Failure('ERR_ABORTED', undefined, english('log', 'network.aborted'))
}
