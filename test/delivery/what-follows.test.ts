import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FailureFacts } from '../../src/delivery/fault.ts'
import { retriedUntil, type RetryTimes } from '../../src/delivery/what-follows.ts'
import { resultOf } from './replies.ts'

describe('what ends the retries of a message', () => {
  const { decision } = resultOf('retry')
  const failed = (family: 'connect' | 'token' | 'timeout', more = {}): FailureFacts => ({
    decision: { ...decision, ...more },
    error: { code: '', text: '', family }
  })
  const away = failed('connect')
  const slow = failed('timeout')
  const HOUR = 3_600_000

  for (const [what, result, ends, times = {}] of [
    ['the receiver is away', away, 'receiver'],
    ['there is no token', failed('token'), 'tokenServer'],
    ['no answer in time', slow, 'timeout'],
    ['the time counts while it is away', away, 'timeout', { failWhileUnreachable: true }],
    ['a rule counts', failed('connect', { mostRetries: 2 }), 'timeout'],
    ['for ever', away, 'answered', { failureTimeoutMs: Infinity }],
    [
      'for ever, but a rule counts',
      failed('connect', { mostRetries: 2 }),
      'timeout',
      { failureTimeoutMs: Infinity }
    ],
    ['one attempt', away, null, { failureTimeoutMs: 0 }],
    ['no retry', failed('connect', { retry: false }), null]
  ] satisfies [string, FailureFacts, ReturnType<typeof retriedUntil>, Partial<RetryTimes>?][]) {
    it(`is ${ends ?? 'nothing, for there are none'}: ${what}`, () => {
      const retry = { intervalMs: 5000, maxIntervalMs: 60_000 }
      const usual = { retry, failureTimeoutMs: HOUR, failWhileUnreachable: false }
      assert.equal(retriedUntil(result, { ...usual, ...times }), ends)
    })
  }
})
