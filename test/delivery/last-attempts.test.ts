import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GiveUpClock } from '../../src/delivery/give-up-clock.ts'
import { LastAttempts, type LastAttempt } from '../../src/delivery/last-attempts.ts'
import type { Message } from '../../src/delivery/message.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { resultOf } from './replies.ts'

const message = (seq: number): Message<unknown> =>
  ({ row: { seq }, renewals: 0 }) as unknown as Message<unknown>

/** A last attempt whose reply has so many characters. */
function lastAttempt(characters: number): LastAttempt {
  const reply = { status: 500, headers: {}, text: 'x'.repeat(characters), hl7: '', ack: null }
  const settlement = { outcome: 'error', rule: '', action: '', warnings: [], reply } as const
  return {
    result: resultOf('retry'),
    settlement: settlement as unknown as LastAttempt['settlement']
  }
}

describe('Last attempts', () => {
  it('are kept up to 16 MiB, the newest: a message that they forget is tried once more', async () => {
    const clock = new FakeClock()
    const over: number[] = []
    const nothing = (): void => undefined
    const giveUpClock = new GiveUpClock(clock, { onGo: nothing, onInVain: nothing })
    const lastAttempts = new LastAttempts(clock, giveUpClock, (seq) => over.push(seq))
    const megabyte = 2 ** 20
    for (let seq = 1; seq <= 20; seq++) {
      lastAttempts.keep(message(seq), 1000, lastAttempt(megabyte / 2))
    }
    // What is tried again in time makes room.
    lastAttempts.take(20)
    lastAttempts.keep(message(21), 1000, lastAttempt(megabyte / 2))
    await clock.advance(1000)
    const kept = Array.from({ length: 21 }, (_, at) => at + 1).filter((seq) =>
      lastAttempts.finalOf(message(seq))
    )
    assert.deepEqual(kept, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21])
    assert.deepEqual(over, kept)
    lastAttempts.close()
    assert.equal(clock.timers, 0)
  })
})
