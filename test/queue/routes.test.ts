/** Which messages may go to which of two addresses, and what is remembered of where they may have arrived. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { systemClock, type Clock } from '../../src/clock.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import { OWN_ADDRESS, type Order, type Route } from '../../src/queue/queue-types.ts'
import { Queue } from '../../src/queue/queue.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { message, moveOf, noContents } from './set-up.ts'

const FIRST = 11
const BACKUP = 22
/** As the first address serves, and as the backup does, where they are two systems. */
const TO_FIRST: Route = { notTo: [BACKUP], mark: FIRST }
const TO_BACKUP: Route = { notTo: [OWN_ADDRESS, FIRST], mark: BACKUP }

describe('a queue of messages for two addresses', () => {
  function open(
    order: Order,
    fresh: number[] = [],
    clock: Pick<Clock, 'now' | 'monotonic'> = systemClock
  ): Queue<object> {
    const db = new DatabaseSync(':memory:')
    makeTables(db)
    const queue = new Queue<object>(db, {
      order,
      orderKey: 'PID-3.1',
      contents: noContents,
      journalDays: 14,
      mostRecords: 100,
      mostEvents: 10,
      clock,
      onFresh: (seq) => fresh.push(seq)
    })
    queue.open()
    return queue
  }
  const seqs = (queue: Queue<object>, route: Route, most = 9): number[] =>
    queue.claimNext(most, Infinity, undefined, route).map(({ row }) => row.seq)
  const accept = (queue: Queue<object>, ...bound: (number | undefined)[]): void => {
    for (const [index, boundTo] of bound.entries()) {
      queue.accept(message(index + 1, { boundTo }), {})
    }
  }

  it('passes over what may go nowhere but to the other address', () => {
    const queue = open('none')
    accept(queue, FIRST, undefined, OWN_ADDRESS, BACKUP, undefined)
    assert.deepEqual(seqs(queue, TO_BACKUP), [2, 4, 5])
    assert.deepEqual(seqs(queue, TO_FIRST), [1, 3])
  })

  it('hands out only those, if the other address is asked for them', () => {
    const queue = open('none')
    accept(queue, undefined, FIRST, OWN_ADDRESS, FIRST)
    const route = { notTo: [], only: [OWN_ADDRESS, FIRST] }
    assert.deepEqual(seqs(queue, route, 2), [3, 2])
    assert.deepEqual(seqs(queue, route), [4])
    assert.deepEqual(seqs(queue, TO_BACKUP), [1])
  })

  it('in order, all wait with the first of them', () => {
    const queue = open('fifo')
    accept(queue, FIRST, undefined)
    assert.deepEqual(seqs(queue, TO_BACKUP), [])
    assert.deepEqual(seqs(queue, TO_FIRST), [1])
  })

  it('in lanes, only their own', () => {
    const queue = open('key')
    queue.accept(message(1, { lane: 1, boundTo: FIRST }), {})
    queue.accept(message(2, { lane: 1 }), {})
    queue.accept(message(3, { lane: 2 }), {})
    assert.deepEqual(seqs(queue, TO_BACKUP), [3])
  })

  it('remembers where it has sent a message until it is known what came of that', () => {
    const fresh: number[] = []
    const queue = open('none', fresh)
    accept(queue, undefined, undefined)
    fresh.length = 0
    assert.deepEqual(seqs(queue, TO_FIRST), [1, 2])
    // Nothing is handed out before that is on the disk.
    assert.deepEqual(fresh, [1, 2])
    assert.deepEqual(queue.summary().bound, [{ to: FIRST, count: 2 }])
    // It did not arrive; it was not sent.
    queue.move(moveOf(1, 'waiting'))
    queue.rows.release(2)
    assert.deepEqual(seqs(queue, TO_BACKUP), [1, 2])
  })

  it('keeps what is bound bound, also if it was suspended and is resent', () => {
    const queue = open('none')
    accept(queue, undefined)
    seqs(queue, TO_FIRST)
    queue.move(moveOf(1, 'suspended', { boundTo: FIRST }))
    queue.operator.resend({}, 0, 1)
    assert.deepEqual(seqs(queue, TO_BACKUP), [])
    assert.deepEqual(seqs(queue, TO_FIRST), [1])
  })

  it('counts those that are bound to an address, however many are bound to another', () => {
    const queue = open('none')
    accept(queue, ...Array<number>(1500).fill(OWN_ADDRESS), BACKUP, BACKUP)
    seqs(queue, TO_FIRST, 0)
    assert.deepEqual(queue.summary().bound, [
      { to: OWN_ADDRESS, count: 1000 },
      { to: BACKUP, count: 2 }
    ])
  })

  it('tells the next retry of those that may go, whatever is asked meanwhile; else of the others', () => {
    const queue = open('none')
    accept(queue, undefined, undefined)
    seqs(queue, TO_BACKUP)
    queue.move(moveOf(1, 'waiting', { boundTo: FIRST, dueInMs: 1000 }))
    queue.move(moveOf(2, 'waiting', { dueInMs: 2000 }))
    assert.equal(queue.summary().retry?.seq, 2)
    seqs(queue, { notTo: [BACKUP], isAsking: true })
    assert.equal(queue.summary().retry?.seq, 2)
    queue.move(moveOf(2, 'suspended'))
    assert.equal(queue.summary().retry?.seq, 1)
  })

  it('stops the clocks of what waits for an address, and of nothing else', () => {
    const clock = new FakeClock()
    const queue = open('none', [], clock)
    accept(queue, undefined, undefined, undefined)
    seqs(queue, TO_FIRST)
    for (const [seq, boundTo] of [
      [1, FIRST],
      [2, BACKUP],
      [3, undefined]
    ] as const) {
      queue.move(moveOf(seq, 'waiting', { boundTo, spentMs: 10, countsFrom: 0, dueInMs: 1 }))
    }
    queue.stopClocks([OWN_ADDRESS, FIRST], 100)
    const clocks = [1, 2, 3].map((seq) => {
      const { countsFrom, spentMs } = queue.rows.rowOf(queue.rows.row(seq))
      return [spentMs, countsFrom]
    })
    assert.deepEqual(clocks, [
      [110, undefined],
      [10, 0],
      [10, 0]
    ])
  })

  it('finds the next message as fast where thousands wait for the other address', () => {
    /** Milliseconds for a claim while so many retries that are due wait for the first address: of ten, the median. */
    const msWith = (bound: number): number => {
      const queue = open('none')
      for (let seq = 1; seq <= bound + 20; seq++) queue.accept(message(seq), {})
      seqs(queue, TO_FIRST, bound)
      for (let seq = 1; seq <= bound; seq++) {
        queue.move(moveOf(seq, 'waiting', { boundTo: FIRST, dueInMs: Number.EPSILON }))
      }
      // The first one after a turn looks at all.
      assert.equal(seqs(queue, TO_BACKUP, 1).length, 1)
      const times = Array.from({ length: 10 }, () => {
        const from = performance.now()
        assert.equal(seqs(queue, TO_BACKUP, 1).length, 1)
        return performance.now() - from
      })
      return times.sort((a, b) => a - b)[5] ?? 0
    }
    const few = msWith(20)
    const many = msWith(20_000)
    assert.ok(many < 20 * few + 1, `${many.toFixed(2)} ms, and ${few.toFixed(2)} ms with few`)
  })

  it('remembers for the next run that messages go to the backup', () => {
    const queue = open('none')
    const backup = { since: 5, isByHand: true, by: '', address: BACKUP }
    queue.setBackup(backup)
    assert.deepEqual(queue.open().backup, backup)
    queue.setBackup(undefined)
    assert.equal(queue.open().backup, undefined)
  })
})
