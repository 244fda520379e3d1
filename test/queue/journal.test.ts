/** What a queue remembers of messages that have left, and of what happened. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Minute } from '../../src/queue/figures.ts'
import type { MessageQueue } from '../../src/queue/message-queue.ts'
import { NO_VERDICT, withRecord } from '../../src/queue/message-row.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import type { MessageQuery } from '../../src/queue/queue-types.ts'
import { Queue, type QueueOptions } from '../../src/queue/queue.ts'
import {
  accept,
  contentOf,
  event,
  findAll,
  keepQueueThread,
  message,
  moveOf,
  noContents,
  numbers,
  pass,
  pause,
  seqsOf,
  TestQueues,
  verdict,
  leftWith
} from './set-up.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

describe('A queue file', () => {
  keepQueueThread()

  let queues: TestQueues
  beforeEach(() => {
    queues = new TestQueues()
  })
  afterEach(() => queues.end())

  /** Numbers in the database of the closed queue. */
  function count(table: string): number {
    const db = new DatabaseSync(`${queues.directory}/queue.sqlite`)
    const { rows } = db.prepare(`SELECT count(*) AS rows FROM ${table}`).get() ?? {}
    db.close()
    return Number(rows)
  }

  it('tells how each message left, after a restart too', async () => {
    const { queue, engine } = await queues.openDisk()
    await accept(queue, 1, 2, 3)
    const left = { ...verdict, outcome: 'nak' } as const
    const story = [{ at: 5, ms: 7, result: 'AE' }]
    const move = { attempts: 3, verdict: left, outcome: { of: 1 }, story }
    await queue.move(moveOf(1, 'leaving', move))
    await queue.finish(1)
    const failed = { ...NO_VERDICT, outcome: 'error', errorCode: 'HL7_TEST' } as const
    await queue.finish(2, leftWith(failed))
    for (const isRestarted of [false, true]) {
      if (isRestarted) {
        await queue.close()
        await engine.open()
      }
      const rows = await findAll(queue)
      assert.deepEqual(
        rows.map((row) => [row.seq, row.state, row.attempts, row.verdict, row.story]),
        [
          [3, 'waiting', 0, NO_VERDICT, []],
          [2, 'left', 1, failed, []],
          [1, 'left', 3, left, story]
        ]
      )
      for (const row of rows.slice(1)) assert.ok(Math.abs(Date.now() - row.changedAt) < 60_000)
    }
  })

  it('keeps the acts of a story beside its attempts, the newest of each', async () => {
    const { queue, engine } = await queues.openDisk()
    await accept(queue, 1)
    const attempts = numbers(1, 20).map((at) => ({ at, ms: 7, result: 'AE' }))
    const acts = [{ at: 20, act: 'suspended', by: 'rule', rule: 'AE=S' }] as const
    await queue.move(moveOf(1, 'suspended', { story: [...attempts, ...acts], outcome: {} }))
    await queue.call('resend', {}, 0, 9, 'ada')
    await queue.close()
    await engine.open()
    const [row] = await findAll(queue)
    const { at, ...resent } = row?.story.at(-1) ?? { at: 0 }
    assert.deepEqual(row?.story.slice(0, -1), [...attempts, ...acts])
    assert.deepEqual(resent, { act: 'resent', by: 'ada' })
    assert.ok(Math.abs(at - Date.now()) < 60_000)
    const next = { at: 30, ms: 1, result: 'AA' }
    assert.deepEqual(withRecord(row.story, next), [...row.story.slice(1), next])
  })

  it('gives the figures of earlier runs to the next one, for a day', async () => {
    const { queue, engine } = await queues.openDisk()
    const at = Math.floor(Date.now() / 60_000) * 60_000
    const minute = (ago: number, acked: number): Minute => {
      return { at: at - ago * 60_000, acked, naked: 1, failed: 2, queued: 3, p95: 4.5 }
    }
    const rest = {
      lastAckAt: 6,
      since: { RETRYING: 5 },
      givenUp: { count: 3, since: 4 },
      refusing: [{ type: 'ADT^A40', count: 7, since: 2, ackCode: 'AE', error: '103' }],
      lastInAt: 8,
      note: { at: 9, by: 'ann', text: 'I have it', code: 'RETRYING' },
      calls: { stuck: 7000, token: 5, tried: { seq: 12, ms: 90_000 } },
      turnedAway: { count: 3, since: 1, until: 2, why: 'disk', isTrial: true },
      turnedAwayMinutes: [[60_000, 3]] as const,
      ended: { count: 13, since: 1, until: 2, held: 4, controlId: 'X1', times: 3 },
      giveUpMs: 1000,
      givenUpInVain: 2,
      addresses: { abc: { answers: 'hl7' as const, headBytes: 900, bodyBytes: 12_000 } }
    }
    await queue.call('keepFigures', {
      minutes: [minute(1500, 9), minute(2, 1), minute(1, 2)],
      ...rest
    })
    await queue.call('keepFigures', { minutes: [minute(1, 3), minute(0, 4)], ...rest })
    await queue.close()
    const { figures } = await engine.open()
    assert.deepEqual(figures, { minutes: [minute(2, 1), minute(1, 3), minute(0, 4)], ...rest })
    await queue.close()
    assert.equal(count('minute'), 3)
  })

  it('lets an event grow, and tells events by the times at which they happened', async () => {
    const { queue } = await queues.openDisk()
    const now = Date.now()
    const suspended = (rule: string, count: number): QueueEvent => {
      return { at: now + 5, kind: 'suspended', by: 'rule', values: { count, rule } }
    }
    await queue.call('addEvent', suspended('a', 1))
    await queue.call('addEvent', suspended('b', 1))
    await queue.call('addEvent', { at: now + 9, kind: 'token-back', by: '', values: {} })
    await queue.call('addEvent', {
      at: now + 8,
      kind: 'token-lost',
      by: '',
      values: { cause: 'x' }
    })
    await queue.call('addEvent', suspended('a', 70), true)
    assert.deepEqual(
      (await queue.call('events', { since: 0, limit: 9 })).map(({ at, kind, values }) => [
        at - now,
        kind,
        values
      ]),
      [
        [9, 'token-back', {}],
        [8, 'token-lost', { cause: 'x' }],
        [5, 'suspended', { count: 1, rule: 'b' }],
        [5, 'suspended', { count: 70, rule: 'a' }]
      ]
    )
  })

  it('has nothing of what has left, and keeps events in memory, for 0 days', async () => {
    const { queue } = await queues.openDisk({ journalDays: 0 })
    await pass(queue, ...numbers(1, 20))
    await queue.call('addEvent', event(1))
    assert.deepEqual(await findAll(queue), [])
    assert.equal((await queue.call('events', { since: 0, limit: 10 })).length, 1)
    await queue.close()
    assert.deepEqual([count('message'), count('sealed'), count('event')], [0, 0, 0])
  })

  it('forgets what there is for 0 days, while nothing but questions is asked', async () => {
    const { queue: first } = await queues.openDisk()
    await pass(first, ...numbers(1, 2000))
    await first.call('pause', pause)
    await first.close()
    assert.equal(count('message'), 2000)
    const { queue, engine } = queues.disk({ journalDays: 0 })
    const opened = await queue.open()
    assert.deepEqual([opened.lastSeq, opened.pause], [2000, pause])
    // Calls never stop, and nothing is written for them.
    const size = statSync(`${engine.path}-wal`).size
    const start = performance.now()
    while (statSync(`${engine.path}-wal`).size === size && performance.now() - start < 20_000) {
      assert.deepEqual(await findAll(queue), [])
    }
    await queue.close()
    assert.ok(count('message') < 2000, `${count('message')}`)
    assert.equal((await queues.disk({ journalDays: 0 }).queue.open()).lastSeq, 2000)
  })

  it('does not find a damaged message', async () => {
    const { queue, engine } = await queues.openDisk()
    await accept(queue, 1, 2)
    await queue.close()
    const db = new DatabaseSync(engine.path)
    db.exec('DELETE FROM sealed WHERE id < 2 * 4 * 65536')
    db.close()
    await queue.open()
    assert.deepEqual(seqsOf(await findAll(queue)), [2, 1])
    await assert.rejects(queue.read(1), { code: 'ERR_MESSAGE_DAMAGED' })
    assert.deepEqual(seqsOf(await findAll(queue)), [2])
  })

  describe('has events', () => {
    it('again after a restart, newest first', async () => {
      const { queue: first } = await queues.openDisk()
      const now = Date.now()
      const events = [
        event(1, { at: now - 3000, kind: 'paused', by: 'flow', values: { reason: 'ü' } }),
        event(2, { at: now - 2000 }),
        event(3, { at: now, by: '', values: {} })
      ]
      for (const each of events) await first.call('addEvent', each)
      await first.close()
      const { queue: second } = await queues.openDisk()
      const newest = events.toReversed()
      assert.deepEqual(await second.call('events', { since: 0, limit: 10 }), newest)
      assert.deepEqual(
        await second.call('events', { since: now - 2000, limit: 10 }),
        newest.slice(0, 2)
      )
      assert.deepEqual(await second.call('events', { since: 0, limit: 1 }), newest.slice(0, 1))
    })

    it('from before it was opened', async () => {
      const { queue } = queues.disk()
      await queue.call(
        'addEvent',
        event(1, { kind: 'queue-fault', values: { cause: 'SQLITE_BUSY' } })
      )
      for (const each of numbers(1, 1500)) await queue.call('addEvent', event(each))
      async function kinds(): Promise<string[]> {
        return (await queue.call('events', { since: 0, limit: 2000 })).map(({ kind }) => kind)
      }
      assert.equal((await kinds()).length, 1000)
      await queue.call('addEvent', event(1, { kind: 'token-back' }))
      await queue.open()
      const [newest, ...more] = await kinds()
      assert.deepEqual([newest, more.length], ['token-back', 999])
      await queue.close()
      await queue.open()
      assert.equal((await kinds()).length, 1000)
    })

    it('which wait for other calls, but not for long', async (t) => {
      const { queue } = await queues.openDisk()
      await accept(queue, 1)
      t.mock.timers.enable({ apis: ['setTimeout'] })
      let isStored = false
      const stored = queue.call('addEvent', event(1)).then(() => {
        isStored = true
      })
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      assert.equal(isStored, false)
      t.mock.timers.tick(20)
      await stored
    })
  })
})

