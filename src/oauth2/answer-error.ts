import { cleanText } from './clean-text.ts'
import { hintForOAuthError } from './hints.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import type { TokenAnswerUnusable, TokenRefused } from './token-answer.ts'
import { TokenError } from './token-error.ts'
import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

/** What an error about an answer is made with. */
export interface AnswerFacts {
  settings: TokenSettings
  clientAuth: ClientAuthMethod
  /** Wall clock in milliseconds. */
  now: number
  /** What the request carried and no text may show. */
  secrets: readonly string[]
}

/** OAuth codes (RFC 6749 §4.1.2.1, RFC 8628 §3.5) of a server that may do better later. */
const TRANSIENT_CODES = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The error for an answer of the token endpoint that holds no usable token. */
export function answerError(
  answer: TokenRefused | TokenAnswerUnusable,
  response: Response,
  url: string,
  facts: AnswerFacts
): TokenError {
  const { host } = new URL(url)
  const { status } = response
  if (answer.kind === 'unusable') return unusableError(answer.what, status, host)
  const challenge = response.headers.get('www-authenticate') ?? ''
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
      clockAheadSeconds: clockAhead(response.headers.get('date'), facts.now)
    }),
    permanent: !transient,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), facts.now)
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
    says: 'answered with nothing',
    hint: 'Check Token URL (or Issuer URL); the answer should hold a token.',
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
    says: 'sent a token with characters that no token may have',
    hint: 'Check Token URL: this is no token that a header can carry.',
    permanent: true
  },
  'token-type': {
    says: 'sent a token that is not a Bearer token',
    hint: 'Configure the token server to issue Bearer tokens to this client; DPoP and other types are not supported.',
    permanent: true
  }
}

function unusableError(
  what: TokenAnswerUnusable['what'],
  status: number,
  host: string
): TokenError {
  const { says, hint, permanent } = UNUSABLE[what]
  return new TokenError(`The token server ${host} ${says} (HTTP ${status}).`, {
    code: 'ERR_TOKEN_ANSWER',
    status,
    hint,
    permanent
  })
}

/** Codes that are safe whatever the secrets look like. */
const KNOWN_CODES = new Set([
  'access_denied',
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'server_error',
  'slow_down',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'use_dpop_nonce'
])

/** An error code is a word; anything else in its place is not repeated. */
function safeCode(error: string | undefined, secrets: readonly string[]): string | undefined {
  if (error !== undefined && KNOWN_CODES.has(error)) return error
  if (error === undefined || !/^[A-Za-z][\w.-]{0,59}$/.test(error)) return undefined
  return cleanText(error, secrets) === error ? error : undefined
}

/** A parameter of a challenge (RFC 6750 §3), where some servers say all that they say. */
function parameter(challenge: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|[ ,])${name} ?= ?(?:"([^"]{1,300})"|([\\w.-]{1,60}))`, 'i')
  const [, quoted, word] = found.exec(challenge) ?? []
  return quoted ?? word
}

function clockAhead(date: string | null, now: number): number | undefined {
  const theirs = Date.parse(date ?? '')
  return Number.isNaN(theirs) ? undefined : (now - theirs) / 1000
}
