import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryOutbox } from '../../src/outbox/memory-outbox.ts'
import type { Entry } from '../../src/outbox/outbox.ts'
import { event, record } from './records.ts'

function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    ...{ seq, lane: `lane ${seq % 3}`, controlId: `C${seq}`, type: 'ADT^A01' },
    ...{ acceptedAt: seq, state: 'waiting', attempts: 0, spentMs: 0 },
    ...more
  }
}

/** An outbox with messages 1 to `count`, and their entries. */
async function filled(count: number): Promise<{ outbox: MemoryOutbox<string>; entries: Entry[] }> {
  const outbox = new MemoryOutbox<string>()
  await outbox.open()
  const entries = Array.from({ length: count }, (_, i) => entry(i + 1))
  for (const each of entries) await outbox.add(each, `content ${each.seq}`)
  return { outbox, entries }
}

async function seqs(
  outbox: MemoryOutbox<string>,
  { after = 0, without = [] as string[], limit = 1000 } = {}
): Promise<number[]> {
  return (await outbox.list({ after, without, limit })).map(({ seq }) => seq)
}

describe('MemoryOutbox', () => {
  it('is empty at first and after a close', async () => {
    const { outbox } = await filled(3)
    await outbox.close()
    assert.deepEqual(await outbox.open(), {
      ...{ waiting: 0, suspended: [], settled: [], paused: undefined, lastSeq: 0 },
      ...{ unclean: false, uptimeMs: 0, endedOn: [] }
    })
    assert.deepEqual(await seqs(outbox), [])
    await assert.rejects(outbox.read(1), { name: 'OutboxError', code: 'ERR_NOT_QUEUED' })
  })

  it('returns the same content and entry objects', async () => {
    const outbox = new MemoryOutbox<object>()
    const [own, content] = [entry(1), {}]
    await outbox.add(own, content)
    const read = await outbox.read(1)
    assert.ok(read.entry === own && read.content === content)
    assert.ok(!('outcome' in read))
  })

  it('keeps an outcome until the message waits again or is suspended without one', async () => {
    for (const state of ['waiting', 'suspended'] as const) {
      const { outbox, entries } = await filled(1)
      const [own = entry(1)] = entries
      own.state = 'suspended'
      await outbox.settle(own, { reply: 'AE' })
      assert.deepEqual((await outbox.read(1)).outcome, { reply: 'AE' })
      own.state = state
      await outbox.update(own)
      assert.equal((await outbox.read(1)).outcome, undefined)
    }
  })

  it('lists waiting messages in pages, in order of acceptance', async () => {
    const { outbox } = await filled(2500)
    const pages: number[][] = []
    do pages.push(await seqs(outbox, { after: pages.at(-1)?.at(-1) ?? 0 }))
    while (pages.at(-1)?.length === 1000)
    assert.deepEqual(
      pages.flat(),
      Array.from({ length: 2500 }, (_, i) => i + 1)
    )
    assert.deepEqual(
      pages.map(({ length }) => length),
      [1000, 1000, 500]
    )
    assert.deepEqual(await seqs(outbox, { after: 1234, limit: 3 }), [1235, 1236, 1237])
    assert.deepEqual(await seqs(outbox, { after: 2500 }), [])
    assert.deepEqual(await seqs(outbox, { limit: 0 }), [])
  })

  it('excludes lanes, and fills the page with others', async () => {
    const { outbox } = await filled(2000)
    const without = ['lane 0', 'lane 1', 'no lane']
    const expected = Array.from({ length: 2000 }, (_, i) => i + 1).filter((seq) => seq % 3 === 2)
    assert.deepEqual(await seqs(outbox, { without }), expected)
    assert.deepEqual(await seqs(outbox, { without, limit: 2, after: 2 }), [5, 8])
  })

  it('lists only waiting messages, including those that wait again', async () => {
    const { outbox, entries } = await filled(5)
    for (const each of entries.slice(1, 3)) {
      each.state = 'suspended'
      await outbox.update(each)
    }
    const [, second = entry(0)] = entries
    assert.deepEqual(await seqs(outbox), [1, 4, 5])
    second.state = 'waiting'
    await outbox.update(second)
    assert.deepEqual(await seqs(outbox), [1, 2, 4, 5])
    await outbox.remove(4)
    assert.deepEqual(await seqs(outbox), [1, 2, 5])
  })

  it('keeps the order after thousands have left', async () => {
    const { outbox } = await filled(5000)
    const kept = Array.from({ length: 5000 }, (_, i) => i + 1).filter((seq) => seq % 7 === 0)
    for (let seq = 1; seq <= 5000; seq++) if (seq % 7 !== 0) await outbox.remove(seq)
    await outbox.add(entry(5001), 'content')
    assert.deepEqual(await seqs(outbox), [...kept, 5001])
    assert.deepEqual(await seqs(outbox, { after: kept[300] ?? 0, limit: 2 }), kept.slice(301, 303))
  })

  it('frees the memory of messages that leave, even if one never does', async () => {
    const { outbox } = await filled(1)
    const pass = async (from: number, to: number): Promise<void> => {
      for (let seq = from; seq < to; seq++) {
        await outbox.add(entry(seq), 'content')
        await outbox.remove(seq, record(seq))
        await outbox.addEvent(event(seq))
      }
    }
    await pass(2, 100_000)
    const before = usedHeap()
    await pass(100_000, 600_000)
    // Their numbers alone would take 4 MB.
    const more = usedHeap() - before
    assert.ok(more < 1_000_000, `${more} bytes more`)
    assert.deepEqual(await seqs(outbox), [1])
  })
})

/** In bytes, after garbage collection. */
function usedHeap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
