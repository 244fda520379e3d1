import assert from 'node:assert/strict'
import { after, afterEach, before } from 'node:test'
import {
  startAuthorizationServer,
  type AuthorizationServer
} from '../../demo/authorization-server.ts'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { testAuthority, type Authority } from './certificates.ts'
import type { MessageAnswer, NodeState } from '../../nodes/operations/answers.ts'
import { startNodeRed, type FlowNode, type ProbedMessage, type TestNodeRed } from './node-red.ts'

const AUDIENCE = 'https://hl7.test'
export const CLIENT_ID = 'test-client'
export const CLIENT_SECRET = 'a secret that must not be seen'

/** Where a message leaves the node: its two outputs, or a Catch node. */
export type Output = 'ack' | 'nak' | 'caught'
const OUTPUTS: readonly Output[] = ['ack', 'nak', 'caught']

/** A message that has left the node. */
export type LeftMessage = ProbedMessage & {
  hl7: LeftHl7
  /** Only at a Catch node. */
  error: { code: string; message: string; cause?: { code: string; status?: number } }
}

/** `msg.hl7`; some members are only there after an answer, or with an error. */
export interface LeftHl7 extends Record<string, unknown> {
  outcome: 'ack' | 'nak' | 'error'
  controlId: string
  type: string
  request: string
  attempts: number
  rule: string
  action: string
  warnings: string[]
  ack: { code: string; controlId: string; severity: string; errors: AckError[] } | null
  acceptAck: { code: string; controlId: string } | null
  reply: string
}

interface AckError {
  code: string
  location: string
}

/** A token server, a receiver, and a Node-RED with a flow between them: all real, all local. */
export interface World {
  authority: Authority
  tokens: AuthorizationServer
  receiver: Hl7Receiver
  nodeRed: TestNodeRed
  /**
   * Deploys the usual flow: inject `in`, the node `out`, and the probes `ack`, `nak`, `caught` and
   * `done` (behind a Complete node).
   *
   * @param out properties of the hl7-https-out node
   * @param auth properties of its config node
   */
  deploy(out?: Record<string, unknown>, auth?: Record<string, unknown>): Promise<void>
  /** The flow that `deploy` deploys. */
  flow(out?: Record<string, unknown>, auth?: Record<string, unknown>): FlowNode[]
  /** Sends a message, `more` its other properties, and waits until it leaves. */
  send(
    payload: unknown,
    more?: Record<string, unknown>
  ): Promise<{ output: Output; msg: LeftMessage }>
  /** Sends a message that must go to Catch. */
  caught(payload: unknown, more?: Record<string, unknown>): Promise<LeftMessage>
  /** The messages that have left at an output and whose control IDs begin so, over all starts. */
  left(output: Output, prefix?: string): LeftMessage[]
  /** Waits until messages with these control IDs, and no others that begin so, have left on ACK. */
  acked(prefix: string, ids: readonly string[]): Promise<void>
  /** The requests whose messages have control IDs that begin so, as control IDs in order. */
  sent(prefix?: string): string[]
  /** The state of the node, as the admin API tells it. */
  state(id?: string): Promise<NodeState>
  /** The messages that the admin API finds. */
  messages(query: string, id?: string): Promise<MessageAnswer[]>
  /** Waits until this is true. */
  eventually(check: () => boolean | Promise<boolean>): Promise<void>
  close(): Promise<void>
}

/** By default, Node-RED is the shared one (see node-red.ts). */
export interface WorldOptions {
  /** In seconds. */
  tokenLifetime?: number
  /** Added to Node-RED's settings. */
  settings?: Record<string, unknown>
  /** Added to Node-RED's environment. */
  env?: Record<string, string>
  /** A user directory in which the package is already installed; by default it is linked into a new one. */
  userDir?: string
  /** See `startNodeRed`. */
  users?: boolean
}

/**
 * A world for the tests of a suite: filled in before them, and closed after them. After each test, the
 * receiver answers by itself again: a suite that wants one answer for all its tests starts its own world.
 */
export function shareWorld(options?: WorldOptions): World {
  const world = {} as World
  before(async () => {
    Object.assign(world, await startWorld(options))
  })
  after(() => world.close())
  afterEach(() => {
    world.receiver.respond = undefined
  })
  return world
}

