import type { KeyUnder } from '../english.ts'
import type { UrlProblem } from '../http-client/url-problem.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { SECRET_ALGORITHMS, type TokenSettings } from './token-settings.ts'

/** What settings are judged by: of secrets, only whether they are there. */
export type JudgedSettings = Pick<
  TokenSettings,
  | 'assertionAudience'
  | 'assertionFile'
  | 'clientAuth'
  | 'clientId'
  | 'clientSecret'
  | 'grantType'
  | 'hasClientCertificate'
  | 'issuer'
  | 'password'
  | 'privateKey'
  | 'signingAlg'
  | 'tokenEndpoint'
  | 'username'
>

/** The field that has to be changed, and why. */
export interface SettingMistake {
  field: KeyUnder<'tokenForm', 'label'> & keyof JudgedSettings
  key: KeyUnder<'tokenForm', 'problem'>
}

/**
 * Why these settings can never get a token, as far as that is known without looking into a key: form and runtime judge by
 * this.
 *
 * @param judgeUrl undefined if the URL can be used
 */
export function settingMistakes(
  settings: JudgedSettings,
  judgeUrl: (url: string) => UrlProblem | 'urlBlank' | undefined
): SettingMistake[] {
  return [
    ...addressMistakes(settings, judgeUrl),
    ...clientMistakes(settings),
    ...grantMistakes(settings),
    ...signingMistakes(settings)
  ]
}

/** Whether something is signed with the private key. */
export function signs(settings: JudgedSettings): boolean {
  return clientAuthMethod(settings) === 'private_key_jwt' || settings.grantType === 'jwt_bearer'
}

function addressMistakes(
  { issuer, tokenEndpoint }: JudgedSettings,
  judgeUrl: Parameters<typeof settingMistakes>[1]
): SettingMistake[] {
  if (issuer === '' && tokenEndpoint === '') return [{ field: 'issuer', key: 'issuerEmpty' }]
  const key = judgeUrl(tokenEndpoint || issuer)
  if (key === undefined) return []
  return [{ field: tokenEndpoint === '' ? 'issuer' : 'tokenEndpoint', key }]
}

function clientMistakes(settings: JudgedSettings): SettingMistake[] {
  const { assertionFile, clientId, clientSecret } = settings
  const mistakes: SettingMistake[] = clientId === '' ? [{ field: 'clientId', key: 'clientId' }] : []
  const method = clientAuthMethod(settings)
  // Without a method, "Automatic" has found nothing to authenticate the client with.
  if (method === undefined || (method.startsWith('client_secret') && clientSecret === '')) {
    mistakes.push({ field: 'clientSecret', key: 'clientSecret' })
  } else if (method === 'client_assertion_file' && assertionFile === '') {
    mistakes.push({ field: 'assertionFile', key: 'assertionFile' })
  }
  if (method === 'client_secret_basic_raw' && clientId.includes(':')) {
    mistakes.push({ field: 'clientId', key: 'clientIdColon' })
  }
  return mistakes
}

function grantMistakes({ grantType, username, password }: JudgedSettings): SettingMistake[] {
  if (grantType !== 'password') return []
  const empty = [
    ...(username === '' ? (['username'] as const) : []),
    ...(password === '' ? (['password'] as const) : [])
  ]
  return empty.map((field) => ({ field, key: field }))
}

/** A secret signs with HS256, HS384 or HS512, a key with the other algorithms (RFC 7518 §3.1). */
function signingMistakes(settings: JudgedSettings): SettingMistake[] {
  const { assertionAudience, issuer, privateKey, signingAlg } = settings
  const isByKey = signs(settings)
  const isBySecret = clientAuthMethod(settings) === 'client_secret_jwt'
  const isOfSecret = SECRET_ALGORITHMS.some((alg) => alg === signingAlg)
  const mistakes: SettingMistake[] = []
  if ((isByKey || isBySecret) && assertionAudience === 'issuer' && issuer === '') {
    mistakes.push({ field: 'assertionAudience', key: 'assertionIssuer' })
  }
  if (isByKey && privateKey === '') mistakes.push({ field: 'privateKey', key: 'privateKey' })
  if (isByKey && isOfSecret) mistakes.push({ field: 'signingAlg', key: 'algorithmKey' })
  if (isBySecret && !isByKey && signingAlg !== '' && !isOfSecret) {
    mistakes.push({ field: 'signingAlg', key: 'algorithmSecret' })
  }
  return mistakes
}
