import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Failover } from '../../src/delivery/failover.ts'
import { Gate, type GateSettings, type Sent } from '../../src/delivery/gate.ts'
import type { AttemptError } from '../../src/rules/attempt.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { resultOf } from './replies.ts'
import { setUp, type Setup } from './set-up.ts'

const SETTINGS = {
  order: 'none',
  maxPerSecond: 0,
  slots: 10,
  retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
  isRetrying: true,
  random: () => 0.5,
  onOpen: () => undefined,
  onUncounted: () => undefined
} as const satisfies GateSettings

/** Many messages may be in flight. */
function openGateOf(settings?: Partial<GateSettings>): ReturnType<typeof gateOf> {
  const found = gateOf(settings)
  for (let success = 0; success < 4; success++) end(found.gate, resultOf('accept'))
  return found
}

function gateOf(settings: Partial<GateSettings> = {}): { clock: FakeClock; gate: Gate } {
  const clock = new FakeClock()
  return { clock, gate: new Gate({ ...SETTINGS, ...settings }, clock) }
}

function errorOf(family: 'timeout' | 'reset'): AttemptError {
  return { code: '', family, text: '' }
}

function sent(seq: number, type = 'ADT^A01'): Sent {
  return { seq, type, hasOwnAddress: false }
}

/** One attempt of a message. */
function end(gate: Gate, result: AttemptResult, seq = 1): void {
  gate.beginAttempt(seq, false)
  gate.endAttempt(sent(seq), result)
}

