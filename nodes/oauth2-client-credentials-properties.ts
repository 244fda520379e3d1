import { CLIENT_AUTHS, GRANTS } from '../src/oauth2/token-settings.ts'
import { choice, is, list, text, type PropertyTable, type ReadValue } from './property-table.ts'

const isJwtBearer = is('grantType', 'jwt_bearer')

/** The properties of `oauth2-client-credentials`. Times are in seconds. */
export const tokenProperties = {
  name: text(),
  issuer: text(),
  tokenEndpoint: text(),
  grantType: choice(GRANTS),
  clientAuth: choice(CLIENT_AUTHS),
  assertionFile: text('', is('clientAuth', 'client_assertion_file')),
  scope: text(),
  audience: text(),
  resource: text(),
  extraParams: list(),
  headers: list(),
  dpop: { kind: 'flag', default: false },
  keyId: text('', showsKey),
  signingAlg: text('', signs),
  assertionAudience: text('token_endpoint', signs),
  assertionSubject: text('', isJwtBearer),
  assertionClaims: list(signs),
  defaultLifetime: { kind: 'number', default: 300, min: 1, max: 86_400 },
  refreshOnStatus: text('401'),
  tls: text(),
  proxy: text()
} as const satisfies PropertyTable

/** Whether there is no way without a private key. */
export function needsKey(value: ReadValue): boolean {
  return is('clientAuth', 'private_key_jwt')(value) || isJwtBearer(value)
}

/** Whether a private key is used. */
export function showsKey(value: ReadValue): boolean {
  const key = value('privateKey')
  const isFilled = typeof key === 'string' && key.trim() !== ''
  return needsKey(value) || (is('clientAuth', 'auto')(value) && isFilled)
}

/** Whether an assertion is signed. */
export function signs(value: ReadValue): boolean {
  return showsKey(value) || is('clientAuth', 'client_secret_jwt')(value)
}
