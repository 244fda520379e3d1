/** What is asked of all nodes, without a Node-RED: nodes that answer what a test says. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { deployedOutNodes, outParts } from '../../nodes/flow/out-parts.ts'
import { allMessagesRoutes } from '../../nodes/operations/all-messages.ts'
import type { AllMessagesPage } from '../../nodes/operations/answers.ts'
import { cursorIn } from '../../nodes/operations/cursor.ts'
import { NO_VERDICT, type MessageRow } from '../../src/queue/message-row.ts'
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
      assert.equal((await asked('searchAllMessages', {})).more, more)
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
    await asked('searchAllMessages', {}, leaves.signal).catch(() => undefined)
    assert.equal(isTold, true)
  })

  it('page by page: none twice and none left out, though many were accepted at the same time', async () => {
    const at = Date.parse('2026-11-25T02:40:00.000Z')
    /** Three messages of each time, in each node; the newest has the highest number. */
    const rows = Array.from({ length: 9 }, (_, index) =>
      row(9 - index, at - Math.floor(index / 3) * 1000)
    )
    for (const id of ['b', 'a', 'c']) {
      deploy(id, ({ acceptedBefore = Infinity, before = Infinity, limit }) => {
        const found = rows.filter(
          ({ acceptedAt, seq }) => seq < before && acceptedAt < acceptedBefore
        )
        return Promise.resolve({ messages: found.slice(0, limit), more: found.length > limit })
      })
    }
    for (const limit of [1, 2, 4, 5, 26, 27]) {
      const seen: string[] = []
      let next: string | undefined
      do {
        const cursor = next === undefined ? {} : { cursor: cursorIn(next) }
        const page = await asked('searchAllMessages', { limit, ...cursor })
        seen.push(...page.messages.map(({ id, node }) => `${node}${id}`))
        next = page.next
      } while (next !== undefined)
      assert.equal(seen.length, 27, `${limit} at a time`)
      assert.equal(new Set(seen).size, 27)
      assert.deepEqual(seen.slice(0, 5), ['a9', 'a8', 'a7', 'b9', 'b8'])
    }
  })
})

function row(seq: number, acceptedAt: number): MessageRow {
  return {
    ...{ seq, acceptedAt, changedAt: acceptedAt, attempts: 0, controlId: `C${seq}`, type: 'A' },
    ...{ state: 'waiting', verdict: NO_VERDICT, story: [], keptBytes: 0 }
  } as unknown as MessageRow
}