/** Starts a world; its Node-RED needs the build. */
export async function startWorld({ tokenLifetime, ...options }: WorldOptions = {}): Promise<World> {
  const authority = await testAuthority()
  const tls = await authority.issueServer()
  const tokens = await startAuthorizationServer({
    tls,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    audience: AUDIENCE,
    scope: 'hl7:write',
    ...(tokenLifetime !== undefined && { tokenLifetime })
  })
  const receiver = await startHl7Receiver({
    tls,
    token: { issuer: tokens.issuer, audience: AUDIENCE, ca: authority.ca }
  })
  const nodeRed = await startNodeRed(options)
  const flow: World['flow'] = (out = {}, auth = {}) => [
    { id: 'tab', type: 'tab', label: 'test' },
    {
      id: 'tls',
      type: 'tls-config',
      certType: 'files',
      // As the editor saves it; Node-RED 4.1 needs the empty values.
      cert: '',
      key: '',
      ca: '',
      credentials: { cadata: authority.ca },
      verifyservercert: true
    },
    {
      id: 'auth',
      type: 'oauth2-client-credentials',
      issuer: tokens.issuer,
      scope: 'hl7:write',
      tls: 'tls',
      credentials: { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
      ...auth
    },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
    {
      id: 'out',
      type: 'hl7-https-out',
      z: 'tab',
      url: receiver.url,
      auth: 'auth',
      tls: 'tls',
      queue: 'memory',
      wires: [['ack'], ['nak']],
      ...out
    },
    { id: 'ack', type: 'probe', z: 'tab', wires: [] },
    { id: 'nak', type: 'probe', z: 'tab', wires: [] },
    { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
    { id: 'caught', type: 'probe', z: 'tab', wires: [] },
    { id: 'complete', type: 'complete', z: 'tab', scope: ['out'], wires: [['done']] },
    { id: 'done', type: 'probe', z: 'tab', wires: [] }
  ]
  const send: World['send'] = async (payload, more = {}) => {
    const earlier = OUTPUTS.map((output) => nodeRed.messages(output).length)
    await nodeRed.inject('in', { payload, ...more })
    const output = await nodeRed.waitFor(
      () => OUTPUTS.find((one, at) => nodeRed.messages(one).length > (earlier[at] ?? 0)),
      15_000,
      () => 'the message has not left'
    )
    return { output, msg: nodeRed.messages(output).at(-1) as LeftMessage }
  }
  const left: World['left'] = (output, prefix = '') =>
    (nodeRed.messages(output) as LeftMessage[]).filter((msg) => controlIdOf(msg).startsWith(prefix))
  const eventually: World['eventually'] = async (check) => {
    await nodeRed.waitFor(check, 15_000)
  }
  return {
    authority,
    tokens,
    receiver,
    nodeRed,
    flow,
    deploy: (out, auth) => nodeRed.deploy(flow(out, auth)),
    send,
    left,
    eventually,
    async caught(payload, more) {
      const { output, msg } = await send(payload, more)
      assert.equal(output, 'caught', JSON.stringify(msg.hl7))
      return msg
    },
    async acked(prefix, ids) {
      const found = (): string[] => left('ack', prefix).map(controlIdOf)
      await nodeRed.waitFor(
        () => found().length >= ids.length,
        20_000,
        () => `left: ${found().join()}`
      )
      assert.deepEqual(found(), ids)
    },
    sent: (prefix = '') =>
      receiver.requests
        .map(({ body }) => controlIdIn(body))
        .filter((controlId) => controlId.startsWith(prefix)),
    async state(id = 'out') {
      return (await nodeRed.get(`/hl7-https-out/${id}`)).body as NodeState
    },
    async messages(query, id = 'out') {
      const { body } = await nodeRed.get(`/hl7-https-out/${id}/messages?${query}`)
      return (body as { messages: MessageAnswer[] }).messages
    },
    async close() {
      await nodeRed.close()
      await receiver.close()
      await tokens.close()
    }
  }
}

/** A message about a fictitious patient; its content decides what the receiver answers. */
export function adt(controlId: string, { version = '2.5.1', birth = '19840217' } = {}): string {
  return [
    `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102030405||ADT^A01^ADT_A01|${controlId}|P|${version}`,
    'EVN|A01|20260102030405',
    `PID|1||NS471100^^^NORTHSIDE^MR||Lindqvist^Astrid^Maria||${birth}|F`,
    'PV1|1|I|3W^312^2^NORTHSIDE'
  ].join('\r')
}

/** MSH-10 of a message. */
export function controlIdIn(message: unknown): string {
  return String(message).split('|')[9] ?? ''
}

/** What a receiver answers to a message: an acknowledgement with this code and perhaps more. */
export function ackFor(controlId: string, code = 'AA', more = ''): string {
  return `MSH|^~\\&|REGISTRY|CITYCARE|WARDSYS|NORTHSIDE|20260102030406||ACK^A01^ACK|R${controlId}|P|2.5.1\rMSA|${code}|${controlId}\r${more}`
}

/** A flow with some of its nodes changed, by their ids. */
export function changed(
  flow: readonly FlowNode[],
  changes: Readonly<Record<string, Record<string, unknown>>>
): FlowNode[] {
  return flow.map((node) => ({ ...node, ...changes[node.id] }))
}

/** A function node, wired to one node for each output. */
export function functionNode(id: string, func: string, ...to: string[]): FlowNode {
  return { id, type: 'function', z: 'tab', func, outputs: to.length, wires: to.map((one) => [one]) }
}

/** The control ID of a message that has left, whatever became of it. */
export function controlIdOf(msg: LeftMessage): string {
  return (msg.hl7 as LeftHl7 | undefined)?.controlId ?? controlIdIn(msg['payload'])
}
