import type { Delivery } from '../../src/delivery/delivery.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { refusal } from './accept-and-emit.ts'
import type { FlowMessage, FlowMessages } from './flow-messages.ts'

/**
 * Takes a suspended message back into the queue with another text. It keeps its properties, its place and the time
 * of its acceptance.
 *
 * @param by a user name, or `''`
 * @returns false if it is not suspended
 * @throws {DeliveryError} if that text could not have been accepted either
 * @throws {QueueError} if it cannot be read or stored: it stays as it was
 */
export async function editMessage(
  delivery: Pick<Delivery<FlowMessage>, 'reader' | 'operator'>,
  messages: FlowMessages,
  seq: number,
  text: string,
  by: string
): Promise<boolean> {
  try {
    const { content } = await (await delivery.reader()).read(seq)
    const edited = editedMessage(messages, content, text)
    const { controlId, type } = edited.parcel.message
    return await (await delivery.operator()).edit(seq, { controlId, type, content: edited }, by)
  } catch (error) {
    // It has left, and its content is no longer kept.
    if (error instanceof QueueError && error.code === 'ERR_NOT_QUEUED') return false
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
  throw refusal(problem)
}
