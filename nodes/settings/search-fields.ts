import { parsePath, readPath, type Hl7Path } from '../../src/hl7/path.ts'

/** A field by whose values messages can be found. */
export interface SearchField {
  /** As it is written, without the spaces around it. */
  text: string
  path: Hl7Path
}

/** At most: each costs time with every message. */
const MOST_SEARCH_FIELDS = 4

/**
 * Judges HL7 paths that are separated by commas; nothing means none.
 *
 * @returns the key of a form's sentence under `problem`, or an empty string
 */
export function searchFieldsProblem(
  text: string
): '' | 'searchFields' | 'searchFieldsComma' | 'hl7Path' {
  if (text.includes(';')) return 'searchFieldsComma'
  const parts = text.split(',')
  if (parts.length > MOST_SEARCH_FIELDS) return 'searchFields'
  const isRight = text.trim() === '' || parts.every((part) => readPath(part) !== undefined)
  return isRight ? '' : 'hl7Path'
}

/** Reads fields without a problem; what is there twice counts once. */
export function parseSearchFields(text: string): SearchField[] {
  if (text.trim() === '') return []
  const names = new Set(text.split(',').map((part) => part.trim()))
  return [...names].map((name) => ({ text: name, path: parsePath(name) }))
}
