import assert from 'node:assert/strict'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { DeliveryLife } from '../crash/delivery-life.ts'
import { DeliveryLog } from '../crash/delivery-log.ts'
import type { ProcessSettings } from '../crash/delivery-process.ts'
import { compilePreloads, type Preloads } from '../support/preload/compile.ts'

const compiled = compilePreloads('failing-sync')
const options = typeof compiled === 'string' ? { skip: compiled } : {}
const preloads = compiled as Preloads

/** 3 MB in the log at a time, which is written back from 16 MB on. */
const BATCH = 32
const BYTES = 100_000
const BATCHES_OF_LOG = 5

describe('A log that is written back to a file that the disk does not write', options, () => {
  let directory: string
  let log: DeliveryLog
  let life: DeliveryLife | undefined
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'failed-checkpoint-'))
    mkdirSync(join(directory, 'disk'))
    log = new DeliveryLog(join(directory, 'log'))
  })
  afterEach(async () => {
    await life?.kill()
    rmSync(directory, { recursive: true })
  })
  after(() => {
    preloads.remove()
  })

  async function start(): Promise<DeliveryLife> {
    const settings: ProcessSettings = {
      directory: join(directory, 'disk'),
      log: log.path,
      ...{ order: 'none', maxInFlight: 8, journalDays: 14, replyBytes: 100, reply: 'accept' }
    }
    life = new DeliveryLife(settings, {
      ...preloads.environment('failing-sync'),
      FAILING_SYNC_OF: '.sqlite',
      FAILING_SYNC_BY: join(directory, 'fails')
    })
    await life.ask('opened')
    return life
  }

  const file = (): string => join(directory, 'disk', 'queue.sqlite')
  const accepted = (): string[] =>
    log.lines.flatMap(([word, id = '']) => (word === 'accepted' ? [id] : []))

  it('is treated as a sync that has failed: the messages are refused, and the file is written to another one', async () => {
    const running = await start()
    await running.ask('pause', 'not yet')
    const { ino } = statSync(file())
    // It is still there, so that another one does not get its number.
    const first = openSync(file(), 'r')
    let next = 1
    const acceptSome = async (): Promise<number> => {
      next += BATCH
      return running.ask('accept', next - BATCH, BATCH, BYTES)
    }
    try {
      for (let batch = 1; batch < BATCHES_OF_LOG; batch++) assert.equal(await acceptSome(), BATCH)
      writeFileSync(join(directory, 'fails'), '')
      const some = (await acceptSome()) + (await acceptSome())
      assert.ok(some < 2 * BATCH, 'the messages that waited for it are refused')
      rmSync(join(directory, 'fails'))
      assert.equal(await acceptSome(), BATCH)
      assert.notEqual(statSync(file()).ino, ino)
    } finally {
      closeSync(first)
    }
    await running.kill()
    const found = await (await start()).ask('find')
    assert.deepEqual(found.map(({ id }) => String(id)).sort(), accepted().sort())
  })
})
