import type { NamedValue, TokenSettings } from './token-settings.ts'

/**
 * The parameters of a token request, without those of the client's authentication.
 *
 * @param assertion of the jwt_bearer grant
 */
export function grantParameters(
  settings: TokenSettings,
  assertion: string | undefined
): URLSearchParams {
  const { grantType, username, password, scope, audience, resource } = settings
  const parameters = new URLSearchParams()
  if (grantType === 'password') {
    parameters.set('username', username)
    parameters.set('password', password)
  }
  if (assertion !== undefined) parameters.set('assertion', assertion)
  if (scope !== '') parameters.set('scope', scope)
  if (audience !== '') parameters.set('audience', audience)
  for (const one of resource.split(/\s+/)) {
    if (one !== '') parameters.append('resource', one)
  }
  return parameters
}

/** Replaces parameters by name; a name with only empty values is removed. */
export function replaceParameters(body: URLSearchParams, extra: readonly NamedValue[]): void {
  for (const { name } of extra) body.delete(name)
  for (const { name, value } of extra) {
    if (value !== '') body.append(name, value)
  }
}
