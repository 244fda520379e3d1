/**
 * What the ERR segments of an acknowledgement say. Used in the page as well: nothing here needs Node.js.
 */
import { unescape } from './escapes.ts'
import { isSegmentName, parsePath } from './path.ts'
import type { Segment } from './segments.ts'

export const errSeverity = parsePath('ERR-4')

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
  /**
   * ERR-3.9 beside ERR-3.2, in the 2.3 form ERR-1.4.5 beside ERR-1.4.2: HAPI puts the words of its
   * exception there.
   */
  readonly originalText?: string
  /** ERR-4 as sent: usually E, W, I or F. */
  readonly severity: string
  /** ERR-7, else what ERR-5 says beside ERR-3: some receivers say only there what is wrong. */
  readonly diagnostic: string
  /** ERR-8, else ERR-9 if it is in words: some receivers count one field too many. */
  readonly userMessage: string
}

/**
 * The form is detected by the filled fields, not by MSH-12: receivers send the 2.3 form in 2.5
 * messages. In the 2.5 form, an ERR-1, kept for older readers, only supplies what the newer fields
 * leave empty.
 */
export function errorsOf(err: Segment): AcknowledgementError[] {
  const older = err.repetitions(1).map((one) => fromErr1(err, one))
  const newer = [2, 3, 4, 5, 7, 8].some((field) => err.field(field) !== '')
  if (!newer) return older.filter((error) => error !== null)

  const first = older[0]
  const standard = codeOf(err, 3)
  const coded = standard ?? codeOf(err, 5) ?? first
  const own = standard === undefined ? '' : ownWords(err, standard.codeText)
  return [
    {
      location: locationOf(err, 2) || (first?.location ?? ''),
      code: coded?.code ?? '',
      codeText: coded?.codeText ?? '',
      ...(coded?.originalText !== undefined && { originalText: coded.originalText }),
      severity: err.value(errSeverity),
      diagnostic: err.fieldText(7) || (first?.diagnostic ?? '') || own,
      userMessage: err.fieldText(8) || misplacedWords(err)
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
    ...textsOf(part(4, 2), part(4, 5), part(5))
  }
}

/** A coded field (CWE): code, text, alternate text, original text. undefined if it is empty. */
function codeOf(
  segment: Segment,
  field: number
): Pick<AcknowledgementError, 'code' | 'codeText' | 'originalText'> | undefined {
  if (segment.field(field) === '') return undefined
  const part = componentsOf(segment, field)
  return { code: part(1), ...textsOf(part(2), part(9), part(5)) }
}

/** The components of a coded field, by number, unescaped. */
function componentsOf(segment: Segment, field: number): (component: number) => string {
  const components = segment.repetitions(field)[0] ?? []
  return (component) => {
    const pieces = components[component - 1] ?? []
    return unescape(pieces.join(segment.separators.subcomponent), segment.separators)
  }
}

/**
 * ERR-5 in words: the receiver's own codes with their texts. `''` if it has only codes.
 *
 * @param known a text that says nothing new
 */
function ownWords(err: Segment, known: string): string {
  if (err.field(5) === '') return ''
  const part = componentsOf(err, 5)
  const texts = [
    [part(1), part(2)],
    [part(4), part(5)],
    ['', part(9)]
  ] as const
  const said = texts
    .filter(([, text]) => text !== '' && text !== known)
    .map(([code, text]) => (code === '' ? text : `${code} ${text}`))
  return [...new Set(said)].join(', ')
}

/** What ERR-9 says, if that is no code, with its text or without (table 0517). */
function misplacedWords(err: Segment): string {
  if (!/\S\s+\S/.test(err.field(9))) return ''
  const [components = []] = err.repetitions(9)
  return components.length === 1 ? err.fieldText(9) : ''
}

/** @param otherText only where the first two are empty */
function textsOf(
  text: string,
  originalText: string,
  otherText: string
): Pick<AcknowledgementError, 'codeText' | 'originalText'> {
  return {
    codeText: text || originalText || otherText,
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
export function errorConditionOf(msa: Segment): AcknowledgementError[] {
  const condition = codeOf(msa, 6)
  if (condition === undefined) return []
  return [{ location: '', ...condition, severity: '', diagnostic: '', userMessage: '' }]
}
