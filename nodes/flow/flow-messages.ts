import type { Node, NodeMessageInFlow } from 'node-red'
import { english } from '../../src/english.ts'
import type { Parcel } from '../../src/delivery/courier.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import type { MessageFields } from '../../src/delivery/delivery-options.ts'
import { printable } from '../../src/printable.ts'
import { idOf } from '../../src/delivery/explain.ts'
import { encode } from '../../src/hl7/charset.ts'
import { parsePath } from '../../src/hl7/path.ts'
import { readOutgoingMessage, type OutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { targetUrl } from '../../src/hl7-over-http/target-url.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import type { ContentCodec } from '../../src/queue/stored-contents.ts'
import type { Done } from './hand-on.ts'
import type { UncheckedMessage } from './message-in.ts'
import type { OutSettings } from '../settings/read-out-settings.ts'

/** A message of the flow on its way through the node. */
export interface FlowMessage {
  /** The flow's message object; it is modified and handed on. */
  msg: NodeMessageInFlow
  /** `msg.payload` as it came in. */
  payload: unknown
  /** What is sent for it; undefined if it cannot be sent; `problem` then says why. */
  parcel?: Parcel
  problem?: unknown
  send: (messages: (NodeMessageInFlow | null)[]) => void
  /** Until it is called, the sender may wait for it. */
  done?: Done
}

const MSH_18 = parsePath('MSH-18')

/** By so many values of each field a message can be found: a long one has thousands of segments. */
const MOST_VALUES = 100
/** Most oddities that the log reports; their names come with the messages. */
const MOST_WARNINGS = 100

/** Turns messages of the flow into something that can be sent, stored and restored. */
export class FlowMessages implements ContentCodec<FlowMessage> {
  readonly #node: Node
  readonly #settings: OutSettings
  readonly #warned = new Set<string>()

  constructor(node: Node, settings: OutSettings) {
    this.#node = node
    this.#settings = settings
  }

  /** An incoming message. */
  receive(msg: NodeMessageInFlow, send: FlowMessage['send'], done: Done): FlowMessage {
    const content: FlowMessage = { msg, send, done, ...this.#parcel(msg) }
    if (content.parcel !== undefined) this.#warn(content.parcel.message)
    return content
  }

  /**
   * The same message with another text: if it came as bytes, and MSH-18 says the same, in the same character set.
   *
   * @throws {Hl7Error} `HL7_INVALID_MESSAGE` if that set lacks a character
   */
  edit(content: FlowMessage, text: string): FlowMessage {
    const { msg, parcel, payload, send, done } = content
    const changed = (value: unknown): FlowMessage => {
      const edited = { ...msg, payload: value }
      return { msg: edited, send, ...(done && { done }), ...this.#parcel(edited) }
    }
    const asText = changed(text)
    if (!(payload instanceof Uint8Array) || parcel === undefined) return asText
    const isSameSet = asText.parcel?.message.value(MSH_18) === parcel.message.value(MSH_18)
    return isSameSet ? changed(encode(text, parcel.message.charset)) : asText
  }

  /** What is read from a message when it is put into the queue. */
  readFields({ parcel }: FlowMessage): MessageFields {
    const { orderKey, searchFields } = this.#settings
    // The settings may have changed since it was sent first.
    if (parcel === undefined) return { key: '', values: [] }
    const { message, url } = parcel
    return {
      hasOwnAddress: url !== undefined,
      key: orderKey === undefined ? '' : message.value(orderKey.path),
      values: searchFields.flatMap(({ path, text }) =>
        message.values(path, MOST_VALUES).map((value) => ({ path: text, value }))
      )
    }
  }

  /** A message that cannot be stored whole is also kept as it is: the outputs need its functions. */
  encode({ msg }: FlowMessage): { bytes: Buffer; whole: boolean } {
    const { bytes, whole, leftOut } = encodeMessage(msg)
    for (const name of leftOut) {
      this.#warnOnce(
        name === '*'
          ? english('log', 'warning.mostNotStored')
          : english('log', 'warning.notStored', { name: printable(name) })
      )
    }
    return { bytes, whole }
  }

  /** The settings may have changed since the message was stored: then it has a `problem`. */
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

  /** Names the first message with each oddity: a sender usually has it in all its messages. */
  #warn(message: OutgoingMessage): void {
    for (const warning of message.warnings) {
      const values = { warning, message: idOf(message) }
      this.#warnOnce(warning, english('log', 'warning.firstSeen', values))
    }
  }

  #warnOnce(warning: string, text = warning): void {
    if (this.#warned.has(warning) || this.#warned.size >= MOST_WARNINGS) return
    this.#warned.add(warning)
    this.#node.warn(text)
  }

  #parcel(msg: NodeMessageInFlow): Pick<FlowMessage, 'payload' | 'parcel' | 'problem'> {
    const { charset, receiver, responseTimeoutMs } = this.#settings
    const { payload, url, requestTimeout }: UncheckedMessage = msg
    try {
      return {
        payload,
        parcel: {
          message: readOutgoingMessage(payload, charset),
          input: msg,
          url: messageUrl(url, receiver.url),
          responseTimeoutMs: messageTimeout(requestTimeout) ?? responseTimeoutMs
        }
      }
    } catch (problem) {
      return { payload, problem }
    }
  }
}

function messageUrl(text: unknown, configured: URL): URL | undefined {
  if (text === undefined || text === null || text === '') return undefined
  if (typeof text !== 'string') {
    throw new DeliveryError('HL7_CONFIG', english('log', 'error.urlNotText'))
  }
  const { url, problem } = targetUrl(text)
  if (url === undefined) {
    const reason = english('forms', `problem.${problem}`)
    throw new DeliveryError('HL7_CONFIG', english('log', 'error.url', { reason }))
  }
  if (url.origin !== configured.origin) {
    const values = { origin: printable(configured.origin) }
    throw new DeliveryError('HL7_CONFIG', english('log', 'error.otherServer', values))
  }
  return url
}

function messageTimeout(requestTimeout: unknown): number | undefined {
  const ms = typeof requestTimeout === 'string' ? Number(requestTimeout) : requestTimeout
  return typeof ms === 'number' && ms >= 1 && ms < 2 ** 31 ? ms : undefined
}
