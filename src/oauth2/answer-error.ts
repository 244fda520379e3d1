import type { HttpReply } from '../http-client/http-client.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { cleanText, oneLine } from './secrets.ts'
import type { TokenAnswerUnusable, TokenRefused } from './token-answer.ts'
import { TokenError } from './token-error.ts'
import type { ClientAuthMethod, GrantType, TokenSettings } from './token-settings.ts'

type ReplyHead = Pick<HttpReply, 'status' | 'headers'>

/** What an error about an answer is built from. */
export interface AnswerFacts {
  settings: TokenSettings
  clientAuth: ClientAuthMethod
  /** Wall clock in milliseconds. */
  now: number
  /** Secrets in the request, which no text may show. */
  secrets: readonly string[]
}

/** OAuth codes (RFC 6749 §4.1.2.1, RFC 8628 §3.5) for problems that may pass. */
const TRANSIENT_CODES = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The error for a token endpoint's answer without a usable token. */
export function answerError(
  answer: TokenRefused | TokenAnswerUnusable,
  { status, headers }: ReplyHead,
  url: string,
  facts: AnswerFacts
): TokenError {
  const { host } = new URL(url)
  if (answer.kind === 'unusable') {
    const { says, ...facts } = UNUSABLE[answer.what]
    const message = `The token server ${host} ${says} (HTTP ${status}).`
    return new TokenError(message, { code: 'ERR_TOKEN_ANSWER', status, ...facts })
  }
  const challenge = headers['www-authenticate'] ?? ''
  const error = safeCode(answer.error ?? parameter(challenge, 'error'), facts.secrets)
  const description = cleanText(
    answer.description ?? parameter(challenge, 'error_description') ?? '',
    facts.secrets
  )
  const transient =
    status >= 500 || status === 429 || status === 408 || TRANSIENT_CODES.has(error ?? '')
  const reason = error ?? (description === '' ? 'no reason given' : 'see its description')
  return new TokenError(`The token server ${host} refused (HTTP ${status}): ${reason}.`, {
    code: error ?? 'ERR_HTTP_STATUS',
    status,
    description: description === '' ? undefined : description,
    hint: hintForOAuthError(error, status, {
      ...facts,
      clockAheadSeconds: clockAhead(headers.date, facts.now)
    }),
    permanent: !transient,
    retryAfterMs: retryAfterMs(headers['retry-after'], facts.now)
  })
}

const UNUSABLE: Record<
  TokenAnswerUnusable['what'],
  { says: string; hint: string; permanent: boolean }
> = {
  html: {
    says: 'answered with a web page instead of a token',
    hint: 'Check Token URL (or Issuer URL): this looks like a web page, perhaps a login page or a proxy.',
    permanent: false
  },
  empty: {
    says: 'sent an empty answer',
    hint: 'Check Token URL (or Issuer URL); the answer should contain a token.',
    permanent: false
  },
  'not-json': {
    says: 'answered with something that is not JSON',
    hint: 'Check Token URL (or Issuer URL): this does not look like a token server.',
    permanent: false
  },
  'no-token': {
    says: 'answered without an access_token',
    hint: 'Check Token URL, Grant and Scope: the answer is JSON but contains no access token.',
    permanent: true
  },
  'bad-token': {
    says: 'sent a token with characters that a token must not have',
    hint: 'Check Token URL: a header cannot carry this token.',
    permanent: true
  },
  'token-type': {
    says: 'sent a token that is not a Bearer token',
    hint: 'Configure the token server to issue Bearer tokens to this client; DPoP and other types are not supported.',
    permanent: true
  }
}

/** An error code is a single word; anything else is not repeated. */
function safeCode(error: string | undefined, secrets: readonly string[]): string | undefined {
  if (error !== undefined && Object.hasOwn(HINTS, error)) return error
  if (error === undefined || !/^[A-Za-z][\w.-]{0,59}$/.test(error)) return undefined
  return cleanText(error, secrets) === error ? error : undefined
}

