import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { STATES } from './message-row.ts'
import type { ContentStore } from './queue-types.ts'
import type { RecordAges } from './record-ages.ts'

const LEFT = STATES.indexOf('left')
/** Messages and bytes of which the contents are deleted in one step: a few milliseconds. */
const ROWS_PER_STEP = 64
const BYTES_PER_STEP = 1024 * 1024
/** On a disk that is short, the log has no room for more. */
const BYTES_FOR_ROOM = 256 * 1024
/** With each message that leaves, those of so many go that are due: so they never fall behind. */
const ROWS_PER_MESSAGE = 2

export interface KeptContentsOptions {
  /** How many days what has left is remembered; 0: it is not, and no content is kept. */
  journalDays: number
  /** How many days contents are kept. Default: they go when their message leaves. */
  contentDays?: number | undefined
  /** So many bytes of contents are kept at most. Default: no limit. */
  mostKeptBytes?: number | undefined
  ages: RecordAges
}

/** What a step has deleted. */
export interface DroppedContents {
  /** Messages whose contents are no longer kept. */
  count: number
  /** So many of them could have been sent again for longer, but for the limit or the disk. */
  early: number
  /** Messages of which nothing is remembered any more. */
  forgotten: number
  /** There may be more to delete. */
  more: boolean
}

/**
 * The contents and outcomes of messages that have left: kept until they are too old or too many, and deleted in
 * short steps, the oldest first. What is too long to be deleted at once goes piece by piece.
 */
export class KeptContents {
  readonly #contents: Pick<ContentStore<never>, 'sizeOf' | 'drop'>
  readonly #options: KeptContentsOptions
  readonly #keep: StatementSync
  readonly #oldest: StatementSync
  readonly #left: StatementSync
  readonly #remains: StatementSync
  readonly #dropped: StatementSync
  /** Of all that are kept. */
  #bytes: number
  /** There may be long ones of which only a part has been deleted. */
  #mayRemain = true

  constructor(
    db: DatabaseSync,
    contents: Pick<ContentStore<never>, 'sizeOf' | 'drop'>,
    options: KeptContentsOptions
  ) {
    this.#contents = contents
    this.#options = options
    this.#keep = db.prepare('UPDATE message SET kept_bytes = ? WHERE seq = ?')
    // With a lower bound, SQLite searches the index; without one it would say that it walks over it. With a limit as a
    // parameter, it would prepare these statements again for each message that leaves.
    this.#oldest = db.prepare(
      `SELECT seq, changed_at, kept_bytes FROM message
       WHERE kept_bytes > 0 AND changed_at > 0 ORDER BY changed_at`
    )
    this.#left = db.prepare(`SELECT kept_bytes FROM message WHERE seq = ? AND state = ${LEFT}`)
    this.#remains = db.prepare('SELECT seq FROM message WHERE kept_bytes = 0 AND seq > 0')
    this.#dropped = db.prepare(
      options.journalDays > 0
        ? 'UPDATE message SET kept_bytes = NULL WHERE seq = ?'
        : 'DELETE FROM message WHERE seq = ?'
    )
    const { bytes } = db
      .prepare('SELECT total(kept_bytes) AS bytes FROM message WHERE kept_bytes > 0')
      .get() as { bytes: number }
    this.#bytes = bytes
  }

  /**
   * Keeps or deletes what is stored of a message that has left, as the options say.
   *
   * @returns whether something of it is still there
   */
  takeOver(seq: number): boolean {
    if (this.#days === 0) return this.drop(seq)
    const bytes = this.#contents.sizeOf(seq)
    this.#keep.run(bytes, seq)
    this.#bytes += bytes
    if (bytes === 0) this.#mayRemain = true
    return true
  }

  /**
   * Deletes it.
   *
   * @returns whether something of it is still there: it goes with the next steps
   */
  drop(seq: number): boolean {
    if (!this.#contents.drop(seq)) return false
    this.#keep.run(0, seq)
    this.#mayRemain = true
    return true
  }

  /**
   * Deletes what is kept of a message that has left, because a person wants that.
   *
   * @returns undefined if it has not left; else whether anything was kept
   */
  deleteNow(seq: number): boolean | undefined {
    const row = this.#left.get(seq) as { kept_bytes: number | null } | undefined
    if (row === undefined) return undefined
    const bytes = row.kept_bytes ?? 0
    if (bytes === 0) return false
    this.#bytes -= bytes
    if (!this.drop(seq)) this.#dropped.run(seq)
    return true
  }

  /** Deletes some of what is too old or too much. */
  dropDue(): DroppedContents {
    return this.#drop({ rows: ROWS_PER_STEP, remains: 3, bytes: BYTES_PER_STEP })
  }

  /** The same with each message that leaves. */
  dropSomeDue(): DroppedContents {
    return this.#drop({ rows: ROWS_PER_MESSAGE, remains: 1, bytes: BYTES_PER_STEP })
  }

  /** Deletes some, however young, because the disk is short. */
  dropForRoom(): DroppedContents {
    return this.#drop({ rows: ROWS_PER_STEP, remains: 1, bytes: BYTES_FOR_ROOM }, true)
  }

  /** They are not kept for longer than what is remembered of their messages. */
  get #days(): number {
    const { contentDays = 0, journalDays } = this.#options
    return Math.min(contentDays, journalDays)
  }

  /** @param areAllDue however young, and however few there are */
  #drop(step: Step, areAllDue = false): DroppedContents {
    const { ages, mostKeptBytes = Infinity } = this.#options
    const cutoff = ages.cutoff(this.#days)
    const dropped = { count: 0, early: 0, forgotten: 0, more: false }
    if (this.#mayRemain) {
      const remains = firstOf<Pick<KeptRow, 'seq'>>(this.#remains, step.remains)
      for (const { seq } of remains) this.#dropOne(seq, dropped)
      if (remains.length > 0) return { ...dropped, more: true }
      this.#mayRemain = false
    }
    if (this.#bytes === 0) return dropped
    const oldest = firstOf<KeptRow>(this.#oldest, step.rows)
    let bytes = 0
    for (const { seq, changed_at, kept_bytes } of oldest) {
      const isOld = changed_at <= cutoff
      if (bytes >= step.bytes) break
      if (!isOld && !areAllDue && this.#bytes <= mostKeptBytes) break
      bytes += kept_bytes
      this.#bytes -= kept_bytes
      dropped.count++
      if (!isOld) dropped.early++
      this.#dropOne(seq, dropped)
    }
    return { ...dropped, more: dropped.count > 0 }
  }

  /** Deletes what is stored of a message that was kept. */
  #dropOne(seq: number, dropped: DroppedContents): void {
    if (this.drop(seq)) return
    this.#dropped.run(seq)
    if (this.#options.journalDays === 0) dropped.forgotten++
  }
}

/** Of so many messages at most, of so many long ones the rest, and about so many bytes. */
interface Step {
  rows: number
  remains: number
  bytes: number
}

interface KeptRow {
  seq: number
  changed_at: number
  kept_bytes: number
}

function firstOf<Row>(statement: StatementSync, most: number): Row[] {
  const rows: Row[] = []
  for (const row of statement.iterate()) {
    rows.push(row as Row)
    if (rows.length === most) break
  }
  return rows
}
