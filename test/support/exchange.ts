import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { WatchWork } from '../../src/delivery/careful-start.ts'
import { Courier, type Parcel } from '../../src/delivery/courier.ts'
import { settlementOf } from '../../src/delivery/settlement.ts'
import type { Acknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import type { UndiciClient, UndiciClientSettings } from '../../src/http-client/undici-client.ts'
import { labelledCharset } from '../../src/hl7-over-http/labelled-charset.ts'
import { Receiver, type ReceiverSettings, type Shipment } from '../../src/hl7-over-http/receiver.ts'
import type { ReplyBodyOptions } from '../../src/hl7-over-http/read-reply-in-text.ts'
import type { TokenSource } from '../../src/oauth2/token-source.ts'
import { parseReplyRules, type ReplyRules } from '../../src/rules/reply-rules.ts'
import { bodyOf, createClient, type LocalServer, startServer } from '../http-client/local-server.ts'

/** What a receiver answers. */
export interface Answer {
  status?: number
  body?: string | Buffer
  /** The content type. */
  type?: string
  headers?: Record<string, string>
  /** The connection breaks: before the answer, or before its last bytes. */
  cut?: 'before' | 'within'
  /** It answers nothing, not even in time. */
  silent?: true
}

export interface Settings {
  rules?: string | ReplyRules
  reply?: Partial<ReplyBodyOptions>
  receiver?: Partial<ReceiverSettings>
  tokens?: TokenSource | undefined
  /** A token for {@link Exchange.arrived}, which needs no token server. */
  token?: string
  /** Where {@link Exchange.arrived} sends it, and with which proof. */
  to?: Pick<Shipment, 'url' | 'isForBackup'> & { proof?: string }
  /** The message object of the flow. */
  input?: unknown
  /** The property `charset` of the node. */
  charset?: string
  watchWork?: WatchWork
}

/** What arrived at the receiver. */
export interface Arrived {
  method: string
  url: string
  headers: IncomingMessage['headers']
  /** With their case: name, value, name, value. */
  rawHeaders: string[]
  body: Buffer
}

/** The message that is sent where a test does not care: an ADT^A01 with the control ID M1. */
export const ADT =
  'MSH|^~\\&|APP|CLINIC|LAB|HOSP|20260102||ADT^A01^ADT_A01|M1|P|2.5.1\rPID|1||4711\r'

/** The header of an acknowledgement. */
export const MSH = 'MSH|^~\\&|LAB|HOSP|APP|CLINIC|20260102||ACK^A01^ACK|R1|P|2.5.1\r'

/** An acknowledgement of the message M1. */
export function ack(code: string, ...segments: string[]): string {
  return ackOf('M1', code, ...segments)
}

/** An acknowledgement of another message. */
export function ackOf(id: string, code: string, ...segments: string[]): string {
  return `${MSH}MSA|${code}|${id}\r${segments.map((segment) => `${segment}\r`).join('')}`
}

/** The settings for a receiver that takes the message as it is, with a bearer token. */
export function plainReceiver(url: URL): ReceiverSettings {
  return {
    url,
    tokenPlacement: 'header',
    authHeader: 'Authorization',
    authScheme: 'Bearer',
    headers: [],
    formFields: [],
    userAgent: 'test/1',
    format: 'raw',
    contentType: '',
    bodyField: 'message',
    bodyFileName: 'message.hl7',
    bodyPartType: 'text/plain',
    bodyEncoding: 'text'
  }
}

/** An attempt as the node makes it: courier, receiver and HTTP client, with a receiver on this machine. */
export class Exchange {
  readonly #server: LocalServer
  readonly #client: UndiciClient
  #answer: Answer = {}
  #arrived: Arrived | undefined

  private constructor(server: LocalServer, client: UndiciClient) {
    this.#server = server
    this.#client = client
  }

  static async start(client?: Partial<UndiciClientSettings>): Promise<Exchange> {
    const server = await startServer((request, response) => {
      void exchange.#respond(request, response)
    })
    const exchange = new Exchange(server, createClient(client))
    return exchange
  }

  get url(): URL {
    return this.#server.url
  }

  async close(): Promise<void> {
    this.#client.close()
    await this.#server.close()
  }

  /** Sends a message to a receiver that gives this answer. */
  async attempt(answer: Answer, settings: Settings = {}, payload: unknown = ADT) {
    this.#answer = answer
    this.#arrived = undefined
    const parcel = this.#parcel(answer, settings, payload)
    return this.courier(settings).attempt(parcel, undefined, settings.watchWork)
  }

  /** What arrives at the receiver. */
  async arrived(settings: Settings = {}, payload: unknown = ADT): Promise<Arrived> {
    this.#answer = {}
    this.#arrived = undefined
    const { receiver, token, input, to: { proof, ...address } = {} } = settings
    const to = this.receiver(receiver)
    const { message } = this.#parcel({}, settings, payload)
    const request = await to.prepare({ message, input, token, ...address })
    await to.send(request, { responseTimeoutMs: 5000, proof })
    const arrived = this.#arrived as Arrived | undefined
    return arrived ?? assert.fail('nothing arrived')
  }

  receiver(settings: Partial<ReceiverSettings> = {}): Receiver {
    return new Receiver({ ...plainReceiver(this.url), ...settings }, this.#client)
  }

  courier({ rules = '', reply, receiver, tokens }: Settings = {}): Courier {
    return new Courier({
      receiver: this.receiver(receiver),
      tokens: tokens?.forReceiver(this.url.href),
      rules: typeof rules === 'string' ? parseReplyRules(rules) : rules,
      reply: reply ?? {},
      secrets: []
    })
  }

  #parcel(answer: Answer, settings: Settings, payload: unknown): Parcel {
    const { receiver, input = {} } = settings
    const label = labelledCharset({ ...plainReceiver(this.url), ...receiver })
    const { charset = label ?? 'auto' } = settings
    return {
      message: readOutgoingMessage(payload, charset),
      input,
      responseTimeoutMs: answer.silent ? 20 : 5000
    }
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, rawHeaders } = request
    this.#arrived = { method, url, headers, rawHeaders, body: await bodyOf(request) }
    const { status = 200, body = '', type, headers: more, cut, silent } = this.#answer
    if (silent) return
    if (cut === 'before') {
      response.destroy()
      return
    }
    const bytes = Buffer.from(body)
    response.writeHead(status, {
      ...(type !== undefined && { 'content-type': type }),
      ...more,
      ...(cut === 'within' && { 'content-length': bytes.length + 100 })
    })
    if (cut === undefined) response.end(bytes)
    else response.write(bytes, () => response.destroy())
  }
}

