import { parsePath, type Hl7Path } from '../src/hl7/path.ts'

/** A field by whose values messages can be found. */
export interface SearchField {
  /** As it is written, without the spaces around it. */
  text: string
  path: Hl7Path
}

/** Whether there are more than may be: each costs time with every message. */
export function hasTooManySearchFields(text: string): boolean {
  return text.split(',').length > MOST_SEARCH_FIELDS
}

const MOST_SEARCH_FIELDS = 4

/**
 * Reads HL7 paths that are separated by commas; nothing means none, and what is there twice counts once.
 *
 * @throws {Error} if there are too many, or one is no path: then it names the position in the text
 */
export function parseSearchFields(text: string): SearchField[] {
  if (text.trim() === '') return []
  if (hasTooManySearchFields(text)) {
    throw new Error(`at most ${MOST_SEARCH_FIELDS} HL7 paths, separated by commas`)
  }
  const fields = new Map<string, SearchField>()
  let at = 0
  for (const part of text.split(',')) {
    const path = parsePath(' '.repeat(at) + part)
    at += part.length + 1
    fields.set(part.trim(), { text: part.trim(), path })
  }
  return [...fields.values()]
}
