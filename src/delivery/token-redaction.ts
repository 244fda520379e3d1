import { cleanText } from '../oauth2/secrets.ts'
import type { HttpReply } from '../http-client/http-client.ts'

/** What may be quoted of an answer's headers in an error or a log: short, and without the token. */
export interface Quotes {
  /** `type/subtype` of Content-Type. */
  readonly contentType?: string
  /** Where a redirect leads to, if to another site. */
  readonly redirect?: string
  /** The scope that a challenge asks for (RFC 6750 §3). */
  readonly scope?: string
}

/** RFC 6838 §4.2, and no longer than the types that are in use. */
const MEDIA_TYPE = /^[a-z0-9][\w!#$&^.+-]{0,29}\/[a-z0-9][\w!#$&^.+-]{0,59}$/i

/** A piece of a token that is as long as this, in letters and digits, is not quoted either. */
const PIECE = 6

/**
 * Keeps the tokens of one attempt out of what is said of it: a receiver, or what stands before it, may
 * repeat in its answer what it was sent. A header that holds a piece of a token is not quoted: as it is,
 * percent-encoded, in base64 or hexadecimal digits, whatever stands between and in small letters too
 * (host names are).
 */
export class TokenRedaction {
  readonly #tokens: string[] = []

  /** A token that was sent in this attempt. */
  add(token: string): void {
    this.#tokens.push(token)
  }

  /** A sentence of ours, which may hold words from elsewhere. */
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
  // In base64 it looks another way behind one or two bytes of something else.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4)
  )
  const forms = [token, encodeURIComponent(token), bytes.toString('hex'), ...shifted]
  return forms.filter((form) => form !== '')
}

/** Letters and digits alone, in small letters. */
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
