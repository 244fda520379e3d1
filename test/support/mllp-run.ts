import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { createAuthority } from './certificates.ts'
import { drained } from './drained.ts'
import { frontDoor, type FrontDoor } from './front-door.ts'
import { mllpFlow, startMllpClients, type MllpClients, type MllpPort } from './mllp.ts'
import { startNodeRed, type TestNodeRed } from './node-red.ts'

/** Messages that are acknowledged while the receiver is away, before Node-RED is killed. */
const FEW = 20
/**
 * So many shares of the messages are left after the last event, so that each meets some: clients are ahead of what has
 * been read here, and go on during an outage.
 */
const SHARES_LEFT = 4

export interface MllpRun {
  /** The port of the example that receives the messages. */
  port: MllpPort
  connections: number
  messages: number
  /** How often Node-RED is killed with SIGKILL, half of them while the receiver is away. */
  kills: number
  /** How often the receiver is also away, for a second at most. */
  outages: number
}

/** The result of a run. */
export interface MllpFigures {
  acknowledged: number
  /** Messages that were sent more than once, and those that were refused at first. */
  sentAgain: number
  refusedFirst: number
  /** Requests beyond one per message at the receiver. */
  receivedAgain: number
  seconds: number
}

/**
 * Clients of python-hl7 send messages to the example, which is killed again and again while the
 * receiver is away at times.
 *
 * @throws {AssertionError} if a message was acknowledged twice or with another one's frame, or was
 *   acknowledged but did not reach the receiver
 */
export async function mllpRun(options: MllpRun): Promise<MllpFigures> {
  const authority = await createAuthority()
  const receiver = await startHl7Receiver({ tls: await authority.issueServer(), record: false })
  const door = await frontDoor(Number(new URL(receiver.url).port))
  const url = new URL(receiver.url)
  url.port = String(door.port)
  const { nodes, ports, ids } = await mllpFlow(url.href, authority.ca)
  const nodeRed = await startNodeRed({ flows: nodes })
  const clients = startMllpClients(ports[options.port], options.connections, options.messages)
  try {
    const senders = ['Send after acknowledging', 'Send and pass on the reply']
    return await run(options, {
      receiver,
      door,
      nodeRed,
      clients,
      nodes: senders.map((name) => ids[name] ?? '')
    })
  } finally {
    clients.stop()
    await nodeRed.stop()
    await door.shut()
    await receiver.close()
  }
}

async function run(
  { port, messages, kills, outages }: MllpRun,
  parts: {
    receiver: Hl7Receiver
    door: FrontDoor
    nodeRed: TestNodeRed
    clients: MllpClients
    /** IDs of the nodes that send. */
    nodes: string[]
  }
): Promise<MllpFigures> {
  const { receiver, door, nodeRed, clients } = parts
  const started = performance.now()
  const received = new Set<string>()
  receiver.respond = ({ body }) => {
    const id = body.toString().split('|')[9] ?? ''
    received.add(id)
    return {
      body: `MSH|^~\\&|R|C|W|N|20260102||ACK^A01^ACK|R${id}|P|2.5.1\rMSA|AA|${id}\r`,
      headers: { 'content-type': 'application/hl7-v2' }
    }
  }
  // A rejection is handled at the end of the run.
  clients.ended.catch(() => undefined)

  const events = kills + outages
  const share = messages / (events + SHARES_LEFT)
  for (let event = 1; event <= events; event++) {
    const due = share * event
    const deadline = performance.now() + 60_000
    while (clients.acknowledged.length < due) {
      const count = clients.acknowledged.length
      assert.ok(performance.now() < deadline, `${count} of ${messages} acknowledged`)
      await wait(5)
    }
    const isKill = (event * kills) % events < kills
    const isAway = !isKill || event % 2 === 0
    if (isAway) await door.shut()
    // Leaves time for messages that are acknowledged but cannot be sent; the next event needs some, too.
    const away = performance.now() + (isKill ? 200 : 1000)
    const enough = clients.acknowledged.length + (isKill ? FEW : share)
    while (isAway && performance.now() < away && clients.acknowledged.length < enough) await wait(5)
    if (isKill) {
      await nodeRed.kill()
      await nodeRed.start()
    }
    if (isAway) await door.open()
  }
  await clients.ended
  await drained(nodeRed, parts.nodes)

  assert.deepEqual(clients.wrong, [])
  const { acknowledged } = clients
  const ids = acknowledged.map(({ id }) => id)
  assert.equal(new Set(ids).size, messages, 'every message is acknowledged')
  assert.equal(ids.length, messages, 'none is acknowledged twice')
  assert.equal(new Set(acknowledged.map(({ ackId }) => ackId)).size, messages)
  assert.deepEqual(
    ids.filter((id) => !received.has(id)),
    [],
    'none is lost'
  )
  for (const { id, ackId } of acknowledged) {
    assert.equal(ackId === `R${id}`, port === 'answered', `${id}: ${ackId}`)
  }
  return {
    acknowledged: ids.length,
    sentAgain: acknowledged.filter(({ attempts }) => attempts > 1).length,
    refusedFirst: acknowledged.filter(({ refused }) => refused.length > 0).length,
    receivedAgain: receiver.counters.requests - received.size,
    seconds: Math.round((performance.now() - started) / 1000)
  }
}
