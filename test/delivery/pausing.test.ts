import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { setUpOn, type Setup } from './set-up.ts'

const HOUR = 3_600_000

describe('A pause', () => {
  const told: string[] = []
  const onEvent = (event: DeliveryEvent): void => {
    if (event.kind === 'resumed') told.push(`resumed ${event.by} ${event.until ?? ''}`.trim())
    if (event.kind === 'queue-failed') told.push('not stored')
  }
  async function begin(disk = new FakeDisk({ immediate: true })): Promise<Setup> {
    told.length = 0
    return setUpOn(disk, { onEvent })
  }
  const reasons = ({ delivery }: Setup): string => delivery.state().paused?.reason ?? 'goes on'

  it('ends by itself at its end, and messages go', async () => {
    const setup = await begin()
    const { clock, delivery } = setup
    const until = clock.now() + HOUR
    await delivery.pause('ana', 'upgrade', { until })
    await setup.add('a1')
    assert.equal(delivery.state().paused?.until, until)
    await clock.advance(HOUR - 1)
    assert.equal(setup.flights.length, 0)
    await clock.advance(1)
    await settled()
    assert.deepEqual(told, [`resumed  ${until}`])
    assert.equal(reasons(setup), 'goes on')
    assert.equal(setup.flights.length, 1)
  })

  it('ends half a minute later if that cannot be stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await begin(disk)
    const { clock, delivery } = setup
    const lastsMs = HOUR + 10_000
    const until = clock.now() + lastsMs
    await delivery.pause('ana', 'upgrade', { until })
    await clock.advance(lastsMs - 1)
    assert.deepEqual(told, [])
    disk.failWrites = true
    await clock.advance(1)
    await clock.advance(29_999)
    assert.deepEqual(told, ['not stored'])
    assert.equal(reasons(setup), 'upgrade')
    disk.failWrites = false
    await clock.advance(1)
    assert.deepEqual(told, ['not stored', `resumed  ${until}`])
  })

  it('ends within a minute if the clock on the wall is put past its end', async () => {
    const setup = await begin()
    const { clock, delivery } = setup
    await delivery.pause('ana', 'upgrade', { until: clock.now() + 8 * HOUR })
    await setup.add('a1')
    clock.setWall(9 * HOUR)
    await clock.advance(60_000)
    await settled()
    assert.equal(reasons(setup), 'goes on')
    assert.equal(setup.flights.length, 1)
  })

  it('leaves no timer if the node closes while its queue is being opened', async () => {
    const disk = new FakeDisk({ immediate: true })
    const before = await begin(disk)
    const { clock } = before
    await before.delivery.pause('ana', 'upgrade', { until: clock.now() + HOUR })
    await before.delivery.close(0)
    disk.immediate = false
    const { delivery } = await setUpOn(disk, {}, clock, false)
    const opened = delivery.open()
    await settled()
    const closed = delivery.close(0)
    disk.immediate = true
    disk.step()
    await Promise.all([opened, closed])
    assert.equal(clock.timers, 0)
  })

  it('that is asked for later is not ended with it', async () => {
    const setup = await begin()
    const { clock, delivery } = setup
    await delivery.pause('ana', 'upgrade', { until: clock.now() + HOUR })
    await delivery.pause('bert', 'not yet')
    await clock.advance(2 * HOUR)
    assert.deepEqual([reasons(setup), told], ['not yet', []])
    await delivery.resume('bert')
    assert.equal(reasons(setup), 'goes on')
  })

  it('of a host ends alone: one of this node goes on, and the other way round', async () => {
    for (const isHostFirst of [true, false]) {
      const setup = await begin()
      const { delivery } = setup
      const ofHost = (): Promise<void> => delivery.pause('ana', 'of host', { host: 'h:1' })
      if (isHostFirst) await ofHost()
      await delivery.pause('bert', 'own')
      if (!isHostFirst) await ofHost()
      assert.equal(await delivery.resumeHost('other', 'ana'), false)
      assert.equal(await delivery.resumeHost('h:1', 'ana'), true)
      assert.deepEqual([reasons(setup), told], ['own', []])
      assert.equal(await delivery.resumeHost('h:1', 'ana'), false)
      await ofHost()
      // By hand, it resumes whatever paused it.
      await delivery.resume('ana')
      assert.deepEqual([reasons(setup), told], ['goes on', ['resumed ana']])
    }
  })

  it('outlasts a restart with its end, with another one beneath it, and one that is over ends', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await begin(disk)
    const { clock, delivery } = setup
    const until = clock.now() + HOUR
    await delivery.pause('ana', 'of host', { host: 'h:1', until: until + HOUR })
    await delivery.pause('bert', 'own', { until })
    await delivery.close(0)
    const second = await setUpOn(disk, { onEvent }, clock)
    assert.equal(reasons(second), 'own')
    await clock.advance(HOUR)
    await settled()
    assert.equal(reasons(second), 'of host')
    assert.equal(second.delivery.state().paused?.until, until + HOUR)
    await second.delivery.close(0)
    const later = new FakeClock()
    await later.advance(24 * HOUR)
    const third = await setUpOn(disk, { onEvent }, later)
    await later.advance(1)
    await settled()
    assert.equal(reasons(third), 'goes on')
  })
})