/**
 * How the message leaves, as its user sees it: `ACK`, `NAK`, `error` (to a Catch node), `suspended`,
 * `paused` (the node) or `awaited`. A retry and a warning are named, and what follows a wait in vain.
 */
export function leaving({ decision, ...result }: AttemptResult): string {
  const { outcome, retry, late = 'fail', warnings } = decision
  const name = { controlId: 'M1', type: 'ADT^A01' }
  const settled = () => settlementOf(name, 1, { decision, ...result }, 0).outcome
  const words = {
    accept: () => 'ACK',
    fail: () => (settled() === 'nak' ? 'NAK' : 'error'),
    refuse: () => (settled() === 'nak' ? 'NAK' : 'error'),
    suspend: () => 'suspended',
    disable: () => 'paused',
    await: () => `awaited, then ${{ suspend: 'suspended', fail: 'error', retry: 'retried' }[late]}`
  }[outcome]()
  return `${retry ? 'retried, then ' : ''}${words}${warnings.length > 0 ? ', warned' : ''}`
}

/** An acknowledgement in short: MSA-1, MSA-2, and for ERR the worst severity and their number. */
export function inShort(found: Acknowledgement | null | undefined): string {
  if (found === null || found === undefined) return ''
  const { code, controlId, severity, errors } = found
  const parts = [code || '-', controlId || '-']
  return [...parts, ...(errors.length > 0 ? [severity || '-', errors.length] : [])].join(' ')
}
