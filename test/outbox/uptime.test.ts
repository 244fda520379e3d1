/** How long a queue file has been open, over all runs: awaiting messages are timed by it. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import type { Entry } from '../../src/outbox/outbox.ts'
import { QueueFile } from '../../src/outbox/queue-file.ts'
import type { QueueFileSpec } from '../../src/outbox/queue-protocol.ts'
import { verdict } from './records.ts'

const MINUTE = 60_000

describe('the uptime of a queue file', () => {
  let directory: string
  let path: string
  let spec: QueueFileSpec
  let now: number

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'uptime-'))
    path = join(directory, 'queue.sqlite')
    spec = { path, name: 'queue', key: Buffer.alloc(32, 1), journalDays: 0 }
    now = 5000
    mock.method(performance, 'now', () => now)
  })
  afterEach(() => {
    mock.restoreAll()
    rmSync(directory, { recursive: true })
  })

  const opened = (): { file: QueueFile; uptimeMs: number } => {
    const file = new QueueFile(spec)
    return { file, uptimeMs: file.beginRun().uptimeMs }
  }
  const entry: Entry = {
    ...{ seq: 1, lane: 'lane', controlId: 'C1', type: 'ADT^A01', acceptedAt: 1_700_000_000_000 },
    ...{ state: 'suspended', attempts: 1, spentMs: 0, suspendedAt: 1_700_000_000_000, verdict }
  }
  const settle = (file: QueueFile): void => {
    file.transaction(() => file.apply({ kind: 'settle', entry, outcome: Buffer.from('{}') }))
  }

  it('adds up what the runs took, without the time in between', () => {
    const first = opened()
    assert.equal(first.uptimeMs, 0)
    now += 2500.4
    first.file.close()
    now += 100 * MINUTE
    const second = opened()
    assert.equal(second.uptimeMs, 2500)
    now += 1000
    second.file.close()
    const third = opened()
    assert.equal(third.uptimeMs, 3500)
    third.file.close()
  })

  it('is stored with a change, but not more often than once a minute', () => {
    const { file } = opened()
    file.transaction(() => file.apply({ kind: 'add', entry, content: Buffer.from('x') }))
    const afterCrash = (): number => {
      const copy = join(directory, 'copy.sqlite')
      for (const end of ['', '-wal']) copyFileSync(path + end, copy + end)
      const other = new QueueFile({ ...spec, path: copy })
      const { uptimeMs } = other.beginRun()
      other.drop()
      return uptimeMs
    }
    now += MINUTE - 1
    settle(file)
    assert.equal(afterCrash(), 0)
    now += 2
    settle(file)
    assert.equal(afterCrash(), MINUTE + 1)
    now += MINUTE - 1
    settle(file)
    assert.equal(afterCrash(), MINUTE + 1)
    now += 1
    settle(file)
    assert.equal(afterCrash(), 2 * MINUTE + 1)
    file.close()
  })

  it('goes on if the file is opened again in the same run, after a fault', () => {
    opened().file.close()
    const db = new DatabaseSync(path)
    db.exec(`UPDATE meta SET value = ${100 * MINUTE} WHERE name = 'uptime'`)
    db.close()
    const { file } = opened()
    file.transaction(() => file.apply({ kind: 'add', entry, content: Buffer.from('x') }))
    file.drop()
    now += 2 * MINUTE
    const again = new QueueFile(spec)
    settle(again)
    now += MINUTE
    settle(again)
    again.drop()
    const next = opened()
    assert.equal(next.uptimeMs, 101 * MINUTE)
    next.file.close()
  })

  it('starts anew if it is damaged', () => {
    opened().file.close()
    for (const damaged of ["'x'", '-1', '1e300', "x'00'"]) {
      const db = new DatabaseSync(path)
      db.exec(`UPDATE meta SET value = ${damaged} WHERE name = 'uptime'`)
      db.close()
      const { file, uptimeMs } = opened()
      assert.equal(uptimeMs, 0, damaged)
      now += 10
      file.close()
      const next = opened()
      assert.equal(next.uptimeMs, 10, damaged)
      next.file.close()
    }
  })
})
