const CUT = 'the connection was cut'
const LARGE_HEAD = 'the headers of the answer are too large'
const NO_TLS = 'the TLS handshake failed; the port may not speak TLS'
const OLD_TLS = 'the server does not support TLS 1.2 or newer'
const WANTS_CERTIFICATE = 'the server wants a client certificate, or a different one'
const UNKNOWN_AUTHORITY = 'the certificate was issued by a CA that is not trusted here'

const DESCRIPTIONS: Record<string, string> = {
  ECONNREFUSED: 'nothing is listening there (connection refused)',
  ENOTFOUND: 'the host name is unknown (DNS)',
  EAI_AGAIN: 'the host name could not be looked up (DNS does not answer)',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: CUT,
  EPIPE: CUT,
  ECONNABORTED: CUT,
  ERR_STREAM_PREMATURE_CLOSE: CUT,
  HPE_HEADER_OVERFLOW: LARGE_HEAD,
  UND_ERR_HEADERS_OVERFLOW: LARGE_HEAD,
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: OLD_TLS,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTS_CERTIFICATE,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed and not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNKNOWN_AUTHORITY}, or its chain is incomplete`,
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate has been revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name'
}

/** OpenSSL's messages, which Node.js often reports with just the code `EPROTO`. */
const OPENSSL_WORDS: [words: string, description: string][] = [
  ['alert protocol version', OLD_TLS],
  ['unsupported protocol', OLD_TLS],
  ['alert handshake failure', `the server refused the TLS handshake; ${WANTS_CERTIFICATE}?`],
  ['alert bad certificate', 'the server refused the client certificate'],
  ['alert certificate unknown', 'the server does not accept the client certificate'],
  ['alert unsupported certificate', 'the server does not accept the client certificate'],
  ['alert unknown ca', 'the server does not trust the CA of the client certificate'],
  ['alert certificate expired', 'the client certificate has expired'],
  ['alert certificate revoked', 'the client certificate has been revoked']
]

/**
 * Describes a Node.js error in our own words: its message may quote what was sent.
 *
 * @param code the error's code
 * @param message the error's own message, which is searched but never repeated
 */
export function describeError(code: string, message = ''): string {
  const known = isTls(code) ? OPENSSL_WORDS.find(([words]) => message.includes(words)) : undefined
  const description = known?.[1] ?? DESCRIPTIONS[code]
  if (description !== undefined) return description
  if (/^HPE_INVALID_(?:CONSTANT|VERSION)/.test(code) || message.includes('(Expected HTTP/')) {
    return `the answer is not HTTP (${code})`
  }
  if (/^(?:HPE_|UND_ERR_|HTTPParserError)/.test(code)) {
    return `the answer breaks the rules of HTTP (${code})`
  }
  if (code.startsWith('ERR_OSSL_')) {
    return `certificate and key of the TLS configuration cannot be used (${code})`
  }
  return isTls(code) ? `the TLS handshake failed (${code})` : `the request failed (${code})`
}

/** Whether a code comes from TLS itself, whenever it occurs. */
export function isTls(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')
}

/** The alerts by which a server refuses the client certificate, or its absence, after the handshake. */
export function isCertificateAlert({ code = '', message }: NodeJS.ErrnoException): boolean {
  // OpenSSL's words are in the code or, beside `EPROTO`, in the message.
  const words = `${code} ${message}`.replaceAll('_', ' ').toLowerCase()
  return isTls(code) && /alert.*(?:certificate|unknown ca)/.test(words)
}

/** Whether undici ended the connection because what came over it is no answer to a request. */
export function isUnreadable(error: NodeJS.ErrnoException | undefined): boolean {
  if (error === undefined || isCut(error)) return false
  return error.name === 'HTTPParserError' || error.code === 'UND_ERR_SOCKET'
}

const CUT_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE'])
/** undici has one code for a connection that was cut and one that it closes for what came over it. */
const CUT_WORDS = new Set(['other side closed', 'closed'])

/** Whether the connection was cut. */
export function isCut(error: NodeJS.ErrnoException | null): boolean {
  if (error === null) return false
  const { name, code = '', message } = error
  if (name === 'HTTPParserError') return message.includes('EOF')
  return CUT_CODES.has(code) || (code === 'UND_ERR_SOCKET' && CUT_WORDS.has(message))
}
