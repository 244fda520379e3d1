import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { leafRows } from '../../src/outbox/repair/leaf-rows.ts'
import type { FlowNode } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

interface Hl7 {
  controlId: string
  outcome: string
  attempts: number
}

describe('the queue on disk, in a real Node-RED', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  beforeEach(() => {
    world.receiver.respond = undefined
  })

  const left = (probe: string): Hl7[] =>
    world.nodeRed.messages(probe).map((msg) => (msg as { hl7: Hl7 }).hl7)
  const ids = (prefix: string, probe = 'ack'): string[] =>
    left(probe)
      .map(({ controlId }) => controlId)
      .filter((id) => id.startsWith(prefix))
  const sent = (prefix: string): string[] =>
    world.receiver.requests
      .map(({ body }) => body.toString().split('|')[9] ?? '')
      .filter((id) => id.startsWith(prefix))
  const state = async (): Promise<Record<string, unknown>> =>
    (await world.nodeRed.get('/hl7-https-out/out')).body as Record<string, unknown>
  const queueFile = (): string => join(world.nodeRed.userDir, 'hl7-https-out', 'out.sqlite')
  const disk = { queue: 'disk', retryInterval: 0.2, retryMaxInterval: 0.5 }
  const down = () => ({ status: 503 })

  it('sends and emits like the queue in memory, and keeps other properties', async () => {
    await world.deploy(disk)
    await world.nodeRed.inject('in', { payload: adt('DISK0001'), topic: 'kept' })
    await world.nodeRed.inject('in', { payload: adt('DISK0002', { version: '2.1' }) })
    const [ack] = await world.nodeRed.waitForMessages('ack')
    await world.nodeRed.waitForMessages('nak')
    assert.equal(ack?.['topic'], 'kept')
    assert.deepEqual(ids('DISK'), ['DISK0001'])
    assert.deepEqual(ids('DISK', 'nak'), ['DISK0002'])
    assert.ok(existsSync(queueFile()))
    assert.equal((await state())['queued'], 0)
  })

  it('loses nothing in a crash, and keeps the order', async () => {
    await world.deploy(disk)
    world.receiver.respond = down
    const all = Array.from({ length: 20 }, (_, index) => `CRASH${String(index).padStart(3, '0')}`)
    for (const id of all) await world.nodeRed.inject('in', { payload: adt(id), topic: id })
    await world.nodeRed.waitFor(() => (sent('CRASH').length > 0 ? true : undefined))
    await world.nodeRed.waitFor(() => (doneIds('CRASH').length >= 20 ? true : undefined))
    await world.nodeRed.kill()
    world.receiver.respond = undefined
    await world.nodeRed.start()
    await world.nodeRed.waitFor(
      () => (ids('CRASH').length >= 20 ? true : undefined),
      20_000,
      () => ids('CRASH').join()
    )
    assert.deepEqual(ids('CRASH'), all)
    const topics = world.nodeRed.messages('ack').map((msg) => msg['topic'])
    assert.deepEqual(topics.slice(-20), all, 'other properties are restored')
  })

  it('holds a message that is in flight at a close, and emits it at the next start', async () => {
    await world.deploy(disk)
    world.receiver.respond = () => ({ status: 200, delayMs: 1500, ...ackFor(world) })
    await world.nodeRed.inject('in', { payload: adt('CLOSE001') })
    await world.nodeRed.waitFor(() => (sent('CLOSE001').length > 0 ? true : undefined))
    await world.nodeRed.stop()
    assert.deepEqual(ids('CLOSE'), [], 'a closing node emits nothing')
    await world.nodeRed.start()
    await world.nodeRed.waitFor(() => (ids('CLOSE').length > 0 ? true : undefined))
    assert.deepEqual(ids('CLOSE'), ['CLOSE001'])
    assert.equal(sent('CLOSE').length, 1, 'sent once')
  })

  it('stays paused and keeps suspended messages over a restart, for an operator to continue', async () => {
    await world.deploy({ ...disk, replyCodeActions: ':?E=S,:?A=C' })
    await world.nodeRed.inject('in', { payload: adt('SUSP0001', { birth: '20990101' }) })
    await world.nodeRed.waitFor(() => (sent('SUSP').length > 0 ? true : undefined))
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    await world.nodeRed.post('/hl7-https-out/out/pause')
    await world.nodeRed.inject('in', { payload: adt('SUSP0002') })
    await world.nodeRed.waitFor(() => (doneIds('SUSP0002').length > 0 ? true : undefined))
    await world.nodeRed.kill()
    await world.nodeRed.start()
    assert.deepEqual(
      [(await state())['state'], (await state())['suspended'], (await state())['queued']],
      ['paused', 1, 1]
    )
    const { body } = await world.nodeRed.get('/hl7-https-out/out/messages?state=suspended')
    const [row] = (body as { messages: Record<string, unknown>[] }).messages
    assert.equal(row?.['controlId'], 'SUSP0001')
    assert.deepEqual([row['state'], row['rule'], row['ackCode']], ['suspended', ':?E=S', 'AE'])
    await world.nodeRed.post('/hl7-https-out/out/resume')
    await world.nodeRed.waitFor(() => (ids('SUSP').length > 0 ? true : undefined))
    assert.deepEqual(ids('SUSP'), ['SUSP0002'])
    const gone = await world.nodeRed.post('/hl7-https-out/out/messages/999999/discard')
    assert.equal(gone.status, 404)
    await world.nodeRed.post(`/hl7-https-out/out/messages/${String(row['id'])}/discard`)
    const caught = await world.nodeRed.waitForMessages('caught')
    const last = caught.at(-1) as unknown as {
      error: { code: string }
      payload: string
      statusCode: number
      hl7: Hl7 & { ack: { code: string }; rule: string; reply: string }
    }
    assert.equal(last.error.code, 'HL7_DISCARDED')
    assert.deepEqual([last.statusCode, last.hl7.ack.code, last.hl7.rule], [200, 'AE', ':?E=S'])
    assert.match(last.hl7.reply, /MSA\|AE\|SUSP0001/)
    assert.equal(last.payload, adt('SUSP0001', { birth: '20990101' }))
  })

  it('has the event of a suspension that a deploy follows at once', async () => {
    const suspends = { ...disk, replyCodeActions: ':?E=S,:?A=C' }
    await world.deploy(suspends)
    await world.nodeRed.inject('in', { payload: adt('EVENT001', { birth: '20990101' }) })
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    await world.deploy(suspends)
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events?limit=1')
    const [event] = (body as { events: { kind: string; text: string }[] }).events
    assert.equal(event?.kind, 'suspended')
    assert.match(event.text, /^1 message/)
  })

  it('discards none if a flow says undefined in place of the one that it means', async () => {
    const out = { ...disk, replyCodeActions: ':?E=S,:?A=C' }
    const func = `return { payload: '', action: msg.payload, controlId: msg.unknown }`
    await world.nodeRed.deploy([
      ...world.flow(out),
      { id: 'ask', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['look']] },
      { id: 'look', type: 'function', z: 'tab', outputs: 1, func, wires: [['out']] }
    ])
    await world.nodeRed.waitForStatus('out', ({ code }) => code === 'SUSPENDED')
    for (const action of ['discard', 'resend']) {
      await world.nodeRed.inject('ask', { payload: action })
      await world.nodeRed.waitFor(() =>
        world.nodeRed
          .log()
          .find((line) => line.includes(`no suspended message of msg.controlId to ${action}.`))
      )
    }
    assert.deepEqual([(await state())['suspended'], (await state())['queued']], [1, 0])
    await world.nodeRed.inject('in', { action: 'discard' })
    await world.nodeRed.waitFor(
      async_(async () => ((await state())['suspended'] === 0 ? true : undefined))
    )
  })

  for (const queue of ['disk', 'memory']) {
    it(`refuses messages beyond its limit, and names them (${queue})`, async () => {
      await world.deploy({ ...disk, queue, queueLimit: 2 })
      await world.nodeRed.post('/hl7-https-out/out/pause')
      const before = world.nodeRed.messages('caught').length
      const three = ['1', '2', '3'].map((number) => `FULL${queue}${number}`)
      for (const id of three) await world.nodeRed.inject('in', { payload: adt(id) })
      const caught = await world.nodeRed.waitForMessages('caught', before + 1)
      const { error, hl7 } = caught.at(-1) as unknown as { error: { code: string }; hl7: Hl7 }
      assert.equal(error.code, 'HL7_QUEUE_FULL')
      assert.equal(hl7.controlId, three[2])
      assert.equal(hl7.attempts, 0)
      await world.nodeRed.post('/hl7-https-out/out/resume')
      await world.nodeRed.waitFor(() => (ids(`FULL${queue}`).length === 2 ? true : undefined))
    })
  }

  it('raises an alert if too many messages wait, or one waits too long', async () => {
    await world.deploy({ ...disk, queueCountAlert: 2 })
    await world.nodeRed.post('/hl7-https-out/out/pause')
    for (const number of ['1', '2', '3']) {
      await world.nodeRed.inject('in', { payload: adt(`ALERT00${number}`) })
    }
    const paused = await world.nodeRed.waitForStatus('out', ({ code }) => code === 'QUEUE_COUNT')
    assert.deepEqual([paused.fill, paused.text], ['red', 'paused, 3 waiting'])
    world.receiver.respond = down
    await world.nodeRed.post('/hl7-https-out/out/resume')
    const count = await world.nodeRed.waitForStatus(
      'out',
      ({ codes = [] }) => codes.includes('RETRYING') && !codes.includes('PAUSED')
    )
    assert.deepEqual([count.fill, count.shape, count.code], ['yellow', 'ring', 'QUEUE_COUNT'])
    assert.match(count.text ?? '', /^HTTP 503 · try \d+ \(3\)$/)
    await world.nodeRed.waitFor(() =>
      world.nodeRed
        .log()
        .find((line) =>
          /\[warn\].*HTTP 503 from the receiver.* behind message ALERT001 /.test(line)
        )
    )
    await world.deploy({ ...disk, queueWaitAlert: 1 })
    const wait = await world.nodeRed.waitForStatus('out', ({ code }) => code === 'QUEUE_WAIT')
    assert.deepEqual([wait.fill, wait.shape], ['yellow', 'ring'])
    world.receiver.respond = undefined
    await world.nodeRed.waitFor(() => (ids('ALERT').length === 3 ? true : undefined))
    assert.deepEqual(ids('ALERT'), ['ALERT001', 'ALERT002', 'ALERT003'])
    await world.nodeRed.waitFor(() =>
      world.nodeRed.log().find((line) => /\[info\].*the queue is moving again/.test(line))
    )
  })

  it('drains the file first when the queue is switched to memory', async () => {
    await world.deploy(disk)
    await world.nodeRed.post('/hl7-https-out/out/pause')
    await world.nodeRed.inject('in', { payload: adt('DRAIN001') })
    await world.nodeRed.waitFor(() => (doneIds('DRAIN').length > 0 ? true : undefined))
    await world.deploy({ ...disk, queue: 'memory' })
    assert.equal((await state())['state'], 'paused', 'still paused after a deploy')
    await world.nodeRed.post('/hl7-https-out/out/resume')
    await world.nodeRed.inject('in', { payload: adt('DRAIN002') })
    await world.nodeRed.waitFor(() => (ids('DRAIN').length === 2 ? true : undefined))
    assert.deepEqual(ids('DRAIN'), ['DRAIN001', 'DRAIN002'])
  })

  it('stays paused without messages, while disabled and after a switch to memory', async () => {
    const { nodeRed } = world
    const changed = (more: Record<string, unknown>): FlowNode[] =>
      world.flow(disk).map((node) => (node.id === 'out' ? { ...node, ...more } : node))
    await world.deploy(disk)
    await nodeRed.post('/hl7-https-out/out/pause')
    await nodeRed.deploy(changed({ d: true }))
    assert.equal((await nodeRed.get('/hl7-https-out/out')).status, 404)
    await world.deploy(disk)
    assert.equal((await state())['state'], 'paused')
    await nodeRed.deploy(changed({ queue: 'memory' }))
    await nodeRed.waitFor(
      async_(async () => ((await state())['state'] === 'paused' ? true : undefined))
    )
    await nodeRed.post('/hl7-https-out/out/resume')
    await nodeRed.deploy(changed({ queue: 'memory', name: 'now in memory' }))
    await nodeRed.inject('in', { payload: adt('RESUMED1') })
    await nodeRed.waitFor(() => (ids('RESUMED').length === 1 ? true : undefined))
  })

  it('keeps the file of a deleted node while it holds messages, and deletes it when empty', async () => {
    await world.deploy(disk)
    await world.nodeRed.post('/hl7-https-out/out/pause')
    await world.nodeRed.inject('in', { payload: adt('GONE0001') })
    await world.nodeRed.waitFor(() => (doneIds('GONE').length > 0 ? true : undefined))
    const without = world.flow(disk).filter(({ id }) => id !== 'out')
    await world.nodeRed.deploy(
      without.map((node) => (node.id === 'in' ? { ...node, wires: [] } : node))
    )
    assert.ok(existsSync(queueFile()))
    await world.nodeRed.waitFor(() =>
      world.nodeRed
        .log()
        .find((line) => /queue file .* was kept: it contains 1 unsent message/.test(line))
    )
    await world.deploy(disk)
    await world.nodeRed.post('/hl7-https-out/out/resume')
    await world.nodeRed.waitFor(() => (ids('GONE').length > 0 ? true : undefined))
    await world.nodeRed.waitFor(
      async_(async () => ((await state())['queued'] === 0 ? true : undefined))
    )
    await world.nodeRed.deploy(
      without.map((node) => (node.id === 'in' ? { ...node, wires: [] } : node))
    )
    assert.ok(
      !existsSync(queueFile()),
      readdirSync(join(world.nodeRed.userDir, 'hl7-https-out')).join()
    )
  })

  it('keeps the file of a disabled node with its journal, and removes that of a deleted one', async () => {
    const { nodeRed } = world
    const changed = (id: string, more: Record<string, unknown>): FlowNode[] =>
      world.flow(disk).map((node) => (node.id === id ? { ...node, ...more } : node))
    const deleted = world
      .flow(disk)
      .filter(({ id }) => id !== 'out')
      .map((node) => (node.id === 'in' ? { ...node, wires: [] } : node))
    await world.deploy(disk)
    for (const type of ['full', 'nodes', 'flows'] as const) {
      const controlId = `JOURNAL_${type}`
      await nodeRed.inject('in', { payload: adt(controlId) })
      await nodeRed.waitFor(() => (isRecorded(queueFile(), controlId) ? true : undefined))
      for (const disabled of [changed('out', { d: true }), changed('tab', { disabled: true })]) {
        await nodeRed.deploy(disabled, type)
        assert.equal((await nodeRed.get('/hl7-https-out/out')).status, 404)
        assert.ok(isRecorded(queueFile(), controlId), type)
        await nodeRed.deploy(world.flow(disk), type)
        assert.equal((await nodeRed.get('/hl7-https-out/out')).status, 200)
      }
      await nodeRed.deploy(deleted, type)
      assert.ok(!existsSync(queueFile()), type)
      await nodeRed.deploy(world.flow(disk), type)
    }
    // With its flow.
    await nodeRed.deploy(world.flow(disk).filter(({ id, z }) => ![id, z].includes('tab')))
    assert.ok(!existsSync(queueFile()))
    await world.deploy(disk)
  })

  it('lists a disabled node with what is in its file, and an enabled one as usual', async () => {
    const { nodeRed } = world
    const named = { ...disk, name: 'Registry' }
    const listed = async (): Promise<Record<string, unknown>[]> => {
      const { body } = await nodeRed.get('/hl7-https-out')
      return (body as { nodes: Record<string, unknown>[] }).nodes.map(
        ({ id, name, flow, state, queued, reason }) => ({ id, name, flow, state, queued, reason })
      )
    }
    const node = { id: 'out', name: 'Registry', flow: 'test', queued: 2 }
    await world.deploy(named)
    await nodeRed.post('/hl7-https-out/out/pause')
    for (const id of ['STOP0001', 'STOP0002']) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitFor(() => (doneIds('STOP').length === 2 ? true : undefined))
    const running = [{ ...node, state: 'paused', reason: 'Paused' }]
    assert.deepEqual(await listed(), running)
    // At once, though no file is counted for each look.
    await nodeRed.deploy(world.flow(named).map((n) => (n.id === 'out' ? { ...n, d: true } : n)))
    const reason = '2 messages in the queue file of a node that is disabled or deleted'
    assert.deepEqual(await listed(), [{ ...node, state: 'stopped', reason }])
    await world.deploy(named)
    assert.deepEqual(await listed(), running)
    await nodeRed.post('/hl7-https-out/out/resume')
    await nodeRed.waitFor(() => (ids('STOP').length === 2 ? true : undefined))
  })

  it('shows what is in the file of a node that is no longer set up, and keeps or removes it', async () => {
    const { nodeRed } = world
    const unset = { ...disk, url: '${HL7_NOT_SET}' }
    const queued = async (): Promise<unknown[]> => {
      const { body } = await nodeRed.get('/hl7-https-out')
      const all = (body as { nodes: Record<string, unknown>[] }).nodes
      return [...all, await state()].map((node) => [node['id'], node['state'], node['queued']])
    }
    const deleted = world
      .flow(disk)
      .filter(({ id }) => id !== 'out')
      .map((node) => (node.id === 'in' ? { ...node, wires: [] } : node))
    await world.deploy(unset)
    assert.deepEqual(await queued(), Array(2).fill(['out', 'config', 0]))
    await world.deploy(disk)
    await nodeRed.post('/hl7-https-out/out/pause')
    for (const id of ['UNSET001', 'UNSET002']) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitFor(() => (doneIds('UNSET').length === 2 ? true : undefined))
    await world.deploy(unset)
    assert.deepEqual(await queued(), Array(2).fill(['out', 'config', 2]))
    const { body: metrics } = await nodeRed.get('/hl7-https-out/metrics')
    const names = [...String(metrics).matchAll(/^hl7_https_out_(\w+)\{node="out"/gm)]
    assert.deepEqual(new Set(names.map(([, name]) => name)), new Set(['refused_total']))

    const before = (await nodeRed.printed()).length
    await nodeRed.deploy(deleted)
    assert.match(
      (await nodeRed.printed()).slice(before).join('\n'),
      /\[error\].* queue file .*out\.sqlite was kept: it contains 2 unsent messages/
    )
    await world.deploy(disk)
    await nodeRed.post('/hl7-https-out/out/resume')
    await nodeRed.waitFor(() => (ids('UNSET').length === 2 ? true : undefined))
    for (const change of [unset, { ...unset, d: true }, unset]) await world.deploy(change)
    assert.ok(isRecorded(queueFile(), 'UNSET002'))
    await nodeRed.deploy(deleted)
    assert.ok(!existsSync(queueFile()))
    await world.deploy(disk)
  })

  it('reports at the start files that belong to no node, and no others', async () => {
    const { nodeRed } = world
    const inner = { ...world.flow(disk).find(({ id }) => id === 'out'), z: 'sub', id: 'inner-1' }
    const flow = [
      ...world.flow(disk),
      { ...inner, id: 'lost', z: 'tab', wires: [[], []] },
      { ...inner, id: 'off', z: 'tab', wires: [[], []] },
      {
        id: 'sub',
        type: 'subflow',
        name: 'sub',
        in: [{ x: 0, y: 0, wires: [{ id: 'inner-1' }] }],
        out: []
      },
      { ...inner, wires: [[], []] },
      { id: 'instance-1', type: 'subflow:sub', z: 'tab', wires: [] }
    ] as FlowNode[]
    const targets = ['out', 'lost', 'off', 'instance-1']
    await nodeRed.deploy(
      flow.map((node) => (node.id === 'in' ? { ...node, wires: [targets] } : node))
    )
    for (const id of ['out', 'lost', 'off', 'instance-1-inner-1']) {
      await nodeRed.post(`/hl7-https-out/${id}/pause`)
    }
    const files = (): string[] => {
      return readdirSync(join(nodeRed.userDir, 'hl7-https-out')).filter((name) =>
        /sqlite$/.test(name)
      )
    }
    await nodeRed.inject('in', { payload: adt('LOST0001') })
    const held = async (id: string): Promise<unknown> =>
      ((await nodeRed.get(`/hl7-https-out/${id}`)).body as { queued: number }).queued
    await nodeRed.waitFor(
      async_(async () => {
        const counts = await Promise.all(targets.slice(0, 3).map(held))
        const all = [...counts, await held('instance-1-inner-1')]
        return all.every((count) => count === 1) ? true : undefined
      })
    )
    assert.deepEqual(files().sort(), [
      'instance-1-inner-1.sqlite',
      'lost.sqlite',
      'off.sqlite',
      'out.sqlite'
    ])
    await nodeRed.stop()
    const before = nodeRed.log().length
    const path = join(nodeRed.userDir, 'flows.json')
    const stored = JSON.parse(readFileSync(path, 'utf8')) as FlowNode[]
    const edited = stored
      .filter(({ id }) => id !== 'lost')
      .map((node) => (node.id === 'off' || node.id === 'instance-1' ? { ...node, d: true } : node))
    writeFileSync(path, JSON.stringify(edited))
    await nodeRed.start()
    const told = (): string[] =>
      nodeRed
        .log()
        .slice(before)
        .filter((line) => line.includes('belongs to no node'))
    await nodeRed.waitFor(() => (told().length > 0 ? true : undefined))
    await world.deploy(disk)
    assert.equal(told().length, 1, told().join())
    assert.match(
      told()[0] ?? '',
      /\[error\] .*lost\.sqlite belongs to .* it contains 1 unsent message/
    )
  })

  const doneIds = (prefix: string): string[] =>
    world.nodeRed
      .messages('done')
      .map((msg) => String(msg['payload']).split('|')[9] ?? '')
      .filter((id) => id.startsWith(prefix))
})

function ackFor(world: World): { body: string; headers: Record<string, string> } {
  const id = world.receiver.requests.at(-1)?.body.toString().split('|')[9] ?? ''
  return {
    body: `MSH|^~\\&|A|B|C|D|20260101||ACK|R1|P|2.5.1\rMSA|AA|${id}\r`,
    headers: { 'content-type': 'application/hl7-v2' }
  }
}

/** Whether the journal of a queue file has a message; the file may be open elsewhere. */
function isRecorded(path: string, controlId: string): boolean {
  for (const { values } of leafRows(path)) {
    if (values.length > 11 && values[1] === controlId) return true
  }
  return false
}

/** Turns an asynchronous question into a synchronous poll: asks until there is an answer. */
function async_<T>(ask: () => Promise<T | undefined>): () => T | undefined {
  let asking = false
  let answer: { value: T | undefined } | { error: unknown } | undefined
  return () => {
    if (answer !== undefined && 'error' in answer) throw answer.error
    if (answer?.value !== undefined || asking) return answer?.value
    asking = true
    ask()
      .then(
        (value) => {
          answer = { value }
        },
        (error: unknown) => {
          answer = { error }
        }
      )
      .finally(() => {
        asking = false
      })
    return undefined
  }
}
