import { isAccept } from './acknowledgement-codes.ts'
import {
  errorConditionOf,
  errorsOf,
  errSeverity,
  type AcknowledgementError
} from './acknowledgement-errors.ts'
import type { OutgoingMessage } from './outgoing-message.ts'
import { isSegmentName, parsePath } from './path.ts'
import type { ReplyMessage } from './reply-message.ts'
import { isHeader, readSeparators, type Segment } from './segments.ts'

/** The contract's `msg.hl7.ack`, and each of `msg.hl7.acks`. */
export interface Acknowledgement {
  /** MSA-1 as sent: `AAX` or `aa` is not `AA`. */
  readonly code: string
  /** MSA-2, the whole field. */
  readonly controlId: string
  /** MSA-3. */
  readonly text: string
  /**
   * The worst ERR-4: F, then E, W, I. `''` without ERR, or if an ERR has none of the four and no
   * other has F or E: what it reports could be worse than a warning.
   */
  readonly severity: string
  readonly errors: AcknowledgementError[]
}

/**
 * How much text of MSA and ERR segments is listed, in characters; what follows still counts for the
 * worst code and severity. To list all that fits in a reply of 2 MiB would take seconds, and again
 * wherever the flow copies the message.
 */
const maxListed = 256 * 1024

const msaCode = parsePath('MSA-1')

/**
 * The acknowledgement in a reply: the worst MSA, with the errors of all messages.
 *
 * A batch or file without messages lists no errors, and counts as AA if it contains nothing else and is the reply to
 * a batch or file.
 *
 * @param batchHeaders of what this is the reply to
 * @returns null if the reply acknowledges nothing: its messages have no MSA.
 */
export function readAcknowledgement(
  message: ReplyMessage,
  batchHeaders: OutgoingMessage['batchHeaders'] = []
): Acknowledgement | null {
  const { msa, text } = message
  const acceptsAll = batchHeaders.length > 0 && isEmptyBatch(text, batchHeaders)
  if (msa === undefined && !acceptsAll) return null
  const errors: AcknowledgementError[] = []
  let worst: string | undefined
  eachAnswer(message, (answer) => {
    // One by one: as arguments of a call, a hundred thousand would exhaust the stack.
    for (const error of answer.errors) errors.push(error)
    worst = worse(worst, answer.severity)
  })
  return {
    code: msa?.value(msaCode) ?? 'AA',
    controlId: msa?.fieldText(2) ?? '',
    text: msa?.fieldText(3) ?? '',
    severity: worst ?? '',
    errors
  }
}

/**
 * Every acknowledgement in a reply that has several, such as a batch, each with its own errors, as
 * far as {@link maxListed}.
 *
 * @returns an empty list if there are fewer than two
 */
export function readAcknowledgements(message: ReplyMessage): Acknowledgement[] {
  let count = 0
  message.each(['MSA'], () => ++count < 2)
  if (count < 2) return []
  const list: Acknowledgement[] = []
  eachAnswer(message, ({ msa, isListed, severity, errors }) => {
    if (msa === undefined || !isListed) return
    list.push({
      code: msa.value(msaCode),
      controlId: msa.fieldText(2),
      text: msa.fieldText(3),
      severity: severity ?? '',
      errors
    })
  })
  return list
}

/** An MSA with what the ERR segments that belong to it say. */
interface Answer {
  /** undefined: the ERR segments are those of a message without an MSA. */
  readonly msa: Segment | undefined
  readonly isListed: boolean
  /** The worst ERR-4; without ERR, undefined if the message was accepted, else `''`. */
  readonly severity: string | undefined
  readonly errors: AcknowledgementError[]
}

/**
 * Visits each MSA of a reply with the ERR segments after it; the first of a message also with those
 * before it. Empty ERR segments count as none.
 */
function eachAnswer(message: ReplyMessage, visit: (answer: Answer) => void): void {
  let left = maxListed
  let msa: Segment | undefined
  let isListed = false
  let severity: string | undefined
  let errors: AcknowledgementError[] = []

  const visitLast = (): void => {
    if (msa !== undefined && severity === undefined) {
      if (isListed) errors = errorConditionOf(msa)
      // It could be worse than a warning of another message.
      if (!isAccept(msa.value(msaCode))) severity = ''
    }
    visit({ msa, isListed, severity, errors })
    msa = undefined
    severity = undefined
    errors = []
  }

  message.each(['MSH', 'MSA', 'ERR'], (segment) => {
    if (segment.name === 'ERR') {
      if (isEmpty(segment)) return
      severity = worse(severity, segment.bareValue(errSeverity))
      if (left > 0) errors.push(...errorsOf(segment))
      left -= segment.text.length
      return
    }
    if (segment.name === 'MSH' || msa !== undefined) visitLast()
    if (segment.name === 'MSH') return
    msa = segment
    isListed = left > 0
    left -= segment.text.length
  })
  visitLast()
}

/** Worst first. One that is none of the four could be worse than a warning. */
const severities = ['F', 'E', '', 'W', 'I']

function worse(one: string | undefined, severity: string | undefined): string | undefined {
  if (severity === undefined) return one
  const known = severities.includes(severity) ? severity : ''
  if (one === undefined) return known
  return severities.indexOf(known) < severities.indexOf(one) ? known : one
}

const batchSegments = new Set(['FHS', 'BHS', 'BTS', 'FTS', 'SFT', 'NTE'])

/**
 * Whether all lines are batch segments that concern no message: prose may report a failure. Not if a header is quoted
 * from what was sent, nor if a trailer counts messages that are not there.
 */
function isEmptyBatch(text: string, sent: readonly string[]): boolean {
  let separator = ''
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\r', start)
    const line = text.slice(start, end).trimStart()
    start = end + 1
    const name = line.slice(0, 3)
    if (!batchSegments.has(name) && !(name.startsWith('Z') && isSegmentName(name))) return false
    const header = readSeparators(line)
    if (header?.certain) separator = header.field
    else if (isHeader(name) || (line.length > 3 && line[3] !== separator)) return false
    if (header !== null && isQuoted(line, header.field, sent)) return false
    if (name === 'BTS' && Number.parseInt(line.slice(4)) > 0) return false
  }
  return true
}

/** Whether a batch header repeats one that was sent, or its beginning; one that only names separators says nothing. */
function isQuoted(header: string, separator: string, sent: readonly string[]): boolean {
  const beyondSeparators = header.slice(4).split(separator).slice(1).join('')
  return beyondSeparators !== '' && sent.some((one) => one.startsWith(header))
}

/** Whether only separators follow the segment's name. */
function isEmpty({ text, separators }: Segment): boolean {
  const { field, component, repetition, subcomponent } = separators
  const signs = field + component + repetition + subcomponent
  for (let at = 3; at < text.length; at++) {
    if (!signs.includes(text.charAt(at))) return false
  }
  return true
}
