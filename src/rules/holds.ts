import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import { isAccept, isStandardCode } from '../hl7/acknowledgement-codes.ts'
import { parsePath } from '../hl7/path.ts'
import { isAbout, subjectsOf } from '../hl7/reply-message.ts'
import type { Segment } from '../hl7/segments.ts'
import { unpadded } from '../hl7/unpadded.ts'
import type { Attempt, AttemptError } from './attempt.ts'
import { ReplyContent } from './reply-content.ts'
import type { ReplyRule } from './reply-rules.ts'
import { containsText, isSameCode, type ReplyTest } from './reply-test.ts'

const messageCode = parsePath('MSH-9.1')
const trigger = parsePath('MSH-9.2')

/** The facts of an attempt, determined once, for all tests. */
export interface Facts {
  /** The acknowledgement that counts, or `null`. */
  readonly ack: Acknowledgement | null
  /** Its MSA-1, as it is compared. */
  readonly code: string | undefined
  /** Set only if the attempt is an `E`. */
  readonly error: AttemptError | null
  /** The HTTP status of the HL7 server. */
  readonly status: number | undefined
  /** What that status counts as for `E#`: what the reply means. Undefined for an error of a family. */
  readonly errorStatus: number | undefined
  /** The answer had no body at all, or there was no answer. */
  readonly empty: boolean
  /** Nor has it anything but blanks and line ends. */
  readonly blank: boolean
  /** MSA-2 names a message, but not one that was sent. */
  readonly foreignId: boolean
  /** MSH-9.1 is empty or the one that was sent. */
  readonly sameType: boolean
  /** There is no acknowledgement, but the reply seems to hold one that refuses, or is a web page. */
  readonly isDoubtful: boolean
  /** The message may have arrived before. */
  readonly again: boolean
  /** Undefined without a reply. */
  readonly content: ReplyContent | undefined
}

/** Sorts an attempt into acknowledged, error (`E`), or a 2xx answer without an MSA. */
export function factsOf(attempt: Attempt): Facts {
  const { status, reply } = attempt
  const ack = countingAcknowledgement(attempt)
  const error = errorOf(attempt, ack)
  return {
    ack,
    code: ack === null ? undefined : unpadded(ack.code),
    error,
    status,
    errorStatus: errorStatusOf(attempt),
    empty: reply === undefined || reply.empty,
    blank: reply === undefined || reply.empty || reply.blank === true,
    foreignId: ack !== null && hasForeignId(attempt),
    sameType: error === null && hasSameType(attempt),
    isDoubtful:
      ack === null && error === null && (reply?.seemsRefused === true || reply?.isPage === true),
    again: attempt.again ?? false,
    content: reply && new ReplyContent(reply)
  }
}

/** Any status outside 2xx is an error, and any reply that means one, unless an acknowledgement counts. */
function errorOf(attempt: Attempt, ack: Acknowledgement | null): AttemptError | null {
  const { error, status } = attempt
  if (error !== undefined) return error
  if (ack !== null || (isSuccess(status) && attempt.reply.meaning === undefined)) return null
  const text = `HTTP status ${status}`
  if (attempt.reply.meaning === 'tls') return { code: String(status), family: 'tls', text }
  return { code: String(errorStatusOf(attempt)), text }
}

function errorStatusOf({ reply, status }: Attempt): number | undefined {
  const meaning = reply?.meaning ?? status
  return meaning === 'tls' ? undefined : meaning
}

/**
 * The acknowledgement that counts: any whatever the status, except AA and CA (and a batch header
 * that lists no error), which count only with 2xx, and not in a SOAP fault. Accepting them with an error
 * could lose the message.
 */
export function countingAcknowledgement({ reply, status }: Attempt): Acknowledgement | null {
  const ack = reply?.ack ?? null
  const isAccepted = isSuccess(status) && reply?.isFault !== true
  return ack !== null && isAccept(ack.code) && !isAccepted ? null : ack
}

/**
 * Whether the receiver answered with HL7, acknowledgement or not. An MSA that does not count is not
 * an answer. Nor is a message that comes back (same control ID and type, no MSA): something that
 * does not know HL7 echoed it. Nor is a fragment that shows neither a type nor an error.
 *
 * @param name of the message that was sent
 */
