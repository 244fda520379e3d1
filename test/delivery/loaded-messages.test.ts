import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LoadedMessages } from '../../src/delivery/loaded-messages.ts'
import type { EntryFacts } from '../../src/outbox/outbox.ts'

const MB = 1024 * 1024
const facts = (seq: number): EntryFacts => ({
  ...{ seq, lane: '', controlId: `C${seq}`, type: 'ADT^A01', acceptedAt: 0 },
  ...{ state: 'waiting', attempts: 0, spentMs: 0 }
})

describe('LoadedMessages', () => {
  const filled = (...sizes: number[]) => {
    const messages = new LoadedMessages<number>((size) => size)
    for (const [index, size] of sizes.entries()) messages.add(facts(index + 1), size)
    return messages
  }
  const kept = (messages: LoadedMessages<number>) =>
    messages.takeAll().map((message) => message.facts.seq)

  it('keeps 16 MB, and what cannot be had again', () => {
    assert.deepEqual(kept(filled(10 * MB, 7 * MB, 6 * MB, Infinity, 1, Infinity)), [1, 3, 4, 6])
  })

  it('keeps a longer message where it is alone, and none beside it', () => {
    assert.deepEqual(kept(filled(50 * MB, 1, 50 * MB)), [1])
    assert.deepEqual(kept(filled(1, 50 * MB, 1)), [1, 3])
    const messages = filled(50 * MB, 1)
    assert.equal(messages.take(1)?.content, 50 * MB)
    messages.add(facts(3), 50 * MB)
    assert.deepEqual(kept(messages), [3])
  })

  it('frees what it has counted, though a flow has changed the content meanwhile', () => {
    const messages = new LoadedMessages<{ size: number }>(({ size }) => size)
    const content = { size: 10 * MB }
    messages.add(facts(1), content)
    messages.add(facts(2), { size: MB })
    // A function was put on it: now it could not be had again.
    content.size = Infinity
    messages.take(1)
    messages.add(facts(3), { size: 15 * MB })
    assert.deepEqual(
      messages.takeAll().map((message) => message.facts.seq),
      [2, 3]
    )
  })
})
