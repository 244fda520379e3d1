import type { JournalRecord, Pause, QueueEvent, Verdict } from '../../src/outbox/journal.ts'
import type { FindQuery } from '../../src/outbox/outbox.ts'

/** A verdict with a value in each field. */
export const verdict: Verdict = {
  ackCode: 'AE',
  errors: [
    { code: '206', severity: 'E' },
    { code: 'other', severity: 'W' }
  ],
  status: 409,
  rule: ':?E=S ü',
  errorCode: 'ERR_TEST',
  cause: 'ECONNREFUSED'
}

export const pause: Pause = { at: 1_700_000_000_000, by: 'ada', reason: 'upgrade ü' }

/** The record of a message that left now, or as it says. */
export function record(seq: number, more: Partial<JournalRecord> = {}): JournalRecord {
  return {
    ...{ seq, controlId: `C${seq}`, type: 'ADT^A01', acceptedAt: 1_700_000_000_000 + seq },
    ...{ attempts: 1, settledAt: Date.now(), outcome: 'ack', verdict },
    ...more
  }
}

export function event(count: number, more: Partial<QueueEvent> = {}): QueueEvent {
  return { at: Date.now(), kind: 'resent', by: 'ada', values: { count }, ...more }
}

/** All that have left. */
export const ALL: FindQuery = { where: 'journal', before: Number.MAX_SAFE_INTEGER, limit: 1000 }
