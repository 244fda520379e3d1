import { backup, type DatabaseSync, type StatementSync } from 'node:sqlite'
import { systemClock } from '../clock.ts'
import {
  AMPLE_ROOM,
  DiskSpace,
  NO_ROOM,
  type Room,
  type Shortage,
  type StoredThing
} from './disk-space.ts'
import { FileLocation } from './file-location.ts'
import { closeAsItIs, makeFile } from './files-beside.ts'
import { keyCheckOf, sealerOf } from './keys-of-file.ts'
import { countOf, openQueueDatabase, rollBack, type MessageCount } from './queue-database.ts'
import { DiskFullError, faultCode, LostFileError } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { FileRun } from './queue-types.ts'
import { Queue, type QueueMemory, type QueueOptions } from './queue.ts'
import { SealedParts } from './sealed-parts.ts'
import { Syncer, type SyncListener } from './syncer.ts'

/** At most this many messages that have left, and events, are kept in a file, whatever their age. */
const MOST_RECORDS = 1_000_000
const MOST_EVENTS = 10_000
/** A transaction for which there is no room waits for so many steps that make some. */
const MOST_STEPS = 16
/** Of a copy. */
const PAGES_PER_STEP = 256

export interface QueueFileListener extends SyncListener {
  /** Something that the operator has to know. */
  onNotice: (text: string) => void
}

/** How a file is opened. */
export interface FileOpening {
  /** It was open before in this run. */
  run?: FileRun | undefined
  /** It was written a moment ago, with so many messages that have not left. */
  mustHold?: number
}

/** One node's queue in a SQLite file. Synchronous: for use in the queue thread only. */
export class QueueFile {
  readonly spec: QueueFileSpec
  readonly space: DiskSpace
  readonly #db: DatabaseSync
  readonly #options: QueueOptions<Uint8Array>
  /** Undefined after a rollback: it is read again when it is used. */
  #queue: Queue<Uint8Array> | undefined
  /** What it knew besides, before that. */
  #memory: Partial<QueueMemory> | undefined
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #changes: StatementSync
  #syncer: Syncer
  readonly #listener: QueueFileListener
  #location: FileLocation
  #isRunning: boolean
  /** Messages that were accepted, edited or resent in the current transaction. */
  #fresh: number[] = []

