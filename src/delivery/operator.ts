import { randomUUID } from 'node:crypto'
import { MOST_REASON, printable } from '../printable.ts'
import type { FieldValue } from '../queue/keyed-hashes.ts'
import { MessageCounts, type CountedMessages } from '../queue/message-counts.ts'
import type { Claim, Restored } from '../queue/message-queue.ts'
import type { MessageRow } from '../queue/message-row.ts'
import type { EventQuery, QueueEvent } from '../queue/queue-event.ts'
import type {
  LeftChoice,
  MessageQuery,
  SuspendedChoice,
  WaitingChoice
} from '../queue/queue-types.ts'
import type { Accepted } from './delivery-options.ts'
import { queueFailure, type DeliveryEvent } from './delivery-events.ts'
import type { LastAttempts } from './last-attempts.ts'
import { Message } from './message.ts'
import type { Moving } from './moving.ts'
import { pages } from './pages.ts'
import { closingError, isFull, isGone, lost } from './queue-errors.ts'
import {
  SendingAgain,
  type CountedAgain,
  type Edit,
  type HowAgain,
  type HowEdited,
  type OnSent,
  type SentAgain,
  type SentFirstAgain
} from './sending-again.ts'
import { discardedSettlement, type Settlement } from './settlement.ts'
import { Trial } from './trial.ts'
import { settledMessage, type Wish, type WorkContext } from './work-context.ts'

/** So many messages are resent, discarded or looked for in one call of the queue. */
const RESENT_AT_ONCE = 100
const DISCARDED_AT_ONCE = 100
const SET_ASIDE_AT_ONCE = 100
const DELETED_AT_ONCE = 64
/** To count, the queue is called so often: it looks at 200,000 messages. */
const MOST_COUNT_CALLS = 40

/** What became of waiting messages that were to be set aside or discarded. */
export interface TakenOut {
  found: number
  /**
   * So many of them are on their way: they follow when their attempts have ended without an acknowledgement, or the node
   * closes. If the process is killed before, that is forgotten.
   */
  inFlight: number
}

/** A message as somebody has seen it who does something with it: nothing is done if that has changed. */
export interface Seen {
  seq: number
  isSuspended: boolean
}

/** Suspended messages of which the first was resent alone. */
export interface ResentFirst {
  found: number
  /** Missing if there was none to resend. */
  trial?: Trial
}

export interface MessagesPage {
  messages: MessageRow[]
  /** There are more below the last one. */
  more: boolean
}

/** What was counted. */
export interface MessagesCount extends CountedMessages {
  /** There are older ones that were not looked at. */
  more: boolean
}

/** What somebody asks who changes nothing. */
export type Reader<Content> = Pick<
  Operator<Content>,
  'count' | 'find' | 'findByField' | 'read' | 'readOriginal' | 'events' | 'countAgain'
>

/** What it needs of the delivery. */
type OperatorContext<Content> = Pick<
  WorkContext<Content>,
  | 'acceptAgain'
  | 'claimMessages'
  | 'closing'
  | 'flowsStarted'
  | 'nextSeq'
  | 'options'
  | 'queue'
  | 'readPlace'
  | 'tell'
  | 'track'
  | 'wishes'
>

/** What an operator, or a flow, does with messages that are suspended, and asks about all. */
export class Operator<Content> {
  readonly #context: OperatorContext<Content>
  readonly #moving: Moving<Content>
  readonly #lastAttempts: LastAttempts
  readonly #sendingAgain: SendingAgain<Content>
  #trial: Trial | undefined
  /** Of single messages: an operator who resends one waits for what becomes of it. */
  readonly #watches = new Set<Trial>()

  constructor(
    context: OperatorContext<Content>,
    moving: Moving<Content>,
    lastAttempts: LastAttempts
  ) {
    this.#context = context
    this.#moving = moving
    this.#lastAttempts = lastAttempts
    this.#sendingAgain = new SendingAgain(context)
  }

