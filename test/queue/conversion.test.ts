/** A file of the version before is converted, and nothing that is in it is lost; an earlier one is named and left as it is. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { deleteQueueFile, isQueueFileInUse } from '../../src/queue/queue-files.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { KEY, message, moveOf, seqsOf, TestQueues } from './set-up.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const OLD_VERSION = 3
const VERSION = 4
const NAME = '0123456789abcdef'
const START = 1767312000000

/** As it is in `queue-file-0.3.0.txt`: state, whether the URL is its own, whether it may have arrived. */
const ROWS: Record<number, [state: string, isOwn: boolean, mayHaveArrived: boolean]> = {
  1: ['waiting', false, false],
  2: ['waiting', false, false],
  3: ['waiting', false, true],
  4: ['waiting', true, false],
  5: ['waiting', false, false],
  6: ['awaiting', false, true],
  7: ['suspended', false, true],
  8: ['suspended', true, false],
  9: ['leaving', false, true],
  10: ['left', false, false],
  11: ['left', true, false],
  12: ['left', false, false],
  13: ['waiting', false, false],
  14: ['waiting', false, false]
}

describe('A queue file of the version before', () => {
  let queues: TestQueues
  let directory: string
  let path: string
  let opened: MessageQueue<object>[]
  let notices: string[]
  beforeEach(() => {
    queues = new TestQueues()
    ;({ directory } = queues)
    path = join(directory, `${NAME}.sqlite`)
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
      contentDays: 100_000,
      mostKeptBytes: 2 ** 30,
      order: 'key',
      orderKey: 'PID-3.1',
      onNotice: (text) => notices.push(text)
    })
    const codec = { encode: encodeMessage, decode: decodeMessage }
    const queue = new MessageQueue(engine, new EncodedContents<object>(codec))
    opened.push(queue)
    return { queue, engine }
  }

  async function putFile(place = directory): Promise<void> {
    const [, ...lines] = readFileSync(join(here, 'queue-file-0.3.0.txt'), 'utf8').split('\n')
    const file = gunzipSync(Buffer.from(lines.join(''), 'base64'))
    await writeFile(join(place, `${NAME}.sqlite`), file)
  }

  function inFile<T>(work: (db: DatabaseSync) => T, file = path): T {
    const db = new DatabaseSync(file)
    try {
      return work(db)
    } finally {
      db.close()
    }
  }

  const versionOf = (db: DatabaseSync): unknown =>
    db.prepare('PRAGMA user_version').get()?.['user_version']

  const schemaOf = (db: DatabaseSync): unknown[] =>
    db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all()

  /** All that was in it is there, and it is used as any other. */
  async function holdsAll(): Promise<void> {
    const { queue } = made()
    const found = await queue.open()
    assert.equal(notices.length, 1)
    assert.match(
      notices.join(),
      /^The queue file .*0123456789abcdef\.sqlite was written by an earlier version of this package and has been converted in \d+\.\d s; nothing in it is lost\. An earlier version can no longer read it\.$/
    )
    assert.deepEqual([found.lastSeq, found.isUnclean, found.leaving], [14, true, [9]])
    assert.deepEqual(found.pause, { at: START, by: 'ada', reason: 'upgrade ü' })
    assert.deepEqual(found.backup, { since: START, isByHand: true, by: 'ada', address: 22 })
    const { messages } = await queue.call('find', { limit: 100 })
    for (const { controlId, hasOwnAddress, seq, state, story, verdict, ...row } of messages) {
      const isArrived = verdict.mayHaveArrived === true
      assert.deepEqual([state, hasOwnAddress, isArrived], ROWS[seq], `${seq}`)
      assert.equal(controlId, `OLD-${seq}`)
      const isTried = [3, 6, 7, 8, 9, 10, 11, 12].includes(seq)
      assert.deepEqual([row.attempts, row.spentMs], isTried ? [1, 1500.5] : [0, 0])
      assert.deepEqual(story, isTried ? [{ at: START + seq, ms: 12, result: 'AE' }] : [])
      assert.equal(row.keptBytes > 0, state === 'left')
      if (seq === 14) continue
      const { content, outcome } = await queue.read(seq)
      const text = `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
      const payload = seq === 3 ? Buffer.from(text) : text
      assert.deepEqual(content, { _msgid: `id ${seq}`, payload })
      assert.deepEqual(outcome, state === 'waiting' ? undefined : { outcome: 'nak' })
    }
    assert.deepEqual(
      seqsOf(messages).sort((a, b) => a - b),
      Object.keys(ROWS).map(Number)
    )
    const hashes = [queue.hashOf({ path: 'PID-3.1', value: '11' })]
    const byField = await queue.call('find', { limit: 100, hashes })
    assert.deepEqual(seqsOf(byField.messages), [11])
    const events = await queue.call('events', { since: 0, limit: 10 })
    assert.deepEqual(
      events.map(({ kind, by }) => `${kind} ${by}`),
      // The file is of a process that did not close it.
      ['ended ', 'resent ada']
    )

    // While messages go to the backup, what has a URL of its own waits; and no other, wherever it may have arrived.
    const claims = await queue.claimNext(9, undefined, 'not')
    assert.deepEqual(
      claims.map(({ row, isDamaged }) => `${row.seq}${isDamaged ? ' damaged' : ''}`),
      ['1', '3', '5', '13', '14 damaged']
    )
    assert.equal(queue.summary.ownAddress, 1)
    assert.deepEqual(seqsOf(await queue.claimNext(9)), [4])
    await queue.finish(1)
    assert.deepEqual(seqsOf(await queue.claimNext(9, undefined, 'not')), [2])
    const late = await queue.call('claimAwaiting', 'OLD-6', '')
    assert.equal(late?.row.seq, 6)
    await queue.move(moveOf(6, 'leaving', { from: 'awaiting' }))
    assert.equal((await queue.call('resend', {}, 0, 10)).count, 2)
    await queue.accept(message(15, { lane: queue.laneOf('15') }), { payload: 'new' })
    await queue.close()

    // Its tables are those of a new one; the next opening converts nothing.
    notices = []
    const again = made()
    await again.queue.open()
    assert.deepEqual([notices, again.queue.summary.waiting], [[], 8])
    await again.queue.close()
    const fresh = await queues.openDisk()
    await fresh.queue.close()
    assert.deepEqual(inFile(schemaOf), inFile(schemaOf, fresh.engine.path))
    const check = inFile((db) => db.prepare('PRAGMA integrity_check').get())
    assert.deepEqual(check?.['integrity_check'], 'ok')
  }

  it('is converted with all that is in it', async () => {
    await putFile()
    await holdsAll()
  })

  it('needs no conversion to be counted', async () => {
    await putFile()
    assert.equal(await isQueueFileInUse(path), true)
    await assert.rejects(deleteQueueFile(path), /it contains 11 unsent messages/)
    assert.equal(inFile(versionOf), OLD_VERSION)
  })

  it('is one version or the other, whenever the process is killed that converts it', async (context) => {
    const many = 60_000
    const killedIn = { before: 0, after: 0 }
    for (let kill = 0; kill < 8; kill++) {
      await putFile()
      inFile((db) => {
        db.exec(`
          WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < ${many})
          INSERT INTO message (seq, lane, state, turn, control_id, type, accepted_at, changed_at,
            attempts, retries, spent_ms, renewals, deaths, bound_to)
          SELECT 100 + n, NULL, 0, 0, 'M' || n, 'ADT^A01', 1, 1, 0, 0, 0, 0, 0, n % 3 * 11 FROM n`)
      })
      const child = spawn(
        process.execPath,
        [join(here, 'conversion-process.ts'), directory, NAME],
        { stdio: ['ignore', 'pipe', 'inherit'] }
      )
      const ended = once(child, 'exit')
      await once(child.stdout, 'data')
      await sleep(kill * 60)
      child.kill('SIGKILL')
      await ended
      const version = inFile(versionOf)
      assert.ok(version === OLD_VERSION || version === VERSION)
      killedIn[version === VERSION ? 'after' : 'before']++
      const { queue } = made()
      await queue.open()
      assert.equal(queue.summary.waiting, many + 7)
      await queue.close()
      const own = inFile((db) =>
        db.prepare('SELECT count(*) AS own FROM message WHERE own_address = 1').get()
      )
      assert.deepEqual({ ...own }, { own: many / 3 + 3 })
    }
    context.diagnostic(JSON.stringify(killedIn))
    assert.ok(killedIn.before > 0)
  })

  it('stays as it is while there is no room to convert it', async (context) => {
    const small = queues.smallDisk(context, 1 / 8)
    if (small === undefined) return
    const disk = small.place
    await putFile(disk)
    const file = join(disk, `${NAME}.sqlite`)
    small.fillUp()
    const { queue } = made(disk)
    await assert.rejects(queue.open(), { code: 'SQLITE_FULL' })
    small.cleanUp()
    assert.equal(inFile(versionOf, file), OLD_VERSION)
    await queue.open()
    assert.equal(queue.summary.waiting, 7)
  })

  for (const version of [1, 2]) {
    it(`of 0.${version} is named, and left as it is`, async () => {
      await putFile()
      inFile((db) => {
        db.exec(`PRAGMA user_version = ${version}`)
      })
      const before = readFileSync(path)
      const error = {
        code: 'ERR_QUEUE_VERSION',
        message: new RegExp(`0\\.1 or 0\\.2 .*${version}`)
      }
      await assert.rejects(made().queue.open(), error)
      await assert.rejects(deleteQueueFile(path), error)
      assert.ok(readFileSync(path).equals(before))
      assert.deepEqual(notices, [])
    })
  }
})
