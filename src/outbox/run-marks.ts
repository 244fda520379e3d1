import type { DatabaseSync } from 'node:sqlite'
import { moment, whole } from './message-row.ts'
import { getMeta, setMeta } from './queue-database.ts'

/** How the previous run ended, according to its queue file. */
export interface LastRun {
  /** It did not close the file: its process crashed, was killed or lost power. */
  unclean: boolean
  /** Messages that two or more processes were processing when they ended. */
  blamed: readonly number[]
  /** How long this and earlier runs had the file open, in milliseconds. */
  uptimeMs: number
}

/** A message is set aside after this many processes ended on it. */
const MOST_DEATHS = 2
/** The uptime is stored so often at most, in milliseconds. */
const UPTIME_STEP_MS = 60_000

/**
 * Marks in the table `meta`: `running` from open to close, `atWork` the message that could end the
 * process at this moment (0 for none), `deaths` how often each was found there after an unclean end,
 * as `seq:count` with blanks between, `uptime` how long the file has been open in all runs.
 */
export class RunMarks {
  readonly #db: DatabaseSync
  /** On the monotonic clock: when the file would have been opened if this were its only run. */
  readonly #upSince: number
  #storedUptimeMs: number

  /** A file that a new thread opens goes on in the same run. */
  constructor(db: DatabaseSync) {
    this.#db = db
    this.#storedUptimeMs = moment(getMeta(db, 'uptime')) ?? 0
    this.#upSince = performance.now() - this.#storedUptimeMs
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
    return { unclean, blamed, uptimeMs: this.#storedUptimeMs }
  }

  /** Within a transaction that changes something anyway. */
  tick(): void {
    if (this.#uptimeMs() - this.#storedUptimeMs >= UPTIME_STEP_MS) this.#storeUptime()
  }

  /** @param seq 0 when the work is done */
  note(seq: number): void {
    setMeta(this.#db, 'atWork', seq)
  }

  /** The file is closed properly. */
  end(): void {
    this.#storeUptime()
    setMeta(this.#db, 'running', 0)
  }

  #uptimeMs(): number {
    return Math.round(performance.now() - this.#upSince)
  }

  #storeUptime(): void {
    this.#storedUptimeMs = this.#uptimeMs()
    setMeta(this.#db, 'uptime', this.#storedUptimeMs)
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
