import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { systemClock } from '../clock.ts'
import { DiskSpace, NO_ROOM, type Room, type Shortage, type StoredThing } from './disk-space.ts'
import { FilePlace } from './file-place.ts'
import { keyCheckOf, sealerOf } from './keys-of-file.ts'
import { countOf, openQueueDatabase, type MessageCount } from './queue-database.ts'
import { DiskFullError, faultCode, LostFileError, QueueDamageError } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { QueueRun } from './queue-types.ts'
import { Queue } from './queue.ts'
import { SealedParts } from './sealed-parts.ts'

/** At most this many messages that have left, and events, are kept in a file, whatever their age. */
const MOST_RECORDS = 1_000_000
const MOST_EVENTS = 10_000
/** A transaction for which there is no room waits for so many steps that make some. */
const MOST_STEPS = 16

/** One node's queue in a SQLite file. Synchronous: for use in the queue thread only. */
export class QueueFile {
  readonly spec: QueueFileSpec
  readonly space: DiskSpace
  readonly queue: Queue<Uint8Array>
  readonly #db: DatabaseSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #place: FilePlace
  #isRunning: boolean

  /**
   * Opens the file, or creates it; locks it for this process.
   *
   * @param run if the file was open before in this run
   * @param mustExist it was written a moment ago
   * @throws {QueueError} for a wrong key, another program's file or a newer version
   * @throws {LostFileError} if it must be there and is not
   */
  constructor(
    spec: QueueFileSpec,
    onNotice: (text: string) => void,
    run?: QueueRun,
    mustExist = false
  ) {
    this.spec = spec
    this.#isRunning = run !== undefined
    const sealer = sealerOf(spec)
    this.#db = openQueueDatabase(spec, keyCheckOf(spec), sealer, onNotice, mustExist)
    try {
      this.queue = new Queue(this.#db, {
        order: spec.order,
        orderKey: spec.orderKey,
        contents: new SealedParts(this.#db, sealer),
        journalDays: spec.journalDays,
        contentDays: spec.contentDays,
        mostKeptBytes: spec.mostKeptBytes,
        mostRecords: MOST_RECORDS,
        mostEvents: MOST_EVENTS,
        clock: systemClock,
        run
      })
      this.#begin = this.#db.prepare('BEGIN IMMEDIATE')
      this.#commit = this.#db.prepare('COMMIT')
      this.#place = new FilePlace(spec.path)
      this.space = new DiskSpace(this.#db, spec.path)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  get path(): string {
    return this.spec.path
  }

  /** What was removed or replaced while it was open: nothing may be stored then. */
  get lost(): FilePlace['lost'] {
    return this.#place.lost
  }

  /** For the same file, opened again; undefined before a run begins. */
  get run(): QueueRun | undefined {
    return this.#isRunning ? this.queue.run : undefined
  }

  /** From now on a close says that the run has ended. */
  setRunning(): void {
    this.#isRunning = true
  }

  /**
   * Room for what a transaction is to store. If the disk is short, contents of messages that have left go first;
   * not for figures.
   */
  roomFor(things: readonly StoredThing[]): Room {
    if (things.length === 0) return NO_ROOM
    const needed = things.filter(({ kind }) => kind !== 'figures')
    for (let step = 0; ; step++) {
      const room = this.space.room(this.queue.undecided)
      const shortage = room.shortageFor(needed)
      if (shortage === undefined || step === MOST_STEPS) return room
      if (step === 0) this.space.writeBack()
      else if (!this.#makeRoom(shortage)) return room
    }
  }

  /**
   * All of it is stored, synced to the disk, when this returns; none of it when it throws.
   *
   * @throws {LostFileError} when the next start would not find it
   */
  transaction<T>(work: (queue: Queue<Uint8Array>) => T): T {
    const { isShort } = this.space
    let result: T
    this.#begin.run()
    this.queue.beginChanges()
    try {
      const pages = isShort ? this.space.pages : 0
      result = work(this.queue)
      if (this.lost !== undefined) throw new LostFileError()
      if (isShort && !this.space.canWriteBack(pages)) throw new DiskFullError()
      this.#commit.run()
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK')
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full.
      }
      this.queue.undoChanges()
      throw error
    }
    if (isShort) this.space.writeBack()
    return result
  }

  /**
   * Reads all of it: about 1.5 seconds for each gigabyte.
   *
   * @throws {QueueDamageError} if its pages are not as they should be
   */
  check(): void {
    const { quick_check } = this.#db.prepare('PRAGMA quick_check(1)').get() ?? {}
    if (quick_check !== 'ok') throw new QueueDamageError()
  }

  /** What a call does that stores nothing; if it fails, nothing is handed out. */
  read<T>(work: (queue: Queue<Uint8Array>) => T): T {
    this.queue.beginChanges()
    try {
      return work(this.queue)
    } catch (error) {
      this.queue.undoChanges()
      throw error
    }
  }

  /** How many messages are in it. */
  count(): MessageCount {
    return countOf(this.#db)
  }

  /**
   * Deletes some of what is no longer needed, and releases a part of the space.
   *
   * @returns whether there is more to do
   */
  keepHouse(): boolean {
    const more = this.transaction((queue) => queue.keepHouse())
    return (this.queue.summary().waiting === 0 && this.space.shrink()) || more
  }

  /** @returns false if there is nothing that could go, or the disk has no room even for that */
  #makeRoom(shortage: Shortage): boolean {
    if (shortage === 'disk' && this.space.release()) return true
    try {
      const hasDropped = this.transaction((queue) => queue.dropKept())
      this.space.writeBack()
      return hasDropped
    } catch (error) {
      if (faultCode(error) === 'SQLITE_FULL') return false
      throw error
    }
  }

  /** On a full disk: the log is written back, and some contents of messages that have left go. */
  makeRoom(): void {
    this.space.writeBack()
    this.#makeRoom('file')
  }

  /** Copies all of it into an empty file. */
  copyTo(path: string): void {
    this.#db.prepare('VACUUM INTO ?').run(path)
  }

  /** Makes a log again where it was removed: all of the old one, which SQLite still has, goes to the file first. */
  renewLog(): void {
    this.space.truncateLog()
    // The first transaction makes the log.
    this.#db.exec(`
      PRAGMA journal_mode = DELETE;
      PRAGMA journal_mode = WAL;
      UPDATE meta SET value = value WHERE name = 'keyCheck'`)
    this.#place = new FilePlace(this.path)
  }

  /** Removes the log of a lost file; what is in it can still be copied. */
  removeLog(): void {
    this.#place.removeLog()
  }

  /** Closes the file; its log is then written back and removed, if the disk allows. */
  close(): void {
    try {
      if (this.#isRunning) {
        this.transaction((queue) => {
          queue.close()
        })
      }
    } catch {
      // The next start is then a careful one.
    }
    this.#db.close()
  }

  /** Closes a file that has shown a fault, whatever its state. */
  drop(): void {
    try {
      this.#db.close()
    } catch {
      // Closed already.
    }
  }
}
