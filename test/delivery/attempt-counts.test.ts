import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AttemptCounts, DURATION_BOUNDS_MS } from '../../src/delivery/attempt-counts.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { resultOf, type ReplyKind } from './replies.ts'

function counted(...results: AttemptResult[]): ReturnType<AttemptCounts['figures']> {
  const counts = new AttemptCounts()
  for (const result of results) counts.add(result)
  return counts.figures()
}

describe('AttemptCounts', () => {
  it('begins with zero for everything', () => {
    const { attempts, durations } = counted()
    assert.deepEqual(attempts, { ack: 0, nak: 0, http: 0, error: 0, token: 0 })
    assert.deepEqual(durations, { atMost: DURATION_BOUNDS_MS.map(() => 0), sumMs: 0, count: 0 })
  })

  for (const [kind, outcome] of [
    ['accept', 'ack'],
    ['nak', 'nak'],
    ['retry', 'http'],
    ['suspend', 'http'],
    ['unreachable', 'error']
  ] as const satisfies [ReplyKind, string][]) {
    it(`counts the attempt "${kind}" as ${outcome}`, () => {
      const { attempts } = counted(resultOf(kind))
      assert.deepEqual(attempts, { ...counted().attempts, [outcome]: 1 })
    })
  }

  it('counts an attempt without a token apart, and what a rule accepts as accepted', () => {
    const noToken: AttemptResult = {
      ...resultOf('unreachable'),
      error: { code: 'invalid_client', family: 'token', text: 'refused' }
    }
    const { decision } = resultOf('accept')
    const { attempts } = counted(noToken, { ...resultOf('retry'), decision })
    assert.deepEqual(attempts, { ack: 1, nak: 0, http: 0, error: 0, token: 1 })
  })

  it('counts a message as accepted whose application acknowledgement is still to come', () => {
    const { decision, ...result } = resultOf('accept')
    const { attempts } = counted({ ...result, decision: { ...decision, outcome: 'await' } })
    assert.equal(attempts.ack, 1)
  })

  it('counts each time below every bound that it does not exceed', () => {
    const times = [-1, 50, 50.1, 2500, 60_000, 60_001, 1e9]
    const { durations } = counted(
      ...times.map((elapsedMs) => ({ ...resultOf('nak'), elapsedMs })),
      // Nobody answered.
      { ...resultOf('unreachable'), elapsedMs: 30_000 }
    )
    assert.deepEqual(durations.atMost, [2, 3, 3, 3, 3, 4, 4, 4, 4, 5])
    assert.equal(durations.count, 7)
    assert.equal(Math.round(durations.sumMs), Math.round(times.slice(1).reduce((a, b) => a + b)))
  })

  it('hands out figures that do not change afterwards', () => {
    const counts = new AttemptCounts()
    const before = counts.figures()
    counts.add(resultOf('accept'))
    assert.deepEqual(before, counted())
  })
})
