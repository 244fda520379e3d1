import { HINT_TEXTS, LABELS, OPTIONS } from './hint-texts.ts'

/**
 * What to do after a failure: a key of the texts, and the values in it. They are safe to print.
 * `field` is the key of a label, `method` one of `CLIENT_AUTHS`.
 */
export interface Hint {
  key: keyof typeof HINT_TEXTS
  values?: Readonly<Record<string, string | number>>
}

/** A form's field that can have led to an address. */
export type AddressField = 'issuer' | 'tokenEndpoint'

/**
 * The values of a hint, with all names of the form: what a text with `__…__` is filled with.
 *
 * @param label the label for a key, in the reader's language
 * @param option the name of a method for a key, in the reader's language
 */
export function hintValues(
  { values = {} }: Pick<Hint, 'values'>,
  label: (key: string) => string,
  option: (key: string) => string
): Record<string, string | number> {
  const { field, method } = values
  return {
    ...named(Object.keys(OPTIONS), option),
    ...named(Object.keys(LABELS), label),
    ...values,
    ...(field === undefined ? undefined : { field: label(String(field)) }),
    ...(method === undefined ? undefined : { method: option(String(method)) })
  }
}

function named(keys: string[], name: (key: string) => string): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, name(key)]))
}

/** The hints in English, for the log. */
export function inEnglish(hints: readonly Hint[]): string {
  const label = (key: string): string => LABELS[key as keyof typeof LABELS]
  const option = (key: string): string => OPTIONS[key as keyof typeof OPTIONS]
  return hints
    .map((hint) => {
      const values = hintValues(hint, label, option)
      // In one pass: a value may look like a placeholder.
      return HINT_TEXTS[hint.key].replace(/__(\w+?)__/g, (_, name: string) => String(values[name]))
    })
    .join(' ')
}
