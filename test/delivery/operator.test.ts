import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import type { Tried } from '../../src/delivery/trial.ts'
import type { SuspendedChoice } from '../../src/queue/queue-types.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { resultOf } from './replies.ts'
import { acceptFirst, sentBy, setUp, setUpOn, type Setup, type SetUpOptions } from './set-up.ts'

const quickDisk = (): FakeDisk => new FakeDisk({ immediate: true })

/** Sets up a delivery whose messages are suspended. */
async function setUpSuspended(ids: readonly string[], options: SetUpOptions = {}): Promise<Setup> {
  const setup = await setUp(options)
  await suspend(setup, ids)
  return setup
}

async function suspend({ add, reply }: Setup, ids: readonly string[]): Promise<void> {
  await add(...ids)
  for (let i = 0; i < ids.length; i++) await reply('suspend')
}

it('a search for which nobody waits asks the queue nothing', async () => {
  const disk = quickDisk()
  const { delivery } = await setUpOn(disk)
  const reader = await delivery.reader()
  const calls: string[] = []
  disk.onCall = (method) => calls.push(method)
  await reader.find({ limit: 5 }, AbortSignal.abort())
  await reader.count({}, AbortSignal.abort())
  assert.deepEqual(calls, [])
})

for (const durable of [false, true]) {
  describe(`find (${durable ? 'disk' : 'memory'})`, () => {
    const start = (options: SetUpOptions = {}): Promise<Setup> =>
      durable ? setUpOn(quickDisk(), options) : setUp(options)

    it('has what the receiver answered last, in codes, from the first attempt on', async () => {
      const { add, delivery, reply } = await start({ order: 'none' })
      await add('a1', 'b2', 'c3')
      await reply('nak')
      await reply('unreachable')
      const { messages } = await (await delivery.reader()).find({ limit: 10 })
      assert.deepEqual(
        messages.map(({ attempts, verdict }) => [
          attempts,
          verdict.outcome,
          verdict.ackCode,
          verdict.status,
          verdict.rule,
          verdict.cause
        ]),
        [
          [0, '', '', 0, '', ''],
          [1, '', '', 0, 'rule unreachable', 'ECONNREFUSED'],
          [1, 'nak', 'AR', 200, 'rule nak', '']
        ]
      )
    })

    it('has when each attempt began, how long it took and what came of it', async () => {
      const { add, clock, delivery, reply } = await start()
      await add('a1')
      const from = clock.now()
      for (const kind of ['unreachable', 'retry', 'nak'] as const) {
        await reply(kind)
        await clock.advance(20_000)
      }
      const { messages } = await (await delivery.reader()).find({ limit: 1 })
      assert.deepEqual(messages[0]?.story, [
        { at: from, ms: 1, result: 'ECONNREFUSED' },
        { at: from + 5000, ms: 1, result: '500' },
        { at: from + 30_000, ms: 1, result: 'AR' }
      ])
    })

    it('forgets why a message was suspended when it is sent again, but for its story', async () => {
      const { add, clock, delivery, reply } = await start()
      await add('a1')
      await reply('suspend')
      await (await delivery.operator()).resend({}, 'night')
      const { messages } = await (await delivery.reader()).find({ limit: 1 })
      assert.deepEqual([messages[0]?.attempts, messages[0]?.verdict.rule], [1, ''])
      const at = clock.now()
      assert.deepEqual(messages[0]?.story, [
        { at, ms: 1, result: '500' },
        { at, act: 'suspended', by: 'rule', rule: 'rule suspend' },
        { at, act: 'resent', by: 'night' }
      ])
    })
  })
}

