import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import type { NodeAPI } from 'node-red'
import { onceFlowsStarted } from '../../nodes/flow/flows-started.ts'
import type { FlowNode } from '../support/node-red.ts'
import { adt, changed, startWorld } from '../support/world.ts'

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
  it('all send, and Node.js warns of no leak', async (t) => {
    const world = await startWorld()
    t.after(() => world.close())
    const { nodeRed } = world
    const flow = world.flow({ queue: 'disk' })
    const out = flow.find(({ id }) => id === 'out') as FlowNode
    const ids = Array.from({ length: 15 }, (_, index) => `out${index}`)
    await nodeRed.deploy([
      ...changed(flow, { in: { wires: [ids] } }),
      ...ids.map((id) => ({ ...out, id }))
    ])
    await nodeRed.inject('in', { payload: adt('FIFTEEN1') })
    await nodeRed.waitForMessages('ack', ids.length)
    const log = await nodeRed.printed()
    assert.deepEqual(
      log.filter((line) => /MaxListeners|memory leak/.test(line)),
      []
    )
  })
})
