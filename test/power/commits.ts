import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { FileId, Step } from './recording.ts'

const PAGE_BYTES = 4096
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
/** In the header of a file: how it is written and read; 1 is without a log. */
const FORMAT_AT = 18

/** What a queue file says at one commit. */
export interface Facts {
  /** By control IDs, which are numbers. */
  messages: Map<string, MessageFacts>
  /** The reason of the last pause; undefined unless it is paused. */
  pause: string | undefined
}

export interface MessageFacts {
  seq: number
  state: number
  lane: number | null
  isEdited: boolean
  /** So many processes have ended while they worked on it, if this one has, too. */
  deaths: number
}

/** A state of a queue file that a transaction has left. */
export interface Commit {
  /** The number of the step with which it was written. */
  step: number
  /** The log in which it is. */
  log: FileId
  facts: Facts
}

/** Not what lies beside one. (A copy becomes one when it is renamed.) */
export function isQueueFile(name: string): boolean {
  return !/-(?:wal|journal|doubtful(?:\.new)?)$/.test(name)
}

/** The commits of a recorded run, and the state that each has left, which is known by the bytes of all pages. */
export class Commits {
  readonly list: Commit[] = []
  /** The newest commit that has left a state. */
  readonly #byState = new Map<string, number>()

  /**
   * @param name of the queue file
   * @param path where a file can be written for the time being
   */
  constructor(steps: readonly Step[], name: string, path: string) {
    const file = openSync(path, 'w+')
    let written: Pages | undefined
    try {
      this.#read(steps, name, (pages) => {
        pages.writeTo(file, pages !== written)
        written = pages
        return readFacts(path)
      })
    } finally {
      closeSync(file)
    }
  }

  /** The commit that has left this state; -1 for what a file was before the first one; undefined if none has. */
  find(bytes: Buffer): number | undefined {
    return this.#byState.get(stateOf(bytes))
  }

  #read(steps: readonly Step[], name: string, factsOf: (pages: Pages) => Facts): void {
    const names = new Map<string, FileId>()
    const logs = new Map<FileId, LogReader>()
    const files = new Map<FileId, Pages>()
    const current = (): Pages | undefined => files.get(names.get(name) ?? -1)
    /** The transactions that may yet turn out to be rolled back: what the pages were before, newest last. */
    let undos: { frame: number; before: PagesBefore }[] = []
    const noteState = (step: number, log: FileId): void => {
      const pages = current()
      if (pages === undefined) return
      this.#byState.set(pages.state, this.list.length)
      this.list.push({ step, log, facts: factsOf(pages) })
    }
    const undoWhile = (isRolledBack: (frame: number) => boolean): boolean => {
      let isUndone = false
      for (let last = undos.at(-1); last && isRolledBack(last.frame); last = undos.at(-1)) {
        current()?.restore(last.before)
        undos.pop()
        isUndone = true
      }
      return isUndone
    }
    this.#byState.set(new Pages().state, -1)
    for (const [index, step] of steps.entries()) {
      if (step.kind === 'made') {
        names.set(step.name, step.file)
        if (step.name === `${name}-wal`) {
          logs.set(step.file, new LogReader())
          undos = []
        } else if (isQueueFile(step.name)) files.set(step.file, new Pages())
      }
      if (step.kind === 'unlinked') names.delete(step.name)
      if (step.kind === 'renamed') {
        const file = names.get(step.name)
        names.delete(step.name)
        if (file === undefined) continue
        names.set(step.to, file)
        // Written again as a whole.
        if (step.to === name) {
          undos = []
          noteState(index, file)
        }
      }
      if (step.kind === 'cut') files.get(step.file)?.cut(step.size / PAGE_BYTES)
      if (step.kind !== 'written') continue
      const pages = files.get(step.file)
      if (pages !== undefined) {
        // What is written back is known already, or the last transaction was rolled back: its sync had failed.
        const isCurrent = pages === current()
        const isUndone = isCurrent && undoWhile(() => !pages.has(step.at, step.bytes))
        pages.put(step.at, step.bytes)
        if (isUndone) noteState(index, step.file)
        else if (isCurrent && !this.#byState.has(pages.state)) {
          this.#byState.set(pages.state, this.list.length - 1)
        }
      }
      const log = logs.get(step.file)
      if (log === undefined) continue
      if (step.at < LOG_HEADER_BYTES) undos = []
      else {
        const frame = frameAt(step.at)
        if (undoWhile((written) => written >= frame)) {
          log.goBackTo(frame)
          noteState(index, step.file)
        }
      }
      const transaction = log.read(step.at, step.bytes)
      const changed = current()
      if (transaction === undefined || changed === undefined) continue
      undos.push({ frame: frameAt(step.at), before: changed.apply(transaction) })
      noteState(index, step.file)
    }
  }
}

function frameAt(at: number): number {
  return Math.floor((at - LOG_HEADER_BYTES) / FRAME_BYTES)
}

interface Transaction {
  pages: Map<number, Buffer>
  /** Of the file after it, in pages. */
  size: number
}

/** Finds the transactions in what SQLite writes to a log, frame by frame (sqlite.org/fileformat2.html#walformat). */
class LogReader {
  #head: Buffer | undefined
  /** The frames since the last transaction, by their numbers. */
  #frames = new Map<number, { page: number; bytes: Buffer }>()
  #nextFrame = 0

