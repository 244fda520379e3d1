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

type Names = Record<string, string>

/** The names of fields and options that hints cite. */
function namesIn(text: (key: NameKey) => string): Names {
  const names: Names = {}
  for (const key of CLIENT_AUTHS) names[key] = text(`option.clientAuth.${key}`)
  for (const key of LABELS) names[key] = text(`label.${key}`)
  return names
}

/**
 * The values of a hint, with all names of the form: what a text with `__…__` is filled with.
 *
 * @param text the label of a field or the name of an option, in the reader's language
 */
export function hintValues(
  { values = {} }: Pick<Hint, 'values'>,
  text: (key: NameKey) => string,
  names = namesIn(text)
): Record<string, string | number> {
  const { field, method, grant } = values
  return {
    ...names,
    ...values,
    ...(field !== undefined && { field: text(`label.${field}`) }),
    ...(method !== undefined && { method: text(`option.clientAuth.${method}`) }),
    ...(grant !== undefined && { grant: text(`option.grantType.${grant}`) })
  }
}

const englishName = (key: NameKey): string => english('tokenForm', key)
let englishNames: Names | undefined

/** The hints in English, for the log. While there is no token, each message asks for them. */
export function inEnglish(hints: readonly Hint[]): string {
  englishNames ??= namesIn(englishName)
  const names = englishNames
  return hints
    .map((hint) =>
      english('tokenForm', `tokenHint.${hint.key}`, hintValues(hint, englishName, names))
    )
    .join(' ')
}