export function isAnswer(attempt: Attempt, name: { controlId: string; type: string }): boolean {
  if (countingAcknowledgement(attempt) !== null) return true
  const message = attempt.reply?.message ?? null
  if (message === null || message.msa !== undefined) return false
  const first = new Map<string, Segment>()
  message.each(['FHS', 'BHS', 'MSH', 'ERR'], (segment) => {
    if (!first.has(segment.name)) first.set(segment.name, segment)
    return first.size < 4
  })
  const msh = first.get('MSH')
  const code = msh?.bareValue(messageCode) ?? ''
  if (code === '' && !first.has('ERR')) return false
  const event = msh?.bareValue(trigger) ?? ''
  const sameType = code + (event === '' ? '' : `^${event}`) === name.type
  const ids = [first.get('FHS')?.bareText(11), first.get('BHS')?.bareText(11), msh?.bareText(10)]
  return !sameType || !ids.includes(name.controlId)
}

function isSuccess(status: number | undefined): boolean {
  return isWithin(status, { from: 200, to: 299 })
}

/**
 * Why one of the conditions of a rule does not match the attempt: the first test that does not; undefined if it matches. A
 * reply that seems to refuse, or a web page, is accepted only by a condition that looks at what it says.
 */
export function failing(
  tests: readonly ReplyTest[],
  { outcome }: ReplyRule,
  facts: Facts
): ReplyTest | undefined {
  const isUnread = facts.isDoubtful && outcome === 'accept' && !tests.some(readsReply)
  return isUnread ? tests[0] : tests.find((test) => !holds(test, facts))
}

/** Whether it looks at what the reply says to the message. */
export function readsReply(test: ReplyTest): boolean {
  if (test.kind === 'field-value' || test.kind === 'field-text') return test.path.segment !== 'MSH'
  return test.kind === 'reply-text'
}

/** Whether the test matches the attempt. */
export function holds(test: ReplyTest, facts: Facts): boolean {
  const { ack, code, error, status, content } = facts
  switch (test.kind) {
    case 'code':
      return code === test.code
    case 'code-class':
      return test.codes.some((one) => one === code)
    case 'empty-code':
      return code === ''
    case 'other-code':
      return code !== undefined && code !== '' && !isStandardCode(code)
    case 'no-acknowledgement':
      return ack === null && error === null && !facts.empty
    case 'no-reply':
      return error === null && facts.empty
    case 'foreign-id':
      return facts.foreignId
    case 'same-type':
      return facts.sameType
    case 'error':
      return error !== null
    case 'error-status':
      return error !== null && isWithin(facts.errorStatus, test)
    case 'error-code':
      return error !== null && isSameCode(error.code, test.code)
    case 'error-family':
      return error?.family === test.family
    case 'error-text':
      return error !== null && containsText(error.text, test.text)
    case 'status':
      // A 2xx answer that could not be read is not a success: it may contain a refusal.
      return isWithin(status, test) && !(isSuccess(status) && error !== null)
    case 'again':
      return facts.again
    case 'severity':
      return ack?.severity === test.severity
    case 'field-value':
      return content?.values(test.path).includes(test.value) ?? false
    case 'field-text':
      return content?.values(test.path).some((value) => containsText(value, test.text)) ?? false
    case 'reply-text':
      return content?.includes(test.text) ?? false
  }
}

/** Whether MSA-2 is filled, and is no ID that was sent. */
function hasForeignId({ sent, reply }: Attempt): boolean {
  const msa = reply?.message?.msa
  if (msa === undefined || subjectsOf(msa).length === 0) return false
  return !isAbout(msa, new Set(sent.controlIds))
}

function hasSameType({ sent, reply }: Attempt): boolean {
  const received = reply?.message?.first('MSH')?.bareValue(messageCode)
  const [wanted = ''] = sent.type.split('^', 1)
  return received === '' || received === wanted
}

function isWithin(status: number | undefined, range: { from: number; to: number }): boolean {
  return status !== undefined && status >= range.from && status <= range.to
}
