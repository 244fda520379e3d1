import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import type { JournalRecord } from '../../src/outbox/journal.ts'
import type { Entry, FindQuery } from '../../src/outbox/outbox.ts'
import { filledQueueFiles } from '../../src/outbox/queue-files.ts'
import { leafRows } from '../../src/outbox/repair/leaf-rows.ts'
import { ALL, event, pause, record, verdict } from './records.ts'

const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))
const PAGE = 4096
const DAY = 24 * 60 * 60 * 1000

describe('the journal of a DiskOutbox', () => {
  let directory: string
  let opened: DiskOutbox<Buffer>[]
  let notices: string[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'journal-'))
    opened = []
    notices = []
  })
  afterEach(async () => {
    await Promise.all(opened.map((outbox) => outbox.close()))
    await rm(directory, { recursive: true })
  })

  function queue(journalDays = 14): DiskOutbox<Buffer> {
    const outbox = new DiskOutbox({
      codec: {
        encode: (content: Buffer) => ({ bytes: content, whole: true }),
        decode: (bytes) => bytes
      },
      ...{ directory, name: 'queue', key: () => Promise.resolve(Buffer.alloc(32, 1)) },
      ...{ cacheBytes: 0, journalDays },
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

  async function add(outbox: DiskOutbox<Buffer>, from: number, to = from): Promise<void> {
    const adds: Promise<void>[] = []
    for (let seq = from; seq <= to; seq++) {
      adds.push(outbox.add(entry(seq), Buffer.from(`content ${seq}`)))
    }
    await Promise.all(adds)
  }

  /** Messages come and leave. */
  async function pass(outbox: DiskOutbox<Buffer>, from: number, to = from): Promise<void> {
    await add(outbox, from, to)
    const removals: Promise<void>[] = []
    for (let seq = from; seq <= to; seq++) removals.push(outbox.remove(seq, record(seq)))
    await Promise.all(removals)
  }

  async function records(
    outbox: DiskOutbox<Buffer>,
    more: Partial<FindQuery> = {}
  ): Promise<readonly JournalRecord[]> {
    return (await outbox.find({ ...ALL, ...more })).records
  }

  async function seqs(
    outbox: DiskOutbox<Buffer>,
    more: Partial<FindQuery> = {}
  ): Promise<number[]> {
    const { records, entries } = await outbox.find({ ...ALL, ...more })
    return [...records, ...entries].map(({ seq }) => seq)
  }

  async function waiting(outbox: DiskOutbox<Buffer>): Promise<number[]> {
    return (await outbox.list({ after: 0, without: [], limit: 10_000 })).map(({ seq }) => seq)
  }

  /** How many rows the pages of the file hold; it may be open elsewhere. */
  function rows(table: 'journal' | 'event'): number {
    const ids = new Set<number>()
    for (const { id, values } of leafRows(join(directory, 'queue.sqlite'))) {
      // Those of the schema have as many columns as an event, but no row id as the first of them.
      const isOurs = table === 'event' ? values.length === 5 : values.length > 11
      if (isOurs && values[0] === null) ids.add(id)
    }
    return ids.size
  }

  it('finds what became of each message, by each filter, after a restart too', async () => {
    const first = queue()
    await first.open()
    await add(first, 1, 9)
    const now = Date.now()
    const left = [
      record(1),
      record(2, { type: 'ORU^R01', outcome: 'nak' }),
      record(3, { controlId: 'C1', settledAt: now - DAY }),
      record(4, { outcome: 'error', verdict: { ...verdict, rule: '', errorCode: 'ECONNRESET' } })
    ]
    for (const each of left) await first.remove(each.seq, each)
    // Without a record, such as one whose outcome was damaged.
    await first.remove(5)
    for (const outbox of [first, queue()]) {
      if (outbox !== first) {
        await first.close()
        await outbox.open()
      }
      assert.deepEqual(await records(outbox), left.toReversed())
      assert.deepEqual(await seqs(outbox, { controlId: 'C1' }), [3, 1])
      assert.deepEqual(await seqs(outbox, { controlId: 'C1', since: now - 1000 }), [1])
      assert.deepEqual(await seqs(outbox, { controlId: 'C7' }), [])
      assert.deepEqual(await seqs(outbox, { type: 'ORU^R01' }), [2])
      assert.deepEqual(await seqs(outbox, { rule: verdict.rule }), [3, 2, 1])
      assert.deepEqual(await seqs(outbox, { rule: '' }), [4])
      assert.deepEqual(await seqs(outbox, { outcome: 'nak' }), [2])
      assert.deepEqual(await seqs(outbox, { since: now - 1000 }), [4, 2, 1])
      assert.deepEqual(await seqs(outbox, { before: 3 }), [2, 1])
      const page = await outbox.find({ ...ALL, limit: 2 })
      assert.deepEqual([page.records, page.next], [[left[3], left[2]], 3])
    }
  })

  it('finds what is in the queue, and not what has left it', async () => {
    const outbox = queue()
    await outbox.open()
    await add(outbox, 1, 6)
    const suspended = entry(2, { state: 'suspended', suspendedAt: 5, verdict })
    await outbox.update(suspended)
    await outbox.settle(entry(3, { state: 'settled' }), 'outcome')
    const removed = outbox.remove(5, record(5))
    const found = await outbox.find({ ...ALL, where: 'queue' })
    assert.deepEqual(found, {
      entries: [entry(6), entry(4), entry(3, { state: 'settled' }), suspended, entry(1)],
      ...{ records: [], next: 0 }
    })
    await removed
    assert.deepEqual(await seqs(outbox, { where: 'queue', controlId: 'C4' }), [4])
    assert.deepEqual(await seqs(outbox, { where: 'queue', controlId: 'C5' }), [])
    assert.deepEqual(await seqs(outbox, { where: 'queue', type: 'ORU^R01' }), [])
    assert.deepEqual(await seqs(outbox, { where: 'queue', since: entry(4).acceptedAt }), [6, 4])
    const page = await outbox.find({ ...ALL, where: 'queue', limit: 2 })
    assert.deepEqual([page.entries.map(({ seq }) => seq), page.next], [[6, 4], 4])
    // Of very many it looks at some at a time.
    await add(outbox, 7, 9000)
    const windows: number[] = []
    let before = Number.MAX_SAFE_INTEGER
    for (; before > 0;) {
      const { entries, next } = await outbox.find({
        ...{ ...ALL, where: 'queue', controlId: 'C1', before }
      })
      windows.push(entries.length)
      before = next
    }
    assert.deepEqual(windows, [0, 1])
  })

  it('does not find a damaged message in the queue', async () => {
    const outbox = queue()
    await outbox.open()
    await add(outbox, 1, 2)
    await outbox.close()
    const db = new DatabaseSync(outbox.path)
    db.exec('DELETE FROM sealed WHERE id < 2 * 4 * 65536')
    db.close()
    await outbox.open()
    await assert.rejects(outbox.read(1), { code: 'ERR_MESSAGE_DAMAGED' })
    assert.deepEqual(await seqs(outbox, { where: 'queue' }), [2])
  })

  it('does not make a query wait for a removal that waits for others', async (t) => {
    const outbox = queue()
    await outbox.open()
    await add(outbox, 1, 2)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    // No time passes: what waits goes with the query.
    void outbox.remove(1, record(1))
    assert.deepEqual(await seqs(outbox), [1])
    void outbox.remove(2, record(2))
    void outbox.addEvent(event(1))
    assert.equal((await outbox.events({ since: 0, limit: 10 })).length, 1)
  })

  describe('events', () => {
    it('are there again after a restart, newest first', async () => {
      const first = queue()
      await first.open()
      const now = Date.now()
      const events = [
        event(1, { at: now - 3000, kind: 'paused', by: 'flow', values: { reason: 'ü' } }),
        event(2, { at: now - 2000 }),
        event(3, { at: now, by: '', values: {} })
      ]
      for (const each of events) await first.addEvent(each)
      await first.close()
      const second = queue()
      await second.open()
      assert.deepEqual(await second.events({ since: 0, limit: 10 }), events.toReversed())
      assert.deepEqual(await second.events({ since: now - 2000, limit: 10 }), [
        events[2],
        events[1]
      ])
      assert.deepEqual(await second.events({ since: 0, limit: 1 }), [events[2]])
    })

    it('from before the file was opened are stored when it is', async () => {
      const outbox = queue()
      await outbox.addEvent(event(1, { kind: 'queue-fault', values: { cause: 'SQLITE_BUSY' } }))
      await outbox.addEvent(event(2))
      const kinds = async (): Promise<string[]> =>
        (await outbox.events({ since: 0, limit: 10 })).map(({ kind }) => kind)
      assert.deepEqual(await kinds(), ['resent', 'queue-fault'])
      await outbox.open()
      assert.deepEqual(await kinds(), ['resent', 'queue-fault'])
      await outbox.close()
      await outbox.open()
      assert.deepEqual(await kinds(), ['resent', 'queue-fault'])
    })

    it('wait for other changes, but not for long', async (t) => {
      const outbox = queue()
      await outbox.open()
      await add(outbox, 1)
      t.mock.timers.enable({ apis: ['setTimeout'] })
      let isStored = false
      const stored = outbox.addEvent(event(1)).then(() => {
        isStored = true
      })
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      assert.equal(isStored, false)
      t.mock.timers.tick(20)
      await stored
    })
  })

  describe('for 0 days', () => {
    it('keeps nothing in the file, and the last events in memory', async () => {
      const outbox = queue(0)
      await outbox.open()
      await pass(outbox, 1, 20)
      await Promise.all(Array.from({ length: 3000 }, (_, i) => outbox.addEvent(event(i + 1))))
      assert.deepEqual(await records(outbox), [])
      const events = await outbox.events({ since: 0, limit: 1000 })
      assert.equal(events.length, 1000)
      assert.deepEqual(events[0]?.values, { count: 3000 })
      await outbox.close()
      assert.deepEqual([rows('journal'), rows('event')], [0, 0])
    })

    it('drops what there is while nothing else happens', async () => {
      const first = queue()
      await first.open()
      await pass(first, 1, 2000)
      await first.addEvent(event(1))
      await first.setPaused(pause)
      await first.close()
      assert.deepEqual([rows('journal'), rows('event')], [2000, 1])
      const second = queue(0)
      const { lastSeq, paused } = await second.open()
      assert.deepEqual([lastSeq, paused], [2000, pause])
      assert.deepEqual(await records(second), [])
      while (rows('journal') + rows('event') > 0) await sleep(50)
    })
  })

  it('drops what is too old while messages come and leave', async () => {
    const first = queue()
    await first.open()
    await add(first, 1, 1000)
    const old = { settledAt: Date.now() - 20 * DAY }
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) => first.remove(i + 1, record(i + 1, old)))
    )
    assert.ok(rows('journal') < 500, 'more are dropped than are added')
    assert.deepEqual(await records(first), [])
    await pass(first, 1001, 1500)
    await first.close()
    assert.equal(rows('journal'), 500)
  })

  it('does not count: a file without messages goes with its node', async () => {
    const outbox = queue()
    await outbox.open()
    await pass(outbox, 1, 10)
    await outbox.addEvent(event(1))
    assert.equal(await queue().isInUse(), false)
    assert.deepEqual(await filledQueueFiles(directory), [])
    await outbox.close()
    assert.equal(await queue().isInUse(), false)
    assert.deepEqual(await filledQueueFiles(directory), [])
    await outbox.deleteFile()
    assert.deepEqual(await readdir(directory), [])
  })

  it('has one row for each removed message after kills, and none for one that is still queued', async () => {
    const told = join(directory, 'told')
    for (let round = 1; round <= 5; round++) {
      const before = existsSync(told) ? (await stat(told)).size : 0
      const stdout = openSync(told, 'a')
      const child = spawn(process.execPath, [script, 'pass', directory, `${round}00000`], {
        stdio: ['ignore', stdout, 'inherit']
      })
      const closed = once(child, 'close')
      while ((await stat(told)).size < before + 8000) await sleep(3)
      child.kill('SIGKILL')
      assert.deepEqual(await closed, [null, 'SIGKILL'])
      closeSync(stdout)
    }
    const numbers = (word: string): number[] =>
      [...readFileSync(told, 'utf8').matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map((match) =>
        Number(match[1])
      )
    const outbox = queue()
    const { settled } = await outbox.open()
    const held = new Set([...settled, ...(await waiting(outbox))])
    const journal: number[] = []
    for (let before = Number.MAX_SAFE_INTEGER; before > 0;) {
      const found = await outbox.find({ ...ALL, before })
      journal.push(...found.records.map(({ seq }) => seq))
      before = found.next
    }
    assert.equal(new Set(journal).size, journal.length)
    const left = new Set(journal)
    const removed = numbers('removed')
    assert.ok(removed.length > 500, `${removed.length}`)
    for (const seq of removed) assert.ok(left.has(seq) && !held.has(seq), `removed ${seq}`)
    // Each is in one of the two.
    for (const seq of numbers('stored')) assert.notEqual(left.has(seq), held.has(seq), `${seq}`)
    assert.ok((await outbox.events({ since: 0, limit: 10 })).length > 0)
    assert.deepEqual(notices, [])
  })

  describe('that is damaged', () => {
    const LEFT = [...Array.from({ length: 107 }, (_, i) => 5094 + i), 5201]
    const MESSAGES = Array.from({ length: 200 }, (_, i) => 5001 + i)

    /** All files of the closed queue of `filled`, which takes long to fill. */
    let files: Map<string, Buffer> | undefined

    /** A closed file with messages, 5000 records and 3000 events: the same each time. */
    async function filled(): Promise<string> {
      if (files === undefined) {
        const outbox = queue()
        await outbox.open()
        await pass(outbox, 1, 5000)
        await add(outbox, 5001, 5200)
        await outbox.settle(entry(5001, { state: 'settled' }), 'outcome')
        await Promise.all(Array.from({ length: 3000 }, (_, i) => outbox.addEvent(event(i))))
        await outbox.setPaused(pause)
        await outbox.close()
        files = new Map(
          readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))])
        )
      } else {
        for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes)
      }
      return join(directory, 'queue.sqlite')
    }

    /** The pages of a table or index of the file, its root first. */
    function pagesOf(path: string, name: string): number[] {
      const bytes = readFileSync(path)
      const db = new DatabaseSync(path, { readOnly: true })
      const root = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)
      db.close()
      const pages = [Number(root?.['rootpage'])]
      for (const page of pages) {
        const at = (page - 1) * PAGE
        const kind = bytes[at] ?? 0
        // Interior pages of a table or an index: sqlite.org/fileformat2.html#b_tree_pages.
        if (kind !== 5 && kind !== 2) continue
        const cells = bytes.readUInt16BE(at + 3)
        for (let cell = 0; cell < cells; cell++) {
          pages.push(bytes.readUInt32BE(at + bytes.readUInt16BE(at + 12 + 2 * cell)))
        }
        pages.push(bytes.readUInt32BE(at + 8))
      }
      return pages
    }

    function overwrite(path: string, pages: readonly number[]): void {
      const bytes = readFileSync(path)
      for (const page of pages) bytes.fill(0x5a, (page - 1) * PAGE, page * PAGE)
      writeFileSync(path, bytes)
    }

    /** Messages are listed, read, settled and removed as if nothing were. */
    async function works(outbox: DiskOutbox<Buffer>): Promise<void> {
      assert.deepEqual(await waiting(outbox), MESSAGES.slice(1))
      for (const seq of MESSAGES) {
        assert.equal((await outbox.read(seq)).content.toString(), `content ${seq}`)
      }
      await outbox.remove(5001, record(5001))
      await outbox.settle(entry(5002, { state: 'settled' }), 'outcome')
      for (let seq = 5002; seq <= 5090; seq += 4) {
        await Promise.all([0, 1, 2, 3].map((i) => outbox.remove(seq + i, record(seq + i))))
      }
      await add(outbox, 5201)
      await outbox.addEvent(event(1))
      assert.deepEqual(await waiting(outbox), LEFT)
    }

    for (const what of ['journal', 'journal_control_id', 'event']) {
      for (const part of ['root', 'leaves', 'last leaf', 'all']) {
        it(`costs no message: ${part} of ${what}`, async () => {
          const path = await filled()
          const pages = pagesOf(path, what)
          assert.ok(pages.length > 10, `${pages.length}`)
          const damaged =
            part === 'root'
              ? pages.slice(0, 1)
              : part === 'leaves'
                ? pages.slice(1)
                : part === 'all'
                  ? pages
                  : pages.slice(-1)
          overwrite(path, damaged)
          const outbox = queue()
          const { waiting: count, settled, paused } = await outbox.open()
          assert.deepEqual([count, settled, paused], [199, [5001], pause])
          await works(outbox)
          // To look for it costs no message either.
          await outbox.find({ ...ALL, controlId: 'C1' })
          for (let before = 6000; before > 0;) {
            before = (await outbox.find({ ...ALL, type: 'X', before })).next
          }
          await outbox.events({ since: 0, limit: 10_000 })
          assert.deepEqual(await waiting(outbox), LEFT)
          assert.ok(
            notices.every((text) => /journal and the events .* empty/.test(text)),
            notices.join()
          )
          // Nobody asks for the last of the control IDs.
          const found = part === 'last leaf' && what === 'journal_control_id' ? 0 : 1
          assert.equal(notices.length, found)
          const aside = readdirSync(directory).filter((name) => /damaged.*Z$/.test(name))
          assert.equal(aside.length, found)
          await outbox.close()
          assert.equal((await queue().open()).waiting, LEFT.length)
        })
      }
    }

    it('starts empty, and goes on', async () => {
      const path = await filled()
      overwrite(path, pagesOf(path, 'journal').slice(0, 1))
      const outbox = queue()
      await outbox.open()
      assert.deepEqual(await records(outbox), [])
      assert.deepEqual(await outbox.events({ since: 0, limit: 10 }), [])
      await works(outbox)
      assert.deepEqual(await seqs(outbox, { before: 5003 }), [5002, 5001])
      assert.equal((await outbox.events({ since: 0, limit: 10 })).length, 1)
      assert.match(notices.join(), /of the 200 messages found in it, 200 could be read/)
    })

    it('is not taken for messages when the whole file is rescued', async () => {
      const path = await filled()
      overwrite(path, [1])
      const outbox = queue()
      const { waiting: count, settled, paused, lastSeq } = await outbox.open()
      assert.deepEqual([count, settled, paused, lastSeq], [199, [5001], pause, 5200])
      assert.match(notices.join(), /of the 200 messages found in it, 200 could be read/)
      await works(outbox)
    })
  })
})
