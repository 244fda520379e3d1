import { existsSync } from 'node:fs'
import { english } from '../english.ts'
import { isEmpty } from './file-location.ts'
import {
  completePlace,
  deleteFiles,
  endDoubt,
  isDoubtful,
  refusedIn,
  setDoubtful,
  storeRefused
} from './files-beside.ts'
import { Copies } from './copies.ts'
import { countMessages, isSound, type MessageCount } from './queue-database.ts'
import { faultCode, isDamage, QueueDamageError } from './queue-fault.ts'
import { QueueFile, type FileOpening } from './queue-file.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { QueueTask, Reopening } from './queue-protocol.ts'
import type { FileRun, OpenedQueue, QueueSummary } from './queue-types.ts'
import { renew } from './renewal.ts'
import { isLogDamaged, rescue } from './rescue.ts'

/** A file that is removed while it is being used is put back so often in one call. */
const MOST_TRIES = 3

type OpeningOrClosing = Extract<QueueTask, { kind: 'open' | 'reopen' | 'close' }>

/** What is told of the files. */
export interface FilesListener {
  /** What was done to a file, for the log. */
  onNotice: (path: string, text: string) => void
  /** What was committed to a file up to this commit is on the disk. */
  onSynced: (path: string, commit: number) => void
  /** Nobody knows what of it is on the disk: it is closed until `reopen`. */
  onFailed: (path: string, error: unknown) => void
}

/**
 * The queue files that are open, repaired if necessary: their users need not know that a file
 * was damaged, lost or replaced.
 */
export class OpenFiles {
  readonly #files = new Map<string, QueueFile>()
  /** What is known of files that are open no longer, until they are opened again in the same run. */
  readonly #runs = new Map<string, FileRun>()
  /** Those of which nobody knows what is on the disk. */
  readonly #failed = new Set<string>()
  /** Of files that were opened, until they are closed. */
  readonly #specs = new Map<string, QueueFileSpec>()
  readonly #listener: FilesListener
  readonly #copies = new Copies()

  constructor(listener: FilesListener) {
    this.#listener = listener
  }

  /** How a file was opened. */
  specOf(path: string): QueueFileSpec {
    const spec = this.#specs.get(path)
    if (spec === undefined) throw new TypeError(`${path} was not opened.`)
    return spec
  }

