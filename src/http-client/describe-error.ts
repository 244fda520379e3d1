const CUT = 'the connection was cut'
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
  HPE_HEADER_OVERFLOW: 'the headers of the answer are too large',
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

/** Node.js's codes for an answer that does not begin like HTTP. */
const NO_HTTP = new Set(['HPE_INVALID_CONSTANT', 'HPE_INVALID_VERSION'])

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
  if (NO_HTTP.has(code)) return `the answer is not HTTP (${code})`
  if (code.startsWith('HPE_')) return `the answer breaks the rules of HTTP (${code})`
  if (code.startsWith('ERR_OSSL_')) {
    return `certificate and key of the TLS configuration cannot be used (${code})`
  }
  return isTls(code) ? `the TLS handshake failed (${code})` : `the request failed (${code})`
}

/** Whether a code comes from TLS itself, whenever it occurs. */
export function isTls(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')
}
