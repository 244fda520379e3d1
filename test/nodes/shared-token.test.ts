import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowNode } from '../support/node-red.ts'
import { adt, controlIdOf, shareWorld, type LeftMessage } from '../support/world.ts'

/** What the good receiver is fed with: so many messages, one each so many milliseconds. */
const FED = 50
const EVERY_MS = 33

describe('two receivers behind one token node, of which one refuses every token', () => {
  const world = shareWorld()
  let bad: Server
  let refused = 0
  before(async () => {
    const tls = await world.authority.issueServer()
    bad = createServer(tls, (request, response) => {
      request.resume().on('end', () => {
        refused++
        response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end()
      })
    })
    await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve))
  })
  after(() => {
    bad.close()
    bad.closeAllConnections()
  })

  const ofOtherOrigin = (): string => `https://127.0.0.1:${(bad.address() as AddressInfo).port}/`
  /** At the origin of the good one, as behind a gateway. */
  const atOtherPath = (): string => {
    const url = new URL('/refusing', world.receiver.url)
    world.receiver.respond = (request) => {
      if (request.url !== url.pathname) return undefined
      refused++
      return { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } }
    }
    return url.href
  }

  /** The usual flow, and beside it the same with another receiver. */
  const flow = (out: Record<string, unknown>, url: string): FlowNode[] => {
    const usual = world.flow(out)
    const other = (id: string): string => `bad-${id}`
    const twins = usual
      .filter(({ id }) => !['tab', 'tls', 'auth'].includes(id))
      .map((node) => ({
        ...node,
        id: other(node.id),
        ...('wires' in node && { wires: (node['wires'] as string[][]).map((to) => to.map(other)) }),
        ...('scope' in node && { scope: (node['scope'] as string[]).map(other) }),
        ...(node.id === 'out' && { url })
      }))
    return [...usual, ...twins]
  }

  for (const [what, settings, other] of [
    ['that retry', {}, ofOtherOrigin],
    ['with one attempt for each message', { failureTimeout: 0 }, ofOtherOrigin],
    ['that send to two paths of one origin', { failureTimeout: 0 }, atOtherPath]
  ] as const) {
    it(`the other one takes each message at once: nodes ${what}`, async () => {
      const { nodeRed, tokens } = world
      const url = other()
      await nodeRed.deploy(flow(settings, url))
      refused = 0
      const asked = tokens.tokenRequests
      let isFed = true
      const feedBad = async (): Promise<void> => {
        for (let sent = 0; isFed; sent++) {
          await nodeRed.inject('bad-in', { payload: adt(`BAD${sent}`) })
          await sleep(EVERY_MS)
        }
      }
      const feeding = feedBad()
      const prefix = `GOOD${what.length}X`
      const ids = Array.from({ length: FED }, (_, sent) => `${prefix}${sent}`)
      try {
        for (const id of ids) {
          await Promise.all([nodeRed.inject('in', { payload: adt(id) }), sleep(EVERY_MS)])
        }
        await world.acked(prefix, ids)
      } finally {
        isFed = false
        await feeding
      }
      assert.ok(refused >= 1)
      assert.deepEqual(nodeRed.messages('caught'), [])
      // One that has to wait for a token counts as an attempt, and shows.
      for (const { hl7 } of world.left('ack', 'GOOD')) assert.equal(hl7.attempts, 1)
      const shown = JSON.stringify(nodeRed.statuses('out'))
      assert.doesNotMatch(shown, /TOKEN|RETRYING/)
      const { host } = new URL(url)
      assert.ok(!shown.includes(host))
      assert.ok(tokens.tokenRequests - asked <= 4, 'the limits hold for the one that refuses')
      const caught = nodeRed.messages('bad-caught') as LeftMessage[]
      assert.equal(caught.length > 0, 'failureTimeout' in settings)
      assert.ok(caught.every((msg) => controlIdOf(msg).startsWith('BAD')))
    })
  }
})

describe('a token node that is not set up', () => {
  const world = shareWorld()
  const auth: FlowNode = { id: 'a1d7c0de0bad0001', type: 'oauth2-client-credentials', z: '' }

  /** What the log says of it after a deploy with these nodes besides. */
  async function told(...others: FlowNode[]): Promise<boolean> {
    await world.nodeRed.deploy([...world.flow({}), auth, ...others])
    const log = await world.nodeRed.printed()
    return log.some((line) => line.includes(`[oauth2-client-credentials:${auth.id}]`))
  }

  it('makes no deploy red if nothing uses it, as one that came with an example', async () => {
    assert.equal(await told(), false)
  })

  it('is an error if a node uses it, also by a property of a subflow', async () => {
    const type = 'conf-types'
    const env = [{ name: 'AUTH', value: auth.id, type }]
    assert.equal(await told({ id: 'sub1', type: 'subflow', name: 's', env }), true)
  })
})
