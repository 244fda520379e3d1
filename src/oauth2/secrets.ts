import type { TokenSettings } from './token-settings.ts'

/** Shown in place of a secret. */
const HIDDEN = '•••'
/** Pieces of a secret this long are hidden too: servers truncate what they echo. */
const PIECE = 6
const MAX_INPUT = 1000
const MAX_OUTPUT = 300
/** A shorter value of a parameter, header or claim is a word, not a secret. */
const MIN_NAMED_VALUE = 4

/**
 * A server's text, made safe for a log: one line, printable, at most 300 characters, without the
 * secrets, parts of them, or anything else that looks like a token.
 *
 * @param secrets what was sent to the server, in each form that it could echo
 */
export function cleanText(text: string, secrets: readonly string[]): string {
  return shortened(hideTokens(hideSecrets(printable(text), secrets)))
}

/** A server's text, unredacted, but on one line, printable, and of at most 300 characters. */
export function shortLine(text: string): string {
  return shortened(printable(text))
}

function shortened(text: string): string {
  return text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT - 1)}…` : text
}

/** A server's text, unredacted, but on one line, printable, and cut after 1000 characters. */
export function oneLine(text: string): string {
  return text.length > MAX_INPUT ? `${printable(text)}…` : printable(text)
}

function printable(text: string): string {
  return text
    .slice(0, MAX_INPUT)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
}

/** For each secret, one pass over the text and one over the secret, however long it is. */
function hideSecrets(text: string, secrets: readonly string[]): string {
  const hidden = new Uint8Array(text.length)
  for (const secret of secrets) {
    const length = Math.min(secret.length, PIECE)
    if (length === 0) continue
    const places = new Map<string, number[]>()
    for (let at = 0; at + length <= text.length; at++) {
      const piece = text.slice(at, at + length)
      const others = places.get(piece)
      if (others === undefined) places.set(piece, [at])
      else others.push(at)
    }
    for (let at = 0; at + length <= secret.length; at++) {
      const piece = secret.slice(at, at + length)
      for (const place of places.get(piece) ?? []) hidden.fill(1, place, place + length)
      places.delete(piece)
    }
  }
  let result = ''
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] === 0) result += text.charAt(at)
    else if (hidden[at - 1] !== 1) result += HIDDEN
  }
  return result
}

/**
 * Hides JSON Web Tokens, and other runs of characters that are not words, addresses or identifiers.
 */
function hideTokens(text: string): string {
  return text
    .replace(/eyJ[\w.-]{5,}/g, HIDDEN)
    .replace(/[\w+/=~.!-]{20,}/g, (run) => (isHarmless(run) ? run : HIDDEN))
}

/** Trace IDs (UUID), host names and paths, even with a tenant's UUID, and joined words. */
function isHarmless(run: string): boolean {
  const uuid = /(?<!\w)[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}(?!\w)/gi
  return run
    .replace(uuid, '')
    .split(/[_/.-]/)
    .every(isWord)
}

/** `microsoftonline`, `oauth2`, `AADSTS90002`, but not part of a random string. */
function isWord(part: string): boolean {
  if (!/\d/.test(part)) return part.length < 20
  return part.length < 12 && (part === part.toLowerCase() || part === part.toUpperCase())
}

/**
 * All secrets that a request carried, in each form in which a server could echo them.
 *
 * @param headers of the request
 * @param body the form that was sent
 */
export function secretsOf(
  settings: TokenSettings,
  headers: Readonly<Record<string, string>>,
  body: unknown
): string[] {
  const plain = [settings.clientSecret, settings.password, settings.privateKeyPassphrase]
  const form = body instanceof URLSearchParams ? body : new URLSearchParams()
  for (const name of ['client_secret', 'client_assertion', 'assertion', 'password']) {
    plain.push(...form.getAll(name))
  }
  const { extraParams, headers: added, assertionClaims } = settings
  for (const { value, secret } of [...extraParams, ...added, ...assertionClaims]) {
    // A value in the flow file may be a key all the same: keys have digits.
    if ((secret || /\d/.test(value)) && value.length >= MIN_NAMED_VALUE) plain.push(value)
  }
  const [, credentials = ''] = (headers['authorization'] ?? '').split(' ')
  const key = settings.privateKey.replace(/-----[A-Z ]{1,40}-----/g, '')
  return [
    ...plain.flatMap((secret) => [
      secret,
      encodeURIComponent(secret.toWellFormed()),
      formEncode(secret),
      basicEncode(secret),
      JSON.stringify(secret).slice(1, -1)
    ]),
    credentials,
    key
  ].filter((secret) => secret !== '')
}

/**
 * Encodes the secret of Basic authentication, or a client ID without a colon. RFC 6749 §2.3.1 wants
 * it form-encoded, but many servers do not decode it: only what a server that decodes would
 * misread is encoded, and a space as `%20`, because not every decoder knows `+`.
 */
export function basicEncode(text: string): string {
  return text.toWellFormed().replace(/[%+&]|[^\x21-\x7e]/gu, encodeURIComponent)
}

/** Encodes a text as `application/x-www-form-urlencoded`. */
function formEncode(text: string): string {
  return new URLSearchParams({ t: text }).toString().slice(2)
}
