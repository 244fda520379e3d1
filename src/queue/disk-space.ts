import { statfsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { sizeOf } from './file-location.ts'
import { faultCode } from './queue-fault.ts'
import { PAGE_BYTES } from './queue-schema.ts'

/** Free pages that an empty file may keep, how many are released at a time, and at most on a full disk. */
const FREE_PAGES_KEPT = 1024
const FREE_PAGES_AT_A_TIME = 2048
const FREE_PAGES_WHEN_FULL = 256
/** With less free space than this, what is stored is written back to the file at once. */
const SHORT_BYTES = 64 * 1024 * 1024
/** With so many times of what is needed, the disk is not looked at more often than once in so many milliseconds. */
const AMPLE_TIMES = 4
const LOOK_MS = 200
/** Besides what messages take, the log can grow by so much; and besides what outcomes take: removals need it. */
const LOG_BYTES = 1024 * 1024
const LOG_BYTES_FOR_REMOVALS = 256 * 1024
/** The file can still grow by so much for long outcomes, and by so much for what becomes of each held message. */
const OUTCOME_BYTES = 512 * 1024
const HELD_BYTES = 1536

/**
 * Something that takes room besides a row or two. New messages and what is only told of them stop first, then long
 * outcomes; a removal or a short outcome is always tried.
 */
export interface StoredThing {
  kind: 'message' | 'figures' | 'outcome'
  bytes: number
}

/** Where room is short: within the file, or on the disk itself, where the log has to grow. */
export type Shortage = 'file' | 'disk'

/**
 * The disk space that a queue file and its log take and release.
 *
 * What is stored goes to the log first; when it is written back, the log starts from its beginning. A log that
 * cannot be written back, because the file cannot grow, grows itself until nothing finds room, not even a
 * removal: so the space for that is never given to anything else, and while the disk is short, the log is
 * written back after each transaction.
 */
export class DiskSpace {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #mustNotWriteBack: () => boolean
  readonly #pageCount: StatementSync
  readonly #freePageCount: StatementSync
  /** Of the disk, and when that was looked at. */
  #lately = { free: 0, at: -Infinity }

  /** @param mustNotWriteBack a sync would hold this thread up, nobody knows for how long, or could not be believed */
  constructor(db: DatabaseSync, path: string, mustNotWriteBack: () => boolean) {
    this.#db = db
    this.#path = path
    this.#mustNotWriteBack = mustNotWriteBack
    this.#pageCount = db.prepare('PRAGMA page_count')
    this.#freePageCount = db.prepare('PRAGMA freelist_count')
  }

  /**
   * Room for what is to be stored in a transaction.
   *
   * @param held how many messages are held of which no outcome is stored
   */
  room(held: number): Room {
    const unwritten = this.pages * PAGE_BYTES - sizeOf(this.#path)
    const space = {
      free: this.#freeBytes - Math.max(0, unwritten),
      log: sizeOf(`${this.#path}-wal`),
      spare: this.#freePages * PAGE_BYTES
    }
    return new Room(space, held * HELD_BYTES)
  }

  /** What a copy of all of it takes, with and without free pages, and what there is; in bytes. */
  get copy(): { whole: number; packed: number; free: number } {
    const whole = this.pages * PAGE_BYTES + LOG_BYTES
    return { whole, packed: whole - this.#freePages * PAGE_BYTES, free: this.#freeBytes }
  }

  /** There is so much room on the disk that nobody has to look closer. */
  isAmpleFor(bytes: number, held: number): boolean {
    return this.#isAmple(bytes + held * HELD_BYTES + SHORT_BYTES)
  }

  /** Whether the disk may be full soon: then a transaction is looked at before it is committed, and written back. */
  get isShort(): boolean {
    return !this.#isAmple(SHORT_BYTES) && this.#freeBytes < SHORT_BYTES
  }

  #isAmple(bytes: number): boolean {
    if (performance.now() - this.#lately.at > LOOK_MS) {
      this.#lately = { free: this.#freeBytes, at: performance.now() }
    }
    return this.#lately.free > AMPLE_TIMES * bytes
  }

  /**
   * Writes everything in the log to the file itself, if the disk has room for that, and syncs both.
   *
   * @returns whether it could
   * @throws an error of SQLite, `SQLITE_IOERR`, if nobody knows what is on the disk
   */
  writeBack(): boolean {
    if (this.#mustNotWriteBack()) return false
    try {
      const { busy, log, checkpointed } = this.#db
        .prepare('PRAGMA wal_checkpoint(PASSIVE)')
        .get() as Record<'busy' | 'log' | 'checkpointed', number>
      return busy === 0 && log === checkpointed
    } catch (error) {
      if (faultCode(error) === 'SQLITE_IOERR') throw error
      // It stays in the log.
      return false
    }
  }

  /**
   * Gives some of the file's free pages back to a disk that is full: as many as the log has room for, which takes the
   * pages that move into their places.
   *
   * @returns false if there are none, or no room
   */
  release(): boolean {
    for (let pages = FREE_PAGES_WHEN_FULL; pages >= 1 && this.#freePages > 0; pages /= 4) {
      try {
        this.#db.exec(`PRAGMA incremental_vacuum(${pages})`)
        return true
      } catch {
        // So many stay free within the file.
      } finally {
        this.writeBack()
      }
    }
    return false
  }

  /**
   * Before a commit: whether the log can be written back afterwards. If it cannot, because the file has to grow, nothing
   * else can ever be stored on a disk that stays full.
   *
   * @param pagesBefore the size of the file before the transaction, in pages
   */
  canWriteBack(pagesBefore: number): boolean {
    const pages = this.pages
    if (pages <= pagesBefore) return true
    const growthOfFile = pages * PAGE_BYTES - sizeOf(this.#path)
    // What it adds to the file, it adds to the log first.
    const growthOfLog =
      (pages - pagesBefore) * PAGE_BYTES + LOG_BYTES_FOR_REMOVALS - sizeOf(`${this.#path}-wal`)
    return this.#freeBytes >= Math.max(0, growthOfFile) + Math.max(0, growthOfLog)
  }

  /** The size of the file, in pages, with what is in the log and in the current transaction. */
  get pages(): number {
    return this.#pageCount.get()?.['page_count'] as number
  }

  /**
   * Releases a part of the space that a queue without waiting messages does not need.
   *
   * @returns whether there is more to release
   */
  shrink(): boolean {
    const free = this.#freePages
    if (free <= FREE_PAGES_KEPT || this.#mustNotWriteBack()) return false
    this.#db.exec(`PRAGMA incremental_vacuum(${FREE_PAGES_AT_A_TIME})`)
    const more = free - FREE_PAGES_AT_A_TIME > FREE_PAGES_KEPT
    if (!more) this.truncateLog()
    return more
  }

  /**
   * Writes everything in the log to the file itself, and empties the log.
   *
   * @throws an error of SQLite, such as `SQLITE_FULL`
   */
  truncateLog(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  get #freePages(): number {
    return this.#freePageCount.get()?.['freelist_count'] as number
  }

  /** Of the disk; Infinity if that is not known. */
  get #freeBytes(): number {
    try {
      const { blocks, bavail, bsize } = statfsSync(this.#path)
      // Some file systems do not say.
      return blocks === 0 ? Infinity : bavail * bsize
    } catch {
      // The file is gone: the transaction will find out.
      return Infinity
    }
  }
}

/** What there is, in bytes. */
interface Space {
  /** Of the disk, besides what it takes to write the log back. */
  free: number
  /** The size of the log, which is used again from its beginning. */
  log: number
  /** Free pages within the file. */
  spare: number
}

/** The room that one transaction may take. */
export class Room {
  readonly #space: Space
  /** What becomes necessary for the messages that are held, in bytes. */
  #held: number
  /** What has been taken, in bytes. */
  #bytes = 0

  constructor(space: Space, held: number) {
    this.#space = space
    this.#held = held
  }

  /** Takes room for something, if there is enough: in the log, and in the file. */
  take({ kind, bytes }: StoredThing): Shortage | undefined {
    const { free, log, spare } = this.#space
    const leavesReserve = kind !== 'outcome'
    const all = this.#bytes + bytes
    const logReserve = leavesReserve ? LOG_BYTES : LOG_BYTES_FOR_REMOVALS
    const growthOfLog = Math.max(0, all + logReserve - log)
    const held = this.#held + (kind === 'message' ? HELD_BYTES : 0)
    const growthOfFile = Math.max(0, all + held + (leavesReserve ? OUTCOME_BYTES : 0) - spare)
    if (growthOfLog > free) return 'disk'
    if (growthOfLog + growthOfFile > free) return 'file'
    this.#bytes = all
    this.#held = held
    return undefined
  }

  /** What is short for all of them; nothing is taken. */
  shortageFor(things: readonly StoredThing[]): Shortage | undefined {
    const room = new Room(this.#space, this.#held)
    return things.map((thing) => room.take(thing)).find((shortage) => shortage !== undefined)
  }
}

/** There is room for anything. */
export const AMPLE_ROOM = new Room({ free: Infinity, log: 0, spare: 0 }, 0)

/** There is room for nothing. */
export const NO_ROOM = new Room({ free: -Infinity, log: 0, spare: 0 }, 0)
