import { cleanText, formsOf } from '../oauth2/secrets.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import { repeats, withoutNumbers } from './sent-words.ts'

/** What may be quoted of an answer's headers in an error or a log: short, and without the token. */
export interface Quotes {
  /** `type/subtype` of Content-Type. */
  readonly contentType?: string
  /** The target of a redirect, without its query: within its own site the path, else a URL. */
  readonly redirect?: string
  /** The scope that a challenge asks for (RFC 6750 §3). */
  readonly scope?: string
  /** Why it refuses, in the receiver's words (RFC 6750 §3). */
  readonly description?: string
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

const SCOPE = /scope="([^"]+)"/i
/** In the characters that RFC 6750 §3 allows; a longer one is no description. */
const DESCRIPTION = /(?:^|[\s,])error_description *= *"([\x20\x21\x23-\x5b\x5d-\x7e]{1,500})"/i

/** A piece of a token of this length, in letters and digits, is not quoted either. */
const PIECE = 6

/**
 * Keeps the tokens of one attempt out of all texts about it: a receiver, or a gateway in front of
 * it, may repeat in its answer what it was sent. A header that contains a piece of a token is not
 * quoted, whether it is plain, percent-encoded, in base64 or hexadecimal, with other characters in
 * between, or in lower case (as in host names).
 */
export class TokenRedaction {
  readonly #tokens: string[] = []

  /** A token that was sent in this attempt. */
  add(token: string): void {
    this.#tokens.push(token)
  }

  /** One of our own sentences, which may contain text from outside. */
  hide(text: string): string {
    return this.#tokens.flatMap(formsOf).reduce((left, form) => left.replaceAll(form, '•••'), text)
  }

  /** What an explanation may quote of the headers of the answer to this request. */
  quotes(headers: HttpReply['headers'], request: QuotedRequest): Quotes {
    const [first = ''] = (headers['content-type'] ?? '').split(';', 1)
    const type = first.trim()
    const contentType = MEDIA_TYPE.test(type) ? this.#quoted(type) : undefined
    const redirect = this.#redirect(headers.location, request)
    const challenge = headers['www-authenticate'] ?? ''
    const scope = this.#quoted(SCOPE.exec(challenge)?.[1] ?? '')
    const description = this.#unsent(DESCRIPTION.exec(challenge)?.[1] ?? '', request)
    return {
      ...(contentType !== undefined && { contentType }),
      ...(redirect !== undefined && { redirect }),
      ...(scope !== undefined && { scope }),
      ...(description !== undefined && { description })
    }
  }

  #redirect(location = '', request: QuotedRequest): string | undefined {
    const to = location === '' ? null : URL.parse(location, request.url)
    if (to === null || !/^https?:$/.test(to.protocol)) return undefined
    const path = to.pathname === '/' ? undefined : this.#unsent(to.pathname, request)
    if (to.origin === request.url.origin) return to.pathname === '/' ? '/' : path
    const origin = this.#quoted(to.origin)
    return origin === undefined ? 'another site' : origin + (path ?? '')
  }

  /** Free text: quoted only if it repeats nothing that was sent. */
  #unsent(text: string, { message, values }: QuotedRequest): string | undefined {
    const quote = this.#quoted(text)
    if (quote === undefined || repeats(text, message, values)) return undefined
    return withoutNumbers(quote)
  }

  #quoted(text: string): string | undefined {
    const quote = cleanText(text, [])
    const plain = plainOf(quote)
    for (const form of this.#tokens.flatMap(formsOf).map(plainOf)) {
      const length = Math.min(form.length, PIECE)
      for (let at = 0; length > 0 && at + length <= plain.length; at++) {
        if (form.includes(plain.slice(at, at + length))) return undefined
      }
    }
    return quote || undefined
  }
}

/** Only letters and digits, in lower case. */
function plainOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '')
}
