import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { NO_VERDICT, type MessageState, type Verdict } from '../../src/queue/message-row.ts'
import { OpenFiles } from '../../src/queue/open-files.ts'
import { faultCode, QueueDamageError } from '../../src/queue/queue-fault.ts'
import type { QueueFileSpec } from '../../src/queue/queue-file-spec.ts'
import { QueueFile } from '../../src/queue/queue-file.ts'
import type { Move } from '../../src/queue/queue-types.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { readableRows } from '../../src/queue/readable-rows.ts'
import { renew } from '../../src/queue/renewal.ts'
import fc from '../support/properties.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { moveOf } from './set-up.ts'

const PAGE = 4096
// sqlite.org/fileformat2.html#walformat
const HEADER = 32
const FRAME_HEADER = 24
const FRAME = FRAME_HEADER + PAGE

/** Not so long ago that what has left is forgotten. */
const ACCEPTED_AT = Date.now() - 60_000

/** Of a field by which a message is found. */
const HASH = Buffer.alloc(16, 5)

const verdict: Verdict = { ...NO_VERDICT, ackCode: 'AE', rule: ':?E=S' }

/** A file and its log, as a crash leaves them. */
interface Crashed {
  file: Buffer
  log: Buffer
}

/** A message as it is in the queue. */
interface Held {
  state: MessageState
  /** Absent if it cannot be read. */
  content?: string
  outcome?: string
}

let directory: string
let place: string
let path: string
let spec: QueueFileSpec
let opened: OpenFiles[]
let notices: string[]

function newPlace(): void {
  place = mkdtempSync(join(directory, 'place-'))
  path = join(place, 'queue.sqlite')
  spec = {
    path,
    name: 'queue',
    key: Buffer.alloc(32, 1),
    journalDays: 7,
    order: 'fifo',
    orderKey: ''
  }
  opened = []
  notices = []
}

function closeAll(): void {
  for (const files of opened.splice(0)) files.close(spec)
  rmSync(place, { recursive: true })
}

/** For a loop: the same in a new directory. */
function startOver(): void {
  closeAll()
  newPlace()
}

before((context) => {
  assert.ok(context)
  directory = mkdtempSync(join(tmpdir(), 'damage-'))
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true })
  })
})
beforeEach(newPlace)
afterEach(closeAll)

function openFiles(): OpenFiles {
  const files = new OpenFiles({
    onNotice: (_, text) => notices.push(text),
    onSynced: () => undefined,
    onFailed: () => undefined
  })
  opened.push(files)
  return files
}

/** Opens the queue as a process that starts does. */
function open(): OpenFiles {
  const files = openFiles()
  files.open(spec)
  return files
}

function close(files: OpenFiles): void {
  files.close(spec)
  opened.splice(opened.indexOf(files), 1)
}

/** As a process does after an unclean stop. */
function openChecked(): OpenFiles {
  const files = openFiles()
  files.open(spec, files.isDamaged(spec))
  return files
}

/** A call meets damage, unless to open the file has done so. */
function meetDamage(files: OpenFiles): void {
  let isMet = false
  files.use(spec, () => {
    if (isMet || notices.length > 0) return
    isMet = true
    throw new QueueDamageError()
  })
}

/** All of it in one transaction. */
function change<T>(files: OpenFiles, work: (queue: Queue<Uint8Array>) => T): T {
  return files.use(spec, (file) => file.transaction(work))
}

function textOf(seq: number): string {
  return `content ${seq} `.padEnd(500 + (seq % 7) * 100, 'x')
}

function accept(queue: Queue<Uint8Array>, seq: number, text = textOf(seq), lane?: number): void {
  queue.accept(
    {
      seq,
      lane: lane ?? null,
      controlId: `C${seq}`,
      type: 'ADT^A01',
      acceptedAt: ACCEPTED_AT + seq
    },
    Buffer.from(text)
  )
}

function acceptAll(files: OpenFiles, seqs: readonly number[]): void {
  change(files, (queue) => {
    for (const seq of seqs) accept(queue, seq)
  })
}

