import { soapFaultCode } from '../https/soap-fault.ts'
import { printable } from '../printable.ts'
import { refusesProof } from '../oauth2/dpop-proofs.ts'
import type { AttemptError } from '../rules/attempt.ts'
import { DeliveryError, type DeliveryErrorCause } from './delivery-error.ts'
import type { MessageName } from '../queue/queue-error.ts'
import type { AttemptResult, ReplyRecord } from './attempt-result.ts'

/** What to do next, by HTTP status of the receiver. */
const STATUS_HINTS: Record<number, string> = {
  400: 'The receiver does not accept the request in this form: check the format and content type.',
  401: 'The receiver refuses the token: check the scope and audience in the OAuth 2.0 node.',
  403: 'The receiver denies access to this client: check the scope and the permissions of the client.',
  404: 'Check the path of the URL.',
  405: 'Check the method and the path of the URL.',
  407: 'A proxy wants a user name and password: check the proxy node.',
  408: 'The receiver timed out waiting for the message.',
  413: 'The message is too large for the receiver.',
  415: 'The receiver does not accept this content type: check the format and content type.',
  429: 'The receiver gets too many messages at a time.',
  500: 'The receiver failed: ask its operator to check its log.',
  502: 'A gateway cannot reach the receiver.',
  503: 'The receiver is temporarily unavailable.',
  504: 'A gateway got no answer from the receiver.'
}

/** The receiver does not let this client in. Only these answers are asked for a description. */
const STATUSES_OF_ACCESS = new Set([401, 403])

/** What to do next if there is no OAuth 2.0 node. */
const NO_TOKEN_HINTS: Record<number, string> = {
  401: 'The node sends no token: choose an OAuth 2.0 node, or check the headers with the credentials.',
  403: 'The receiver denies access, and the node sends no token: choose an OAuth 2.0 node, or check the headers with the credentials and the permissions of the client.'
}

const PROOF_HINT =
  'The receiver does not accept the DPoP proof: check that DPoP is on in the OAuth 2.0 node, the clock of this machine, and that the receiver sees its URL as it is in the form (a gateway may change it).'
const PROXY_HINT =
  'Check the proxy: its address, user name and password, and whether it allows this host.'
/** Where the CA certificate goes, for all the ways in which a certificate is not trusted. */
const TRUST_HINT = 'Add its CA certificate to the TLS configuration of the node.'
const CLIENT_CERTIFICATE_HINT =
  'Add a client certificate that the receiver knows to the TLS configuration of the node.'
const OWN_CERTIFICATE_HINT =
  'Check the certificate, private key and passphrase in the TLS configuration of the node.'
const TLS_HINT = 'Check the port of the URL, and that the server uses HTTPS on it.'

const UNREADABLE_HINT =
  'Check the port of the URL. If it is right, tell the operator of the receiver that its answer is not valid HTTP; it may have accepted the message.'

/** What to do next, by error code. */
const CODE_HINTS: Record<string, string> = {
  // It does not reach the receiver; if it refuses, PROXY_HINT applies.
  ERR_PROXY_TUNNEL: 'Check the host and port of the URL, and that the proxy can reach them.',
  ECONNREFUSED: 'Check the host and port of the URL, and that the receiver is running.',
  ENOTFOUND: 'Check the host name in the URL.',
  EAI_AGAIN: 'Check the DNS server of this machine.',
  ETIMEDOUT: 'Check the network, or allow more time.',
  CERT_HAS_EXPIRED:
    'Ask the operator of the receiver to renew its certificate; check the clock of this machine too.',
  CERT_NOT_YET_VALID:
    'Check the clock of this machine; the certificate of the receiver is not valid yet.',
  CERT_REVOKED: 'Ask the operator of the receiver to replace its certificate.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use the host name in the certificate.',
  ERR_RESPONSE_TOO_LARGE:
    'Check that the URL belongs to an HL7 receiver; to allow larger answers, raise hl7HttpsOutMaxReplyBytes in settings.js.',
  ERR_ACK_TIMEOUT:
    'The receiver has accepted it: ask its operator what became of it before it is sent again.',
  ERR_EARLIER_ANSWER:
    'Ask its operator why it answers a message more than once. It may have accepted this message.'
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
  const what = whyFailed(result)
  return new DeliveryError(
    'HL7_DELIVERY_FAILED',
    `${what} ${nameOf(name)} was not delivered (${attemptsWords(attempts)}).`,
    cause
  )
}

/**
 * Why an attempt ended without an acknowledgement, and what to do. The code comes first and the
 * control ID elsewhere: in a narrow log the cause is read, and a line that is cut still has it.
 */
export function whyFailed(result: AttemptResult): string {
  const { reason, hint } = reasonAndHint(result)
  return hint === '' ? reason : `${reason} ${hint}`
}

/** The same in two: why, and what to do, `''` if nothing is known. */
export function reasonAndHint(result: AttemptResult): { reason: string; hint: string } {
  const { error, reply } = result
  const what =
    error !== undefined
      ? describeError(error)
      : reply === undefined
        ? 'EUNKNOWN'
        : `HTTP ${reply.status}${describeReply(reply, result)}`
  return { reason: sentence(what), hint: hintWords(result) ?? '' }
}

