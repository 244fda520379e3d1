import { english } from '../english.ts'
import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import { Hl7Error } from '../hl7/hl7-error.ts'
import type { MessageRow, Resent } from '../queue/message-row.ts'
import type { AttemptResult, ReplyRecord } from './attempt-result.ts'
import { DeliveryError, type DeliveryErrorCause, type DeliveryErrorCode } from './delivery-error.ts'
import type { MessageName } from '../queue/queue-error.ts'
import { deliveryFailed, idOf, sentence } from './explain.ts'
import { faultOf, type Topic } from './fault.ts'

/** What a flow is told of a message that leaves. */
export type SettledMessage = Pick<
  MessageRow,
  'seq' | 'controlId' | 'type' | 'acceptedAt' | 'attempts'
> & {
  resent?: Resent | undefined
  /** The receiver may have accepted it in one of its attempts. */
  mayHaveArrived?: boolean
  /** It said in one of them that it does not take it, which is not sure. */
  saidNotTaken?: boolean
}

/** How a message left; plain data, so that it can be stored. */
export interface Settlement {
  outcome: 'ack' | 'nak' | 'error'
  /** For `error`. */
  error?: { code: DeliveryErrorCode; message: string; cause?: DeliveryErrorCause | undefined }
  reply?: ReplyRecord
  /** What the failure is about, and the operation in the request if the receiver has none of that name. */
  about?: Topic
  operation?: string
  /** If the application acknowledged it later: what the receiver answered at first. */
  acceptAck?: Acknowledgement | null
  /** The rule that decided, its letters, and the rules that warned; empty if none was asked. */
  rule: string
  action: string
  warnings: readonly string[]
  /** Wall clock, milliseconds. */
  settledAt: number
  /** The disk had no room for the whole answer: only its codes and its beginning were stored. */
  isCut?: true
}

/** The code of the error with which a message leaves that an operator or a flow gives up. */
export const DISCARDED = 'HL7_DISCARDED'

/** It is given up by an operator or a flow. @param outcome what it was suspended or accepted with, if it was */
export function discardedSettlement(
  message: SettledMessage,
  settledAt: number,
  outcome: Settlement | undefined
): Settlement {
  const given = new DeliveryError(DISCARDED, english('log', 'error.discarded'))
  return failedSettlement(message, given, settledAt, outcome)
}

/** What the final attempt means: ACK, NAK or an error. */
export function settlementOf(
  name: MessageName & Pick<SettledMessage, 'saidNotTaken' | 'mayHaveArrived'>,
  attempts: number,
  result: AttemptResult,
  settledAt: number
): Settlement {
  const { decision, reply, refusedReply, answered } = result
  const { rule, action, warnings } = decision
  const about = faultOf(result)?.about
  const { operation } = result
  const common = {
    rule,
    action,
    warnings,
    settledAt,
    ...(about !== undefined && { about }),
    ...(operation !== undefined && { operation })
  }
  const isAccepted = decision.outcome === 'accept' || decision.outcome === 'await'
  if (isAccepted || answered) {
    const outcome = isAccepted ? 'ack' : 'nak'
    const left = reply ?? unreadReply(result)
    if (left === undefined) return { outcome, ...common }
    // If there is HL7, that leaves; the body is kept as far as an error would show it.
    const kept = left.hl7 === '' ? left : { ...left, text: left.text.slice(0, MAX_ERROR_REPLY) }
    return { outcome, ...common, reply: kept }
  }
  const { code, message, cause } = deliveryFailed(name, attempts, result)
  const failed: Settlement = { outcome: 'error', error: { code, message, cause }, ...common }
  const shown = reply ?? refusedReply
  return keptAnswer(shown === undefined ? failed : { ...failed, reply: shown })
}

/** What is known of an answer that could not be read: a rule may have refused the message by its status. */
function unreadReply({ status }: AttemptResult): ReplyRecord | undefined {
  return status === undefined ? undefined : { status, headers: {}, text: '', hl7: '', ack: null }
}

/** An error shows no more of a reply's text than this, in bytes of UTF-8. */
export const MAX_ERROR_REPLY = 64 * 1024

/** A settlement with at least as much of the answer as an error shows. */
export function keptAnswer(settlement: Settlement): Settlement {
  const { reply } = settlement
  if (reply === undefined) return settlement
  return { ...settlement, reply: { ...reply, text: reply.text.slice(0, MAX_ERROR_REPLY), hl7: '' } }
}

/** Of texts that are cut, so many characters are stored. */
const CUT_CHARACTERS = 200
const CUT_ENTRIES = 3

/** What is stored of a settlement when the disk has no room for all of it. */
export function cutSettlement(settlement: Settlement): Settlement {
  const { acceptAck, error, reply, warnings } = settlement
  return {
    ...settlement,
    warnings: warnings.slice(0, CUT_ENTRIES),
    ...(error && { error: { ...error, message: cut(error.message) } }),
    ...(acceptAck && { acceptAck: cutAcknowledgement(acceptAck) }),
    ...(reply && {
      reply: {
        status: reply.status,
        host: reply.host,
        headers: {},
        // An answer with HL7 leaves as that.
        text: reply.hl7 === '' ? cut(reply.text) : '',
        hl7: cut(reply.hl7),
        ack: reply.ack && cutAcknowledgement(reply.ack)
      }
    }),
    isCut: true
  }
}

function cutAcknowledgement(ack: Acknowledgement): Acknowledgement {
  const texts = Object.entries(ack).filter(([, value]) => typeof value === 'string')
  return {
    ...ack,
    ...Object.fromEntries(texts.map(([name, value]) => [name, cut(value as string)])),
    errors: ack.errors.slice(0, CUT_ENTRIES).map(({ code, severity, location }) => ({
      code: cut(code),
      severity: cut(severity),
      location: cut(location),
      codeText: '',
      diagnostic: '',
      userMessage: ''
    }))
  }
}

function cut(text: string): string {
  return text.slice(0, CUT_CHARACTERS)
}

/**
 * A message that was settled as failed without asking a rule.
 *
 * @param answer its earlier outcome
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
      ? {
          code: thrown.code,
          message: english('log', 'error.givenUp', {
            why: sentence(thrown.message),
            message: idOf(name)
          }),
          cause
        }
      : {
          code: 'HL7_DELIVERY_FAILED',
          message: english('log', 'error.internal', { message: idOf(name) }),
          cause: { code: 'EUNKNOWN' }
        },
    settledAt
  }
}
