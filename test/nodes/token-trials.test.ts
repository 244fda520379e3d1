import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { EventPage } from '../../nodes/operations/answers.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import type { FlowNode } from '../support/node-red.ts'
import {
  json,
  startTokenFaultServer,
  type Fault,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { ackFor, adt, shareWorld } from '../support/world.ts'

const GRANTED = json({ access_token: 'opaque-token-0815', token_type: 'Bearer', expires_in: 300 })
const REFUSED = json({ error: 'invalid_client' }, 401)

/** When they are tried for is in test/oauth2/token-trials.test.ts; here, that nodes do so. */
describe('a token before a message needs one, in a real Node-RED', () => {
  const world = shareWorld()
  let server: TokenFaultServer
  before(async () => {
    server = await startTokenFaultServer(GRANTED)
  })
  after(() => server.close())
  beforeEach(() => {
    server.seen.length = 0
    server.answer = GRANTED
  })

  /** At a path of its own, so that its requests are known. */
  const at = (path: string): Record<string, unknown> => ({
    ...{ issuer: '', tokenEndpoint: `${server.origin}/${path}/token`, tls: '' }
  })
  const asked = (path: string): number =>
    server.seen.filter(({ url }) => url.startsWith(`/${path}/`)).length
  const tokenOf = async (): Promise<string | undefined> => (await world.state()).token?.state

  /** Another sending node with an OAuth 2.0 node of its own, whose path is `other`. */
  const others = (): FlowNode[] =>
    world
      .flow({ auth: 'other-auth', wires: [] }, at('other'))
      .filter(({ id }) => id === 'auth' || id === 'out')
      .map((node) => ({ ...node, id: `other-${node.id}` }))

  /** Deploys the usual flow beside it, and waits until that has tried for its token. */
  async function deployWithOther(out: object, auth: object = {}): Promise<void> {
    const flow = world.flow({ ...out }, { ...at('mine'), ...auth })
    await world.nodeRed.deploy([...flow, ...others()])
    await world.eventually(() => asked('other') === 1)
  }

  it('is tried for when the flows have started', async () => {
    await world.deploy({}, at('mine'))
    await world.eventually(async () => (await tokenOf()) === 'ok')
    // By itself, the receiver would refuse such a token.
    world.receiver.respond = () => ({ body: ackFor('TRIAL001') })
    assert.equal((await world.send(adt('TRIAL001'))).output, 'ack')
    assert.equal(asked('mine'), 1, 'the message has the same one')
  })

  it('is TOKEN at once if the server refuses, although nothing waits', async () => {
    server.answer = REFUSED
    await world.deploy({}, at('mine'))
    const { text } = await world.nodeRed.waitForStatus('out', ({ code }) => code === 'TOKEN')
    assert.equal(text, 'invalid_client · no token')
    await world.nodeRed.waitForLog(/\[warn\] \[hl7-https-out:out\] No token: invalid_client/)
    assert.equal(asked('mine'), 1)
    // The secret was renewed there: a message asks again.
    server.answer = GRANTED
    await world.deploy({}, at('mine'))
    await world.eventually(async () => (await world.state()).conditions[0]?.code === 'IDLE')
  })

  it('is asked for at once if somebody says so while a message waits for it', async () => {
    server.answer = REFUSED
    await world.deploy({ retryInterval: 600, retryMaxInterval: 600 }, at('mine'))
    await world.nodeRed.inject('in', { payload: adt('TRIAL002') })
    await world.eventually(async () => (await world.state()).retry !== null)
    server.answer = GRANTED
    world.receiver.respond = () => ({ body: ackFor('TRIAL002') })
    assert.equal((await world.nodeRed.post('/hl7-https-out/out/try', {})).status, 200)
    await world.acked('TRIAL002', ['TRIAL002'])
    const { events } = (await world.nodeRed.get('/hl7-https-out/out/events')).body as EventPage
    const kinds = events.map(({ kind }) => kind).filter((kind) => kind.startsWith('token-'))
    assert.deepEqual(kinds, ['token-back', 'token-lost'])
  })

  it('is not TOKEN if the server was away once', async () => {
    server.answer = ((_request, response) => response.destroy()) satisfies Fault
    await deployWithOther({})
    await world.eventually(async () => (await tokenOf()) === 'none')
    const { conditions } = await world.state()
    assert.deepEqual(
      conditions.map(({ code }) => code),
      ['IDLE']
    )
    const log = (await world.nodeRed.printed()).join('\n')
    assert.ok(!log.includes('No token: ECONNRESET'))
  })

  for (const [what, out, auth] of [
    ['with the password of a person', {}, { grantType: 'password' }],
    ['if no node uses it', { auth: '' }, {}]
  ] as const) {
    it(`is not tried for ${what}`, async () => {
      const credentials = { clientId: 'a', clientSecret: 'b', username: 'c', password: 'd' }
      await deployWithOther(out, { ...auth, credentials })
      assert.equal((await world.state()).state, 'idle')
      assert.equal(asked('mine'), 0)
    })
  }

  it('is not tried for while the node is paused', async () => {
    const disk = { queue: 'disk' }
    await world.deploy(disk, at('mine'))
    await world.nodeRed.post('/hl7-https-out/out/pause')
    server.seen.length = 0
    await deployWithOther(disk)
    assert.equal((await world.state()).state, 'paused')
    assert.equal(asked('mine'), 0)
    await world.nodeRed.post('/hl7-https-out/out/resume')
  })

  it('is not tried for while another process has the queue', async () => {
    const other = new DiskEngine({
      directory: join(world.nodeRed.userDir, 'hl7-https-out'),
      ...{ name: 'out', journalDays: 14, order: 'fifo', orderKey: '', applicationAckMs: 600_000 },
      key: () => Promise.resolve(Buffer.alloc(32, 1))
    })
    await world.nodeRed.deploy([])
    await other.open()
    try {
      server.seen.length = 0
      await deployWithOther({ queue: 'disk' })
      await world.nodeRed.waitForLog(/in use by another process/)
      assert.equal(asked('mine'), 0)
    } finally {
      await other.close()
    }
    // It opens the queue, as time would.
    await world.nodeRed.post('/hl7-https-out/out/resume')
    await world.eventually(() => asked('mine') === 1)
  })
})
