import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { NO_VERDICT } from '../../src/outbox/journal.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import type { Entry } from '../../src/outbox/outbox.ts'
import { ALL, event, pause, record, verdict } from './records.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..', '..')
/** Of version 0.1.0. */
const COMMIT = '65cffdff8b7b245613af74abdd6a3fa750dc56a1'
const NAME = '0123456789abcdef'

describe('a queue file of version 0.1.0', () => {
  let directory: string
  let opened: DiskOutbox<object>[]
  let notices: string[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'old-files-'))
    opened = []
    notices = []
  })
  afterEach(async () => {
    await Promise.all(opened.map((outbox) => outbox.close()))
    await rm(directory, { recursive: true })
  })

  function queue(): DiskOutbox<object> {
    const outbox = new DiskOutbox<object>({
      codec: { encode: encodeMessage, decode: decodeMessage },
      ...{ directory, name: NAME, key: () => Promise.resolve(Buffer.alloc(32, 1)) },
      onNotice: (text) => notices.push(text)
    })
    opened.push(outbox)
    return outbox
  }

  async function putFixture(): Promise<void> {
    const [, ...lines] = readFileSync(join(here, 'queue-file-0.1.0.txt'), 'utf8').split('\n')
    const file = gunzipSync(Buffer.from(lines.join(''), 'base64'))
    await writeFile(join(directory, `${NAME}.sqlite`), file)
  }

  function expected(outbox: DiskOutbox<object>, seq: number, more: Partial<Entry> = {}): Entry {
    return {
      ...{ seq, lane: `PID-3.1:${outbox.keyName(String(seq % 2))}`, controlId: `OLD-${seq}` },
      ...{ type: 'ADT^A01', acceptedAt: 1767312000000 + seq, state: 'waiting' as const },
      ...{ attempts: 0, spentMs: 0, ...more }
    }
  }

  function payload(seq: number): string {
    return `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
  }

  /** Everything that is in it, and that it takes what is new. */
  async function holdsAll(): Promise<void> {
    const outbox = queue()
    const contents = await outbox.open()
    const aside = { state: 'suspended', suspendedAt: 1767312600000 } as const
    const suspended = [
      expected(outbox, 2, { ...aside, attempts: 1, verdict: { ...NO_VERDICT, rule: ':?E=S' } }),
      expected(outbox, 7, {
        ...{ ...aside, attempts: 3, verdict: { ...NO_VERDICT, rule: '@ERR-3:206=S' } }
      })
    ]
    const waiting = [
      expected(outbox, 1),
      expected(outbox, 3, { attempts: 2, spentMs: 1500.5 }),
      expected(outbox, 6)
    ]
    assert.deepEqual(contents, {
      ...{ waiting: 3, suspended, settled: [5, 4], paused: { at: 0, by: '', reason: '' } },
      ...{ lastSeq: 8, unclean: false, uptimeMs: 0, endedOn: [] }
    })
    assert.deepEqual(await outbox.list({ after: 0, without: [], limit: 10 }), waiting)
    for (let seq = 1; seq <= 7; seq++) {
      const { content, outcome } = await outbox.read(seq)
      const text = seq === 3 ? Buffer.from(payload(seq)) : payload(seq)
      assert.deepEqual(content, { _msgid: `id ${seq}`, payload: text })
      const settled = [2, 4, 5, 7].includes(seq)
      assert.deepEqual(outcome, settled ? { outcome: 'nak', of: seq } : undefined)
    }
    assert.deepEqual(await outbox.find(ALL), { entries: [], records: [], next: 0 })
    assert.deepEqual(await outbox.events({ since: 0, limit: 10 }), [])

    const left = record(5)
    await outbox.remove(5, left)
    await outbox.addEvent(event(1))
    await outbox.setPaused(pause)
    const again = expected(outbox, 2, { ...aside, verdict })
    await outbox.update(again)
    await outbox.close()
    const next = queue()
    const after = await next.open()
    assert.deepEqual([after.settled, after.paused], [[4], pause])
    assert.deepEqual(after.suspended[0], again)
    assert.deepEqual((await next.find(ALL)).records, [left])
    assert.equal((await next.events({ since: 0, limit: 10 })).length, 1)
    assert.deepEqual(notices, [])
  }

  it('is taken over with all that is in it', async () => {
    await putFixture()
    await holdsAll()
  })

  it('is taken over from a rescue as well', async () => {
    await putFixture()
    const path = join(directory, `${NAME}.sqlite`)
    const bytes = readFileSync(path)
    bytes.fill(0x5a, 0, 4096)
    await writeFile(path, bytes)
    const outbox = queue()
    const { waiting, suspended, settled, paused } = await outbox.open()
    assert.deepEqual(
      [waiting, suspended.map(({ verdict }) => verdict?.rule), [...settled].sort(), paused],
      [3, [':?E=S', '@ERR-3:206=S'], [4, 5], { at: 0, by: '', reason: '' }]
    )
    assert.match(notices.join(), /of the 7 messages found in it, 7 could be read/)
  })

  it('needs no migration to be counted, or deleted when it is empty', async () => {
    await putFixture()
    assert.equal(await queue().isInUse(), true)
    await assert.rejects(queue().deleteFile(), /it contains 7 unsent messages/)
    assert.equal(version(), 1)
  })

  it('is the same as that code makes it now, and that code refuses it afterwards', async (context) => {
    const old = join(directory, 'old')
    await mkdir(old)
    try {
      const archive = ['archive', COMMIT, 'src/outbox', 'package.json']
      const tar = execFileSync('git', archive, { cwd: root, maxBuffer: 2 ** 26, stdio: 'pipe' })
      execFileSync('tar', ['-x', '-C', old], { input: tar })
    } catch {
      // The old code comes from the history: a package or a shallow clone has none.
      context.skip('needs git, and a clone that goes back to 0.1.0; runs in a full clone')
      return
    }
    const script = join(here, 'old-queue-file.ts')
    execFileSync(process.execPath, [script, old, directory], { stdio: 'pipe' })
    await holdsAll()
    await Promise.all(opened.map((outbox) => outbox.close()))
    assert.equal(version(), 2)
    const path = join(directory, `${NAME}.sqlite`)
    copyFileSync(path, `${path}.copy`)
    assert.throws(
      () => execFileSync(process.execPath, [script, old, directory], { stdio: 'pipe' }),
      /written by a newer version of this package \(file version 2/
    )
    assert.ok(readFileSync(path).equals(readFileSync(`${path}.copy`)))
  })

  function version(): unknown {
    const db = new DatabaseSync(join(directory, `${NAME}.sqlite`))
    try {
      return db.prepare('PRAGMA user_version').get()?.['user_version']
    } finally {
      db.close()
    }
  }
})
