import type { DatabaseSync } from 'node:sqlite'
import { whole } from './message-row.ts'
import { getMeta, setMeta } from './queue-database.ts'

/** How the previous run ended, according to its queue file. */
export interface LastRun {
  /** It did not close the file: its process crashed, was killed or lost power. */
  unclean: boolean
  /** Messages that two or more processes were processing when they ended. */
  blamed: readonly number[]
}

/** A message is set aside after this many processes ended on it. */
const MOST_DEATHS = 2

/**
 * Marks in the table `meta`: `running` from open to close, `atWork` the message that could end the
 * process at this moment (0 for none), `deaths` how often each was found there after an unclean end,
 * as `seq:count` with blanks between.
 */
export class RunMarks {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** Within a transaction, before anything else is done with the messages. */
  begin(): LastRun {
    const unclean = getMeta(this.#db, 'running') === 1
    const deaths = this.#deaths()
    const atWork = whole(getMeta(this.#db, 'atWork') ?? 0) ?? 0
    if (unclean && atWork > 0) deaths.set(atWork, (deaths.get(atWork) ?? 0) + 1)
    const blamed = [...deaths].filter(([, count]) => count >= MOST_DEATHS).map(([seq]) => seq)
    // When an operator resends it, it gets as many tries as any other.
    for (const seq of blamed) deaths.delete(seq)
    setMeta(this.#db, 'deaths', [...deaths].map(([seq, count]) => `${seq}:${count}`).join(' '))
    setMeta(this.#db, 'atWork', 0)
    setMeta(this.#db, 'running', 1)
    return { unclean, blamed }
  }

  /** @param seq 0 when the work is done */
  note(seq: number): void {
    setMeta(this.#db, 'atWork', seq)
  }

  /** The file is closed properly. */
  end(): void {
    setMeta(this.#db, 'running', 0)
  }

  /** Of messages that are still in the file. */
  #deaths(): Map<number, number> {
    const stored = getMeta(this.#db, 'deaths')
    const isThere = this.#db.prepare('SELECT 1 FROM message WHERE seq = ?')
    const deaths = new Map<number, number>()
    for (const entry of typeof stored === 'string' ? stored.split(' ') : []) {
      const [seq = 0, count = 0] = entry.split(':').map((number) => whole(Number(number)) ?? 0)
      if (seq > 0 && isThere.get(seq) !== undefined) deaths.set(seq, count)
    }
    return deaths
  }
}
