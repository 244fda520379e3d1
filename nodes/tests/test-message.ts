import { randomUUID } from 'node:crypto'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { Parcel } from '../../src/delivery/courier.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { deliveryFailed, reasonAndHint } from '../../src/delivery/explain.ts'
import { retriedUntil } from '../../src/delivery/what-follows.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { readOutgoingMessage, type OutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { HttpError } from '../../src/http-client/http-error.ts'
import { METHOD, type Receiver } from '../../src/hl7-over-http/receiver.ts'
import { HIDDEN, Redactor } from '../../src/redactor.ts'
import { inEditor } from '../flow/edit-message.ts'
import { newControlId } from '../flow/new-control-id.ts'
import type { Sender } from '../flow/out-parts.ts'
import type { OutSettings } from '../settings/read-out-settings.ts'
import type { TestAnswer, TestMessageResult } from './test-result.ts'
import { ownSample } from './test-sample.ts'

/**
 * Sends a sample, bypassing queue, outputs and counters. A backup gets one of its own.
 *
 * @param isDry shows the request, but sends nothing and fetches no token
 */
export async function sendTestMessage(
  sender: Sender,
  sample: string,
  isDry: boolean
): Promise<TestAnswer> {
  const { backup } = sender.settings
  if (backup === undefined || isDry) return sendTo('first', sender, sample, isDry)
  const [first, second] = await Promise.all([
    sendTo('first', sender, sample, isDry),
    // The same system would take it for a repetition.
    sendTo('backup', sender, ownSample(sample, newControlId('TEST')), isDry)
  ])
  const { ack, error = null, status = null } = second
  return {
    ...first,
    backup: { host: backup.url.host, status, ackCode: ack?.code ?? '', error }
  }
}

async function sendTo(
  address: Address,
  { courier, receiver, settings }: Sender,
  sample: string,
  isDry: boolean
): Promise<TestAnswer> {
  try {
    const message = readOutgoingMessage(sample, settings.charset)
    const { responseTimeoutMs } = settings
    const redactor = new Redactor(settings.courier.secrets)
    const input = { payload: message.text }
    const identity = randomUUID()
    const parcel = { message, input, identity, responseTimeoutMs, redactor, address }
    const request = await shownRequest(receiver, settings, parcel)
    if (isDry) return { request, message: redactor.hide(message.text) }
    const attempt = await courier.attempt(parcel)
    const result = resultOf(message, attempt, settings)
    // An answer may repeat the request. What we say ourselves has no secret in it.
    const { error, ...answered } = result
    // Without a token nothing was sent.
    const isSent = attempt.error?.family !== 'token'
    return { ...(isSent && { request }), ...redactor.hideIn(answered), error }
  } catch (error) {
    // A value that needs more than the sample has, or a secret that cannot be read; the text names it, not its content.
    if (!(error instanceof Hl7Error || error instanceof HttpError)) throw error
    const { code, message } = error instanceof Hl7Error ? inEditor(error) : error
    return {
      status: null,
      reply: null,
      ack: null,
      rule: '',
      action: '',
      retriedUntil: null,
      elapsedMs: 0,
      error: { code, reason: message, hint: '' }
    }
  }
}

/**
 * The request as it is sent, without secrets. What expressions make of variables is one too; a template is given fields
 * without secrets, so that it can make nothing of them, such as their base64.
 */
async function shownRequest(
  receiver: Receiver,
  { courier: { tokens }, isBodyFromVariables }: OutSettings,
  parcel: Parcel & { redactor: Redactor }
): Promise<NonNullable<TestMessageResult['request']>> {
  const { redactor } = parcel
  const shipment = { ...parcel, token: tokens === undefined ? undefined : HIDDEN }
  const hide = (value: string): string => redactor.hide(value)
  // A template may fail for that alone.
  const hidden = await receiver.prepare({ ...shipment, hide }).catch(() => undefined)
  const { url, headers, body, secrets } = hidden ?? (await receiver.prepare(shipment))
  const made = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  )
  for (const secret of secrets) redactor.add(secret)
  const shown = redactor.hideIn(made)
  if (tokens?.proofs !== undefined) shown['dpop'] = HIDDEN
  const withoutSecrets = (text: string): string =>
    redactor.hide(text.replaceAll(encodeURIComponent(HIDDEN), HIDDEN))
  return {
    line: `${METHOD} ${withoutSecrets(url.pathname + url.search)} HTTP/1.1`,
    headers: shown,
    body: isBodyFromVariables || hidden === undefined ? HIDDEN : withoutSecrets(body.toString())
  }
}

function resultOf(
  message: OutgoingMessage,
  result: AttemptResult,
  settings: OutSettings
): TestMessageResult {
  const { decision, reply, answered, elapsedMs } = result
  const left = decision.outcome === 'accept' || decision.outcome === 'await' || answered
  const { cause } = deliveryFailed(message, 1, result)
  const replyType = reply?.headers['content-type']
  return {
    message: message.text,
    ...(replyType !== undefined && { replyType }),
    status: reply?.status ?? null,
    reply: reply?.text ?? null,
    ack: reply?.ack ?? null,
    rule: decision.rule,
    action: decision.action,
    retriedUntil: retriedUntil(result, settings.delivery),
    elapsedMs: Math.round(elapsedMs),
    error: left ? null : { code: cause?.code ?? 'EUNKNOWN', ...reasonAndHint(result) }
  }
}
