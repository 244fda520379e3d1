import type { DatabaseSync } from 'node:sqlite'
import { DAMAGED } from './message-row.ts'
import { QueueDamageError } from './queue-fault.ts'
import type { SealedParts } from './sealed-parts.ts'

/** No gap in the numbers is this long, unless a message was held up for very long. */
const LEAP = 2 ** 20

/** Finds damage to the table `message` that would hide messages, and that SQLite does not report. */
export class RowCheck {
  readonly #db: DatabaseSync
  readonly #parts: SealedParts

  constructor(db: DatabaseSync, parts: SealedParts) {
    this.#db = db
    this.#parts = parts
  }

  /**
   * How many messages wait. Looks at each row as far as counts can tell: `list` sees a row only where
   * its number and its state lead there. What else it holds is looked at when it is listed or read.
   *
   * @param aside how many do not wait, as the index tells
   * @throws {QueueDamageError}
   */
  countWaiting(aside: number): number {
    // Whether the rows lie in their order, and hold values of the types of their columns.
    const { quick_check } = this.#db.prepare('PRAGMA quick_check(message)').get() ?? {}
    if (quick_check !== 'ok') throw new QueueDamageError()
    const { all_rows, waiting, damaged } = this.#db.prepare(COUNT_ROWS).get() as Record<
      'waiting' | 'damaged' | 'all_rows',
      number
    >
    if (waiting + damaged + aside !== all_rows) throw new QueueDamageError()
    const [last, before] = this.#db
      .prepare('SELECT seq FROM message ORDER BY seq DESC LIMIT 2')
      .all()
      .map((row) => row['seq'] as number)
    if (last !== undefined) this.checkNext(before, last)
    return waiting
  }

  /**
   * Numbers follow one another: one far from the one before is wrong, unless its message is there.
   *
   * @throws {QueueDamageError}
   */
  checkNext(before: number | undefined, seq: number): void {
    if (before === undefined) return
    if (seq <= before) throw new QueueDamageError()
    if (seq - before > LEAP && this.#parts.get(seq, 'content') === undefined) {
      throw new QueueDamageError()
    }
  }
}

const COUNT_ROWS = `
  SELECT count(*) FILTER (WHERE state = 0 AND place IS NULL AND seq > 0) AS waiting,
    count(*) FILTER (WHERE state = ${DAMAGED} AND place IS NULL) AS damaged,
    count(*) AS all_rows
  FROM message`