  read(at: number, bytes: Buffer): Transaction | undefined {
    if (at < LOG_HEADER_BYTES) {
      this.#frames.clear()
      this.#nextFrame = 0
      return undefined
    }
    const inFrame = (at - LOG_HEADER_BYTES) % FRAME_BYTES
    if (inFrame === 0 && bytes.length === FRAME_HEADER_BYTES) {
      this.#head = bytes
      return undefined
    }
    if (inFrame !== FRAME_HEADER_BYTES || bytes.length !== PAGE_BYTES || this.#head === undefined) {
      throw new TypeError(`not a frame: ${bytes.length} bytes at ${at}`)
    }
    return this.#take(frameAt(at), this.#head, bytes)
  }

  /** A transaction was rolled back: its frames are written over. */
  goBackTo(frame: number): void {
    this.#frames.clear()
    this.#nextFrame = frame
  }

  #take(frame: number, head: Buffer, bytes: Buffer): Transaction | undefined {
    this.#frames.set(frame, { page: head.readUInt32BE(0), bytes })
    const size = head.readUInt32BE(4)
    if (size === 0) return undefined
    const pages = new Map<number, Buffer>()
    for (let number = this.#nextFrame; number <= frame; number++) {
      const found = this.#frames.get(number)
      if (found === undefined) throw new TypeError(`no frame ${number}`)
      pages.set(found.page, found.bytes)
    }
    this.#frames.clear()
    this.#nextFrame = frame + 1
    return { pages, size }
  }
}

/** What some pages of a file were, and how many it had. */
interface PagesBefore {
  count: number
  pages: Map<number, Buffer>
}

/** The pages of a file. */
class Pages {
  readonly #pages: Buffer[] = []
  readonly #hashes: bigint[] = []
  #sum = 0n
  readonly #changed = new Set<number>()

  get state(): string {
    return `${this.#pages.length} ${this.#sum}`
  }

  put(at: number, bytes: Buffer): void {
    if (at % PAGE_BYTES !== 0 || bytes.length !== PAGE_BYTES) {
      throw new TypeError(`not a page: ${bytes.length} bytes at ${at}`)
    }
    const page = at / PAGE_BYTES
    while (this.#pages.length < page) this.#set(this.#pages.length, Buffer.alloc(PAGE_BYTES))
    this.#set(page, bytes)
  }

  has(at: number, bytes: Buffer): boolean {
    return this.#pages[at / PAGE_BYTES]?.equals(bytes) === true
  }

  /** @returns what to restore if it is rolled back */
  apply({ pages, size }: Transaction): PagesBefore {
    const before: PagesBefore = { count: this.#pages.length, pages: new Map() }
    const numbers = [...pages.keys()].map((page) => page - 1)
    for (let page = size; page < this.#pages.length; page++) numbers.push(page)
    for (const page of numbers) {
      const bytes = this.#pages[page]
      if (bytes !== undefined) before.pages.set(page, bytes)
    }
    for (const [page, bytes] of pages) this.put((page - 1) * PAGE_BYTES, bytes)
    this.cut(size)
    return before
  }

  restore({ count, pages }: PagesBefore): void {
    this.cut(count)
    for (const [page, bytes] of pages) this.put(page * PAGE_BYTES, bytes)
  }

  cut(count: number): void {
    while (this.#pages.length > count) {
      this.#pages.pop()
      this.#sum ^= this.#hashes.pop() ?? 0n
    }
  }

  /** What has changed since the last time, or all of it, as a file without a log. */
  writeTo(file: number, isWhole: boolean): void {
    for (const page of isWhole ? this.#pages.keys() : this.#changed) {
      const bytes = this.#pages[page]
      if (bytes !== undefined) writeSync(file, bytes, 0, PAGE_BYTES, page * PAGE_BYTES)
    }
    this.#changed.clear()
    ftruncateSync(file, this.#pages.length * PAGE_BYTES)
    writeSync(file, Buffer.of(1, 1), 0, 2, FORMAT_AT)
  }

  #set(page: number, bytes: Buffer): void {
    this.#sum ^= this.#hashes[page] ?? 0n
    this.#pages[page] = bytes
    this.#hashes[page] = hashOf(page, bytes)
    this.#sum ^= this.#hashes[page]
    this.#changed.add(page)
  }
}

function hashOf(page: number, bytes: Buffer): bigint {
  return createHash('md5').update(`${page} `).update(bytes).digest().readBigUInt64LE()
}

function stateOf(bytes: Buffer): string {
  const count = bytes.length / PAGE_BYTES
  let sum = 0n
  for (let page = 0; page < count; page++) {
    sum ^= hashOf(page, bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES))
  }
  return `${count} ${sum}`
}

function readFacts(path: string): Facts {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const isMade = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'message'").get()
    if (isMade === undefined) return { messages: new Map(), pause: undefined }
    const rows = db.prepare('SELECT control_id, seq, state, lane, edited_at, deaths FROM message')
    const messages = new Map<string, MessageFacts>()
    const meta = metaIn(db)
    const atWork = meta.get('running') === 1 ? meta.get('atWork') : 0
    for (const row of rows.iterate()) {
      messages.set(row['control_id'] as string, {
        seq: row['seq'] as number,
        state: row['state'] as number,
        lane: row['lane'] as number | null,
        isEdited: row['edited_at'] !== null,
        deaths: (row['deaths'] as number) + Number(row['seq'] === atWork)
      })
    }
    return { messages, pause: pauseIn(meta) }
  } finally {
    db.close()
  }
}

function metaIn(db: DatabaseSync): Map<unknown, unknown> {
  const rows = db.prepare('SELECT name, value FROM meta').all()
  return new Map(rows.map(({ name, value }) => [name, value]))
}

function pauseIn(meta: Map<unknown, unknown>): string | undefined {
  if (meta.get('paused') !== 1) return undefined
  const { reason } = JSON.parse(String(meta.get('pause'))) as { reason: string }
  return reason
}
