/** A file of which a sync has failed is written again: which room and which time that takes. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import threads, { Worker } from 'node:worker_threads'
import { Copies } from '../../src/queue/copies.ts'
import { OpenFiles } from '../../src/queue/open-files.ts'
import type { QueueFile } from '../../src/queue/queue-file.ts'
import type { QueueFileSpec } from '../../src/queue/queue-file-spec.ts'
import { accept, faultOf, KEY, message, numbers, TestQueues, waitingSeqs } from './set-up.ts'

const syncs = new Int32Array(new SharedArrayBuffer(32))
const FAIL = 1
threads.setEnvironmentData('syncs', syncs.buffer)
const preload = pathToFileURL(join(import.meta.dirname, 'held-syncs.js')).href
threads.Worker = class extends Worker {
  constructor(...[file, options]: ConstructorParameters<typeof Worker>) {
    super(file, { ...options, execArgv: ['--import', preload] })
  }
}
syncBuiltinESMExports()

const MEGABYTE = 2 ** 20

describe('A file of which a sync has failed', () => {
  let queues: TestQueues
  beforeEach(() => {
    syncs.fill(0)
    queues = new TestQueues()
  })
  afterEach(() => queues.end())

  it('is not copied while there is no room for that, says how much is missing, and goes on when there is', async (context) => {
    const disk = queues.smallDisk(context, 180)
    if (disk === undefined) return
    const directory = disk.place
    const { queue, engine } = await queues.openDisk({ directory })
    for (const seq of numbers(1, 90)) await queue.accept(message(seq), Buffer.alloc(MEGABYTE, seq))
    await queue.close()
    await queue.open()
    Atomics.store(syncs, FAIL, 1)
    await assert.rejects(accept(queue, 91), { code: 'EIO' })
    const { free } = disk
    const isTold = faultOf(
      engine.path,
      'ERR_QUEUE_ROOM',
      /has to be written again.* it needs 9\d MB, and 8\d MB are free\..* Free some space/
    )
    for (const seq of [92, 93]) await assert.rejects(accept(queue, seq), isTold)
    const counted = [queue.counts.waiting, queue.summary.waiting, queue.unconfirmed]
    assert.deepEqual(
      counted,
      [90, 90, 0],
      'what is refused is still in the file, and does not count'
    )
    assert.ok(!readdirSync(directory).some((name) => name.endsWith('.new')))
    assert.ok(disk.free >= free - 4096, 'nothing was written')
    await assert.rejects(queue.close(), isTold)
    const { queue: next } = queues.disk({ directory })
    await assert.rejects(next.open(), isTold, 'and the next start says the same')

    execFileSync('mount', ['-o', 'remount,size=300m', directory])
    await next.open()
    await accept(next, 100)
    const found = await waitingSeqs(next)
    assert.deepEqual([found.slice(0, 90), found.at(-1)], [numbers(1, 90), 100])
  })

  it('is copied in steps: other files are used meanwhile', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'copies-'))
    const spec = (name: string): QueueFileSpec => ({
      ...{ path: join(directory, `${name}.sqlite`), name, key: Uint8Array.from(KEY) },
      ...{ journalDays: 14, order: 'none', orderKey: '' }
    })
    const files = new OpenFiles({
      onNotice: () => undefined,
      onSynced: () => undefined,
      onFailed: () => undefined
    })
    const [long, other] = [spec('long'), spec('other')]
    const put = (file: QueueFileSpec, seq: number, bytes: number): void => {
      files.use(file, (open) => {
        open.transaction((queue) => {
          queue.accept(message(seq), Buffer.alloc(bytes, seq))
        })
      })
    }
    try {
      for (const file of [long, other]) files.open(file)
      for (const seq of numbers(1, 100)) put(long, seq, MEGABYTE)
      const task = { kind: 'reopen', handedOut: [], refused: [], hasSyncFailed: true } as const
      const copied = files.copyInDoubt(long, task)?.then(() => 'copied')
      let stored = 0
      while ((await Promise.race([copied, nextTurn('not yet')])) !== 'copied') {
        put(other, ++stored, 1000)
      }
      assert.ok(stored > 20, `${stored} messages`)
      assert.ok(existsSync(`${long.path}.new`))
      assert.equal(files.reopen(long, task).summary.waiting, 100)
      assert.ok(!existsSync(`${long.path}.new`), 'it has taken the place')
      assert.deepEqual(
        files.use(long, ({ queue }) => Buffer.from(queue.reader.read(77).content ?? [])),
        Buffer.alloc(MEGABYTE, 77)
      )
    } finally {
      for (const file of [long, other]) files.close(file)
      rmSync(directory, { recursive: true })
    }
  })
})

describe('Copies', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'copies-'))
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  function fileThat(name: string, copyInSteps: () => Promise<void>): QueueFile {
    const copy = { whole: 1, packed: 1, free: 2 }
    return { path: join(directory, name), space: { copy }, copyInSteps } as unknown as QueueFile
  }

  it('are made one after the other', async () => {
    const copies = new Copies()
    let now = 0
    let most = 0
    const files = ['one', 'two', 'three'].map((name) =>
      fileThat(name, async () => {
        most = Math.max(most, ++now)
        await nextTurn()
        now--
      })
    )
    await Promise.all(files.map((file) => copies.make(file)))
    assert.equal(most, 1)
  })

  it('that have failed are not made again at once, however often somebody asks', async () => {
    const copies = new Copies()
    const error = Object.assign(new Error('disk I/O error'), { errcode: 10 })
    let tries = 0
    const file = fileThat('one', () => {
      tries++
      return Promise.reject(error)
    })
    for (let asked = 0; asked < 5; asked++) {
      await copies.make(file)
      assert.throws(() => {
        copies.takePlace(file)
      }, error)
    }
    assert.equal(tries, 1)
  })
})
