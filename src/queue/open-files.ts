import { existsSync } from 'node:fs'
import { english } from '../english.ts'
import { countMessages, deleteFiles, type MessageCount } from './queue-database.ts'
import { faultCode, isDamage, LostFileError, QueueDamageError } from './queue-fault.ts'
import { QueueFile } from './queue-file.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { OpenedQueue, QueueRun, QueueSummary } from './queue-types.ts'
import { renew } from './renewal.ts'
import { finishRescue, logStateOf, rescue } from './rescue.ts'

/** A file that is removed while it is being used is put back so often in one call. */
const MOST_TRIES = 3

/**
 * The queue files that are open, repaired if necessary: their users need not know that a file
 * was damaged, lost or replaced.
 */
export class OpenFiles {
  readonly #files = new Map<string, QueueFile>()
  /** What is known of files that are open no longer, until they are opened again in the same run. */
  readonly #runs = new Map<string, QueueRun>()
  /** The paths of those that the run before had not closed. */
  readonly #unchecked = new Set<string>()
  readonly #onNotice: (path: string, text: string) => void

  /** @param onNotice is told what was done to a file, for the log */
  constructor(onNotice: (path: string, text: string) => void) {
    this.#onNotice = onNotice
  }

  get specs(): readonly QueueFileSpec[] {
    return [...this.#files.values()].map(({ spec }) => spec)
  }

  /** Opens a file for a process that begins to use it. */
  open(spec: QueueFileSpec): { opened: OpenedQueue; summary: QueueSummary } {
    this.#runs.delete(spec.path)
    return this.use(spec, (file) => {
      const opened = file.transaction((queue) => queue.open())
      file.setRunning()
      if (opened.isUnclean) this.#unchecked.add(spec.path)
      return { opened, summary: file.queue.summary() }
    })
  }

  /** Opens a file that another thread of this process had open. */
  reopen(spec: QueueFileSpec, handedOut: readonly number[]): void {
    // How long it was open only the file knows.
    this.#runs.set(spec.path, { handedOut, uptimeMs: 0 })
    this.#opened(spec)
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
        const isLost =
          error instanceof LostFileError ||
          (code === 'SQLITE_IOERR' && this.#files.get(spec.path)?.lost === 'file')
        if (isLost && tries < MOST_TRIES) {
          this.putBack(spec)
          continue
        }
        // After an error of the disk only a new look at the file shows what is on it.
        if (code === 'SQLITE_IOERR' || isDamage(code)) this.#forget(spec.path)
        if (!isDamage(code) || isRescued) throw error
      }
      isRescued = true
      this.#onNotice(spec.path, rescue(spec))
    }
  }

  /** Once after an unclean stop: looks for damage that nothing has met so far. */
  check(spec: QueueFileSpec): void {
    if (!this.#unchecked.delete(spec.path)) return
    this.use(spec, (file) => {
      file.check()
    })
  }

  /** Puts a file back that was removed or replaced while it was open; it is open then. */
  putBack(spec: QueueFileSpec): void {
    const { path } = spec
    const file = this.#files.get(path)
    if (file?.lost === undefined) return
    const { renewed, notice } = renew(file, () => this.#openedNow(spec, file.run, true))
    this.#files.set(path, renewed)
    this.#onNotice(path, notice)
  }

  close(spec: QueueFileSpec): void {
    try {
      this.putBack(spec)
    } finally {
      const file = this.#files.get(spec.path)
      this.#files.delete(spec.path)
      this.#unchecked.delete(spec.path)
      this.#runs.delete(spec.path)
      file?.close()
    }
  }

  /** @throws {QueueDamageError} if looking into a file would lose the content of its log */
  count({ path }: QueueFileSpec): MessageCount {
    const open = this.#files.get(path)
    if (open !== undefined) return open.count()
    finishRescue(path)
    // Only actually opening it sets the log aside.
    if (logStateOf(path) === 'damaged') throw new QueueDamageError()
    return existsSync(path) ? countMessages(path) : { held: 0, damaged: 0, isPaused: false }
  }

  /** A pause stays as well: the node may only be disabled. @returns how many messages kept the file */
  deleteIfEmpty(spec: QueueFileSpec): number {
    const { held, damaged, isPaused } = this.count(spec)
    if (held + damaged > 0 || isPaused) return held + damaged
    deleteFiles(spec.path)
    return 0
  }

  #opened(spec: QueueFileSpec): QueueFile {
    const { path } = spec
    let file = this.#files.get(path)
    if (file === undefined) {
      const run = this.#runs.get(path)
      finishRescue(path)
      const log = logStateOf(path)
      if (log === 'damaged') this.#onNotice(path, rescue(spec))
      else if (log === 'torn') this.#onNotice(path, english('log', 'queue.torn', { path }))
      if (run !== undefined && !existsSync(path)) {
        this.#onNotice(path, english('log', 'queue.gone', { path }))
      }
      file = this.#openedNow(spec, run)
      this.#files.set(path, file)
    }
    return file
  }

  #openedNow(spec: QueueFileSpec, run: QueueRun | undefined, mustExist = false): QueueFile {
    const tell = (text: string): void => {
      this.#onNotice(spec.path, text)
    }
    return understood(() => new QueueFile(spec, tell, run, mustExist))
  }

  /** It is not open then; what is on its way is known when it is opened again. */
  #forget(path: string): void {
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
