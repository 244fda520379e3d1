import { challengeParameter } from '../http-client/challenge.ts'
import { meaningOfPage } from '../http-client/error-page.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { printable, printableProse } from '../printable.ts'
import { Redactor } from '../redactor.ts'
import { hintsForAnswer, isKnownError, type HintFacts } from './answer-hints.ts'
import type { AddressField, Hint } from './hint.ts'
import type { TokenAnswerUnusable, TokenRefused } from './token-answer.ts'
import { TokenError } from './token-error.ts'

type ReplyHead = Pick<HttpReply, 'status' | 'headers'>

/** What an error about an answer is built from. */
export interface AnswerFacts extends Omit<HintFacts, 'clockAheadSeconds'> {
  /** Wall clock in milliseconds. */
  now: number
  /** Knows the secrets in the request. */
  redactor: Redactor
}

/**
 * The error for a page that says what its status does not: nginx in front of the token server wants a client
 * certificate, or another one.
 *
 * @returns undefined for any other answer
 */
export function pageError(
  { status }: ReplyHead,
  text: string,
  url: string
): TokenError | undefined {
  if (status !== 400 || meaningOfPage(text) !== 'tls') return undefined
  const { host } = new URL(url)
  const message = `Token server ${host}: the server wants a client certificate, or a different one.`
  return new TokenError(message, {
    code: 'ERR_HTTP_STATUS',
    status,
    family: 'tls',
    hints: [{ key: 'clientCertificate' }],
    permanent: true
  })
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
    const { says, hint, permanent } = UNUSABLE[answer.what]
    const message = `The token server ${host} ${says} (HTTP ${status}).`
    return new TokenError(message, {
      code: 'ERR_TOKEN_ANSWER',
      status,
      hints: [{ key: hint }],
      permanent
    })
  }
  const error = safeCode(answer.error ?? challengeParameter(headers, 'error'), facts.redactor)
  const said = answer.description ?? challengeParameter(headers, 'error_description') ?? ''
  const description = printableProse(facts.redactor.hide(said))
  const transient =
    // It rejects its own nonce: it renews them often, or it is several servers.
    (facts.settings.dpop && error === 'use_dpop_nonce') ||
    status >= 500 ||
    status === 429 ||
    status === 408 ||
    TRANSIENT_CODES.has(error ?? '')
  const hints: Hint[] =
    /\bDPoP\b/i.test(description) && !facts.settings.dpop
      ? // Whatever the code: only the description says so.
        [{ key: 'noDpop' }]
      : hintsForAnswer(error ?? '', status, {
          ...facts,
          clockAheadSeconds: clockAhead(headers.date, facts.now)
        })
  const reason = error ?? (description === '' ? 'no reason given' : 'see its description')
  return new TokenError(`The token server ${host} refused (HTTP ${status}): ${reason}.`, {
    code: error ?? 'ERR_HTTP_STATUS',
    status,
    description: description === '' ? undefined : description,
    hints,
    permanent: !transient,
    retryAfterMs: retryAfterMs(headers, facts.now)
  })
}

const UNUSABLE: Record<
  TokenAnswerUnusable['what'],
  { says: string; hint: Hint['key']; permanent: boolean }
> = {
  html: {
    says: 'answered with a web page instead of a token',
    hint: 'answerHtml',
    permanent: false
  },
  empty: { says: 'sent an empty answer', hint: 'answerEmpty', permanent: false },
  'not-json': {
    says: 'answered with something that is not JSON',
    hint: 'answerNotJson',
    permanent: false
  },
  'no-token': {
    says: 'answered without an access_token',
    hint: 'answerNoToken',
    permanent: true
  },
  'bad-token': {
    says: 'sent a token with characters that a token must not have',
    hint: 'answerBadToken',
    permanent: true
  },
  'token-type': {
    says: 'sent a token that is not a Bearer token',
    hint: 'answerTokenType',
    permanent: true
  },
  'not-dpop': {
    says: 'sent a token that is not a DPoP token, although DPoP is on',
    hint: 'answerNotDpop',
    permanent: true
  }
}

/** An error code is a single word; anything else is not repeated. */
function safeCode(error: string | undefined, redactor: Redactor): string | undefined {
  if (error !== undefined && isKnownError(error)) return error
  if (error === undefined || !/^[A-Za-z][\w.-]{0,59}$/.test(error)) return undefined
  return redactor.hide(error) === error ? error : undefined
}

function clockAhead(date: string | undefined, now: number): number | undefined {
  const theirs = Date.parse(date ?? '')
  return Number.isNaN(theirs) ? undefined : (now - theirs) / 1000
}

/**
 * A redirect is never followed: it could carry the secret to a server that nobody configured.
 *
 * @param field the form's field that led there
 * @param redactor knows the secrets in the request
 * @returns the error that names the target, or `undefined` if the answer is not a redirect
 */
export function redirectError(
  { status, headers }: ReplyHead,
  url: string,
  field: AddressField,
  redactor = new Redactor()
): TokenError | undefined {
  if (status < 300 || status >= 400 || status === 304) return undefined
  const location = headers.location ?? ''
  const to = location !== '' && URL.canParse(location, url) ? new URL(location, url) : undefined
  const { host } = new URL(url)
  // Without the query, which may contain anything; the path tells `/token/` from `/token`.
  const target =
    to === undefined || !/^https?:$/.test(to.protocol)
      ? 'nowhere'
      : printable(redactor.hide(`${to.origin}${to.pathname}`), 300)
  return new TokenError(`${host} redirects to ${target} (HTTP ${status}), which is not followed.`, {
    code: 'ERR_REDIRECT',
    status,
    hints: [{ key: 'redirect', values: { field, target } }],
    permanent: true
  })
}
