import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryWaitMs } from '../../src/delivery/retry-schedule.ts'
import { retryAfterMs } from '../../src/http-client/retry-after.ts'

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
    assert.equal(retryWaitMs(settings, 5, 0), 60_000)
    assert.equal(retryWaitMs({ intervalMs: 5000, maxIntervalMs: 5500 }, 0, 0.999999), 5500)
  })

  it('uses a fixed interval if the maximum is not larger', () => {
    for (const maxIntervalMs of [5000, 1]) {
      for (const random of [0, 0.5, 0.999999]) {
        assert.equal(retryWaitMs({ intervalMs: 5000, maxIntervalMs }, 9, random), 5000)
      }
    }
  })

  it('waits at least as long as the server asks, but at most an hour', () => {
    assert.equal(retryWaitMs(settings, 0, 0.5, 3000), 5000)
    assert.equal(retryWaitMs(settings, 0, 0.5, 30_000), 30_000)
    assert.equal(retryWaitMs(settings, 0, 0.5, 1e12), 3_600_000)
  })
})

describe('retryAfterMs', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5)

  it('reads seconds and dates', () => {
    assert.equal(retryAfterMs('120', now), 120_000)
    assert.equal(retryAfterMs(' 0 ', now), 0)
    assert.equal(retryAfterMs('Fri, 02 Jan 2026 03:05:05 GMT', now), 60_000)
    assert.equal(retryAfterMs('Friday, 02-Jan-26 03:05:05 GMT', now), 60_000)
    assert.equal(retryAfterMs('Fri, 02 Jan 2026 03:00:00 GMT', now), 0)
  })

  it('ignores anything else', () => {
    for (const header of [undefined, '', '-1', '1.5', 'soon', '99999999999', '2026-01-02']) {
      assert.equal(retryAfterMs(header, now), undefined, header)
    }
  })
})
