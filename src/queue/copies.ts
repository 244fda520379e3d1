import { existsSync } from 'node:fs'
import { backOffMs } from '../back-off.ts'
import { english } from '../english.ts'
import {
  completeDraft,
  completePlace,
  deleteFiles,
  namesBeside,
  writeCopyBeside,
  writeDraftBeside
} from './files-beside.ts'
import { QueueError } from './queue-error.ts'
import { QueueDamageError } from './queue-fault.ts'
import type { QueueFile } from './queue-file.ts'
import { findDamage } from './queue-thread-client.ts'

/** The waits before a copy that has failed is tried again. */
const WAITS = { firstMs: 1000, maxMs: 60_000 }
const MEGABYTE = 2 ** 20
const SHORT_BYTES = 8 * MEGABYTE

/** A copy that could not be made. */
interface Failed {
  error: unknown
  tries: number
  /** Not before; on the monotonic clock. */
  againAt: number
}

/**
 * Copies of files of which a sync has failed, each to take the place of its file: of the same one, ext4 does not write
 * again what it once could not, though it says so.
 *
 * A file can be long, and its disk in trouble. So copies are made one after the other, in steps between which the thread
 * works on other files; none is begun for which there is no room; and one that has failed is tried again after a while
 * only, whoever asks.
 */
export class Copies {
  /** Those of which all is in a draft. */
  readonly #drafted = new WeakSet<QueueFile>()
  readonly #failed = new WeakMap<QueueFile, Failed>()
  #last: Promise<void> = Promise.resolve()

  /** It is copied at once: that takes no longer than a few steps. */
  isShort({ space }: QueueFile): boolean {
    return space.copy.whole <= SHORT_BYTES
  }

  /** Copies an open file in which nothing is changed any more. Whether that has succeeded, `takePlace` tells. */
  make(file: QueueFile): Promise<void> {
    this.#last = this.#last.then(() => this.#make(file))
    return this.#last
  }

  /**
   * Puts the copy in the place of its file. Makes it at once, if that has not been tried, or there is room for it only
   * without the free pages of the file.
   *
   * @throws {QueueError} `ERR_QUEUE_ROOM`, or an error of SQLite or the file system: what is open is still all there is
   */
  takePlace(file: QueueFile): void {
    const { path } = file
    const failed = this.#failed.get(file)
    if (isTooEarly(failed)) throw failed.error
    if (this.#drafted.delete(file) && existsSync(namesBeside(path).draft)) completeDraft(path)
    else this.#makeAtOnce(file)
    deleteFiles(path)
    completePlace(path)
  }

  async #make(file: QueueFile): Promise<void> {
    const { path } = file
    if (isTooEarly(this.#failed.get(file))) return
    try {
      const { free, whole } = file.space.copy
      if (whole <= free) {
        await writeDraftBeside(path, async (draft) => {
          await file.copyInSteps(draft)
          // A page that was not written may be an old one.
          if (await findDamage(draft)) throw new QueueDamageError()
        })
        this.#drafted.add(file)
      }
      this.#failed.delete(file)
    } catch (error) {
      this.#hasFailed(file, error)
    }
  }

  #makeAtOnce(file: QueueFile): void {
    const { path, space } = file
    const { free, packed } = space.copy
    if (packed > free) throw noRoom(path, packed, free)
    try {
      writeCopyBeside(path, (draft) => {
        file.copyTo(draft)
      })
    } catch (error) {
      this.#hasFailed(file, error)
      throw error
    }
  }

  #hasFailed(file: QueueFile, error: unknown): void {
    const { tries = 0 } = this.#failed.get(file) ?? {}
    const againAt = performance.now() + backOffMs(WAITS, tries, 0.5)
    this.#failed.set(file, { error, tries: tries + 1, againAt })
  }
}

function isTooEarly(failed: Failed | undefined): failed is Failed {
  return failed !== undefined && performance.now() < failed.againAt
}

function noRoom(path: string, needed: number, free: number): QueueError {
  const values = { path, needed: Math.ceil(needed / MEGABYTE), free: Math.floor(free / MEGABYTE) }
  return new QueueError(english('log', 'queue.noRoomForCopy', values), 'ERR_QUEUE_ROOM')
}