/** A parameter of a challenge (RFC 6750 §3), the only place where some servers report an error. */
function parameter(challenge: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|[ ,])${name} ?= ?(?:"([^"]{1,300})"|([\\w.-]{1,60}))`, 'i')
  const [, quoted, word] = found.exec(challenge) ?? []
  return quoted ?? word
}

function clockAhead(date: string | undefined, now: number): number | undefined {
  const theirs = Date.parse(date ?? '')
  return Number.isNaN(theirs) ? undefined : (now - theirs) / 1000
}

/** What the hint for an OAuth error depends on. */
export interface HintFacts {
  settings: TokenSettings
  clientAuth: ClientAuthMethod
  /** How far this machine's clock is ahead of the token server's, in seconds, if known. */
  clockAheadSeconds: number | undefined
}

/** A larger difference is beyond the usual tolerance of servers. */
const CLOCK_TOLERANCE_SECONDS = 30

const BASIC = '"Client secret: Basic"'
const BASIC_RAW = '"Client secret: Basic, not form-encoded"'
const POST = '"Client secret: in the form (Post)"'
const orTry = (methods: string): string =>
  `Check Client ID and Client secret. If they are right, try Authentication ${methods}.`

/** Each method's name in the form, and what to do if it does not authenticate the client. */
const METHODS: Record<
  ClientAuthMethod,
  { name: string; check: (settings: TokenSettings) => string }
> = {
  client_secret_basic: { name: BASIC, check: () => orTry(`${POST} or ${BASIC_RAW}`) },
  client_secret_basic_raw: { name: BASIC_RAW, check: () => orTry(`${BASIC} or ${POST}`) },
  client_secret_post: { name: POST, check: () => orTry(BASIC) },
  client_secret_jwt: {
    name: '"Client secret: signed JWT"',
    check: () =>
      'Check Client ID and Client secret, then "Assertion for" (some servers want the issuer).'
  },
  private_key_jwt: {
    name: '"Private key: signed JWT"',
    check: ({ keyId }) =>
      `Check that the public key is registered at the token server for this Client ID${
        keyId === '' ? ' (it may want a Key ID)' : ' under this Key ID'
      }, then Algorithm and "Assertion for".`
  },
  tls_client_auth: {
    name: '"TLS client certificate"',
    check: () =>
      'Check Client ID, and that the client certificate in TLS is the one registered at the token server.'
  },
  client_assertion_file: {
    name: '"Assertion in a file"',
    check: () =>
      'Check Client ID, and that the token server trusts the issuer, subject and audience of the JWT in Assertion file for this client.'
  },
  none: {
    name: '"None (public client)"',
    check: () =>
      'The token server wants this client to prove who it is: fill in Client secret or Private key.'
  }
}

const NO_DPOP =
  'The token server wants DPoP, which is not supported: configure it to issue Bearer tokens to this client.'

/**
 * What to do about each OAuth error code (RFC 6749 §5.2, RFC 8707 §2). These codes are shown
 * whatever the secrets look like.
 */
const HINTS: Record<string, (facts: HintFacts, status: number) => string> = {
  access_denied: () =>
    'Check Audience and Scope: this client may not call that API (grant it at the token server).',
  invalid_client: hintForClient,
  invalid_dpop_proof: () => NO_DPOP,
  invalid_grant: (facts) => clockHint(facts) + GRANT_HINTS[facts.settings.grantType],
  invalid_request: ({ clientAuth }) =>
    `A parameter is missing or wrong: check Authentication (now ${METHODS[clientAuth].name}), Scope, Audience, Resource and Extra parameters.`,
  invalid_scope: ({ settings }) =>
    settings.scope === ''
      ? 'The token server wants a scope: fill in Scope (Entra ID: <resource>/.default).'
      : 'Check Scope: the token server does not know it or does not allow it for this client.',
  invalid_target: () => 'Check Resource and Audience: the token server does not know this API.',
  server_error: hintForStatus,
  slow_down: hintForStatus,
  temporarily_unavailable: hintForStatus,
  unauthorized_client: ({ settings }) =>
    `This client may not use the grant type ${settings.grantType}: allow it at the token server, or check Client ID and Grant.`,
  unsupported_grant_type: ({ settings }) =>
    `The token server does not know the grant type ${settings.grantType}: check Grant.`,
  use_dpop_nonce: () => NO_DPOP
}

