import type { Node, NodeMessageInFlow } from 'node-red'
import type { Parcel } from '../src/delivery/courier.ts'
import type { ContentCodec } from '../src/delivery/delivery.ts'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { printable } from '../src/delivery/explain.ts'
import { readOutgoingMessage } from '../src/hl7/outgoing-message.ts'
import { targetUrl } from '../src/https/target-url.ts'
import { decodeMessage, encodeMessage, isJsonClean } from '../src/outbox/message-codec.ts'
import type { OutSettings } from './read-out-settings.ts'

/** A message of the flow on its way through the node. */
export interface FlowMessage {
  /** The flow's message object; it is changed and handed on. */
  msg: NodeMessageInFlow
  /** What is sent for it; undefined where it cannot be sent, and `problem` says why. */
  parcel?: Parcel
  problem?: unknown
  send: (messages: (NodeMessageInFlow | null)[]) => void
  /** Until it is called, whoever sent the message may wait for it. */
  done?: (error?: Error) => void
}

/** Makes messages of the flow into what can be sent, put away and found again. */
export class FlowMessages implements ContentCodec<FlowMessage> {
  readonly #node: Node
  readonly #settings: OutSettings

  constructor(node: Node, settings: OutSettings) {
    this.#node = node
    this.#settings = settings
  }

  /** A message that comes in. */
  receive(
    msg: NodeMessageInFlow,
    send: FlowMessage['send'],
    done: (error?: Error) => void
  ): FlowMessage {
    return { msg, send, done, ...this.#parcel(msg) }
  }

  encode({ msg }: FlowMessage): Buffer {
    return encodeMessage(msg)
  }

  /** The settings may have changed since the message was put away: then it has a `problem`. */
  decode(bytes: Buffer): FlowMessage {
    const msg = decodeMessage(bytes) as unknown as NodeMessageInFlow
    return {
      msg,
      send: (messages) => {
        this.#node.send(messages)
      },
      ...this.#parcel(msg)
    }
  }

  /** A message that JSON cannot carry stays as it is: its functions are wanted at the outputs. */
  size({ msg, parcel }: FlowMessage): number {
    if (!isJsonClean(msg)) return Number.POSITIVE_INFINITY
    return 1024 + 2 * (parcel?.message.bytes.length ?? 0)
  }

  #parcel(msg: NodeMessageInFlow): Pick<FlowMessage, 'parcel' | 'problem'> {
    const { charset, receiver, responseTimeoutMs } = this.#settings
    try {
      return {
        parcel: {
          message: readOutgoingMessage(msg.payload, charset),
          input: msg,
          url: messageUrl(msg, receiver.url),
          responseTimeoutMs: messageTimeout(msg) ?? responseTimeoutMs
        }
      }
    } catch (problem) {
      return { problem }
    }
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
