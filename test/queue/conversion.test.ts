/** Files of earlier versions are converted, and nothing that is in them is lost. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { NO_VERDICT, type MessageRow, type Verdict } from '../../src/queue/message-row.ts'
import type { OpenedQueue } from '../../src/queue/queue-types.ts'
import { deleteQueueFile, isQueueFileInUse } from '../../src/queue/queue-files.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { KEY, message, moveOf, pause, seqsOf, TestQueues } from './set-up.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..', '..')
const script = join(here, 'old-queue-file.ts')
const NAME = '0123456789abcdef'
const START = 1767312000000
const ACK_MS = 600_000

interface OldVersion {
  /** In the history. */
  commit: string
  fileVersion: number
  opened: OpenedQueue
  /** All that is found, newest first: number, attempts, time spent, changed at, verdict. */
  rows: [seq: number, Partial<MessageRow>][]
  /** Those that go, in this order. */
  sent: number[]
  /** When the awaiting ones are due, in milliseconds. */
  awaiting: Record<number, number>
  events: string[]
  unsent: string
}

const REFUSED: Verdict = {
  ...NO_VERDICT,
  ackCode: 'AE',
  errors: [{ code: '206', severity: 'E' }],
  status: 409,
  rule: 'AE=F'
}
const AWAITS: Verdict = { ...REFUSED, ackCode: 'CA', errors: [], rule: 'AA=A', awaits: 'fail' }
const ENDED: Verdict = { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' }

/** As `old-queue-file.ts` has made them. */
const versions: Record<string, OldVersion> = {
  '0.1.0': {
    commit: '65cffdff8b7b245613af74abdd6a3fa750dc56a1',
    fileVersion: 1,
    opened: {
      lastSeq: 8,
      renewals: 0,
      pause: { at: 0, by: '', reason: '' },
      backup: undefined,
      leaving: [5, 4],
      isUnclean: false,
      endedOn: [],
      figures: NO_FIGURES
    },
    rows: [
      [7, suspended(3, { ...NO_VERDICT, rule: '@ERR-3:206=S' })],
      [6, { state: 'waiting' }],
      [5, { state: 'leaving', attempts: 1 }],
      [4, { state: 'leaving', attempts: 4 }],
      [3, { state: 'waiting', attempts: 2, spentMs: 1500.5 }],
      [2, suspended(1, { ...NO_VERDICT, rule: ':?E=S' })],
      [1, { state: 'waiting' }]
    ],
    sent: [1, 3, 6],
    awaiting: {},
    events: [],
    unsent: '7 unsent messages'
  },
  '0.2.0': {
    commit: 'd08de493477e7843331f71d478383f4df94b8f9d',
    fileVersion: 2,
    opened: {
      lastSeq: 14,
      renewals: 0,
      pause: { at: START, by: 'ada', reason: 'upgrade ü' },
      backup: undefined,
      leaving: [6, 5],
      isUnclean: true,
      endedOn: [],
      figures: NO_FIGURES
    },
    rows: [
      [13, { ...suspended(1, AWAITS), state: 'awaiting' }],
      [12, { state: 'waiting' }],
      [11, { state: 'suspended', verdict: ENDED }],
      [10, left(10, { ...REFUSED, outcome: 'error', errorCode: 'ERR_TEST' })],
      [9, left(9, { ...REFUSED, outcome: 'nak' })],
      [8, left(8, { ...REFUSED, outcome: 'ack' })],
      [6, { state: 'leaving', attempts: 1, verdict: REFUSED }],
      [5, { state: 'leaving', attempts: 4, verdict: REFUSED }],
      [4, suspended(3, { ...REFUSED, rule: '@ERR-3:206=S' })],
      [3, { ...suspended(1, AWAITS), state: 'awaiting' }],
      [
        2,
        {
          state: 'waiting',
          attempts: 2,
          spentMs: 1500.5,
          ruleRetries: undefined,
          boundTo: undefined,
          renewals: 0,
          verdict: { ...NO_VERDICT, status: 409, rule: ':?E=R', cause: 'ECONNREFUSED' }
        }
      ],
      [1, { state: 'waiting' }]
    ],
    sent: [1, 2, 12],
    // 13 had waited for a minute: a version after 0.2.0 stored when that began.
    awaiting: { 3: ACK_MS, 13: ACK_MS - 60_000 },
    events: ['resent flow {"count":3}', 'paused ada {"reason":"ü"}'],
    unsent: '10 unsent messages'
  }
}

function suspended(attempts: number, verdict: Verdict): Partial<MessageRow> {
  return { state: 'suspended', attempts, changedAt: START + 600_000, verdict }
}

function left(seq: number, verdict: Verdict): Partial<MessageRow> {
  return { state: 'left', attempts: seq, changedAt: START + 1000 * seq, verdict }
}

for (const [version, old] of Object.entries(versions)) {
  describe(`A queue file of version ${version}`, () => {
    let queues: TestQueues
    let directory: string
    let opened: MessageQueue<object>[]
    let notices: string[]
    beforeEach(() => {
      queues = new TestQueues()
      ;({ directory } = queues)
      opened = []
      notices = []
    })
    afterEach(async () => {
      await Promise.all(opened.map((queue) => queue.close()))
      await queues.end()
    })

    function made(place = directory): { queue: MessageQueue<object>; engine: DiskEngine } {
      const engine = new DiskEngine({
        directory: place,
        name: NAME,
        key: () => Promise.resolve(KEY),
        // What has left is not too old.
        journalDays: 100_000,
        order: 'key',
        orderKey: 'PID-3.1',
        applicationAckMs: ACK_MS,
        onNotice: (text) => notices.push(text)
      })
      const codec = { encode: encodeMessage, decode: decodeMessage }
      const queue = new MessageQueue(engine, new EncodedContents<object>(codec))
      opened.push(queue)
      return { queue, engine }
    }

    async function putFile(place = directory): Promise<void> {
      const [, ...lines] = readFileSync(join(here, `queue-file-${version}.txt`), 'utf8').split('\n')
      const file = gunzipSync(Buffer.from(lines.join(''), 'base64'))
      await writeFile(join(place, `${NAME}.sqlite`), file)
    }

    function fileVersion(place = directory): unknown {
      const db = new DatabaseSync(join(place, `${NAME}.sqlite`))
      try {
        return db.prepare('PRAGMA user_version').get()?.['user_version']
      } finally {
        db.close()
      }
    }

    function payloadOf(seq: number): unknown {
      const text = `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
      return seq === 3 ? Buffer.from(text) : text
    }

    async function checkRows(queue: MessageQueue<object>, messages: MessageRow[]): Promise<void> {
      assert.deepEqual(
        seqsOf(messages),
        old.rows.map(([seq]) => seq)
      )
      for (const [i, row] of messages.entries()) {
        const { seq } = row
        const changedAt = row.state === 'leaving' || seq === 11 ? row.changedAt : START + seq
        assert.deepEqual(
          { ...row, story: row.story.map((record) => 'act' in record && record.act) },
          {
            seq,
            lane: null,
            isSending: false,
            isRetrying: false,
            controlId: `OLD-${seq}`,
            type: 'ADT^A01',
            acceptedAt: START + seq,
            changedAt,
            attempts: 0,
            retries: 0,
            spentMs: 0,
            countsFrom: undefined,
            ruleRetries: undefined,
            boundTo: undefined,
            renewals: 0,
            verdict: NO_VERDICT,
            story: seq === 11 ? ['suspended'] : [],
            resent: undefined,
            isEdited: false,
            keptBytes: 0,
            ...old.rows[i]?.[1]
          },
          `${seq}`
        )
        if (row.state === 'left') continue
        const { content, outcome } = await queue.read(seq)
        assert.deepEqual(content, { _msgid: `id ${seq}`, payload: payloadOf(seq) })
        const hasOutcome = row.state !== 'waiting' && seq !== 11
        assert.deepEqual(outcome, hasOutcome ? { outcome: 'nak', of: seq } : undefined)
      }
    }

    /** All that was in it is there, and it is used as any other. */
    async function holdsAll(): Promise<void> {
      const { queue, engine } = made()
      const found = await queue.open()
      assert.deepEqual(seqsOf(found.endedOn), old.opened.isUnclean ? [11] : [])
      assert.deepEqual({ ...found, endedOn: [] }, old.opened)
      assert.match(
        notices.join(),
        /^The queue file .*0123456789abcdef\.sqlite was written by an earlier version of this package and has been converted in \d+\.\d s; nothing in it is lost\. An earlier version can no longer read it\.$/
      )
      await checkRows(queue, (await queue.call('find', { limit: 100 })).messages)
      const events = await queue.call('events', { since: 0, limit: 10 })
      assert.deepEqual(
        events.map(({ kind, by, values }) => `${kind} ${by} ${JSON.stringify(values)}`),
        old.events
      )

      // In a new run it is the same.
      await queue.close()
      notices = []
      assert.deepEqual(await engine.open(), { ...old.opened, isUnclean: false })
      await checkRows(queue, (await queue.call('find', { limit: 100 })).messages)
      assert.deepEqual(notices, [])

      // What was there goes alone and in order, before what comes now.
      const lane = queue.laneOf('0')
      await queue.accept(message(20, { lane }), { payload: 'new' })
      const sent: number[] = []
      for (let claims = await queue.claimNext(9); claims.length > 0;) {
        const seqs = seqsOf(claims)
        assert.equal(seqs.length, 1)
        sent.push(...seqs)
        await Promise.all(seqs.map((seq) => queue.finish(seq)))
        claims = await queue.claimNext(9)
      }
      assert.deepEqual(sent, [...old.sent, 20])
      assert.equal((await queue.call('resend', {}, 0, 10)).count, queue.summary.waiting)
      await queue.call('pause', pause)
      await queue.close()
    }

    it('is converted with all that is in it', async () => {
      await putFile()
      await holdsAll()
    })

    it('has what awaited await the rest of its time', async () => {
      await putFile()
      const { queue } = made()
      await queue.open()
      const rest = Object.entries(old.awaiting).sort(([, a], [, b]) => a - b)
      assert.equal(queue.summary.awaiting, rest.length)
      for (const [seq, expected] of rest) {
        const { nextLateInMs: dueInMs } = queue.summary
        const late = expected - (dueInMs ?? 0)
        assert.ok(late >= 0 && late < 30_000, `${seq}: ${dueInMs}`)
        const claim = await queue.call('claimAwaiting', `OLD-${seq}`, '')
        assert.equal(claim?.row.seq, Number(seq))
        const { row, outcome } = await queue.restore(claim)
        assert.deepEqual([row.verdict, outcome], [AWAITS, { outcome: 'nak', of: Number(seq) }])
        await queue.move(moveOf(row.seq, 'leaving', { from: 'awaiting' }))
      }
    })

    it('drops the blanks after control IDs', async () => {
      await putFile()
      const db = new DatabaseSync(join(directory, `${NAME}.sqlite`))
      for (const table of version === '0.1.0' ? ['message'] : ['message', 'journal']) {
        db.exec(`UPDATE ${table} SET control_id = control_id || '  '`)
      }
      db.close()
      const { queue } = made()
      await queue.open()
      const { messages } = await queue.call('find', { limit: 100 })
      assert.equal(messages.length, old.rows.length)
      for (const { controlId, seq } of messages) assert.equal(controlId, `OLD-${seq}`)
    })

    it('needs no conversion to be counted', async () => {
      await putFile()
      assert.equal(await isQueueFileInUse(made().engine.path), true)
      await assert.rejects(
        deleteQueueFile(made().engine.path),
        new RegExp(`it contains ${old.unsent}`)
      )
      assert.equal(fileVersion(), old.fileVersion)
    })

    it('stays as it is while there is no room to convert it', async (context) => {
      const small = queues.smallDisk(context, 1 / 16)
      if (small === undefined) return
      const disk = small.place
      await putFile(disk)
      const { queue } = made(disk)
      await assert.rejects(queue.open(), { code: 'SQLITE_FULL' })
      execFileSync('mount', ['-o', 'remount,size=1m', disk])
      assert.equal(fileVersion(disk), old.fileVersion)
      await queue.open()
      await checkRows(queue, (await queue.call('find', { limit: 100 })).messages)
    })

    if (version === '0.2.0') {
      it('has a message suspended when the next process ends on it after one had', async () => {
        await putFile()
        const { queue, engine } = made()
        await queue.open()
        await queue.call('beginWork', 1)
        await queue.call('beginWork', 12)
        await queue.close()
        const db = new DatabaseSync(engine.path)
        db.exec("UPDATE meta SET value = 1 WHERE name = 'running'")
        db.close()
        assert.deepEqual(seqsOf((await queue.open()).endedOn), [12])
      })
    }

    /** The code of that version. @returns undefined if the history does not go back so far */
    async function oldCode(context: TestContext): Promise<string | undefined> {
      const place = join(directory, 'old')
      await mkdir(place)
      try {
        const archive = ['archive', old.commit, 'src/outbox', 'package.json']
        const tar = execFileSync('git', archive, { cwd: root, maxBuffer: 2 ** 26, stdio: 'pipe' })
        execFileSync('tar', ['-x', '-C', place], { input: tar })
        return place
      } catch {
        // The old code comes from the history: a package or a shallow clone has none.
        context.skip(`needs git, and a clone that goes back to ${version}; runs in a full clone`)
        return undefined
      }
    }

    it('is the same as that code makes it now, and that code refuses it afterwards', async (context) => {
      const code = await oldCode(context)
      if (code === undefined) return
      execFileSync(process.execPath, [script, code, directory], { stdio: 'pipe' })
      await holdsAll()
      assert.equal(fileVersion(), 3)
      const path = join(directory, `${NAME}.sqlite`)
      copyFileSync(path, `${path}.copy`)
      assert.throws(
        () => execFileSync(process.execPath, [script, code, directory, '0'], { stdio: 'pipe' }),
        /written by a newer version of this package \(file version 3/
      )
      assert.ok(readFileSync(path).equals(readFileSync(`${path}.copy`)))
    })
  })
}
