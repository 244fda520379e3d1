import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import {
  ackFor,
  adt,
  changed,
  CLIENT_ID,
  CLIENT_SECRET,
  functionNode,
  type LeftMessage,
  shareWorld
} from '../support/world.ts'
import type { ReceiverAnswer } from '../../demo/received-request.ts'

describe('the main job, in a real Node-RED', () => {
  const world = shareWorld()
  before(async () => {
    await world.deploy()
  })

  /** Sends a payload that must go to Catch, with an error that quotes no field and no secret. */
  async function caught(payload: unknown, more?: Record<string, unknown>): Promise<LeftMessage> {
    const msg = await world.caught(payload, more)
    const words = JSON.stringify(msg.error)
    for (const secret of [CLIENT_SECRET, 'wrong-secret', 'Lindqvist', '471100', 'Bearer', 'eyJ']) {
      assert.ok(!words.includes(secret), `${secret} is in ${words}`)
    }
    assert.deepEqual(msg['payload'], payload, 'the payload is what came in')
    assert.equal(msg.hl7.outcome, 'error')
    return msg
  }

  it('sends a message with a token and emits the ACK on output 1', async () => {
    const { output, msg } = await world.send(adt('MAIN0001'), { topic: 'kept' })
    assert.equal(output, 'ack')
    const request = world.receiver.requests.at(-1)
    assert.match(request?.headers.authorization ?? '', /^Bearer eyJ/)
    assert.equal(request?.headers['content-type'], 'application/hl7-v2; charset=utf-8')
    assert.match(request.headers['user-agent'] ?? '', /^node-red-hl7-https-out\/\d+\.\d+\.\d+$/)
    assert.ok(request.headers.date)
    assert.equal(request.body.toString(), `${adt('MAIN0001')}\r`)

    assert.match(String(msg['payload']), /^MSH\|.*\rMSA\|AA\|MAIN0001/)
    assert.deepEqual([msg['statusCode'], msg['topic']], [200, 'kept'])
    const { 'content-type': type } = msg['headers'] as Record<string, string>
    assert.equal(type, 'application/hl7-v2; charset=utf-8')
    const { ack, acceptedAt, settledAt, ...hl7 } = msg.hl7
    assert.deepEqual(hl7, {
      ...{ outcome: 'ack', request: `${adt('MAIN0001')}\r`, controlId: 'MAIN0001' },
      ...{ type: 'ADT^A01', version: '2.5.1', rule: ':?A=C', action: 'C' },
      ...{ warnings: [], attempts: 1, host: new URL(world.receiver.url).host }
    })
    assert.deepEqual([ack?.code, ack?.controlId, ack?.errors], ['AA', 'MAIN0001', []])
    for (const time of [acceptedAt, settledAt]) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
  })

  it('emits AE and AR on output 2, with the errors', async () => {
    const { output, msg } = await world.send(adt('MAIN0002', { birth: '20990101' }))
    assert.deepEqual([output, msg.hl7.outcome], ['nak', 'nak'])
    const { code, severity, errors = [] } = msg.hl7.ack ?? {}
    assert.deepEqual([code, severity, errors[0]?.code], ['AE', 'E', '102'])
    assert.match(errors[0]?.location ?? '', /PID.*7/)
    const { msg: rejected } = await world.send(adt('MAIN0003', { version: '2.1' }))
    assert.equal(rejected.hl7.ack?.code, 'AR')
  })

  it('keeps the order of messages and fetches one token for all of them', async () => {
    await world.deploy()
    const { tokens, receiver, nodeRed } = world
    const before = tokens.tokenRequests
    const ids = Array.from({ length: 30 }, (_, index) => `ORDER${String(index).padStart(4, '0')}`)
    await Promise.all(ids.map((id) => nodeRed.inject('in', { payload: adt(id) })))
    await world.eventually(() => world.left('ack', 'ORDER').length === ids.length)
    const sent = world.sent('ORDER')
    // They leave in the order in which they were sent.
    await world.acked('ORDER', sent)
    assert.deepEqual([...sent].sort(), ids)
    assert.equal(tokens.tokenRequests - before, 1)
    assert.equal(receiver.counters.maxInFlight, 1, 'one at a time')
  })

  it('fetches one new token after a 401 and resends', async () => {
    const { receiver, tokens } = world
    const before = tokens.tokenRequests
    let refused = false
    receiver.respond = () => {
      if (refused) return undefined
      refused = true
      return { status: 401 }
    }
    const { msg } = await world.send(adt('MAIN0401'))
    assert.equal(msg.hl7.attempts, 1, 'counted as one attempt')
    assert.equal(tokens.tokenRequests - before, 1)
    assert.equal(world.sent('MAIN0401').length, 2)
    const [first, second] = receiver.requests.slice(-2)
    assert.notEqual(first?.headers.authorization, second?.headers.authorization)
  })

  it('retries while the receiver is away and keeps the order', async () => {
    await world.deploy({ retryInterval: 0.1, retryMaxInterval: 0.2 })
    let failures = 3
    world.receiver.respond = () => (failures-- > 0 ? { status: 503 } : undefined)
    await world.nodeRed.inject('in', { payload: adt('RETRY001') })
    await world.nodeRed.inject('in', { payload: adt('RETRY002') })
    await world.acked('RETRY', ['RETRY001', 'RETRY002'])
    assert.deepEqual(
      world.left('ack', 'RETRY').map(({ hl7 }) => hl7.attempts),
      [4, 1]
    )
  })

  it('refuses another origin in msg.url, and accepts another path on the same origin', async () => {
    const before = world.receiver.requests.length
    const { error } = await caught(adt('MAIN0601'), { url: 'https://elsewhere.invalid/hl7' })
    assert.equal(error.code, 'HL7_CONFIG')
    assert.equal(world.receiver.requests.length, before)
    const { output } = await world.send(adt('MAIN0602'), { url: `${world.receiver.url}?site=2` })
    assert.equal(output, 'ack')
    assert.match(world.receiver.requests.at(-1)?.url ?? '', /\?site=2$/)
  })

  describe('says what went wrong when', () => {
    const answer = (status: number, type: string, body: string): ReceiverAnswer => ({
      ...{ status, headers: { 'content-type': type }, body }
    })
    const wrongSecret = { clientId: CLIENT_ID, clientSecret: 'wrong-secret-0' }
    interface Fault {
      answer?: ReceiverAnswer
      out?: Record<string, unknown>
      auth?: Record<string, unknown>
      /** The code of the cause. */
      cause: string
      words: RegExp
      status?: number
      description?: string
      reply?: string
    }
    const faults: Record<string, Fault> = {
      'the receiver answers 404': {
        answer: answer(404, 'text/plain', 'no such page'),
        ...{ cause: '404', status: 404, words: /404.*path of the URL/, reply: 'no such page' }
      },
      'the secret is wrong': {
        ...{
          auth: { credentials: wrongSecret },
          cause: 'invalid_client',
          status: 401,
          description: 'client authentication failed',
          words: /^invalid_client: .*"client authentication failed"/
        }
      }
    }
    for (const [name, { out, auth, cause, description, words, ...fault }] of Object.entries(
      faults
    )) {
      it(name, async () => {
        await world.deploy({ failureTimeout: 0, ...out }, auth)
        world.receiver.respond = () => fault.answer
        const { error, hl7, ...msg } = await caught(adt('FAULT001'))
        assert.equal(error.code, 'HL7_DELIVERY_FAILED')
        const { status } = fault
        assert.deepEqual(error.cause, {
          code: cause,
          ...(status !== undefined && { status }),
          ...(description !== undefined && { description })
        })
        assert.match(error.message, words)
        assert.match(error.message, / FAULT001 \(ADT\^A01\)/)
        if (fault.reply !== undefined) {
          assert.deepEqual([msg['statusCode'], hl7.reply], [status, fault.reply])
        }
      })
    }
  })

  it('gives a Catch node at most 64 KiB of a reply, in whole characters', async () => {
    await world.deploy({ failureTimeout: 0 })
    const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
    for (const [character, length] of [
      ['a', 65_536],
      ['€', 65_535],
      ['😀', 65_536]
    ] as const) {
      world.receiver.respond = () => ({ status: 400, headers, body: character.repeat(100_000) })
      const { hl7 } = await world.caught(adt('LONG0001'))
      assert.equal(Buffer.byteLength(hl7.reply), length)
      assert.ok(!hl7.reply.includes('\ufffd'))
    }
  })

  it('counts an unknown MSH-18 as empty, with a warning that names the first message', async () => {
    await world.deploy()
    const odd = (id: string) =>
      adt(id).replace('|P|2.5.1', '|P|2.5.1||||||8859/99').replace('Lindqvist', 'Sjögren')
    for (const id of ['CHAR0001', 'CHAR0002']) {
      assert.equal((await world.send(odd(id))).output, 'ack')
    }
    const { headers } = world.receiver.requests.at(-1) ?? {}
    assert.match(headers?.['content-type'] ?? '', /charset=utf-8$/)
    const warnings = (await world.nodeRed.printed()).filter((line) => line.includes('MSH-18'))
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /warn.*CHAR0001 \(ADT\^A01\)/)
  })

  describe('with a function node before it', () => {
    const deploy = (func: string, out: Record<string, unknown> = {}): Promise<void> =>
      world.nodeRed.deploy([
        ...changed(world.flow(out), { in: { wires: [['before']] } }),
        functionNode('before', func, 'out', 'out')
      ])

    it('gives Catch the original payload, whatever the flow has put there since', async () => {
      await deploy(
        'node.send([msg, null], false); setTimeout(() => { msg.payload = "changed"; msg.hl7 = 5 }, 100)',
        { failureTimeout: 0 }
      )
      world.receiver.respond = () => ({ status: 500, delayMs: 400 })
      assert.equal((await caught(adt('CHANGE01'))).hl7.controlId, 'CHANGE01')
    })

    it('lets a message that is sent to it twice leave twice', async () => {
      await deploy('node.send([msg, null], false); node.send([null, msg], false)')
      await world.nodeRed.inject('in', { payload: adt('TWICE001') })
      await world.acked('TWICE', ['TWICE001', 'TWICE001'])
      for (const { hl7, payload } of world.left('ack', 'TWICE')) {
        assert.equal(hl7.request, `${adt('TWICE001')}\r`)
        assert.match(String(payload), /MSA\|AA\|TWICE001/)
      }
    })
  })

  describe('with a receiver that answers twice', () => {
    it('does not take an answer to an earlier message for one to the next, and says so', async (t) => {
      const reply = (id: string, code?: string): string => {
        const body = ackFor(id, code)
        return `HTTP/1.1 200 OK\r\nContent-Type: application/hl7-v2\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      }
      let requests = 0
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        let text = ''
        socket
          .on('error', () => undefined)
          .on('data', (data) => {
            text += data.toString('latin1')
            const id = /^MSH.*\|(AGAIN\d)\|/m.exec(text)?.[1]
            // PV1 is the last segment.
            if (id === undefined || !/PV1[^\r]*\r$/.test(text)) return
            text = ''
            // The second request meets the answer to the first one once more.
            if (++requests === 2) socket.write(reply('AGAIN1'), () => socket.write(reply(id, 'AR')))
            else socket.write(reply(id))
            // One answer too many while nothing is in flight.
            if (requests === 3) socket.write(reply(id, 'AR'))
          })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
      const { port } = server.address() as AddressInfo
      const url = `http://127.0.0.1:${port}/hl7`
      await world.deploy({ url, auth: '', tls: '', retryInterval: 0.1 })
      for (const id of ['AGAIN1', 'AGAIN2']) await world.nodeRed.inject('in', { payload: adt(id) })
      await world.acked('AGAIN', ['AGAIN1', 'AGAIN2'])
      assert.deepEqual(
        world.left('ack', 'AGAIN').map(({ hl7 }) => [hl7.ack?.code, hl7.attempts]),
        [
          ['AA', 1],
          ['AA', 2]
        ]
      )
      const sender = `127.0.0.1:${port}:`
      const { nodeRed } = world
      await nodeRed.waitForLog(`${sender} the receiver sent a reply to an earlier message`)
      await nodeRed.waitForLog(`${sender} the server sent more than one`)
    })
  })

  it('logs no secret, token or patient, and nothing of what Node.js warns of', async () => {
    const log = (await world.nodeRed.printed()).join('\n')
    for (const word of [
      ...[CLIENT_SECRET, 'wrong-secret', 'Lindqvist', 'Sjögren', 'eyJ', 'Bearer '],
      ...['Warning:', 'Unhandled', 'Uncaught', 'Deprecat']
    ]) {
      assert.ok(!log.includes(word), `${word} is in the log`)
    }
    assert.ok(world.nodeRed.alive)
  })
})
