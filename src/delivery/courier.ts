import { readAcknowledgement, readAcknowledgements } from '../hl7/acknowledgement.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import type { ReplyMessage } from '../hl7/reply-message.ts'
import { challengeParameter } from '../http-client/challenge.ts'
import { HttpError } from '../http-client/http-error.ts'
import type { ReceivedReply } from '../http-client/connection.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { Redactor } from '../redactor.ts'
import type { PreparedRequest, Receiver } from '../https/receiver.ts'
import { readReplyBody, type ReplyBodyOptions } from '../https/reply-body.ts'
import { refusesProof } from '../oauth2/dpop-proofs.ts'
import { TokenError } from '../oauth2/token-error.ts'
import type { TokenSource } from '../oauth2/token-source.ts'
import type { Attempt, AttemptError, AttemptReply, SentMessage } from '../rules/attempt.ts'
import { errorOf, failureOf, GATEWAY_STATUSES, hintOf, withRetryAfter } from './attempt-failure.ts'
import type { WatchWork } from './careful-start.ts'
import { decide, retriesOnReset } from '../rules/decide.ts'
import { EarlierMessages } from './earlier-messages.ts'
import type { MessageName } from '../queue/queue-error.ts'
import type { AttemptResult } from './attempt-result.ts'
import { countingAcknowledgement, isAnswer } from '../rules/holds.ts'
import type { ReplyRules } from '../rules/reply-rules.ts'
import { quotesOf, type Quotes } from './quotes.ts'

/** A message with what one attempt needs of it. */
export interface Parcel {
  message: OutgoingMessage
  /** The flow's message object, for values that are computed from it. */
  input: unknown
  /** Instead of the configured URL; of the same origin. */
  url?: URL | undefined
  responseTimeoutMs: number
  /** Learns the tokens and proofs that are sent. Default: one for this attempt alone. */
  redactor?: Redactor | undefined
}

/** Sends a request once. */
type Transmit = (request: PreparedRequest, proof?: string) => Promise<ReceivedReply | HttpError>

/** Why there is no other token for one that the receiver refused. */
type TokenRefusal = Pick<AttemptResult, 'tokenProblem' | 'hint' | 'isPermanent'>

export interface CourierSettings {
  receiver: Receiver
  /** Undefined: the receiver wants no token. */
  tokens: TokenSource | undefined
  /** HTTP statuses of the receiver that mean "the token was refused". */
  refreshOnStatus: ReadonlySet<number>
  rules: ReplyRules
  reply: ReplyBodyOptions
  /** What no text about an attempt may show, besides the token. */
  secrets: readonly string[]
}

/**
 * Takes one message to the receiver once: token, request, reply, decision. Within one attempt it
 * resends after a refused token, after a nonce for DPoP, and after a kept-alive connection that turned
 * out to be dead.
 */
export class Courier {
  readonly #settings: CourierSettings
  readonly #earlier = new EarlierMessages()

