import type { LastPart } from '../../../src/english.ts'
import type { outCredentials, outProperties } from '../../settings/hl7-https-out-properties.ts'
import type {
  tokenCredentials,
  tokenProperties
} from '../../settings/oauth2-client-credentials-properties.ts'
import type { SharedKey } from '../../../src/form-text.ts'
import type { FieldValue } from '../field-value.ts'
import type { ListEntry } from '../named-value.ts'

/** The two forms that settings can fill. */
export type ImportForm = 'out' | 'token'

export type OutValues = Partial<
  Record<keyof typeof outProperties | keyof typeof outCredentials, FieldValue>
>
export type TokenValues = Partial<
  Record<keyof typeof tokenProperties | keyof typeof tokenCredentials, FieldValue>
>

/** Why something is not taken, what does it here, or what to look at: a key under `importNote`. */
export type NoteKey = LastPart<SharedKey, 'importNote'>

export interface ImportNote {
  key: NoteKey
  values?: Record<string, string | number>
}

/** One setting of the source: a line of the table. Each setting has one, known or not. */
export interface ImportRow {
  /** Its name there. */
  setting: string
  /** Its value there, as it may be shown: no secret, no HL7. Empty for a default that is not written there. */
  given: string
  /** What it sets in the form of `hl7-https-out`. */
  out?: OutValues
  /** What it sets in the form of `oauth2-client-credentials`. */
  token?: TokenValues
  notes: readonly ImportNote[]
  /** It makes something less safe: taken only if the user ticks it. */
  tick?: true
}

/** Settings that can be chosen: an item, a destination, a command. */
export interface ImportSource {
  kind: 'intersystems' | 'mirth' | 'curl'
  /** Its name there. */
  name: string
  /** Whether it is a token request: it is for the form of the OAuth 2.0 node. */
  isTokenRequest: boolean
  /** @param slots for secrets that the form does not use yet */
  rows: (slots: readonly string[]) => ImportRow[]
}

export const note = (key: NoteKey, values?: ImportNote['values']): ImportNote =>
  values === undefined ? { key } : { key, values }

/** A setting that is told and not taken. */
export function told(setting: string, given: string, ...keys: NoteKey[]): ImportRow {
  return { setting, given, notes: keys.map((key) => note(key)) }
}

/**
 * What the rows set in a form. Lists are put together: `Slots` has seen to it that each name is there once.
 *
 * @param ticked rows with a tick that the user has chosen: they win over the others
 */
export function valuesOf(
  form: ImportForm,
  rows: readonly ImportRow[],
  ticked: ReadonlySet<ImportRow> = new Set()
): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = {}
  const lists = new Map<string, ListEntry[]>()
  const chosen = [...rows.filter(({ tick }) => tick !== true), ...ticked]
  for (const row of chosen) {
    for (const [name, value] of Object.entries<FieldValue | undefined>(row[form] ?? {})) {
      if (value === undefined) continue
      if (typeof value !== 'object') {
        values[name] = value
        continue
      }
      const list = lists.get(name) ?? []
      for (const entry of value) list.push(entry)
      lists.set(name, list)
      values[name] = list
    }
  }
  return values
}

/** Entries of two lists: a later one replaces those of its name. */
export function joinEntries(
  before: readonly ListEntry[],
  after: readonly ListEntry[]
): ListEntry[] {
  const names = new Set(after.map(({ name }) => name.toLowerCase()))
  return [...before.filter(({ name }) => !names.has(name.toLowerCase())), ...after]
}