describe('A search', () => {
  let queue: MessageQueue<Buffer>
  const now = 1_700_000_000_000
  const hashes = [Buffer.alloc(16, 1)]

  // Numbers 1 to 4 have left, 5 and 6 have not.
  before(async () => {
    queue = await new TestQueues().openMemory()
    const kinds = [
      { controlId: 'C1', hashes },
      { type: 'ORU^R01' },
      { controlId: 'C1', acceptedAt: now + HOUR, hashes },
      {},
      { controlId: 'C1' },
      { type: 'ORU^R01', hashes }
    ]
    for (const [i, kind] of kinds.entries()) {
      await queue.accept(message(i + 1, { acceptedAt: now, ...kind }), contentOf(i + 1))
    }
    await queue.finish(1, leftWith({ ...verdict, outcome: 'ack' }))
    await queue.finish(2, leftWith({ ...verdict, outcome: 'nak' }))
    await queue.finish(3, leftWith({ ...verdict, outcome: 'ack', rule: 'AA=A' }))
    await queue.finish(4, leftWith({ ...NO_VERDICT, outcome: 'error' }))
    await queue.move(moveOf(5, 'suspended', { verdict }))
  })
  after(() => queue.close())

  const cases: [query: Partial<MessageQuery>, expected: number[]][] = [
    [{}, [6, 5, 4, 3, 2, 1]],
    [{ before: 3 }, [2, 1]],
    [{ controlId: 'C1' }, [5, 3, 1]],
    // As a flow has it from a padded field.
    [{ controlId: 'C1  ' }, [5, 3, 1]],
    [{ controlId: 'C7' }, []],
    [{ type: 'ORU^R01' }, [6, 2]],
    [{ rule: verdict.rule }, [5, 2, 1]],
    [{ rule: verdict.rule, controlId: 'C1' }, [5, 1]],
    // Accepted or changed then.
    [{ since: now + 1 }, [5, 4, 3, 2, 1]],
    [{ since: Date.now() + DAY }, []],
    [{ state: 'acked' }, [3, 1]],
    [{ state: 'acked', rule: 'AA=A' }, [3]],
    [{ state: 'naked' }, [2]],
    [{ state: 'failed' }, [4]],
    [{ state: 'failed', rule: 'AA=A' }, []],
    [{ state: 'suspended' }, [5]],
    [{ state: 'suspended', controlId: 'C1' }, [5]],
    [{ state: 'suspended', controlId: 'C1 ' }, [5]],
    [{ state: 'waiting' }, [6]],
    [{ hashes: [...hashes, Buffer.alloc(16, 2)] }, [6, 3, 1]],
    [{ hashes, state: 'waiting' }, [6]],
    [{ hashes, state: 'acked' }, [3, 1]],
    [{ hashes, controlId: 'C1' }, [3, 1]],
    [{ hashes: [Buffer.alloc(16, 2)] }, []]
  ]
  for (const [query, expected] of cases) {
    it(`finds ${JSON.stringify({
      ...query,
      ...(query.since && { since: 'then' }),
      ...(query.hashes && { hashes: query.hashes.length })
    })}`, async () => {
      for (const limit of [1, 1000]) {
        assert.deepEqual(seqsOf(await findAll(queue, { limit, ...query })), expected, `${limit}`)
      }
    })
  }

  it('says where to go on', async () => {
    const { messages, next } = await queue.call('find', { limit: 2 })
    assert.deepEqual([seqsOf(messages), next], [[6, 5], 5])
  })
})

