import { english, type KeyUnder, type Values } from '../english.ts'
import { CLIENT_AUTHS, type ClientAuthMethod } from './token-settings.ts'

/** What to do after a failure: a key of the texts, and the values in it. They are safe to print. */
export interface Hint {
  key: KeyUnder<'tokenForm', 'tokenHint'>
  values?: Values & { field?: Label; method?: ClientAuthMethod }
}

/** A form's field that can have led to an address. */
export type AddressField = 'issuer' | 'tokenEndpoint'

type Label = KeyUnder<'tokenForm', 'label'>
type Method = KeyUnder<'tokenForm', 'option.clientAuth'>

/** The labels of the form that hints cite. */
const LABELS = [
  'issuer',
  'tokenEndpoint',
  'grantType',
  'clientAuth',
  'assertionFile',
  'scope',
  'audience',
  'resource',
  'extraParams',
  'headers',
  'keyId',
  'signingAlg',
  'assertionAudience',
  'assertionSubject',
  'tls',
  'proxy',
  'dpop',
  'clientId',
  'clientSecret',
  'privateKey',
  'username',
  'password'
] as const satisfies Label[]

/**
 * The values of a hint, with all names of the form: what a text with `__…__` is filled with.
 *
 * @param label the label for a key, in the reader's language
 * @param option the name of a method for a key, in the reader's language
 */
export function hintValues(
  { values = {} }: Pick<Hint, 'values'>,
  label: (key: Label) => string,
  option: (key: Method) => string
): Record<string, string | number> {
  const names: Record<string, string | number> = {}
  for (const key of CLIENT_AUTHS) names[key] = option(key)
  for (const key of LABELS) names[key] = label(key)
  Object.assign(names, values)
  const { field, method } = values
  if (field !== undefined) names['field'] = label(field)
  if (method !== undefined) names['method'] = option(method)
  return names
}

/** The hints in English, for the log. */
export function inEnglish(hints: readonly Hint[]): string {
  return hints
    .map((hint) => {
      const values = hintValues(
        hint,
        (key) => english('tokenForm', `label.${key}`),
        (key) => english('tokenForm', `option.clientAuth.${key}`)
      )
      return english('tokenForm', `tokenHint.${hint.key}`, values)
    })
    .join(' ')
}
