import { causeSentence, causeWords } from '../cause-words.ts'
import { english, isKey } from '../english.ts'
import { unpadded } from '../hl7/unpadded.ts'
import { printable } from '../printable.ts'
import { refusesProof } from '../oauth2/dpop-proofs.ts'
import { hintForReceiver } from '../oauth2/answer-hints.ts'
import { inEnglish } from '../oauth2/hint.ts'
import { quoting } from '../oauth2/token-error.ts'
import type { AttemptError } from '../rules/attempt.ts'
import { DeliveryError, type DeliveryErrorCause } from './delivery-error.ts'
import type { MessageName } from '../queue/queue-error.ts'
import type { AttemptResult, ReplyRecord } from './attempt-result.ts'
import type { Quotes } from './quotes.ts'
import { faultOf, mayHaveArrived, statusOf } from './fault.ts'

/**
 * The error with which a message leaves after an attempt that ended without an acknowledgement.
 *
 * @param name with what is known of earlier attempts
 * @param result with an error or a reply without MSA
 */
export function deliveryFailed(
  name: MessageName & { saidNotTaken?: boolean; mayHaveArrived?: boolean },
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
  const saidNotTaken = name.saidNotTaken === true || faultOf(result)?.saidNotTaken === true
  const key = isUncertain
    ? 'error.perhapsDelivered'
    : saidNotTaken
      ? 'error.notTaken'
      : 'error.notDelivered'
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
  if (status >= 300 && status < 400) {
    const isLogin = statusOf(result) === 401
    if (isLogin) return english('log', 'error.redirectToLogin', { status })
    return describeRedirect(status, quotes?.redirect)
  }
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
  const { error, hint, otherSoap, reply, tokenProblem } = result
  if (hint !== undefined) return hint
  if (error !== undefined) return errorHint(error, result)
  if (reply === undefined || tokenProblem !== undefined) return undefined
  // To read the login, it has to have read the request.
  const isOfLogin = result.fault?.detail === 'SecurityFault'
  if (otherSoap !== undefined && !isOfLogin) {
    return english('log', 'hint.otherSoap', { version: otherSoap })
  }
  return faultHint(result) ?? statusHint(reply, result)
}

/** What the table of faults has for this failure; undefined if that is no more than its code or status says. */
function faultHint(result: AttemptResult): string | undefined {
  const { fault: { detail = '' } = {}, headerSizes, operation, token } = result
  const hint = faultOf(result)?.hint
  switch (hint) {
    case undefined:
      return undefined
    case 'hint.faultOfSender': {
      const ofDetail = `hint.fault.${detail}`
      return english('log', isKey('log', ofDetail) ? ofDetail : hint)
    }
    case 'hint.login':
      return english('log', token === 'none' ? 'hint.loginPage' : hint)
    case 'hint.largeToken': {
      if (headerSizes === undefined) return undefined
      const { isToken, largest, size, total } = headerSizes
      const inEnglish = (bytes: number): string => bytes.toLocaleString('en-US')
      const values = { largest, size: inEnglish(size), total: inEnglish(total) }
      return english('log', isToken ? hint : 'hint.largeHeader', values)
    }
    case 'hint.unknownOperation':
      return operation === undefined
        ? english('log', hint)
        : english('log', 'hint.unknownOperationOf', { operation })
    default:
      return english('log', hint)
  }
}

function statusHint(reply: ReplyRecord, result: AttemptResult): string | undefined {
  const status = statusOf(result) ?? reply.status
  const fault = faultOf(result)
  if (fault?.about === 'no-ack') {
    if (result.seemsRefused) return english('log', 'hint.seemsRefused')
    return causeWords('http', '2xx')?.remedy
  }
  // Where it leads, and what to do, has been said.
  if (fault?.about === 'redirect') return undefined
  const hint = causeSentence('http', String(status))
  return fault?.about === 'denied' ? (deniedHint(reply, result) ?? hint) : hint
}

/** Why the client is not let in, where more is known than the status. */
function deniedHint(reply: ReplyRecord, result: AttemptResult): string | undefined {
  const { fault, quotes = {}, token } = result
  if (refusesProof(reply)) return english('log', 'hint.proof')
  // A SOAP request has its login in the body.
  if (reply.status === 401 && fault) {
    if (token === 'none') return english('log', 'hint.fault.SecurityFault')
    return inEnglish([{ key: 'receiverFault', values: { host: reply.host ?? 'the receiver' } }])
  }
  const ofChallenge = reply.status === 401 ? challengeHint(quotes, token === 'none') : undefined
  const withoutToken = `hint.noToken.${reply.status}`
  if (token === 'none' && isKey('log', withoutToken)) {
    return ofChallenge ?? english('log', withoutToken)
  }
  if (quotes.scope !== undefined) {
    return english('log', 'hint.scope', { scope: printable(quotes.scope) })
  }
  const known = hintForReceiver(quotes)
  return known === undefined ? ofChallenge : inEnglish([known])
}

/** What a 401 says by the schemes that it asks for. */
function challengeHint(
  { isBare, schemes = [] }: Quotes,
  isWithoutToken: boolean
): string | undefined {
  const [scheme] = schemes
  if (scheme === undefined) return undefined
  if (scheme === 'Bearer' || scheme === 'DPoP') {
    return isBare && !isWithoutToken ? english('log', 'hint.noTokenSeen') : undefined
  }
  const what = scheme === 'Basic' ? 'Basic' : 'other'
  const key = isWithoutToken ? (`hint.wants.${what}` as const) : (`hint.orWants.${what}` as const)
  return english('log', key, { scheme })
}

function errorHint({ code, family }: AttemptError, result: AttemptResult): string | undefined {
  // A failure to get a token already says what to do.
  if (family === 'token') return undefined
  if (result.mayWantTls) return english('log', 'hint.tryHttps')
  const { remedy } = causeWords('connection', code) ?? causeWords('tls', code) ?? {}
  const hints = [
    faultHint(result) ?? remedy,
    result.mayWantCertificate && english('log', 'hint.wantsCertificate'),
    isUnreadable(result) && english('log', 'hint.perhapsAccepted')
  ]
  return hints.filter(Boolean).join(' ') || undefined
}

/** With a full stop, unless it ends a sentence. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
