import type { ListEntry } from './named-value.ts'

/** A value as a field of a form holds it: numbers are texts, too. */
export type FieldValue = string | boolean | readonly ListEntry[]
