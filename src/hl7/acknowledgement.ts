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
  readonly codeText: string
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
 * The most errors that are listed, and the most text of ERR and MSA segments that is parsed for
 * them, in characters: reading a reply must be quick. The worst code and severity cover all
 * segments.
 */
const maxErrors = 1_000
const maxErrorText = 256 * 1024

/** The most acknowledgements that are listed. */
const maxAcknowledgements = 1_000

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
  const code = codeOfReply(message)
  if (code === undefined) return null
  const { msa } = message
  return {
    code,
    controlId: msa?.fieldText(2) ?? '',
    text: msa?.fieldText(3) ?? '',
    ...readErrors(message)
  }
}

/** Only the acknowledgement's code; undefined if the reply acknowledges nothing. */
function codeOfReply({ msa, text }: ReplyMessage): string | undefined {
  return msa?.value(msaCode) ?? (isEmptyBatch(text) ? 'AA' : undefined)
}

/** The errors of all acknowledgements. */
function readErrors(message: ReplyMessage): Pick<Acknowledgement, 'severity' | 'errors'> {
  const list = new ErrorList(new Room())
  let msa: Segment | undefined
  let hasErr = false
  const ended = (): void => {
    if (msa !== undefined && !hasErr) list.addWithoutErr(msa)
    msa = undefined
    hasErr = false
  }
  message.each(['MSH', 'MSA', 'ERR'], (segment) => {
    if (segment.name === 'ERR') {
      if (list.addErr(segment)) hasErr = true
      return
    }
    // An ERR before the first MSA of its message belongs to that one.
    if (segment.name === 'MSH' || msa !== undefined) ended()
    if (segment.name === 'MSA') msa = segment
  })
  ended()
  return { severity: list.severity, errors: list.errors }
}

/**
 * Every acknowledgement in a reply that has several, such as a batch: each MSA with the ERR
 * segments after it (or before it, if it is the first in its message). Of more than 1000, those
 * that are not AA or CA take precedence. The limits for errors apply to all of them together.
 *
 * @returns an empty list if there are fewer than two
 */
export function readAcknowledgements(message: ReplyMessage): Acknowledgement[] {
  let count = 0
  message.each(['MSA'], () => ++count < 2)
  if (count < 2) return []

  const room = new Room()
  const [refused, accepted]: [Found[], Found[]] = [[], []]
  /** The acknowledgement that an ERR belongs to; `null`: to one that is not listed. */
  let current: Found | null | undefined
  /** What comes before the first MSA of a message. */
  let early: Segment[] = []
  message.each(['MSH', 'MSA', 'ERR'], (segment) => {
    switch (segment.name) {
      case 'MSH':
        current = undefined
        early = []
        break
      case 'MSA': {
        const list = isAccept(segment.value(msaCode)) ? accepted : refused
        const found = { index: count++, msa: segment, errors: new ErrorList(room) }
        current = list.length < maxAcknowledgements ? found : null
        if (current !== null) list.push(current)
        for (const err of early) current?.errors.addErr(err)
        early = []
        break
      }
      default:
        if (current !== undefined) current?.errors.addErr(segment)
        else if (early.length < maxErrors) early.push(segment)
    }
  })
  return [...refused, ...accepted]
    .slice(0, maxAcknowledgements)
    .sort((a, b) => a.index - b.index)
    .map(({ msa, errors }) => {
      if (!errors.hasErr) errors.addWithoutErr(msa)
      return {
        code: msa.value(msaCode),
        controlId: msa.fieldText(2),
        text: msa.fieldText(3),
        severity: errors.severity,
        errors: errors.errors
      }
    })
}

/** One of several acknowledgements. */
interface Found {
  index: number
  msa: Segment
  errors: ErrorList
}

/** Worst first. */
const knownSeverities = ['F', 'E', 'W', 'I']

/** How much more is read of the errors of one reply. */
class Room {
  text = maxErrorText
  errors = maxErrors

  get isLeft(): boolean {
    return this.text > 0 && this.errors > 0
  }
}

/** Errors, up to the limits, with the worst severity of all. */
class ErrorList {
  readonly errors: AcknowledgementError[] = []
  readonly #severities = new Set<string>()
  readonly #room: Room

  constructor(room: Room) {
    this.#room = room
  }

  /** `''` without a severity, or if an unknown one could be worse than the worst known. */
  get severity(): string {
    const worst = knownSeverities.find((severity) => this.#severities.has(severity)) ?? ''
    return this.#severities.has('') && worst !== 'F' && worst !== 'E' ? '' : worst
  }

  get hasErr(): boolean {
    return this.#severities.size > 0
  }

  /** @returns whether it says anything */
  addErr(err: Segment): boolean {
    const severity = err.value(errSeverity)
    if (isEmpty(err)) return false
    this.#severities.add(knownSeverities.includes(severity) ? severity : '')
    this.#add(err, errorsOf)
    return true
  }

  /** What MSA-6 says. A refusal without an ERR could be worse than a warning of another message. */
  addWithoutErr(msa: Segment): void {
    if (!this.#severities.has('') && !isAccept(msa.value(msaCode))) this.#severities.add('')
    this.#add(msa, errorConditionOf)
  }

  #add(segment: Segment, read: (segment: Segment) => AcknowledgementError[]): void {
    if (!this.#room.isLeft) return
    this.#room.text -= segment.text.length
    const errors = read(segment).slice(0, this.#room.errors)
    this.#room.errors -= errors.length
    this.errors.push(...errors)
  }
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
    codeText: part(4, 2) || part(5)
  }
}

/** A coded field: code^text. undefined if it is empty. */
function codeOf(segment: Segment, field: number): { code: string; codeText: string } | undefined {
  if (segment.field(field) === '') return undefined
  const components = segment.repetitions(field)[0] ?? []
  const part = (component: number): string => {
    const pieces = components[component - 1] ?? []
    return unescape(pieces.join(segment.separators.subcomponent), segment.separators)
  }
  return { code: part(1), codeText: part(2) }
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
