import { unescape } from './escapes.ts'
import { isSegmentName, parsePath } from './path.ts'
import { isAccept, type ReplyMessage } from './reply-message.ts'
import { isHeader, readSeparators, type Segment } from './segments.ts'

/** One error in an acknowledgement. Values are unescaped, and `''` if absent. */
export interface AcknowledgementError {
  /**
   * The place: `PID-3`, `PID[1]-3(1).2` (segment, sequence, field, repetition, component,
   * sub-component, as far as given). Text in any other form is kept as it was sent.
   */
  readonly location: string
  /** ERR-3.1 (table 0357), else ERR-5.1; in the 2.3 form ERR-1.4.1. */
  readonly code: string
  /** ERR-3.2, else ERR-3.9 or ERR-3.5; in the 2.3 form ERR-1.4.2, else ERR-1.4.5. */
  readonly codeText: string
  /** ERR-3.9 beside ERR-3.2: HAPI puts the words of its exception there. */
  readonly originalText?: string
  /** ERR-4 as sent: usually E, W, I or F. */
  readonly severity: string
  /** ERR-7. */
  readonly diagnostic: string
  /** ERR-8. */
  readonly userMessage: string
}

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
const errSeverity = parsePath('ERR-4')

/**
 * The acknowledgement in a reply: the worst MSA, with the errors of all messages.
 *
 * A batch or file without messages lists no errors, and counts as AA if it contains nothing else.
 *
 * @returns null if the reply acknowledges nothing: its messages have no MSA.
 */
export function readAcknowledgement(message: ReplyMessage): Acknowledgement | null {
  const { msa, text } = message
  if (msa === undefined && !isEmptyBatch(text)) return null
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
      severity = worse(severity, segment.value(errSeverity))
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

function worse(one: string | undefined, other: string | undefined): string | undefined {
  if (other === undefined) return one
  const known = severities.includes(other) ? other : ''
  if (one === undefined) return known
  return severities.indexOf(known) < severities.indexOf(one) ? known : one
}

const batchSegments = new Set(['FHS', 'BHS', 'BTS', 'FTS', 'SFT', 'NTE'])

/** Whether all lines are batch segments that concern no message: prose may report a failure. */
function isEmptyBatch(text: string): boolean {
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
  }
  return true
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

/**
 * The form is detected by the filled fields, not by MSH-12: receivers send the 2.3 form in 2.5
 * messages. In the 2.5 form, an ERR-1, kept for older readers, only supplies what the newer fields
 * leave empty.
 */
function errorsOf(err: Segment): AcknowledgementError[] {
  const older = err.repetitions(1).map((one) => fromErr1(err, one))
  const newer = [2, 3, 4, 5, 7, 8].some((field) => err.field(field) !== '')
  if (!newer) return older.filter((error) => error !== null)

  const first = older[0]
  const code = codeOf(err, 3) ?? codeOf(err, 5)
  return [
    {
      location: locationOf(err, 2) || (first?.location ?? ''),
      code: code?.code ?? first?.code ?? '',
      codeText: code?.codeText ?? first?.codeText ?? '',
      ...(code?.originalText !== undefined && { originalText: code.originalText }),
      severity: err.value(errSeverity),
      diagnostic: err.fieldText(7) || (first?.diagnostic ?? ''),
      userMessage: err.fieldText(8)
    }
  ]
}

/** One repetition of ERR-1: segment^sequence^field^code&text&system; null if it is empty. */
function fromErr1(err: Segment, components: string[][]): AcknowledgementError | null {
  if (components.every((component) => component.every((piece) => piece === ''))) return null
  const { separators } = err
  const part = (component: number, subcomponent = 1): string =>
    unescape(components[component - 1]?.[subcomponent - 1] ?? '', separators)

  const error = {
    location: '',
    code: '',
    codeText: '',
    severity: '',
    diagnostic: '',
    userMessage: ''
  }
  // Free text in place of the location says what went wrong, not where.
  if (components.length === 1 && !isSegmentName(part(1))) {
    return { ...error, diagnostic: whole(err, components) }
  }
  return {
    ...error,
    location: locate([part(1), part(2), part(3)]) || joined([part(1), part(2), part(3)]),
    code: part(4),
    // Some receivers send "^" instead of "&" between code and text.
    codeText: part(4, 2) || part(4, 5) || part(5)
  }
}

/** A coded field (CWE): code, text, alternate text, original text. undefined if it is empty. */
function codeOf(
  segment: Segment,
  field: number
): Pick<AcknowledgementError, 'code' | 'codeText' | 'originalText'> | undefined {
  if (segment.field(field) === '') return undefined
  const components = segment.repetitions(field)[0] ?? []
  const part = (component: number): string => {
    const pieces = components[component - 1] ?? []
    return unescape(pieces.join(segment.separators.subcomponent), segment.separators)
  }
  const [text, alternateText, originalText] = [part(2), part(5), part(9)]
  return {
    code: part(1),
    codeText: text || originalText || alternateText,
    ...(text !== '' && originalText !== '' && originalText !== text && { originalText })
  }
}

/** ERR-2, which may name several places. */
function locationOf(err: Segment, field: number): string {
  return err
    .repetitions(field)
    .map((components) => {
      const parts = components.map((pieces) => unescape(pieces[0] ?? '', err.separators))
      return locate(parts) || whole(err, components)
    })
    .filter((location) => location !== '')
    .join(', ')
}

/**
 * Segment, sequence, field, repetition, component and sub-component as a path; `''` if the first is
 * not a segment name or another is not a number.
 */
function locate(parts: readonly string[]): string {
  const [segment = '', ...numbers] = parts
  if (!isSegmentName(segment) || !numbers.every(isNumberOrEmpty)) return ''
  const [sequence = '', field = '', repetition = '', component = '', subcomponent = ''] = numbers
  return (
    segment +
    (sequence && `[${sequence}]`) +
    (field && `-${field}`) +
    (repetition && `(${repetition})`) +
    (component && `.${component}`) +
    (subcomponent && `.${subcomponent}`)
  )
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('-')
}

function isNumberOrEmpty(text: string): boolean {
  return text.length <= 9 && !/[^0-9]/.test(text)
}

function whole(segment: Segment, components: string[][]): string {
  const { component, subcomponent } = segment.separators
  const text = components.map((pieces) => pieces.join(subcomponent)).join(component)
  return unescape(text, segment.separators)
}

/** MSA-6, the error condition in versions before ERR was common: code^text. */
function errorConditionOf(msa: Segment): AcknowledgementError[] {
  const condition = codeOf(msa, 6)
  if (condition === undefined) return []
  return [{ location: '', ...condition, severity: '', diagnostic: '', userMessage: '' }]
}
