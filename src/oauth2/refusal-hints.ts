import type { Hint } from './hint.ts'
import type { ClientAuthMethod, GrantType } from './token-settings.ts'

/** A refusal that was seen, or that a standard or a vendor describes, and what to do about it. */
export interface RefusalRow {
  /** Who refuses. Default: the token server. */
  by?: 'receiver'
  /** Its OAuth error codes. Default: any, or none. */
  errors?: readonly string[]
  /** Its HTTP status, or the first and the last one. Default: any. */
  status?: number | readonly [first: number, last: number]
  /** What its own words contain, whatever the case. */
  words?: string
  /** The answer is a web page. */
  isPage?: true
  /** How the client is authenticated. Default: in any way. */
  methods?: readonly ClientAuthMethod[]
  grants?: readonly GrantType[]
  /** What holds of the settings. */
  given?: Given
  hint: Hint['key']
  /**
   * What is refused, where more may be known: the clocks, which matter to what is signed, and, of a client, the
   * methods that the server lists.
   */
  about?: 'client' | 'proof'
  /** Who sends it. */
  seen: string
}

type Given = 'issuer' | 'no scope' | 'no DPoP' | 'key ID'

const KEYCLOAK = 'Keycloak'
const ENTRA = 'Microsoft Entra ID'
const OKTA = 'Okta'
const SPRING = 'Spring Security'
const OAUTH = 'RFC 6749 §5.2'
const HTTP = 'RFC 9110'
const SECRET_JWT = ['client_secret_jwt'] as const

/**
 * Read from top to bottom: the first row that matches counts. What no row matches is for the operator of the server,
 * whose own words are shown in any case. docs/troubleshooting.md and the help are made from this table.
 */
