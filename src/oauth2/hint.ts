import { english, type KeyUnder, type Values } from '../english.ts'
import {
  CLIENT_AUTHS,
  type ClientAuthMethod,
  type GrantType,
  type TokenSettings
} from './token-settings.ts'

/** What to do after a failure: a key of the texts, and the values in it. They are safe to print. */
export interface Hint {
  key: KeyUnder<'tokenForm', 'tokenHint'>
  values?: Values & { field?: Label; method?: ClientAuthMethod; grant?: GrantType }
}

/** A form's field that can have led to an address. */
export type AddressField = 'issuer' | 'tokenEndpoint'

/** The one that these settings go by. */
export function addressField({ tokenEndpoint }: TokenSettings): AddressField {
  return tokenEndpoint === '' ? 'issuer' : 'tokenEndpoint'
}

type Label = KeyUnder<'tokenForm', 'label'>
/** The key of a name in the form. */
type NameKey =
  | `label.${Label}`
  | `option.clientAuth.${(typeof CLIENT_AUTHS)[number]}`
  | `option.grantType.${GrantType}`

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
 * @param text the label of a field or the name of an option, in the reader's language
 */
export function hintValues(
  { values = {} }: Pick<Hint, 'values'>,
  text: (key: NameKey) => string
): Record<string, string | number> {
  const names: Record<string, string | number> = {}
  for (const key of CLIENT_AUTHS) names[key] = text(`option.clientAuth.${key}`)
  for (const key of LABELS) names[key] = text(`label.${key}`)
  Object.assign(names, values)
  const { field, method, grant } = values
  if (field !== undefined) names['field'] = text(`label.${field}`)
  if (method !== undefined) names['method'] = text(`option.clientAuth.${method}`)
  if (grant !== undefined) names['grant'] = text(`option.grantType.${grant}`)
  return names
}

/** The hints in English, for the log. */
export function inEnglish(hints: readonly Hint[]): string {
  return hints
    .map((hint) => {
      const values = hintValues(hint, (key) => english('tokenForm', key))
      return english('tokenForm', `tokenHint.${hint.key}`, values)
    })
    .join(' ')
}
