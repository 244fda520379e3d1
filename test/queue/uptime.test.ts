/** How long a queue has been open in all runs: awaiting messages and retries are timed by it. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { QueueFile } from '../../src/queue/queue-file.ts'
import type { QueueFileSpec } from '../../src/queue/queue-file-spec.ts'
import type { Move, QueueRun } from '../../src/queue/queue-types.ts'
import { contentOf, KEY, message, moveOf } from './set-up.ts'

const MINUTE = 60_000

describe('The uptime of a queue file', () => {
  let directory: string
  let path: string
  let spec: QueueFileSpec
  let now: number

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'uptime-'))
    path = join(directory, 'queue.sqlite')
    spec = {
      path,
      name: 'queue',
      key: KEY,
      journalDays: 14,
      order: 'none',
      orderKey: ''
    }
    now = 5000
    mock.method(performance, 'now', () => now)
  })
  afterEach(() => {
    mock.restoreAll()
    rmSync(directory, { recursive: true })
  })

  function opened(where = path, run?: QueueRun): QueueFile {
    const listener = {
      onNotice: () => undefined,
      onSynced: () => undefined,
      onFailed: () => undefined
    }
    const file = new QueueFile({ ...spec, path: where }, listener, {
      run: run && { ...run, commit: 0 }
    })
    if (run === undefined) {
      file.transaction((queue) => queue.open())
      file.setRunning()
    }
    return file
  }

  /** Message 1 awaits for 10 minutes from now on. */
  function await10Minutes(file: QueueFile): void {
    file.transaction((queue) => {
      queue.accept(message(1), contentOf(1))
      queue.move(moveOf(1, 'awaiting', { dueInMs: 10 * MINUTE }) as Move<Uint8Array>)
    })
  }

  function rest(file: QueueFile): number | null {
    return file.queue.summary().nextLateInMs
  }

  /** What a start after a crash at this moment would find. */
  function restAfterCrash(): number | null {
    const copy = join(directory, 'copy.sqlite')
    for (const end of ['', '-wal']) copyFileSync(path + end, copy + end)
    const file = opened(copy)
    const found = rest(file)
    file.drop()
    rmSync(copy)
    return found
  }

  it('adds up what the runs took, without the time in between', () => {
    const first = opened()
    now += MINUTE
    await10Minutes(first)
    now += 2.5 * MINUTE
    first.close()
    now += 100 * MINUTE
    const second = opened()
    assert.equal(rest(second), 7.5 * MINUTE)
    now += MINUTE
    second.close()
    const third = opened()
    assert.equal(rest(third), 6.5 * MINUTE)
    third.close()
  })

  it('is stored by the way, but not more often than once a minute', () => {
    const file = opened()
    await10Minutes(file)
    const rests = [MINUTE - 1, 1, MINUTE - 1, 1].map((ms) => {
      now += ms
      file.keepHouse()
      return restAfterCrash()
    })
    assert.deepEqual(
      rests,
      [10, 9, 9, 8].map((minutes) => minutes * MINUTE)
    )
    file.close()
  })

  it('goes on if the file is opened again in the same run, after a fault', () => {
    const file = opened()
    await10Minutes(file)
    now += 4 * MINUTE
    const { run } = file
    file.drop()
    const again = opened(path, run)
    assert.equal(rest(again), 6 * MINUTE)
    again.keepHouse()
    assert.equal(restAfterCrash(), 6 * MINUTE)
    again.close()
  })

  it('is stored with the next change if one that stored it was rolled back', () => {
    const file = opened()
    now += 2 * MINUTE
    assert.throws(() => {
      file.transaction((queue) => {
        queue.accept(message(1), contentOf(1))
        queue.move(moveOf(1, 'awaiting', { dueInMs: MINUTE }) as Move<Uint8Array>)
        throw new Error('The disk is full.')
      })
    })
    await10Minutes(file)
    assert.equal(restAfterCrash(), 10 * MINUTE)
    file.close()
  })

  it('starts from zero if it is damaged', () => {
    opened().close()
    for (const damaged of ["'x'", '-1', '1e300', "x'00'"]) {
      const db = new DatabaseSync(path)
      db.exec(`UPDATE meta SET value = ${damaged} WHERE name = 'uptime'`)
      db.close()
      const file = opened()
      if (rest(file) === null) await10Minutes(file)
      file.close()
      const next = opened()
      assert.equal(rest(next), 10 * MINUTE, damaged)
      next.close()
    }
  })
})
