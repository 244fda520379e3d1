import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'

export type FileSystem = 'tmpfs' | 'ext4'

const MEGABYTE = 2 ** 20
/** What mkfs.ext4 takes of an overbooked disk for the file system itself: 1,103 blocks of 4 KiB. */
const ITS_OWN_BYTES = 1120 * 4096

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

/**
 * A disk that promises more than there is, as in a virtual machine whose host is full: an ext4 in a sparse file on a
 * disk of 24 MB. Writes succeed while the system still has them in memory; their syncs fail.
 */
export class OverbookedDisk {
  /** Where it is mounted. */
  readonly place: string
  readonly #host: SmallDisk
  /** The loop device of the image. */
  readonly #device: string

  private constructor(host: SmallDisk, megabytes: number) {
    this.#host = host
    this.place = `${host.place}-of-guest`
    mkdirSync(this.place)
    const image = join(host.place, 'image')
    writeFileSync(image, '')
    truncateSync(image, megabytes * MEGABYTE)
    // Few inodes, so that what the file system itself writes, its journal above all, comes first in the image.
    const options = ['-b', '4096', '-m', '0', '-N', '64', '-J', 'size=4']
    run('mkfs.ext4', '-q', ...options, '-E', 'packed_meta_blocks=1', image)
    writeBack(image, ITS_OWN_BYTES)
    this.#device = run('losetup', '--find', '--show', image).trim()
    try {
      // Of a write of which only the first pages find room, Linux's loop device says that all is well: one page at a time.
      const limit = `/sys/block/${basename(this.#device)}/queue/max_sectors_kb`
      writeFileSync(limit, '4')
      run('mount', this.#device, this.place)
    } catch (error) {
      run('losetup', '--detach', this.#device)
      throw error
    }
  }

  /**
   * @param megabytes that it promises
   * @returns undefined if that is not allowed, and the test is skipped
   */
  static mount(context: TestContext, megabytes: number): OverbookedDisk | undefined {
    const host = SmallDisk.mount(context, 'tmpfs', 24)
    if (host === undefined) return undefined
    try {
      return new OverbookedDisk(host, megabytes)
    } catch (error) {
      host.end()
      const { stderr = error } = error as { stderr?: Buffer }
      context.skip(`cannot mount an image here (${String(stderr).trim()}); runs in CI, as root`)
      return undefined
    }
  }

  /** The host has no room for anything that is written for the first time. */
  fillUp(): void {
    this.#host.fillUp()
  }

  cleanUp(): void {
    this.#host.cleanUp()
  }

  /**
   * The system drops what it has of these files in memory and takes to be written, as it may at any moment: they are read
   * from the disk again.
   */
  forget(...names: readonly string[]): void {
    for (const name of names) run('dd', `if=${join(this.place, name)}`, 'iflag=nocache', 'count=0')
  }

  /** What was only in memory is gone, as after a power failure. */
  remount(): void {
    run('umount', this.place)
    run('mount', this.#device, this.place)
  }

  end(): void {
    run('umount', this.place)
    run('losetup', '--detach', this.#device)
    this.#host.end()
  }
}

/** Gives the beginning of a sparse file its place. */
function writeBack(path: string, bytes: number): void {
  const file = openSync(path, 'r+')
  const beginning = Buffer.alloc(bytes)
  readSync(file, beginning, 0, bytes, 0)
  writeSync(file, beginning, 0, bytes, 0)
  closeSync(file)
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

/** @returns what it prints */
function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}
