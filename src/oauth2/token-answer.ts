import { lifetimeSeconds } from './token-lifetime.ts'

/** What a token endpoint's answer says, once its quirks are taken out. */
export type TokenAnswer = (TokenGranted | TokenRefused | TokenAnswerUnusable) & {
  /** Deviations from RFC 6749 that were tolerated, one sentence each. */
  quirks: string[]
}

export interface TokenGranted {
  kind: 'granted'
  accessToken: string
  /** As the server wrote it; `Bearer` where it wrote nothing. */
  tokenType: string
  /** Seconds; `undefined` when the server sent nothing usable. */
  expiresIn: number | undefined
  scope: string | undefined
}

export interface TokenRefused {
  kind: 'refused'
  /** OAuth error code (RFC 6749 §5.2), as far as it is one. */
  error: string | undefined
  /** The server's own words, not cleaned yet. */
  description: string | undefined
}

export interface TokenAnswerUnusable {
  kind: 'unusable'
  what: 'html' | 'empty' | 'no-token' | 'not-json' | 'bad-token' | 'token-type'
}

/** The shortest text that is taken for a bare token. */
const MIN_BARE_TOKEN = 16
type Members = Record<string, unknown>

/**
 * Reads the answer of a token endpoint (RFC 6749 §5.1 and §5.2), as servers really write it: other
 * success statuses, token types and content types, form-encoded answers, bare tokens, unusable
 * members, errors with status 200.
 *
 * @param status HTTP status, redirects excluded
 * @param contentType the answer's `content-type`, or `''`
 */
export function readTokenAnswer(status: number, contentType: string, body: string): TokenAnswer {
  const quirks: string[] = []
  const text = body.replace(/^\uFEFF/, '').trim()
  const { members, bareToken } = parse(text, quirks)
  const success = status >= 200 && status < 300
  const accessToken = success ? (members?.['access_token'] ?? bareToken ?? '') : ''

  if (accessToken === '') {
    const refusal = members === undefined ? undefined : refusalIn(members)
    if (refusal !== undefined) {
      if (success) quirks.push(`It sends an error with status ${status}.`)
      if (!isJson(contentType)) {
        quirks.push('It sends an error under another content type than JSON.')
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
  const tokenType = bearerType(members, quirks)
  if (tokenType === undefined) return { kind: 'unusable', what: 'token-type', quirks }
  noteUnusedMembers(members ?? {}, quirks)
  return {
    kind: 'granted',
    accessToken,
    tokenType,
    expiresIn: expiresIn(members?.['expires_in'], quirks),
    scope: scope(members?.['scope'], quirks),
    quirks
  }
}

/** RFC 6749 appendix A.12 without the space, which a header would end at. */
function isToken(text: string): boolean {
  return /^[\x21-\x7E]+$/.test(text)
}

function isJson(contentType: string): boolean {
  return /^application\/(?:[\w.+-]{1,60}\+)?json\b/i.test(contentType)
}

function parse(text: string, quirks: string[]): { members?: Members; bareToken?: string } {
  const json = parseJson(text)
  if (isMembers(json)) return { members: json }
  if (typeof json === 'string' && json.length >= MIN_BARE_TOKEN) {
    quirks.push('It sends the bare token instead of a JSON object.')
    return { bareToken: json }
  }
  if (json !== undefined) return {}
  if (/^[\w.%+-]{1,40}=/.test(text) && /(?:^|&)(?:access_token|error)=/.test(text)) {
    quirks.push('It sends a form-encoded answer instead of JSON.')
    return { members: Object.fromEntries(new URLSearchParams(text)) }
  }
  // Markup and broken JSON are no tokens, though some hold no space.
  if (text.length >= MIN_BARE_TOKEN && isToken(text) && !/^[<{["]/.test(text)) {
    quirks.push('It sends the bare token instead of a JSON object.')
    return { bareToken: text }
  }
  return {}
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** RFC 6749 §5.2; Okta's `errorCode` and `errorSummary`; an `error` object as home-made APIs have. */
function refusalIn(members: Members): TokenRefused | undefined {
  const inner = isMembers(members['error']) ? members['error'] : undefined
  const error = firstText(
    members['error'],
    members['errorCode'],
    inner?.['code'],
    inner?.['status']
  )
  const description = firstText(
    members['error_description'],
    members['errorSummary'],
    members['message'],
    inner?.['message']
  )
  if (error === undefined && inner === undefined) return undefined
  return { kind: 'refused', error, description }
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

function bearerType(members: Members | undefined, quirks: string[]): string | undefined {
  const type = members?.['token_type']
  if (type === undefined || type === null || type === '') {
    if (members !== undefined) quirks.push('It sends no token_type; Bearer is assumed.')
    return 'Bearer'
  }
  if (typeof type !== 'string') return undefined
  switch (type.toLowerCase()) {
    case 'bearer':
      return type
    case 'bearertoken':
      quirks.push('Its token_type is "BearerToken"; the token is used as Bearer.')
      return type
    default:
      return undefined
  }
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
  if (value !== undefined) quirks.push('Its scope is not a text and is ignored.')
  return undefined
}

/** A refresh token has no use here (RFC 6749 §4.4.3), but what cannot be one is worth a word. */
function noteUnusedMembers(members: Members, quirks: string[]): void {
  for (const name of ['refresh_token', 'id_token']) {
    const value = members[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      quirks.push(`Its ${name} is not a text and is ignored.`)
    }
  }
}