function move(
  queue: Queue<Uint8Array>,
  seq: number,
  to: Move<Uint8Array>['to'],
  more: Partial<Move<Uint8Array>> = {}
): void {
  assert.ok(queue.move(moveOf(seq, to, { verdict, ...more }) as Move<Uint8Array>))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Everything in the queue that has not left. */
function heldBy(files: OpenFiles): Map<number, Held> {
  const held = new Map<number, Held>()
  files.use(spec, ({ queue }) => {
    for (let below = Number.MAX_SAFE_INTEGER; below > 0;) {
      const { messages, next } = queue.reader.find({ before: below, limit: 1000 })
      for (const { seq, state } of messages) {
        if (state === 'left') continue
        const { content, outcome } = queue.reader.read(seq)
        held.set(seq, {
          state,
          ...(content && { content: Buffer.from(content).toString() }),
          ...(outcome && { outcome: Buffer.from(outcome).toString() })
        })
      }
      below = next
    }
  })
  return held
}

/** The numbers of the messages that can be read; each must be as it was accepted. */
function intact(held: Map<number, Held>): number[] {
  const whole = [...held].filter(([, { content }]) => content !== undefined)
  for (const [seq, { content }] of whole) assert.equal(content, textOf(seq), `message ${seq}`)
  return whole.map(([seq]) => seq).sort((a, b) => a - b)
}

/** Hands out all that wait, one after the other. */
function drained(files: OpenFiles): number[] {
  return change(files, (queue) => {
    const seqs: number[] = []
    for (;;) {
      const [first] = queue.claimNext(1)
      if (first === undefined) return seqs
      assert.equal(first.isDamaged, false)
      seqs.push(first.row.seq)
      queue.finish(first.row.seq)
    }
  })
}

/** The files of an open queue, copied by another process: a close in this one would give up the lock. */
function crash(): Crashed {
  const copy = join(directory, 'copy')
  execFileSync('cp', [path, copy])
  execFileSync('cp', [`${path}-wal`, `${copy}-wal`])
  return { file: readFileSync(copy), log: readFileSync(`${copy}-wal`) }
}

function put({ file, log }: Crashed): void {
  writeFileSync(path, file, { mode: 0o600 })
  writeFileSync(`${path}-wal`, log, { mode: 0o600 })
}

function setAside(): string[] {
  return readdirSync(place)
    .filter((name) => /damaged-[^/]*Z(-\d)?$/.test(name))
    .map((name) => join(place, name))
}

/** What the only notice says: it names the files, and they are there. */
function told(): { found: number; read: number; isLog: boolean } {
  const [notice = ''] = notices
  assert.equal(notices.length, 1, notices.join('\n'))
  const [, aside = ''] = /moved to (.*?)[.;] /.exec(notice) ?? []
  assert.ok(notice.includes(path) && existsSync(aside), notice)
  assert.equal(statSync(aside).mode & 0o777, 0o600)
  const [, found, read] =
    /of the (\d+) messages found in it, (\d+) could be read/.exec(notice) ?? []
  return {
    found: Number(found),
    read: Number(read),
    isLog: notice.startsWith('The write-ahead log of the queue file')
  }
}

/** What follows a rescue: the queue takes and hands out messages, and opens again without a word. */
function goesOn(files: OpenFiles, waiting: readonly number[]): void {
  const next = 1_000_000
  acceptAll(files, [next])
  notices = []
  close(files)
  const again = open()
  assert.deepEqual(drained(again), [...waiting, next])
  assert.deepEqual(notices, [])
}

describe('a damaged write-ahead log', () => {
  /** Messages 1 to 60, one transaction each; all of them are in the log. */
  let fresh: Crashed
  /** Most data are in the file; behind the frames of the log come those of an earlier one. */
  let restarted: Crashed
  let lastRestarted: number
  /** The last transaction of both accepts so many messages. */
  const LAST = 10

  /** The positions of the frames of this log. */
  function framesOf(log: Buffer): number[] {
    const starts: number[] = []
    for (let at = HEADER; at + FRAME <= log.length; at += FRAME) {
      if (log.subarray(at + 8, at + 16).equals(log.subarray(16, 24))) starts.push(at)
    }
    return starts
  }

  function isEnd(log: Buffer, frame: number): boolean {
    return log.readUInt32BE(frame + 4) > 0
  }

  function lastFrames(log: Buffer): number[] {
    const frames = framesOf(log)
    return frames.slice(frames.slice(0, -1).findLastIndex((frame) => isEnd(log, frame)) + 1)
  }

  function flipped({ file, log }: Crashed, at: number, bits = 0x5a): Crashed {
    const changed = Buffer.from(log)
    changed.writeUInt8(changed.readUInt8(at) ^ bits, at)
    return { file, log: changed }
  }

  /** Messages of `fresh` that were stored before the frame at a position. */
  function storedBefore(at: number): number[] {
    const ends = framesOf(fresh.log).filter((frame) => isEnd(fresh.log, frame))
    // The last ones are those of the messages.
    const messages = [...range(1, 50), 60]
    const before = ends.filter((frame) => frame + FRAME <= at).length
    const count = before - (ends.length - messages.length)
    return range(1, count <= 0 ? 0 : (messages[count - 1] ?? 0))
  }

  /** Opens it: it must be told, set aside as it is, and gone on with. @returns the intact messages */
  function isTold(crashed: Crashed): number[] {
    put(crashed)
    const files = open()
    const waiting = intact(heldBy(files))
    const { found, read, isLog } = told()
    assert.deepEqual([isLog, read], [true, waiting.length])
    assert.ok(found >= read)
    const [aside = ''] = setAside()
    assert.ok(readFileSync(aside).equals(crashed.file))
    assert.ok(readFileSync(`${aside}-wal`).equals(crashed.log))
    goesOn(files, waiting)
    return waiting
  }

  function isNoDamage(crashed: Crashed, waiting: readonly number[]): void {
    put(crashed)
    const files = open()
    assert.deepEqual(notices, [])
    assert.deepEqual(intact(heldBy(files)), waiting)
    goesOn(files, waiting)
    startOver()
  }

  before(() => {
    newPlace()
    const files = open()
    for (const seq of range(1, 50)) acceptAll(files, [seq])
    acceptAll(files, range(51, 50 + LAST))
    fresh = crash()
    assert.ok(lastFrames(fresh.log).length > 4)

    lastRestarted = 60
    const isRestarted = (): boolean => {
      const { log } = (restarted = crash())
      return framesOf(log).length < log.length / FRAME - 100 && framesOf(log).length > 20
    }
    while (lastRestarted % 100 !== 0 || !isRestarted()) acceptAll(files, [++lastRestarted])
    acceptAll(files, range(lastRestarted + 1, lastRestarted + LAST))
    lastRestarted += LAST
    restarted = crash()
    closeAll()
  })

  it('is none if the log is whole, even with frames of an earlier log behind it', () => {
    isNoDamage(fresh, range(1, 60))
    isNoDamage(restarted, range(1, lastRestarted))
  })

  it('is not read at all if its header has changed: nothing but the file is then', () => {
    // Magic (twice), version, page size, checkpoint number, two salts, two checksums.
    for (const at of [0, 3, 7, 10, 15, 16, 23, 24, 31]) {
      assert.deepEqual(isTold(flipped(fresh, at)), [])
      startOver()
      const inFile = isTold(flipped(restarted, at))
      assert.deepEqual(inFile, range(1, inFile.length))
      assert.ok(inFile.length > 100)
      startOver()
    }
  })

  it('is set aside if it is no log at all', () => {
    put({ file: restarted.file, log: Buffer.from('no log at all'.repeat(500)) })
    const waiting = intact(heldBy(open()))
    assert.ok(waiting.length > 100)
    assert.equal(told().isLog, true)
  })

  it('is none if a frame has changed: SQLite reads what was stored before that', () => {
    const frames = framesOf(fresh.log)
    for (const frame of [frames.at(0), frames.at(90), frames.at(-6), frames.at(-1)]) {
      for (const field of [0, 7, 8, 16, FRAME_HEADER, FRAME - 1]) {
        const at = (frame ?? 0) + field
        isNoDamage(flipped(fresh, at), storedBefore(at))
      }
    }
  })

  it('is none if a power cut has torn the last transaction', () => {
    for (const [crashed, waiting] of [
      [fresh, range(1, 60 - LAST)],
      [restarted, range(1, lastRestarted - LAST)]
    ] as const) {
      const frames = lastFrames(crashed.log)
      fc.assert(
        fc.property(fc.subarray(frames, { minLength: 1 }), fc.boolean(), (missing, isZero) => {
          const log = Buffer.from(crashed.log)
          for (const frame of missing) log.fill(isZero ? 0 : 0x77, frame, frame + FRAME)
          isNoDamage({ file: crashed.file, log }, waiting)
        }),
        { numRuns: 8 }
      )
    }
  })

  it('is none if the log is cut off, or if uncommitted or earlier frames have changed', () => {
    const frames = lastFrames(fresh.log)
    const [first = 0, second = 0] = frames
    const end = frames.at(-1) ?? 0
    for (const cut of [end, end + 10, end + FRAME - 1, second]) {
      isNoDamage({ file: fresh.file, log: fresh.log.subarray(0, cut) }, range(1, 60 - LAST))
    }
    const uncommitted = { file: fresh.file, log: fresh.log.subarray(0, end) }
    for (const at of [0, 8, 20, 500]) {
      isNoDamage(flipped(uncommitted, first + at), range(1, 60 - LAST))
    }
    const behind = (framesOf(restarted.log).at(-1) ?? 0) + FRAME
    for (const at of [0, 4, 10, 20, 500, 5 * FRAME]) {
      isNoDamage(flipped(restarted, behind + at), range(1, lastRestarted))
    }
  })

  it('is not lost by looking at it, and counts as holding messages', () => {
    const bad = flipped(fresh, 20)
    put(bad)
    const files = openFiles()
    assert.throws(() => files.count(spec), { code: 'SQLITE_CORRUPT' })
    assert.throws(() => files.deleteIfEmpty(spec), { code: 'SQLITE_CORRUPT' })
    assert.ok(readFileSync(`${path}-wal`).equals(bad.log))
    assert.deepEqual([notices, setAside()], [[], []])
  })

  it('is left alone while another process has the file open', async (context) => {
    put(fresh)
    const script = `
      const { DatabaseSync } = require('node:sqlite')
      const db = new DatabaseSync(${JSON.stringify(path)})
      db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT')
      console.log('open')
      setInterval(() => undefined, 1000)`
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    context.after(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    // As it looks while that process restarts the log.
    writeFileSync(`${path}-wal`, flipped(fresh, 20).log)
    assert.throws(() => open(), { errcode: 5 })
    assert.throws(() => openFiles().count(spec), { errcode: 5 })
    assert.deepEqual([notices, setAside()], [[], []])
  })

  it('is read even if the file itself is empty or gone', () => {
    for (const file of [Buffer.alloc(0), undefined]) {
      put({ file: file ?? Buffer.alloc(0), log: fresh.log })
      if (file === undefined) rmSync(path)
      const files = openFiles()
      assert.throws(() => files.count(spec), { code: 'SQLITE_CORRUPT' })
      files.open(spec)
      assert.deepEqual(intact(heldBy(files)), range(1, 60))
      assert.deepEqual(told(), { found: 60, read: 60, isLog: false })
      const [aside = ''] = setAside()
      assert.ok(readFileSync(`${aside}-wal`).equals(fresh.log))
      startOver()
    }
  })
})

describe('a damaged queue file', () => {
  /** A closed file with messages from 1 on. */
  function fill(count: number, isClean = true): void {
    const files = open()
    acceptAll(files, range(1, count))
    if (!isClean) {
      change(files, (queue) => {
        queue.pause({ at: 5, by: 'ada', reason: 'upgrade' })
      })
    }
    close(files)
    if (isClean) return
    const db = new DatabaseSync(path)
    db.exec("UPDATE meta SET value = 1 WHERE name = 'running'")
    db.close()
  }

  /** The numbers of the pages of a table, of that kind, as SQLite has them. */
  function pagesOf(table: string, kind: 'leaf' | 'internal' = 'leaf'): number[] {
    const db = new DatabaseSync(path)
    const pages = db
      .prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path')
      .all(table, kind)
    db.close()
    return pages.map(({ pageno }) => pageno as number)
  }

  function destroy(...pages: readonly number[]): Buffer {
    const bytes = readFileSync(path)
    for (const page of pages) bytes.fill(0x5a, (page - 1) * PAGE, page * PAGE)
    writeFileSync(path, bytes)
    return bytes
  }

  /** Changes values as a flipped bit would, against what the tables allow. */
  function tamper(sql: string): void {
    const db = new DatabaseSync(path)
    db.exec(sql)
    db.close()
  }

  it('is set aside and read around the destroyed pages of messages', () => {
    fill(2000)
    const leaves = pagesOf('message')
    const [third = 0, tenth = 0] = [leaves[3], leaves[10]]
    const bytes = destroy(third, tenth)
    const files = open()
    const waiting = intact(heldBy(files))
    assert.ok(waiting.length > 1800 && waiting.length < 1950, `${waiting.length}`)
    assert.deepEqual(told(), { found: 2000, read: waiting.length, isLog: false })
    const [aside = ''] = setAside()
    assert.equal(statSync(aside).size, bytes.length)
    assert.deepEqual(
      // What the attempt to open it has logged stays with it.
      readdirSync(place).filter((name) => name.includes('damaged') && !name.endsWith('-wal')),
      [basename(aside)],
      'nothing that tells nothing'
    )
    goesOn(files, waiting)
  })

  it('loses the messages on destroyed pages of contents, and no others, when one of them is met', () => {
    fill(500)
    // With five messages each: an odd number shows that a failure is not followed by another.
    destroy(...pagesOf('sealed').filter((_, i) => i % 20 === 13))
    const db = new DatabaseSync(path)
    const readable = new Set([...readableRows(db, 'sealed', 'id', [])].map(([id]) => id / 262_144))
    db.close()
    assert.ok(readable.size > 450 && readable.size < 500)
    const files = open()
    assert.deepEqual(notices, [])
    assert.deepEqual(
      drained(files),
      [...readable].sort((a, b) => a - b)
    )
    assert.deepEqual(told(), { found: 500, read: readable.size, isLog: false })
  })

  it('is told, with all of it set aside, if a root is destroyed or if it is no database', () => {
    const cases: [what: string, damage: () => Buffer, found: number][] = [
      ['the first page', () => destroy(1), 0],
      ['the root of the messages', () => destroy(pagesOf('message', 'internal')[0] ?? 0), 600],
      ['the root of the contents', () => destroy(pagesOf('sealed', 'internal')[0] ?? 0), 600],
      [
        'no database',
        () => {
          writeFileSync(path, 'this was a database'.repeat(1000), { mode: 0o600 })
          return readFileSync(path)
        },
        0
      ]
    ]
    for (const [what, damage, found] of cases) {
      fill(600)
      const bytes = damage()
      const files = openChecked()
      const waiting = intact(heldBy(files))
      assert.deepEqual([waiting, told()], [[], { found, read: 0, isLog: false }], what)
      const aside = readFileSync(setAside()[0] ?? '')
      // The others can still be written to, and are, until the damage is met.
      if (found === 0) assert.ok(aside.equals(bytes), what)
      else assert.equal(aside.length, bytes.length)
      goesOn(files, [])
      startOver()
    }
  })

  it('keeps states, outcomes, deadlines, what has left, events and the pause', () => {
    spec = { ...spec, order: 'key', orderKey: 'PID-3.1' }
    const files = open()
    const long = 'long '.repeat(140_000)
    change(files, (queue) => {
      accept(queue, 1, long, 7)
      for (const seq of range(2, 7)) accept(queue, seq, undefined, 7)
      const named = { controlId: 'C10', type: 'ADT^A01', lane: null, acceptedAt: ACCEPTED_AT }
      queue.accept({ ...named, seq: 10, hashes: [HASH] }, Buffer.from(textOf(10)))
      queue.finish(10)
      const outcome = (seq: number): Uint8Array => Buffer.from(`outcome ${seq}`)
      move(queue, 2, 'suspended', { outcome: outcome(2) })
      move(queue, 3, 'leaving', { outcome: outcome(3) })
      move(queue, 4, 'awaiting', { outcome: outcome(4), dueInMs: 50_000 })
      move(queue, 5, 'waiting', { dueInMs: 100_000 })
      queue.finish(6)
      queue.pause({ at: 5, by: 'ada', reason: 'upgrade' })
      queue.addEvent({ at: Date.now(), kind: 'paused', by: 'ada', values: { reason: 'upgrade' } })
    })
    close(files)
    const [page = 0] = pagesOf('named')
    destroy(page)

    const again = openFiles()
    meetDamage(again)
    assert.deepEqual(told(), { found: 6, read: 6, isLog: false })
    const { pause, lastSeq, leaving, isUnclean } = again.open(spec).opened
    assert.deepEqual(pause, { at: 5, by: 'ada', reason: 'upgrade' })
    assert.deepEqual([lastSeq, leaving, isUnclean], [10, [3], false])
    const held = heldBy(again)
    assert.equal(held.get(1)?.content, long)
    held.delete(1)
    assert.deepEqual(intact(held), [2, 3, 4, 5, 7])
    assert.deepEqual(
      [2, 3, 4, 5, 7].map((seq) => [held.get(seq)?.state, held.get(seq)?.outcome]),
      [
        ['suspended', 'outcome 2'],
        ['leaving', 'outcome 3'],
        ['awaiting', 'outcome 4'],
        ['waiting', undefined],
        ['waiting', undefined]
      ]
    )
    const { nextLateInMs: dueInMs } = again.use(spec, ({ queue }) => queue.summary())
    assert.ok(dueInMs !== null && dueInMs > 40_000 && dueInMs <= 50_000)
    again.use(spec, ({ queue }) => {
      const { messages } = queue.reader.find({ state: 'failed', limit: 10 })
      assert.equal(queue.reader.find({ limit: 10 }).messages.length, 8)
      const named = queue.reader.find({ limit: 10, hashes: [HASH] }).messages
      assert.deepEqual(
        named.map(({ seq }) => seq),
        [10]
      )
      assert.deepEqual(messages, [])
      assert.equal(queue.events({ since: 0, limit: 10 }).length, 1)
    })
    // One by one, before what is accepted now.
    change(again, (queue) => {
      accept(queue, 11, undefined, 7)
      accept(queue, 12, undefined, 9)
    })
    assert.deepEqual(drained(again), [1, 5, 7, 11, 12])
  })

  it('goes on in the middle of a run, with what is on its way', () => {
    spec = { ...spec, order: 'none' }
    fill(500)
    const page = pagesOf('sealed')[20] ?? 0
    destroy(page)
    const files = open()
    change(files, (queue) => {
      assert.equal(queue.claimNext(3).length, 3)
      move(queue, 1, 'waiting', { dueInMs: 100_000 })
    })
    meetDamage(files)
    const { read } = told()
    const waits = change(files, (queue) => queue.claimNext(3))
    assert.deepEqual(waits, [], 'one by one: two are on their way')
    change(files, (queue) => {
      queue.finish(2)
      queue.finish(3)
    })
    // The one that is retried, too: all others would wait for it.
    assert.equal(drained(files).length, read - 2)
  })

  it('lets a message wait again if its outcome cannot be read, and keeps a suspended one suspended', () => {
    const files = open()
    change(files, (queue) => {
      for (const seq of [1, 2, 3]) accept(queue, seq)
      move(queue, 1, 'leaving', { outcome: Buffer.from('outcome') })
      move(queue, 2, 'suspended', { outcome: Buffer.from('outcome') })
    })
    close(files)
    tamper("UPDATE sealed SET bytes = x'00' WHERE id % 262144 = 65536")
    destroy(pagesOf('named')[0] ?? 0)
    const again = openChecked()
    assert.equal(told().read, 3)
    const held = heldBy(again)
    assert.deepEqual(intact(held), [1, 2, 3])
    assert.deepEqual(
      [1, 2, 3].map((seq) => held.get(seq)?.state),
      ['waiting', 'suspended', 'waiting']
    )
  })

  it('keeps the text that a message had before it was edited', () => {
    const files = open()
    change(files, (queue) => {
      for (const seq of [1, 2]) {
        accept(queue, seq)
        move(queue, seq, 'suspended')
      }
      const named = { seq: 1, lane: null, controlId: 'C1', type: 'ADT^A01' }
      assert.ok(queue.operator.edit(named, Buffer.from('edited'), 'ada'))
    })
    close(files)
    destroy(pagesOf('named')[0] ?? 0)
    const again = openChecked()
    assert.equal(told().read, 2)
    const texts = again.use(spec, ({ queue }) =>
      [queue.reader.readOriginal(1), queue.reader.read(1).content].map((one) =>
        Buffer.from(one ?? []).toString()
      )
    )
    assert.deepEqual(texts, [textOf(1), 'edited'])
  })

  it('does not take over rows with values that were never written, and counts their messages', () => {
    fill(10)
    tamper(`
      UPDATE message SET accepted_at = 1e300 WHERE seq = 2;
      UPDATE message SET state = 9 WHERE seq = 10;
      UPDATE message SET changed_at = -1 WHERE seq = 6;
      UPDATE message SET seq = ${2 ** 40} WHERE seq = 8;
      UPDATE meta SET value = 'x' WHERE name IN ('uptime', 'keyCheck');
      INSERT OR REPLACE INTO meta VALUES ('lastSeq', 1e15), ('paused', 'x')`)
    destroy(pagesOf('named')[0] ?? 0)
    const files = openFiles()
    meetDamage(files)
    const { opened } = files.open(spec)
    assert.deepEqual(told(), { found: 10, read: 6, isLog: false })
    assert.deepEqual(intact(heldBy(files)), [1, 3, 4, 5, 7, 9])
    // The number of one that was lost is not given again, and a damaged pause is still a pause.
    assert.deepEqual([opened.lastSeq, opened.pause], [10, { at: 0, by: '', reason: '' }])
  })

  /** Flips one bit in the header of the record of a message: the type of a value. */
  function flipType(seq: number, column: string, bit: number): void {
    const db = new DatabaseSync(path)
    const columns = db.prepare('SELECT * FROM message').columns()
    db.close()
    const bytes = readFileSync(path)
    // Its number, lane, state and turn take no room in the record.
    const at = bytes.indexOf(`C${seq}ADT^A01`)
    const header = at - columns.length - 1
    assert.equal(bytes[header], columns.length + 1)
    const type = header + 1 + columns.findIndex(({ name }) => name === column)
    bytes.writeUInt8(bytes.readUInt8(type) ^ bit, type)
    writeFileSync(path, bytes)
  }

  for (const [what, column, bit] of [
    ['a text that became bytes', 'control_id', 1],
    ['a number that became null', 'attempts', 8],
    ['a state that became null', 'state', 8]
  ] as const) {
    it(`hands a message out once, as damaged, if its row has ${what}, and all others go on`, () => {
      fill(20)
      flipType(11, column, bit)
      const files = open()
      const damaged: number[] = []
      const whole: number[] = []
      for (;;) {
        const [claim] = change(files, (queue) => queue.claimNext(1))
        if (claim === undefined) break
        ;(claim.isDamaged ? damaged : whole).push(claim.row.seq)
        if (claim.isDamaged) continue
        change(files, (queue) => {
          move(queue, claim.row.seq, 'leaving')
          queue.finish(claim.row.seq)
        })
      }
      assert.deepEqual(damaged, [11])
      assert.deepEqual(
        whole,
        range(1, 20).filter((seq) => seq !== 11)
      )
      assert.deepEqual(told(), { found: 10, read: 9, isLog: false })
      goesOn(files, [])
    })
  }

  it('gives an awaiting message a new deadline if the time that it refers to is lost', () => {
    const files = open()
    change(files, (queue) => {
      for (const seq of [1, 2]) {
        accept(queue, seq)
        move(queue, seq, 'awaiting', { dueInMs: seq * 10_000_000 })
      }
    })
    close(files)
    destroy(pagesOf('meta')[0] ?? 0)
    const again = open()
    const late = change(again, (queue) => queue.claimLate(10))
    assert.deepEqual(
      late.map(({ row }) => row.seq),
      [1]
    )
  })

  it('is read even if the text of an index is damaged', () => {
    fill(300)
    const bytes = readFileSync(path)
    bytes.write('INDUX', bytes.indexOf('INDEX due'))
    writeFileSync(path, bytes)
    const files = open()
    assert.deepEqual(told(), { found: 300, read: 300, isLog: false })
    goesOn(files, range(1, 300))
  })

  it('stays where it is if the key may be another', () => {
    fill(50)
    // The page with the key check.
    destroy(pagesOf('meta')[0] ?? 0)
    const bytes = readFileSync(path)
    spec = { ...spec, key: Buffer.alloc(32, 2) }
    assert.throws(() => open(), {
      code: 'ERR_QUEUE_KEY',
      message: /no message in it can be read with the key in use/
    })
    assert.ok(readFileSync(path).equals(bytes))
    assert.deepEqual([notices, setAside()], [[], []])
    opened = []
    spec = { ...spec, key: Buffer.alloc(32, 1) }
    assert.deepEqual(intact(heldBy(open())), range(1, 50))
  })

  it('stays where it is while the disk has no room for a new one', (context) => {
    fill(2000)
    const disk = SmallDisk.mount(context, 'tmpfs', 4)
    if (disk === undefined) return
    const small = disk.place
    try {
      destroy(pagesOf('message')[3] ?? 0)
      const bytes = readFileSync(path)
      path = join(small, 'queue.sqlite')
      spec = { ...spec, path }
      writeFileSync(path, bytes, { mode: 0o600 })
      const files = openFiles()
      assert.throws(() => files.open(spec), { errcode: 13 })
      assert.equal(statSync(path).size, bytes.length)
      assert.deepEqual(
        readdirSync(small).filter((name) => !name.endsWith('-shm') && !name.endsWith('-wal')),
        ['queue.sqlite']
      )
      execFileSync('mount', ['-o', 'remount,size=20m', small])
      files.open(spec)
      assert.ok(told().read > 1900)
      close(files)
    } finally {
      opened = []
      disk.end()
    }
  })

  it('is completed by the next start, wherever a crash interrupted its rescue', () => {
    const files = open()
    acceptAll(files, range(1, 50))
    const { file, log } = crash()
    close(files)
    const finished = readFileSync(path)
    const bad = Buffer.from(log)
    bad.fill(0, 0, 8)
    const asideName = (): string => `${path}.damaged-2026-01-02T03-04-05.678Z`
    const states: [what: string, make: () => void, isToldAgain: boolean][] = [
      [
        'while the new file was written',
        () => {
          put({ file: finished, log: bad })
          writeFileSync(`${path}.new`, finished.subarray(0, 3 * PAGE))
        },
        true
      ],
      [
        'before the damaged one was moved',
        () => {
          put({ file: finished, log: bad })
          writeFileSync(`${path}.rescue`, finished.subarray(0, 3 * PAGE))
        },
        true
      ],
      [
        'before its log was moved',
        () => {
          put({ file, log })
          renameSync(path, asideName())
          writeFileSync(`${path}.rescue`, finished)
        },
        false
      ],
      [
        'before the new one was in place',
        () => {
          writeFileSync(asideName(), file)
          writeFileSync(`${path}.rescue`, finished)
        },
        false
      ]
    ]
    for (const [what, make, isToldAgain] of states) {
      startOver()
      make()
      assert.deepEqual(intact(heldBy(open())), range(1, 50), what)
      assert.equal(notices.length, isToldAgain ? 1 : 0, what)
      const left = readdirSync(place).filter((name) => /\.(new|rescue)$/.test(name))
      assert.deepEqual(left, [], what)
      if (what === 'before its log was moved') {
        const moved = readdirSync(place).filter((name) => /damaged-.*-wal$/.test(name))
        assert.ok(readFileSync(join(place, moved[0] ?? '')).equals(log))
      }
    }
  })

  // What is promised when one byte of a file changes, wherever it is:
  // - Nothing crashes. The file is opened, rescued, or refused with a reason and not touched.
  // - No content is handed out that is not the one that was accepted.
  // - If the byte is in the table of the contents, no message is missing silently: each can be read, or is
  //   told to be damaged, or is counted in the notice.
  // - If it is elsewhere, the same holds as far as `quick_check` tells: not told are a changed value in a row
  //   of a message and a changed entry of an index. The message may then be in another state.
  it('never crashes, hands out nothing wrong and loses no content silently, whichever byte is changed', () => {
    fill(300)
    const whole = readFileSync(path)
    const contentPages = new Set([...pagesOf('sealed'), ...pagesOf('sealed', 'internal')])
    const refusals = [
      'ERR_QUEUE_KEY',
      'ERR_QUEUE_FOREIGN',
      'ERR_QUEUE_VERSION',
      // A file that says that only a newer SQLite may write it.
      'SQLITE_READONLY'
    ]
    const inFirstPages = fc.nat(14 * PAGE - 1)
    const anywhere = fc.nat(whole.length - 1)
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(200), inFirstPages, anywhere),
        fc.integer({ min: 1, max: 255 }),
        (at, bits) => {
          startOver()
          const bytes = Buffer.from(whole)
          bytes.writeUInt8(bytes.readUInt8(at) ^ bits, at)
          writeFileSync(path, bytes, { mode: 0o600 })
          const files = openFiles()
          try {
            files.open(spec, files.isDamaged(spec))
          } catch (error) {
            assert.ok(refusals.includes(faultCode(error)), String(error))
            assert.ok(readFileSync(path).equals(bytes))
            opened = []
            return
          }
          const held = heldBy(files)
          const readable = intact(held)
          const isContent = contentPages.has(Math.floor(at / PAGE) + 1)
          if (isContent && notices.length === 0) assert.equal(held.size, 300)
          if (notices.length > 0) {
            const { found, read } = told()
            assert.equal(read, readable.length)
            // With another number, a piece counts as one of a message that nobody knows.
            const isTold = (found === 300 || found === 301) && read >= 290
            if (isContent) assert.ok(isTold, `${found} ${read}`)
          }
        }
      ),
      {
        numRuns: 400,
        examples: [
          [20, 1],
          [28, 255],
          [56, 2],
          [60, 1],
          [63, 2],
          [68, 1]
        ]
      }
    )
  })
})

