import { unescape } from './escapes.ts'
import { isSegmentName, parsePath } from './path.ts'
import { maxSegments, type ReplyMessage } from './reply-message.ts'
import { declaresSeparators, isHeader, type Segment } from './segments.ts'

/** One error of an acknowledgement; everything unescaped, `''` for what is absent. */
export interface AcknowledgementError {
  /**
   * Where: `PID-3`, `PID[1]-3(1).2` (segment, its sequence, field, repetition, component, sub-component,
   * as far as given). What does not name a place that way stands as it was sent.
   */
  readonly location: string
  /** ERR-3.1 (table 0357), else ERR-5.1; in the 2.3 form ERR-1.4.1. */
  readonly code: string
  readonly codeText: string
  /** ERR-4 as it stands: usually E, W, I or F. */
  readonly severity: string
  /** ERR-7. */
  readonly diagnostic: string
  /** ERR-8. */
  readonly userMessage: string
}

/** `msg.hl7.ack` of the contract. */
export interface Acknowledgement {
  /** MSA-1 as it stands: `AAX` or `aa` is not `AA`. */
  readonly code: string
  /** MSA-2, the whole field. */
  readonly controlId: string
  /** MSA-3. */
  readonly text: string
  /**
   * The worst ERR-4: F over E over W over I. `''` without ERR, and where some ERR has none of the four,
   * or there are more than are read, and no other has F or E: what it reports could be worse than a
   * warning.
   */
  readonly severity: string
  readonly errors: AcknowledgementError[]
}

/** How many errors are listed at most; a reply has to be read in bounded time and memory. */
const maxErrors = 10_000

const msaCode = parsePath('MSA-1')
const errSeverity = parsePath('ERR-4')

/**
 * The acknowledgement in a reply. Of several MSAs it is the worst one (R over E over any other over A,
 * the first of equals), with the errors of all.
 *
 * A batch or file without any message lists no error and counts as AA, if nothing else stands in it.
 *
 * @returns null when the reply acknowledges nothing: messages without MSA.
 */
export function readAcknowledgement(message: ReplyMessage): Acknowledgement | null {
  const msas = message.segments('MSA')
  const errs = message.segments('ERR')
  const worst = worstOf(msas)
  if (worst === undefined) {
    return isEmptyBatch(message.text)
      ? { code: 'AA', controlId: '', text: '', severity: '', errors: [] }
      : null
  }
  const errors: AcknowledgementError[] = []
  const add = (
    segments: readonly Segment[],
    read: (segment: Segment) => AcknowledgementError[]
  ) => {
    for (const segment of segments) {
      if (errors.length >= maxErrors) return
      errors.push(...read(segment))
    }
  }
  add(errs, errorsOf)
  if (errors.length === 0) add(msas, errorConditionOf)
  return {
    code: worst.value(msaCode),
    controlId: worst.fieldText(2),
    text: worst.fieldText(3),
    severity: worstSeverity(errs),
    errors: errors.slice(0, maxErrors)
  }
}

const batchSegments = new Set(['FHS', 'BHS', 'BTS', 'FTS', 'SFT', 'NTE'])

/** Whether each line is a segment of a batch that says nothing of a message: words say it failed. */
function isEmptyBatch(text: string): boolean {
  let separator = ''
  for (let start = 0; start < text.length;) {
    const end = text.indexOf('\r', start)
    const line = text.slice(start, end).trimStart()
    start = end + 1
    if (line === '') continue
    const name = line.slice(0, 3)
    if (!batchSegments.has(name) && !(name.startsWith('Z') && isSegmentName(name))) return false
    if (declaresSeparators(line)) separator = line.charAt(3)
    else if (isHeader(name) || (line.length > 3 && line[3] !== separator)) return false
  }
  return true
}

/** The worst of all, the first of equals. */
function worstOf(msas: readonly Segment[]): Segment | undefined {
  let worst: Segment | undefined
  let worstRank = -1
  for (const msa of msas) {
    const msaRank = rank(msa)
    if (msaRank <= worstRank) continue
    worst = msa
    worstRank = msaRank
  }
  return worst
}

function rank(msa: Segment): number {
  switch (msa.value(msaCode)) {
    case 'AR':
    case 'CR':
      return 3
    case 'AE':
    case 'CE':
      return 2
    case 'AA':
    case 'CA':
      return 0
    default:
      return 1
  }
}

function worstSeverity(errs: readonly Segment[]): string {
  const found = new Set<string>()
  for (const err of errs) {
    if (!isEmpty(err)) found.add(err.value(errSeverity))
  }
  const known = ['F', 'E', 'W', 'I'].filter((severity) => found.has(severity))
  const worst = known[0] ?? ''
  const all = found.size === known.length && errs.length < maxSegments
  return worst === 'F' || worst === 'E' || all ? worst : ''
}

/** Whether nothing but separators follows the segment's name. */
function isEmpty({ text, separators }: Segment): boolean {
  const { field, component, repetition, subcomponent } = separators
  const signs = field + component + repetition + subcomponent
  for (let at = 3; at < text.length; at++) {
    if (!signs.includes(text.charAt(at))) return false
  }
  return true
}

/**
 * The form is told by what is filled, not by MSH-12: receivers send the 2.3 form in 2.5 messages. In the
 * 2.5 form an ERR-1, kept there for older readers, fills only what the newer fields leave empty.
 */
function errorsOf(err: Segment): AcknowledgementError[] {
  if (isEmpty(err)) return []
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

/** One repetition of ERR-1: segment^sequence^field^code&text&system; null when it is empty. */
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
  // Free text where the location belongs says what went wrong, not where.
  if (components.length === 1 && !isSegmentName(part(1))) {
    return { ...error, diagnostic: whole(err, components) }
  }
  return {
    ...error,
    location: locate([part(1), part(2), part(3)]) || joined([part(1), part(2), part(3)]),
    code: part(4),
    // Seen with "^" instead of "&" between code and text.
    codeText: part(4, 2) || part(5)
  }
}

/** A coded field: code^text. undefined when it is empty. */
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
 * Segment, sequence, field, repetition, component and sub-component as a path; `''` when the first is
 * no segment's name or a further one no number.
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

/** MSA-6, the error condition of versions before ERR was usual: code^text. */
function errorConditionOf(msa: Segment): AcknowledgementError[] {
  const condition = codeOf(msa, 6)
  if (condition === undefined) return []
  return [{ location: '', ...condition, severity: '', diagnostic: '', userMessage: '' }]
}
