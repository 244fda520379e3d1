import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import type { Entry, Outbox } from '../outbox/outbox.ts'
import type { Late } from '../rules/reply-rules.ts'
import type { AttemptResult } from './courier.ts'
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
  /** A message waits again. */
  readonly again: () => void
}

/**
 * Messages that were accepted and await their application acknowledgement (enhanced mode, HL7 v2.5.1
 * §2.9.3). One timer serves all of them: each waits equally long.
 */
export class Awaiting<Content> {
  readonly #context: AwaitingContext<Content>
  /** Acknowledgements that came before the answer to the attempt, by the number of the message. */
  readonly #early = new Map<number, { ack: ApplicationAck; done: (isTaken: boolean) => void }>()
  #cancelTimer: (() => void) | undefined

  constructor(context: AwaitingContext<Content>) {
    this.#context = context
  }

  /** The attempt was accepted: the message awaits the application's word. */
  async begin(message: Message, content: Content, result: AttemptResult): Promise<void> {
    const { messages, options } = this.#context
    const { entry } = message
    const now = options.clock.now()
    entry.suspendedAt = now
    // If nothing else is known later, it was accepted, and that is what it leaves with.
    const settlement = keptAnswer(settlementOf(entry, entry.attempts, result, now))
    entry.verdict = { ...verdictOf(settlement), awaits: result.decision.late ?? 'suspend' }
    message.awaitsUntil = options.clock.monotonic() + options.applicationAckMs
    await messages.move(message, 'awaiting', { result, settlement })
    const early = this.#early.get(entry.seq)
    if (early === undefined) this.#setTimer()
    else {
      this.#early.delete(entry.seq)
      await this.#take(message, early.ack, content, settlement)
      early.done(true)
    }
  }

  /** Those of an earlier run: the time while Node-RED was down does not count. */
  restart(): void {
    const { messages, options } = this.#context
    const until = options.clock.monotonic() + options.applicationAckMs
    for (const message of messages.awaiting.values()) message.awaitsUntil = until
    this.#setTimer()
  }

  /** The attempt ended otherwise: an acknowledgement that came early is about nothing. */
  attemptEnded(message: Message): void {
    const { seq } = message.entry
    this.#early.get(seq)?.done(false)
    this.#early.delete(seq)
  }

