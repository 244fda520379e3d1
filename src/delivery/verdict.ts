import { ERROR_CODES } from '../hl7/error-codes.ts'
import type { JournalRecord, Verdict } from '../outbox/journal.ts'
import type { Entry } from '../outbox/outbox.ts'
import { printable } from '../printable.ts'
import { printableCode } from './explain.ts'
import type { Settlement } from './settlement.ts'

/** So many errors of an acknowledgement are noted. */
const MOST_ERRORS = 10
/** So many characters of a rule are noted. */
const RULE_LENGTH = 200

/**
 * What became of a message, in codes. Everything else in an acknowledgement may name a patient, so it
 * stays out.
 */
export function verdictOf({ error, reply, rule }: Settlement): Verdict {
  return {
    ackCode: printableCode(reply?.ack?.code ?? ''),
    errors: (reply?.ack?.errors ?? []).slice(0, MOST_ERRORS).map(({ code, severity }) => ({
      code: Object.hasOwn(ERROR_CODES, code) ? code : 'other',
      severity: /^[EWIF]$/.test(severity) ? severity : ''
    })),
    status: reply?.status ?? error?.cause?.status ?? 0,
    rule: printable(rule, RULE_LENGTH),
    errorCode: error?.code ?? '',
    cause: printable(error?.cause?.code ?? '')
  }
}

/** How a message left, for the journal. */
export function journalRecord(entry: Entry, settlement: Settlement): JournalRecord {
  const { seq, controlId, type, acceptedAt, attempts } = entry
  const { outcome, settledAt } = settlement
  return {
    seq,
    controlId,
    type,
    acceptedAt,
    attempts,
    settledAt,
    outcome,
    verdict: verdictOf(settlement)
  }
}
