/** The real node against PHP behind nginx, the HTTPS server of the JDK, nghttpx as a gateway, and HAProxy with nothing behind it. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { bodyOf, type LocalServer, startServer } from '../http-client/local-server.ts'
import { missing } from '../support/debian-packages.ts'
import { ackFor, adt, controlIdIn, controlIdOf, startWorld, type World } from '../support/world.ts'
import { freePort } from '../support/free-port.ts'
import { type ServerProcess, startTerminator } from './servers.ts'
import { startJdk, startNghttpx, startPhp } from './web-servers.ts'

/** More than the requests after which many servers close a connection. */
const MANY = 120
/** So many connections in a row that are cut after the handshake are an outage. */
const OUTAGE = 3
/** Until all messages have left, in milliseconds. */
const LIMIT_MS = 60_000

let world: World
before(async () => {
  world = await startWorld()
})
after(() => world.close())

const deploy = (
  { port }: ServerProcess,
  path: string,
  out: Record<string, unknown> = {}
): Promise<void> =>
  world.deploy({ url: `https://127.0.0.1:${port}${path}`, failureTimeout: 0, ...out })

/** Sends many messages, which must leave on ACK in order. */
async function sendMany(name: string): Promise<void> {
  const ids = Array.from({ length: MANY }, (_, index) => `${name}${index}`)
  for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id) })
  const acked = (): string[] => world.left('ack', name).map(controlIdOf)
  await world.nodeRed.waitFor(() => acked().length >= MANY, LIMIT_MS)
  assert.deepEqual(acked(), ids)
}

describe('against PHP', { skip: missing('PHP', 'nginx') }, () => {
  let php: ServerProcess
  before(async () => {
    php = await startPhp(await world.authority.issueServer(), 8192)
    await deploy(php, '/registry', { format: 'form', bodyField: 'MESSAGEDATA' })
  })
  after(() => php.stop())

  it('accepts a message in a form', async () => {
    const { output, msg } = await world.send(adt('PHP1'))
    assert.deepEqual([output, msg.hl7.ack?.controlId], ['ack', 'PHP1'])
  })

  it('answers 200 with nothing to a message over post_max_size, which is no acknowledgement', async () => {
    const { error, hl7 } = await world.caught(`${adt('PHP2')}\rNTE|1||${'long '.repeat(2000)}`)
    assert.deepEqual([error.code, hl7.rule], ['HL7_DELIVERY_FAILED', 'X=F'], error.message)
  })
})

describe('against the HTTPS server of the JDK', { skip: missing('JDK') }, () => {
  let jdk: ServerProcess
  before(async () => {
    jdk = await startJdk(await world.authority.issueServer(), '-Dsun.net.httpserver.nodelay=true')
  })
  after(() => jdk.stop())

  it('accepts messages in order', async () => {
    await deploy(jdk, '/hl7', { failureTimeout: 900 })
    await sendMany('JDK')
  })
})

describe('against nghttpx', { skip: missing('nghttpx') }, () => {
  let receiver: LocalServer
  let nghttpx: ServerProcess
  /** The control IDs that have come through. */
  const stored: string[] = []
  before(async () => {
    receiver = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        const id = controlIdIn(body)
        stored.push(id)
        // It ends when it has stored the message.
        if (id.startsWith('GONE')) request.socket.destroy()
        else response.end(ackFor(id))
      })
    })
    nghttpx = await startNghttpx(await world.authority.issueServer(), receiver.port)
  })
  after(async () => {
    await receiver.close()
    await nghttpx.stop()
  })

  it('passes on messages in order', async () => {
    await deploy(nghttpx, '/hl7', { failureTimeout: 900 })
    await sendMany('NGHTTPX')
  })

  it('answers 502 for what has been stored: "Suspend after a timeout" does not send it again', async () => {
    await deploy(nghttpx, '/hl7', {
      failureTimeout: 900,
      replyCodeActions: replyRulePresets.suspendTimeouts
    })
    await world.nodeRed.inject('in', { payload: adt('GONE1') })
    await world.eventually(async () => (await world.state()).suspended === 1)
    assert.deepEqual(
      stored.filter((id) => id.startsWith('GONE')),
      ['GONE1']
    )
  })
})

describe('against HAProxy that only terminates TLS', { skip: missing('HAProxy') }, () => {
  const WAITING = 100
  const AT_ONCE = 8

  for (const order of ['none', 'fifo'] as const) {
    it(`gets few connections while nothing is behind it, then each message once, with order ${order}`, async () => {
      const upstream = await freePort()
      const haproxy = await startTerminator(await world.authority.issueServer(), upstream)
      let receiver: LocalServer | undefined
      try {
        const times = { failureTimeout: 900, retryInterval: 1, retryMaxInterval: 1 }
        await deploy(haproxy, '/hl7', { order, maxInFlight: AT_ONCE, ...times })
        const earlier = await haproxy.connections()
        const since = performance.now()
        const name = `CUT${order}`
        const ids = Array.from({ length: WAITING }, (_, index) => `${name}${index}`)
        for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id) })
        await world.eventually(async () => (await haproxy.connections()) - earlier >= OUTAGE + 3)
        const connections = (await haproxy.connections()) - earlier
        const seconds = (performance.now() - since) / 1000
        // Others are in flight when the outage is noticed; after that, one is tried each second.
        assert.ok(connections <= OUTAGE + AT_ONCE + seconds, `${connections} in ${seconds} s`)
        receiver = await startReceiver(upstream)
        await world.nodeRed.waitFor(() => world.left('ack', name).length === WAITING, LIMIT_MS)
        assert.deepEqual(world.left('ack', name).map(controlIdOf).sort(), ids.sort())
      } finally {
        await receiver?.close()
        await haproxy.stop()
      }
    })
  }
})

/** A receiver that accepts everything. */
function startReceiver(port?: number): Promise<LocalServer> {
  return startServer(
    (request, response) => {
      void bodyOf(request).then((body) => response.end(ackFor(controlIdIn(body))))
    },
    undefined,
    '127.0.0.1',
    port
  )
}
