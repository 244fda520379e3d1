import { readPath } from '../../src/hl7/path.ts'
import {
  headerNameProblem,
  headerValueProblem,
  tokenHeaderNameProblem,
  type HeaderProblem
} from '../../src/https/header-values.ts'
import { parseJson } from '../../src/json-text.ts'
import type { EntryNames } from '../property-table.ts'
import { isVariable } from './host-of.ts'

/** One entry of `headers`, `formFields`, `extraParams` or `assertionClaims`. */
export interface NamedValue {
  name: string
  value: string
  valueType: string
}

/** Why an entry cannot be used; a key under `problem` in the locales. */
export type NamedValueProblem =
  '' | HeaderProblem | 'entryName' | 'envName' | 'hl7Path' | 'secretSlot' | 'notJson'

/** Reads an entry from a flow file, which may contain anything. */
export function namedValue(entry: unknown): NamedValue {
  const fields =
    typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : {}
  const text = (key: string): string => {
    const value = fields[key]
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
  }
  return { name: text('name'), value: text('value'), valueType: text('valueType') || 'str' }
}

/** Checks an entry. */
export function namedValueProblem(entry: NamedValue, names: EntryNames): NamedValueProblem {
  if (entry.name.trim() === '') return 'entryName'
  if (names !== 'any') {
    const judge = names === 'header' ? headerNameProblem : tokenHeaderNameProblem
    const problem = judge(entry.name.trim())
    if (problem !== undefined) return problem
    const inValue = entry.valueType === 'str' ? headerValueProblem(entry.value) : undefined
    if (inValue !== undefined) return inValue
  }
  if (entry.valueType === 'env' && entry.value.trim() === '') return 'envName'
  if (entry.valueType === 'hl7' && readPath(entry.value) === undefined) return 'hl7Path'
  // A variable may hold it.
  if (entry.valueType === 'json' && !isVariable(entry.value)) {
    if (parseJson(entry.value) === undefined) return 'notJson'
  }
  if (entry.valueType === 'cred' && !/^secret[1-6]$/.test(entry.value)) return 'secretSlot'
  return ''
}
