import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import threads, { Worker } from 'node:worker_threads'
import type { ContentCodec, DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { OutboxError, type Entry } from '../../src/outbox/outbox.ts'
import { filledQueueFiles } from '../../src/outbox/queue-files.ts'
import { ALL, event, pause, record, verdict } from './records.ts'

// The thread is private to the outbox: a test that ends it has to catch it when it is created.
let lastThread: Worker | undefined
/** As if the system had no threads left. */
let noThreads = false
function newThread(thread: Worker): void {
  lastThread = thread
}
threads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    if (noThreads) throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
    super(...args)
    newThread(this)
  }
}
syncBuiltinESMExports()
const { DiskOutbox: Queue } = await import('../../src/outbox/disk-outbox.ts')

const key = Buffer.alloc(32, 1)
const PAGE = 4096
const buffers: ContentCodec<Buffer> = {
  encode: (content) => ({ bytes: content, whole: true }),
  decode: (bytes) => bytes
}
const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))

describe('DiskOutbox', () => {
  let directory: string
  let opened: DiskOutbox<Buffer>[]
  let notices: string[]
  let faults: OutboxError[]
  const mounted: string[] = []

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'disk-faults-'))
    opened = []
    notices = []
    faults = []
  })
  afterEach(async () => {
    await Promise.all(opened.map((outbox) => outbox.close()))
    for (const place of mounted.splice(0)) execFileSync('umount', [place])
    await rm(directory, { recursive: true })
  })

  /** Reads come from the file: nothing is cached in memory. */
  function queue(
    name = 'queue',
    where = directory,
    { itsKey = key, codec = buffers } = {}
  ): DiskOutbox<Buffer> {
    const outbox = new Queue({
      ...{ codec, directory: where, name, key: () => Promise.resolve(itsKey), cacheBytes: 0 },
      onNotice: (text) => notices.push(text),
      onFault: (error) => faults.push(error)
    })
    opened.push(outbox)
    return outbox
  }

  function entry(seq: number, more: Partial<Entry> = {}): Entry {
    return {
      ...{ seq, lane: `lane ${seq % 3}`, controlId: `C${seq}`, type: 'ADT^A01' },
      ...{ acceptedAt: 1_700_000_000_000 + seq, state: 'waiting', attempts: 0, spentMs: 0 },
      ...more
    }
  }

  const text = (seq: number): string => `content ${seq} `.padEnd(1000, 'x')
  const add = (outbox: DiskOutbox<Buffer>, seq: number): Promise<void> =>
    outbox.add(entry(seq), Buffer.from(text(seq)))

  /** All waiting messages, listed in pages as a node does. */
  async function seqs(outbox: DiskOutbox<Buffer>): Promise<number[]> {
    const all: number[] = []
    for (;;) {
      const page = await outbox.list({ after: all.at(-1) ?? 0, without: [], limit: 1000 })
      for (const { seq } of page) all.push(seq)
      if (page.length < 1000) return all
    }
  }

  async function openedSeqs(outbox: DiskOutbox<Buffer>): Promise<number[]> {
    await outbox.open()
    return seqs(outbox)
  }

  /** Checks an error: its text names the file and matches the pattern. */
  function fault(path: string, code: string, pattern: RegExp): (error: unknown) => boolean {
    return (error) => {
      assert.ok(error instanceof OutboxError)
      assert.equal(error.code, code)
      assert.ok(error.message.includes(path), error.message)
      assert.match(error.message, pattern)
      return true
    }
  }

  /** A closed queue file with messages 1 to `count`. */
  async function filled(count: number): Promise<string> {
    const outbox = queue()
    await outbox.open()
    await Promise.all(Array.from({ length: count }, (_, i) => add(outbox, i + 1)))
    await outbox.setPaused(pause)
    await outbox.close()
    return outbox.path
  }

  /** Mounts a small file system. @returns undefined if that is not allowed */
  async function smallDisk(context: TestContext, size: string): Promise<string | undefined> {
    const place = join(directory, 'disk')
    await mkdir(place)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], {
        stdio: 'ignore'
      })
    } catch {
      // A real full disk: SQLite answers it as no mock does. It has to be mounted, so it needs root.
      context.skip('only root can mount a small disk; runs in CI, as root')
      return undefined
    }
    mounted.push(place)
    return place
  }

  /** Fills the rest of the disk, as another program might. @returns the file */
  function fillUp(place: string): string {
    const filler = join(place, 'filler')
    assert.throws(() => {
      writeFileSync(filler, Buffer.alloc(2 ** 22))
    }, /ENOSPC/)
    return filler
  }

  describe('on a full disk', () => {
    it('rejects exactly the messages that are not stored, and continues when there is space again', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      const other = queue('other')
      await Promise.all([outbox.open(), other.open()])
      const tries = Array.from({ length: 60 }, () => 100)
      const stored: number[] = []
      let refused = 0
      let seq = 0
      for (const count of tries) {
        const turn = Array.from({ length: count }, () => ++seq)
        const results = await Promise.allSettled(turn.map((each) => add(outbox, each)))
        results.forEach((result, i) => {
          if (result.status === 'fulfilled') stored.push(turn[i] ?? 0)
          else {
            refused++
            fault(outbox.path, 'SQLITE_FULL', /disk is full. Free some space/)(result.reason)
          }
        })
      }
      assert.ok(stored.length > 500 && refused > 500, `${stored.length} and ${refused}`)
      await add(other, 1)

      execFileSync('mount', ['-o', 'remount,size=20m', place])
      await add(outbox, 10_000)
      stored.push(10_000)
      assert.equal((await outbox.read(10_000)).content.toString(), text(10_000))
      await outbox.close()
      const again = queue('queue', place)
      assert.deepEqual(await openedSeqs(again), stored)
      assert.deepEqual(notices, [])
    })

    it('can still settle and remove messages as long as the log has space', async (context) => {
      const place = await smallDisk(context, '4m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      let seq = 0
      for (; seq < 300;) await add(outbox, ++seq)
      // A content that does not fit, with changes that need little space.
      const results = await Promise.allSettled([
        outbox.add(entry(seq + 1), Buffer.alloc(8 * 1024 * 1024)),
        outbox.settle(entry(1, { state: 'settled' }), 'outcome'),
        outbox.remove(2)
      ])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['rejected', 'fulfilled', 'fulfilled']
      )
      await outbox.close()
      const contents = await queue('queue', place).open()
      assert.deepEqual(contents.settled, [1])
      assert.equal(contents.waiting, 298)
    })

    it('accepts messages again when those that filled the disk have left, together or one by one', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      let seq = 0
      const fill = async (): Promise<number[]> => {
        const stored: number[] = []
        for (let refused = 0; refused < 3;) {
          const content = Buffer.alloc(20_000, ++seq)
          await outbox.add(entry(seq), content).then(
            () => stored.push(seq),
            () => refused++
          )
        }
        return stored
      }
      for (const together of [true, false, true]) {
        const stored = await fill()
        assert.ok(stored.length > 100, `${stored.length} had room`)
        if (together) await Promise.all(stored.map((each) => outbox.remove(each)))
        else for (const each of stored) await outbox.remove(each)
      }
    })

    it('postpones removals that fail, and makes them with the next change', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      await Promise.all(Array.from({ length: 300 }, (_, i) => add(outbox, i + 1)))
      const filler = fillUp(place)
      const removed = Array.from({ length: 200 }, (_, i) => i + 1)
      const results = await Promise.allSettled(removed.map((each) => outbox.remove(each)))
      const refused = results.filter(({ status }) => status === 'rejected').length
      assert.ok(refused > 0, 'nothing was refused')
      await rm(filler)
      await outbox.update(entry(250, { attempts: 1 }))
      await outbox.close()
      assert.deepEqual(
        await openedSeqs(queue('queue', place)),
        Array.from({ length: 100 }, (_, i) => i + 201)
      )
    })

    it('records a postponed removal when it is made', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      await Promise.all(Array.from({ length: 300 }, (_, i) => add(outbox, i + 1)))
      const filler = fillUp(place)
      const removed = Array.from({ length: 200 }, (_, i) => i + 1)
      const results = await Promise.allSettled(
        removed.map((each) => outbox.remove(each, record(each)))
      )
      const postponed = removed.filter((_, i) => results[i]?.status === 'rejected')
      assert.ok(postponed.length > 0, 'nothing was refused')
      await assert.rejects(outbox.addEvent(event(1)), { code: 'SQLITE_FULL' })
      const recorded = async (): Promise<number[]> =>
        (await outbox.find(ALL)).records.map(({ seq }) => seq).reverse()
      const others = Array.from({ length: 100 }, (_, i) => i + 201)
      const queued = async (): Promise<number[]> =>
        (await outbox.find({ ...ALL, where: 'queue' })).entries.map(({ seq }) => seq)
      assert.deepEqual(await recorded(), [])
      // What has left is not in the queue, even if it is still in the file.
      assert.deepEqual(await queued(), others.toReversed())
      // Nor does a query fail with the changes that go with it.
      const refused = outbox.update(entry(250, { attempts: 1 })).catch(() => undefined)
      const asked = [queued(), outbox.events({ since: 0, limit: 10 })]
      assert.deepEqual(await Promise.all(asked), [others.toReversed(), []])
      await refused
      await rm(filler)
      await outbox.update(entry(250, { attempts: 1 }))
      await outbox.addEvent(event(2))
      assert.deepEqual(await recorded(), postponed)
      assert.equal((await outbox.events({ since: 0, limit: 10 })).length, 1)
    })

    it('removes without a record where there is room for that only', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      await Promise.all(Array.from({ length: 300 }, (_, i) => add(outbox, i + 1)))
      const filler = fillUp(place)
      // Page by page there is more room, until one fits.
      for (let isRemoved = false; !isRemoved;) {
        truncateSync(filler, statSync(filler).size - PAGE)
        isRemoved = await outbox.remove(100, record(100)).then(
          () => true,
          () => false
        )
      }
      assert.deepEqual((await outbox.find(ALL)).records, [])
      await rm(filler)
      await outbox.remove(101, record(101))
      await outbox.close()
      const again = queue('queue', place)
      const left = Array.from({ length: 300 }, (_, i) => i + 1)
      assert.deepEqual(
        await openedSeqs(again),
        left.filter((seq) => seq !== 100 && seq !== 101)
      )
      assert.deepEqual(
        (await again.find(ALL)).records.map(({ seq }) => seq),
        [101]
      )
    })

    it('makes postponed removals at the latest when it is closed', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      for (let seq = 1; seq <= 300; seq++) await add(outbox, seq)
      const filler = fillUp(place)
      const removed = Array.from({ length: 300 }, (_, i) => i + 1)
      const results = await Promise.allSettled(removed.map((each) => outbox.remove(each)))
      assert.ok(
        results.some(({ status }) => status === 'rejected'),
        'nothing was refused'
      )
      await rm(filler)
      await outbox.close()
      assert.deepEqual(await openedSeqs(queue('queue', place)), [])
    })

    it('does not list messages that have left but could not be removed', async (context) => {
      const place = await smallDisk(context, '3m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      for (let seq = 1; seq <= 300; seq++) await add(outbox, seq)
      const filler = fillUp(place)
      const removed = Array.from({ length: 200 }, (_, i) => i + 1)
      const results = await Promise.allSettled(removed.map((each) => outbox.remove(each)))
      const owed = removed.filter((_, i) => results[i]?.status === 'rejected')
      assert.ok(owed.length > 0, 'nothing was refused')
      const others = Array.from({ length: 100 }, (_, i) => i + 201)
      const page = async (limit: number): Promise<number[]> =>
        (await outbox.list({ after: 0, without: [], limit })).map(({ seq }) => seq)
      assert.deepEqual(await page(1000), others)
      // A page has the length that was asked for: a shorter one would mean that there are no more.
      assert.deepEqual(await page(5), others.slice(0, 5))
      // The removals are retried and fail again while the list is requested.
      const refused = outbox.update(entry(250, { attempts: 1 })).catch(() => undefined)
      await nextTurn()
      assert.deepEqual(await page(5), others.slice(0, 5))
      await refused
      await rm(filler)
      // The removals are retried with the change, after the list that is requested with it.
      const change = outbox.update(entry(250, { attempts: 1 }))
      assert.deepEqual(await page(5), others.slice(0, 5))
      await change
      assert.deepEqual(await page(1000), others)
      await outbox.close()
      assert.deepEqual(await openedSeqs(queue('queue', place)), others)
    })

    it('does not open a queue that it cannot write to', async (context) => {
      const place = await smallDisk(context, '64k')
      if (place === undefined) return
      writeFileSync(join(place, 'filler'), Buffer.alloc(64 * 1024))
      const outbox = queue('queue', place)
      await assert.rejects(outbox.open(), fault(outbox.path, 'SQLITE_FULL', /disk is full/))
      execFileSync('mount', ['-o', 'remount,size=4m', place])
      await outbox.open()
    })
  })

  it('says so if no thread can be started, and continues when one can', async () => {
    const path = await filled(5)
    const outbox = queue()
    noThreads = true
    try {
      await assert.rejects(
        outbox.open(),
        fault(path, 'ERR_WORKER_INIT_FAILED', /thread for it cannot be started/)
      )
    } finally {
      noThreads = false
    }
    assert.equal((await outbox.open()).waiting, 5)
    // A thread that dies while the file is open and cannot be replaced at first.
    await lastThread?.terminate()
    noThreads = true
    try {
      await assert.rejects(
        outbox.read(3),
        fault(path, 'ERR_WORKER_INIT_FAILED', /thread for it cannot be started/)
      )
    } finally {
      noThreads = false
    }
    assert.equal((await outbox.read(3)).content.toString(), text(3))
  })

  it('suspends a message that two processes were working on when they ended', async () => {
    await filled(3)
    const clean = queue()
    assert.equal((await clean.open()).unclean, false)
    await clean.close()
    // Killed while working on one message, then another, then none, then the first again.
    for (const seq of ['2', '3', '0', '2']) {
      const child = spawn(process.execPath, [script, 'at-work', directory, seq], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      for await (const line of createInterface({ input: child.stdout })) {
        if (line === 'noted') child.kill('SIGKILL')
      }
    }
    const outbox = queue()
    const contents = await outbox.open()
    assert.equal(contents.unclean, true)
    assert.deepEqual(await seqs(outbox), [1, 3])
    const [blamed] = contents.suspended
    assert.equal(blamed?.verdict?.errorCode, 'ERR_ENDED_TWICE')
    assert.deepEqual([blamed.seq, blamed.state], [2, 'suspended'])
    assert.deepEqual(contents.endedOn, contents.suspended)
    assert.equal((await outbox.read(2)).content.toString(), text(2))

    // Resent by an operator, it is not suspended again for the same reason.
    await outbox.update(entry(2))
    await outbox.close()
    const again = queue()
    const { unclean, endedOn } = await again.open()
    assert.deepEqual([unclean, endedOn, await seqs(again)], [false, [], [1, 2, 3]])
  })

  it('does not return a message that cannot be decoded, but keeps its bytes', async () => {
    await filled(3)
    const outbox = queue('queue', directory, {
      codec: {
        ...buffers,
        decode: (bytes) => {
          if (bytes.equals(Buffer.from(text(2)))) throw new SyntaxError('not understood')
          return bytes
        }
      }
    })
    await outbox.open()
    await assert.rejects(outbox.read(2), (error) => {
      assert.deepEqual((error as OutboxError).about, { controlId: 'C2', type: 'ADT^A01' })
      return fault(outbox.path, 'ERR_MESSAGE_DAMAGED', /Number 2 .* cannot be decoded/)(error)
    })
    assert.deepEqual(await seqs(outbox), [1, 3])
    await outbox.close()
    const again = queue()
    assert.deepEqual(await openedSeqs(again), [1, 3])
    await Promise.all([again.remove(1), again.remove(3), again.setPaused(undefined)])
    await assert.rejects(again.deleteFile(), fault(again.path, 'ERR_QUEUE_NOT_EMPTY', /kept/))
  })

  describe('on a disk that reports errors', () => {
    it('rejects messages that are not stored, and continues when the errors end', async (context) => {
      const { pid, stdout, child } = trickle()
      const told = { stored: [] as number[], refused: [] as number[], codes: new Set<string>() }
      const limit = (soft: string): void => {
        execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${soft}:unlimited`], { stdio: 'ignore' })
      }
      for await (const line of createInterface({ input: stdout })) {
        const [what, seq, code = ''] = line.split(' ')
        if (what === 'stored') told.stored.push(Number(seq))
        if (what === 'refused') {
          told.refused.push(Number(seq))
          told.codes.add(code)
        }
        try {
          // The file may not grow: each write beyond its end is an I/O error.
          if (told.stored.length === 20 && told.refused.length === 0) limit('200000')
          if (told.refused.length === 20) limit('unlimited')
        } catch {
          // Only prlimit changes the limit of a process that runs; macOS and Windows have none.
          child.kill()
          context.skip('setting the limit needs prlimit; runs on Debian, as in CI')
          return
        }
        if (told.refused.length >= 20 && Number(seq) > (told.refused.at(-1) ?? 0) + 20) child.kill()
      }
      assert.deepEqual([...told.codes], ['SQLITE_IOERR'])
      const outbox = queue()
      const listed = await openedSeqs(outbox)
      assert.deepEqual(
        listed.filter((seq) => seq <= (told.stored.at(-1) ?? 0)),
        told.stored
      )
    })

    function trickle(): { pid: number; stdout: Readable; child: ChildProcess } {
      const child = spawn(process.execPath, [script, 'trickle', directory, '1'], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      return { pid: child.pid ?? 0, stdout: child.stdout, child }
    }
  })

  describe('without write access', () => {
    it('says so when the file system is read-only, and opens when it no longer is', async (context) => {
      const place = await smallDisk(context, '4m')
      if (place === undefined) return
      const outbox = queue('queue', place)
      await outbox.open()
      await add(outbox, 1)
      await outbox.close()
      execFileSync('mount', ['-o', 'remount,ro', place])
      await assert.rejects(
        outbox.open(),
        fault(outbox.path, 'EROFS', /cannot be written: its file system is read-only/)
      )
      const fresh = queue('fresh', place)
      await assert.rejects(fresh.open(), fault(fresh.path, 'EROFS', /its file system is read-only/))
      execFileSync('mount', ['-o', 'remount,rw', place])
      assert.deepEqual(await openedSeqs(outbox), [1])
    })

    it('says so when the directory cannot be made', async () => {
      await writeFile(join(directory, 'file'), '')
      const outbox = queue('queue', join(directory, 'file', 'below'))
      await assert.rejects(outbox.open(), fault(outbox.path, 'ENOTDIR', /not a directory/))
    })
  })

  describe('with a file that it must not touch', () => {
    async function untouched(
      outbox: DiskOutbox<Buffer>,
      code: string,
      pattern: RegExp
    ): Promise<void> {
      const before = readFileSync(outbox.path)
      await assert.rejects(outbox.open(), fault(outbox.path, code, pattern))
      assert.ok(readFileSync(outbox.path).equals(before))
      if (code !== 'ERR_QUEUE_KEY') {
        // As when its node is deleted: such a file does not count as empty.
        await assert.rejects(outbox.deleteFile(), fault(outbox.path, code, pattern))
        assert.equal(await outbox.isInUse(), true)
      }
      assert.ok(readFileSync(outbox.path).equals(before))
      assert.deepEqual(readdirSync(directory), ['queue.sqlite'])
      assert.deepEqual(notices, [])
    }

    it('reports that it was encrypted with another key, and where that key belongs', async () => {
      await filled(3)
      await untouched(
        queue('queue', directory, { itsKey: Buffer.alloc(32, 2) }),
        'ERR_QUEUE_KEY',
        /encrypted with another key.*hl7HttpsOutQueueKey in settings\.js, or the key file/
      )
      assert.deepEqual(await openedSeqs(queue()), [1, 2, 3])
    })

    it('accepts another key for a file without messages', async () => {
      const path = await filled(1)
      const one = queue()
      await one.open()
      await one.remove(1)
      await one.close()
      const two = queue('queue', directory, { itsKey: Buffer.alloc(32, 2) })
      const { paused, lastSeq } = await two.open()
      assert.deepEqual([paused, lastSeq], [pause, 1], 'everything else is kept')
      await add(two, 2)
      await two.close()
      await assert.rejects(queue().open(), fault(path, 'ERR_QUEUE_KEY', /another key/))
      assert.deepEqual(await openedSeqs(two), [2])
    })

    it('reports that it is of a newer version', async () => {
      const path = await filled(1)
      const db = new DatabaseSync(path)
      db.exec('PRAGMA user_version = 99')
      db.close()
      await untouched(queue(), 'ERR_QUEUE_VERSION', /newer version.*file version 99/)
    })

    it('reports that it belongs to another program', async () => {
      const db = new DatabaseSync(join(directory, 'queue.sqlite'))
      db.exec('CREATE TABLE theirs (a)')
      db.close()
      await untouched(queue(), 'ERR_QUEUE_FOREIGN', /database of another program/)
    })

    it('does not open the file of another node as its own', async () => {
      const path = await filled(1)
      renameSync(path, join(directory, 'other.sqlite'))
      const other = queue('other')
      await assert.rejects(other.open(), { code: 'ERR_QUEUE_KEY' })
    })
  })

  describe('with a damaged file', () => {
    /** Overwrites the pages that `pick` selects. @returns their number */
    function damage(path: string, pick: (page: Buffer, index: number) => boolean): number {
      const bytes = readFileSync(path)
      let damaged = 0
      for (let at = 0; at < bytes.length; at += PAGE) {
        if (!pick(bytes.subarray(at, at + PAGE), at / PAGE)) continue
        bytes.fill(0x5a, at, at + PAGE)
        damaged++
      }
      writeFileSync(path, bytes)
      return damaged
    }

    const isLeaf = (page: Buffer): boolean => page[0] === 0x0d
    const ofFacts = (page: Buffer): boolean => isLeaf(page) && page.includes('ADT^A01')
    const ofContent = (page: Buffer): boolean =>
      isLeaf(page) && !page.includes('ADT^A01') && page.readUInt16BE(3) === 3

    /** Checks that the messages that can be read are as they were stored. @returns their number */
    async function readable(
      outbox: DiskOutbox<Buffer>,
      listed: readonly number[]
    ): Promise<number> {
      const results = await Promise.allSettled(listed.map((seq) => outbox.read(seq)))
      results.forEach((result, i) => {
        if (result.status === 'fulfilled') {
          assert.equal(result.value.content.toString(), text(listed[i] ?? 0))
        }
      })
      return results.filter(({ status }) => status === 'fulfilled').length
    }

    function damagedMessage(path: string, seq: number): (error: unknown) => boolean {
      return fault(path, 'ERR_MESSAGE_DAMAGED', new RegExp(`Number ${seq} .* is damaged`))
    }

    /** Changes values as a flipped bit would: against the column types of STRICT tables. */
    function tamper(path: string, ...changes: string[]): void {
      const db = new DatabaseSync(path, { defensive: false })
      const tables = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all()
      const sql = (of: (sql: string) => string): void => {
        db.exec('PRAGMA writable_schema = ON')
        const set = db.prepare('UPDATE sqlite_schema SET sql = ? WHERE name = ?')
        for (const { name = '', sql } of tables) set.run(of(String(sql)), name)
        db.exec('PRAGMA writable_schema = RESET')
      }
      sql((strict) => strict.replaceAll(/STRICT| NOT NULL/g, ''))
      for (const change of changes) db.exec(change)
      sql((strict) => strict)
      db.close()
    }

    function aside(): string {
      const [name, ...more] = readdirSync(directory).filter((file) => /damaged.*Z$/.test(file))
      assert.ok(name !== undefined && more.length === 0)
      return join(directory, name)
    }

    it('moves it aside and reads what comes before and after a damaged page', async () => {
      const path = await filled(2000)
      let leaf = 0
      assert.equal(
        damage(path, (page) => ofFacts(page) && ++leaf % 10 === 5),
        Math.floor((leaf + 5) / 10)
      )
      const damaged = readFileSync(path)
      const outbox = queue()
      const contents = await outbox.open()
      const listed = await seqs(outbox)
      assert.ok(listed.length > 1500 && listed.length < 2000, `${listed.length}`)
      assert.equal(await readable(outbox, listed), listed.length)
      assert.deepEqual(contents.paused, pause)
      assert.equal(contents.lastSeq, 2000)
      assert.equal(readFileSync(aside()).length, damaged.length)
      assert.equal(notices.length, 1)
      const [notice = ''] = notices
      assert.ok(notice.includes(`of the 2000 messages found in it, ${listed.length} could be read`))
      assert.ok(notice.includes(path) && notice.includes(aside()))
      await add(outbox, 2001)
    })

    it('finds a damaged content when it is read, and continues with the others', async () => {
      const path = await filled(600)
      let leaf = 0
      damage(path, (page) => ofContent(page) && ++leaf === 20)
      const outbox = queue()
      const listed = await openedSeqs(outbox)
      assert.equal(listed.length, 600)
      assert.equal(await readable(outbox, listed), 597)
      assert.equal(notices.length, 1)
      assert.match(notices[0] ?? '', /of the 600 messages .* 597 could be read/)
      assert.ok(existsSync(aside()))
      await outbox.close()
      assert.equal((await openedSeqs(queue())).length, 597)
    })

    it('reads a file whose first page is gone', async () => {
      const path = await filled(500)
      damage(path, (_, index) => index === 0)
      const outbox = queue()
      assert.equal(await readable(outbox, await openedSeqs(outbox)), 500)
      assert.match(notices.join(), /of the 500 messages .* 500 could be read/)
      assert.deepEqual(readdirSync(directory).length, 3, 'no working copies remain')
    })

    it('reads a file with only the leaves of its trees left', async () => {
      const path = await filled(2000)
      damage(path, (page, index) => index === 0 || !isLeaf(page))
      const outbox = queue()
      const contents = await outbox.open()
      assert.equal(await readable(outbox, await seqs(outbox)), 2000)
      assert.deepEqual(contents.paused, pause)
    })

    it('recovers long messages and every state', async () => {
      const first = queue()
      await first.open()
      const long = Buffer.alloc(700_001, 'long ')
      await first.add(entry(1), Buffer.from(long))
      await Promise.all([2, 3, 4, 5].map((seq) => add(first, seq)))
      await first.update(entry(2, { state: 'suspended', suspendedAt: 7.5, verdict }))
      await first.settle(entry(3, { attempts: 3, state: 'settled' }), 'outcome')
      await first.remove(5)
      await first.close()
      damage(first.path, (_, index) => index === 0)
      const outbox = queue()
      const contents = await outbox.open()
      assert.deepEqual(await seqs(outbox), [1, 4])
      assert.deepEqual(contents.suspended, [
        entry(2, { state: 'suspended', suspendedAt: 7.5, verdict })
      ])
      assert.deepEqual(contents.settled, [3])
      assert.equal(contents.lastSeq, 5)
      assert.equal(notices.length, 1)
      assert.ok((await outbox.read(1)).content.equals(long))
      assert.deepEqual(await outbox.read(3), {
        entry: entry(3, { state: 'settled', attempts: 3 }),
        content: Buffer.from(text(3)),
        outcome: 'outcome'
      })
    })

    it('reads a file whose end is missing', async () => {
      const path = await filled(500)
      truncateSync(path, Math.floor(statSync(path).size / 2 / PAGE) * PAGE)
      const outbox = queue()
      const read = await readable(outbox, await openedSeqs(outbox))
      assert.ok(read > 0, `${read}`)
      await add(outbox, 1000)
      assert.ok(notices.length > 0)
    })

    it('starts with an empty queue if nothing can be read', async () => {
      const path = await filled(5)
      writeFileSync(path, 'this was a database'.repeat(1000))
      const outbox = queue()
      assert.deepEqual(await openedSeqs(outbox), [])
      assert.match(notices.join(), /of the 0 messages/)
      assert.ok(readFileSync(aside(), 'latin1').startsWith('this was'))
      await add(outbox, 1)
    })

    it('moves nothing if the key may be wrong', async () => {
      const path = await filled(50)
      damage(path, (page) => isLeaf(page) && page.includes('keyCheck'))
      const wrong = queue('queue', directory, { itsKey: Buffer.alloc(32, 2) })
      await assert.rejects(
        wrong.open(),
        fault(path, 'ERR_QUEUE_KEY', /no message in it can be read with the key in use/)
      )
      assert.deepEqual(readdirSync(directory), ['queue.sqlite'])
      assert.equal((await openedSeqs(queue())).length, 50)
    })

    it('does not open a content that was put in the place of another', async () => {
      const path = await filled(3)
      const db = new DatabaseSync(path)
      const id = (seq: number): number => seq * 4 * 65_536
      db.exec(
        `UPDATE sealed SET bytes = (SELECT bytes FROM sealed WHERE id = ${id(1)}) WHERE id = ${id(2)}`
      )
      db.close()
      const outbox = queue()
      await outbox.open()
      await assert.rejects(
        outbox.read(2),
        fault(path, 'ERR_MESSAGE_DAMAGED', /Number 2 .* is damaged/)
      )
      assert.equal((await outbox.read(3)).content.toString(), text(3))
      assert.deepEqual(notices, [])

      // This is reported once, and the remains are kept.
      await outbox.remove(1)
      await outbox.remove(3)
      await outbox.setPaused(undefined)
      await outbox.close()
      assert.equal(await queue().isInUse(), false)
      const next = queue()
      assert.deepEqual(await openedSeqs(next), [])
      await assert.rejects(next.deleteFile(), { code: 'ERR_QUEUE_NOT_EMPTY' })
      assert.ok(existsSync(path))
    })

    it('reports only the messages whose bytes have become text or NULL', async () => {
      const path = await filled(3)
      tamper(
        path,
        "UPDATE sealed SET bytes = 'a text' WHERE id = (SELECT min(id) FROM sealed)",
        'UPDATE sealed SET bytes = NULL WHERE id = (SELECT max(id) FROM sealed)'
      )
      const outbox = queue()
      assert.deepEqual(await openedSeqs(outbox), [1, 2, 3])
      for (const seq of [1, 3]) await assert.rejects(outbox.read(seq), damagedMessage(path, seq))
      assert.equal((await outbox.read(2)).content.toString(), text(2))
    })

    describe('with values that were not written', () => {
      // Keeps the thread running: starting one takes longer than all the rest.
      beforeEach(() => queue('other').open())

      const tampered: [what: string, change: string, of?: Partial<Entry>][] = [
        ['a time outside the range of Date', 'accepted_at = 1e300'],
        ['no time', 'accepted_at = NULL'],
        ['no control ID', 'control_id = NULL', { controlId: '' }],
        ['a type that is bytes', "type = x'00'", { type: '' }],
        ['no lane', 'lane = NULL', { lane: '' }],
        ['attempts beyond the safe integers', 'attempts = 9223372036854775807'],
        ['attempts that are text', "attempts = 'many'"],
        ['a negative time spent', 'spent_ms = -1'],
        ['an unknown state', 'state = 7'],
        ['no state', 'state = NULL'],
        ['the state of a damaged message', `state = 3, place = 1`],
        ['a place although it is waiting', 'place = 1'],
        ['a reason that is text', "reason = 'why'"]
      ]
      for (const [what, change, expected = {}] of tampered) {
        it(`recovers a message with ${what}, and reports it`, async () => {
          const path = await filled(3)
          tamper(path, `UPDATE message SET ${change} WHERE seq = 2`)
          const outbox = queue()
          assert.equal((await outbox.open()).waiting, 3)
          const listed = await outbox.list({ after: 0, without: [], limit: 1000 })
          assert.deepEqual(
            listed.map(({ seq }) => seq),
            [1, 2, 3]
          )
          const { entry: found, content } = await outbox.read(2)
          assert.deepEqual(listed[1], found)
          assert.equal(content.toString(), text(2))
          assert.deepEqual({ ...found, acceptedAt: 0 }, { ...entry(2, expected), acceptedAt: 0 })
          assert.ok(!Number.isNaN(new Date(found.acceptedAt).getTime()))
          assert.match(notices.join(), /was damaged.* of the 3 messages .* 3 could be read/)
          await outbox.update(found)
          await outbox.close()
          assert.deepEqual(await openedSeqs(queue()), [1, 2, 3])
          assert.equal(notices.length, 1)
        })
      }

      it('does so when the message is read', async () => {
        const path = await filled(3)
        // Right for the type of the column, so that only checking the value shows it.
        tamper(path, 'UPDATE message SET spent_ms = -1 WHERE seq = 2')
        const outbox = queue()
        await outbox.open()
        assert.deepEqual(notices, [])
        assert.equal((await outbox.read(2)).entry.spentMs, 0)
        assert.match(notices.join(), /3 could be read/)
      })

      it('lists a suspended and a settled message that are missing from the index', async () => {
        const outbox = queue()
        await outbox.open()
        await Promise.all([1, 2, 3].map((seq) => add(outbox, seq)))
        await outbox.update(entry(1, { state: 'suspended', suspendedAt: 5, verdict }))
        await outbox.settle(entry(2, { state: 'settled' }), 'outcome')
        await outbox.close()
        tamper(
          outbox.path,
          'DROP INDEX not_waiting',
          'UPDATE message SET place = NULL',
          'CREATE INDEX not_waiting ON message (place) WHERE place IS NOT NULL'
        )
        const again = queue()
        const contents = await again.open()
        assert.deepEqual(await seqs(again), [3])
        assert.deepEqual(contents.settled, [2])
        assert.deepEqual(contents.suspended[0]?.verdict, verdict)
        assert.match(notices.join(), /3 could be read/)
      })

      it('skips an impossible number, and continues counting from the others', async () => {
        for (const wrong of [-5, 50_000_000, 2 ** 40, '9223372036854775807']) {
          notices = []
          const path = await filled(3)
          tamper(path, `UPDATE message SET seq = ${wrong} WHERE seq = 2`)
          const outbox = queue()
          const contents = await outbox.open()
          assert.deepEqual(await seqs(outbox), [1, 3], `${wrong}`)
          assert.equal(contents.lastSeq, 3)
          assert.match(notices.join(), /2 could be read/)
          await outbox.close()
          await rm(path)
        }
      })

      it('detects a row whose number is lower than the one before it', async () => {
        // At a page boundary and within a page: a lookup by number would miss it.
        for (const wrong of [1001, 700]) {
          notices = []
          const path = await filled(1200)
          const bytes = readFileSync(path)
          // A row begins with its length, its number (a varint) and its header: sqlite.org/fileformat2.html.
          const number = Buffer.from([0x80 | (wrong >> 7), wrong & 0x7f])
          const at = bytes.lastIndexOf(number, bytes.indexOf(`C${wrong}`))
          assert.ok(bytes.indexOf(`C${wrong}`) - at < 100)
          bytes.writeUInt8((bytes[at] ?? 0) ^ 0x04, at)
          writeFileSync(path, bytes)
          const outbox = queue()
          const listed = await openedSeqs(outbox)
          assert.deepEqual(
            listed,
            Array.from({ length: 1200 }, (_, i) => i + 1).filter((seq) => seq !== wrong)
          )
          assert.match(notices.join(), /1199 could be read/)
          await outbox.close()
          for (const file of readdirSync(directory)) {
            if (file.startsWith('queue.')) await rm(join(directory, file))
          }
        }
      })

      it('keeps the paused state, and ignores an impossible last number', async () => {
        const path = await filled(3)
        tamper(
          path,
          "UPDATE meta SET value = 'x' WHERE name IN ('paused', 'keyCheck')",
          "INSERT INTO meta VALUES ('lastSeq', 1e300)",
          "UPDATE meta SET value = 12345 WHERE name = 'uptime'"
        )
        const outbox = queue()
        const contents = await outbox.open()
        assert.deepEqual([contents.paused, contents.lastSeq], [pause, 3])
        assert.equal(contents.uptimeMs, 12_345)
        assert.deepEqual(await seqs(outbox), [1, 2, 3])
      })

      it('reads a file with a schema that SQLite cannot parse', async () => {
        const path = await filled(3)
        const bytes = readFileSync(path)
        const at = bytes.indexOf('accepted_at REAL')
        bytes.write('excepted_at', at)
        writeFileSync(path, bytes)
        assert.deepEqual(await openedSeqs(queue()), [1, 2, 3])
        assert.match(notices.join(), /3 could be read/)
      })
    })

    it('completes a rescue that crashed before its last step', async () => {
      const path = await filled(7)
      renameSync(path, `${path}.rescue`)
      assert.deepEqual(await filledQueueFiles(directory), [{ path, held: 7 }])
      renameSync(path, `${path}.rescue`)
      assert.equal(await queue().isInUse(), true)
      renameSync(path, `${path}.rescue`)
      assert.equal((await openedSeqs(queue())).length, 7)
    })

    it('assumes that a damaged file holds messages', async () => {
      const path = await filled(5)
      damage(path, () => true)
      assert.equal(await queue().isInUse(), true)
    })
  })

  describe('with an incomplete log', () => {
    /** Files as a crash leaves them: 300 messages, most of them in the log only. */
    async function crashed(): Promise<{ path: string; log: string }> {
      const outbox = queue()
      await outbox.open()
      for (let seq = 1; seq <= 300; seq++) await add(outbox, seq)
      copyFileSync(`${outbox.path}-wal`, join(directory, 'log'))
      // Copied by another process: closing the file here would release this process's lock.
      execFileSync('cp', [outbox.path, join(directory, 'copy')])
      await outbox.close()
      renameSync(join(directory, 'copy'), outbox.path)
      return { path: outbox.path, log: `${outbox.path}-wal` }
    }

    it('has everything in the log up to where it was cut off', async () => {
      const { log } = await crashed()
      renameSync(join(directory, 'log'), log)
      truncateSync(log, Math.floor(statSync(log).size / 2))
      const outbox = queue()
      const listed = await openedSeqs(outbox)
      assert.ok(listed.length > 50 && listed.length < 300, `${listed.length}`)
      assert.deepEqual(
        listed,
        listed.map((_, i) => i + 1)
      )
      await add(outbox, 1000)
    })

    it('opens without the log', async () => {
      await crashed()
      const outbox = queue()
      await outbox.open()
      await add(outbox, 1000)
    })

    it('keeps a log that is garbage, and reports it', async () => {
      const { log } = await crashed()
      writeFileSync(log, 'no log at all'.repeat(500))
      const outbox = queue()
      assert.deepEqual(await filledQueueFiles(directory), [{ path: outbox.path, held: undefined }])
      assert.equal(await outbox.isInUse(), true)
      await assert.rejects(outbox.deleteFile())
      assert.ok(existsSync(log), 'looking at it does not delete it')
      await outbox.open()
      assert.match(
        notices.join(),
        /was damaged in its write-ahead log\. It was moved with the log to .*; of the 0 messages/
      )
      assert.ok(readdirSync(directory).some((file) => /damaged.*Z-wal$/.test(file)))
    })
  })

  describe('whose files are removed or replaced while it is open', () => {
    /** An open queue with message 1, in its own directory. */
    async function running(name = 'queue'): Promise<{ outbox: DiskOutbox<Buffer>; place: string }> {
      const place = join(directory, 'place')
      const outbox = queue(name, place)
      await outbox.open()
      await add(outbox, 1)
      return { outbox, place }
    }

    /** What another process finds, so that nothing depends on a close in this one. */
    function onDisk(path: string): number[] {
      const copy = join(directory, 'copy')
      execFileSync('cp', [path, copy])
      execFileSync('cp', [`${path}-wal`, `${copy}-wal`])
      const db = new DatabaseSync(copy)
      const found = db.prepare('SELECT seq FROM message ORDER BY seq').all()
      db.close()
      return found.map(({ seq }) => seq as number)
    }

    const told = (what: RegExp): void => {
      assert.equal(notices.length, 1, notices.join())
      assert.match(notices[0] ?? '', what)
    }

    it('rewrites everything before the next promise resolves, if the directory was removed', async () => {
      const { outbox, place } = await running()
      await rm(place, { recursive: true })
      await add(outbox, 2)
      assert.deepEqual(onDisk(outbox.path), [1, 2])
      told(
        /^The queue file .* was removed or replaced .* was rewritten, and no queued message is lost/
      )
      assert.equal(statSync(outbox.path).mode & 0o777, 0o600)
      await add(outbox, 3)
      assert.equal((await outbox.read(1)).content.toString(), text(1))
      await outbox.close()
      assert.deepEqual(readdirSync(place), ['queue.sqlite'])
      assert.deepEqual(await openedSeqs(queue('queue', place)), [1, 2, 3])
      told(/was rewritten/)
    })

    it('does so if only the file was removed, or only its log', async () => {
      const { outbox } = await running()
      await rm(outbox.path)
      await add(outbox, 2)
      assert.deepEqual(onDisk(outbox.path), [1, 2])
      told(/^The queue file/)
      notices = []
      await rm(`${outbox.path}-wal`)
      await add(outbox, 3)
      assert.deepEqual(onDisk(outbox.path), [1, 2, 3])
      told(/^The write-ahead log of the queue file .* no queued message is lost/)
    })

    it('moves aside a file that has taken its place', async () => {
      const { outbox, place } = await running()
      await rm(outbox.path)
      writeFileSync(outbox.path, 'an old copy')
      await add(outbox, 2)
      told(/was moved to .*queue\.sqlite\.replaced-/)
      const [aside = ''] = readdirSync(place).filter((file) => file.includes('replaced'))
      assert.equal(readFileSync(join(place, aside), 'utf8'), 'an old copy')
      assert.deepEqual(onDisk(outbox.path), [1, 2])
    })

    it('notices it without a new message: after being idle for a while, and at the close', async () => {
      const { outbox, place } = await running()
      await rm(place, { recursive: true })
      // The file exists before it is complete; the notice comes once it is.
      for (let waits = 0; waits < 100 && notices.length === 0; waits++) await sleep(100)
      assert.deepEqual(onDisk(outbox.path), [1])
      await rm(place, { recursive: true })
      await outbox.close()
      assert.deepEqual(await openedSeqs(queue('queue', place)), [1])
      assert.equal(notices.length, 2)
    })

    it('stores nothing while the file cannot be rewritten, says so, and continues afterwards', async () => {
      const { outbox, place } = await running()
      await rm(place, { recursive: true })
      await writeFile(place, 'in the way')
      await assert.rejects(
        add(outbox, 2),
        fault(outbox.path, 'ENOTDIR', /removed or replaced .* cannot be rewritten.*not a dir/)
      )
      for (let waits = 0; waits < 100 && faults.length === 0; waits++) await sleep(100)
      assert.match(faults[0]?.message ?? '', /removed or replaced .* cannot be rewritten/)
      await rm(place)
      await add(outbox, 3)
      assert.deepEqual(onDisk(outbox.path), [1, 3])
    })

    it('leaves the file alone while another process has it open', async () => {
      const { outbox, place } = await running()
      // Beside it at first: an idle queue would notice after a while that its directory is gone, and
      // rewrite the file before the other process has opened it.
      const beside = join(directory, 'beside')
      const other = spawn(process.execPath, [script, 'hold', beside], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      await once(other.stdout, 'data')
      await rm(place, { recursive: true })
      renameSync(beside, place)
      await assert.rejects(
        add(outbox, 2),
        fault(outbox.path, 'SQLITE_BUSY', /removed or replaced .* in use by another process/)
      )
      other.kill()
      await once(other, 'exit')
      await add(outbox, 3)
      told(/was moved to .*queue\.sqlite\.replaced-/)
      assert.deepEqual(onDisk(outbox.path), [1, 3])
    })
  })

  describe('whose thread dies', () => {
    it('rejects the pending calls, tells every queue, and starts a new thread', async () => {
      const one = queue('one')
      const two = queue('two')
      await Promise.all([one.open(), two.open()])
      await Promise.all([add(one, 1), add(two, 1)])
      const dead = lastThread
      // Not a valid request: the thread throws, and nothing catches it.
      dead?.postMessage(null)
      const results = await Promise.allSettled([add(one, 2), two.read(1)])
      for (const result of results) {
        assert.ok(result.status === 'rejected')
        assert.ok(result.reason instanceof OutboxError)
        assert.match(result.reason.message, /thread that writes the queue files has ended/)
      }
      assert.equal(faults.length, 2)
      await add(one, 3)
      assert.equal((await two.read(1)).content.toString(), text(1))
      assert.notEqual(lastThread, dead)
      await one.close()
      assert.deepEqual(await openedSeqs(queue('one')), [1, 3])
    })

    it('gets a new thread if the old one ended while idle', async () => {
      const outbox = queue()
      await outbox.open()
      await add(outbox, 1)
      await lastThread?.terminate()
      await add(outbox, 2)
      assert.equal((await outbox.read(2)).content.toString(), text(2))
    })
  })
})
