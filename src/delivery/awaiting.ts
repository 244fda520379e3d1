import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import { OutboxError, type Entry, type Outbox } from '../outbox/outbox.ts'
import type { Late } from '../rules/reply-rules.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import type { Message } from './message.ts'
import type { Messages } from './messages.ts'
import { isGone } from './queue-errors.ts'
import type { Sending } from './sending.ts'
import { keptAnswer, settlementOf, type Settlement } from './settlement.ts'
import { verdictOf } from './verdict.ts'

/** Why a message is suspended or fails whose application acknowledgement did not come. */
export const ACK_TIMEOUT = 'ERR_ACK_TIMEOUT'

/** An application acknowledgement: what the rules make of it is found out for its message. */
export interface ApplicationAck {
  /** MSA-2: the control ID of the message that it is about. */
  readonly controlId: string
  readonly judge: (about: Entry) => AttemptResult
}

export interface AwaitingContext<Content> {
  readonly options: DeliveryOptions<Content>
  readonly outbox: Outbox<Content>
  readonly messages: Messages
  readonly sending: Sending<Content>
  readonly pause: (rule: string) => Promise<void>
  readonly closing: AbortSignal
  readonly tell: (event: DeliveryEvent) => void
  /** How long the queue was open in earlier runs. */
  readonly uptimeMs: number
  /** A message waits again; with its clock as it is stored, or else with a new one. */
  readonly again: (entry: Entry, keepsClock: boolean) => void
}

/** So many messages whose time is up are worked on at once. */
const AT_ONCE = 100
/** If the queue cannot be read or written, that is tried again after this time, in milliseconds. */
const AGAIN_MS = 30_000

/** An acknowledgement that came before the answer to the attempt. */
interface Early {
  readonly ack: ApplicationAck
  readonly settle: (isTaken: boolean | Promise<boolean>) => void
}

/**
 * Messages that were accepted and await their application acknowledgement (enhanced mode, HL7 v2.5.1
 * §2.9.3). One timer serves all of them: each waits equally long.
 */
export class Awaiting<Content> {
  readonly #context: AwaitingContext<Content>
  /** By the number of the message. */
  readonly #early = new Map<number, Early>()
  /** Messages with which something happens, by number, until it has: one thing at a time. */
  readonly #busy = new Map<number, Promise<void>>()
  /** On the monotonic clock, in milliseconds. */
  readonly #openedAt: number
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(context: AwaitingContext<Content>) {
    this.#context = context
    this.#openedAt = context.options.clock.monotonic()
  }

