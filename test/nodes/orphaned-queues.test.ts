import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Node, NodeAPI } from 'node-red'
import { deletion, isInFlows } from '../../nodes/operations/orphaned-queues.ts'

/** Flows with these nodes: `type id z` of each. */
function flowsOf(nodes: () => readonly string[]): NodeAPI {
  const eachNode = (look: (config: object) => void): void => {
    for (const node of nodes()) {
      const [type = '', id = '', z] = node.split(' ')
      look({ type, id, z })
    }
  }
  return { nodes: { eachNode } } as unknown as NodeAPI
}

function inFlows(...nodes: string[]): (id: string) => boolean {
  const RED = flowsOf(() => nodes)
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

describe('whether a node that closes was deleted', () => {
  const inSubflow = ['tab tab', 'subflow sub', 'subflow:sub use tab', 'hl7-https-out out sub']
  for (const [what, node, before, after, deleted, kept] of [
    ['it is gone', { id: 'out' }, ['hl7-https-out out tab'], [], [true], [false, undefined]],
    [
      'it is in the flows, but disabled',
      { id: 'out' },
      ['hl7-https-out out tab'],
      ['hl7-https-out out tab'],
      [],
      [true, false, undefined]
    ],
    // Node-RED does not say so of one in a subflow.
    [
      'its subflow is gone',
      { id: 'use-out', _alias: 'out' },
      inSubflow,
      ['tab tab'],
      [true, false, undefined],
      []
    ],
    [
      'it is in a subflow that is still there',
      { id: 'use-out', _alias: 'out' },
      inSubflow,
      inSubflow,
      [],
      [true, false, undefined]
    ],
    // Nothing is known of it.
    [
      "it is in a module's subflow",
      { id: 'mod-out', _alias: 'out' },
      ['sf:module mod tab'],
      [],
      [],
      [true, false, undefined]
    ]
  ] satisfies [string, object, string[], string[], unknown[], unknown[]][]) {
    it(`${deleted.length > 0 ? 'is' : 'is not'} so: ${what}`, () => {
      let flows: readonly string[] = before
      const isDeleted = deletion(
        flowsOf(() => flows),
        node as unknown as Node
      )
      flows = after
      for (const removed of deleted) assert.equal(isDeleted(removed as boolean), true)
      for (const removed of kept) assert.equal(isDeleted(removed as boolean), false)
    })
  }
})
