import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiverAnswer } from '../../demo/received-request.ts'

/** Things and their probabilities; the rest up to 1 means nothing. */
export type Likely<Thing> = readonly (readonly [probability: number, Thing])[]

export function pick<Thing>(random: () => number, things: Likely<Thing>): Thing | undefined {
  let roll = random()
  for (const [probability, thing] of things) {
    roll -= probability
    if (roll < 0) return thing
  }
  return undefined
}

/** In milliseconds; longer than the nodes wait for an answer. */
const HANG_MS = 2500

/** What the receiver answers to a message instead of the usual. */
export const receiverFaults: Likely<(controlId: string) => ReceiverAnswer> = [
  [0.06, (id) => ({ ...acknowledgement('AA', id), delayMs: 200 })],
  [0.02, (id) => ({ ...acknowledgement('AE', id), delayMs: 5 })],
  [0.01, (id) => acknowledgement('AR', id)],
  [0.01, () => ({ cut: 'before' })],
  [0.01, (id) => ({ ...acknowledgement('AA', id), cut: 'within' })],
  [0.01, (id) => ({ ...acknowledgement('AA', id), delayMs: HANG_MS })],
  [0.01, () => ({ status: 503, headers: { 'retry-after': '1' } })],
  [0.01, () => ({ status: 429, headers: { 'retry-after': '1' } })],
  [0.01, () => ({ status: 500, body: 'Internal error' })],
  [0.005, () => ({ headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' })],
  [0.005, () => ({ headers: { 'content-type': 'application/hl7-v2' }, body: noise() })],
  [0.002, () => ({ status: 401 })]
]

type TokenFault = (response: ServerResponse, usual: () => void) => void

/** What the token server does instead of the usual. */
export const tokenFaults: Likely<TokenFault> = [
  [0.06, (_response, usual) => setTimeout(usual, 1000)],
  [0.06, (response) => response.destroy()],
  [0.06, plain(500, 'Internal error')],
  [0.06, plain(429, 'Too many', { 'retry-after': '1' })],
  // These two look like wrong settings, after which a node waits for half a minute.
  [0.02, plain(401, '{"error":"invalid_client"}', { 'content-type': 'application/json' })],
  [0.02, plain(200, '<h1>Sign in</h1>', { 'content-type': 'text/html' })]
]

/** Whether a request may meet a fault. Those of the receiver for the server's keys may not. */
export function concernsTokens(request: IncomingMessage): boolean {
  return request.url?.startsWith('/jwks') !== true
}

function acknowledgement(code: string, id: string): ReceiverAnswer {
  return {
    headers: { 'content-type': 'application/hl7-v2' },
    body: `MSH|^~\\&|A|B|C|D|20260101||ACK|R${id}|P|2.5.1\rMSA|${code}|${id}\r`
  }
}

function noise(): Buffer {
  return Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7) % 256))
}

function plain(status: number, body: string, headers: Record<string, string> = {}): TokenFault {
  return (response) => {
    response.writeHead(status, { 'content-type': 'text/plain', ...headers })
    response.end(body)
  }
}
