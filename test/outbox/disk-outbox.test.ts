import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { DiskOutbox, type ContentCodec } from '../../src/outbox/disk-outbox.ts'
import type { JournalRecord, QueueEvent } from '../../src/outbox/journal.ts'
import type { Entry, StoredMessage } from '../../src/outbox/outbox.ts'
import { filledQueueFiles } from '../../src/outbox/queue-files.ts'
import type { QueueRequest } from '../../src/outbox/queue-protocol.ts'
import { queueThread } from '../../src/outbox/queue-thread.ts'
import { missing } from '../support/debian-packages.ts'
import { ALL, event, pause, record, verdict } from './records.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))
const key = Buffer.alloc(32, 1)

const buffers: ContentCodec<Buffer> = {
  encode: (content) => ({ bytes: content, whole: true }),
  decode: (bytes) => bytes
}

describe('DiskOutbox', () => {
  let directory: string
  let opened: DiskOutbox<Buffer>[]
  let notices: string[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'disk-outbox-'))
    opened = []
    notices = []
  })
  afterEach(async () => {
    await Promise.all(opened.map((outbox) => outbox.close()))
    await rm(directory, { recursive: true })
  })

  /** By default, reads come from the file: nothing is cached in memory. */
  function queue(name = 'queue', codec = buffers, cacheBytes = 0): DiskOutbox<Buffer> {
    const outbox = new DiskOutbox({
      ...{ codec, directory, name, key: () => Promise.resolve(key), cacheBytes },
      onNotice: (text) => {
        notices.push(text)
      }
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

  const add = (outbox: DiskOutbox<Buffer>, seq: number): Promise<void> =>
    outbox.add(entry(seq), Buffer.from(`content ${seq}`))

  /** All waiting messages, listed in pages as a node does. */
  async function waiting(outbox: DiskOutbox<Buffer>, without: string[] = []): Promise<Entry[]> {
    const all: Entry[] = []
    for (let after = 0; ;) {
      const page = await outbox.list({ after, without, limit: 1000 })
      all.push(...page)
      if (page.length < 1000) return all
      after = page.at(-1)?.seq ?? 0
    }
  }

  async function seqs(outbox: DiskOutbox<Buffer>): Promise<number[]> {
    return (await waiting(outbox)).map(({ seq }) => seq)
  }

  /** Opens it, and checks that it lists as many waiting messages as it counts. */
  async function openedSeqs(outbox: DiskOutbox<Buffer>): Promise<number[]> {
    const contents = await outbox.open()
    const found = await seqs(outbox)
    assert.equal(found.length, contents.waiting)
    return found
  }

  /** Counts transactions in the write-ahead log by their last frames (sqlite.org/fileformat2.html). */
  function transactions(): number {
    const log = readFileSync(join(directory, 'queue.sqlite-wal'))
    const salt = log.subarray(16, 24)
    let count = 0
    for (let at = 32; at + 24 <= log.length; at += 24 + 4096) {
      if (!log.subarray(at + 8, at + 16).equals(salt)) break
      if (log.readUInt32BE(at + 4) !== 0) count++
    }
    return count
  }

  it('is empty at first', async () => {
    const outbox = queue()
    assert.deepEqual(await outbox.open(), {
      waiting: 0,
      suspended: [],
      settled: [],
      paused: undefined,
      lastSeq: 0,
      unclean: false,
      uptimeMs: 0,
      endedOn: []
    })
    assert.deepEqual(await seqs(outbox), [])
    assert.deepEqual(notices, [])
  })

  it('restores every state, the order and the paused state after a restart', async () => {
    const first = queue()
    await first.open()
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map((seq) => add(first, seq)))
    const aside = { state: 'suspended', suspendedAt: 99.5, verdict } as const
    await first.update(entry(5, { ...aside, attempts: 2, spentMs: 1.25 }))
    await first.settle(entry(2, aside), { outcome: 2, text: ':?E=S ü' })
    await first.settle(entry(6, { attempts: 1, state: 'settled' }), 'outcome 6')
    await first.settle(entry(1, { state: 'settled' }), '')
    await first.update(entry(3, { attempts: 7, spentMs: 12.5 }))
    await first.remove(4)
    await first.setPaused(pause)
    await first.close()

    const second = queue()
    const contents = await second.open()
    assert.equal(contents.waiting, 2)
    assert.deepEqual(await waiting(second), [entry(3, { attempts: 7, spentMs: 12.5 }), entry(7)])
    assert.deepEqual((await second.read(2)).outcome, { outcome: 2, text: ':?E=S ü' })
    assert.ok(!('outcome' in (await second.read(5))))
    assert.deepEqual(contents.suspended, [
      entry(2, aside),
      entry(5, { ...aside, attempts: 2, spentMs: 1.25 })
    ])
    assert.deepEqual(contents.settled, [6, 1])
    assert.deepEqual(contents.paused, pause)
    assert.equal(contents.lastSeq, 7)
    assert.deepEqual(await second.read(3), {
      entry: entry(3, { attempts: 7, spentMs: 12.5 }),
      content: Buffer.from('content 3')
    })
    assert.deepEqual(await second.read(6), {
      entry: entry(6, { state: 'settled', attempts: 1 }),
      content: Buffer.from('content 6'),
      outcome: 'outcome 6'
    })
    assert.equal((await second.read(1)).outcome, '')
    assert.deepEqual(notices, [])
  })

  it('never assigns a number twice, even if the queue was empty', async () => {
    const first = queue()
    await first.open()
    await Promise.all([add(first, 1), add(first, 2), first.remove(2), first.remove(1)])
    await first.close()
    const second = queue()
    assert.equal((await second.open()).lastSeq, 2)
  })

  it('executes calls in order, awaited or not', async () => {
    const outbox = queue()
    await outbox.open()
    void add(outbox, 1)
    const read = outbox.read(1)
    void outbox.settle(entry(1, { state: 'settled' }), 'o')
    const settled = outbox.read(1)
    void outbox.remove(1)
    const gone = outbox.read(1)
    const left = seqs(outbox)
    assert.equal((await read).entry.state, 'waiting')
    assert.equal((await settled).entry.state, 'settled')
    await assert.rejects(gone, { name: 'OutboxError', code: 'ERR_NOT_QUEUED' })
    assert.deepEqual(await left, [])
  })

  it('lets a read see earlier calls, even if the thread gets both at once', async () => {
    const other = queue('other')
    const outbox = queue()
    await Promise.all([other.open(), outbox.open()])
    // The thread is busy while the add and, in a later turn, the read arrive.
    const busy = other.add(entry(1), Buffer.alloc(30 * 1024 * 1024))
    await nextTurn()
    const added = add(outbox, 1)
    await nextTurn()
    assert.equal((await outbox.read(1)).content.toString(), 'content 1')
    await Promise.all([busy, added])
  })

  it('stores the entry as it was when called', async () => {
    const outbox = queue()
    await outbox.open()
    const changed = entry(1)
    const added = outbox.add(changed, Buffer.from('x'))
    changed.attempts = 5
    await added
    assert.equal((await outbox.read(1)).entry.attempts, 0)
  })

  it('rejects only the invalid calls', async () => {
    const outbox = queue('queue', {
      ...buffers,
      encode: (content) => {
        if (content.length === 0) throw new RangeError('cannot be encoded')
        return buffers.encode(content)
      }
    })
    await outbox.open()
    await add(outbox, 1)
    const results = await Promise.allSettled([
      add(outbox, 2),
      add(outbox, 1),
      outbox.remove(9),
      outbox.update(entry(9)),
      outbox.settle(entry(9, { state: 'settled' }), 'o'),
      outbox.add(entry(3), Buffer.alloc(0)),
      add(outbox, 4)
    ])
    assert.deepEqual(
      results.map((result) =>
        result.status === 'rejected' ? (result.reason as { code?: string }).code : 'stored'
      ),
      [
        'stored',
        'SQLITE_CONSTRAINT',
        'ERR_NOT_QUEUED',
        'ERR_NOT_QUEUED',
        'ERR_NOT_QUEUED',
        undefined,
        'stored'
      ]
    )
    await outbox.close()
    const again = queue()
    assert.deepEqual(await openedSeqs(again), [1, 2, 4])
    assert.equal((await again.read(1)).content.toString(), 'content 1')
  })

  it('stores calls made together in one transaction', async () => {
    const outbox = queue()
    await outbox.open()
    await add(outbox, 1)
    const before = transactions()
    const adds: Promise<void>[] = []
    for (let seq = 2; seq <= 501; seq++) adds.push(add(outbox, seq))
    await Promise.all(adds)
    assert.equal(transactions() - before, 1)
    await add(outbox, 502)
    assert.equal(transactions() - before, 2)
  })

  it('delays a removal until the next change, but not for long', async (t) => {
    const outbox = queue()
    await outbox.open()
    for (let seq = 1; seq <= 3; seq++) await add(outbox, seq)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const before = transactions()
    const removed = outbox.remove(1)
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    assert.equal(transactions() - before, 0)
    await Promise.all([removed, add(outbox, 4)])
    assert.equal(transactions() - before, 1)
    const alone = outbox.remove(2)
    t.mock.timers.tick(20)
    await alone
    assert.equal(transactions() - before, 2)
    assert.equal((await outbox.read(3)).content.toString(), 'content 3')
  })

  it('completes delayed removals at once when it is closed', async () => {
    const outbox = queue()
    await outbox.open()
    await add(outbox, 1)
    const removed = outbox.remove(1)
    await outbox.close()
    await removed
    assert.deepEqual(await openedSeqs(queue()), [])
  })

  it('encodes only as much as it can hand over while 100,000 adds wait', async () => {
    let encoded = 0
    let stored = 0
    let most = 0
    const outbox = queue('queue', {
      ...buffers,
      encode: (content) => {
        most = Math.max(most, ++encoded - stored)
        return buffers.encode(content)
      }
    })
    await outbox.open()
    const adds: Promise<void>[] = []
    for (let seq = 1; seq <= 100_000; seq++) {
      const added = outbox.add(entry(seq), Buffer.from('a content'))
      adds.push(
        added.then(() => {
          stored++
        })
      )
    }
    await Promise.all(adds)
    assert.equal(stored, 100_000)
    assert.ok(most <= 4096, `${most} encoded at a time`)
  })

  it('keeps a message of 50 MB', async () => {
    const outbox = queue()
    await outbox.open()
    const content = Buffer.from(new ArrayBuffer(50 * 1024 * 1024)).fill('large ')
    const copy = Buffer.from(content)
    await outbox.add(entry(1), content)
    assert.equal(content.length, 0, 'it was transferred, not copied')
    assert.ok((await outbox.read(1)).content.equals(copy))
  })

  it('stores messages around the size of its pieces', async () => {
    const outbox = queue()
    await outbox.open()
    const piece = 256 * 1024
    // JSON adds two bytes.
    const outcomeOf = (size: number, text: string): string =>
      Buffer.alloc(Math.max(0, size - 2), text).toString()
    for (const [i, size] of [0, 1, piece - 1, piece, piece + 1, 3 * piece].entries()) {
      await outbox.add(entry(i + 1), Buffer.alloc(size, 'abc'))
      const settled = entry(i + 1, { state: 'settled' })
      await outbox.settle(settled, outcomeOf(size, 'def'))
      assert.equal((await outbox.read(i + 1)).outcome, outcomeOf(size, 'def'))
      // A shorter outcome leaves nothing of a longer one behind.
      await outbox.settle(settled, outcomeOf(size >> 1, 'ghi'))
      const { content, outcome } = await outbox.read(i + 1)
      assert.ok(content.equals(Buffer.alloc(size, 'abc')), `${size}`)
      assert.equal(outcome, outcomeOf(size >> 1, 'ghi'))
    }
  })

  it('stores only number, state, times, attempts, MSH-9 and MSH-10 of a message in plain text', async () => {
    const outbox = queue()
    await outbox.open()
    const lane = outbox.keyName('PATIENT-4711')
    assert.match(lane, /^[\w-]{22}$/)
    const other = queue('other')
    await other.open()
    assert.notEqual(other.keyName('PATIENT-4711'), lane)
    const secret = entry(1, { lane, controlId: 'CONTROL-ID', type: 'ORU^R01' })
    await outbox.add(secret, Buffer.from('SECRET-CONTENT PATIENT-4711'))
    await outbox.update({
      ...secret,
      state: 'suspended',
      verdict: { ...verdict, rule: 'SECRET-RULE' }
    })
    await outbox.settle({ ...secret, state: 'settled' }, 'SECRET-OUTCOME')
    const log = readFileSync(`${outbox.path}-wal`, 'latin1')
    await outbox.close()
    const again = queue()
    await again.open()
    assert.equal(again.keyName('PATIENT-4711'), lane, 'it is the same after a restart')
    await again.close()
    const all = log + readFileSync(outbox.path, 'latin1')
    assert.ok(all.includes('CONTROL-ID') && all.includes('ORU^R01') && all.includes(lane))
    assert.ok(!all.includes('SECRET') && !all.includes('4711'))
    assert.equal((await stat(outbox.path)).mode & 0o777, 0o600)
    assert.equal((await stat(join(directory, 'x', '..'))).mode & 0o077, 0)
  })

  it('leaves no trace of a removed message in the file', async () => {
    const outbox = queue()
    await outbox.open()
    await outbox.add(entry(1, { controlId: 'REMOVED-ID' }), Buffer.from('x'))
    await outbox.add(entry(2, { controlId: 'KEPT-ID' }), Buffer.from('x'))
    await outbox.remove(1)
    await outbox.close()
    const file = readFileSync(outbox.path, 'latin1')
    assert.ok(file.includes('KEPT-ID') && !file.includes('REMOVED-ID'))
  })

  for (const cacheBytes of [0, 4096]) {
    const memory = cacheBytes === 0 ? 'nothing' : 'some of it'
    it(`behaves like a Map, across restarts, with ${memory} in memory`, async () => {
      await behavesAsMap(cacheBytes)
    })
  }

  async function behavesAsMap(cacheBytes: number): Promise<void> {
    type Model = Map<number, StoredMessage<Buffer>>
    const step = fc.record({
      what: fc.constantFrom(
        ...(['add', 'add', 'add', 'update', 'settle', 'remove', 'read', 'pause'] as const),
        ...(['find', 'event', 'events', 'restart'] as const)
      ),
      pick: fc.nat(),
      bytes: fc.uint8Array({ maxLength: 300 }),
      attempts: fc.nat(100),
      state: fc.constantFrom('waiting' as const, 'suspended' as const)
    })
    // Keeps the thread running.
    await queue('other').open()
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
        async (steps) => {
          const name = `model ${++round}`
          const model: Model = new Map()
          let settled: number[] = []
          let lastSeq = 0
          let paused: boolean | undefined
          const records: JournalRecord[] = []
          const events: QueueEvent[] = []
          let outbox = queue(name, buffers, cacheBytes)
          await outbox.open()
          const calls: Promise<unknown>[] = []
          for (const { what, pick, bytes, attempts, state } of [...steps, RESTART]) {
            const held = [...model.keys()]
            const seq = held[pick % held.length]
            if (what === 'restart') {
              await Promise.all(calls.splice(0))
              await outbox.close()
              outbox = queue(name, buffers, cacheBytes)
              const contents = await outbox.open()
              const all = [...model.values()].map((message) => message.entry)
              const waits = all.filter(({ state }) => state === 'waiting')
              assert.equal(contents.waiting, waits.length)
              assert.deepEqual(await waiting(outbox), waits)
              assert.deepEqual(
                contents.suspended,
                all.filter(({ state }) => state === 'suspended')
              )
              assert.deepEqual(contents.settled, settled)
              assert.deepEqual(
                [contents.lastSeq, contents.paused],
                [lastSeq, paused === true ? pause : undefined]
              )
            } else if (what === 'add') {
              const added = { entry: entry(++lastSeq), content: Buffer.from(bytes) }
              model.set(lastSeq, added)
              calls.push(outbox.add({ ...added.entry }, Buffer.from(bytes)))
            } else if (what === 'pause') {
              paused = pick % 2 === 0
              calls.push(outbox.setPaused(paused ? pause : undefined))
            } else if (what === 'event') {
              events.unshift(event(pick))
              calls.push(outbox.addEvent(event(pick)))
            } else if (what === 'events') {
              const expected = events.slice(0, pick % 5)
              calls.push(
                outbox.events({ since: 0, limit: pick % 5 }).then((got) => {
                  assert.deepEqual(
                    got.map(({ values }) => values),
                    expected.map(({ values }) => values)
                  )
                })
              )
            } else if (what === 'find') {
              const where = pick % 2 === 0 ? 'journal' : 'queue'
              const query = {
                where,
                before: lastSeq + 1 - (pick % 3),
                limit: 1 + (pick % 5)
              } as const
              const all =
                where === 'journal'
                  ? records.toSorted((a, b) => b.seq - a.seq)
                  : [...model.values()].map((message) => structuredClone(message.entry)).reverse()
              const matching = all.filter(({ seq }) => seq < query.before)
              const expected = matching.slice(0, query.limit)
              calls.push(
                outbox.find(query).then((found) => {
                  assert.deepEqual(where === 'journal' ? found.records : found.entries, expected)
                  assert.equal(found.next > 0, matching.length > expected.length)
                })
              )
            } else if (seq !== undefined) {
              const message = model.get(seq)
              assert.ok(message)
              if (what === 'read') {
                const expected = structuredClone(message.entry)
                calls.push(
                  outbox.read(seq).then((got) => {
                    assert.deepEqual(got.entry, expected)
                    assert.ok(got.content.equals(message.content))
                  })
                )
              } else if (what === 'remove') {
                model.delete(seq)
                settled = settled.filter((other) => other !== seq)
                const left = record(seq, { attempts, outcome: pick % 2 === 0 ? 'ack' : 'nak' })
                records.push(left)
                calls.push(outbox.remove(seq, left))
              } else if (what === 'settle') {
                message.entry = { ...message.entry, state: 'settled', attempts }
                message.outcome = { bytes: [...bytes] }
                settled = [...settled.filter((other) => other !== seq), seq]
                calls.push(outbox.settle({ ...message.entry }, message.outcome))
              } else {
                message.entry = entry(seq, { state, attempts })
                if (state === 'suspended') {
                  message.entry.verdict = { ...verdict, rule: `r${attempts}` }
                }
                delete message.outcome
                settled = settled.filter((other) => other !== seq)
                calls.push(outbox.update({ ...message.entry }))
              }
            }
          }
          for (const [seq, expected] of model) {
            assert.deepEqual(await outbox.read(seq), expected)
          }
          assert.deepEqual(
            (await outbox.find(ALL)).records,
            records.sort((a, b) => b.seq - a.seq)
          )
          await outbox.close()
        }
      ),
      { numRuns: 40 }
    )
  }

  describe('lists waiting messages', () => {
    it('in pages, in order of acceptance', async () => {
      const outbox = queue()
      await outbox.open()
      await Promise.all(Array.from({ length: 10_000 }, (_, i) => add(outbox, i + 1)))
      for (const seq of [1, 1000, 5001]) await outbox.remove(seq)
      await outbox.update(entry(2, { state: 'suspended', suspendedAt: 5 }))
      await outbox.settle(entry(1001, { state: 'settled' }), 'outcome')
      const left = new Set([1, 2, 1000, 1001, 5001])
      const expected = Array.from({ length: 10_000 }, (_, i) => i + 1).filter((n) => !left.has(n))
      const pages: number[][] = []
      do {
        const after = pages.at(-1)?.at(-1) ?? 0
        const page = await outbox.list({ after, without: [], limit: 1000 })
        pages.push(page.map(({ seq }) => seq))
      } while (pages.at(-1)?.length === 1000)
      assert.deepEqual(pages.flat(), expected)
      assert.deepEqual(
        pages.map(({ length }) => length),
        [...Array.from({ length: 9 }, () => 1000), 995]
      )
      const [first] = await outbox.list({ after: 4, without: [], limit: 1 })
      assert.deepEqual(first, entry(5))
      await outbox.update(entry(2))
      const [back] = await outbox.list({ after: 0, without: [], limit: 1 })
      assert.deepEqual(back, entry(2))
    })

    it('without excluded lanes', async () => {
      const outbox = queue()
      await outbox.open()
      await Promise.all(Array.from({ length: 3000 }, (_, i) => add(outbox, i + 1)))
      const others = Array.from({ length: 3000 }, (_, i) => i + 1)
      const without = ['lane 0', 'lane 2', 'no lane', '"] OR 1 --']
      assert.deepEqual(
        (await waiting(outbox, without)).map(({ seq }) => seq),
        others.filter((seq) => seq % 3 === 1)
      )
      assert.deepEqual(await waiting(outbox, ['lane 0', 'lane 1', 'lane 2']), [])
      // One message after all those of the excluded lanes.
      await outbox.add(entry(3001, { lane: 'free' }), Buffer.from('x'))
      const page = await outbox.list({
        after: 0,
        without: ['lane 0', 'lane 1', 'lane 2'],
        limit: 5
      })
      assert.deepEqual(page, [entry(3001, { lane: 'free' })])
    })

    it('including the effects of earlier calls, awaited or not', async () => {
      const outbox = queue()
      await outbox.open()
      void add(outbox, 1)
      void add(outbox, 2)
      assert.deepEqual(await seqs(outbox), [1, 2])
      void outbox.remove(1)
      void add(outbox, 3)
      const both = seqs(outbox)
      void add(outbox, 4)
      assert.deepEqual(await both, [2, 3])
      // A message removed while the list is being read is not listed as waiting.
      const later = seqs(outbox)
      void outbox.remove(2)
      assert.deepEqual(await later, [3, 4])
    })

    it('but none that leaves while the rest of a page is listed', async (t) => {
      const outbox = queue()
      await outbox.open()
      await Promise.all([1, 2, 3, 4, 5].map((seq) => add(outbox, seq)))
      const request = queueThread.request.bind(queueThread)
      let lists = 0
      t.mock.method(queueThread, 'request', async (asked: QueueRequest) => {
        const answer = await request(asked)
        const { task } = asked
        const isList = task.kind === 'calls' && task.calls.some(({ kind }) => kind === 'list')
        // As long as it waits for others, the removal has not reached the file.
        if (isList && ++lists <= 2) void outbox.remove(lists)
        return answer
      })
      const page = await outbox.list({ after: 0, without: [], limit: 3 })
      assert.deepEqual(
        page.map(({ seq }) => seq),
        [3, 4, 5]
      )
      assert.ok(lists >= 2)
    })
  })

  describe('keeps in memory', () => {
    it('the same content object, as long as there is space', async () => {
      const outbox = queue('queue', buffers, 8000)
      await outbox.open()
      const contents = Array.from({ length: 4 }, () => Buffer.alloc(1000))
      await Promise.all(contents.map((content, i) => outbox.add(entry(i + 1), content)))
      const found = await Promise.all(contents.map((_, i) => outbox.read(i + 1)))
      assert.deepEqual(
        found.map(({ content }, i) => content === contents[i]),
        [true, true, false, false],
        'each takes twice its bytes plus 1024'
      )
      assert.deepEqual(found[3]?.content, contents[3])
      // Now there is space for a new one.
      await outbox.remove(1)
      const later = Buffer.alloc(1000)
      await outbox.add(entry(5), later)
      assert.equal((await outbox.read(5)).content, later)
    })

    it('a content that cannot be stored completely, in every state, until it is closed', async () => {
      const whole = { ...buffers, encode: (bytes: Buffer) => ({ bytes, whole: false }) }
      const outbox = queue('queue', whole)
      await outbox.open()
      const content = Buffer.from('content 1')
      await outbox.add(entry(1), content)
      assert.equal((await outbox.read(1)).content, content)
      await outbox.update(entry(1, { attempts: 3 }))
      assert.deepEqual(await outbox.read(1), { entry: entry(1, { attempts: 3 }), content })
      const settled = entry(1, { state: 'settled', attempts: 4 })
      await outbox.settle(settled, { reply: 'AA' })
      const read = await outbox.read(1)
      assert.deepEqual(read, { entry: settled, content, outcome: { reply: 'AA' } })
      assert.equal(read.content, content)
      await outbox.close()
      const again = queue()
      await again.open()
      assert.equal((await again.read(1)).content.toString(), 'content 1')
    })

    it('nothing of a message that was not stored', async () => {
      const outbox = queue('queue', { ...buffers, encode: (bytes) => ({ bytes, whole: false }) })
      await outbox.open()
      await outbox.close()
      await assert.rejects(add(outbox, 1), { code: 'ERR_QUEUE_CLOSED' })
      await outbox.open()
      await assert.rejects(outbox.read(1), { code: 'ERR_NOT_QUEUED' })
    })
  })

  it('lets only one process use the file, and names the file to the second', async () => {
    const child = spawn(process.execPath, [script, 'hold', directory])
    await once(child.stdout, 'data')
    const outbox = queue()
    await assert.rejects(outbox.open(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'SQLITE_BUSY')
      assert.match(error.message, /in use by another process.*hl7HttpsOutQueueDirectory/)
      return error.message.includes(outbox.path)
    })
    child.kill('SIGKILL')
    await once(child, 'close')
    await outbox.open()
    await assert.rejects(queue().open(), { code: 'SQLITE_BUSY', message: /another node/ })
  })

  it('has every message whose promise had resolved before a SIGKILL', async () => {
    const told = join(directory, 'told')
    for (let round = 1; round <= 4; round++) {
      const before = existsSync(told) ? (await stat(told)).size : 0
      const stdout = openSync(told, 'a')
      const child = spawn(process.execPath, [script, 'flood', directory, `${round}000000`], {
        stdio: ['ignore', stdout, 'inherit']
      })
      const closed = once(child, 'close')
      while ((await stat(told)).size < before + 10_000 * round) await sleep(3)
      child.kill('SIGKILL')
      assert.deepEqual(await closed, [null, 'SIGKILL'])
      closeSync(stdout)
      const stored = [...readFileSync(told, 'utf8').matchAll(/^stored (\d+)$/gm)].map((m) =>
        Number(m[1])
      )
      assert.ok(stored.length > 500 * round)
      const outbox = queue()
      const held = new Set(await openedSeqs(outbox))
      for (const seq of stored) assert.ok(held.has(seq), `message ${seq}`)
      const last = stored.at(-1) ?? 0
      assert.ok((await outbox.read(last)).content.toString().startsWith(`message ${last} `))
      await outbox.close()
    }
    assert.deepEqual(notices, [])
  })

  it('has every stored message after an exception ends the process', async () => {
    const crash = run(process.execPath, [script, 'crash', directory, '1'])
    const { stdout } = await crash.catch((error: unknown) => error as { stdout: string })
    assert.match(stdout, /stored 1/)
    assert.deepEqual(await openedSeqs(queue()), [1])
    assert.deepEqual(notices, [])
  })

  it('keeps a process alive for a pending promise only', async () => {
    const { stdout } = await run(process.execPath, [script, 'add-and-end', directory], {
      timeout: 10_000
    })
    assert.deepEqual(stdout.trim().split('\n'), ['open', 'stored 1'])
    assert.deepEqual(await openedSeqs(queue()), [1])
  })

  it('does not print a warning that SQLite is experimental', async () => {
    const { stderr } = await run(process.execPath, [script, 'add', directory, '1'])
    assert.equal(stderr, '')
  })

  it('syncs the log to the disk before a promise resolves', async (context) => {
    const trace = join(directory, 'trace')
    const strace = ['-f', '-y', '-qq', '-o', trace, '-e', 'trace=write,pwrite64,fsync,fdatasync']
    const reason = missing('strace') || (!canTrace() && 'strace is not allowed here')
    if (reason !== false) {
      // Only strace shows the system calls of another process; it is for Linux, and may be forbidden.
      context.skip(`${reason}; runs in CI`)
      return
    }
    // Only system calls show this: the page cache keeps what a killed process has written anyway.
    const child = [process.execPath, script, 'add', directory, '1']
    await run('strace', [...strace, ...child])
    const lines = readFileSync(trace, 'latin1').split('\n')
    const resolved = lines.findIndex((line) => line.includes('"stored 1'))
    const opened = lines.findIndex((line) => line.includes('"open'))
    const between = lines.slice(opened, resolved)
    const written = between.findLastIndex((line) => /pwrite64\(.*-wal>/.test(line))
    const synced = between.findLastIndex((line) => /f(data)?sync\(.*-wal>/.test(line))
    assert.ok(resolved > opened && written >= 0, 'the message was written to the log')
    assert.ok(synced > written, 'and synced after that')
  })

  it('deletes only the file of an empty queue', async () => {
    const outbox = queue()
    assert.equal(await queue().isInUse(), false)
    await outbox.open()
    assert.equal(await queue().isInUse(), false)
    await add(outbox, 1)
    assert.equal(await queue().isInUse(), true)
    await assert.rejects(outbox.deleteFile(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_QUEUE_NOT_EMPTY')
      return error.message.includes(outbox.path) && error.message.includes('1 unsent message')
    })
    assert.equal(await queue().isInUse(), true)
    const again = queue()
    await again.open()
    await again.remove(1)
    await again.deleteFile()
    assert.deepEqual(await readdir(directory), [])
    await queue().deleteFile()
  })

  it('keeps the file of an empty but paused queue, without an error about messages', async () => {
    const outbox = queue()
    await outbox.open()
    await outbox.setPaused(pause)
    assert.equal(await queue().isInUse(), true)
    await outbox.deleteFile()
    const again = queue()
    assert.deepEqual((await again.open()).paused, pause)
    await again.setPaused(undefined)
    assert.equal(await queue().isInUse(), false)
    await again.deleteFile()
    assert.deepEqual(await readdir(directory), [])
  })

  it('finds the files in a directory that hold messages, open or not', async () => {
    assert.deepEqual(await filledQueueFiles(join(directory, 'none')), [])
    const [one, two, empty] = ['one', 'two', 'empty'].map((name) => queue(name))
    for (const outbox of [one, two, empty]) await outbox?.open()
    for (const outbox of [one, two]) await add(outbox ?? queue(), 1)
    await two?.close()
    const db = new DatabaseSync(join(directory, 'theirs.sqlite'))
    db.exec('CREATE TABLE theirs (a)')
    db.close()
    await writeFile(join(directory, 'broken.sqlite'), 'no database at all'.repeat(1000))
    await writeFile(join(directory, 'other.txt'), '')
    assert.deepEqual(await filledQueueFiles(directory), [
      { path: join(directory, 'broken.sqlite'), held: undefined },
      { path: one?.path, held: 1 },
      { path: two?.path, held: 1 }
    ])
  })

  it('lets no name lead out of the directory', async () => {
    const outbox = queue('../../etc/x\0y')
    await outbox.open()
    assert.equal((await readdir(directory)).filter((file) => file.endsWith('.sqlite')).length, 1)
  })

  it('refuses calls when it is not open', async () => {
    const outbox = queue()
    const closed = { name: 'OutboxError', code: 'ERR_QUEUE_CLOSED' }
    await assert.rejects(add(outbox, 1), closed)
    await assert.rejects(outbox.read(1), closed)
    await outbox.open()
    const last = add(outbox, 1)
    await outbox.close()
    await last
    await assert.rejects(outbox.remove(1), closed)
  })

  it('returns disk space that an empty queue does not need', async () => {
    const outbox = queue()
    await outbox.open()
    for (let seq = 1; seq <= 30; seq++) await outbox.add(entry(seq), Buffer.alloc(1024 * 1024))
    await Promise.all(Array.from({ length: 30 }, (_, i) => outbox.remove(i + 1)))
    for (let waits = 0; waits < 100; waits++) {
      if ((await stat(outbox.path)).size < 10 * 1024 * 1024) break
      await sleep(100)
    }
    assert.ok((await stat(outbox.path)).size < 10 * 1024 * 1024)
    assert.ok((await stat(`${outbox.path}-wal`)).size <= 32 * 1024 * 1024)
    assert.ok(existsSync(outbox.path))
  })
})

const RESTART = {
  what: 'restart',
  pick: 0,
  bytes: new Uint8Array(),
  attempts: 0,
  state: 'waiting'
} as const

function canTrace(): boolean {
  try {
    execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
