import { namedValueProblem, type NamedValue } from './named-value.ts'

/** What is wrong in an entry of a list, in words, and in which of its fields. */
export interface EntryProblem {
  field: 'name' | 'value'
  words: string
}

/**
 * Judges an entry in words: what {@link namedValueProblem} finds, and message properties and JSONata
 * as Node-RED itself does.
 *
 * @param text words of a key in the editor's language
 */
export function entryProblem(
  entry: NamedValue,
  names: 'header' | 'any',
  text: (key: string) => string
): EntryProblem | undefined {
  const problem = namedValueProblem(entry, names)
  if (problem !== '') {
    const onName = ['entryName', 'headerName', 'headerReserved', 'headerContentType'].includes(
      problem
    )
    return { field: onName ? 'name' : 'value', words: text(`problem.${problem}`) }
  }
  if (entry.valueType !== 'msg' && entry.valueType !== 'jsonata') return undefined
  const answer = RED.utils.validateTypedProperty(entry.value, entry.valueType, {})
  if (answer === true) return undefined
  return { field: 'value', words: answer }
}
