import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { DeployType, FlowNode } from '../support/node-red.ts'
import { adt, shareWorld } from '../support/world.ts'

describe('the queue file of a node in a subflow, in a real Node-RED', () => {
  const world = shareWorld()

  const fileOf = (id: string): string =>
    join(world.nodeRed.userDir, 'hl7-https-out', `${id}.sqlite`)

  /** A flow with these nodes, such as instances of `sub`; the inject node is wired to them. */
  function flow(...more: FlowNode[]): FlowNode[] {
    const targets = more.filter(({ z }) => z === 'tab').map(({ id }) => id)
    return world
      .flow()
      .filter(({ id }) => id !== 'out')
      .map((node) => (node.id === 'in' ? { ...node, wires: [targets] } : node))
      .concat(more)
  }

  /** A subflow with one node. */
  function subflow(id: string, inner: FlowNode): FlowNode[] {
    const wires = [{ id: inner.id }]
    return [
      { id, type: 'subflow', name: id, in: [{ x: 0, y: 0, wires }], out: [] },
      { ...inner, z: id }
    ]
  }

  const inner = (more: Record<string, unknown> = {}): FlowNode => {
    const out = world.flow({ queue: 'disk', ...more }).find(({ id }) => id === 'out')
    assert.ok(out)
    return { ...out, id: 'inner', wires: [[], []] }
  }
  const sub = (more: Record<string, unknown> = {}): FlowNode[] => subflow('sub', inner(more))
  const use = (id: string, more: Record<string, unknown> = {}): FlowNode => ({
    ...{ id, type: 'subflow:sub', z: 'tab', wires: [], ...more }
  })

  /** Waits until the journal of a node has a message. */
  const journaled = (id: string, controlId: string): Promise<void> =>
    world.eventually(async () => {
      const found = await world.messages(`controlId=${controlId}&state=acked`, id)
      return (found as typeof found | undefined)?.length === 1
    })

  /** Waits until a paused node holds that many messages. */
  const held = (id: string, count: number): Promise<void> =>
    world.eventually(async () => (await world.state(id)).queued === count)

  /** Deploys a flow. @returns what is logged about files that are kept */
  async function kept(nodes: FlowNode[], type?: DeployType): Promise<string[]> {
    const before = (await world.nodeRed.printed()).length
    await world.nodeRed.deploy(nodes, type)
    const lines = (await world.nodeRed.printed()).slice(before)
    return lines.filter((line) => line.includes('was kept'))
  }

  for (const type of ['full', 'nodes'] as const) {
    it(`is removed with its instance, or kept and reported (${type})`, async () => {
      const { nodeRed } = world
      const both = flow(...sub(), use('use1'), use('use2'))
      await nodeRed.deploy(both, type)
      await nodeRed.post('/hl7-https-out/use1-inner/pause')
      await nodeRed.inject('in', { payload: adt(`SUB_${type}`) })
      await held('use1-inner', 1)
      await journaled('use2-inner', `SUB_${type}`)
      // Not set up for a while: then it is not removed either.
      for (const url of ['${HL7_NOT_SET}', world.receiver.url]) {
        assert.deepEqual(await kept(flow(...sub({ url }), use('use1'), use('use2')), type), [])
      }
      const [line = '', ...others] = await kept(flow(...sub(), use('use2')), type)
      assert.match(line, /\[error\] .*use1-inner\.sqlite was kept: it contains 1 unsent message/)
      assert.deepEqual(others, [])
      await journaled('use2-inner', `SUB_${type}`)

      await nodeRed.deploy(both, type)
      await nodeRed.post('/hl7-https-out/use1-inner/resume')
      await journaled('use1-inner', `SUB_${type}`)
      const disabled = both.map((node) => (node.id === 'tab' ? { ...node, disabled: true } : node))
      for (const nodes of [flow(...sub(), use('use1', { d: true }), use('use2')), disabled]) {
        await nodeRed.deploy(nodes, type)
        await nodeRed.deploy(both, type)
        for (const id of ['use1-inner', 'use2-inner']) await journaled(id, `SUB_${type}`)
      }
      assert.deepEqual(await kept(flow(...sub(), use('use2')), type), [])
      assert.ok(!existsSync(fileOf('use1-inner')))
      await journaled('use2-inner', `SUB_${type}`)
      // With the subflow, while it is not set up.
      await nodeRed.deploy(flow(...sub({ url: '${HL7_NOT_SET}' }), use('use2')), type)
      assert.ok(existsSync(fileOf('use2-inner')))
      assert.deepEqual(await kept(flow(), type), [])
      assert.ok(!existsSync(fileOf('use2-inner')))
    })
  }

  it('is removed if the subflow is in another one, or if only the node is deleted', async () => {
    const outer = subflow('outer', use('nested', { z: 'outer' }))
    const file = fileOf('use-nested-inner')
    const whole = flow(...sub(), ...outer, use('use', { type: 'subflow:outer' }))
    await world.nodeRed.deploy(whole)
    await world.nodeRed.inject('in', { payload: adt('NESTED01') })
    await journaled('use-nested-inner', 'NESTED01')
    await world.nodeRed.restart()
    await world.nodeRed.deploy(whole)
    await journaled('use-nested-inner', 'NESTED01')
    await world.nodeRed.deploy(flow(...sub(), ...outer))
    assert.ok(!existsSync(file))
    await world.nodeRed.deploy(whole)
    await world.nodeRed.inject('in', { payload: adt('NESTED02') })
    await journaled('use-nested-inner', 'NESTED02')
    const empty = { id: 'other', type: 'probe', wires: [] }
    await world.nodeRed.deploy(
      flow(...subflow('sub', empty), ...outer, use('use', { type: 'subflow:outer' }))
    )
    assert.ok(!existsSync(file))
  })

  it('stays if the subflow was installed as a module', async () => {
    const { nodeRed } = world
    const module = join(nodeRed.userDir, 'node_modules', 'a-subflow-as-module')
    const [definition, ...nodes] = subflow('sub', { ...inner(), auth: '', tls: '' })
    const installed = { ...definition, meta: { type: 'installed' }, env: [], flow: nodes }
    mkdirSync(module)
    writeFileSync(
      join(module, 'package.json'),
      JSON.stringify({
        ...{ name: 'a-subflow-as-module', version: '1.0.0' },
        'node-red': { nodes: { installed: 'subflow.js' } }
      })
    )
    writeFileSync(
      join(module, 'subflow.js'),
      `module.exports = (RED) => RED.nodes.registerSubflow(${JSON.stringify(installed)})`
    )
    await nodeRed.restart()
    const instance = { id: 'use', type: 'installed', z: 'tab', wires: [] }
    // It was made from this subflow.
    await nodeRed.deploy(flow(...sub(), instance))
    await nodeRed.post('/hl7-https-out/use-inner/pause')
    await nodeRed.inject('in', { payload: adt('MODULE01') })
    await held('use-inner', 1)
    for (const nodes of [flow(...sub(), instance), flow(instance), flow(instance)]) {
      assert.deepEqual(await kept(nodes), [])
      await held('use-inner', 1)
    }
  })
})