describe('an open queue file', () => {
  const claimed = (files: OpenFiles): number[] =>
    change(files, (queue) => queue.claimNext(9).map(({ row }) => row.seq))

  function withThree(): OpenFiles {
    spec = { ...spec, order: 'none' }
    const files = open()
    acceptAll(files, [1, 2, 3])
    change(files, (queue) => queue.claimNext(1))
    return files
  }

  it('hands out nothing twice after an I/O error', () => {
    const files = withThree()
    const failed = Object.assign(new Error('disk I/O error'), { errcode: 10 })
    for (const seqs of [[2, 3], []]) {
      assert.throws(
        () =>
          files.use(spec, () => {
            throw failed
          }),
        failed
      )
      assert.deepEqual(claimed(files), seqs)
    }
  })

  it('hands out again what a call that failed had handed out, and nothing else', () => {
    const files = withThree()
    const failed = new Error('failed')
    const fail = (queue: Queue<Uint8Array>): never => {
      queue.claimNext(1)
      throw failed
    }
    assert.throws(() => change(files, fail), failed)
    assert.throws(() => files.use(spec, (file) => file.read(fail)), failed)
    assert.deepEqual(claimed(files), [2, 3])
  })

  it('loses nothing if its directory is removed again while it is written again', () => {
    const files = withThree()
    rmSync(place, { recursive: true })
    let tries = 0
    files.use(spec, (file) => {
      const { renewed } = renew(file, () => {
        if (tries++ === 0) rmSync(place, { recursive: true })
        const listener = {
          onNotice: () => undefined,
          onSynced: () => undefined,
          onFailed: () => undefined
        }
        return new QueueFile(spec, listener, { run: file.run, mustHold: file.queue.held })
      })
      const next = renewed.transaction((queue) => queue.claimNext(9).map(({ row }) => row.seq))
      assert.deepEqual([tries, next], [2, [2, 3]])
      assert.equal(renewed.queue.reader.read(1).isDamaged, false)
      renewed.close()
    })
    // It was closed.
    opened = []
  })
})

