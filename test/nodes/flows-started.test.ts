import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { after, before, describe, it } from 'node:test'
import type { NodeAPI } from 'node-red'
import { onceFlowsStarted } from '../../nodes/flows-started.ts'
import { bodyOf, startServer, type LocalServer } from '../http-client/local-server.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'

describe('onceFlowsStarted', () => {
  const nodeRed = (events = new EventEmitter()): NodeAPI => ({ events }) as unknown as NodeAPI

  it('calls each callback once unless cancelled, with one listener for all', () => {
    const RED = nodeRed()
    const called: number[] = []
    const callOff = Array.from({ length: 20 }, (_, index) =>
      onceFlowsStarted(RED, () => called.push(index))
    )
    assert.equal(RED.events.listenerCount('flows:started'), 1)
    callOff[1]?.()
    RED.events.emit('flows:started')
    assert.deepEqual(
      called,
      [...callOff.keys()].filter((index) => index !== 1)
    )
    RED.events.emit('flows:started')
    assert.equal(called.length, 19)
    callOff[0]?.()
    onceFlowsStarted(RED, () => called.push(99))
    RED.events.emit('flows:started')
    assert.deepEqual(called.slice(19), [99])
    assert.equal(RED.events.listenerCount('flows:started'), 1)
  })

  it('leaves callbacks added during a start to the next one, and keeps Node-RED instances apart', () => {
    const [RED, other] = [nodeRed(), nodeRed()]
    const called: string[] = []
    onceFlowsStarted(RED, () => {
      called.push('first')
      onceFlowsStarted(RED, () => called.push('second'))
    })
    onceFlowsStarted(other, () => called.push('other'))
    RED.events.emit('flows:started')
    assert.deepEqual(called, ['first'])
    RED.events.emit('flows:started')
    assert.deepEqual(called, ['first', 'second'])
  })
})

describe('fifteen nodes in one Node-RED', () => {
  let nodeRed: TestNodeRed
  let server: LocalServer
  let isDown = false
  const paths: string[] = []

  before(async () => {
    server = await startServer((request, response) => {
      void bodyOf(request).then((body) => {
        paths.push(request.url ?? '')
        if (isDown) {
          response.statusCode = 503
          response.end()
          return
        }
        const id = body.toString().split('|')[9] ?? ''
        response.end(`MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|${id}\r`)
      })
    })
    nodeRed = await startNodeRed()
  })
  after(async () => {
    await nodeRed.close()
    await server.close()
  })

  const ids = Array.from({ length: 15 }, (_, index) => `out${index}`)
  const flow = (): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [ids] },
    ...ids.map((id) => ({
      ...{ id, type: 'hl7-https-out', z: 'tab', url: new URL(`/${id}`, server.url).href },
      ...{ queue: 'disk', retryInterval: 0.2, retryMaxInterval: 0.2, wires: [['ack'], []] }
    })),
    { id: 'ack', type: 'probe', z: 'tab', wires: [] }
  ]
  const asked = (): string[] => [...new Set(paths)].sort()
  const all = ids.map((id) => `/${id}`).sort()

  it('all send what waited over a restart, and Node.js prints no warning', async () => {
    for (let deploys = 0; deploys < 3; deploys++) await nodeRed.deploy(flow())
    isDown = true
    await nodeRed.inject('in', { payload: adt('FIFTEEN1') })
    await nodeRed.waitFor(() => (asked().length === ids.length ? true : undefined))
    await nodeRed.stop()
    isDown = false
    paths.length = 0
    await nodeRed.start()
    await nodeRed.waitForMessages('ack', ids.length, 20_000)
    assert.deepEqual(asked(), all)
    const warnings = (await nodeRed.printed()).filter((line) =>
      /MaxListeners|memory leak/.test(line)
    )
    assert.deepEqual(warnings, [])
  })
})
