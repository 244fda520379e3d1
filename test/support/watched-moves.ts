import { MESSAGE_STATES } from '../../src/delivery/message.ts'
import { MessageRows } from '../../src/queue/message-rows.ts'
import { stateOf } from '../../src/queue/queue-statements.ts'

/** The moves of `MESSAGE_STATES`, such as `waiting → leaving`. */
const ROWS: readonly string[] = Object.entries(MESSAGE_STATES).flatMap(([from, { to }]) =>
  Object.keys(to).map((state) => `${from} → ${state}`)
)

/** The moves that messages of this process make, in any queue: `MessageRows.change` is the one place for that. */
export class WatchedMoves {
  readonly #made = new Set<string>()

  constructor() {
    const made = this.#made
    const change = Reflect.get(MessageRows.prototype, 'change')
    MessageRows.prototype.change = function (this: MessageRows<unknown>, row, to, store) {
      // Nothing is left of a message that was refused while it waited; else it is in a state.
      made.add(`${stateOf(row)} → ${to ?? 'nothing'}`)
      change.call(this, row, to, store)
    }
  }

  /** Those that the table does not have. */
  get unknown(): string[] {
    return [...this.#made].filter((move) => move !== 'waiting → nothing' && !ROWS.includes(move))
  }

  /** Those of the table that no message has made. */
  get missing(): string[] {
    return ROWS.filter((move) => !this.#made.has(move))
  }
}