const GRANT_HINTS: Record<GrantType, string> = {
  jwt_bearer:
    'The token server does not accept the assertion: check Client ID, Assertion subject, "Assertion for", Key ID and Private key.',
  password: 'Check User name and Password.',
  client_credentials: 'Check Client ID and Authentication.'
}

/** What to do about a refusal by the token endpoint. */
export function hintForOAuthError(error = '', status: number, facts: HintFacts): string {
  const hint = Object.hasOwn(HINTS, error) ? HINTS[error] : undefined
  return (hint ?? hintForStatus)(facts, status)
}

function hintForStatus(facts: HintFacts, status: number): string {
  const { settings, clientAuth } = facts
  if (status >= 500) return 'The token server has a problem; the request will be retried.'
  switch (status) {
    case 401:
    case 403:
      return hintForClient(facts)
    case 404:
    case 410:
      return settings.tokenEndpoint === ''
        ? 'The token endpoint that the issuer names does not exist: check Issuer URL.'
        : 'Check Token URL: there is nothing at this address.'
    case 405:
      return 'Check Token URL: this address does not accept POST.'
    case 400:
    case 415:
      return `Check Authentication (now ${METHODS[clientAuth].name}), Scope and Extra parameters.`
    case 429:
      return 'The token server gets too many requests; the next attempt waits.'
    case 407:
      return 'The proxy wants a user name and password: check Proxy.'
    default:
      return 'Check Token URL and Authentication.'
  }
}

function hintForClient(facts: HintFacts): string {
  return clockHint(facts) + METHODS[facts.clientAuth].check(facts.settings)
}

/** Clocks matter only for signed assertions, which carry the time. */
function clockHint({ settings, clientAuth, clockAheadSeconds = 0 }: HintFacts): string {
  const signs = settings.grantType === 'jwt_bearer' || clientAuth.endsWith('_jwt')
  const apart = Math.abs(clockAheadSeconds)
  if (!signs || apart <= CLOCK_TOLERANCE_SECONDS) return ''
  return `This machine's clock is ${Math.round(apart)} s ${
    clockAheadSeconds > 0 ? 'ahead of' : 'behind'
  } the token server's: correct it, because assertions carry the time. `
}

/**
 * A redirect is never followed: it could carry the secret to a server that nobody configured.
 *
 * @param field the form's field that led there
 * @param secrets of the request, which no text may show
 * @returns the error that names the target, or `undefined` if the answer is not a redirect
 */
export function redirectError(
  { status, headers }: ReplyHead,
  url: string,
  field: 'Issuer URL' | 'Token URL',
  secrets: readonly string[] = []
): TokenError | undefined {
  if (status < 300 || status >= 400 || status === 304) return undefined
  const location = headers.location ?? ''
  const to = location !== '' && URL.canParse(location, url) ? new URL(location, url) : undefined
  const target = to === undefined || !/^https?:$/.test(to.protocol) ? 'nowhere' : shown(to, secrets)
  return new TokenError(
    `${new URL(url).host} redirects to ${target} (HTTP ${status}), which is not followed.`,
    {
      code: 'ERR_REDIRECT',
      status,
      hint: `Put the address that it redirects to into ${field}, if it is the right one: ${target}`,
      permanent: true
    }
  )
}

/** Leaves out the query, which may contain anything; the path tells `/token/` from `/token`. */
function shown({ origin, pathname }: URL, secrets: readonly string[]): string {
  const pieces = pathname.split('/').map((piece) => cleanText(piece, secrets))
  return oneLine(`${origin}${pieces.join('/')}`)
}
