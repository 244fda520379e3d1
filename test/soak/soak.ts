import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import {
  startAuthorizationServer,
  type AuthorizationServer
} from '../../demo/authorization-server.ts'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { OrderWatch } from '../support/order-watch.ts'
import { createAuthority } from '../support/certificates.ts'
import { drained } from '../support/drained.ts'
import { frontDoor, type FrontDoor } from '../support/front-door.ts'
import { recorded } from '../support/life.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { concernsTokens, type Likely, pick, receiverFaults, tokenFaults } from './faults.ts'
import { controlIds, Ledger } from './ledger.ts'
import { levelOf, type Gauged, type Level } from './level.ts'
import { senders, soakFlow } from './soak-flow.ts'

const AUDIENCE = 'https://hl7.test'
const SCOPE = 'hl7:write'
const CLIENT = { clientId: 'soak', clientSecret: 'a secret of the soak' }
/** Seconds; 3 would be too short for a token server that answers after one. */
const TOKEN_LIFETIME = 6
const PATIENTS = 8
/** Milliseconds between two batches, and batches between two disturbances. */
const PAUSE_MS = 150
const BATCHES = 6
/**
 * A queue that does not get shorter in this time, in milliseconds, is stuck. After an answer that
 * looks like wrong settings, or three refused tokens in a row, a node waits for a minute.
 */
const STUCK_MS = 120_000
/**
 * A node at rest has no timer of its last message any more, in milliseconds: for ten seconds it adds up what happens to
 * several in a row, for one event.
 */
const SETTLED_MS = 12_000

type Disturbance = () => Promise<unknown>

/** Two servers that fail at random, a Node-RED between them, a source, and a record of it all. */
export class Soak {
  readonly ledger = new Ledger()
  readonly watch = new OrderWatch()
  /** How often each thing was done. */
  readonly done: Record<string, number> = {}
  readonly #random: () => number
  readonly #tokens: AuthorizationServer
  readonly #receiver: Hl7Receiver
  readonly #door: FrontDoor
  readonly #nodeRed: TestNodeRed
  readonly #flow: FlowNode[]
  #faults = false
  #batches = 0
  #changes = 0
  /** Ends a disturbance. */
  #undo: Disturbance | undefined
  #caught = 0
  #emitted = { ack: 0, nak: 0 }

