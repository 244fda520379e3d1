import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeAPI } from 'node-red'
import { isInFlows } from '../../nodes/operations/orphaned-queues.ts'

/** `type id z` of each node. */
function inFlows(...nodes: string[]): (id: string) => boolean {
  const configs = nodes.map((node) => {
    const [type = '', id = '', z] = node.split(' ')
    return { type, id, z }
  })
  const eachNode = (look: (config: object) => void): void => {
    configs.forEach(look)
  }
  const RED = { nodes: { eachNode } } as unknown as NodeAPI
  return (id) => isInFlows(RED, id)
}

describe('which nodes are in the flows', () => {
  const flow = ['tab tab', 'subflow sub', 'hl7-https-out my-out sub', 'hl7-https-out out tab']

  it('knows those of a subflow by the ids of its instances, whatever hyphens they have', () => {
    const isIn = inFlows(...flow, 'subflow:sub use tab', 'subflow:sub 0-1-use tab')
    for (const id of ['out', 'use-my-out', '0-1-use-my-out']) assert.ok(isIn(id), id)
    // The node of the subflow itself only serves as a pattern.
    const others = [
      'my-out',
      'use-out',
      '1-use-my-out',
      'x-use-my-out',
      'use',
      'tab-out',
      'x-out',
      '-out'
    ]
    for (const id of others) assert.ok(!isIn(id), id)
  })

  it('knows those of a subflow in a subflow, and ids with other characters', () => {
    const isIn = inFlows(
      ...[...flow, 'subflow outer', 'subflow:sub in-ner outer', 'subflow:outer 1/2 tab'],
      'subflow:outer a-b tab'
    )
    for (const id of ['1/2-in-ner-my-out', 'a-b-in-ner-my-out']) assert.ok(isIn(id), id)
    for (const id of ['a-b-my-out', 'in-ner-a-b-my-out', '1/2-in-ner']) assert.ok(!isIn(id), id)
  })

  it('comes to an end if a subflow of a flow file is in itself', () => {
    const isIn = inFlows(...flow, 'subflow:sub use tab', 'subflow:sub again sub')
    assert.ok(isIn('use-my-out'))
  })

  it('does not take a node of a subflow for that of another, or of a module', () => {
    const isIn = inFlows(
      ...['subflow sub', 'hl7-https-out inner sub', 'subflow other', 'subflow:other use tab'],
      'sf:module mod tab'
    )
    for (const id of ['use-inner', 'mod-inner']) assert.ok(!isIn(id), id)
  })
})
