import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { knownState } from '../../src/queue/message-row.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { CACHE_BYTES, FakeDisk } from './fake-disk.ts'
import { abortedResult, resultOf } from './replies.ts'
import {
  acceptFirst,
  codec,
  sentBy,
  setUp,
  setUpOn,
  type Setup,
  type SetUpOptions
} from './set-up.ts'

const states = async (delivery: Delivery<string>): Promise<string[]> => {
  const { messages } = await (await delivery.reader()).find({ limit: 100 })
  return messages.map((row) => `${row.controlId} ${knownState(row)}`).reverse()
}

/** What was told of operators, in short. */
function listener(): { told: string[]; onEvent: (event: DeliveryEvent) => void } {
  const told: string[] = []
  const onEvent = (event: DeliveryEvent): void => {
    if (event.kind === 'set-aside' || event.kind === 'discarded') {
      told.push(`${event.count} ${event.kind} by ${event.by}`)
    }
  }
  return { told, onEvent }
}

for (const durable of [false, true]) {
  describe(`an operator and what waits (${durable ? 'disk' : 'memory'})`, () => {
    const start = (options: SetUpOptions = {}): Promise<Setup> =>
      durable ? setUpOn(new FakeDisk({ immediate: true }), options) : setUp(options)

    it('sets aside the one that holds up the others: they go on, and it comes back to its place', async () => {
      const { told, onEvent } = listener()
      const setup = await start({ onEvent })
      const { add, clock, delivery, emitted, reply } = setup
      await add('a1', 'b2', 'c3')
      await reply('retry')
      assert.deepEqual(sentBy(setup), [])
      assert.deepEqual(await (await delivery.operator()).suspend({ ids: [1] }, 'anna'), {
        found: 1,
        inFlight: 0
      })
      assert.deepEqual(sentBy(setup), ['b2'])
      assert.deepEqual(await states(delivery), ['a1 suspended', 'b2 sending', 'c3 waiting'])
      const { messages } = await (await delivery.reader()).find({ controlId: 'a1', limit: 1 })
      const [row] = messages
      assert.deepEqual(
        [row?.verdict.errorCode, row?.verdict.status, row?.attempts],
        ['ERR_SET_ASIDE', 500, 1]
      )
      assert.deepEqual(
        row?.story.map((record) =>
          'act' in record ? `${record.act} ${record.by}` : record.result
        ),
        ['500', 'set-aside anna']
      )
      assert.deepEqual(told, ['1 set-aside by anna'])
      await (await delivery.operator()).resend({}, 'anna')
      await reply('accept')
      // By its acceptance, it goes before the third.
      assert.deepEqual(sentBy(setup), ['a1'])
      await reply('accept')
      await reply('accept')
      assert.deepEqual(emitted, ['b2 ack', 'a1 ack', 'c3 ack'])
      await clock.advance(3_600_000)
      assert.deepEqual(emitted.length, 3)
      assert.equal(clock.timers, 0)
    })

    it('sets aside what it chooses: by number, control ID, type, and whether it was tried', async () => {
      const setup = await start({ order: 'none', maxInFlight: 1 })
      await acceptFirst(setup)
      const { add, delivery, reply } = setup
      await add('a1', 'b2', 'c3', 'd4', 'e5')
      await reply('retry')
      await reply('suspend')
      assert.deepEqual(await states(delivery), [
        ...['w0 acked', 'a1 retrying', 'b2 suspended', 'c3 sending', 'd4 waiting', 'e5 waiting']
      ])
      for (const none of [{ ids: [1, 3, 99] }, { controlId: 'b2' }, { type: 'ORU^R01' }]) {
        assert.deepEqual(await (await delivery.operator()).suspend(none, 'x'), {
          found: 0,
          inFlight: 0
        })
      }
      assert.deepEqual(await (await delivery.operator()).suspend({ isRetrying: true }, 'x'), {
        found: 1,
        inFlight: 0
      })
      assert.deepEqual(await (await delivery.operator()).suspend({ controlId: 'e5' }, 'x'), {
        found: 1,
        inFlight: 0
      })
      assert.deepEqual(await (await delivery.operator()).suspend({ isRetrying: true }, 'x'), {
        found: 0,
        inFlight: 0
      })
      assert.deepEqual(await (await delivery.operator()).suspend({ type: 'ADT^A01' }, 'x'), {
        found: 2,
        inFlight: 1
      })
      await reply('retry')
      assert.deepEqual((await states(delivery)).slice(1), [
        ...['a1 suspended', 'b2 suspended', 'c3 suspended', 'd4 suspended', 'e5 suspended']
      ])
    })

    it('discards what waits, is retried, or is on its way without an answer', async () => {
      const { told, onEvent } = listener()
      const setup = await start({ order: 'none', maxInFlight: 1, onEvent })
      await acceptFirst(setup)
      const { add, clock, delivery, emitted, reply } = setup
      emitted.length = 0
      await add('a1', 'b2', 'c3')
      await reply('retry')
      assert.deepEqual(await (await delivery.operator()).discardWaiting({ ids: [2, 3, 4] }, 'x'), {
        ...{ found: 3, inFlight: 1 }
      })
      assert.deepEqual(emitted, ['a1 HL7_DISCARDED', 'c3 HL7_DISCARDED'])
      await reply('retry')
      assert.deepEqual(emitted.slice(2), ['b2 HL7_DISCARDED'])
      assert.deepEqual(told, ['2 discarded by x', '1 discarded by x'])
      assert.equal(delivery.held, 0)
      await clock.advance(3_600_000)
      assert.equal(clock.timers, 0)
    })

    it('sets aside a thousand, and sends nothing of them', async () => {
      const setup = await start({ order: 'none', maxInFlight: 1 })
      await acceptFirst(setup)
      const { delivery, flights } = setup
      const accept = (id: string): Promise<boolean> =>
        delivery.accept({ controlId: id, type: 'ADT^A01', content: id })
      await accept('busy')
      await Promise.all(Array.from({ length: 1000 }, (_, index) => accept(`m${index}`)))
      assert.deepEqual(await (await delivery.operator()).suspend({}, 'x'), {
        found: 1001,
        inFlight: 1
      })
      await accept('late')
      assert.deepEqual(
        [delivery.state().suspended, delivery.state().queued, flights.length],
        [1000, 1, 1]
      )
    })
  })
}