describe('an open queue file that is written again', () => {
  const { renameSync: rename } = fs
  afterEach(() => {
    fs.renameSync = rename
    syncBuiltinESMExports()
  })

  /** Somebody does that to the new file, once, before it is opened. */
  function whenItIsInPlace(act: () => void): void {
    fs.renameSync = (from, to) => {
      rename(from, to)
      if (to !== path) return
      fs.renameSync = rename
      syncBuiltinESMExports()
      act()
    }
    syncBuiltinESMExports()
  }

  const acts: [what: string, act: (older: Buffer) => void][] = [
    [
      'removed',
      () => {
        rmSync(path)
      }
    ],
    [
      'emptied',
      () => {
        writeFileSync(path, '')
      }
    ],
    [
      'replaced by an older one',
      (older) => {
        writeFileSync(path, older)
      }
    ]
  ]
  for (const [what, act] of acts) {
    it(`loses nothing if it is ${what} meanwhile, and says so only when it is true`, () => {
      const seqs = range(1, 50)
      spec = { ...spec, order: 'none' }
      close(open())
      const older = readFileSync(path)
      const files = open()
      acceptAll(files, seqs)
      const again = { handedOut: [], refused: [], hasSyncFailed: true }
      whenItIsInPlace(() => {
        act(older)
      })
      assert.throws(() => files.reopen(spec, again))
      assert.deepEqual(notices, [])
      files.reopen(spec, again)
      assert.deepEqual(intact(heldBy(files)), seqs)

      rmSync(path)
      whenItIsInPlace(() => {
        act(older)
      })
      acceptAll(files, [51])
      files.putBack(spec)
      assert.match(notices.join(), /no queued message is lost/)
      assert.deepEqual(intact(heldBy(files)), [...seqs, 51])
    })
  }
})

