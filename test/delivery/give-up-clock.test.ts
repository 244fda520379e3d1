import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { FakeDisk } from './fake-disk.ts'
import { abortedResult } from './replies.ts'
import { setUpOn, type Setup } from './set-up.ts'

/** The receiver answers so to all that is sent for so many seconds. */
async function answer(
  { clock, flights, reply }: Setup,
  kind: 'fail' | 'retry' | 'unreachable',
  seconds: number
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    while (flights.length > 0) await reply(kind)
    await clock.advance(1000)
  }
}

/** A new process on the same file. */
async function restart(disk: FakeDisk, before: Setup): Promise<Setup> {
  await before.delivery.keepFigures(NO_FIGURES)
  const closed = before.delivery.close(1000)
  for (const flight of before.flights.splice(0)) flight.end(abortedResult())
  await closed
  return setUpOn(disk, { order: 'none' }, before.clock)
}

describe('the clock of *Give up after*', () => {
  it('stands after three were given up in vain, over a restart, until a message is answered', async () => {
    const disk = new FakeDisk({ immediate: true })
    const one = await setUpOn(disk, { order: 'none' })
    await one.add('a', 'b', 'c', 'd', 'e')
    await answer(one, 'retry', 1000)
    assert.equal(one.emitted.length, 3)
    const two = await restart(disk, one)
    await answer(two, 'retry', 3000)
    assert.deepEqual(two.emitted, [])
    await two.add('f')
    await two.clock.advance(60_000)
    await two.reply('accept')
    assert.equal(two.emitted.length, 1)
    await answer(two, 'retry', 1000)
    assert.equal(two.emitted.length, 3, 'those that are left have had their time')
  })

  it('ends with a final answer without HL7', async () => {
    const disk = new FakeDisk({ immediate: true })
    const one = await setUpOn(disk, { order: 'none' })
    await one.add('a', 'b', 'c')
    await answer(one, 'retry', 1000)
    await one.add('d')
    await one.reply('fail')
    await one.add('e')
    await answer(one, 'retry', 1000)
    assert.equal(one.emitted.filter((left) => left.startsWith('e')).length, 1)
  })

  it('goes on after a restart from what it showed, and not in an outage', async () => {
    const disk = new FakeDisk({ immediate: true })
    const one = await setUpOn(disk, { order: 'none' })
    await one.add('a')
    await answer(one, 'retry', 600)
    await one.add('b')
    await answer(one, 'unreachable', 3600)
    const two = await restart(disk, one)
    await answer(two, 'unreachable', 3600)
    assert.deepEqual(two.emitted, [])
    await answer(two, 'retry', 200)
    assert.deepEqual(two.emitted, [])
    await answer(two, 'retry', 300)
    assert.deepEqual(two.emitted, ['a HL7_DELIVERY_FAILED'])
  })
})
