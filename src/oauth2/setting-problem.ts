import { english, type KeyUnder, type Values } from '../english.ts'

/** A field of the form. */
type Field = KeyUnder<'tokenForm', 'label'>

/**
 * What is wrong with a setting, as the form says it below the field.
 *
 * @param entry the name of an entry, where the field is a list
 */
export function formProblem(
  field: Field,
  key: KeyUnder<'tokenForm', 'problem'>,
  entry?: string
): string {
  return problemOf(field, english('tokenForm', `problem.${key}`), entry)
}

/** The same for a mistake that only a deploy finds. */
export function deployProblem(
  field: Field,
  key: KeyUnder<'log', 'problem'>,
  values?: Values
): string {
  return problemOf(field, english('log', `problem.${key}`, values))
}

function problemOf(field: Field, sentence: string, entry?: string): string {
  const label = english('tokenForm', `label.${field}`)
  return `${entry === undefined ? label : `${label}, ${entry}`}: ${sentence}`
}