export const REFUSALS: readonly RefusalRow[] = [
  // Words that mean one thing, whatever the code.
  { words: 'retrieve service account', hint: 'serviceAccounts', seen: KEYCLOAK },
  { words: 'Parameter client_assertion_type is missing', hint: 'wantsSignedJwt', seen: KEYCLOAK },
  { words: 'Token reuse detected', hint: 'assertionReused', seen: KEYCLOAK },
  { words: 'Token was issued in the future', hint: 'clockDiffers', seen: KEYCLOAK },
  { words: 'Token was issued too far in the past', hint: 'clockDiffers', seen: KEYCLOAK },
  { words: 'Token is not active', hint: 'clockDiffers', seen: KEYCLOAK },
  { words: 'Invalid token audience', hint: 'assertionAudience', seen: KEYCLOAK },
  { words: 'Invalid signature algorithm', hint: 'algorithm', seen: KEYCLOAK },
  { words: 'Algorithm not supported', hint: 'algorithm', seen: KEYCLOAK },
  {
    words: 'Signature on JWT token',
    methods: SECRET_JWT,
    hint: 'secretWrong',
    seen: KEYCLOAK
  },
  { words: 'Signature on JWT token', hint: 'keyOfJwt', seen: KEYCLOAK },
  { words: 'Unable to load public key', hint: 'keyOfJwt', seen: KEYCLOAK },
  {
    words: 'Client Certification missing',
    hint: 'clientCertificate',
    seen: `${KEYCLOAK} (bound tokens, FAPI profiles)`
  },
  { words: 'Realm does not exist', given: 'issuer', hint: 'realmOfIssuer', seen: KEYCLOAK },
  { words: 'Realm does not exist', hint: 'realmOfTokenUrl', seen: KEYCLOAK },
  { words: 'Realm not enabled', hint: 'realmDisabled', seen: KEYCLOAK },
  {
    words: 'Invalid client or Invalid client credentials',
    hint: 'clientOrCredentials',
    about: 'client',
    seen: KEYCLOAK
  },
  { words: 'AADSTS7000215', hint: 'secretValue', seen: ENTRA },
  { words: 'AADSTS7000222', hint: 'secretExpired', seen: ENTRA },
  { words: 'AADSTS700016', hint: 'clientUnknown', seen: ENTRA },
  { words: 'AADSTS90002', given: 'issuer', hint: 'realmOfIssuer', seen: ENTRA },
  { words: 'AADSTS90002', hint: 'realmOfTokenUrl', seen: ENTRA },
  { words: 'AADSTS700027', hint: 'keyOfJwt', seen: ENTRA },
  { words: 'AADSTS700024', hint: 'clockDiffers', seen: ENTRA },
  { words: 'AADSTS500011', hint: 'scopeUnknown', seen: ENTRA },
  {
    words: 'client secret supplied for a confidential client is invalid',
    hint: 'secretWrong',
    seen: OKTA
  },
  { words: "Invalid value for 'client_id' parameter", hint: 'clientUnknown', seen: OKTA },

  // DPoP.
  { words: 'DPoP', given: 'no DPoP', hint: 'noDpop', seen: `${KEYCLOAK}, Okta` },
  {
    errors: ['use_dpop_nonce', 'invalid_dpop_proof'],
    given: 'no DPoP',
    hint: 'noDpop',
    seen: 'RFC 9449 §5, Okta'
  },
  { words: 'DPoP proof is not active', hint: 'dpopProof', about: 'proof', seen: KEYCLOAK },
  { words: 'DPoP HTTP URL mismatch', hint: 'dpopProof', about: 'proof', seen: KEYCLOAK },
  {
    errors: ['use_dpop_nonce', 'invalid_dpop_proof'],
    hint: 'dpopProof',
    about: 'proof',
    seen: 'RFC 9449 §5'
  },

  // The codes of the standards.
  ...refusedClient({ errors: ['invalid_client'] }, OAUTH),
  { errors: ['unauthorized_client'], hint: 'unauthorizedClient', about: 'client', seen: OAUTH },
  { errors: ['invalid_scope'], given: 'no scope', hint: 'scopeMissing', seen: OAUTH },
  { errors: ['invalid_scope'], hint: 'scopeUnknown', seen: OAUTH },
  { errors: ['invalid_target'], hint: 'invalidTarget', seen: 'RFC 8707 §2' },
  { errors: ['access_denied'], hint: 'accessDenied', seen: 'RFC 6749 §4.1.2.1, Auth0, Okta' },
  { errors: ['unsupported_grant_type'], hint: 'unsupportedGrant', seen: OAUTH },
  {
    errors: ['invalid_grant'],
    grants: ['jwt_bearer'],
    hint: 'grantJwtBearer',
    about: 'client',
    seen: 'RFC 7523 §3.1'
  },
  { errors: ['invalid_grant'], grants: ['password'], hint: 'grantPassword', seen: OAUTH },
  { errors: ['invalid_request'], hint: 'invalidRequest', about: 'client', seen: OAUTH },
  {
    errors: ['server_error', 'temporarily_unavailable', 'slow_down'],
    hint: 'serverProblem',
    seen: 'RFC 6749 §4.1.2.1, RFC 8628 §3.5'
  },

  // The statuses of HTTP.
  { status: 403, isPage: true, hint: 'gateway', seen: 'gateways and firewalls' },
  ...refusedClient({ status: 401 }, HTTP),
  ...refusedClient({ status: 403 }, 'Glewlwyd'),
  { status: 404, given: 'issuer', hint: 'discoveredEndpointGone', seen: HTTP },
  { status: 410, given: 'issuer', hint: 'discoveredEndpointGone', seen: HTTP },
  { status: 404, hint: 'endpointGone', seen: HTTP },
  { status: 410, hint: 'endpointGone', seen: HTTP },
  { status: 405, hint: 'notPost', seen: HTTP },
  { status: 407, hint: 'proxyLogin', seen: HTTP },
  { status: 429, hint: 'tooMany', seen: 'RFC 6585' },
  { status: [500, 999], hint: 'serverProblem', seen: HTTP },

  // Receivers that refuse the token.
  { by: 'receiver', words: 'iss claim is not valid', hint: 'receiverIssuer', seen: SPRING },
  { by: 'receiver', words: 'aud claim is not valid', hint: 'receiverAudience', seen: SPRING },
  { by: 'receiver', words: 'Jwt expired at', hint: 'receiverClock', seen: SPRING },
  { by: 'receiver', words: 'Jwt used before', hint: 'receiverClock', seen: SPRING },
  { by: 'receiver', words: 'no matching key(s) found', hint: 'receiverKeys', seen: SPRING }
]

/** What to do if a method does not authenticate the client. */
function refusedClient(
  answer: Pick<RefusalRow, 'errors' | 'status'>,
  seen: string
): readonly RefusalRow[] {
  const of = (
    methods: readonly ClientAuthMethod[],
    hint: Hint['key'],
    given?: Given
  ): RefusalRow => ({ ...answer, methods, ...(given && { given }), hint, about: 'client', seen })
  return [
    of(['client_secret_basic'], 'clientBasic'),
    of(['client_secret_basic_raw'], 'clientBasicRaw'),
    of(['client_secret_post'], 'clientPost'),
    of(['client_secret_jwt'], 'clientSecretJwt'),
    of(['private_key_jwt'], 'clientKeyId', 'key ID'),
    of(['private_key_jwt'], 'clientKey'),
    of(['tls_client_auth'], 'clientTls'),
    of(['client_assertion_file'], 'clientAssertionFile'),
    of(['none'], 'clientNone')
  ]
}
