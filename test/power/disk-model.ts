import { DIRECTORY, type FileId, type Step } from './recording.ts'

/** A write, or a cut, that the disk need not have yet. */
type Change = { at: number; bytes: Buffer } | { size: number }

/** What a sync that has begun covers: so many changes, the oldest ones. */
interface Sync {
  file: FileId
  changes: number
}

type DirectoryChange =
  | { kind: 'made'; file: FileId; name: string }
  | { kind: 'unlinked'; name: string }
  | { kind: 'renamed'; name: string; to: string }

/** What is on a disk after a power failure: the bytes of each file, by its name. */
export type Image = Map<string, Buffer>

/** Random numbers from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number

/**
 * A disk that promises no more than POSIX does: what returned before a successful sync began is there. Of all else,
 * each sector is there in any later version, a file has any of the sizes that it had since, holes are zeros, and
 * of the changes to the directory the first ones are there. After a sync that fails, the system has forgotten some
 * of what it should have written: a later sync, though it succeeds, does not cover that. Where such a write made the
 * file longer, even the same write again is lost, as with ext4, whose extent then stays unwritten.
 */
export class DiskModel {
  readonly #files = new Map<FileId, ModelFile>()
  readonly #syncs = new Map<number, Sync>()
  readonly #random: Random
  /** The names that are on the disk for certain, and what has happened to them since. */
  #names = new Map<string, FileId>()
  #changes: DirectoryChange[] = []

