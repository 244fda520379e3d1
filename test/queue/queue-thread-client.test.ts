import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import threads, { Worker } from 'node:worker_threads'
import type { QueueError } from '../../src/queue/queue-error.ts'
import {
  accept,
  buffers,
  contentOf,
  faultOf,
  message,
  moveOf,
  numbers,
  seqsOf,
  TestQueues,
  waitingSeqs
} from './set-up.ts'

// The thread is private to the queues: a test that ends it has to catch it when it is created.
let lastThread: Worker | undefined
function keepThread(thread: Worker): void {
  lastThread = thread
}
/** As if the system had no threads left. */
let noThreads = false
/** As if the files of the package had been replaced since they were loaded. */
let isUpdated = false
/** So many answers are lost: the thread dies when it has done the work. */
let lostAnswers = 0
let onLost = (): void => undefined
threads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    if (noThreads) throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
    const [file, options] = args
    super(file, { ...options, ...(isUpdated && { workerData: '0.2.0' }) })
    keepThread(this)
  }

  override emit(name: string | symbol, ...args: unknown[]): boolean {
    const [reply] = args as [{ id?: number }?]
    const isLost = name === 'message' && reply?.id !== undefined && lostAnswers > 0
    if (!isLost) return super.emit(name as 'message', ...args)
    lostAnswers--
    onLost()
    void this.terminate()
    return false
  }
}
syncBuiltinESMExports()

/** The thread throws, and nothing catches it: that is no request. */
function endThread(): void {
  lastThread?.postMessage(null)
}

