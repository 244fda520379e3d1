/** A file that a process has not closed is read before it is opened: only its own node waits for that. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import threads, { Worker } from 'node:worker_threads'
import { accept, keepQueueThread, numbers, TestQueues, waitingSeqs } from './set-up.ts'

const control = new Int32Array(new SharedArrayBuffer(8))
const [HELD, BEGUN] = [0, 1] as const
threads.setEnvironmentData('checks', control.buffer)
const preload = pathToFileURL(join(import.meta.dirname, 'held-checks.js')).href

const started: Worker[] = []
threads.Worker = class extends Worker {
  constructor(...[file, options]: ConstructorParameters<typeof Worker>) {
    super(file, { ...options, execArgv: ['--import', preload] })
    started.push(this)
  }
}
syncBuiltinESMExports()

function letGo(): void {
  Atomics.store(control, HELD, 0)
  Atomics.notify(control, HELD)
}

async function begun(count: number): Promise<void> {
  while (Atomics.load(control, BEGUN) < count) await new Promise(setImmediate)
}

describe('A queue file that was not closed', () => {
  keepQueueThread()

  let queues: TestQueues
  /** The directory of the file. */
  let directory: string
  let path: string
  beforeEach(async () => {
    queues = new TestQueues()
    directory = join(queues.directory, 'killed')
    path = join(directory, 'queue.sqlite')
    mkdirSync(directory)
    const { queue, engine } = await queues.openDisk()
    await accept(queue, ...numbers(1, 300))
    // As a process leaves it that was killed.
    for (const end of ['', '-wal']) copyFileSync(`${engine.path}${end}`, `${path}${end}`)
    await queue.close()
    started.length = 0
    Atomics.store(control, BEGUN, 0)
    Atomics.store(control, HELD, 1)
  })
  afterEach(async () => {
    letGo()
    await queues.end()
  })

  it('is read by a thread of its own, and other nodes go on', async () => {
    const { queue } = queues.disk({ directory })
    const opened = queue.open()
    await begun(1)
    const { queue: other } = await queues.openDisk({ name: 'other' })
    await accept(other, 1, 2)
    await assert.rejects(accept(queue, 301), { code: 'ERR_QUEUE_CLOSED' })
    letGo()
    assert.equal((await opened).isUnclean, true)
    assert.deepEqual(await waitingSeqs(queue), numbers(1, 300))
    assert.deepEqual([started.length, queues.notices], [1, []])
    // One that was closed is not.
    await queue.close()
    await queue.open()
    assert.equal(started.length, 1)
  })

  it('is rescued if it is damaged, before anything of it is handed out', async () => {
    letGo()
    // All of it in the file.
    const db = new DatabaseSync(path)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const [leaf] = db
      .prepare("SELECT pageno FROM dbstat WHERE name = 'sealed' AND pagetype = 'leaf' LIMIT 1")
      .all()
    db.close()
    const bytes = readFileSync(path)
    const at = ((leaf?.['pageno'] as number) - 1) * 4096
    writeFileSync(path, bytes.fill(0x5a, at, at + 4096))
    writeFileSync(`${path}-wal`, '')
    const { queue } = await queues.openDisk({ directory })
    assert.equal(queues.notices.length, 1)
    assert.match(
      queues.notices[0] ?? '',
      /was damaged.* of the 300 messages found in it, 29\d could be read/
    )
    assert.ok((await waitingSeqs(queue)).length > 290)
  })

  it('is read once for a node that was closed meanwhile, and the one that takes its place', async () => {
    const closing = new AbortController()
    const { queue } = queues.disk({ directory })
    const opened = queue.open(closing.signal)
    await begun(1)
    closing.abort()
    await assert.rejects(opened, { code: 'ERR_QUEUE_CLOSED' })
    await queue.close()
    const { queue: next } = queues.disk({ directory })
    const again = next.open()
    // What the thread was asked before, it has answered then: the next one waits for the check.
    await queues.openDisk({ name: 'other' })
    letGo()
    await again
    assert.equal(started.length, 1)
    assert.deepEqual(await waitingSeqs(next), numbers(1, 300))
  })

  it('is opened all the same if the thread that reads it dies', async () => {
    const { queue } = queues.disk({ directory })
    const opened = queue.open()
    await begun(1)
    await started[0]?.terminate()
    await opened
    assert.deepEqual(await waitingSeqs(queue), numbers(1, 300))
    assert.deepEqual([queues.notices, queues.faults], [[], []])
  })

  it('is none if it is gone, or its log alone is there', async () => {
    letGo()
    rmSync(path)
    const { queue } = await queues.openDisk({ directory })
    assert.equal(queues.notices.length, 1)
    assert.deepEqual(await waitingSeqs(queue), numbers(1, 300))
  })
})
