import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import fs, { cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import threads from 'node:worker_threads'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { namesBeside, refusedIn } from '../../src/queue/files-beside.ts'
import { sealerOf } from '../../src/queue/keys-of-file.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { queueFilePath } from '../../src/queue/queue-files.ts'
import type { QueueFileSpec } from '../../src/queue/queue-file-spec.ts'
import type {
  CallResult,
  QueueAnswer,
  QueueReply,
  QueueRequest
} from '../../src/queue/queue-protocol.ts'
import type { QueueSummary } from '../../src/queue/queue-types.ts'
import { SealedParts } from '../../src/queue/sealed-parts.ts'
import { EncodedContents, type ContentCodec } from '../../src/queue/stored-contents.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { CACHE_BYTES, isRead, leftIn, metaIn, rowsIn, type FakeQueueOptions } from './fake-disk.ts'
import type { DiskRow, LeftRow, ModelDisk } from './fake-disk.ts'

const NAME = 'node'
const KEY = Buffer.alloc(32, 1)
/** A file system in memory, where there is one. */
const IN_MEMORY = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const PROGRAM = new URL('../../src/queue/queue-worker.ts', import.meta.url)
const BROKEN = { message: 'The disk is out of order.', code: 'EIO' }
/** So long a call waits for others, in milliseconds. */
const LAZY_MS = 20
/** A process that has ended is done with within so many rounds. */
const MOST_ROUNDS = 200

/** The disk that all of it works on at this time. */
let current: FileDisk | undefined
function inUse(): FileDisk {
  if (current === undefined) throw new TypeError('no disk is in use')
  return current
}

/** The program of the queue thread, in this thread: what it is sent, it does at once. */
class Program {
  /** Where its answers go. */
  post: (reply: QueueReply) => void = () => undefined
  #receive: ((request: QueueRequest) => void) | undefined

  static async load(name: string): Promise<Program> {
    const program = new Program()
    const port = {
      on: (_: string, receive: (request: QueueRequest) => void) => {
        program.#receive = receive
      },
      postMessage: (reply: QueueReply) => {
        program.post(structuredClone(reply))
      }
    }
    Object.assign(threads, { parentPort: port })
    syncBuiltinESMExports()
    await import(`${PROGRAM.href}?${name}`)
    Object.assign(threads, { parentPort: null })
    syncBuiltinESMExports()
    return program
  }

  do(request: QueueRequest): void {
    const { task } = request
    // There is no other thread to read a file that was not closed.
    const isOpening = task.kind === 'open'
    this.#receive?.(isOpening ? { ...request, task: { ...task, isDamaged: false } } : request)
  }
}

/** The queue thread, as the process sees it. It works when the script says so. */
class ThreadInHand extends EventEmitter {
  readonly inbox: QueueRequest[] = []
  /** What it has answered, and the process has not got yet. */
  outbox: QueueReply[] = []
  isDead = false
  readonly program: Program

  constructor() {
    super()
    this.program = inUse().employ(this)
  }

  postMessage(request: QueueRequest, transfer: ArrayBuffer[]): void {
    this.inbox.push(structuredClone(request, { transfer }))
  }

  ref(): void {
    // Nothing is kept alive.
  }

  unref(): void {
    // The same.
  }

  terminate(): Promise<number> {
    this.isDead = true
    return Promise.resolve(0)
  }
}

/** The connections that SQLite has open, in the order in which they were made. */
let connections: { path: string | null; db: DatabaseSync }[] = []

interface PendingSync {
  /** What was committed before it began. */
  commit: number
  image: string | undefined
  done: (error: Error | null) => void
}

interface OwnEngine {
  engine: DiskEngine
  opening: Promise<unknown> | undefined
  closing: Promise<void> | undefined
}

interface Timer {
  at: number
  callback: () => void
  cancel: () => void
}

/** Two, of which each can follow the other. */
let programs: Promise<Program[]> | undefined
async function loadPrograms(): Promise<Program[]> {
  // One after the other: each takes the port that it finds.
  return [await Program.load('one'), await Program.load('other')]
}

/**
 * A disk for tests with everything on it that is there in earnest: the engine, the program of its thread, SQLite with its
 * files, and the syncer. A script decides when the thread works and answers, when a sync ends and how, when the thread
 * dies, and when the power fails. There is no other time than that of its clock.
 *
 * What a power failure leaves is one of the states that the files had since the last sync that ended well had begun.
 * (How a disk may mix them is for `test/power/`.)
 */
export class FileDisk implements ModelDisk {
  readonly immediate = false
  failWrites = false
  failReads = false
  opened = 0
  onOpened: ModelDisk['onOpened']
  onCall: ModelDisk['onCall']
  onFailure: ModelDisk['onFailure']
  /** The file is open again, without these messages; another thread knows only what is stored. */
  onReopened: ((withdrawn: readonly number[], isTakenOver: boolean) => void) | undefined
  /** Syncs end only when the script says so. */
  isSyncLate: boolean
  /** The power may fail: what would be left of it is kept. */
  readonly #mayLose: boolean
  readonly #contentDays: number
  readonly #clock: FakeClock
  readonly #root: string
  #directory: string
  #images = 0
  #engines: OwnEngine[] = []
  #thread: ThreadInHand | undefined
  #programs: Program[] = []
  #program = 0
  #syncs: PendingSync[] = []
  /** The number of the last commit, and what is on the disk for certain. */
  #commit = 0
  #safe: { commit: number; image: string | undefined }
  /** A sync of the file with this number has failed: nothing is safe before there is another one in its place. */
  #doubtful: number | undefined
  #isTakenOver = false
  /** They were refused, and are not in the file when it is open again. */
  readonly #withdrawn = new Set<number>()
  /** Of the newest answer that the process has got. */
  #summary: QueueSummary | undefined
  #timers = new Set<Timer>()
  /** They are over when the disk has its next turn. */
  readonly #lazy = new Set<Timer>()
  /** A copy of the file, to look at while nobody has it open. */
  #look: DatabaseSync | undefined
  #ownId = -1
  #closings = new Map<number, () => void>()
  #restore = (): void => undefined

  /** @param mayLose the power may fail */
  static async make(
    clock: FakeClock,
    options: { contentDays: number; isSyncLate: boolean; mayLose: boolean }
  ): Promise<FileDisk> {
    programs ??= loadPrograms()
    const disk = new FileDisk(clock, options, await programs)
    current = disk
    disk.#restore = takeOver(disk, clock)
    return disk
  }

  private constructor(
    clock: FakeClock,
    {
      contentDays,
      isSyncLate,
      mayLose
    }: { contentDays: number; isSyncLate: boolean; mayLose: boolean },
    programs: Program[]
  ) {
    this.#clock = clock
    this.#contentDays = contentDays
    this.isSyncLate = isSyncLate
    this.#mayLose = mayLose
    this.#programs = programs
    this.#root = mkdtempSync(join(IN_MEMORY, 'model-'))
    this.#directory = join(this.#root, 'first')
    mkdirSync(this.#directory)
    this.#safe = { commit: 0, image: this.#image() }
    connections = []
  }

  /** Whatever is left of it goes. */
  async dispose(): Promise<void> {
    try {
      await this.#endProcess()
      // Housekeeping, which then waits for the next disk.
      for (const { callback, cancel } of [...this.#timers]) {
        cancel()
        callback()
      }
    } finally {
      this.#restore()
      this.#look?.close()
      current = undefined
      rmSync(this.#root, { recursive: true })
    }
  }

  // What the model does.

  get hasWork(): boolean {
    return this.#atThread + this.#lazy.size > 0 || (!this.isSyncLate && this.#syncs.length > 0)
  }

  get #atThread(): number {
    const thread = this.#thread
    return (thread?.inbox.length ?? 0) + (thread?.outbox.length ?? 0)
  }

  get pending(): number {
    return this.#atThread + this.#lazy.size + this.#syncs.length
  }

  /** All that was committed before this is on the disk. */
  get safe(): number {
    return this.#safe.commit
  }

  get commit(): number {
    return this.#commit
  }

  get syncs(): number {
    return this.#syncs.length
  }

  step(count = Number.POSITIVE_INFINITY, isAnswered = true): void {
    for (const timer of [...this.#lazy]) {
      this.cancel(timer)
      timer.callback()
    }
    const thread = this.#thread
    if (thread !== undefined) {
      for (; count > 0 && thread.inbox.length > 0; count--) {
        const request = thread.inbox.shift()
        if (request !== undefined) this.#perform(thread, request)
      }
    }
    if (!this.isSyncLate) this.endSyncs()
    if (isAnswered) this.#answer()
  }

  /** All syncs that are going on end well. */
  endSyncs(): void {
    while (this.#syncs.length > 0) this.endSync(false)
  }

  /** The sync that began first ends. */
  endSync(hasFailed: boolean): void {
    const sync = this.#syncs.shift()
    if (sync === undefined) return
    // After one that has failed, the others say that all is well, and it is not.
    if (hasFailed) this.#doubtful ??= this.#inode
    else if (this.#doubtful === undefined && sync.commit > this.#safe.commit) {
      this.#safe = { commit: sync.commit, image: sync.image }
    }
    sync.done(
      hasFailed ? Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }) : null
    )
  }

  /** What the process shows is what it was told last, not something older. */
  checkSummary(): void {
    const engine = this.#engines.at(-1)?.engine
    if (engine === undefined || this.#summary === undefined) return
    assert.deepEqual(engine.summary, this.#summary, 'the newest summary')
  }

  /** The thread dies; what it has not answered, nobody learns. */
  async endThread(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    thread.isDead = true
    // The system ends its syncs, and nobody learns of it; it lets go of the file, and writes nothing more.
    await this.#asIfNothing(thread.program)
    this.#program++
    this.#isTakenOver = true
    thread.emit('exit')
  }

  /** The process ends at once. */
  crash(): Promise<void> {
    return this.#endProcess(this.#copy())
  }

  /** The power fails. @param isOldest only what is safe is left, and else all of it */
  cutPower(isOldest: boolean): Promise<void> {
    const { image } = this.#safe
    const left = isOldest && image !== undefined ? this.#copy(image) : this.#copy()
    return this.#endProcess(left, false)
  }

  /** There is no way to do that but to wait. */
  deleteContents(): void {
    // `keepHouse` of the thread does it.
  }

  queue<Content>(
    codec: ContentCodec<Content>,
    { order, orderKey = 'PID-3.1', sizeOf }: FakeQueueOptions<Content>
  ): MessageQueue<Content> {
    const engine = new DiskEngine({
      directory: this.#directory,
      name: NAME,
      key: () => Promise.resolve(KEY),
      journalDays: 14,
      contentDays: this.#contentDays,
      order,
      orderKey
    })
    const own: OwnEngine = { engine, opening: undefined, closing: undefined }
    this.#engines.push(own)
    this.#summary = undefined
    const open = engine.open.bind(engine)
    engine.open = () => {
      const opening = open()
      own.opening = opening.catch(() => undefined)
      return opening
    }
    const close = engine.close.bind(engine)
    engine.close = () => {
      own.closing ??= close()
      return own.closing
    }
    return new MessageQueue(engine, new EncodedContents(codec, CACHE_BYTES, sizeOf))
  }

  // What is in the file.

  get rows(): DiskRow[] {
    const db = this.#db
    if (db === undefined) return []
    const parts = new SealedParts(db, sealerOf(this.#spec))
    // The next start finds that they are refused.
    const refused = new Set(refusedIn(this.#path))
    return rowsIn(db, (seq) => parts.get(seq, 'outcome')).filter(({ seq }) => !refused.has(seq))
  }

  get left(): LeftRow[] {
    const db = this.#db
    if (db === undefined) return []
    const parts = new SealedParts(db, sealerOf(this.#spec))
    return leftIn(db, (seq) => parts.sizeOf(seq) > 0)
  }

  contentOf(seq: number): Uint8Array | undefined {
    const db = this.#db
    return db && new SealedParts(db, sealerOf(this.#spec)).get(seq, 'content')
  }

  /** The numbers of all messages of which there is something. */
  get seqs(): Set<number> {
    const rows = this.#db?.prepare('SELECT seq FROM message').all() ?? []
    return new Set(rows.map(({ seq }) => seq as number))
  }

  get isPaused(): boolean {
    return this.#meta('paused') === 1
  }

  get renewals(): number {
    return (this.#meta('renewals') as number | undefined) ?? 0
  }

  get uptimeMs(): number {
    return (this.#meta('uptime') as number | undefined) ?? 0
  }

  get storedContents(): number {
    return 0
  }

  #meta(name: string): unknown {
    return this.#db && metaIn(this.#db, name)
  }

  get #path(): string {
    return queueFilePath(this.#directory, NAME)
  }

  get #spec(): QueueFileSpec {
    return {
      ...{ path: this.#path, name: NAME, key: KEY, journalDays: 14 },
      ...{ order: 'fifo', orderKey: '', applicationAckMs: 1 }
    }
  }

  /** The connection of the thread, or else one of ours to a copy; undefined before there is a file. */
  get #db(): DatabaseSync | undefined {
    const own = connections.findLast(({ path, db }) => path === this.#path && db.isOpen)
    if (own !== undefined) return own.db
    if (this.#look === undefined) {
      const copy = queueFilePath(this.#copy(), NAME)
      if (fs.existsSync(copy)) this.#look = new DatabaseSync(copy)
    }
    return this.#look
  }

  /** Rows that were changed since the file is open. */
  get #changes(): unknown {
    return this.#db?.prepare('SELECT total_changes() AS changes').get()?.['changes']
  }

  #forgetLook(): void {
    this.#look?.close()
    this.#look = undefined
  }

  // What it does for the process.

  employ(thread: ThreadInHand): Program {
    this.#thread = thread
    const program = this.#programs[this.#program % this.#programs.length]
    if (program === undefined) throw new TypeError('no program')
    program.post = (reply) => {
      if ('id' in reply && this.#closings.has(reply.id)) this.#closings.get(reply.id)?.()
      else if (!thread.isDead) thread.outbox.push(reply)
    }
    return program
  }

  sync(done: PendingSync['done']): void {
    this.#syncs.push({ commit: this.#commit, image: this.#image(), done })
  }

  after(ms: number, callback: () => void): Timer {
    const at = this.#clock.monotonic() + ms
    const timer: Timer = { at, callback, cancel: () => undefined }
    if (ms <= LAZY_MS) this.#lazy.add(timer)
    else this.#arm(timer)
    return timer
  }

  cancel(timer: Timer | undefined): void {
    timer?.cancel()
    if (timer === undefined) return
    this.#timers.delete(timer)
    this.#lazy.delete(timer)
  }

  #arm(timer: Timer): void {
    this.#timers.add(timer)
    timer.cancel = this.#clock.after(timer.at - this.#clock.monotonic(), () => {
      this.#timers.delete(timer)
      timer.callback()
    })
  }

  /** Those of the thread go on when the clock has forgotten them with those of a process. */
  rearm(): void {
    for (const timer of [...this.#timers]) {
      timer.cancel()
      this.#arm(timer)
    }
  }

  #answer(): void {
    const thread = this.#thread
    if (thread === undefined) return
    const replies = thread.outbox
    for (let at = 0; at < replies.length; at++) {
      setImmediate(() => {
        const reply = replies.shift()
        if (reply === undefined || thread.isDead) return
        if ('id' in reply && reply.fault === undefined) {
          this.#summary = reply.summary ?? this.#summary
        }
        thread.emit('message', reply)
      })
    }
  }

  #perform(thread: ThreadInHand, request: QueueRequest): void {
    const { id, task } = request
    this.#forgetLook()
    const before = thread.outbox.length
    if (task.kind === 'calls') {
      this.#call(thread, request)
      return
    }
    const isRefused =
      (task.kind === 'open' && this.failReads) ||
      (['reopen', 'refuse'].includes(task.kind) && this.failWrites)
    if (isRefused) {
      thread.outbox.push({ id, fault: BROKEN })
      return
    }
    thread.program.do(request)
    const answer = thread.outbox.slice(before).find((reply) => 'id' in reply && reply.id === id)
    if (answer === undefined || 'fault' in answer) return
    if (task.kind === 'refuse') {
      this.#refused(task.seqs)
      return
    }
    // What they have written is on the disk.
    if (this.#doubtful !== undefined) {
      assert.notEqual(this.#inode, this.#doubtful, 'a file of which a sync has failed')
      this.#doubtful = undefined
    }
    this.#safe = { commit: ++this.#commit, image: this.#image() }
    const isTakenOver = this.#isTakenOver
    this.#isTakenOver = false
    if (task.kind === 'reopen') {
      this.onReopened?.([...this.#withdrawn, ...task.refused], isTakenOver)
      this.#withdrawn.clear()
    }
    if (task.kind !== 'open') return
    this.opened++
    this.onOpened?.()
  }

  /** That they are, is on the disk. */
  #refused(seqs: readonly number[]): void {
    for (const seq of seqs) this.#withdrawn.add(seq)
    const { doubtful } = namesBeside(this.#path)
    const { image } = this.#safe
    if (image === undefined || !fs.existsSync(doubtful)) return
    cpSync(doubtful, join(image, basename(doubtful)))
  }

  /** Those that fail do not reach the thread; the others do, together. */
  #call(thread: ThreadInHand, { id, file, task }: QueueRequest): void {
    if (task.kind !== 'calls') return
    const { calls } = task
    const fails = calls.map(
      ({ method }) => method !== 'release' && (isRead(method) ? this.failReads : this.failWrites)
    )
    const done = calls.filter((_, index) => fails[index] !== true)
    const before = thread.outbox.length
    if (done.length > 0) {
      const changes = this.#changes
      this.#commit++
      thread.program.do({ id, file, task: { kind: 'calls', calls: done } })
      if (this.#changes === changes) {
        this.#commit--
        for (const sync of this.#syncs) sync.commit = Math.min(sync.commit, this.#commit)
      }
    } else thread.outbox.push({ id, results: [] })
    const index = thread.outbox.findIndex(
      (reply, at) => at >= before && 'id' in reply && reply.id === id
    )
    const answer = thread.outbox[index] as QueueAnswer
    const results = [...(answer.results ?? [])]
    const all: CallResult[] = fails.map((isFailing) =>
      isFailing ? { fault: BROKEN } : (results.shift() ?? { fault: BROKEN })
    )
    thread.outbox[index] = { ...answer, results: all }
    for (const [at, { method, args, isAwaited }] of calls.entries()) {
      const { fault, value } = all[at] ?? {}
      if (fails[at] === true) this.onFailure?.(method, () => args)
      else if (fault === undefined) this.onCall?.(method, args, value, isAwaited)
    }
  }

  /** A copy of the files as they are, if one may be needed. */
  #image(): string | undefined {
    return this.#mayLose ? this.#copy() : undefined
  }

  #copy(from = this.#directory): string {
    const to = join(this.#root, String(++this.#images))
    cpSync(from, to, { recursive: true })
    return to
  }

  /** A close may have put another file in its place. */
  #settleDoubt(): void {
    if (this.#inode !== this.#doubtful) this.#doubtful = undefined
  }

  /** The program lets go of the file, of which nothing changes. */
  async #asIfNothing(program: Program): Promise<void> {
    this.#settleDoubt()
    const image = this.#copy()
    const id = this.#ownId--
    const closed = new Promise<void>((resolve) => {
      this.#closings.set(id, resolve)
    })
    program.do({ id, file: this.#spec, task: { kind: 'close' } })
    // What they have synced counts for nothing any more.
    for (const sync of this.#syncs.splice(0)) sync.done(null)
    for (const sync of this.#syncs.splice(0)) sync.done(null)
    await closed
    this.#closings.delete(id)
    this.#forgetLook()
    rmSync(this.#directory, { recursive: true })
    fs.renameSync(image, this.#directory)
    if (this.#doubtful !== undefined) this.#doubtful = this.#inode
  }

  get #inode(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino ?? 0
  }

  /** What the process has still to do, it does where nobody looks. @param next the files for the next one */
  async #endProcess(next = this.#directory, hasPower = true): Promise<void> {
    this.#settleDoubt()
    const doubtful = this.#doubtful
    const engines = this.#engines
    const { failReads, failWrites } = this
    this.#engines = []
    this.#summary = undefined
    this.failReads = this.failWrites = false
    this.onCall = this.onFailure = this.onOpened = this.onReopened = undefined
    let open = engines.length
    for (const { engine, opening } of engines) {
      void Promise.resolve(opening)
        .then(() => engine.close())
        .catch(() => undefined)
        .finally(() => open--)
    }
    for (let round = 0; open > 0; round++) {
      if (round > MOST_ROUNDS) throw new Error('a process that has ended does not come to its end')
      this.step()
      this.endSyncs()
      await new Promise(setImmediate)
    }
    Object.assign(this, { failReads, failWrites })
    this.#thread = undefined
    this.#syncs = []
    this.#withdrawn.clear()
    this.#forgetLook()
    this.#directory = next
    this.#doubtful = doubtful
    if (doubtful !== undefined) this.#doubtful = hasPower ? this.#inode : undefined
    this.#safe = { commit: this.#commit, image: this.#image() }
    connections = connections.filter(({ db }) => db.isOpen)
  }
}

/** The clocks, the thread and the syncs of this process are those of a disk, until that is undone. */
function takeOver(disk: FileDisk, clock: FakeClock): () => void {
  const { clearTimeout, setTimeout } = globalThis
  const { now } = Date
  const { fdatasync } = fs
  const { Worker } = threads
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, ms = 0) => {
      const timer = disk.after(ms, callback)
      return Object.assign(timer, { unref: () => timer, ref: () => timer })
    },
    clearTimeout: (timer: Timer | undefined) => {
      disk.cancel(timer)
    }
  })
  Date.now = () => clock.now()
  performance.now = () => clock.monotonic()
  Object.assign(fs, {
    fdatasync: (_: number, done: PendingSync['done']) => {
      disk.sync(done)
    }
  })
  Object.assign(threads, { Worker: ThreadInHand })
  const exec = Reflect.get(DatabaseSync.prototype, 'exec')
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql) {
    if (!connections.some(({ db }) => db === this)) {
      connections.push({ path: this.location(), db: this })
    }
    exec.call(this, sql)
  }
  syncBuiltinESMExports()
  return () => {
    Object.assign(globalThis, { clearTimeout, setTimeout })
    Date.now = now
    delete (performance as { now?: unknown }).now
    Object.assign(fs, { fdatasync })
    Object.assign(threads, { Worker })
    DatabaseSync.prototype.exec = exec
    syncBuiltinESMExports()
  }
}