/** "one attempt", "3 attempts". */
export function attemptsWords(attempts: number): string {
  return attempts === 1 ? 'one attempt' : `${attempts} attempts`
}

/** "Message MSG00001 (ADT^A01)": all that may be said of a message. */
export function nameOf(name: MessageName): string {
  return `Message ${idOf(name)}`
}

/** The same without the word, for the middle of a sentence: "MSG00001 (ADT^A01)". */
export function idOf({ controlId, type }: MessageName): string {
  const id = printable(controlId)
  return type === '' ? id : `${id} (${printable(type)})`
}

/** An MSA-1 has two letters. A longer one could be anything: only its beginning is shown. */
export function printableCode(code: string): string {
  return printable(code, 12)
}

/** A text that begins with its host goes on from the code: "ECONNREFUSED at host:443: …". */
function describeError({ code, text }: AttemptError): string {
  const first = printable(code)
  if (text === '') return first
  // What a token server answers with is at the end of its text.
  const rest = text.endsWith(`: ${code}.`) ? text.slice(0, -`: ${code}.`.length) : text
  return /^\S+: /.test(rest) ? `${first} at ${rest}` : `${first}: ${rest}`
}

/** What comes after the status. */
function describeReply(
  { status, text }: ReplyRecord,
  { tokenProblem, quotes }: AttemptResult
): string {
  const described = STATUSES_OF_ACCESS.has(status) ? quotes?.description : undefined
  const words = described === undefined ? '' : `: "${printable(described.replace(/\.$/, ''), 200)}"`
  if (tokenProblem !== undefined) {
    return `: the receiver refused the token${words}. ${tokenProblem}`
  }
  if (status >= 300 && status < 400) return `: the receiver redirects ${target(quotes?.redirect)}`
  const code = soapFaultCode(text)
  const fault = code === undefined ? undefined : `a SOAP fault (${code})`
  if (status < 200 || status >= 400) {
    return ` from the receiver${fault === undefined ? '' : ` with ${fault}`}${words}`
  }
  if (text === '') return ' from the receiver without a body, although a reply was expected'
  const type = quotes?.contentType
  const what = fault ?? (type === undefined ? 'a body' : printable(type))
  return ` from the receiver with ${what} that contains no HL7 acknowledgement`
}

/** A redirect is never followed: the token and the message would go where nobody sent them. */
function target(to: string | undefined): string {
  if (to === undefined || to.startsWith('/')) {
    const path = to === undefined ? '' : `, to the path ${printable(to, 200)}`
    return `within its own site${path}. Redirects are not followed: enter the final URL in the form.`
  }
  return `to ${printable(to, 200)}. Redirects are not followed: if that is the right server, enter its URL in the form.`
}

function hintWords(result: AttemptResult): string | undefined {
  const { error, reply, tokenProblem, hint: known } = result
  if (known !== undefined) return known
  if (error !== undefined) return errorHint(error)
  if (reply === undefined || tokenProblem !== undefined) return undefined
  if (reply.status >= 200 && reply.status < 300) {
    return 'Check that the URL belongs to an HL7 receiver, or add a reply rule that says what such an answer means.'
  }
  if (refusesProof(reply)) return PROOF_HINT
  return STATUSES_OF_ACCESS.has(reply.status)
    ? accessHint(reply.status, result)
    : STATUS_HINTS[reply.status]
}

/** For 401 and 403. */
function accessHint(status: number, { token, quotes }: AttemptResult): string | undefined {
  if (token === 'none') return NO_TOKEN_HINTS[status]
  if (quotes?.scope !== undefined) return `It wants the scope "${printable(quotes.scope)}".`
  const hint = STATUS_HINTS[status]
  if (token !== 'kept') return hint
  return `${hint} If it answers ${status} when a token has expired, add ${status} to "Token refused on" in the OAuth 2.0 node.`
}

function errorHint({ code, family, text, atProxy = false }: AttemptError): string | undefined {
  // A failure to get a token already says what to do.
  if (family === 'token') return undefined
  if (/^UNABLE_|SELF_SIGNED/.test(code)) return TRUST_HINT
  if (atProxy) return PROXY_HINT
  if (/^(?:HTTPParserError|UND_ERR_)/.test(code)) return UNREADABLE_HINT
  if (family === 'reset') {
    return (
      CODE_HINTS[code] ??
      'The receiver closed the connection without a complete answer; it may have accepted the message.'
    )
  }
  if (code.startsWith('ERR_OSSL_')) return OWN_CERTIFICATE_HINT
  if (family === 'tls' && text.includes('client certificate')) return CLIENT_CERTIFICATE_HINT
  if (family === 'tls' && /^(EPROTO|ERR_SSL_|ECONN|EPIPE)/.test(code)) return TLS_HINT
  return CODE_HINTS[code]
}

/** With a full stop, unless it ends a sentence. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
