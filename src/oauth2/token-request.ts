import { clientAuthentication, grantAssertion, type Signing } from './client-authentication.ts'
import type { ServerMetadata } from './discovery.ts'
import { metadataError, type RequestPlace } from './network-error.ts'
import {
  GRANT_TYPES,
  type ClientAuthMethod,
  type Parameter,
  type TokenSettings
} from './token-settings.ts'

/** Characters in the name of a host (RFC 1035 §2.3.4). */
const MAX_HOST = 253

/** A token request (RFC 6749 §4.4.2). */
export interface TokenRequest {
  headers: Record<string, string>
  form: URLSearchParams
}

/**
 * The address for token requests. A client with a certificate uses that for certificates, if there is one, however it
 * authenticates (RFC 8705 §5).
 *
 * @param place for the error
 * @throws {TokenError} if it is no URL, or of another scheme
 */
export function tokenEndpointOf(
  metadata: ServerMetadata,
  { hasClientCertificate }: TokenSettings,
  place: RequestPlace
): URL {
  const alias = hasClientCertificate ? metadata.mtls_endpoint_aliases?.token_endpoint : undefined
  const url = URL.parse(String(alias ?? metadata.token_endpoint))
  // The host is in every error. The URL standard has no limit for it.
  if (url === null || url.hostname.length > MAX_HOST) {
    throw metadataError('OAUTH_INVALID_SERVER_METADATA', place)
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw metadataError('OAUTH_REQUEST_PROTOCOL_FORBIDDEN', place)
  }
  return url
}

/**
 * One request, with assertions of its own: some servers take each only once.
 *
 * @throws {TokenError} `CONFIG` if it cannot be signed
 */
export async function tokenRequest(
  clientAuth: ClientAuthMethod,
  signing: Signing
): Promise<TokenRequest> {
  const { settings } = signing
  const form = grantParameters(settings)
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded;charset=UTF-8'
  }
  await clientAuthentication(clientAuth, signing)({ form, headers })
  if (settings.grantType === 'jwt_bearer') form.set('assertion', await grantAssertion(signing))
  // Last, so that every parameter of the request can be replaced.
  replaceParameters(form, settings.extraParams)
  return { headers, form }
}

/** What a request carries besides the settings' own secrets: credentials and assertions. */
export function secretsIn({ headers, form }: TokenRequest): string[] {
  return [
    (headers['authorization'] ?? '').replace(/^Basic /, ''),
    form.get('client_assertion') ?? '',
    form.get('assertion') ?? ''
  ]
}

/** The parameters of a token request, without those that are signed or authenticate the client. */
function grantParameters(settings: TokenSettings): URLSearchParams {
  const { grantType, username, password, scope, audience, resource } = settings
  const parameters = new URLSearchParams({ grant_type: GRANT_TYPES[grantType] })
  if (grantType === 'password') {
    parameters.set('username', username)
    parameters.set('password', password)
  }
  // Two blanks have an empty scope between them, which servers refuse.
  if (scope !== '') parameters.set('scope', scope.split(/\s+/).join(' '))
  if (audience !== '') parameters.set('audience', audience)
  for (const one of resource.split(/\s+/)) {
    if (one !== '') parameters.append('resource', one)
  }
  return parameters
}

/** Replaces parameters by name; a name with only empty values is removed. */
function replaceParameters(form: URLSearchParams, extra: readonly Parameter[]): void {
  for (const { name } of extra) form.delete(name)
  for (const { name, value } of extra) {
    if (value !== '') form.append(name, value)
  }
}
