import { MESSAGE_STATES } from '../../src/delivery/message.ts'
import { inCode, table } from './table.ts'

/** The states of a message. Which leads to which, `MESSAGE_STATES` says itself. */
export function messageStates(): string {
  const rows = Object.entries(MESSAGE_STATES).map(([state, { meaning, shownAs, holdsLane }]) => [
    inCode(state),
    meaning,
    shownAs,
    holdsLane ? 'waits' : 'may go'
  ])
  return table(
    ['state', 'what it means', 'what the API calls it', 'the next one of its lane'],
    rows
  )
}