describe('Gate', () => {
  it('has not asked the other address with a message that was not sent', () => {
    const clock = new FakeClock()
    const failover = new Failover({ afterMs: 1000, askAfterMs: 60_000 }, clock)
    failover.resume(false)
    const backup = { failover, onTurn: () => undefined }
    const gate = new Gate({ ...SETTINGS, backup }, clock)
    failover.beginToAsk()
    failover.connected(true)
    failover.messageAskedFor()
    gate.beginToAsk(7)
    gate.endOfWay(6)
    assert.equal(failover.isAsking, true, 'another message')
    gate.endOfWay(7)
    assert.equal(failover.isAsking, false)
    assert.equal(failover.nextInMs(true), 1000)
    // That is over.
    failover.messageAskedFor()
    gate.endOfWay(7)
    assert.equal(failover.isAsking, true)
  })

  it('doubles the number in flight with each success, from one at the start and after an outage', () => {
    const { gate } = gateOf()
    for (const when of ['at the start', 'after an outage']) {
      const seen = [gate.slots]
      for (let success = 0; success < 5; success++) {
        end(gate, resultOf(success % 2 === 0 ? 'accept' : 'nak'))
        seen.push(gate.slots)
      }
      assert.deepEqual(seen, [1, 2, 4, 8, 10, 10], when)
      end(gate, resultOf('unreachable'))
    }
  })

  it('lets all go a second after the first began, unless there is an outage: a slow receiver is not in trouble', async () => {
    let opened = 0
    const onOpen = (): void => {
      opened++
    }
    const slow = gateOf({ onOpen })
    slow.gate.beginAttempt(1, true)
    await slow.clock.advance(999)
    assert.deepEqual([slow.gate.slots, opened], [1, 0])
    await slow.clock.advance(1)
    assert.deepEqual([slow.gate.slots, opened], [10, 1])

    const down = gateOf({ onOpen })
    down.gate.beginAttempt(1, true)
    end(down.gate, resultOf('unreachable'))
    down.gate.beginAttempt(1, true)
    await down.clock.advance(10_000)
    assert.deepEqual([down.gate.slots, opened], [1, 1])
    slow.gate.close()
    down.gate.close()
  })

  it('starts nothing in an outage until the wait is over, which doubles', () => {
    const { clock, gate } = gateOf()
    const waits: number[] = []
    for (let failed = 0; failed < 6; failed++) {
      end(gate, resultOf('unreachable'))
      waits.push(gate.closedMs)
      assert.equal(
        gate.mayStart(() => undefined),
        false
      )
      // What was on its way says the same.
      end(gate, resultOf('unreachable'))
      clock.pass(gate.closedMs)
      assert.equal(
        gate.mayStart(() => undefined),
        true
      )
      assert.equal(gate.slots, 1)
    }
    assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000])
    end(gate, resultOf('fail'))
    end(gate, resultOf('unreachable'))
    assert.equal(gate.closedMs, 5000, 'any other answer ends it')
    gate.close()
  })

  const answer = (status: number, more: Partial<AttemptResult> = {}): AttemptResult => {
    const result = resultOf('retry')
    assert.ok(result.reply)
    return { ...result, ...more, reply: { ...result.reply, status } }
  }

  // Which statuses are which is asked in `fault.test.ts`.
  for (const [status, mostMs] of [
    [503, 60_000],
    [401, 300_000]
  ] as const) {
    it(`takes HTTP ${status} for an outage`, () => {
      const { clock, gate } = gateOf()
      for (let failed = 0; failed < 20; failed++) {
        end(gate, answer(status))
        clock.pass(gate.closedMs)
      }
      end(gate, answer(status))
      assert.equal(gate.closedMs, mostMs)
    })
  }

  it('leaves HTTP 500 to the message', () => {
    const { gate } = openGateOf()
    end(gate, answer(500))
    assert.deepEqual([gate.closedMs, gate.slots], [0, 10])
  })

  it('goes by what a reply means, not by its status', () => {
    const waits = ([400, 401, 431, 'tls'] as const).map((meaning) => {
      const { clock, gate } = gateOf()
      for (let failed = 0; failed < 20; failed++) {
        end(gate, answer(meaning === 400 ? 503 : 400, { meaning }))
        clock.pass(gate.closedMs)
      }
      end(gate, answer(meaning === 400 ? 503 : 400, { meaning }))
      return gate.closedMs
    })
    assert.deepEqual(waits, [0, 300_000, 300_000, 300_000])
  })

  it('waits as long after a proxy has refused the login', () => {
    const { clock, gate } = gateOf()
    const error = { code: 'ERR_PROXY_TUNNEL', family: 'connect', atProxy: true, text: '' } as const
    const refused = { ...resultOf('unreachable'), error: { ...error, proxyStatus: 407 } }
    for (let failed = 0; failed < 20; failed++) {
      end(gate, refused)
      clock.pass(gate.closedMs)
    }
    end(gate, refused)
    assert.equal(gate.closedMs, 300_000)
  })

  it('waits as long as the receiver asks, at most an hour', () => {
    const { clock, gate } = gateOf()
    end(gate, answer(503, { retryAfterMs: 30_000 }))
    assert.equal(gate.closedMs, 30_000)
    clock.pass(1000)
    end(gate, answer(503, { retryAfterMs: 7_200_000 }))
    assert.equal(gate.closedMs, 3_600_000)
  })

  it('does not hold up what is not retried', () => {
    for (const [settings, decision] of [
      [{ isRetrying: false }, {}],
      [{}, { retry: false }]
    ] as const) {
      const { gate } = openGateOf(settings)
      const result = resultOf('unreachable')
      end(gate, { ...result, decision: { ...result.decision, ...decision } })
      assert.deepEqual([gate.closedMs, gate.slots], [0, 1])
    }
  })

  it('goes on with a token if that was missing, and with nothing else', () => {
    const { gate } = gateOf()
    end(gate, resultOf('unreachable'))
    gate.tokenIsBack()
    assert.equal(gate.closedMs, 5000)
    gate.endOutage()
    const error = { code: 'invalid_client', family: 'token', text: '' } as const
    end(gate, { ...resultOf('unreachable'), error })
    assert.equal(gate.closedMs, 5000)
    gate.tokenIsBack()
    assert.equal(gate.closedMs, 0)
  })

  it('lets more go after any answer, and after a timeout: one message says nothing of the others', () => {
    const timeout = { ...resultOf('unreachable'), error: errorOf('timeout') }
    for (const result of [
      ...(['accept', 'nak', 'fail', 'retry', 'suspend', 'await'] as const).map(resultOf),
      timeout
    ]) {
      const { gate } = openGateOf()
      end(gate, result)
      assert.equal(gate.slots, 10)
      end(gate, resultOf('unreachable'))
      assert.equal(gate.slots, 1)
      end(gate, result)
      assert.deepEqual([gate.slots, gate.closedMs], [2, 0])
    }
  })

  it('stays closed after a timeout of what was on its way when the outage began, not after an answer', () => {
    for (const [result, closedMs] of [
      [{ ...resultOf('unreachable'), error: errorOf('timeout') }, 5000],
      [resultOf('retry'), 0]
    ] as const) {
      const { gate } = openGateOf()
      gate.beginAttempt(1, true)
      end(gate, resultOf('unreachable'), 2)
      gate.endAttempt(sent(1), result)
      assert.equal(gate.closedMs, closedMs)
    }
  })

  it('says nothing after a single cut, and is closed after three in a row', () => {
    const cut = { ...resultOf('unreachable'), error: errorOf('reset'), isCutEarly: true }
    const { gate } = openGateOf()
    const seen = [cut, cut, resultOf('retry'), cut, cut, cut].map((result) => {
      end(gate, result)
      return gate.closedMs
    })
    assert.deepEqual(seen, [0, 0, 0, 0, 0, 5000])
    assert.equal(gate.slots, 1)
  })

  it('counts each request of an attempt', () => {
    const { clock, gate } = gateOf({ maxPerSecond: 2 })
    const waits = (): boolean => !gate.mayStart(() => undefined)
    gate.countRequests()
    end(gate, { ...resultOf('accept'), requests: 3 })
    clock.pass(1400)
    assert.ok(waits(), 'three requests take a second and a half')
    clock.pass(100)
    assert.ok(!waits())
    gate.close()
  })

  for (const maxPerSecond of [0.5, 3, 40, 900]) {
    it(`starts ${maxPerSecond} attempts per second, evenly`, async () => {
      const clock = new FakeClock()
      const starts: number[] = []
      const { add, flights } = await setUp(
        {
          ...{ maxPerSecond, order: 'none', maxInFlight: 1000 },
          attempt: (content) => {
            starts.push(clock.monotonic())
            // As many in flight as may be, then none of them ends.
            if (starts.length <= 10) return Promise.resolve(resultOf('accept'))
            return new Promise((resolve) => flights.push({ content, end: resolve }))
          }
        },
        clock
      )
      const count = 50
      await add(...Array.from({ length: count }, (_, index) => `a${index}`))
      assert.ok(starts.length < 12, 'no burst at the beginning')
      // Timers come up to a millisecond late.
      while (starts.length < count) await clock.advance(1)
      const seconds = ((starts.at(-1) ?? 0) - (starts[0] ?? 0)) / 1000
      const rate = (count - 1) / seconds
      assert.ok(Math.abs(rate / maxPerSecond - 1) < 0.25, `${rate} per second`)
      for (const [index, at] of starts.entries()) {
        const inWindow = starts.filter((other) => other >= at && other < at + 1000).length
        assert.ok(inWindow <= maxPerSecond * 1.02 + 1 + maxPerSecond / 100, `${index}: ${inWindow}`)
      }
    })
  }

  it('counts retries too, and starts nothing for free after a rest', async () => {
    const { add, clock, flights, reply } = await setUp({ maxPerSecond: 2 })
    await add('a1')
    await reply('accept')
    await clock.advance(60_000)
    await add('a2', 'a3')
    await reply('accept')
    assert.equal(flights.length, 0)
    await clock.advance(499)
    assert.equal(flights.length, 1)
  })

  it('leaves no timer behind at a close', async () => {
    const { add, clock, delivery, reply } = await setUp({ maxPerSecond: 0.1 })
    await add('a1', 'a2')
    await reply('accept')
    await delivery.close(0)
    await settled()
    assert.equal(clock.timers, 0)
  })
})

