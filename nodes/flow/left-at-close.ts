import type { LeftAtClose } from '../../src/delivery/delivery-options.ts'
import type { SettledMessage } from '../../src/delivery/settlement.ts'
import { english } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'

/** The report is all that is left of these messages; beyond this they are counted, not listed. */
const MAX_LISTED = 10_000

/** Reports what a queue in memory held at its end; `''` for nothing. */
export function reportLeft({ unsettled, settled }: LeftAtClose): string {
  const parts = [part('log.unsettled', unsettled), part('log.perhapsHandedOn', settled)]
  const what = parts.filter((each) => each !== '').join(' ')
  return what === '' ? '' : english('log', 'log.closed', { what })
}

function part(
  key: 'log.unsettled' | 'log.perhapsHandedOn',
  messages: readonly SettledMessage[]
): string {
  const { length } = messages
  return length === 0 ? '' : `${english('log', key, { count: length })} ${listed(messages)}`
}

function listed(messages: readonly SettledMessage[]): string {
  const listed = messages.slice(0, MAX_LISTED)
  const ids = listed.map(({ controlId }) => printable(controlId)).join(', ')
  const more = messages.length - listed.length
  return english('log', more === 0 ? 'log.controlIds' : 'log.controlIdsMore', { ids, more })
}
