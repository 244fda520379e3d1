import { errorInCodes } from '../hl7/error-codes.ts'
import { shownCode } from '../oauth2/token-error.ts'
import type { Outcome, Verdict } from '../queue/message-row.ts'
import { printable } from '../printable.ts'
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

/** What was wrong, as a code: of Node.js or the token server, MSA-1, or an HTTP status. */
export function causeOfVerdict({ ackCode, cause, status }: Verdict): string {
  if (cause !== '') return shownCode({ code: cause, status })
  return ackCode || String(status || '')
}
