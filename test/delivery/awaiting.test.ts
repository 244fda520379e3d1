import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ApplicationAck } from '../../src/delivery/awaiting.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import type { Entry } from '../../src/outbox/outbox.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { resultOf, type ReplyKind } from './replies.ts'
import { codec, setUp, type Setup, type SetUpOptions } from './set-up.ts'

/** An application acknowledgement on which the rules decide so. */
function ack(controlId: string, kind: ReplyKind): ApplicationAck {
  return { controlId, judge: () => resultOf(kind) }
}

async function acknowledge(
  delivery: Delivery<string>,
  controlId: string,
  kind: ReplyKind = 'accept'
): Promise<boolean> {
  const taken = await delivery.operator.acknowledge(ack(controlId, kind))
  await settled()
  return taken
}

for (const durable of [false, true]) {
  describe(`awaiting an application acknowledgement (${durable ? 'disk' : 'memory'})`, () => {
    const start = (options: SetUpOptions = {}): Promise<Setup> => {
      const disk = new FakeDisk({ immediate: true })
      return setUp({ ...(durable && { outbox: disk.outbox(codec) }), ...options })
    }

    it('does not hold up the lane, and leaves by the rules when it comes', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await start()
      await add('a1', 'a2', 'a3')
      await reply('await')
      assert.deepEqual(
        flights.map(({ content }) => content),
        ['a2']
      )
      await reply('await')
      await reply('await')
      assert.equal(delivery.state().awaiting, 3)
      assert.deepEqual(emitted, [])
      assert.equal(await acknowledge(delivery, 'a2'), true)
      assert.equal(await acknowledge(delivery, 'a3', 'nak'), true)
      assert.equal(await acknowledge(delivery, 'a1', 'fail'), true)
      assert.deepEqual(emitted, ['a2 ack', 'a3 nak', 'a1 HL7_DELIVERY_FAILED'])
      assert.equal(delivery.held, 0)
      await clock.advance(10_000_000)
      assert.equal(clock.timers, 0)
    })

    it('leaves with both acknowledgements', async () => {
      const settlements: Settlement[] = []
      const { add, delivery, reply } = await start({
        emit: (_entry, _content, settlement) => settlements.push(settlement)
      })
      await add('a1')
      await reply('await')
      await acknowledge(delivery, 'a1', 'nak')
      const [settlement] = settlements
      assert.equal(settlement?.acceptAck?.code, 'CA')
      assert.equal(settlement.reply?.ack?.code, 'AR')
      assert.equal(settlement.outcome, 'nak')
    })

    it('leaves with the accept acknowledgement alone if no other comes in time', async () => {
      const settlements: Settlement[] = []
      const { add, clock, flights } = await start({
        emit: (_entry, _content, settlement) => settlements.push(settlement),
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

    it('leaves with both also if the other comes after the time', async () => {
      const settlements: Settlement[] = []
      const { add, clock, delivery, reply } = await start({
        emit: (_entry, _content, settlement) => settlements.push(settlement),
        applicationAckMs: 60_000
      })
      await add('a1')
      await reply('await')
      await clock.advance(60_000)
      await acknowledge(delivery, 'a1', 'nak')
      const [settlement] = settlements
      assert.deepEqual([settlement?.acceptAck?.code, settlement?.reply?.ack?.code], ['CA', 'AR'])
    })

    it('is for nobody, comes twice, or for one that was suspended by a rule', async () => {
      const { add, delivery, emitted, reply } = await start()
      assert.equal(await acknowledge(delivery, 'a1'), false)
      await add('a1', 'a2')
      await reply('await')
      await reply('suspend')
      assert.equal(await acknowledge(delivery, 'a2'), false)
      const twice = [
        delivery.operator.acknowledge(ack('a1', 'accept')),
        delivery.operator.acknowledge(ack('a1', 'nak'))
      ]
      assert.deepEqual(await Promise.all(twice), [true, false])
      await settled()
      assert.deepEqual(emitted, ['a1 ack'])
      assert.equal(await acknowledge(delivery, 'a1'), false)
    })

    it('goes to the oldest of equal control IDs', async () => {
      const left: string[] = []
      const { add, delivery, reply } = await start({
        emit: ({ seq }, _content, { outcome }) => left.push(`${seq} ${outcome}`)
      })
      await add('a1', 'a1')
      await reply('await')
      await reply('await')
      await acknowledge(delivery, 'a1')
      await acknowledge(delivery, 'a1', 'nak')
      assert.deepEqual(left, ['1 ack', '2 nak'])
    })

    it('goes to the oldest also if that was sent later', async () => {
      const settlements: number[] = []
      const emit = ({ seq }: Entry): unknown => settlements.push(seq)
      const { add, delivery, flights, reply } = await start({ order: 'none', emit })
      await add('a1', 'a1')
      flights.reverse()
      await reply('await')
      await reply('await')
      await acknowledge(delivery, 'a1')
      await acknowledge(delivery, 'a1')
      assert.deepEqual(settlements, [1, 2])
    })

    it('goes to one that awaits it rather than to one whose time is up or that is on its way', async () => {
      const left: number[] = []
      const emit = ({ seq }: Entry): unknown => left.push(seq)
      const { add, clock, delivery, reply } = await start({
        ...{ order: 'none', emit, applicationAckMs: 60_000 }
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
      const early = delivery.operator.acknowledge(ack('a1', 'accept'))
      await reply('await')
      assert.equal(await early, true)
      assert.deepEqual(left, [2, 1, 3], 'the one on its way')
    })

    it('may come before the accept acknowledgement was read', async () => {
      const { add, delivery, emitted, reply } = await start()
      await add('a1')
      let taken: boolean | undefined
      void delivery.operator.acknowledge(ack('a1', 'accept')).then((one) => (taken = one))
      assert.equal(await acknowledge(delivery, 'a1'), false, 'a second one')
      assert.equal(taken, undefined, 'done() waits until it is stored')
      await reply('await')
      assert.equal(taken, true)
      assert.deepEqual(emitted, ['a1 ack'])
    })

    it('is for nobody if the attempt ends otherwise', async () => {
      for (const kind of ['accept', 'nak', 'retry', 'suspend'] as const) {
        const { add, clock, delivery, flights, reply } = await start()
        await add('a1')
        const early = delivery.operator.acknowledge(ack('a1', 'accept'))
        await reply(kind)
        assert.equal(await early, false, kind)
        await clock.advance(5000)
        if (flights.length === 0) continue
        const afterRetry = delivery.operator.acknowledge(ack('a1', 'accept'))
        await reply('await')
        assert.equal(await afterRetry, true, 'after a retry')
      }
    })

    it('is told with its result if it does not come, or suspends, pauses or sends again', async () => {
      const told: string[] = []
      const { add, clock, delivery, flights, reply } = await start({
        ...{ order: 'none', applicationAckMs: 60_000 },
        onEvent: (event) => {
          if (event.kind !== 'moved' || event.from === 'sending' || event.to === 'sending') return
          const { entry, from, to, result } = event
          const facts = result && `${result.decision.outcome} ${result.decision.retry}`
          const reached = result && `${result.answered} ${result.reachable} ${result.elapsedMs}`
          told.push(`${entry.controlId} ${from} ${to} ${facts} ${reached}`)
        }
      })
      await add('a1', 'a2', 'a3', 'a4')
      for (const kind of ['await', 'await-retry', 'await', 'await'] as const) await reply(kind)
      await acknowledge(delivery, 'a3', 'suspend')
      await acknowledge(delivery, 'a4', 'disable')
      await clock.advance(60_000)
      assert.equal(flights.length, 0)
      assert.deepEqual(told, [
        'a3 awaiting suspended suspend false false true 1',
        'a4 awaiting waiting disable false false true 1',
        'a2 awaiting waiting undefined undefined',
        'a1 awaiting suspended suspend false false true 0'
      ])
    })

    it('times out at its own time, whatever else is awaited', async () => {
      const { add, clock, delivery, reply } = await start({
        ...{ applicationAckMs: 1000, retry: { intervalMs: 5000, maxIntervalMs: 5000 } }
      })
      const waits = (): number[] => [delivery.state().awaiting, delivery.state().suspended]
      await add('a1', 'a2', 'a3', 'a4')
      await reply('await')
      await acknowledge(delivery, 'a1', 'retry')
      for (let one = 0; one < 3; one++) {
        await reply('await')
        await clock.advance(300)
      }
      // That of the resend, and one for all others.
      assert.equal(clock.timers, 2)
      await clock.advance(99)
      assert.deepEqual(waits(), [4, 0])
      await clock.advance(1)
      assert.deepEqual(waits(), [3, 1])
      await clock.advance(299)
      assert.deepEqual(waits(), [3, 1])
      await clock.advance(1)
      assert.deepEqual(waits(), [2, 2])
      await clock.advance(300)
      assert.deepEqual(waits(), [1, 3])
      await clock.advance(3000)
      assert.deepEqual(waits(), [1, 3])
      await clock.advance(1000)
      assert.equal(delivery.state().inFlight, 1, 'the one that is sent again')
    })

    it('is suspended if none comes, and still settled by a late one', async () => {
      const { add, clock, delivery, emitted, reply } = await start({ applicationAckMs: 60_000 })
      await add('a1')
      await reply('await')
      await clock.advance(59_000)
      assert.equal(delivery.state().awaiting, 1)
      await clock.advance(1000)
      assert.deepEqual([delivery.state().awaiting, delivery.state().suspended], [0, 1])
      const { messages } = await delivery.operator.find({ limit: 1 })
      assert.deepEqual(
        [messages[0]?.state, messages[0]?.verdict.cause],
        ['suspended', 'ERR_ACK_TIMEOUT']
      )
      assert.equal(await acknowledge(delivery, 'a1'), true)
      assert.deepEqual(emitted, ['a1 ack'])
    })

    it('fails or is sent again if the rule says so', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await start({
        applicationAckMs: 60_000
      })
      await add('a1', 'a2')
      await reply('await-fail')
      await reply('await-retry')
      await clock.advance(60_000)
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'])
      assert.deepEqual(
        flights.map(({ content }) => content),
        ['a2']
      )
      await reply('accept')
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED', 'a2 ack'])
      assert.equal(delivery.held, 0)
    })

    it('goes on waiting after another A, not longer than at first', async () => {
      const { add, clock, delivery, reply } = await start({ applicationAckMs: 60_000 })
      await add('a1')
      await reply('await')
      await clock.advance(30_000)
      assert.equal(await acknowledge(delivery, 'a1', 'await'), true)
      await clock.advance(30_000)
      assert.equal(delivery.state().suspended, 1)
    })

    it('is sent again after the wait, until the failure timeout, if its rule is R', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await start({
        ...{ failureTimeoutMs: 12_000, retry: { intervalMs: 5000, maxIntervalMs: 5000 } }
      })
      await add('a1')
      for (let round = 0; round < 2; round++) {
        await reply('await')
        assert.equal(await acknowledge(delivery, 'a1', 'retry'), true)
        assert.equal(await acknowledge(delivery, 'a1'), false, 'it is no longer awaited')
        assert.equal(flights.length, 0)
        await clock.advance(5000)
        assert.equal(flights.length, 1)
      }
      await reply('await')
      await acknowledge(delivery, 'a1', 'retry')
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'])
    })

    it('is not sent again for ever since the node was resumed', async () => {
      const { add, clock, delivery, emitted, reply } = await start({
        ...{ failureTimeoutMs: 12_000, retry: { intervalMs: 5000, maxIntervalMs: 5000 } }
      })
      await add('a1')
      await delivery.resume()
      for (let round = 0; round < 3; round++) {
        await reply('await')
        assert.equal(await acknowledge(delivery, 'a1', 'retry'), true)
        await clock.advance(5000)
      }
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'])
    })

    it('is suspended or pauses the node if the rules say so', async () => {
      const { add, delivery, reply } = await start()
      await add('a1', 'a2')
      await reply('await')
      await reply('await')
      await acknowledge(delivery, 'a1', 'suspend')
      await acknowledge(delivery, 'a2', 'disable')
      const { paused, queued, state, suspended } = delivery.state()
      assert.deepEqual([state, suspended, queued], ['paused', 1, 1])
      assert.equal(paused?.by, 'rule')
    })

    it('times out as well if an early one asks for more time', async () => {
      const { add, clock, delivery, reply } = await start({ applicationAckMs: 60_000 })
      await add('a1')
      const early = delivery.operator.acknowledge(ack('a1', 'await'))
      await reply('await')
      assert.equal(await early, true)
      assert.equal(await acknowledge(delivery, 'a1', 'await'), true, 'one more')
      await clock.advance(60_000)
      assert.equal(delivery.state().suspended, 1)
    })

    it('is judged by the rules also if it comes after the time', async () => {
      const late = { applicationAckMs: 60_000, failureTimeoutMs: 900_000 }
      const { add, clock, delivery, emitted, flights, reply } = await start(late)
      await add('a1', 'a2', 'a3', 'a4')
      for (let round = 0; round < 4; round++) await reply('await')
      await clock.advance(60_000)
      assert.equal(delivery.state().suspended, 4)
      assert.equal(await acknowledge(delivery, 'a1', 'suspend'), true)
      assert.equal(await acknowledge(delivery, 'a1'), false, 'a rule suspended it')
      assert.equal(await acknowledge(delivery, 'a2', 'retry'), true)
      assert.deepEqual(
        flights.map(({ content }) => content),
        ['a2'],
        'it has waited long enough'
      )
      assert.equal(await acknowledge(delivery, 'a3', 'await'), true)
      assert.equal(await acknowledge(delivery, 'a4', 'disable'), true)
      assert.equal(await acknowledge(delivery, 'a3', 'nak'), true)
      assert.deepEqual(emitted, ['a3 nak'])
      const { queued, state, suspended } = delivery.state()
      assert.deepEqual([state, queued, suspended], ['paused', 1, 1])
    })

    it('is for nobody if an operator was faster', async () => {
      const { add, clock, delivery, emitted, reply } = await start({ applicationAckMs: 1000 })
      await add('a1')
      await reply('await')
      await clock.advance(1000)
      let isJudged = false
      const judge = () => {
        isJudged = true
        return resultOf('accept')
      }
      const [discarded, taken] = await Promise.all([
        delivery.operator.discard(() => true),
        delivery.operator.acknowledge({ controlId: 'a1', judge })
      ])
      await settled()
      assert.deepEqual([discarded, taken, isJudged], [1, false, false])
      assert.deepEqual(emitted, ['a1 HL7_DISCARDED'])
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

    it('leaves no timer behind at a close', async () => {
      const { add, clock, delivery, emitted, reply } = await start()
      await add('a1', 'a2')
      await reply('await')
      const early = delivery.operator.acknowledge(ack('a2', 'accept'))
      const closed = delivery.close(0)
      await clock.advance(0)
      await reply('accept')
      await closed
      assert.equal(await early, false)
      assert.equal(clock.timers, 0)
      assert.deepEqual(emitted.includes('a1 HL7_DELIVERY_FAILED'), !durable)
    })
  })
}

describe('awaiting with a disk that takes time', () => {
  it('finds its message while it is being stored as awaiting', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, delivery, emitted, reply } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1')
    disk.immediate = false
    await reply('await')
    const taken = delivery.operator.acknowledge(ack('a1', 'accept'))
    const second = delivery.operator.acknowledge(ack('a1', 'accept'))
    await settled()
    assert.deepEqual(emitted, [])
    disk.immediate = true
    disk.step()
    assert.deepEqual(await Promise.all([taken, second]), [true, false])
    await settled()
    assert.deepEqual(emitted, ['a1 ack'])
  })

  it('finds its message while it is being suspended for want of it', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
    const { add, clock, delivery, emitted, reply } = await setUp(options)
    await add('a1')
    await reply('await')
    disk.immediate = false
    await clock.advance(1000)
    const taken = delivery.operator.acknowledge(ack('a1', 'accept'))
    disk.immediate = true
    disk.step()
    assert.equal(await taken, true)
    await settled()
    assert.deepEqual(emitted, ['a1 ack'])
  })

  it('keeps operators away while what a late one says is being stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
    const { add, clock, delivery, emitted, flights, reply } = await setUp(options)
    await add('a1')
    await reply('await')
    await clock.advance(1000)
    disk.immediate = false
    const taken = delivery.operator.acknowledge(ack('a1', 'suspend'))
    await settled()
    const discarded = delivery.operator.discard(() => true)
    await settled()
    disk.step(2)
    await settled()
    // Both have read it, and the acknowledgement was first.
    assert.equal(await delivery.operator.resend(() => true), 0)
    assert.deepEqual([await discarded, disk.pending], [0, 1])
    disk.immediate = true
    disk.step()
    assert.equal(await taken, true)
    assert.deepEqual([delivery.state().suspended, delivery.state().queued], [1, 0])
    assert.equal(await delivery.operator.resend(() => true), 1)
    await settled()
    assert.deepEqual([delivery.state().suspended, flights.length], [0, 1])
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack'])
    assert.equal(delivery.held, 0)
  })

  it('is stored before a close ends, and leaves at the next start', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    await first.reply('await')
    const early = first.delivery.operator.acknowledge(ack('a2', 'nak'))
    disk.immediate = false
    const taken = first.delivery.operator.acknowledge(ack('a1', 'accept'))
    const closed = first.delivery.close(10_000)
    await first.reply('await')
    disk.immediate = true
    disk.step()
    await closed
    assert.deepEqual(await Promise.all([early, taken]), [true, true])
    assert.deepEqual(first.emitted, [])
    assert.equal(first.clock.timers, 0)
    await assert.rejects(first.delivery.operator.acknowledge(ack('a1', 'accept')), {
      ...{ code: 'ERR_QUEUE_CLOSED', message: 'The node is closing.' }
    })
    const second = await setUp({ outbox: disk.outbox(codec) })
    assert.deepEqual(second.emitted.toSorted(), ['a1 ack', 'a2 nak'])
  })

  it('settles its message if the time is up while that is read', async () => {
    for (const kind of ['await', 'await-fail', 'await-retry'] as const) {
      const disk = new FakeDisk({ immediate: true })
      const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
      const { add, clock, delivery, emitted, lost, reply } = await setUp(options)
      await add('a1')
      await reply(kind)
      disk.immediate = false
      const taken = delivery.operator.acknowledge(ack('a1', 'accept'))
      await settled()
      await clock.advance(1000)
      disk.immediate = true
      disk.step()
      assert.equal(await taken, true, kind)
      await settled()
      assert.deepEqual([emitted, lost], [['a1 ack'], []], kind)
    }
  })

  it('is judged alone if another one and the end of the time wait for the same', async () => {
    for (const kind of ['await', 'await-fail', 'await-retry'] as const) {
      const disk = new FakeDisk({ immediate: true })
      const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
      const { add, clock, delivery, emitted, flights, reply } = await setUp(options)
      await add('a1')
      await reply(kind)
      disk.immediate = false
      const first = delivery.operator.acknowledge(ack('a1', 'await'))
      const second = delivery.operator.acknowledge(ack('a1', 'nak'))
      await settled()
      await clock.advance(1000)
      assert.equal(disk.pending, 1, 'reads')
      disk.step()
      await settled()
      assert.equal(disk.pending, 1, 'reads')
      disk.immediate = true
      disk.step()
      assert.deepEqual(await Promise.all([first, second]), [true, true], kind)
      await settled()
      assert.deepEqual(emitted, ['a1 nak'], kind)
      assert.deepEqual([flights.length, delivery.held], [0, 0], kind)
    }
  })

  it('goes to another of equal control IDs while something happens with the oldest', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, delivery, emitted, reply } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1', 'a1')
    await reply('await')
    await reply('await')
    disk.immediate = false
    const both = [
      delivery.operator.acknowledge(ack('a1', 'accept')),
      delivery.operator.acknowledge(ack('a1', 'nak'))
    ]
    await settled()
    assert.equal(disk.pending, 2, 'reads')
    disk.immediate = true
    disk.step()
    assert.deepEqual(await Promise.all(both), [true, true])
    await settled()
    assert.deepEqual(emitted, ['a1 ack', 'a1 nak'])
  })

  it('is for nobody if an earlier version suspended the message without a reason', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1')
    await first.reply('suspend')
    await first.delivery.close(0)
    for (const { facts } of disk.rows.values()) delete facts.verdict
    const { delivery } = await setUp({ outbox: disk.outbox(codec) })
    assert.equal(delivery.state().suspended, 1)
    assert.equal(await acknowledge(delivery, 'a1'), false)
  })

  it('reports a message that is damaged as lost', async () => {
    const disk = new FakeDisk({ immediate: true })
    const damaged = {
      ...codec,
      decode: () => {
        throw new Error('damaged')
      }
    }
    const options = { outbox: disk.outbox(damaged), applicationAckMs: 1000 }
    const { add, clock, delivery, emitted, lost, reply } = await setUp(options)
    await add('a1', 'a2')
    await reply('await')
    await reply('await')
    assert.equal(await acknowledge(delivery, 'a1'), true)
    assert.equal(lost.length, 1)
    await clock.advance(1000)
    assert.equal(lost.length, 2)
    assert.deepEqual([emitted, delivery.held], [[], 0])
  })

  it('is stored if it is being read when the node closes', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1')
    await first.reply('await')
    disk.immediate = false
    const taken = first.delivery.operator.acknowledge(ack('a1', 'accept'))
    await settled()
    const closed = first.delivery.close(10_000)
    await settled()
    disk.immediate = true
    disk.step()
    await closed
    assert.equal(await taken, true)
    assert.equal([...disk.rows.values()][0]?.facts.state, 'settled')
  })

  it('reads it again after a while if its time is up and it cannot be read', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
    const { add, clock, delivery, reply } = await setUp(options)
    await add('a1')
    await reply('await')
    disk.failReads = true
    await clock.advance(1000)
    assert.equal(delivery.state().awaiting, 1)
    disk.failReads = false
    await clock.advance(30_000)
    assert.equal(delivery.state().suspended, 1)
  })

  it('is sent again also if its accept acknowledgement is damaged', async () => {
    const disk = new FakeDisk({ immediate: true })
    const told: string[] = []
    const { add, clock, delivery, flights, reply } = await setUp({
      outbox: disk.outbox(codec),
      onEvent: ({ kind }) => told.push(kind)
    })
    await add('a1')
    await reply('await')
    for (const row of disk.rows.values()) delete row.outcome
    assert.equal(await acknowledge(delivery, 'a1', 'retry'), true)
    await clock.advance(5000)
    assert.equal(flights.length, 1)
    assert.ok(!told.includes('queue-failed'))
  })

  it('is sent again soon after that could not be stored, however long others may wait', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 3_600_000 }
    const { add, clock, delivery, flights, reply } = await setUp(options)
    await add('a1')
    await reply('await')
    await acknowledge(delivery, 'a1', 'retry')
    disk.failWrites = true
    await clock.advance(5000)
    assert.equal(delivery.state().awaiting, 1)
    disk.failWrites = false
    assert.equal(await acknowledge(delivery, 'a1'), false, 'its application wants it again')
    await clock.advance(29_999)
    assert.equal(flights.length, 0)
    await clock.advance(1)
    assert.equal(flights.length, 1)
  })

  it('awaits another for all its time if what one says cannot be stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 600_000 }
    const { add, clock, delivery, emitted, reply } = await setUp(options)
    await add('a1')
    await reply('await')
    await clock.advance(500_000)
    await add('a2')
    await reply('await-fail')
    disk.failWrites = true
    await assert.rejects(acknowledge(delivery, 'a2', 'disable'), { code: 'HL7_QUEUE_FAILED' })
    disk.failWrites = false
    await clock.advance(599_999)
    assert.deepEqual([emitted, delivery.state().suspended], [[], 1])
    await clock.advance(1)
    assert.deepEqual(emitted, ['a2 HL7_DELIVERY_FAILED'])
  })

  it('tries again, and not at once, if what follows cannot be stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { outbox: disk.outbox(codec), applicationAckMs: 1000 }
    const { add, clock, delivery, emitted, flights, reply } = await setUp(options)
    await add('a1', 'a2')
    await reply('await-retry')
    await reply('await-fail')
    disk.failWrites = disk.failReads = true
    let writes = 0
    const call = disk.call.bind(disk)
    disk.call = (kind, work) => {
      writes++
      return call(kind, work)
    }
    await clock.advance(60_000)
    assert.ok(writes < 10, `${writes} calls`)
    assert.equal(delivery.state().awaiting, 2)
    await assert.rejects(acknowledge(delivery, 'a2'), { code: 'EIO' })
    disk.failReads = false
    await assert.rejects(acknowledge(delivery, 'a2', 'disable'), {
      ...{ code: 'HL7_QUEUE_FAILED', message: 'The queue cannot be written.' }
    })
    disk.failWrites = false
    await clock.advance(30_000)
    assert.deepEqual(emitted, ['a2 HL7_DELIVERY_FAILED'])
    assert.equal(delivery.state().paused?.by, 'rule')
    await delivery.resume()
    await settled()
    assert.deepEqual(
      flights.map(({ content }) => content),
      ['a1']
    )
  })
})

