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
  const line = withoutControls(withoutReferences(text.slice(0, MAX_INPUT)))
  return shortened(hideTokens(hideSecrets(line, secrets)))
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
  return withoutControls(text.slice(0, MAX_INPUT))
}

const CHARACTERS = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Some servers write them into errors too: a secret would look different. */
function withoutReferences(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{2,3})|#x([\da-f]{2}));/gi,
    (_, name: string | undefined, decimal: string | undefined, hex: string) =>
      name === undefined
        ? String.fromCharCode(decimal === undefined ? parseInt(hex, 16) : Number(decimal))
        : CHARACTERS[name.toLowerCase() as keyof typeof CHARACTERS]
  )
}

function withoutControls(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
}

/**
 * Whatever the case of ASCII letters: host names, for example, are in lower case. One pass over the
 * text for each length of a piece, and one over each secret, however long it is.
 *
 * @param text as `printable` returns it
 */
function hideSecrets(text: string, secrets: readonly string[]): string {
  const folded = lowerCase(text)
  const hidden = new Uint8Array(text.length)
  const places = new Map<number, Map<string, number[]>>()
  for (const secret of secrets) {
    // The text has no control characters and no two blanks in a row either.
    const wanted = lowerCase(withoutControls(secret))
    const length = Math.min(wanted.length, PIECE)
    if (length === 0) continue
    const pieces = places.get(length) ?? piecesOf(folded, length)
    places.set(length, pieces)
    for (let at = 0; at + length <= wanted.length; at++) {
      const piece = wanted.slice(at, at + length)
      for (const place of pieces.get(piece) ?? []) hidden.fill(1, place, place + length)
      pieces.delete(piece)
    }
  }
  let result = ''
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] === 0) result += text.charAt(at)
    else if (hidden[at - 1] !== 1) result += HIDDEN
  }
  return result
}

/** Where each piece of this length is in the text. */
function piecesOf(text: string, length: number): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (let at = 0; at + length <= text.length; at++) {
    const piece = text.slice(at, at + length)
    const others = places.get(piece)
    if (others === undefined) places.set(piece, [at])
    else others.push(at)
  }
  return places
}

/** Only ASCII letters: with others, the length could change. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Whether a text contains a secret or a piece of one. */
export function hasSecret(text: string, secrets: readonly string[]): boolean {
  const line = printable(text)
  return hideSecrets(line, secrets) !== line
}

/** The path of a URL without secrets; each part is judged alone, because a long path is no token. */
export function cleanPath(path: string, secrets: readonly string[]): string {
  return hideSecrets(printable(path), secrets).split('/').map(hideTokens).join('/')
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
  const forms = plain.flatMap((secret) => [
    ...formsOf(secret),
    formEncode(secret),
    basicEncode(secret),
    JSON.stringify(secret).slice(1, -1)
  ])
  return [...new Set([...forms, credentials, key])].filter((secret) => secret !== '')
}

/** A secret as it is, percent-encoded, in hexadecimal, and in base64 as part of a longer text. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  // In base64 it looks different after one or two other bytes, which have a part in 2 or 3 digits.
  const shifted = [0, 2, 3].map((digits, before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(digits)
  )
  const encoded = [
    encodeURIComponent(secret.toWellFormed()),
    bytes.toString('hex'),
    // Less of a very short secret is in many words.
    ...shifted.filter((form) => form.length >= 4)
  ]
  return [secret, ...encoded].filter((form) => form !== '')
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
