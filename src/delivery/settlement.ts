import { Hl7Error } from '../hl7/hl7-error.ts'
import { parsePath, type Hl7Path } from '../hl7/path.ts'
import { readReplyMessage } from '../hl7/reply-message.ts'
import type { AttemptResult, ReplyRecord } from './courier.ts'
import { DeliveryError, type DeliveryErrorCause, type DeliveryErrorCode } from './delivery-error.ts'
import { deliveryFailed, nameOf, type MessageName } from './explain.ts'

/** How a message left; plain data, so that it can be stored. */
export interface Settlement {
  outcome: 'ack' | 'nak' | 'error'
  /** For `error`. */
  error?: { code: DeliveryErrorCode; message: string; cause?: DeliveryErrorCause | undefined }
  reply?: ReplyRecord
  /** The rule that decided, its letters, and the rules that warned; empty where none was asked. */
  rule: string
  action: string
  warnings: readonly string[]
  /** Wall clock, milliseconds. */
  settledAt: number
}

/** What an attempt after which nothing more is tried means: ACK, NAK or an error. */
export function settlementOf(
  name: MessageName,
  attempts: number,
  result: AttemptResult,
  settledAt: number
): Settlement {
  const { decision, reply } = result
  const { rule, action, warnings } = decision
  const common = { rule, action, warnings, settledAt, ...(reply === undefined ? {} : { reply }) }
  if (decision.outcome === 'accept') return { outcome: 'ack', ...common }
  if (isAnswer(reply, name)) return { outcome: 'nak', ...common }
  const { code, message, cause } = deliveryFailed(name, attempts, result)
  return { outcome: 'error', error: { code, message, cause }, ...common }
}

/** An error shows no more of a reply's text than this, in bytes of UTF-8. */
export const MAX_ERROR_REPLY = 64 * 1024

/** What is kept of an answer to a suspended message: at least as much as an error shows of it. */
export function keptAnswer(settlement: Settlement): Settlement {
  const { reply } = settlement
  if (reply === undefined) return settlement
  return { ...settlement, reply: { ...reply, text: reply.text.slice(0, MAX_ERROR_REPLY), hl7: '' } }
}

const [messageCode, trigger] = [parsePath('MSH-9.1'), parsePath('MSH-9.2')]

/**
 * Whether the receiver answered with HL7, acknowledgement or not. What was sent and came back (the same
 * control ID and type, no MSA) is no answer: something that knows no HL7 echoed it. Nor is the bare
 * beginning of one, which tells neither its type nor an error.
 */
export function isAnswer(
  reply: ReplyRecord | undefined,
  { controlId, type }: MessageName
): boolean {
  if (reply === undefined) return false
  if (reply.ack !== null) return true
  const message = readReplyMessage(reply.hl7)
  if (message === null) return false
  const first = (path: Hl7Path): string => message.values(path)[0] ?? ''
  if (first(messageCode) === '' && message.segments('ERR').length === 0) return false
  const event = first(trigger)
  const sameType = first(messageCode) + (event === '' ? '' : `^${event}`) === type
  const ids = [
    message.segments('FHS')[0]?.fieldText(11),
    message.segments('BHS')[0]?.fieldText(11),
    message.segments('MSH')[0]?.fieldText(10)
  ]
  return !sameType || !ids.includes(controlId)
}

/**
 * A message that was given up without asking a rule.
 *
 * @param answer what had become of it before
 */
export function failedSettlement(
  name: MessageName,
  thrown: unknown,
  settledAt: number,
  answer?: Settlement
): Settlement {
  const known = thrown instanceof Hl7Error || thrown instanceof DeliveryError
  const cause = thrown instanceof DeliveryError ? thrown.cause : undefined
  return {
    rule: '',
    action: '',
    warnings: [],
    ...answer,
    outcome: 'error',
    error: known
      ? { code: thrown.code, message: `${nameOf(name)}: ${thrown.message}`, cause }
      : {
          code: 'HL7_DELIVERY_FAILED',
          message: `${nameOf(name)} was not delivered because of a fault in this node.`,
          cause: { code: 'EUNKNOWN' }
        },
    settledAt
  }
}
