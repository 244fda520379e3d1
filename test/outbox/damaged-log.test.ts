import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { leafRows } from '../../src/outbox/repair/leaf-rows.ts'
import type { Entry, OutboxContents } from '../../src/outbox/outbox.ts'
import { filledQueueFiles } from '../../src/outbox/queue-files.ts'
import { pause, verdict } from './records.ts'

// sqlite.org/fileformat2.html#walformat
const PAGE = 4096
const HEADER = 32
const FRAME_HEADER = 24
const FRAME = FRAME_HEADER + PAGE

const script = fileURLToPath(new URL('queue-process.ts', import.meta.url))

type Contents = Omit<OutboxContents, 'waiting'> & { waiting: number[] }

/** Files as a crash leaves them. */
interface Crashed {
  file: Buffer
  log: Buffer
}

describe('DiskOutbox<Buffer> with a damaged write-ahead log', () => {
  let directory: string
  let place: string
  let opened: DiskOutbox<Buffer>[]
  let notices: string[]
  let runs = 0

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'damaged-log-'))
  })
  after(() => {
    rmSync(directory, { recursive: true })
  })
  beforeEach(newPlace)
  afterEach(closeAll)

  function newPlace(): void {
    place = join(directory, String(++runs))
    mkdirSync(place)
    opened = []
    notices = []
  }

  async function closeAll(): Promise<void> {
    await Promise.all(opened.map((outbox) => outbox.close()))
    rmSync(place, { recursive: true })
  }

  function queue(name = 'queue', key = Buffer.alloc(32, 1)): DiskOutbox<Buffer> {
    const outbox = new DiskOutbox({
      ...{ directory: place, name, key: () => Promise.resolve(key), cacheBytes: 0 },
      codec: {
        encode: (bytes: Buffer) => ({ bytes, whole: true }),
        decode: (bytes: Buffer) => bytes
      },
      onNotice: (text) => notices.push(text)
    })
    opened.push(outbox)
    return outbox
  }

  function facts(seq: number, more: Partial<Entry> = {}): Entry {
    return {
      ...{ seq, lane: `lane ${seq % 3}`, controlId: `C${seq}`, type: 'ADT^A01' },
      ...{ acceptedAt: 1_700_000_000_000 + seq, state: 'waiting', attempts: 0, spentMs: 0 },
      ...more
    }
  }

  const content = (seq: number): string => `content ${seq} `.padEnd(700 + (seq % 7) * 100, 'x')
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const addAll = async (outbox: DiskOutbox<Buffer>, seqs: readonly number[]): Promise<void> => {
    await Promise.all(seqs.map((seq) => outbox.add(facts(seq), Buffer.from(content(seq)))))
  }

  /** The files of an open queue, as they are now. */
  function crash({ path }: DiskOutbox<Buffer>): Crashed {
    // Copied by another process: closing the file here would release this process's lock.
    const copy = join(place, 'copy')
    execFileSync('cp', [path, copy])
    execFileSync('cp', [`${path}-wal`, `${copy}-wal`])
    return { file: readFileSync(copy), log: readFileSync(`${copy}-wal`) }
  }

  function put({ file, log }: Crashed): string {
    const path = join(place, 'queue.sqlite')
    writeFileSync(path, file)
    writeFileSync(`${path}-wal`, log)
    return path
  }

  /** The positions of the frames of this log, without those left over from an earlier one. */
  function framesOf(log: Buffer): number[] {
    const starts: number[] = []
    for (let at = HEADER; at + FRAME <= log.length; at += FRAME) {
      if (log.subarray(at + 8, at + 16).equals(log.subarray(16, 24))) starts.push(at)
    }
    return starts
  }

  const isEnd = (log: Buffer, frame: number): boolean => log.readUInt32BE(frame + 4) > 0

  /** The frames of the last transaction. */
  function lastFrames(log: Buffer): number[] {
    const frames = framesOf(log)
    return frames.slice(frames.slice(0, -1).findLastIndex((frame) => isEnd(log, frame)) + 1)
  }

  /** The numbers of the messages that have data on a page. */
  function seqsOn(page: Buffer): Set<number> {
    const path = join(place, 'page')
    writeFileSync(path, Buffer.concat([Buffer.alloc(PAGE), page]))
    const ids = [...leafRows(path)].map(({ id, values }) =>
      values.length === 2 ? Math.floor(id / (4 * 65_536)) : id
    )
    rmSync(path)
    return new Set(ids)
  }

  const everyone = ({ waiting, suspended, settled }: Contents): number[] =>
    [...waiting, ...suspended.map(({ seq }) => seq), ...settled].sort((a, b) => a - b)

  /** Opens a queue and lists everything it holds. */
  async function open(outbox: DiskOutbox<Buffer>): Promise<Contents> {
    const contents = await outbox.open()
    const entries = await outbox.list({ after: 0, without: [], limit: 1_000_000 })
    assert.equal(contents.waiting, entries.length)
    return { ...contents, waiting: entries.map(({ seq }) => seq) }
  }

  /** Checks that every listed message can be read and is as it was stored. */
  async function readAll(outbox: DiskOutbox<Buffer>, listed: readonly number[]): Promise<void> {
    const entries = await Promise.all(listed.map((seq) => outbox.read(seq)))
    entries.forEach((entry, i) => {
      assert.equal(entry.content.toString(), content(listed[i] ?? 0))
    })
  }

  function toldOnce(path: string): void {
    assert.equal(notices.length, 1, notices.join('\n'))
    const [notice = ''] = notices
    const [, aside = '', found = '', read = ''] =
      /damaged in its write-ahead log\. It was moved with the log to (\S+); of the (\d+) messages .* (\d+) could/.exec(
        notice
      ) ?? []
    assert.ok(notice.includes(path) && existsSync(aside) && existsSync(`${aside}-wal`), notice)
    assert.ok(Number(read) <= Number(found), notice)
  }

  /**
   * Opens the queue on these files and checks it.
   *
   * @param kept the numbers that must be there, and no others
   * @param lost those of them that may be missing
   */
  async function starts(
    crashed: Crashed,
    isDamaged: boolean,
    kept: readonly number[],
    lost: ReadonlySet<number> = new Set()
  ): Promise<Contents> {
    const path = put(crashed)
    const outbox = queue()
    const contents = await open(outbox)
    const listed = everyone(contents)
    const there = new Set([...listed, ...lost])
    const known = new Set(kept)
    const missing = kept.filter((seq) => !there.has(seq))
    const back = listed.filter((seq) => !known.has(seq))
    assert.deepEqual({ missing, back }, { missing: [], back: [] })
    await readAll(outbox, listed)
    if (isDamaged) {
      toldOnce(path)
      const aside = readdirSync(place).find((file) => /damaged-.*Z$/.test(file)) ?? ''
      assert.ok(readFileSync(join(place, aside)).equals(crashed.file))
      assert.ok(readFileSync(join(place, `${aside}-wal`)).equals(crashed.log))
    } else assert.deepEqual(notices, [])
    await addAll(outbox, [5000])
    await outbox.close()
    notices = []
    const again = queue()
    assert.deepEqual(everyone(await open(again)), [...listed, 5000])
    assert.deepEqual(notices, [])
    await again.close()
    return contents
  }

  /** Like `starts`, but in a new directory, for use in a loop. */
  async function startsApart(...args: Parameters<typeof starts>): Promise<void> {
    await closeAll()
    newPlace()
    await starts(...args)
  }

  function changed({ file, log }: Crashed, change: (log: Buffer) => void): Crashed {
    const copy = Buffer.from(log)
    change(copy)
    return { file, log: copy }
  }

  function flipped(crashed: Crashed, at: number, bits = 0x5a): Crashed {
    return changed(crashed, (log) => log.writeUInt8(log.readUInt8(at) ^ bits, at))
  }

  /** All data are in the log. */
  let fresh: Crashed
  let kept: number[]
  let keptBefore: number[]
  /** Most data are in the file; after the frames of the log come those of an earlier one. */
  let restarted: Crashed
  let keptRestarted: number[]

  before(async () => {
    newPlace()
    const outbox = queue()
    await open(outbox)
    for (let from = 1; from < 1000; from += 50) await addAll(outbox, range(from, from + 49))
    await Promise.all(range(101, 200).map((seq) => outbox.remove(seq)))
    for (const seq of range(201, 210)) {
      await outbox.settle(facts(seq, { state: 'settled' }), `outcome ${seq}`)
    }
    for (const seq of range(211, 220)) {
      await outbox.update(facts(seq, { state: 'suspended', suspendedAt: 5, verdict }))
    }
    await outbox.setPaused(pause)
    keptBefore = [...range(1, 100), ...range(201, 1000)]
    await addAll(outbox, range(1001, 1030))
    kept = [...keptBefore, ...range(1001, 1030)]
    fresh = crash(outbox)
    assert.deepEqual([fresh.file.length, lastFrames(fresh.log).length > 5], [PAGE, true])

    // Message by message, the log grows until SQLite writes it back and restarts it.
    const isRestarted = (log: Buffer): boolean => framesOf(log).length < log.length / FRAME - 100
    const removed: Promise<void>[] = []
    let last = 1030
    for (restarted = fresh; !isRestarted(restarted.log) || last % 200 !== 0;) {
      await addAll(outbox, [++last])
      if (last % 2 === 0) removed.push(outbox.remove(last - 1))
      if (last % 200 === 0) restarted = crash(outbox)
    }
    await Promise.all(removed)
    for (const seq of range(1, 50)) removed.push(outbox.remove(seq))
    await Promise.all(removed)
    await addAll(outbox, range(last + 1, last + 50))
    restarted = crash(outbox)
    assert.ok(isRestarted(restarted.log) && framesOf(restarted.log).length > 50)
    const even = range(1031, last).filter((seq) => seq % 2 === 0)
    keptRestarted = [...kept.filter((seq) => seq > 50), ...even, ...range(last + 1, last + 50)]
    await closeAll()
    newPlace()
    // Keeps the thread running: starting one takes longer than most of the tests.
    await open(queue('other'))
  })

  it('opens without a notice if the log is intact, even with frames of an earlier log after it', async () => {
    const contents = await starts(fresh, false, kept)
    assert.deepEqual(contents.settled, range(201, 210))
    await startsApart(restarted, false, keptRestarted)
  })

  it('loses only one page if a byte of that page is changed, wherever it is', async () => {
    const frames = framesOf(fresh.log)
    const end = frames.length - 1
    for (const index of [0, 40, Math.floor(end / 2), end - 6, end]) {
      const frame = frames[index] ?? 0
      const lost = seqsOn(fresh.log.subarray(frame + FRAME_HEADER, frame + FRAME))
      for (const at of [0, 4, 8, PAGE - 1]) {
        await startsApart(flipped(fresh, frame + FRAME_HEADER + at), true, kept, lost)
      }
    }
  })

  it('loses nothing if a byte of a frame header is changed, except the page if its number is wrong', async () => {
    const frames = framesOf(fresh.log)
    const end = frames.length - 1
    const fields = { page: [0, 3], size: [4, 7], salt: [8, 15], sum: [16, 23] }
    for (const index of [0, Math.floor(end / 3), end]) {
      const frame = frames[index] ?? 0
      for (const [field, places] of Object.entries(fields)) {
        for (const at of places) {
          const lost =
            field === 'page' ? seqsOn(fresh.log.subarray(frame + FRAME_HEADER, frame + FRAME)) : []
          await startsApart(flipped(fresh, frame + at), true, kept, new Set(lost))
        }
      }
    }
  })

  it('loses nothing if a byte of the log header is changed', async () => {
    // Magic (twice), version, page size, checkpoint number, two salts, two checksums.
    for (const at of [0, 3, 7, 10, 15, 16, 23, 24, 31]) {
      await startsApart(flipped(fresh, at), true, kept)
    }
    for (const at of [3, 19, 31]) {
      await startsApart(flipped(restarted, at, 1), true, keptRestarted)
    }
  })

  it('loses only the first page if the first block of the log is zeroed', async () => {
    const { log } = fresh
    const lost = seqsOn(log.subarray(HEADER + FRAME_HEADER, HEADER + FRAME))
    await starts(
      changed(fresh, (copy) => copy.fill(0, 0, PAGE)),
      true,
      kept,
      lost
    )
  })

  it('keeps states, outcomes and the paused state', async () => {
    const frame = framesOf(fresh.log)[5] ?? 0
    const contents = await starts(flipped(fresh, frame + 100), true, kept, new Set(kept))
    assert.deepEqual(contents.paused, pause)
    assert.equal(contents.lastSeq, 1030)
    assert.deepEqual(contents.settled, range(201, 210))
    assert.deepEqual(
      contents.suspended.map(({ seq }) => seq),
      range(211, 220)
    )
    assert.deepEqual(contents.suspended[0]?.verdict, verdict)
    const waiting = [...contents.waiting]
    assert.deepEqual(
      waiting,
      waiting.toSorted((a, b) => a - b)
    )
    const { outcome } = await reopened().then((outbox) => outbox.read(205))
    assert.equal(outcome, 'outcome 205')
  })

  async function reopened(): Promise<DiskOutbox<Buffer>> {
    const outbox = queue()
    await open(outbox)
    return outbox
  }

  it('does not treat a last transaction torn by a power cut as damage', async () => {
    for (const [crashed, before] of [
      [fresh, keptBefore],
      [restarted, keptRestarted.slice(0, -50)]
    ] as const) {
      const frames = lastFrames(crashed.log)
      const older = Buffer.alloc(FRAME, 0x77)
      await fc.assert(
        fc.asyncProperty(
          fc.subarray(frames, { minLength: 1 }),
          fc.boolean(),
          async (missing, isZero) => {
            const torn = changed(crashed, (log) => {
              for (const frame of missing) {
                if (isZero) log.fill(0, frame, frame + FRAME)
                else older.copy(log, frame)
              }
            })
            await startsApart(torn, false, before)
          }
        ),
        { numRuns: 8, seed: 1 }
      )
    }
  })

  it('does not treat a cut-off log or uncommitted frames as damage', async () => {
    const frames = lastFrames(fresh.log)
    const end = frames.at(-1) ?? 0
    for (const cut of [end, end + 10, end + FRAME - 1, (frames[0] ?? 0) + 5 * FRAME]) {
      await startsApart({ ...fresh, log: fresh.log.subarray(0, cut) }, false, keptBefore)
    }
    const uncommitted = { ...fresh, log: fresh.log.subarray(0, end) }
    for (const at of [0, 8, 20, 500]) {
      await startsApart(flipped(uncommitted, (frames[2] ?? 0) + at), false, keptBefore)
    }
    // Frames left over from an earlier log.
    const behind = (framesOf(restarted.log).at(-1) ?? 0) + FRAME
    for (const at of [0, 4, 10, 20, 500, 5 * FRAME]) {
      await startsApart(flipped(restarted, behind + at), false, keptRestarted)
    }
  })

  it('reads the page from the file if the log has already been written back', async () => {
    const path = put(fresh)
    const db = new DatabaseSync(path)
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    execFileSync('cp', [path, join(place, 'back')])
    db.close()
    const written = { file: readFileSync(join(place, 'back')), log: fresh.log }
    assert.ok(written.file.length > 100 * PAGE)
    const frames = framesOf(fresh.log)
    for (const index of [10, 100, 200, frames.length - 1]) {
      for (const at of [0, 4, 2000]) {
        await startsApart(flipped(written, (frames[index] ?? 0) + FRAME_HEADER + at), true, kept)
      }
    }
  })

  it('never loses a message silently, whichever byte is changed', async () => {
    for (const [crashed, all] of [
      [fresh, kept],
      [restarted, keptRestarted]
    ] as const) {
      const frames = framesOf(crashed.log)
      const end = (frames.at(-1) ?? 0) + FRAME
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: end - 1 }),
          fc.integer({ min: 1, max: 255 }),
          async (at, bits) => {
            const frame = frames.findLast((start) => start + FRAME_HEADER <= at)
            const lost =
              frame === undefined
                ? []
                : seqsOn(crashed.log.subarray(frame + FRAME_HEADER, frame + FRAME))
            await startsApart(flipped(crashed, at, bits), true, all, new Set(lost))
          }
        ),
        { numRuns: 25, seed: 2 }
      )
    }
  })

  it('never fails, however many bytes are changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(fresh.log.length - 9), fc.uint8Array({ maxLength: 8 })), {
          minLength: 1,
          maxLength: 30
        }),
        async (changes) => {
          const many = changed(fresh, (log) => {
            for (const [at, bytes] of changes) log.set(bytes, at)
          })
          if (many.log.equals(fresh.log)) return
          // A removed message may come back if both its halves are on damaged pages.
          const all = [...kept, ...range(101, 200)]
          await startsApart(many, true, all, new Set(all))
        }
      ),
      { numRuns: 20, seed: 3 }
    )
  })

  it('has the messages that a killed process had stored', async () => {
    const told = join(place, 'told')
    const stdout = openSync(told, 'w')
    const child = spawn(process.execPath, [script, 'flood', place, '1'], {
      stdio: ['ignore', stdout, 'inherit']
    })
    const closed = once(child, 'close')
    while (statSync(told).size < 40_000) await sleep(3)
    child.kill('SIGKILL')
    assert.deepEqual(await closed, [null, 'SIGKILL'])
    closeSync(stdout)
    const stored = [...readFileSync(told, 'utf8').matchAll(/^stored (\d+)$/gm)].map((m) =>
      Number(m[1])
    )
    assert.ok(stored.length > 2000)
    const path = join(place, 'queue.sqlite')
    const log = readFileSync(`${path}-wal`)
    const frames = framesOf(log)
    const frame = frames[Math.floor(frames.length / 2)] ?? 0
    log.writeUInt8(log.readUInt8(frame + 300) ^ 1, frame + 300)
    writeFileSync(`${path}-wal`, log)
    const listed = new Set(everyone(await open(queue())))
    const missing = stored.filter((seq) => !listed.has(seq))
    assert.ok(missing.length <= 1, missing.join())
    toldOnce(path)
  })

  it('is not lost by looking at it, and counts as holding messages', async () => {
    const path = put(flipped(fresh, HEADER + 20 * FRAME))
    const log = readFileSync(`${path}-wal`)
    const outbox = queue()
    assert.equal(await outbox.isInUse(), true)
    assert.deepEqual(await filledQueueFiles(place), [{ path, held: undefined }])
    await assert.rejects(outbox.deleteFile(), { code: 'SQLITE_CORRUPT' })
    assert.ok(readFileSync(`${path}-wal`).equals(log))
    await open(outbox)
    toldOnce(path)
    assert.ok(!existsSync(`${path}-shm`))
  })

  it('moves nothing if the key may be wrong', async () => {
    const { path } = queue()
    // Damages the page with the key check.
    const at = fresh.log.indexOf('keyCheck')
    put(
      changed(fresh, (log) => {
        for (let from = at; from !== -1; from = log.indexOf('keyCheck', from)) log.write('x', from)
      })
    )
    const log = readFileSync(`${path}-wal`)
    const wrong = queue('queue', Buffer.alloc(32, 2))
    await assert.rejects(wrong.open(), { code: 'ERR_QUEUE_KEY' })
    assert.ok(readFileSync(`${path}-wal`).equals(log))
    assert.deepEqual(notices, [])
    assert.equal(everyone(await open(queue())).length, kept.length)
  })

  it('leaves the log alone while another process has the file open', async (context) => {
    const holder = spawn(process.execPath, [script, 'hold', place], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    context.after(() => holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    const { path } = queue()
    // As it looks while that process restarts the log.
    const log = readFileSync(`${path}-wal`)
    writeFileSync(`${path}-wal`, flipped({ file: log, log }, 20).log)
    await assert.rejects(queue().open(), { code: 'SQLITE_BUSY' })
    assert.deepEqual(await filledQueueFiles(place), [])
    assert.deepEqual(
      readdirSync(place).filter((file) => !file.endsWith('-shm')),
      ['queue.sqlite', 'queue.sqlite-wal']
    )
  })

  it('is read even if the file itself is empty', async () => {
    const { log } = flipped(fresh, HEADER + 20 * FRAME + 2000)
    await starts(
      { file: Buffer.alloc(0), log },
      true,
      kept,
      seqsOn(log.subarray(HEADER + 20 * FRAME + FRAME_HEADER))
    )
  })

  it('is not read into the new file if a crash came before the log was moved', async () => {
    const path = put(flipped(fresh, HEADER + 20 * FRAME))
    const outbox = queue()
    const listed = everyone(await open(outbox))
    await outbox.close()
    // The old file has been moved, its log has not, and the new file is complete.
    renameSync(path, `${path}.rescue`)
    writeFileSync(`${path}-wal`, fresh.log)
    notices = []
    assert.deepEqual(everyone(await open(queue())), listed)
    assert.deepEqual(notices, [])
    const asides = readdirSync(place).filter((file) => /damaged-.*Z-wal$/.test(file))
    assert.ok(asides.some((file) => readFileSync(join(place, file)).equals(fresh.log)))
  })
})
