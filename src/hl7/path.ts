/**
 * A place in a message, counted as in HL7: everything from 1, MSH-1 is the field separator and
 * MSH-2 the encoding characters (likewise for FHS and BHS).
 *
 * If a path has no `occurrence` or `repetition`, reading one value gives the first, and reading all
 * values gives all. Without `component` it means the first component; without `subcomponent`, the
 * whole component, sub-component separators included.
 */
export interface Hl7Path {
  /** Three characters: `PID`, `ZA1`. */
  readonly segment: string
  readonly occurrence: number | undefined
  readonly field: number
  readonly repetition: number | undefined
  readonly component: number | undefined
  readonly subcomponent: number | undefined
}

const PATH =
  /^([A-Z][A-Z\d]{2})(?:\[(\d{1,6})\])?-(\d{1,6})(?:\((\d{1,6})\))?(?:\.(\d{1,6})(?:\.(\d{1,6}))?)?$/

/**
 * Reads `SEG-f`, `SEG[n]-f(r).c.s`: `PID-3.1`, `OBX[2]-5(1).1.2`, `MSH-9.2`.
 *
 * Spaces around the path are ignored; inside it, they are mistakes. Numbers have one to six digits
 * and are not 0.
 *
 * @returns undefined if the text is no path
 */
export function readPath(text: string): Hl7Path | undefined {
  const [, segment, ...digits] = PATH.exec(text.trim()) ?? []
  if (segment === undefined) return undefined
  const numbers = digits.map((part?: string) => (part === undefined ? undefined : Number(part)))
  if (numbers.includes(0)) return undefined
  const [occurrence, field = 0, repetition, component, subcomponent] = numbers
  return { segment, occurrence, field, repetition, component, subcomponent }
}

/** Writes a path as it is read. */
export function pathText(path: Hl7Path): string {
  const part = (before: string, number: number | undefined, after = ''): string =>
    number === undefined ? '' : `${before}${number}${after}`
  return (
    `${path.segment}${part('[', path.occurrence, ']')}-${path.field}` +
    part('(', path.repetition, ')') +
    part('.', path.component) +
    part('.', path.subcomponent)
  )
}

/** Reads a path that is known to be one. */
export function parsePath(text: string): Hl7Path {
  const path = readPath(text)
  if (path === undefined) throw new TypeError(`Not an HL7 path: ${text}`)
  return path
}

/** Whether the text can name a segment: a capital letter, then two capital letters or digits. */
export function isSegmentName(text: string): boolean {
  return /^[A-Z][A-Z\d]{2}$/.test(text)
}
