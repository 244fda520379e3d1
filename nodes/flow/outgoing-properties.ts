import { MAX_ERROR_REPLY, type Settlement } from '../../src/delivery/settlement.ts'
import type { OutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import type { SettledMessage } from '../../src/delivery/settlement.ts'
import type { Resent } from '../../src/queue/message-row.ts'
import type { Hl7Properties, MessageOut, RefusedMessage, ResentProperty } from './message-out.ts'
import { markedHeaders } from './response-headers.ts'

/**
 * The acknowledgement and related facts, as properties of the outgoing message (contract: "Message
 * out").
 */
export function ackProperties(
  message: OutgoingMessage | undefined,
  settled: SettledMessage,
  settlement: Settlement
): MessageOut {
  const { reply } = settlement
  return {
    payload: reply === undefined ? '' : reply.hl7 === '' ? reply.text : reply.hl7,
    statusCode: reply?.status,
    headers: reply && markedHeaders(reply.headers),
    hl7: common(message, settled, settlement)
  }
}

/**
 * The facts of a failure, as properties of the message.
 *
 * @param payload what came in: a flow may have changed the message meanwhile
 */
export function errorProperties(
  message: OutgoingMessage | undefined,
  payload: unknown,
  settled: SettledMessage,
  settlement: Settlement
): MessageOut {
  const { reply } = settlement
  const hl7 = common(message, settled, settlement)
  if (reply === undefined) return { payload, hl7 }
  return {
    payload,
    statusCode: reply.status,
    headers: markedHeaders(reply.headers),
    hl7: { ...hl7, reply: beginning(reply.text) }
  }
}

/** What is known about a message that was not accepted, as properties of it. */
export function refusedProperties(
  message: OutgoingMessage | undefined,
  payload: unknown
): RefusedMessage {
  const properties = payload === undefined ? {} : { payload }
  if (message === undefined) return { ...properties, hl7: { outcome: 'error' } }
  const { text, controlId, type, version } = message
  const nothing = { ack: null, rule: '', action: '', warnings: [], attempts: 0 }
  return {
    ...properties,
    hl7: { outcome: 'error', request: text, controlId, type, version, ...nothing }
  }
}

/** What fits into the limit, in whole characters. */
function beginning(text: string): string {
  if (text.length * 3 <= MAX_ERROR_REPLY) return text
  const room = new Uint8Array(MAX_ERROR_REPLY)
  // This is also a copy: a slice would keep all of a long reply in memory.
  const { written } = new TextEncoder().encodeInto(text, room)
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(room.subarray(0, written))
}

function common(
  message: OutgoingMessage | undefined,
  { attempts, acceptedAt, controlId, resent, type }: SettledMessage,
  { acceptAck, isCut, outcome, reply, rule, action, warnings, settledAt }: Settlement
): Hl7Properties {
  return {
    outcome,
    request: message?.text ?? '',
    controlId,
    type,
    version: message?.version ?? '',
    ack: reply?.ack ?? null,
    ...(acceptAck === undefined ? {} : { acceptAck }),
    ...(reply?.acks === undefined ? undefined : { acks: reply.acks }),
    ...(resent === undefined ? {} : { resent: resentProperty(resent) }),
    ...(isCut === undefined ? {} : { replyCut: true }),
    rule,
    action,
    warnings,
    host: reply?.host ?? '',
    attempts,
    acceptedAt: new Date(acceptedAt).toISOString(),
    settledAt: new Date(settledAt).toISOString()
  }
}

/** With the times in words, as everywhere in `msg.hl7`. */
function resentProperty({ at, by, acceptedAt, controlId }: Resent): ResentProperty {
  return {
    at: new Date(at).toISOString(),
    by,
    acceptedAt: new Date(acceptedAt).toISOString(),
    ...(controlId !== undefined && { controlId })
  }
}
