import type { EntryNames } from '../property-table.ts'
import type { MistakeText, SharedKey } from './form-text.ts'
import { namedValueProblem, type NamedValue, type NamedValueProblem } from './named-value.ts'

/** What is wrong with an entry, in words, and in which of its fields. */
export interface EntryProblem {
  field: 'name' | 'value'
  words: string
}

const ofNames = ['entryName', 'headerName', 'headerReserved', 'headerContentType']

/**
 * Checks an entry by {@link namedValueProblem}, and message properties and JSONata by Node-RED.
 *
 * @param words looks up a key of `problem` in the editor's language
 */
export function entryProblem(
  entry: NamedValue,
  names: EntryNames,
  words: MistakeText<SharedKey>
): EntryProblem | undefined {
  const problem = namedValueProblem(entry, names)
  if (problem !== '') {
    // Each form has the sentences for its own lists.
    const sentence = (words as (key: NamedValueProblem) => string)(problem)
    return { field: ofNames.includes(problem) ? 'name' : 'value', words: sentence }
  }
  if (entry.valueType !== 'msg' && entry.valueType !== 'jsonata') return undefined
  const answer = RED.utils.validateTypedProperty(entry.value, entry.valueType, {})
  return answer === true ? undefined : { field: 'value', words: answer }
}
