import type { LeftAtClose } from '../src/delivery/delivery-options.ts'
import type { SettledMessage } from '../src/delivery/settlement.ts'
import { printable } from '../src/printable.ts'

/** The report is all that is left of these messages; beyond this they are counted, not listed. */
const MAX_LISTED = 10_000

/** Reports what a queue in memory held at its end; `''` for nothing. */
export function reportLeft({ unsettled, settled }: LeftAtClose): string {
  const parts: string[] = []
  if (unsettled.length > 0) {
    parts.push(
      `${counted(unsettled)} not settled, and the queue in memory is gone. ${listed(unsettled)}`
    )
  }
  if (settled.length > 0) {
    parts.push(
      `${counted(settled)} answered while the node closed, but may not have reached the next node. ${listed(settled)}`
    )
  }
  return parts.length === 0 ? '' : `The node was closed: ${parts.join(' ')}`
}

function counted({ length }: readonly SettledMessage[]): string {
  return length === 1 ? '1 message was' : `${length} messages were`
}

function listed(messages: readonly SettledMessage[]): string {
  const ids = messages.slice(0, MAX_LISTED).map(({ controlId }) => printable(controlId))
  const more = messages.length > MAX_LISTED ? ` and ${messages.length - MAX_LISTED} more` : ''
  return `Control IDs: ${ids.join(', ')}${more}.`
}
