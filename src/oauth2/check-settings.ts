import { urlProblem } from '../http-client/url-problem.ts'
import { parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { deployProblem, formProblem } from './setting-problem.ts'
import { certificateThumbprint } from './signing-certificate.ts'
import { readPrivateKey, SECRET_ALGORITHMS, signingAlgorithm } from './signing-key.ts'
import type { TokenSettings } from './token-settings.ts'

/**
 * Why these settings can never get a token: each begins with the label of the form's field.
 *
 * @returns an empty list if there is no problem
 */
export function checkSettings(settings: TokenSettings): string[] {
  return [
    ...addressProblems(settings),
    ...clientProblems(settings),
    ...grantProblems(settings),
    ...keyProblems(settings),
    ...otherProblems(settings)
  ]
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

function keyProblems(settings: TokenSettings): string[] {
  const { privateKey, privateKeyPassphrase, signingAlg, assertionAudience, issuer } = settings
  const method = clientAuthMethod(settings)
  const signs = method === 'private_key_jwt' || settings.grantType === 'jwt_bearer'
  const problems: string[] = []
  if (
    (signs || method === 'client_secret_jwt') &&
    assertionAudience === 'issuer' &&
    issuer === ''
  ) {
    problems.push(formProblem('assertionAudience', 'assertionIssuer'))
  }
  if (
    method === 'client_secret_jwt' &&
    !signs &&
    !['', ...SECRET_ALGORITHMS].includes(signingAlg)
  ) {
    problems.push(formProblem('signingAlg', 'algorithmSecret'))
  }
  if (!signs) return problems
  if (privateKey === '') return [...problems, formProblem('privateKey', 'privateKey')]
  const key = readPrivateKey(privateKey, privateKeyPassphrase)
  if (typeof key === 'string') return [...problems, key]
  const algorithm = signingAlgorithm(key, signingAlg)
  if (typeof algorithm === 'string') problems.push(algorithm)
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
