import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export type FileSystem = 'tmpfs' | 'ext4'

const MEGABYTE = 2 ** 20

/** A file system of a few megabytes: SQLite answers a disk that is really full as no mock does. */
export class SmallDisk {
  /** Where it is mounted. */
  readonly place: string
  readonly #directory: string

  private constructor(directory: string, place: string) {
    this.#directory = directory
    this.place = place
  }

  /** @returns undefined if that is not allowed, and the test is skipped */
  static mount(context: TestContext, kind: FileSystem, megabytes: number): SmallDisk | undefined {
    const directory = mkdtempSync(join(imagesIn(), 'small-disk-'))
    const place = join(directory, 'disk')
    mkdirSync(place)
    try {
      if (kind === 'tmpfs') mountTmpfs(place, megabytes)
      else mountExt4(join(directory, 'image'), place, megabytes)
      return new SmallDisk(directory, place)
    } catch (error) {
      rmSync(directory, { recursive: true })
      // Only root may mount one, and not in every container; there is no full disk without it.
      const { stderr = error } = error as { stderr?: Buffer }
      context.skip(
        `cannot mount a small ${kind} here (${String(stderr).trim()}); runs in CI, as root`
      )
      return undefined
    }
  }

  /** Bytes that are left. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.place)
    return bavail * bsize
  }

  /** Another program takes all space that is left, and keeps it. */
  fillUp(): void {
    const file = openSync(this.#filler, 'a')
    try {
      for (let bytes = MEGABYTE; bytes >= 1;) {
        try {
          writeSync(file, Buffer.alloc(bytes, 'x'))
        } catch (error) {
          if (!isFull(error)) throw error
          bytes /= 4
        }
      }
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  /** The file of that program is deleted. */
  cleanUp(): void {
    rmSync(this.#filler, { force: true })
  }

  end(): void {
    execFileSync('umount', [this.place])
    rmSync(this.#directory, { recursive: true })
  }

  get #filler(): string {
    return join(this.place, 'filler')
  }
}

/** In memory if possible: the syncs of a real disk would only make it slower. */
function imagesIn(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
}

function mountTmpfs(place: string, megabytes: number): void {
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes * 1024}k`, 'tmpfs', place)
}

/** With blocks of the usual size, and none that only root may use: the tests run as root. */
function mountExt4(image: string, place: string, megabytes: number): void {
  writeFileSync(image, '')
  truncateSync(image, megabytes * MEGABYTE)
  run('mkfs.ext4', '-q', '-b', '4096', '-m', '0', image)
  run('mount', '-o', 'loop', image, place)
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}
