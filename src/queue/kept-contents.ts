import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import type { ContentStore } from './queue-types.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Messages and bytes of which the contents are deleted in one step: a few milliseconds. */
const ROWS_PER_STEP = 64
const BYTES_PER_STEP = 1024 * 1024

export interface KeptContentsOptions {
  /** How many days what has left is remembered; 0: it is not, and no content is kept. */
  journalDays: number
  /** How many days contents are kept. Default: they go when their message leaves. */
  contentDays?: number | undefined
  /** So many bytes of contents are kept at most. Default: no limit. */
  mostKeptBytes?: number | undefined
  clock: Pick<Clock, 'now'>
}

/** What a step has deleted. */
export interface DroppedContents {
  /** Messages whose content could have been sent again until then. */
  count: number
  /** Messages of which nothing is remembered any more. */
  forgotten: number
  /** There is more to delete. */
  more: boolean
}

/**
 * The contents and outcomes of messages that have left: kept until they are too old or too many, and deleted in
 * short steps, the oldest first. What is too long to be deleted at once goes the same way.
 */
export class KeptContents {
  readonly #contents: Pick<ContentStore<never>, 'sizeOf' | 'drop'>
  readonly #options: KeptContentsOptions
  readonly #keep: StatementSync
  readonly #oldest: StatementSync
  readonly #dropped: StatementSync
  /** Of all that are kept. */
  #bytes: number

  constructor(
    db: DatabaseSync,
    contents: Pick<ContentStore<never>, 'sizeOf' | 'drop'>,
    options: KeptContentsOptions
  ) {
    this.#contents = contents
    this.#options = options
    this.#keep = db.prepare('UPDATE message SET kept_bytes = ? WHERE seq = ?')
    this.#oldest = db.prepare(
      `SELECT seq, changed_at, kept_bytes FROM message
       WHERE kept_bytes IS NOT NULL AND changed_at > 0 ORDER BY changed_at LIMIT ${ROWS_PER_STEP}`
    )
    this.#dropped = db.prepare(
      options.journalDays > 0
        ? 'UPDATE message SET kept_bytes = NULL WHERE seq = ?'
        : 'DELETE FROM message WHERE seq = ?'
    )
    const { bytes } = db
      .prepare('SELECT total(kept_bytes) AS bytes FROM message WHERE kept_bytes IS NOT NULL')
      .get() as { bytes: number }
    this.#bytes = bytes
  }

  /** Of all that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** After a transaction that was rolled back. */
  set bytes(bytes: number) {
    this.#bytes = bytes
  }

  /**
   * Keeps or deletes what is stored of a message that has left.
   *
   * @returns whether something of it is still there
   */
  takeOver(seq: number): boolean {
    if (this.#days === 0 && !this.#contents.drop(seq)) return false
    const bytes = this.#days === 0 ? 0 : this.#contents.sizeOf(seq)
    this.#keep.run(bytes, seq)
    this.#bytes += bytes
    return true
  }

  /** Deletes some of what is too old. */
  dropOld(): DroppedContents {
    const { clock } = this.#options
    const cutoff = clock.now() - this.#days * DAY_MS
    return this.#drop((row) => row.kept_bytes === 0 || row.changed_at <= cutoff)
  }

  /** Deletes some of what is too much. */
  dropExcess(): DroppedContents {
    const { mostKeptBytes = Infinity } = this.#options
    return this.#drop(() => this.#bytes > mostKeptBytes)
  }

  /** Deletes some, however young, because the disk is short. */
  dropForRoom(): DroppedContents {
    return this.#drop(() => true)
  }

  /** They are not kept for longer than what is remembered of their messages. */
  get #days(): number {
    const { contentDays = 0, journalDays } = this.#options
    return Math.min(contentDays, journalDays)
  }

  #drop(goes: (row: KeptRow) => boolean): DroppedContents {
    const dropped = { count: 0, forgotten: 0, more: false }
    const rows = this.#oldest.all() as unknown as KeptRow[]
    let bytes = 0
    for (const row of rows) {
      if (!goes(row)) return dropped
      if (bytes >= BYTES_PER_STEP) return { ...dropped, more: true }
      if (row.kept_bytes > 0) dropped.count++
      this.#bytes -= row.kept_bytes
      if (this.#contents.drop(row.seq)) {
        // The rest of a long one goes with the next steps.
        this.#keep.run(0, row.seq)
        return { ...dropped, more: true }
      }
      bytes += row.kept_bytes
      this.#dropped.run(row.seq)
      if (this.#options.journalDays === 0) dropped.forgotten++
    }
    return { ...dropped, more: rows.length === ROWS_PER_STEP }
  }
}

interface KeptRow {
  seq: number
  changed_at: number
  kept_bytes: number
}
