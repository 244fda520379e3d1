import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { adt, changed, functionNode, shareWorld } from '../support/world.ts'

/** What Node-RED cannot clone for a second wire. */
const UNCLONEABLE = `class Own { set a(value) { throw new Error('x') } }
  msg.other = Object.defineProperty(new Own(), 'a', { value: 1, enumerable: true })`

describe('a message', () => {
  const world = shareWorld()
  before(async () => {
    await world.nodeRed.deploy([
      ...changed(world.flow({ failureTimeout: 0 }), {
        in: { wires: [['odd']] },
        out: { wires: [['ack', 'ack2'], ['nak']] }
      }),
      functionNode('odd', `if (msg.odd) { ${UNCLONEABLE} }\nreturn msg`, 'out'),
      { id: 'ack2', type: 'probe', z: 'tab', wires: [] },
      { id: 'catch2', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught2']] },
      { id: 'caught2', type: 'probe', z: 'tab', wires: [] }
    ])
  })

  it('leaves once on each wire', async () => {
    const { nodeRed } = world
    await nodeRed.inject('in', { payload: adt('WIRES') })
    for (const probe of ['ack', 'ack2']) {
      const [msg] = await nodeRed.waitForMessages(probe)
      assert.match(String(msg?.['payload']), /MSA\|AA\|WIRES/)
    }
    await nodeRed.inject('in', { payload: 'no HL7' })
    for (const probe of ['caught', 'caught2']) await nodeRed.waitForMessages(probe)
    const counts = ['ack', 'ack2', 'caught', 'caught2'].map(
      (probe) => nodeRed.messages(probe).length
    )
    assert.deepEqual(counts, [1, 1, 1, 1])
  })

  it('that Node-RED cannot clone is told in the log, and the next one leaves', async () => {
    const { nodeRed } = world
    await nodeRed.inject('in', { payload: adt('ODD'), odd: true })
    await nodeRed.inject('in', { payload: adt('NEXT') })
    await world.eventually(() =>
      nodeRed.messages('ack2').some(({ payload }) => String(payload).includes('NEXT'))
    )
    await nodeRed.waitForLog('A message could not be handed on: Node-RED cannot clone')
  })
})

describe('a Catch node wired back to the node', () => {
  const world = shareWorld()

  const deploy = (out: Record<string, unknown>): Promise<void> =>
    world.nodeRed.deploy(changed(world.flow(out), { catch: { wires: [['caught', 'out']] } }))

  /** Waits until Node-RED has dropped a message `times` times. */
  const dropped = (times: number): Promise<void> =>
    world.eventually(() => {
      const log = world.nodeRed.log()
      return log.filter((line) => /exceeded maximum number of catches/.test(line)).length >= times
    })

  it('gets an invalid message nine times before Node-RED drops it', async () => {
    await deploy({})
    await world.nodeRed.inject('in', { payload: 'no HL7' })
    await dropped(1)
    assert.equal((await world.nodeRed.waitForMessages('caught', 9)).length, 9)
  })

  it('gets a message that a full queue refuses nine times, and the node continues', async () => {
    const { nodeRed } = world
    await deploy({ queue: 'disk', queueLimit: 1 })
    const before = nodeRed.messages('caught').length
    await nodeRed.inject('in', { action: 'pause' })
    await nodeRed.inject('in', { payload: adt('FULL1'), error: { message: 'old' }, _error: {} })
    await world.eventually(async () => (await world.state()).queued === 1)
    await nodeRed.inject('in', { payload: adt('FULL2') })
    await dropped(2)
    const caught = (await nodeRed.waitForMessages('caught', before + 9)).slice(before)
    assert.equal(caught.length, 9)
    for (const msg of caught) {
      assert.equal((msg['error'] as { code: string }).code, 'HL7_QUEUE_FULL')
    }
    await nodeRed.inject('in', { action: 'resume' })
    const [msg] = await nodeRed.waitForMessages('ack')
    assert.match(String(msg?.['payload']), /FULL1/)
    assert.deepEqual([msg && 'error' in msg, msg && '_error' in msg], [false, false])
  })

  it('may resend a corrected message, which leaves without msg.error', async () => {
    const { nodeRed } = world
    for (const queue of ['memory', 'disk']) {
      await nodeRed.deploy([
        ...changed(world.flow({ queue }), { catch: { wires: [['right']] } }),
        {
          ...functionNode('right', `msg.payload = ${JSON.stringify(adt('RIGHT1'))}; return msg`),
          ...{ outputs: 1, wires: [['out', 'caught']] }
        }
      ])
      const [acked, caught] = ['ack', 'caught'].map((probe) => nodeRed.messages(probe).length)
      await nodeRed.inject('in', { payload: 'no HL7', error: { message: 'older' } })
      const msg = (await nodeRed.waitForMessages('ack', (acked ?? 0) + 1)).at(-1)
      assert.match(String(msg?.['payload']), /RIGHT1/)
      assert.deepEqual([msg && 'error' in msg, msg && '_error' in msg], [false, false])
      const before = (await nodeRed.waitForMessages('caught', (caught ?? 0) + 1)).at(-1)
      assert.ok(before && 'error' in before && '_error' in before)
    }
  })
})
