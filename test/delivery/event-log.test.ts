import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventLog } from '../../src/delivery/event-log.ts'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import type { QueueEvent } from '../../src/outbox/journal.ts'
import type { Entry } from '../../src/outbox/outbox.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { resultOf, type ReplyKind } from './replies.ts'

function entry(seq: number, attempts = 1): Entry {
  return {
    ...{ seq, lane: '', controlId: `C${seq}`, type: 'ADT^A01', acceptedAt: 0 },
    ...{ state: 'waiting', attempts, spentMs: 0 }
  }
}

function setUp(): { clock: FakeClock; log: EventLog; events: QueueEvent[] } {
  const clock = new FakeClock()
  const events: QueueEvent[] = []
  return { clock, events, log: new EventLog((event) => events.push(event), clock) }
}

function moved(
  about: Entry,
  to: 'retrying' | 'suspended' | 'leaving',
  kind: ReplyKind
): DeliveryEvent {
  return { kind: 'moved', entry: about, from: 'sending', to, result: resultOf(kind) }
}

const told = (events: readonly QueueEvent[]): unknown[] =>
  events.map(({ kind, by, values }) => [kind, by, values])

describe('EventLog', () => {
  it('makes one event of many suspensions by one rule', async () => {
    const { clock, events, log } = setUp()
    for (let seq = 1; seq <= 5000; seq++) log.note(moved(entry(seq), 'suspended', 'suspend'))
    assert.deepEqual(events, [])
    await clock.advance(10_000)
    assert.deepEqual(told(events), [['suspended', 'rule', { count: 5000, rule: 'rule suspend' }]])
    assert.equal(clock.timers, 0)
  })

  it('writes at a close what it is still counting', () => {
    const { clock, events, log } = setUp()
    log.note(moved(entry(1), 'suspended', 'suspend'))
    log.note({ kind: 'closing' })
    assert.equal(events.length, 1)
    assert.equal(clock.timers, 0)
  })

  it('counts few rules apart: they are written when there are too many', () => {
    const { events, log } = setUp()
    for (let rule = 0; rule < 100; rule++) {
      const result = resultOf('suspend')
      log.note({
        ...{ kind: 'moved', entry: entry(rule + 1), from: 'sending', to: 'suspended' },
        result: { ...result, decision: { ...result.decision, rule: `rule ${rule}` } }
      })
    }
    assert.ok(events.length >= 80)
  })

  it('notes that it retries from the second failure on, and how long that lasted', () => {
    const { clock, events, log } = setUp()
    log.note(moved(entry(1), 'retrying', 'unreachable'))
    assert.deepEqual(events, [])
    log.note(moved(entry(1, 2), 'retrying', 'unreachable'))
    log.note(moved(entry(2, 2), 'retrying', 'unreachable'))
    clock.pass(90_000)
    log.note(moved(entry(1), 'leaving', 'accept'))
    log.note(moved(entry(2), 'leaving', 'accept'))
    assert.deepEqual(told(events), [
      ['retrying', '', { cause: 'ECONNREFUSED', controlId: 'C1' }],
      ['recovered', '', { seconds: 90 }]
    ])
  })

  it('notes at once what does not pass by itself', () => {
    const { events, log } = setUp()
    const result = { ...resultOf('unreachable'), isPermanent: true }
    log.note({ kind: 'moved', entry: entry(1), from: 'sending', to: 'retrying', result })
    log.note({ kind: 'moved', entry: entry(1, 2), from: 'sending', to: 'retrying', result })
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying']
    )
  })

  it('does not call it recovered when a message was given up', () => {
    const { events, log } = setUp()
    log.note(moved(entry(1, 2), 'retrying', 'unreachable'))
    const settlement = {
      ...{ outcome: 'error' as const, rule: '', action: '', warnings: [], settledAt: 0 }
    }
    log.note({ kind: 'moved', entry: entry(1), from: 'sending', to: 'leaving', settlement })
    log.note(moved(entry(2, 2), 'retrying', 'unreachable'))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['retrying', 'retrying']
    )
  })

  it('notes a token that is lost once, and its return', () => {
    const { events, log } = setUp()
    log.noteToken(undefined)
    log.noteToken('invalid_client')
    log.noteToken('invalid_client')
    log.noteToken(undefined)
    assert.deepEqual(told(events), [
      ['token-lost', '', { cause: 'invalid_client' }],
      ['token-back', '', {}]
    ])
  })

  it('repeats a fault of the queue once a minute at most', () => {
    const { clock, events, log } = setUp()
    for (let second = 0; second < 119; second++) {
      log.note({ kind: 'queue-failed', code: 'SQLITE_FULL' })
      clock.pass(1000)
    }
    assert.deepEqual(told(events), [
      ['queue-fault', '', { cause: 'SQLITE_FULL' }],
      ['queue-fault', '', { cause: 'SQLITE_FULL' }]
    ])
  })
})
