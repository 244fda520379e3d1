import { errorInCodes } from '../hl7/error-codes.ts'
import type { Outcome, Verdict } from '../queue/message-row.ts'
import { causeOf } from '../queue/verdict-codes.ts'
import { printable } from '../printable.ts'
import type { AttemptResult } from './attempt-result.ts'
import { printableCode } from './explain.ts'
import type { Settlement } from './settlement.ts'

/** So many errors of an acknowledgement are kept. */
const MOST_ERRORS = 10
/** So many characters of a rule are kept. */
const RULE_LENGTH = 200

/**
 * What became of a message, in codes. Everything else in an acknowledgement may name a patient, so it
 * stays out.
 *
 * @param outcome how it leaves; `''` if it does not
 */
export function verdictOf(
  { about, error, operation, reply, rule }: Settlement,
  outcome: Outcome | '' = ''
): Verdict {
  return {
    outcome,
    ackCode: printableCode(reply?.ack?.code ?? ''),
    errors: (reply?.ack?.errors ?? []).slice(0, MOST_ERRORS).map(errorInCodes),
    status: reply?.status ?? error?.cause?.status ?? 0,
    rule: printable(rule, RULE_LENGTH),
    errorCode: error?.code ?? '',
    cause: printable(error?.cause?.code ?? ''),
    ...(about !== undefined && { about }),
    ...(operation !== undefined && { operation: printable(operation) })
  }
}

/** Why an attempt failed, as a code: the same as of a message that stays after it. */
export function causeOfResult({ error, reply, status }: AttemptResult): string {
  return causeOf({
    ackCode: printableCode(reply?.ack?.code ?? ''),
    cause: error?.code ?? '',
    status: reply?.status ?? status ?? 0
  })
}