describe('an operator and what waits', () => {
  it('has one discarded that was on its way at the close: it leaves at the next start, and is not sent', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { told, onEvent } = listener()
    const { add, clock, delivery, emitted, flights } = await setUpOn(disk, { onEvent })
    await add('a1', 'b2')
    await (await delivery.operator()).discardWaiting({ ids: [1] }, 'x')
    const closed = delivery.close(1000)
    await clock.advance(1000)
    flights[0]?.end(abortedResult())
    await closed
    assert.deepEqual([emitted, told], [[], ['1 discarded by x']])
    const again = await setUpOn(disk)
    assert.deepEqual([again.emitted, sentBy(again)], [['a1 HL7_DISCARDED'], ['b2']])
  })

  it('has it done to one that cannot be read now, as soon as it can', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await setUpOn(disk, { sizeOf: () => CACHE_BYTES })
    const { clock, delivery, emitted } = setup
    const operator = await delivery.operator()
    disk.immediate = false
    const accepted = ['a1', 'b2'].map((id) =>
      delivery.accept({ controlId: id, type: 'ADT^A01', content: id })
    )
    await settled()
    const discarded = operator.discardWaiting({ ids: [1] }, 'x')
    await settled()
    // It was handed out without its content, which was in memory then.
    while (disk.pending > 1) disk.step(1)
    await settled()
    disk.step(1)
    assert.deepEqual(await discarded, { found: 1, inFlight: 1 })
    disk.failReads = true
    disk.step()
    await settled()
    disk.failReads = false
    disk.immediate = true
    await clock.advance(60_000)
    await Promise.all(accepted)
    assert.deepEqual([emitted, sentBy(setup)], [['a1 HL7_DISCARDED'], ['b2']])
  })

  it('has it done to one of which it is just being stored that it waits for another attempt', async () => {
    const disk = new FakeDisk({ immediate: true })
    const setup = await setUpOn(disk)
    const { add, clock, delivery, emitted, flights } = setup
    await add('a1')
    const operator = await delivery.operator()
    disk.immediate = false
    const discarded = operator.discardWaiting({ ids: [1] }, 'x')
    flights.shift()?.end(resultOf('retry'))
    await settled()
    disk.step()
    assert.deepEqual(await discarded, { found: 1, inFlight: 1 })
    disk.immediate = true
    disk.step()
    await clock.advance(60_000)
    assert.deepEqual([emitted, sentBy(setup)], [['a1 HL7_DISCARDED'], []])
  })

  for (const act of ['resend', 'edit'] as const) {
    it(`came too late for one that was suspended by its answer, also after a ${act}`, async () => {
      const clock = new FakeClock()
      const queue = new FakeDisk({ immediate: true }).queue(codec, { order: 'fifo', clock })
      // What was handed out is told when that is safe: the answer to a later call may come before.
      const told = Promise.withResolvers<undefined>()
      const call = queue.call.bind(queue)
      queue.call = (async (method: never, ...args: never) => {
        const value: unknown = await call(method, ...args)
        if (method === 'claimWaiting') await told.promise
        return value
      }) as typeof call
      const setup = await setUp({ queue }, clock)
      const { add, delivery, emitted, reply } = setup
      await add('a1')
      const operator = await delivery.operator()
      const discarded = operator.discardWaiting({ ids: [1] }, 'anna')
      await settled()
      await reply('suspend')
      told.resolve(undefined)
      await discarded
      if (act === 'resend') assert.equal(await operator.resend({ ids: [1] }, 'bert'), 1)
      else {
        const edited = { controlId: 'a1', type: 'ADT^A01', content: 'a1 edited' }
        const done = await operator.edit({ seq: 1, isSuspended: true }, edited, { by: 'bert' })
        assert.equal(done.kind, 'edited')
      }
      await settled()
      await reply('accept')
      assert.deepEqual(emitted, [act === 'resend' ? 'a1 ack' : 'a1 edited ack'])
    })
  }

  it('finds what was set aside after a restart, also what was on its way at the close', async () => {
    const disk = new FakeDisk({ immediate: true })
    const { told, onEvent } = listener()
    const { add, clock, delivery, flights } = await setUpOn(disk, { onEvent })
    await add('a1', 'b2', 'c3')
    await (await delivery.operator()).suspend({ ids: [1, 2] }, 'x')
    const closed = delivery.close(1000)
    await clock.advance(1000)
    flights[0]?.end(abortedResult())
    await closed
    assert.deepEqual(told, ['1 set-aside by x', '1 set-aside by x'])
    const again = await setUpOn(disk)
    assert.deepEqual(await states(again.delivery), ['a1 suspended', 'b2 suspended', 'c3 sending'])
  })
})
