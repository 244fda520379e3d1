import { urlProblem } from '../http-client/url-problem.ts'
import { parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import { SecretFile, type Secret } from '../secret-file.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { deployProblem, formProblem } from './setting-problem.ts'
import { certificateThumbprint } from './signing-certificate.ts'
import { readPrivateKey, SECRET_ALGORITHMS, signingAlgorithm } from './signing-key.ts'
import type { StoredTokenSettings, TokenSettings } from './token-settings.ts'

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
    ...addressProblems(settings),
    ...clientProblems(settings),
    ...grantProblems(settings),
    ...signingProblems(settings),
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

function addressProblems({ issuer, tokenEndpoint }: TokenSettings): string[] {
  if (issuer === '' && tokenEndpoint === '') return [formProblem('issuer', 'issuerEmpty')]
  const problem = urlProblem(tokenEndpoint || issuer)
  if (problem === undefined) return []
  return [formProblem(tokenEndpoint === '' ? 'issuer' : 'tokenEndpoint', problem)]
}

function clientProblems(settings: TokenSettings): string[] {
  const { clientId, clientSecret } = settings
  const problems = clientId === '' ? [formProblem('clientId', 'clientId')] : []
  const method = clientAuthMethod(settings)
  // Without a method, "Automatic" has found nothing to authenticate the client with.
  if (method === undefined || (method.startsWith('client_secret') && clientSecret === '')) {
    problems.push(formProblem('clientSecret', 'clientSecret'))
  } else if (method === 'tls_client_auth' && !settings.hasClientCertificate) {
    problems.push(deployProblem('tls', 'clientCertificate'))
  } else if (method === 'client_assertion_file' && settings.assertionFile === '') {
    problems.push(formProblem('assertionFile', 'assertionFile'))
  }
  if (method === 'client_secret_basic_raw' && clientId.includes(':')) {
    problems.push(formProblem('clientId', 'clientIdColon'))
  }
  return problems
}

function grantProblems({ grantType, username, password }: TokenSettings): string[] {
  if (grantType !== 'password') return []
  return [
    ...(username === '' ? [formProblem('username', 'username')] : []),
    ...(password === '' ? [formProblem('password', 'password')] : [])
  ]
}

function signs(settings: TokenSettings): boolean {
  return clientAuthMethod(settings) === 'private_key_jwt' || settings.grantType === 'jwt_bearer'
}

function signingProblems(settings: TokenSettings): string[] {
  const { signingAlg, assertionAudience, issuer } = settings
  const isBySecret = clientAuthMethod(settings) === 'client_secret_jwt'
  const problems: string[] = []
  if ((signs(settings) || isBySecret) && assertionAudience === 'issuer' && issuer === '') {
    problems.push(formProblem('assertionAudience', 'assertionIssuer'))
  }
  if (isBySecret && !signs(settings) && !['', ...SECRET_ALGORITHMS].includes(signingAlg)) {
    problems.push(formProblem('signingAlg', 'algorithmSecret'))
  }
  return problems
}

function keyProblems(settings: TokenSettings): string[] {
  const { privateKey, privateKeyPassphrase, signingAlg } = settings
  if (!signs(settings)) return []
  if (privateKey === '') return [formProblem('privateKey', 'privateKey')]
  const key = readPrivateKey(privateKey, privateKeyPassphrase)
  if (typeof key === 'string') return [key]
  const algorithm = signingAlgorithm(key, signingAlg)
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
