import { english } from '../english.ts'
import type { IncomingHttpHeaders } from 'node:http'
import { readAcknowledgement, readAcknowledgements } from '../hl7/acknowledgement.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import type { ReplyMessage } from '../hl7/reply-message.ts'
import { isRefusedFor } from '../http-client/challenge.ts'
import { isFirewallPage } from '../http-client/error-page.ts'
import { HttpError } from '../http-client/http-error.ts'
import { withLiveConnection } from '../http-client/with-live-connection.ts'
import type { ReceivedReply } from '../http-client/connection.ts'
import { requestIdIn } from '../http-client/request-id.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { printable } from '../printable.ts'
import { HIDDEN, Redactor } from '../redactor.ts'
import type { Receiver } from '../hl7-over-http/receiver.ts'
import { METHOD, type PreparedRequest } from '../hl7-over-http/receiver.ts'
import { readReplyBody } from '../hl7-over-http/read-reply-body.ts'
import type { ReplyBody, ReplyBodyOptions } from '../hl7-over-http/read-reply-in-text.ts'
import type { ReplyMeaning } from '../hl7-over-http/status-meant.ts'
import {
  soapOperation,
  soapVersion,
  UNKNOWN_OPERATION,
  type SoapFault
} from '../hl7-over-http/soap-fault.ts'
import { refusesProof, withProof } from '../oauth2/dpop-proofs.ts'
import { withToken, type TokenVerdict } from '../oauth2/with-token.ts'
import { shownCode } from '../codes.ts'
import { quoting, type TokenError } from '../oauth2/token-error.ts'
import type { ReceiverTokens } from '../oauth2/receiver-tokens.ts'
import type { AnsweredAttempt, Attempt, SentMessage } from '../rules/attempt.ts'
import { errorOf, attemptFailure, hintOf, withRetryAfter } from './attempt-failure.ts'
import type { WatchWork } from './careful-start.ts'
import type { Address } from './failover.ts'
import { decide, isReadByRule, retriesOnReset } from '../rules/decide.ts'
import { EarlierMessages } from './earlier-messages.ts'
import type { KnownAddresses, RequestSize } from './known-addresses.ts'
import type { MessageName } from '../queue/queue-error.ts'
import type { AttemptResult } from './attempt-result.ts'
import { countingAcknowledgement, isAnswer } from '../rules/holds.ts'
import type { ReplyRules } from '../rules/reply-rules.ts'
import { quotesOf, type Quotes } from './quotes.ts'
import { replyFacts, type ReplyFacts } from './reply-facts.ts'
import { isOfMessage } from './sent-words.ts'

/** A message with what one attempt needs of it. */
export interface Parcel {
  message: OutgoingMessage
  /** The flow's message object, for values that are computed from it. */
  input: unknown
  /** What tells it from all other messages, in all its attempts. Default: it is sent once. */
  identity?: string | undefined
  /** Instead of the configured URL; of the same origin. */
  url?: URL | undefined
  responseTimeoutMs: number
  /** Default: the first one. */
  address?: Address
  /** An earlier attempt of it may have arrived, even if the receiver said that it did not take it. */
  again?: boolean
  /** Learns the tokens and proofs that are sent. Default: one for this attempt alone. */
  redactor?: Redactor | undefined
}

export interface CourierSettings {
  receiver: Receiver
  /** Undefined: the receiver wants no token. */
  tokens: ReceiverTokens | undefined
  /** The same for the backup. */
  backupTokens?: ReceiverTokens | undefined
  rules: ReplyRules
  reply: ReplyBodyOptions
  /** What its addresses have shown so far. Undefined: nothing is known of them, nor learned. */
  addresses?: KnownAddresses
  /** What no text about an attempt may show, besides the token. */
  secrets: Iterable<string>
}

/** An answer of the receiver, or why there is no whole one. */
type Answer = ReceivedReply | HttpError

/** An answer whose body was read: it may say more than its status. */
interface ReadReply {
  reply: ReceivedReply
  /** What it means, where its status says something else. */
  meaning: ReplyMeaning | undefined
  isFault: boolean
  /** A web page asks for a login as an answer: that says nothing of the token. */
  isPage: boolean
  result: Omit<AttemptResult, 'elapsedMs'>
}

/** Why there is no other token for one that the receiver refused. */
type TokenRefusal = Pick<AttemptResult, 'tokenProblem' | 'hint' | 'isPermanent'>

/**
 * For rules that do not retry after a reset, in milliseconds: the receiver may be closing a connection that has been
 * idle for longer at the moment in which the request is sent, and it would not be known whether the message arrived.
 */
