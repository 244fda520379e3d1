import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { createAuthority } from '../support/certificates.ts'
import { drained } from '../support/drained.ts'
import { BrokenPromises, recorded } from '../support/life.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { OrderWatch } from '../support/order-watch.ts'

/** The result of a run with crashes. */
export interface CrashFigures {
  kills: number
  /** Messages that the node confirmed to be in the queue. */
  accepted: number
  /** Messages that the receiver got, and how often it got one again. */
  received: number
  sentAgain: number
  /** Messages that left on an output, and how often one left again. */
  emitted: number
  emittedAgain: number
  /** Messages that were at work in two processes that were killed: the node has suspended them, and they were resent. */
  endedTwice: number
}

const KEYS = 5
/** More messages than these are accepted for each kill. */
export const FLOWING = 20

/**
 * Sends messages through a Node-RED that is killed with SIGKILL at random moments, to a receiver
 * that fails too; then lets it send the rest.
 *
 * @throws {AssertionError} if an accepted message was not acknowledged or did not leave, if the
 *   order of a key was broken, or if the queue is not empty at the end
 */
export async function crashRun(kills: number): Promise<CrashFigures> {
  const authority = await createAuthority()
  const receiver = await startHl7Receiver({ tls: await authority.issueServer(), record: false })
  const nodeRed = await startNodeRed({
    settings: {
      nodesDir: ['recorder-node', '../support/probe-node'].map((name) =>
        join(import.meta.dirname, name)
      )
    }
  })
  try {
    return await run(nodeRed, receiver, authority.ca, kills)
  } finally {
    await nodeRed.stop()
    await receiver.close()
  }
}

async function run(
  nodeRed: TestNodeRed,
  receiver: Hl7Receiver,
  ca: string,
  kills: number
): Promise<CrashFigures> {
  const file = (name: string): string => join(nodeRed.userDir, name)
  const lines = (name: string): string[] => recorded(file(name))

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
  await nodeRed.deploy(flow(receiver.url, ca, file))
  for (let kill = 0; kill < kills; kill++) {
    await sleep(100 + Math.random() * 1200)
    // On a slow machine, it has hardly begun by then.
    const tooLate = Date.now() + 30_000
    const isIdle = (): boolean => lines('accepted.log').length <= FLOWING * (kill + 1)
    while (isIdle() && Date.now() < tooLate) await sleep(10)
    await nodeRed.kill()
    await nodeRed.start()
  }
  await sleep(500)
  writeFileSync(file('stop'), '')
  const endedTwice = new Set<string>()
  await drained(nodeRed, ['out'], { meanwhile: () => resendSuspended(nodeRed, endedTwice) })
  // Afterwards nothing more is written to the files, which are evaluated below.
  await nodeRed.stop()

  const accepted = new Set(lines('accepted.log'))
  const emitted = lines('emitted.log')
  const left = new Set(emitted)
  assert.deepEqual(lines('caught.log'), [], 'nothing failed')
  const broken = new BrokenPromises()
  broken.compare({ accepted, arrived: acknowledged, left })
  assert.deepEqual(broken.list, [])
  for (const ids of [received, emitted]) {
    const watch = new OrderWatch()
    // Those that were suspended were overtaken meanwhile.
    for (const id of ids) if (!endedTwice.has(id)) watch.note(id, id.slice(-1))
    assert.deepEqual(watch.overtaken, [], 'messages overtook others of their key')
  }
  return {
    kills,
    accepted: accepted.size,
    received: new Set(received).size,
    sentAgain: received.length - new Set(received).size,
    emitted: left.size,
    emittedAgain: emitted.length - left.size,
    endedTwice: endedTwice.size
  }
}

/** As an operator does. Only processes that ended twice while they worked on a message may suspend it. */
async function resendSuspended(nodeRed: TestNodeRed, endedTwice: Set<string>): Promise<void> {
  const { body } = await nodeRed.get('/hl7-https-out/out/messages?state=suspended')
  const { messages } = body as { messages: { controlId: string; errorCode: string }[] }
  for (const { controlId, errorCode } of messages) {
    assert.equal(errorCode, 'ERR_ENDED_TWICE', controlId)
    endedTwice.add(controlId)
  }
  if (messages.length > 0) {
    await nodeRed.post('/hl7-https-out/out/messages/resend', { all: true })
  }
}

function positive(id: string, acknowledged: Set<string>) {
  acknowledged.add(id)
  return {
    body: `MSH|^~\\&|A|B|C|D|20260101||ACK|R${id}|P|2.5.1\rMSA|AA|${id}\r`,
    headers: { 'content-type': 'application/hl7-v2' }
  }
}

/** A source that creates messages until it is stopped, and recorders of what becomes of them. */
function flow(url: string, ca: string, file: (name: string) => string): FlowNode[] {
  const source = `
    const start = Date.now()
    let n = 0
    const timer = setInterval(() => {
      if (fs.existsSync(${JSON.stringify(file('stop'))})) return clearInterval(timer)
      for (let i = 0; i < 2; i++) {
        const key = Math.floor(Math.random() * ${KEYS})
        const id = start + '-' + String(++n).padStart(6, '0') + '-' + key
        node.send({ payload:
          'MSH|^~\\\\&|A|B|C|D|20260102||ADT^A01|' + id + '|P|2.5.1\\rPID|1||' + key + '||Lindqvist\\r' })
      }
    }, 10)
    context.set('timer', timer)`
  const recorder = (id: string, name: string): FlowNode => ({
    ...{ id, type: 'recorder', z: 'tab', file: file(name), wires: [] }
  })
  return [
    { id: 'tab', type: 'tab', label: 'test' },
    {
      ...{ id: 'tls', type: 'tls-config', certType: 'files', verifyservercert: true },
      credentials: { cadata: ca }
    },
    {
      ...{ id: 'source', type: 'function', z: 'tab', func: '', initialize: source, outputs: 1 },
      ...{ finalize: "clearInterval(context.get('timer'))", wires: [['out']] },
      libs: [{ var: 'fs', module: 'fs' }]
    },
    {
      ...{ id: 'out', type: 'hl7-https-out', z: 'tab', url, tls: 'tls', queue: 'disk' },
      ...{ order: 'key', orderKey: 'PID-3', maxInFlight: 4 },
      ...{ retryInterval: 0.05, retryMaxInterval: 0.2, wires: [['ack'], ['nak']] }
    },
    recorder('ack', 'emitted.log'),
    recorder('nak', 'emitted.log'),
    { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
    recorder('caught', 'caught.log'),
    { id: 'complete', type: 'complete', z: 'tab', scope: ['out'], wires: [['done']] },
    recorder('done', 'accepted.log')
  ]
}
