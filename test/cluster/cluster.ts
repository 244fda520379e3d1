import { setTimeout as wait } from 'node:timers/promises'
import amqplib, { type Channel, type ChannelModel } from 'amqplib'
import { acknowledge } from '../../demo/acknowledge.ts'
import {
  startAuthorizationServer,
  type AuthorizationServer
} from '../../demo/authorization-server.ts'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { createAuthority } from '../support/certificates.ts'
import { heldBy } from '../support/drained.ts'
import { type FrontDoor, frontDoor } from '../support/front-door.ts'
import { type DeployType, type FlowNode, TestNodeRed } from '../support/node-red.ts'
import { OrderWatch } from '../support/order-watch.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { exampleFlow } from './example-flow.ts'

/** Node-RED processes that share the work. */
const INSTANCES = 3
/** The instance that reaches the broker through a door. */
const BEHIND_DOOR = 0
/** The number of queues in the examples. */
const QUEUES = 12
const CONSUMER = 'a1d7c0de00050010'
const SENDER = 'a1d7c0de00050002'
const PUBLISHER = 'a1d7c0de00060002'
const NOT_STORED = 'a1d7c0de00060006'
const FEED = 200
const SCOPE = 'hl7:write'
const CLIENT = { clientId: 'cluster', clientSecret: 'a secret of the cluster' }

/** A message in the queue of dead letters. */
export interface DeadLetter {
  controlId: string
  reason: string
}

/** Properties by node type. */
type Changed = Partial<
  Record<'hl7-https-out' | 'oauth2-client-credentials', Record<string, unknown>>
>

/**
 * RabbitMQ, Node-RED processes with the two examples, a token server, and a receiver behind a door
 * that can be shut: all real, all local. One process reaches the broker through a door, too.
 */
export class Cluster {
  readonly instances: readonly TestNodeRed[]
  readonly tokens: AuthorizationServer
  readonly door: FrontDoor
  readonly brokerDoor: FrontDoor
  /** What the receiver has seen since the last `watchAnew`. */
  watch = new OrderWatch()
  /** How long the receiver takes to answer, in milliseconds. */
  latencyMs = 10
  /** The receiver answers 503 to everything. */
  unavailable = false
  /** When the receiver saw each message for the first time, in milliseconds, in order. */
  firsts: number[] = []
  /** Requests without an access token. */
  withoutToken = 0
  readonly #rabbit: RabbitMq
  readonly #publisher: TestNodeRed
  readonly #ca: string
  readonly #receiver: Hl7Receiver
  readonly #connection: ChannelModel
  readonly #channel: Channel
  #published = 0

  private constructor(parts: {
    rabbit: RabbitMq
    tokens: AuthorizationServer
    receiver: Hl7Receiver
    door: FrontDoor
    brokerDoor: FrontDoor
    publisher: TestNodeRed
    ca: string
    connection: ChannelModel
    channel: Channel
  }) {
    this.tokens = parts.tokens
    this.door = parts.door
    this.brokerDoor = parts.brokerDoor
    this.#rabbit = parts.rabbit
    this.#receiver = parts.receiver
    this.#publisher = parts.publisher
    this.#ca = parts.ca
    this.#connection = parts.connection
    this.#channel = parts.channel
    this.instances = Array.from({ length: INSTANCES }, (_, index) =>
      nodeRed({
        AMQP_URL:
          index === BEHIND_DOOR
            ? throughDoor(parts.rabbit.url, parts.brokerDoor)
            : parts.rabbit.url,
        HL7_INSTANCE: String(index + 1),
        HL7_INSTANCES: String(INSTANCES),
        HL7_URL: throughDoor(parts.receiver.url, parts.door),
        HL7_ISSUER: parts.tokens.issuer
      })
    )
    parts.receiver.respond = ({ headers, body }) => this.#answer(headers.authorization, body)
  }

  /** Starts everything but the consuming instances. */
  static async start(): Promise<Cluster> {
    const rabbit = await startRabbitMq()
    try {
      return await Cluster.#around(rabbit)
    } catch (error) {
      await rabbit.stop()
      throw error
    }
  }

