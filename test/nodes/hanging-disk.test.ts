/** What is said while a disk neither confirms what it was asked nor reports an error. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { compilePreloads, type Preloads } from '../support/preload/compile.ts'
import { adt, startWorld, type World } from '../support/world.ts'

const compiled = compilePreloads('slow-sync')
const options = typeof compiled === 'string' ? { skip: compiled } : {}

describe('a disk that hangs, in a real Node-RED', options, () => {
  const preloads = compiled as Preloads
  let directory: string
  let world: World
  before(async () => {
    // Where a sync takes no longer than it is told to.
    directory = mkdtempSync('/dev/shm/hanging-disk-')
    world = await startWorld({
      settings: { hl7HttpsOutQueueDirectory: directory },
      env: {
        ...preloads.environment('slow-sync'),
        SLOW_SYNC_MS: '0',
        SLOW_SYNC_HELD_BY: join(directory, 'held')
      }
    })
  })
  after(async () => {
    await world.close()
    preloads.remove()
    rmSync(directory, { recursive: true })
  })

  it('is seen after ten seconds, with those who wait for it, and over with its answer', async () => {
    await world.deploy({ queue: 'disk' })
    assert.equal((await world.send(adt('BEFORE1'))).output, 'ack')
    writeFileSync(join(directory, 'held'), '')
    const done = world.nodeRed.messages('done').length
    for (const id of ['HANG1', 'HANG2', 'HANG3']) {
      await world.nodeRed.inject('in', { payload: adt(id) })
    }
    const { codes, code, text } = await world.nodeRed.waitForStatus(
      'out',
      (status) => status.codes?.includes('DISK') === true,
      20_000
    )
    assert.notEqual(code, 'DISK')
    assert.match(text ?? '', /^disk silent for 1\d s/)
    assert.ok(codes?.includes('DISK'))
    const { advice, conditions, queued, unconfirmed } = await world.state()
    assert.deepEqual([queued, unconfirmed], [0, 3])
    assert.equal(conditions.find((one) => one.code === 'DISK')?.level, 'call')
    assert.match(
      advice?.text ?? '',
      /^The disk has not confirmed anything for 1\d s\. 3 messages are not stored yet: their senders wait\. Check the disk/
    )
    assert.equal(world.nodeRed.messages('done').length, done)

    rmSync(join(directory, 'held'))
    await world.nodeRed.waitForMessages('done', done + 3)
    await world.nodeRed.waitForStatus('out', (status) => status.codes?.join() === 'ACK')
    assert.equal((await world.state()).unconfirmed, 0)
  })
})
