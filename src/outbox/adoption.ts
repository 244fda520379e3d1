import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LeafRow } from './leaf-rows.ts'
import { getMeta, setMeta } from './queue-database.ts'
import { isWhole, SEQ_OF_SEALED, type SealedParts } from './sealed-parts.ts'

const META_NUMBERS = new Set(['paused', 'lastSeq'])

/** Takes rows of a damaged queue file over into a new one, within transactions of that. */
export class Adoption {
  readonly #db: DatabaseSync
  readonly #parts: SealedParts
  readonly #keyCheck: Buffer
  readonly #insert: StatementSync
  #keyFits = false

  constructor(db: DatabaseSync, parts: SealedParts, keyCheck: Buffer) {
    this.#db = db
    this.#parts = parts
    this.#keyCheck = keyCheck
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    )
  }

  /** Takes a row over, if it is one of ours. What is sealed stays so, and counts only when it is authentic. */
  take({ id, values }: LeafRow): void {
    const [first, second] = values
    if (values.length === 11 && first === null && typeof second === 'number') {
      this.#insert.run(id, ...values.slice(1))
    } else if (values.length === 2 && second instanceof Uint8Array && first === null) {
      this.#parts.adopt(id, second)
    } else if (values.length === 2 && typeof first === 'string') {
      if (first === 'keyCheck' && second instanceof Uint8Array) {
        this.#keyFits = this.#keyCheck.equals(second)
      } else if (META_NUMBERS.has(first) && typeof second === 'number') {
        setMeta(this.#db, first, second)
      }
    }
  }

  /**
   * Leaves only messages of which facts and content were found. One whose outcome is lost waits
   * again: it is found out by sending it once more.
   */
  end(): { read: number; seen: number; keyFits: boolean } {
    const seen = this.#number(
      `SELECT count(*) FROM (SELECT seq FROM message UNION SELECT ${SEQ_OF_SEALED} FROM sealed)`
    )
    const stored = (getMeta(this.#db, 'lastSeq') as number | undefined) ?? 0
    setMeta(this.#db, 'lastSeq', Math.max(stored, this.#number('SELECT max(seq) FROM message')))
    this.#db.exec(`
      DELETE FROM message WHERE NOT ${isWhole('content')};
      DELETE FROM sealed WHERE ${SEQ_OF_SEALED} NOT IN (SELECT seq FROM message);
      UPDATE message SET state = 0, place = NULL WHERE state = 2 AND NOT ${isWhole('outcome')};`)
    return { read: this.#number('SELECT count(*) FROM message'), seen, keyFits: this.#keyFits }
  }

  /** The one number that a query gives; 0 for null. */
  #number(sql: string): number {
    const [value] = Object.values(this.#db.prepare(sql).get() ?? {})
    return typeof value === 'number' ? value : 0
  }
}
