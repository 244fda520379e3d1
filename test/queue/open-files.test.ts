import assert from 'node:assert/strict'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { endDoubt, isDoubtful, setDoubtful, writeCopyBeside } from '../../src/queue/files-beside.ts'
import { OpenFiles } from '../../src/queue/open-files.ts'
import type { QueueFileSpec } from '../../src/queue/queue-file-spec.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { event, KEY, message } from './set-up.ts'

const MEGABYTE = 2 ** 20
const SQLITE_FULL = 13

describe('OpenFiles', () => {
  let directory: string
  let spec: QueueFileSpec
  let files: OpenFiles
  let synced: number[]
  let told: () => void
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'open-files-'))
    spec = {
      ...{ path: join(directory, 'queue.sqlite'), name: 'queue', key: Uint8Array.from(KEY) },
      ...{ journalDays: 14, contentDays: 0, mostKeptBytes: Infinity },
      ...{ order: 'none', orderKey: '' }
    }
    synced = []
    told = () => undefined
    files = new OpenFiles({
      onNotice: () => undefined,
      onSynced: (_path, commit) => {
        synced.push(commit)
        told()
      },
      onFailed: () => undefined
    })
  })
  afterEach(() => {
    files.close(spec)
    rmSync(directory, { recursive: true })
  })

  it('tells of all that is on the disk when a sync has ended, also of what SQLite has synced meanwhile', async () => {
    const { synced: before } = files.open(spec)
    const isTold = new Promise<void>((resolve) => {
      told = resolve
    })
    files.use(spec, (file) => {
      for (const at of [1, 2]) {
        file.transaction((queue) => {
          queue.addEvent(event(at))
        })
        file.syncer.hurry()
      }
      file.writeAllBack()
    })
    await isTold
    assert.deepEqual(synced, [before + 2])
  })

  for (const journalDays of [0, 14]) {
    it(`reads a file again after a transaction that failed, as it was before (journal ${journalDays})`, () => {
      const remembering = { ...spec, journalDays }
      const change = <T>(work: (queue: Queue<Uint8Array>) => T): T =>
        files.use(remembering, (file) => file.transaction(work))
      const accept = (seq: number): void => {
        change((queue) => {
          queue.accept(message(seq), Buffer.from('content'))
        })
      }
      const claimed = (queue: Queue<Uint8Array>): number[] =>
        queue.claimNext(1).map(({ row }) => row.seq)
      // How many have left is stored at the close.
      for (const seq of [1, 2]) {
        files.open(remembering)
        accept(seq)
        assert.deepEqual(change(claimed), [seq])
        change((queue) => {
          queue.finish(seq)
        })
        if (seq === 1) files.close(remembering)
      }
      const known = event(1)
      change((queue) => {
        queue.addEvent(known)
      })
      for (const seq of [3, 4]) accept(seq)
      assert.deepEqual(change(claimed), [3])
      assert.throws(
        () =>
          change((queue) => {
            queue.addEvent(event(2))
            queue.finish(3)
            assert.deepEqual(claimed(queue), [4])
            throw new Error('The disk is full.')
          }),
        /full/
      )
      files.use(remembering, ({ queue }) => {
        const { handedOut, left } = queue.memory
        assert.deepEqual([handedOut, left], [[3], journalDays === 0 ? 0 : 2])
        assert.deepEqual(queue.events({ since: 0, limit: 9 }), [known])
      })
      assert.deepEqual(change(claimed), [4])
    })
  }

  it('writes the log back to the file from 16 MB on', () => {
    files.open(spec)
    const content = Buffer.alloc(MEGABYTE)
    for (let seq = 1; seq <= 40; seq++) {
      files.use(spec, (file) => {
        file.transaction((queue) => {
          queue.accept(message(seq), content)
        })
      })
    }
    const log = statSync(`${spec.path}-wal`).size
    assert.ok(log > 16 * MEGABYTE && log < 20 * MEGABYTE, `${log} bytes`)
    assert.ok(statSync(spec.path).size > 32 * MEGABYTE)
  })

  it('opens a file on a full disk whose log was left by a process that ended: written back, that makes room', (context) => {
    const disk = SmallDisk.mount(context, 'tmpfs', 4)
    if (disk === undefined) return
    const onDisk = { ...spec, path: join(disk.place, 'queue.sqlite') }
    try {
      files.open(spec)
      const all = [1, 2, 3, 4, 5]
      files.use(spec, (file) => {
        // The file is long enough for all that is in the log.
        file.transaction((queue) => {
          for (const seq of all) queue.accept(message(seq), Buffer.alloc(MEGABYTE / 5))
        })
        file.writeAllBack()
        for (const seq of all) {
          file.transaction((queue) => {
            queue.finish(seq)
          })
        }
        file.transaction((queue) => {
          queue.accept(message(6), Buffer.alloc(MEGABYTE / 2))
        })
      })
      for (const end of ['', '-wal']) copyFileSync(`${spec.path}${end}`, `${onDisk.path}${end}`)
      const log = statSync(`${onDisk.path}-wal`).size
      // Not if a sync of it has failed: what SQLite would write back, may have been lost.
      setDoubtful(onDisk.path)
      disk.fillUp()
      assert.equal(disk.free, 0)
      assert.throws(() => files.open(onDisk), { errcode: SQLITE_FULL })
      assert.ok(statSync(`${onDisk.path}-wal`).size >= log, 'all of it is there')
      endDoubt(onDisk.path)
      disk.fillUp()
      assert.equal(files.open(onDisk).summary.waiting, 1)
      files.use(onDisk, (file) => {
        file.transaction((queue) => {
          queue.finish(6)
        })
      })
    } finally {
      files.close(onDisk)
      disk.end()
    }
  })

  // It would say of the next one that all is well, and write to the file what the system has in place of what it lost.
  it('does not have SQLite write its log back once a sync by it has failed: a close writes all to another file', async () => {
    files.open(spec)
    const { ino, size } = statSync(spec.path)
    files.use(spec, (file) => {
      file.syncer.doubt(new Error('disk I/O error'))
      for (let seq = 1; seq <= 20; seq++) {
        file.transaction((queue) => {
          queue.accept(message(seq), Buffer.alloc(MEGABYTE))
        })
      }
    })
    assert.ok(statSync(`${spec.path}-wal`).size > 20 * MEGABYTE)
    await files.stopSyncing(spec)
    assert.ok(isDoubtful(spec.path), 'the next process would know, too')
    assert.equal(statSync(spec.path).size, size)
    await files.copyInDoubt(spec, { kind: 'close' })
    files.close(spec)
    assert.notEqual(statSync(spec.path).ino, ino)
    assert.equal(files.open(spec).summary.waiting, 20)
  })

  it('leaves nothing of a copy that could not be finished: it may have filled the disk', () => {
    const before = readdirSync(directory)
    const write = (draft: string): void => {
      writeFileSync(draft, 'half of it')
      throw new TypeError('no room for the rest')
    }
    assert.throws(() => {
      writeCopyBeside(spec.path, write)
    }, TypeError)
    assert.deepEqual(readdirSync(directory), before)
  })

  // SQLite would write the log back when it closes the file, and tell nobody of a sync that fails.
  it('leaves a file with its log as they are if it only looks into it, or cannot open it', () => {
    files.open(spec)
    files.use(spec, (file) => {
      file.transaction((queue) => {
        queue.accept(message(1), Buffer.from('content'))
      })
    })
    // As a process leaves it that was killed.
    mkdirSync(join(directory, 'killed'))
    const path = join(directory, 'killed', 'queue.sqlite')
    for (const end of ['', '-wal']) copyFileSync(`${spec.path}${end}`, `${path}${end}`)
    const bytes = (): string[] => ['', '-wal'].map((end) => readFileSync(`${path}${end}`, 'hex'))
    const before = bytes()
    const killed = { ...spec, path }
    assert.equal(files.count(killed).held, 1)
    assert.deepEqual(bytes(), before, 'after a look')
    const otherKey = { ...killed, key: new Uint8Array(32) }
    assert.throws(() => files.open(otherKey), { code: 'ERR_QUEUE_KEY' })
    assert.deepEqual(bytes(), before, 'after an attempt to open it')
    files.open(killed)
    assert.deepEqual(
      files.use(killed, ({ queue }) => queue.counts.waiting),
      1
    )
    files.close(killed)
  })
})
