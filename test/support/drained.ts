import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestNodeRed } from './node-red.ts'

/** What an hl7-https-out node holds, as the admin API says. */
interface Held {
  queued: number
  inFlight: number
  suspended: number
}

/** The number of messages that hl7-https-out nodes hold, suspended ones included. */
export async function heldBy(nodeRed: TestNodeRed, nodes: readonly string[]): Promise<number> {
  let held = 0
  for (const id of nodes) {
    const { body } = await nodeRed.get(`/hl7-https-out/${id}`)
    const { queued, inFlight, suspended } = body as Held
    held += queued + inFlight + suspended
  }
  return held
}

/**
 * Waits until hl7-https-out nodes hold no message. That may take as long as it needs: only queues
 * that do not get shorter for `stuckMs` are a failure.
 *
 * @param meanwhile is done before each look
 */
export async function drained(
  nodeRed: TestNodeRed,
  nodes: readonly string[],
  { stuckMs = 60_000, meanwhile = () => Promise.resolve() } = {}
): Promise<void> {
  let least = Infinity
  let deadline = Infinity
  // Three looks: a message may be on its way into a node.
  for (let empty = 0; empty < 3;) {
    await meanwhile()
    const held = await heldBy(nodeRed, nodes)
    empty = held === 0 ? empty + 1 : 0
    if (held < least) {
      least = held
      deadline = performance.now() + stuckMs
    }
    assert.ok(performance.now() < deadline, `${held} messages are stuck`)
    await wait(100)
  }
}
