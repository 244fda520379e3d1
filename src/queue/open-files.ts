import { existsSync } from 'node:fs'
import { english } from '../english.ts'
import { countMessages, deleteFiles, type MessageCount } from './queue-database.ts'
import { faultCode, isDamage, LostFileError, QueueDamageError } from './queue-fault.ts'
import { QueueFile } from './queue-file.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import type { OpenedQueue, QueueRun, QueueSummary } from './queue-types.ts'
import { renew } from './renewal.ts'
import { finishRescue, logStateOf, rescue } from './rescue.ts'

/**
 * The queue files that are open, repaired if necessary: their users need not know that a file
 * was damaged, lost or replaced.
 */
export class OpenFiles {
  readonly #files = new Map<string, QueueFile>()
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
    this.#opened(spec, { handedOut, uptimeMs: 0 })
  }

  /**
   * Works with a file. Opens it if it is not open; if it is damaged, goes on with what can be
   * read of it, and if it is gone, writes it again.
   */
  use<T>(spec: QueueFileSpec, work: (file: QueueFile) => T): T {
    const run = this.#files.get(spec.path)?.run
    try {
      return work(this.#opened(spec, run))
    } catch (error) {
      if (error instanceof LostFileError) {
        this.putBack(spec)
        return work(this.#opened(spec, run))
      }
      const code = faultCode(error)
      // After an error of the disk only a new look at the file shows what is on it.
      if (code === 'SQLITE_IOERR' || isDamage(code)) this.#forget(spec.path)
      if (!isDamage(code)) throw error
    }
    this.#onNotice(spec.path, rescue(spec))
    return work(this.#opened(spec, run))
  }

  /** Once after an unclean stop: looks for damage that nothing has met so far. */
  check(spec: QueueFileSpec): void {
    if (!this.#unchecked.delete(spec.path)) return
    this.use(spec, (file) => {
      file.check()
    })
  }

  /** Puts a file that was removed or replaced while it was open back; it is not open then. */
  putBack({ path }: QueueFileSpec): void {
    const file = this.#files.get(path)
    if (file?.lost === undefined) return
    this.#onNotice(path, renew(file))
    this.#files.delete(path)
  }

  close(spec: QueueFileSpec): void {
    try {
      this.putBack(spec)
    } finally {
      const file = this.#files.get(spec.path)
      this.#files.delete(spec.path)
      this.#unchecked.delete(spec.path)
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

  #opened(spec: QueueFileSpec, run?: QueueRun): QueueFile {
    let file = this.#files.get(spec.path)
    if (file === undefined) {
      finishRescue(spec.path)
      const tell = (text: string): void => {
        this.#onNotice(spec.path, text)
      }
      const log = logStateOf(spec.path)
      if (log === 'damaged') tell(rescue(spec))
      else if (log === 'torn') tell(english('log', 'queue.torn', { path: spec.path }))
      file = understood(() => new QueueFile(spec, tell, run))
      this.#files.set(spec.path, file)
    }
    return file
  }

  #forget(path: string): void {
    this.#files.get(path)?.drop()
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
