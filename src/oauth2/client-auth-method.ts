import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

type Given = Pick<
  TokenSettings,
  'clientAuth' | 'grantType' | 'privateKey' | 'clientSecret' | 'hasClientCertificate'
>

/**
 * The method in effect. `auto` takes what is given: a key, else a secret, else a client
 * certificate. It never tries a second method: wrong guesses count as failed log-ins.
 *
 * @param supported `token_endpoint_auth_methods_supported` of the server's metadata (RFC 8414 §2)
 * @returns `undefined` when `auto` finds nothing to prove the client with
 */
export function clientAuthMethod(
  settings: Given,
  supported?: readonly string[]
): ClientAuthMethod | undefined {
  const { clientAuth, grantType, privateKey, clientSecret, hasClientCertificate } = settings
  if (clientAuth !== 'auto') return clientAuth
  // With jwt_bearer the key signs the grant's assertion instead.
  if (privateKey !== '' && grantType !== 'jwt_bearer') return 'private_key_jwt'
  if (clientSecret !== '') {
    const basic =
      supported === undefined || supported.length === 0 || supported.includes('client_secret_basic')
    return basic ? 'client_secret_basic' : 'client_secret_post'
  }
  if (hasClientCertificate) return 'tls_client_auth'
  return grantType === 'jwt_bearer' ? 'none' : undefined
}
