/** The real node against PHP behind nginx, the HTTPS server of the JDK, and nghttpx as a gateway. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { bodyOf, type LocalServer, startServer } from '../http-client/local-server.ts'
import { missing } from '../support/debian-packages.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'
import type { ServerProcess } from './servers.ts'
import { startJdk, startNghttpx, startPhp } from './web-servers.ts'

/** More than the requests after which many servers close a connection. */
const MANY = 120

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
  await world.acked(name, ids)
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
  before(async () => {
    receiver = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        response.end(ackFor(controlIdIn(body)))
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
})
