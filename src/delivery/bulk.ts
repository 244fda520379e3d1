import { OutboxError, type Entry, type Outbox } from '../outbox/outbox.ts'
import { DeliveryError } from './delivery-error.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { Message } from './message.ts'
import type { Messages } from './messages.ts'
import { closedError, isGone } from './queue-errors.ts'
import type { Sending } from './sending.ts'
import { failedSettlement, type Settlement } from './settlement.ts'

/** So many of many messages are worked on between two turns of the event loop. */
const AT_ONCE = 100

/** What came of an action on many messages. */
export interface BulkResult {
  /** With how many it succeeded. */
  done: number
  /** Why it did not with others, which stay suspended. */
  error?: Error
}

/** Takes suspended messages back into the queue, each to its place by acceptance. */
export async function resend(
  messages: Messages,
  select: (entry: Entry) => boolean
): Promise<BulkResult> {
  const moves: Promise<boolean>[] = []
  for (const [index, message] of messages.chosen(select).entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate)
    // Another operator, or its application, may have handled it meanwhile.
    if (message.isAtRest) moves.push(waitAgain(messages, message))
  }
  const failed = (await Promise.all(moves)).filter((isDone) => !isDone).length
  if (failed === 0) return { done: moves.length }
  const text = `${failed} of ${moves.length} messages are still suspended: the queue cannot be written.`
  return { done: moves.length - failed, error: new OutboxError(text, 'HL7_QUEUE_FAILED') }
}

/** Suspended messages of which the first is sent alone: it shows whether the rest may follow. */
export class ResendTrial {
  readonly first: number | undefined
  /** The others. */
  readonly rest: ReadonlySet<number>
  readonly by: string

  /** @param seqs in the order of acceptance */
  constructor(seqs: readonly number[], by: string) {
    this.first = seqs[0]
    this.rest = new Set(seqs.slice(1))
    this.by = by
  }

  get size(): number {
    return this.first === undefined ? 0 : this.rest.size + 1
  }

  /** Whether it was accepted; undefined as long as that is not known. */
  resultOf(event: DeliveryEvent): boolean | undefined {
    if (event.kind !== 'moved' || event.entry.seq !== this.first) return undefined
    if (event.to === 'gone') return event.settlement?.outcome === 'ack'
    return event.to === 'suspended' || event.to === 'lost' ? false : undefined
  }
}

/** @returns false if that cannot be stored: it stays suspended */
async function waitAgain(messages: Messages, message: Message): Promise<boolean> {
  const { entry } = message
  const { spentMs, suspendedAt, verdict } = entry
  entry.spentMs = 0
  delete entry.suspendedAt
  delete entry.verdict
  if (await messages.move(message, 'waiting')) return true
  Object.assign(entry, { spentMs, suspendedAt, verdict })
  return false
}

/**
 * Discards suspended messages: they leave as errors (`HL7_DISCARDED`).
 *
 * @param now wall clock, milliseconds
 */
export async function discard<Content>(
  outbox: Outbox<Content>,
  messages: Messages,
  sending: Sending<Content>,
  select: (entry: Entry) => boolean,
  now: () => number
): Promise<BulkResult> {
  const given = new DeliveryError('HL7_DISCARDED', 'It was discarded by an operator.')
  const result: BulkResult = { done: 0 }
  const discardOne = async (message: Message): Promise<void> => {
    const { entry } = message
    try {
      const { content, outcome } = await outbox.read(entry.seq)
      if (!message.isAtRest) return
      result.done++
      const answer = outcome as Settlement | undefined
      await sending.leave(message, content, failedSettlement(entry, given, now(), answer))
    } catch (error) {
      if (!isGone(error)) {
        result.error = error as Error
        return
      }
      if (!message.isAtRest) return
      result.done++
      await sending.lose(message, error)
    }
  }
  const chosen = messages.chosen(select)
  for (let from = 0; from < chosen.length && result.error === undefined; from += AT_ONCE) {
    await Promise.all(chosen.slice(from, from + AT_ONCE).map(discardOne))
  }
  return result
}

/**
 * Hands everything that an outbox holds on as errors, in the order of acceptance: its node closes, and
 * it is not durable.
 *
 * @param now wall clock, milliseconds
 * @returns what was handed on
 */
export async function giveUp<Content>(
  outbox: Outbox<Content>,
  messages: Messages,
  sending: Sending<Content>,
  now: () => number
): Promise<Entry[]> {
  const left: Entry[] = []
  const held = [...(await outbox.list({ after: 0, without: [], limit: Infinity }))]
  held.push(...messages.chosen(() => true).map(({ entry }) => entry))
  held.push(...[...messages.awaiting.values()].map(({ entry }) => entry))
  held.sort((a, b) => a.seq - b.seq)
  for (const [index, entry] of held.entries()) {
    if (index % AT_ONCE === 0) await new Promise(setImmediate)
    // An operator, or its application, was faster.
    if (entry.state === 'settled') continue
    const { seq } = entry
    const message = messages.get(seq) ?? new Message(entry, 'waiting', 0)
    const { content, outcome } = await outbox.read(seq)
    const answer = outcome as Settlement | undefined
    const settlement = failedSettlement(entry, closedError(entry), now(), answer)
    left.push(entry)
    await sending.leave(message, content, settlement)
  }
  return left
}
