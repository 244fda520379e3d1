import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { KeptContents } from '../../src/queue/kept-contents.ts'
import type { MessageQueue } from '../../src/queue/message-queue.ts'
import { Queue } from '../../src/queue/queue.ts'
import { RecordAges } from '../../src/queue/record-ages.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import type { Move } from '../../src/queue/queue-types.ts'
import { Sealer } from '../../src/queue/seal.ts'
import { SealedParts } from '../../src/queue/sealed-parts.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { accept, contentOf, KEY, message, moveOf, numbers, seqsOf, TestQueues } from './set-up.ts'

const MB = 1024 * 1024

describe('Contents of messages that have left', () => {
  let queues = new TestQueues()
  afterEach(async () => {
    await queues.end()
    queues = new TestQueues()
  })

  async function leave(queue: MessageQueue<Buffer>, ...seqs: number[]): Promise<void> {
    await Promise.all(seqs.map((seq) => queue.finish(seq)))
  }
  const keptOf = async (queue: MessageQueue<Buffer>): Promise<number[]> =>
    seqsOf(
      (await queue.call('findLeft', {}, 0, 1000)).messages.filter(({ keptBytes }) => keptBytes > 0)
    )
  async function until(check: () => Promise<boolean>): Promise<void> {
    for (const start = Date.now(); !(await check());) {
      assert.ok(Date.now() - start < 15_000, 'it takes too long')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const dropped = async (queue: MessageQueue<Buffer>): Promise<unknown[]> =>
    (await queue.call('events', { since: 0, limit: 10 }))
      .filter(({ kind }) => kind === 'contents-dropped')
      .map(({ values }) => values['count'])
  /** Pieces that are still in the file. */
  function pieces(path: string): number {
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      return db.prepare('SELECT count(*) AS n FROM sealed').get()?.['n'] as number
    } finally {
      db.close()
    }
  }

  it('go with them by default', async () => {
    const { queue } = await queues.openDisk()
    await accept(queue, 1)
    await leave(queue, 1)
    await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
    assert.deepEqual(await keptOf(queue), [])
  })

  it('go with the hashes of their keys by default, which else stay as long as the journal', async () => {
    for (const contentDays of [0, 1]) {
      const { queue } = await queues.openDisk({
        name: `q${contentDays}`,
        order: 'key',
        contentDays
      })
      const lane = queue.laneOf('4711')
      await Promise.all([1, 2].map((seq) => queue.accept(message(seq, { lane }), contentOf(seq))))
      await queue.move(moveOf(2, 'leaving', { outcome: {} }))
      await leave(queue, 1, 2)
      const { messages } = await queue.call('findLeft', {}, 0, 10)
      const expected = contentDays === 0 ? null : lane
      assert.deepEqual(
        messages.map((row) => row.lane),
        [expected, expected]
      )
    }
  })

  it('can be read with their outcomes for as long as they are kept, also after a restart', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1 })
    await accept(queue, 1, 2)
    await leave(queue, 1)
    await queue.close()
    const { queue: next } = await queues.openDisk({ contentDays: 1 })
    assert.deepEqual([...(await next.read(1)).content], [...contentOf(1)])
    assert.deepEqual(await keptOf(next), [1])
    // Nor is it handed out.
    assert.deepEqual(seqsOf(await next.claimNext(10)), [2])
  })

  it('are those that took the place of others: nothing of a longer one is left', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1 })
    await queue.accept(message(1), contentOf(1))
    const name = { seq: 1, lane: null, controlId: 'C1', type: 'ADT^A01' }
    // The first text stays, and the last; that between them does not.
    for (const text of [Buffer.alloc(MB, 'x'), contentOf(1)]) {
      await queue.move(moveOf(1, 'suspended'))
      assert.equal(await queue.edit(name, text), true)
    }
    await leave(queue, 1)
    const [left] = (await queue.call('findLeft', {}, 0, 10)).messages
    assert.ok(left && left.keptBytes > 0 && left.keptBytes < 4000, `${left?.keptBytes} bytes`)
  })

  it('have the text before an edit with them, though the message that had it goes earlier', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1, mostKeptBytes: 4 * MB })
    const text = (): Buffer => Buffer.alloc(MB, 'a')
    await queue.accept(message(1), text())
    await leave(queue, 1)
    const resent = { at: 1, by: 'ada', acceptedAt: 1, of: 1, isEdited: true }
    await queue.accept(message(2, { resent }), contentOf(2))
    await leave(queue, 2)
    await queue.accept(message(3, { resent: { ...resent, of: 2 } }), contentOf(3))
    await queue.accept(message(4, { resent: { ...resent, isEdited: false } }), text())
    for (const seq of numbers(5, 10)) {
      await queue.accept(message(seq), Buffer.alloc(MB, seq))
      await leave(queue, seq)
    }
    await until(async () => !(await keptOf(queue)).some((seq) => seq < 3))
    await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
    const original = await queue.readOriginal(3)
    assert.ok(original?.equals(text()), 'what the sender has sent, not what was edited first')
    assert.equal(await queue.readOriginal(4), undefined)
    await leave(queue, 3)
    for (const seq of numbers(11, 16)) {
      await queue.accept(message(seq), Buffer.alloc(MB, seq))
      await leave(queue, seq)
    }
    await until(async () => !(await keptOf(queue)).includes(3))
    assert.equal(await queue.readOriginal(3), undefined, 'it goes with its message')
  })

  it('are not kept for longer than the journal', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1, journalDays: 0 })
    await accept(queue, 1)
    await leave(queue, 1)
    await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
  })

  it('go by size, the oldest first, which is an event', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1, mostKeptBytes: 3 * MB })
    for (const seq of numbers(1, 8)) {
      await queue.accept(message(seq), Buffer.alloc(MB, seq))
      await queue.finish(seq)
    }
    await until(async () => (await keptOf(queue)).length === 2)
    assert.deepEqual(await keptOf(queue), [7, 8])
    assert.deepEqual(await dropped(queue), [6])
  })

  it('go with their rest, though what left after them stays', () => {
    const db = new DatabaseSync(':memory:')
    makeTables(db)
    const contents = new SealedParts(db, new Sealer(KEY))
    const clock = new FakeClock()
    const options = { order: 'fifo', orderKey: '', contents, journalDays: 14, clock } as const
    const limits = { mostRecords: 100, mostEvents: 100, contentDays: 1 }
    const queue = new Queue(db, { ...options, ...limits })
    queue.open()
    // One piece more than goes at once.
    queue.accept(message(1), Buffer.alloc(0.9 * MB))
    queue.accept(message(2), contentOf(2))
    queue.finish(1)
    clock.pass(1)
    queue.finish(2)
    const ages = new RecordAges(db, clock)
    const less = { ...limits, mostKeptBytes: 0.5 * MB, ages }
    const kept = new KeptContents(db, contents, { ...options, ...less })
    const left = (): unknown => db.prepare('SELECT count(*) AS pieces FROM sealed').get()
    // As long as there is more, the next step follows at once.
    while (kept.dropDue().more);
    assert.deepEqual({ ...(left() as object) }, { pieces: 1 })
    db.close()
  })

  it('are not read any more once they are being deleted, nor is the text before an edit', () => {
    const db = new DatabaseSync(':memory:')
    makeTables(db)
    const contents = new SealedParts(db, new Sealer(KEY))
    const clock = new FakeClock()
    const options = { order: 'fifo', orderKey: '', contents, journalDays: 14, clock } as const
    const queue = new Queue(db, { ...options, mostRecords: 100, mostEvents: 100 })
    queue.open()
    queue.accept(message(1), contentOf(1))
    queue.move(moveOf(1, 'suspended') as Move<Uint8Array>)
    const edited = { seq: 1, lane: null, controlId: 'C1', type: 'ADT^A01' }
    // More pieces than go at once.
    assert.equal(queue.operator.edit(edited, Buffer.alloc(2 * MB)), true)
    assert.deepEqual(queue.reader.readOriginal(1), new Uint8Array(contentOf(1)))
    queue.finish(1)
    assert.ok(contents.get(1, 'original'), 'it goes later')
    assert.equal(queue.reader.readOriginal(1), undefined)
    assert.throws(() => queue.reader.read(1), { code: 'ERR_NOT_QUEUED' })
    db.close()
  })

  it('that are long go in steps, with or without a journal', async () => {
    for (const journalDays of [14, 0]) {
      const directory = `${queues.directory}/${journalDays}`
      const { queue, engine } = await queues.openDisk({ directory, journalDays })
      await queue.accept(message(1), Buffer.alloc(12 * MB))
      await accept(queue, 2)
      await leave(queue, 1)
      await assert.rejects(queue.read(1), { code: 'ERR_NOT_QUEUED' })
      // Until the thread has had the time.
      await new Promise((resolve) => setTimeout(resolve, 3000))
      await queue.close()
      assert.equal(pieces(engine.path), 1)
      await queue.open()
      assert.deepEqual(seqsOf(await queue.claimNext(10)), [2])
      const { messages } = await queue.call('findLeft', {}, 0, 10)
      assert.equal(messages.length, journalDays === 0 ? 0 : 1)
    }
  })

  it('go first when the disk is short, and messages are still accepted', async (context) => {
    const disk = queues.smallDisk(context, 12)
    if (disk === undefined) return
    const directory = disk.place
    const { queue } = await queues.openDisk({ directory, contentDays: 1 })
    for (let from = 1; from < 1000; from += 20) {
      const seqs = numbers(from, from + 19)
      await Promise.all(seqs.map((seq) => queue.accept(message(seq), Buffer.alloc(20_000, seq))))
      await leave(queue, ...seqs)
    }
    const kept = await keptOf(queue)
    assert.ok(kept.length > 50 && kept.length < 600, `${kept.length} are kept`)
    assert.equal(kept.at(-1), 1000, 'the newest')
    assert.equal(kept.length, 1000 - (kept[0] ?? 0) + 1, 'without a gap')
    const [count] = await dropped(queue)
    assert.equal(count, 1000 - kept.length)
    const [last = 0] = kept.slice(-1)
    assert.deepEqual([...(await queue.read(last)).content.subarray(0, 3)], [232, 232, 232])
  })

  it('are given up with their key, which is said', async () => {
    const { queue } = await queues.openDisk({ contentDays: 1 })
    await queue.accept({ ...message(1), hashes: [Buffer.from('hash')] }, contentOf(1))
    await leave(queue, 1)
    await queue.close()
    const key = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(32, 9))
    const { queue: next } = await queues.openDisk({ contentDays: 1, key })
    assert.match(
      queues.notices.join(),
      /The key of the queue file .* has been changed: 1 message that/
    )
    await assert.rejects(next.read(1), { code: 'ERR_NOT_QUEUED' })
    assert.equal((await next.call('findLeft', {}, 0, 10)).messages.length, 1)
  })
})