  /**
   * Takes suspended messages back into the queue, each to its place by acceptance.
   *
   * @param by a user name, `flow`, or `''`
   * @param onSent learns the numbers of those that are back
   * @returns how many were found
   * @throws {QueueError} when that cannot be stored for some, or the node closes: they stay suspended
   */
  resend(choice: SuspendedChoice, by = 'flow', onSent?: OnSent): Promise<number> {
    return this.#beforeClose(async () => {
      const { claimMessages, queue, tell, wishes } = this.#context
      let done = 0
      let most = RESENT_AT_ONCE
      try {
        for (let after = 0; ;) {
          this.#refuseIfClosing()
          try {
            const resent = queue.call('resend', choice, after, most, by, randomUUID())
            claimMessages()
            const { count, seqs, next } = await resent
            done += count
            // What somebody wanted of one before it was suspended came too late.
            for (const seq of seqs) wishes.delete(seq)
            onSent?.(seqs)
            if (next === 0) return done
            after = next
          } catch (error) {
            // A disk that is full may still have room for one.
            if (!isFull(error) || most === 1) throw error
            most = 1
          }
        }
      } finally {
        if (done > 0) tell({ kind: 'resent', count: done, by })
      }
    })
  }

  /**
   * The same, but the first goes alone: the others follow if it leaves on ACK. A close, or the next such call, ends
   * that.
   *
   * @throws {QueueError} when that cannot be stored for the first: all stay suspended
   */
  async resendFirst(choice: SuspendedChoice, by = 'flow', onSent?: OnSent): Promise<ResentFirst> {
    const { options, queue } = this.#context
    const chosen = { before: options.clock.now() + 1, ...choice }
    const { first, count } = await queue.call('countSuspended', chosen)
    if (first === undefined) return { found: 0 }
    const { messages } = await queue.call('find', { before: first + 1, limit: 1 })
    const controlId = messages[0]?.controlId ?? ''
    const trial = this.#beginTrial({ seq: first, controlId }, count - 1, () =>
      this.resend(chosen, by, onSent)
    )
    try {
      await this.resend({ ids: [first] }, by, onSent)
    } catch (error) {
      // The rest must not follow if the first is sent some other time.
      trial.end()
      throw error
    }
    return { found: count, trial }
  }

  /**
   * Takes a suspended message back into the queue with another text, to its place by acceptance; or sends one that was
   * refused or given up as a new message with that text, once. Which of the two, `seen` says, not what has become of the
   * message since: what somebody has just discarded must not be sent.
   *
   * @param edited what was made of that text; it may have another control ID
   * @throws {QueueError} when that cannot be stored, or the node closes: it stays as it was
   * @throws {DeliveryError} as `Delivery.accept` does
   */
  edit({ seq, isSuspended }: Seen, edited: Accepted<Content>, how: HowEdited): Promise<Edit> {
    const said = { ...how, reason: printable(how.reason ?? '', MOST_REASON) }
    return isSuspended
      ? this.#editSuspended(seq, edited, said)
      : this.#sendingAgain.sendEdited(seq, edited, said)
  }

  #editSuspended(
    seq: number,
    { content, controlId, type }: Accepted<Content>,
    { by, reason }: Required<Pick<HowEdited, 'by' | 'reason'>>
  ): Promise<Edit> {
    return this.#beforeClose(async () => {
      const { claimMessages, queue, readPlace, tell, wishes } = this.#context
      this.#refuseIfClosing()
      const place = readPlace(content)
      const stored = queue.edit({ seq, controlId, type, ...place }, content, by, reason)
      claimMessages()
      const isEdited = await stored
      if (!isEdited) return { kind: 'late', why: 'notSuspended' }
      wishes.delete(seq)
      tell({ kind: 'edited', controlId, by, reason })
      return { kind: 'edited' }
    })
  }

  /** See `SendingAgain.send`. */
  sendAgain(choice: LeftChoice, by = 'flow', how: HowAgain<Content> = {}): Promise<SentAgain> {
    return this.#sendingAgain.send(choice, by, how)
  }

  /** The same, but the first goes alone, as in `resendFirst`. */
  sendFirstAgain(
    choice: LeftChoice,
    by = 'flow',
    how: HowAgain<Content> = {}
  ): Promise<SentFirstAgain> {
    return this.#sendingAgain.sendFirst(choice, by, how, (first, others, follow) =>
      this.#beginTrial(first, others, follow)
    )
  }

  /** The content of a message before it was edited first; undefined if that is not known. */
  async readOriginal(seq: number): Promise<Content | undefined> {
    return this.#context.queue.readOriginal(seq)
  }

  /** See `SendingAgain.count`. */
  countAgain(choice: LeftChoice, isAgain: boolean): Promise<CountedAgain> {
    return this.#sendingAgain.count(choice, isAgain)
  }

  /**
   * Discards suspended messages: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   * @throws {QueueError} when one cannot be read or stored, or the node closes: it and what has not left by then stay
   * suspended
   */
  discard(choice: SuspendedChoice, by = 'flow'): Promise<number> {
    return this.#beforeClose(async () => {
      const { flowsStarted, queue, tell } = this.#context
      await flowsStarted
      let done = 0
      try {
        const ask = (after: number) => {
          this.#refuseIfClosing()
          return queue.call('claimSuspended', choice, after, DISCARDED_AT_ONCE)
        }
        for await (const { claimed } of pages(ask)) {
          const discarding = claimed.map((claim) => this.#discardOne(claim, by))
          await allDone(discarding, (count) => (done += count))
        }
        return done
      } finally {
        if (done > 0) tell({ kind: 'discarded', count: done, by })
      }
    })
  }

  /**
   * Sets waiting messages aside, as a rule with S does; their lanes go on. Those on their way follow.
   *
   * @param by a user name, `flow`, or `''`
   * @throws {QueueError} when that cannot be stored for one, or the node closes: it and those after it go on waiting
   */
  async suspend(choice: WaitingChoice, by = 'flow'): Promise<TakenOut> {
    return this.#takeOut(choice, { act: 'set-aside', by }, async ({ row }) => {
      // Nothing is read of its content.
      const message = new Message<Content>(row, undefined as Content)
      const last = this.#lastAttempts.settlementOf(row.seq)
      try {
        const isStored = await this.#moving.setAside(message, by, last && { last })
        this.#lastAttempts.take(row.seq)
        return isStored
      } catch (error) {
        this.#context.queue.release(row.seq)
        throw error
      }
    })
  }

  /** The same, but they leave as errors (`HL7_DISCARDED`). */
  async discardWaiting(choice: WaitingChoice, by = 'flow'): Promise<TakenOut> {
    await this.#context.flowsStarted
    return this.#takeOut(choice, { act: 'discard', by }, async (claim) => {
      const { seq } = claim.row
      const isDone = await this.#discardOne(claim, by, this.#lastAttempts.settlementOf(seq))
      this.#lastAttempts.take(seq)
      return isDone
    })
  }

  /** @param act on one that is handed out; false: somebody was faster. If it fails, the message is no longer handed out */
  #takeOut(
    choice: WaitingChoice,
    wish: Wish,
    act: (claim: Claim) => Promise<boolean>
  ): Promise<TakenOut> {
    return this.#beforeClose(async () => {
      const { claimMessages, nextSeq, queue, tell, wishes } = this.#context
      // Not those that come in meanwhile.
      const chosen = { ...choice, before: Math.min(choice.before ?? Infinity, nextSeq()) }
      const withContent = wish.act === 'discard'
      let done = 0
      let inFlight = 0
      try {
        const ask = (after: number) => {
          this.#refuseIfClosing()
          return queue.call('claimWaiting', chosen, after, SET_ASIDE_AT_ONCE, withContent)
        }
        for await (const { claimed, sending } of pages(ask)) {
          for (const seq of sending) wishes.set(seq, wish)
          inFlight += sending.length
          await allDone(claimed.map(act), (count) => (done += count))
        }
        return { found: done + inFlight, inFlight }
      } catch (error) {
        // Its turn may have come while it was handed out.
        claimMessages()
        throw error
      } finally {
        const kind = wish.act === 'discard' ? 'discarded' : wish.act
        if (done > 0) tell({ kind, count: done, by: wish.by })
      }
    })
  }

  /**
   * What is known of messages, in the queue or long gone, newest first.
   *
   * @param signal ends the search: nobody waits for it any longer
   */
  async find(query: MessageQuery, signal?: AbortSignal): Promise<MessagesPage> {
    const { limit } = query
    const found: MessageRow[] = []
    const ask = (from: number) => {
      const before = from === 0 ? undefined : { before: from }
      const rest = { ...query, ...before, limit: limit + 1 - found.length }
      return this.#context.queue.call('find', rest)
    }
    for await (const { messages } of pages(ask, query.before, signal)) {
      found.push(...messages)
      if (found.length > limit) break
    }
    return { messages: found.slice(0, limit), more: found.length > limit }
  }

  /**
   * How many messages there are, and how many of them have each type, rule and code; of long lists, among the newest.
   *
   * @param signal ends it: nobody waits for it any longer
   */
  async count(
    query: Omit<MessageQuery, 'hashes' | 'limit'>,
    signal?: AbortSignal
  ): Promise<MessagesCount> {
    const counts = new MessageCounts()
    let calls = 0
    let more = true
    const ask = (from: number) => {
      const before = from === 0 ? undefined : { before: from }
      return this.#context.queue.call('countMessages', { ...query, ...before })
    }
    for await (const { next, ...counted } of pages(ask, query.before, signal)) {
      counts.addAll(counted)
      more = next > 0
      if (++calls === MOST_COUNT_CALLS) break
    }
    return { ...counts.all, more }
  }

  /** The same, of messages with one of these values. */
  findByField(
    values: readonly FieldValue[],
    query: MessageQuery,
    signal?: AbortSignal
  ): Promise<MessagesPage> {
    const { queue } = this.#context
    return this.find({ ...query, hashes: values.map((value) => queue.hashOf(value)) }, signal)
  }

  /**
   * The content of a message in the queue, with its outcome if it has one.
   *
   * @throws {QueueError} `ERR_NOT_QUEUED` if it is not there
   */
  read(seq: number): Promise<Restored<Content>> {
    return this.#context.queue.read(seq)
  }

  /** Deletes what is kept of messages that have left. @returns of how many something was kept */
  async deleteContents(seqs: readonly number[]): Promise<number> {
    let done = 0
    for (let from = 0; from < seqs.length; from += DELETED_AT_ONCE) {
      this.#refuseIfClosing()
      const some = seqs.slice(from, from + DELETED_AT_ONCE)
      done += await this.#context.queue.call('deleteContents', some)
    }
    return done
  }

  /** What happened, newest first. */
  events(query: EventQuery): Promise<readonly QueueEvent[]> {
    return this.#context.queue.call('events', query)
  }

  /** A reader of events: what became of the first message of a trial. */
  readEvent(event: DeliveryEvent): void {
    this.#trial?.readEvent(event)
    for (const trial of this.#watches) {
      trial.readEvent(event)
      if (trial.hasEnded) this.#watches.delete(trial)
    }
  }

  /** What becomes of a message that is about to be resent: to be asked for its result, or ended. */
  watch(seq: number, controlId: string): Trial {
    const { clock } = this.#context.options
    const trial = new Trial(clock, { seq, controlId }, 0, () => Promise.resolve(0))
    for (const one of this.#watches) if (one.hasEnded) this.#watches.delete(one)
    this.#watches.add(trial)
    return trial
  }

  #beginTrial(
    first: { seq: number; controlId: string },
    others: number,
    follow: () => Promise<number>
  ): Trial {
    // Nothing follows it, so that it takes no other one's place.
    if (others === 0) return this.watch(first.seq, first.controlId)
    const { options, tell } = this.#context
    this.#trial?.end()
    this.#trial = new Trial(options.clock, first, others, () =>
      follow().catch((error: unknown) => {
        tell(queueFailure(error))
        throw error
      })
    )
    return this.#trial
  }

  /** What a close finds in a queue in memory leaves as errors: not while somebody does something else with it. */
  #beforeClose<T>(work: () => Promise<T>): Promise<T> {
    const { queue, track } = this.#context
    return queue.isDurable ? work() : track(work())
  }

  #refuseIfClosing(): void {
    if (this.#context.closing.aborted) throw closingError()
  }

  /**
   * @param last how it would have left, if it was tried; of a suspended one, that is stored
   * @returns false if somebody was faster
   */
  async #discardOne(claim: Claim, by: string, last?: Settlement): Promise<boolean> {
    const { options, queue, tell } = this.#context
    const { seq } = claim.row
    try {
      const { row, content, outcome } = await queue.restore(claim)
      const message = new Message(row, content)
      const at = options.clock.now()
      message.record({ at, act: 'discarded', by })
      const answer = last ?? (outcome as Settlement | undefined)
      const settlement = discardedSettlement(settledMessage(message), at, answer)
      return await this.#moving.leaveOnceStored(message, settlement, true)
    } catch (error) {
      if (!isGone(error)) {
        queue.release(seq)
        throw error
      }
      tell(lost(seq, error))
      return true
    }
  }
}

/**
 * @param acts true: it was done with that message
 * @param onDone learns how often, also if some fail
 */
async function allDone(
  acts: readonly Promise<boolean>[],
  onDone: (count: number) => void
): Promise<void> {
  const results = await Promise.allSettled(acts)
  onDone(results.filter((one) => one.status === 'fulfilled' && one.value).length)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
