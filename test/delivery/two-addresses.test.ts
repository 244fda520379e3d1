/** What a delivery with a backup does in cases of which no random walk can be sure. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { abortedResult, resultOf, type ReplyKind } from './replies.ts'
import { setUpOn, type OnDiskOptions, type Setup } from './set-up.ts'

const AFTER_MS = 300_000

interface Flight {
  id: string
  address: Address
  end: (result: AttemptResult) => void
}

interface Pair extends Omit<Setup, 'flights' | 'reply'> {
  disk: FakeDisk
  /** The attempts in progress: `m1 first`. */
  flying: () => string[]
  /** Ends the oldest attempt. */
  answer: (kind: ReplyKind | AttemptResult) => Promise<void>
  close: () => Promise<void>
  /** The events about turns. */
  turned: string[]
}

interface PairOptions extends OnDiskOptions {
  backupAddress?: string
  afterMs?: number
  /** What opening a connection comes to. */
  connects?: (address: Address) => boolean | Promise<boolean>
}

async function pair(
  { backupAddress = 'b', afterMs = AFTER_MS, connects = () => true, ...options }: PairOptions = {},
  disk = new FakeDisk({ immediate: true }),
  clock = new FakeClock()
): Promise<Pair> {
  const flights: Flight[] = []
  const turned: string[] = []
  const {
    flights: _none,
    reply: _reply,
    ...setup
  } = await setUpOn(
    disk,
    {
      failureTimeoutMs: Infinity,
      readFields: (id) => ({ key: id.slice(0, 1), values: [], hasOwnAddress: id.endsWith('own') }),
      backup: {
        address: backupAddress,
        hosts: { first: 'a', backup: 'b' },
        afterMs,
        connect: (address) => Promise.resolve(connects(address))
      },
      attempt: (id, signal, _watch, { address }) =>
        new Promise((resolve) => {
          flights.push({ id, address, end: resolve })
          signal.addEventListener('abort', () => {
            resolve(abortedResult())
          })
        }),
      onEvent: (event) => {
        if (event.kind === 'turned') turned.push(`${event.to} ${event.by}`.trim())
      },
      ...options
    },
    clock
  )
  return {
    ...setup,
    disk,
    turned,
    flying: () => flights.map(({ id, address }) => `${id} ${address}`),
    async close() {
      const closed = setup.delivery.close(0)
      await clock.advance(1)
      await closed
    },
    async answer(kind) {
      const flight = flights.shift()
      assert.ok(flight, 'no attempt in progress')
      flight.end(typeof kind === 'string' ? resultOf(kind) : kind)
      await settled(6)
    }
  }
}

function withStatus(status: number): AttemptResult {
  const result = resultOf('retry')
  assert.ok(result.reply)
  return { ...result, reply: { ...result.reply, status } }
}

const UNCONNECTED = resultOf('unreachable')

/** Time passes until a message is on its way. */
async function untilFlying(two: Pair, stepMs: number): Promise<void> {
  for (let steps = 0; two.flying().length === 0; steps++) {
    assert.ok(steps < 10_000, 'nothing is sent')
    await two.clock.advance(stepMs)
  }
}

/** Both messages are accepted, the second one when the first address serves again. */
async function closeAfterReturn(two: Pair): Promise<void> {
  assert.deepEqual(two.emitted, ['m1 ack', 'm2 ack'])
  assert.deepEqual(two.turned, ['backup', 'first'])
  await two.close()
}

