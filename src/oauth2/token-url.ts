import { isSafeAddress } from '../http-client/loopback.ts'

/**
 * Why a secret must not be sent to this address: it is not a URL, contains user info, or is neither
 * `https:` nor `http:` to this machine itself.
 *
 * @param label the form's field
 * @returns one sentence, or an empty list
 */
export function urlProblem(label: string, address: string): string[] {
  if (!URL.canParse(address)) return [`${label}: not a URL (https://…).`]
  const url = new URL(address)
  if (url.username !== '' || url.password !== '') {
    return [`${label}: must not contain a user name or password.`]
  }
  return isSafeAddress(url) ? [] : [`${label}: must start with https:// (http: only to localhost).`]
}

/**
 * How the path of a token URL ends: Keycloak, Entra ID, Okta, Auth0, Epic; ForgeRock; Ping; Apigee;
 * ServiceNow.
 */
const TOKEN_PATH = /\/(?:tokens?|access_?token|token\.oauth2|oauth_token\.do)\/?$/i

/** Whether a URL's path looks like that of a token endpoint. */
export function isTokenPath(path: string): boolean {
  return TOKEN_PATH.test(path)
}
