import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { it } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { KNOWN_STATES, NO_VERDICT } from '../../src/queue/message-row.ts'
import { makeTables } from '../../src/queue/queue-schema.ts'
import type { Move } from '../../src/queue/queue-types.ts'
import { Queue } from '../../src/queue/queue.ts'
import { event, message, moveOf, noContents, pause, leftWith } from './set-up.ts'

/** A database that notes what is prepared. */
class NotingDatabase extends DatabaseSync {
  readonly prepared = new Set<string>()

  override prepare(
    ...args: Parameters<DatabaseSync['prepare']>
  ): ReturnType<DatabaseSync['prepare']> {
    this.prepared.add(args[0])
    return super.prepare(...args)
  }

  /** How SQLite goes about a statement. */
  planOf(sql: string): string {
    const plan = super.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    const names = [...new Set(sql.match(/:\w+/g) ?? [])]
    const rows =
      names.length === 0
        ? plan.all(...Array<null>(sql.split('?').length - 1).fill(null))
        : plan.all(Object.fromEntries(names.map((name) => [name, null])))
    return rows.map(({ detail }) => String(detail)).join('\n')
  }
}

/** Statements of the opening, which walk over an index; the last one only if it was not stored how many have left. */
const OPENING = [/state <> 4 GROUP BY state/, /total\(kept_bytes\)/, /count\(\*\) .* state = 4/]

it('No statement of a queue walks over a table, but for the opening', () => {
  const db = new NotingDatabase(':memory:')
  makeTables(db)
  const queue = new Queue(db, {
    order: 'key',
    orderKey: 'PID-3.1',
    contents: noContents,
    journalDays: 14,
    contentDays: 1,
    mostRecords: 0,
    mostEvents: 10,
    clock: systemClock
  })
  queue.open()
  function move(seq: number, to: Move<object>['to'], more: Partial<Move<object>> = {}): void {
    queue.move(moveOf(seq, to, more))
  }
  const hashes = [Buffer.alloc(16)]
  for (let seq = 1; seq <= 100; seq++) queue.accept(message(seq, { lane: seq % 3, hashes }), {})
  queue.claimNext(3)
  move(1, 'awaiting')
  move(2, 'suspended')
  move(3, 'waiting', { dueInMs: 1000 })
  move(4, 'suspended')
  queue.claimLate(1)
  queue.claimAwaiting('C1', '')
  const choices = [{}, { controlId: 'C1' }, { type: 'A', rule: 'R', before: 5 }, { ids: [2] }]
  for (const choice of choices) {
    queue.operator.countSuspended(choice)
    const { claimed } = queue.operator.claimSuspended(choice, 0, 1)
    for (const { row } of claimed) queue.rows.release(row.seq)
  }
  queue.operator.resend({}, 0, 1)
  queue.makeDue([3])
  queue.pause(pause)
  queue.resume(1)
  queue.beginWork(5)
  queue.endWork(5)
  queue.rows.setDamaged(6)
  queue.reader.read(7)
  for (const state of [undefined, ...KNOWN_STATES]) {
    for (const filter of [
      {},
      { controlId: 'C1' },
      { before: 50, type: 'A', rule: 'R', since: 5 }
    ]) {
      queue.reader.find({ limit: 10, ...filter, ...(state && { state }) })
      queue.reader.find({ limit: 10, ...filter, ...(state && { state }), hashes })
      queue.reader.countMessages({ ...filter, ...(state && { state }), error: '101' })
    }
  }
  for (let seq = 7; seq <= 90; seq++) queue.finish(seq, leftWith({ ...NO_VERDICT, outcome: 'ack' }))
  for (const choice of [{}, { controlId: 'C1' }, { before: 50, until: 9 }, { ids: [8] }]) {
    queue.reader.findLeft(choice, 0, 10)
  }
  queue.reader.findRepeated([8])
  queue.reader.findLaneEnds([1, null], [9], 8)
  queue.reader.find({ ids: [8, 91], limit: 2 })
  queue.reader.find({ controlIds: ['C8', 'C91'], limit: 6 })
  queue.dropKept()
  queue.addEvent(event(1))
  queue.events({ since: 0, limit: 10 })
  queue.summary()
  queue.keepHouse()
  queue.close()

  assert.ok(db.prepared.size > 50, `${db.prepared.size} statements`)
  const walks = [...db.prepared].filter((sql) =>
    /\bSCAN (?!json_each|\(subquery)|TEMP B-TREE/.test(db.planOf(sql))
  )
  const unexpected = walks.filter((sql) => !OPENING.some((known) => known.test(sql)))
  assert.deepEqual(
    unexpected.map((sql) => `${sql}\n${db.planOf(sql)}`),
    []
  )
  assert.equal(walks.length, OPENING.length)
})
