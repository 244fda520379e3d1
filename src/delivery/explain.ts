import type { AttemptError } from '../rules/attempt.ts'
import { DeliveryError, type DeliveryErrorCause } from './delivery-error.ts'
import type { AttemptResult } from './courier.ts'

/** What an error may say about the message that it is about. */
export interface MessageName {
  controlId: string
  type: string
}

/** What to do next, by HTTP status of the receiver. */
const STATUS_HINTS: Record<number, string> = {
  400: 'The receiver does not take the request as it is: check format and content type.',
  401: 'The receiver refuses the token: check scope and audience of the token and the auth node.',
  403: 'The receiver does not let this client in: check scope and the rights of the client.',
  404: 'Check the path of the URL.',
  405: 'Check the method and the path of the URL.',
  407: 'A proxy wants a user and password: check the proxy node.',
  408: 'The receiver gave up waiting for the message.',
  413: 'The message is too large for the receiver.',
  415: 'The receiver does not take this content type: check format and content type.',
  429: 'The receiver is given too many messages at a time.',
  500: 'The receiver failed: its operator has to look.',
  502: 'A gateway does not reach the receiver.',
  503: 'The receiver is not available at present.',
  504: 'A gateway gets no answer from the receiver.'
}

const PROXY_HINT =
  'Check the proxy: its address, user and password, and whether it lets this host through.'
/** Where the certificate authority belongs, for all the ways of not being trusted. */
const TRUST_HINT = 'Put the certificate of its authority into the TLS configuration of the node.'
const CLIENT_CERTIFICATE_HINT =
  'Put a client certificate that the receiver knows into the TLS configuration of the node.'
const OWN_CERTIFICATE_HINT =
  'Check certificate, private key and passphrase in the TLS configuration of the node.'
const TLS_HINT = 'Check the port of the URL, and that it is https there.'

/** What to do next, by error code. */
const CODE_HINTS: Record<string, string> = {
  ECONNREFUSED: 'Check host and port of the URL, and that the receiver runs.',
  ENOTFOUND: 'Check the host name in the URL.',
  EAI_AGAIN: 'Check the name server of this machine.',
  ETIMEDOUT: 'Check the network, or allow more time.',
  CERT_HAS_EXPIRED:
    'The operator of the receiver has to renew its certificate; check the clock of this machine too.',
  CERT_NOT_YET_VALID:
    'Check the clock of this machine; the certificate of the receiver is for later.',
  CERT_REVOKED: 'The operator of the receiver has to replace its certificate.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use the host name that the certificate is for.',
  ERR_RESPONSE_TOO_LARGE:
    'Check that the URL is that of an HL7 receiver; what may be longer needs hl7HttpsOutMaxReplyBytes in settings.js.',
  ERR_UPGRADED: 'Check that the URL is that of an HL7 receiver.',
  ERR_EARLIER_ANSWER:
    'It answers a message more than once: its operator has to look. It may have taken this message.'
}

/**
 * The error with which a message leaves after an attempt that ended without an acknowledgement.
 *
 * @param result with an error or a reply without MSA
 */
export function deliveryFailed(
  name: MessageName,
  attempts: number,
  result: AttemptResult
): DeliveryError {
  const { error, reply } = result
  const status = reply?.status ?? result.status
  const cause: DeliveryErrorCause = {
    code: error?.code ?? (status === undefined ? 'EUNKNOWN' : String(status)),
    ...(status === undefined ? undefined : { status })
  }
  const tried = attempts === 1 ? 'one attempt' : `${attempts} attempts`
  const what = error?.text ?? describeReply(result)
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `${nameOf(name)} was not delivered (${tried}). ${sentence(what)}${hint(result)}`,
    cause
  )
}

/** "Message MSG00001 (ADT^A01)": all that may be said of a message. */
export function nameOf({ controlId, type }: MessageName): string {
  const id = printable(controlId)
  return type === '' ? `Message ${id}` : `Message ${id} (${printable(type)})`
}

/**
 * One line, bounded: control IDs are free text that comes from outside. Whatever could break a line,
 * turn the direction of writing or cannot be shown becomes a question mark.
 *
 * @param most how many characters
 */
export function printable(text: string, most = 80): string {
  const line = text.slice(0, most + 1).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`
}

/** An MSA-1 has two letters. What is longer is shown as far as it may be told by: it could be anything. */
export function printableCode(code: string): string {
  return printable(code, 12)
}

function describeReply({ reply, tokenProblem, quotes }: AttemptResult): string {
  if (reply === undefined) return ''
  const { status } = reply
  if (tokenProblem !== undefined) {
    return `The receiver refused the token (${status}). ${tokenProblem}`
  }
  if (status >= 300 && status < 400) {
    return `The receiver redirects (${status}) ${target(quotes?.redirect)}`
  }
  if (status < 200 || status >= 400) return `The receiver answered with HTTP status ${status}.`
  if (reply.text === '') {
    return `The receiver answered ${status} without a body, though a reply was due.`
  }
  const type = quotes?.contentType
  return `The receiver answered ${status} with ${type === undefined ? 'a body' : printable(type)} that holds no HL7 acknowledgement.`
}

/** A redirect is never followed: the token and the message would go where nobody sent them. */
function target(site: string | undefined): string {
  return site === undefined
    ? 'within its own site. Put the final URL into the form; redirects are not followed.'
    : `to ${printable(site)}. If that is the right place, put its URL into the form; redirects are not followed.`
}

function hint(result: AttemptResult): string {
  const words = hintWords(result)
  return words === undefined ? '' : ` ${words}`
}

function hintWords(result: AttemptResult): string | undefined {
  const { error, reply, tokenProblem, quotes, hint: known } = result
  if (known !== undefined) return known
  if (error !== undefined) return errorHint(error)
  if (reply === undefined || tokenProblem !== undefined) return undefined
  if (reply.status >= 200 && reply.status < 300) {
    return 'Check that the URL is that of an HL7 receiver, or say with a reply rule what such an answer means.'
  }
  if (reply.status === 401 || reply.status === 403) {
    if (quotes?.scope !== undefined) return `It wants the scope "${printable(quotes.scope)}".`
  }
  return STATUS_HINTS[reply.status]
}

function errorHint({ code, family, text, atProxy }: AttemptError): string | undefined {
  // What fails on the way to a token says itself what to do.
  if (family === 'token') return undefined
  if (/^UNABLE_|SELF_SIGNED/.test(code)) return TRUST_HINT
  if (atProxy === true) return PROXY_HINT
  if (family === 'reset') {
    return (
      CODE_HINTS[code] ??
      'The receiver may have taken the message; it closed the connection without a whole answer.'
    )
  }
  if (code.startsWith('ERR_OSSL_')) return OWN_CERTIFICATE_HINT
  if (family === 'tls' && text.includes('client certificate')) return CLIENT_CERTIFICATE_HINT
  if (family === 'tls' && /^(EPROTO|ERR_SSL_|ECONN|EPIPE)/.test(code)) return TLS_HINT
  return CODE_HINTS[code]
}

function sentence(text: string): string {
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`
}
