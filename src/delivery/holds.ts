import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import { parsePath } from '../hl7/path.ts'
import type { Attempt, AttemptError } from './attempt.ts'
import { ReplySearch } from './reply-search.ts'
import type { ReplyTest } from './reply-test.ts'

const msaCode = parsePath('MSA-1')
const msaControlId = parsePath('MSA-2')
const messageType = parsePath('MSH-9.1')

/**
 * What an attempt comes to, before any rule is asked: worked out once, for all tests.
 */
export interface Facts {
  readonly attempt: Attempt
  /** The acknowledgement that counts, or `null`. */
  readonly ack: Acknowledgement | null
  /** Set for what is an `E`, and for nothing else. */
  readonly error: AttemptError | null
  /** The HTTP status of the HL7 server. */
  readonly status: number | undefined
  /** The answer had no body at all, or there was no answer. */
  readonly empty: boolean
  readonly search: ReplySearch
}

/** Sorts an attempt into acknowledged, error (`E`), or a 2xx answer without an MSA. */
export function factsOf(attempt: Attempt): Facts {
  const { reply } = attempt
  // A token server's status is not the HL7 server's, wherever it comes from.
  const status = attempt.error?.family === 'token' ? undefined : attempt.status
  const success = isSuccess(status)
  const ack = countingAcknowledgement(attempt)
  const error = ack === null ? (attempt.error ?? (success ? null : statusError(status))) : null
  const empty = reply === undefined || reply.empty
  return { attempt, ack, error, status, empty, search: new ReplySearch(reply) }
}

/**
 * An MSA counts whatever the status. A batch header that lists nothing says "no error" only where
 * the server says so too: a failing server that sends a bare header has not accepted anything.
 */
export function countingAcknowledgement(attempt: Attempt): Acknowledgement | null {
  const { ack, message } = attempt.reply ?? { ack: null, message: null }
  if (isSuccess(attempt.status) && attempt.error === undefined) return ack
  return message !== null && message.values(msaCode).length > 0 ? ack : null
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status <= 299
}

function statusError(status: number | undefined): AttemptError {
  return status === undefined
    ? { code: '', text: 'no answer' }
    : { code: String(status), text: `HTTP status ${status}` }
}

/** Does the test hold for the attempt? */
export function holds(test: ReplyTest, facts: Facts): boolean {
  const { ack, error, status } = facts
  switch (test.kind) {
    case 'code':
      return ack?.code === test.code
    case 'code-class':
      return ack !== null && test.codes.includes(ack.code)
    case 'empty-code':
      return ack?.code === ''
    case 'other-code':
      return ack !== null && ack.code !== '' && !standardCodes.has(ack.code)
    case 'no-acknowledgement':
      return ack === null && error === null && !facts.empty
    case 'no-reply':
      return error === null && facts.empty
    case 'foreign-id':
      return ack !== null && ack.controlId !== '' && !isSent(ack.controlId, facts.attempt)
    case 'same-type':
      return error === null && hasSameType(facts)
    case 'error':
      return error !== null
    case 'error-status':
      return error !== null && isWithin(status, test)
    case 'error-code':
      return error?.code === test.code
    case 'error-family':
      return error?.family === test.family
    case 'error-text':
      return error !== null && error.text.toLowerCase().includes(test.text)
    case 'status':
      return isWithin(status, test)
    case 'field-value':
      return facts.search.fieldValue(test.path, test.value)
    case 'field-text':
      return facts.search.fieldText(test.path, test.text)
    case 'severity':
      return ack?.severity === test.severity
    case 'reply-text':
      return facts.search.text(test.text)
  }
}

const standardCodes = new Set(['AA', 'CA', 'AE', 'CE', 'AR', 'CR'])

/** Whether MSA-2, or its first component alone, is an id that was sent. */
function isSent(controlId: string, { sent, reply }: Attempt): boolean {
  if (sent.controlIds.includes(controlId)) return true
  const msas = reply?.message?.segments('MSA') ?? []
  const msa = msas.find((segment) => segment.fieldText(2) === controlId)
  return msa !== undefined && sent.controlIds.includes(msa.value(msaControlId))
}

function hasSameType({ attempt }: Facts): boolean {
  const received = attempt.reply?.message?.values(messageType)[0]
  return received === '' || received === attempt.sent.type.split('^', 1)[0]
}

function isWithin(status: number | undefined, range: { from: number; to: number }): boolean {
  return status !== undefined && status >= range.from && status <= range.to
}
