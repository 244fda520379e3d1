import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { setUpOn, type Setup } from './set-up.ts'

const quickDisk = ({ contentDays = 0 } = {}): FakeDisk =>
  new FakeDisk({ immediate: true, contentDays })

describe('Messages that have left', () => {
  const told: string[] = []
  const onEvent = (event: DeliveryEvent): void => {
    if (event.kind === 'sent-again') told.push(`${event.count} ${event.by}`)
  }

  async function leave(setup: Setup, ...ids: string[]): Promise<void> {
    for (const id of ids) {
      await setup.add(id)
      await setup.reply('accept')
    }
  }

  it('are sent again as new messages at the end of the queue', async () => {
    told.length = 0
    const setup = await setUpOn(quickDisk({ contentDays: 1 }), { onEvent })
    const { delivery, emitted, flights } = setup
    await leave(setup, 'a1', 'a2', 'a3')
    await setup.add('a4')
    assert.deepEqual(await (await delivery.operator()).sendAgain({ ids: [1, 3] }, 'bert'), {
      found: 2,
      resent: 2,
      withoutContent: 0
    })
    for (const id of ['a4', 'a1', 'a3']) {
      assert.equal(flights[0]?.content, id)
      await setup.reply('accept')
    }
    assert.deepEqual(emitted.slice(3), ['a4 ack', 'a1 ack', 'a3 ack'])
    assert.deepEqual(told, ['2 bert'])
    const { messages } = await (await delivery.reader()).find({ limit: 2 })
    const [{ resent } = { resent: undefined }] = messages
    assert.deepEqual([resent?.by, (resent?.at ?? 0) > (resent?.acceptedAt ?? 0)], ['bert', false])
  })

  it('are not sent again because they leave again meanwhile', async () => {
    const setup = await setUpOn(quickDisk({ contentDays: 1 }))
    await leave(setup, 'a1')
    for (const expected of [1, 2, 4]) {
      assert.equal((await (await setup.delivery.operator()).sendAgain({})).resent, expected)
      for (let i = 0; i < expected; i++) await setup.reply('accept')
    }
  })

  it('are counted if their contents are gone', async () => {
    told.length = 0
    const setup = await setUpOn(quickDisk(), { onEvent })
    await leave(setup, 'a1', 'a2')
    assert.deepEqual(await (await setup.delivery.operator()).sendAgain({}), {
      found: 2,
      resent: 0,
      withoutContent: 2
    })
    assert.deepEqual(told, [])
  })

  it('follow the first one only if that leaves on ACK', async () => {
    for (const [kind, expected] of [
      ['accept', 3],
      ['nak', 1]
    ] as const) {
      const setup = await setUpOn(quickDisk({ contentDays: 1 }))
      await leave(setup, 'a1', 'a2', 'a3')
      const { trial, ...counts } = await (
        await setup.delivery.operator()
      ).sendFirstAgain({}, 'bert')
      assert.deepEqual(counts, { found: 3, withoutContent: 0 })
      await settled()
      assert.equal(setup.flights.length, 1)
      const result = trial?.result(new AbortController().signal)
      await setup.reply(kind)
      const { first, resent } = (await result) ?? {}
      assert.deepEqual(
        [first?.controlId, first?.outcome, resent],
        ['a1', kind === 'accept' ? 'ack' : 'nak', expected]
      )
      for (let i = 1; i < expected; i++) await setup.reply('accept')
      assert.equal(setup.emitted.length, 3 + expected)
      assert.equal(setup.flights.length, 0)
    }
  })

  it('are not tried if the content of none is kept', async () => {
    const setup = await setUpOn(quickDisk())
    await leave(setup, 'a1')
    assert.deepEqual(await (await setup.delivery.operator()).sendFirstAgain({}), {
      found: 1,
      withoutContent: 1
    })
  })

  it('are told if the queue takes only some of them', async () => {
    told.length = 0
    const setup = await setUpOn(quickDisk({ contentDays: 1 }), { onEvent, queueLimit: 3 })
    await leave(setup, 'a1', 'a2', 'a3')
    await assert.rejects(
      setup.delivery.operator().then((operator) => operator.sendAgain({})),
      { code: 'HL7_QUEUE_FULL' }
    )
    assert.equal(setup.delivery.held, 2)
    assert.deepEqual(told, ['2 flow'])
  })
})
