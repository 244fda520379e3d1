import type { Delivery } from '../../src/delivery/delivery.ts'
import type { Seen } from '../../src/delivery/operator.ts'
import type { Edit, HowEdited } from '../../src/delivery/sending-again.ts'
import { english } from '../../src/english.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { notAccepted } from './accept-and-emit.ts'
import type { FlowMessage, FlowMessages } from './flow-messages.ts'

/**
 * Takes a suspended message back into the queue with another text, at its place and with the time of its acceptance; or
 * sends one that was refused or given up as a new message with that text. It keeps its properties.
 *
 * @throws {DeliveryError} if that text could not have been accepted either
 * @throws {QueueError} if it cannot be read or stored: it stays as it was
 */
export async function editMessage(
  delivery: Pick<Delivery<FlowMessage>, 'operator' | 'reader'>,
  messages: FlowMessages,
  seen: Seen,
  text: string,
  how: HowEdited
): Promise<Edit> {
  try {
    const { content } = await (await delivery.reader()).read(seen.seq)
    const edited = editedMessage(messages, content, text)
    const { controlId, type } = edited.parcel.message
    const operator = await delivery.operator()
    return await operator.edit(seen, { controlId, type, content: edited }, how)
  } catch (error) {
    // It has left, and its content is no longer kept.
    if (error instanceof QueueError && error.code === 'ERR_NOT_QUEUED') {
      return seen.isSuspended ? { kind: 'late', why: 'notSuspended' } : { kind: 'not-editable' }
    }
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
