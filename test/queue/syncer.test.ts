/** What is told when: with syncs that a test holds back, or lets fail. */
import assert from 'node:assert/strict'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import threads, { Worker } from 'node:worker_threads'
import { DiskSpace } from '../../src/queue/disk-space.ts'
import type { MessageQueue } from '../../src/queue/message-queue.ts'
import {
  accept,
  contentOf,
  event,
  findAll,
  message,
  moveOf,
  numbers,
  pause,
  seqsOf,
  TestQueues,
  verdict,
  waitingSeqs,
  leftWith
} from './set-up.ts'

const syncs = new Int32Array(new SharedArrayBuffer(32))
const [HELD, FAIL, BEGUN, NOW, MOST, LET, DISK, FAIL_NAMES] = [0, 1, 2, 3, 4, 5, 6, 7] as const
threads.setEnvironmentData('syncs', syncs.buffer)
const preload = pathToFileURL(join(import.meta.dirname, 'held-syncs.js')).href

let lastThread: Worker | undefined
/** So many answers to calls are lost: the thread dies when it has made them. */
let lostAnswers = 0
threads.Worker = class extends Worker {
  constructor(...[file, options]: ConstructorParameters<typeof Worker>) {
    super(file, { ...options, execArgv: ['--import', preload] })
    keepThread(this)
  }

  override emit(name: string | symbol, ...args: unknown[]): boolean {
    const [reply] = args as [{ results?: unknown }?]
    if (name !== 'message' || reply?.results === undefined || lostAnswers === 0) {
      return super.emit(name as 'message', ...args)
    }
    lostAnswers--
    void this.terminate()
    return false
  }
}
syncBuiltinESMExports()
function keepThread(thread: Worker): void {
  lastThread = thread
}

function hold(): void {
  Atomics.store(syncs, HELD, 1)
}

/** Those that begin from now on. */
function holdNext(): void {
  Atomics.store(syncs, LET, Atomics.load(syncs, BEGUN))
  hold()
}

function letGo(): void {
  Atomics.store(syncs, HELD, 0)
}

/** Lets the next sync fail. */
function fail(count = 1): void {
  Atomics.store(syncs, FAIL, count)
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waits = 0; !isSo(); waits++) {
    assert.ok(waits < 2000, 'it takes too long')
    await sleep(5)
  }
}

/** What has come of calls. */
class Watched {
  readonly states: string[] = []
  readonly ended: Promise<unknown>

  constructor(calls: readonly Promise<unknown>[]) {
    this.ended = Promise.allSettled(
      calls.map(async (call, i) => {
        this.states[i] = 'waits'
        try {
          await call
          this.states[i] = 'done'
        } catch (error) {
          this.states[i] = (error as { code?: string }).code ?? 'failed'
        }
      })
    )
  }
}

