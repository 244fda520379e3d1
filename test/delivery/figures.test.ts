import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Figures } from '../../src/delivery/figures.ts'

describe('Figures', () => {
  it('gives percentiles to within a few percent', () => {
    const figures = new Figures()
    // 1 ms to 10 s, not in order.
    for (let i = 0; i < 10_000; i++) figures.addLatency(((i * 7919) % 10_000) + 1)
    const { p50, p95, p99 } = figures.values().latencyMs
    for (const [got, due] of [
      [p50, 5000],
      [p95, 9500],
      [p99, 9900]
    ] as const) {
      assert.ok(Math.abs(got - due) < due * 0.04, `${got} instead of ${due}`)
    }
  })

  it('shows nothing before something was measured, and takes every number', () => {
    const figures = new Figures()
    assert.deepEqual(figures.values().latencyMs, { p50: 0, p95: 0, p99: 0 })
    figures.addLatency(-1)
    figures.addLatency(0)
    assert.equal(figures.values().latencyMs.p99, 0)
    for (let i = 0; i < 100; i++) figures.addLatency(1e12)
    assert.ok(figures.values().latencyMs.p50 > 1e6)
  })
})
