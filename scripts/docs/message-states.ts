import { MESSAGE_STATES } from '../../src/delivery/message.ts'
import { inCode, table } from './table.ts'

/** The life of a message: a picture of the moves, and a table of the states. */
export function messageStates(): string {
  const states = Object.entries(MESSAGE_STATES)
  const moves = states.flatMap(([state, { to }]) =>
    Object.entries(to).map(([next, why]) => `${state} --> ${next}: ${why}`)
  )
  const ends = states
    .filter(([, { to }]) => Object.keys(to).length === 0)
    .map(([state]) => `${state} --> [*]`)
  const lines = ['[*] --> waiting: stored, done()', ...moves, ...ends].map((line) => `  ${line}`)
  const rows = states.map(([state, { meaning, shownAs, holdsLane }]) => [
    inCode(state),
    meaning,
    shownAs,
    holdsLane ? 'waits' : 'may go'
  ])
  return [
    ...['```mermaid', 'stateDiagram-v2', ...lines, '```', ''],
    table(['state', 'what it means', 'what the API calls it', 'the next one of its lane'], rows)
  ].join('\n')
}
