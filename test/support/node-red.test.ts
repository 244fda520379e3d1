import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type FlowNode, startNodeRed, type TestNodeRed } from './node-red.ts'

const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  {
    id: 'inject',
    type: 'inject',
    z: 'tab',
    props: [{ p: 'payload' }],
    payload: '[77,83,72]',
    payloadType: 'bin',
    wires: [['work']]
  },
  {
    id: 'work',
    type: 'function',
    z: 'tab',
    func: `
      node.status({ fill: 'green', shape: 'dot', text: 'seen' })
      msg.ack = () => undefined
      if (msg.payload === 'wrong') throw new Error('refused')
      return msg`,
    outputs: 1,
    wires: [['probe']]
  },
  { id: 'catch', type: 'catch', z: 'tab', scope: null, wires: [['caught']] },
  { id: 'probe', type: 'probe', z: 'tab', wires: [] },
  { id: 'caught', type: 'probe', z: 'tab', wires: [] }
]

describe('Node-RED for tests', () => {
  const started: TestNodeRed[] = []
  after(() => Promise.all(started.map((nodeRed) => nodeRed.kill())))

  it('shows messages with Buffers, errors at a Catch node and statuses, even after a crash', async () => {
    const nodeRed = await startNodeRed({ flows })
    started.push(nodeRed)

    await nodeRed.inject('inject')
    const [message] = await nodeRed.waitForMessages('probe')
    assert.deepEqual(message?.['payload'], Buffer.from('MSH'))
    assert.ok(Buffer.isBuffer(message['payload']))
    assert.deepEqual(message['ack'], { $type: 'Function' })
    await nodeRed.waitForStatus('work', ({ text }) => text === 'seen')

    await nodeRed.inject('inject', { payload: 'wrong' })
    const [caught] = await nodeRed.waitForMessages('caught')
    assert.equal((caught?.['error'] as { message: string } | undefined)?.message, 'Error: refused')

    await nodeRed.kill()
    assert.equal(nodeRed.alive, false)
    await nodeRed.start()
    await nodeRed.inject('inject')
    await nodeRed.waitForMessages('probe', 2)
    assert.equal((await nodeRed.flows()).length, flows.length)
  })

  it('rejects a flow with an unknown node type', async () => {
    const nodeRed = await startNodeRed()
    started.push(nodeRed)
    await assert.rejects(
      nodeRed.deploy([
        { id: 'tab', type: 'tab' },
        { id: 'x', type: 'no-such-type', z: 'tab', wires: [] }
      ]),
      /missing-types.*no-such-type/
    )
  })

  it('closes the flows on stop', async () => {
    const nodeRed = await startNodeRed({ flows })
    started.push(nodeRed)
    await nodeRed.stop()
    assert.deepEqual(await nodeRed.exited, { code: 0, signal: null })
    assert.match(nodeRed.log().join('\n'), /Stopped flows/)
  })
})
