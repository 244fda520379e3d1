import { Hl7Error } from './hl7-error.ts'

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

/**
 * Reads `SEG-f`, `SEG[n]-f(r).c.s`: `PID-3.1`, `OBX[2]-5(1).1.2`, `MSH-9.2`.
 *
 * Spaces around the path are ignored; inside it, they are mistakes. Numbers have one to six digits
 * and are not 0.
 *
 * @throws Hl7Error `HL7_CONFIG` that names the position (from 1, in the text as given).
 */
export function parsePath(text: string): Hl7Path {
  const end = text.trimEnd().length
  let at = text.length - text.trimStart().length

  const fail = (expected: string): never => {
    throw new Hl7Error(
      'HL7_CONFIG',
      `Bad HL7 path: expected ${expected} at position ${at + 1}. A path looks like PID-3.1 or OBX[2]-5(1).1.2.`
    )
  }
  const take = (character: string): boolean => {
    if (text[at] !== character) return false
    at++
    return true
  }
  const number = (): number => {
    const start = at
    while (isDigit(text.charCodeAt(at))) at++
    const value = Number(text.slice(start, at))
    if (value === 0 || at - start > 6) {
      at = start
      fail('a number from 1 to 999999')
    }
    return value
  }

  const segment = text.slice(at, Math.min(at + 3, end))
  if (!isSegmentName(segment)) fail('a segment name of three capital letters or digits')
  at += 3
  let occurrence: number | undefined
  if (take('[')) {
    occurrence = number()
    if (!take(']')) fail('"]"')
  }
  if (!take('-')) fail('"-" and a field number')
  const field = number()
  let repetition: number | undefined
  if (take('(')) {
    repetition = number()
    if (!take(')')) fail('")"')
  }
  const component = take('.') ? number() : undefined
  const subcomponent = take('.') ? number() : undefined
  if (at !== end) fail('the end of the path')
  return { segment, occurrence, field, repetition, component, subcomponent }
}

/** Whether the text can name a segment: a capital letter, then two capital letters or digits. */
export function isSegmentName(text: string): boolean {
  if (text.length !== 3) return false
  for (let at = 0; at < 3; at++) {
    const code = text.charCodeAt(at)
    const capital = code >= 0x41 && code <= 0x5a
    if (!capital && !(at > 0 && isDigit(code))) return false
  }
  return true
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
