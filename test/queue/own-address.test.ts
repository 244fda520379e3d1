/** What a queue does with messages that brought an address of their own, while the others go to a backup. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import type { Order, OwnOnes } from '../../src/queue/queue-types.ts'
import { Queue } from '../../src/queue/queue.ts'
import { message, moveOf, noContents } from './set-up.ts'

describe('a queue in which some messages have an address of their own', () => {
  function open(order: Order): Queue<object> {
    const db = new DatabaseSync(':memory:')
    makeTables(db)
    const queue = new Queue<object>(db, {
      order,
      orderKey: 'PID-3.1',
      contents: noContents,
      journalDays: 14,
      mostRecords: 100,
      mostEvents: 10,
      clock: systemClock
    })
    queue.open()
    return queue
  }
  const seqs = (queue: Queue<object>, own: OwnOnes, most = 9): number[] =>
    queue.claimNext(most, Infinity, undefined, own).map(({ row }) => row.seq)
  const accept = (queue: Queue<object>, ...own: boolean[]): void => {
    for (const [index, hasOwnAddress] of own.entries()) {
      queue.accept(message(index + 1, { hasOwnAddress }), {})
    }
  }

  it('counts them once they have to wait, up to a thousand', () => {
    const queue = open('none')
    accept(queue, false, ...Array<boolean>(1500).fill(true))
    assert.equal(queue.summary().ownAddress, 0)
    seqs(queue, 'not', 1)
    assert.equal(queue.summary().ownAddress, 1000)
  })

  it('tells the next retry of those that may go; else of the others', () => {
    const queue = open('none')
    accept(queue, true, false)
    seqs(queue, 'too')
    queue.move(moveOf(1, 'waiting', { dueInMs: 1000 }))
    queue.move(moveOf(2, 'waiting', { dueInMs: 2000 }))
    assert.equal(queue.summary().retry?.seq, 1)
    seqs(queue, 'not')
    assert.equal(queue.summary().retry?.seq, 2)
    queue.move(moveOf(2, 'suspended'))
    assert.equal(queue.summary().retry?.seq, 1)
  })

  it('finds the next message as fast where thousands of them wait', () => {
    /** Milliseconds for a claim while so many retries of them are due: of ten, the median. */
    const msWith = (own: number): number => {
      const queue = open('none')
      accept(queue, ...Array<boolean>(own).fill(true), ...Array<boolean>(20).fill(false))
      seqs(queue, 'too', own)
      for (let seq = 1; seq <= own; seq++) {
        queue.move(moveOf(seq, 'waiting', { dueInMs: Number.EPSILON }))
      }
      // The first one after a turn looks at all.
      assert.equal(seqs(queue, 'not', 1).length, 1)
      const times = Array.from({ length: 10 }, () => {
        const from = performance.now()
        assert.equal(seqs(queue, 'not', 1).length, 1)
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
    const backup = { since: 5, isByHand: true, by: '', address: 22 }
    queue.setBackup(backup)
    assert.deepEqual(queue.open().backup, backup)
    queue.setBackup(undefined)
    assert.equal(queue.open().backup, undefined)
  })
})
