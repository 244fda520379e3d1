import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import type { ReceiverAnswer } from '../../demo/hl7-receiver.ts'
import { adt, startWorld, type World } from '../support/world.ts'

type Message = Record<string, unknown> & { hl7: Record<string, unknown> }

const ackFor = (id: string, code = 'AA') =>
  `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|${code}|${id}\r`

describe('the contract, in a real Node-RED', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  afterEach(() => {
    world.receiver.respond = undefined
  })

  async function send(
    payload: unknown,
    answer?: ReceiverAnswer,
    more: Record<string, unknown> = {}
  ): Promise<{ probe: string; msg: Message }> {
    const { nodeRed, receiver } = world
    if (answer !== undefined) receiver.respond = () => answer
    const probes = ['ack', 'nak', 'caught']
    const count = () => probes.map((probe) => nodeRed.messages(probe).length)
    const earlier = count()
    await nodeRed.inject('in', { payload, ...more })
    const index = await nodeRed.waitFor(() => {
      const at = count().findIndex((now, place) => now > (earlier[place] ?? 0))
      return at === -1 ? undefined : at
    })
    const probe = probes[index] ?? ''
    return { probe, msg: nodeRed.messages(probe).at(-1) as Message }
  }

  const batch = (fileId: string, batchId: string) =>
    [
      `FHS|^~\\&|A|B|C|D|20260101||||${fileId}`,
      `BHS|^~\\&|A|B|C|D|20260101||||${batchId}`,
      adt('IN000001'),
      'BTS|1',
      'FTS|1'
    ].join('\r')

  it('the control ID of a batch is FHS-11, otherwise BHS-11, otherwise the first MSH-10', async () => {
    await world.deploy()
    for (const [fileId, batchId, wanted] of [
      ['F1', 'B1', 'F1'],
      ['', 'B1', 'B1'],
      ['', '', 'IN000001']
    ] as const) {
      const { probe, msg } = await send(batch(fileId, batchId), { body: ackFor(wanted) })
      assert.equal(probe, 'ack')
      assert.deepEqual(
        [msg.hl7['controlId'], msg.hl7['type'], msg.hl7['version'], msg.hl7['warnings']],
        [wanted, 'ADT^A01', '2.5.1', []]
      )
    }
    const { msg } = await send(batch('F1', 'B1'), { body: ackFor('OTHER') })
    assert.deepEqual(msg.hl7['warnings'], [':I?=W'])
    assert.ok(!('acks' in msg.hl7))
  })

  it('of several acknowledgements, the worst is msg.hl7.ack and all are msg.hl7.acks', async () => {
    await world.deploy({ queue: 'disk' })
    const acks = [ackFor('IN000001'), `${ackFor('IN000002', 'AE')}ERR|||101|E\r`]
    const { probe, msg } = await send(batch('F1', 'B1'), { body: JSON.stringify({ acks }) })
    assert.equal(probe, 'nak')
    const all = msg.hl7['acks'] as { code: string; controlId: string }[]
    assert.deepEqual(
      all.map(({ code, controlId }) => [code, controlId]),
      [
        ['AA', 'IN000001'],
        ['AE', 'IN000002']
      ]
    )
    assert.deepEqual(all[1], msg.hl7['ack'])
  })

  it('an MSA counts with any status, AA and CA only with 2xx', async () => {
    await world.deploy({ failureTimeout: 0 })
    for (const [status, code, wanted] of [
      [500, 'AE', 'nak'],
      [201, 'AA', 'ack'],
      [500, 'AA', 'caught']
    ] as const) {
      const { probe, msg } = await send(adt('STAT0001'), { status, body: ackFor('STAT0001', code) })
      assert.equal(probe, wanted, `${status} ${code}`)
      assert.equal(msg['statusCode'], status)
      const answer = ackFor('STAT0001', code)
      if (wanted !== 'caught') assert.equal(msg['payload'], answer)
      else {
        assert.deepEqual([msg.hl7['ack'], msg.hl7['reply']], [null, answer])
        assert.equal((msg['error'] as { cause: { status: number } }).cause.status, status)
      }
    }
  })

  it('an empty 2xx is accepted only if no reply is expected', async () => {
    await world.deploy({ failureTimeout: 0 })
    const never = adt('NONE0001').replace('|P|2.5.1', '|P|2.5.1|||NE|NE')
    const { probe, msg } = await send(never, { status: 202 })
    assert.equal(probe, 'ack')
    assert.deepEqual(
      [msg['payload'], msg['statusCode'], msg.hl7['ack'], msg.hl7['rule'], msg.hl7['action']],
      ['', 202, null, '', '']
    )
    assert.equal((await send(adt('NONE0002'), { status: 202 })).probe, 'caught')
  })

  it('the reply is found by path and encoding', async () => {
    const base64 = Buffer.from(ackFor('PATH0001')).toString('base64')
    await world.deploy({ replyPath: 'deep[1].there', failureTimeout: 0 })
    const body = JSON.stringify({ ack: ackFor('X', 'AE'), deep: [1, { there: base64 }] })
    assert.equal((await send(adt('PATH0001'), { body })).probe, 'ack')
    for (const replyPath of ['nothing', '$error("x")', '$', 'function($x){$x}']) {
      await world.deploy({ replyPath, failureTimeout: 0 })
      const { probe } = await send(adt('PATH0001'), { body })
      assert.equal(probe, replyPath === '$' ? 'nak' : 'caught', replyPath)
    }
    await world.deploy({ replyEncoding: 'base64', failureTimeout: 0 })
    assert.equal((await send(adt('PATH0001'), { body: base64 })).probe, 'ack')
    assert.equal((await send(adt('PATH0001'), { body: ackFor('PATH0001') })).probe, 'caught')
  })

  it('each status in refreshOnStatus leads to a new token, 403 does not', async () => {
    await world.deploy({ failureTimeout: 0 }, { refreshOnStatus: '401, 419,498' })
    const { receiver, tokens } = world
    let fetched = tokens.tokenRequests
    for (const [status, more] of [
      [419, 2],
      [403, 0]
    ] as const) {
      let first = true
      receiver.respond = () => {
        if (!first) return undefined
        first = false
        return { status }
      }
      assert.equal((await send(adt(`FRESH${status}`))).probe, more === 0 ? 'caught' : 'ack')
      assert.equal(tokens.tokenRequests - fetched, more)
      fetched = tokens.tokenRequests
    }
  })

  it('msg.action is a command only without a payload, and msg.controlId selects messages', async () => {
    await world.deploy({ replyCodeActions: ':?E=S,:?A=C' })
    const { nodeRed, receiver } = world
    const state = async () =>
      (await nodeRed.get('/hl7-https-out/out')).body as Record<string, unknown>
    const suspended = async () =>
      (
        (await nodeRed.get('/hl7-https-out/out/messages?state=suspended')).body as {
          messages: Message[]
        }
      ).messages
        .map((row) => row['controlId'])
        .reverse()
    const until = async (wanted: string[]) => {
      for (let tries = 0; tries < 100 && (await suspended()).join() !== wanted.join(); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
      assert.deepEqual(await suspended(), wanted)
    }
    for (const id of ['1001', '1002', '1003']) {
      await nodeRed.inject('in', { payload: adt(id, { birth: '20990101' }) })
    }
    await until(['1001', '1002', '1003'])
    const before = nodeRed.messages('caught').length
    for (const controlId of ['', 'x', 5, null]) {
      await nodeRed.inject('in', { action: 'discard', controlId })
    }
    await nodeRed.inject('in', { action: 'discard', controlId: '1002' })
    const [discarded] = (await nodeRed.waitForMessages('caught', before + 1)).slice(before)
    assert.equal((discarded as { error?: { code: string } }).error?.code, 'HL7_DISCARDED')
    await until(['1001', '1003'])
    receiver.respond = ({ body }) => ({ body: ackFor(body.toString().split('|')[9] ?? '') })
    await nodeRed.inject('in', { action: 'resend', controlId: '1003', payload: '' })
    await until(['1001'])
    await nodeRed.inject('in', { action: 'pause' })
    await nodeRed.waitForStatus('out', ({ text }) => text?.startsWith('paused') ?? false)
    assert.equal((await state())['state'], 'paused')
    const acks = nodeRed.messages('ack').length
    await nodeRed.inject('in', { action: 'pause', payload: adt('1004') })
    await nodeRed.inject('in', { action: 'resume' })
    assert.equal((await nodeRed.waitForMessages('ack', acks + 1)).at(-1)?.['action'], 'pause')
    await nodeRed.inject('in', { action: 'resend' })
    await until([])
  })

  it('status texts have fewer than 20 characters and the colours of the contract', async () => {
    const { nodeRed } = world
    await world.deploy()
    const before = nodeRed.statuses('out').length
    await send(adt('COLOUR01'), { body: ackFor('COLOUR01', 'AE') })
    await send(adt('COLOUR02'), { body: ackFor('COLOUR02') })
    await nodeRed.inject('in', { action: 'pause' })
    await nodeRed.waitForStatus('out', ({ text }) => text?.startsWith('paused') ?? false)
    for (const { fill, shape, text = '' } of nodeRed.statuses('out').slice(before)) {
      assert.ok(text.length < 20, text)
      if (fill === 'blue') assert.equal(shape, 'dot')
      if (fill === 'yellow' || fill === 'red' || fill === 'grey') assert.equal(shape, 'ring')
      if (text.startsWith('ACK')) assert.deepEqual([fill, shape], ['green', 'dot'])
      if (text.startsWith('paused')) assert.equal(fill, 'red')
    }
  })

  it('garbage from the receiver leads to a Catch node, and Node-RED survives', async () => {
    const nested = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const answers: ReceiverAnswer[] = [
      { body: '{"__proto__": {"payload": 1}, "constructor": {"prototype": 1}}' },
      { body: nested },
      { body: Buffer.from([0xff, 0xfe, 0, 0xd8, 0]) },
      { headers: { 'Content-Type': ';;;"' }, body: 'x' },
      { headers: { 'Content-Encoding': 'br, gzip, br' }, body: 'x' },
      { cut: 'before' },
      { cut: 'within', body: 'x'.repeat(1000) },
      { status: 503, headers: { 'Retry-After': 'Lindqvist' } }
    ]
    await world.deploy({ failureTimeout: 0 })
    for (const answer of answers) {
      const caught = await send(adt('TRASH001'), answer)
      const words = JSON.stringify(answer).slice(0, 100)
      assert.equal(caught.probe, 'caught', words)
      assert.equal((caught.msg['error'] as { code: string }).code, 'HL7_DELIVERY_FAILED', words)
      assert.equal(caught.msg['payload'], adt('TRASH001'))
    }
    const refusal = 'MSH|^~\\&|A|B|C|D|20260102||ACK|R1|P|2.5\rERR|||207|E\r'
    const { probe, msg } = await send(adt('TRASH001'), { body: refusal })
    assert.equal(probe, 'nak', 'it is HL7, even without an MSA')
    assert.equal((msg['hl7'] as { ack: unknown }).ack, null)
    const cut = await send(adt('TRASH003'), { cut: 'within', body: 'x'.repeat(1000) })
    const { cause } = cut.msg['error'] as { cause: unknown }
    assert.deepEqual(cause, { code: 'ECONNRESET', status: 200 })
    const proto = JSON.stringify({ __proto__: null, ack: ackFor('TRASH002') })
    assert.equal((await send(adt('TRASH002'), { body: proto })).probe, 'ack')
    assert.ok(world.nodeRed.alive)
  })

  it('so does a server that does not speak HTTP, or sends thousands of header lines', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, index) => `X-${index}: ${index}\r\n`).join('')
    const answers = [
      'HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\nContent-Length: 0\r\n\r\n',
      `HTTP/1.1 200 OK\r\n${lines(20_000)}\r\n`,
      `HTTP/1.1 200 OK\r\n${lines(1000)}Content-Length: 0\r\n\r\n`,
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)}HTTP/1.1 204 No\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx',
      'SSH-2.0-OpenSSH\r\n',
      '\0\0\0'
    ]
    let answer = ''
    const server = createServer(await world.authority.issueServer())
    server.on('secureConnection', (socket: Socket) => {
      socket.removeAllListeners('data')
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      await world.deploy({
        url: `https://127.0.0.1:${port}/`,
        failureTimeout: 0,
        responseTimeout: 3
      })
      for (answer of answers) {
        const { probe, msg } = await send(adt('RAW00001'))
        assert.equal(probe, 'caught', answer.slice(0, 60))
        assert.equal((msg['error'] as { code: string }).code, 'HL7_DELIVERY_FAILED')
      }
      assert.ok(world.nodeRed.alive)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('the log contains none of this', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    for (const word of ['eyJ', 'Lindqvist', 'Warning:', 'Unhandled', 'Uncaught']) {
      assert.ok(!log.includes(word), word)
    }
  })
})
