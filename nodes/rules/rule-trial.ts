import { replyFacts } from '../../src/delivery/reply-facts.ts'
import { whatFollows, type Follows, type RetryTimes } from '../../src/delivery/what-follows.ts'
import { unframe } from '../../src/hl7/framing.ts'
import { readHeaders, type MessageHeaders } from '../../src/hl7/message-headers.ts'
import { Segments } from '../../src/hl7/segments.ts'
import {
  readReplyInText,
  type ReplyBodyOptions
} from '../../src/hl7-over-http/read-reply-in-text.ts'
import type { Base64Reader } from '../../src/hl7-over-http/find-reply.ts'
import { equalTextParts, rootTextPart } from '../../src/hl7-over-http/root-part.ts'
import type { Attempt, AttemptError } from '../../src/rules/attempt.ts'
import type { ReplyRules } from '../../src/rules/reply-rules.ts'
import { tryRules, type TriedRules } from '../../src/rules/try-rules.ts'

/** An answer that rules are tried with: a reply as text, or why there is none. */
export type TriedAnswer =
  | { failure?: undefined; status: number; contentType: string; text: string }
  | { failure: TriedFailure }

/** Why there is no answer, or none that can be read. */
export type TriedFailure =
  | 'timeout'
  | 'reset'
  | 'connect'
  | 'certificate'
  | 'proxy'
  | 'proxyLogin'
  | 'tokenServer'
  | 'tokenLogin'
  | 'unreadable'

/** What rules are tried with besides an answer. */
export interface TrialSettings extends RetryTimes {
  rules: ReplyRules
  reply: ReplyBodyOptions
  /** A token is sent. */
  hasToken: boolean
  /** HL7 text of the message that the answer is about. */
  sent: string
  /** An earlier attempt of it may have arrived. */
  again: boolean
}

/** What the rules make of an answer, and what follows. */
export interface Trial {
  tried: TriedRules
  follows: Follows
  /** The message that the answer was compared with. */
  sent: { type: string; controlId: string }
  /** It means a refused token: a fresh one is tried first. */
  asksForToken: boolean
  /** The status that it stands for, if that is another one. */
  meaning?: number
}

/** As the clients of the runtime name them. */
const errors: Readonly<Record<TriedFailure, AttemptError & { status?: number }>> = {
  timeout: { code: 'ETIMEDOUT', family: 'timeout', text: 'No answer in time' },
  reset: { code: 'ECONNRESET', family: 'reset', text: 'read ECONNRESET' },
  connect: { code: 'ECONNREFUSED', family: 'connect', text: 'connect ECONNREFUSED' },
  certificate: { code: 'CERT_HAS_EXPIRED', family: 'tls', text: 'certificate has expired' },
  proxy: {
    code: 'ECONNREFUSED',
    family: 'connect',
    atProxy: true,
    text: 'The proxy: connect ECONNREFUSED'
  },
  proxyLogin: {
    code: 'ERR_PROXY_TUNNEL',
    family: 'connect',
    atProxy: true,
    proxyStatus: 407,
    text: 'The proxy answered with HTTP 407'
  },
  tokenServer: { code: 'ECONNREFUSED', family: 'token', text: 'connect ECONNREFUSED' },
  tokenLogin: { code: 'invalid_client', family: 'token', text: 'invalid_client' },
  unreadable: { code: 'ERR_CONTENT_DECODING', status: 200, text: 'The reply cannot be decoded' }
}

/** Asks the rules about an answer, with the code that asks them at run time; sends nothing. */
export async function tryAnswer(answer: TriedAnswer, settings: TrialSettings): Promise<Trial> {
  const { again, hasToken, reply: options, rules } = settings
  const text = unframe(settings.sent)
  const { batchHeaders, controlId, controlIds, replyDue, type } = sentHeaders(text)
  const sent = { controlIds, type, replyDue }
  let attempt: Attempt
  let refusesToken = false
  let meaning: number | undefined
  if (answer.failure !== undefined) {
    const { status, ...error } = errors[answer.failure]
    attempt = { sent, again, ...(status !== undefined && { status }), error }
  } else {
    const { status } = answer
    const whole = answer.text
    const body = rootTextPart(whole, answer.contentType)?.body ?? whole
    const quotable = { text, controlIds, bytes: text, charset: 'utf-8' }
    const parts = equalTextParts(whole, answer.contentType)?.map((part) => part.body) ?? null
    const read = await readReplyInText(body, options, base64Reader, quotable, parts)
    const reply = replyFacts(
      { ...read, whole },
      // What is pasted has come at once, without headers, from nowhere.
      { status, headers: {}, isEmpty: whole === '', isLargeHead: false, waitedMs: 0 },
      { batchHeaders, text }
    )
    attempt = { sent, again, status, reply }
    if (typeof reply.meaning === 'number' && reply.meaning !== status) meaning = reply.meaning
    refusesToken = status === 401 || (reply.meaning === 401 && !reply.isPage)
  }
  const tried = tryRules(rules, attempt)
  return {
    tried,
    follows: whatFollows(attempt, tried.decision, { controlId, type }, settings),
    sent: { type, controlId },
    asksForToken: hasToken && refusesToken,
    ...(meaning !== undefined && { meaning })
  }
}

/** What the header of a message says. */
export function sentHeaders(text: string): MessageHeaders {
  return readHeaders(new Segments(unframe(text)))
}

/** What is pasted is text already: the bytes of base64 in it are UTF-8, or else ISO-8859-1. */
const base64Reader: Base64Reader = {
  beginning: (text) => {
    const digits = digitsOf(text.slice(0, 400))
    // Three bytes have four digits: of what was cut within, none could be read.
    return bytesOf(digits.slice(0, digits.length - (digits.length % 4))) ?? ''
  },
  decode: (text) => {
    const bytes = bytesOf(digitsOf(text))
    if (bytes === undefined) return null
    try {
      const codes = Uint8Array.from(bytes, (one) => one.charCodeAt(0))
      return new TextDecoder('utf-8', { fatal: true }).decode(codes)
    } catch {
      return bytes
    }
  }
}

/** The digits of base64, of whichever alphabet (RFC 4648 §4 and §5). */
function digitsOf(base64: string): string {
  return base64
    .replace(/[\t-\r ]+/g, '')
    .replace(/={1,2}$/, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
}

/** As characters; undefined if there are none. */
function bytesOf(digits: string): string | undefined {
  try {
    return digits === '' ? undefined : atob(digits)
  } catch {
    return undefined
  }
}
