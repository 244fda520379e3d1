/** Rules with a count: `R2S` is an attempt and at most two retries that this rule asks for. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { storyOf } from '../../nodes/operations/message-story.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { settled } from '../support/fake-clock.ts'
import { resultOf } from './replies.ts'
import { setUp, type Setup } from './set-up.ts'

const LOCKED = '@ERR-3:206=R2S'
const BUSY = '@ERR-3:207=R1F'

/** An answer about which a rule with a count decides. */
function counted(rule: string, outcome: 'suspend' | 'fail', mostRetries: number): AttemptResult {
  const result = resultOf('retry')
  return { ...result, decision: { ...result.decision, rule, outcome, mostRetries } }
}
const locked = (): AttemptResult => counted(LOCKED, 'suspend', 2)
const busy = (): AttemptResult => counted(BUSY, 'fail', 1)

/** Answers the attempt that goes on, and waits until the next is due. */
async function answer({ clock, flights }: Setup, result: AttemptResult): Promise<void> {
  const flight = flights.shift() ?? assert.fail('nothing is being sent')
  flight.end(result)
  await settled()
  await clock.advance(60_000)
}

const quick = { retry: { intervalMs: 60_000, maxIntervalMs: 60_000 } }

describe('a rule with a count', () => {
  it('retries so often, and then does what its letter says; the next message goes on', async () => {
    const setup = await setUp(quick)
    await setup.add('a1', 'a2')
    for (const isSuspended of [0, 0, 1]) {
      await answer(setup, locked())
      assert.equal(setup.delivery.state().suspended, isSuspended)
    }
    assert.equal(setup.flights[0]?.content, 'a2')
    const { messages } = await (
      await setup.delivery.reader()
    ).find({ state: 'suspended', limit: 1 })
    const [row = assert.fail('It should be suspended.')] = messages
    assert.equal(row.attempts, 3)
    assert.deepEqual(
      storyOf(row).map(({ text }) => /^[A-Z]\w+(?: \d of \d)?/.exec(text)?.[0]),
      ['Accepted', 'Attempt', 'Retry 1 of 2', 'Retry 2 of 2', 'Suspended']
    )
  })

  it('does not count the retries of other rules, which have counts of their own', async () => {
    const setup = await setUp(quick)
    await setup.add('a1')
    const results = [locked(), resultOf('retry'), busy(), locked(), resultOf('retry')]
    for (const result of results) await answer(setup, result)
    assert.equal(setup.delivery.state().suspended, 0)
    await answer(setup, busy())
    assert.deepEqual(setup.emitted, ['a1 HL7_DELIVERY_FAILED'])
  })

  it('has a count of its own, however much of it another rule begins with', async () => {
    const setup = await setUp(quick)
    const long = `(${Array.from({ length: 100 }, (_, at) => `@ERR-3:${at}`).join()}`
    await setup.add('a1')
    for (const end of [')=R1S', ',@ERR-3:100)=R1S']) {
      await answer(setup, counted(long + end, 'suspend', 1))
      assert.equal(setup.delivery.state().suspended, 0)
    }
    await answer(setup, counted(`${long})=R1S`, 'suspend', 1))
    assert.equal(setup.delivery.state().suspended, 1)
  })
})
