import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { faultOf, type FailureFacts } from '../../src/delivery/fault.ts'

/** How an attempt can end. */
export type ReplyKind =
  | 'accept'
  | 'nak'
  | 'fail'
  | 'retry'
  | 'unreachable'
  /** An outage that counts: the receiver says that it gets too much. */
  | 'busy'
  /** No answer in time: that is no outage. */
  | 'timeout'
  | 'retry-after'
  /** By a rule that retries so often. */
  | 'retry-twice'
  | 'suspend'
  | 'disable'
  | 'await'
  | 'await-fail'
  | 'await-retry'
  | 'retry-suspend'
  | 'retry-disable'

const outcomes = {
  accept: ['accept', false],
  nak: ['fail', false],
  fail: ['fail', false],
  retry: ['fail', true],
  unreachable: ['fail', true],
  busy: ['fail', true],
  timeout: ['fail', true],
  'retry-after': ['fail', true],
  'retry-twice': ['fail', true],
  suspend: ['suspend', false],
  disable: ['disable', false],
  await: ['await', false],
  'await-fail': ['await', false],
  'await-retry': ['await', false],
  'retry-suspend': ['suspend', true],
  'retry-disable': ['disable', true]
} as const satisfies Record<ReplyKind, readonly [string, boolean]>

/** The Retry-After of a `retry-after`, in milliseconds. */
export const RETRY_AFTER_MS = 60_000

/** The result of an attempt, as the courier returns it. */
export function resultOf(kind: ReplyKind): AttemptResult {
  const [outcome, retry] = outcomes[kind]
  const late = kind === 'await-fail' ? 'fail' : kind === 'await-retry' ? 'retry' : 'suspend'
  const decision = {
    ...{ outcome, retry, rule: `rule ${kind}`, action: '', warnings: [] },
    ...(outcome === 'await' && ({ late } as const)),
    ...(kind === 'retry-twice' && { mostRetries: 2 })
  }
  if (kind === 'timeout') {
    return {
      decision,
      error: { code: 'ETIMEDOUT', family: 'timeout', text: 'no answer in time' },
      answered: false,
      elapsedMs: 1
    }
  }
  if (kind === 'unreachable') {
    return {
      decision,
      error: { code: 'ECONNREFUSED', family: 'connect', text: 'connection refused' },
      answered: false,
      elapsedMs: 1
    }
  }
  const isAccepted = kind === 'accept' || outcome === 'await'
  const acknowledged = isAccepted || kind === 'nak'
  const ack = {
    code: kind === 'accept' ? 'AA' : outcome === 'await' ? 'CA' : 'AR',
    ...{ controlId: '', text: '', severity: '' as const, errors: [] }
  }
  return {
    decision,
    reply: {
      status: kind === 'busy' ? 429 : acknowledged ? 200 : 500,
      headers: {},
      text: '',
      hl7: '',
      ack: acknowledged ? ack : null
    },
    answered: acknowledged,
    ...(kind === 'retry-after' ? { retryAfterMs: RETRY_AFTER_MS } : undefined),
    elapsedMs: 1
  }
}

/** The result of an attempt that the closing node aborts. */
export function abortedResult(): AttemptResult {
  return {
    decision: { outcome: 'fail', retry: false, rule: 'E=F', action: 'F', warnings: [] },
    error: { code: 'ERR_ABORTED', text: 'the request was cancelled on this side' },
    answered: false,
    elapsedMs: 1
  }
}

/** There was a receiver to talk to. */
export function isReached(result: FailureFacts): boolean {
  return faultOf(result)?.counts !== false
}
