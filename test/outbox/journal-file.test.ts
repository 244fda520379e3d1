import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { JournalFile } from '../../src/outbox/journal-file.ts'
import { MOST_EVENTS, MOST_RECORDS } from '../../src/outbox/journal.ts'
import { openQueueDatabase } from '../../src/outbox/queue-database.ts'
import { ALL, event, record } from './records.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

describe('JournalFile', () => {
  let directory: string
  let db: DatabaseSync

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'journal-file-'))
    db = openQueueDatabase(join(directory, 'queue.sqlite'), Buffer.alloc(16))
    db.exec('PRAGMA synchronous = OFF')
  })
  afterEach(() => {
    db.close()
    rmSync(directory, { recursive: true })
  })

  function number(sql: string): number {
    const [value] = Object.values(db.prepare(sql).get() ?? {})
    return value as number
  }

  const kept = (): number => number('SELECT count(*) FROM journal')

  /** Numbers from `first` on; accepted and settled so many milliseconds ago. */
  function fill(first: number, count: number, acceptedAgo: number, settledAgo: number): void {
    const now = Date.now()
    db.prepare(
      `WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1)
       INSERT INTO journal SELECT i, 'C' || CAST(i AS INTEGER), 'ADT^A01', ?3, ?4, 1, 'ack', 'AA', '', 200, '', '', '' FROM n`
    ).run(first, count, now - acceptedAgo, now - settledAgo)
  }

  function inTransaction<T>(work: () => T): T {
    db.exec('BEGIN')
    const result = work()
    db.exec('COMMIT')
    return result
  }

  /** Until nothing is left to do. @returns how often that was */
  function trimAll(journal: JournalFile, rows = 512): number {
    let steps = 1
    while (inTransaction(() => journal.trim(rows))) steps++
    return steps
  }

  it('drops what was settled too long ago, and nothing else, a little at a time', () => {
    fill(1, 3000, 15 * DAY, 15 * DAY)
    // Those that waited for long left later.
    fill(3001, 700, 15 * DAY, 13 * DAY)
    fill(3701, 300, 15 * DAY, 15 * DAY)
    fill(4001, 1000, 13 * DAY, 13 * DAY)
    const journal = new JournalFile(db, 14)
    assert.equal(journal.find(ALL).records.at(0)?.seq, 5000)
    inTransaction(() => journal.trim(512))
    assert.equal(kept(), 5000 - 512)
    trimAll(journal)
    assert.equal(kept(), 1700)
    assert.equal(number('SELECT min(seq) FROM journal'), 3001)
    // The next look is in an hour.
    fill(1, 1, 20 * DAY, 20 * DAY)
    trimAll(journal)
    assert.equal(kept(), 1701)
  })

  it('does not find what is too old, even if it is still there', () => {
    fill(1, 10, 15 * DAY, 15 * DAY)
    fill(11, 1, 15 * DAY, DAY)
    const journal = new JournalFile(db, 14)
    const seqs = (more: object): number[] =>
      journal.find({ ...ALL, ...more }).records.map(({ seq }) => seq)
    assert.deepEqual(seqs({}), [11])
    assert.deepEqual(seqs({ controlId: 'C5' }), [])
    inTransaction(() => {
      journal.addEvent(event(1, { at: Date.now() - 15 * DAY }))
      journal.addEvent(event(2))
    })
    assert.deepEqual(
      journal.events({ since: 0, limit: 10 }).map(({ values }) => values['count']),
      [2]
    )
    trimAll(journal)
    assert.equal(number('SELECT count(*) FROM event'), 1)
  })

  it('is not held up by a record from a time when the clock was wrong', () => {
    fill(1, 600, -365 * DAY, 0)
    fill(601, 2000, 15 * DAY, 15 * DAY)
    trimAll(new JournalFile(db, 14))
    assert.equal(kept(), 600)
  })

  it('keeps nothing for 0 days, and drops what there is', () => {
    fill(1, 1000, HOUR, HOUR)
    inTransaction(() => {
      new JournalFile(db, 14).addEvent(event(1))
    })
    const journal = new JournalFile(db, 0)
    assert.deepEqual(journal.find(ALL).records, [])
    assert.deepEqual(journal.events({ since: 0, limit: 10 }), [])
    inTransaction(() => {
      journal.removed(record(2000))
      journal.addEvent(event(2))
    })
    trimAll(journal)
    assert.equal(kept(), 0)
    assert.equal(number('SELECT count(*) FROM event'), 0)
  })

  it('drops what is too old while messages leave, faster than they do', () => {
    fill(1, 2000, 15 * DAY, 15 * DAY)
    const journal = new JournalFile(db, 14)
    for (let seq = 10_001; seq <= 10_700; seq++) {
      inTransaction(() => {
        journal.removed(record(seq))
      })
    }
    assert.equal(kept(), 700)
    assert.equal(number('SELECT min(seq) FROM journal'), 10_001)
  })

  it('keeps a million records, those that were settled last', () => {
    fill(1, MOST_RECORDS + 20_000, DAY, HOUR)
    // It waited for a day, and has left just now.
    db.exec(`UPDATE journal SET settled_at = ${Date.now()} WHERE seq = 5`)
    const journal = new JournalFile(db, 14)
    assert.equal(
      inTransaction(() => journal.trim(512)),
      true
    )
    assert.equal(kept(), MOST_RECORDS + 20_000 - 512)
    trimAll(journal)
    const most = kept()
    assert.ok(most <= MOST_RECORDS && most > MOST_RECORDS - 1000, `${most}`)
    assert.equal(journal.find({ ...ALL, controlId: 'C5' }).records.length, 1)
    // While messages leave, it stays so.
    inTransaction(() => {
      for (let seq = 2_000_001; seq <= 2_005_000; seq++) journal.removed(record(seq))
    })
    assert.ok(kept() <= MOST_RECORDS && kept() > MOST_RECORDS - 1000, `${kept()}`)
    assert.equal(journal.find(ALL).records[0]?.seq, 2_005_000)
    // Even if all that is there had waited for long.
    db.exec(`UPDATE journal SET settled_at = ${Date.now()}`)
    inTransaction(() => {
      for (let seq = 2_005_001; seq <= 2_010_000; seq++) journal.removed(record(seq))
    })
    assert.ok(kept() <= MOST_RECORDS, `${kept()}`)
    assert.equal(journal.find({ ...ALL, controlId: 'C5' }).records.length, 0)
  })

  it('keeps the last 10 000 events', () => {
    const journal = new JournalFile(db, 14)
    inTransaction(() => {
      for (let count = 1; count <= MOST_EVENTS + 500; count++) journal.addEvent(event(count))
    })
    assert.equal(number('SELECT count(*) FROM event'), MOST_EVENTS)
    const events = journal.events({ since: 0, limit: 2 * MOST_EVENTS })
    assert.equal(events.length, MOST_EVENTS)
    assert.deepEqual(events[0]?.values, { count: MOST_EVENTS + 500 })
  })

  it('looks at a bounded number of records, and says where to go on', () => {
    fill(1, 12_000, HOUR, HOUR)
    db.exec(`UPDATE journal SET type = 'ORU^R01', rule = 'AE=F' WHERE seq IN (3, 11999)`)
    const journal = new JournalFile(db, 14)
    for (const wanted of [{ type: 'ORU^R01' }, { rule: 'AE=F' }]) {
      const seqs: number[] = []
      const calls: number[] = []
      for (let before = Number.POSITIVE_INFINITY; before > 0;) {
        const { records, next } = journal.find({ ...ALL, ...wanted, before })
        seqs.push(...records.map(({ seq }) => seq))
        calls.push(next)
        before = next
      }
      assert.deepEqual(seqs, [11_999, 3])
      assert.deepEqual(calls, [7001, 2001, 0])
    }
    // As many as there are of one control ID.
    db.exec(`UPDATE journal SET control_id = 'SAME' WHERE seq % 2 = 0`)
    let found = 0
    for (let before = 12_001; before > 0;) {
      const { records, next } = journal.find({ ...ALL, limit: 5000, controlId: 'SAME', before })
      found += records.length
      before = next
    }
    assert.equal(found, 6000)
  })

  it('finds by control ID through an index', () => {
    const used: string[] = []
    // Each statement is prepared once: what is prepared can be explained.
    const spied = new Proxy(db, {
      get: (target, name) => (sql: string) => {
        assert.equal(name, 'prepare')
        used.push(sql)
        return target.prepare(sql)
      }
    })
    new JournalFile(spied, 14)
    const byControlId = used.filter((sql) => sql.includes('control_id = :control_id'))
    assert.equal(byControlId.length, 2)
    for (const sql of byControlId) {
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll(/:\w+/g, '1')}`)
        .all()
        .map((row) => row['detail'])
        .join()
      assert.match(plan, /SEARCH journal USING (COVERING )?INDEX .*control_id=\? AND rowid/)
      assert.doesNotMatch(plan, /TEMP B-TREE/)
    }
  })

  it('leaves out a damaged record or event, and of a damaged detail only that', () => {
    const journal = new JournalFile(db, 14)
    inTransaction(() => {
      for (let seq = 1; seq <= 4; seq++) journal.removed(record(seq))
      for (let count = 1; count <= 3; count++) journal.addEvent(event(count))
    })
    db.exec(`UPDATE journal SET outcome = 'nck' WHERE seq = 1;
      UPDATE journal SET settled_at = 1e300 WHERE seq = 2;
      UPDATE journal SET errors = '[{"code":"2', attempts = -1 WHERE seq = 3;
      UPDATE event SET kind = 'resend' WHERE id = 1;
      UPDATE event SET detail = '{"co' WHERE id = 2`)
    const [fourth, third, ...more] = journal.find(ALL).records
    assert.deepEqual([fourth?.seq, third?.seq, more.length], [4, 3, 0])
    assert.deepEqual([third?.verdict.errors, third?.attempts], [[], 0])
    assert.deepEqual(
      journal.events({ since: 0, limit: 10 }).map(({ values }) => values),
      [{ count: 3 }, {}]
    )
  })

  it('sweeps again what a failed transaction had swept', () => {
    fill(1, 2000, 20 * DAY, 20 * DAY)
    const journal = new JournalFile(db, 14)
    db.exec('BEGIN')
    journal.trim(512)
    db.exec('ROLLBACK')
    journal.rolledBack()
    let more = true
    while (more) more = inTransaction(() => journal.trim(512))
    assert.equal(kept(), 0)
  })
})
