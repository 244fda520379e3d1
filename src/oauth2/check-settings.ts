import { urlProblem, urlProblemWords } from '../http-client/url-problem.ts'
import { parseJson } from '../json-text.ts'
import { printable } from '../printable.ts'
import { clientAuthMethod } from './client-authentication.ts'
import { certificateThumbprint } from './signing-certificate.ts'
import { readPrivateKey, signingAlgorithm } from './signing-key.ts'
import type { TokenSettings } from './token-settings.ts'

/**
 * Why these settings can never get a token: one sentence per problem, naming the form's field.
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
  if (issuer === '' && tokenEndpoint === '') return ['Fill in Issuer URL or Token URL.']
  const [label, address] =
    tokenEndpoint === '' ? ['Issuer URL', issuer] : ['Token URL', tokenEndpoint]
  const problem = urlProblem(address)
  return problem === undefined ? [] : [`${label} ${urlProblemWords[problem]}.`]
}

function clientProblems(settings: TokenSettings): string[] {
  const { clientId, clientSecret } = settings
  const problems = clientId === '' ? ['Fill in Client ID.'] : []
  const method = clientAuthMethod(settings)
  if (method === undefined) {
    problems.push(
      'Fill in Client secret or Private key, or choose a TLS configuration with a client certificate: Authentication "Automatic" finds nothing to authenticate the client with.'
    )
  } else if (method.startsWith('client_secret') && clientSecret === '') {
    problems.push('Fill in Client secret: Authentication needs it.')
  } else if (method === 'tls_client_auth' && !settings.hasClientCertificate) {
    problems.push(
      'TLS: choose a configuration with a client certificate and its key; Authentication needs it.'
    )
  } else if (method === 'client_assertion_file' && settings.assertionFile === '') {
    problems.push('Fill in Assertion file: Authentication needs it.')
  }
  if (method === 'client_secret_basic_raw' && clientId.includes(':')) {
    problems.push('Client ID: Basic without form-encoding cannot carry a client ID with a colon.')
  }
  return problems
}

function grantProblems({ grantType, username, password }: TokenSettings): string[] {
  if (grantType !== 'password') return []
  return [
    ...(username === '' ? ['Fill in User name: Grant needs it.'] : []),
    ...(password === '' ? ['Fill in Password: Grant needs it.'] : [])
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
    problems.push('Fill in Issuer URL: Assertion for "the issuer" needs it.')
  }
  if (method === 'client_secret_jwt' && !signs && !['', 'HS256'].includes(signingAlg)) {
    problems.push('Algorithm: a JWT signed with the client secret uses HS256; leave it empty.')
  }
  if (!signs) return problems
  if (privateKey === '') {
    const what = method === 'private_key_jwt' ? 'Authentication' : 'Grant'
    return [...problems, `Fill in Private key: ${what} needs it to sign.`]
  }
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
    problems.push('Headers: the node itself sets the header DPoP.')
  }
  for (const { name, value, isJson } of assertionClaims) {
    if (isJson && parseJson(value) === undefined) {
      problems.push(`Claim ${printable(name)}: the value is not JSON.`)
    }
  }
  return problems
}
