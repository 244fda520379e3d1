/** Bounds of a numeric field; the unit is the field's own. */
export interface NumberBounds {
  min: number
  /** Whole numbers only: counts. */
  integer?: boolean
  /** A value below `min` that is allowed too, such as -1 for "for ever". */
  special?: number
}

/** Why a number cannot be used; the key of its words in the locales under `problem`. */
export type NumberProblem = '' | 'number' | 'numberInteger' | 'numberMin'

/**
 * Judges a number as a form or a flow file holds it: a number, or its text.
 *
 * @returns the problem, or an empty string
 */
export function numberProblem(value: unknown, bounds: NumberBounds): NumberProblem {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : ''
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) return 'number'
  if (number === bounds.special) return ''
  if (bounds.integer === true && !Number.isInteger(number)) return 'numberInteger'
  return number < bounds.min ? 'numberMin' : ''
}
