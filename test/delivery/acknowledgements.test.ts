import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ACK_TIMEOUT, type ApplicationAck } from '../../src/delivery/acknowledgements.ts'
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

    it('leaves with both acknowledgements', async () => {
      const settlements: Settlement[] = []
      const { add, delivery, reply } = await start({
        emit: (_message, _content, settlement) => settlements.push(settlement)
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

    it('leaves with both also if the other comes after the time', async () => {
      const settlements: Settlement[] = []
      const { add, clock, delivery, reply } = await start({
        emit: (_message, _content, settlement) => settlements.push(settlement),
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
        delivery.acknowledge(ack('a1', 'accept')),
        delivery.acknowledge(ack('a1', 'nak'))
      ]
      assert.deepEqual(await Promise.all(twice), [true, false])
      await settled()
      assert.deepEqual(emitted, ['a1 ack'])
      assert.equal(await acknowledge(delivery, 'a1'), false)
    })

    it('goes to the oldest also if that was sent later', async () => {
      const settlements: number[] = []
      const emit = ({ seq }: SettledMessage): unknown => settlements.push(seq)
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

    it('is for nobody if the attempt ends otherwise', async () => {
      for (const kind of ['accept', 'nak', 'retry', 'suspend'] as const) {
        const { add, clock, delivery, flights, reply } = await start()
        await add('a1')
        const early = delivery.acknowledge(ack('a1', 'accept'))
        await reply(kind)
        assert.equal(await early, false, kind)
        await clock.advance(5000)
        if (flights.length === 0) continue
        const afterRetry = delivery.acknowledge(ack('a1', 'accept'))
        await reply('await')
        assert.equal(await afterRetry, true, 'after a retry')
      }
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

    it('times out at its own time, whatever else is awaited', async () => {
      const { add, clock, delivery, reply } = await start({
        applicationAckMs: 1000,
        order: 'none'
      })
      const waits = (): number[] => [delivery.state().awaiting, delivery.state().suspended]
      await add('a1', 'a2', 'a3', 'a4')
      await reply('await')
      await acknowledge(delivery, 'a1', 'retry')
      for (let one = 0; one < 3; one++) {
        await reply('await')
        await clock.advance(300)
      }
      assert.equal(clock.timers, 3, 'for all that await, all that are retried, and their deadlines')
      await clock.advance(99)
      assert.deepEqual(waits(), [3, 0])
      await clock.advance(1)
      assert.deepEqual(waits(), [2, 1])
      await clock.advance(299)
      assert.deepEqual(waits(), [2, 1])
      await clock.advance(1)
      assert.deepEqual(waits(), [1, 2])
      await clock.advance(300)
      assert.deepEqual(waits(), [0, 3])
      await clock.advance(3399)
      assert.deepEqual([delivery.state().inFlight, delivery.state().retrying], [0, 1])
      await clock.advance(1)
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
      const { messages } = await (await delivery.reader()).find({ limit: 1 })
      assert.deepEqual(
        [messages[0]?.state, messages[0]?.verdict.cause],
        ['suspended', 'ERR_ACK_TIMEOUT']
      )
      assert.equal(await acknowledge(delivery, 'a1'), true)
      assert.deepEqual(emitted, ['a1 ack'])
    })

    it('is sent again after the wait, until the failure timeout, if its rule is R', async () => {
      const { add, clock, delivery, emitted, flights, reply } = await start({
        failureTimeoutMs: 12_000,
        retry: { intervalMs: 5000, maxIntervalMs: 5000 }
      })
      await add('a1')
      for (let round = 0; round < 2; round++) {
        await reply('await')
        assert.equal(await acknowledge(delivery, 'a1', 'retry'), true)
        assert.equal(await acknowledge(delivery, 'a1'), false, 'it is no longer awaited')
        const { awaiting, retry, state } = delivery.state()
        assert.deepEqual([awaiting, state, retry?.waitMs], [0, 'retrying', 5000])
        assert.equal(flights.length, 0)
        await clock.advance(5000)
        assert.equal(flights.length, 1)
      }
      await reply('await')
      await acknowledge(delivery, 'a1', 'retry')
      await clock.advance(1999)
      assert.deepEqual(emitted, [])
      await clock.advance(1)
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'])
      assert.equal(flights.length, 0, 'without another attempt')
    })

    it('does not count towards the failure timeout', async () => {
      const { add, clock, delivery, emitted, reply } = await start({
        failureTimeoutMs: 12_000,
        retry: { intervalMs: 5000, maxIntervalMs: 5000 }
      })
      await add('a1')
      await reply('await')
      await clock.advance(20_000)
      await acknowledge(delivery, 'a1', 'retry')
      await clock.advance(5000)
      await reply('accept')
      assert.deepEqual(emitted, ['a1 ack'])
    })

    it('is not sent again for ever since the node was resumed', async () => {
      const { add, clock, delivery, emitted, reply } = await start({
        failureTimeoutMs: 12_000,
        retry: { intervalMs: 5000, maxIntervalMs: 5000 }
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

    it('times out as well if an early one asks for more time', async () => {
      const { add, clock, delivery, reply } = await start({ applicationAckMs: 60_000 })
      await add('a1')
      const early = delivery.acknowledge(ack('a1', 'await'))
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
      await clock.advance(5000)
      assert.deepEqual(
        flights.map(({ content }) => content),
        ['a2']
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
      const operator = await delivery.operator()
      const [discarded, taken] = await Promise.all([
        operator.discard({}),
        delivery.acknowledge({ controlIds: ['a1'], judge })
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
      const early = assert.rejects(delivery.acknowledge(ack('a2', 'accept')), {
        code: 'ERR_QUEUE_CLOSED'
      })
      await settled()
      const closed = delivery.close(0)
      await clock.advance(0)
      await reply('accept')
      await closed
      await early
      assert.equal(clock.timers, 0)
      assert.deepEqual(emitted.includes('a1 HL7_DELIVERY_FAILED'), !durable)
    })
  })
}

describe('awaiting with a disk that takes time', () => {
  it('finds its message while it is being stored as awaiting', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, delivery, emitted, reply } = await setUpOn(disk)
    await add('a1')
    disk.immediate = false
    await reply('await')
    const taken = delivery.acknowledge(ack('a1', 'accept'))
    const second = delivery.acknowledge(ack('a1', 'accept'))
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
    const options = { applicationAckMs: 1000 }
    const { add, clock, delivery, emitted, reply } = await setUpOn(disk, options)
    await add('a1')
    await reply('await')
    disk.immediate = false
    await clock.advance(1000)
    const taken = delivery.acknowledge(ack('a1', 'accept'))
    disk.immediate = true
    disk.step()
    assert.equal(await taken, true)
    await settled()
    assert.deepEqual(emitted, ['a1 ack'])
  })

  it('keeps operators away from its message until what a late one says is stored', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { applicationAckMs: 1000 }
    const setup = await setUpOn(disk, options)
    const { add, clock, delivery, emitted, reply } = setup
    await add('a1')
    await reply('await')
    await clock.advance(1000)
    disk.immediate = false
    const taken = delivery.acknowledge(ack('a1', 'suspend'))
    await settled()
    const discarded = delivery.operator().then((operator) => operator.discard({}))
    await settled()
    const resent = delivery.operator().then((operator) => operator.resend({}))
    await settled()
    disk.step(3)
    assert.deepEqual([await discarded, await resent], [0, 0])
    assert.equal(disk.rows[0]?.verdict.cause, ACK_TIMEOUT, 'no rule has suspended it yet')
    disk.immediate = true
    disk.step()
    assert.equal(await taken, true)
    assert.deepEqual([delivery.state().suspended, delivery.state().queued], [1, 0])
    assert.equal(await (await delivery.operator()).resend({}), 1)
    await settled()
    assert.deepEqual(sentBy(setup), ['a1'])
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack'])
    assert.equal(delivery.held, 0)
  })

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

  it('is judged alone if another one and the end of the time come meanwhile', async () => {
    for (const kind of ['await', 'await-fail', 'await-retry'] as const) {
      const disk = new FakeDisk({ immediate: true })
      const options = { applicationAckMs: 1000 }
      const { add, clock, delivery, emitted, flights, reply } = await setUpOn(disk, options)
      await add('a1')
      await reply(kind)
      disk.immediate = false
      const first = delivery.acknowledge(ack('a1', 'await'))
      const second = delivery.acknowledge(ack('a1', 'nak'))
      await settled()
      await clock.advance(1000)
      disk.immediate = true
      disk.step()
      assert.deepEqual(await Promise.all([first, second]), [true, true], kind)
      await settled()
      assert.deepEqual(emitted, ['a1 nak'], kind)
      assert.deepEqual([flights.length, delivery.held], [0, 0], kind)
    }
  })

  for (const [what, kind] of [
    ['asks for more time', 'await'],
    ['cannot be stored', 'accept']
  ] as const) {
    it(`does not keep its message for ever if the time is up while it ${what}`, async () => {
      const disk = new FakeDisk({ immediate: true })
      const setup = await setUpOn(disk, { applicationAckMs: 1000 })
      const { add, clock, delivery, reply } = setup
      await add('a1')
      await reply('await')
      disk.immediate = false
      const answered = delivery.acknowledge(ack('a1', kind)).catch(() => undefined)
      await settled()
      // It is handed out, but that is not known yet.
      disk.step()
      clock.pass(1000)
      await clock.advance(0)
      disk.failWrites = kind === 'accept'
      disk.step()
      await answered
      disk.failWrites = false
      disk.immediate = true
      disk.step()
      await clock.advance(30_000)
      assert.equal(delivery.state().suspended, 1)
    })
  }

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

  it('reads it again after a while if its time is up and it cannot be read', async () => {
    const disk = new FakeDisk({ immediate: true })
    const options = { applicationAckMs: 1000 }
    const { add, clock, delivery, reply } = await setUpOn(disk, options)
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

  for (const kind of ['accept', 'nak', 'suspend', 'retry', 'disable'] as const) {
    it(`is refused if what follows (${kind}) cannot be stored, and its message awaits another`, async () => {
      const disk = new FakeDisk({ immediate: true })
      const options = { applicationAckMs: 600_000 }
      const { add, clock, delivery, emitted, reply } = await setUpOn(disk, options)
      await add('a1')
      await reply('await-fail')
      await clock.advance(1)
      disk.failWrites = true
      await assert.rejects(acknowledge(delivery, 'a1', kind), {
        code: 'EIO',
        message: 'The disk is out of order.'
      })
      disk.failWrites = false
      const { awaiting, retrying, suspended } = delivery.state()
      assert.deepEqual([emitted, awaiting, retrying, suspended], [[], 1, 0, 0])
      await clock.advance(599_998)
      assert.deepEqual(emitted, [])
      await clock.advance(1)
      assert.deepEqual(emitted, ['a1 HL7_DELIVERY_FAILED'], 'its time was not changed')
    })
  }

  it('is sent again after its time although it could not be stored once that it waits', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await setUpOn(disk, { applicationAckMs: 600_000, failureTimeoutMs: 60_000 })
    const { add, clock, delivery, reply } = setup
    await add('a1')
    await reply('await-retry')
    disk.failWrites = true
    await assert.rejects(acknowledge(delivery, 'a1', 'retry'), { code: 'EIO' })
    disk.failWrites = false
    await clock.advance(600_000)
    assert.deepEqual(sentBy(setup), ['a1'])
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

describe('awaiting before the start', () => {
  it('hands on nothing before the nodes behind the outputs exist', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUpOn(disk)
    await first.add('a1', 'a2')
    await first.reply('await')
    await first.reply('await')
    const second = await setUpOn(disk, {}, new FakeClock(), false)
    const taken = second.delivery.acknowledge(ack('a1', 'accept'))
    await settled()
    assert.deepEqual(second.emitted, [])
    await second.delivery.start()
    assert.equal(await taken, true)
    assert.deepEqual(second.emitted, ['a1 ack'])
    const third = await setUpOn(disk, {}, new FakeClock(), false)
    const closed = assert.rejects(third.delivery.acknowledge(ack('a2', 'accept')), {
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
    const setup = await setUpOn(disk, options)
    const { add, clock, delivery, emitted, flights, reply } = setup
    await add('a1')
    await clock.advance(60_000)
    await reply('await')
    disk.immediate = false
    const taken = delivery.acknowledge(ack('a1', 'disable'))
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

  it('has a new clock if the node is resumed while it is asked for', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, clock, delivery, emitted, reply } = await setUpOn(disk, {
      failureTimeoutMs: 60_000
    })
    await add('a1')
    await clock.advance(60_000)
    await reply('await')
    await delivery.pause()
    disk.immediate = false
    const taken = delivery.acknowledge(ack('a1', 'retry'))
    await settled()
    const resumed = delivery.resume()
    await settled()
    assert.equal(disk.pending, 2)
    disk.step()
    await settled()
    disk.immediate = true
    disk.step()
    await Promise.all([taken, resumed])
    await settled()
    assert.deepEqual([delivery.state().retrying, emitted], [1, []])
  })
})

describe('awaiting over a restart', () => {
  it('is sent again if its application asked for that; that it failed is remembered', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUpOn(disk)
    await first.add('a1', 'a2')
    await first.reply('await')
    assert.equal(await acknowledge(first.delivery, 'a1', 'retry'), true)
    await first.reply('accept')
    assert.deepEqual(sentBy(first), [], 'it holds up its lane')
    const second = await setUpOn(disk)
    assert.deepEqual([sentBy(second), second.delivery.state().awaiting], [['a1'], 0])
    await second.reply('retry')
    assert.equal(second.delivery.state().retry?.waitMs, 10_000)
  })

  it('leaves no timer behind if its application asks for it while the node closes', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { add, clock, delivery, reply } = await setUpOn(disk)
    await add('a1')
    await reply('await')
    disk.immediate = false
    const taken = delivery.acknowledge(ack('a1', 'retry'))
    await settled()
    const closed = delivery.close(0)
    await clock.advance(0)
    disk.immediate = true
    disk.step()
    await closed
    assert.equal(await taken, true)
    assert.equal(clock.timers, 0)
  })

  for (const [what, isClosed, leftMs] of [
    ['what is left of its time', true, 10_000],
    ['all its time if a crash kept the uptime from being stored', false, 60_000]
  ] as const) {
    it(`goes on, with ${what}; what comes settles it`, async () => {
      const disk = new FakeDisk({ immediate: true })
      const options = { applicationAckMs: 60_000 }
      const first = await setUpOn(disk, options)
      await first.clock.advance(5000)
      await first.add('a1', 'a2')
      await first.reply('await')
      await first.reply('await')
      await first.clock.advance(50_000)
      if (isClosed) await first.delivery.close(0)
      const clock = new FakeClock()
      const second = await setUpOn(disk, options, clock)
      assert.deepEqual(second.flights, [])
      assert.equal(second.delivery.state().awaiting, 2)
      await clock.advance(leftMs - 1)
      assert.equal(second.delivery.state().awaiting, 2)
      assert.equal(await acknowledge(second.delivery, 'a2'), true)
      await clock.advance(1)
      assert.deepEqual(second.emitted, ['a2 ack'])
      assert.equal(second.delivery.state().suspended, 1)
    })
  }

  it('ends at once if its time was up before', async () => {
    const disk = new FakeDisk({ immediate: true })
    const first = await setUpOn(disk, { applicationAckMs: 60_000 })
    await first.add('a1')
    await first.reply('await')
    disk.failWrites = true
    await first.clock.advance(60_000)
    disk.failWrites = false
    await first.delivery.close(0)
    const second = await setUpOn(disk)
    assert.equal(second.delivery.state().suspended, 1)
  })
})
