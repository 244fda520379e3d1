import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sleep } from '../../src/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'

describe('sleep', () => {
  it('ends when its signal aborts, and leaves no timer', async () => {
    const clock = new FakeClock()
    const closing = new AbortController()
    const sleeping = sleep(clock, 30_000, closing.signal)
    assert.equal(clock.timers, 1)
    closing.abort()
    await sleeping
    assert.equal(clock.timers, 0)
  })

  it('starts no timer if its signal has already aborted, as after a close', async () => {
    const clock = new FakeClock()
    await sleep(clock, 30_000, AbortSignal.abort())
    assert.equal(clock.timers, 0)
  })
})
