import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncDirectory } from './files-beside.ts'
import { isHanging, takePlace } from './sync-places.ts'
import { bytesOf, hasFrames, putBack } from './write-ahead-log.ts'

/** So many milliseconds pass at most before what nobody waits for is synced; or so many times what the last sync took. */
const LAZY_MS = 50
const LAZY_TIMES = 4
/** While what was committed is not synced for longer than this, in milliseconds, messages no longer leave. */
const MOST_UNSYNCED_MS = 1000
/** A log with so many pages (16 MB) is written back to the file. */
const LONG_LOG_PAGES = 4096

export interface SyncListener {
  /** What was committed up to this commit is on the disk, if the file is still in its place: then call `confirm`. */
  onSynced: (commit: number) => void
  /** Nobody knows what is on the disk; another sync would say that all of it is. */
  onFailed: (error: Error) => void
}

/**
 * Syncs the write-ahead log of an open queue file to the disk, beside the thread that goes on writing it.
 *
 * **When a message is safe.** A transaction is committed when it is written to the log: a crash of the process cannot
 * undo it, a power failure can. What was committed before a sync began is safe when that has ended well. Until then
 * nobody is told whose promise hangs on it (`AFTER_SYNC` in `queue-protocol.ts`), and no message is handed out that was
 * accepted, edited or resent since.
 *
 * The descriptor is that of the log that SQLite has open: another one would sync nothing. So each opening of a file has
 * its own syncer, made when SQLite has made the log, and closed before SQLite closes it.
 */
export class Syncer {
  readonly #listener: SyncListener
  readonly #descriptor: number
  /** The device of the file system. */
  readonly #disk: number
  #commit: number
  #synced: number
  /** The commit that somebody waits for. */
  #wanted = 0
  /** Messages that are not to be handed out yet, with their commits, in the order of these. */
  readonly #fresh = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined
  /** A sync is going on, or waits for those of other files. */
  #isBusy = false
  #isDoubtful = false
  /** The next sync would say that all is well, but it is not. */
  #error: Error | undefined
  /** All bytes of a log of which a sync has failed, up to this commit. */
  #kept: { bytes: Uint8Array; commit: number } | undefined
  /** The first commit that is not synced is no older than this. */
  #unsyncedSince = 0
  #isClosed = false
  #lastMs = 0
  #whenIdle: (() => void) | undefined

  /**
   * @param path of a queue file that is open
   * @param commit the number of the last commit before it was opened again; all of it is on the disk
   */
  constructor(path: string, commit: number, listener: SyncListener) {
    this.#listener = listener
    this.#commit = this.#synced = commit
    // Windows syncs no file that it has open for reading only.
    this.#descriptor = openSync(`${path}-wal`, 'r+')
    this.#disk = fstatSync(this.#descriptor).dev
    try {
      // What is in the log is as safe as its name. SQLite syncs that, too, and tells nobody if it fails.
      syncDirectory(dirname(path))
    } catch (error) {
      this.doubt(error as Error)
    }
  }

  /** The number of the last commit. */
  get commit(): number {
    return this.#commit
  }

  get synced(): number {
    return this.#synced
  }

  /** The commit that has to be synced before this message is handed out; 0 if it is safe. */
  commitOf(seq: number): number {
    return this.#fresh.get(seq) ?? 0
  }

  /** The disk is short, and SQLite could not write the last commit back: a sync may fail, and everything waits for it. */
  get isDoubtful(): boolean {
    return this.#isDoubtful && this.#synced < this.#commit
  }

  /** Something has waited for a sync for so long that others must wait for it, too. */
  get isOverdue(): boolean {
    return this.#synced < this.#commit && performance.now() - this.#unsyncedSince > MOST_UNSYNCED_MS
  }

  /**
   * A sync of this disk lasts so long that nobody knows when it will end; or one by SQLite has failed, and another one
   * would let it write to the file what the log may have lost.
   */
  get mustNotWriteBack(): boolean {
    return this.#error !== undefined || isHanging(this.#disk)
  }

  /** So much is in the log that it is to be written back. */
  get isLogLong(): boolean {
    return !this.#isClosed && hasFrames(this.#descriptor, LONG_LOG_PAGES)
  }