  static async #around(rabbit: RabbitMq): Promise<Cluster> {
    const authority = await createAuthority()
    const tls = await authority.issueServer()
    const tokens = await startAuthorizationServer({
      tls,
      ...CLIENT,
      audience: 'https://hl7.test',
      scope: SCOPE
    })
    const receiver = await startHl7Receiver({ tls, record: false })
    const door = await frontDoor(portOf(receiver.url))
    const brokerDoor = await frontDoor(portOf(rabbit.url))
    const publisher = nodeRed({ AMQP_URL: rabbit.url })
    await publisher.start()
    await publisher.deploy(publishingFlow())
    await publisher.waitForStatus(PUBLISHER, ({ text }) => text === 'connected')
    const connection = await amqplib.connect(rabbit.url)
    const channel = await connection.createChannel()
    return new Cluster({
      rabbit,
      tokens,
      receiver,
      door,
      brokerDoor,
      publisher,
      ca: authority.ca,
      connection,
      channel
    })
  }

  /**
   * Deploys the example to an instance, which is started if necessary, and waits until it consumes.
   *
   * @param changed properties that differ from the example, by node type
   */
  async deploy(index: number, changed: Changed = {}, type: DeployType = 'full'): Promise<void> {
    const instance = this.#instance(index)
    if (!instance.alive) await instance.start()
    await instance.deploy(consumingFlow(this.#ca, changed), type)
    await instance.waitForStatus(CONSUMER, ({ text }) => text === 'connected')
  }

  /** Forgets what the receiver has seen. */
  watchAnew(): void {
    this.watch = new OrderWatch()
    this.firsts = []
  }

  /** Publishes messages, in order; resolves when the broker has stored them all. */
  async publish(messages: readonly string[]): Promise<void> {
    for (let at = 0; at < messages.length; at += FEED) {
      await this.#publisher.inject('feed', { payloads: messages.slice(at, at + FEED) })
    }
    this.#published += messages.length
    await this.#publisher.waitFor(
      () =>
        this.#publisher.messages('stored').at(-1)?.['payload'] === this.#published
          ? true
          : undefined,
      600_000,
      () => JSON.stringify(this.#publisher.messages('refused').at(-1))
    )
  }

  /** The number of messages that the publisher could not publish. */
  get refused(): number {
    return this.#publisher.messages('refused').length
  }

  /**
   * Waits until the receiver has seen `count` different messages.
   *
   * @throws {Error} if nothing new arrives for a minute
   */
  async seen(count: number): Promise<void> {
    let last = -1
    let since = Date.now()
    for (;;) {
      const { size } = this.watch.deliveries
      if (size >= count) return
      if (size !== last) {
        last = size
        since = Date.now()
      } else if (Date.now() - since > 60_000) {
        throw new Error(`The receiver has seen ${size} of ${count} messages.\n${this.#logs()}`)
      }
      await wait(20)
    }
  }

  /** Waits until there are no messages in the queues, in the instances or in between. */
  async drained(): Promise<void> {
    const deadline = Date.now() + 60_000
    while (
      (await this.waiting()) > 0 ||
      (await this.#held()) > 0 ||
      (await this.#unsettled()) > 0
    ) {
      if (Date.now() > deadline) throw new Error(`There are messages left.\n${this.#logs()}`)
      await wait(200)
    }
  }

  /** Messages that the broker still has, delivered or not. It recounts every few seconds. */
  async #unsettled(): Promise<number> {
    const printed = await this.#rabbit.control('list_queues', 'name', 'messages')
    const counts = [...printed.matchAll(/^hl7\.\d+\t(\d+)\s*$/gm)].map(([, count]) => Number(count))
    if (counts.length !== QUEUES) throw new Error(`rabbitmqctl printed\n${printed}`)
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Messages that wait in the queues, without those that were delivered to an instance. */
  async waiting(): Promise<number> {
    let count = 0
    for (let queue = 0; queue < QUEUES; queue++) {
      count += (await this.#channel.checkQueue(`hl7.${queue}`)).messageCount
    }
    return count
  }

  /** Messages that were not settled, after all instances have ended. */
  async left(): Promise<number> {
    // The broker takes back a consumer's messages when it notices that the consumer is gone.
    for (let queue = 0; queue < QUEUES; queue++) {
      while ((await this.#channel.checkQueue(`hl7.${queue}`)).consumerCount > 0) await wait(100)
    }
    return this.waiting()
  }

  /** Removes and returns all dead letters. */
  async deadLetters(): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = []
    for (;;) {
      const got = await this.#channel.get('hl7.dead', { noAck: true })
      if (got === false) return letters
      letters.push({
        controlId: controlId(got.content.toString()),
        reason: String(got.properties.headers?.['hl7-reason'])
      })
    }
  }

  async stopInstances(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.stop()))
  }

  async close(): Promise<void> {
    await this.stopInstances()
    await this.#publisher.stop()
    await this.#connection.close()
    await this.door.shut()
    await this.brokerDoor.shut()
    await this.#receiver.close()
    await this.tokens.close()
    await this.#rabbit.stop()
  }

  /** Messages in the sending nodes. */
  async #held(): Promise<number> {
    const held = await Promise.all(
      this.instances.filter(({ alive }) => alive).map((instance) => heldBy(instance, [SENDER]))
    )
    return held.reduce((sum, count) => sum + count, 0)
  }

  #answer(authorization: string | undefined, body: Buffer) {
    if (authorization === undefined) this.withoutToken++
    if (this.unavailable) return { status: 503 }
    const text = body.toString()
    const before = this.watch.deliveries.size
    this.watch.note(controlId(text), /\rPID\|1\|\|([^|^]+)/.exec(text)?.[1] ?? '')
    if (this.watch.deliveries.size > before) this.firsts.push(performance.now())
    return {
      headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8' },
      body: acknowledge(text, new Date())?.text ?? '',
      delayMs: this.latencyMs
    }
  }

  #instance(index: number): TestNodeRed {
    const instance = this.instances[index]
    if (instance === undefined) throw new Error(`There is no instance ${index}.`)
    return instance
  }

  #logs(): string {
    return this.instances
      .map((instance, index) => `--- ${index + 1}\n${instance.log().slice(-15).join('\n')}`)
      .join('\n')
  }
}

