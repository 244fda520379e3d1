import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowNode } from '../support/node-red.ts'
import { startWorld, type World } from '../support/world.ts'

/** What a run with crashes came to. */
export interface CrashFigures {
  kills: number
  /** Messages of which Node-RED was told that they are in the queue. */
  accepted: number
  /** Messages that the receiver got, and how many times it got one again. */
  received: number
  sentAgain: number
  /** Messages that left on an output, and how many times one left again. */
  emitted: number
  emittedAgain: number
}

const KEYS = 5

/**
 * Sends messages through a Node-RED that is killed with SIGKILL again and again at random moments,
 * with a receiver that also fails; then lets it end its work.
 *
 * @throws AssertionError when an accepted message was not acknowledged or did not leave, when the
 * order of a key was broken, or when the queue is not empty at the end
 */
export async function crashRun(kills: number): Promise<CrashFigures> {
  const world = await startWorld()
  try {
    return await run(world, kills)
  } finally {
    await world.close()
  }
}

async function run(world: World, kills: number): Promise<CrashFigures> {
  const { nodeRed, receiver } = world
  const file = (name: string): string => join(nodeRed.userDir, name)
  const lines = (name: string): string[] =>
    existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').filter(Boolean) : []

  const received: string[] = []
  const acknowledged = new Set<string>()
  receiver.respond = ({ body }, index) => {
    const id = body.toString().split('|')[9] ?? ''
    received.push(id)
    if (index % 17 === 5) return { status: 503 }
    if (index % 23 === 7) return { cut: 'before' }
    if (index % 5 === 0) return { delayMs: 30, ...positive(id, acknowledged) }
    return positive(id, acknowledged)
  }
  await nodeRed.deploy(flow(world, file))
  for (let kill = 0; kill < kills; kill++) {
    await sleep(100 + Math.random() * 1200)
    await nodeRed.kill()
    await nodeRed.start()
  }
  await sleep(500)
  writeFileSync(file('stop'), '')
  const deadline = performance.now() + 60_000
  for (let empty = 0; empty < 3;) {
    const { body } = await nodeRed.get('/hl7-https-out/out')
    const { queued, inFlight } = body as { queued: number; inFlight: number }
    empty = queued + inFlight === 0 ? empty + 1 : 0
    assert.ok(performance.now() < deadline, `${queued} messages are still in the queue`)
    await sleep(100)
  }
  // What is counted is what the files say: nothing may be on its way to them any more.
  await nodeRed.stop()

  const accepted = new Set(lines('accepted.log'))
  const emitted = lines('emitted.log')
  const left = new Set(emitted)
  for (const id of accepted) {
    assert.ok(acknowledged.has(id), `${id} was accepted, but never acknowledged`)
    assert.ok(left.has(id), `${id} was accepted, but never left`)
  }
  for (const id of left) assert.ok(received.includes(id), `${id} left, but was never sent`)
  assertOrder(received, 'was first sent')
  assertOrder(emitted, 'first left')
  return {
    kills,
    accepted: accepted.size,
    received: new Set(received).size,
    sentAgain: received.length - new Set(received).size,
    emitted: left.size,
    emittedAgain: emitted.length - left.size
  }
}

/** For every key the first time of each message is in the order in which the messages were made. */
function assertOrder(ids: readonly string[], what: string): void {
  const last = new Map<string, string>()
  for (const id of new Set(ids)) {
    const key = id.slice(-1)
    const before = last.get(key) ?? ''
    assert.ok(before < id, `${id} ${what} after ${before} of the same key`)
    last.set(key, id)
  }
}

function positive(id: string, acknowledged: Set<string>) {
  acknowledged.add(id)
  return {
    body: `MSH|^~\\&|A|B|C|D|20260101||ACK|R${id}|P|2.5.1\rMSA|AA|${id}\r`,
    headers: { 'content-type': 'application/hl7-v2' }
  }
}

/** A source that makes messages for as long as it lives, and records of what was seen of them. */
function flow(world: World, file: (name: string) => string): FlowNode[] {
  const libs = [{ var: 'fs', module: 'fs' }]
  // Written with a system call: a message that is recorded stays so when the process is killed.
  const record = (name: string, id: string): string =>
    `fs.appendFileSync(${JSON.stringify(file(name))}, ${id} + '\\n')`
  const source = `
    const start = Date.now()
    let n = 0
    const timer = setInterval(() => {
      if (fs.existsSync(${JSON.stringify(file('stop'))})) return clearInterval(timer)
      for (let i = 0; i < 3; i++) {
        const key = Math.floor(Math.random() * ${KEYS})
        const id = start + '-' + String(++n).padStart(6, '0') + '-' + key
        node.send({ payload:
          'MSH|^~\\\\&|A|B|C|D|20260102||ADT^A01|' + id + '|P|2.5.1\\rPID|1||' + key + '||Lindqvist\\r' })
      }
    }, 10)
    context.set('timer', timer)`
  const func = (id: string, code: string, more: Record<string, unknown> = {}): FlowNode => ({
    ...{ id, type: 'function', z: 'tab', func: code, outputs: 1, libs, wires: [] },
    ...more
  })
  const settings = {
    ...{ queue: 'disk', order: 'key', orderKey: 'PID-3', maxInFlight: 4 },
    ...{ retryInterval: 0.05, retryMaxInterval: 0.2, auth: '' }
  }
  const usual = world
    .flow(settings)
    .filter(({ id }) => !['in', 'ack', 'nak', 'done', 'auth'].includes(id))
  return [
    ...usual,
    func('source', '', {
      initialize: source,
      finalize: "clearInterval(context.get('timer'))",
      wires: [['out']]
    }),
    func('ack', record('emitted.log', 'msg.hl7.controlId')),
    func('nak', record('emitted.log', 'msg.hl7.controlId')),
    func('done', record('accepted.log', "msg.payload.split('|')[9]"))
  ]
}