  /**
   * Opens the file, or creates it; locks it for this process.
   *
   * @throws {QueueError} for a wrong key, or the file of another program or version
   * @throws {LostFileError} if it must be there and is not, or not with all that must be in it
   */
  constructor(
    spec: QueueFileSpec,
    listener: QueueFileListener,
    { run, mustHold }: FileOpening = {}
  ) {
    this.spec = spec
    this.#listener = listener
    this.#isRunning = run !== undefined
    const sealer = sealerOf(spec)
    const mustExist = mustHold !== undefined
    this.#db = openQueueDatabase(spec, keyCheckOf(spec), listener.onNotice, mustExist)
    try {
      this.#memory = run
      this.#options = {
        order: spec.order,
        orderKey: spec.orderKey,
        contents: new SealedParts(this.#db, sealer),
        journalDays: spec.journalDays,
        contentDays: spec.contentDays,
        mostKeptBytes: spec.mostKeptBytes,
        mostRecords: MOST_RECORDS,
        mostEvents: MOST_EVENTS,
        clock: systemClock,
        onFresh: (seq) => this.#fresh.push(seq)
      }
      const { held } = this.queue
      if (mustHold !== undefined && held < mustHold) throw new LostFileError()
      this.#begin = this.#db.prepare('BEGIN')
      this.#commit = this.#db.prepare('COMMIT')
      this.#changes = this.#db.prepare('SELECT total_changes() AS changes')
      this.#location = new FileLocation(spec.path)
      this.space = new DiskSpace(this.#db, spec.path, () => this.#syncer.mustNotWriteBack)
      this.#syncer = new Syncer(spec.path, run?.commit ?? 0, listener)
    } catch (error) {
      closeAsItIs(this.#db, spec.path)
      throw error
    }
  }

  get path(): string {
    return this.spec.path
  }

  get queue(): Queue<Uint8Array> {
    this.#queue ??= new Queue(this.#db, { ...this.#options, memory: this.#memory })
    return this.#queue
  }

  /** What was removed or replaced while it was open: nothing may be stored then. */
  get lost(): FileLocation['lost'] {
    return this.#location.lost
  }

  /** For the same file, opened again; undefined before a run begins. */
  get run(): FileRun | undefined {
    const { handedOut = [], uptimeMs = 0 } = this.#queue?.memory ?? this.#memory ?? {}
    return this.#isRunning ? { handedOut, uptimeMs, commit: this.#syncer.commit } : undefined
  }

  /** Which commits are on the disk. */
  get syncer(): Syncer {
    return this.#syncer
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
    const bytes = things.reduce((sum, thing) => sum + thing.bytes, 0)
    if (this.space.isAmpleFor(bytes, this.queue.undecided)) return AMPLE_ROOM
    const needed = things.filter(({ kind }) => kind !== 'figures')
    for (let step = 0; ; step++) {
      const room = this.space.room(this.queue.undecided)
      const shortage = room.shortageFor(needed)
      if (shortage === undefined || step === MOST_STEPS) return room
      if (step === 0) this.space.writeBack()
      else if (!this.#makeRoom(shortage)) return room
    }
  }

  /** All of it is stored when this returns, and safe when its commit is synced; none of it when it throws. */
  transaction<T>(work: (queue: Queue<Uint8Array>) => T): T {
    const { isShort } = this.space
    const changed = this.#changed
    let result: T
    this.#fresh = []
    this.#begin.run()
    try {
      const pages = isShort ? this.space.pages : 0
      result = this.read((queue) => {
        const done = work(queue)
        if (isShort && !this.space.canWriteBack(pages)) throw new DiskFullError()
        this.#commit.run()
        return done
      })
    } catch (error) {
      rollBack(this.#db)
      throw error
    }
    if (this.#changed === changed) return result
    this.#syncer.committed(this.#fresh)
    this.#writeBack(isShort)
    return result
  }

  /** After a commit. */
  #writeBack(isShort: boolean): void {
    try {
      if (!isShort && !this.#syncer.isLogLong) return
      // When that is over, the next commit finds what there is to do.
      if (this.#syncer.mustNotWriteBack) return
      if (this.space.writeBack()) this.#syncer.allWritten()
      else this.#syncer.doubt()
    } catch (error) {
      // It is stored, but perhaps not on the disk, as after a sync that has failed.
      this.#syncer.doubt(error as Error)
    }
  }

  /**
   * Writes everything in the log to the file itself, and syncs both.
   *
   * @throws an error of SQLite, such as `SQLITE_FULL`
   */
  writeAllBack(): void {
    this.space.truncateLog()
    this.#syncer.allWritten()
  }

  /**
   * The same, but on a full disk all of it is safe in the log.
   *
   * @throws an error of SQLite or the file system: nobody knows what is on the disk
   */
  makeSafe(): void {
    try {
      this.writeAllBack()
    } catch (error) {
      if (faultCode(error) !== 'SQLITE_FULL') throw error
      this.#syncer.syncNow()
    }
  }

  /** Rows that were changed since it is open. */
  get #changed(): number {
    return this.#changes.get()?.['changes'] as number
  }

  /** Works with the queue. If that fails, it is read again: nothing is handed out that was not before. */
  read<T>(work: (queue: Queue<Uint8Array>) => T): T {
    const { queue } = this
    const { handedOut, left } = queue.memory
    try {
      return work(queue)
    } catch (error) {
      this.#memory = { ...queue.memory, handedOut, left }
      this.#queue = undefined
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

  /** Copies all of it into a new file. */
  copyTo(path: string): void {
    makeFile(path)
    this.#syncer.restoreLog()
    this.#db.prepare('VACUUM INTO ?').run(path)
  }

  /** The same with its free pages, in steps of some milliseconds, beside this thread. */
  async copyInSteps(path: string): Promise<void> {
    makeFile(path)
    this.#syncer.restoreLog()
    await backup(this.#db, path, { rate: PAGES_PER_STEP })
  }

  /** Makes a log again where it was removed: all of the old one, which SQLite still has, goes to the file first. */
  renewLog(): void {
    this.writeAllBack()
    const { commit } = this.#syncer
    this.#syncer.close()
    // The first transaction makes the log.
    this.#db.exec(`
      PRAGMA journal_mode = DELETE;
      PRAGMA journal_mode = WAL;
      UPDATE meta SET value = value WHERE name = 'keyCheck'`)
    this.#location = new FileLocation(this.path)
    this.#syncer = new Syncer(this.path, commit, this.#listener)
  }

  /** Removes the log of a lost file; what is in it can still be copied. */
  removeLog(): void {
    this.#location.removeLog()
  }

  /**
   * Closes the file; its log is then written back and removed, if the disk allows.
   *
   * @throws an error of SQLite or the file system if nobody knows what is on the disk
   */
  close(): void {
    try {
      if (this.#isRunning) {
        try {
          this.transaction((queue) => {
            queue.close()
          })
        } catch {
          // The next start is then a careful one.
        }
        this.makeSafe()
      }
      this.#syncer.close()
      this.#db.close()
    } catch (error) {
      this.drop()
      throw error
    }
  }

  /** Closes a file that has shown a fault, and leaves it and its log as they are. */
  drop(): void {
    this.#syncer.close()
    try {
      if (this.lost === 'file') this.#db.close()
      else closeAsItIs(this.#db, this.path)
    } catch {
      // Closed already.
    }
  }
}
