import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { History } from '../../src/delivery/history.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { resultOf } from './replies.ts'

const message = { seq: 1, controlId: 'a1', type: 'ADT^A01', acceptedAt: 0, attempts: 1 }

function left(outcome: 'ack' | 'nak' | 'error'): DeliveryEvent {
  const settlement = { outcome, rule: '', action: '', warnings: [], settledAt: 0 }
  return { kind: 'moved', message, to: 'left', settlement }
}

function setUp(): { clock: FakeClock; history: History; hold: (count: number) => void } {
  const clock = new FakeClock()
  let held = 0
  const history = new History(clock, () => held)
  return { clock, history, hold: (count) => (held = count) }
}

describe('History', () => {
  it('counts outcomes minute by minute; what was before it is not known', () => {
    const { clock, history, hold } = setUp()
    hold(3)
    history.readEvent(left('ack'))
    history.readEvent(left('nak'))
    clock.pass(3 * 60_000)
    hold(1)
    history.readEvent(left('error'))
    assert.deepEqual(
      history.minutes(5).map(({ acked, naked, failed, queued }) => [acked, naked, failed, queued]),
      [
        [1, 1, 0, 3],
        [0, 0, 0, 3],
        [0, 0, 0, 3],
        [0, 0, 1, 1]
      ]
    )
    assert.equal(history.minutes(1)[0]?.at, clock.now())
    // Something was turned away, of which nothing is told.
    hold(0)
    assert.equal(history.minutes(1)[0]?.queued, 0)
  })

  it('measures the answers of each minute apart', () => {
    const { clock, history } = setUp()
    const result = { ...resultOf('accept'), elapsedMs: 100 }
    history.readEvent({ kind: 'attempted', message, result, fault: undefined })
    clock.pass(60_000)
    history.readEvent({
      kind: 'attempted',
      message,
      result: { ...result, elapsedMs: 1000 },
      fault: undefined
    })
    const [first, second] = history.minutes(2).map(({ p95 }) => p95)
    assert.ok(Math.abs((first ?? 0) - 100) < 5, String(first))
    assert.ok(Math.abs((second ?? 0) - 1000) < 50, String(second))
    // The slow one does not count for what comes after its minute.
    clock.pass(60_000)
    history.readEvent({ kind: 'attempted', message, result, fault: undefined })
    assert.ok(Math.abs((history.minutes(1)[0]?.p95 ?? 0) - 100) < 5)
    clock.pass(60_000)
    assert.equal(history.minutes(1)[0]?.p95, 0)
    // The row of a node shows what its picture shows: the last minute with answers.
    const [before] = history.minutes(2)
    assert.equal(history.latencyMs.p95, before?.p95)
    assert.ok(history.latencyMs.p95 > 90)
    clock.pass(60_000)
    assert.equal(history.latencyMs.p95, before?.p95)
    // In another run, too.
    const minutes = history.minutes(60)
    const { history: next } = setUp()
    next.readEvent({ kind: 'opened', endedOn: [], figures: { ...NO_FIGURES, minutes } })
    assert.equal(next.latencyMs.p95, before?.p95)
  })

  it('names the minutes that may have changed since they were stored', () => {
    const { clock, history } = setUp()
    const unstored = (): number[] => history.unstored.map(({ acked }) => acked)
    history.readEvent(left('ack'))
    assert.deepEqual(unstored(), [1])
    clock.pass(2 * 60_000)
    assert.deepEqual(unstored(), [1, 0, 0])
    history.setStored(history.unstored.at(-1)?.at ?? assert.fail())
    history.readEvent(left('ack'))
    assert.deepEqual(unstored(), [1], 'the minute goes on')
    clock.pass(60_000)
    assert.deepEqual(unstored(), [1, 0])
  })

  it('computes percentiles to within a few percent, of any number', () => {
    const { clock, history } = setUp()
    const measure = (elapsedMs: number): void => {
      const result = { ...resultOf('accept'), elapsedMs }
      history.readEvent({ kind: 'attempted', message, result, fault: undefined })
    }
    assert.deepEqual(history.latencyMs, { p50: 0, p95: 0, p99: 0 })
    measure(-1)
    measure(0)
    assert.equal(history.latencyMs.p99, 0)
    for (let i = 0; i < 100; i++) measure(1e12)
    assert.ok(history.latencyMs.p50 > 1e6)
    clock.pass(60_000)
    // 1 ms to 10 s, out of order.
    for (let i = 0; i < 10_000; i++) measure(((i * 7919) % 10_000) + 1)
    const { p50, p95, p99 } = history.latencyMs
    for (const [got, due] of [
      [p50, 5000],
      [p95, 9500],
      [p99, 9900]
    ] as const) {
      assert.ok(Math.abs(got - due) < due * 0.04, `${got} instead of ${due}`)
    }
  })

  it('loses no minute if the wall clock is set back by a moment, as by NTP', () => {
    const { clock, history } = setUp()
    const count = (): number[] => history.minutes(3).map(({ acked }) => acked)
    for (let number = 0; number < 5; number++) history.readEvent(left('ack'))
    clock.pass(60_000)
    history.readEvent(left('ack'))
    clock.setWall(-100)
    assert.deepEqual(count(), [5], 'the minute before')
    history.readEvent(left('ack'))
    clock.pass(100)
    assert.deepEqual(count(), [6, 1])
    history.readEvent(left('ack'))
    clock.pass(60_000)
    history.readEvent(left('ack'))
    assert.deepEqual(count(), [6, 2, 1])
    assert.equal(history.lastHour.acked, 9)
  })

  it('counts an hour, and not the minute before it', () => {
    const { clock, history } = setUp()
    history.readEvent(left('ack'))
    clock.pass(60_000)
    history.readEvent(left('nak'))
    history.readEvent(left('error'))
    clock.pass(58 * 60_000)
    assert.deepEqual(history.lastHour, { acked: 1, naked: 1, failed: 1 })
    clock.pass(60_000)
    assert.deepEqual(history.lastHour, { acked: 0, naked: 1, failed: 1 })
    clock.pass(60_000)
    assert.deepEqual(history.lastHour, { acked: 0, naked: 0, failed: 0 })
  })

  it('looks only at what it keeps after the clock was set far ahead', () => {
    const { clock, history, hold } = setUp()
    hold(5)
    history.readEvent(left('ack'))
    // By 300 years: minute by minute, each look would stop Node-RED for seconds.
    clock.setWall(1e13)
    clock.pass(60_000)
    const began = performance.now()
    assert.deepEqual(
      history.minutes(2).map(({ queued }) => queued),
      [5, 5]
    )
    assert.deepEqual(history.lastHour, { acked: 0, naked: 0, failed: 0 })
    assert.equal(history.unstored.length, 1440)
    assert.ok(performance.now() - began < 5000)
  })

  it('keeps a day and no more', () => {
    const { clock, history } = setUp()
    history.readEvent(left('ack'))
    clock.pass(1440 * 60_000)
    history.readEvent(left('ack'))
    const minutes = history.minutes(5000)
    assert.equal(minutes.length, 1440)
    assert.equal(minutes.filter(({ acked }) => acked > 0).length, 1)
  })

  it('says how many left in the last 60 seconds, whatever the wall clock does', () => {
    const { clock, history } = setUp()
    for (let index = 0; index < 10; index++) history.readEvent(left('ack'))
    clock.pass(59_000)
    history.readEvent(left('nak'))
    assert.equal(history.perMinute, 11)
    clock.setWall(-86_400_000)
    clock.pass(1000)
    assert.equal(history.perMinute, 1)
    clock.pass(60_000)
    assert.equal(history.perMinute, 0)
    history.readEvent(left('ack'))
    assert.equal(history.minutes(1)[0]?.acked, 1)
  })

  it('knows when the last message was accepted', () => {
    const { clock, history } = setUp()
    assert.equal(history.lastAckAt, undefined)
    history.readEvent(left('ack'))
    const at = clock.now()
    clock.pass(5000)
    history.readEvent(left('nak'))
    assert.equal(history.lastAckAt, at)
  })
})