describe('Two addresses, step by step', () => {
  /** A message is on its way for the second time when the outage has lasted long enough. */
  async function onItsWay(two: Pair, first: AttemptResult, id = 'm1'): Promise<void> {
    await two.add(id)
    await two.answer(first)
    await untilFlying(two, 1000)
    // No timer fires.
    two.clock.pass(AFTER_MS - two.clock.monotonic())
    assert.deepEqual([two.flying(), two.turned], [[`${id} first`], []])
  }

  it('the message that finds the outage long enough goes to the backup at once', async () => {
    const two = await pair()
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    assert.deepEqual([two.flying(), two.turned], [['m1 backup'], ['backup']])
    await two.close()
  })

  it('so does one that may have arrived: it is one system', async () => {
    const two = await pair()
    await onItsWay(two, withStatus(502))
    await two.answer(withStatus(502))
    assert.deepEqual([two.flying(), two.turned], [['m1 backup'], ['backup']])
    await two.close()
  })

  it('nothing goes to the address from which somebody has just turned', async () => {
    const disk = new FakeDisk({ immediate: true })
    const two = await pair({ afterMs: 0 }, disk)
    disk.immediate = false
    const added = two.add('m1')
    const turned = two.delivery.turn('backup', 'ann')
    await settled()
    // It was claimed for the first address before somebody turned; both are answered together.
    disk.step()
    disk.immediate = true
    await settled(9)
    disk.step()
    await Promise.all([added, turned])
    await settled(9)
    assert.deepEqual(two.flying(), ['m1 backup'])
    await two.answer('accept')
    await two.close()
  })

  it('nor with the message that would ask the first address, if somebody turns to the backup for good', async () => {
    const disk = new FakeDisk({ immediate: true })
    const two = await pair({}, disk)
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    await two.answer('accept')
    await two.add('m2', 'm3', 'm4')
    await two.clock.advance(61_000)
    await two.answer('accept')
    // The first address is connected meanwhile: the next message asks it.
    assert.deepEqual(two.flying(), ['m3 backup'])
    disk.immediate = false
    await two.answer('accept')
    const turned = two.delivery.turn('backup', 'ann')
    await settled()
    disk.step()
    disk.immediate = true
    await settled(9)
    disk.step()
    await turned
    await settled(9)
    assert.deepEqual(two.flying(), ['m4 backup'])
    await two.answer('accept')
    await two.close()
  })

  it('what somebody turns stays after a restart, also if an outage turns at the same moment', async () => {
    const disk = new FakeDisk({ immediate: true })
    const two = await pair({}, disk)
    await onItsWay(two, UNCONNECTED)
    disk.immediate = false
    const turned = two.delivery.turn('backup', 'ann')
    await settled()
    await two.answer(UNCONNECTED)
    assert.deepEqual(two.turned, ['backup'])
    disk.step()
    disk.immediate = true
    await settled(9)
    disk.step()
    await turned
    assert.equal(two.delivery.state().backup?.by, 'ann')
    await two.close()
    const again = await pair({}, disk)
    assert.equal(again.delivery.state().backup?.by, 'ann')
    await again.close()
  })

  it('stays where a person has turned it where nobody has to log in, over a restart, too', async () => {
    const disk = new FakeDisk({ immediate: true })
    const two = await pair({}, disk)
    await two.delivery.turn('backup', '')
    assert.equal(two.delivery.state().backup?.isByHand, true)
    await two.close()
    const again = await pair({}, disk)
    // Long enough for an outage to be over: the first address answers.
    for (const id of ['m1', 'm2', 'm3']) {
      await again.clock.advance(600_000)
      await again.add(id)
      assert.deepEqual(again.flying(), [`${id} backup`])
      await again.answer('accept')
    }
    assert.deepEqual([...two.turned, ...again.turned], ['backup'])
    await again.delivery.turn('first', '')
    assert.equal(again.delivery.state().backup, null)
    await again.close()
  })

  for (const [what, others, by] of [
    ['is forgotten with the backup', { backup: undefined }, undefined],
    ['is forgotten if the backup is another one', { backupAddress: 'c' }, undefined],
    ['stays while the backup is the same', {}, 'ann']
  ] as const) {
    it(`what somebody has turned ${what}`, async () => {
      const disk = new FakeDisk({ immediate: true })
      const before = await pair({}, disk)
      await before.delivery.turn('backup', 'ann')
      await before.close()
      const meanwhile = await pair(others, disk)
      assert.equal(meanwhile.delivery.state().backup?.by, by)
      await meanwhile.close()
      const after = await pair({}, disk)
      assert.equal(after.delivery.state().backup?.by, by)
      await after.close()
    })
  }

  it('a rule that counts counts what moves on to the other address, not what only asks there', async () => {
    const out = withStatus(503)
    const decision = { ...out.decision, outcome: 'suspend', rule: 'E=R3S', mostRetries: 3 } as const
    for (const afterMs of [1, 8000, 20_000]) {
      const two = await pair({
        ...{ afterMs, retry: { intervalMs: 5000, maxIntervalMs: 5000 } }
      })
      await two.add('m1')
      const counted: string[] = []
      while (two.delivery.state().suspended === 0) {
        await untilFlying(two, 500)
        const [flight = ''] = two.flying()
        const isAsking = two.delivery.state().backup !== null && flight === 'm1 first'
        if (!isAsking) counted.push(flight)
        await two.answer({ ...out, decision })
      }
      assert.equal(counted.length, 4, `${afterMs}: ${counted.join(', ')}`)
      await two.close()
    }
  })

  describe('a message with an address of its own', () => {
    it('waits for the first one while the others go to the backup, and goes there one by one', async () => {
      let isOut = true
      const two = await pair({
        ...{ afterMs: 0, order: 'none', maxInFlight: 2 },
        connects: (address) => address === 'backup' || !isOut
      })
      await two.delivery.turn('backup', 'ann')
      await two.add('m1own', 'm2', 'm3own')
      await two.clock.advance(3_600_000)
      assert.deepEqual(two.flying(), ['m2 backup'])
      await two.answer('accept')
      assert.deepEqual([two.flying(), two.delivery.state().backup?.waiting], [[], 2])
      isOut = false
      await untilFlying(two, 10_000)
      assert.deepEqual(two.flying(), ['m1own first'])
      await two.answer('accept')
      assert.deepEqual(two.flying(), ['m3own first'])
      await two.answer('accept')
      assert.deepEqual(two.emitted, ['m2 ack', 'm1own ack', 'm3own ack'])
      assert.deepEqual(two.turned, ['backup ann'])
      await two.close()
    })

    it('is counted there by a rule that counts, as any other retry', async () => {
      const out = withStatus(503)
      const decision = {
        ...out.decision,
        outcome: 'suspend',
        rule: 'E=R3S',
        mostRetries: 3
      } as const
      const two = await pair()
      await two.delivery.turn('backup', 'ann')
      await two.add('m1own')
      for (let requests = 0; requests < 4; requests++) {
        assert.equal(two.delivery.state().suspended, 0)
        await untilFlying(two, 1000)
        assert.deepEqual(two.flying(), ['m1own first'])
        await two.answer({ ...out, decision })
      }
      assert.equal(two.delivery.state().suspended, 1)
      await two.close()
    })

    it('keeps its wait when it meets the outage that turns; another one goes on', async () => {
      for (const [id, flying] of [
        ['m1', ['m1 backup']],
        ['m1own', []]
      ] as const) {
        const two = await pair()
        await onItsWay(two, UNCONNECTED, id)
        await two.answer(UNCONNECTED)
        assert.deepEqual([two.flying(), two.turned], [flying, ['backup']])
        assert.equal(two.disk.rows[0]?.retries, id === 'm1' ? 1 : 2)
        await two.close()
      }
    })

    it('asks the first one as well as any other, and brings everything back', async () => {
      const two = await pair()
      await onItsWay(two, UNCONNECTED, 'm1own')
      await two.answer(UNCONNECTED)
      await two.add('m2')
      await untilFlying(two, 1000)
      assert.deepEqual(two.flying(), ['m1own first'])
      // It is still out; nothing overtakes.
      await two.answer(UNCONNECTED)
      await untilFlying(two, 1000)
      assert.deepEqual(two.flying(), ['m1own first'])
      await two.answer('accept')
      assert.deepEqual(two.flying(), ['m2 first'])
      await two.answer('accept')
      assert.deepEqual(
        [two.emitted, two.turned],
        [
          ['m1own ack', 'm2 ack'],
          ['backup', 'first']
        ]
      )
      await two.close()
    })
  })

  it('a login that the backup refuses holds up for long nothing that waits while both are out', async () => {
    const two = await pair({ order: 'none', maxInFlight: 4 })
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    await two.add('m2', 'm3', 'm4')
    await two.answer(withStatus(401))
    const before = two.clock.monotonic()
    // The first address is asked at the end of the wait, before the backup.
    await untilFlying(two, 1000)
    assert.match(two.flying().join(), /^m\d first$/)
    assert.ok(two.clock.monotonic() - before <= 10_000)
    await two.answer('accept')
    assert.deepEqual(two.turned, ['backup', 'first'])
    // Nothing is left of the long waits after a login.
    while (two.flying().length > 0) await two.answer('accept')
    assert.equal(two.emitted.length, 4)
    await two.close()
  })

  it('a backup that answers 403 to all is out as well: after each wait the first is asked, then the backup', async () => {
    let isOut = true
    let asked = 0
    const two = await pair({
      connects: (address) => {
        if (address === 'first') asked++
        return address === 'backup' || !isOut
      }
    })
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    await two.add('m2')
    for (let times = 1; times <= 3; times++) {
      assert.deepEqual(two.flying(), ['m1 backup'])
      await two.answer(withStatus(403))
      assert.deepEqual([two.flying(), asked], [[], times - 1])
      await untilFlying(two, 1000)
      assert.equal(asked, times)
    }
    await two.answer(withStatus(403))
    isOut = false
    await untilFlying(two, 1000)
    // It did not arrive at the backup, so it may go to the first address.
    assert.deepEqual(two.flying(), ['m1 first'])
    await two.answer('accept')
    await two.answer('accept')
    await closeAfterReturn(two)
  })

  describe('a backup that wants rest for an hour, while the first is out', () => {
    /** The outage has turned; the backup says so. */
    async function resting(isOut: () => boolean, order: 'fifo' | 'none'): Promise<Pair> {
      const two = await pair({ order, connects: (address) => address === 'backup' || !isOut() })
      await onItsWay(two, UNCONNECTED)
      await two.answer(UNCONNECTED)
      await two.answer({ ...withStatus(503), retryAfterMs: 3_600_000 })
      await two.add('m2')
      await two.clock.advance(600_000)
      assert.deepEqual(two.flying(), [])
      // Until the first is asked again.
      const waitMs = two.delivery.state().retry?.waitMs ?? 0
      assert.ok(waitMs > 0 && waitMs <= 60_000, `${waitMs} ms`)
      return two
    }

    for (const order of ['fifo', 'none'] as const) {
      it(`gets it; the first is asked as before: ${order}`, async () => {
        let isOut = true
        const two = await resting(() => isOut, order)
        isOut = false
        await two.clock.advance(61_000)
        assert.deepEqual(two.flying(), ['m1 first'])
        await two.answer('accept')
        await two.answer('accept')
        await closeAfterReturn(two)
      })
    }

    it('gets the next message when that is over, and not before', async () => {
      const two = await resting(() => true, 'fifo')
      await two.clock.advance(2_999_000)
      assert.deepEqual(two.flying(), [])
      await two.clock.advance(2000)
      assert.deepEqual(two.flying(), ['m1 backup'])
      await two.answer('accept')
      await two.answer('accept')
      assert.deepEqual(two.turned, ['backup'])
      await two.close()
    })

    for (const act of ['tryNow', 'resume'] as const) {
      it(`gets one at once after ${act}`, async () => {
        const two = await resting(() => true, 'fifo')
        await two.delivery[act]()
        await settled(9)
        assert.deepEqual(two.flying(), ['m1 backup'])
        await two.close()
      })
    }

    /** The first accepts connections, and then says that it is out. */
    async function asked(options: PairOptions): Promise<Pair> {
      const two = await pair({ failureTimeoutMs: 900_000, ...options })
      await onItsWay(two, UNCONNECTED)
      await two.answer(UNCONNECTED)
      await two.answer({ ...withStatus(503), retryAfterMs: 3_600_000 })
      await untilFlying(two, 1000)
      assert.deepEqual(two.flying(), ['m1 first'])
      await two.answer(UNCONNECTED)
      assert.deepEqual(two.flying(), [])
      return two
    }

    it('the message that has asked the first is retried when that is asked again', async () => {
      const two = await asked({})
      const { state, retry } = two.delivery.state()
      assert.deepEqual([state, retry?.waitMs], ['retrying', 60_000])
      await two.clock.advance(59_000)
      assert.deepEqual(two.flying(), [])
      await two.clock.advance(2000)
      assert.deepEqual(two.flying(), ['m1 first'])
      await two.close()
    })

    it('that message is given up when its time is over', async () => {
      const two = await asked({ failWhileUnreachable: true })
      while (two.emitted.length === 0) {
        await two.clock.advance(1000)
        if (two.flying().length > 0) await two.answer(UNCONNECTED)
        assert.ok(two.clock.monotonic() <= 901_000, `${two.clock.monotonic()} ms`)
      }
      assert.deepEqual(two.emitted, ['m1 HL7_DELIVERY_FAILED'])
      await two.close()
    })

    it('gets none once it has served again', async () => {
      const two = await pair({ order: 'none', connects: (address) => address === 'backup' })
      await onItsWay(two, UNCONNECTED)
      await two.answer(UNCONNECTED)
      await two.add('m2', 'm3', 'm4')
      await two.answer('accept')
      assert.deepEqual(two.flying(), ['m2 backup', 'm3 backup'])
      await two.answer({ ...withStatus(503), retryAfterMs: 3_600_000 })
      await two.answer('accept')
      // It has an outage later, and does not say for how long.
      assert.deepEqual(two.flying(), ['m4 backup'])
      await two.answer(withStatus(503))
      await two.clock.advance(60_000)
      assert.match(two.flying().join(), /^m[24] backup$/)
      await two.close()
    })
  })

  it('a backup that wants rest is not left alone if nothing is retried', async () => {
    const two = await pair({ afterMs: 0, failureTimeoutMs: 0 })
    await two.delivery.turn('backup', 'ann')
    await two.add('m1', 'm2')
    await two.answer({ ...withStatus(503), retryAfterMs: 3_600_000 })
    assert.deepEqual([two.emitted, two.flying()], [['m1 HL7_DELIVERY_FAILED'], ['m2 backup']])
    await two.answer('accept')
    await two.close()
  })

  it('one that wants rest while the node closes leaves no timer', async () => {
    const two = await pair({ afterMs: 0 })
    await two.delivery.turn('backup', 'ann')
    await two.add('m1')
    const closed = two.delivery.close(5000)
    await two.answer({ ...withStatus(503), retryAfterMs: 3_600_000 })
    await closed
    assert.equal(two.clock.timers, 0)
  })

  it('one that answers 403 to what a message contains serves the others', async () => {
    const asked: string[] = []
    const two = await pair({
      ...{ order: 'none', maxInFlight: 4 },
      connects: (address) => {
        asked.push(address)
        return false
      }
    })
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    await two.answer('accept')
    await two.add('m2', 'bad')
    await two.answer('accept')
    await two.answer(withStatus(403))
    // An answer to another message has disproved it.
    for (const id of ['m3', 'm4', 'm5']) {
      await two.add(id)
      assert.deepEqual(two.flying(), [`${id} backup`])
      await two.answer('accept')
    }
    assert.deepEqual([asked, two.turned], [[], ['backup']])
    await untilFlying(two, 1000)
    assert.deepEqual(two.flying(), ['bad backup'])
    await two.answer(withStatus(403))
    await two.add('m6')
    assert.deepEqual(two.flying(), ['m6 backup'])
    await two.close()
  })

  for (const [how, leave] of [
    ['because nothing is retried', undefined],
    [
      'because somebody discards it',
      async ({ delivery }: Pair) => {
        const operator = await delivery.operator()
        await operator.discardWaiting({}, 'ann')
      }
    ]
  ] as const) {
    it(`an outage turns nothing once the message that met it is gone, ${how}`, async () => {
      const two = await pair({ failureTimeoutMs: leave ? Infinity : 0 })
      await two.add('m1')
      // Nothing looks at it before the outage has lasted long enough.
      await two.answer({ ...withStatus(503), retryAfterMs: AFTER_MS + 1000 })
      await leave?.(two)
      await settled(6)
      assert.equal(two.emitted.length, 1)
      await two.clock.advance(2 * AFTER_MS)
      await two.add('m2', 'm3')
      // One is on its way, the other waits.
      await two.clock.advance(1000)
      assert.deepEqual([two.flying(), two.turned], [['m2 first'], []])
      await two.answer('accept')
      assert.deepEqual([two.flying(), two.turned], [['m3 first'], []])
      await two.answer('accept')
      await two.close()
    })
  }

  it('nor because others wait when it would have lasted long enough: they have not met it', async () => {
    const two = await pair({ failureTimeoutMs: 0 })
    await two.add('m1')
    await two.answer(withStatus(503))
    await two.clock.advance(AFTER_MS - 500)
    await two.add('m2', 'm3')
    await two.clock.advance(1000)
    assert.deepEqual([two.flying(), two.turned], [['m2 first'], []])
    await two.close()
  })

  it('an outage that every message meets turns, also if none is retried', async () => {
    const two = await pair({ failureTimeoutMs: 0 })
    for (let number = 1; number <= 11; number++) {
      await two.add(`m${number}`)
      assert.deepEqual(two.flying(), [`m${number} first`])
      await two.answer(withStatus(503))
      await two.clock.advance(AFTER_MS / 10)
    }
    assert.deepEqual(two.turned, ['backup'])
    await two.add('m12')
    assert.deepEqual(two.flying(), ['m12 backup'])
    await two.close()
  })

  for (const [afterS, hangS, turnsAtS] of [
    [8, 5, 15],
    [30, 30, 65],
    [60, 60, 125]
  ] as const) {
    it(`a single message whose attempts hang for ${hangS} s turns an outage of ${afterS} s`, async () => {
      const retry = { intervalMs: 5000, maxIntervalMs: 5000 }
      const two = await pair({ afterMs: afterS * 1000, retry })
      await two.add('m1')
      while (two.turned.length === 0) {
        await untilFlying(two, 1000)
        two.clock.pass(hangS * 1000)
        await two.answer({ ...UNCONNECTED, elapsedMs: hangS * 1000 })
        assert.ok(two.clock.monotonic() <= turnsAtS * 1000, `${two.clock.monotonic()} ms`)
      }
      await two.close()
    })
  }

  for (const [order, connectMs] of [
    ['fifo', 0],
    ['fifo', 20],
    ['none', 0],
    ['none', 2000]
  ] as const) {
    it(`what comes back is found also if messages come one by one: ${order}, a connection in ${connectMs} ms`, async () => {
      const clock = new FakeClock()
      const two = await pair(
        {
          order,
          connects: () =>
            new Promise((resolve) =>
              clock.after(connectMs, () => {
                resolve(true)
              })
            )
        },
        new FakeDisk({ immediate: true }),
        clock
      )
      await onItsWay(two, UNCONNECTED)
      await two.answer(UNCONNECTED)
      await two.answer('accept')
      assert.deepEqual(two.turned, ['backup'])
      // None of them waits for another one: each has left long before the next one comes.
      const sent: string[] = []
      for (let number = 2; number <= 6; number++) {
        await clock.advance(3_600_000)
        await two.add(`m${number}`)
        await clock.advance(5)
        sent.push(...two.flying())
        await two.answer('accept')
      }
      // The first of them asks for a connection, the next one goes over it.
      assert.deepEqual(sent.slice(0, 3), ['m2 backup', 'm3 first', 'm4 first'])
      assert.deepEqual(two.turned, ['backup', 'first'])
      await two.close()
    })
  }

  it('what is out is asked for a connection with one of them, and with no message', async () => {
    let asked = 0
    const two = await pair({ connects: () => ++asked < 0 })
    await onItsWay(two, UNCONNECTED)
    await two.answer(UNCONNECTED)
    await two.answer('accept')
    for (let number = 2; number <= 6; number++) {
      await two.clock.advance(3_600_000)
      assert.equal(asked, number - 2)
      await two.add(`m${number}`)
      assert.deepEqual(two.flying(), [`m${number} backup`])
      await two.answer('accept')
    }
    await two.close()
  })

  it('an outage is forgotten in a pause, also if an attempt ends in it', async () => {
    const two = await pair()
    await two.add('m1')
    await two.delivery.pause('ann', '')
    await two.answer(UNCONNECTED)
    await two.clock.advance(2 * AFTER_MS)
    assert.deepEqual(two.turned, [])
    await two.delivery.resume('ann')
    await settled(6)
    assert.deepEqual(two.flying(), ['m1 first'])
    await two.answer('accept')
    await two.close()
  })
})
