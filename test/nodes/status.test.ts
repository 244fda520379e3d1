import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReceiverAnswer } from '../../demo/received-request.ts'
import type { ConditionCode, Level } from '../../src/codes.ts'
import type { NodeStatus } from '../support/node-red.ts'
import { adt, CLIENT_ID, shareWorld } from '../support/world.ts'

/** What a status says is the table in status-line.test.ts; here, that people and flows get it. */
describe('what an operator is told, in a real Node-RED', () => {
  const world = shareWorld()

  const shown = (suits: (status: NodeStatus) => boolean): Promise<NodeStatus> =>
    world.nodeRed.waitForStatus('out', suits)
  const inject = (payload: string): Promise<void> => world.nodeRed.inject('in', { payload })

  /** What is done to a node, the condition that follows, and how it is told. */
  const provoked: readonly {
    code: ConditionCode
    level: Level
    text: RegExp
    advice?: string
    out?: Record<string, unknown>
    auth?: Record<string, unknown>
    answer?: ReceiverAnswer
    send?: readonly string[]
    isPaused?: boolean
  }[] = [
    { code: 'ACK', level: 'fine', text: /^ACK AA$/, send: [adt('TOLD1')] },
    { code: 'NAK', level: 'watch', text: /^NAK AE/, send: [adt('TOLD2', { birth: '20990101' })] },
    { code: 'INVALID', level: 'watch', text: /^invalid message$/, send: ['no HL7'] },
    {
      code: 'TOKEN',
      level: 'watch',
      text: /^invalid_client · no token$/,
      auth: { credentials: { clientId: CLIENT_ID, clientSecret: 'wrong' } },
      send: [adt('TOLD3')],
      advice: 'advice-token-refused'
    },
    {
      code: 'RETRYING',
      level: 'watch',
      text: /^HTTP 503 · try \d/,
      answer: { status: 503 },
      send: [adt('TOLD4')],
      advice: 'advice-unavailable'
    },
    {
      code: 'GIVEN_UP',
      level: 'call',
      text: /^HTTP 415/,
      out: { failureTimeout: 0 },
      answer: { status: 415 },
      send: [adt('TOLD5')],
      advice: 'advice-given-up'
    },
    {
      code: 'SUSPENDED',
      level: 'watch',
      text: /^1 suspended$/,
      advice: 'advice-suspended',
      out: { replyCodeActions: ':?E=S,:?A=C' },
      send: [adt('TOLD6', { birth: '20990101' })]
    },
    {
      code: 'REFUSING',
      level: 'watch',
      text: /^refused: ADT\^A01$/,
      advice: 'advice-refusing',
      send: Array.from({ length: 5 }, (_, at) => adt(`TOLD7-${at}`, { birth: '20990101' }))
    },
    { code: 'PAUSED', level: 'call', text: /^paused/, isPaused: true, advice: 'advice-paused' },
    {
      code: 'QUEUE_COUNT',
      level: 'watch',
      text: /^paused/,
      isPaused: true,
      out: { queueCountAlert: 1 },
      send: [adt('TOLD8'), adt('TOLD9')]
    },
    {
      code: 'QUEUE_WAIT',
      level: 'watch',
      text: /^paused/,
      isPaused: true,
      out: { queueWaitAlert: 1 },
      send: [adt('TOLD10')]
    },
    { code: 'QUIET', level: 'call', text: /./, out: { inactivityAlert: 1 }, send: [adt('TOLD11')] },
    { code: 'CONFIG', level: 'watch', text: /./, out: { url: '' }, advice: 'advice-config' }
  ]
  for (const { code, level, text, advice, out, auth, answer, send = [], isPaused } of provoked) {
    it(`${code} is told in the status, the state and the figures`, async () => {
      world.receiver.respond = answer && (() => answer)
      await world.deploy({ retryInterval: 30, ...out }, auth)
      if (isPaused === true) await world.nodeRed.post('/hl7-https-out/out/pause')
      for (const payload of send) await inject(payload)
      const status = await shown(({ codes }) => codes?.includes(code) ?? false)
      assert.match(status.text ?? '', text)
      assert.equal(status.calls?.includes(code), level === 'call')
      const state = await world.state()
      const found = state.conditions.find((condition) => condition.code === code)
      assert.equal(found?.level, level)
      if (advice !== undefined) assert.equal(state.advice?.kind, advice)
      if (level === 'fine') assert.equal(state.advice, null)
      const metrics = String((await world.nodeRed.get('/hl7-https-out/metrics')).body)
      const line = `hl7_https_out_condition\\{node="out",.*code="${code}",level="${level}"\\} 1$`
      assert.match(metrics, new RegExp(line, 'm'))
    })
  }

  it('tells at once that the token server refuses the client', async () => {
    await world.deploy({}, { credentials: { clientId: CLIENT_ID, clientSecret: 'wrong' } })
    await inject(adt('REFUSED1'))
    // At first it may be shown while the message is still on its way.
    const status = await shown(({ codes }) => codes?.join() === 'TOKEN,RETRYING')
    assert.deepEqual(status, {
      ...{ fill: 'yellow', shape: 'ring', text: 'invalid_client · no token' },
      ...{ code: 'TOKEN', codes: ['TOKEN', 'RETRYING'], level: 'watch', calls: [] }
    })
    await world.nodeRed.waitForLog(/\[warn\] \[hl7-https-out:out\] No token: invalid_client: “/)
    const line = await world.nodeRed.waitForLog('invalid_client: retrying REFUSED1.')
    assert.match(line, /invalid_client: The token server .* behind REFUSED1 \(ADT\^A01\)\.$/)
  })

  it('shows the cause of an error that no Catch node handles, in the log and the sidebar', async () => {
    world.receiver.respond = () => ({ status: 418 })
    const flow = world.flow({ failureTimeout: 0 }).filter(({ type }) => type !== 'catch')
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
      await inject(adt('UNCAUGHT'))
      const { data } = JSON.parse(await debug) as { data: Record<string, unknown> }
      assert.deepEqual([data['code'], data['cause']], ['HL7_DELIVERY_FAILED', 'HTTP 418'])
    } finally {
      socket.close()
    }
    const line = await world.nodeRed.waitForLog('UNCAUGHT')
    assert.match(
      line,
      /\[error\] \[hl7-https-out:out\] HTTP 418 from the receiver\. .*Message UNCAUGHT \(ADT\^A01\) /
    )
  })

  it('is red while it refuses messages, and no longer once there is room', async () => {
    const { nodeRed } = world
    await world.deploy({ queueLimit: 1, replyCodeActions: ':?E=S,:?A=C' })
    /** The statuses from now on. */
    const from = (): ((suits: (status: NodeStatus) => boolean) => Promise<NodeStatus>) => {
      const start = nodeRed.statuses('out').length
      return (suits) => nodeRed.waitFor(() => nodeRed.statuses('out').slice(start).find(suits))
    }
    const full = async (): Promise<void> => {
      const next = from()
      await inject(adt('TOOMANY1'))
      const { fill, calls } = await next(({ code }) => code === 'ERROR')
      assert.deepEqual([fill, calls?.slice(0, 2)], ['red', ['ERROR', 'TURNED_AWAY']])
    }
    await nodeRed.post('/hl7-https-out/out/pause')
    await inject(adt('ROOM0001'))
    await full()
    /** There is room again. What was turned away is told until somebody has noted it. */
    const notedIsFine = async (): Promise<void> => {
      const { fill, calls } = await next(({ text }) => text === '1 turned away')
      assert.deepEqual([fill, calls], ['yellow', ['TURNED_AWAY']])
      await nodeRed.post('/hl7-https-out/out/note', { text: 'they repeat it' })
      assert.deepEqual((await next(({ text }) => text === 'ACK AA')).codes, ['ACK'])
    }
    let next = from()
    await nodeRed.post('/hl7-https-out/out/resume')
    await notedIsFine()

    await inject(adt('ROOM0003', { birth: '20990101' }))
    await next(({ text }) => text === '1 suspended')
    await full()
    next = from()
    await nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await notedIsFine()

    // What is wrong with a message is told until the next one is accepted.
    await nodeRed.post('/hl7-https-out/out/pause')
    await inject(adt('ROOM0005', { version: '2.1' }))
    await inject('no HL7')
    await next(({ codes }) => codes?.includes('INVALID') ?? false)
    next = from()
    await nodeRed.post('/hl7-https-out/out/resume')
    const naked = await next(({ codes }) => codes?.includes('NAK') ?? false)
    assert.deepEqual(naked.codes, ['INVALID', 'NAK'])
  })

  it('calls somebody once nothing has got through for so long', async () => {
    world.receiver.respond = () => ({ status: 503 })
    await world.deploy({ callAfter: 2, retryInterval: 0.2, retryMaxInterval: 0.2 })
    await inject(adt('STUCK001'))
    const first = await shown(({ code }) => code === 'RETRYING')
    assert.deepEqual([first.level, first.calls], ['watch', []])
    const then = await shown(({ level }) => level === 'call')
    assert.deepEqual([then.code, then.calls], ['RETRYING', ['RETRYING']])
    world.receiver.respond = undefined
    await world.acked('STUCK001', ['STUCK001'])
    assert.deepEqual((await shown(({ code }) => code === 'ACK')).calls, [])
  })

  it('names the variable that is not set, also to a Status node', async () => {
    const credentials = { clientId: CLIENT_ID, clientSecret: '${HL7_NO_KEY}' }
    await world.nodeRed.deploy([
      ...world.flow({}, { credentials }),
      { id: 'status', type: 'status', z: 'tab', scope: null, wires: [['told']] },
      { id: 'told', type: 'probe', z: 'tab', wires: [] }
    ])
    const [told] = await world.nodeRed.waitForMessages('told')
    assert.equal((told as { status: NodeStatus }).status.code, 'CONFIG')
    assert.deepEqual(await shown(({ code }) => code === 'CONFIG'), {
      ...{ fill: 'red', shape: 'ring', text: 'HL7_NO_KEY not set' },
      ...{ code: 'CONFIG', codes: ['CONFIG'], level: 'watch', calls: [] }
    })
  })

  it('tells that Node-RED has ended again and again, until somebody knows', async () => {
    const { nodeRed } = world
    await world.deploy({ queue: 'disk' })
    await nodeRed.post('/hl7-https-out/out/pause')
    await inject(adt('ENDED1'))
    await world.eventually(async () => (await world.state()).queued === 1)
    for (let times = 0; times < 2; times++) {
      await nodeRed.kill()
      await nodeRed.start()
      await world.eventually(async () => {
        const { body } = await nodeRed.get('/hl7-https-out/out/events')
        return (body as { events: { kind: string }[] }).events.some(({ kind }) => kind === 'ended')
      })
    }
    const status = await shown(({ codes }) => codes?.includes('ENDED') ?? false)
    assert.deepEqual([status.code, status.calls], ['PAUSED', ['ENDED', 'PAUSED']])
    await nodeRed.post('/hl7-https-out/out/resume')
    await shown(({ text }) => text === 'Node-RED ended 2×')
    assert.equal((await world.state()).advice?.kind, 'advice-ended')
    await nodeRed.post('/hl7-https-out/out/note', { text: 'memory' })
    await shown(({ calls }) => calls?.length === 0)
  })
})
