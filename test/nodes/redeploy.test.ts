import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FlowNode } from '../support/node-red.ts'
import {
  ackFor,
  changed,
  controlIdIn,
  controlIdOf,
  functionNode,
  shareWorld
} from '../support/world.ts'

const COUNT = 60

describe('a redeploy or a stop while messages are being sent', () => {
  const world = shareWorld()
  let round = 0

  const left = (prefix: string): string[] =>
    (['ack', 'nak', 'caught'] as const)
      .flatMap((output) => world.left(output, prefix))
      .map(controlIdOf)
  const taken = (prefix: string): string[] =>
    world.nodeRed
      .messages('done')
      .map(({ payload }) => controlIdIn(payload))
      .filter((id) => id.startsWith(prefix))

  /** The usual flow, with a node that makes many messages out of one. `change` changes the node. */
  const flow = (out: Record<string, unknown>, change: string): FlowNode[] => {
    const make = `
      for (let i = 0; i < ${COUNT}; i++) {
        const id = msg.topic + String(i).padStart(4, '0')
        node.send({ payload:
          'MSH|^~\\\\&|A|B|C|D|20260102||ADT^A01|' + id + '|P|2.5.1\\rPID|1||' + (i % 7) + '||Lindqvist\\r' })
      }`
    const settings = { order: 'key', orderKey: 'PID-3', maxInFlight: 8, retryInterval: 0.1, ...out }
    return [
      ...changed(world.flow({ ...settings, auth: '', name: change }), {
        in: { wires: [['make']] },
        // A Catch node that names the node is restarted with it, and would miss messages.
        catch: { scope: null }
      }),
      functionNode('make', make, 'out')
    ]
  }

  /** Makes the receiver take a moment for each message. */
  const slow = (delayMs = 30): void => {
    world.receiver.respond = ({ body }) => ({ delayMs, body: ackFor(controlIdIn(body)) })
  }

  /** Deploys, sends the messages, and waits until some of them have left. */
  async function underWay(out: Record<string, unknown>): Promise<string> {
    const prefix = `R${String(++round).padStart(2, '0')}M`
    slow()
    await world.nodeRed.deploy(flow(out, prefix))
    await world.nodeRed.inject('in', { payload: 'x', topic: prefix })
    await world.nodeRed.waitFor(() => left(prefix).length >= 10)
    // A busy machine needs its time for what comes now.
    slow(300)
    return prefix
  }

  const allLeft = (prefix: string): Promise<true> => {
    slow()
    return world.nodeRed.waitFor(
      () => new Set(left(prefix)).size >= COUNT && true,
      30_000,
      () => `${new Set(left(prefix)).size} of ${COUNT} left`
    )
  }

  it('loses nothing from the queue on disk in a deploy', async () => {
    const prefix = await underWay({ queue: 'disk' })
    await world.nodeRed.waitFor(() => taken(prefix).length === COUNT)
    await world.nodeRed.deploy(flow({ queue: 'disk' }, `changed ${prefix}`), 'nodes')
    await allLeft(prefix)
    assert.equal(world.sent(prefix).length, COUNT, 'a close waits for messages in flight')
  })

  it('lets Node-RED end by itself though a request hangs, before Docker and FlowFuse kill it', async () => {
    const { nodeRed, receiver } = world
    const prefix = await underWay({ queue: 'disk' })
    receiver.respond = () => ({ delayMs: 60_000, body: '' })
    const before = receiver.requests.length
    await nodeRed.waitFor(() => receiver.requests.length > before)
    const { pid, exited } = nodeRed
    process.kill(pid, 'SIGTERM')
    const killer = setTimeout(() => process.kill(pid, 'SIGKILL'), 10_000)
    const { signal } = await exited
    clearTimeout(killer)
    assert.equal(signal, null)
    slow()
    await nodeRed.start()
    await allLeft(prefix)
  })

  for (const how of ['nodes', 'SIGTERM'] as const) {
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
      const answered = new Set(world.sent(prefix))
      for (const id of listed) assert.ok(!answered.has(id), `${id} was sent and reported`)
      assert.equal(answered.size + Number(number), COUNT)
      // A Catch node that is not restarted gets the reported messages; otherwise nobody does.
      const livesOn = how === 'nodes'
      const caught = (): number =>
        world.nodeRed
          .messages('caught')
          .filter(({ payload }) => controlIdIn(payload).startsWith(prefix)).length
      await world.eventually(() => caught() === (livesOn ? Number(number) : 0))
      if (how === 'nodes') await allLeft(prefix)
      assert.equal(new Set(left(prefix)).size, left(prefix).length, 'messages that left twice')
    })
  }
})