function nodeRed(env: Record<string, string>): TestNodeRed {
  const instance = new TestNodeRed({ env })
  return instance
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function throughDoor(url: string, { port }: FrontDoor): string {
  return url.replace(/:\d+/, `:${port}`)
}

/** The consuming example. */
function consumingFlow(ca: string, changed: Changed): FlowNode[] {
  return exampleFlow(
    '04 Send from RabbitMQ, acknowledge after the ACK',
    {
      'hl7-https-out': {
        tls: 'ca',
        retryInterval: 0.3,
        retryMaxInterval: 1,
        ...changed['hl7-https-out']
      },
      'oauth2-client-credentials': {
        tls: 'ca',
        scope: SCOPE,
        credentials: CLIENT,
        ...changed['oauth2-client-credentials']
      }
    },
    [
      {
        id: 'ca',
        type: 'tls-config',
        certType: 'files',
        verifyservercert: true,
        credentials: { cadata: ca }
      }
    ]
  )
}

/** The publishing example, which takes many messages at a time; its outputs are counted. */
function publishingFlow(): FlowNode[] {
  const z = 'a1d7c0de00060001'
  const made = (id: string, func: string, to: string): FlowNode => ({
    id,
    type: 'function',
    z,
    func,
    outputs: 1,
    wires: [[to]]
  })
  return exampleFlow(
    '03 Publish HL7 to RabbitMQ by patient',
    { 'Publish by patient': { wires: [['count']] }, 'not stored': { wires: [['refused']] } },
    [
      { id: 'feed', type: 'inject', z, props: [{ p: 'payloads' }], wires: [['split']] },
      made('split', 'for (const payload of msg.payloads) node.send({ payload })', PUBLISHER),
      made(
        'count',
        "const n = (context.get('n') ?? 0) + 1\ncontext.set('n', n)\nif (n % 10 === 0) return { payload: n }",
        'stored'
      ),
      { id: 'stored', type: 'probe', z, wires: [] },
      { id: 'refused', type: 'probe', z, wires: [] }
    ]
  ).map((node) => (node.id === NOT_STORED ? { ...node, scope: [PUBLISHER] } : node))
}

function controlId(message: string): string {
  return message.split('|', 10)[9] ?? ''
}
