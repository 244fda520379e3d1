/** Parts of the texts below a node, in the language of the runtime. */
import type { CertificateOwner } from '../../src/codes.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { english, type Key } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'
import { causeSaid, durationText, type TabText } from '../../src/told.ts'

/** Looks a text up in the language of the runtime. */
export type Translate = (key: Key<'forms'>, values?: Record<string, string>) => string

export const CERTIFICATE_TEXTS: Readonly<Record<CertificateOwner, Key<'forms'>>> = {
  receiver: 'status.certificateReceiver',
  'token server': 'status.certificateTokenServer',
  backup: 'status.certificateBackup',
  client: 'status.certificateClient',
  secret: 'status.certificateSecret'
}

/** `45 s`, `31 min`, `2 h 5 min`, `9 d`: the signs are the same in every language. */
export function duration(ms: number): string {
  const signs: TabText = (key, values) =>
    key === 'age.d' ? `${values?.['count']} d` : english('tab', key, values)
  return durationText(ms, signs)
}

/** Why an attempt failed: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`. */
export function causeText(cause: string, translate: Translate): string {
  return printable(causeSaid(cause, (status) => translate('status.noAck', { status })))
}

/** With the number of messages that wait or are on their way, if there are several. */
export function counted(text: string, { queued, inFlight }: DeliveryState): string {
  const held = queued + inFlight
  return held > 1 ? `${text} (${held})` : text
}

/** The receiver's code for the last message. */
export function lastCode({ lastOutcome }: DeliveryState): string {
  return printable(lastOutcome?.code ?? '')
}
