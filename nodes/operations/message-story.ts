import {
  isAttempt,
  type AttemptRecord,
  type MessageRow,
  type StoryRecord
} from '../../src/queue/message-row.ts'
import { printable } from '../../src/printable.ts'
import { answerCode, causeOf } from '../../src/queue/verdict-codes.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import type { Told } from '../../src/told.ts'
import type { StoryRow } from './answers.ts'
import { iso } from './times.ts'

/** All that happened to a message, and was done to it, oldest first. */
export function storyOf(row: MessageRow): StoryRow[] {
  const { acceptedAt, attempts, resent, story } = row
  const kept = story.filter(isAttempt)
  return [
    resent === undefined
      ? line(acceptedAt, '', { kind: 'message-accepted', values: {} })
      : line(acceptedAt, resent.by, {
          kind: 'message-repeats',
          values: { acceptedAt: iso(resent.acceptedAt) }
        }),
    // More than the newest 20, or attempts that a stop cut off, or that were repeated on a dead connection.
    ...(attempts > kept.length
      ? [
          line(undefined, '', {
            kind: 'message-unlisted',
            values: { count: attempts - kept.length }
          })
        ]
      : []),
    ...(resent?.isEdited === true ? [line(resent.at, resent.by, editedTold(resent.reason))] : []),
    ...story.map(recordLine),
    ...endOf(row)
  ]
}

function recordLine(record: StoryRecord): StoryRow {
  if (isAttempt(record)) return line(record.at, '', attemptTold(record))
  const { act, at, by, reason, rule = '' } = record
  switch (act) {
    case 'awaiting':
      return line(at, by, { kind: 'message-awaits', values: { rule } })
    case 'suspended':
      return rule === ''
        ? line(at, by, { kind: 'message-suspended-twice', values: {} })
        : line(at, by, { kind: 'message-suspended', values: { rule } })
    case 'set-aside':
      return line(at, by, { kind: 'message-set-aside', values: {} })
    case 'resent':
      return line(at, by, { kind: 'message-resent', values: {} })
    case 'edited':
      return line(at, by, editedTold(reason))
    case 'ended':
      return line(at, by, { kind: 'message-ended', values: {} })
    case 'discarded':
      return line(at, by, { kind: 'discarded', values: {} })
  }
}

function editedTold(reason: string | undefined): Told {
  return { kind: 'message-edited', values: reason === undefined ? {} : { reason } }
}

function attemptTold({ backup, ms, requestId, result, retry }: AttemptRecord): Told {
  const values = {
    ...{ cause: result, ms },
    ...(backup !== undefined && { backup: printable(backup) }),
    ...(requestId !== undefined && { requestId })
  }
  if (retry === undefined) return { kind: 'message-attempt', values }
  return { kind: 'message-retry', values: { ...values, number: retry.number, most: retry.of } }
}

/** How it left, if it has. */
function endOf({ changedAt, state, verdict }: MessageRow): StoryRow[] {
  if (state !== 'left') return []
  const { errorCode, outcome } = verdict
  // The row for the discard already says so, and by whom.
  if (errorCode === 'HL7_DISCARDED' || outcome === '') return []
  const told: Told =
    outcome === 'error'
      ? { kind: 'message-failed', values: { cause: causeOf(verdict) || errorCode } }
      : outcome === 'ack'
        ? { kind: 'message-acked', values: { ackCode: verdict.ackCode } }
        : { kind: 'message-naked', values: { ackCode: answerCode(verdict) } }
  return [line(changedAt, '', told)]
}

function line(at: number | undefined, by: string, told: Told): StoryRow {
  return { at: iso(at), by, ...told, text: toldInEnglish(told) }
}
