import { causeSentence, causeWords } from '../cause-words.ts'
import { english, isKey } from '../english.ts'
import { wantsLateCertificate } from '../http-client/error-page.ts'
import { unpadded } from '../hl7/unpadded.ts'
import { UNKNOWN_OPERATION } from '../https/soap-fault.ts'
import { printable } from '../printable.ts'
import { refusesProof } from '../oauth2/dpop-proofs.ts'
import { hintForReceiver } from '../oauth2/answer-hints.ts'
import { inEnglish } from '../oauth2/hint.ts'
import { quoting } from '../oauth2/token-error.ts'
import type { AttemptError } from '../rules/attempt.ts'
import { DeliveryError, type DeliveryErrorCause } from './delivery-error.ts'
import type { MessageName } from '../queue/queue-error.ts'
import type { AttemptResult, ReplyRecord } from './attempt-result.ts'
import { faultOf, mayHaveArrived } from './fault.ts'

/**
 * The error with which a message leaves after an attempt that ended without an acknowledgement.
 *
 * @param name with what is known of earlier attempts
 * @param result with an error or a reply without MSA
 */
export function deliveryFailed(
  name: MessageName & { mayHaveArrived?: boolean },
  attempts: number,
  result: AttemptResult
): DeliveryError {
  const { error, reply } = result
  const status = reply?.status ?? result.status
  const cause: DeliveryErrorCause = {
    code: error?.code ?? (status === undefined ? 'EUNKNOWN' : String(status)),
    ...(status === undefined ? undefined : { status }),
    ...wordsOf(result)
  }
  const values = { why: whyFailed(result), message: idOf(name), count: attempts }
  const isUncertain = name.mayHaveArrived === true || mayHaveArrived(result)
  const key = isUncertain ? 'error.perhapsDelivered' : 'error.notDelivered'
  return new DeliveryError('HL7_DELIVERY_FAILED', english('log', key, values), cause)
}

/** What the server says that refuses the client or its token. */
export function wordsOf(result: AttemptResult): Omit<DeliveryErrorCause, 'code'> {
  const { error, quotes } = result
  const isRefusal = error?.family === 'token' || isOfCredentials(result)
  if (!isRefusal || quotes === undefined) return {}
  const { error: code, description } = quotes
  return {
    ...(code !== undefined && code !== error?.code && { error: code }),
    ...(description !== undefined && { description })
  }
}

/** The receiver does not let this client in. Only such answers are asked for a description. */
function isOfCredentials(result: AttemptResult): boolean {
  return faultOf(result)?.of === 'credentials'
}

/** A success whose body could not be read. */
function isUnreadable({ error, status = 0 }: AttemptResult): boolean {
  return error !== undefined && error.family === undefined && status >= 200 && status < 300
}

/** Why a message is still in the queue after an attempt. */
export function stillQueued(name: MessageName, attempts: number, result: AttemptResult): string {
  const values = { why: whatHappened(result), message: idOf(name), count: attempts }
  return english('log', 'error.stillQueued', values)
}

/** What an attempt came to, with the acknowledgement's code if there is one. */
export function whatHappened(result: AttemptResult): string {
  const ack = result.reply?.ack
  if (!ack) return whyFailed(result)
  const code = printableCode(ack.code)
  return code === ''
    ? english('log', 'error.ackWithoutCode')
    : english('log', 'error.ack', { code })
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
  const { error, quotes, reply } = result
  const what =
    error !== undefined
      ? quoting(describeError(error), error.family === 'token' ? quotes?.description : undefined)
      : reply === undefined
        ? 'EUNKNOWN'
        : describeReply(reply, result)
  return { reason: sentence(what), hint: hintOf(result) ?? '' }
}

/** "MSG00001 (ADT^A01)": all that may be said of a message. */
export function idOf({ controlId, type }: MessageName): string {
  const id = printable(controlId)
  return type === '' ? id : `${id} (${printable(type)})`
}

