/**
 * What a message leaves with whose application acknowledges it, and which of several one is for. What becomes of it
 * meanwhile, and when, is in the model.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ApplicationAck } from '../../src/delivery/acknowledgements.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { SettledMessage, Settlement } from '../../src/delivery/settlement.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { isReached, resultOf, type ReplyKind } from './replies.ts'
import { codec, sentBy, setUp, setUpOn, type Setup, type SetUpOptions } from './set-up.ts'

/** An application acknowledgement on which the rules decide so. */
function ack(controlId: string, kind: ReplyKind): ApplicationAck {
  return { controlIds: [controlId], judge: () => resultOf(kind) }
}

async function acknowledge(
  delivery: Delivery<string>,
  controlId: string,
  kind: ReplyKind = 'accept'
): Promise<boolean> {
  const taken = await delivery.acknowledge(ack(controlId, kind))
  await settled()
  return taken
}

for (const durable of [false, true]) {
  describe(`awaiting an application acknowledgement (${durable ? 'disk' : 'memory'})`, () => {
    const start = (options: SetUpOptions = {}): Promise<Setup> =>
      durable ? setUpOn(new FakeDisk({ immediate: true }), options) : setUp(options)

    it('is found by the first component of MSA-2 where nothing awaits the whole', async () => {
      const { add, delivery, emitted, reply } = await start()
      await add('a1', 'a2', 'a2^b')
      for (let left = 3; left > 0; left--) await reply('await')
      for (const id of ['a1', 'a2']) {
        const { judge } = ack(id, 'accept')
        assert.equal(await delivery.acknowledge({ controlIds: [`${id}^b`, id], judge }), true)
      }
      await settled()
      assert.deepEqual(emitted, ['a1 ack', 'a2^b ack'])
    })

    it('leaves with both acknowledgements, also if the other one comes after the time', async () => {
      for (const afterMs of [0, 60_000]) {
        const settlements: Settlement[] = []
        const { add, clock, delivery, reply } = await start({
          emit: (_message, _content, settlement) => settlements.push(settlement),
          applicationAckMs: 60_000
        })
        await add('a1')
        await reply('await')
        await clock.advance(afterMs)
        await acknowledge(delivery, 'a1', 'nak')
        const [settlement] = settlements
        assert.equal(settlement?.acceptAck?.code, 'CA')
        assert.equal(settlement.reply?.ack?.code, 'AR')
        assert.equal(settlement.outcome, 'nak')
      }
    })

    it('leaves with the accept acknowledgement alone if no other comes in time', async () => {
      const settlements: Settlement[] = []
      const { add, clock, flights } = await start({
        emit: (_message, _content, settlement) => settlements.push(settlement),
        applicationAckMs: 60_000
      })
      await add('a1')
      const { decision, ...result } = resultOf('await-fail')
      flights[0]?.end({ ...result, decision: { ...decision, rule: ':CA=AF' } })
      await settled()
      await clock.advance(60_000)
      const [settlement] = settlements
      assert.equal(settlement?.outcome, 'error')
      assert.equal(settlement.error?.cause?.code, 'ERR_ACK_TIMEOUT')
      assert.match(settlement.error.message, /no application acknowledgement came within 60 s/)
      assert.deepEqual(
        [settlement.rule, settlement.action, settlement.warnings],
        [':CA=AF', 'AF', []]
      )
      assert.deepEqual([settlement.reply?.status, settlement.reply?.ack], [200, null])
      assert.equal(settlement.acceptAck?.code, 'CA')
    })

    it('goes to one that awaits it rather than to one whose time is up or that is on its way', async () => {
      const left: number[] = []
      const emit = ({ seq }: SettledMessage): unknown => left.push(seq)
      const { add, clock, delivery, reply } = await start({
        order: 'none',
        emit,
        applicationAckMs: 60_000
      })
      await add('a1')
      await reply('await')
      await clock.advance(60_000)
      await add('a1', 'a1')
      await reply('await')
      assert.deepEqual([delivery.state().suspended, delivery.state().awaiting], [1, 1])
      assert.equal(await acknowledge(delivery, 'a1'), true)
      assert.deepEqual(left, [2], 'the one that awaits it')
      assert.equal(await acknowledge(delivery, 'a1'), true)
      assert.deepEqual(left, [2, 1], 'the one whose time is up')
      const early = delivery.acknowledge(ack('a1', 'accept'))
      await reply('await')
      assert.equal(await early, true)
      assert.deepEqual(left, [2, 1, 3], 'the one on its way')
    })

    it('may come before the accept acknowledgement was read, even twice', async () => {
      const { add, delivery, emitted, reply } = await start()
      await add('a1')
      let isTaken = false
      const both = (['accept', 'nak'] as const).map(async (kind) => {
        const taken = await delivery.acknowledge(ack('a1', kind))
        isTaken = true
        return taken
      })
      await settled()
      assert.equal(isTaken, false, 'done() waits until it is stored')
      await reply('await')
      assert.deepEqual(await Promise.all(both), [true, false])
      assert.deepEqual(emitted, ['a1 ack'])
    })

    it('is told with its result if it does not come, or suspends, pauses or sends again', async () => {
      const told: string[] = []
      const { add, clock, delivery, flights, reply } = await start({
        order: 'none',
        applicationAckMs: 60_000,
        onEvent: (event) => {
          if (event.kind !== 'moved') return
          const { message, to, result } = event
          const facts = result && `${result.decision.outcome} ${result.decision.retry}`
          const reached = result && `${result.answered} ${isReached(result)} ${result.elapsedMs}`
          told.push(`${message.controlId} ${to} ${facts} ${reached}`)
        }
      })
      await add('a1', 'a2', 'a3', 'a4', 'a5')
      for (const kind of ['await', 'await-retry', 'await', 'await', 'await'] as const) {
        await reply(kind)
      }
      told.length = 0
      await acknowledge(delivery, 'a5', 'retry')
      await acknowledge(delivery, 'a3', 'suspend')
      await acknowledge(delivery, 'a4', 'disable')
      await clock.advance(60_000)
      assert.equal(flights.length, 0)
      assert.deepEqual(told, [
        'a5 retrying fail true false true 1',
        'a3 suspended suspend false false true 1',
        'a4 waiting disable false false true 1',
        'a1 suspended suspend false false true 0',
        'a2 waiting undefined undefined'
      ])
    })

    it('counts as held, with its age', async () => {
      const { add, clock, delivery, reply } = await start()
      await add('a1')
      await reply('await')
      await clock.advance(5000)
      const { awaiting, longestWaitMs, oldestAgeMs, queued, state } = delivery.state()
      assert.deepEqual([awaiting, queued, state], [1, 0, 'idle'])
      assert.deepEqual([oldestAgeMs, longestWaitMs], [5000, 0])
      assert.equal(delivery.held, 1)
    })
  })
}