  private constructor(
    random: () => number,
    parts: {
      tokens: AuthorizationServer
      receiver: Hl7Receiver
      door: FrontDoor
      nodeRed: TestNodeRed
      ca: string
    }
  ) {
    const { tokens, receiver, door, nodeRed, ca } = parts
    this.#random = random
    this.#tokens = tokens
    this.#receiver = receiver
    this.#door = door
    this.#nodeRed = nodeRed
    const url = new URL(receiver.url)
    url.port = String(door.port)
    this.#flow = soakFlow({
      ...{ url: url.href, issuer: tokens.issuer, ca, scope: SCOPE, client: CLIENT },
      files: { ack: this.#file('ack'), nak: this.#file('nak') }
    })
    receiver.respond = ({ body }) => {
      const text = body.toString()
      const [controlId] = controlIds(text)
      if (controlId === undefined) return undefined
      this.#note(controlId, text)
      return this.#faults ? pick(random, receiverFaults)?.(controlId) : undefined
    }
    tokens.intercept = (request, response, usual) => {
      const faulty = this.#faults && concernsTokens(request)
      const fault = faulty ? pick(random, tokenFaults) : undefined
      if (fault === undefined) usual()
      else fault(response, usual)
    }
  }

  static async start(random: () => number): Promise<Soak> {
    const authority = await createAuthority()
    const tls = await authority.issueServer()
    const tokens = await startAuthorizationServer({
      ...{ tls, ...CLIENT, audience: AUDIENCE, scope: SCOPE, tokenLifetime: TOKEN_LIFETIME }
    })
    const receiver = await startHl7Receiver({
      ...{ tls, record: false },
      token: { issuer: tokens.issuer, audience: AUDIENCE, ca: authority.ca }
    })
    const door = await frontDoor(Number(new URL(receiver.url).port))
    const preload = pathToFileURL(join(import.meta.dirname, 'thread-heap.js')).href
    const nodeRed = await startNodeRed({
      env: { NODE_OPTIONS: `--import ${preload}` },
      settings: {
        nodesDir: ['../crash/recorder-node', '../support/probe-node'].map((name) =>
          join(import.meta.dirname, name)
        )
      }
    })
    const soak = new Soak(random, { tokens, receiver, door, nodeRed, ca: authority.ca })
    await nodeRed.deploy(soak.#flow)
    return soak
  }

  async close(): Promise<void> {
    await this.#nodeRed.stop()
    await this.#door.shut()
    await this.#receiver.close()
    await this.#tokens.close()
  }

  get tokenRequests(): number {
    return this.#tokens.tokenRequests
  }

  /** Sends messages, with faults and disturbances, for some milliseconds. */
  async load(ms: number, { redeploys }: { redeploys: boolean }): Promise<void> {
    const disturbances = [...(redeploys ? this.#redeploys : []), ...this.#disturbances]
    const deadline = performance.now() + ms
    this.#faults = true
    while (performance.now() < deadline) {
      await this.#feed()
      if (this.#batches % BATCHES === 0) {
        await this.#calm()
        await pick(this.#random, disturbances)?.()
      }
      await wait(PAUSE_MS)
    }
    await this.#calm()
    this.#faults = false
  }

  /**
   * Waits until nothing is left to do and no connection is open, and measures the process.
   *
   * @throws {AssertionError} if something is stuck
   */
  async rest(): Promise<Level> {
    await drained(
      this.#nodeRed,
      senders.map(({ id }) => id),
      { stuckMs: STUCK_MS, meanwhile: () => this.#attend('resend') }
    )
    // Sends no requests to Node-RED meanwhile, because a kept connection would count.
    const deadline = performance.now() + 60_000
    while (this.#door.connections() > 0) {
      const open = this.#door.connections()
      assert.ok(performance.now() < deadline, `${open} connections to the receiver are still open`)
      await wait(500)
    }
    await wait(SETTLED_MS)
    this.#readBooks()
    const seen = this.#nodeRed.messages('level').length
    await this.#nodeRed.inject('look', { payload: '' })
    const levels = await this.#nodeRed.waitForMessages('level', seen + 1, 60_000)
    return levelOf(levels.at(-1) as unknown as Gauged, this.#nodeRed.pid)
  }

  /** Sends in a batch of messages, and waits until the senders have it. */
  async #feed(): Promise<void> {
    const batch = ++this.#batches
    const lists = senders.map((sender) =>
      Array.from({ length: 1 + Math.floor(this.#random() * 2) }, () => {
        const patient = `P${Math.floor(this.#random() * PATIENTS)}`
        return this.ledger.next(sender, patient, 'x'.repeat(this.#random() < 0.01 ? 100_000 : 200))
      })
    )
    await this.#nodeRed.inject('in', { payload: [...lists, [batch]] })
    await this.#nodeRed.waitFor(
      () => (this.#nodeRed.messages('fed').at(-1)?.['payload'] === batch ? true : undefined),
      30_000,
      () => `batch ${batch} has not arrived`
    )
  }

  /** Deploys of everything, of the tab, of one or two senders, and of their shared config node. */
  get #redeploys(): Likely<Disturbance> {
    return [
      [0.08, () => this.#deploy('full')],
      [0.1, () => this.#deploy('flows', this.#someSender())],
      [0.2, () => this.#deploy('nodes', this.#someSender(), this.#someSender())],
      [0.07, () => this.#deploy('nodes', 'auth')]
    ]
  }

  readonly #disturbances: Likely<Disturbance> = [
    [0.1, () => this.#shut()],
    [0.08, () => this.#reset()],
    [0.08, () => this.#pause()],
    // As an operator would: this ends the wait after an answer that looked like wrong settings.
    [0.1, () => this.#testTokens()],
    [0.05, () => this.#attend('discard', 1)],
    [0.05, () => this.#attend('resend')],
    [0.05, () => this.#testMessage()]
  ]

  async #deploy(type: 'full' | 'flows' | 'nodes', ...changed: string[]): Promise<void> {
    this.#count(`deploy ${type}`)
    for (const node of this.#flow) {
      // They are stored since the first deploy, and would count as a change.
      delete node['credentials']
      if (changed.includes(node.id)) node['name'] = `change ${++this.#changes}`
    }
    await this.#nodeRed.deploy(this.#flow, type)
  }

  async #shut(): Promise<void> {
    this.#count('shut')
    await this.#door.shut()
    this.#undo = () => this.#door.open()
  }

  #reset(): Promise<void> {
    this.#count('reset')
    this.#door.reset()
    return Promise.resolve()
  }

  async #pause(): Promise<void> {
    this.#count('pause')
    const id = this.#someSender()
    await this.#ask(`/hl7-https-out/${id}/pause`)
    this.#undo = () => this.#ask(`/hl7-https-out/${id}/resume`)
  }

  async #testTokens(): Promise<void> {
    this.#count('token test')
    const auth = this.#flow.find(({ id }) => id === 'auth')
    const credentials = { clientId: CLIENT.clientId, clientSecret: '__PWRD__' }
    await this.#ask('/oauth2-client-credentials/auth/test', { ...auth, credentials })
  }

  async #testMessage(): Promise<void> {
    this.#count('message test')
    await this.#ask(`/hl7-https-out/${this.#someSender()}/test`, { type: 'ADT^A01' })
  }

  /** Handles all or the first few suspended messages, as an operator would. */
  async #attend(action: 'resend' | 'discard', atMost = Infinity): Promise<void> {
    for (const { id } of senders) {
      const suspended = (await this.#get(
        `/hl7-https-out/${id}/messages?state=suspended&limit=1000`
      )) as { messages: { id: string }[] }
      for (const { id: message } of suspended.messages.slice(0, atMost)) {
        this.#count(action)
        await this.#ask(`/hl7-https-out/${id}/messages/${action}`, { ids: [message] })
      }
    }
  }

  async #calm(): Promise<void> {
    await this.#undo?.()
    this.#undo = undefined
  }

  /** Records what has left since the last time. */
  #readBooks(): void {
    for (const way of ['ack', 'nak'] as const) {
      const ids = this.#recorded(way)
      for (const id of ids.slice(this.#emitted[way])) this.ledger.leaves(id, way)
      this.#emitted[way] = ids.length
    }
    const caught = this.#nodeRed.messages('caught')
    for (const { payload, error } of caught.slice(this.#caught)) {
      const [id = 'an error without a message'] = controlIds(String(payload))
      this.ledger.leaves(id, (error as { code?: string }).code ?? 'an error without a code')
    }
    this.#caught = caught.length
    for (const line of this.#nodeRed.log()) {
      if (line.includes('The node was closed:')) this.ledger.report(line)
    }
  }

  #recorded(way: 'ack' | 'nak'): string[] {
    return recorded(this.#file(way))
  }

  #file(way: 'ack' | 'nak'): string {
    return join(this.#nodeRed.userDir, `${way}.log`)
  }

  /** Notes a message at the receiver, under the key within which the order counts. */
  #note(controlId: string, text: string): void {
    const sender = senders.find(({ prefix }) => controlId.startsWith(prefix))
    const patient = /\|(P\d)\^/.exec(text)?.[1] ?? ''
    const keys = { fifo: sender?.id, key: `${sender?.id} ${patient}`, none: controlId }
    this.watch.note(controlId, keys[sender?.order ?? 'none'] ?? '')
  }

  async #get(path: string): Promise<unknown> {
    const { status, body } = await this.#nodeRed.get(path)
    assert.equal(status, 200, path)
    return body
  }

  async #ask(path: string, body: unknown = {}): Promise<void> {
    const { status } = await this.#nodeRed.post(path, body)
    assert.equal(status, 200, path)
  }

  #someSender(): string {
    return senders[Math.floor(this.#random() * senders.length)]?.id ?? ''
  }

  #count(what: string): void {
    this.done[what] = (this.done[what] ?? 0) + 1
  }
}
