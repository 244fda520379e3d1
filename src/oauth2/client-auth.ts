import * as openid from 'openid-client'
import type { AssertionSigner } from './client-assertion.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { formEncode } from './form-encode.ts'
import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

/**
 * The method as openid-client takes it.
 *
 * @param signer of the assertions that some methods use
 */
export function clientAuthentication(
  method: ClientAuthMethod,
  settings: TokenSettings,
  signer: AssertionSigner
): ClientAuthentication {
  const { clientId, clientSecret, grantType } = settings
  switch (method) {
    case 'client_secret_basic':
      // openid-client's own also encodes `-` and `_`, and servers that do not decode refuse that.
      return basic(formEncode(clientId), formEncode(clientSecret))
    case 'client_secret_basic_raw':
      return basic(clientId, clientSecret)
    case 'client_secret_post':
      return openid.ClientSecretPost(clientSecret)
    case 'client_secret_jwt':
      return openid.ClientSecretJwt(clientSecret, signer.options())
    case 'private_key_jwt':
      return signer.clientAuthentication()
    case 'tls_client_auth':
      return openid.TlsClientAuth()
    case 'none':
      // The assertion names the client already (RFC 7521 §4.1).
      return grantType === 'jwt_bearer' ? () => undefined : openid.None()
  }
}

/** Basic of RFC 7617. */
function basic(user: string, password: string): ClientAuthentication {
  const credentials = Buffer.from(`${user}:${password}`).toString('base64')
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${credentials}`)
  }
}
