import { english, type KeyUnder } from '../english.ts'
import { HttpError } from '../http-client/http-error.ts'
import { printableProse } from '../printable.ts'
import type { AddressField, Hint } from './hint.ts'
import { TokenError } from './token-error.ts'

/** Where a request went, for the text of the error. */
export interface RequestPlace {
  host: string
  /** The form's field that led there. */
  field: AddressField
  /** Whether its URL is `http://`. */
  isPlain: boolean
}

/** What can be wrong with metadata, in openid-client's codes. */
type MetadataFault = KeyUnder<'log', 'token.metadata'>
const METADATA_FAULTS: readonly MetadataFault[] = [
  'OAUTH_INVALID_SERVER_METADATA',
  'OAUTH_REQUEST_PROTOCOL_FORBIDDEN',
  'OAUTH_INVALID_RESPONSE'
]

/** Errors for answers that do not come from a token server. */
const NO_TOKEN_SERVER = new Set(['ERR_RESPONSE_TOO_LARGE', 'ERR_CONTENT_DECODING'])

/**
 * Turns anything that got, openid-client (which reads the metadata) or Node.js threw into a safe error. Only codes are
 * kept: openid-client's errors contain answers, and Node.js's may contain input.
 */
export function translateError(error: unknown, place: RequestPlace): TokenError {
  const known = findInChain(error)
  if (known instanceof TokenError) return known
  if (known instanceof HttpError) return fromHttpError(known, place)
  const { host } = place
  const code = codeOf(error)
  const ofMetadata = METADATA_FAULTS.find((known) => known === code)
  if (ofMetadata !== undefined) return metadataError(ofMetadata, place)
  return new TokenError(english('log', 'token.notMade', { host, code }), {
    code,
    host,
    hints: [{ key: 'requestFailed' }],
    permanent: true
  })
}

/** Metadata that cannot be used. */
export function metadataError(code: MetadataFault, { host, field }: RequestPlace): TokenError {
  return new TokenError(english('log', `token.metadata.${code}`, { host }), {
    code,
    host,
    hints: [{ key: 'metadata', values: { field } }],
    permanent: true
  })
}

function fromHttpError(error: HttpError, place: RequestPlace): TokenError {
  const { host } = place
  const { atProxy, family, status, certificateIssuer, retryAfterMs, what } = error
  // Of a handshake that failed, OpenSSL's code tells no more than its words, which are in `what`.
  const isHandshake = family === 'tls' && !error.connected
  const code = isHandshake && error.code.startsWith('ERR_SSL_') ? 'EPROTO' : error.code
  return new TokenError(english('log', 'token.unreached', { host, what }), {
    code,
    status,
    host,
    hints: [hintForNetwork(code, error, place)],
    permanent: isCertificateCode(code) || code.startsWith('ERR_SSL_'),
    family,
    certificateIssuer,
    retryAfterMs,
    ...(atProxy && { atProxy })
  })
}

/** openid-client wraps what its fetch threw. */
function findInChain(error: unknown): TokenError | HttpError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof TokenError || at instanceof HttpError) return at
  }
  return undefined
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'EUNKNOWN'
}

/** What to do if there was no complete answer at all. */
function hintForNetwork(code: string, error: HttpError, { field, isPlain }: RequestPlace): Hint {
  const { family, certificateIssuer, atProxy } = error
  const values = { field }
  if (code === 'ERR_PROXY_TUNNEL') {
    return atProxy ? { key: 'proxyRefused' } : { key: 'beyondProxy', values }
  }
  if (code === 'ERR_SECRET_FILE') return { key: 'secretFile' }
  if (atProxy) return { key: 'proxyDown' }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { key: 'hostName', values }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { key: 'otherHost', values }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return { key: 'certificateDate' }
  }
  const isMute = family === 'tls' || (family === 'timeout' && !error.answered)
  if (code === 'ETIMEDOUT' && isMute) return { key: 'mute' }
  if (isCertificateCode(code)) {
    if (certificateIssuer === undefined) return { key: 'untrusted' }
    return { key: 'untrustedBy', values: { authority: printableProse(certificateIssuer) } }
  }
  if (code.includes('ALERT') && code.includes('CERTIFICATE')) return { key: 'clientCertificate' }
  if (family === 'tls' || code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return { key: 'tlsFailed', values }
  }
  if (NO_TOKEN_SERVER.has(code)) return { key: 'notTokenServer', values }
  if (family === 'timeout') return { key: 'slow' }
  if (code === 'ECONNREFUSED') return { key: 'notRunning', values }
  if (family === 'connect') return { key: 'unreachable', values }
  // A server that ends the connection at once, or answers in no HTTP, nearly always wants TLS.
  return isPlain && error.status === undefined ? { key: 'tryHttps', values } : { key: 'broken' }
}

/**
 * Whether an error code means that a certificate was not accepted: waiting does not help, someone
 * has to change a certificate or a setting.
 */
function isCertificateCode(code: string): boolean {
  return /^(?:CERT_|UNABLE_TO_|ERR_TLS_CERT_|(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|INVALID_CA|HOSTNAME_MISMATCH)$)/.test(
    code
  )
}
