import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Message } from '../../src/delivery/message.ts'
import { NamedMessages } from '../../src/delivery/named-messages.ts'

function message(seq: number, controlId: string): Message {
  const entry = { seq, lane: '', controlId, type: 'ADT^A01', acceptedAt: 0, state: 'suspended' }
  return new Message({ ...entry, state: 'suspended', attempts: 1, spentMs: 0 }, 'suspended', 0)
}

/** The numbers of those with a control ID. */
function named(messages: NamedMessages, controlId: string): number[] {
  return [...messages.named(controlId)].map(({ entry }) => entry.seq).sort()
}

describe('NamedMessages', () => {
  it('finds messages by control ID as long as they are there', () => {
    const messages = new NamedMessages()
    for (const [seq, id] of [
      [1, 'A'],
      [2, 'B'],
      [3, 'A']
    ] as const) {
      messages.set(seq, message(seq, id))
    }
    assert.deepEqual([named(messages, 'A'), named(messages, 'B')], [[1, 3], [2]])
    messages.set(3, message(3, 'B'))
    assert.deepEqual([named(messages, 'A'), named(messages, 'B')], [[1], [2, 3]])
    assert.deepEqual([messages.delete(1), messages.delete(1)], [true, false])
    assert.deepEqual([named(messages, 'A'), messages.size], [[], 2])
    assert.deepEqual(named(messages, 'C'), [])
  })

  it('puts one in its place again', () => {
    const messages = new NamedMessages()
    const again = message(1, 'A')
    messages.set(1, again).set(1, again)
    assert.deepEqual([named(messages, 'A'), messages.size], [[1], 1])
  })
})