const MOST_IDLE_MS = 100

/** What is known of an attempt while it goes on. */
interface Progress {
  redactor: Redactor
  /** That was sent last. */
  token?: string
  /** The last one that was built. */
  request?: PreparedRequest
  /** So many requests were sent, the last one at this time. */
  requests: number
  sentAt: number
  /** Its answer was there, or that there is none. */
  answeredAt?: number
  /** So many of them were sent again because their connection was dead. */
  repeats: number
}

/**
 * Takes one message to the receiver once: token, request, reply, decision. An attempt is a chain: the token (once
 * more with a fresh one after a refusal, which may be in the body of a reply), a live connection (once more if a kept
 * one was dead), the proof (once more with the receiver's nonce), the request; then the reply is judged.
 */
export class Courier {
  readonly #settings: CourierSettings
  readonly #mostIdleMs: number | undefined
  readonly #earlier = new EarlierMessages()
  /** Hosts that have answered: they want no other client certificate. */
  readonly #answered = new Set<string>()

  constructor(settings: CourierSettings) {
    this.#settings = settings
    this.#mostIdleMs = retriesOnReset(settings.rules) ? undefined : MOST_IDLE_MS
  }

  /**
   * @param watchWork does what depends on the content of the message or of its reply
   * @throws {Hl7Error} if no request can be built from this message
   */
  async attempt(
    parcel: Parcel,
    signal?: AbortSignal,
    watchWork: WatchWork = (work) => work()
  ): Promise<AttemptResult> {
    const { secrets } = this.#settings
    const { redactor = new Redactor(secrets) } = parcel
    const progress: Progress = { redactor, requests: 0, sentAt: performance.now(), repeats: 0 }
    const send = async (token: string | undefined): Promise<ReadReply | HttpError> => {
      const answer = await this.#send(parcel, token, progress, watchWork, signal)
      if (answer instanceof HttpError) return answer
      return watchWork(() => this.#read(answer, parcel, progress))
    }
    let refusal: TokenError | undefined
    let result: Omit<AttemptResult, 'elapsedMs'>
    try {
      const judge = (answer: ReadReply | HttpError): TokenVerdict =>
        this.#judgeToken(answer, parcel, progress)
      const sent = await withToken(this.#tokensFor(parcel), send, judge, signal)
      refusal = sent.refusal
      if (sent.answer instanceof HttpError) throw sent.answer
      result = sent.answer.result
    } catch (thrown) {
      result = this.#failed(thrown, parcel, progress)
    }
    const { answeredAt = performance.now(), requests, sentAt, repeats } = progress
    if (isOfMessage(result.requestId, parcel.message)) delete result.requestId
    return {
      ...result,
      ...explained(refusal, redactor),
      ...(requests > 1 && { requests }),
      ...(repeats > 0 && { repeats }),
      elapsedMs: answeredAt - sentAt
    }
  }

  /**
   * What the rules make of an application acknowledgement: it counts as a complete 2xx answer.
   *
   * @param message one acknowledgement
   */
  judge(message: ReplyMessage, { controlId, type }: MessageName): AttemptResult {
    const sent = { controlIds: [controlId], type, replyDue: true }
    const { text } = message
    const reply = { text, empty: false, message, ack: readAcknowledgement(message) }
    const attempt: Attempt = { sent, status: 200, reply }
    return {
      decision: decide(this.#settings.rules, attempt),
      reply: { status: 200, headers: {}, text, hl7: text, ack: reply.ack },
      answered: true,
      elapsedMs: 0
    }
  }

  /** Builds the request with this token, and sends it: over a live connection, with a proof if one is wanted. */
  async #send(
    parcel: Parcel,
    token: string | undefined,
    progress: Progress,
    watchWork: WatchWork,
    signal: AbortSignal | undefined
  ): Promise<Answer> {
    const { receiver, rules } = this.#settings
    const { address, identity, message, input, url, responseTimeoutMs } = parcel
    if (token !== undefined) {
      progress.redactor.add(token)
      progress.token = token
    }
    const request = await watchWork(() =>
      receiver.prepare({ message, input, identity, url, token, isForBackup: address === 'backup' })
    )
    progress.request = request
    for (const secret of request.secrets) progress.redactor.add(secret)
    const transmit = (proof: string | undefined): Promise<Answer> => {
      if (proof !== undefined) progress.redactor.add(proof)
      progress.requests++
      progress.sentAt = performance.now()
      const limits = { responseTimeoutMs, mostIdleMs: this.#mostIdleMs, signal }
      return receiver
        .send(request, { ...limits, proof })
        .catch(httpError)
        .finally(() => {
          progress.answeredAt = performance.now()
        })
    }
    const proven = { method: METHOD, url: request.url }
    const { answer, isRepeated } = await withLiveConnection(
      () => withProof(this.#tokensFor(parcel)?.proofs, proven, token, transmit, headOf),
      (error) => retriesOnReset(rules, errorOf(error))
    )
    if (isRepeated) progress.repeats++
    if (!(answer instanceof HttpError)) {
      this.#answered.add(request.url.host)
      this.#earlier.addSent(answer.connection, message.controlIds)
    }
    return answer
  }

  /**
   * Reads an answer, and decides what follows from it unless it refuses the token.
   *
   * @throws {HttpError} for an answer to another message
   */
  async #read(reply: ReceivedReply, parcel: Parcel, progress: Progress): Promise<ReadReply> {
    const { rules } = this.#settings
    const { message } = parcel
    const { redactor, request, token } = progress
    const { status, headers } = reply
    const read = await readReplyBody(
      reply.body,
      headers['content-type'],
      this.#settings.reply,
      message
    )
    await turn(read.text)
    if (
      read.message !== null &&
      this.#earlier.isAnswered(reply.connection, message.controlIds, read.message)
    ) {
      throw earlierAnswer(reply)
    }
    await turn(read.text)
    const { fault } = read
    const answer = this.#answerOf(read, reply, parcel, progress)
    const { meaning } = answer
    const isRefusedByPage =
      read.message === null &&
      fault === undefined &&
      meaning !== 401 &&
      isFirewallPage(status, read.text, headers['www-authenticate'])
    const isPage = answer.isPage && meaning === 401
    await turn(read.text)
    const attempt: Attempt = { ...sentOf(parcel, progress), status, reply: answer }
    const ack = countingAcknowledgement(attempt)
    const acks = ack === null || read.message === null ? [] : readAcknowledgements(read.message)
    const quotes = ack === null ? quotesFor(headers, message, redactor, request) : undefined
    await turn(read.text)
    const named = requestIdIn(headers)
    const requestId = named === undefined ? undefined : redactor.hide(named)
    const decision = decide(rules, attempt)
    const isTaken = ack !== null || (decision.outcome === 'accept' && !answer.isPage)
    if (isTaken && request !== undefined) {
      this.#settings.addresses?.took(request.url, ack !== null, sizeOf(request))
    }
    const result = {
      decision,
      reply: {
        status,
        host: request?.url.host,
        headers: withoutCredentials(headers, redactor),
        text: read.text,
        hl7: read.hl7,
        ack,
        ...(acks.length === 0 ? undefined : { acks })
      },
      answered: decision.outcome === 'refuse' || isAnswer(attempt, message),
      ...(quotes && {
        quotes,
        ...(this.#settings.tokens === undefined && { token: 'none' as const })
      }),
      ...(ack === null && faultFacts(fault, request)),
      ...(ack === null && meaning !== undefined && { meaning }),
      ...(isRefusedByPage && { isFirewallPage: true }),
      ...(answer.seemsRefused && { seemsRefused: true }),
      ...((meaning ?? status) === 431 && headerFacts(request, token)),
      ...(requestId !== undefined && { requestId }),
      ...withRetryAfter(status, retryAfterMs(headers, Date.now()))
    }
    return { reply, meaning, isFault: fault !== undefined, isPage, result }
  }

  /** What an answer is, and what it means from an address of which so much is known. */
  #answerOf(read: ReplyBody, reply: ReceivedReply, parcel: Parcel, progress: Progress): ReplyFacts {
    const { addresses } = this.#settings
    const { body, status } = reply
    const { request } = progress
    const sizes =
      status >= 400 &&
      request !== undefined &&
      addresses?.largerThanTaken(request.url, sizeOf(request))
    const facts = { ...reply, isEmpty: body.length === 0, isLargeHead: false, ...sizes }
    const answer = replyFacts(read, facts, parcel.message)
    const attempt = { ...sentOf(parcel, progress), status, reply: answer }
    return this.#isFallback(attempt, request?.url) ? { ...answer, meaning: 503 } : answer
  }

  /**
   * Whether something else has answered, where this address has answered as a receiver does: the page of somebody who
   * maintains it, or what a gateway has in store for an outage. A rule that reads it may know better.
   */
  #isFallback(
    attempt: AnsweredAttempt & { readonly reply: ReplyFacts },
    url: URL | undefined
  ): boolean {
    const { reply, status } = attempt
    const isHl7 = reply.message !== null || reply.isFault || reply.seemsRefused
    if (isHl7 || reply.blank || reply.meaning !== undefined) return false
    if (status < 200 || status >= 300 || url === undefined) return false
    const { addresses, rules } = this.#settings
    const isKnown = addresses?.answersOtherwise(url, reply.isPage) === true
    return isKnown && !isReadByRule(rules, attempt)
  }

  /** @throws what is no failure of the attempt */
  #failed(thrown: unknown, parcel: Parcel, progress: Progress): Omit<AttemptResult, 'elapsedMs'> {
    const { redactor } = progress
    const failure = attemptFailure(thrown, (text) => redactor.hide(text))
    const { error, status } = failure
    // A token server's status is not the receiver's: no rule may mistake it for one.
    const isOfReceiver = status !== undefined && error.family !== 'token'
    const sent = sentOf(parcel, progress)
    const attempt: Attempt = { ...sent, error, ...(isOfReceiver && { status }) }
    const decision = decide(this.#settings.rules, attempt)
    return {
      ...failure,
      ...(mayWantTls(thrown, progress.request) && { mayWantTls: true }),
      ...(this.#mayWantCertificate(failure, progress) && { mayWantCertificate: true }),
      answered: decision.outcome === 'refuse',
      decision
    }
  }

  /** With TLS 1.3, a server may end the connection after the handshake, and say nothing. */
  #mayWantCertificate(
    { error: { code, family }, isCutEarly = false }: ReturnType<typeof attemptFailure>,
    { request }: Progress
  ): boolean {
    const isCut = /^(?:ECONN|EPIPE)/.test(code) && (family === 'tls' || isCutEarly)
    return isCut && !this.#answered.has(request?.url.host ?? '')
  }

  /** What an answer says of the token that was sent. */
  #judgeToken(
    answer: ReadReply | HttpError,
    { message }: Parcel,
    { redactor, request }: Progress
  ): TokenVerdict {
    const host = request?.url.host ?? ''
    if (answer instanceof HttpError) {
      const { code, status } = answer
      const isRefused = status === 401 && code !== 'ERR_ABORTED'
      return { isAccepted: false, ...(isRefused && { refusal: { host, status } }) }
    }
    const { reply, isFault, isPage, meaning, result } = answer
    const { status, headers } = reply
    const isRefused = !isPage && refusesToken(reply, meaning) && !this.#refusesProof(reply)
    if (!isRefused) {
      return {
        isAccepted: meaning === undefined && status >= 200 && status < 300,
        // Who acknowledges has let the message in.
        isForbidden: status === 403 && result.reply?.ack === null && !lacksScope(reply)
      }
    }
    const { error, description } = quotesFor(headers, message, redactor, request) ?? {}
    return { refusal: { host, status, error, description, isFault }, isAccepted: false }
  }

  /** Each address refuses and accepts tokens for itself. */
  #tokensFor({ address, url }: Parcel): ReceiverTokens | undefined {
    const { backupTokens, tokens } = this.#settings
    return address === 'backup' && url === undefined ? backupTokens : tokens
  }

