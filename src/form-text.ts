import type { Key, LastPart } from './english.ts'

type Values = Record<string, string | number>

/** Looks up a text in the editor's language. A key that there is no text for does not compile. */
export type FormText<TextKey extends string> = (key: TextKey, values?: Values) => string

/** Looks up the text for a mistake; an empty string if there is no key. */
export type MistakeText<TextKey extends string> = (
  key: LastPart<TextKey, 'problem'> | '' | undefined,
  values?: Values
) => string

/** The texts of each form, and those that both have. */
export type OutKey = Key<'forms'>
export type TokenKey = Key<'tokenForm'>
export type SharedKey = Key<'forms' | 'tokenForm'>