describe('awaiting before the start', () => {
  it('hands on nothing that an operator discards, either', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1')
    await first.reply('suspend')
    const second = await setUp({ outbox: disk.outbox(codec) }, new FakeClock(), false)
    const discarded = second.delivery.operator.discard(() => true)
    await settled()
    assert.deepEqual(second.emitted, [])
    await second.delivery.start()
    assert.equal(await discarded, 1)
    assert.deepEqual(second.emitted, ['a1 HL7_DISCARDED'])
  })

  it('hands on nothing before the nodes behind the outputs exist', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1', 'a2')
    await first.reply('await')
    await first.reply('await')
    const second = await setUp({ outbox: disk.outbox(codec) }, new FakeClock(), false)
    const taken = second.delivery.operator.acknowledge(ack('a1', 'accept'))
    await settled()
    assert.deepEqual(second.emitted, [])
    await second.delivery.start()
    assert.equal(await taken, true)
    assert.deepEqual(second.emitted, ['a1 ack'])
    const third = await setUp({ outbox: disk.outbox(codec) }, new FakeClock(), false)
    const closed = assert.rejects(third.delivery.operator.acknowledge(ack('a2', 'accept')), {
      code: 'ERR_QUEUE_CLOSED'
    })
    await third.delivery.close(0)
    await closed
  })
})

