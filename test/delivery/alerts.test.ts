import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Alerts, type AlertFacts } from '../../src/delivery/alerts.ts'

const quiet: AlertFacts = { queued: 0, longestWaitMs: 0, suspended: 0 }

describe('Alerts', () => {
  it('raises the count alert once, and again only after the count has fallen below 80 %', () => {
    const alerts = new Alerts({ count: 10, waitSeconds: 0 })
    const check = (queued: number): number | undefined =>
      alerts.check({ ...quiet, queued }).alert?.value
    assert.deepEqual([10, 11, 20, 9, 8, 7, 10, 12].map(check), [
      undefined,
      11,
      11,
      11,
      11,
      undefined,
      undefined,
      12
    ])
  })

  it('raises an alert for the longest wait, in seconds', () => {
    const alerts = new Alerts({ count: 0, waitSeconds: 60 })
    const check = (seconds: number) =>
      alerts.check({ ...quiet, longestWaitMs: seconds * 1000 }).alert
    assert.equal(check(60), undefined)
    assert.deepEqual(check(61), { code: 'QUEUE_WAIT', value: 61 })
    assert.deepEqual(check(50), { code: 'QUEUE_WAIT', value: 61 })
    assert.equal(check(47), undefined)
  })

  it('reports every newly suspended message, even after others have left', () => {
    const alerts = new Alerts({ count: 0, waitSeconds: 0 })
    const check = (suspended: number): number | undefined =>
      alerts.check({ ...quiet, suspended }).alert?.value
    assert.deepEqual([1, 1, 3, 1, 2, 0, 1].map(check), [1, 1, 3, 3, 2, undefined, 1])
  })

  it('shows a wait first, then a count, then a suspension', () => {
    const alerts = new Alerts({ count: 1, waitSeconds: 1 })
    const code = (facts: Partial<AlertFacts>) => alerts.check({ ...quiet, ...facts }).alert?.code
    const all = { queued: 2, longestWaitMs: 2000, suspended: 1 }
    for (let told = 0; told < 3; told++) code(all)
    assert.equal(code(all), 'QUEUE_WAIT')
    assert.equal(code({ queued: 2, suspended: 1 }), 'QUEUE_COUNT')
    assert.equal(code({ suspended: 1 }), 'SUSPENDED')
  })

  it('reports each new alert, even while another is active', () => {
    const alerts = new Alerts({ count: 1, waitSeconds: 1 })
    const check = (facts: Partial<AlertFacts>): string => {
      const { alert, isNew } = alerts.check({ ...quiet, ...facts })
      return `${alert?.code ?? 'none'}${isNew ? ' (new)' : ''}`
    }
    const waits = { longestWaitMs: 2000 }
    assert.equal(check(waits), 'QUEUE_WAIT (new)')
    assert.equal(check(waits), 'QUEUE_WAIT')
    const more = { ...waits, queued: 2, suspended: 1 }
    assert.equal(check(more), 'QUEUE_COUNT (new)')
    assert.equal(check(more), 'SUSPENDED (new)')
    assert.equal(check(more), 'QUEUE_WAIT')
    assert.equal(check({ ...more, suspended: 2 }), 'SUSPENDED (new)')
  })
})
