import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from 'node-red'
import { Courier, type Parcel } from '../src/delivery/courier.ts'
import { Delivery, type ContentCodec } from '../src/delivery/delivery.ts'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { systemClock } from '../src/delivery/clock.ts'
import { printable } from '../src/delivery/explain.ts'
import type { Settlement } from '../src/delivery/settlement.ts'
import { Hl7Error } from '../src/hl7/hl7-error.ts'
import { readOutgoingMessage } from '../src/hl7/outgoing-message.ts'
import { HttpClient } from '../src/http-client/http-client.ts'
import { Receiver } from '../src/https/receiver.ts'
import { targetUrl } from '../src/https/target-url.ts'
import type { EntryFacts } from '../src/outbox/outbox.ts'
import { MemoryOutbox } from '../src/outbox/memory-outbox.ts'
import { SECRET_SLOTS } from './named-values.ts'
import { errorText } from './node-errors.ts'
import type { Hl7HttpsOutNode } from './node-types.ts'
import { registerOutRoutes } from './admin-routes.ts'
import { describeAck, describeError } from './outgoing-properties.ts'
import { readOutSettings, type OutSettings } from './read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'
import { misconfigured, StatusLine, type Translate } from './status-line.ts'

/** What is kept of a message until it leaves. */
interface Content {
  parcel: Parcel
  /** The flow's message object; it is changed and handed on. */
  msg: NodeMessageInFlow
  send: (messages: (NodeMessageInFlow | null)[]) => void
  done: (error?: Error) => void
}

/** Beside a queue in memory the flow's own objects are all there is. */
const liveOnly: ContentCodec<Content> = {
  encode: () => Buffer.alloc(0),
  decode: () => {
    throw new Error('A queue in memory gives nothing back.')
  },
  size: () => Number.POSITIVE_INFINITY
}

/** A closing node waits so long for what is under way, in milliseconds; Node-RED gives it 15 s. */
const CLOSE_GRACE_MS = 10_000
/** More control IDs than this are counted, not listed. */
const MAX_LISTED = 50

/** Registers the node that sends HL7 messages and routes their acknowledgements. */
export default function (RED: NodeAPI): void {
  registerOutRoutes(RED)

  function Hl7HttpsOut(this: Hl7HttpsOutNode, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    const translate: Translate = (key, values) => RED._(key, values ?? {})
    let settings: OutSettings | undefined
    let problems: readonly string[]
    try {
      const read = readOutSettings(RED, this, config)
      settings = read.settings
      problems = read.problems
    } catch (error) {
      problems = [errorText(error)]
    }
    if (settings === undefined) {
      this.status(misconfigured(translate))
      refuseEverything(this, problems)
      return
    }
    start(this, settings, translate)
  }

  RED.nodes.registerType('hl7-https-out', Hl7HttpsOut, {
    credentials: Object.fromEntries(
      SECRET_SLOTS.map((slot) => [slot, { type: 'password' as const }])
    )
  })
}

/** A node that cannot work says so for each message; nothing disappears in it. */
function refuseEverything(node: Node, problems: readonly string[]): void {
  const text = `This node is not set up: ${problems.join('; ')}.`
  node.error(text)
  node.on('input', (msg, _send, done) => {
    refuse(msg, new DeliveryError('HL7_CONFIG', text), done)
  })
}

function start(node: Hl7HttpsOutNode, settings: OutSettings, translate: Translate): void {
  const client = new HttpClient(settings.client)
  const receiver = new Receiver(settings.receiver, client)
  const courier = new Courier({ ...settings.courier, receiver })
  const delivery = new Delivery<Content>({
    ...settings.delivery,
    outbox: new MemoryOutbox(),
    codec: liveOnly,
    attempt: ({ parcel }, signal) => courier.attempt(parcel, signal),
    emit: (facts, content, settlement) => {
      emit(node, facts, content, settlement)
    },
    onChange: () => {
      status.update()
    },
    clock: systemClock,
    random: Math.random
  })
  node.delivery = delivery
  node.sendTest = (type, controlId) =>
    sendTestMessage(
      courier,
      receiver,
      settings.receiver.headers,
      settings.responseTimeoutMs,
      type,
      controlId
    )
  const { tokens } = settings.courier
  const status = new StatusLine(node, translate, () => ({
    delivery: delivery.state(),
    token: tokens?.status
  }))
  for (const warning of settings.warnings) node.warn(warning)
  delivery.start().catch((error: unknown) => {
    node.error(errorText(error))
  })
  const unsubscribe = tokens?.onStatus(() => {
    status.update()
  })

  node.on('input', (msg, send, done) => {
    void accept(delivery, settings, msg, send as Content['send'], done).catch((error: unknown) => {
      refuse(msg, error, done)
    })
  })

  node.on('close', (_removed: boolean, done: () => void) => {
    unsubscribe?.()
    void delivery
      .close(CLOSE_GRACE_MS)
      .then((left) => {
        if (left.length > 0) node.error(reportLeft(left))
      })
      .catch((error: unknown) => {
        node.error(errorText(error))
      })
      .finally(() => {
        client.close()
        status.close()
        done()
      })
  })
}