describe('a resend', () => {
  it('keeps the order of any number of messages, whatever happens meanwhile', async () => {
    const ids = Array.from({ length: 1200 }, (_, index) => `a${index}`)
    const { reply, delivery, flights, emitted } = await setUpSuspended(ids)
    // The first is suspended last.
    await (await delivery.operator()).resend({ controlId: 'a0' })
    await settled()
    await reply('suspend')
    const all = delivery.operator().then((operator) => operator.resend({}))
    // A resume starts whatever may start, even halfway through the resend.
    for (let turn = 0; turn < 5; turn++) {
      await new Promise(setImmediate)
      await delivery.resume()
    }
    assert.equal(await all, ids.length)
    while (flights.length > 0) await reply('accept')
    assert.deepEqual(
      emitted,
      ids.map((id) => `${id} ack`)
    )
  })

  it('says how many are sent again, if it fails with others', async () => {
    const disk = quickDisk()
    const told: string[] = []
    const setup = await setUpOn(disk, {
      onEvent: (event) => {
        if (event.kind === 'resent') told.push(`${event.count} ${event.by}`)
      }
    })
    const { delivery } = setup
    await suspend(
      setup,
      Array.from({ length: 200 }, (_, index) => `a${index}`)
    )
    disk.onCall = (method) => {
      if (method === 'resend') disk.failWrites = true
    }
    await assert.rejects(
      delivery.operator().then((operator) => operator.resend({}, 'bert')),
      { code: 'EIO' }
    )
    assert.deepEqual(told, ['100 bert'])
    assert.equal(delivery.state().suspended, 100)
  })
})

describe('a discard', () => {
  it('hands on nothing before the nodes behind the outputs exist', async () => {
    const disk = quickDisk()
    await suspend(await setUpOn(disk), ['a1'])
    const { delivery, emitted } = await setUpOn(disk, {}, new FakeClock(), false)
    const discarded = delivery.operator().then((operator) => operator.discard({}))
    await settled()
    assert.deepEqual(emitted, [])
    await delivery.start()
    assert.equal(await discarded, 1)
    assert.deepEqual(emitted, ['a1 HL7_DISCARDED'])
  })

  it('says how many were discarded, if it fails with others: they stay', async () => {
    const disk = quickDisk()
    const told: string[] = []
    const setup = await setUpOn(disk, {
      onEvent: (event) => {
        if (event.kind === 'discarded') told.push(`${event.count} ${event.by}`)
      }
    })
    const { delivery, emitted } = setup
    await suspend(setup, ['a1', 'a2', 'a3', 'a4'])
    disk.onCall = (method) => {
      if (method === 'move') disk.failWrites = true
    }
    await assert.rejects(
      delivery.operator().then((operator) => operator.discard({}, 'anna')),
      { code: 'EIO' }
    )
    await settled()
    assert.deepEqual(emitted, ['a1 HL7_DISCARDED'])
    assert.deepEqual(told, ['1 anna'])
    assert.equal(delivery.state().suspended, 3)
    disk.onCall = undefined
    disk.failWrites = false
    assert.equal(await (await delivery.operator()).discard({}), 3)
  })

  it('of very many is ended by a close with a queue in memory: each leaves once', async () => {
    for (const act of ['discard', 'resend', 'discardWaiting', 'suspend'] as const) {
      const attempt = (): Promise<AttemptResult> => Promise.resolve(resultOf('suspend'))
      const setup = await setUp({ order: 'none', attempt })
      const ids = Array.from({ length: 450 }, (_, index) => `s${index}`)
      await setup.add(...ids)
      await setup.delivery.pause('x')
      const waiting = Array.from({ length: 450 }, (_, index) => `w${index}`)
      await setup.add(...waiting)
      const { delivery, emitted } = setup
      const operator = await delivery.operator()
      const done = assert.rejects(operator[act]({}, 'x'), { code: 'ERR_QUEUE_CLOSED' }, act)
      const { settled: handedOn, unsettled } = await delivery.close(0)
      await done
      assert.equal(unsettled.length + handedOn.length, 900, act)
      const left = emitted.map((line) => line.split(' ')[0] ?? '')
      assert.deepEqual(left.toSorted(), [...ids, ...waiting].toSorted(), act)
    }
  })

  it('passes on the last answer, after a restart too', async () => {
    for (const restart of [false, true]) {
      const disk = quickDisk()
      const left: Settlement[] = []
      const options: SetUpOptions = {
        emit: (_message, _content, settlement) => left.push(settlement)
      }
      let setup = await setUpOn(disk, options)
      await suspend(setup, ['a1'])
      if (restart) setup = await setUpOn(disk, options)
      await (await setup.delivery.operator()).discard({})
      const [settlement] = left
      assert.equal(settlement?.error?.code, 'HL7_DISCARDED')
      assert.equal(settlement.reply?.status, 500)
      assert.equal(settlement.rule, 'rule suspend')
    }
  })

  it('or a close passes it on, with a queue in memory', async () => {
    const left: Settlement[] = []
    const { add, reply, delivery } = await setUp({
      emit: (_message, _content, settlement) => left.push(settlement)
    })
    await add('a1', 'a2')
    await reply('suspend')
    await (await delivery.operator()).discard({})
    await reply('suspend')
    await delivery.close(0)
    assert.deepEqual(
      left.map(({ error, reply: answer }) => [error?.code, answer?.status]),
      [
        ['HL7_DISCARDED', 500],
        ['HL7_DELIVERY_FAILED', 500]
      ]
    )
  })
})

