import { urlProblem } from '../http-client/url-problem.ts'
import { parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import { SecretFile, type Secret } from '../secret-file.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { deployProblem, formProblem } from './setting-problem.ts'
import { certificateThumbprint } from './signing-certificate.ts'
import { settingMistakes, signs } from './setting-mistakes.ts'
import { readPrivateKey, signingAlgorithm } from './signing-key.ts'
import {
  SECRET_ALGORITHMS,
  type StoredTokenSettings,
  type TokenSettings
} from './token-settings.ts'

/**
 * Why these settings can never get a token: each begins with the label of the form's field.
 *
 * @returns an empty list if there is no problem. What is in a file is not known before it is used
 */
export function checkSettings(stored: StoredTokenSettings): string[] {
  const settings = withoutFiles(stored)
  const { privateKey, privateKeyPassphrase } = stored
  const isKeyInFile = [privateKey, privateKeyPassphrase].some((one) => one instanceof SecretFile)
  return [
    ...settingMistakes(settings, urlProblem).map(({ field, key }) => formProblem(field, key)),
    ...certificateProblems(settings),
    ...(isKeyInFile ? [] : keyProblems(settings)),
    ...otherProblems(settings)
  ]
}

/** Assumes something where a secret is in a file. */
export function withoutFiles(stored: StoredTokenSettings): TokenSettings {
  const assumed = (secret: Secret): string => (typeof secret === 'string' ? secret : '?')
  const all = (list: StoredTokenSettings['headers']): TokenSettings['headers'] =>
    list.map(({ name, value }) => ({ name, value: assumed(value) }))
  return {
    ...stored,
    clientSecret: assumed(stored.clientSecret),
    password: assumed(stored.password),
    privateKey: assumed(stored.privateKey),
    privateKeyPassphrase: assumed(stored.privateKeyPassphrase),
    extraParams: all(stored.extraParams),
    headers: all(stored.headers)
  }
}

function certificateProblems(settings: TokenSettings): string[] {
  const isMissing =
    clientAuthMethod(settings) === 'tls_client_auth' && !settings.hasClientCertificate
  return isMissing ? [deployProblem('tls', 'clientCertificate')] : []
}

/** What only a look into the key can tell. */
function keyProblems(settings: TokenSettings): string[] {
  const { privateKey, privateKeyPassphrase, signingAlg } = settings
  if (!signs(settings) || privateKey === '') return []
  const key = readPrivateKey(privateKey, privateKeyPassphrase)
  if (typeof key === 'string') return [key]
  const isOfSecret = SECRET_ALGORITHMS.some((alg) => alg === signingAlg)
  const algorithm = signingAlgorithm(key, isOfSecret ? '' : signingAlg)
  const problems = typeof algorithm === 'string' ? [algorithm] : []
  const problem = certificateThumbprint(privateKey, key)?.problem
  if (problem !== undefined) problems.push(problem)
  return problems
}

function otherProblems(settings: TokenSettings): string[] {
  const { assertionClaims, dpop, headers } = settings
  const problems: string[] = []
  if (dpop && headers.some(({ name }) => name.toLowerCase() === 'dpop')) {
    problems.push(formProblem('headers', 'headerReserved', 'DPoP'))
  }
  for (const { name, value, isJson } of assertionClaims) {
    if (isJson && parseJson(value) === undefined) {
      problems.push(formProblem('assertionClaims', 'notJson', printable(name)))
    }
  }
  return problems
}
