import { readFileSync } from 'node:fs'

/** A file of a recorded run, whatever its name was; its number tells two apart that had the same name. */
export type FileId = number

/** The directory of the run, where it is synced. */
export const DIRECTORY: FileId = 0

/** What a program did to the files of a directory, and the marks that it set. */
export type Step =
  | { kind: 'made'; file: FileId; name: string }
  | { kind: 'written'; file: FileId; at: number; bytes: Buffer }
  | { kind: 'cut'; file: FileId; size: number }
  | { kind: 'sync begins'; file: FileId; sync: number }
  | { kind: 'sync ends'; file: FileId; sync: number; isDone: boolean }
  | { kind: 'unlinked'; name: string }
  | { kind: 'renamed'; name: string; to: string }
  | { kind: 'mark'; words: string[] }

/** `struct record` of disk-recorder.c. */
const HEAD_BYTES = 32
const O_CREAT = 0o100

/** @param directory of the run, which was empty at its beginning */
export function readRecording(path: string, directory: string): Step[] {
  const reader = new Reader(directory)
  const records = readFileSync(path)
  for (let at = 0; at < records.length;) {
    const length = records.readUInt32LE(at)
    const data = records.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length)
    reader.read(records.subarray(at, at + HEAD_BYTES), data)
    at += HEAD_BYTES + length
  }
  return reader.steps
}

/** Follows descriptors, names and inodes to the files behind them. */
class Reader {
  readonly steps: Step[] = []
  readonly #directory: string
  readonly #names = new Map<string, { file: FileId; inode: bigint }>()
  /** The newest file with an inode, which is given again when a file is gone. */
  readonly #inodes = new Map<bigint, FileId>()
  readonly #descriptors = new Map<number, FileId>()
  #lastFile = DIRECTORY

  constructor(directory: string) {
    this.#directory = directory
  }

  read(head: Buffer, data: Buffer): void {
    const [kind, descriptor, result] = [
      head.readUInt32LE(4),
      head.readInt32LE(8),
      head.readInt32LE(12)
    ]
    const first = head.readBigInt64LE(16)
    const file = this.#descriptors.get(descriptor) ?? -1
    switch (kind) {
      case 1: {
        this.#open(descriptor, data.toString(), first, Number(head.readBigInt64LE(24)))
        return
      }
      case 2:
        this.#descriptors.delete(descriptor)
        return
      case 3:
        this.steps.push({ kind: 'written', file, at: Number(first), bytes: data })
        return
      case 4:
        this.steps.push({ kind: 'cut', file, size: Number(first) })
        return
      case 5:
        this.steps.push({ kind: 'sync begins', file, sync: Number(first) })
        return
      case 6:
        this.steps.push({ kind: 'sync ends', file, sync: Number(first), isDone: result === 0 })
        return
      case 7: {
        this.#unlink(this.#nameOf(data.toString()))
        return
      }
      case 8: {
        const [name = '', to = ''] = data
          .toString()
          .split('\0')
          .map((path) => this.#nameOf(path))
        this.#rename(name, to)
        return
      }
      case 9:
        this.steps.push({ kind: 'mark', words: data.toString().split('/') })
        return
      default:
        throw new TypeError(`no such record: ${kind}`)
    }
  }

  #open(descriptor: number, path: string, inode: bigint, flags: number): void {
    if (path === this.#directory) {
      this.#descriptors.set(descriptor, DIRECTORY)
      return
    }
    const name = this.#nameOf(path)
    const known = this.#names.get(name)
    if (known?.inode === inode) this.#descriptors.set(descriptor, known.file)
    else if ((flags & O_CREAT) === 0) {
      // A program that keeps a file open whose name is gone.
      this.#descriptors.set(descriptor, this.#inodes.get(inode) ?? -1)
    } else this.#descriptors.set(descriptor, this.#make(name, inode))
  }

  #make(name: string, inode: bigint): FileId {
    const file = ++this.#lastFile
    this.#names.set(name, { file, inode })
    this.#inodes.set(inode, file)
    this.steps.push({ kind: 'made', file, name })
    return file
  }

  #unlink(name: string): void {
    this.#names.delete(name)
    this.steps.push({ kind: 'unlinked', name })
  }

  #rename(name: string, to: string): void {
    const found = this.#names.get(name)
    if (found === undefined) throw new TypeError(`renamed, but never made: ${name}`)
    this.#names.delete(name)
    this.#names.set(to, found)
    this.steps.push({ kind: 'renamed', name, to })
  }

  #nameOf(path: string): string {
    return path.slice(this.#directory.length + 1)
  }
}
