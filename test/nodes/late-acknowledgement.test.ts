/**
 * What sources that acknowledge late need: the functions and bookkeeping on a message leave the
 * node unchanged, so that the flow can acknowledge the message afterwards.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { FlowNode } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

/** Adds to each message what the AMQP and Kafka nodes add, and keeps the original. */
const SOURCE = `
let settled = 0
const original = {
  payload: msg.payload,
  fields: { deliveryTag: 7, redelivered: false, exchange: 'hl7', routingKey: '471100' },
  properties: { headers: { tries: 1 }, messageId: 'm-1' },
  manualAck: true,
  ack: () => ++settled,
  nack: function () {},
  commit: async () => {},
  deep: { er: { settle: () => 'deep' } }
}
flow.set('original', original)
flow.set('parts', { ...original })
node.send(original, false)`

/** The length of a message such that two exactly fill the memory of a queue on disk (16 MiB). */
const LARGE = (8 * 1024 * 1024 - 1024) / 2 - 1

/** Compares a message with the original, and acknowledges it. */
const LOOK = `
const parts = flow.get('parts')
const same = (name) => msg[name] === parts[name]
return {
  outcome: msg.hl7.outcome,
  code: msg.error?.code,
  sameMessage: msg === flow.get('original'),
  sameObjects: ['fields', 'properties', 'deep'].every(same),
  sameFunctions: ['ack', 'nack', 'commit'].every(same) && msg.deep.er.settle === parts.deep.er.settle,
  fields: msg.fields,
  properties: msg.properties,
  manualAck: msg.manualAck,
  settled: msg.ack()
}`

for (const queue of ['memory', 'disk']) {
  describe(`a source that acknowledges late, with the queue ${queue === 'disk' ? 'on disk' : 'in memory'}`, () => {
    let world: World
    before(async () => {
      world = await startWorld()
    })
    after(() => world.close())
    beforeEach(() => {
      world.receiver.respond = undefined
    })

    async function deploy(out: Record<string, unknown> = {}): Promise<void> {
      const made = (id: string, func: string, to: string): FlowNode => ({
        id,
        type: 'function',
        z: 'tab',
        func,
        outputs: 1,
        wires: [[to]]
      })
      const flow = world.flow({ queue, ...out }).map((node): FlowNode => {
        if (node.id === 'in') return { ...node, wires: [['source']] }
        if (node.id === 'out') return { ...node, wires: [['look'], ['look']] }
        if (node.id === 'catch') return { ...node, wires: [['look']] }
        return node
      })
      await world.nodeRed.deploy([
        ...flow,
        { id: 'large', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
        made('source', SOURCE, 'out'),
        made('look', 'if (msg.ack === undefined) return\n' + LOOK, 'seen'),
        { id: 'seen', type: 'probe', z: 'tab', wires: [] }
      ])
    }

    let seen = 0
    async function next(): Promise<Record<string, unknown>> {
      const messages = await world.nodeRed.waitForMessages('seen', ++seen)
      const { _msgid, ...found } = messages[seen - 1] ?? {}
      return found
    }

    const carried = {
      fields: { deliveryTag: 7, redelivered: false, exchange: 'hl7', routingKey: '471100' },
      properties: { headers: { tries: 1 }, messageId: 'm-1' },
      manualAck: true,
      settled: 1,
      sameFunctions: true
    }
    const theSame = { ...carried, sameMessage: true, sameObjects: true, code: undefined }
    // Node-RED passes a clone to Catch nodes, with the same functions.
    const cloned = { ...carried, sameMessage: false, sameObjects: false, outcome: 'error' }

    it('finds everything on a message that leaves on ACK', async () => {
      await deploy()
      await world.nodeRed.inject('in', { payload: adt('LATE0001') })
      assert.deepEqual(await next(), { ...theSame, outcome: 'ack' })
    })

    it('finds everything on a message that leaves on NAK', async () => {
      await deploy()
      await world.nodeRed.inject('in', { payload: adt('LATE0002', { version: '2.1' }) })
      assert.deepEqual(await next(), { ...theSame, outcome: 'nak' })
    })

    it('finds everything on a message that goes to Catch without an answer', async () => {
      await deploy({ failureTimeout: 0 })
      world.receiver.respond = () => ({ status: 500 })
      await world.nodeRed.inject('in', { payload: adt('LATE0003') })
      assert.deepEqual(await next(), { ...cloned, code: 'HL7_DELIVERY_FAILED' })
    })

    it('finds everything on a message that is refused at once', async () => {
      await deploy()
      await world.nodeRed.inject('in', { payload: 'no HL7 message' })
      assert.deepEqual(await next(), { ...cloned, code: 'HL7_INVALID_MESSAGE' })
    })

    it('finds everything after retries', async () => {
      await deploy({ retryInterval: 0.05, retryMaxInterval: 0.1 })
      world.receiver.respond = (_request, index) => (index % 4 < 3 ? { status: 503 } : undefined)
      await world.nodeRed.inject('in', { payload: adt('LATE0004') })
      assert.deepEqual(await next(), { ...theSame, outcome: 'ack' })
    })

    it('finds everything after a queue that is too large for memory', async () => {
      await deploy({ responseTimeout: 60 })
      await world.nodeRed.post('/hl7-https-out/out/pause')
      for (const id of ['LARGE001', 'LARGE002']) {
        const text = adt(id) + '\rNTE|1||'
        await world.nodeRed.inject('large', { payload: text.padEnd(LARGE, 'x') })
      }
      await world.nodeRed.inject('in', { payload: adt('LATE0005') })
      await world.nodeRed.post('/hl7-https-out/out/resume')
      assert.deepEqual(await next(), { ...theSame, outcome: 'ack' })
    })
  })
}