  /** @param error a sync by SQLite has failed: the next one fails, too */
  doubt(error?: Error): void {
    this.#isDoubtful = true
    this.#error ??= error
  }

  /** @param fresh messages that were accepted, edited or resent in this transaction */
  committed(fresh: readonly number[]): void {
    if (this.#synced === this.#commit) this.#unsyncedSince = performance.now()
    this.#commit++
    for (const seq of fresh) {
      this.#fresh.delete(seq)
      this.#fresh.set(seq, this.#commit)
    }
    this.#plan()
  }

  /** Somebody waits for the last commit. */
  hurry(): void {
    this.#wanted = this.#commit
    this.#plan()
  }

  /** All that was committed is on the disk, by SQLite's own syncs. */
  allWritten(): void {
    this.confirm(this.#commit)
  }

  /** What was committed up to this commit is on the disk. */
  confirm(commit: number): void {
    this.#synced = Math.max(this.#synced, commit)
    if (this.#synced === this.#commit) this.#isDoubtful = false
    for (const [seq, of] of this.#fresh) {
      if (of > this.#synced) break
      this.#fresh.delete(seq)
    }
    this.#plan()
  }

  /** @throws an error of the file system: nobody knows then what is on the disk */
  syncNow(): void {
    if (this.#error !== undefined) throw this.#error
    const commit = this.#commit
    fdatasyncSync(this.#descriptor)
    this.confirm(commit)
  }

  /** Begins no other sync. Resolves when the current one has ended; if it would fail, that is told. */
  async stop(): Promise<void> {
    this.#cancel()
    this.#wanted = 0
    if (this.#isBusy) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
      this.#cancel()
    }
    if (this.#error === undefined || this.#hasEnded || this.#synced === this.#commit) return
    this.#listener.onFailed(this.#error)
  }

  /**
   * A sync has failed, and none is begun any longer. What could not be written, the system takes to be written: it may
   * drop that from its memory at any moment, and read from the disk what is there. So all of the log is kept here.
   */
  fail(): void {
    if (this.#isClosed || this.#kept !== undefined) return
    this.#cancel()
    let bytes: Uint8Array = new Uint8Array()
    try {
      bytes = bytesOf(this.#descriptor)
    } catch {
      // What the system has is all there is.
    }
    this.#kept = { bytes, commit: this.#commit }
  }

  /**
   * Before SQLite reads what it has written since the last sync.
   *
   * @throws an error of the file system
   */
  restoreLog(): void {
    if (this.#isClosed || this.#kept?.commit !== this.#commit) return
    putBack(this.#descriptor, this.#kept.bytes)
  }

  /** Before SQLite closes the log. The result of a sync that is still going on counts for nothing. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancel()
    // Its number must not become that of another file before.
    if (!this.#isBusy) this.#closeDescriptor()
  }

  #plan(): void {
    if (this.#hasEnded || this.#isBusy || this.#commit === this.#synced) return
    if (this.#wanted > this.#synced) this.#begin()
    else {
      this.#timer ??= setTimeout(
        () => {
          this.#begin()
        },
        Math.max(LAZY_MS, LAZY_TIMES * this.#lastMs)
      ).unref()
    }
  }

  #begin(): void {
    this.#cancel()
    if (this.#isBusy) return
    this.#isBusy = true
    takePlace(this.#disk, (leave) => {
      this.#sync(leave)
    })
  }

  #sync(leave: () => void): void {
    if (this.#hasEnded) {
      this.#end(() => undefined, leave)
      return
    }
    const commit = this.#commit
    const start = performance.now()
    fdatasync(this.#descriptor, (error) => {
      this.#lastMs = performance.now() - start
      this.#end(() => {
        this.#unsyncedSince = start
        const failed = this.#error ?? error
        if (failed === null) this.#listener.onSynced(commit)
        else this.#listener.onFailed(failed)
      }, leave)
    })
  }

  #end(tell: () => void, leave: () => void): void {
    this.#isBusy = false
    if (this.#isClosed) this.#closeDescriptor()
    else if (!this.#hasEnded) tell()
    this.#whenIdle?.()
    leave()
  }

  /** It syncs no longer. */
  get #hasEnded(): boolean {
    return this.#isClosed || this.#kept !== undefined
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #closeDescriptor(): void {
    closeSync(this.#descriptor)
  }
}
