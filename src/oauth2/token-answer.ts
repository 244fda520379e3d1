import { isJsonObject, parseJson } from '../json-text.ts'
import type { TokenType } from './token-settings.ts'

/** What a token endpoint's answer says, without its quirks. */
export type TokenAnswer = (TokenGranted | TokenRefused | TokenAnswerUnusable) & {
  /** Deviations from RFC 6749 that were tolerated, one sentence each. */
  quirks: string[]
}

export interface TokenGranted {
  kind: 'granted'
  /** The answer as in RFC 6749 §5.1, with seconds and scope if the server sent usable ones. */
  token: {
    access_token: string
    token_type: TokenType
    expires_in: number | undefined
    scope: string | undefined
  }
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
/** The shortest text that is taken for a bare token. */
const MIN_BARE_TOKEN = 16
/** So many words at the beginning of a text are enough to know it. */
const MAX_WORDS = 50
type Members = Record<string, unknown>

/** The members that are read, by name without case and underscores. */
const NAMES = new Map(
  [
    ...['access_token', 'token_type', 'expires_in', 'scope', 'error', 'error_description'],
    ...['errorCode', 'errorSummary', 'message']
  ].map((name) => [plainName(name), name])
)

/**
 * Reads the answer of a token endpoint (RFC 6749 §5.1 and §5.2), as servers really send it: other
 * success statuses, token types and content types, form-encoded answers, bare tokens, unusable
 * members, errors with status 200.
 *
 * @param status HTTP status, redirects excluded
 * @param contentType the answer's `content-type`, or `''`
 * @param wanted the only token type that is accepted
 */
export function readTokenAnswer(
  status: number,
  contentType: string,
  body: string,
  wanted: TokenType = 'Bearer'
): TokenAnswer {
  const quirks: string[] = []
  const text = body.replace(/^\uFEFF/, '').trim()
  const { members, bareToken } = parse(text, quirks)
  const success = status >= 200 && status < 300
  const accessToken = success
    ? withoutScheme(members?.['access_token'] ?? bareToken ?? '', quirks)
    : ''

  if (accessToken === '') {
    const refusal = members === undefined ? undefined : refusalIn(members, success)
    if (refusal !== undefined) {
      if (success) quirks.push(`It sends an error with status ${status}.`)
      if (!isJson(contentType)) {
        quirks.push('It sends an error with a content type other than JSON.')
      }
      return { ...refusal, quirks }
    }
    if (!success) return { kind: 'refused', error: undefined, description: undefined, quirks }
    return { kind: 'unusable', what: unusable(text, contentType, members), quirks }
  }

  if (status !== 200) quirks.push(`It sends the token with status ${status} instead of 200.`)
  if (typeof accessToken !== 'string' || !isToken(accessToken)) {
    return { kind: 'unusable', what: 'bad-token', quirks }
  }
  if (wanted === 'DPoP') {
    // Without a type too: used as a Bearer token, it would not be bound to the key.
    if (!isDpop(members)) return { kind: 'unusable', what: 'not-dpop', quirks }
  } else if (!isBearer(members, quirks)) return { kind: 'unusable', what: 'token-type', quirks }
  noteUnusedMembers(members ?? {}, quirks)
  return {
    kind: 'granted',
    token: {
      access_token: accessToken,
      token_type: wanted,
      expires_in: expiresIn(members?.['expires_in'], quirks),
      scope: scope(members?.['scope'], quirks)
    },
    quirks
  }
}

/** RFC 6749 appendix A.12 without the space, which would end the token in a header. */
function isToken(text: string): boolean {
  return /^[\x21-\x7E]+$/.test(text)
}

function isJson(contentType: string): boolean {
  return /^application\/(?:[\w.+-]{1,60}\+)?json\b/i.test(contentType)
}

/**
 * A text that can only be a token: the characters of RFC 6750 §2.1 and Salesforce's `!`, and not an
 * error in words (`invalid_credentials`, `ServiceUnavailable`).
 */
function isBareToken(text: string): boolean {
  return text.length >= MIN_BARE_TOKEN && /^[\w.~+/!-]+={0,9}$/.test(text) && !isWords(text)
}

/** Random letters change their case within a part, or are longer than a word. */
function isWords(text: string): boolean {
  return text
    .split(/[._/!~+-]|(?<=[a-z])(?=[A-Z])/, MAX_WORDS)
    .every((part) => part === '' || /^(?:[a-z]{2,20}|[A-Z]{2,20}|[A-Z][a-z]{1,19})$/.test(part))
}

/** Some servers put the header's value into the answer. */
function withoutScheme(accessToken: unknown, quirks: string[]): unknown {
  if (typeof accessToken !== 'string' || !/^bearer /i.test(accessToken)) return accessToken
  quirks.push('Its access_token begins with "Bearer", which is left out.')
  return accessToken.slice('bearer '.length).trimStart()
}

function parse(text: string, quirks: string[]): { members?: Members; bareToken?: string } {
  const json = parseJson(text)
  if (isJsonObject(json)) return { members: usualNames(json, quirks) }
  const inner = typeof json === 'string' ? parseJson(json) : undefined
  if (isJsonObject(inner)) {
    quirks.push('It sends its JSON object as a JSON string.')
    return { members: usualNames(inner, quirks) }
  }
  if (/^[\w.%+-]{1,40}=/.test(text) && /(?:^|&)(?:access_?token|error)=/i.test(text)) {
    quirks.push('It sends a form-encoded answer instead of JSON.')
    const members = usualNames(Object.fromEntries(new URLSearchParams(text)), quirks)
    const token = members['access_token']
    // No token has a space: it was a plus that should have been encoded.
    if (typeof token === 'string') {
      members['access_token'] = token.replace(/(?<!^bearer) /gi, '+')
    }
    return { members }
  }
  const bareToken = json ?? text
  if (typeof bareToken !== 'string' || !isBareToken(bareToken)) return {}
  quirks.push('It sends the bare token instead of a JSON object.')
  return { bareToken }
}

/** `Access_Token` and `accessToken` count as `access_token`, unless that is present too. */
function usualNames(members: Members, quirks: string[]): Members {
  const usual = { ...members }
  for (const [name, value] of Object.entries(members)) {
    const meant = NAMES.get(plainName(name))
    if (meant === undefined || meant in usual) continue
    usual[meant] = value
    if (meant === 'access_token') quirks.push('It spells access_token differently.')
  }
  return usual
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll('_', '')
}

/**
 * RFC 6749 §5.2; Okta's `errorCode` and `errorSummary`; an `error` object, number or sentence, or
 * just a `message`, as gateways and home-made APIs send. With a success status, there must be an
 * `error`.
 */
function refusalIn(members: Members, success: boolean): TokenRefused | undefined {
  const { error: said, errorCode } = members
  const inner = isJsonObject(said) ? said : undefined
  const codes = [said, errorCode, inner?.['code'], inner?.['status']]
  const error = codes.find(isCode)
  if (success && error === undefined && [undefined, null, '', false, 0].includes(said as null)) {
    return undefined
  }
  const description = firstText(
    members['error_description'],
    members['errorSummary'],
    members['message'],
    inner?.['message'],
    ...codes.filter((code) => !isCode(code))
  )
  return { kind: 'refused', error, description }
}

/** A single word; anything else is text for people. */
function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z][\w.-]{0,59}$/i.test(value)
}

