import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FlowNode } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

/** Code for a Function node in front of the `hl7-https-out` node. */
type Make = string

const accessor = (get: string): Make =>
  `let read = 0; Object.defineProperty(msg, 'other', { enumerable: true, get() { ${get} } })`

/** Messages that Node-RED may fail to clone, always or from the second time on. */
const oddities: Record<string, Make> = {
  'an ordinary message': '',
  'an accessor that throws': accessor('throw new Error("x")'),
  'an accessor that throws at every second look': accessor(
    'if (++read % 2 === 0) throw new Error("x"); return 1'
  ),
  'a proxy that works once': `let read = 0
    msg.other = new Proxy({ a: 1 }, { get(from, name) {
      if (name === 'a' && ++read > 1) throw new Error('x')
      return from[name]
    } })`,
  'a revoked proxy': 'const p = Proxy.revocable({}, {}); p.revoke(); msg.other = p.proxy',
  'a class that cannot be cloned': `class Own { set a(value) { throw new Error('x') } }
    msg.other = Object.defineProperty(new Own(), 'a', { value: 1, enumerable: true })`
}

const change = (node: FlowNode, changes: Record<string, FlowNode>): FlowNode => ({
  ...node,
  ...changes[node.id]
})

describe('a message leaves exactly once on each wire', () => {
  const names = Object.keys(oddities)
  const probes = ['ack', 'ack2', 'ack3', 'caught', 'caught2']
  let world: World
  before(async () => {
    world = await startWorld()
    const func = names.map((name, n) => `if (msg.n === ${n}) { ${oddities[name] ?? ''} }`)
    const changes = {
      in: { wires: [['odd']] },
      out: { wires: [['ack', 'ack2', 'ack3'], ['nak']] }
    } as unknown as Record<string, FlowNode>
    await world.nodeRed.deploy([
      // A Complete node that cannot be notified of a message logs it.
      ...world.flow({ failureTimeout: 0 }).map((node) => change(node, changes)),
      {
        id: 'odd',
        type: 'function',
        z: 'tab',
        func: `${func.join('\n')}\nreturn msg`,
        wires: [['out']]
      },
      { id: 'ack2', type: 'probe', z: 'tab', wires: [] },
      { id: 'ack3', type: 'probe', z: 'tab', wires: [] },
      { id: 'catch2', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught2']] },
      { id: 'caught2', type: 'probe', z: 'tab', wires: [] }
    ])
  })
  after(() => world.close())

  /** Sends two messages: when the second has arrived everywhere, the first has too. */
  async function counts(n: number, payload: string): Promise<number[]> {
    const { nodeRed } = world
    const now = (): number[] => probes.map((probe) => nodeRed.messages(probe).length)
    const earlier = now()
    await nodeRed.inject('in', { payload, n })
    await nodeRed.inject('in', { payload: adt('LAST'), n: -1 })
    await nodeRed.inject('in', { payload: 'no HL7', n: -1 })
    const arrived = (probe: string, last: string): boolean =>
      nodeRed
        .messages(probe)
        .slice(earlier[probes.indexOf(probe)])
        .some((msg) => String(msg['payload']).includes(last) && msg['n'] === -1)
    await nodeRed.waitFor(() =>
      probes.every((probe) => arrived(probe, probe.startsWith('ack') ? 'LAST' : 'no HL7'))
        ? true
        : undefined
    )
    return now().map((count, index) => count - (earlier[index] ?? 0) - 1)
  }

  names.forEach((name, n) => {
    it(`${name}, to three nodes`, async () => {
      assert.deepEqual(await counts(n, adt(`WIRES${n}`)), [1, 1, 1, 0, 0])
      for (const probe of ['ack', 'ack2', 'ack3']) {
        const msg = world.nodeRed.messages(probe).findLast((one) => one['n'] !== -1)
        assert.match(String(msg?.['payload']), /MSA\|AA/)
      }
    })

    it(`${name}, to two Catch nodes`, async () => {
      assert.deepEqual(await counts(n, 'invalid'), [0, 0, 0, 1, 1])
    })
  })
})

describe('a message that cannot be cloned', () => {
  it('keeps msg.req and msg.res when a Complete node is notified', async () => {
    const world = await startWorld()
    try {
      const changes = { in: { wires: [['odd']] } } as unknown as Record<string, FlowNode>
      await world.nodeRed.deploy([
        ...world.flow({ queue: 'disk' }).map((node) => change(node, changes)),
        {
          ...{ id: 'odd', type: 'function', z: 'tab', wires: [['out']] },
          func: `${oddities['a class that cannot be cloned']}; msg.res = { id: 'res' }; return msg`
        }
      ])
      await world.nodeRed.inject('in', { payload: adt('RES1') })
      const [msg] = await world.nodeRed.waitForMessages('ack')
      assert.deepEqual(msg?.['res'], { id: 'res' })
    } finally {
      await world.close()
    }
  })
})

describe('a Catch node wired back to the node', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())

  const deploy = (out: Record<string, unknown>): Promise<void> => {
    const changes = { catch: { wires: [['caught', 'out']] } } as unknown as Record<string, FlowNode>
    return world.nodeRed.deploy(world.flow(out).map((node) => change(node, changes)))
  }

  /** Waits until Node-RED has dropped a message `times` times. */
  const dropped = (times: number): Promise<boolean> =>
    world.nodeRed.waitFor(() => {
      const log = world.nodeRed
        .log()
        .filter((line) => /exceeded maximum number of catches/.test(line))
      return log.length >= times ? true : undefined
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
    await nodeRed.waitFor(() =>
      nodeRed.messages('done').some(({ payload }) => String(payload).includes('FULL1'))
        ? true
        : undefined
    )
    await nodeRed.inject('in', { payload: adt('FULL2') })
    await dropped(2)
    const caught = (await nodeRed.waitForMessages('caught', before + 9)).slice(before)
    assert.equal(caught.length, 9)
    for (const msg of caught) {
      assert.equal((msg['error'] as { code: string }).code, 'HL7_QUEUE_FULL')
    }
    // Now the waiting message is read from the disk.
    await nodeRed.restart()
    await nodeRed.inject('in', { action: 'resume' })
    const [msg] = await nodeRed.waitForMessages('ack')
    assert.match(String(msg?.['payload']), /FULL1/)
    assert.deepEqual([msg && 'error' in msg, msg && '_error' in msg], [false, false])
  })

  it('may resend a corrected message, which leaves without msg.error', async () => {
    const { nodeRed } = world
    const changes = {
      catch: { wires: [['right']] }
    } as unknown as Record<string, FlowNode>
    for (const queue of ['memory', 'disk']) {
      await nodeRed.deploy([
        ...world.flow({ queue }).map((node) => change(node, changes)),
        {
          ...{ id: 'right', type: 'function', z: 'tab', wires: [['out', 'caught']] },
          func: `msg.payload = ${JSON.stringify(adt('RIGHT1'))}; return msg`
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
