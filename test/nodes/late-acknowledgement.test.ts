/**
 * What sources that acknowledge late need: the functions and bookkeeping on a message leave the
 * node unchanged, so that the flow can acknowledge the message afterwards.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adt, changed, functionNode, shareWorld } from '../support/world.ts'

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
if (msg.ack === undefined) return
const parts = flow.get('parts')
const same = (name) => msg[name] === parts[name]
return {
  outcome: msg.error?.code ?? msg.hl7.outcome,
  sameMessage: msg === flow.get('original'),
  sameObjects: ['fields', 'properties', 'deep'].every(same),
  sameFunctions: ['ack', 'nack', 'commit'].every(same) && msg.deep.er.settle === parts.deep.er.settle,
  fields: msg.fields,
  properties: msg.properties,
  manualAck: msg.manualAck,
  settled: msg.ack()
}`

const carried = {
  fields: { deliveryTag: 7, redelivered: false, exchange: 'hl7', routingKey: '471100' },
  properties: { headers: { tries: 1 }, messageId: 'm-1' },
  ...{ manualAck: true, settled: 1, sameFunctions: true }
}
const theSame = { ...carried, sameMessage: true, sameObjects: true }
// Node-RED passes a clone to Catch nodes, with the same functions.
const cloned = { ...carried, sameMessage: false, sameObjects: false }

describe('a source that acknowledges late', () => {
  const world = shareWorld()
  let seen = 0

  const deploy = (out: Record<string, unknown>): Promise<void> =>
    world.nodeRed.deploy([
      ...changed(world.flow(out), {
        in: { wires: [['source']] },
        out: { wires: [['look'], ['look']] },
        catch: { wires: [['look']] }
      }),
      { id: 'large', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
      functionNode('source', SOURCE, 'out'),
      functionNode('look', LOOK, 'seen'),
      { id: 'seen', type: 'probe', z: 'tab', wires: [] }
    ])
  async function next(): Promise<Record<string, unknown>> {
    const messages = await world.nodeRed.waitForMessages('seen', ++seen)
    const { _msgid, ...found } = messages[seen - 1] ?? {}
    return found
  }

  const message = adt('LATE0001')
  const retry = { retryInterval: 0.05, retryMaxInterval: 0.1 }
  const rows: [
    how: string,
    out: Record<string, unknown>,
    payload: string,
    statuses: number[],
    found: Record<string, unknown>
  ][] = [
    ['leaves on ACK', {}, message, [], { ...theSame, outcome: 'ack' }],
    ['leaves on ACK from memory', { queue: 'memory' }, message, [], { ...theSame, outcome: 'ack' }],
    ['leaves on NAK', {}, adt('LATE0002', { version: '2.1' }), [], { ...theSame, outcome: 'nak' }],
    ['leaves after retries', retry, message, [503, 503], { ...theSame, outcome: 'ack' }],
    [
      'goes to Catch without an answer',
      { failureTimeout: 0 },
      message,
      [500],
      { ...cloned, outcome: 'HL7_DELIVERY_FAILED' }
    ],
    ['is refused at once', {}, 'no HL7', [], { ...cloned, outcome: 'HL7_INVALID_MESSAGE' }]
  ]
  for (const [how, out, payload, statuses, found] of rows) {
    it(`finds everything on a message that ${how}`, async () => {
      await deploy({ queue: 'disk', ...out })
      const answers = [...statuses]
      world.receiver.respond = () => {
        const status = answers.shift()
        return status === undefined ? undefined : { status }
      }
      await world.nodeRed.inject('in', { payload })
      assert.deepEqual(await next(), found)
    })
  }

  it('finds everything after a queue that is too large for memory', async () => {
    await deploy({ queue: 'disk', responseTimeout: 60 })
    await world.nodeRed.post('/hl7-https-out/out/pause')
    for (const id of ['LARGE001', 'LARGE002']) {
      const text = `${adt(id)}\rNTE|1||`
      await world.nodeRed.inject('large', { payload: text.padEnd(LARGE, 'x') })
    }
    await world.nodeRed.inject('in', { payload: message })
    await world.nodeRed.post('/hl7-https-out/out/resume')
    assert.deepEqual(await next(), { ...theSame, outcome: 'ack' })
  })
})