  /** Whether the receiver refuses the proof, for which another token would not help. */
  #refusesProof(answer: ReceivedReply): boolean {
    return this.#settings.tokens?.proofs !== undefined && refusesProof(answer)
  }
}

/** What may be quoted of the headers of the answer to the last request. */
function quotesFor(
  headers: IncomingHttpHeaders,
  message: OutgoingMessage,
  redactor: Redactor,
  request: PreparedRequest | undefined
): Quotes | undefined {
  return request && quotesOf(headers, { ...request, message }, redactor)
}

/** Whether the receiver refuses the token: it says 401, whatever the body, or what counts as that, or names it (RFC 6750 §3.1). */
function refusesToken(reply: ReceivedReply, meaning: ReplyMeaning | undefined): boolean {
  return reply.status === 401 || meaning === 401 || isRefusedFor(reply, 'invalid_token')
}

/** Valid, but not for this: another one with the same scope would not help (RFC 6750 §3.1). */
function lacksScope(reply: ReceivedReply): boolean {
  return reply.status === 403 && isRefusedFor(reply, 'insufficient_scope')
}

/** How large the headers were, and which the most. */
function headerFacts(
  request: PreparedRequest | undefined,
  token = ''
): Pick<AttemptResult, 'headerSizes' | 'operation'> {
  // Each ends in ": " and CRLF besides.
  const sizes = Object.entries(request?.headers ?? {}).map(([name, value]) => {
    const isToken = token !== '' && value.includes(token)
    return { largest: name, size: name.length + Buffer.byteLength(value) + 4, isToken }
  })
  const [first] = sizes.sort((one, other) => other.size - one.size)
  if (first === undefined) return {}
  const total = sizes.reduce((sum, { size }) => sum + size, 0)
  const kB = (bytes: number): number => Math.round(bytes / 1024)
  const operation = `${printable(first.largest, 40)} (${kB(first.size)}/${kB(total)} kB)`
  return { headerSizes: { ...first, total }, operation }
}

