import { CLIENT_AUTHS, GRANTS } from '../../src/oauth2/token-settings.ts'
import {
  is,
  SECRETS,
  type CredentialTable,
  type PropertyTable,
  type ReadValue
} from './property-table.ts'

const isJwtBearer = is('grantType', 'jwt_bearer')
const isPassword = is('grantType', 'password')
const VALUE_TYPES = ['str', 'env', 'cred'] as const

/** The properties of `oauth2-client-credentials`. Times are in seconds. */
export const tokenProperties = {
  name: { kind: 'text', default: '', in: 'server', icon: 'tag' },
  issuer: { kind: 'text', default: '' },
  tokenEndpoint: { kind: 'text', default: '' },
  assertionFile: {
    kind: 'text',
    default: '',
    in: 'access',
    icon: 'file-o',
    required: true,
    example: '${AZURE_FEDERATED_TOKEN_FILE}',
    when: is('clientAuth', 'client_assertion_file')
  },
  scope: { kind: 'text', default: '', in: 'access', icon: 'tags' },

  grantType: {
    kind: 'choice',
    words: GRANTS,
    default: 'client_credentials',
    in: 'more',
    icon: 'exchange'
  },
  clientAuth: {
    kind: 'choice',
    words: CLIENT_AUTHS,
    default: 'auto',
    in: 'more',
    icon: 'id-badge'
  },
  keyId: { kind: 'text', default: '', in: 'key', when: showsKey },
  signingAlg: {
    kind: 'choice',
    default: '',
    words: [
      '',
      'RS256',
      'RS384',
      'RS512',
      'PS256',
      'PS384',
      'PS512',
      'ES256',
      'ES384',
      'ES512',
      'EdDSA',
      'HS256',
      'HS384',
      'HS512'
    ],
    in: 'more',
    when: signs
  },
  assertionAudience: {
    kind: 'text',
    default: 'token_endpoint',
    usual: ['token_endpoint', 'issuer'],
    in: 'more',
    when: signs
  },
  assertionSubject: { kind: 'text', default: '', in: 'more', when: isJwtBearer },
  assertionClaims: {
    kind: 'list',
    names: 'any',
    types: ['str', 'json', 'env'],
    default: [],
    in: 'more',
    icon: 'list',
    when: signs
  },
  audience: { kind: 'text', default: '', in: 'more', icon: 'bullseye' },
  resource: { kind: 'text', default: '', in: 'more' },
  extraParams: {
    kind: 'list',
    names: 'any',
    types: VALUE_TYPES,
    default: [],
    in: 'more',
    icon: 'list'
  },
  headers: {
    kind: 'list',
    names: 'tokenHeader',
    types: VALUE_TYPES,
    default: [],
    in: 'more',
    icon: 'list'
  },
  secretExpires: {
    kind: 'text',
    default: '',
    in: 'tokens',
    icon: 'calendar',
    example: '2027-03-31',
    when: takesSecret
  },
  dpop: { kind: 'flag', default: false, in: 'tokens' },
  tls: { kind: 'node', type: 'tls-config', default: '', in: 'tokens', icon: 'lock' },
  proxy: { kind: 'node', type: 'http proxy', default: '', in: 'tokens', icon: 'random' }
} as const satisfies PropertyTable

export const tokenCredentials = {
  clientId: { type: 'text', in: 'client', icon: 'id-card-o', required: true },
  clientSecret: {
    type: 'password',
    in: 'client',
    icon: 'lock',
    required: true,
    when: takesSecret
  },
  username: { type: 'text', in: 'client', icon: 'user', required: true, when: isPassword },
  password: { type: 'password', in: 'client', icon: 'lock', required: true, when: isPassword },
  privateKey: { type: 'password', when: showsKey },
  privateKeyPassphrase: { type: 'password', in: 'key', icon: 'lock', when: showsKey },
  ...SECRETS
} as const satisfies CredentialTable

/** Whether a client secret can be used. */
export function takesSecret(value: ReadValue): boolean {
  return !is(
    'clientAuth',
    'private_key_jwt',
    'tls_client_auth',
    'client_assertion_file',
    'none'
  )(value)
}

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
