/**
 * How the path of a token URL ends: Keycloak, Entra ID, Okta, Auth0, Epic; ForgeRock; Ping; Apigee;
 * ServiceNow.
 */
const TOKEN_PATH = /\/(?:tokens?|access_?token|token\.oauth2|oauth_token\.do)\/?$/i

/** Whether a URL's path looks like that of a token endpoint. */
export function isTokenPath(path: string): boolean {
  return TOKEN_PATH.test(path)
}
