import type { NodeMessageInFlow } from 'node-red'
import type { Settlement } from '../src/delivery/settlement.ts'
import type { OutgoingMessage } from '../src/hl7/outgoing-message.ts'
import type { EntryFacts } from '../src/outbox/outbox.ts'

/** Of a reply that goes to Catch so much is kept, in characters. */
const MAX_ERROR_REPLY = 64 * 1024

/** Puts the acknowledgement and what belongs to it on the message that leaves (contract: "Message out"). */
export function describeAck(
  msg: NodeMessageInFlow,
  message: OutgoingMessage | undefined,
  facts: EntryFacts,
  settlement: Settlement
): void {
  const { reply } = settlement
  msg.payload = reply === undefined ? '' : reply.hl7 === '' ? reply.text : reply.hl7
  Object.assign(msg, {
    statusCode: reply?.status,
    headers: reply?.headers,
    hl7: common(message, facts, settlement)
  })
}

/** Puts the facts of a failure on the message, whose payload stays as it came in. */
export function describeError(
  msg: NodeMessageInFlow,
  message: OutgoingMessage | undefined,
  facts: EntryFacts,
  settlement: Settlement
): void {
  const { reply } = settlement
  const hl7 = common(message, facts, settlement)
  if (reply === undefined) Object.assign(msg, { hl7 })
  else {
    Object.assign(msg, {
      statusCode: reply.status,
      headers: reply.headers,
      hl7: { ...hl7, reply: reply.text.slice(0, MAX_ERROR_REPLY) }
    })
  }
}

function common(
  message: OutgoingMessage | undefined,
  { attempts, acceptedAt, controlId, type }: EntryFacts,
  { outcome, reply, rule, action, warnings, settledAt }: Settlement
): Record<string, unknown> {
  return {
    outcome,
    request: message?.text ?? '',
    controlId,
    type,
    version: message?.version ?? '',
    ack: reply?.ack ?? null,
    rule,
    action,
    warnings,
    attempts,
    acceptedAt: new Date(acceptedAt).toISOString(),
    settledAt: new Date(settledAt).toISOString()
  }
}
