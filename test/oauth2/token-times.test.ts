import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { retryWaitMs, isPast, validity } from '../../src/oauth2/token-times.ts'

describe('validity', () => {
  const sentAt = { wall: 1_000_000, monotonic: 5000 }
  const ends = (lifetime: number, random: number): [number, number] => {
    const { soft, hard } = validity(sentAt, lifetime, random)
    assert.equal(soft.wall - sentAt.wall, soft.monotonic - sentAt.monotonic)
    assert.equal(hard.wall - sentAt.wall, hard.monotonic - sentAt.monotonic)
    return [soft.wall - sentAt.wall, hard.wall - sentAt.wall]
  }

  it('refreshes in the last fifth of a short lifetime, and ends in the last tenth', () => {
    assert.deepEqual(ends(10, 1), [8000, 9000])
    assert.deepEqual(ends(10, 0), [8400, 9000])
  })

  it('ends a second early, because servers count in whole seconds, or at two thirds', () => {
    assert.deepEqual(ends(6, 1), [4500, 5000])
    assert.deepEqual(ends(3, 1), [1500, 2000])
    assert.deepEqual(ends(3, 0).map(Math.round), [1800, 2000])
    assert.deepEqual(ends(1.5, 1), [750, 1000])
  })

  it('refreshes at most five minutes before the end, and ends at most ten seconds before it', () => {
    assert.deepEqual(ends(3600, 1), [3_300_000, 3_590_000])
    assert.deepEqual(ends(3600, 0), [3_360_000, 3_590_000])
  })

  it('assumes a lifetime of at most a day', () => {
    assert.deepEqual(ends(1e8, 1), ends(86_400, 1))
    assert.notDeepEqual(ends(86_400, 1), ends(86_399, 1))
  })

  it('ends by either clock, exactly on time', () => {
    const at = (wall: number, monotonic: number) => isPast({ wall, monotonic }, sentAt)
    assert.equal(at(999_999, 4999), false)
    assert.equal(at(1_000_000, 4999), true)
    assert.equal(at(999_999, 5000), true)
  })
})

describe('retryWaitMs', () => {
  const waits = (permanent: boolean, random: number): number[] =>
    [1, 2, 3, 6, 7, 1000].map((failures) =>
      Math.round(retryWaitMs({ permanent }, failures, random))
    )

  it('doubles from a second to a minute for temporary failures', () => {
    assert.deepEqual(waits(false, 0.5), [1000, 2000, 4000, 32_000, 60_000, 60_000])
  })

  it('doubles from half a minute to five minutes for failures that someone has to fix', () => {
    assert.deepEqual(waits(true, 0.5), [30_000, 60_000, 120_000, 300_000, 300_000, 300_000])
  })

  it('waits as long as the server asks', () => {
    const wait = (retryAfterMs: number) => retryWaitMs({ permanent: false, retryAfterMs }, 1, 0.5)
    assert.equal(wait(999), 1000)
    assert.equal(wait(5000), 5000)
  })
})
