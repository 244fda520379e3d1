import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { DeliveryLife } from '../crash/delivery-life.ts'
import { DeliveryLog } from '../crash/delivery-log.ts'
import type { ProcessSettings } from '../crash/delivery-process.ts'
import { compilePreloads, type Preloads } from '../support/preload/compile.ts'
import { generator } from '../support/random.ts'

const compiled = compilePreloads('slow-sync')
const options = typeof compiled === 'string' ? { skip: compiled } : {}
const preloads = compiled as Preloads

/** Where a sync takes no longer than it is told to. */
const IN_MEMORY = '/dev/shm'
const LIMIT_MS = 30_000

describe('On a disk that is slow to sync', options, () => {
  let directory: string
  let log: DeliveryLog
  let life: DeliveryLife | undefined
  beforeEach(() => {
    directory = mkdtempSync(join(IN_MEMORY, 'slow-sync-'))
    mkdirSync(join(directory, 'disk'))
    log = new DeliveryLog(join(directory, 'log'))
  })
  afterEach(async () => {
    // A sync that hangs would keep it from ending.
    release()
    await life?.kill()
    life = undefined
    rmSync(directory, { recursive: true })
  })
  after(() => {
    preloads.remove()
  })

  /** A process with a queue. Its syncs take so long, and hang while they are held. */
  async function start(ms: number, more: Partial<ProcessSettings> = {}): Promise<DeliveryLife> {
    const settings: ProcessSettings = {
      directory: join(directory, 'disk'),
      log: log.path,
      ...{ order: 'none', maxInFlight: 8, journalDays: 14, replyBytes: 100, reply: 'accept' },
      ...more
    }
    life = new DeliveryLife(settings, {
      ...preloads.environment('slow-sync'),
      SLOW_SYNC_MS: String(ms),
      SLOW_SYNC_HELD_BY: join(directory, 'held')
    })
    await life.ask('opened')
    return life
  }

  function hold(): void {
    writeFileSync(join(directory, 'held'), '')
  }

  function release(): void {
    rmSync(join(directory, 'held'), { force: true })
  }

  const queueFile = (): string => join(directory, 'disk', 'queue.sqlite')
  const logBytes = (): number =>
    statSync(`${queueFile()}-wal`, { throwIfNoEntry: false })?.size ?? 0
  const count = (what: string): number => log.lines.filter(([word]) => word === what).length

  async function until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + LIMIT_MS
    while (!isSo()) {
      assert.ok(performance.now() < deadline, 'it takes too long')
      await sleep(5)
    }
  }

  it('a message whose log is removed before its sync is confirmed when the file is whole again', async () => {
    const first = await start(0)
    await first.ask('pause', 'not yet')
    await first.ask('accept', 1, 1, 100)
    const bytes = logBytes()
    hold()
    const accepting = first.ask('accept', 2, 1, 100)
    await until(() => logBytes() > bytes)
    rmSync(`${queueFile()}-wal`)
    release()
    assert.equal(await accepting, 1)
    const words = log.lines.map(([word = '', id = '']) => `${word} ${id}`.trim())
    assert.ok(words.includes('accepted 2'))
    const notice = log.lines.findIndex(([word]) => word === 'notice')
    assert.ok(notice !== -1, 'the file was written again')
    assert.ok(notice < words.indexOf('accepted 2'), words.join(', '))
    await first.kill()
    const second = await start(0)
    const found = await second.ask('find')
    assert.deepEqual(found.map(({ id }) => id).sort(), [1, 2])
  })

  it('a thread that dies between writing and syncing does nothing twice', async () => {
    const random = generator(7)
    const running = await start(10, { journalDays: 0 })
    const messages = 120
    for (let next = 1; next <= messages; next += 10) {
      const accepting = running.ask('accept', next, 10, 100)
      await sleep(random() * 20)
      if (random() < 0.5) {
        // Certainly before the sync has ended.
        hold()
        const bytes = logBytes()
        await Promise.race([until(() => logBytes() > bytes), sleep(50)])
        const ending = running.ask('endThread')
        await sleep(20)
        release()
        await ending
      } else await running.ask('endThread')
      assert.equal(await accepting, 10)
    }
    await until(() => count('emitted') >= messages)
    const ids = Array.from({ length: messages }, (_, i) => String(i + 1))
    for (const what of ['accepted', 'sent', 'emitted']) {
      const done = log.lines.flatMap(([word, id = '']) => (word === what ? [id] : []))
      assert.deepEqual(
        done.sort((one, other) => Number(one) - Number(other)),
        ids,
        what
      )
    }
  })

  it('settlements stop when a sync hangs, memory stays as it is, and all goes on when it ends', async (t) => {
    const hangs = 6000
    const running = await start(0)
    const messages = 12_000
    await running.ask('pause', 'not yet')
    for (let next = 1; next <= messages; next += 1000) await running.ask('accept', next, 1000, 100)
    await running.ask('resume')
    await until(() => count('emitted') >= 100)
    hold()
    // 32 senders wait to hear that their message is safe.
    const senders = Array.from({ length: 32 }, (_, i) =>
      running.ask('accept', messages + 1 + i, 1, 100)
    )
    const begun = performance.now()
    const accepted = count('accepted')
    await sleep(2500)
    const [emitted, memory] = [count('emitted'), memoryOf(running.pid)]
    await sleep(hangs - (performance.now() - begun))
    const [later, memoryLater] = [count('emitted'), memoryOf(running.pid)]
    t.diagnostic(`${emitted} of ${messages} had left, ${Math.round(memoryLater / 2 ** 20)} MB`)
    assert.ok(emitted < messages, 'there was more to do')
    assert.equal(later, emitted, 'nothing is settled')
    assert.equal(count('accepted'), accepted, 'nothing is confirmed')
    assert.ok(memoryLater - memory < 8 * 2 ** 20, `${memory} and ${memoryLater} bytes`)
    release()
    await Promise.all(senders)
    await until(() => count('emitted') >= later + 100)
    const ids = log.lines.flatMap(([word, id = '']) => (word === 'emitted' ? [id] : []))
    assert.equal(new Set(ids).size, ids.length, 'none leaves twice')
  })

  it('eight queues do not keep others from libuv', async (t) => {
    const program = join(import.meta.dirname, 'lookups.ts')
    const times: number[] = []
    // Of three runs the best: others work on this machine, too.
    for (let run = 0; run < 3 && !times.some((time) => time < 5); run++) {
      const place = join(directory, `run-${run}`)
      mkdirSync(place)
      const { stdout } = await promisify(execFile)(process.execPath, [program, place], {
        env: { ...process.env, ...preloads.environment('slow-sync'), SLOW_SYNC_MS: '20' }
      })
      times.push(Number(stdout))
    }
    t.diagnostic(`nine of ten lookups took at most ${times.join(', ')} ms`)
    assert.ok(Math.min(...times) < 5)
  })
})

/** The resident memory of a process, in bytes. */
function memoryOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}
