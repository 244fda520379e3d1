import { ACK_TIMEOUT } from '../../src/delivery/acknowledgements.ts'
import { ERROR_CODES } from '../../src/hl7/error-codes.ts'
import type { Verdict } from '../../src/queue/message-row.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import type { AckErrorRow, Told } from './answers.ts'
import { causeWords } from './cause.ts'
import { duration } from './times.ts'

/** The English text of something that is told; the sidebar has the same in other languages. */
export function sentence({ kind, values }: Told): string {
  const text = SENTENCES[kind]
  return text === undefined ? kind : text(values)
}

type Values = Told['values']

const SENTENCES: Readonly<Record<string, (values: Values) => string>> = {
  // States of a node.
  ok: () => '',
  config: ({ problems }) => `This node is not set up: ${problems}.`,
  stopped: ({ count }) =>
    `${messages(count)} in the queue file of a node that is disabled or deleted`,
  'stopped-unknown': () => 'The queue file of a node that is disabled or deleted cannot be read',
  'paused-by': ({ by, reason }) => `Paused${by === '' ? '' : ` by ${by}`}${quoted(reason)}`,
  'no-token': ({ cause }) => `No token: ${cause}`,
  'token-failing': ({ cause }) => `The token cannot be renewed: ${cause}`,
  retrying: ({ cause, attempt, seconds }) =>
    `${causeIn(cause)}, try ${attempt}${seconds === 0 ? ' now' : ` in ${seconds} s`}`,
  error: ({ cause }) => causeIn(cause),
  certificate: ({ of, days }) =>
    Number(days) < 0
      ? `The certificate of the ${of} has expired`
      : `The certificate of the ${of} expires in ${days === 1 ? '1 day' : `${days} days`}`,
  // Messages. A verdict is also the reason why a message is suspended, or how it left.
  verdict: ({ ackCode, errors, status, cause, rule }) =>
    [
      ackCode !== '' ? `${ackCode}${errors === '' ? '' : ` ${errors}`}` : '',
      ackCode === '' && status !== 0 ? `HTTP ${status} without an acknowledgement` : '',
      ackCode === '' && status === 0 ? `${cause}` : '',
      rule === '' ? '' : `rule ${rule}`
    ]
      .filter((part) => part !== '')
      .join(' · '),
  awaiting: ({ rule }) => `Awaits its application acknowledgement · rule ${rule}`,
  'ack-timeout': ({ rule }) => `No application acknowledgement came in time · rule ${rule}`,
  'ended-twice': () => 'Node-RED ended twice while processing it',
  discarded: ({ count }) => (count === undefined ? 'Discarded' : `${messages(count)} discarded`),
  // Events.
  paused: ({ reason }) => `Paused${quoted(reason)}`,
  resumed: () => 'Resumed',
  resent: ({ count }) => `${messages(count)} resent`,
  suspended: ({ count, rule }) =>
    rule === ''
      ? `${messages(count)} suspended: Node-RED ended twice while processing`
      : `${messages(count)} suspended by ${rule}`,
  'retrying-began': ({ cause, controlId }) => `${causeIn(cause)}: retrying ${controlId}`,
  recovered: ({ seconds }) => `Moving again after ${duration(1000 * Number(seconds))}`,
  'token-lost': ({ cause }) => `No token: ${cause}`,
  'token-back': () => 'There is a token again',
  'content-shown': ({ controlId }) => `The content of ${controlId} was shown`,
  tested: ({ type }) => `A test message was sent (${type})`,
  'queue-fault': ({ cause }) => `The queue has a fault: ${cause}`,
  'contents-dropped': ({ count }) => `Kept contents of ${messages(count)} deleted to make room`,
  'sent-again': ({ count }) =>
    `${messages(count)} sent again after ${count === 1 ? 'it' : 'they'} had left`
}

/** What an event is told as. */
export function eventTold({ kind, values }: QueueEvent): Told {
  return { kind: kind === 'retrying' ? 'retrying-began' : kind, values }
}

/** What a message awaits, why it is suspended, or how it left. */
export function verdictTold(verdict: Verdict): Told {
  const { ackCode, awaits, cause, errorCode, errors, rule, status } = verdict
  if (awaits !== undefined) return { kind: 'awaiting', values: { rule } }
  if (errorCode === 'ERR_ENDED_TWICE') return { kind: 'ended-twice', values: {} }
  if (errorCode === 'HL7_DISCARDED') return { kind: 'discarded', values: {} }
  if (cause === ACK_TIMEOUT) return { kind: 'ack-timeout', values: { rule } }
  const isEmpty = ackCode === '' && cause === '' && rule === '' && status === 0
  if (isEmpty && errorCode === '') return { kind: 'ok', values: {} }
  const [first] = errors.map(errorRow)
  const words = first === undefined ? '' : `${first.code} ${first.text}`.trim()
  const values = { ackCode, errors: words, status, cause: cause || errorCode, rule }
  return { kind: 'verdict', values }
}

export function errorRow({ code, severity }: Verdict['errors'][number]): AckErrorRow {
  return { code, severity, text: ERROR_CODES[code] ?? '' }
}

function causeIn(cause: Values[string] | undefined): string {
  return causeWords(String(cause ?? ''), (status) => `no ACK (${status})`)
}

function messages(count: Values[string] | undefined): string {
  return count === 1 ? '1 message' : `${count ?? 0} messages`
}

function quoted(reason: Values[string] | undefined): string {
  return reason === undefined || reason === '' ? '' : `: “${reason}”`
}
