import type { Courier } from '../src/delivery/courier.ts'
import { deliveryFailed } from '../src/delivery/explain.ts'
import { readOutgoingMessage } from '../src/hl7/outgoing-message.ts'
import type { NamedValue, Receiver } from '../src/https/receiver.ts'

/** What the Send test message button shows. */
export interface TestMessageResult {
  request?: { line: string; headers: Record<string, string> }
  status: number | null
  /** The whole body of the answer as text. */
  reply: string | null
  ack: unknown
  rule: string
  action: string
  elapsedMs: number
  error: { code: string; message: string } | null
}

const HIDDEN = '•••'

/**
 * Sends a harmless sample past queue, outputs and counters: no patient, MSH-11 `T` (test).
 *
 * @param type MSH-9, such as `ADT^A01`
 * @param controlId MSH-10 of the sample
 * @throws {Hl7Error} when the request cannot be made
 */
export async function sendTestMessage(
  courier: Courier,
  receiver: Receiver,
  headers: readonly NamedValue[],
  responseTimeoutMs: number,
  type: string,
  controlId: string
): Promise<TestMessageResult> {
  const message = readOutgoingMessage(sample(type, controlId), 'auto')
  const parcel = { message, input: { payload: message.text }, responseTimeoutMs }
  const prepared = await receiver.prepare({ ...parcel, token: HIDDEN })
  const shown = { ...prepared.headers }
  for (const { name, secret } of headers) {
    if (secret === true) shown[name.toLowerCase()] = HIDDEN
  }
  const { method, url } = prepared
  const result = await courier.attempt(parcel)
  const { decision, reply, elapsedMs } = result
  const left = decision.outcome === 'accept' || (reply !== undefined && reply.ack !== null)
  const failure = left ? null : deliveryFailed(message, 1, result)
  return {
    request: { line: `${method} ${url.pathname}${url.search} HTTP/1.1`, headers: shown },
    status: reply?.status ?? null,
    reply: reply?.text ?? null,
    ack: reply?.ack ?? null,
    rule: decision.rule,
    action: decision.action,
    elapsedMs: Math.round(elapsedMs),
    error:
      failure === null
        ? null
        : { code: failure.cause?.code ?? failure.code, message: failure.message }
  }
}

function sample(type: string, controlId: string): string {
  // Letters, digits and component separators: what is typed cannot add a field or a segment.
  const [code = 'ADT', event = 'A01'] = type
    .split('^')
    .map((part) => part.replace(/[^A-Z0-9_]/gi, ''))
  const time = new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14)
  return [
    `MSH|^~\\&|NODE-RED|TEST|||${time}||${code}^${event}|${controlId}|T|2.5.1`,
    `EVN|${event}|${time}`,
    'PID|1||TEST^^^TEST^MR||TEST^TEST',
    'PV1|1|N'
  ].join('\r')
}