/** An MSA-1 has two letters. A longer one could be anything: only its beginning is shown. */
export function printableCode(code: string): string {
  return printable(unpadded(code), 12)
}

/** A text that begins with its host goes on from the code: "ECONNREFUSED at host:443: …". */
function describeError({ code, text }: AttemptError): string {
  const first = printable(code)
  if (text === '') return first
  return /^\S+: /.test(text) ? `${first} at ${text}` : `${first}: ${text}`
}

function describeReply({ status, text }: ReplyRecord, result: AttemptResult): string {
  const { tokenProblem, quotes } = result
  const described = isOfCredentials(result) ? quotes?.description : undefined
  const quoted =
    described === undefined ? '' : `: "${printable(described.replace(/\.$/, ''), 200)}"`
  if (tokenProblem !== undefined) {
    return english('log', 'error.tokenRefused', { status, quoted, problem: tokenProblem })
  }
  if (status >= 300 && status < 400) return describeRedirect(status, quotes?.redirect)
  const fault = faultNames(result)
  if (status < 200 || status >= 400) {
    return fault === undefined
      ? english('log', 'error.status', { status, quoted })
      : english('log', 'error.statusWithFault', { status, fault, quoted })
  }
  if (text === '') return english('log', 'error.emptyReply', { status })
  if (fault !== undefined) return english('log', 'error.faultOnly', { status, fault })
  const type = quotes?.contentType
  return type === undefined
    ? english('log', 'error.bodyOnly', { status })
    : english('log', 'error.typeOnly', { status, type: printable(type) })
}

/** The names in a SOAP fault: "Sender, SecurityFault"; undefined if it is none, or has none. */
function faultNames({ fault }: AttemptResult): string | undefined {
  const names = [fault?.code, fault?.detail].filter((name) => name !== undefined)
  return names.length === 0 ? undefined : names.join(', ')
}

/** A redirect is never followed: the token and the message would go where nobody sent them. */
function describeRedirect(status: number, to: string | undefined): string {
  if (to === undefined) return english('log', 'error.redirect', { status })
  const target = printable(to, 200)
  return to.startsWith('/')
    ? english('log', 'error.redirectToPath', { status, path: target })
    : english('log', 'error.redirectToServer', { status, server: target })
}

/** What to do; undefined if nothing is known. */
function hintOf(result: AttemptResult): string | undefined {
  const { error, reply, tokenProblem, hint: known } = result
  if (known !== undefined) return known
  if (error !== undefined) {
    const hint = result.mayWantTls
      ? english('log', 'hint.tryHttps')
      : errorHint(error, result.isCutEarly === true)
    if (!isUnreadable(result)) return hint
    return [hint, english('log', 'hint.perhapsAccepted')].filter(Boolean).join(' ')
  }
  if (reply === undefined || tokenProblem !== undefined) return undefined
  if (result.isFirewallPage) return english('log', 'hint.firewall')
  const meant = meaningHint(result)
  if (meant !== undefined) return meant
  if (reply.status >= 200 && reply.status < 300) {
    if (result.seemsRefused) return english('log', 'hint.seemsRefused')
    return causeWords('http', '2xx')?.remedy
  }
  if (wantsLateCertificate(reply.status, reply.text)) {
    return english('log', 'hint.lateCertificate')
  }
  if (refusesProof(reply)) return english('log', 'hint.proof')
  return statusHint(reply.status, result)
}

