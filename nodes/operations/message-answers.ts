import { eventTold } from '../../src/delivery/event-told.ts'
import type { MessagesCount, MessagesPage } from '../../src/delivery/operator.ts'
import type { Named, SentAgain } from '../../src/delivery/sending-again.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { TRIAL_WAIT_MS, type Trial } from '../../src/delivery/trial.ts'
import type { Counts } from '../../src/queue/message-counts.ts'
import { isAttempt, knownState, type MessageRow } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import type { Told } from '../../src/told.ts'
import type { FlowMessage } from '../flow/flow-messages.ts'
import type { DeliveryControl } from '../flow/out-parts.ts'
import { printable } from '../../src/printable.ts'
import type {
  BulkAnswer,
  EventRow,
  MessageAnswer,
  MessageContent,
  MessageCountsAnswer,
  MessagePage,
  NamedAnswer,
  ValueCount
} from './answers.ts'
import { cursorText } from './cursor.ts'
import { storyOf } from './message-story.ts'
import { iso } from './times.ts'
import { verdictTold } from '../flow/verdict-told.ts'
import { errorRow } from '../../src/hl7/error-codes.ts'

export function pageAnswer({ messages: rows, more }: MessagesPage, node: string): MessagePage {
  const messages = rows.map(messageAnswer)
  const last = messages.at(-1)
  return { messages, more, ...(more && last !== undefined && { next: cursorText(last, node) }) }
}

/** So many values of a kind are told. */
const MOST_VALUES = 100

export function countsAnswer(counted: MessagesCount): MessageCountsAnswer {
  const { count, errors, more, rules, types } = counted
  const told = (counts: Counts): ValueCount[] =>
    counts.slice(0, MOST_VALUES).map(([value, n]) => ({ value, count: n }))
  return { count, types: told(types), rules: told(rules), errors: told(errors), more }
}

export function messageAnswer(row: MessageRow): MessageAnswer {
  const { acceptedAt, attempts, changedAt, controlId, seq, type, verdict } = row
  const { ackCode, errorCode, errors, outcome, rule, status } = verdict
  const hasLeft = row.state === 'left'
  const told = verdictTold(verdict)
  return {
    id: String(seq),
    controlId,
    type,
    state: knownState(row),
    attempts,
    acceptedAt: iso(acceptedAt),
    settledAt: hasLeft || row.state === 'suspended' ? iso(changedAt) : null,
    outcome: hasLeft && outcome !== '' ? outcome : null,
    ackCode,
    rule,
    errorCode,
    errors: errors.map(errorRow),
    ...(row.isEdited && { edited: true }),
    status: status || null,
    ...told,
    reason: toldInEnglish(told)
  }
}

/**
 * What becomes of the first of several messages, as soon as that is known.
 *
 * @param gone nobody waits for the answer any longer
 * @param isOne no others follow it
 */
export async function triedAnswer(
  trial: Trial | undefined,
  gone: AbortSignal,
  isOne = false
): Promise<Required<Pick<BulkAnswer, 'first' | 'resent'>>> {
  if (trial === undefined) return { first: null, resent: 0 }
  const { first, resent } = await trial.result(gone)
  const { controlId, outcome, verdict } = first
  const isDecided = outcome !== 'open' && outcome !== 'ended'
  const told = isDecided ? verdictTold(verdict) : undecidedTold(outcome, isOne)
  return {
    first: {
      controlId,
      outcome: isDecided ? outcome : null,
      ackCode: verdict.ackCode,
      ...told,
      reason: toldInEnglish(told)
    },
    resent
  }
}

function undecidedTold(outcome: 'open' | 'ended', isOne: boolean): Told {
  if (outcome === 'ended') return { kind: isOne ? 'one-ended' : 'first-ended', values: {} }
  const values = { seconds: TRIAL_WAIT_MS / 1000 }
  return { kind: isOne ? 'one-open' : 'first-open', values }
}

/** What became of messages that were to be sent again; what there is nothing to say of is left out. */
export function againAnswer({
  leftOut,
  notSent,
  ...counts
}: Omit<SentAgain, 'resent'> & Partial<SentAgain>): BulkAnswer {
  return {
    ...counts,
    ...(leftOut > 0 && { leftOut }),
    ...(notSent.length > 0 && {
      notSent: notSent.map(({ controlId, why }) => ({ controlId: printable(controlId), why }))
    })
  }
}

/** The first or the last of those that would be sent again. */
export function namedAnswer({ controlId, acceptedAt, changedAt }: Named): NamedAnswer {
  return {
    controlId: printable(controlId),
    acceptedAt: iso(acceptedAt),
    settledAt: iso(changedAt)
  }
}

/** @returns undefined if nothing is known of such a message */
export async function messageWithStory(
  delivery: DeliveryControl,
  seq: number
): Promise<MessageContent | undefined> {
  const { messages } = await (await delivery.reader()).find({ before: seq + 1, limit: 1 })
  const [row] = messages
  if (row?.seq !== seq) return undefined
  const attempts = row.story.filter(isAttempt)
  return {
    ...messageAnswer(row),
    attemptList: attempts.map(({ at, backup, ms, requestId, result }) => ({
      at: iso(at),
      ms,
      result,
      ...(requestId !== undefined && { requestId }),
      ...(backup !== undefined && { backup: printable(backup) })
    })),
    story: storyOf(row)
  }
}

/**
 * The texts of a message, as long as they are kept.
 *
 * @param isEdited also what the sender has sent, before somebody edited it
 */
export async function contentOf(
  delivery: DeliveryControl,
  seq: number,
  isEdited: boolean
): Promise<Pick<MessageContent, 'original'> & { request: string | null; reply: string | null }> {
  const reader = await delivery.reader()
  const before = isEdited ? await reader.readOriginal(seq) : undefined
  const original = isEdited ? { original: before === undefined ? null : textOf(before) } : {}
  try {
    const { content, outcome } = await reader.read(seq)
    const { reply } = (outcome ?? {}) as Partial<Settlement>
    const text = reply === undefined ? null : reply.hl7 === '' ? reply.text : reply.hl7
    return { request: textOf(content), reply: text, ...original }
  } catch (error) {
    if (isGone(error)) return { request: null, reply: null, ...original }
    throw error
  }
}

function textOf({ parcel }: FlowMessage): string | null {
  return parcel?.message.text ?? null
}

/** It has left, and its content is no longer kept. */
function isGone(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'ERR_NOT_QUEUED'
}

export function eventAnswer(event: QueueEvent): EventRow {
  const told = eventTold(event)
  return { at: iso(event.at), by: event.by, ...told, text: toldInEnglish(told) }
}
