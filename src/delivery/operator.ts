import type { Claim } from '../queue/message-queue.ts'
import type { MessageRow } from '../queue/message-row.ts'
import type { MessageQuery, SuspendedChoice } from '../queue/queue-types.ts'
import { DeliveryError } from './delivery-error.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { Message } from './message.ts'
import type { Moving } from './moving.ts'
import { isGone, lostError } from './queue-errors.ts'
import { failedSettlement, type Settlement } from './settlement.ts'
import { settledMessage, type WorkContext } from './work-context.ts'

/** So many messages are resent, or discarded, in one call of the queue. */
const RESENT_AT_ONCE = 1000
const DISCARDED_AT_ONCE = 100

export interface MessagesPage {
  messages: MessageRow[]
  /** There are more below the last one. */
  more: boolean
}

/** What an operator, or a flow, does with messages that are suspended, and asks about all. */
export class Operator<Content> {
  readonly #context: WorkContext<Content>
  readonly #moving: Moving<Content>
  #trial: Trial | undefined

  constructor(context: WorkContext<Content>, moving: Moving<Content>) {
    this.#context = context
    this.#moving = moving
  }

  /**
   * Takes suspended messages back into the queue, each to its place by acceptance.
   *
   * @param by a user name, `flow`, or `''`
   * @param firstAlone the others follow if the first leaves on ACK; a close, or the next such call,
   * ends that
   * @returns how many were found
   * @throws {QueueError} when that cannot be stored for some: they stay suspended
   */
  async resend(choice: SuspendedChoice, by = 'flow', firstAlone = false): Promise<number> {
    if (!firstAlone) return this.#resend(choice, by)
    const chosen = { before: this.#context.options.clock.now() + 1, ...choice }
    const { first, count } = await this.#context.queue.countSuspended(chosen)
    if (first === undefined) return 0
    const trial = { first, choice: chosen, by }
    this.#trial = trial
    try {
      await this.#resend({ ids: [first] }, by)
    } catch (error) {
      // The rest must not follow if the first is sent some other time.
      if (this.#trial === trial) this.#trial = undefined
      throw error
    }
    return count
  }

  /**
   * Discards suspended messages: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   * @throws {QueueError} when one cannot be read or stored: it and what has not left by then stay suspended
   */
  async discard(choice: SuspendedChoice, by = 'flow'): Promise<number> {
    const { queue, tell } = this.#context
    let done = 0
    try {
      for (let after = 0; ;) {
        const { claimed, next } = await queue.claimSuspended(choice, after, DISCARDED_AT_ONCE)
        const results = await Promise.allSettled(claimed.map((claim) => this.#discardOne(claim)))
        done += results.filter(({ status }) => status === 'fulfilled').length
        const failed = results.find((result) => result.status === 'rejected')
        if (failed !== undefined) throw failed.reason
        if (next === 0) return done
        after = next
      }
    } finally {
      if (done > 0) tell({ kind: 'discarded', count: done, by })
    }
  }

  /**
   * What is known of messages, in the queue or long gone, newest first.
   *
   * @param signal ends the search: nobody waits for it any longer
   */
  async find(query: MessageQuery, signal?: AbortSignal): Promise<MessagesPage> {
    const { limit } = query
    const found: MessageRow[] = []
    let { before } = query
    while (found.length <= limit && signal?.aborted !== true) {
      const rest = { ...query, limit: limit + 1 - found.length, ...(before && { before }) }
      const { messages, next } = await this.#context.queue.find(rest)
      found.push(...messages)
      if (next === 0) break
      before = next
    }
    return { messages: found.slice(0, limit), more: found.length > limit }
  }

  /** A reader of events: lets the rest of a trial follow. */
  readEvent(event: DeliveryEvent): void {
    const trial = this.#trial
    if (event.kind !== 'moved' || event.message.seq !== trial?.first) return
    if (event.to !== 'left' && event.to !== 'suspended') return
    this.#trial = undefined
    if (event.to === 'suspended' || event.settlement?.outcome !== 'ack') return
    this.#resend(trial.choice, trial.by).catch(() => {
      this.#context.tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
    })
  }

  async #resend(choice: SuspendedChoice, by: string): Promise<number> {
    const { claimMessages, queue, tell } = this.#context
    let done = 0
    try {
      for (let after = 0; ;) {
        const resent = queue.resend(choice, after, RESENT_AT_ONCE)
        claimMessages()
        const { count, next } = await resent
        done += count
        if (next === 0) return done
        after = next
      }
    } finally {
      if (done > 0) tell({ kind: 'resent', count: done, by })
    }
  }

  async #discardOne(claim: Claim): Promise<void> {
    const { options, queue, tell } = this.#context
    const { seq } = claim.row
    try {
      const { row, content, outcome } = await queue.restore(claim)
      const message = new Message(row, content)
      const given = new DeliveryError('HL7_DISCARDED', 'It was discarded by an operator.')
      const settlement = failedSettlement(
        settledMessage(message),
        given,
        options.clock.now(),
        outcome as Settlement | undefined
      )
      await this.#moving.leaveOnceStored(message, settlement)
    } catch (error) {
      if (!isGone(error)) {
        queue.release(seq)
        throw error
      }
      tell({ kind: 'lost', error: lostError(seq, error, error.about), about: error.about })
    }
  }
}

/** Suspended messages of which the first is sent alone: it shows whether the others may follow. */
interface Trial {
  first: number
  choice: SuspendedChoice
  by: string
}