describe('a trial of a resend', () => {
  const waiting = (): AbortSignal => new AbortController().signal

  /** Resends the first of the suspended messages alone. */
  async function begin(
    { delivery }: Setup,
    choice: SuspendedChoice = {}
  ): Promise<{ found: number; result: Promise<Tried> }> {
    const { found, trial } = await (await delivery.operator()).resendFirst(choice, 'x')
    await settled()
    assert.ok(trial)
    return { found, result: trial.result(waiting()) }
  }

  /** What came of it, in a line. */
  async function told(result: Promise<Tried>): Promise<string> {
    const { first, resent } = await result
    const { ackCode, cause } = first.verdict
    return [first.controlId, first.outcome, ackCode || cause, `${resent} resent`].join(' ')
  }

  it('sends the rest only after the first has left on ACK, and says how many', async () => {
    const setup = await setUpSuspended(['a1', 'a2', 'a3'])
    const { clock, delivery, emitted, flights, reply } = setup
    const refused = await begin(setup)
    assert.equal(refused.found, 3)
    await reply('suspend')
    assert.equal(await told(refused.result), 'a1 suspended 500 1 resent')
    assert.deepEqual([delivery.state().suspended, flights.length], [3, 0])
    const { result } = await begin(setup)
    await reply('accept')
    assert.equal(await told(result), 'a1 ack AA 3 resent')
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a2 ack', 'a3 ack'])
    assert.equal(clock.timers, 0)
  })

  it('sends only what was suspended when it began', async () => {
    const setup = await setUp({ order: 'none' })
    await acceptFirst(setup)
    await suspend(setup, ['a1', 'a2'])
    const { add, clock, delivery, flights, reply } = setup
    await begin(setup)
    await clock.advance(1000)
    await add('a3')
    flights.reverse()
    await reply('suspend')
    await reply('accept')
    assert.deepEqual(sentBy(setup), ['a2'])
    assert.equal(delivery.state().suspended, 1)
  })

  for (const [end, expected] of [
    ['nak', 'a1 nak AR 1 resent'],
    ['fail', 'a1 error 500 1 resent'],
    ['suspend', 'a1 suspended 500 1 resent']
  ] as const) {
    it(`leaves the rest alone if the first ends with ${end}, and says so`, async () => {
      const setup = await setUpSuspended(['a1', 'a2'])
      const { delivery, flights, reply } = setup
      const { result } = await begin(setup)
      await reply(end)
      assert.equal(await told(result), expected)
      assert.deepEqual([delivery.state().suspended, flights.length], [end === 'suspend' ? 2 : 1, 0])
    })
  }

  it('leaves the rest alone if the first turns out to be damaged, and says so', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk)
    await suspend(setup, ['a1', 'a2'])
    disk.damageContent(1)
    const { result } = await begin(setup)
    const said = told(result)
    await settled()
    assert.equal(setup.clock.timers, 0)
    assert.equal(await said, 'a1 error  1 resent')
    assert.deepEqual([setup.delivery.state().suspended, setup.flights.length], [1, 0])
  })

  it('leaves the rest alone if the node pauses before the first has left', async () => {
    const setup = await setUpSuspended(['a1', 'a2'])
    const { delivery, flights, reply } = setup
    await begin(setup)
    await reply('disable')
    assert.deepEqual([delivery.state().suspended, flights.length], [1, 0])
  })

  it('is waited for 50 seconds, and then goes on by itself', async () => {
    const setup = await setUpSuspended(['a1', 'a2'])
    const { clock, emitted, reply } = setup
    const { result } = await begin(setup)
    let isTold = false
    void result.then(() => {
      isTold = true
    })
    await clock.advance(49_999)
    assert.equal(isTold, false)
    await clock.advance(1)
    assert.equal(isTold, true)
    assert.equal(await told(result), 'a1 open  1 resent')
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a2 ack'])
    assert.equal(clock.timers, 0)
  })

  it('is answered in that time, however long the others take to follow', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk)
    const { clock, delivery, reply } = setup
    await suspend(setup, ['a1', 'a2', 'a3'])
    const { result } = await begin(setup)
    await clock.advance(49_000)
    disk.onCall = (method) => {
      if (method === 'move') disk.immediate = false
    }
    await reply('accept')
    assert.equal(delivery.state().suspended, 2)
    await clock.advance(1000)
    assert.equal(await told(result), 'a1 ack AA 3 resent')
    disk.onCall = undefined
    disk.immediate = true
    disk.step()
    await settled()
    assert.equal(delivery.state().suspended, 0)
    assert.equal(clock.timers, 0)
  })

  it('goes on if nobody waits for it any longer', async () => {
    const { clock, delivery, emitted, reply } = await setUpSuspended(['a1', 'a2'])
    const { trial } = await (await delivery.operator()).resendFirst({}, 'x')
    await settled()
    const gone = new AbortController()
    const result = trial?.result(gone.signal)
    assert.equal(clock.timers, 1)
    gone.abort()
    assert.equal((await result)?.first.outcome, 'open')
    assert.equal(clock.timers, 0)
    await reply('accept')
    await reply('accept')
    assert.deepEqual(emitted, ['a1 ack', 'a2 ack'])
  })

  it('ends with a close: the rest stay, whatever becomes of the first', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk)
    const { clock, delivery, reply } = setup
    await suspend(setup, ['a1', 'a2'])
    const { result } = await begin(setup)
    const closed = delivery.close(10_000)
    assert.equal(await told(result), 'a1 ended  1 resent')
    await reply('accept')
    await closed
    assert.equal(clock.timers, 0)
    const again = await setUpOn(disk)
    assert.deepEqual([again.delivery.state().suspended, again.emitted], [1, ['a1 ack']])
  })

  it('ends with the next one that others follow', async () => {
    const setup = await setUpSuspended(['a1', 'a2', 'a3', 'a4', 'a5'])
    const { delivery, flights, reply } = setup
    await begin(setup)
    await reply('fail')
    assert.deepEqual([delivery.state().suspended, flights.length], [4, 0])
    const replaced = await begin(setup, { ids: [2, 4] })
    // Nothing follows a single one: it takes no other's place.
    const single = await begin(setup, { controlId: 'a5' })
    const { result } = await begin(setup, { ids: [3, 4] })
    assert.equal(await told(replaced.result), 'a2 ended  1 resent')
    for (let count = 0; count < 4; count++) await reply('accept')
    assert.equal(await told(result), 'a3 ack AA 2 resent')
    assert.equal(await told(single.result), 'a5 ack AA 1 resent')
    assert.deepEqual([delivery.state().suspended, flights.length], [0, 0])
  })

  it('leaves the rest alone if the first could not be stored', async () => {
    const disk = quickDisk()
    const setup = await setUpOn(disk)
    const { delivery, flights, reply } = setup
    await suspend(setup, ['a1', 'a2', 'a3'])
    disk.failWrites = true
    await assert.rejects(
      delivery.operator().then((operator) => operator.resendFirst({}, 'anna')),
      { code: 'EIO' }
    )
    disk.failWrites = false
    await (await delivery.operator()).resend({ controlId: 'a1' }, 'bert')
    await settled()
    await reply('accept')
    assert.deepEqual([flights.length, delivery.state().suspended], [0, 2])
  })

  it('fails if the rest cannot be stored', async () => {
    const disk = quickDisk()
    const told: string[] = []
    const setup = await setUpOn(disk, {
      onEvent: ({ kind }) => {
        if (kind === 'queue-failed') told.push(kind)
      }
    })
    await suspend(setup, ['a1', 'a2'])
    const { result } = await begin(setup)
    disk.onCall = (method) => {
      if (method === 'move') disk.failWrites = true
    }
    const failed = assert.rejects(result, { code: 'EIO' })
    await setup.reply('accept')
    await failed
    assert.ok(told.length > 0)
  })

  it('finds nothing in an empty queue', async () => {
    const { delivery } = await setUp()
    assert.deepEqual(await (await delivery.operator()).resendFirst({}, 'x'), { found: 0 })
  })
})
