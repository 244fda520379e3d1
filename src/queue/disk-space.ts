import { statfsSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { PAGE_BYTES } from './queue-database.ts'

/** Free pages that an empty file may keep, and how many are released at a time. */
const FREE_PAGES_KEPT = 1024
const FREE_PAGES_AT_A_TIME = 2048
/** Space that removals and outcomes of held messages may need on a nearly full disk. */
const RESERVE_BYTES = 256 * 1024

/** The disk space that a queue file and its log take and release. */
export class DiskSpace {
  readonly #db: DatabaseSync
  readonly #path: string

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
  }

  /**
   * Whether the disk has room for messages of that size as well as everything in the log: a log
   * that cannot be written back for lack of space grows until not even a removal finds room, and an
   * empty queue would stay full.
   *
   * @param bytes of the messages
   */
  hasRoom(bytes: number): boolean {
    if (bytes === 0) return true
    try {
      if (this.#isFree(bytes)) return true
      this.makeRoom()
      return this.#isFree(bytes)
    } catch {
      // The file is gone, or the file system does not say: the transaction will find out.
      return true
    }
  }

  /** Releases the space of the log and of free pages, as far as the disk has room to do so. */
  makeRoom(): void {
    try {
      this.writeBackLog()
      this.#db.exec(`PRAGMA incremental_vacuum(${FREE_PAGES_AT_A_TIME})`)
      this.writeBackLog()
    } catch {
      // Callers that wanted more get the error that the disk is full.
    }
  }

  /**
   * Releases a part of the space that a queue without waiting messages does not need.
   *
   * @returns whether there is more to release
   */
  shrink(): boolean {
    const free = this.#pragma('freelist_count')
    if (free <= FREE_PAGES_KEPT) return false
    this.#db.exec(`PRAGMA incremental_vacuum(${FREE_PAGES_AT_A_TIME})`)
    const more = free - FREE_PAGES_AT_A_TIME > FREE_PAGES_KEPT
    if (!more) this.writeBackLog()
    return more
  }

  /** Writes everything in the log to the file itself. */
  writeBackLog(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** Once in the log, and once in the file if that has no free pages for it. */
  #isFree(bytes: number): boolean {
    const { blocks, bavail, bsize } = statfsSync(this.#path)
    // A file system that does not say.
    if (blocks === 0) return true
    const pages = this.#pragma('page_count') * PAGE_BYTES
    const free = this.#pragma('freelist_count') * PAGE_BYTES
    const unwritten = Math.max(0, pages - statSync(this.#path).size)
    return bavail * bsize >= unwritten + bytes + Math.max(0, bytes - free) + RESERVE_BYTES
  }

  #pragma(name: string): number {
    return this.#db.prepare(`PRAGMA ${name}`).get()?.[name] as number
  }
}
