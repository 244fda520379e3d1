import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeliveryLife } from '../crash/delivery-life.ts'
import { DeliveryLog } from '../crash/delivery-log.ts'
import type { ProcessSettings } from '../crash/delivery-process.ts'
import { OverbookedDisk } from '../support/small-disk.ts'

const SENDERS = 32
const BYTES = 20_000
const LIMIT_MS = 30_000
/** So long there is no room, in milliseconds. */
const FULL_MS = 3000

describe('A disk that has no room for what was written', () => {
  it('is not believed: nothing is confirmed that is gone after a power failure', async (context) => {
    await trial(context, 256, 0)
  })

  it('is not believed where it is short, and the log is written back each time', async (context) => {
    // The first messages may find room in a log that was there before.
    await trial(context, 64, SENDERS)
  })
})

/**
 * @param megabytes that the disk promises
 * @param mostAccepted so many messages may be accepted while there is no room for them
 */
async function trial(context: TestContext, megabytes: number, mostAccepted: number): Promise<void> {
  const disk = OverbookedDisk.mount(context, megabytes)
  if (disk === undefined) return
  const directory = mkdtempSync(join(tmpdir(), 'failed-sync-'))
  const log = new DeliveryLog(join(directory, 'log'))
  const settings: ProcessSettings = {
    directory: disk.place,
    log: log.path,
    ...{ order: 'none', maxInFlight: 8, journalDays: 14, replyBytes: 100, reply: 'accept' }
  }
  const ids = (what: string): string[] =>
    log.lines.flatMap(([word, id = '']) => (word === what ? [id] : []))
  let life = new DeliveryLife(settings)
  let next = 1
  /** Each sender has one message. @returns how many were accepted */
  const acceptSome = async (): Promise<number> => {
    const first = next
    next += SENDERS
    return life.ask('accept', first, SENDERS, BYTES)
  }
  try {
    await life.ask('opened')
    await life.ask('pause', 'not yet')
    assert.equal(await acceptSome(), SENDERS)

    disk.fillUp()
    // While not even a refusal can be stored, there is no answer.
    const answers = Array.from({ length: 5 }, () => acceptSome())
    await sleep(FULL_MS / 2)
    disk.forget('queue.sqlite', 'queue.sqlite-wal')
    await sleep(FULL_MS / 2)
    disk.cleanUp()
    const accepted = (await Promise.all(answers)).reduce((sum, count) => sum + count)
    assert.ok(accepted <= mostAccepted, `${accepted} were told that their message is safe`)
    // The system has forgotten what it could not write, and no sync says so again.
    const deadline = performance.now() + LIMIT_MS
    while ((await acceptSome()) < SENDERS) {
      assert.ok(performance.now() < deadline, 'messages are accepted again')
      await sleep(20)
    }
    assert.equal(await acceptSome(), SENDERS)
    await life.kill()
    disk.remount()

    life = new DeliveryLife(settings)
    await life.ask('opened')
    const found = await life.ask('find')
    const kept = new Set(found.map(({ id }) => String(id)))
    const missing = ids('accepted').filter((id) => !kept.has(id))
    assert.deepEqual(missing, [], 'each message that was confirmed is there')
    await life.ask('resume')
    while ((await life.ask('holdings')).held > 0) {
      assert.ok(performance.now() < deadline, 'all of them leave')
      await sleep(20)
    }
    const emitted = ids('emitted')
    assert.equal(new Set(emitted).size, emitted.length, 'none leaves twice')
    assert.deepEqual(
      ids('accepted').filter((id) => !emitted.includes(id)),
      []
    )
    const broken = log.lines.filter(([word = '']) => ['notice', 'lost', 'fault'].includes(word))
    assert.deepEqual(broken, [])
  } finally {
    await life.kill()
    disk.end()
    rmSync(directory, { recursive: true })
  }
}