/** A queue with a clock that stands still, and messages that have left. */
class RememberingQueue {
  readonly db = new DatabaseSync(':memory:')
  queue: Queue<object>
  readonly clock = {
    wall: 100 * DAY,
    time: 0,
    now: () => this.clock.wall,
    monotonic: () => this.clock.time
  }

  constructor(options: Partial<QueueOptions<object>> = {}) {
    makeTables(this.db)
    this.queue = this.opened(options)
  }

  opened(options: Partial<QueueOptions<object>> = {}): Queue<object> {
    const queue = new Queue(this.db, {
      order: 'none',
      orderKey: '',
      contents: noContents,
      journalDays: 14,
      mostRecords: 1_000_000,
      mostEvents: 10_000,
      clock: this.clock,
      ...options
    })
    queue.open()
    return queue
  }

  /** Messages come, and leave that long ago. */
  pass(seqs: readonly number[], ago = 0): void {
    this.clock.wall -= ago
    for (const seq of seqs) {
      this.queue.accept(message(seq, { acceptedAt: this.clock.wall }), {})
      this.queue.finish(seq, leftWith({ ...verdict, outcome: 'ack' }))
    }
    this.clock.wall += ago
    if (ago > 0) this.clock.time += ago
  }

  get rows(): number[] {
    return this.db
      .prepare('SELECT seq FROM message ORDER BY seq')
      .all()
      .map(({ seq }) => Number(seq))
  }

