import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { knownState } from '../../src/queue/message-row.ts'
import type { QueueError } from '../../src/queue/queue-error.ts'
import { deleteQueueFile, isQueueFileInUse } from '../../src/queue/queue-files.ts'
import { QUEUE_KEY_FILE, queueKey } from '../../src/queue/queue-key.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { SmallDisk } from '../support/small-disk.ts'
import {
  accept,
  buffers,
  contentOf,
  event,
  faultOf,
  findAll,
  keepQueueThread,
  leftWith,
  message,
  moveOf,
  numbers,
  pass,
  pause,
  seqsOf,
  TestQueues,
  verdict,
  waitingSeqs,
  type DiskQueue
} from './set-up.ts'

const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))
const OTHER_KEY = Buffer.alloc(32, 2)

describe('A queue file', () => {
  keepQueueThread()

  let queues: TestQueues
  beforeEach(() => {
    queues = new TestQueues()
  })
  afterEach(() => queues.end())

  /** Opens the queue. @returns the numbers of the messages that wait */
  async function openedSeqs({ queue }: DiskQueue = queues.disk()): Promise<number[]> {
    await queue.open()
    return waitingSeqs(queue)
  }

  /** As if the last run had not closed the file. */
  function setUnclean(): void {
    const db = new DatabaseSync(join(queues.directory, 'queue.sqlite'))
    db.exec("UPDATE meta SET value = 1 WHERE name = 'running'")
    db.close()
  }

  /** Fills the rest of the disk, as another program might. @returns the file */
  const full = { code: 'SQLITE_FULL' }

  describe('on a full disk', () => {
    it('rejects exactly the messages that are not stored, and continues when there is space again', async (context) => {
      const disk = queues.smallDisk(context, 3)
      if (disk === undefined) return
      const directory = disk.place
      const { queue, engine } = await queues.openDisk({ directory })
      const { queue: other } = await queues.openDisk({ name: 'other' })
      const stored: number[] = []
      let refused = 0
      for (let first = 1; first < 6000; first += 100) {
        const turn = numbers(first, first + 99)
        const results = await Promise.allSettled(turn.map((seq) => accept(queue, seq)))
        results.forEach((result, i) => {
          if (result.status === 'fulfilled') stored.push(turn[i] ?? 0)
          else {
            refused++
            const check = faultOf(
              engine.path,
              'SQLITE_FULL',
              /the disk is full\. .* Free some space/
            )
            check(result.reason)
          }
        })
      }
      assert.ok(stored.length >= 490 && refused > 500, `${stored.length} and ${refused}`)
      await accept(other, 1)

      execFileSync('mount', ['-o', 'remount,size=20m', directory])
      await accept(queue, 10_000, 10_001)
      stored.push(10_000, 10_001)
      assert.deepEqual((await queue.read(10_000)).content, contentOf(10_000))
      await queue.close()
      assert.deepEqual(await openedSeqs(queues.disk({ directory })), stored)
      assert.deepEqual(queues.notices, [])
    })

    it('can still settle and finish messages', async (context) => {
      const disk = queues.smallDisk(context, 4)
      if (disk === undefined) return
      const directory = disk.place
      const { queue } = await queues.openDisk({ directory })
      for (let seq = 1; seq <= 300; seq++) await accept(queue, seq)
      // A content that does not fit, with changes that need little space.
      const results = await Promise.allSettled([
        queue.accept(message(301), Buffer.alloc(8 * 1024 * 1024)),
        queue.move(moveOf(1, 'leaving', { outcome: { of: 1 } })),
        queue.finish(2)
      ])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['rejected', 'fulfilled', 'fulfilled']
      )
      await queue.close()
      const { queue: again } = queues.disk({ directory })
      assert.deepEqual((await again.open()).leaving, [1])
      assert.equal(again.summary.waiting, 298)
    })

    it('accepts messages again when those that filled it have left, together or one by one', async (context) => {
      const disk = queues.smallDisk(context, 8)
      if (disk === undefined) return
      const directory = disk.place
      const { queue } = await queues.openDisk({ directory })
      let seq = 0
      const fill = async (): Promise<number[]> => {
        const stored: number[] = []
        for (let refused = 0; refused < 3;) {
          const content = Buffer.alloc(20_000, ++seq)
          await queue.accept(message(seq), content).then(
            () => stored.push(seq),
            () => refused++
          )
        }
        return stored
      }
      for (const together of [true, false, true]) {
        const stored = await fill()
        assert.ok(stored.length > 100, `${stored.length} had room`)
        if (together) await Promise.all(stored.map((each) => queue.finish(each)))
        else for (const each of stored) await queue.finish(each)
      }
    })

    it('leaves as it was what cannot be changed, in the file and in what is handed out', async (context) => {
      const disk = queues.smallDisk(context, 3)
      if (disk === undefined) return
      const directory = disk.place
      const { queue } = await queues.openDisk({ directory })
      await accept(queue, ...numbers(1, 300))
      const claimed = await queue.claimNext(200)
      disk.fillUp()
      const outcome = { text: 'x'.repeat(5000) }
      const results = await Promise.allSettled(
        seqsOf(claimed).map((seq) => queue.move(moveOf(seq, 'suspended', { outcome })))
      )
      const refused = seqsOf(claimed).filter((_, i) => results[i]?.status === 'rejected')
      assert.ok(refused.length > 0, 'nothing was refused')
      const at = Date.now()
      await assert.rejects(queue.call('addEvent', event(1, { at })), full)
      await assert.rejects(queue.call('addEvent', event(9, { at }), true), full)
      // It can be read all the same, as it has grown, and is stored with the next one that can be.
      const counts = async (): Promise<unknown[]> =>
        (await queue.call('events', { since: 0, limit: 10 })).map(({ values }) => values['count'])
      assert.deepEqual(await counts(), [9])
      // Nor does a question fail with the changes that go with it.
      const [, found] = await Promise.all([
        assert.rejects(queue.move(moveOf(250, 'suspended', { outcome })), full),
        queue.call('find', { limit: 1000, state: 'sending' })
      ])
      assert.deepEqual(seqsOf(found.messages).reverse(), refused)
      assert.equal(queue.summary.suspended, 200 - refused.length)
      // Nothing is stored for a release.
      for (const seq of refused) queue.release(seq)
      assert.deepEqual(seqsOf(await queue.claimNext(1)), refused.slice(0, 1))
      disk.cleanUp()
      await queue.call('addEvent', event(2))
      assert.deepEqual(await counts(), [2, 9])
      await queue.close()
      const again = queues.disk({ directory })
      assert.deepEqual(await openedSeqs(again), [...refused, ...numbers(201, 300)])
      const stored = await again.queue.call('events', { since: 0, limit: 10 })
      assert.deepEqual(
        stored.map(({ values }) => values['count']),
        [2, 9]
      )
    })

    it('stores no figures, and gives no kept contents up for them', async (context) => {
      const disk = queues.smallDisk(context, 4)
      if (disk === undefined) return
      const { queue } = await queues.openDisk({ directory: disk.place, contentDays: 7 })
      const ids = numbers(1, 200)
      await accept(queue, ...ids)
      await Promise.all(ids.map((seq) => queue.finish(seq)))
      disk.fillUp()
      const figures = { ...NO_FIGURES, lastAckAt: 5 }
      for (let second = 0; second < 20; second++) {
        await assert.rejects(queue.call('keepFigures', figures), full)
      }
      for (const seq of ids) assert.deepEqual((await queue.read(seq)).content, contentOf(seq))
      disk.cleanUp()
      await queue.call('keepFigures', figures)
    })

    it('stores nothing that would leave no room to write it back: what leaves still finds some', async (context) => {
      const disk = queues.smallDisk(context, 4)
      if (disk === undefined) return
      const { queue } = await queues.openDisk({ directory: disk.place })
      await accept(queue, ...numbers(1, 300))
      disk.fillUp()
      const outcome = { text: 'x'.repeat(3500) }
      const results = await Promise.allSettled(
        numbers(1, 300).map((seq) => queue.move(moveOf(seq, 'suspended', { outcome })))
      )
      assert.ok(results.some(({ status }) => status === 'rejected'))
      // One by one, and without any other space.
      for (const seq of numbers(1, 300)) await queue.finish(seq)
    })

    it('removes what leaves though another program has taken all space, and remembers less of it', async (context) => {
      // With the second length, not a byte is free on the first page of the rows.
      for (const [length, remembered] of [
        [10, 30],
        [11, 29]
      ] as const) {
        const disk = queues.smallDisk(context, 4)
        if (disk === undefined) return
        const options = { directory: disk.place, name: `length-${length}` }
        const { queue } = await queues.openDisk(options)
        const accepted = numbers(1, 300).map((seq) => {
          const controlId = `C${seq}`.padEnd(length, 'x')
          return queue.accept(message(seq, { controlId }), contentOf(seq))
        })
        await Promise.all(accepted)
        disk.fillUp()
        // How they left takes more room than there is, until the contents of some are gone.
        for (const seq of numbers(1, 30)) {
          await queue.finish(seq, leftWith({ ...verdict, outcome: 'ack' }))
        }
        const rows = await findAll(queue)
        const left = rows.filter(({ state }) => state === 'left')
        const known = left.filter((row) => row.verdict.ackCode === 'AE')
        assert.deepEqual([left.length, known.length], [remembered, 27])
        const unknown = await findAll(queue, { state: 'left' })
        assert.equal(unknown.length, remembered - 27)
        assert.deepEqual(new Set(left.map(knownState)), new Set(['acked', 'left']))
        disk.cleanUp()
        await queue.close()
        assert.deepEqual(await openedSeqs(queues.disk(options)), numbers(31, 300))
      }
    })

    it('gives kept contents up for what becomes of messages', async (context) => {
      const disk = queues.smallDisk(context, 4)
      if (disk === undefined) return
      const { queue } = await queues.openDisk({ directory: disk.place, contentDays: 7 })
      await pass(queue, ...numbers(1, 100))
      await accept(queue, ...numbers(101, 110))
      disk.fillUp()
      const outcome = { text: 'x'.repeat(3500) }
      for (const seq of numbers(101, 110)) await queue.move(moveOf(seq, 'leaving', { outcome }))
      await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
      const states = (await findAll(queue)).map(({ state }) => state)
      assert.deepEqual(
        [
          states.filter((state) => state === 'left').length,
          states.filter((state) => state === 'leaving').length
        ],
        [100, 10]
      )
    })

    it('does not open a queue that it cannot write to', async (context) => {
      const disk = queues.smallDisk(context, 1 / 16)
      if (disk === undefined) return
      const directory = disk.place
      disk.fillUp()
      const { queue, engine } = queues.disk({ directory })
      await assert.rejects(queue.open(), faultOf(engine.path, 'SQLITE_FULL', /disk is full/))
      execFileSync('mount', ['-o', 'remount,size=4m', directory])
      await queue.open()
    })
  })

  it('suspends a message over which two processes ended', async () => {
    await queues.file(1, 2, 3)
    const clean = queues.disk()
    assert.equal((await clean.queue.open()).isUnclean, false)
    await clean.queue.close()
    // Killed while working on one message, then another, then none, then the first again.
    for (const seq of ['2', '3', '0', '2']) {
      const child = spawn(process.execPath, [script, 'work', queues.directory, seq], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      for await (const line of createInterface({ input: child.stdout })) {
        if (line === 'begun') child.kill('SIGKILL')
      }
    }
    const { queue } = queues.disk()
    const { isUnclean, endedOn, figures } = await queue.open()
    assert.deepEqual([isUnclean, figures.ended?.count], [true, 4])
    assert.deepEqual(
      endedOn.map(({ seq, state, verdict: { errorCode } }) => [seq, state, errorCode]),
      [[2, 'suspended', 'ERR_ENDED_TWICE']]
    )
    assert.deepEqual(await waitingSeqs(queue), [1, 3])
    assert.deepEqual((await queue.read(2)).content, contentOf(2))
    // Operators are told how often that was, and the message itself, too.
    const events = await queue.call('events', { since: 0, limit: 10 })
    const told = events.map(({ kind, values }) => [kind, values['count']])
    assert.deepEqual(told, [['ended', 4]])
    const acts = endedOn[0]?.story.map((record) => 'act' in record && record.act)
    assert.deepEqual(acts, ['ended', 'ended', 'suspended'])

    // It is said once.
    await queue.close()
    setUnclean()
    assert.deepEqual((await queue.open()).endedOn, [])
    // Resent by an operator, it is not suspended again for the same reason.
    await queue.call('resend', { ids: [2] }, 0, 1)
    await queue.close()
    const { queue: again } = queues.disk()
    const opened = await again.open()
    assert.deepEqual([opened.isUnclean, opened.endedOn], [false, []])
    assert.deepEqual(await waitingSeqs(again), [1, 2, 3])
  })

  it('does not blame a message for work that came to its end', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    for (let i = 0; i < 3; i++) {
      await queue.call('beginWork', 1)
      await queue.call('endWork', 1)
    }
    await queue.close()
    setUnclean()
    assert.deepEqual((await queues.disk().queue.open()).endedOn, [])
  })

  it('keeps the bytes of a message that cannot be decoded, and does not send it', async () => {
    await queues.file(1, 2, 3)
    const { queue, engine } = await queues.openDisk({
      codec: {
        ...buffers,
        decode: (bytes) => {
          if (bytes.equals(contentOf(2))) throw new SyntaxError('not understood')
          return bytes
        }
      }
    })
    const restored = await Promise.allSettled(
      (await queue.claimNext(9)).map((claim) => queue.restore(claim))
    )
    assert.deepEqual(
      restored.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled']
    )
    const { reason } = restored[1] as { reason: QueueError }
    assert.match(reason.message, /Message 2 .* is damaged and cannot be read.* stays in the file/)
    assert.deepEqual(
      [reason.code, reason.about],
      ['ERR_MESSAGE_DAMAGED', { controlId: 'C2', type: 'ADT^A01' }]
    )
    assert.deepEqual(await waitingSeqs(queue), [1, 3])
    assert.equal(queue.summary.waiting, 2)
    await queue.close()

    const again = queues.disk()
    assert.deepEqual(await openedSeqs(again), [1, 3])
    await Promise.all([again.queue.finish(1), again.queue.finish(3), again.queue.call('resume', 1)])
    assert.equal(await isQueueFileInUse(again.engine.path), false)
    await again.queue.close()
    await assert.rejects(
      deleteQueueFile(again.engine.path),
      faultOf(engine.path, 'ERR_QUEUE_NOT_EMPTY', /kept/)
    )
  })

  describe('on a disk that reports errors', () => {
    it('rejects messages that are not stored, and continues when the errors end', async (context) => {
      const child = spawn(process.execPath, [script, 'trickle', queues.directory, '1'], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      const stored: number[] = []
      const refused: number[] = []
      const codes = new Set<string>()
      const limit = (soft: string): void => {
        execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${soft}:unlimited`], {
          stdio: 'ignore'
        })
      }
      for await (const line of createInterface({ input: child.stdout })) {
        const [what, seq, code = ''] = line.split(' ')
        if (what === 'stored') stored.push(Number(seq))
        if (what === 'refused') {
          refused.push(Number(seq))
          codes.add(code)
        }
        try {
          // The file may not grow: each write beyond its end is an I/O error.
          if (stored.length === 20 && refused.length === 0) limit('200000')
          if (refused.length === 20) limit('unlimited')
        } catch (error) {
          child.kill()
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
          // Only prlimit changes the limit of a process that runs; macOS and Windows have none.
          context.skip('setting the limit needs prlimit; runs on Debian, as in CI')
          return
        }
        if (refused.length >= 20 && Number(seq) > (refused.at(-1) ?? 0) + 20) child.kill()
      }
      assert.deepEqual([...codes], ['SQLITE_IOERR'])
      const found = await openedSeqs()
      assert.deepEqual(
        found.filter((seq) => seq <= (stored.at(-1) ?? 0)),
        stored
      )
    })
  })

  describe('without write access', () => {
    it('says so when the file system is read-only, and opens when it no longer is', async (context) => {
      const disk = queues.smallDisk(context, 4)
      if (disk === undefined) return
      const directory = disk.place
      const { queue, engine } = await queues.openDisk({ directory })
      await accept(queue, 1)
      await queue.close()
      execFileSync('mount', ['-o', 'remount,ro', directory])
      for (const name of ['queue', 'fresh']) {
        const { queue: refused, engine } = queues.disk({ directory, name })
        await assert.rejects(
          refused.open(),
          faultOf(engine.path, 'EROFS', /its file system is read-only\. Make it writable.*QueueKey/)
        )
      }
      await assert.rejects(
        queueKey(undefined, directory),
        faultOf(join(directory, QUEUE_KEY_FILE), 'EROFS', /read-only.*Set hl7HttpsOutQueueKey.*Dir/)
      )
      execFileSync('mount', ['-o', 'remount,rw', directory])
      assert.deepEqual(await openedSeqs({ queue, engine }), [1])
    })

    it('says so when the file system becomes read-only while it is open, as after an error of the disk', async (context) => {
      const disk = SmallDisk.mount(context, 'ext4', 16)
      if (disk === undefined) return
      try {
        const { queue, engine } = await queues.openDisk({ directory: disk.place })
        await accept(queue, 1)
        execFileSync('mount', ['-o', 'remount,abort', disk.place])
        const isTold = faultOf(engine.path, 'EROFS', /its file system is read-only\. Make it/)
        for (const seq of [2, 3]) await assert.rejects(accept(queue, seq), isTold)
        for (const fault of queues.faults) isTold(fault)
        await assert.rejects(queue.close())
      } finally {
        disk.end()
      }
    })

    it('says so when the directory cannot be made', async () => {
      await writeFile(join(queues.directory, 'file'), '')
      const { queue, engine } = queues.disk({ directory: join(queues.directory, 'file', 'below') })
      await assert.rejects(queue.open(), faultOf(engine.path, 'ENOTDIR', /not a directory/))
    })
  })

  describe('that must not be touched', () => {
    async function untouched(
      { queue, engine }: DiskQueue,
      code: string,
      pattern: RegExp
    ): Promise<void> {
      const { path } = engine
      const before = readFileSync(path)
      await assert.rejects(queue.open(), faultOf(path, code, pattern))
      assert.ok(readFileSync(path).equals(before))
      if (code !== 'ERR_QUEUE_KEY') {
        // As when its node is deleted: such a file does not count as empty.
        await assert.rejects(deleteQueueFile(engine.path), faultOf(path, code, pattern))
        assert.equal(await isQueueFileInUse(engine.path), true)
      }
      assert.ok(readFileSync(path).equals(before))
      assert.deepEqual(readdirSync(queues.directory), ['queue.sqlite'])
      assert.deepEqual(queues.notices, [])
    }

    it('is left alone if it was encrypted with another key, and it says where that key belongs', async () => {
      await queues.file(1, 2, 3)
      await untouched(
        queues.disk({ key: () => Promise.resolve(OTHER_KEY) }),
        'ERR_QUEUE_KEY',
        /encrypted with another key.*hl7HttpsOutQueueKey in settings\.js, or the key file/
      )
      assert.deepEqual(await openedSeqs(), [1, 2, 3])
    })

    it('takes another key when there is no message in it', async () => {
      const path = await queues.file(1)
      const { queue: one } = await queues.openDisk()
      await one.finish(1)
      await one.close()
      const other = queues.disk({ key: () => Promise.resolve(OTHER_KEY) })
      const opened = await other.queue.open()
      assert.deepEqual([opened.pause, opened.lastSeq], [pause, 1], 'everything else is kept')
      await accept(other.queue, 2)
      await other.queue.close()
      await assert.rejects(queues.openDisk(), faultOf(path, 'ERR_QUEUE_KEY', /another key/))
      assert.deepEqual(await openedSeqs(other), [2])
    })

    it('takes no other key while a damaged message is in it, of which the old one may still read something', async () => {
      const { queue } = await queues.openDisk()
      await accept(queue, 1)
      const db = new DatabaseSync(join(queues.directory, 'queue.sqlite'))
      await queue.close()
      db.exec("UPDATE sealed SET bytes = x'00'")
      db.close()
      const { queue: next } = await queues.openDisk()
      const [claim] = await next.claimNext(1)
      assert.equal(claim?.isDamaged, true)
      await next.close()
      await untouched(
        queues.disk({ key: () => Promise.resolve(OTHER_KEY) }),
        'ERR_QUEUE_KEY',
        /encrypted with another key/
      )
    })

    for (const version of [3, 99]) {
      it(`is left alone if it is of another version, and it says how to go on: ${version}`, async () => {
        const db = new DatabaseSync(await queues.file(1))
        db.exec(`PRAGMA user_version = ${version}`)
        db.close()
        await untouched(
          queues.disk(),
          'ERR_QUEUE_VERSION',
          new RegExp(
            `another version.*file version ${version}.*Start the version that wrote it, and let it run empty; or move the file away`
          )
        )
      })
    }

    it('is left alone if it belongs to another program', async () => {
      const db = new DatabaseSync(join(queues.directory, 'queue.sqlite'))
      db.exec('CREATE TABLE theirs (a)')
      db.close()
      await untouched(queues.disk(), 'ERR_QUEUE_FOREIGN', /database of another program/)
    })

    it('is not opened as that of another node', async () => {
      renameSync(await queues.file(1), join(queues.directory, 'other.sqlite'))
      await assert.rejects(queues.openDisk({ name: 'other' }), { code: 'ERR_QUEUE_KEY' })
    })
  })

  describe('that is removed or replaced while it is open', () => {
    /** An open queue with message 1, in its own directory. */
    async function running(): Promise<DiskQueue & { place: string }> {
      const place = join(queues.directory, 'place')
      const { queue, engine } = await queues.openDisk({ directory: place })
      await accept(queue, 1)
      return { queue, engine, place }
    }

    /** What another process finds, so that nothing depends on a close in this one. */
    function onDisk(path: string): number[] {
      const copy = join(queues.directory, 'copy')
      execFileSync('cp', [path, copy])
      execFileSync('cp', [`${path}-wal`, `${copy}-wal`])
      const db = new DatabaseSync(copy)
      const found = db.prepare('SELECT seq FROM message ORDER BY seq').all()
      db.close()
      return found.map(({ seq }) => seq as number)
    }

    function told(what: RegExp): void {
      assert.equal(queues.notices.length, 1, queues.notices.join())
      assert.match(queues.notices[0] ?? '', what)
    }

    it('is written again before the next promise resolves, if its directory was removed', async () => {
      const { queue, engine, place } = await running()
      await queue.claimNext(1)
      await rm(place, { recursive: true })
      await accept(queue, 2)
      assert.deepEqual(onDisk(engine.path), [1, 2])
      told(
        /^The queue file .* was removed or replaced .* was rewritten, and no queued message is lost/
      )
      assert.equal(statSync(engine.path).mode & 0o777, 0o600)
      await accept(queue, 3)
      assert.deepEqual((await queue.read(1)).content, contentOf(1))
      assert.deepEqual(seqsOf(await queue.claimNext(9)), [2, 3], 'what is handed out stays so')
      await queue.close()
      assert.deepEqual(readdirSync(place), ['queue.sqlite'])
      const again = queues.disk({ directory: place })
      assert.equal((await again.queue.open()).isUnclean, false)
      assert.deepEqual(await waitingSeqs(again.queue), [1, 2, 3])
      told(/was rewritten/)
    })

    it('is written again if only the file was removed, or only its log', async () => {
      const { queue, engine } = await running()
      await rm(engine.path)
      await accept(queue, 2)
      assert.deepEqual(onDisk(engine.path), [1, 2])
      told(/^The queue file/)
      queues.notices = []
      await rm(`${engine.path}-wal`)
      await accept(queue, 3)
      assert.deepEqual(onDisk(engine.path), [1, 2, 3])
      told(/^The write-ahead log of the queue file .* no queued message is lost/)
    })

    it('takes its place again from another file, which is moved aside', async () => {
      const { queue, engine, place } = await running()
      await rm(engine.path)
      writeFileSync(engine.path, 'an old copy')
      await accept(queue, 2)
      told(/was moved to .*queue\.sqlite\.replaced-/)
      const [aside = ''] = readdirSync(place).filter((file) => file.includes('replaced'))
      assert.equal(readFileSync(join(place, aside), 'utf8'), 'an old copy')
      assert.deepEqual(onDisk(engine.path), [1, 2])
    })

    it('is written again without a new message: after being idle for a while, and at the close', async () => {
      const { queue, engine, place } = await running()
      await rm(place, { recursive: true })
      // The file exists before it is complete; the notice comes once it is.
      for (let waits = 0; waits < 100 && queues.notices.length === 0; waits++) await sleep(100)
      assert.deepEqual(onDisk(engine.path), [1])
      await rm(place, { recursive: true })
      await queue.close()
      assert.deepEqual(await openedSeqs(queues.disk({ directory: place })), [1])
      assert.equal(queues.notices.length, 2)
    })

    it('hands out nothing twice after it was written again while nothing happened', async () => {
      const { queue, place } = await running()
      assert.deepEqual(seqsOf(await queue.claimNext(1)), [1])
      await accept(queue, 2)
      await rm(place, { recursive: true })
      for (let waits = 0; waits < 100 && queues.notices.length === 0; waits++) await sleep(100)
      assert.deepEqual(seqsOf(await queue.claimNext(9)), [2])
    })

    it('stores nothing while it cannot be written again, says so, and continues afterwards', async () => {
      const { queue, engine, place } = await running()
      await rm(place, { recursive: true })
      await writeFile(place, 'in the way')
      await assert.rejects(
        accept(queue, 2),
        faultOf(engine.path, 'ENOTDIR', /removed or replaced .* cannot be rewritten.*not a dir/)
      )
      for (let waits = 0; waits < 100 && queues.faults.length === 0; waits++) await sleep(100)
      assert.match(queues.faults[0]?.message ?? '', /removed or replaced .* cannot be rewritten/)
      await rm(place)
      await accept(queue, 3)
      assert.deepEqual(onDisk(engine.path), [1, 3])
    })

    it('gives way to another process that has a file there open', async () => {
      const { queue, engine, place } = await running()
      // Beside it at first: an idle queue would notice after a while that its directory is gone, and
      // rewrite the file before the other process has opened it.
      const beside = join(queues.directory, 'beside')
      const other = spawn(process.execPath, [script, 'hold', beside], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      await once(other.stdout, 'data')
      await rm(place, { recursive: true })
      renameSync(beside, place)
      await assert.rejects(
        accept(queue, 2),
        faultOf(engine.path, 'SQLITE_BUSY', /removed or replaced .* in use by another process/)
      )
      other.kill()
      await once(other, 'exit')
      await accept(queue, 3)
      told(/was moved to .*queue\.sqlite\.replaced-/)
      assert.deepEqual(onDisk(engine.path), [1, 3])
    })
  })
})
