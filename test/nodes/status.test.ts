import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { CodedStatus } from '../../nodes/status-line.ts'
import type { NodeStatus } from '../support/node-red.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

describe('what an operator is told, in a real Node-RED', () => {
  let world: World
  let provider: TokenProvider
  before(async () => {
    world = await startWorld()
    provider = await startTokenProvider({
      tls: await world.authority.issueServer(),
      clients: [
        {
          client_id: CLIENT_ID,
          client_secret: CLIENT_SECRET,
          token_endpoint_auth_method: 'client_secret_basic'
        }
      ]
    })
  })
  after(async () => {
    await world.close()
    await provider.close()
  })
  beforeEach(() => {
    world.receiver.respond = undefined
  })

  const logged = (words: RegExp, from: number): Promise<string> =>
    world.nodeRed.waitFor(() =>
      world.nodeRed
        .log()
        .slice(from)
        .find((line) => words.test(line))
    )
  /** The statuses of the node from now on. */
  const statuses = (): (() => readonly NodeStatus[]) => {
    const from = world.nodeRed.statuses('out').length
    return () => world.nodeRed.statuses('out').slice(from)
  }
  const shown = (
    of: () => readonly NodeStatus[],
    wanted: Partial<NodeStatus>
  ): Promise<NodeStatus> =>
    world.nodeRed.waitFor(
      () =>
        of().find((status) =>
          Object.entries(wanted).every(([name, value]) => status[name as 'text'] === value)
        ),
      10_000,
      () => JSON.stringify(of())
    )
  const closedPort = async (): Promise<number> => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  it('says at once that the token server refuses the client', async () => {
    const { issuer } = provider
    const credentials = { clientId: CLIENT_ID, clientSecret: 'wrong' }
    await world.deploy({}, { issuer, scope: '', credentials })
    const from = (await world.nodeRed.printed()).length
    const seen = statuses()
    const start = performance.now()
    await world.nodeRed.inject('in', { payload: adt('REFUSED1') })
    const line = await logged(/\[warn\].*invalid_client/, from)
    // At first it may be shown while the message is still on its way.
    const status = await world.nodeRed.waitFor(() =>
      seen().find((one) => (one as CodedStatus).codes.join() === 'TOKEN,RETRYING')
    )
    const tookMs = performance.now() - start
    assert.ok(tookMs < 3000, `${tookMs} ms`)
    assert.match(
      line,
      /\[hl7-https-out:out\] invalid_client: The token server .* message REFUSED1 \(ADT\^A01\)\.$/
    )
    assert.deepEqual(status, {
      ...{ fill: 'yellow', shape: 'ring', text: 'invalid_client · no token' },
      ...{ code: 'TOKEN', codes: ['TOKEN', 'RETRYING'] }
    })
    assert.equal(provider.tokenRequests, 1)
  })

  it('shows the cause of an error that no Catch node handles, in the log and the sidebar', async () => {
    const port = await closedPort()
    const out = { url: `https://127.0.0.1:${port}/`, failureTimeout: 0 }
    const flow = world.flow(out).filter(({ type }) => type !== 'catch')
    await world.nodeRed.deploy(flow)
    const socket = new WebSocket(`${world.nodeRed.url.replace('http', 'ws')}/comms`)
    await new Promise((resolve) => {
      socket.onopen = resolve
    })
    const debug = new Promise<string>((resolve) => {
      socket.onmessage = ({ data }) => {
        for (const { topic, data: event } of JSON.parse(String(data)) as {
          topic: string
          data: { id: string; msg: string }
        }[]) {
          if (topic === 'debug' && event.id === 'out') resolve(event.msg)
        }
      }
    })
    socket.send(JSON.stringify({ subscribe: 'debug' }))
    try {
      const from = (await world.nodeRed.printed()).length
      await world.nodeRed.inject('in', { payload: adt('UNCAUGHT') })
      const line = await logged(/\[error\]/, from)
      assert.match(
        line,
        new RegExp(
          `\\[hl7-https-out:out\\] ECONNREFUSED at 127\\.0\\.0\\.1:${port}: .* Message UNCAUGHT \\(ADT\\^A01\\) was not delivered \\(one attempt\\)\\.$`
        )
      )
      const { data } = JSON.parse(await debug) as { data: Record<string, unknown> }
      assert.equal(data['cause'], 'ECONNREFUSED')
      assert.equal(data['code'], 'HL7_DELIVERY_FAILED')
    } finally {
      socket.close()
    }
    world.receiver.respond = () => ({ status: 418 })
    await world.nodeRed.deploy(
      world.flow({ failureTimeout: 0 }).filter(({ type }) => type !== 'catch')
    )
    const from = (await world.nodeRed.printed()).length
    await world.nodeRed.inject('in', { payload: adt('TEAPOT01') })
    const line = await logged(/\[error\]/, from)
    assert.match(line, /\[hl7-https-out:out\] HTTP 418 from the receiver\. .*Message TEAPOT01 /)
  })

  it('keeps the cause of a caught error as plain data', async () => {
    world.receiver.respond = () => ({ status: 418 })
    await world.deploy({ failureTimeout: 0 })
    await world.nodeRed.inject('in', { payload: adt('CAUGHT01') })
    const caught = await world.nodeRed.waitForMessages('caught')
    const { error } = caught.at(-1) as unknown as { error: Record<string, unknown> }
    assert.deepEqual(error['cause'], { code: '418', status: 418 })
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'ERROR')
  })

  it('tells of a message that was refused, until one is accepted', async () => {
    await world.deploy()
    const seen = statuses()
    await world.nodeRed.inject('in', { payload: 'no HL7' })
    const status = await shown(seen, { code: 'INVALID' })
    assert.deepEqual([status.fill, status.text], ['yellow', 'invalid message'])
    await world.nodeRed.inject('in', { payload: adt('VALID001') })
    const last = await shown(seen, { code: 'ACK' })
    assert.deepEqual(last, {
      ...{ fill: 'green', shape: 'dot', text: 'ACK AA', code: 'ACK', codes: ['ACK'] }
    })
  })

  it('is red while it refuses messages that would be welcome', async () => {
    world.receiver.respond = () => ({ status: 503 })
    await world.deploy({ queueLimit: 1, retryInterval: 600 })
    const seen = statuses()
    await world.nodeRed.inject('in', { payload: adt('FULL0001') })
    await shown(seen, { text: 'HTTP 503 · try 2' })
    await world.nodeRed.inject('in', { payload: adt('FULL0002') })
    const status = await shown(seen, { text: 'HTTP 503 · try 2 · HL7_QUEUE_FULL' })
    assert.deepEqual([status.fill, status.code], ['red', 'ERROR'])
    assert.deepEqual(status.codes, ['ERROR', 'RETRYING'])
  })

  it('is no longer red once messages leave, even if none comes', async () => {
    const { nodeRed } = world
    await world.deploy({ queueLimit: 1, replyCodeActions: ':?E=S,:?A=C' })
    /** Sends a message that is refused. @returns the statuses from then on */
    const refused = async (payload: string, code: string): Promise<() => readonly NodeStatus[]> => {
      const seen = statuses()
      await nodeRed.inject('in', { payload })
      await nodeRed.waitFor(() => seen().find(({ codes }) => codes?.includes(code)))
      return statuses()
    }
    await nodeRed.post('/hl7-https-out/out/pause')
    await nodeRed.inject('in', { payload: adt('ROOM0001') })
    let seen = await refused(adt('ROOM0002'), 'ERROR')
    await nodeRed.post('/hl7-https-out/out/resume')
    assert.deepEqual((await shown(seen, { text: 'ACK AA' })).codes, ['ACK'])

    await nodeRed.inject('in', { payload: adt('ROOM0003', { birth: '20990101' }) })
    await shown(seen, { text: '1 suspended' })
    seen = await refused(adt('ROOM0004'), 'ERROR')
    await nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    assert.deepEqual((await shown(seen, { text: 'ACK AA' })).codes, ['ACK'])

    // What is wrong with a message is told until the next one is accepted.
    await nodeRed.post('/hl7-https-out/out/pause')
    await nodeRed.inject('in', { payload: adt('ROOM0005', { version: '2.1' }) })
    seen = await refused('no HL7', 'INVALID')
    await nodeRed.post('/hl7-https-out/out/resume')
    const naked = await nodeRed.waitFor(() => seen().find(({ codes }) => codes?.includes('NAK')))
    assert.deepEqual(naked.codes, ['INVALID', 'NAK'])
  })

  it('names the variable that is not set, also to a Status node', async () => {
    const seen = statuses()
    const unset = { credentials: { clientId: CLIENT_ID, clientSecret: '${HL7_NO_KEY}' } }
    await world.nodeRed.deploy([
      ...world.flow({}, unset),
      { id: 'status', type: 'status', z: 'tab', scope: null, wires: [['told']] },
      { id: 'told', type: 'probe', z: 'tab', wires: [] }
    ])
    const [told] = await world.nodeRed.waitForMessages('told')
    assert.equal((told as { status: NodeStatus }).status.code, 'CONFIG')
    assert.deepEqual(await shown(seen, { code: 'CONFIG' }), {
      ...{ fill: 'red', shape: 'ring', text: 'HL7_NO_KEY not set' },
      ...{ code: 'CONFIG', codes: ['CONFIG'] }
    })
  })

  it('is retrying throughout an outage, and shows suspended messages beside it', async () => {
    await world.deploy({
      replyCodeActions: ':?E=S,:?A=C,E=R',
      retryInterval: 0.2,
      retryMaxInterval: 0.2
    })
    const seen = statuses()
    await world.nodeRed.inject('in', { payload: adt('ASIDE001', { birth: '20990101' }) })
    await shown(seen, { text: '1 suspended' })
    world.receiver.respond = () => ({ status: 503, delayMs: 150 })
    await world.nodeRed.inject('in', { payload: adt('OUTAGE01') })
    await shown(seen, { text: 'HTTP 503 · try 2 · 1 suspended' })
    await shown(seen, { text: 'HTTP 503 · try 5 · 1 suspended' })
    const first = seen().findIndex(({ text = '' }) => text.includes('try 2'))
    for (const { text = '', code, codes } of seen().slice(first)) {
      assert.match(text, /^HTTP 503 · try \d · 1 suspended$/)
      assert.equal(code, 'SUSPENDED')
      assert.ok(codes?.includes('RETRYING'), String(codes))
    }
  })
})
