import { cleanText } from '../oauth2/secrets.ts'
import type { HttpReply } from '../http-client/http-client.ts'

/** What may be quoted of an answer's headers in an error or a log: short, and without the token. */
export interface Quotes {
  /** `type/subtype` of Content-Type. */
  readonly contentType?: string
  /** The target of a redirect, if it is another site. */
  readonly redirect?: string
  /** The scope that a challenge asks for (RFC 6750 §3). */
  readonly scope?: string
}

/** RFC 6838 §4.2, but no longer than the types in use. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]{0,29}\/[a-z0-9][\w!#$&^.+-]{0,59}$/i

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

  /** What an explanation may quote of these headers. */
  quotes(headers: HttpReply['headers']): Quotes {
    const [first = ''] = (headers['content-type'] ?? '').split(';', 1)
    const type = first.trim()
    const contentType = MEDIA_TYPE.test(type) ? this.#quoted(type) : undefined
    const origin = originOf(headers.location)
    const scope = this.#quoted(wantedScope(headers['www-authenticate']))
    return {
      ...(contentType !== undefined && { contentType }),
      ...(origin !== undefined && { redirect: this.#quoted(origin) ?? 'another site' }),
      ...(scope !== undefined && { scope })
    }
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

function formsOf(token: string): string[] {
  const bytes = Buffer.from(token)
  // In base64 it looks different after one or two other bytes.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4)
  )
  const forms = [token, encodeURIComponent(token), bytes.toString('hex'), ...shifted]
  return forms.filter((form) => form !== '')
}

/** Only letters and digits, in lower case. */
function plainOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function originOf(location: string | undefined): string | undefined {
  const url = URL.parse(location ?? '')
  return url !== null && /^https?:$/.test(url.protocol) ? url.origin : undefined
}

function wantedScope(challenge = ''): string {
  return /scope="([^"]+)"/i.exec(challenge)?.[1] ?? ''
}
