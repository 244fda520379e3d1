import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import {
  challengeParameter,
  challengeSchemes,
  type ChallengeScheme
} from '../http-client/challenge.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { printableProse } from '../printable.ts'
import type { Redactor } from '../redactor.ts'
import { repeats, withoutNumbers } from './sent-words.ts'

/** What may be quoted of an answer in an error or a log: short, and without tokens and secrets. */
export interface Quotes {
  /** `type/subtype` of Content-Type. */
  readonly contentType?: string
  /** The target of a redirect, without its query: within its own site the path, else a URL. */
  readonly redirect?: string
  /** The scope that a challenge asks for (RFC 6750 §3). */
  readonly scope?: string
  /** Why it refuses, as a code (RFC 6750 §3, of a token server RFC 6749 §5.2), and in the server's own words. */
  readonly error?: string
  readonly description?: string
  /** How it wants clients to log in, by its challenges. */
  readonly schemes?: readonly ChallengeScheme[]
  /** And nothing of an error: so it answers a request in which it sees no token (RFC 6750 §3.1). */
  readonly isBare?: true
}

/** A request, for what its answer may repeat of it. */
export interface QuotedRequest {
  readonly url: URL
  readonly message: OutgoingMessage
  /** What depends on the message besides its text, or is secret. */
  readonly values: () => string[]
}

/** RFC 6838 §4.2, but no longer than the types in use. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]{0,29}\/[a-z0-9][\w!#$&^.+-]{0,59}$/i

/** A single word. */
const ERROR = /^[a-z][\w.-]{0,59}$/i

/** In the characters that RFC 6750 §3 allows; a longer one is no description. */
const DESCRIPTION = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,500}$/

/**
 * What an explanation may quote of the headers of the answer to this request.
 *
 * @param redactor knows the tokens and secrets that were sent
 */
export function quotesOf(
  headers: HttpReply['headers'],
  request: QuotedRequest,
  redactor: Redactor
): Quotes {
  const quoted = (text: string): string | undefined =>
    printableProse(redactor.hide(text)) || undefined
  // Free text is quoted only if it repeats nothing that was sent.
  const unsent = (text: string, isPath = false): string | undefined => {
    const quote = quoted(text)
    const { message, values } = request
    if (quote === undefined || repeats(text, message, values, isPath)) return undefined
    return withoutNumbers(quote)
  }

  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  const contentType = MEDIA_TYPE.test(type.trim()) ? quoted(type) : undefined
  const redirect = redirectTarget(headers.location, request.url, quoted, (path) =>
    unsent(path, true)
  )
  const scope = quoted(challengeParameter(headers, 'scope') ?? '')
  const code = challengeParameter(headers, 'error') ?? ''
  const error = ERROR.test(code) && quoted(code) === code ? unsent(code) : undefined
  const said = challengeParameter(headers, 'error_description') ?? ''
  const description = DESCRIPTION.test(said) ? unsent(said) : undefined
  const { 'www-authenticate': challenges = '' } = headers
  const schemes = challengeSchemes(headers)
  return {
    ...(schemes.length > 0 && { schemes }),
    ...(schemes.length > 0 && !/error/i.test(challenges) && { isBare: true as const }),
    ...(contentType !== undefined && { contentType }),
    ...(redirect !== undefined && { redirect }),
    ...(scope !== undefined && { scope }),
    ...(error !== undefined && { error }),
    ...(description !== undefined && { description })
  }
}

type Quote = (text: string) => string | undefined

function redirectTarget(
  location = '',
  from: URL,
  quoted: Quote,
  unsent: Quote
): string | undefined {
  const to = location === '' ? null : URL.parse(location, from)
  if (to === null || !/^https?:$/.test(to.protocol)) return undefined
  const path = to.pathname === '/' ? '/' : unsent(to.pathname)
  if (to.origin === from.origin) return path
  return `${quoted(to.origin) ?? ''}${path === '/' ? '' : (path ?? '')}`
}
