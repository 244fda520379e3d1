import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { Standing } from '../../src/delivery/standing.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
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
      withoutContent: 0,
      leftOut: 0,
      notSent: []
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

  it('are sent again though one of them is longer than what is read at once', async () => {
    const setup = await setUpOn(quickDisk({ contentDays: 1 }))
    await leave(setup, 'a1', 'a2'.padEnd(5 * 2 ** 20), 'a3')
    assert.equal((await (await setup.delivery.operator()).sendAgain({})).resent, 3)
  })

  it('are sent again once, and copies not at all, unless somebody asks for them', async () => {
    const setup = await setUpOn(quickDisk({ contentDays: 1 }))
    const delivery = await setup.delivery.operator()
    await leave(setup, 'a1')
    assert.equal((await delivery.sendAgain({})).resent, 1)
    await setup.reply('accept')
    const { found, leftOut, notSent } = await delivery.sendAgain({})
    assert.deepEqual([found, leftOut], [0, 2])
    assert.deepEqual(
      notSent.map(({ why }) => why),
      ['sentBefore', 'isCopy']
    )
    // Of a message and its copies, the newest one.
    for (const others of [1, 2]) {
      const asked = await delivery.sendAgain({}, 'bert', { isAgain: true })
      assert.deepEqual([asked.found, asked.resent, asked.leftOut], [1, 1, others])
      assert.equal(asked.notSent[0]?.why, 'repeated')
      await setup.reply('accept')
    }
  })

  it('are counted before: how many, which, and how many others have overtaken them', async () => {
    const keyed = (order: 'key' | 'fifo' | 'none'): Promise<Setup> =>
      setUpOn(quickDisk({ contentDays: 1 }), {
        order,
        readFields: (content) => ({ key: content.charAt(0), values: [] })
      })
    for (const [order, overtaken] of [
      ['key', 1],
      ['fifo', 2],
      ['none', 0]
    ] as const) {
      const setup = await keyed(order)
      await leave(setup, 'a1', 'b1', 'a2', 'c1')
      const counted = await (await setup.delivery.operator()).countAgain({ ids: [1, 2] }, false)
      const { first, last, ...counts } = counted
      assert.deepEqual(counts, { found: 2, withContent: 2, leftOut: 0, overtaken }, order)
      assert.deepEqual([first?.controlId, last?.controlId], ['a1', 'b1'])
      // Those that are sent behind it do not overtake it.
      const all = await (await setup.delivery.operator()).countAgain({}, false)
      assert.deepEqual([all.found, all.overtaken], [4, 0])
      assert.equal(setup.flights.length, 0)
    }
  })

  it('get another control ID if asked, and say which they had', async () => {
    const setup = await setUpOn(quickDisk({ contentDays: 1 }))
    await leave(setup, 'a1', 'a2')
    const { resent } = await (
      await setup.delivery.operator()
    ).sendAgain({ ids: [1, 2] }, 'bert', {
      renew: (content) =>
        content === 'a1' ? { controlId: 'new', type: 'ADT^A01', content: 'new' } : undefined
    })
    assert.equal(resent, 2)
    const { messages } = await (await setup.delivery.operator()).find({ limit: 2 })
    const said = messages.map((row) => [row.controlId, row.resent?.controlId, row.resent?.of])
    assert.deepEqual(said, [
      ['a2', undefined, 2],
      ['new', 'a1', 1]
    ])
  })

  it('stay given up if others are sent again: what somebody has discarded, or noted before', async () => {
    const clock = new FakeClock()
    const standing = new Standing(() => clock.now())
    const setup = await setUpOn(
      quickDisk({ contentDays: 1 }),
      {
        onEvent: (event) => {
          standing.readEvent(event)
        }
      },
      clock
    )
    const operator = await setup.delivery.operator()
    const giveUp = async (id: string): Promise<void> => {
      await clock.advance(1000)
      await setup.add(id)
      await setup.reply('fail')
    }
    const sendAgain = async (seq: number): Promise<void> => {
      await operator.sendAgain({ ids: [seq] })
      await setup.reply('accept')
    }
    await giveUp('a1')
    standing.noteGivenUp()
    await clock.advance(1000)
    await setup.add('a2')
    await setup.reply('suspend')
    await operator.discard({})
    await giveUp('a3')
    await settled()
    assert.deepEqual(setup.emitted, [
      'a1 HL7_DELIVERY_FAILED',
      'a2 HL7_DISCARDED',
      'a3 HL7_DELIVERY_FAILED'
    ])
    for (const seq of [1, 2]) {
      await sendAgain(seq)
      assert.equal(standing.stands.givenUp?.count, 1, `after ${seq}`)
    }
    await sendAgain(3)
    assert.equal(standing.stands.givenUp, undefined)
  })

  it('are counted if their contents are gone', async () => {
    told.length = 0
    const setup = await setUpOn(quickDisk(), { onEvent })
    await leave(setup, 'a1', 'a2')
    assert.deepEqual(await (await setup.delivery.operator()).sendAgain({}), {
      found: 2,
      resent: 0,
      withoutContent: 2,
      leftOut: 0,
      notSent: [
        { controlId: 'a1', why: 'notKept' },
        { controlId: 'a2', why: 'notKept' }
      ]
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
      assert.deepEqual(counts, { found: 3, withoutContent: 0, leftOut: 0, notSent: [] })
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

  for (const first of ['all at once', 'the first alone', 'one with another text'] as const) {
    it(`are sent again once, whoever asks for it meanwhile: ${first}`, async () => {
      told.length = 0
      const setup = await setUpOn(quickDisk({ contentDays: 1 }), {
        order: 'none',
        failureTimeoutMs: 0,
        onEvent
      })
      for (const id of ['a1', 'a2', 'a3']) {
        await setup.add(id)
        await setup.reply('timeout')
      }
      const operator = await setup.delivery.operator()
      const edited = { controlId: 'a2', type: 'ADT^A01', content: 'a2 edited' }
      const asked =
        first === 'all at once'
          ? operator.sendAgain({}, 'anna')
          : first === 'the first alone'
            ? operator.sendFirstAgain({}, 'anna')
            : operator.edit({ seq: 2, isSuspended: false }, edited, { by: 'anna' })
      const { resent, leftOut } = await operator.sendAgain({}, 'bert')
      await asked
      assert.deepEqual([resent, leftOut], first === 'all at once' ? [0, 3] : [2, 1])
      await settled()
      while (setup.flights.length > 0) await setup.reply('accept')
      const sent = setup.emitted.slice(3).map((line) => line.slice(0, 2))
      assert.deepEqual(sent.toSorted(), ['a1', 'a2', 'a3'])
    })
  }

  it('follow the first one even if they were sent again before, but not if somebody does it meanwhile', async () => {
    const setup = await setUpOn(quickDisk({ contentDays: 1 }))
    await leave(setup, 'a1', 'a2', 'a3')
    const operator = await setup.delivery.operator()
    await operator.sendAgain({ ids: [2] })
    await setup.reply('accept')
    const { trial } = await operator.sendFirstAgain({ ids: [1, 2, 3] }, 'anna', { isAgain: true })
    assert.equal((await operator.sendAgain({ ids: [3] }, 'bert')).resent, 1)
    const result = trial?.result(new AbortController().signal)
    for (let i = 0; i < 3; i++) await setup.reply('accept')
    assert.equal((await result)?.resent, 2)
    assert.deepEqual(setup.emitted.slice(4), ['a1 ack', 'a3 ack', 'a2 ack'])
    assert.equal(setup.flights.length, 0)
  })

  it('are not tried if the content of none is kept', async () => {
    const setup = await setUpOn(quickDisk())
    await leave(setup, 'a1')
    const { trial, ...counts } = await (await setup.delivery.operator()).sendFirstAgain({})
    assert.equal(trial, undefined)
    assert.deepEqual([counts.found, counts.withoutContent], [1, 1])
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