/** With the version of a fault that answers an envelope of the other version, and the operation that it does not know. */
function faultFacts(
  fault: SoapFault | undefined,
  request: PreparedRequest | undefined
): Pick<AttemptResult, 'fault' | 'operation' | 'otherSoap'> {
  if (fault === undefined) return {}
  const { version } = fault
  const envelope = request?.body.toString('utf8', 0, LONG_TEXT) ?? ''
  const sent = soapVersion(envelope)
  const isOther = version !== undefined && sent !== undefined && version !== sent
  const isUnknown = fault.code?.endsWith(UNKNOWN_OPERATION) === true
  const operation = isUnknown ? soapOperation(envelope) : undefined
  return {
    fault,
    ...(isOther && { otherSoap: version }),
    ...(operation !== undefined && { operation })
  }
}

/** A longer text is processed in several turns of the event loop. */
const LONG_TEXT = 65_536

/** Each step of processing a long answer takes a moment: lets other work run in between. */
function turn({ length }: string): Promise<void> | undefined {
  return length > LONG_TEXT ? new Promise(setImmediate) : undefined
}

/** Camel's Jetty route sends the headers of the request back, and a flow may show or store those of the answer. */
function withoutCredentials(headers: IncomingHttpHeaders, redactor: Redactor): IncomingHttpHeaders {
  // To search all of them at once costs the least.
  if (!redactor.holdsSecret(Object.values(headers).join('\n'))) return headers
  const hide = (value: string): string => (redactor.holdsSecret(value) ? HIDDEN : value)
  const kept: IncomingHttpHeaders = {}
  for (const [name, value = ''] of Object.entries(headers)) {
    kept[name] = Array.isArray(value) ? value.map(hide) : hide(value)
  }
  return kept
}

