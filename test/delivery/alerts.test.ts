import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Alerts } from '../../src/delivery/alerts.ts'

describe('Alerts', () => {
  it('raises the count alert once, and again only after the count has fallen below 80 %', () => {
    const alerts = new Alerts({ count: 10, waitSeconds: 0 })
    const isRaised = (queued: number): boolean =>
      alerts.check({ queued, longestWaitMs: 1e9 }).has('QUEUE_COUNT')
    assert.deepEqual([10, 11, 20, 9, 8, 7, 10, 12].map(isRaised), [
      false,
      true,
      true,
      true,
      true,
      false,
      false,
      true
    ])
  })

  it('raises an alert for the longest wait, in seconds', () => {
    const alerts = new Alerts({ count: 0, waitSeconds: 60 })
    const isRaised = (seconds: number): boolean =>
      alerts.check({ queued: 1e9, longestWaitMs: seconds * 1000 }).has('QUEUE_WAIT')
    assert.deepEqual([60, 61, 50, 47, 60].map(isRaised), [false, true, true, false, false])
  })

  it('raises both at a time', () => {
    const alerts = new Alerts({ count: 1, waitSeconds: 1 })
    assert.deepEqual(
      [...alerts.check({ queued: 2, longestWaitMs: 2000 })],
      ['QUEUE_WAIT', 'QUEUE_COUNT']
    )
    assert.deepEqual([...alerts.check({ queued: 0, longestWaitMs: 2000 })], ['QUEUE_WAIT'])
  })
})
