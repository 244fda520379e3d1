import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestNodeRed } from './node-red.ts'

/** What an hl7-https-out node holds, as the admin API says. */
interface Held {
  queued: number
  inFlight: number
  suspended: number
  /** A sentence. */
  reason: string
}

/** The number of messages that hl7-https-out nodes hold, suspended ones included. */
export async function heldBy(nodeRed: TestNodeRed, nodes: readonly string[]): Promise<number> {
  let held = 0
  for (const id of nodes) {
    const { queued, inFlight, suspended } = await stateOf(nodeRed, id)
    held += queued + inFlight + suspended
  }
  return held
}

async function stateOf(nodeRed: TestNodeRed, id: string): Promise<Held> {
  return (await nodeRed.get(`/hl7-https-out/${id}`)).body as Held
}

/** What the nodes say of the messages that do not leave. */
async function whyStuck(nodeRed: TestNodeRed, nodes: readonly string[]): Promise<string> {
  const states = await Promise.all(nodes.map((id) => stateOf(nodeRed, id)))
  return states
    .map(({ queued, inFlight, suspended, reason }) =>
      JSON.stringify({ queued, inFlight, suspended, reason })
    )
    .join()
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
    if (performance.now() >= deadline) {
      assert.fail(`${held} messages are stuck: ${await whyStuck(nodeRed, nodes)}`)
    }
    await wait(100)
  }
}
