import { causeWords } from '../cause-words.ts'
import { english, type KeyUnder } from '../english.ts'

/** OpenSSL's messages, which Node.js often reports with just the code `EPROTO`. */
const OPENSSL_WORDS: readonly (readonly [words: string, what: KeyUnder<'log', 'network'>])[] = [
  ['alert no application protocol', 'onlyHttp2'],
  ['alert protocol version', 'oldTls'],
  ['unsupported protocol', 'oldTls'],
  ['alert handshake failure', 'handshakeRefused'],
  ['alert bad certificate', 'certificateRefused'],
  ['alert certificate unknown', 'certificateNotAccepted'],
  ['alert unsupported certificate', 'certificateNotAccepted'],
  ['alert unknown ca', 'authorityUnknown'],
  ['alert certificate expired', 'certificateExpired'],
  ['alert certificate revoked', 'certificateRevoked']
]

/**
 * Describes a Node.js error in our own words: its message may quote what was sent.
 *
 * @param code the error's code
 * @param message the error's own message, which is searched but never repeated
 */
export function describeError(code: string, message = ''): string {
  const known = isTls(code) ? OPENSSL_WORDS.find(([words]) => message.includes(words)) : undefined
  if (known !== undefined) return english('log', `network.${known[1]}`)
  if (/^HPE_INVALID_(?:CONSTANT|VERSION)/.test(code) || message.includes('(Expected HTTP/')) {
    return english('log', 'network.notHttp', { code })
  }
  const { meaning } = causeWords('connection', code) ?? causeWords('tls', code) ?? {}
  if (meaning !== undefined && code !== 'HTTPParserError') return meaning
  if (/^(?:HPE_|UND_ERR_|HTTPParserError)/.test(code)) {
    return english('log', 'network.brokenHttp', { code })
  }
  if (code.startsWith('ERR_OSSL_')) return english('log', 'network.ownCertificate', { code })
  return english('log', isTls(code) ? 'network.tls' : 'network.other', { code })
}

/** Whether a code comes from TLS itself, whenever it occurs. */
export function isTls(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')
}

/** Whether a connection ended in the middle of a TLS record, so that something else was read as its rest. */
export function isBadRecord(code: string): boolean {
  return /^ERR_SSL_(?:DECRYPTION_FAILED_OR_BAD_RECORD_MAC|BAD_RECORD_TYPE|UNEXPECTED_RECORD)$/.test(
    code
  )
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
