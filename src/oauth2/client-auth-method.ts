import { CLIENT_AUTHS, type ClientAuthMethod, type TokenSettings } from './token-settings.ts'

/** In which a secret is sent. */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post'

/** Ory Hydra, for a client that is registered for another one. */
const naming = /supports client authentication method '(\w{1,40})'/

/** The method that a refusal names, if it does. */
export function methodNamed(description = ''): ClientAuthMethod | undefined {
  const [, name] = naming.exec(description) ?? []
  return CLIENT_AUTHS.filter((method) => method !== 'auto').find((method) => method === name)
}

/** The same, where it is one by which *Automatic* may send the secret. */
export function secretMethodNamed(description = ''): SecretMethod | undefined {
  const method = methodNamed(description)
  return method === 'client_secret_basic' || method === 'client_secret_post' ? method : undefined
}

/**
 * The method in effect. `auto` takes what is given: a key, else a secret, else a client
 * certificate. A secret goes by Basic, unless the server lists only Post, or lists it too and Basic would have to
 * encode something, which many servers do not decode. It never guesses a second time, which would count as another
 * failed login; but a server that names the method is believed.
 *
 * @param supported `token_endpoint_auth_methods_supported` of the server's metadata (RFC 8414 §2)
 * @param named that the server has named when it refused the other one
 * @returns `undefined` if `auto` finds nothing to authenticate the client with, or a secret that the server takes in
 * neither way
 */
export function clientAuthMethod(
  settings: Pick<
    TokenSettings,
    'clientAuth' | 'clientId' | 'clientSecret' | 'grantType' | 'hasClientCertificate' | 'privateKey'
  >,
  supported: readonly string[] = [],
  named?: SecretMethod
): ClientAuthMethod | undefined {
  const { clientAuth, grantType, clientId, clientSecret, privateKey } = settings
  if (clientAuth !== 'auto') return clientAuth
  // With jwt_bearer the key signs the grant's assertion instead.
  if (privateKey !== '' && grantType !== 'jwt_bearer') return 'private_key_jwt'
  if (clientSecret !== '') {
    if (named !== undefined) return named
    const mayPost = supported.includes('client_secret_post')
    const mayBasic = supported.length === 0 || supported.includes('client_secret_basic')
    const isPlain = encodeId(clientId) === clientId && encodeSecret(clientSecret) === clientSecret
    if (mayBasic && (isPlain || !mayPost)) return 'client_secret_basic'
    return mayPost ? 'client_secret_post' : undefined
  }
  if (settings.hasClientCertificate) return 'tls_client_auth'
  return grantType === 'jwt_bearer' ? 'none' : undefined
}

/**
 * The secret of Basic authentication. RFC 6749 §2.3.1 wants it form-encoded, but Glewlwyd, LemonLDAP::NG, Doorkeeper
 * and others do not decode it: only what a server that decodes would misread is encoded, and a space as `%20`,
 * because not every decoder knows `+`.
 */
export function encodeSecret(text: string): string {
  return text.toWellFormed().replace(/[%+&]|[^\x21-\x7e]/gu, encodeURIComponent)
}

/** The client ID, which ends at the first colon. */
export function encodeId(text: string): string {
  return encodeSecret(text).replaceAll(':', '%3A')
}
