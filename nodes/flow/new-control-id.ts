import { randomUUID } from 'node:crypto'
import type { Accepted } from '../../src/delivery/delivery-options.ts'
import { withHeaderFields } from '../../src/hl7/header-fields.ts'
import type { FlowMessage, FlowMessages } from './flow-messages.ts'

/** Where the identifier of a message, batch or file stands, counted from its name: MSH-1, BHS-1 and FHS-1 are the separator. */
const ID_FIELDS: Partial<Record<string, number>> = { MSH: 9, BHS: 10, FHS: 10 }

/** Unlike any other: 20 characters, as many as every version of HL7 allows. @param prefix at most 4 characters */
export function newControlId(prefix = ''): string {
  return `${prefix}${randomUUID().replaceAll('-', '')}`.slice(0, 20).toUpperCase()
}

/**
 * The same message with another control ID, for receivers that remember those that they know; of a batch, all of them.
 *
 * @returns undefined if it can no longer be read: it leaves as it is, with its problem
 */
export function withNewControlId(
  messages: FlowMessages,
  content: FlowMessage
): Accepted<FlowMessage> | undefined {
  if (content.parcel === undefined) return undefined
  const renewed = messages.edit(content, renamed(content.parcel.message.text))
  if (renewed.parcel === undefined) return undefined
  const { controlId, type } = renewed.parcel.message
  return { controlId, type, content: renewed }
}

function renamed(text: string): string {
  return withHeaderFields(text, (name, fields) => {
    const place = ID_FIELDS[name]
    // A batch may have none.
    if (place === undefined || !fields[place]) return fields
    return fields.with(place, newControlId())
  })
}
