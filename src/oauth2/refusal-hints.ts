import type { Hint } from './hint.ts'
import type { ClientAuthMethod, GrantType } from './token-settings.ts'

/** A refusal that was seen, or that a standard or a vendor describes, and what to do about it. */
export interface RefusalRow {
  /** One of these. */
  answers: readonly RefusalAnswer[]
  /** How the client is authenticated. Default: in any way. */
  methods?: readonly ClientAuthMethod[]
  grants?: readonly GrantType[]
  /** What holds of the settings. */
  given?: 'issuer' | 'no scope' | 'no DPoP' | 'key ID'
  hint: Hint['key']
  /**
   * What is refused, where more may be known: the clocks, which matter to what is signed; of a secret, that it has
   * blanks around it; and, of a client, also the methods that the server lists.
   */
  about?: 'client' | 'secret' | 'proof'
  /** Who sends it. */
  seen: string
}

/** How a refusal is known: all that is given must match. */
export interface RefusalAnswer {
  /** Its OAuth error code. */
  error?: string
  status?: number | '5xx'
  /** What the server's own words contain, whatever the case. */
  words?: string
  /** It is a web page. */
  isPage?: true
}

/** Tried with 26.7; what was not, is in its source (`AbstractBaseJWTValidator`, `JWTClientAuthenticator`, `DPoPUtil`). */
const KEYCLOAK = 'Keycloak'
/** Its list of codes, and the answers that Microsoft's pages about them cite; docs/token-servers.md has the links. */
const ENTRA = 'Microsoft Entra ID'
/** Articles of its support. */
const OKTA = 'Okta'
const AUTH0 = 'Auth0'
/** Tried with 2.3; fosite, which it is built on, is in Authelia too. */
const HYDRA = 'Ory Hydra'
/** Tried with 1.3. */
const MITREID = 'MITREid'
const MEDPLUM = 'Medplum'
const OIDC_PROVIDER = 'oidc-provider'
const GO_OAUTH2 = 'go-oauth2'
/** Tried with a resource server; the words are those of `JwtClaimValidator`, `JwtTimestampValidator` and Nimbus. */
const SPRING = 'Spring Security'
const OAUTH = 'RFC 6749 §5.2'
const HTTP = 'RFC 9110'

/**
 * What token servers answer, read from top to bottom: the first row that matches counts. What no row matches is for the
 * operator of the server, whose own words are shown in any case. docs/troubleshooting.md lists what is known by a code
 * or a status; the help of the form, what is known by its words, of this table and the next.
 */