describe('awaiting with a disk that takes time', () => {
  it('is stored before a close ends, and leaves at the next start', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUpOn(disk)
    await first.add('a1', 'a2')
    await first.reply('await')
    const early = first.delivery.acknowledge(ack('a2', 'nak'))
    disk.immediate = false
    const taken = first.delivery.acknowledge(ack('a1', 'accept'))
    await settled()
    const closed = first.delivery.close(10_000)
    await first.reply('await')
    disk.immediate = true
    disk.step()
    await closed
    assert.deepEqual(await Promise.all([early, taken]), [true, true])
    assert.deepEqual(first.emitted, [])
    assert.equal(first.clock.timers, 0)
    await assert.rejects(first.delivery.acknowledge(ack('a1', 'accept')), {
      code: 'ERR_QUEUE_CLOSED',
      message: 'The node is closing.'
    })
    const second = await setUpOn(disk)
    assert.deepEqual(second.emitted.toSorted(), ['a1 ack', 'a2 nak'])
  })

  it('goes to another of equal control IDs while something happens with the oldest', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, delivery, emitted, reply } = await setUpOn(disk)
    await add('a1', 'a1')
    await reply('await')
    await reply('await')
    disk.immediate = false
    const both = [delivery.acknowledge(ack('a1', 'accept')), delivery.acknowledge(ack('a1', 'nak'))]
    await settled()
    assert.equal(disk.pending, 2, 'reads')
    disk.immediate = true
    disk.step()
    assert.deepEqual(await Promise.all(both), [true, true])
    await settled()
    assert.deepEqual(emitted, ['a1 ack', 'a1 nak'])
  })

  it('reports a message that is damaged as lost', async () => {
    const disk = new FakeDisk({ immediate: true })
    const damaged = {
      ...codec,
      decode: () => {
        throw new Error('damaged')
      }
    }
    const clock = new FakeClock()
    const queue = disk.queue(damaged, { order: 'fifo', clock })
    const options = { queue, applicationAckMs: 1000 }
    const { add, delivery, emitted, lost, reply } = await setUp(options, clock)
    await add('a1', 'a2')
    await reply('await')
    await reply('await')
    assert.equal(await acknowledge(delivery, 'a1'), true)
    assert.equal(lost.length, 1)
    await clock.advance(1000)
    assert.equal(lost.length, 2)
    assert.deepEqual([emitted, delivery.held], [[], 0])
  })

  it('is sent again also if its accept acknowledgement is damaged', async () => {
    const disk = new FakeDisk({ immediate: true })
    const told: string[] = []
    const { add, clock, delivery, flights, reply } = await setUpOn(disk, {
      onEvent: ({ kind }) => told.push(kind)
    })
    await add('a1')
    await reply('await')
    disk.damageOutcome(1)
    assert.equal(await acknowledge(delivery, 'a1', 'retry'), true)
    await clock.advance(5000)
    assert.equal(flights.length, 1)
    assert.ok(!told.includes('queue-failed'))
  })

  it('tries again, and not at once, if what follows from the end of its time cannot be stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await setUpOn(disk, { applicationAckMs: 1000, order: 'none' })
    const { add, clock, delivery, emitted, reply } = setup
    await add('a1', 'a2', 'a3')
    for (const kind of ['await-retry', 'await-fail', 'await'] as const) await reply(kind)
    let calls = 0
    const call = disk.call.bind(disk)
    disk.call = (isRead, work, isSafe) => {
      calls++
      return call(isRead, work, isSafe)
    }
    disk.failWrites = true
    await clock.advance(31_000)
    assert.deepEqual([delivery.state().awaiting, emitted, sentBy(setup)], [3, [], []])
    disk.failReads = true
    await clock.advance(30_000)
    assert.ok(calls < 30, `${calls} calls`)
    await assert.rejects(acknowledge(delivery, 'a2'), { code: 'EIO' })
    disk.failReads = false
    disk.failWrites = false
    await clock.advance(30_000)
    assert.deepEqual(emitted, ['a2 HL7_DELIVERY_FAILED'])
    assert.deepEqual([sentBy(setup), delivery.state().suspended], [['a1'], 1])
  })
})
