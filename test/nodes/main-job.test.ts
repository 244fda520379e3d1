import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createServer } from 'node:net'
import { selfSignedCertificate } from '../support/certificates.ts'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { adt, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

type Message = Record<string, unknown> & { hl7: Record<string, unknown> }
type Caught = Message & {
  error: { code: string; message: string; cause?: { code: string; status?: number } }
}

describe('the main job, in a real Node-RED', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())

  /** Sends one payload. @returns the message that left, by output */
  async function send(
    payload: unknown,
    more: Record<string, unknown> = {}
  ): Promise<{ ack?: Message; nak?: Message; caught?: Caught }> {
    const { nodeRed } = world
    const counts = () => ({
      ack: nodeRed.messages('ack').length,
      nak: nodeRed.messages('nak').length,
      caught: nodeRed.messages('caught').length
    })
    const earlier = counts()
    await nodeRed.inject('in', { payload, ...more })
    return nodeRed.waitFor(() => {
      const now = counts()
      const total = now.ack + now.nak + now.caught - earlier.ack - earlier.nak - earlier.caught
      if (total === 0) return undefined
      assert.equal(total, 1, 'one message in, one out')
      const last = (probe: 'ack' | 'nak' | 'caught') =>
        now[probe] > earlier[probe] ? { [probe]: nodeRed.messages(probe).at(-1) } : {}
      return { ...last('ack'), ...last('nak'), ...last('caught') }
    }, 15_000)
  }

  /** Sends a payload that must go to Catch, with an error that quotes no field and no secret. */
  async function caught(payload: unknown, more?: Record<string, unknown>): Promise<Caught> {
    const { caught: msg, ...others } = await send(payload, more)
    assert.ok(msg, `left instead of going to Catch: ${JSON.stringify(others)}`)
    const words = JSON.stringify(msg.error)
    for (const secret of [CLIENT_SECRET, 'Lindqvist', '471100', 'Bearer', 'eyJ']) {
      assert.ok(!words.includes(secret), `${secret} is in ${words}`)
    }
    return msg
  }

  it('sends a message with a token and emits the ACK on output 1', async () => {
    await world.deploy()
    const { ack } = await send(adt('MAIN0001'), { topic: 'kept' })
    assert.ok(ack)
    const request = world.receiver.requests.at(-1)
    assert.match(request?.headers.authorization ?? '', /^Bearer eyJ/)
    assert.equal(request?.headers['content-type'], 'application/hl7-v2; charset=utf-8')
    assert.match(request.headers['user-agent'] ?? '', /^node-red-hl7-https-out\/\d+\.\d+\.\d+$/)
    assert.ok(request.headers.date)
    assert.equal(request.body.toString(), `${adt('MAIN0001')}\r`)

    assert.match(String(ack['payload']), /^MSH\|.*\rMSA\|AA\|MAIN0001/)
    assert.equal(ack['statusCode'], 200)
    assert.equal(
      (ack['headers'] as Record<string, string>)['content-type'],
      request.headers['content-type']
    )
    assert.equal(ack['topic'], 'kept')
    assert.equal(ack.hl7['outcome'], 'ack')
    assert.equal(ack.hl7['request'], `${adt('MAIN0001')}\r`)
    assert.equal(ack.hl7['controlId'], 'MAIN0001')
    assert.equal(ack.hl7['type'], 'ADT^A01')
    assert.equal(ack.hl7['version'], '2.5.1')
    assert.equal(ack.hl7['rule'], ':?A=C')
    assert.equal(ack.hl7['action'], 'C')
    assert.deepEqual(ack.hl7['warnings'], [])
    assert.equal(ack.hl7['attempts'], 1)
    const { code, controlId, errors } = ack.hl7['ack'] as Record<string, unknown>
    assert.deepEqual({ code, controlId, errors }, { code: 'AA', controlId: 'MAIN0001', errors: [] })
    for (const time of ['acceptedAt', 'settledAt']) {
      assert.match(String(ack.hl7[time]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
  })

  it('emits AE and AR on output 2, with the errors', async () => {
    const { nak: error } = await send(adt('MAIN0002', { birth: '20990101' }))
    assert.ok(error)
    assert.equal(error.hl7['outcome'], 'nak')
    const ack = error.hl7['ack'] as {
      code: string
      severity: string
      errors: { code: string; location: string }[]
    }
    assert.equal(ack.code, 'AE')
    assert.equal(ack.severity, 'E')
    assert.equal(ack.errors[0]?.code, '102')
    assert.match(ack.errors[0].location, /PID.*7/)

    const { nak: reject } = await send(adt('MAIN0003', { version: '2.1' }))
    assert.equal((reject?.hl7['ack'] as { code: string }).code, 'AR')
  })

  it('keeps the order of messages and fetches one token for all of them', async () => {
    await world.deploy()
    const tokensBefore = world.tokens.tokenRequests
    const requestsBefore = world.receiver.requests.length
    const acksBefore = world.nodeRed.messages('ack').length
    const ids = Array.from({ length: 30 }, (_, index) => `ORDER${String(index).padStart(4, '0')}`)
    await Promise.all(ids.map((id) => world.nodeRed.inject('in', { payload: adt(id) })))
    const acks = await world.nodeRed.waitForMessages('ack', acksBefore + ids.length)
    const sent = world.receiver.requests
      .slice(requestsBefore)
      .map(({ body }) => body.toString().split('|')[9])
    const left = acks.slice(acksBefore).map((msg) => (msg as Message).hl7['controlId'])
    assert.equal(world.tokens.tokenRequests - tokensBefore, 1)
    assert.deepEqual(left, sent, 'messages leave in the order in which they were sent')
    assert.deepEqual([...sent].sort(), ids)
    assert.equal(world.receiver.counters.maxInFlight, 1, 'one at a time')
  })

  it('fetches one new token after a 401 and resends', async () => {
    const tokensBefore = world.tokens.tokenRequests
    const requestsBefore = world.receiver.requests.length
    let refused = false
    world.receiver.respond = () => {
      if (refused) return undefined
      refused = true
      return { status: 401 }
    }
    const { ack } = await send(adt('MAIN0401'))
    world.receiver.respond = undefined
    assert.ok(ack)
    assert.equal(ack.hl7['attempts'], 1, 'counted as one attempt')
    assert.equal(world.tokens.tokenRequests - tokensBefore, 1)
    assert.equal(world.receiver.requests.length - requestsBefore, 2)
    const [first, second] = world.receiver.requests.slice(-2)
    assert.notEqual(first?.headers.authorization, second?.headers.authorization)
  })

  const bad: [name: string, payload: unknown][] = [
    ['null', null],
    ['a number', 42],
    ['an object', { MSH: 1 }],
    ['an empty string', ''],
    ['HTML', '<html><body>Lindqvist</body></html>'],
    ['a message without a control ID', adt('')],
    ['a header that is cut off', 'MSH|^~'],
    ['100,000 separators', `MSH${'|'.repeat(100_000)}`]
  ]
  for (const [name, payload] of bad) {
    it(`sends ${name} to Catch as HL7_INVALID_MESSAGE, and nothing to the receiver`, async () => {
      const before = world.receiver.requests.length
      const msg = await caught(payload)
      assert.equal(msg.error.code, 'HL7_INVALID_MESSAGE')
      assert.deepEqual(msg['payload'], payload)
      assert.equal(world.receiver.requests.length, before)
    })
  }

  it('removes the error of an earlier round', async () => {
    const { ack } = await send(adt('MAIN0501'), {
      error: { message: 'old' },
      _error: { message: 'older' }
    })
    assert.ok(ack)
    assert.ok(!('error' in ack) && !('_error' in ack))
  })

  it('refuses another origin in msg.url, and accepts another path on the same origin', async () => {
    const before = world.receiver.requests.length
    const msg = await caught(adt('MAIN0601'), { url: 'https://elsewhere.invalid/hl7' })
    assert.equal(msg.error.code, 'HL7_CONFIG')
    assert.equal(world.receiver.requests.length, before)
    const { ack } = await send(adt('MAIN0602'), { url: `${world.receiver.url}?site=2` })
    assert.ok(ack)
    assert.match(world.receiver.requests.at(-1)?.url ?? '', /\?site=2$/)
  })

  describe('says what went wrong when', () => {
    const once = { failureTimeout: 0 }

    it('the receiver is not listening', async () => {
      const closed = createServer()
      await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
      const { port } = closed.address() as { port: number }
      await new Promise((resolve) => closed.close(resolve))
      await world.deploy({ ...once, url: `https://127.0.0.1:${port}/hl7` })
      const msg = await caught(adt('DOWN0001'))
      assert.equal(msg.error.code, 'HL7_DELIVERY_FAILED')
      assert.equal(msg.error.cause?.code, 'ECONNREFUSED')
      assert.match(
        msg.error.message,
        /^ECONNREFUSED .*refused.*Check the host and port.* DOWN0001 \(ADT\^A01\)/
      )
      assert.equal(msg['payload'], adt('DOWN0001'), 'the payload is what came in')
      assert.equal(msg.hl7['outcome'], 'error')
    })

    it('the receiver answers 404, or HTML with 200', async () => {
      await world.deploy(once)
      world.receiver.respond = () => ({
        status: 404,
        headers: { 'content-type': 'text/plain' },
        body: 'no such page'
      })
      const notFound = await caught(adt('HTTP0404'))
      assert.equal(notFound.error.code, 'HL7_DELIVERY_FAILED')
      assert.deepEqual(notFound.error.cause, { code: '404', status: 404 })
      assert.match(notFound.error.message, /404.*path of the URL/)
      assert.equal(notFound['statusCode'], 404)
      assert.equal(notFound.hl7['reply'], 'no such page')

      world.receiver.respond = () => ({
        headers: { 'content-type': 'text/html' },
        body: '<html>Lindqvist</html>'
      })
      const html = await caught(adt('HTTP0200'))
      world.receiver.respond = undefined
      assert.equal(html.error.code, 'HL7_DELIVERY_FAILED')
      assert.equal(html.error.cause?.status, 200)
      assert.match(html.error.message, /text\/html.*no HL7 acknowledgement/)
    })

    it("the receiver's certificate is not trusted", async () => {
      const other = await startHl7Receiver({ tls: await selfSignedCertificate() })
      try {
        await world.deploy({ ...once, url: other.url })
        const msg = await caught(adt('CERT0001'))
        assert.equal(msg.error.code, 'HL7_DELIVERY_FAILED')
        assert.equal(msg.error.cause?.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
        assert.match(msg.error.message, /self-signed.*TLS configuration/)
        assert.equal(other.requests.length, 0)
      } finally {
        await other.close()
      }
    })

    it('the secret is wrong', async () => {
      await world.deploy(once, {
        credentials: { clientId: 'test-client', clientSecret: 'wrong-secret-0' }
      })
      const msg = await caught(adt('AUTH0001'))
      assert.equal(msg.error.code, 'HL7_DELIVERY_FAILED')
      assert.equal(msg.error.cause?.code, 'invalid_client')
      assert.match(msg.error.message, /AUTH0001/)
      assert.ok(!JSON.stringify(msg.error).includes('wrong-secret-0'))
    })

    it('the issuer cannot be reached', async () => {
      await world.deploy(once, { issuer: 'https://127.0.0.1:9' })
      const msg = await caught(adt('AUTH0002'))
      assert.equal(msg.error.code, 'HL7_DELIVERY_FAILED')
      assert.equal(msg.error.cause?.code, 'ECONNREFUSED')
      assert.match(msg.error.message, /127\.0\.0\.1:9/)
    })

    it('the node is not set up', async () => {
      await world.deploy({ url: '', auth: 'nowhere' })
      const msg = await caught(adt('CONF0001'))
      assert.equal(msg.error.code, 'HL7_CONFIG')
      assert.match(msg.error.message, /OAuth 2.0 node is missing.*URL is empty/)
      await world.deploy({ url: '${NO_SUCH_VARIABLE}' })
      const unset = await caught(adt('CONF0002'))
      assert.match(unset.error.message, /NO_SUCH_VARIABLE/)
      await world.deploy({ replyCodeActions: ':?A=C,:?X=F' })
      const rules = await caught(adt('CONF0003'))
      assert.equal(rules.error.code, 'HL7_CONFIG')
    })
  })

  it('retries while the receiver is away and keeps the order', async () => {
    await world.deploy({ retryInterval: 0.1, retryMaxInterval: 0.2 })
    const before = world.nodeRed.messages('ack').length
    let failures = 3
    world.receiver.respond = () => (failures-- > 0 ? { status: 503 } : undefined)
    await world.nodeRed.inject('in', { payload: adt('RETRY001') })
    await world.nodeRed.inject('in', { payload: adt('RETRY002') })
    const acks = await world.nodeRed.waitForMessages('ack', before + 2)
    world.receiver.respond = undefined
    assert.deepEqual(
      acks
        .slice(before)
        .map((msg) => [(msg as Message).hl7['controlId'], (msg as Message).hl7['attempts']]),
      [
        ['RETRY001', 4],
        ['RETRY002', 1]
      ]
    )
  })

  it('shows what it does as a status', async () => {
    await world.deploy()
    await send(adt('STAT0001'))
    await world.nodeRed.waitForStatus(
      'out',
      ({ fill, shape }) => fill === 'green' && shape === 'dot'
    )
  })

  it('logs no secret, token or patient, and has survived', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    for (const secret of [CLIENT_SECRET, 'Lindqvist', 'eyJ', 'Bearer ']) {
      assert.ok(!log.includes(secret), `${secret} is in the log`)
    }
    assert.ok(world.nodeRed.alive)
  })
})
