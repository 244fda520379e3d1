import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LeafRow } from './leaf-rows.ts'
import { DAMAGED, moment, repairedRow, MOST_SEQ, whole, type MessageRow } from '../message-row.ts'
import { getMeta, setMeta } from '../queue-database.ts'
import { isWhole, SEQ_OF_SEALED, type SealedParts } from '../sealed-parts.ts'

/** Copies rows of a damaged queue file to a new one, within transactions of the new one. */
export class Adoption {
  readonly #db: DatabaseSync
  readonly #parts: SealedParts
  readonly #keyCheck: Buffer
  readonly #insert: StatementSync
  #keyFits = false

  constructor({ db, parts }: { db: DatabaseSync; parts: SealedParts }, keyCheck: Buffer) {
    this.#db = db
    this.#parts = parts
    this.#keyCheck = keyCheck
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    )
  }

  /** Copies a row, if it is one of ours. Sealed data stays sealed, and counts only if authentic. */
  take({ id, values }: LeafRow): void {
    const [first, second] = values
    if (values.length === 11 && first === null) this.#takeMessage(id, values)
    else if (values.length === 2 && first === null) this.#parts.adopt(id, second)
    else if (values.length === 2 && typeof first === 'string') this.#takeMeta(first, second)
  }

  #takeMessage(id: number, values: LeafRow['values']): void {
    if (whole(id, MOST_SEQ) === undefined) return
    const [, state, place, accepted_at, attempts, spent_ms, suspended_at] = values
    const [lane, type, control_id, reason] = values.slice(7)
    const row = repairedRow({
      seq: id,
      state,
      place,
      accepted_at,
      attempts,
      spent_ms,
      suspended_at,
      lane,
      type,
      control_id,
      reason
    })
    this.#insert.run(...(Object.values(row) as MessageRow[keyof MessageRow][]))
  }

  #takeMeta(name: string, value: unknown): void {
    if (name === 'keyCheck' && value instanceof Uint8Array) {
      this.#keyFits = this.#keyCheck.equals(value)
    } else if (name === 'lastSeq') setMeta(this.#db, name, whole(value, MOST_SEQ) ?? 0)
    else if (name === 'uptime') setMeta(this.#db, name, moment(value) ?? 0)
    // A damaged pause is still a pause.
    else if (name === 'paused') setMeta(this.#db, name, value === 0 ? 0 : 1)
    else if (name === 'pause' && typeof value === 'string') setMeta(this.#db, name, value)
  }

  /**
   * Keeps only messages whose facts and content were found. One whose outcome is lost, or that
   * is not as damaged as its state says, waits again: sending it once more settles it.
   */
  end(): { read: number; seen: number; keyFits: boolean } {
    const seen = this.#number(
      `SELECT count(*) FROM (SELECT seq FROM message UNION SELECT ${SEQ_OF_SEALED} FROM sealed)`
    )
    const stored = (getMeta(this.#db, 'lastSeq') as number | undefined) ?? 0
    // Not those of the messages: a wrong one would be far off, and is found by having no content.
    const highest = this.#number(`SELECT max(${SEQ_OF_SEALED}) FROM sealed`)
    setMeta(this.#db, 'lastSeq', Math.max(stored, highest))
    this.#db.exec(`
      DELETE FROM message WHERE NOT ${isWhole('content')};
      DELETE FROM sealed WHERE ${SEQ_OF_SEALED} NOT IN (SELECT seq FROM message);
      UPDATE message SET state = 0, place = NULL
      WHERE state = ${DAMAGED} OR (state = 2 AND NOT ${isWhole('outcome')});`)
    return { read: this.#number('SELECT count(*) FROM message'), seen, keyFits: this.#keyFits }
  }

  /** The one number that a query returns; 0 for null. */
  #number(sql: string): number {
    const [value] = Object.values(this.#db.prepare(sql).get() ?? {})
    return typeof value === 'number' ? value : 0
  }
}