  get specs(): readonly QueueFileSpec[] {
    return [...this.#files.values()].map(({ spec }) => spec)
  }

  /** Its calls have to wait for `reopen`. */
  hasFailed({ path }: QueueFileSpec): boolean {
    return this.#failed.has(path)
  }

  /** A close removes the log. */
  wasNotClosed({ path }: QueueFileSpec): boolean {
    return existsSync(`${path}-wal`)
  }

  /**
   * Reads all of a file that nobody has open.
   *
   * @returns whether its pages are not as they should be
   * @throws {QueueError} for the file of another program or version
   */
  isDamaged({ path }: QueueFileSpec): boolean {
    completePlace(path)
    // Without its log, it would only be old; that is seen when it is opened.
    if (isEmpty(path) || isLogDamaged(path)) return false
    try {
      return !understood(() => isSound(path))
    } catch (error) {
      if (isDamage(faultCode(error))) return true
      throw error
    }
  }

  /**
   * Opens a file for a process that begins to use it. All that is in it is on the disk when this returns.
   *
   * @param isDamaged as `isDamaged` has found
   */
  open(
    spec: QueueFileSpec,
    isDamaged = false
  ): { opened: OpenedQueue; summary: QueueSummary; synced: number } {
    const { path } = spec
    this.#runs.delete(path)
    this.#specs.set(path, spec)
    try {
      if (isDamaged) this.#listener.onNotice(path, rescue(spec))
      return this.use(spec, (found) => {
        const { file, result: opened } = this.#madeCertain(spec, found, (queue) => queue.open())
        file.setRunning()
        return { opened, summary: file.queue.summary(), synced: file.syncer.synced }
      })
    } catch (error) {
      // If the thread ended with it, SQLite would write its log back.
      this.#drop(path)
      throw error
    }
  }

  /**
   * Before a file is opened, opened again or closed of which a sync has failed: copies all of it, while other files are
   * used. Whether that has succeeded, or it cannot be opened, the call tells that follows.
   */
  copyInDoubt(spec: QueueFileSpec, task: OpeningOrClosing): Promise<void> | undefined {
    const { path } = spec
    const hasSyncFailed = task.kind === 'reopen' && task.hasSyncFailed
    if (!hasSyncFailed && !this.#isInDoubt(path)) return undefined
    // What is damaged is not copied, nor what is not open, only to be closed.
    if (task.kind === 'open' && task.isDamaged === true) return undefined
    if (task.kind === 'close' && !this.#files.has(path)) return undefined
    try {
      this.putBack(spec)
      if (task.kind === 'open') this.#runs.delete(path)
      if (task.kind === 'reopen') this.#keepRun(path, task.handedOut)
      const file = this.use(spec, (found) => found)
      if (this.#copies.isShort(file)) return undefined
      // Nothing more is written to it.
      this.#failed.add(path)
      return this.#copies.make(file)
    } catch {
      // The same will happen again.
      return undefined
    }
  }

  /** Where a new thread has to open it, only the file knows how long it was open. */
  #keepRun(path: string, handedOut: readonly number[]): void {
    const before = this.#runs.get(path) ?? { uptimeMs: 0, commit: 0 }
    if (!this.#files.has(path)) this.#runs.set(path, { ...before, handedOut })
  }

  /**
   * Opens a file that another thread of this process had open, or of which a sync has failed. All that was in it is on
   * the disk when this returns, because it is written once more.
   *
   * @param reopening what the process works on; anything else that was handed out has not reached it
   */
  reopen(
    spec: QueueFileSpec,
    { handedOut, refused, hasSyncFailed }: Reopening
  ): { summary: QueueSummary; synced: number } {
    const { path } = spec
    this.#specs.set(path, spec)
    this.putBack(spec)
    this.#keepRun(path, handedOut)
    return this.use(spec, (found) => {
      if (hasSyncFailed) this.#failed.add(path)
      const atWork = new Set(handedOut)
      const { file } = this.#madeCertain(spec, found, (queue) => {
        for (const seq of queue.memory.handedOut) if (!atWork.has(seq)) queue.rows.release(seq)
        queue.withdraw(refused)
      })
      return { summary: file.queue.summary(), synced: file.syncer.synced }
    })
  }

  /**
   * The senders of these messages are to be told that they are not accepted: once this has returned, none of them is ever
   * sent.
   *
   * @throws an error of SQLite or the file system if that cannot be stored: then nobody may be told
   */
  refuse({ path }: QueueFileSpec, seqs: readonly number[]): void {
    const file = this.#files.get(path)
    // Another process may have it.
    if (file === undefined) throw new TypeError(`${path} is not open.`)
    // One that was removed ends with this process, and in its place may be that of another one: if it is put back, it must
    // be without them.
    if (file.lost !== 'file') storeRefused(path, seqs)
    else {
      file.transaction((queue) => {
        queue.withdraw(seqs)
      })
    }
  }

  /**
   * Works with a file. Opens it if it is not open, in the same run; if it is damaged, goes on with what can be
   * read of it, and if it is gone, writes it again.
   */
  use<T>(spec: QueueFileSpec, work: (file: QueueFile) => T): T {
    let isRescued = false
    for (let tries = 1; ; tries++) {
      try {
        return work(this.#opened(spec))
      } catch (error) {
        const code = faultCode(error)
        // What SQLite has of one that is gone must not be given up.
        const isLost = code === 'SQLITE_IOERR' && this.#files.get(spec.path)?.lost === 'file'
        if (isLost && tries < MOST_TRIES) {
          this.putBack(spec)
          continue
        }
        if (code === 'SQLITE_IOERR') this.#fail(spec.path, error)
        if (!isDamage(code) || isRescued) throw error
        this.#drop(spec.path)
      }
      isRescued = true
      this.#listener.onNotice(spec.path, rescue(spec))
      // What was read is in the new file, and that is on the disk.
      this.#tellSynced(spec.path, this.#opened(spec))
    }
  }

  /** Puts a file back that was removed or replaced while it was open, with all that is in it; it is open then. */
  putBack(spec: QueueFileSpec): void {
    const { path } = spec
    const file = this.#files.get(path)
    if (file?.lost === undefined) return
    const { renewed, notice } = renew(file, () =>
      this.#openedNow(spec, { run: file.run, mustHold: file.queue.held })
    )
    this.#files.set(path, renewed)
    this.#listener.onNotice(path, notice)
    this.#tellSynced(path, renewed)
  }

  /** Before `close`: resolves when no sync is going on any longer. */
  async stopSyncing({ path }: QueueFileSpec): Promise<void> {
    await this.#files.get(path)?.syncer.stop()
  }

  /** @throws an error of SQLite or the file system if nobody knows what is on the disk: the next start writes it again */
  close(spec: QueueFileSpec): void {
    const { path } = spec
    try {
      this.putBack(spec)
      const file = this.#files.get(path)
      if (file !== undefined && this.#failed.has(path)) {
        this.#madeCertain(spec, file, () => undefined)
      }
    } finally {
      const file = this.#files.get(path)
      const hasFailed = this.#failed.has(path)
      this.#files.delete(path)
      this.#runs.delete(path)
      this.#failed.delete(path)
      this.#specs.delete(path)
      if (hasFailed) file?.drop()
      else if (file !== undefined) this.#close(file)
    }
  }

  #close(file: QueueFile): void {
    try {
      file.close()
    } catch (error) {
      setDoubtful(file.path)
      throw error
    }
  }

  /** @throws {QueueDamageError} if looking into a file would lose the content of its log */
  count({ path }: QueueFileSpec): MessageCount {
    const open = this.#files.get(path)
    if (open !== undefined) return open.count()
    completePlace(path)
    // Only actually opening it sets the log aside.
    if (isLogDamaged(path)) throw new QueueDamageError()
    return existsSync(path) ? countMessages(path) : { held: 0, damaged: 0, isPaused: false }
  }

  /** A pause stays as well: the node may only be disabled. @returns how many messages kept the file */
  deleteIfEmpty(spec: QueueFileSpec): number {
    const { held, damaged, isPaused } = this.count(spec)
    if (held + damaged > 0 || isPaused) return held + damaged
    deleteFiles(spec.path)
    if (isDoubtful(spec.path)) endDoubt(spec.path)
    return 0
  }

  #opened(spec: QueueFileSpec): QueueFile {
    const { path } = spec
    let file = this.#files.get(path)
    if (file === undefined) {
      const run = this.#runs.get(path)
      completePlace(path)
      if (isLogDamaged(path)) this.#listener.onNotice(path, rescue(spec))
      if (run !== undefined && isEmpty(path)) {
        this.#listener.onNotice(path, english('log', 'queue.gone', { path }))
      }
      file = this.#openedNow(spec, { run })
      this.#files.set(path, file)
    }
    return file
  }

  /** A sync of it has failed, in this process or in one that has ended since. */
  #isInDoubt(path: string): boolean {
    return this.#failed.has(path) || isDoubtful(path)
  }

