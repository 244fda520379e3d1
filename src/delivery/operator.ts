import type { EventQuery, QueueEvent } from '../outbox/journal.ts'
import type { Entry, StoredMessage } from '../outbox/outbox.ts'
import type { ApplicationAck } from './awaiting.ts'
import { discard, resend, ResendTrial } from './bulk.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { find, type KnownPage, type MessageQuery } from './find.ts'
import type { OpenQueue } from './open-queue.ts'

export interface OperatorContext<Content> {
  /** Opens the queue if it is not open. */
  readonly opened: () => Promise<OpenQueue<Content>>
  /** Undefined if it is not open. */
  readonly queue: () => OpenQueue<Content> | undefined
  /** The same as `opened`, but after a failure the next attempt is made in its time. */
  readonly looked: () => Promise<OpenQueue<Content>>
  /** The nodes behind the outputs exist, or the node closes. */
  readonly flowsStarted: Promise<undefined>
  /** Wall clock, milliseconds. */
  readonly now: () => number
  /** Messages wait again. */
  readonly again: (queue: OpenQueue<Content>) => void
  readonly queueFailed: (error?: unknown) => void
  readonly tell: (event: DeliveryEvent) => void
}

/**
 * What an operator, or a flow, asks and does: about messages that are suspended, awaited or long
 * gone, and about what happened. All of it opens the queue first, and rejects if that cannot be used.
 */
export class Operator<Content> {
  readonly #context: OperatorContext<Content>
  #trial: ResendTrial | undefined

  constructor(context: OperatorContext<Content>) {
    this.#context = context
  }

  /**
   * Takes suspended messages back into the queue, each to its place by acceptance.
   *
   * @param by a user name, `flow`, or `''`
   * @param firstAlone the others follow if the first leaves on ACK; a close, or the next such call,
   * ends that
   * @returns how many were found
   * @throws {OutboxError} when that cannot be stored for some: they stay suspended
   */
  async resend(
    select: (entry: Entry) => boolean,
    by = 'flow',
    firstAlone = false
  ): Promise<number> {
    const queue = await this.#context.opened()
    if (!firstAlone) return this.#resendNow(queue, select, by)
    const chosen = queue.messages.chosen(select).map(({ entry }) => entry.seq)
    const trial = new ResendTrial(chosen, by)
    this.#trial = trial
    try {
      await this.#resendNow(queue, ({ seq }) => seq === trial.first, by)
    } catch (error) {
      // The rest must not follow if it is sent some other time.
      if (this.#trial === trial) this.#trial = undefined
      throw error
    }
    return trial.size
  }

  /**
   * Discards suspended messages: they leave as errors (`HL7_DISCARDED`).
   *
   * @returns how many were found
   * @throws {OutboxError} when one cannot be read: it and what has not left by then stay suspended
   */
  async discard(select: (entry: Entry) => boolean, by = 'flow'): Promise<number> {
    const { flowsStarted, now, opened, queueFailed, tell } = this.#context
    const { messages, outbox, sending } = await opened()
    // What it discards leaves to a Catch node.
    await flowsStarted
    const { done, error } = await discard(outbox, messages, sending, select, now)
    if (done > 0) tell({ kind: 'discarded', count: done, by })
    if (error === undefined) return done
    queueFailed()
    throw error
  }

  /**
   * What is known of messages, in the queue or long gone, newest first.
   *
   * @param signal ends the search
   */
  async find(query: MessageQuery, signal?: AbortSignal): Promise<KnownPage> {
    const { outbox, messages } = await this.#context.looked()
    return find(outbox, messages, query, signal)
  }

  /**
   * The content of a message in the queue, with its outcome if it has one.
   *
   * @throws {OutboxError} `ERR_NOT_QUEUED` if it is not there
   */
  async read(seq: number): Promise<StoredMessage<Content>> {
    const { outbox } = await this.#context.looked()
    return outbox.read(seq)
  }

  /**
   * An application acknowledgement has come.
   *
   * @returns whether a message waits for it; once what follows is stored
   * @throws {OutboxError} when the message cannot be stored as waiting
   */
  async acknowledge(ack: ApplicationAck): Promise<boolean> {
    const { awaiting } = await this.#context.opened()
    // What it settles leaves to the next nodes.
    await this.#context.flowsStarted
    return awaiting.acknowledge(ack)
  }

  /** Adds to the list of events; if the queue is open, before anything that is called later. */
  async addEvent(event: QueueEvent): Promise<void> {
    const { outbox } = this.#context.queue() ?? (await this.#context.looked())
    await outbox.addEvent(event)
  }

  /** What happened, newest first. */
  async events(query: EventQuery): Promise<readonly QueueEvent[]> {
    const { outbox } = await this.#context.looked()
    return outbox.events(query)
  }

  /** A reader of events: lets the rest of a trial follow. */
  note(event: DeliveryEvent): void {
    const trial = this.#trial
    const isAccepted = trial?.resultOf(event)
    if (trial === undefined || isAccepted === undefined) return
    this.#trial = undefined
    if (!isAccepted) return
    this.resend(({ seq }) => trial.rest.has(seq), trial.by).catch((error: unknown) => {
      this.#context.queueFailed(error)
    })
  }

  async #resendNow(
    queue: OpenQueue<Content>,
    select: (entry: Entry) => boolean,
    by: string
  ): Promise<number> {
    try {
      const { done, error } = await resend(queue.messages, select)
      if (done > 0) this.#context.tell({ kind: 'resent', count: done, by })
      if (error !== undefined) throw error
      return done
    } finally {
      this.#context.again(queue)
    }
  }
}
