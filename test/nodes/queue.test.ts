import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { AllStates, EventPage, HistoryAnswer } from '../../nodes/operations/answers.ts'
import { STATES } from '../../src/queue/message-row.ts'
import type { FlowNode } from '../support/node-red.ts'
import { ackFor, adt, changed, controlIdIn, functionNode, shareWorld } from '../support/world.ts'

describe('the queue on disk, in a real Node-RED', () => {
  const world = shareWorld()

  const disk = { queue: 'disk', retryInterval: 0.2, retryMaxInterval: 0.5 }
  const suspending = { ...disk, replyCodeActions: ':?E=S,:?A=C' }
  const directory = (): string => join(world.nodeRed.userDir, 'hl7-https-out')
  const queueFile = (): string => join(directory(), 'out.sqlite')
  const pause = () => world.nodeRed.post('/hl7-https-out/out/pause')
  const resume = () => world.nodeRed.post('/hl7-https-out/out/resume')
  /** The usual flow with this node changed. */
  const flowWith = (id: string, change: Record<string, unknown>, out: object = disk): FlowNode[] =>
    changed(world.flow({ ...out }), { [id]: change })
  /** The usual flow after the node was deleted. */
  const deleted = (): FlowNode[] => flowWith('in', { wires: [] }).filter(({ id }) => id !== 'out')

  /** Sends messages and waits until they are stored. */
  async function store(...ids: string[]): Promise<void> {
    const done = (): unknown[] =>
      world.nodeRed.messages('done').map(({ payload }) => controlIdIn(payload))
    for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id), topic: id })
    await world.nodeRed.waitFor(() => ids.every((id) => done().includes(id)))
  }

  it('loses nothing in a crash, and keeps the order and other properties', async () => {
    await world.deploy(disk)
    world.receiver.respond = () => ({ status: 503 })
    const ids = Array.from({ length: 20 }, (_, index) => `CRASH${String(index).padStart(3, '0')}`)
    await store(...ids)
    await world.eventually(() => world.sent('CRASH').length > 0)
    await world.nodeRed.kill()
    world.receiver.respond = undefined
    await world.nodeRed.start()
    await world.acked('CRASH', ids)
    assert.deepEqual(
      world.left('ack', 'CRASH').map(({ topic }) => topic),
      ids
    )
  })

  it('goes on counting, and says since when it retries, over a deploy and a kill', async () => {
    const { nodeRed } = world
    await world.deploy(disk)
    const before = (await world.state()).lastHour.acked
    const ids = ['COUNT001', 'COUNT002', 'COUNT003']
    await store(...ids)
    await world.acked('COUNT', ids)
    const counted = await world.state()
    assert.equal(counted.lastHour.acked, before + 3)
    await world.deploy({ ...disk, failureTimeout: 800 })
    const deployed = await world.state()
    assert.deepEqual([deployed.acked, deployed.lastHour.acked], [0, before + 3])
    assert.equal(deployed.lastAckAt, counted.lastAckAt)

    world.receiver.respond = () => ({ status: 503 })
    await store('COUNT004')
    const retried = async (): Promise<{ attempts: number; since: string | null }> => {
      await world.eventually(async () => {
        return ((await world.state()).retry?.attempts ?? 0) > attempts + 1
      })
      const { conditions, retry } = await world.state()
      attempts = retry?.attempts ?? 0
      const since = conditions.find(({ code }) => code === 'RETRYING')?.since ?? null
      return { attempts, since }
    }
    let attempts = 0
    const { since } = await retried()
    await world.deploy({ ...disk, failureTimeout: 801 })
    assert.equal((await retried()).since, since, 'deployed')
    // What happened in the last second may be lost.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await nodeRed.kill()
    await nodeRed.start()
    assert.equal((await retried()).since, since, 'killed')
    const killed = await world.state()
    assert.equal(killed.lastHour.acked, before + 3)
    assert.equal(killed.lastAckAt, counted.lastAckAt)
    world.receiver.respond = undefined
    await world.acked('COUNT', [...ids, 'COUNT004'])

    const { body } = await nodeRed.get('/hl7-https-out/out/events?limit=20')
    const kinds = (body as EventPage).events.map(({ kind }) => kind).reverse()
    const runs = kinds.filter((kind) => ['started', 'deployed', 'stopped'].includes(kind))
    assert.deepEqual(runs.slice(-4), ['deployed', 'stopped', 'deployed', 'started'])
    const minutes = ((await nodeRed.get('/hl7-https-out/out/history')).body as HistoryAnswer)
      .minutes
    assert.ok(minutes.reduce((sum, { acked }) => sum + acked, 0) >= before + 3)
  })

  it('holds a message that is in flight at a close, and emits it at the next start', async () => {
    await world.deploy(disk)
    world.receiver.respond = ({ body }) => ({ delayMs: 1000, body: ackFor(controlIdIn(body)) })
    await world.nodeRed.inject('in', { payload: adt('CLOSE001') })
    await world.eventually(() => world.sent('CLOSE001').length > 0)
    await world.nodeRed.stop()
    assert.deepEqual(world.left('ack', 'CLOSE'), [], 'a closing node emits nothing')
    await world.nodeRed.start()
    await world.acked('CLOSE', ['CLOSE001'])
    assert.equal(world.sent('CLOSE').length, 1, 'sent once')
  })

  it('stays paused and keeps suspended messages over a kill, for an operator to continue', async () => {
    await world.deploy(suspending)
    await world.nodeRed.inject('in', { payload: adt('SUSP0001', { birth: '20990101' }) })
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    await pause()
    await store('SUSP0002')
    await world.nodeRed.kill()
    await world.nodeRed.start()
    const { state, suspended, queued } = await world.state()
    assert.deepEqual([state, suspended, queued], ['paused', 1, 1])
    const [row] = await world.messages('state=suspended')
    assert.deepEqual([row?.controlId, row?.rule, row?.ackCode], ['SUSP0001', ':?E=S', 'AE'])
    await resume()
    await world.acked('SUSP', ['SUSP0002'])
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { ids: [row?.id] })
    const [msg] = await world.nodeRed.waitFor(() => {
      const found = world.left('caught', 'SUSP')
      return found.length > 0 && found
    })
    assert.equal(msg?.error.code, 'HL7_DISCARDED')
    assert.deepEqual([msg['statusCode'], msg.hl7.ack?.code, msg.hl7.rule], [200, 'AE', ':?E=S'])
    assert.match(msg.hl7.reply, /MSA\|AE\|SUSP0001/)
    assert.equal(msg['payload'], adt('SUSP0001', { birth: '20990101' }))
  })

  it('has the event of a suspension that a deploy follows at once', async () => {
    await world.deploy(suspending)
    await world.nodeRed.inject('in', { payload: adt('EVENT001', { birth: '20990101' }) })
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    await world.deploy(suspending)
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events?limit=3')
    const { events } = body as EventPage
    assert.deepEqual(
      events.map(({ kind, text }) => [kind, text]),
      [
        ['deployed', 'Deployed'],
        ['stopped', 'Stopped'],
        ['suspended', '1 message suspended by rule :?E=S']
      ]
    )
    const times = events.map(({ at }) => at)
    assert.deepEqual(times.toSorted().reverse(), times)
  })

  it('obeys the commands of a flow, and none for a message that the flow did not find', async () => {
    const { nodeRed } = world
    const unknown = `return { payload: '', action: msg.payload, controlId: msg.unknown }`
    await nodeRed.deploy([
      ...world.flow(suspending),
      { id: 'ask', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['look']] },
      functionNode('look', unknown, 'out')
    ])
    // One is left of the test before.
    await nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    for (const action of ['discard', 'resend']) {
      await nodeRed.inject('ask', { payload: action })
      await nodeRed.waitForLog(`no suspended message of msg.controlId to ${action}.`)
    }
    assert.equal((await world.state()).suspended, 1)
    await nodeRed.inject('in', { action: 'discard', controlId: 'EVENT001' })
    await world.eventually(async () => (await world.state()).suspended === 0)
    await world.eventually(() => world.left('caught', 'EVENT001').length === 1)
    const [discarded] = world.left('caught', 'EVENT001')
    assert.match(discarded?.error.message ?? '', /^It was discarded by an operator or a flow\./)
    await nodeRed.inject('in', { action: 'pause' })
    await world.eventually(async () => (await world.state()).state === 'paused')
    // With a payload it is an ordinary property.
    await nodeRed.inject('in', { action: 'pause', payload: adt('COMMAND1') })
    await nodeRed.inject('in', { action: 'resume' })
    await world.acked('COMMAND', ['COMMAND1'])
    assert.equal(world.left('ack', 'COMMAND')[0]?.['action'], 'pause')
  })

  it('drains the file first when the queue is switched to memory', async () => {
    await world.deploy(disk)
    await pause()
    await store('DRAIN001')
    await world.deploy({ ...disk, queue: 'memory' })
    assert.equal((await world.state()).state, 'paused', 'still paused after a deploy')
    await resume()
    await world.nodeRed.inject('in', { payload: adt('DRAIN002') })
    await world.acked('DRAIN', ['DRAIN001', 'DRAIN002'])
  })

  it('stays paused without messages, while disabled and after a switch to memory', async () => {
    const { nodeRed } = world
    await world.deploy(disk)
    await pause()
    await nodeRed.deploy(flowWith('out', { d: true }))
    assert.equal((await nodeRed.get('/hl7-https-out/out')).status, 404)
    await world.deploy(disk)
    assert.equal((await world.state()).state, 'paused')
    await world.deploy({ ...disk, queue: 'memory' })
    await world.eventually(async () => (await world.state()).state === 'paused')
    await resume()
    await world.deploy({ ...disk, queue: 'memory', name: 'now in memory' })
    assert.equal((await world.send(adt('RESUMED1'))).output, 'ack')
  })

  it('keeps the file of a node that is disabled, and removes that of a deleted one, with each kind of deploy', async () => {
    const { nodeRed } = world
    await world.deploy(disk)
    for (const type of ['full', 'nodes', 'flows'] as const) {
      const controlId = `JOURNAL_${type}`
      assert.equal((await world.send(adt(controlId))).output, 'ack')
      // Only now: each look copies the file, and this process is the receiver and the token server, too.
      await nodeRed.waitFor(() => isRecorded(queueFile(), controlId))
      for (const disabled of [flowWith('out', { d: true }), flowWith('tab', { disabled: true })]) {
        await nodeRed.deploy(disabled, type)
        assert.ok(isRecorded(queueFile(), controlId), type)
        await nodeRed.deploy(world.flow(disk), type)
      }
      await nodeRed.deploy(deleted(), type)
      assert.ok(!existsSync(queueFile()), type)
      await nodeRed.deploy(world.flow(disk), type)
    }
    // With its flow.
    await nodeRed.deploy(world.flow(disk).filter(({ id, z }) => ![id, z].includes('tab')))
    assert.ok(!existsSync(queueFile()))
  })

  it('lists a node that is disabled, or deleted while it holds messages, with what is in its file', async () => {
    const { nodeRed } = world
    const named = { ...disk, name: 'Registry' }
    const listed = async (): Promise<unknown[]> => {
      const { nodes } = (await nodeRed.get('/hl7-https-out')).body as AllStates
      return nodes.map(({ id, name, flow, state, queued, reason }) => [
        ...[id, name, flow, state, queued, reason]
      ])
    }
    await world.deploy(named)
    await pause()
    await store('STOP0001', 'STOP0002')
    const running = [['out', 'Registry', 'test', 'paused', 2, 'Paused']]
    assert.deepEqual(await listed(), running)
    // At once, though no file is counted for each look.
    const reason = '2 messages in the queue file of a node that is disabled or deleted'
    await nodeRed.deploy(flowWith('out', { d: true }, named))
    assert.deepEqual(await listed(), [['out', 'Registry', 'test', 'stopped', 2, reason]])
    await world.deploy(named)
    const before = (await nodeRed.printed()).length
    await nodeRed.deploy(deleted())
    await nodeRed.waitForLog(
      /\[error\].* queue file .*out\.sqlite was kept: it contains 2 unsent messages/,
      before
    )
    await world.deploy(named)
    assert.deepEqual(await listed(), running)
    await resume()
    await world.acked('STOP', ['STOP0001', 'STOP0002'])
    await world.eventually(async () => (await world.state()).queued === 0)
  })

  it('shows what is in the file of a node that is no longer set up, and keeps or removes it', async () => {
    const { nodeRed } = world
    const unset = { ...disk, url: '${HL7_NOT_SET}' }
    const queued = async (): Promise<unknown[]> => {
      const { nodes } = (await nodeRed.get('/hl7-https-out')).body as AllStates
      return [...nodes, await world.state()].map((node) => [node.id, node.state, node.queued])
    }
    await world.deploy(disk)
    await pause()
    await store('UNSET001', 'UNSET002')
    await world.deploy(unset)
    assert.deepEqual(await queued(), Array(2).fill(['out', 'config', 2]))
    const { body: metrics } = await nodeRed.get('/hl7-https-out/metrics')
    const names = [...String(metrics).matchAll(/^hl7_https_out_(\w+)\{node="out"/gm)]
    assert.deepEqual(
      new Set(names.map(([, name]) => name)),
      new Set(['refused_total', 'condition'])
    )
    const before = (await nodeRed.printed()).length
    await nodeRed.deploy(deleted())
    await nodeRed.waitForLog(/\[error\].* was kept: it contains 2 unsent messages/, before)

    await world.deploy(disk)
    await resume()
    await world.acked('UNSET', ['UNSET001', 'UNSET002'])
    for (const change of [unset, { ...unset, d: true }, unset]) await world.deploy(change)
    assert.ok(isRecorded(queueFile(), 'UNSET002'))
    await nodeRed.deploy(deleted())
    assert.ok(!existsSync(queueFile()))
    await world.deploy(unset)
    assert.deepEqual(await queued(), Array(2).fill(['out', 'config', 0]))
  })

  it('reports at the start files that belong to no node, and no others', async () => {
    const { nodeRed } = world
    const [out] = world.flow(disk).filter(({ id }) => id === 'out')
    assert.ok(out)
    const unwired = { ...out, wires: [[], []] }
    const targets = ['out', 'lost', 'off', 'instance-1']
    await nodeRed.deploy([
      ...flowWith('in', { wires: [targets] }),
      { ...unwired, id: 'lost' },
      { ...unwired, id: 'off' },
      {
        ...{ id: 'sub', type: 'subflow', name: 'sub', out: [] },
        in: [{ x: 0, y: 0, wires: [{ id: 'inner-1' }] }]
      },
      { ...unwired, id: 'inner-1', z: 'sub' },
      { id: 'instance-1', type: 'subflow:sub', z: 'tab', wires: [] }
    ])
    const ids = ['instance-1-inner-1', 'lost', 'off', 'out']
    for (const id of ids) await nodeRed.post(`/hl7-https-out/${id}/pause`)
    await nodeRed.inject('in', { payload: adt('LOST0001') })
    for (const id of ids) {
      await world.eventually(async () => (await world.state(id)).queued === 1)
    }
    assert.deepEqual(
      readdirSync(directory()).filter((name) => name.endsWith('sqlite')),
      ids.map((id) => `${id}.sqlite`)
    )
    await nodeRed.stop()
    const before = nodeRed.log().length
    const path = join(nodeRed.userDir, 'flows.json')
    const stored = JSON.parse(readFileSync(path, 'utf8')) as FlowNode[]
    const off = { d: true }
    const edited = changed(stored, { off, 'instance-1': off }).filter(({ id }) => id !== 'lost')
    writeFileSync(path, JSON.stringify(edited))
    await nodeRed.start()
    const words = '1 message in the queue file of a node that is disabled or deleted.'
    const line = await nodeRed.waitForLog(words, before)
    assert.match(line, /\[error\] .*lost\.sqlite, deploy a node with the same id/)
    const told = (await nodeRed.printed()).slice(before)
    assert.equal(told.filter((one) => one.includes(words)).length, 1)
  })

  it('knows when the sender sent something last: a command of the flow is nothing of that', async () => {
    const { nodeRed } = world
    /** As it is stored. */
    const lastInAt = async (): Promise<unknown> => {
      await nodeRed.stop()
      const db = new DatabaseSync(queueFile(), { readOnly: true })
      const [row] = db.prepare("SELECT value FROM meta WHERE name = 'figures'").all()
      db.close()
      await nodeRed.start()
      return (JSON.parse(String(row?.['value'])) as { lastInAt?: unknown }).lastInAt
    }
    await world.deploy(disk)
    await store('LASTIN01')
    const before = await lastInAt()
    const done = nodeRed.messages('done').length
    await nodeRed.inject('in', { action: 'resume' })
    await nodeRed.waitFor(() => nodeRed.messages('done').length > done)
    assert.equal(await lastInAt(), before)
    await store('LASTIN02')
    assert.ok(Number(await lastInAt()) > Number(before))
  })
})

/** Whether a queue file says that a message has left. It may be open elsewhere, so a copy is read. */
function isRecorded(path: string, controlId: string): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'queue-'))
  try {
    const copy = join(directory, 'copy.sqlite')
    copyFileSync(path, copy)
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
    const db = new DatabaseSync(copy)
    const left = db.prepare('SELECT 1 FROM message WHERE control_id = ? AND state = ?')
    const isFound = left.get(controlId, STATES.indexOf('left')) !== undefined
    db.close()
    return isFound
  } catch {
    // It was being written while it was copied.
    return false
  } finally {
    rmSync(directory, { recursive: true })
  }
}