  found(query: Partial<MessageQuery> = {}): number[] {
    return seqsOf(this.queue.reader.find({ limit: 10_000, ...query }).messages).reverse()
  }

  /** @returns how often it had to be done until nothing was left to do */
  keepHouse(): number {
    let steps = 1
    while (this.queue.keepHouse()) steps++
    return steps
  }
}

describe('A queue forgets', () => {
  it('what left too long ago, and nothing else, a little at a time', () => {
    const remembering = new RememberingQueue()
    remembering.pass(numbers(1, 1300), 15 * DAY)
    remembering.pass(numbers(1301, 1400), 13 * DAY)
    remembering.pass(numbers(1401, 1500), 15 * DAY)
    remembering.queue.accept(message(1501, { acceptedAt: 0 }), {})
    remembering.queue.keepHouse()
    assert.equal(remembering.rows.length, 1501 - 512)
    assert.ok(remembering.keepHouse() >= 3)
    assert.deepEqual(remembering.rows, [...numbers(1301, 1400), 1501])
    // The next look is in an hour.
    remembering.pass([1502])
    remembering.db.exec(`UPDATE message SET changed_at = 0 WHERE seq = 1502`)
    remembering.keepHouse()
    assert.ok(remembering.rows.includes(1502))
    remembering.clock.time += HOUR
    remembering.keepHouse()
    assert.ok(!remembering.rows.includes(1502))
  })

  it('it at once, as far as a search shows', () => {
    const remembering = new RememberingQueue()
    remembering.pass(numbers(1, 10), 15 * DAY)
    remembering.pass([11], DAY)
    remembering.queue.addEvent(event(1, { at: remembering.clock.wall - 15 * DAY }))
    remembering.queue.addEvent(event(2, { at: remembering.clock.wall }))
    assert.deepEqual(remembering.found(), [11])
    assert.deepEqual(remembering.found({ controlId: 'C5' }), [])
    for (const choice of [{}, { ids: [5, 11] }]) {
      assert.deepEqual(seqsOf(remembering.queue.reader.findLeft(choice, 0, 10).messages), [11])
    }
    const counts = (): unknown[] =>
      remembering.queue.events({ since: 0, limit: 10 }).map(({ values }) => values['count'])
    assert.deepEqual(counts(), [2])
    remembering.keepHouse()
    assert.equal(remembering.db.prepare('SELECT count(*) AS rows FROM event').get()?.['rows'], 1)
  })

  it('it although others left when the clock was wrong', () => {
    const remembering = new RememberingQueue()
    remembering.pass(numbers(1, 600), -365 * DAY)
    remembering.pass(numbers(601, 1200), 15 * DAY)
    remembering.keepHouse()
    assert.deepEqual(remembering.rows, numbers(1, 600))
  })

  it('nothing before its time because the clock was two months back when it left', () => {
    for (const isNextRun of [false, true]) {
      const remembering = new RememberingQueue({ contentDays: 7 })
      const { clock } = remembering
      remembering.pass([1])
      clock.wall -= 60 * DAY
      remembering.pass([2])
      remembering.queue.addEvent(event(1, { at: clock.wall }))
      clock.wall += 60 * DAY
      const known = (): unknown[] => [
        remembering.found(),
        remembering.queue.events({ since: 0, limit: 10 }).length,
        remembering.rows
      ]
      for (const days of [0, 13]) {
        clock.wall += days * DAY
        clock.time += days * DAY
        remembering.keepHouse()
        assert.deepEqual(known(), [[1, 2], 1, [1, 2]], `after ${days} days`)
        remembering.queue.close()
        if (isNextRun) remembering.queue = remembering.opened()
      }
      clock.wall += DAY
      clock.time += DAY
      remembering.keepHouse()
      assert.deepEqual(known(), [[1], 0, [1]], 'after 14 days')
    }
  })

  it('nothing later because the machine sleeps each night', () => {
    const remembering = new RememberingQueue()
    for (const seq of numbers(1, 40)) {
      remembering.pass([seq])
      remembering.clock.wall += DAY
      remembering.clock.time += DAY / 2
      remembering.keepHouse()
    }
    assert.deepEqual(remembering.rows, numbers(27, 40))
  })

  it('no event that a thread added which died with the answer, and adds it once', () => {
    const remembering = new RememberingQueue()
    const at = remembering.clock.wall
    for (const one of [event(1, { at }), event(1, { at }), event(2, { at }), event(1, { at })]) {
      remembering.queue.addEvent(one)
    }
    const events = remembering.queue.events({ since: 0, limit: 10 })
    assert.deepEqual(
      events.map(({ values }) => values['count']),
      [2, 1]
    )
  })

  it('the oldest of too many, while messages leave, but none that has not left', () => {
    const remembering = new RememberingQueue({ mostRecords: 500 })
    remembering.queue.accept(message(1), {})
    remembering.pass(numbers(2, 3000))
    const { rows } = remembering
    assert.equal(rows[0], 1)
    assert.ok(rows.length > 500 && rows.length < 600, `${rows.length}`)
    assert.deepEqual(rows.slice(1), numbers(3002 - rows.length, 3000))
    // The counts follow, also in a new run.
    assert.equal(remembering.opened().summary().waiting, 1)
  })

  it('runs that ended without a close more than an hour ago, and what they handed on at their end', () => {
    const { clock, queue } = new RememberingQueue()
    const end = (ms: number): unknown => {
      clock.wall += ms
      const { controlId, count, held, since, times, until } =
        queue.open().figures.ended ?? assert.fail()
      assert.equal(until, clock.wall)
      return [count, clock.wall - since, held, controlId, times]
    }
    const MINUTE = 60_000
    assert.deepEqual(end(0), [1, 0, 0, undefined, undefined])
    queue.accept(message(1), {})
    queue.move(moveOf(1, 'leaving', { outcome: {} }))
    assert.deepEqual(end(59 * MINUTE), [2, 59 * MINUTE, 1, 'C1', 1])
    assert.deepEqual(end(59 * MINUTE), [3, 118 * MINUTE, 1, 'C1', 2])
    queue.finish(1, leftWith(verdict))
    assert.deepEqual(end(0), [4, 118 * MINUTE, 0, undefined, undefined])
    assert.deepEqual(end(60 * MINUTE), [1, 0, 0, undefined, undefined])
  })

  it('the oldest of too many events', () => {
    const remembering = new RememberingQueue({ mostEvents: 100 })
    for (const count of numbers(1, 500)) {
      remembering.queue.addEvent(event(count, { at: remembering.clock.wall }))
    }
    const events = remembering.queue.events({ since: 0, limit: 1000 })
    assert.deepEqual([events.length, events[0]?.values], [100, { count: 500 }])
  })

  it('everything for 0 days', () => {
    const remembering = new RememberingQueue()
    remembering.pass(numbers(1, 600))
    remembering.queue.addEvent(event(1, { at: remembering.clock.wall }))
    const queue = remembering.opened({ journalDays: 0 })
    remembering.clock.wall += 1
    assert.deepEqual(queue.reader.find({ limit: 10 }).messages, [])
    // Of this run alone: that the one before was not closed.
    const kinds = queue.events({ since: 0, limit: 10 }).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['ended'])
    while (queue.keepHouse());
    assert.deepEqual(remembering.rows, [])
  })
})

