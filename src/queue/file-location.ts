import { rmSync, statSync } from 'node:fs'

/**
 * Detects by device and inode whether the files that SQLite has open are still those at the paths
 * of a queue file: a removed or replaced file silently accepts every write.
 */
export class FileLocation {
  readonly #path: string
  readonly #file: string
  readonly #log: string

  /** @param path of a queue file that is open; its log is there as well */
  constructor(path: string) {
    this.#path = path
    // What is gone already is lost.
    this.#file = identity(path) || 'gone'
    this.#log = identity(`${path}-wal`) || 'gone'
  }

  /** The part that is gone or was replaced. */
  get lost(): 'file' | 'log' | undefined {
    if (identity(this.#path) !== this.#file) return 'file'
    return this.#hasLog ? undefined : 'log'
  }

  /** Of a file that is lost: SQLite would read the log into whatever file is in its place. */
  removeLog(): void {
    if (this.#hasLog) rmSync(`${this.#path}-wal`)
  }

  get #hasLog(): boolean {
    return identity(`${this.#path}-wal`) === this.#log
  }
}

/** Device and inode; `''` if there is no such file. */
function identity(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev} ${found.ino}`
}

/** In bytes; 0 if there is no such file. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** It has no byte, or is not there. */
export function isEmpty(path: string): boolean {
  return sizeOf(path) === 0
}
