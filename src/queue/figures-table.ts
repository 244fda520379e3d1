import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Ended, Figures, Minute } from './figures.ts'
import { getMeta, setMeta } from './meta.ts'
import { figuresFrom } from './stored-json.ts'

/** Minutes are kept for so long, in milliseconds. */
const DAY_MS = 24 * 60 * 60 * 1000
/** Ends without a close within this time after one another belong together, in milliseconds. */
const ENDS_TOGETHER_MS = 60 * 60 * 1000

/** The figures of a node in its queue file. */
export class FiguresTable {
  readonly #db: DatabaseSync
  readonly #put: StatementSync
  readonly #drop: StatementSync
  readonly #minutes: StatementSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#put = db.prepare(
      'INSERT OR REPLACE INTO minute (at, acked, naked, failed, queued, p95) VALUES (?, ?, ?, ?, ?, ?)'
    )
    this.#drop = db.prepare('DELETE FROM minute WHERE at < ?')
    this.#minutes = db.prepare('SELECT * FROM minute WHERE at >= ? ORDER BY at')
  }

  keep({ minutes, ...rest }: Figures): void {
    for (const { at, acked, naked, failed, queued, p95 } of minutes) {
      this.#put.run(at, acked, naked, failed, queued, p95)
    }
    this.#drop.run((minutes.at(-1)?.at ?? 0) - DAY_MS)
    setMeta(this.#db, 'figures', JSON.stringify(rest))
  }

  /** @param now wall clock, milliseconds */
  read(now: number): Figures {
    const minutes = this.#minutes.all(now - DAY_MS) as unknown as Minute[]
    return { minutes, ...figuresFrom(getMeta(this.#db, 'figures')) }
  }

  /**
   * The last run ended without a close. That is stored at once: the next run may end as soon.
   *
   * @param now wall clock, milliseconds
   * @param held so many messages were in the queue
   * @param handedOn control ID of the one that was being handed on first
   */
  addEnd(now: number, held: number, handedOn: string | undefined): void {
    const { minutes: _minutes, ...figures } = this.read(now)
    const ended = { ...endedAgain(figures.ended, now, handedOn), held }
    setMeta(this.#db, 'figures', JSON.stringify({ ...figures, ended }))
  }
}

function endedAgain(
  before: Ended | undefined,
  now: number,
  handedOn: string | undefined
): Omit<Ended, 'held'> {
  const last = before !== undefined && now - before.until < ENDS_TOGETHER_MS ? before : undefined
  const { controlId, count = 0, since = now, times = 0 } = last ?? {}
  const all = { count: count + 1, since, until: now }
  if (handedOn === undefined) return all
  return { ...all, controlId: handedOn, times: handedOn === controlId ? times + 1 : 1 }
}
