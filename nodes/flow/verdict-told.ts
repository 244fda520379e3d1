import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import { causeOf } from '../../src/queue/verdict-codes.ts'
import { errorRow } from '../../src/hl7/error-codes.ts'
import { SET_ASIDE, type Verdict } from '../../src/queue/message-row.ts'
import type { Told } from '../../src/told.ts'

/** What a message awaits, why it is suspended, or how it left. */
export function verdictTold(verdict: Verdict): Told {
  const { ackCode, awaits, cause, errorCode, errors, rule, status } = verdict
  if (awaits !== undefined) return { kind: 'awaiting', values: { rule } }
  if (errorCode === 'ERR_ENDED_TWICE') return { kind: 'ended-twice', values: {} }
  if (errorCode === SET_ASIDE) return { kind: 'suspended-by-hand', values: {} }
  if (errorCode === 'HL7_DISCARDED') return { kind: 'discarded', values: {} }
  if (cause === ACK_TIMEOUT) return { kind: 'ack-timeout', values: { rule } }
  const isEmpty = ackCode === '' && cause === '' && rule === '' && status === 0
  if (isEmpty && errorCode === '') return { kind: 'ok', values: {} }
  const [first] = errors.map(errorRow)
  const words = first === undefined ? '' : `${first.code} ${first.text}`.trim()
  const values = {
    ackCode,
    errors: words,
    status,
    cause: causeOf(verdict) || errorCode,
    rule
  }
  return { kind: 'verdict', values }
}
