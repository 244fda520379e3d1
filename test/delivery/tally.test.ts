import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { faultOf } from '../../src/delivery/fault.ts'
import { Tally } from '../../src/delivery/tally.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import { resultOf } from './replies.ts'

const message = { seq: 1, controlId: 'a1', type: 'ADT^A01', acceptedAt: 0, attempts: 1 }

describe('Tally', () => {
  it('shows a queue that could not be opened until it is open', () => {
    const tally = new Tally(Date.now)
    tally.readEvent({ kind: 'queue-failed', code: 'SQLITE_BUSY' })
    assert.equal(tally.values().failing, 'SQLITE_BUSY')
    tally.readEvent({ kind: 'opened', endedOn: [], figures: NO_FIGURES })
    assert.equal(tally.values().failing, null)
    assert.equal(tally.values().lastError?.code, 'SQLITE_BUSY')
  })

  it('shows a queue that could not be written until it can, and then only what else failed', () => {
    const tally = new Tally(Date.now)
    tally.readEvent({ kind: 'queue-failed', code: 'SQLITE_FULL' })
    tally.readEvent({ kind: 'moved', message, to: 'leaving' })
    assert.equal(tally.values().failing, 'SQLITE_FULL', 'nothing shows that this was stored')
    tally.readEvent({ kind: 'moved', message, to: 'retrying', result: resultOf('unreachable') })
    assert.equal(tally.values().failing, null)
  })

  it('knows the time limit of a receiver once three answers in a row took as long', () => {
    const fault = faultOf({ ...resultOf('retry'), meaning: 504 })
    const tally = new Tally(Date.now)
    const take = (elapsedMs: number, isLimit = true): number | null => {
      const result = { ...resultOf('retry'), elapsedMs }
      tally.readEvent({ kind: 'attempted', message, result, fault: isLimit ? fault : undefined })
      return tally.values().ownLimitMs
    }
    assert.equal(fault?.about, 'own-limit')
    assert.deepEqual([take(5010), take(5400), take(5100)], [null, null, 5010])
    assert.equal(take(9000), null)
    assert.deepEqual([take(9100), take(9200)], [null, 9000])
    assert.equal(take(9100, false), null)
  })

  it('shows that nothing is read, whatever was on its way and leaves meanwhile', () => {
    const tally = new Tally(Date.now)
    const { reply } = resultOf('accept')
    const settlement = { outcome: 'ack', reply } as unknown as Settlement
    const left = (): void => {
      tally.readEvent({ kind: 'moved', message, to: 'left', settlement })
    }
    tally.readEvent({ kind: 'unreadable', error: new Error('full'), againMs: 30_000 })
    left()
    assert.equal(tally.values().failing, 'HL7_QUEUE_FAILED')
    tally.readEvent({ kind: 'read-again' })
    assert.equal(tally.values().failing, 'HL7_QUEUE_FAILED', 'nothing shows that it can be read')
    left()
    assert.equal(tally.values().failing, null)
  })

  it('does not say of a message that is still retried, or waits, that it was not delivered', () => {
    const refused = resultOf('nak')
    for (const [result, attempts, text] of [
      [
        resultOf('unreachable'),
        1,
        'ECONNREFUSED: connection refused. Check the host and port of the URL, and that the receiver is running. Message a1 (ADT^A01) stays in the queue (one attempt so far).'
      ],
      [
        refused,
        3,
        'AR from the receiver. Message a1 (ADT^A01) stays in the queue (3 attempts so far).'
      ]
    ] as const) {
      for (const to of ['retrying', 'waiting'] as const) {
        const tally = new Tally(Date.now)
        tally.readEvent({ kind: 'moved', message: { ...message, attempts }, to, result })
        assert.equal(tally.values().lastError?.text, text)
      }
    }
  })
})