describe('A sync', () => {
  let queues: TestQueues
  beforeEach(() => {
    syncs.fill(0)
    queues = new TestQueues()
  })
  afterEach(async () => {
    letGo()
    fail(0)
    Atomics.store(syncs, FAIL_NAMES, 0)
    await queues.end()
  })

  async function opened(...seqs: number[]): Promise<MessageQueue<Buffer>> {
    const { queue } = await queues.openDisk()
    await accept(queue, ...seqs)
    return queue
  }

  /** Until all that was asked for is stored. */
  async function stored(queue: MessageQueue<Buffer>): Promise<void> {
    await queue.call('find', { limit: 1 })
  }

  it('is waited for by whom it was promised to, and by nobody else', async () => {
    const queue = await opened(...numbers(1, 9))
    await Promise.all([6, 7].map((seq) => queue.move(moveOf(seq, 'suspended'))))
    await queue.claimNext(2)
    hold()
    const waiting = new Watched([
      accept(queue, 10),
      queue.call('resend', {}, 0, 1),
      queue.edit(message(7), contentOf(7)),
      queue.call('pause', pause),
      queue.call('resume', 1),
      queue.call('beginWork', 3),
      queue.move(moveOf(8, 'suspended'), true)
    ])
    const others = await Promise.all([
      queue.move(moveOf(1, 'leaving')),
      queue.finish(1),
      queue.finish(2, leftWith(verdict)),
      queue.call('makeDue', [3]),
      queue.call('endWork', 3),
      queue.call('addEvent', event(1)),
      queue.read(10),
      queue.call('find', { limit: 1 }),
      queue.call('claimEarly', 3)
    ])
    assert.equal(others.length, 9)
    assert.deepEqual(waiting.states, Array(7).fill('waits'))
    letGo()
    await waiting.ended
    assert.deepEqual(waiting.states, Array(7).fill('done'))
  })

  it('is waited for before a message is handed out that was accepted, edited or resent', async () => {
    const queue = await opened(1, 2, 3)
    await Promise.all([2, 3].map((seq) => queue.move(moveOf(seq, 'suspended'))))
    hold()
    const changes = [queue.call('resend', { ids: [2] }, 0, 1), queue.edit(message(3), contentOf(3))]
    assert.deepEqual(seqsOf(await queue.claimNext(1)), [1], 'an earlier one does not wait')
    const claims = [queue.claimNext(1), queue.claimNext(1)]
    const accepted = accept(queue, 4)
    claims.push(queue.claimNext(1))
    const watched = new Watched(claims)
    await stored(queue)
    assert.deepEqual(watched.states, ['waits', 'waits', 'waits'])
    letGo()
    assert.deepEqual((await Promise.all(claims)).flatMap(seqsOf), [2, 3, 4])
    await Promise.all([...changes, accepted])
  })

  it('is begun soon even if nobody waits for it', async () => {
    const queue = await opened(1)
    const before = Atomics.load(syncs, BEGUN)
    await queue.finish(1)
    await until(() => Atomics.load(syncs, BEGUN) > before)
  })

  it('makes safe what was committed before it began, and nothing else', async () => {
    // Its sync has made all of the opening safe, too: the next one is for the next message.
    const queue = await opened(1)
    hold()
    const accepted = new Watched([accept(queue, 2)])
    await until(() => Atomics.load(syncs, NOW) === 1)
    const later = new Watched([accept(queue, 3)])
    await stored(queue)
    // The first one ends, and the next one begins.
    holdNext()
    await accepted.ended
    await until(() => Atomics.load(syncs, NOW) === 1)
    await stored(queue)
    assert.deepEqual([...accepted.states, ...later.states], ['done', 'waits'])
    letGo()
    await later.ended
  })

  it('holds up nobody who was promised nothing, however long there is always something to sync', async () => {
    const queue = await opened(...numbers(1, 1000))
    let seq = 1
    const move = (): Promise<boolean> => queue.move(moveOf(seq++, 'leaving'))
    let began = performance.now()
    /** Commits while the one before is being synced. Only a machine that is too slow makes that last a second. */
    const during = async (): Promise<string | undefined> => {
      // Where the sync before began, of which the next commit is not a part.
      const since = began
      began = performance.now()
      holdNext()
      const first = move()
      await until(() => Atomics.load(syncs, NOW) === 1)
      const call = new Watched([move()])
      await stored(queue)
      const [state] = performance.now() - since < 900 ? call.states : ['done']
      // As long as a sync takes; on a quick machine, the messages would not last else.
      await sleep(10)
      letGo()
      await Promise.all([first, call.ended])
      return state
    }
    for (const end = performance.now() + 1500; performance.now() < end;) {
      assert.equal(await during(), 'done')
    }
  })

  it('that takes longer than a second holds up what leaves', async () => {
    const queue = await opened(1, 2, 3)
    hold()
    await queue.move(moveOf(1, 'leaving'))
    await queue.move(moveOf(2, 'leaving'))
    await sleep(1100)
    const third = new Watched([queue.move(moveOf(3, 'leaving'))])
    await stored(queue)
    assert.deepEqual(third.states, ['waits'])
    const at = performance.now()
    letGo()
    await third.ended
    assert.deepEqual(third.states, ['done'])
    assert.ok(performance.now() - at < 3000, 'it waits for no more than the next sync')
  })

  it('is one at a time for each file, and two in the process', async () => {
    const names = numbers(1, 8).map((number) => `queue-${number}`)
    const open = await Promise.all(names.map((name) => queues.openDisk({ name })))
    hold()
    const accepted = open.flatMap(({ queue }) => [accept(queue, 1), accept(queue, 2)])
    await Promise.all(open.map(({ queue }) => stored(queue)))
    letGo()
    await Promise.all(accepted)
    assert.equal(Atomics.load(syncs, MOST), 2)
  })

  it('of a disk that hangs holds up neither other disks nor questions', async (context) => {
    const disk = (statSync('/dev/shm', { throwIfNoEntry: false })?.dev ?? 0) | 0
    if (disk === 0 || disk === (statSync(queues.directory).dev | 0)) {
      context.skip('needs /dev/shm as another disk; runs on Debian, as in CI')
      return
    }
    const hung = mkdtempSync('/dev/shm/hung-')
    try {
      Atomics.store(syncs, DISK, disk)
      const names = numbers(1, 3).map((number) => `queue-${number}`)
      const bad = await Promise.all(names.map((name) => queues.openDisk({ name, directory: hung })))
      const { queue: good } = await queues.openDisk()
      hold()
      const begun = Atomics.load(syncs, BEGUN)
      const waiting = new Watched(bad.map(({ queue }) => accept(queue, 1)))
      await until(() => Atomics.load(syncs, BEGUN) === begun + 2)
      const at = performance.now()
      await accept(good, 1)
      const waited = performance.now() - at
      assert.ok(waited > 1000, `the places are taken for two seconds: ${waited}`)
      // More than a log may have before it is written back.
      const [first] = bad
      assert.ok(first)
      const { size } = statSync(first.engine.path)
      const long = numbers(2, 20).map((seq) =>
        first.queue.accept(message(seq), Buffer.alloc(1024 * 1024))
      )
      await stored(first.queue)
      assert.ok(statSync(`${first.engine.path}-wal`).size > 17 * 1024 * 1024)
      assert.equal(statSync(first.engine.path).size, size)
      await accept(good, 2)
      assert.deepEqual(waiting.states, ['waits', 'waits', 'waits'])
      assert.equal(Atomics.load(syncs, MOST), 3)
      letGo()
      await Promise.all([...long, waiting.ended])
      await accept(first.queue, 21)
      assert.ok(statSync(first.engine.path).size > size, 'then it is written back')
      await Promise.all(bad.map(({ queue }) => queue.close()))
    } finally {
      letGo()
      rmSync(hung, { recursive: true })
    }
  })

  it('that hangs has nothing written back meanwhile, by whoever has time for it or needs room', () => {
    const path = join(queues.directory, 'free.sqlite')
    const db = new DatabaseSync(path)
    try {
      db.exec(`
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        CREATE TABLE some (bytes);
        INSERT INTO some VALUES (zeroblob(6000000));
        PRAGMA wal_checkpoint(TRUNCATE);
        DELETE FROM some`)
      let isHung = true
      const space = new DiskSpace(db, path, () => isHung)
      const log = (): number => statSync(`${path}-wal`).size
      const size = log()
      assert.deepEqual([space.writeBack(), space.shrink(), log()], [false, false, size])
      isHung = false
      assert.deepEqual([space.writeBack(), space.shrink(), log()], [true, false, 0])
    } finally {
      db.close()
    }
  })

  it('ends before the file is closed', async () => {
    const queue = await opened()
    hold()
    const accepted = accept(queue, 1)
    await stored(queue)
    const closed = new Watched([queue.close()])
    await sleep(50)
    assert.deepEqual(closed.states, ['waits'])
    letGo()
    await Promise.all([accepted, closed.ended])
    assert.deepEqual(closed.states, ['done'])
    const { queue: again } = await queues.openDisk()
    assert.deepEqual(await waitingSeqs(again), [1])
  })

  it('of a log that was removed counts only when the file has been written again', async () => {
    for (const lost of ['-wal', '']) {
      const { queue, engine } = await queues.openDisk({ name: `queue${lost}` })
      hold()
      const accepted = new Watched([accept(queue, 1)])
      await stored(queue)
      rmSync(`${engine.path}${lost}`)
      letGo()
      await accepted.ended
      assert.deepEqual(accepted.states, ['done'])
      assert.match(queues.notices.at(-1) ?? '', /was removed or replaced .* was rewritten/)
      assert.ok(existsSync(engine.path))
      await queue.close()
      assert.equal((await queue.open()).isUnclean, false)
      assert.deepEqual(await waitingSeqs(queue), [1])
    }
  })

  describe('that fails', () => {
    it('may be that of the name of a log: what is in it is refused, until there is another', async () => {
      const { queue, engine } = await queues.openDisk()
      await accept(queue, 1)
      rmSync(`${engine.path}-wal`)
      // The log that is made for it.
      Atomics.store(syncs, FAIL_NAMES, 1)
      const outcome = new Watched([accept(queue, 2)])
      await outcome.ended
      assert.equal(Atomics.load(syncs, FAIL_NAMES), 0)
      const third = new Watched([accept(queue, 3)])
      await third.ended
      assert.deepEqual([...outcome.states, ...third.states], ['done', 'EIO'])
      await accept(queue, 4)
      assert.deepEqual(await waitingSeqs(queue), [1, 2, 4])
    })

    it('refuses the messages that wait for it: none of them is sent, now or later', async () => {
      const queue = await opened(1)
      hold()
      const refused = new Watched([accept(queue, 2), accept(queue, 3)])
      const claimed = queue.claimNext(9)
      await stored(queue)
      fail()
      letGo()
      await refused.ended
      assert.deepEqual(refused.states, ['EIO', 'EIO'])
      assert.deepEqual(seqsOf(await claimed), [1], 'nor are they handed out')
      assert.deepEqual(await waitingSeqs(queue), [1])
      await accept(queue, 4)
      await queue.close()
      const { queue: again } = await queues.openDisk()
      assert.deepEqual(await waitingSeqs(again), [1, 4])
      assert.deepEqual(
        queues.faults.map(({ code }) => code),
        ['EIO']
      )
    })

    it('has a message refused at once that came after it, though nothing can be stored of those before', async () => {
      const queue = await opened(1)
      hold()
      const before = new Watched([accept(queue, 2)])
      await stored(queue)
      fail()
      Atomics.store(syncs, FAIL_NAMES, 1000)
      // The thread knows that the sync has failed when it gets the next message; the engine does not when it sends it.
      setImmediate(() => {
        letGo()
        while (Atomics.load(syncs, NOW) > 0);
      })
      await assert.rejects(accept(queue, 3), { code: 'EIO' })
      assert.deepEqual(before.states, ['waits'])
      Atomics.store(syncs, FAIL_NAMES, 0)
      await before.ended
      assert.deepEqual(before.states, ['EIO'])
      // It may be too early for another attempt to copy the file: then the next start does that.
      await queue.close().catch(() => undefined)
      const { queue: again } = await queues.openDisk()
      assert.deepEqual(await waitingSeqs(again), [1])
    })

    it('has all other calls made again, with what came of them', async () => {
      const queue = await opened(...numbers(1, 4))
      await Promise.all([1, 2, 3].map((seq) => queue.move(moveOf(seq, 'suspended'))))
      hold()
      const calls = [
        queue.call('resend', { ids: [1, 2] }, 0, 9),
        queue.edit(message(3), Buffer.from('edited')),
        queue.move(moveOf(4, 'leaving'), true),
        queue.call('pause', pause)
      ]
      const claimed = queue.claimNext(9)
      await stored(queue)
      const watched = new Watched(calls)
      fail()
      letGo()
      const [resent, ...others] = await Promise.all(calls)
      assert.deepEqual(resent, { count: 2, seqs: [1, 2], next: 0 })
      assert.deepEqual(others, [true, true, undefined])
      assert.deepEqual(watched.states, Array(4).fill('done'))
      assert.deepEqual(seqsOf(await claimed), [1, 2, 3])
      assert.equal((await queue.read(3)).content.toString(), 'edited')
      await queue.close()
      const { queue: again } = queues.disk()
      const { leaving, pause: paused } = await again.open()
      assert.deepEqual([leaving, paused], [[4], pause])
    })

    it('does not blame a message twice for work that could end the process', async () => {
      const queue = await opened(1)
      fail()
      await queue.call('beginWork', 1)
      // As a start finds it if the process ends here.
      const directory = join(queues.directory, 'copy')
      mkdirSync(directory)
      for (const end of ['', '-wal']) {
        const name = `queue.sqlite${end}`
        copyFileSync(join(queues.directory, name), join(directory, name))
      }
      const { isUnclean, endedOn } = await queues.disk({ directory }).queue.open()
      assert.deepEqual([isUnclean, endedOn], [true, []])
    })

    it('again and again refuses messages, until one does not', async () => {
      const queue = await opened(1)
      await queue.move(moveOf(1, 'suspended'))
      fail(1000)
      for (const seq of [2, 3, 4]) await assert.rejects(accept(queue, seq), { code: 'EIO' })
      // What SQLite itself has written to the file is safe.
      assert.equal((await queue.call('resend', {}, 0, 1)).count, 1)
      fail(0)
      await accept(queue, 5)
      assert.deepEqual(await waitingSeqs(queue), [1, 5])
    })

    it('has the file written to another one: of this one, nobody knows what would be on the disk', async () => {
      const { queue, engine } = await queues.openDisk()
      await accept(queue, 1)
      const { ino } = statSync(engine.path)
      // It is still there, so that another one does not get its number.
      const file = openSync(engine.path, 'r')
      try {
        fail()
        await assert.rejects(accept(queue, 2), { code: 'EIO' })
        await accept(queue, 3)
        assert.notEqual(statSync(engine.path).ino, ino)
      } finally {
        closeSync(file)
      }
      assert.deepEqual(await waitingSeqs(queue), [1, 3])
    })

    it('of a file that is damaged leaves what can be read of it', async () => {
      const { queue, engine } = await queues.openDisk()
      await accept(queue, ...numbers(1, 500))
      await queue.close()
      await queue.open()
      // Pages in the middle of it, which SQLite has not read yet.
      const file = openSync(engine.path, 'r+')
      writeSync(file, Buffer.alloc(20 * 4096, 'x'), 0, 20 * 4096, 60 * 4096)
      closeSync(file)
      fail()
      await assert.rejects(accept(queue, 501), { code: 'EIO' })
      await accept(queue, 502)
      assert.match(queues.notices.join(), /damaged/)
      const found = await waitingSeqs(queue)
      assert.ok(found.length > 300, `${found.length} of 500`)
      assert.equal(found.at(-1), 502)
    })

    it('leaves handed out what is on its way', async () => {
      const queue = await opened(1, 2, 3)
      assert.deepEqual(seqsOf(await queue.claimNext(1)), [1])
      fail()
      await assert.rejects(accept(queue, 4), { code: 'EIO' })
      assert.deepEqual(seqsOf(await queue.claimNext(9)), [2, 3])
    })
  })

  describe('that a thread did not live to see', () => {
    for (const journalDays of [14, 0]) {
      it(`is made by the next one: nothing is lost or handed out twice (journal ${journalDays})`, async () => {
        const { queue } = await queues.openDisk({ journalDays })
        await accept(queue, 1)
        assert.deepEqual(seqsOf(await queue.claimNext(1)), [1])
        hold()
        const accepted = new Watched([accept(queue, 2), accept(queue, 3)])
        const claimed = queue.claimNext(9)
        // It leaves, and nothing of it is on the disk.
        await queue.move(moveOf(1, 'leaving'))
        await queue.finish(1)
        await stored(queue)
        await lastThread?.terminate()
        letGo()
        await accepted.ended
        assert.deepEqual(accepted.states, ['done', 'done'])
        assert.deepEqual(seqsOf(await claimed), [2, 3])
        assert.deepEqual(await queue.claimNext(9), [])
        const held = (await findAll(queue)).filter(({ state }) => state !== 'left')
        assert.deepEqual(seqsOf(held), [3, 2])
      })
    }

    it('nor the next one: nothing is handed out that nobody has got', async () => {
      const queue = await opened(1)
      hold()
      const accepted = accept(queue, 2)
      const claimed = queue.claimNext(9)
      await stored(queue)
      lostAnswers = 1
      await lastThread?.terminate()
      letGo()
      assert.deepEqual(seqsOf(await claimed), [1, 2])
      assert.equal(lostAnswers, 0)
      await accepted
    })

    it('does not take back what was handed out since: a message that waits again is handed out once', async () => {
      const queue = await opened(1)
      await queue.claimNext(1)
      await queue.move(moveOf(1, 'awaiting', { dueInMs: 60_000 }))
      assert.equal((await queue.call('claimAwaiting', 'C1', ''))?.row.seq, 1)
      hold()
      const moved = queue.move(moveOf(1, 'waiting', { from: 'awaiting' }), true)
      // It was accepted long ago: it may go at once.
      assert.deepEqual(seqsOf(await queue.claimNext(1)), [1])
      await lastThread?.terminate()
      letGo()
      assert.equal(await moved, true)
      assert.deepEqual(await queue.claimNext(1), [])
    })

    it('has made a message safe that the next sync fails for: it is confirmed, and may be on its way', async () => {
      const queue = await opened(1)
      hold()
      const waiting = new Watched([accept(queue, 2)])
      await stored(queue)
      await lastThread?.terminate()
      // Its call is made again with this one, and all that was stored before is on the disk.
      const last = new Watched([accept(queue, 3)])
      assert.deepEqual(seqsOf(await queue.claimNext(2)), [1, 2])
      await stored(queue)
      assert.deepEqual([...waiting.states, ...last.states], ['done', 'waits'])
      fail()
      letGo()
      await last.ended
      assert.deepEqual(last.states, ['EIO'])
      assert.deepEqual(await waitingSeqs(queue), [1, 2])
    })
  })
})
