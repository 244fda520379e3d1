import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deleteQueueFile, filledQueueFiles, isQueueFileInUse } from '../../src/queue/queue-files.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import {
  accept,
  buffers,
  contentOf,
  event,
  faultOf,
  findAll,
  keepQueueThread,
  message,
  moveOf,
  numbers,
  pass,
  pause,
  seqsOf,
  TestQueues,
  verdict,
  waitingSeqs
} from './set-up.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))

describe('DiskEngine', () => {
  keepQueueThread()

  let queues: TestQueues
  beforeEach(() => {
    queues = new TestQueues()
  })
  afterEach(() => queues.end())

  /** Opens the queue of an earlier run. @returns the numbers of the messages that wait */
  async function openedSeqs(): Promise<number[]> {
    const { queue } = await queues.openDisk()
    const found = await waitingSeqs(queue)
    assert.equal(found.length, queue.summary.waiting)
    await queue.close()
    return found
  }

  /** Counts transactions in the write-ahead log by their last frames (sqlite.org/fileformat2.html). */
  function transactions(): number {
    const log = readFileSync(join(queues.directory, 'queue.sqlite-wal'))
    const salt = log.subarray(16, 24)
    let count = 0
    for (let at = 32; at + 24 <= log.length; at += 24 + 4096) {
      if (!log.subarray(at + 8, at + 16).equals(salt)) break
      if (log.readUInt32BE(at + 4) !== 0) count++
    }
    return count
  }

  describe('after a restart', () => {
    it('has every state, the order of settlement and the pause', async () => {
      const { queue: first } = await queues.openDisk()
      await accept(first, ...numbers(1, 8))
      const outcome = { text: ':?E=S ü' }
      await first.move(moveOf(2, 'suspended', { verdict, outcome }))
      await first.move(moveOf(3, 'waiting', { attempts: 7, spentMs: 12.5, dueInMs: 60_000 }))
      await first.move(moveOf(5, 'awaiting', { dueInMs: 60_000, outcome: { of: 5 } }))
      await first.move(moveOf(6, 'leaving', { outcome: { of: 6 } }))
      // Not in the same millisecond.
      for (const start = Date.now(); Date.now() === start;) await nextTurn()
      await first.move(moveOf(1, 'leaving', { outcome: { of: 1 } }))
      await first.finish(4)
      await first.claimNext(1)
      await first.call('pause', pause)
      const before = await findAll(first)
      await first.close()

      const { queue } = queues.disk()
      assert.deepEqual(await queue.open(), {
        lastSeq: 8,
        pause,
        renewals: 0,
        backup: undefined,
        leaving: [6, 1],
        isUnclean: false,
        endedOn: [],
        figures: NO_FIGURES
      })
      // The restart may have fixed the cause: retries go at once.
      const expected = before.map((row) => ({ ...row, isSending: false, isRetrying: false }))
      assert.deepEqual(await findAll(queue), expected)
      for (const seq of [1, 2, 3, 5, 6, 7, 8]) {
        assert.deepEqual((await queue.read(seq)).content, contentOf(seq))
      }
      const outcomes = await Promise.all([1, 2, 3, 5, 6].map((seq) => queue.read(seq)))
      assert.deepEqual(
        outcomes.map((read) => read.outcome),
        [{ of: 1 }, outcome, undefined, { of: 5 }, { of: 6 }]
      )
      assert.deepEqual(seqsOf(await queue.claimNext(10)), [3, 7, 8])
      assert.deepEqual(queues.notices, [])
    })

    it('never assigns a number twice, even if the queue was empty', async () => {
      for (const journalDays of [14, 0]) {
        const name = `queue ${journalDays}`
        const { queue: first } = await queues.openDisk({ name, journalDays })
        await Promise.all([accept(first, 1, 2), first.finish(2), first.finish(1)])
        await first.close()
        assert.equal((await queues.disk({ name, journalDays }).queue.open()).lastSeq, 2)
      }
    })

    it('knows the same lanes, and another node knows others', async () => {
      const { queue, engine } = await queues.openDisk({ order: 'key' })
      const lane = queue.laneOf('PATIENT-4711')
      const { queue: other } = await queues.openDisk({ name: 'other', order: 'key' })
      assert.notEqual(other.laneOf('PATIENT-4711'), lane)
      await queue.close()
      await engine.open()
      assert.equal(queue.laneOf('PATIENT-4711'), lane)
    })
  })

  it('sees earlier calls even if the thread is busy when they are made', async () => {
    const { queue: other } = await queues.openDisk({ name: 'other' })
    const { queue } = await queues.openDisk()
    const busy = other.accept(message(1), Buffer.alloc(30 * 1024 * 1024))
    await nextTurn()
    const accepted = accept(queue, 1)
    await nextTurn()
    assert.deepEqual((await queue.read(1)).content, contentOf(1))
    await Promise.all([busy, accepted])
  })

  it('rejects only the invalid calls', async () => {
    const { queue } = await queues.openDisk({
      codec: {
        ...buffers,
        encode: (content) => {
          if (content.length === 0) throw new RangeError('cannot be encoded')
          return buffers.encode(content)
        }
      }
    })
    const results = await Promise.allSettled([
      accept(queue, 1),
      queue.move(moveOf(9, 'suspended')),
      queue.read(9),
      queue.accept(message(2), Buffer.alloc(0)),
      accept(queue, 3)
    ])
    assert.deepEqual(
      results.map((result) =>
        result.status === 'rejected' ? (result.reason as { code?: string }).code : 'done'
      ),
      ['done', 'ERR_NOT_QUEUED', 'ERR_NOT_QUEUED', undefined, 'done']
    )
    await queue.close()
    assert.deepEqual(await openedSeqs(), [1, 3])
  })

  describe('restores', () => {
    it('the original object of a new message, and else what the file has', async () => {
      const { queue } = await queues.openDisk({ mostBytes: 5000 })
      const contents = numbers(1, 4).map(contentOf)
      for (const [i, content] of contents.entries()) await queue.accept(message(i + 1), content)
      const restored = await Promise.all(
        (await queue.claimNext(4)).map((claim) => queue.restore(claim))
      )
      assert.deepEqual(
        restored.map(({ content }, i) => content === contents[i]),
        [false, false, false, true],
        'each takes twice its bytes plus 1024'
      )
      assert.deepEqual(
        restored.map(({ content }) => content),
        contents
      )
    })

    it('what the file has if the object was dropped after the claim', async () => {
      const { queue } = await queues.openDisk()
      await accept(queue, 1)
      const [claim] = await queue.claimNext(1)
      assert.ok(claim && claim.content === undefined)
      await accept(queue, 2)
      assert.deepEqual((await queue.restore(claim)).content, contentOf(1))
    })

    it('what the file has after a long wait', async () => {
      const { queue } = await queues.openDisk()
      const content = contentOf(1)
      await queue.accept(message(1), content)
      await queue.move(moveOf(1, 'suspended'))
      await queue.call('resend', {}, 0, 1)
      const [claim] = await queue.claimNext(1)
      assert.ok(claim)
      const restored = await queue.restore(claim)
      assert.deepEqual(restored.content, content)
      assert.notEqual(restored.content, content)
    })

    it('the object that could not be stored in full, in every state, until it is closed', async () => {
      const { queue } = await queues.openDisk({
        codec: { ...buffers, encode: () => ({ bytes: Buffer.from('a part'), whole: false }) }
      })
      const content = contentOf(1)
      await queue.accept(message(1), content)
      for (const [from, to] of [
        ['waiting', 'suspended'],
        ['suspended', 'awaiting'],
        ['awaiting', 'waiting'],
        ['waiting', 'leaving']
      ] as const) {
        await queue.move(moveOf(1, to, { from }))
        assert.equal((await queue.read(1)).content, content, to)
      }
      await queue.close()
      const { queue: again } = await queues.openDisk()
      assert.equal((await again.read(1)).content.toString(), 'a part')
    })

    it('the new text of one that could not be stored in full, after an edit', async () => {
      const { queue } = await queues.openDisk({
        mostBytes: 5000,
        codec: { ...buffers, encode: () => ({ bytes: Buffer.from('a part'), whole: false }) }
      })
      await queue.accept(message(1), contentOf(1))
      await queue.move(moveOf(1, 'suspended'))
      const text = Buffer.from('another text')
      assert.equal(await queue.edit(message(1), text), true)
      const [claim] = await queue.claimNext(1)
      assert.ok(claim)
      assert.equal((await queue.restore(claim)).content, text)
    })

    it('nothing of a message that was not stored', async () => {
      const { queue } = await queues.openDisk({
        codec: { ...buffers, encode: (bytes) => ({ bytes, whole: false }) }
      })
      await queue.close()
      await assert.rejects(accept(queue, 1), { code: 'ERR_QUEUE_CLOSED' })
      await queue.open()
      await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
    })
  })

  it('stores calls made together in one transaction', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    const before = transactions()
    await accept(queue, ...numbers(2, 501))
    assert.equal(transactions() - before, 1)
    await accept(queue, 502)
    assert.equal(transactions() - before, 2)
  })

  it('writes nothing to hand out messages, to release them or to search', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1, 2)
    const before = transactions()
    await queue.claimNext(2)
    queue.release(1)
    await queue.call('find', { limit: 10 })
    await queue.read(1)
    assert.equal(transactions(), before)
  })

  it('delays the end of a message until another change, but not for long', async (t) => {
    const { queue } = await queues.openDisk()
    for (const seq of [1, 2, 3]) await accept(queue, seq)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const before = transactions()
    const left = queue.finish(1)
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    assert.equal(transactions() - before, 0)
    await Promise.all([left, accept(queue, 4)])
    assert.equal(transactions() - before, 1)
    const alone = queue.finish(2)
    t.mock.timers.tick(20)
    await alone
    assert.equal(transactions() - before, 2)
    // Nor does a question wait.
    void queue.finish(3)
    assert.deepEqual(seqsOf(await findAll(queue, { state: 'waiting' })), [4])
  })

  it('completes delayed calls at once when it is closed', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    const left = queue.finish(1)
    await queue.close()
    await left
    assert.deepEqual(await openedSeqs(), [])
  })

  it('encodes only as much as it can hand over while 30,000 messages come', async () => {
    let encoded = 0
    let most = 0
    const { queue, engine } = await queues.openDisk({
      codec: {
        ...buffers,
        encode: (content) => {
          // Not those that the thread has stored.
          most = Math.max(most, ++encoded - engine.counts.waiting)
          return buffers.encode(content)
        }
      }
    })
    await Promise.all(
      numbers(1, 30_000).map((seq) => queue.accept(message(seq), Buffer.from('a content')))
    )
    assert.equal(queue.summary.waiting, 30_000)
    assert.ok(most <= 4096, `${most} encoded at a time`)
  })

  it('keeps a message of 50 MB', async () => {
    const { queue } = await queues.openDisk({
      codec: { ...buffers, encode: (content) => ({ bytes: content, whole: true }) }
    })
    const content = Buffer.from(new ArrayBuffer(50 * 1024 * 1024)).fill('large ')
    const copy = Buffer.from(content)
    await queue.accept(message(1), content)
    assert.equal(content.length, 0, 'it was transferred, not copied')
    await accept(queue, 2)
    assert.ok((await queue.read(1)).content.equals(copy))
  })

  it('stores messages around the size of its pieces', async () => {
    const { queue } = await queues.openDisk()
    const piece = 256 * 1024
    const outcomeOf = (size: number, text: string): object => ({
      text: Buffer.alloc(Math.max(0, size - 11), text).toString()
    })
    for (const [i, size] of [0, 1, piece - 1, piece, piece + 1, 3 * piece].entries()) {
      const seq = 2 * i + 1
      await queue.accept(message(seq), Buffer.alloc(size, 'abc'))
      await accept(queue, seq + 1)
      await queue.move(moveOf(seq, 'awaiting', { outcome: outcomeOf(size, 'def') }))
      assert.deepEqual((await queue.read(seq)).outcome, outcomeOf(size, 'def'))
      // A shorter outcome leaves nothing of a longer one behind.
      const shorter = outcomeOf(size >> 1, 'ghi')
      await queue.move(moveOf(seq, 'leaving', { from: 'awaiting', outcome: shorter }))
      const { content, outcome } = await queue.read(seq)
      assert.ok(content.equals(Buffer.alloc(size, 'abc')), `${size}`)
      assert.deepEqual(outcome, shorter)
    }
  })

  it('stores only numbers, times, codes, MSH-9 and MSH-10 of a message in plain text', async () => {
    const { queue, engine } = await queues.openDisk({ order: 'key' })
    const lane = queue.laneOf('PATIENT-4711')
    const secret = message(1, { lane, controlId: 'CONTROL-ID', type: 'ORU^R01' })
    await queue.accept(secret, Buffer.from('SECRET-CONTENT PATIENT-4711'))
    const outcome = { text: 'SECRET-OUTCOME' }
    await queue.move(moveOf(1, 'suspended', { verdict, outcome }))
    const log = readFileSync(`${engine.path}-wal`, 'latin1')
    await queue.close()
    const all = log + readFileSync(engine.path, 'latin1')
    assert.ok(all.includes('CONTROL-ID') && all.includes('ORU^R01') && all.includes('ERR_TEST'))
    assert.ok(!all.includes('SECRET') && !all.includes('4711'))
    assert.equal((await stat(engine.path)).mode & 0o777, 0o600)
  })

  it('leaves no trace of a forgotten message in the file', async () => {
    const { queue, engine } = await queues.openDisk({ journalDays: 0 })
    await queue.accept(message(1, { controlId: 'FORGOTTEN-ID' }), Buffer.from('x'))
    await queue.accept(message(2, { controlId: 'KEPT-ID' }), Buffer.from('x'))
    await queue.finish(1)
    await queue.close()
    const file = readFileSync(engine.path, 'latin1')
    assert.ok(file.includes('KEPT-ID') && !file.includes('FORGOTTEN-ID'))
  })

  it('lets only one process use the file, and one node in it', async () => {
    const child = spawn(process.execPath, [script, 'hold', queues.directory])
    await once(child.stdout, 'data')
    const { queue, engine } = queues.disk()
    await assert.rejects(
      queue.open(),
      faultOf(
        engine.path,
        'SQLITE_BUSY',
        /in use by another process.*takes over by itself.*hl7HttpsOutQueueDirectory/
      )
    )
    child.kill('SIGKILL')
    await once(child, 'close')
    await queue.open()
    assert.equal(queues.notices.length, 1)
    assert.match(queues.notices[0] ?? '', /queue\.sqlite was in use by another process/)
    // As if the node that had it before a deploy were still closing it.
    await assert.rejects(
      queues.openDisk(),
      faultOf(engine.path, 'SQLITE_BUSY', /still open in this Node-RED: .* before the deploy/)
    )
    await accept(queue, 1)
  })

  /** Lets processes work until each has written so much, and kills them. @returns what they wrote */
  async function killed(what: string, rounds: number, bytes: number): Promise<string> {
    const told = join(queues.directory, 'told')
    for (let round = 1; round <= rounds; round++) {
      const before = existsSync(told) ? (await stat(told)).size : 0
      const stdout = openSync(told, 'a')
      const child = spawn(process.execPath, [script, what, queues.directory, `${round}000000`], {
        stdio: ['ignore', stdout, 'inherit']
      })
      const closed = once(child, 'close')
      while ((await stat(told)).size < before + bytes) await sleep(3)
      child.kill('SIGKILL')
      assert.deepEqual(await closed, [null, 'SIGKILL'])
      closeSync(stdout)
    }
    return readFileSync(told, 'utf8')
  }

  function told(text: string, word: string): number[] {
    return [...text.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map((match) => Number(match[1]))
  }

  it('has each message once after kills, in the queue or among those that have left', async () => {
    const text = await killed('pass', 3, 8000)
    const { queue } = await queues.openDisk()
    const rows = await findAll(queue)
    assert.equal(new Set(seqsOf(rows)).size, rows.length)
    const left = new Set(seqsOf(rows.filter(({ state }) => state === 'left')))
    const held = new Set(seqsOf(rows.filter(({ state }) => state !== 'left')))
    assert.ok(told(text, 'left').length > 300)
    for (const seq of told(text, 'left')) assert.ok(left.has(seq), `left ${seq}`)
    for (const seq of told(text, 'stored')) assert.ok(left.has(seq) || held.has(seq), `${seq}`)
    for (const seq of held) await queue.read(seq)
    assert.ok((await queue.call('events', { since: 0, limit: 10 })).length > 0)
    assert.deepEqual(queues.notices, [])
  })

  it('keeps a process alive for a pending promise only, and prints no warning', async () => {
    const args = [script, 'add-and-end', queues.directory]
    const { stdout, stderr } = await run(process.execPath, args, { timeout: 10_000 })
    assert.deepEqual(stdout.trim().split('\n'), ['open', 'stored 1'])
    // Such as that SQLite is experimental.
    assert.equal(stderr, '')
    assert.deepEqual(await openedSeqs(), [1])
  })

  describe('deletes', () => {
    const isInUse = (): Promise<boolean> => isQueueFileInUse(queues.disk().engine.path)

    it('only the file of an empty queue', async () => {
      const { queue, engine } = queues.disk()
      assert.equal(await isInUse(), false)
      await queue.open()
      assert.equal(await isInUse(), false)
      await accept(queue, 1)
      assert.equal(await isInUse(), true)
      await queue.close()
      await assert.rejects(
        deleteQueueFile(engine.path),
        faultOf(engine.path, 'ERR_QUEUE_NOT_EMPTY', /was kept.* 1 unsent message\./)
      )
      assert.equal(await isInUse(), true)
      const again = await queues.openDisk()
      await again.queue.finish(1)
      await again.queue.close()
      await deleteQueueFile(again.engine.path)
      assert.deepEqual(await readdir(queues.directory), [])
      await deleteQueueFile(queues.disk().engine.path)
    })

    it('the file of an empty queue with all that has left it', async () => {
      const { queue, engine } = await queues.openDisk()
      await pass(queue, ...numbers(1, 10))
      await queue.call('addEvent', event(1))
      for (const isOpen of [true, false]) {
        if (!isOpen) await queue.close()
        assert.equal(await isInUse(), false)
        assert.deepEqual(await filledQueueFiles(queues.directory), [])
      }
      await deleteQueueFile(engine.path)
      assert.deepEqual(await readdir(queues.directory), [])
    })

    it('not that of an empty but paused queue, without an error about messages', async () => {
      const { queue, engine } = await queues.openDisk()
      await queue.call('pause', pause)
      assert.equal(await isInUse(), true)
      await queue.close()
      await deleteQueueFile(engine.path)
      const again = queues.disk()
      assert.deepEqual((await again.queue.open()).pause, pause)
      await again.queue.call('resume', 1)
      assert.equal(await isInUse(), false)
      await again.queue.close()
      await deleteQueueFile(again.engine.path)
      assert.deepEqual(await readdir(queues.directory), [])
    })
  })

  it('finds the files in a directory that hold messages, open or not', async () => {
    const { directory } = queues
    assert.deepEqual(await filledQueueFiles(join(directory, 'none')), [])
    const [one, two] = [
      await queues.openDisk({ name: 'one' }),
      await queues.openDisk({ name: 'two' })
    ]
    await queues.openDisk({ name: 'empty' })
    for (const { queue } of [one, two]) await accept(queue, 1)
    await two.queue.close()
    const db = new DatabaseSync(join(directory, 'theirs.sqlite'))
    db.exec('CREATE TABLE theirs (a)')
    db.close()
    await writeFile(join(directory, 'broken.sqlite'), 'no database at all'.repeat(1000))
    await writeFile(join(directory, 'other.txt'), '')
    assert.deepEqual(await filledQueueFiles(directory), [
      { path: join(directory, 'broken.sqlite'), held: undefined },
      { path: one.engine.path, held: 1 },
      { path: two.engine.path, held: 1 }
    ])
  })

  it('lets no name lead out of the directory', async () => {
    await queues.openDisk({ name: '../../etc/x\0y' })
    const files = await readdir(queues.directory)
    assert.equal(files.filter((file) => file.endsWith('.sqlite')).length, 1)
  })

  it('refuses calls when it is not open', async () => {
    const { queue } = queues.disk()
    const closed = { name: 'QueueError', code: 'ERR_QUEUE_CLOSED' }
    await assert.rejects(accept(queue, 1), closed)
    await assert.rejects(queue.read(1), closed)
    await queue.open()
    const last = accept(queue, 1)
    await queue.close()
    await last
    await assert.rejects(queue.finish(1), closed)
  })

  it('returns disk space that an empty queue does not need', async () => {
    const { queue, engine } = await queues.openDisk()
    for (const seq of numbers(1, 30)) await queue.accept(message(seq), Buffer.alloc(1024 * 1024))
    await Promise.all(numbers(1, 30).map((seq) => queue.finish(seq)))
    const isSmall = async (): Promise<boolean> => (await stat(engine.path)).size < 10 * 1024 * 1024
    for (let waits = 0; waits < 100 && !(await isSmall()); waits++) await sleep(100)
    assert.ok(await isSmall())
    assert.ok((await stat(`${engine.path}-wal`)).size <= 32 * 1024 * 1024)
  })
})