  /** The attempt was accepted: the message awaits the application's word. */
  begin(message: Message, content: Content, result: AttemptResult): Promise<void> {
    return this.#alone(message, async () => {
      const { messages, options, uptimeMs } = this.#context
      const { entry } = message
      const now = options.clock.now()
      entry.suspendedAt = now
      // If nothing else is known later, it was accepted, and that is what it leaves with.
      const settlement = keptAnswer(settlementOf(entry, entry.attempts, result, now))
      const awaits = result.decision.late ?? 'suspend'
      const from = options.clock.monotonic()
      const awaitsFrom = uptimeMs + Math.round(from - this.#openedAt)
      entry.verdict = { ...verdictOf(settlement), awaits, awaitsFrom }
      message.awaitsUntil = from + options.applicationAckMs
      await messages.move(message, 'awaiting', { result, settlement })
      const early = this.#takeEarly(entry)
      if (early === undefined) return
      const taken = this.#take(message, early.ack, content, settlement)
      early.settle(taken.then(() => true))
      // The caller of `acknowledge` gets the error.
      await taken.catch(() => undefined)
    })
  }

  /** Those of an earlier run: the time while Node-RED was down, or was starting, does not count. */
  restart(): void {
    const { messages, options, uptimeMs } = this.#context
    const until = options.clock.monotonic() + options.applicationAckMs
    for (const message of messages.awaiting.values()) {
      const { awaitsFrom = uptimeMs } = message.entry.verdict ?? {}
      // It can have begun after the uptime that was stored before a crash.
      message.awaitsUntil = until - Math.max(0, uptimeMs - awaitsFrom)
    }
    this.#setTimer()
  }

  /** An acknowledgement that came early, and was not taken, is about nothing. */
  attemptEnded({ entry }: Message): void {
    this.#takeEarly(entry)?.settle(false)
  }

  /**
   * An application acknowledgement has come.
   *
   * @returns whether a message waits for it; once that is stored
   * @throws {OutboxError} when the queue cannot be read, or the message cannot be stored as waiting
   */
  async acknowledge(ack: ApplicationAck): Promise<boolean> {
    for (;;) {
      if (this.#isClosed) throw new OutboxError('The node is closing.', 'ERR_QUEUE_CLOSED')
      const message = this.#find(ack.controlId)
      if (message === undefined) return false
      const { seq } = message.entry
      const busy = this.#busy.get(seq)
      if (busy !== undefined) await busy
      else if (message.state === 'sending') {
        return new Promise((settle) => this.#early.set(seq, { ack, settle }))
      } else if (await this.#alone(message, () => this.#takeStored(message, ack))) return true
    }
  }

  /** Takes no more acknowledgements; resolves when those that came are stored. */
  async close(): Promise<void> {
    const { awaiting } = this.#context.messages
    this.#isClosed = true
    this.#cancelTimer?.()
    for (const { cancelWait } of awaiting.values()) cancelWait?.()
    await Promise.all(this.#busy.values())
  }

  /**
   * The message with that control ID for which it is. Several may have the same: one that awaits it
   * comes first, then one that was suspended for want of it, one on its way, and one with which
   * something else happens; of equal ones the oldest.
   */
  #find(controlId: string): Message | undefined {
    let best: { message: Message; rank: number } | undefined
    for (const message of this.#context.messages.named(controlId)) {
      const rank = this.#rank(message)
      if (rank === undefined || (best !== undefined && rank > best.rank)) continue
      const isOlder = best === undefined || message.entry.seq < best.message.entry.seq
      if (best === undefined || rank < best.rank || isOlder) best = { message, rank }
    }
    return best?.message
  }

  #rank({ entry, resendsAt, state }: Message): number | undefined {
    if (this.#busy.has(entry.seq)) return 4
    if (this.#early.has(entry.seq)) return undefined
    if (state === 'awaiting') return resendsAt === undefined ? 1 : undefined
    if (state === 'suspended') return entry.verdict?.cause === ACK_TIMEOUT ? 2 : undefined
    return state === 'sending' ? 3 : undefined
  }

  /** @returns false if an operator was faster */
  async #takeStored(message: Message, ack: ApplicationAck): Promise<boolean> {
    const { outbox, sending } = this.#context
    const { state } = message
    try {
      const { content, outcome } = await outbox.read(message.entry.seq)
      if (message.state !== state) return false
      await this.#take(message, ack, content, outcome as Settlement | undefined)
    } catch (error) {
      if (message.state !== state) return false
      if (!isGone(error)) throw error
      await sending.lose(message, error)
    }
    return true
  }

  /** The rules are asked again, with the application acknowledgement. */
  async #take(
    message: Message,
    ack: ApplicationAck,
    content: Content,
    accepted: Settlement | undefined
  ): Promise<void> {
    const { options, pause, sending } = this.#context
    const { entry } = message
    const result = ack.judge(entry)
    const { decision } = result
    if (decision.outcome === 'await') return
    if (decision.retry && sending.plansResend(message, result)) {
      if (message.state === 'awaiting') await this.#resendLater(message, result, accepted)
      else await this.#sendAgainOrThrow(message)
      return
    }
    const now = options.clock.now()
    const settlement = withAccept(settlementOf(entry, entry.attempts, result, now), accepted)
    if (decision.outcome === 'suspend') {
      await this.#suspend(message, result, settlement)
    } else if (decision.outcome === 'disable') {
      await Promise.all([pause(decision.rule), this.#sendAgainOrThrow(message, result)])
    } else await this.#leave(message, content, settlement)
  }

  /** None came in time. */
  async #late(message: Message): Promise<void> {
    const { options, outbox, sending } = this.#context
    const { entry } = message
    const late: Late = entry.verdict?.awaits ?? 'suspend'
    if (late === 'retry') {
      if (!(await this.#sendAgain(message))) this.#lookAgain(message)
      return
    }
    try {
      const { content, outcome } = await outbox.read(entry.seq)
      const result = lateResult(entry, late, options.applicationAckMs)
      const accepted = outcome as Settlement | undefined
      const now = options.clock.now()
      const settlement = withAccept(settlementOf(entry, entry.attempts, result, now), accepted)
      if (late === 'fail') await this.#leave(message, content, settlement)
      else await this.#suspend(message, result, settlement)
    } catch (error) {
      if (isGone(error)) await sending.lose(message, error)
      else this.#lookAgain(message)
    }
  }

  /** What follows from the end of its time could not be read or written. */
  #lookAgain(message: Message): void {
    message.awaitsUntil = this.#context.options.clock.monotonic() + AGAIN_MS
  }

  async #leave(message: Message, content: Content, settlement: Settlement): Promise<void> {
    const { entry } = message
    delete entry.suspendedAt
    delete entry.verdict
    await this.#context.sending.leave(message, content, settlement)
  }

  async #suspend(message: Message, result: AttemptResult, settlement: Settlement): Promise<void> {
    const { entry } = message
    entry.suspendedAt = settlement.settledAt
    entry.verdict = verdictOf(settlement)
    await this.#context.messages.move(message, 'suspended', { result, settlement })
  }

  /** It still awaits, but only the time of its next attempt; after a restart, the end of its wait. */
  async #resendLater(
    message: Message,
    result: AttemptResult,
    accepted: Settlement | undefined
  ): Promise<void> {
    const { entry } = message
    if (entry.verdict) entry.verdict = { ...entry.verdict, awaits: 'retry' }
    message.resendsAt = message.nextAttemptAt
    await this.#context.messages.move(message, 'awaiting', { result, settlement: accepted })
    this.#resendAt(message, message.nextAttemptAt)
  }

  /** If it cannot be stored then, that is tried again. */
  #resendAt(message: Message, at: number): void {
    const { clock } = this.#context.options
    message.resendsAt = at
    if (this.#isClosed) return
    message.cancelWait = clock.after(Math.max(0, at - clock.monotonic()), () => {
      message.cancelWait = undefined
      const resend = async (): Promise<void> => {
        if (!(await this.#sendAgain(message))) {
          this.#resendAt(message, clock.monotonic() + AGAIN_MS)
        }
      }
      this.#fork(this.#alone(message, resend))
    })
  }

  /** @throws {OutboxError} when that cannot be stored: it stays as it is */
  async #sendAgainOrThrow(message: Message, result?: AttemptResult): Promise<void> {
    if (await this.#sendAgain(message, result)) return
    throw new OutboxError('The queue cannot be written.', 'HL7_QUEUE_FAILED')
  }

  /**
   * It takes its place by acceptance, perhaps behind messages that came later.
   *
   * @returns false if that cannot be stored: it stays as it is
   */
  async #sendAgain(message: Message, result?: AttemptResult): Promise<boolean> {
    const { messages } = this.#context
    const { entry } = message
    const { spentMs, suspendedAt, verdict } = entry
    delete entry.suspendedAt
    delete entry.verdict
    if (await messages.move(message, 'waiting', { result })) {
      // If the node was resumed meanwhile, what was stored is out of date.
      this.#context.again(entry, entry.spentMs === spentMs)
      return true
    }
    Object.assign(entry, { suspendedAt, verdict })
    return false
  }

  #takeEarly({ seq }: Entry): Early | undefined {
    const early = this.#early.get(seq)
    this.#early.delete(seq)
    return early
  }

  /** Nothing else happens with the message meanwhile. */
  #alone<T>(message: Message, work: () => Promise<T>): Promise<T> {
    const { seq } = message.entry
    const working = work()
    const ended = (): void => {
      this.#busy.delete(seq)
      this.#setTimer()
    }
    this.#busy.set(seq, working.then(ended, ended))
    return working
  }

  /** Nothing in there rejects; if it does anyway, Node-RED has to survive it. */
  #fork(work: Promise<unknown>): void {
    work.catch(() => {
      this.#context.tell({ kind: 'fault' })
    })
  }

  #setTimer(): void {
    const { closing, messages, options } = this.#context
    if (this.#cancelTimer !== undefined || closing.aborted) return
    let next = Infinity
    for (const { awaitsUntil, resendsAt } of messages.awaiting.values()) {
      if (resendsAt === undefined && awaitsUntil < next) next = awaitsUntil
    }
    if (next === Infinity) return
    this.#cancelTimer = options.clock.after(Math.max(0, next - options.clock.monotonic()), () => {
      this.#fork(
        this.#expire().finally(() => {
          this.#cancelTimer = undefined
          this.#setTimer()
        })
      )
    })
  }

  async #expire(): Promise<void> {
    const { messages, options } = this.#context
    const now = options.clock.monotonic()
    const due = [...messages.awaiting.values()].filter(({ awaitsUntil }) => awaitsUntil <= now)
    for (let from = 0; from < due.length; from += AT_ONCE) {
      await Promise.all(due.slice(from, from + AT_ONCE).map((message) => this.#timeIsUp(message)))
    }
  }

  async #timeIsUp(message: Message): Promise<void> {
    const { closing, options } = this.#context
    const { seq } = message.entry
    // Another one that waited as well may be first.
    for (let busy; (busy = this.#busy.get(seq)) !== undefined;) await busy
    const { awaitsUntil, resendsAt, state } = message
    if (closing.aborted || state !== 'awaiting' || resendsAt !== undefined) return
    if (awaitsUntil <= options.clock.monotonic()) {
      await this.#alone(message, () => this.#late(message))
    }
  }
}

/** What its message leaves with: the application's acknowledgement, and the accept one beside it. */
function withAccept(settlement: Settlement, accepted: Settlement | undefined): Settlement {
  const reply = accepted?.reply
  const acceptAck: Acknowledgement | null = accepted?.acceptAck ?? reply?.ack ?? null
  if (reply === undefined) return { ...settlement, acceptAck }
  if (settlement.reply === undefined) {
    return { ...settlement, reply: { ...reply, ack: null }, acceptAck }
  }
  const { status, headers } = reply
  return { ...settlement, reply: { ...settlement.reply, status, headers }, acceptAck }
}

function lateResult(
  { verdict }: Entry,
  late: Exclude<Late, 'retry'>,
  waitedMs: number
): AttemptResult {
  const rule = verdict?.rule ?? ''
  return {
    decision: {
      outcome: late,
      retry: false,
      rule,
      action: rule.slice(rule.lastIndexOf('=') + 1),
      warnings: []
    },
    error: {
      code: ACK_TIMEOUT,
      text: `no application acknowledgement came within ${waitedMs / 1000} s`
    },
    answered: false,
    reachable: true,
    elapsedMs: 0
  }
}