describe('readableRows', () => {
  it('finds the rows of all pages that can be reached, around destroyed ones', () => {
    const file = join(place, 'rows')
    const db = new DatabaseSync(file)
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text); BEGIN')
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
    // Numbers far apart, as pieces of contents have them.
    for (const id of range(1, 20_000)) insert.run(id * 262_144, 'x'.repeat(120))
    db.exec('COMMIT')
    const pages = db
      .prepare("SELECT pageno, pagetype, path, ncell FROM dbstat WHERE name = 't' ORDER BY path")
      .all() as { pageno: number; pagetype: string; path: string; ncell: number }[]
    db.close()
    const whole = readFileSync(file)
    const leaves = pages.filter(({ pagetype }) => pagetype === 'leaf')
    const inner = pages.filter(({ path, pagetype }) => pagetype === 'internal' && path !== '/')
    const root = pages.filter(({ path }) => path === '/')
    assert.deepEqual([root.length, inner.length > 0, leaves.length > 300], [1, true, true])
    const cases: [what: string, destroyed: typeof pages][] = [
      ['nothing', []],
      ['the first leaf', leaves.slice(0, 1)],
      ['the last leaf', leaves.slice(-1)],
      ['leaves next to each other', leaves.slice(50, 53)],
      ['every tenth leaf', leaves.filter((_, i) => i % 10 === 5)],
      [
        'every tenth leaf and the last',
        leaves.filter((_, i) => i % 10 === 5 || i === leaves.length - 1)
      ],
      ['every other leaf', leaves.filter((_, i) => i % 2 === 1)],
      ['a page above leaves', inner.slice(0, 1)],
      ['the root', root]
    ]
    for (const [what, destroyed] of cases) {
      const bytes = Buffer.from(whole)
      for (const { pageno } of destroyed) bytes.fill(0x5a, (pageno - 1) * PAGE, pageno * PAGE)
      writeFileSync(file, bytes)
      const lost = leaves.filter(({ path }) => destroyed.some((page) => path.startsWith(page.path)))
      const expected = 20_000 - lost.reduce((sum, { ncell }) => sum + ncell, 0)
      const damaged = new DatabaseSync(file, { readOnly: true })
      const ids = new Set([...readableRows(damaged, 't', 'id', ['text'])].map(([id]) => id))
      damaged.close()
      assert.equal(ids.size, expected, what)
    }
  })
})
