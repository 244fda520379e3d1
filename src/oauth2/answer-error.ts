import { english } from '../english.ts'
import { challengeParameter } from '../http-client/challenge.ts'
import { meaningOfPage } from '../http-client/error-page.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { printable, printableProse } from '../printable.ts'
import type { Redactor } from '../redactor.ts'
import {
  hintsForAnswer,
  listedMethods,
  type HintFacts,
  type RefusedAnswer
} from './answer-hints.ts'
import { withoutBoilerplate } from './boilerplate.ts'
import { addressField, type AddressField, type Hint } from './hint.ts'
import { isMarkup, type TokenAnswerUnusable, type TokenRefused } from './token-answer.ts'
import { mayPass, TokenError } from './token-error.ts'

type ReplyHead = Pick<HttpReply, 'status' | 'headers'>

/** What an error about an answer is built from. */
export interface AnswerFacts extends Omit<HintFacts, 'clockAheadSeconds'> {
  /** The body of the answer. */
  text: string
  /** Wall clock in milliseconds. */
  now: number
  /** Knows the secrets in the request. */
  redactor: Redactor
}

/** An answer, and where it came from. */
export interface Answered {
  reply: ReplyHead
  /** Its body. */
  text: string
  url: string
  /** The form's field that led there. */
  field: AddressField
}

/**
 * The error for an answer from in front of a token server: a redirect, or a page about the client certificate.
 *
 * @param redactor knows the secrets in the request
 * @returns undefined for any other answer
 */
export function errorInFront(answered: Answered, redactor: Redactor): TokenError | undefined {
  return redirectError(answered, redactor) ?? pageError(answered)
}

/** nginx answers 400 where it wants a client certificate, or another one. */
function pageError({ reply: { status }, text, url }: Answered): TokenError | undefined {
  if (status !== 400 || meaningOfPage(text) !== 'tls') return undefined
  const { host } = new URL(url)
  return new TokenError(english('log', 'token.wantsCertificate', { host }), {
    code: 'ERR_HTTP_STATUS',
    status,
    host,
    family: 'tls',
    hints: [{ key: 'clientCertificate' }],
    permanent: true
  })
}

/** *Automatic* has a secret, and the server lists neither way to send it. A wrong guess would count as a failed login. */
export function noMethodError(host: string, supported: readonly string[] | undefined): TokenError {
  const methods = listedMethods(supported)
  return new TokenError(english('log', 'token.noSecretMethod', { host }), {
    code: 'CONFIG',
    host,
    hints: [{ key: 'chooseListed', values: { methods } }],
    permanent: true
  })
}

/** OAuth codes (RFC 6749 §4.1.2.1, RFC 8628 §3.5) for problems that may pass. */
const TRANSIENT_CODES = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The error for a token endpoint's answer without a usable token. */
export function answerError(
  answer: TokenRefused | TokenAnswerUnusable,
  reply: ReplyHead,
  url: string,
  facts: AnswerFacts
): TokenError {
  const { status } = reply
  const { host } = new URL(url)
  if (answer.kind === 'refused') return refusalError(answer, reply, host, facts)
  const { what } = answer
  return new TokenError(english('log', `token.unusable.${what}`, { host, status }), {
    code: 'ERR_TOKEN_ANSWER',
    status,
    host,
    hints: [hintForUnusable(what, facts, host)],
    // What is in front of the token server may go away.
    permanent: !isFromInFront(what)
  })
}

function hintForUnusable(
  what: TokenAnswerUnusable['what'],
  { settings }: AnswerFacts,
  host: string
): Hint {
  if (isFromInFront(what)) {
    return { key: 'notTokenServer', values: { field: addressField(settings) } }
  }
  return what === 'bad-token'
    ? { key: 'askOperator', values: { host } }
    : { key: `unusable.${what}` }
}

/** No token server answers so. */
function isFromInFront(what: TokenAnswerUnusable['what']): what is 'html' | 'empty' | 'not-json' {
  return what === 'html' || what === 'empty' || what === 'not-json'
}

function refusalError(
  answer: TokenRefused,
  { status, headers }: ReplyHead,
  host: string,
  facts: AnswerFacts
): TokenError {
  const { redactor, settings } = facts
  const error = safeCode(answer.error ?? challengeParameter(headers, 'error'), redactor)
  const said = answer.description ?? challengeParameter(headers, 'error_description') ?? ''
  const words = printableProse(withoutBoilerplate(redactor.hide(said)))
  const isTransient =
    // It rejects its own nonce: it renews them often, or it is several servers.
    (settings.dpop && error === 'use_dpop_nonce') ||
    mayPass(status) ||
    TRANSIENT_CODES.has(error ?? '')
  const refusal = { error: error ?? '', status, words, isPage: isMarkup(facts.text) }
  const clockAheadSeconds = clockAhead(headers.date, facts.now)
  const client = printable(redactor.hide(settings.clientId), 60)
  const sentence = english('log', `token.${whatHappened(refusal)}`, { host, client, status })
  return new TokenError(sentence, {
    code: error ?? 'ERR_HTTP_STATUS',
    status,
    host,
    error,
    description: words === '' ? undefined : words,
    hints: hintsForAnswer(refusal, { ...facts, clockAheadSeconds }, host),
    permanent: !isTransient,
    retryAfterMs: retryAfterMs(headers, facts.now)
  })
}

function whatHappened({
  error,
  isPage,
  status,
  words
}: RefusedAnswer): 'page' | 'failed' | 'refused' | 'refusedSilently' {
  if (isPage) return 'page'
  if (status >= 500) return 'failed'
  return error === '' && words === '' ? 'refusedSilently' : 'refused'
}

/** An error code is a single word; anything else is not repeated. */
function safeCode(error: string | undefined, redactor: Redactor): string | undefined {
  if (error === undefined || !/^[A-Za-z][\w.-]{0,59}$/.test(error)) return undefined
  return redactor.hide(error) === error ? error : undefined
}

function clockAhead(date: string | undefined, now: number): number | undefined {
  const theirs = Date.parse(date ?? '')
  return Number.isNaN(theirs) ? undefined : (now - theirs) / 1000
}

/** A redirect is never followed: it could carry the secret to a server that nobody configured. */
function redirectError(
  { reply: { status, headers }, url, field }: Answered,
  redactor: Redactor
): TokenError | undefined {
  if (status < 300 || status >= 400 || status === 304) return undefined
  const location = headers.location ?? ''
  const to = location !== '' && URL.canParse(location, url) ? new URL(location, url) : undefined
  const { host } = new URL(url)
  const isAddress = to !== undefined && /^https?:$/.test(to.protocol)
  // Without the query, which may contain anything; the path tells `/token/` from `/token`.
  const target = isAddress ? printable(redactor.hide(`${to.origin}${to.pathname}`), 300) : 'nowhere'
  return new TokenError(english('log', 'token.redirect', { host, target, status }), {
    code: 'ERR_REDIRECT',
    status,
    host,
    hints: [{ key: isAddress ? 'redirect' : 'notTokenServer', values: { field } }],
    permanent: true
  })
}
