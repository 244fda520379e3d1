import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Operator } from '../../src/delivery/operator.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { settled } from '../support/fake-clock.ts'
import { FakeDisk } from './fake-disk.ts'
import { setUpOn, type Setup } from './set-up.ts'

/** What somebody does with the message that they have seen. @returns whether they are told that it was done */
type Act = (operator: Operator<string>, seen: MessageRow, by: string) => Promise<boolean>

const edit: Act = async (operator, seen, by) => {
  const edited = { controlId: 'a1', type: 'ADT^A01', content: `a1 edited by ${by}` }
  const isSuspended = seen.state === 'suspended'
  const { kind } = await operator.edit({ seq: seen.seq, isSuspended }, edited, { by })
  return kind === 'edited' || kind === 'sent'
}
const discard: Act = async (operator, { seq }, by) =>
  (await operator.discard({ ids: [seq] }, by)) > 0
const resend: Act = async (operator, { seq }, by) => (await operator.resend({ ids: [seq] }, by)) > 0
const sendAgain: Act = async (operator, { seq }, by) =>
  (await operator.sendAgain({ ids: [seq] }, by)).resent > 0

/** So many calls of the queue take effect before the other one begins: all that one act makes, and some more. */
const MOST_STEPS = 15

/** A message that two have seen: it is suspended, or has left. */
async function seenMessage(kind: 'suspend' | 'fail', disk: FakeDisk): Promise<Setup> {
  const setup = await setUpOn(disk, { order: 'none' })
  await setup.add('a1')
  await setup.reply(kind)
  return setup
}

/** Two act on it, the second one so many steps after the first. @returns how many were told that it was done */
async function race(
  setup: Setup,
  disk: FakeDisk,
  acts: [Act, Act],
  steps: number
): Promise<number> {
  const { delivery, flights, reply } = setup
  const operator = await delivery.operator()
  const { row } = await (await delivery.reader()).read(1)
  disk.immediate = false
  const first = acts[0](operator, row, 'ada')
  await step(disk, steps)
  // The receiver answers what is on its way by then, and it may have left.
  while (flights.length > 0) await reply('nak')
  await step(disk, steps)
  const second = acts[1](operator, row, 'bert')
  await step(disk, 2 * MOST_STEPS)
  const done = await Promise.all([first, second])
  disk.immediate = true
  while (flights.length > 0) await reply('nak')
  return done.filter(Boolean).length
}

async function step(disk: FakeDisk, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    disk.step()
    await settled()
  }
}

describe('Of two acts on a message as both have seen it', () => {
  const suspended: [string, Act, Act][] = [
    ['a discard and an edit', discard, edit],
    ['an edit and a discard', edit, discard],
    ['two edits', edit, edit],
    ['a resend and an edit', resend, edit],
    ['an edit and a resend', edit, resend],
    ['two discards', discard, discard]
  ]
  for (const [what, ...acts] of suspended) {
    it(`one comes too late, if it is suspended: ${what}`, async () => {
      for (let steps = 0; steps <= MOST_STEPS; steps++) {
        const disk = new FakeDisk({ immediate: true, contentDays: 1 })
        const setup = await seenMessage('suspend', disk)
        const done = await race(setup, disk, acts, steps)
        const left = setup.emitted.join()
        assert.deepEqual([done, setup.emitted.length], [1, 1], `${steps} steps: ${left}`)
      }
    })
  }

  const gone: [string, Act, Act][] = [
    ['two edits', edit, edit],
    ['an edit and another sending', edit, sendAgain],
    ['another sending and an edit', sendAgain, edit],
    ['two sendings', sendAgain, sendAgain]
  ]
  for (const [what, ...acts] of gone) {
    it(`one comes too late, if it has left: ${what}`, async () => {
      for (let steps = 0; steps <= MOST_STEPS; steps++) {
        const disk = new FakeDisk({ immediate: true, contentDays: 1 })
        const setup = await seenMessage('fail', disk)
        const done = await race(setup, disk, acts, steps)
        const left = setup.emitted.join()
        assert.deepEqual([done, setup.emitted.length], [1, 2], `${steps} steps: ${left}`)
      }
    })
  }
})
