import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { DeployType, FlowNode } from '../support/node-red.ts'
import { startWorld, type World } from '../support/world.ts'

const COUNT = 200

describe('a redeploy or a stop while 200 messages are being sent', () => {
  let world: World
  let round = 0
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  afterEach(() => {
    world.receiver.respond = undefined
  })

  const idOf = (payload: unknown): string => String(payload).split('|')[9] ?? ''
  const left = (prefix: string): string[] =>
    ['ack', 'nak', 'caught']
      .flatMap((probe) => world.nodeRed.messages(probe))
      .map(
        (msg) => (msg as { hl7?: { controlId?: string } }).hl7?.controlId ?? idOf(msg['payload'])
      )
      .filter((id) => id.startsWith(prefix))
  const sent = (prefix: string): string[] =>
    world.receiver.requests.map(({ body }) => idOf(body)).filter((id) => id.startsWith(prefix))
  const taken = (prefix: string): string[] =>
    world.nodeRed
      .messages('done')
      .map(({ payload }) => idOf(payload))
      .filter((id) => id.startsWith(prefix))

  /** The usual flow, with a node that makes 200 messages out of one. `change` changes the node. */
  const flow = (out: Record<string, unknown>, change: string): FlowNode[] => {
    const make = `
      for (let i = 0; i < ${COUNT}; i++) {
        const id = msg.topic + String(i).padStart(4, '0')
        node.send({ payload:
          'MSH|^~\\\\&|A|B|C|D|20260102||ADT^A01|' + id + '|P|2.5.1\\rPID|1||' + (i % 7) + '||Lindqvist\\r' })
      }`
    const settings = { order: 'key', orderKey: 'PID-3', maxInFlight: 8, retryInterval: 0.1, ...out }
    return [
      ...world.flow({ ...settings, auth: '', name: change }).map((node) => {
        if (node.id === 'in') return { ...node, wires: [['make']] }
        // A Catch node that names the node is restarted with it, and would miss messages.
        return node.id === 'catch' ? { ...node, scope: null } : node
      }),
      { id: 'make', type: 'function', z: 'tab', func: make, outputs: 1, wires: [['out']] }
    ]
  }

  /** Makes the receiver take a moment for each message. */
  const slow = (): void => {
    world.receiver.respond = ({ body }) => ({
      delayMs: 30,
      headers: { 'content-type': 'application/hl7-v2' },
      body: `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|AA|${idOf(body)}\r`
    })
  }

  /** Deploys, sends 200 messages, and waits until some of them have left. */
  async function underWay(out: Record<string, unknown>): Promise<string> {
    const prefix = `R${String(++round).padStart(2, '0')}M`
    slow()
    await world.nodeRed.deploy(flow(out, prefix))
    await world.nodeRed.inject('in', { payload: 'x', topic: prefix })
    await world.nodeRed.waitFor(() => (left(prefix).length >= 20 ? true : undefined))
    return prefix
  }

  const allLeft = (prefix: string): Promise<true> =>
    world.nodeRed.waitFor(
      () => (new Set(left(prefix)).size >= COUNT ? true : undefined),
      30_000,
      () => `${new Set(left(prefix)).size} of ${COUNT} left`
    )

  it('lets each message leave exactly once if nothing is closed', async () => {
    for (const queue of ['disk', 'memory']) {
      const prefix = await underWay({ queue })
      await allLeft(prefix)
      assert.equal(left(prefix).length, COUNT)
      assert.equal(sent(prefix).length, COUNT)
    }
  })

  for (const type of ['full', 'flows', 'nodes'] satisfies DeployType[]) {
    it(`loses nothing from the queue on disk in a deploy of type ${type}`, async () => {
      const prefix = await underWay({ queue: 'disk' })
      await world.nodeRed.waitFor(() => (taken(prefix).length === COUNT ? true : undefined))
      await world.nodeRed.deploy(flow({ queue: 'disk' }, `changed ${prefix}`), type)
      await allLeft(prefix)
      assert.equal(sent(prefix).length, COUNT, 'a close waits for messages in flight')
    })
  }

  it('loses nothing from the queue on disk at a SIGTERM', async () => {
    const prefix = await underWay({ queue: 'disk' })
    await world.nodeRed.waitFor(() => (taken(prefix).length === COUNT ? true : undefined))
    await world.nodeRed.restart()
    await allLeft(prefix)
    assert.equal(sent(prefix).length, COUNT)
  })

  for (const how of ['full', 'flows', 'nodes', 'SIGTERM'] as const) {
    it(`reports once what a queue in memory holds when closed by ${how}`, async () => {
      const prefix = await underWay({ queue: 'memory' })
      const before = (await world.nodeRed.printed()).length
      if (how === 'SIGTERM') await world.nodeRed.restart()
      else await world.nodeRed.deploy(flow({ queue: 'memory' }, `changed ${prefix}`), how)
      const lines = (await world.nodeRed.printed())
        .slice(before)
        .filter((line) => line.includes('the queue in memory is gone'))
      assert.equal(lines.length, 1, lines.join('\n'))
      const [report = ''] = lines
      const [, number = '', more = '0'] =
        /: (\d+) messages? were not settled[^.]*\.[^.]*?(?: and (\d+) more)?\./.exec(report) ?? []
      const [unsettled = ''] = report.split(' answered while the node closed')
      const listed = unsettled.match(new RegExp(`${prefix}\\d{4}`, 'g')) ?? []
      assert.equal(listed.length + Number(more), Number(number))
      // No answered message is reported, and together they are all.
      const answered = new Set(sent(prefix))
      for (const id of listed) assert.ok(!answered.has(id), `${id} was sent and reported`)
      assert.equal(answered.size + Number(number), COUNT)
      // A Catch node that is not restarted gets the reported messages; otherwise nobody does.
      const livesOn = how === 'nodes' || how === 'flows'
      const caught = (): number =>
        world.nodeRed.messages('caught').filter(({ payload }) => idOf(payload).startsWith(prefix))
          .length
      await world.nodeRed.waitFor(() =>
        caught() === (livesOn ? Number(number) : 0) ? true : undefined
      )
      if (how === 'nodes') await allLeft(prefix)
      assert.equal(new Set(left(prefix)).size, left(prefix).length, 'messages that left twice')
    })
  }
})
