import {
  headerNameProblem,
  headerValueProblem,
  tokenHeaderNameProblem
} from '../../../src/hl7-over-http/http-header-problem.ts'
import type { ListEntry } from '../named-value.ts'
import type { FieldValue } from '../field-value.ts'
import { note, told, type ImportForm, type ImportRow } from './import-row.ts'
import {
  hasPlaceholder,
  hasReference,
  HIDDEN,
  isSecret,
  isSecretName,
  shownText
} from './shown-value.ts'

/** What a form has room for: slots for secrets that are still free, and each name of a list once. */
export class Slots {
  readonly #free: string[]
  readonly #names = new Set<string>()

  constructor(free: readonly string[]) {
    this.#free = [...free]
  }

  take(): string | undefined {
    return this.#free.shift()
  }

  /** @returns false if the list has this name */
  add(list: string, name: string): boolean {
    const size = this.#names.size
    return this.#names.add(`${list}: ${name.toLowerCase()}`).size > size
  }
}

/** Where a header or a field is taken from. */
export interface EntryOptions {
  /** The form that gets it. */
  form: ImportForm
  /** The list that gets it. */
  list: 'headers' | 'formFields' | 'extraParams'
  slots: Slots
  /** Whether secrets are taken: those of a command that was pasted, never those of an export. */
  takesSecrets: boolean
  /** Whether it is known to be a secret; otherwise its name or itself says so. */
  isKnownSecret?: true
  /** The user name of Basic authentication, of which the value is the password. */
  user?: string
  /** Of what a content type is; if it is absent, of the message itself. */
  format?: string | undefined
}

/** A header of a source. The token of another program is dropped, since the OAuth 2.0 node gets one. */
export function headerRow(
  setting: string,
  name: string,
  value: string,
  options: EntryOptions
): ImportRow {
  const given = shownHeader(name, value)
  if (/^authorization$/i.test(name) && /^bearer\b/i.test(value.trim())) {
    return told(setting, given, 'bearer')
  }
  const judge = options.form === 'out' ? headerNameProblem : tokenHeaderNameProblem
  const problem = judge(name, value)
  if (problem === 'headerContentType') return contentTypeRow(setting, given, value, options.format)
  if (problem === 'headerReserved') return told(setting, given, 'headerReserved')
  if (problem !== undefined) return told(setting, given, 'headerInvalid')
  if (headerValueProblem(value) !== undefined && !isSecretName(name)) {
    return told(setting, given, 'headerInvalid')
  }
  return entryRow(setting, given, name, value.trim(), options)
}

/** A content type. Where the message is the body, it is sent in the character set named there; other bodies are UTF-8. */
export function contentTypeRow(
  setting: string,
  given: string,
  value: string,
  format = 'raw'
): ImportRow {
  const whole = value.trim()
  if (hasReference(whole) || hasPlaceholder(whole)) return told(setting, given, 'placeholder')
  const { type, charset } = typeAndCharset(whole)
  return charset === '' || isBytes(format) || isUtf8(charset)
    ? { setting, given, out: { contentType: whole }, notes: [] }
    : { setting, given, out: { contentType: type }, notes: [note('bodyUtf8')] }
}

/** Whether the body, or a part of it, is the message in its character set. */
export const isBytes = (format: string): boolean => ['raw', 'mllp', 'multipart'].includes(format)

export const isUtf8 = (charset: string): boolean => /^utf-?8$/i.test(charset)

/** A content type without its character set, and that; empty if it names none. */
export function typeAndCharset(text: string): { type: string; charset: string } {
  const [parameter = '', charset = ''] = /;\s*charset\s*=\s*"?([^\s;"]+)"?/i.exec(text) ?? []
  return { type: text.replace(parameter, '').trim(), charset: charset.toLowerCase() }
}

/** An entry of a list. A secret goes into a slot. */
export function entryRow(
  setting: string,
  given: string,
  name: string,
  value: string,
  { form, list, slots, takesSecrets, isKnownSecret, user }: EntryOptions
): ImportRow {
  const row = (entry: ListEntry, more: Record<string, FieldValue> = {}): ImportRow => ({
    setting,
    given,
    [form]: { [list]: [entry], ...more },
    notes: []
  })
  const variable = takesSecrets ? /^\$\{(\w+)\}$/.exec(value)?.[1] : undefined
  if (variable === undefined && hasReference(value)) return told(setting, given, 'entryVariable')
  if (hasPlaceholder(value)) return told(setting, given, 'placeholder')
  // Of two, the second would silently replace the first.
  if (!slots.add(list, name)) return told(setting, given, 'sameName')
  if (variable !== undefined) {
    const entry = { name, value: variable, valueType: 'env' }
    return { ...row(entry), notes: [note('variable', { name: variable })] }
  }
  if (isKnownSecret !== true && !isSecret(name, value)) {
    return row({ name, value, valueType: 'str' })
  }
  const slot = slots.take()
  if (slot === undefined) return told(setting, given, 'noSlot')
  const entry: ListEntry =
    user === undefined
      ? { name, value: slot, valueType: 'cred' }
      : { name, value: `${user} ${slot}`, valueType: 'basic' }
  if (takesSecrets) return { ...row(entry, { [slot]: value }), notes: [note('secretTaken')] }
  return { ...row(entry), notes: [note('secretToFill')] }
}

/** A header as it may be shown: of a secret, its scheme at most. */
export function shownHeader(name: string, value: string): string {
  const scheme = /^(?:bearer|basic|digest)(?=\s)/i.exec(value.trim())?.[0]
  if (!isSecretName(name) || value.trim() === '') return shownText(`${name}: ${value.trim()}`)
  if (/^(?:\w+\s+)?\$\{[\w.]+\}$/.test(value.trim())) return `${name}: ${value.trim()}`
  return [`${name}:`, ...(scheme === undefined ? [] : [scheme]), HIDDEN].join(' ')
}
