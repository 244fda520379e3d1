import type { AttemptResult, Courier, Parcel } from '../src/delivery/courier.ts'
import { deliveryFailed } from '../src/delivery/explain.ts'
import { Hl7Error } from '../src/hl7/hl7-error.ts'
import { readOutgoingMessage, type OutgoingMessage } from '../src/hl7/outgoing-message.ts'
import type { Receiver } from '../src/https/receiver.ts'
import type { TestMessageResult } from './node-parts.ts'
import type { OutSettings } from './read-out-settings.ts'

const HIDDEN = '•••'

/**
 * Sends a harmless sample past queue, outputs and counters: no patient, MSH-11 `T` (test).
 *
 * @param type MSH-9, such as `ADT^A01`
 * @param controlId MSH-10 of the sample
 */
export async function sendTestMessage(
  courier: Courier,
  receiver: Receiver,
  settings: OutSettings,
  type: string,
  controlId: string
): Promise<TestMessageResult> {
  try {
    const message = readOutgoingMessage(sample(type, controlId), settings.charset)
    const { responseTimeoutMs } = settings
    const parcel = { message, input: { payload: message.text }, responseTimeoutMs }
    const request = await shownRequest(receiver, settings, parcel)
    return { request, ...resultOf(message, await courier.attempt(parcel)) }
  } catch (error) {
    // A value that needs more than the sample has; its words name the value and not what is in it.
    if (!(error instanceof Hl7Error)) throw error
    const { code, message } = error
    const nothing = { status: null, reply: null, ack: null, rule: '', action: '', elapsedMs: 0 }
    return { ...nothing, error: { code, message } }
  }
}

/** The request as it is made, secrets hidden. */
async function shownRequest(
  receiver: Receiver,
  { receiver: { headers }, courier: { tokens }, isUrlSecret }: OutSettings,
  parcel: Parcel
): Promise<NonNullable<TestMessageResult['request']>> {
  const token = tokens === undefined ? undefined : HIDDEN
  const prepared = await receiver.prepare({ ...parcel, token })
  const shown = { ...prepared.headers }
  for (const { name, secret } of headers) {
    const key = name.toLowerCase()
    if (secret === true && key in shown) shown[key] = HIDDEN
  }
  const { method, url } = prepared
  const query = isUrlSecret && url.search !== '' ? `?${HIDDEN}` : url.search
  const target = `${url.pathname}${query}`.replace(encodeURIComponent(HIDDEN), HIDDEN)
  return { line: `${method} ${target} HTTP/1.1`, headers: shown }
}

function resultOf(message: OutgoingMessage, result: AttemptResult): TestMessageResult {
  const { decision, reply, answered, elapsedMs } = result
  const left = decision.outcome === 'accept' || answered
  const failure = left ? null : deliveryFailed(message, 1, result)
  return {
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