  /**
   * All that is in a file is on the disk when this returns, without what was refused.
   *
   * @param work is done before
   */
  #madeCertain<T>(
    spec: QueueFileSpec,
    found: QueueFile,
    work: (queue: QueueFile['queue']) => T
  ): { file: QueueFile; result: T } {
    const { path } = spec
    const isInDoubt = this.#isInDoubt(path)
    const refused = refusedIn(path)
    // First: nothing more is written to one of which a sync has failed.
    const file = isInDoubt ? this.#rewritten(spec, found) : found
    const result = file.transaction((queue) => {
      queue.withdraw(refused)
      return work(queue)
    })
    this.#makeSafe(file)
    // Last: if the process ends before, the next one does the same again.
    if (isInDoubt) endDoubt(path)
    return { file, result }
  }

  /** Only what is written once more is safe then, and only in another file. It is open when this returns. */
  #rewritten(spec: QueueFileSpec, file: QueueFile): QueueFile {
    const { path } = spec
    this.#copies.takePlace(file)
    try {
      const rewritten = this.#openedNow(spec, { run: file.run, mustHold: file.queue.held })
      this.#files.set(path, rewritten)
      this.#failed.delete(path)
      file.drop()
      return rewritten
    } catch (error) {
      // Unless it is gone again, all of it is in its place, and can be opened the next time.
      if (faultCode(error) !== 'ENOENT' && !isEmpty(path)) this.#drop(path)
      throw error
    }
  }

  /** @throws an error of SQLite or the file system, after which the file is doubtful */
  #makeSafe(file: QueueFile): void {
    try {
      file.makeSafe()
    } catch (error) {
      if (!isDamage(faultCode(error))) this.#fail(file.path, error)
      throw error
    }
  }

  #openedNow(spec: QueueFileSpec, opening: FileOpening): QueueFile {
    const { path } = spec
    return understood(
      () =>
        new QueueFile(
          spec,
          {
            onNotice: (text) => {
              this.#listener.onNotice(path, text)
            },
            onSynced: (commit) => {
              this.#confirm(spec, commit)
            },
            onFailed: (error) => {
              this.#fail(path, error)
            }
          },
          opening
        )
    )
  }

  /** A sync has ended; but what it has synced must be what the next start finds. */
  #confirm(spec: QueueFileSpec, commit: number): void {
    const { path } = spec
    const file = this.#files.get(path)
    try {
      if (file?.lost !== undefined) {
        this.putBack(spec)
        return
      }
      if (file === undefined) return
      file.syncer.confirm(commit)
      // SQLite may have synced more meanwhile, and says so to nobody.
      this.#tellSynced(path, file)
    } catch (error) {
      // What SQLite has of it stays open.
      this.#failed.add(path)
      this.#listener.onFailed(path, error)
    }
  }

  #tellSynced(path: string, file: QueueFile): void {
    this.#listener.onSynced(path, file.syncer.synced)
  }

  /**
   * Nobody knows what is on the disk: a sync, or a read or write of SQLite, has failed. What SQLite has of the file stays
   * open: closing it, SQLite would write a log back that may not be on the disk.
   */
  #fail(path: string, error: unknown): void {
    setDoubtful(path)
    this.#files.get(path)?.syncer.fail()
    this.#failed.add(path)
    this.#listener.onFailed(path, error)
  }

  /** It is not open then; what is on its way is known when it is opened again. */
  #drop(path: string): void {
    const file = this.#files.get(path)
    if (file?.run !== undefined) this.#runs.set(path, file.run)
    file?.drop()
    this.#files.delete(path)
  }
}

/** All statements are our own: if SQLite does not understand one, the schema is damaged. */
function understood<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw faultCode(error) === 'SQLITE_ERROR' ? new QueueDamageError() : error
  }
}
