import type { AttemptResult, Courier, Parcel } from '../src/delivery/courier.ts'
import { deliveryFailed, reasonAndHint } from '../src/delivery/explain.ts'
import { Hl7Error } from '../src/hl7/hl7-error.ts'
import { readOutgoingMessage, type OutgoingMessage } from '../src/hl7/outgoing-message.ts'
import type { Receiver } from '../src/https/receiver.ts'
import { HIDDEN, hideValues } from './hidden-values.ts'
import type { TestMessageResult } from './node-parts.ts'
import type { OutSettings } from './read-out-settings.ts'
import { sampleSegments } from './test-sample.ts'

/**
 * Sends a sample, bypassing queue, outputs and counters: an invented patient, MSH-11 `T` (test).
 *
 * @param type MSH-9, such as `ADT^A01`
 * @param controlId MSH-10 of the sample
 * @param mayReadAll whether the caller may see the results of expressions; called if there are any
 */
export async function sendTestMessage(
  courier: Courier,
  receiver: Receiver,
  settings: OutSettings,
  type: string,
  controlId: string,
  mayReadAll: () => Promise<boolean>
): Promise<TestMessageResult> {
  try {
    const message = readOutgoingMessage(sample(type, controlId), settings.charset)
    const { responseTimeoutMs } = settings
    const parcel = { message, input: { payload: message.text }, responseTimeoutMs }
    const { request, secrets } = await shownRequest(receiver, settings, parcel, mayReadAll)
    const result = resultOf(message, await courier.attempt(parcel))
    // An answer may repeat the request, and an error names the host.
    const hidden = [...secrets, ...settings.untold, await tokenInUse(settings)]
    return { request, ...hideValues(withoutJwts(result), hidden) }
  } catch (error) {
    // A value that needs more than the sample has; the text names the value but not its content.
    if (!(error instanceof Hl7Error)) throw error
    const { code, message } = error
    const nothing = { status: null, reply: null, ack: null, rule: '', action: '', elapsedMs: 0 }
    return { ...nothing, error: { code, reason: message, hint: '' } }
  }
}

/** Proofs of DPoP are JWTs. */
function withoutJwts(result: TestMessageResult): TestMessageResult {
  return JSON.parse(JSON.stringify(result).replace(/eyJ[\w.-]+/g, HIDDEN)) as TestMessageResult
}

/** The request as it is sent, with secrets hidden, and the secrets in it. */
async function shownRequest(
  receiver: Receiver,
  { receiver: { headers, formFields }, courier: { tokens }, untold, isUrlUntold }: OutSettings,
  parcel: Parcel,
  mayReadAll: () => Promise<boolean>
): Promise<{ request: NonNullable<TestMessageResult['request']>; secrets: string[] }> {
  const token = tokens === undefined ? undefined : HIDDEN
  const prepared = await receiver.prepare({ ...parcel, token })
  const made = prepared.headers.inLowerCase()
  const shown = hideValues(made, untold)
  if (tokens?.proofs !== undefined) shown['dpop'] = HIDDEN
  const secrets = formFields.flatMap(({ value, secret }) =>
    secret === true && typeof value === 'string' ? [value] : []
  )
  const hasExpressions = headers.some(({ secret }) => secret === 'expression')
  const hidesExpressions = hasExpressions && !(await mayReadAll())
  for (const { name, secret } of headers) {
    const key = name.toLowerCase()
    const value = made[key]
    if (value === undefined) continue
    if (secret === true || (secret === 'expression' && hidesExpressions)) {
      shown[key] = HIDDEN
      secrets.push(value)
    }
  }
  const { method, url } = prepared
  const target = isUrlUntold
    ? HIDDEN
    : `${url.pathname}${url.search}`.replace(encodeURIComponent(HIDDEN), HIDDEN)
  return { request: { line: `${method} ${target} HTTP/1.1`, headers: shown }, secrets }
}

/** The token that was sent; a refused token is not kept. */
async function tokenInUse({ courier: { tokens } }: OutSettings): Promise<string> {
  const isHeld = tokens !== undefined && 'validUntil' in tokens.status
  return isHeld ? tokens.token().catch(() => '') : ''
}

function resultOf(message: OutgoingMessage, result: AttemptResult): TestMessageResult {
  const { decision, reply, answered, elapsedMs } = result
  const left = decision.outcome === 'accept' || decision.outcome === 'await' || answered
  const { cause } = deliveryFailed(message, 1, result)
  return {
    status: reply?.status ?? null,
    reply: reply?.text ?? null,
    ack: reply?.ack ?? null,
    rule: decision.rule,
    action: decision.action,
    elapsedMs: Math.round(elapsedMs),
    error: left ? null : { code: cause?.code ?? 'EUNKNOWN', ...reasonAndHint(result) }
  }
}

function sample(type: string, controlId: string): string {
  const time = new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14)
  return sampleSegments(type, controlId, time).join('\r')
}
