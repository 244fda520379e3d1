import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Pace, type PaceSettings } from '../../src/delivery/pace.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { resultOf } from './replies.ts'
import { setUp } from './set-up.ts'

const SETTINGS = {
  maxPerSecond: 0,
  places: 10,
  retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
  isRetrying: true,
  random: () => 0.5,
  onOpen: () => undefined
}

/** Many messages may be in flight. */
function openPaceOf(settings?: Partial<PaceSettings>): ReturnType<typeof paceOf> {
  const found = paceOf(settings)
  for (let success = 0; success < 4; success++) found.pace.adaptTo(resultOf('accept'))
  return found
}

function paceOf(settings: Partial<PaceSettings> = {}): { clock: FakeClock; pace: Pace } {
  const clock = new FakeClock()
  return { clock, pace: new Pace({ ...SETTINGS, ...settings }, clock) }
}

describe('Pace', () => {
  it('doubles the number in flight with each success, from one at the start and after an outage', () => {
    const { pace } = paceOf()
    for (const when of ['at the start', 'after an outage']) {
      const seen = [pace.places]
      for (let success = 0; success < 5; success++) {
        pace.adaptTo(resultOf(success % 2 === 0 ? 'accept' : 'nak'))
        seen.push(pace.places)
      }
      assert.deepEqual(seen, [1, 2, 4, 8, 10, 10], when)
      pace.adaptTo(resultOf('unreachable'))
    }
  })

  it('lets all go a second after the first began, unless there is an outage: a slow receiver is not in trouble', async () => {
    let opened = 0
    const onOpen = (): void => {
      opened++
    }
    const slow = paceOf({ onOpen })
    slow.pace.endStartSoon()
    await slow.clock.advance(999)
    assert.deepEqual([slow.pace.places, opened], [1, 0])
    await slow.clock.advance(1)
    assert.deepEqual([slow.pace.places, opened], [10, 1])

    const down = paceOf({ onOpen })
    down.pace.endStartSoon()
    down.pace.adaptTo(resultOf('unreachable'))
    down.pace.endStartSoon()
    await down.clock.advance(10_000)
    assert.deepEqual([down.pace.places, opened], [1, 1])
    slow.pace.close()
    down.pace.close()
  })

  it('starts nothing in an outage until the wait is over, which doubles', () => {
    const { clock, pace } = paceOf()
    const waits: number[] = []
    for (let failed = 0; failed < 6; failed++) {
      pace.adaptTo(resultOf('unreachable'))
      waits.push(pace.outageMs)
      assert.equal(
        pace.mayStart(() => undefined),
        false
      )
      // What was on its way says the same.
      pace.adaptTo(resultOf('unreachable'))
      clock.pass(pace.outageMs)
      assert.equal(
        pace.mayStart(() => undefined),
        true
      )
      assert.equal(pace.places, 1)
    }
    assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000])
    pace.adaptTo(resultOf('fail'))
    pace.adaptTo(resultOf('unreachable'))
    assert.equal(pace.outageMs, 5000, 'any other answer ends it')
    pace.close()
  })

  const answer = (status: number, more: Partial<AttemptResult> = {}): AttemptResult => {
    const result = resultOf('retry')
    assert.ok(result.reply)
    return { ...result, ...more, reply: { ...result.reply, status } }
  }

  for (const status of [401, 403, 404, 407, 429, 431, 502, 503, 504]) {
    it(`takes HTTP ${status} for an outage`, () => {
      const { clock, pace } = paceOf()
      for (let failed = 0; failed < 20; failed++) {
        pace.adaptTo(answer(status))
        clock.pass(pace.outageMs)
      }
      pace.adaptTo(answer(status))
      assert.equal(pace.outageMs, [401, 403, 407].includes(status) ? 300_000 : 60_000)
    })
  }

  for (const status of [200, 400, 408, 409, 422, 500]) {
    it(`leaves HTTP ${status} to the message`, () => {
      const { pace } = openPaceOf()
      pace.adaptTo(answer(status))
      assert.deepEqual([pace.outageMs, pace.places], [0, 10])
    })
  }

  for (const family of ['timeout', 'reset'] as const) {
    it(`leaves a ${family} to the message`, () => {
      const { pace } = openPaceOf()
      pace.adaptTo({ ...resultOf('unreachable'), error: { code: '', family, text: '' } })
      assert.deepEqual([pace.outageMs, pace.places], [0, 10])
    })
  }

  it('goes by what a reply means, not by its status', () => {
    const waits = ([400, 401, 431, 'tls'] as const).map((meaning) => {
      const { clock, pace } = paceOf()
      for (let failed = 0; failed < 20; failed++) {
        pace.adaptTo(answer(meaning === 400 ? 503 : 400, { meaning }))
        clock.pass(pace.outageMs)
      }
      pace.adaptTo(answer(meaning === 400 ? 503 : 400, { meaning }))
      return pace.outageMs
    })
    assert.deepEqual(waits, [0, 300_000, 60_000, 60_000])
  })

  it('waits as long after a proxy has refused the login', () => {
    const { clock, pace } = paceOf()
    const error = { code: 'ERR_PROXY_TUNNEL', family: 'connect', text: '' } as const
    const refused = { ...resultOf('unreachable'), error: { ...error, proxyStatus: 407 } }
    for (let failed = 0; failed < 20; failed++) {
      pace.adaptTo(refused)
      clock.pass(pace.outageMs)
    }
    pace.adaptTo(refused)
    assert.equal(pace.outageMs, 300_000)
  })

  it('waits as long as the receiver asks, at most an hour', () => {
    const { clock, pace } = paceOf()
    pace.adaptTo(answer(503, { retryAfterMs: 30_000 }))
    assert.equal(pace.outageMs, 30_000)
    clock.pass(1000)
    pace.adaptTo(answer(503, { retryAfterMs: 7_200_000 }))
    assert.equal(pace.outageMs, 3_600_000)
  })

  it('does not hold up what is not retried', () => {
    for (const [settings, decision] of [
      [{ isRetrying: false }, {}],
      [{}, { retry: false }]
    ] as const) {
      const { pace } = openPaceOf(settings)
      const result = resultOf('unreachable')
      pace.adaptTo({ ...result, decision: { ...result.decision, ...decision } })
      assert.deepEqual([pace.outageMs, pace.places], [0, 1])
    }
  })

  it('goes on with a token if that was missing, and with nothing else', () => {
    const { pace } = paceOf()
    pace.adaptTo(resultOf('unreachable'))
    pace.tokenIsBack()
    assert.equal(pace.outageMs, 5000)
    pace.endOutage()
    const error = { code: 'invalid_client', family: 'token', text: '' } as const
    pace.adaptTo({ ...resultOf('unreachable'), error })
    assert.equal(pace.outageMs, 5000)
    pace.tokenIsBack()
    assert.equal(pace.outageMs, 0)
  })

  it('leaves it alone after another failure: one message says nothing of the others', () => {
    const { pace } = openPaceOf()
    for (const kind of ['fail', 'retry', 'suspend'] as const) pace.adaptTo(resultOf(kind))
    assert.equal(pace.places, 10)
    pace.adaptTo(resultOf('unreachable'))
    for (const kind of ['fail', 'retry', 'suspend'] as const) pace.adaptTo(resultOf(kind))
    assert.equal(pace.places, 1)
    // Accepted by its status alone, without an acknowledgement.
    pace.adaptTo({ ...resultOf('accept'), answered: false })
    assert.equal(pace.places, 2)
    pace.adaptTo({ ...resultOf('await'), answered: false })
    assert.equal(pace.places, 4)
  })

  it('counts each request of an attempt', () => {
    const { clock, pace } = paceOf({ maxPerSecond: 2 })
    const waits = (): boolean => !pace.mayStart(() => undefined)
    pace.startAttempt()
    pace.adaptTo({ ...resultOf('accept'), requests: 3 })
    clock.pass(1400)
    assert.ok(waits(), 'three requests take a second and a half')
    clock.pass(100)
    assert.ok(!waits())
    pace.close()
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

describe('a delivery', () => {
  it('sends one message first, then twice as many with each success; so too after an outage', async () => {
    const { add, clock, flights, reply } = await setUp({
      ...{ order: 'none', maxInFlight: 8, retry: { intervalMs: 1000, maxIntervalMs: 1000 } }
    })
    await add(...Array.from({ length: 40 }, (_, index) => `a${index}`))
    for (const when of ['at the start', 'after an outage']) {
      const seen: number[] = []
      for (let success = 0; success < 6; success++) {
        seen.push(flights.length)
        await reply('accept')
      }
      assert.deepEqual(seen, [1, 2, 4, 8, 8, 8], when)
      for (let failed = 0; failed < 8; failed++) await reply('unreachable')
      await clock.advance(1500)
    }
  })
})

describe('a delivery whose receiver is in trouble', () => {
  for (const order of ['none', 'key', 'fifo'] as const) {
    it(`asks it as rarely with the order ${order}, however many messages wait`, async () => {
      const { add, clock, flights, reply } = await setUp({
        order,
        maxInFlight: 8,
        readFields: (id) => ({ key: id, values: [] })
      })
      await add(...Array.from({ length: 400 }, (_, index) => `a${index}`))
      const requests: [second: number, message: string][] = []
      for (let second = 0; second < 60; second++) {
        while (flights.length > 0) {
          requests.push([second, flights[0]?.content ?? ''])
          await reply('busy')
        }
        await clock.advance(1000)
      }
      // The oldest that may.
      assert.deepEqual(
        requests,
        [0, 5, 15, 35].map((second) => [second, 'a0'])
      )
    })
  }

  it('sends at once after a resume', async () => {
    const { add, delivery, flights, reply } = await setUp({ order: 'none', maxInFlight: 8 })
    await add('a1')
    await reply('unreachable')
    await add('a2')
    assert.equal(flights.length, 0)
    await delivery.resume()
    await settled()
    assert.equal(flights.length, 1)
  })
})
