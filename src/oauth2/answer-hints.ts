import { clientAuthMethod, methodNamed } from './client-auth-method.ts'
import { addressField, type Hint } from './hint.ts'
import {
  RECEIVER_REFUSALS,
  TOKEN_REFUSALS,
  type RefusalAnswer,
  type RefusalRow
} from './refusal-hints.ts'
import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

/** What a token server answers instead of a token. */
export interface RefusedAnswer {
  /** Its OAuth error code; `''`: none. */
  error: string
  status: number
  /** Its own words; `''`: none. */
  words: string
  /** The answer is a web page. */
  isPage: boolean
}

/** How a receiver refused a token: what may be quoted of its answer. */
export interface ReceiverRefusal {
  host: string
  status: number
  /** From its challenge (RFC 6750 §3). */
  error?: string | undefined
  description?: string | undefined
  /** With a SOAP fault: the login in the message may be meant. */
  isFault?: boolean
}

/** What the hints for a refusal depend on besides the answer. */
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

/** The names that metadata have for a method, if they differ from ours (RFC 8414 §2, RFC 8705 §2). */
const NAMES_IN_METADATA: Partial<Record<ClientAuthMethod, readonly string[]>> = {
  client_secret_basic_raw: ['client_secret_basic'],
  client_assertion_file: ['private_key_jwt'],
  tls_client_auth: ['tls_client_auth', 'self_signed_tls_client_auth']
}

/**
 * What to do about a refusal by a token server, and what is known of its clock and of the methods that it lists.
 *
 * @param host whom to ask about what no row of the table matches
 */
export function hintsForAnswer(refusal: RefusedAnswer, facts: HintFacts, host: string): Hint[] {
  const row = rowFor(refusal, facts)
  if (row === undefined) return [{ key: 'askOperator', values: { host } }]
  const hint = hintOf(row, facts, refusal.words)
  switch (row.about) {
    case 'client':
      return [
        ...clockHints(facts, signs(facts)),
        ...blankHints(facts),
        hint,
        ...clockToo(facts),
        inUse(facts)
      ]
    case 'secret':
      return [...blankHints(facts), hint]
    case 'proof':
      return [...clockHints(facts, true), hint]
    default:
      return [hint]
  }
}

/** Whether a secret begins or ends with a blank: pasted with it, that is as invisible as the rest of it. */
export function hasBlankAround({ clientSecret, grantType, password }: TokenSettings): boolean {
  return hasBlank(clientSecret) || (grantType === 'password' && hasBlank(password))
}

/** Whether the client proves who it is with a secret that may expire. */
export function usesSecret(settings: TokenSettings): boolean {
  return clientAuthMethod(settings)?.startsWith('client_secret') === true
}

function hasBlank(text: string): boolean {
  return text.trim() !== text
}

function blankHints({ settings, clientAuth }: HintFacts): Hint[] {
  const { clientSecret, grantType, password } = settings
  const hints: Hint[] = []
  if (clientAuth.startsWith('client_secret') && hasBlank(clientSecret)) {
    hints.push({ key: 'blankAround', values: { field: 'clientSecret' } })
  }
  if (grantType === 'password' && hasBlank(password)) {
    hints.push({ key: 'blankAround', values: { field: 'password' } })
  }
  return hints
}

/** What a token server's words mean that come in place of its metadata; undefined if no row of the table has them. */
export function hintForMetadata(words: string, settings: TokenSettings): Hint | undefined {
  // This request has no credentials.
  const given = { settings, clientAuth: 'none' } as const
  const row = rowFor(wordsAlone(words), given)
  return row && hintOf(row, given, words)
}

/** What a receiver's words mean that refuses the token; undefined if no row of the table has them. */
export function hintForReceiver({
  description = ''
}: Pick<ReceiverRefusal, 'description'>): Hint | undefined {
  const row = RECEIVER_REFUSALS.find(isFor(wordsAlone(description)))
  return row && { key: row.hint }
}

type Client = Pick<HintFacts, 'settings' | 'clientAuth'>

function hintOf({ hint }: RefusalRow, { settings }: Client, words: string): Hint {
  const method = hint === 'otherMethod' ? methodNamed(words) : undefined
  if (method !== undefined) return { key: 'otherMethodNamed', values: { method } }
  return { key: hint, values: { field: addressField(settings) } }
}

/** Matches no row that is about a code, a status or a page. */
function wordsAlone(words: string): RefusedAnswer {
  return { error: '', status: 0, words, isPage: false }
}

function rowFor(refusal: RefusedAnswer, { settings, clientAuth }: Client): RefusalRow | undefined {
  const { scope, dpop, keyId, tokenEndpoint } = settings
  const given: Record<NonNullable<RefusalRow['given']>, boolean> = {
    issuer: tokenEndpoint === '',
    'no scope': scope === '',
    'no DPoP': !dpop,
    'key ID': keyId !== ''
  }
  const matches = isFor(refusal)
  return TOKEN_REFUSALS.find(
    (row) =>
      matches(row) &&
      (row.methods?.includes(clientAuth) ?? true) &&
      (row.grants?.includes(settings.grantType) ?? true) &&
      (row.given === undefined || given[row.given])
  )
}

function isFor(refusal: RefusedAnswer): (row: RefusalRow) => boolean {
  return ({ answers }) => answers.some((answer) => isMatch(answer, refusal))
}

function isMatch(answer: RefusalAnswer, { error, isPage, status, words }: RefusedAnswer): boolean {
  const wanted = answer.status === '5xx' ? Math.max(status, 500) : answer.status
  return (
    (answer.error ?? error) === error &&
    (wanted ?? status) === status &&
    words.toLowerCase().includes((answer.words ?? '').toLowerCase()) &&
    (answer.isPage ?? isPage) === isPage
  )
}

/** What the operator of the token server compares; a method that it does not list is no mistake, but worth a word. */
function inUse({ settings, clientAuth, supported = [] }: HintFacts): Hint {
  const names = NAMES_IN_METADATA[clientAuth] ?? [clientAuth]
  const methods = listedMethods(supported)
  if (methods === '' || names.some((name) => supported.includes(name))) {
    return { key: 'inUse', values: { method: clientAuth, grant: settings.grantType } }
  }
  return { key: 'methodNotListed', values: { method: clientAuth, methods } }
}

/** The methods that a server lists, as they may be shown. */
export function listedMethods(supported: readonly string[] = []): string {
  const names = supported.filter((name) => /^[\w:.-]{1,40}$/.test(name))
  return names.slice(0, MAX_METHODS).join(', ')
}

/** The request carried an assertion of ours, and so the time. */
function signs({ settings, clientAuth }: HintFacts): boolean {
  return settings.grantType === 'jwt_bearer' || clientAuth.endsWith('_jwt')
}

function clockHints({ clockAheadSeconds = 0 }: HintFacts, carriesTime: boolean): Hint[] {
  const apart = Math.abs(clockAheadSeconds)
  if (!carriesTime || apart <= CLOCK_TOLERANCE_SECONDS) return []
  const key = clockAheadSeconds > 0 ? 'clockAhead' : 'clockBehind'
  return [{ key, values: { seconds: Math.round(apart) } }]
}

/** The server does not tell its time (Keycloak): the clocks may be the reason. */
function clockToo(facts: HintFacts): Hint[] {
  return signs(facts) && facts.clockAheadSeconds === undefined ? [{ key: 'clock' }] : []
}