describe('the time of a message whose status others disprove', () => {
  const gateway = resultOf('retry')
  assert.ok(gateway.reply)
  const bad = { ...gateway, reply: { ...gateway.reply, status: 502 } }

  it('counts from then on, until it is believed again', () => {
    const { clock, gate } = openGateOf({ slots: 3 })
    const counts = (seq: number): boolean | undefined => {
      gate.beginAttempt(seq, true)
      return gate.endAttempt(sent(seq), bad).fault?.counts
    }
    assert.equal(counts(2), false)
    clock.pass(gate.closedMs)
    gate.beginAttempt(2, false)
    end(gate, resultOf('accept'), 3)
    // Caddy refuses its body so.
    assert.equal(gate.endAttempt(sent(2), bad).fault?.counts, true)
    const isClosed = (): boolean => gate.closedMs > 0
    assert.equal(isClosed(), false)
    assert.equal(counts(2), true, 'it has not been seen otherwise')
    // Once so many others have met it, in a row, it is an outage.
    assert.deepEqual([counts(4), counts(5)], [true, false])
    assert.equal(isClosed(), true)
  })

  it('does not count in order: no neighbor is asked', () => {
    const { clock, gate } = openGateOf({ order: 'fifo', slots: 1 })
    end(gate, bad, 2)
    clock.pass(gate.closedMs)
    gate.beginAttempt(2, false)
    assert.equal(gate.endAttempt(sent(2), bad).fault?.counts, false)
  })
})

