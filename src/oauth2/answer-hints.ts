import type { Hint } from './hint.ts'
import type { ClientAuthMethod, GrantType, TokenSettings } from './token-settings.ts'

/** What the hints for a refusal depend on. */
export interface HintFacts {
  settings: TokenSettings
  clientAuth: ClientAuthMethod
  /** `token_endpoint_auth_methods_supported` of the server's metadata, if it is known. */
  supported?: readonly string[] | undefined
  /** How far this machine's clock is ahead of the token server's, in seconds, if known. */
  clockAheadSeconds: number | undefined
}

/** A larger difference is beyond the usual tolerance of servers. */
const CLOCK_TOLERANCE_SECONDS = 30
/** The list comes from the server. */
const MAX_METHODS = 10

/** What to do if a method does not authenticate the client. */
const CLIENT_HINTS: Record<ClientAuthMethod, Hint['key']> = {
  client_secret_basic: 'clientBasic',
  client_secret_basic_raw: 'clientBasicRaw',
  client_secret_post: 'clientPost',
  client_secret_jwt: 'clientSecretJwt',
  private_key_jwt: 'clientKey',
  tls_client_auth: 'clientTls',
  client_assertion_file: 'clientAssertionFile',
  none: 'clientNone'
}

/** The names that metadata have for a method, if they differ from ours (RFC 8414 §2, RFC 8705 §2). */
const NAMES_IN_METADATA: Partial<Record<ClientAuthMethod, readonly string[]>> = {
  client_secret_basic_raw: ['client_secret_basic'],
  client_assertion_file: ['private_key_jwt'],
  tls_client_auth: ['tls_client_auth', 'self_signed_tls_client_auth']
}

const GRANT_HINTS: Record<GrantType, Hint['key']> = {
  jwt_bearer: 'grantJwtBearer',
  password: 'grantPassword',
  client_credentials: 'grantClient'
}

/**
 * What to do about each OAuth error code (RFC 6749 §5.2, RFC 8707 §2). These codes are shown
 * whatever the secrets look like.
 */
const HINTS: Record<string, (facts: HintFacts, status: number) => Hint[]> = {
  access_denied: () => [{ key: 'accessDenied' }],
  invalid_client: hintsForClient,
  invalid_dpop_proof: hintsForProof,
  invalid_grant: (facts) => [...clockHints(facts), { key: GRANT_HINTS[facts.settings.grantType] }],
  invalid_request: (facts) => [
    { key: 'invalidRequest', values: { method: facts.clientAuth } },
    ...listHints(facts)
  ],
  invalid_scope: ({ settings }) => [
    { key: settings.scope === '' ? 'scopeMissing' : 'scopeUnknown' }
  ],
  invalid_target: () => [{ key: 'invalidTarget' }],
  server_error: (facts, status) => [
    ...hintsForStatus(facts, status),
    ...(status === 500 ? [{ key: 'unknownClientToo' } as const] : [])
  ],
  slow_down: hintsForStatus,
  temporarily_unavailable: hintsForStatus,
  unauthorized_client: (facts) => [
    { key: 'unauthorizedClient', values: { grant: facts.settings.grantType } },
    ...listHints(facts)
  ],
  unsupported_grant_type: ({ settings }) => [
    { key: 'unsupportedGrant', values: { grant: settings.grantType } }
  ],
  use_dpop_nonce: hintsForProof
}

/** Whether there is a hint for this very code. */
export function isKnownError(error: string): boolean {
  return Object.hasOwn(HINTS, error)
}

/**
 * What to do about a refusal by the token endpoint.
 *
 * @param error its OAuth error code, or an empty string
 */
export function hintsForAnswer(error: string, status: number, facts: HintFacts): Hint[] {
  const known = isKnownError(error) ? HINTS[error] : undefined
  if (known !== undefined) return known(facts, status)
  const hints = hintsForStatus(facts, status)
  const isBare = error === '' && (status === 401 || status === 403) && facts.settings.scope === ''
  return isBare ? [...hints, { key: 'scopeToo' }] : hints
}

function hintsForStatus(facts: HintFacts, status: number): Hint[] {
  const { settings, clientAuth } = facts
  if (status >= 500) return [{ key: 'serverProblem' }]
  switch (status) {
    case 401:
    case 403:
      return hintsForClient(facts)
    case 404:
    case 410:
      return [{ key: settings.tokenEndpoint === '' ? 'discoveredEndpointGone' : 'endpointGone' }]
    case 405:
      return [{ key: 'notPost' }]
    case 400:
    case 415:
      return [{ key: 'badRequest', values: { method: clientAuth } }, ...listHints(facts)]
    case 429:
      return [{ key: 'tooMany' }]
    case 407:
      return [{ key: 'proxyLogin' }]
    default:
      return [{ key: 'endpointOrMethod' }]
  }
}

function hintsForClient(facts: HintFacts): Hint[] {
  const { clientAuth, settings } = facts
  const hasKeyId = clientAuth === 'private_key_jwt' && settings.keyId !== ''
  return [
    ...clockHints(facts),
    { key: hasKeyId ? 'clientKeyId' : CLIENT_HINTS[clientAuth] },
    ...listHints(facts)
  ]
}

/** A proof carries the time and the address, whatever authenticates the client. */
function hintsForProof(facts: HintFacts): Hint[] {
  if (!facts.settings.dpop) return [{ key: 'noDpop' }]
  return [...clockHints(facts, true), { key: 'dpopProof' }]
}

/** Lists are often incomplete: a method that is not listed is no mistake, but worth a word. */
function listHints({ clientAuth, supported = [] }: HintFacts): Hint[] {
  const names = NAMES_IN_METADATA[clientAuth] ?? [clientAuth]
  if (names.some((name) => supported.includes(name))) return []
  const listed = supported.filter((name) => /^[\w:.-]{1,40}$/.test(name)).slice(0, MAX_METHODS)
  if (listed.length === 0) return []
  return [{ key: 'methodNotListed', values: { method: clientAuth, methods: listed.join(', ') } }]
}

/** Clocks matter only for what is signed and carries the time: assertions and proofs. */
function clockHints(
  { settings, clientAuth, clockAheadSeconds = 0 }: HintFacts,
  signs = settings.grantType === 'jwt_bearer' || clientAuth.endsWith('_jwt')
): Hint[] {
  const apart = Math.abs(clockAheadSeconds)
  if (!signs || apart <= CLOCK_TOLERANCE_SECONDS) return []
  const key = clockAheadSeconds > 0 ? 'clockAhead' : 'clockBehind'
  return [{ key, values: { seconds: Math.round(apart) } }]
}