export const TOKEN_REFUSALS: readonly RefusalRow[] = [
  // Words that mean one thing, whatever the code.
  row(KEYCLOAK, 'publicClient', says('Public client not allowed')),
  row(KEYCLOAK, 'serviceAccounts', says('retrieve service account')),
  row(KEYCLOAK, 'wantsSignedJwt', says('Parameter client_assertion_type is missing')),
  row(KEYCLOAK, 'assertionReused', says('Token reuse detected')),
  row(
    `${KEYCLOAK}, ${ENTRA}`,
    'clockDiffers',
    says(
      'Token was issued in the future',
      'Token was issued too far in the past',
      'Token is not active',
      'AADSTS700024'
    )
  ),
  row(KEYCLOAK, 'assertionAudience', says('Invalid token audience')),
  row(`${KEYCLOAK}, ${ENTRA}`, 'algorithm', says('Invalid signature algorithm', 'AADSTS5002738')),
  row(KEYCLOAK, 'secretWrong', says('Signature on JWT token by client secret'), {
    about: 'secret'
  }),
  row(
    `${KEYCLOAK}, ${ENTRA}`,
    'keyOfJwt',
    says('Signature on JWT token', 'Unable to load public key', 'AADSTS700027')
  ),
  row(
    `${KEYCLOAK} (bound tokens, FAPI profiles)`,
    'clientCertificate',
    says('Client Certification missing')
  ),
  row(`${KEYCLOAK}, ${ENTRA}`, 'realmOfIssuer', says('Realm does not exist', 'AADSTS90002'), {
    given: 'issuer'
  }),
  row(`${KEYCLOAK}, ${ENTRA}`, 'realmOfTokenUrl', says('Realm does not exist', 'AADSTS90002')),
  row(KEYCLOAK, 'realmDisabled', says('Realm not enabled')),
  row(KEYCLOAK, 'clientOrCredentials', says('Invalid client or Invalid client credentials'), {
    about: 'client'
  }),
  row(KEYCLOAK, 'basicNotEncoded', says('Unexpected error when authenticating client'), {
    methods: ['client_secret_basic_raw']
  }),
  row(KEYCLOAK, 'serverError', says('Unexpected error when authenticating client')),
  row(KEYCLOAK, 'accountNotSetUp', says('Account is not fully set up')),
  row(
    `${OIDC_PROVIDER}, ${MITREID}, ${KEYCLOAK}`,
    'unauthorizedClient',
    says(
      'requested grant type is not allowed',
      'Unauthorized grant type',
      'JWT Authorization Grant is not supported for the requested client'
    )
  ),
  row(
    `${HYDRA}, ${MITREID}`,
    'otherMethod',
    says(
      'supports client authentication method',
      'Client does not support this authentication method'
    )
  ),
  row(HYDRA, 'unknownKeyId', says('in JSON Web Key Set')),
  row(MEDPLUM, 'secretWrong', [{ error: 'invalid_request', words: 'Invalid secret' }], {
    about: 'secret'
  }),
  row(MEDPLUM, 'clientUnknown', [{ error: 'invalid_request', words: 'Invalid client' }]),
  row(ENTRA, 'secretValue', says('AADSTS7000215'), { about: 'secret' }),
  row(ENTRA, 'secretExpired', says('AADSTS7000222')),
  row(OKTA, 'secretWrong', says('client secret supplied for a confidential client is invalid'), {
    about: 'secret'
  }),
  row(
    `${ENTRA}, ${OKTA}`,
    'clientUnknown',
    says('AADSTS700016', "Invalid value for 'client_id' parameter")
  ),
  row(ENTRA, 'scopeUnknown', says('AADSTS500011')),
  row(ENTRA, 'clientAssertionFile', says('No matching federated identity record found')),

  // DPoP, for which some servers have codes, and others only words.
  row(
    `RFC 9449 §5, ${OKTA}, ${KEYCLOAK}`,
    'noDpop',
    [...codes('use_dpop_nonce', 'invalid_dpop_proof'), ...says('DPoP')],
    { given: 'no DPoP' }
  ),
  row(
    `RFC 9449 §5, ${KEYCLOAK}`,
    'dpopProof',
    [
      ...codes('use_dpop_nonce', 'invalid_dpop_proof'),
      ...says('DPoP proof is not active', 'DPoP HTTP URL mismatch')
    ],
    { about: 'proof' }
  ),

  // The codes of the standards.
  row(OAUTH, 'unauthorizedClient', codes('unauthorized_client'), { about: 'client' }),
  row(OAUTH, 'scopeMissing', codes('invalid_scope'), { given: 'no scope' }),
  row(OAUTH, 'scopeUnknown', codes('invalid_scope')),
  row('RFC 8707 §2', 'invalidTarget', codes('invalid_target')),
  row(`RFC 6749 §4.1.2.1, ${AUTH0}, ${OKTA}`, 'accessDenied', codes('access_denied')),
  row(OAUTH, 'unsupportedGrant', codes('unsupported_grant_type')),
  row('RFC 7523 §3.1', 'grantJwtBearer', codes('invalid_grant'), {
    grants: ['jwt_bearer'],
    about: 'client'
  }),
  row(OAUTH, 'grantPassword', codes('invalid_grant'), { grants: ['password'], about: 'secret' }),
  row(OAUTH, 'invalidRequest', codes('invalid_request'), { about: 'client' }),
  row(`RFC 6749 §4.1.2.1, ${HYDRA}, ${GO_OAUTH2}`, 'serverError', [
    ...codes('server_error'),
    { error: 'error', status: '5xx' }
  ]),
  row(
    'RFC 6749 §4.1.2.1, RFC 8628 §3.5',
    'serverProblem',
    codes('temporarily_unavailable', 'slow_down')
  ),

  // A gateway in front of the token server, and what the client could not prove to it.
  row('gateways and firewalls', 'gateway', [{ status: 403, isPage: true }]),
  refusedClient('clientBasic', { methods: ['client_secret_basic'] }),
  refusedClient('clientBasicRaw', { methods: ['client_secret_basic_raw'] }),
  refusedClient('clientPost', { methods: ['client_secret_post'] }),
  refusedClient('clientSecretJwt', { methods: ['client_secret_jwt'] }),
  refusedClient('clientKeyId', { methods: ['private_key_jwt'], given: 'key ID' }),
  refusedClient('clientKey', { methods: ['private_key_jwt'] }),
  refusedClient('clientTls', { methods: ['tls_client_auth'] }),
  refusedClient('clientAssertionFile', { methods: ['client_assertion_file'] }),
  refusedClient('clientNone', { methods: ['none'] }),

  // The statuses of HTTP.
  row(HTTP, 'discoveredEndpointGone', [{ status: 404 }, { status: 410 }], { given: 'issuer' }),
  row(HTTP, 'endpointGone', [{ status: 404 }, { status: 410 }]),
  row(HTTP, 'notPost', [{ status: 405 }]),
  row(HTTP, 'proxyLogin', [{ status: 407 }]),
  row('RFC 6585', 'tooMany', [{ status: 429 }]),
  row(HTTP, 'serverProblem', [{ status: '5xx' }])
]

/** What receivers say that refuse a token. */
export const RECEIVER_REFUSALS: readonly RefusalRow[] = [
  row(SPRING, 'receiverIssuer', says('iss claim is not valid')),
  row(SPRING, 'receiverAudience', says('aud claim is not valid')),
  row(SPRING, 'receiverClock', says('Jwt expired at', 'Jwt used before')),
  row(SPRING, 'receiverOpaque', says('Malformed token')),
  row(SPRING, 'receiverKeys', says('no matching key(s) found', 'JWT rejected: Invalid signature'))
]

type Conditions = Omit<RefusalRow, 'seen' | 'hint' | 'answers'>

function row(
  seen: string,
  hint: Hint['key'],
  answers: readonly RefusalAnswer[],
  conditions: Conditions = {}
): RefusalRow {
  return { ...conditions, answers, hint, seen }
}

/**
 * By the code, or where a server has only a status for it (403: Glewlwyd). Perl's
 * Net::OAuth2::AuthorizationServer answers a wrong secret with `invalid_grant`.
 */
function refusedClient(hint: Hint['key'], conditions: Conditions): RefusalRow {
  const answers = [...codes('invalid_client', 'invalid_grant'), { status: 401 }, { status: 403 }]
  return row(`${OAUTH}, ${HTTP}`, hint, answers, { ...conditions, about: 'client' })
}

function says(...words: readonly string[]): RefusalAnswer[] {
  return words.map((some) => ({ words: some }))
}

function codes(...errors: readonly string[]): RefusalAnswer[] {
  return errors.map((error) => ({ error }))
}