describe('a delivery whose receiver is in trouble', () => {
  it('sends one message at once when it is to try now, and goes on waiting as it would have', async () => {
    for (const order of ['none', 'fifo'] as const) {
      const { add, clock, delivery, flights, reply } = await setUp({ order, maxInFlight: 8 })
      await add('a1', 'a2', 'a3')
      await reply('unreachable')
      await clock.advance(5000)
      await reply('unreachable')
      assert.equal(flights.length, 0)
      await delivery.tryNow()
      await settled()
      assert.deepEqual(
        flights.map(({ content }) => content),
        ['a1']
      )
      await reply('unreachable')
      await clock.advance(19_999)
      assert.equal(flights.length, 0, 'the third wait')
      await clock.advance(1)
      assert.equal(flights.length, 1)
    }
  })

  it('tries a message now that waits for itself', async () => {
    const { add, clock, delivery, flights, reply } = await setUp()
    await add('a1')
    await reply('retry')
    await clock.advance(1)
    await delivery.tryNow()
    await settled()
    assert.equal(flights.length, 1)
  })
})

describe('messages whose login is refused, while others are accepted', () => {
  const refused = resultOf('retry')
  assert.ok(refused.reply)
  const withStatus401 = { ...refused, reply: { ...refused.reply, status: 401 } }

  for (const [how, goAway, longestS] of [
    // One was accepted: the next one waits as the first one did.
    ['are accepted after a resume', ({ delivery }: Setup) => delivery.resume('ann'), 6],
    [
      'are discarded',
      async ({ delivery }: Setup) => {
        const operator = await delivery.operator()
        await operator.discardWaiting({ isRetrying: true }, 'ann')
      },
      300
    ],
    ['are given up', ({ clock }: Setup) => clock.advance(3_600_000), 300]
  ] as const) {
    it(`make no later one wait for them once they ${how}`, async () => {
      let isRefusing = true
      const clock = new FakeClock()
      const answered = (ms: number, result: AttemptResult): Promise<AttemptResult> =>
        new Promise((resolve) => {
          clock.after(ms, () => {
            resolve(result)
          })
        })
      const setup = await setUp(
        {
          ...{ order: 'none', failureTimeoutMs: 3_600_000 },
          attempt: (id) =>
            isRefusing && id.startsWith('bad')
              ? answered(20, withStatus401)
              : answered(10, resultOf('accept'))
        },
        clock
      )
      const { add, delivery, emitted } = setup
      const addBoth = async (name: string): Promise<void> => {
        await add(`good${name}`, `bad${name}`)
        await clock.advance(1000)
      }
      for (let number = 0; number < 10; number++) await add(`good${number}`)
      await clock.advance(2000)
      for (let number = 10; number < 40; number++) await addBoth(`${number}`)
      assert.equal(delivery.state().retrying, 30)
      isRefusing = how !== 'are accepted after a resume'
      await goAway(setup)
      await clock.advance(10_000)
      assert.equal(emitted.length, 70)
      isRefusing = true
      await addBoth('last')
      const waitMs = delivery.state().retry?.waitMs ?? Infinity
      assert.ok(waitMs <= longestS * 1000, `it waits for ${waitMs} ms`)
      await delivery.close(0)
    })
  }
})
