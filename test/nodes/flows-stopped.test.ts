import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AllStates, NodeState } from '../../nodes/operations/answers.ts'
import {
  type FlowNode,
  startNodeRed,
  temporaryDirectory,
  TestNodeRed
} from '../support/node-red.ts'
import { adt, shareWorld, startWorld } from '../support/world.ts'

async function listed(nodeRed: TestNodeRed): Promise<NodeState[]> {
  return ((await nodeRed.get('/hl7-https-out')).body as AllStates).nodes
}

async function metrics(nodeRed: TestNodeRed): Promise<string> {
  return String((await nodeRed.get('/hl7-https-out/metrics')).body)
}

function isRunning(text: string): boolean | undefined {
  const [, value] = /^hl7_https_out_flows_running (\d)$/m.exec(text) ?? []
  return value === undefined ? undefined : value === '1'
}

/** What is told of a node: its level, why, and what to do. */
function toldOf({ advice, conditions: [first], queued, reason, state }: NodeState): unknown[] {
  return [state, first?.code, first?.level, queued, reason, advice?.text]
}

describe('flows that somebody stops', () => {
  const world = shareWorld({ settings: { runtimeState: { enabled: true, ui: true } } })

  it('are told as stopped, with what waits, in the list, the figures and to an open tab', async () => {
    const { nodeRed } = world
    const flow = world.flow({ queue: 'disk', name: 'Registry' })
    const [out] = flow.filter(({ id }) => id === 'out')
    assert.ok(out)
    await nodeRed.deploy([
      ...flow,
      { ...out, id: 'off', d: true },
      { id: 'sub', type: 'subflow', name: 'Sub', in: [], out: [] },
      { ...out, id: 'inner', z: 'sub', name: 'Inner', wires: [[], []] },
      { id: 'use', type: 'subflow:sub', z: 'tab', wires: [] }
    ])
    await nodeRed.post('/hl7-https-out/out/pause')
    for (const id of ['HALT1', 'HALT2']) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitForMessages('done', 2)
    assert.equal(isRunning(await metrics(nodeRed)), true)
    await listed(nodeRed)

    assert.equal((await nodeRed.post('/flows/state', { state: 'stop' })).status, 200)
    const why = 'Node-RED’s flows are stopped: somebody has stopped them'
    const start = 'Start them in the editor: Start, in the menu beside Deploy.'
    const found = await listed(nodeRed)
    assert.deepEqual(
      found.map((node) => [node.id, node.name, node.flow]),
      [
        ['out', 'Registry', 'test'],
        ['use-inner', 'Inner', 'Sub']
      ]
    )
    assert.deepEqual(found.map(toldOf), [
      [
        ...['stopped', 'STOPPED', 'call', 2, why],
        `${why}. 2 messages wait on disk; nothing is lost. They are sent automatically once this works again. ${start}`
      ],
      ['stopped', 'STOPPED', 'call', 0, why, `${why}. ${start}`]
    ])
    const text = await metrics(nodeRed)
    assert.equal(isRunning(text), false)
    assert.doesNotMatch(text, /node="/)

    assert.equal((await nodeRed.post('/flows/state', { state: 'start' })).status, 200)
    await world.eventually(async () => isRunning(await metrics(nodeRed)) === true)
    assert.equal((await world.state()).state, 'paused')
    await nodeRed.post('/hl7-https-out/out/resume')
    await world.acked('HALT', ['HALT1', 'HALT2'])
    // A deploy stops them for a moment, which is nothing to be told.
    await world.deploy({ queue: 'disk' })
    assert.equal(isRunning(await metrics(nodeRed)), true)
  })

  it('are told as stopped by a node type that is missing, until they are deployed without it', async () => {
    const { nodeRed } = world
    const missing: FlowNode = { id: 'gone', type: 'no-such-type', z: 'tab', wires: [] }
    await assert.rejects(nodeRed.deploy([...world.flow(), missing]), /missing-types/)
    const [node, ...others] = await listed(nodeRed)
    assert.ok(node)
    assert.equal(others.length, 0)
    const why = 'Node-RED’s flows are stopped: missing node types (no-such-type)'
    assert.equal(node.reason, why)
    assert.match(node.advice?.text ?? '', /Install what they are in \(Manage palette\)/)
    assert.equal(isRunning(await metrics(nodeRed)), false)
    await world.deploy()
    assert.equal(isRunning(await metrics(nodeRed)), true)
  })
})

describe('flows of a Node-RED in safe mode', () => {
  it('are told as stopped', async (t) => {
    const userDir = temporaryDirectory()
    const flows = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'out', type: 'hl7-https-out', z: 'tab', url: 'https://127.0.0.1', wires: [[], []] }
    ]
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    const nodeRed = new TestNodeRed({ userDir, settings: { safeMode: true } })
    t.after(() => nodeRed.close())
    await assert.rejects(nodeRed.start(), /The flows did not start: safe-mode/)
    const [node] = await listed(nodeRed)
    assert.ok(node)
    assert.deepEqual(toldOf(node), [
      ...['stopped', 'STOPPED', 'call', 0],
      'Node-RED’s flows are stopped: it was started in safe mode',
      'Node-RED’s flows are stopped: it was started in safe mode. Deploy in the editor, or restart Node-RED without safe mode.'
    ])
    assert.equal(isRunning(await metrics(nodeRed)), false)
    await nodeRed.deploy(flows)
    assert.equal(isRunning(await metrics(nodeRed)), true)
  })
})

describe('credentials that cannot be decrypted', () => {
  it('are told as such wherever somebody would enter them again', async (t) => {
    const userDir = temporaryDirectory()
    const first = await startWorld({ userDir, settings: { credentialSecret: 'the right one' } })
    t.after(() => first.close())
    await first.deploy({ queue: 'disk', contact: 'HL7 desk' })
    await first.send(adt('DECRYPT1'))
    await first.nodeRed.post('/hl7-https-out/out/pause')
    await first.nodeRed.inject('in', { payload: adt('DECRYPT2') })
    await first.nodeRed.waitForMessages('done', 2)
    const stored = join(userDir, 'flows_cred.json')
    assert.ok(existsSync(stored))
    const before = readFileSync(stored, 'utf8')
    await first.nodeRed.stop()

    const nodeRed = await startNodeRed({ userDir, settings: { credentialSecret: 'another one' } })
    t.after(() => nodeRed.close())
    const status = await nodeRed.waitForStatus('out', ({ code }) => code === 'CONFIG')
    assert.equal(status.level, 'call')
    const [node] = await listed(nodeRed)
    assert.ok(node)
    assert.match(
      node.reason,
      /^Not set up: Node-RED could not read its credentials: check credentialSecret, and restart Node-RED; do not deploy before$/
    )
    assert.match(
      node.advice?.text ?? '',
      /^Not set up: Node-RED could not read its credentials\. 1 message waits on disk.* Check credentialSecret in settings\.js.* do not deploy before, which would overwrite them all\.$/
    )
    assert.match(await metrics(nodeRed), /_condition\{node="out".*code="CONFIG",level="call"} 1/)
    const log = (await nodeRed.printed()).join('\n')
    assert.match(log, /\[error\] \[oauth2-client-credentials:.*could not read its credentials/)
    assert.doesNotMatch(log, /Enter the client|Client ID/)
    // Nothing was overwritten.
    assert.equal(readFileSync(stored, 'utf8'), before)
  })
})