  constructor(settings: CourierSettings) {
    this.#settings = settings
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
    const { message } = parcel
    const { tokens } = this.#settings
    const sent = { controlIds: message.controlIds, type: message.type, replyDue: message.replyDue }
    const { redactor = new Redactor(this.#settings.secrets) } = parcel
    let start = performance.now()
    let refusal: TokenRefusal = {}
    let request: PreparedRequest | undefined
    let requests = 0
    const transmit: Transmit = (prepared, proof) => {
      requests++
      const limits = { responseTimeoutMs: parcel.responseTimeoutMs, signal, proof }
      return this.#settings.receiver.send(prepared, limits).catch(httpError)
    }
    const send = async (token: string | undefined): Promise<ReceivedReply | HttpError> => {
      if (token !== undefined) redactor.add(token)
      const { input, url } = parcel
      const prepared = await watchWork(() =>
        this.#settings.receiver.prepare({ message, input, url, token })
      )
      request = prepared
      const sendOnce = (): Promise<ReceivedReply | HttpError> => {
        start = performance.now()
        return this.#send(prepared, message, token, redactor, transmit)
      }
      const first = await sendOnce()
      if (first instanceof HttpError || !this.#refusesProof(first)) return first
      return first.headers['dpop-nonce'] === undefined ? first : sendOnce()
    }
    try {
      const token = await tokens?.token(signal)
      let reply = await send(token)
      if (token !== undefined && this.#isRefused(reply)) {
        const fresh = await this.#freshToken(token, signal)
        if (typeof fresh !== 'string') refusal = fresh
        else {
          reply = await send(fresh)
          if (this.#isRefused(reply)) tokens?.drop(fresh)
        }
      }
      if (reply instanceof HttpError) throw reply
      const answered = reply
      const quotes = (): Quotes =>
        request === undefined ? {} : quotesOf(answered.headers, { ...request, message }, redactor)
      return {
        ...(await watchWork(() => this.#read(answered, message, sent, quotes))),
        ...redacted(refusal, redactor),
        ...(requests > 1 && { requests }),
        elapsedMs: performance.now() - start
      }
    } catch (thrown) {
      const failure = redacted({ ...failureOf(thrown), ...refusal }, redactor)
      const attempt: Attempt = {
        sent,
        error: failure.error,
        // A token server's status is not the receiver's: no rule may mistake it for one.
        ...(failure.status === undefined || failure.error.family === 'token'
          ? undefined
          : { status: failure.status })
      }
      return {
        ...failure,
        answered: false,
        decision: decide(this.#settings.rules, attempt),
        ...(requests > 1 && { requests }),
        elapsedMs: performance.now() - start
      }
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
      reachable: true,
      elapsedMs: 0
    }
  }

  /** @throws {HttpError} for an answer to another message */
  async #read(
    reply: ReceivedReply,
    message: OutgoingMessage,
    sent: SentMessage,
    quotes: () => Quotes
  ): Promise<Omit<AttemptResult, 'elapsedMs'>> {
    const { rules } = this.#settings
    const { status, headers } = reply
    const read = await readReplyBody(reply.body, headers['content-type'], this.#settings.reply)
    await turn(read.text)
    if (
      read.message !== null &&
      this.#earlier.isAnswered(reply.connection, message.controlIds, read.message)
    ) {
      throw earlierAnswer(reply)
    }
    await turn(read.text)
    const answer: AttemptReply = {
      text: read.text,
      empty: reply.body.length === 0,
      message: read.message,
      ack: read.message === null ? null : readAcknowledgement(read.message)
    }
    await turn(read.text)
    const attempt: Attempt = { sent, status, reply: answer }
    const ack = countingAcknowledgement(attempt)
    const acks = ack === null || read.message === null ? [] : readAcknowledgements(read.message)
    await turn(read.text)
    return {
      decision: decide(rules, attempt),
      reply: {
        status,
        headers,
        text: read.text,
        hl7: read.hl7,
        ack,
        ...(acks.length === 0 ? undefined : { acks })
      },
      answered: isAnswer(attempt, message),
      ...(ack === null ? { quotes: quotes(), ...this.#tokenAdvice(reply) } : undefined),
      reachable: ack !== null || !GATEWAY_STATUSES.has(status),
      ...withRetryAfter(status, retryAfterMs(headers, Date.now()))
    }
  }

  async #send(
    request: PreparedRequest,
    message: OutgoingMessage,
    token: string | undefined,
    redactor: Redactor,
    transmit: Transmit
  ): Promise<ReceivedReply | HttpError> {
    const { rules, tokens } = this.#settings
    const proofs = tokens?.proofs
    const send = async (): Promise<ReceivedReply | HttpError> => {
      if (proofs === undefined || token === undefined) return transmit(request)
      const proof = await proofs.proof(request.method, request.url, token)
      redactor.add(proof)
      const reply = await transmit(request, proof)
      if (!(reply instanceof HttpError)) await proofs.keepNonce(request.url, reply.headers)
      return reply
    }
    const answer = await send()
    const again =
      answer instanceof HttpError && answer.isStale && retriesOnReset(rules, errorOf(answer))
    const last = again ? await send() : answer
    if (!(last instanceof HttpError)) this.#earlier.note(last.connection, message.controlIds)
    return last
  }

  /** Whether the receiver refuses the token: its status says so, whatever the body. */
  #isRefused(answer: ReceivedReply | HttpError): boolean {
    const { status } = answer
    if (status === undefined || !this.#settings.refreshOnStatus.has(status)) return false
    if (answer instanceof HttpError) return answer.code !== 'ERR_ABORTED'
    return !this.#refusesProof(answer) && !lacksScope(answer)
  }

  #tokenAdvice(answer: ReceivedReply): Pick<AttemptResult, 'token'> {
    const { tokens, refreshOnStatus } = this.#settings
    if (tokens === undefined) return { token: 'none' }
    return refreshOnStatus.has(answer.status) || lacksScope(answer) ? {} : { token: 'kept' }
  }

  /** Whether the receiver refuses the proof, for which another token would not help. */
  #refusesProof(answer: ReceivedReply): boolean {
    return this.#settings.tokens?.proofs !== undefined && refusesProof(answer)
  }

  async #freshToken(
    refused: string,
    signal: AbortSignal | undefined
  ): Promise<string | TokenRefusal> {
    try {
      return (await this.#settings.tokens?.refused(refused, signal)) ?? refused
    } catch (error) {
      // The receiver's refusal remains the answer to this attempt; this only explains it.
      if (!(error instanceof TokenError) || error.code === 'ERR_ABORTED') throw error
      const { message, permanent } = error
      return { tokenProblem: message, ...hintOf(error), ...(permanent && { isPermanent: true }) }
    }
  }
}

/** Valid, but not for this: another one with the same scope would not help (RFC 6750 §3.1). */
function lacksScope({ status, headers }: ReceivedReply): boolean {
  return status === 403 && challengeParameter(headers, 'error') === 'insufficient_scope'
}

/** A longer text is processed in several turns of the event loop. */
const LONG_TEXT = 65_536

/** Each step of processing a long answer takes a moment: lets other work run in between. */
async function turn({ length }: string): Promise<void> {
  if (length > LONG_TEXT) await new Promise(setImmediate)
}

/** The same without any token in its texts. */
function redacted<Facts extends { error?: AttemptError; tokenProblem?: string; hint?: string }>(
  facts: Facts,
  redactor: Redactor
): Facts {
  const { error, tokenProblem, hint } = facts
  return {
    ...facts,
    ...(error && { error: { ...error, text: redactor.hide(error.text) } }),
    ...(tokenProblem !== undefined && { tokenProblem: redactor.hide(tokenProblem) }),
    ...(hint !== undefined && { hint: redactor.hide(hint) })
  }
}

function httpError(thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown
  throw thrown
}

/**
 * This is not the answer to this message; its own may still arrive, and would be mistaken for the
 * answer to the next one. So nothing more is sent over that connection.
 */
function earlierAnswer({ connection }: ReceivedReply): HttpError {
  const text = 'the receiver sent an answer to an earlier message'
  connection.close(text)
  return new HttpError(text, {
    code: 'ERR_EARLIER_ANSWER',
    family: 'reset',
    connected: true,
    reusedConnection: true,
    answered: true
  })
}