  /** @param random decides what a failed sync forgets */
  constructor(random: Random) {
    this.#random = random
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'made':
        this.#files.set(step.file, new ModelFile())
        this.#changes.push(step)
        return
      case 'unlinked':
      case 'renamed':
        this.#changes.push(step)
        return
      case 'written':
      case 'cut':
        this.#fileOf(step.file).change(step)
        return
      case 'sync begins': {
        const changes =
          step.file === DIRECTORY ? this.#changes.length : this.#fileOf(step.file).unsynced
        this.#syncs.set(step.sync, { file: step.file, changes })
        return
      }
      case 'sync ends':
        this.#end(step.sync, step.isDone)
        return
      case 'mark':
    }
  }

  /** What may be there if the power fails now. */
  image(random: Random): Image {
    const names = new Map(this.#names)
    for (const change of this.#changes.slice(0, choice(random, this.#changes.length + 1))) {
      apply(change, names)
    }
    const sectorBytes = random() < 0.5 ? 512 : 4096
    return new Map(
      [...names].map(([name, file]) => [name, this.#fileOf(file).image(random, sectorBytes)])
    )
  }

  #end(number: number, isDone: boolean): void {
    const sync = this.#syncs.get(number)
    this.#syncs.delete(number)
    if (sync === undefined) throw new TypeError('a sync ends that has not begun')
    const { file, changes } = sync
    if (file !== DIRECTORY) {
      if (isDone) {
        this.#fileOf(file).sync(
          changes,
          [...this.#syncs.values()].filter((other) => other.file === file)
        )
      } else this.#fileOf(file).forget(changes, this.#random)
      return
    }
    if (!isDone) return
    for (const change of this.#changes.slice(0, changes)) apply(change, this.#names)
    this.#changes = this.#changes.slice(changes)
    for (const other of this.#syncs.values()) {
      if (other.file === DIRECTORY) other.changes = Math.max(0, other.changes - changes)
    }
  }

  #fileOf(file: FileId): ModelFile {
    const found = this.#files.get(file)
    if (found === undefined) throw new TypeError(`no file ${file}`)
    return found
  }
}

function apply(change: DirectoryChange, names: Map<string, FileId>): void {
  if (change.kind === 'made') names.set(change.name, change.file)
  if (change.kind === 'unlinked') names.delete(change.name)
  if (change.kind !== 'renamed') return
  const file = names.get(change.name)
  names.delete(change.name)
  if (file !== undefined) names.set(change.to, file)
}

const BLOCK_BYTES = 4096

class ModelFile {
  /** What is on the disk for certain; the first bytes of a larger buffer. */
  #bytes = Buffer.alloc(0)
  #size = 0
  #changes: (Change & { isForgotten?: boolean })[] = []
  /** The numbers of blocks that get nothing any more, until the file is cut. */
  readonly #lost = new Set<number>()

  get unsynced(): number {
    return this.#changes.length
  }

  change(change: Change): void {
    this.#changes.push(change)
  }

  /** The oldest ones are on the disk, except what was forgotten. */
  sync(changes: number, others: Sync[]): void {
    for (const change of this.#changes.slice(0, changes)) {
      if (change.isForgotten === true) continue
      if ('size' in change) {
        this.#resize(change.size)
        for (const block of this.#lost) {
          if (block * BLOCK_BYTES >= change.size) this.#lost.delete(block)
        }
        continue
      }
      this.#resize(Math.max(this.#size, change.at + change.bytes.length))
      for (const [at, end] of sectors(change.at, change.at + change.bytes.length, BLOCK_BYTES)) {
        if (this.#lost.has(Math.floor(at / BLOCK_BYTES))) continue
        change.bytes.copy(this.#bytes, at, at - change.at, end - change.at)
      }
    }
    this.#changes = this.#changes.slice(changes)
    for (const other of others) other.changes = Math.max(0, other.changes - changes)
  }

  forget(changes: number, random: Random): void {
    for (const change of this.#changes.slice(0, changes)) {
      if ('size' in change || random() < 0.5) continue
      change.isForgotten = true
      for (const [at] of sectors(change.at, change.at + change.bytes.length, BLOCK_BYTES)) {
        if (at >= this.#size) this.#lost.add(Math.floor(at / BLOCK_BYTES))
      }
    }
  }

  /** A bias makes whole files as likely as torn ones: each sector is a later version with a chance that is chosen once. */
  image(random: Random, sectorBytes: number): Buffer {
    const chance = [0, 0.5, 0.9, 0.99, 1][choice(random, 5)] ?? 1
    const sizes = [this.#size]
    for (const change of this.#changes) {
      const last = sizes.at(-1) ?? 0
      sizes.push('size' in change ? change.size : Math.max(last, change.at + change.bytes.length))
    }
    const isLast = random() < chance
    const sizeVersion = isLast ? sizes.length - 1 : choice(random, sizes.length)
    const size = sizes[sizeVersion] ?? 0
    const image = Buffer.alloc(size)
    this.#bytes.copy(image, 0, 0, Math.min(size, this.#size))
    /** In how many of its later versions a sector is, by its number; each is decided when it is met first. */
    const versions = new Map<number, number>()
    const takes = (sector: number, change: number): boolean => {
      let upTo = versions.get(sector)
      if (upTo === undefined) {
        upTo = random() < chance ? this.#changes.length : choice(random, this.#changes.length + 1)
        versions.set(sector, upTo)
      }
      return change < upTo
    }
    for (const [index, change] of this.#changes.entries()) {
      // What a cut removes is gone when the size says so.
      if ('size' in change && index >= sizeVersion) continue
      const [from, to] =
        'size' in change
          ? [change.size, size]
          : [change.at, Math.min(size, change.at + change.bytes.length)]
      for (let at = from; at < to;) {
        const sector = Math.floor(at / sectorBytes)
        const end = Math.min(to, (sector + 1) * sectorBytes)
        if (takes(sector, index)) {
          if ('size' in change) image.fill(0, at, end)
          else change.bytes.copy(image, at, at - change.at, end - change.at)
        }
        at = end
      }
    }
    return image
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#size)
      this.#bytes = larger
    } else if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
  }
}

/** The sectors of a part of a file, each from where to where. */
function* sectors(from: number, to: number, bytes: number): Generator<[number, number]> {
  for (let at = from; at < to;) {
    const end = Math.min(to, (Math.floor(at / bytes) + 1) * bytes)
    yield [at, end]
    at = end
  }
}

/** A number from 0 to below `count`. */
function choice(random: Random, count: number): number {
  return Math.floor(random() * count)
}