describe('awaiting, on a slow disk', () => {
  it('has a new clock if the node is resumed while it is stored that it waits again', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { failureTimeoutMs: 60_000, applicationAckMs: 600_000 }
    const setup = await setUp({ outbox: disk.outbox(codec), ...options })
    const { add, clock, delivery, emitted, flights, reply } = setup
    await add('a1')
    await clock.advance(60_000)
    await reply('await')
    disk.immediate = false
    const taken = delivery.operator.acknowledge(ack('a1', 'disable'))
    await settled()
    disk.step(1)
    await settled()
    assert.equal(delivery.state().state, 'paused')
    const resumed = delivery.resume()
    disk.immediate = true
    disk.step()
    await settled()
    await Promise.all([taken, resumed])
    assert.deepEqual(
      flights.map(({ content }) => content),
      ['a1']
    )
    await reply('retry')
    assert.deepEqual([delivery.state().retry?.attempts, emitted], [2, []])
  })
})

describe('awaiting over a restart', () => {
  it('is sent again after all its time if its application asked for that', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { applicationAckMs: 60_000 }
    const first = await setUp({ outbox: disk.outbox(codec), ...options })
    await first.add('a1')
    await first.reply('await')
    assert.equal(await acknowledge(first.delivery, 'a1', 'retry'), true)
    const clock = new FakeClock()
    const second = await setUp({ outbox: disk.outbox(codec), ...options }, clock)
    assert.equal(second.delivery.state().awaiting, 1)
    await clock.advance(60_000)
    assert.deepEqual(
      second.flights.map(({ content }) => content),
      ['a1']
    )
  })

  it('leaves with both acknowledgements if its application accepts it before that', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec) })
    await first.add('a1')
    await first.reply('await')
    await acknowledge(first.delivery, 'a1', 'retry')
    const settlements: Settlement[] = []
    const second = await setUp({
      outbox: disk.outbox(codec),
      emit: (_entry, _content, settlement) => settlements.push(settlement)
    })
    assert.equal(await acknowledge(second.delivery, 'a1'), true)
    const [settlement] = settlements
    assert.deepEqual([settlement?.acceptAck?.code, settlement?.reply?.ack?.code], ['CA', 'AA'])
  })

  it('leaves no timer behind if its application asks for it while the node closes', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, clock, delivery, reply } = await setUp({ outbox: disk.outbox(codec) })
    await add('a1')
    await reply('await')
    disk.immediate = false
    const taken = delivery.operator.acknowledge(ack('a1', 'retry'))
    await settled()
    const closed = delivery.close(0)
    await clock.advance(0)
    disk.immediate = true
    disk.step()
    await closed
    assert.equal(await taken, true)
    assert.equal(clock.timers, 0)
  })

  for (const [what, uptimeMs, left] of [
    ['what is left of its time', 55_000, 10_000],
    ['all its time if a crash kept the uptime from being stored', 0, 60_000]
  ] as const) {
    it(`goes on, with ${what}; what comes settles it`, async () => {
      const disk = new FakeDisk({ immediate: true })
      const options = { applicationAckMs: 60_000 }
      const first = await setUp({ outbox: disk.outbox(codec), ...options })
      await first.clock.advance(5000)
      await first.add('a1', 'a2')
      await first.reply('await')
      await first.reply('await')
      await first.clock.advance(50_000)
      disk.uptimeMs = uptimeMs
      const clock = new FakeClock()
      const second = await setUp({ outbox: disk.outbox(codec), ...options }, clock)
      assert.deepEqual(second.flights, [])
      assert.equal(second.delivery.state().awaiting, 2)
      await clock.advance(left - 1)
      assert.equal(second.delivery.state().awaiting, 2)
      assert.equal(await acknowledge(second.delivery, 'a2'), true)
      await clock.advance(1)
      assert.deepEqual(second.emitted, ['a2 ack'])
      assert.equal(second.delivery.state().suspended, 1)
    })
  }

  it('ends at once if its time was up before, or is shorter now', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUp({ outbox: disk.outbox(codec), applicationAckMs: 60_000 })
    await first.add('a1')
    await first.reply('await')
    disk.uptimeMs = 20_000
    const clock = new FakeClock()
    const second = await setUp({ outbox: disk.outbox(codec), applicationAckMs: 20_000 }, clock)
    await clock.advance(0)
    assert.equal(second.delivery.state().suspended, 1)
  })

  it('has all its time if its file does not say since when it awaits', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { applicationAckMs: 60_000 }
    const first = await setUp({ outbox: disk.outbox(codec), ...options })
    await first.add('a1')
    await first.reply('await')
    disk.uptimeMs = 50_000
    for (const { facts } of disk.rows.values()) delete facts.verdict?.awaitsFrom
    const clock = new FakeClock()
    const second = await setUp({ outbox: disk.outbox(codec), ...options }, clock)
    await clock.advance(59_999)
    assert.equal(second.delivery.state().awaiting, 1)
    await clock.advance(1)
    assert.equal(second.delivery.state().suspended, 1)
  })
})
