import { english, type KeyUnder } from '../english.ts'
import { FileError } from '../secret-file.ts'
import { describeError, isBadRecord, isCertificateAlert, isCut, isTls } from './describe-error.ts'
import { HttpError, type HttpErrorFamily } from './http-error.ts'

/** An error of Node.js or of a library, in our own words: its message may quote what was sent. */
export function httpErrorOf(error: unknown, family: HttpErrorFamily | undefined): HttpError {
  if (error instanceof HttpError) return error
  // undici's HTTPParserError has no code.
  const {
    name,
    code = name === 'Error' ? 'EUNKNOWN' : name,
    message
  } = error as NodeJS.ErrnoException
  const isOfOwnCertificate =
    isCertificateAlert(error as NodeJS.ErrnoException) || code.startsWith('ERR_OSSL_')
  return new HttpError(describeError(code, message), { code, family, isOfOwnCertificate })
}

/** The same for an error before the connection was complete. */
export function connectFailureOf(error: unknown, phase: 'connect' | 'tls'): HttpError {
  const { code = '' } = error as NodeJS.ErrnoException
  return httpErrorOf(error, isTls(code) ? 'tls' : phase)
}

/**
 * The same for an error on an open connection. Whatever ends it is a reset, because the request may have arrived, but
 * for a server that refuses the client certificate.
 */
export function brokenBy(error: NodeJS.ErrnoException): HttpError {
  if (isCertificateAlert(error)) return httpErrorOf(error, 'tls')
  if (isCut(error)) return cut()
  const { code = '' } = error
  if (!isTls(code) || isBadRecord(code)) return httpErrorOf(error, 'reset')
  return new HttpError(english('log', 'network.tlsBroke', { code }), { code, family: 'reset' })
}

/** Something took longer than it may. */
export function tooLate(
  family: HttpErrorFamily,
  what: KeyUnder<'log', 'network'>,
  limitMs: number
): HttpError {
  const text = english('log', `network.${what}`, { seconds: limitMs / 1000 })
  return new HttpError(text, { code: 'ETIMEDOUT', family })
}

/** The connection ended before the answer did. */
export function cut(): HttpError {
  return new HttpError(describeError('ECONNRESET'), { code: 'ECONNRESET', family: 'reset' })
}

/** This side ended the request. */
export function aborted(): HttpError {
  return new HttpError(english('log', 'network.aborted'), { code: 'ERR_ABORTED' })
}

/** The answer is larger than it may be. */
export function tooLarge(maxBytes: number): HttpError {
  const text = english('log', 'network.tooLarge', { bytes: maxBytes })
  return new HttpError(text, { code: 'ERR_RESPONSE_TOO_LARGE' })
}

/** The answer is not compressed as it says. */
export function undecodable(): HttpError {
  return new HttpError(english('log', 'network.undecodable'), { code: 'ERR_CONTENT_DECODING' })
}

/** A secret of ours cannot be used now: nothing was sent. */
export function secretFileError(what: string): HttpError {
  return new HttpError(what, { code: 'ERR_SECRET_FILE' })
}

/** @throws {HttpError} for a file that could not be read */
export function secretFileFailed(error: unknown): never {
  throw error instanceof FileError ? secretFileError(error.message) : error
}