describe('A search of a long queue', () => {
  it('looks at a bounded number of rows, and says where to go on', () => {
    const remembering = new RememberingQueue()
    remembering.pass(numbers(1, 12_000))
    remembering.db.exec(`UPDATE message SET type = 'ORU^R01',
      verdict = json_set(verdict, '$.rule', 'AE=F', '$.outcome', 'nak') WHERE seq IN (3, 11999)`)
    const queries = [
      { query: { type: 'ORU^R01' }, expected: [11_999, 3] },
      { query: { rule: 'AE=F' }, expected: [11_999, 3] },
      { query: { state: 'naked' }, expected: [11_999, 3] },
      // An index has those that have not left.
      { query: { state: 'waiting' }, expected: [], looks: [0] },
      { query: { state: 'leaving' }, expected: [], looks: [0] }
    ] as const
    for (const { query, expected, ...more } of queries) {
      const seqs: number[] = []
      const calls: number[] = []
      for (let before = 12_001; before > 0;) {
        const { messages, next } = remembering.queue.reader.find({ limit: 1000, ...query, before })
        seqs.push(...seqsOf(messages))
        calls.push(next)
        before = next
      }
      assert.deepEqual(seqs, expected)
      assert.deepEqual(calls, 'looks' in more ? more.looks : [7001, 2001, 0])
    }
    // As many as there are of one control ID.
    remembering.db.exec(`UPDATE message SET control_id = 'SAME' WHERE seq % 2 = 0`)
    let found = 0
    for (let before = 12_001; before > 0;) {
      const page = remembering.queue.reader.find({ limit: 5000, controlId: 'SAME', before })
      found += page.messages.length
      before = page.next
    }
    assert.equal(found, 6000)
  })

  it('leaves out a damaged event, and of a damaged detail only that', () => {
    const remembering = new RememberingQueue()
    remembering.pass([1])
    for (const count of [1, 2, 3]) {
      remembering.queue.addEvent(event(count, { at: remembering.clock.wall }))
    }
    remembering.db.exec(`UPDATE message SET verdict = '{"rule":"x', story = '5' WHERE seq = 1;
      UPDATE event SET kind = 'resend' WHERE id = 1;
      UPDATE event SET detail = '{"co' WHERE id = 2`)
    const [row] = remembering.queue.reader.find({ limit: 10 }).messages
    assert.deepEqual([row?.verdict, row?.story], [NO_VERDICT, []])
    assert.deepEqual(
      remembering.queue.events({ since: 0, limit: 10 }).map(({ values }) => values),
      [{ count: 3 }, {}]
    )
  })
})