/** Where the reply says more than its status. */
function meaningHint({
  fault,
  meaning,
  operation,
  otherSoap,
  tokenLength
}: AttemptResult): string | undefined {
  if (otherSoap !== undefined) return english('log', 'hint.otherSoap', { version: otherSoap })
  if (meaning === 'tls') return english('log', 'hint.clientCertificate')
  if (meaning === undefined) return undefined
  if (meaning === 431) return largeHeaders(tokenLength)
  if (meaning === 401 && fault === undefined) return english('log', 'hint.loginPage')
  if (fault === undefined || meaning === 500) {
    return causeSentence('http', String(meaning))
  }
  if (fault.code?.endsWith(UNKNOWN_OPERATION)) {
    return operation === undefined
      ? english('log', 'hint.unknownOperation')
      : english('log', 'hint.unknownOperationOf', { operation })
  }
  const key = `hint.fault.${fault.detail ?? ''}`
  if (isKey('log', key)) return english('log', key)
  return english('log', meaning === 401 ? 'hint.fault.SecurityFault' : 'hint.faultOfSender')
}

/** Java servers refuse headers of more than 8 or 16 kB, and nginx too: it is nearly always the token. */
function largeHeaders(tokenLength: number | undefined): string | undefined {
  if (tokenLength === undefined) return causeSentence('http', '431')
  return english('log', 'hint.largeToken', { length: tokenLength.toLocaleString('en-US') })
}

function statusHint(status: number, result: AttemptResult): string | undefined {
  const { fault, token, tokenLength, quotes } = result
  if (status === 431) return largeHeaders(tokenLength)
  // Without a token, a SOAP request has its login in the body.
  if (status === 401 && token === 'none' && fault) return english('log', 'hint.fault.SecurityFault')
  const isOfAccess = isOfCredentials(result)
  const ofToken = `hint.noToken.${status}`
  if (token === 'none' && isKey('log', ofToken)) return english('log', ofToken)
  if (isOfAccess && quotes?.scope !== undefined) {
    return english('log', 'hint.scope', { scope: printable(quotes.scope) })
  }
  const known = isOfAccess && quotes !== undefined ? hintForReceiver(quotes) : undefined
  if (known !== undefined) return inEnglish([known])
  // Where a redirect leads, and what to do, has been said.
  const hint = status < 400 ? undefined : causeSentence('http', String(status))
  if (hint === undefined || !isOfAccess || token !== 'kept') return hint
  return `${hint} ${english('log', 'hint.expiredToken', { status })}`
}

function errorHint(
  { code, family, atProxy = false, text }: AttemptError,
  isCutEarly: boolean
): string | undefined {
  // A failure to get a token already says what to do.
  if (family === 'token') return undefined
  const { remedy } = causeWords('connection', code) ?? causeWords('tls', code) ?? {}
  if (/^UNABLE_|SELF_SIGNED/.test(code)) return remedy
  if (atProxy) return english('log', 'hint.proxy')
  if (/^(?:HTTPParserError|UND_ERR_)/.test(code)) return english('log', 'hint.unreadable')
  if (family === 'timeout') return english('log', 'hint.late')
  if (code === 'ERR_EARLIER_ANSWER') return remedy
  if (family === 'reset') return cutHint(code, isCutEarly)
  if (code === 'ERR_PROXY_TUNNEL') return english('log', 'hint.behindProxy')
  if (code.startsWith('ERR_OSSL_')) return english('log', 'hint.ownCertificate')
  if (family === 'tls' && text.includes('client certificate')) {
    return english('log', 'hint.clientCertificate')
  }
  if (family === 'tls' && code === 'ETIMEDOUT') return english('log', 'hint.mute')
  if (family === 'tls' && /^(EPROTO|ERR_SSL_|ECONN|EPIPE)/.test(code)) {
    const hint = english('log', 'hint.tls')
    return CUT.test(code) ? `${hint} ${english('log', 'hint.wantsCertificate')}` : hint
  }
  return remedy
}

const CUT = /^(?:ECONN|EPIPE)/

/** With TLS 1.3, a server that wants a client certificate may end the connection only after the handshake, and say nothing. */
function cutHint(code: string, isCutEarly: boolean): string {
  const hint = english('log', 'hint.cut')
  return isCutEarly && CUT.test(code) ? `${hint} ${english('log', 'hint.wantsCertificate')}` : hint
}

/** With a full stop, unless it ends a sentence. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
