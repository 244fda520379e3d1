import type { Delivery } from '../../src/delivery/delivery.ts'
import { english } from '../../src/english.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { notAccepted } from './accept-and-emit.ts'
import type { FlowMessage, FlowMessages } from './flow-messages.ts'
import type { Edit } from './out-parts.ts'

/**
 * Takes a suspended message back into the queue with another text, at its place and with the time of its acceptance; or
 * sends one that was refused or given up as a new message with that text. It keeps its properties.
 *
 * @param by a user name, or `''`
 * @param reason what they say of it
 * @returns undefined if it is neither, or its content is no longer kept
 * @throws {DeliveryError} if that text could not have been accepted either
 * @throws {QueueError} if it cannot be read or stored: it stays as it was
 */
export async function editMessage(
  delivery: Pick<Delivery<FlowMessage>, 'operator' | 'reader'>,
  messages: FlowMessages,
  seq: number,
  text: string,
  by: string,
  reason: string
): Promise<Edit | undefined> {
  try {
    const { content } = await (await delivery.reader()).read(seq)
    const edited = editedMessage(messages, content, text)
    const { controlId, type } = edited.parcel.message
    const accepted = { controlId, type, content: edited }
    const operator = await delivery.operator()
    if (await operator.edit(seq, accepted, by, reason)) return { kind: 'edited' }
    const sent = await operator.sendEdited(seq, accepted, by, reason)
    return sent && { kind: 'sent', ...sent }
  } catch (error) {
    // It has left, and its content is no longer kept.
    if (error instanceof QueueError && error.code === 'ERR_NOT_QUEUED') return undefined
    throw error
  }
}

/** @throws {DeliveryError} */
function editedMessage(
  messages: FlowMessages,
  content: FlowMessage,
  text: string
): FlowMessage & Required<Pick<FlowMessage, 'parcel'>> {
  let problem: unknown
  try {
    const { parcel, ...edited } = messages.edit(content, text)
    if (parcel !== undefined) return { ...edited, parcel }
    problem = edited.problem
  } catch (error) {
    problem = error
  }
  throw notAccepted(problem instanceof Hl7Error ? inEditor(problem) : problem)
}

/** What is wrong with a text that somebody has edited or pasted: they know of no `msg.payload`. */
export function inEditor(error: Hl7Error): Hl7Error {
  const key = EDITED.find((one) => one === error.key)
  return key === undefined ? error : new Hl7Error(error.code, english('log', `edited.${key}`))
}

const EDITED = [
  'payloadEmpty',
  'payloadNotHl7',
  'payloadMarkup',
  'payloadJson',
  'escapedLineEnds'
] as const
