import type { JournalRecord } from '../outbox/journal.ts'
import type { Entry, Outbox } from '../outbox/outbox.ts'
import type { Backlog } from './backlog.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { ruleOf, type Message, type MessageState } from './message.ts'
import { NamedMessages } from './named-messages.ts'
import type { Settlement } from './settlement.ts'
import { journalRecord } from './verdict.ts'

/** A message that left, and its record for the journal. */
interface HandedOn {
  entry: Entry
  record: JournalRecord | undefined
}

/** What led to a move. */
export interface MoveCause {
  /** The attempt. */
  result?: AttemptResult | undefined
  /** How the message leaves. */
  settlement?: Settlement | undefined
  /** It goes back to where it was: nothing needs to be stored. */
  isBack?: boolean
}

/**
 * The messages that are no longer just waiting. Only here do they change state, by the table in
 * `message.ts`.
 */
export class Messages {
  /** Those that are being sent, retried or leaving. */
  readonly active = new NamedMessages()
  readonly suspended = new NamedMessages()
  /** Those that await their application acknowledgement. */
  readonly awaiting = new NamedMessages()
  /** Those that left in this round of the event loop, and since the close began. */
  #handedOn: HandedOn[] = []
  readonly #outbox: Outbox<unknown>
  readonly #backlog: Backlog
  readonly #tell: (event: DeliveryEvent) => void
  readonly #closing: AbortSignal

  /** @param closing once aborted, nothing is removed: nobody knows whether it was received */
  constructor(
    outbox: Outbox<unknown>,
    backlog: Backlog,
    tell: (event: DeliveryEvent) => void,
    closing: AbortSignal
  ) {
    this.#outbox = outbox
    this.#backlog = backlog
    this.#tell = tell
    this.#closing = closing
  }

  /** Whether it is no longer just waiting, whatever the outbox says. */
  has(seq: number): boolean {
    if (this.get(seq) !== undefined) return true
    return this.#handedOn.some(({ entry }) => entry.seq === seq)
  }

  /** A message that is no longer just waiting. */
  get(seq: number): Message | undefined {
    return this.active.get(seq) ?? this.suspended.get(seq) ?? this.awaiting.get(seq)
  }

  /** Messages with that control ID that are no longer just waiting. */
  *named(controlId: string): Iterable<Message> {
    yield* this.awaiting.named(controlId)
    yield* this.suspended.named(controlId)
    yield* this.active.named(controlId)
  }

  /** Those that left, but may not have reached the next nodes yet. */
  get handedOn(): readonly Entry[] {
    return this.#handedOn.map(({ entry }) => entry)
  }

  /** Suspended messages with which nothing else happens, in the order of acceptance. */
  chosen(select: (entry: Entry) => boolean): Message[] {
    return [...this.suspended.values()]
      .filter((message) => message.isAtRest && select(message.entry))
      .sort((a, b) => a.entry.seq - b.entry.seq)
  }

  /**
   * Changes the state of a message. Stores what the move stores, frees the lane if the new state
   * does not hold it, and reports it. If it cannot be stored, the move happens anyway, with one
   * exception: a suspended or awaiting message waits only if the outbox has it as waiting, which then
   * lists it.
   *
   * @returns false if its state did not change
   * @throws {TypeError} for a move that the table does not have
   */
  async move(message: Message, to: MessageState, why: MoveCause = {}): Promise<boolean> {
    const { entry, state: from } = message
    const { isBack = false, ...cause } = why
    const rule = ruleOf(to)
    const writes = isBack ? null : rule.writes
    if (ruleOf(from).to[to] === undefined) {
      throw new TypeError(`No message goes from ${from} to ${to}.`)
    }
    message.state = to
    message.isMoving = true
    if (rule.stored !== null) entry.state = rule.stored
    const isStored = writes === null || (await this.#write(writes, entry, cause.settlement))
    message.isMoving = false
    if (!isStored && to === 'waiting' && !message.hasLane) {
      message.state = from
      entry.state = ruleOf(from).stored ?? entry.state
      return false
    }
    this.active.delete(entry.seq)
    this.suspended.delete(entry.seq)
    this.awaiting.delete(entry.seq)
    if (to === 'awaiting') this.awaiting.set(entry.seq, message)
    else if (to === 'suspended') this.suspended.set(entry.seq, message)
    else if (rule.stored !== null && to !== 'waiting') this.active.set(entry.seq, message)
    this.#place(message)
    this.#tell({ kind: 'moved', entry, from, to, ...cause })
    return true
  }

  /** @returns false if it could not be stored */
  async #write(
    writes: 'update' | 'settle' | 'remove',
    entry: Entry,
    settlement: Settlement | undefined
  ): Promise<boolean> {
    try {
      if (writes === 'remove') this.#removeSoon(entry, settlement)
      // An outcome that is not known is not stored over what is there.
      else if (writes === 'settle' && settlement !== undefined) {
        await this.#outbox.settle(entry, settlement)
      } else await this.#outbox.update(entry)
      return true
    } catch {
      this.#tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
      // On a full disk there may be room for the state but not for an answer.
      return writes === 'settle' && entry.state === 'suspended'
        ? this.#write('update', entry, undefined)
        : false
    }
  }

  /** Puts a message in its place among the waiting ones, and frees its lane for the next one. */
  #place(message: Message): void {
    const { entry, since, state, hasLane } = message
    if (state === 'retrying') this.#backlog.block(entry)
    if (state === 'waiting') {
      if (hasLane) this.#backlog.putBack({ entry, since })
      else this.#backlog.again(entry)
    }
    if (!hasLane || ruleOf(state).holdsLane) return
    message.hasLane = false
    this.#backlog.release(entry)
  }

  /**
   * The next node gets a message in the next round of the event loop: its stored copy must not be
   * removed before, and the journal must not say that it left.
   */
  #removeSoon(entry: Entry, settlement: Settlement | undefined): void {
    this.#handedOn.push({ entry, record: settlement && journalRecord(entry, settlement) })
    if (this.#handedOn.length > 1) return
    setImmediate(() => {
      if (this.#closing.aborted) return
      const handedOn = this.#handedOn
      this.#handedOn = []
      for (const { entry, record } of handedOn) {
        this.#outbox.remove(entry.seq, record).catch(() => {
          this.#tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
        })
      }
    })
  }
}