  /**
   * An application acknowledgement has come.
   *
   * @returns whether a message waits for it; once that is stored
   * @throws {OutboxError} when the queue cannot be read
   */
  async acknowledge(ack: ApplicationAck): Promise<boolean> {
    const message = this.#find(ack.controlId)
    if (message === undefined) return false
    if (message.state === 'sending') {
      const { seq } = message.entry
      if (this.#early.has(seq)) return false
      return new Promise((done) => this.#early.set(seq, { ack, done }))
    }
    // The second of two acknowledgements finds it taken.
    message.isMoving = true
    try {
      const { content, outcome } = await this.#context.outbox.read(message.entry.seq)
      await this.#take(message, ack, content, outcome as Settlement | undefined)
      return true
    } catch (error) {
      message.isMoving = false
      if (!isGone(error)) throw error
      await this.#context.sending.lose(message, error)
      return true
    }
  }

  /** Nothing is awaited any more: the node closes. */
  close(): void {
    const { awaiting, suspended } = this.#context.messages
    this.#cancelTimer?.()
    for (const { cancelWait } of [...awaiting.values(), ...suspended.values()]) cancelWait?.()
    for (const { done } of this.#early.values()) done(false)
    this.#early.clear()
  }

  /** The oldest one with that control ID: awaited, else suspended for want of it, else on its way. */
  #find(controlId: string): Message | undefined {
    const { awaiting, suspended, active } = this.#context.messages
    const oldest = (
      messages: ReadonlyMap<number, Message>,
      fits: (message: Message) => boolean
    ): Message | undefined => {
      let found: Message | undefined
      for (const message of messages.values()) {
        if (message.entry.controlId !== controlId || message.isMoving || !fits(message)) continue
        if (found === undefined || message.entry.seq < found.entry.seq) found = message
      }
      return found
    }
    return (
      oldest(awaiting, ({ resendsAt }) => resendsAt === undefined) ??
      oldest(suspended, ({ entry }) => entry.verdict?.cause === ACK_TIMEOUT) ??
      oldest(active, ({ state }) => state === 'sending')
    )
  }

  /** The rules are asked again, with the application acknowledgement. */
  async #take(
    message: Message,
    ack: ApplicationAck,
    content: Content,
    accepted: Settlement | undefined
  ): Promise<void> {
    const { messages, options, pause, sending } = this.#context
    const { entry } = message
    const result = ack.judge(entry)
    const { decision } = result
    const now = options.clock.now()
    message.isMoving = false
    if (decision.outcome === 'await') return
    if (decision.retry && sending.plansResend(message, result)) {
      this.#resendLater(message)
      return
    }
    const settlement = withAccept(settlementOf(entry, entry.attempts, result, now), accepted)
    if (decision.outcome === 'suspend') {
      entry.verdict = verdictOf(settlement)
      await messages.move(message, 'suspended', { result, settlement })
    } else if (decision.outcome === 'disable') {
      await Promise.all([pause(decision.rule), this.#sendAgain(message)])
    } else await sending.leave(message, content, settlement)
  }

  /** None came in time. */
  async #late(message: Message): Promise<void> {
    const { messages, options, outbox, sending } = this.#context
    const { entry } = message
    const late: Late = entry.verdict?.awaits ?? 'suspend'
    if (late === 'retry') {
      await this.#sendAgain(message)
      return
    }
    message.isMoving = true
    try {
      const { content, outcome } = await outbox.read(entry.seq)
      message.isMoving = false
      const result = lateResult(entry, late, options.applicationAckMs)
      const accepted = outcome as Settlement | undefined
      const now = options.clock.now()
      const settlement = withAccept(settlementOf(entry, entry.attempts, result, now), accepted)
      if (late === 'fail') await sending.leave(message, content, settlement)
      else {
        entry.suspendedAt = now
        entry.verdict = verdictOf(settlement)
        await messages.move(message, 'suspended', { result, settlement })
      }
    } catch (error) {
      message.isMoving = false
      if (isGone(error)) await sending.lose(message, error)
      else message.awaitsUntil = options.clock.monotonic() + options.applicationAckMs
    }
  }

  #resendLater(message: Message): void {
    const { options } = this.#context
    const waitMs = Math.max(0, message.nextAttemptAt - options.clock.monotonic())
    message.resendsAt = message.nextAttemptAt
    message.cancelWait = options.clock.after(waitMs, () => {
      message.resendsAt = undefined
      this.#fork(this.#sendAgain(message))
    })
  }

  /** It takes its place by acceptance, perhaps behind messages that came later. */
  async #sendAgain(message: Message): Promise<void> {
    const { entry, state } = message
    // An operator may have been faster.
    if (message.isMoving || (state !== 'awaiting' && state !== 'suspended')) return
    delete entry.suspendedAt
    delete entry.verdict
    await this.#context.messages.move(message, 'waiting')
    this.#context.again()
  }

  /** Nothing in there rejects; if it does anyway, Node-RED has to survive it. */
  #fork(work: Promise<void>): void {
    work.catch(() => {
      this.#context.tell({ kind: 'fault' })
    })
  }

  #setTimer(): void {
    const { closing, messages, options } = this.#context
    if (this.#cancelTimer !== undefined || closing.aborted) return
    let next: number | undefined
    for (const { awaitsUntil } of messages.awaiting.values()) {
      if (next === undefined || awaitsUntil < next) next = awaitsUntil
    }
    if (next === undefined) return
    this.#cancelTimer = options.clock.after(Math.max(0, next - options.clock.monotonic()), () => {
      this.#cancelTimer = undefined
      this.#fork(this.#expire())
    })
  }

  async #expire(): Promise<void> {
    const { messages, options } = this.#context
    const now = options.clock.monotonic()
    for (const message of [...messages.awaiting.values()]) {
      const isDue = message.awaitsUntil <= now && message.resendsAt === undefined
      if (isDue && !message.isMoving && message.state === 'awaiting') await this.#late(message)
    }
    this.#setTimer()
  }
}

/** What its message leaves with: the application's acknowledgement, and the accept one beside it. */
function withAccept(settlement: Settlement, accepted: Settlement | undefined): Settlement {
  const reply = accepted?.reply
  const acceptAck: Acknowledgement | null = accepted?.acceptAck ?? reply?.ack ?? null
  if (reply === undefined) return { ...settlement, acceptAck }
  if (settlement.reply === undefined) return { ...settlement, reply, acceptAck }
  const { status, headers } = reply
  return { ...settlement, reply: { ...settlement.reply, status, headers }, acceptAck }
}

function lateResult({ verdict }: Entry, late: Late, waitedMs: number): AttemptResult {
  const rule = verdict?.rule ?? ''
  return {
    decision: {
      outcome: late === 'fail' ? 'fail' : 'suspend',
      ...{ retry: false, rule, action: rule.slice(rule.lastIndexOf('=') + 1), warnings: [] }
    },
    error: {
      code: ACK_TIMEOUT,
      text: `no application acknowledgement came within ${waitedMs / 1000} s`
    },
    ...{ answered: false, reachable: true, elapsedMs: 0 }
  }
}
