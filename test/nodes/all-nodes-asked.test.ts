/** What is asked of all nodes, without a Node-RED: nodes that answer what a test says. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { deployedOutNodes, outParts } from '../../nodes/flow/out-parts.ts'
import { allMessagesRoutes } from '../../nodes/operations/all-messages.ts'
import type { AllMessagesPage } from '../../nodes/operations/answers.ts'
import type { MessageQuery } from '../../src/queue/queue-types.ts'

type Find = (query: MessageQuery, signal?: AbortSignal) => Promise<unknown>

function deploy(id: string, find: Find): void {
  const node = { id, name: id }
  const parts = { delivery: { reader: () => Promise.resolve({ find }) }, searchFields: [] }
  deployedOutNodes.set(id, node as never)
  outParts.set(node as never, parts as never)
}

function asked(
  route: keyof typeof allMessagesRoutes,
  question: object,
  gone = new AbortController().signal
): Promise<AllMessagesPage> {
  return allMessagesRoutes[route]({ question, gone } as never) as Promise<AllMessagesPage>
}

describe('All nodes are asked', () => {
  afterEach(() => {
    deployedOutNodes.clear()
  })

  it('and there is more if one of them has more, however few the others have', async () => {
    for (const more of [true, false]) {
      deploy('one', () => Promise.resolve({ messages: [], more }))
      deploy('two', () => Promise.resolve({ messages: [], more: false }))
      assert.equal((await asked('allMessages', {})).more, more)
    }
  })

  it('until nobody waits for the answer any longer', async () => {
    const controlIds = Array.from({ length: 10_000 }, (_, n) => `C${n}`)
    let calls = 0
    const gone = new AbortController()
    deploy('one', () => {
      if (++calls === 2) gone.abort()
      return Promise.resolve({ messages: [], more: false })
    })
    await asked('searchAllMessages', { controlIds }, gone.signal).catch(() => undefined)
    await new Promise(setImmediate)
    assert.equal(calls, 2)
    let isTold: boolean | undefined
    const leaves = new AbortController()
    deploy('one', (_query, signal) => {
      leaves.abort()
      isTold = signal?.aborted
      return Promise.resolve({ messages: [], more: false })
    })
    await asked('allMessages', {}, leaves.signal).catch(() => undefined)
    assert.equal(isTold, true)
  })
})
