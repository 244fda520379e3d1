import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallClocks, type CallFacts } from '../../nodes/flow/call-clocks.ts'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import type { CallTimes } from '../../src/queue/figures.ts'
import { conditionFacts } from '../support/condition-facts.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'

const SECOND = 1000

/** Clocks that are asked every second. */
function clocks(calls: CallTimes = {}) {
  let now = 5000
  const watch = new CallClocks(() => now)
  const tell = (event: DeliveryEvent): void => {
    watch.readEvent(event)
  }
  tell({ kind: 'opened', endedOn: [], figures: { ...NO_FIGURES, calls } })
  const move = (
    to: 'retrying' | 'left' | 'suspended' | 'awaiting',
    seq: number,
    outcome?: 'ack' | 'nak' | 'error',
    hasAnswered = false
  ) => {
    const message = { seq, controlId: '', type: '', acceptedAt: 0, attempts: 1 }
    const settlement = outcome && ({ outcome } as never)
    const result = hasAnswered ? ({ elapsedMs: 0, reply: { ack: {} } } as never) : undefined
    tell({ kind: 'moved', message, to, result, settlement })
  }
  const pass = (seconds: number, facts: Partial<CallFacts['delivery']>, token?: object): string => {
    const { delivery } = conditionFacts(facts)
    const known = token as CallFacts['token']
    let last = watch.look({ delivery, token: known })
    for (let second = 0; second < seconds; second++) {
      now += SECOND
      last = watch.look({ delivery, token: known })
    }
    return [last.stuckMs, last.refusedMs, last.tokenRefusedMs].map((ms) => ms / SECOND).join(' ')
  }
  return { watch, move, pass }
}

const retry = (about: string) => ({ controlId: '', attempts: 2, waitMs: 0, cause: '', about })
const paused = { at: 0, by: '', reason: '' }

describe('the clocks by which somebody is called', () => {
  it('count for how long messages wait and none gets through', () => {
    const { move, pass } = clocks()
    assert.equal(pass(10, {}), '0 0 0', 'nothing waits')
    assert.equal(pass(10, { queued: 3 }), '10 0 0')
    move('left', 1, 'error')
    assert.equal(pass(5, { queued: 2 }), '15 0 0', 'one that is given up did not get through')
    move('left', 2, 'ack')
    assert.equal(pass(5, { queued: 1 }), '5 0 0')
    assert.equal(pass(0, {}), '0 0 0')
  })

  it('begin again with each answer that is an acknowledgement', () => {
    const { move, pass } = clocks()
    const waits = { queued: 1 }
    for (const [to, outcome, hasAnswered, isThrough] of [
      ['left', 'nak', false, true],
      ['awaiting', undefined, true, true],
      ['suspended', undefined, true, true],
      ['suspended', undefined, false, false]
    ] as const) {
      pass(0, {})
      pass(10, waits)
      move(to, 1, outcome, hasAnswered)
      assert.equal(pass(1, waits), isThrough ? '1 0 0' : '11 0 0', to)
    }
  })

  it('count for how long one message is tried, though others get through', () => {
    const { move, pass } = clocks()
    const sides = { queued: 1, retrying: 1, retry: retry('failed') } as const
    move('retrying', 7)
    for (let at = 0; at < 5; at++) {
      pass(10, sides)
      move('retrying', 7)
      move('left', 10 + at, 'ack')
    }
    assert.equal(pass(0, sides), '50 0 0')
    move('suspended', 7)
    assert.equal(pass(1, { queued: 1 }), '1 0 0')
  })

  it('stand still while the node is paused, and while it does not run', () => {
    const before = clocks()
    before.move('retrying', 7)
    const stuck = { queued: 1, retrying: 1, retry: retry('denied') } as const
    assert.equal(before.pass(20, stuck), '20 20 0')
    assert.equal(before.pass(60, { ...stuck, paused }), '20 20 0')
    assert.equal(before.pass(10, stuck), '30 30 0')
    const { stored } = before.watch
    assert.deepEqual(stored, { stuck: 30_000, refused: 30_000, tried: { seq: 7, ms: 30_000 } })
    assert.equal(clocks(stored).pass(10, stuck), '40 40 0')
    assert.equal(clocks({ stuck: 30_000 }).pass(10, {}), '0 0 0', 'it is over')
  })

  it('count a refusal of login, address or certificate from when it began', () => {
    const { move, pass } = clocks()
    const of = (about: string) => ({ queued: 1, retrying: 1, retry: retry(about) }) as const
    assert.equal(pass(50, of('unreachable')), '50 0 0')
    assert.equal(pass(20, of('not-found')), '70 20 0')
    assert.equal(pass(20, of('tls-expired')), '90 40 0')
    // A firewall refuses one of many: the address is right.
    move('left', 2, 'ack')
    assert.equal(pass(5, of('denied')), '5 5 0')
  })

  it('count for how long the token server refuses, whatever waits', () => {
    const { move, pass } = clocks({ token: 5000 })
    assert.equal(pass(5, {}, { state: 'idle' }), '0 0 0')
    const refused = { state: 'refresh failing', permanent: true }
    assert.equal(pass(5, {}, refused), '0 0 15')
    move('left', 1, 'ack')
    assert.equal(pass(5, {}, { ...refused, state: 'none' }), '0 0 20')
    assert.equal(pass(5, {}, { state: 'none', permanent: false }), '0 0 0')
  })
})
