import type { DatabaseSync } from 'node:sqlite'
import { getMeta, setMeta } from './meta.ts'
import { answerFrom } from './stored-json.ts'

/**
 * The answer to what an operator did last, stored with it: if its thread dies before that is told, the call is made again,
 * and would find nothing left to do.
 */
export class StoredAnswer {
  readonly #db: DatabaseSync

  /** @param db with the tables of `queue-schema.ts` */
  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** @returns undefined if that was another call, or nothing came of it */
  to(id: string): unknown {
    const last = answerFrom(getMeta(this.#db, 'answer'))
    return last.id === id ? last.value : undefined
  }

  keep(id: string, value: unknown): void {
    setMeta(this.#db, 'answer', JSON.stringify({ id, value }))
  }
}
