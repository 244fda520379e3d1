import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Pace } from '../../src/delivery/pace.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { resultOf } from './replies.ts'
import { setUp } from './set-up.ts'

describe('Pace', () => {
  it('doubles the number in flight with each success after an outage', () => {
    const pace = new Pace({ maxPerSecond: 0, places: 10 }, new FakeClock())
    assert.equal(pace.places, 10)
    pace.adaptTo(resultOf('unreachable'))
    const seen = [pace.places]
    for (let success = 0; success < 5; success++) {
      pace.adaptTo(resultOf(success % 2 === 0 ? 'accept' : 'nak'))
      seen.push(pace.places)
    }
    assert.deepEqual(seen, [1, 2, 4, 8, 10, 10])
  })

  it('halves the number in flight when the receiver gets too much', () => {
    const pace = new Pace({ maxPerSecond: 0, places: 10 }, new FakeClock())
    const tooMuch = (status: number): number => {
      const result = resultOf('retry')
      assert.ok(result.reply)
      pace.adaptTo({ ...result, reachable: status !== 503, reply: { ...result.reply, status } })
      return pace.places
    }
    assert.deepEqual([429, 503, 429, 503, 429].map(tooMuch), [5, 2, 1, 1, 1])
  })

  it('leaves it alone after another failure: one message says nothing of the others', () => {
    const pace = new Pace({ maxPerSecond: 0, places: 10 }, new FakeClock())
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
    const clock = new FakeClock()
    const pace = new Pace({ maxPerSecond: 2, places: 10 }, clock)
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

describe('a delivery after an outage', () => {
  it('sends one message first, then twice as many with each success', async () => {
    const { add, clock, flights, reply } = await setUp({
      ...{ order: 'none', maxInFlight: 8, retry: { intervalMs: 1000, maxIntervalMs: 1000 } }
    })
    await add(...Array.from({ length: 40 }, (_, index) => `a${index}`))
    assert.equal(flights.length, 8)
    for (let failed = 0; failed < 8; failed++) await reply('unreachable')
    await clock.advance(1500)
    const seen: number[] = []
    for (let success = 0; success < 6; success++) {
      seen.push(flights.length)
      await reply('accept')
    }
    assert.deepEqual(seen.slice(0, 4), [1, 2, 4, 8])
  })
})