describe('The queue thread', () => {
  let queues: TestQueues
  beforeEach(() => {
    queues = new TestQueues()
  })
  afterEach(async () => {
    lostAnswers = 0
    onLost = () => undefined
    noThreads = false
    isUpdated = false
    await queues.end()
  })

  it('passes its calls on to the next one when it dies, and tells every queue', async () => {
    const [one, two] = [
      await queues.openDisk({ name: 'one' }),
      await queues.openDisk({ name: 'two' })
    ]
    await Promise.all([accept(one.queue, 1), accept(two.queue, 1)])
    const dead = lastThread
    endThread()
    const calls = [accept(one.queue, 2), accept(one.queue, 3), one.queue.finish(1)]
    assert.deepEqual((await two.queue.read(1)).content, contentOf(1))
    await Promise.all(calls)
    assert.notEqual(lastThread, dead)
    assert.deepEqual(
      queues.faults.map(({ code }) => code),
      ['ERR_QUEUE_THREAD', 'ERR_QUEUE_THREAD']
    )
    assert.match(queues.faults[0]?.message ?? '', /thread that writes the queue files has ended/)
    assert.deepEqual(await waitingSeqs(one.queue), [2, 3])
    await one.queue.close()
    const { queue } = await queues.openDisk({ name: 'one' })
    assert.deepEqual(await waitingSeqs(queue), [2, 3])
  })

  it('does nothing twice, and hands out nothing twice, if its last answer was lost', async () => {
    const { queue } = await queues.openDisk({
      codec: { ...buffers, encode: (content) => ({ bytes: Buffer.from(content), whole: true }) }
    })
    await accept(queue, ...numbers(1, 6))
    assert.deepEqual(seqsOf(await queue.claimNext(3)), [1, 2, 3])
    lostAnswers = 1
    const [moved, , , claimed] = await Promise.all([
      queue.move(moveOf(1, 'leaving', { outcome: { of: 1 } })),
      queue.finish(2),
      // Memory that was transferred to the thread is gone with it: it is encoded again.
      queue.accept(message(7), Buffer.alloc(300_000, 'x')),
      queue.claimNext(2)
    ])
    assert.equal(moved, true)
    // The claim that was lost is made again: nobody has got those messages.
    assert.deepEqual(seqsOf(claimed), [4, 5])
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [6, 7])
    assert.deepEqual((await queue.read(1)).outcome, { of: 1 })
    await assert.rejects(queue.read(2), { code: 'ERR_NOT_QUEUED' })
    assert.ok((await queue.read(7)).content.equals(Buffer.alloc(300_000, 'x')))
    assert.deepEqual(await waitingSeqs(queue), [3, 4, 5, 6, 7])
    assert.equal(queue.summary.waiting, 5)
  })

  it('says what an operator has done if its last answer was lost, and has the edited text', async () => {
    // What cannot be stored in full is in memory, too.
    const { queue } = await queues.openDisk({
      codec: { ...buffers, encode: (content) => ({ bytes: Buffer.from(content), whole: false }) }
    })
    await accept(queue, ...numbers(1, 3))
    await queue.claimNext(3)
    for (const seq of numbers(1, 3)) await queue.move(moveOf(seq, 'suspended'))
    lostAnswers = 1
    assert.equal(await queue.edit(message(1), contentOf(9), 'ada'), true)
    assert.equal(await queue.edit(message(1), contentOf(8), 'ada'), false)
    assert.deepEqual((await queue.read(1)).content, contentOf(9))
    const resend = (): Promise<unknown> => queue.call('resend', {}, 0, 9, 'ada', 'one call')
    lostAnswers = 1
    assert.deepEqual(await resend(), { count: 2, seqs: [2, 3], next: 0 })
    assert.equal((await queue.call('resend', {}, 0, 9, 'ada', 'another')).count, 0)
  })

  it('makes calls that go together with one that cannot be made', async () => {
    const { queue } = await queues.openDisk({
      codec: { ...buffers, encode: (content) => ({ bytes: Buffer.from(content), whole: true }) }
    })
    const long = Buffer.alloc(300_000, 'x')
    // No thread can be given a function, and SQLite no object.
    for (const [at, outcome, code] of [
      [0, Object, 'DataCloneError'],
      [3, {}, 'ERR_INVALID_ARG_TYPE']
    ] as const) {
      const wrong = (): Promise<unknown> => queue.call('findLeft', { outcome } as never, 0, 9)
      const tried = await Promise.allSettled([
        accept(queue, at + 1),
        wrong(),
        queue.accept(message(at + 2), long),
        wrong(),
        accept(queue, at + 3),
        queue.finish(at + 1)
      ])
      assert.deepEqual(
        tried.map((one) => (one.status === 'fulfilled' ? 'made' : (one.reason as QueueError).code)),
        ['made', code, 'made', code, 'made', 'made']
      )
      assert.ok((await queue.read(at + 2)).content.equals(long))
    }
    assert.deepEqual(await waitingSeqs(queue), [2, 3, 5, 6])
    assert.deepEqual(queues.faults, [])
  })

  it('keeps no message of which its sender was told that it is not stored', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    lostAnswers = Infinity
    let isTold = false
    const second = accept(queue, 2).finally(() => {
      isTold = true
    })
    const refused = assert.rejects(second, { code: 'ERR_QUEUE_THREAD' })
    // While no thread says that it is stored which are refused, nobody is told.
    for (let waits = 0; waits < 1000 && queues.faults.length < 12; waits++) await sleep(10)
    assert.ok(queues.faults.length >= 12 && !isTold)
    lostAnswers = 0
    await refused
    await accept(queue, 3)
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [1, 3])
    assert.deepEqual(await waitingSeqs(queue), [1, 3])
  })

  it('has stored a message before the disk was full: its sender is told so by the next one', async (context) => {
    const disk = queues.smallDisk(context, 4)
    if (disk === undefined) return
    const { queue } = await queues.openDisk({ directory: disk.place })
    await accept(queue, 1)
    onLost = () => {
      disk.fillUp()
    }
    lostAnswers = 1
    await accept(queue, 2)
    await assert.rejects(accept(queue, 3), { code: 'SQLITE_FULL' })
    assert.deepEqual(await waitingSeqs(queue), [1, 2])
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [1, 2])
  })

  it('knows what is handed out after it has died while idle', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, ...numbers(1, 5))
    for (const seq of numbers(1, 3)) {
      const [claim] = await queue.claimNext(1)
      assert.equal(claim?.row.seq, seq)
    }
    queue.release(1)
    await queue.move(moveOf(2, 'suspended'))
    await queue.call('claimSuspended', {}, 0, 1)
    await lastThread?.terminate()
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [1, 4, 5])
    assert.deepEqual((await queue.call('claimSuspended', {}, 0, 9)).claimed, [])
    await queue.close()
    await queue.open()
    await lastThread?.terminate()
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [1, 3, 4, 5], 'in the next run')
  })

  it('closes a file of another thread as it should', async () => {
    const { queue } = await queues.openDisk()
    await lastThread?.terminate()
    await accept(queue, 1)
    await queue.close()
    assert.equal((await queues.disk().queue.open()).isUnclean, false)
  })

  it('refuses calls over which it dies again and again', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    // The next thread has to open the file first: that is an answer, too.
    lostAnswers = 12
    await assert.rejects(accept(queue, 2), { code: 'ERR_QUEUE_THREAD' })
    lostAnswers = 0
    lostAnswers = 0
    await accept(queue, 3)
    assert.deepEqual((await queue.read(1)).content, contentOf(1))
  })

  it('says so if it cannot be started, and continues when it can', async () => {
    const path = await queues.file(...numbers(1, 5))
    const cannot = faultOf(path, 'ERR_WORKER_INIT_FAILED', /thread for it cannot be started/)
    const { queue } = queues.disk()
    noThreads = true
    await assert.rejects(queue.open(), cannot)
    noThreads = false
    await queue.open()
    assert.equal(queue.summary.waiting, 5)
    await queue.claimNext(2)
    // A thread that dies while the file is open and cannot be replaced at first.
    noThreads = true
    await lastThread?.terminate()
    await assert.rejects(queue.read(3), cannot)
    noThreads = false
    assert.deepEqual((await queue.read(3)).content, contentOf(3))
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [3, 4, 5], 'what is handed out stays so')
  })

  it('says what Node.js has to be started with if that forbids threads', async () => {
    const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))
    const allowed = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']
    const run = promisify(execFile)(process.execPath, [
      ...allowed,
      script,
      'hold',
      queues.directory
    ])
    await assert.rejects(run, ({ stderr }: { stderr?: string }) =>
      /queue\.sqlite cannot be used: .*ERR_ACCESS_DENIED.*Start it with --allow-worker/.test(
        stderr ?? ''
      )
    )
  })

  it('of another version touches no file, and says that Node-RED has to be restarted', async () => {
    const path = await queues.file(1)
    const before = readFileSync(path)
    isUpdated = true
    await assert.rejects(queues.disk().queue.open(), {
      code: 'ERR_QUEUE_THREAD',
      message: /this package was updated while Node-RED runs\. Restart Node-RED/
    })
    assert.deepEqual(readFileSync(path), before)
    isUpdated = false
    const { queue } = await queues.openDisk()
    assert.deepEqual(await waitingSeqs(queue), [1])
  })
})
