import { english } from '../english.ts'
import { isJsonObject, parseJson } from '../json-text.ts'
import type { TokenType } from './token-settings.ts'

/** What a token endpoint's answer says, whatever its form. */
export type TokenAnswer = (TokenGranted | TokenRefused | TokenAnswerUnusable) & {
  /** Deviations from RFC 6749 that were tolerated, one sentence each. */
  quirks: string[]
}

export interface TokenGranted {
  kind: 'granted'
  accessToken: string
  /** Seconds, if the server sent something usable. */
  expiresIn: number | undefined
  /** If it sent one. */
  scope: string | undefined
}

export interface TokenRefused {
  kind: 'refused'
  /** OAuth error code (RFC 6749 §5.2), if it is one. */
  error: string | undefined
  /** The server's own words, not cleaned. */
  description: string | undefined
}

export interface TokenAnswerUnusable {
  kind: 'unusable'
  what: 'html' | 'empty' | 'no-token' | 'not-json' | 'bad-token' | 'token-type' | 'not-dpop'
}

/** A "lifetime" above this is a date in seconds since the epoch (31 years and more). */
const DATE_LIKE = 1e9

type Members = Record<string, unknown>

/**
 * Reads the answer of a token endpoint (RFC 6749 §5.1 and §5.2), as servers really send it, whatever
 * its content type: Glewlwyd sends errors as text.
 *
 * @param status HTTP status, redirects excluded; gateways send tokens with 201 and 203 too
 * @param text the body
 * @param wanted the only token type that is accepted
 */
export function readTokenAnswer(status: number, text: string, wanted: TokenType): TokenAnswer {
  const quirks: string[] = []
  const body = text.trim()
  const members = membersOf(body, quirks)
  const isSuccess = status >= 200 && status < 300
  const accessToken = members?.['access_token'] ?? ''
  if (members !== undefined && isSuccess && accessToken !== '') {
    if (status !== 200) quirks.push(english('log', 'quirk.status', { status }))
    return { ...tokenIn(members, accessToken, wanted, quirks), quirks }
  }
  if (!isSuccess) return { ...refusalIn(members ?? {}), quirks }
  // Home-made servers refuse with status 200.
  if (members?.['error'] || members?.['errorCode']) {
    quirks.push(english('log', 'quirk.errorStatus', { status }))
    return { ...refusalIn(members), quirks }
  }
  return { kind: 'unusable', what: whyUnusable(body, members), quirks }
}

/** The members of a JSON object; of a form, which old servers send; or a bare token, as one. */
function membersOf(text: string, quirks: string[]): Members | undefined {
  const json = parseJson(text)
  if (isJsonObject(json)) return json
  // ASP.NET Core writes a bare token as a JSON string.
  const body = json ?? text
  if (typeof body !== 'string') return undefined
  if (/^[\w.-]+=/.test(body) && /(?:^|&)(?:access_token|error)=/.test(body)) {
    quirks.push(english('log', 'quirk.form'))
    return Object.fromEntries(new URLSearchParams(body))
  }
  if (looksLikeToken(body)) {
    quirks.push(english('log', 'quirk.bareToken'))
    return { access_token: body, token_type: 'Bearer' }
  }
  return undefined
}

/**
 * A sandbox of the CDC sends the token alone. Words such as `ERR_503_MAINTENANCE_MODE` are none: what counts is a JWT
 * (of three parts, or encrypted of five), or letters and digits without anything between them.
 */
function looksLikeToken(text: string): boolean {
  if (/^eyJ[\w-]+(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?$/.test(text)) return true
  return /^[A-Za-z0-9]{20,}$/.test(text) && /[A-Za-z]/.test(text) && /\d/.test(text)
}

function tokenIn(
  members: Members,
  accessToken: unknown,
  wanted: TokenType,
  quirks: string[]
): TokenGranted | TokenAnswerUnusable {
  // RFC 6749 appendix A.12 without the space, which would end the token in a header.
  if (typeof accessToken !== 'string' || !/^[\x21-\x7E]+$/.test(accessToken)) {
    return { kind: 'unusable', what: 'bad-token' }
  }
  const type = tokenType(members['token_type'] ?? '', quirks)
  if (type !== wanted) {
    return { kind: 'unusable', what: wanted === 'DPoP' ? 'not-dpop' : 'token-type' }
  }
  const { expires_in, scope } = members
  const seconds = lifetimeSeconds(expires_in)
  if (seconds === undefined && expires_in !== undefined) {
    quirks.push(english('log', 'quirk.lifetime'))
  }
  if (typeof scope !== 'string' && scope !== undefined) {
    quirks.push(english('log', 'quirk.scope'))
  }
  return {
    kind: 'granted',
    accessToken,
    expiresIn: seconds,
    scope: typeof scope === 'string' ? scope : undefined
  }
}

/** @returns `undefined` for a type that is neither Bearer nor DPoP */
function tokenType(said: unknown, quirks: string[]): TokenType | undefined {
  switch (typeof said === 'string' ? said.toLowerCase() : undefined) {
    case 'bearer':
      return 'Bearer'
    case 'dpop':
      return 'DPoP'
    case 'bearertoken':
      quirks.push(english('log', 'quirk.bearerToken'))
      return 'Bearer'
    case '':
      quirks.push(english('log', 'quirk.noType'))
      return 'Bearer'
    default:
      return undefined
  }
}

/**
 * `expires_in` (RFC 6749 §5.1): a number of seconds, or one in a string (Entra ID v1).
 *
 * @returns `undefined` for anything else: negative, `"3599s"`, a date
 */
function lifetimeSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value
  return typeof seconds === 'number' && seconds >= 0 && seconds < DATE_LIKE ? seconds : undefined
}

/**
 * RFC 6749 §5.2; Okta's `errorCode` and `errorSummary`; Apigee's `ErrorCode` and `Error`; an `error`
 * object with a `status` (Google) or a `code` in words (Microsoft); `message` or `Message` (Amazon API
 * Gateway, Azure API Management); a sentence as `error`, with more words beside it (Keycloak).
 */
function refusalIn(members: Members): TokenRefused {
  const { error } = members
  const inner = isJsonObject(error) ? error : {}
  const codes = [error, members['errorCode'], members['ErrorCode'], inner['code'], inner['status']]
  const words = [
    members['error_description'],
    members['errorSummary'],
    members['Error'],
    members['message'],
    members['Message'],
    inner['message']
  ].find(isText)
  const sentences = [isCode(error) ? undefined : error, words].filter(isText)
  return {
    kind: 'refused',
    error: codes.find(isCode),
    description: sentences.length === 0 ? undefined : sentences.join('. ')
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** A single word; anything else is text for people. */
function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z][\w.-]{0,59}$/i.test(value)
}

/** The words in an answer that is no token, such as a refusal of the metadata. */
export function readRefusal(text: string): TokenRefused {
  return refusalIn(membersOf(text.trim(), []) ?? {})
}

/**
 * Whether a body is markup, which no token server answers with: a page, a piece of one, or XML. What is a page in HTML
 * is another question, where XML may be the answer: see `error-page.ts`.
 */
export function isMarkup(text: string): boolean {
  return text.trimStart().startsWith('<')
}

function whyUnusable(body: string, members: Members | undefined): TokenAnswerUnusable['what'] {
  if (body === '') return 'empty'
  if (isMarkup(body)) return 'html'
  return members === undefined ? 'not-json' : 'no-token'
}
