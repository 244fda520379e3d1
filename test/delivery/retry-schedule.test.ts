import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryWaitMs } from '../../src/delivery/retry-schedule.ts'

const settings = { intervalMs: 5000, maxIntervalMs: 60_000 }

describe('retryWaitMs', () => {
  it('doubles the wait from the interval up to the maximum', () => {
    const waits = [0, 1, 2, 3, 4, 5, 1000].map((retries) => retryWaitMs(settings, retries, 0.5))
    assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
  })

  it('varies by a fifth either way', () => {
    assert.equal(retryWaitMs(settings, 0, 0), 4000)
    assert.ok(Math.abs(retryWaitMs(settings, 0, 0.999999) - 6000) < 1)
  })

  it('never waits longer than the maximum', () => {
    assert.equal(retryWaitMs(settings, 5, 0.999999), 60_000)
    // Nor do many that wait so long return in step.
    assert.equal(retryWaitMs(settings, 5, 0), 48_000)
    assert.equal(retryWaitMs({ intervalMs: 5000, maxIntervalMs: 5500 }, 0, 0.999999), 5500)
  })

  it('uses a fixed interval if the maximum is not larger', () => {
    for (const maxIntervalMs of [5000, 1]) {
      for (const random of [0, 0.5, 0.999999]) {
        assert.equal(retryWaitMs({ intervalMs: 5000, maxIntervalMs }, 9, random), 5000)
      }
    }
  })
})