/** Checks a message and puts it into the queue. */
async function accept(
  delivery: Delivery<Content>,
  settings: OutSettings,
  msg: NodeMessageInFlow,
  send: Content['send'],
  done: Content['done']
): Promise<void> {
  // Left over from an earlier round through a Catch node, which drops the tenth of a row.
  delete (msg as { error?: unknown }).error
  delete (msg as { _error?: unknown })._error
  if (await command(delivery, msg)) {
    done()
    return
  }
  const message = readOutgoingMessage(msg.payload, settings.charset)
  const parcel: Parcel = {
    message,
    input: msg,
    url: messageUrl(msg, settings.receiver.url),
    responseTimeoutMs: messageTimeout(msg) ?? settings.responseTimeoutMs
  }
  const { controlId, type } = message
  const key = settings.orderKey === undefined ? '' : message.value(settings.orderKey)
  await delivery.accept({ key, controlId, type, content: { parcel, msg, send, done } })
}

/** Carries out `msg.action` where there is no payload; beside a payload it is an ordinary property. */
async function command(delivery: Delivery<Content>, msg: NodeMessageInFlow): Promise<boolean> {
  const { payload, action, controlId } = msg as NodeMessageInFlow & Record<string, unknown>
  if (payload !== undefined && payload !== null && payload !== '') return false
  const chosen = (facts: EntryFacts): boolean =>
    controlId === undefined || facts.controlId === controlId
  switch (action) {
    case 'pause':
      await delivery.pause()
      return true
    case 'resume':
      await delivery.resume()
      return true
    case 'resend':
      await delivery.resend(chosen)
      return true
    case 'discard':
      await delivery.discard(chosen)
      return true
    default:
      return false
  }
}

function messageUrl(msg: NodeMessageInFlow, configured: URL): URL | undefined {
  const { url: text } = msg as { url?: unknown }
  if (text === undefined || text === null || text === '') return undefined
  const { url, problem } = typeof text === 'string' ? targetUrl(text) : { problem: 'it is no text' }
  if (url === undefined) {
    throw new DeliveryError('HL7_CONFIG', `msg.url cannot be used: ${problem}.`)
  }
  if (url.origin !== configured.origin) {
    throw new DeliveryError(
      'HL7_CONFIG',
      `msg.url names another server than the node (${printable(configured.origin)}). Token and message go to the configured one only.`
    )
  }
  return url
}

function messageTimeout(msg: NodeMessageInFlow): number | undefined {
  const { requestTimeout } = msg as { requestTimeout?: unknown }
  const ms = typeof requestTimeout === 'string' ? Number(requestTimeout) : requestTimeout
  return typeof ms === 'number' && ms >= 1 && ms < 2 ** 31 ? ms : undefined
}

/** Hands a settled message to its output or to Catch. */
function emit(node: Node, facts: EntryFacts, content: Content, settlement: Settlement): void {
  const { msg, parcel, send, done } = content
  try {
    if (settlement.error !== undefined) {
      describeError(msg, parcel.message, facts, settlement)
      const { code, message, cause } = settlement.error
      done(new DeliveryError(code, message, cause))
      return
    }
    describeAck(msg, parcel.message, facts, settlement)
    send(settlement.outcome === 'ack' ? [msg, null] : [null, msg])
    done()
  } catch (error) {
    // A node downstream that throws synchronously must not stop the queue.
    node.error(errorText(error))
  }
}

/** Sends a message that was not accepted to Catch. */
function refuse(msg: NodeMessageInFlow, error: unknown, done: Content['done']): void {
  const known = error instanceof DeliveryError || error instanceof Hl7Error
  ;(msg as { hl7?: unknown }).hl7 = { outcome: 'error' }
  done(
    known
      ? new DeliveryError(error.code, error.message)
      : new DeliveryError(
          'HL7_DELIVERY_FAILED',
          'The message was not accepted because of a fault in this node.'
        )
  )
}

function reportLeft(left: readonly EntryFacts[]): string {
  const ids = left.slice(0, MAX_LISTED).map(({ controlId }) => printable(controlId))
  const more = left.length > MAX_LISTED ? ` and ${left.length - MAX_LISTED} more` : ''
  const count = left.length === 1 ? '1 message was' : `${left.length} messages were`
  return `The node was closed: ${count} not settled and left its queue in memory. Control IDs: ${ids.join(', ')}${more}.`
}