function firstText(...values: unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '')
}

function unusable(
  text: string,
  contentType: string,
  members: Members | undefined
): TokenAnswerUnusable['what'] {
  if (text === '') return 'empty'
  if (text.startsWith('<') || /text\/html/i.test(contentType)) return 'html'
  return members === undefined ? 'not-json' : 'no-token'
}

function isBearer(members: Members | undefined, quirks: string[]): boolean {
  const type = members?.['token_type'] ?? ''
  if (type === '') {
    if (members !== undefined) quirks.push('It sends no token_type; Bearer is assumed.')
    return true
  }
  if (typeof type !== 'string') return false
  const word = type.trim().toLowerCase()
  if (word.length !== type.length) quirks.push('Its token_type has blanks around it.')
  if (word === 'bearertoken') {
    quirks.push('Its token_type is "BearerToken"; the token is used as Bearer.')
  }
  return word === 'bearer' || word === 'bearertoken'
}

function isDpop(members: Members | undefined): boolean {
  const type = members?.['token_type']
  return typeof type === 'string' && type.trim().toLowerCase() === 'dpop'
}

/**
 * `expires_in` (RFC 6749 §5.1): a number of seconds, or one in a string.
 *
 * @returns `undefined` for anything else: negative, `"3599s"`, a date
 */
export function lifetimeSeconds(value: unknown): number | undefined {
  const seconds =
    typeof value === 'string' && /^\s{0,9}\d{1,15}(?:\.\d{0,9})?\s{0,9}$/.test(value)
      ? Number(value)
      : value
  return typeof seconds === 'number' && seconds >= 0 && seconds < DATE_LIKE ? seconds : undefined
}

function expiresIn(value: unknown, quirks: string[]): number | undefined {
  const seconds = lifetimeSeconds(value)
  if (seconds === undefined && value !== undefined) {
    quirks.push('Its expires_in is not a number of seconds; the default lifetime is used.')
  }
  return seconds
}

function scope(value: unknown, quirks: string[]): string | undefined {
  if (typeof value === 'string') return value
  if (value !== undefined) quirks.push('Its scope is not a string and is ignored.')
  return undefined
}

/** Refresh tokens are not used here (RFC 6749 §4.4.3), but an invalid one is worth a note. */
function noteUnusedMembers(members: Members, quirks: string[]): void {
  for (const name of ['refresh_token', 'id_token']) {
    const value = members[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      quirks.push(`Its ${name} is not a string and is ignored.`)
    }
  }
}
