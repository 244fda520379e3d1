import { readPath } from '../../src/hl7/path.ts'
import {
  headerNameProblem,
  headerValueProblem,
  tokenHeaderNameProblem,
  type HeaderProblem
} from '../../src/hl7-over-http/http-header-problem.ts'
import { parseJson } from '../../src/json-text.ts'
import { basicParts, isSecret, type EntryNames } from '../settings/property-table.ts'
import { isVariable } from './host-of.ts'

/** One entry of `headers`, `formFields`, `extraParams` or `assertionClaims`. */
export interface ListEntry {
  name: string
  value: string
  valueType: string
}

/** What is wrong with an entry: in which of its fields, and why, as a key under `problem` in the locales. */
export type NamedValueProblem =
  | { field: 'name'; key: HeaderProblem | 'entryName' }
  | {
      field: 'value'
      key: HeaderProblem | 'envName' | 'hl7Path' | 'notJson' | 'basicUser'
    }
  | { field: 'secret'; key: 'secretSlot' }

/** Reads an entry from a flow file, which may contain anything. */
export function listEntry(entry: unknown): ListEntry {
  const fields =
    typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : {}
  const text = (key: string): string => {
    const value = fields[key]
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
  }
  return { name: text('name'), value: text('value'), valueType: text('valueType') || 'str' }
}

/** Checks an entry; not whether its value is a valid property of the message or JSONata. */
export function namedValueProblem(
  { name, value, valueType }: ListEntry,
  names: EntryNames
): NamedValueProblem | undefined {
  if (name.trim() === '') return { field: 'name', key: 'entryName' }
  if (names !== 'any') {
    const judge = names === 'header' ? headerNameProblem : tokenHeaderNameProblem
    const fixed = valueType === 'str' ? value : undefined
    const inName = judge(name.trim(), fixed)
    if (inName !== undefined) return { field: 'name', key: inName }
    const inValue = fixed === undefined ? undefined : headerValueProblem(fixed)
    if (inValue !== undefined) return { field: 'value', key: inValue }
  }
  switch (valueType) {
    case 'env':
      return value.trim() === '' ? { field: 'value', key: 'envName' } : undefined
    case 'hl7':
      return readPath(value) === undefined ? { field: 'value', key: 'hl7Path' } : undefined
    case 'json': {
      // A variable may hold it.
      const isJson = isVariable(value) || parseJson(value) !== undefined
      return isJson ? undefined : { field: 'value', key: 'notJson' }
    }
    case 'cred':
      return isSecret(value) ? undefined : { field: 'secret', key: 'secretSlot' }
    case 'basic': {
      const { user, slot } = basicParts(value)
      if (user.includes(':')) return { field: 'value', key: 'basicUser' }
      return isSecret(slot) ? undefined : { field: 'secret', key: 'secretSlot' }
    }
    default:
      return undefined
  }
}
