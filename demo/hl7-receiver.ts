/** A local receiver of HL7 v2 over HTTPS: the other side of the demo. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import type { TlsOptions } from 'node:tls'
import { type AcknowledgementCode, reply } from './acknowledge.ts'
import type { Certificate } from './certificates.ts'
import { close, listen } from './loopback.ts'
import type { ReceivedRequest, ReceiverAnswer } from './received-request.ts'
import { unpack } from './packed-message.ts'
import { type TokenRules, createTokenCheck } from './token-check.ts'

export interface Hl7ReceiverOptions {
  /** The server's certificate, for 127.0.0.1. */
  tls: Certificate & Pick<TlsOptions, 'ca' | 'requestCert' | 'rejectUnauthorized'>
  /** Which tokens are accepted. Default: no token is required. */
  token?: TokenRules
  /** Whether to record `requests`. Default true; turn it off for a receiver that runs for long. */
  record?: boolean
}

export interface Hl7Receiver {
  /** Where to send messages. */
  url: string
  /** The recorded requests, in order. */
  requests: ReceivedRequest[]
  /**
   * Returns an answer to send instead of the usual one, or `undefined` for the usual one. Called
   * before the token is checked. `index` counts requests from 0.
   */
  respond: ((request: ReceivedRequest, index: number) => ReceiverAnswer | undefined) | undefined
  counters: ReceiverCounters
  /** Whether it answers AE with code 206, record locked, to what it would accept. At first false. */
  isLocked: boolean
  /** Refuses connections until `comeBack`, and cuts those that are open. */
  leave(): Promise<void>
  /** Listens at the same URL again. Rejects if the port has been taken. */
  comeBack(): Promise<void>
  close(): Promise<void>
}

/** Counts since the start; `AA`, `AE` and `AR` count the usual answers only. */
export interface ReceiverCounters extends Record<AcknowledgementCode, number> {
  requests: number
  connections: number
  /** Requests without a valid token. */
  unauthorized: number
  /** The most requests in progress at a time. */
  maxInFlight: number
}

const path = '/hl7'
const maxBodyBytes = 64 * 1024 * 1024

/**
 * Starts a receiver on 127.0.0.1 and a free port. It checks the bearer token, reads the message and
 * answers with an HL7 acknowledgement and HTTP status 200, whether it accepts the message or not
 * (see acknowledge.ts); a batch, with an acknowledgement for each message. A message may come packed
 * (see packed-message.ts). It answers 401 to an invalid token, and 400 to anything that is not an HL7 v2
 * message.
 */
export async function startHl7Receiver(options: Hl7ReceiverOptions): Promise<Hl7Receiver> {
  const { token, record = true } = options
  const check = token ? createTokenCheck(token) : undefined
  const counters: ReceiverCounters = {
    requests: 0,
    connections: 0,
    unauthorized: 0,
    maxInFlight: 0,
    AA: 0,
    AE: 0,
    AR: 0
  }
  let inFlight = 0

  const server = createServer(options.tls)
  const receiver: Hl7Receiver = {
    url: '',
    requests: [],
    respond: undefined,
    counters,
    isLocked: false,
    leave: () => close(server),
    comeBack: async () => {
      await listen(server, Number(new URL(receiver.url).port))
    },
    close: () => close(server)
  }

  const usualAnswer = async (request: ReceivedRequest): Promise<ReceiverAnswer> => {
    if (new URL(request.url, receiver.url).pathname !== path) return plain(404, 'Not found')
    if (request.method !== 'POST') return plain(405, 'Use POST')

    const message = await unpack(request).catch(() => undefined)
    const challenge = message?.hasLogin ? undefined : await check?.(request.headers.authorization)
    if (challenge !== undefined) {
      counters.unauthorized += 1
      return { status: 401, headers: { 'WWW-Authenticate': challenge } }
    }

    const answer = message && reply(message.text, new Date(), receiver.isLocked)
    if (!answer) return plain(400, 'Not an HL7 v2 message with a control ID')
    for (const code of answer.codes) counters[code] += 1
    return message.pack(
      answer.text,
      answer.codes.every((code) => code === 'AA')
    )
  }

  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(incoming)
    if (!body) {
      send(response, plain(413, 'Too large'))
      return
    }
    const request: ReceivedRequest = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      headers: incoming.headers,
      body
    }
    if (record) receiver.requests.push(request)
    const index = counters.requests++
    const answer = receiver.respond?.(request, index) ?? (await usualAnswer(request))
    if (answer.delayMs) await wait(answer.delayMs)
    send(response, answer)
  }

  server.on('secureConnection', () => counters.connections++)
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    inFlight += 1
    counters.maxInFlight = Math.max(counters.maxInFlight, inFlight)
    response.once('close', () => (inFlight -= 1))
    handle(incoming, response).catch(() => {
      if (response.headersSent) response.destroy()
      else send(response, plain(503, 'The keys of the authorization server are not available'))
    })
  })
  receiver.url = `https://127.0.0.1:${await listen(server)}${path}`
  return receiver
}

/** Reads a request's body; `undefined` if it is too large. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function plain(status: number, text: string): ReceiverAnswer {
  return { status, headers: { 'Content-Type': 'text/plain' }, body: `${text}\n` }
}

function send(response: ServerResponse, answer: ReceiverAnswer): void {
  const { status = 200, headers = {}, body = '', cut } = answer
  if (cut === 'before') {
    response.destroy()
    return
  }
  const bytes = Buffer.from(body)
  response.writeHead(status, { ...headers, 'Content-Length': bytes.length })
  if (cut === 'within') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
    return
  }
  response.end(bytes)
}