function sentOf(
  { message, again = false }: Parcel,
  { repeats }: Progress
): { sent: SentMessage; again: boolean } {
  const { controlIds, type, replyDue } = message
  return { sent: { controlIds, type, replyDue }, again: again || repeats > 0 }
}

/** Why a refused token could not be replaced. Only what a server has said may hold a secret. */
function explained(refusal: TokenError | undefined, redactor: Redactor): TokenRefusal {
  if (refusal === undefined) return {}
  const { description, message } = refusal
  const said = description === undefined ? undefined : redactor.hide(description)
  const tokenProblem = `${shownCode(refusal)}: ${quoting(message, said)}`
  return { tokenProblem, ...hintOf(refusal), ...(refusal.permanent && { isPermanent: true }) }
}

/** Nothing but the headers that are known; the client adds two short ones. */
function sizeOf({ body, headers }: PreparedRequest): RequestSize {
  let headBytes = 0
  for (const [name, value] of Object.entries(headers)) headBytes += name.length + value.length + 4
  return { headBytes, bodyBytes: body.length }
}

function headOf(answer: Answer): ReceivedReply | undefined {
  return answer instanceof HttpError ? undefined : answer
}

function httpError(thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown
  throw thrown
}

/** A server that ends the connection at once, or answers in no HTTP, nearly always wants TLS. */
function mayWantTls(thrown: unknown, request: PreparedRequest | undefined): boolean {
  if (request?.url.protocol !== 'http:' || !(thrown instanceof HttpError)) return false
  const { family, status, reusedConnection } = thrown
  return family === 'reset' && status === undefined && !reusedConnection
}

/**
 * This is not the answer to this message; its own may still arrive, and would be mistaken for the
 * answer to the next one. So nothing more is sent over that connection.
 */
function earlierAnswer({ connection }: ReceivedReply): HttpError {
  const text = english('log', 'error.earlierAnswer')
  connection.close(text)
  return new HttpError(text, {
    code: 'ERR_EARLIER_ANSWER',
    family: 'reset',
    connected: true,
    reusedConnection: true,
    answered: true
  })
}
