/** Bounds of a numeric field; the unit is the field's own. */
export interface NumberBounds {
  min: number
  /** Whole numbers only: counts. */
  integer?: boolean
  max?: number
}

/** Why a number cannot be used; the key of its words in the locales under `problem`. */
export type NumberProblem = '' | 'number' | 'numberInteger' | 'numberMin' | 'numberMax'

/**
 * Judges a number as a form or a flow file holds it: a number, or its text.
 *
 * @returns the problem, or an empty string
 */
export function numberProblem(value: unknown, bounds: NumberBounds): NumberProblem {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : ''
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) return 'number'
  if (bounds.integer === true && !Number.isInteger(number)) return 'numberInteger'
  if (number < bounds.min) return 'numberMin'
  return bounds.max !== undefined && number > bounds.max ? 'numberMax' : ''
}
