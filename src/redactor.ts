import { Buffer, isUtf8 } from 'node:buffer'
import { XML_ENTITIES } from './xml-entities.ts'

/** Shown in place of a secret. */
export const HIDDEN = '•••'

/**
 * A shorter secret is in many words, and a secret of letters alone is a word: each is hidden only
 * where it stands alone.
 */
const MIN_ANYWHERE = 8
/** The beginning of a longer secret, in characters, is enough to know it: what goes on is hidden too. */
const MAX_START = 64
/**
 * So many characters of a secret are searched for in all their forms. A pattern with those of thousands is compiled for
 * seconds, or not at all, and the error quotes it; a token server may send a token of a million.
 */
const MAX_FORMS = 256

/**
 * Where a word begins. What another syntax writes before it may end in a letter or a digit: `%3D`,
 * `%253D`, `\u003d`, `\n`.
 */
const WORD_START = '(?<=^|[^\\p{L}\\p{N}_]|%(?:25)?[\\dA-Fa-f]{2}|\\\\u[\\dA-Fa-f]{4}|\\\\[bfnrt])'

/** Any JSON Web Token, whole or cut off: `eyJ` is the base64 of `{"`. */
const JWT = `${WORD_START}eyJ[\\w-]{10,}[\\w.-]*`
const ANY_JWT = new RegExp(JWT, 'gu')

/** Headers whose values begin with a scheme (RFC 9110 §11). */
const CREDENTIALS = /^(?:proxy-)?authorization$/i
/** Schemes that headers of other names carry too. */
const SCHEME = /^(?:basic|bearer|digest|dpop|negotiate|ntlm|token|api-?key)$/i

/**
 * What a server may show of a header with credentials besides its whole value: what stands behind the scheme, and
 * of Basic (RFC 7617) user and password together, and the password.
 */
export function secretsInHeader({ name, value }: { name: string; value: string }): string[] {
  const [, scheme = '', rest = ''] = /^(\S+)\s+(\S.*)$/s.exec(value.trim()) ?? []
  if (rest === '' || !(CREDENTIALS.test(name) || SCHEME.test(scheme))) return []
  if (scheme.toLowerCase() !== 'basic') return [rest]
  const bytes = Buffer.from(rest, 'base64')
  const pair = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
  return [rest, pair, pair.replace(/^[^:]*:?/, '')]
}

/**
 * Hides secrets in texts that come from outside, such as an answer that repeats its request: as they
 * are, percent-encoded, and as JSON and XML write them; and every JSON Web Token whose header begins
 * `{"`. It knows secrets by their beginning, not by pieces, so it leaves words and trace ids alone; and a text has to be redacted before it is cut.
 */
export class Redactor {
  /** With the longest run of letters and digits of each: a text without it does not hold the secret. */
  readonly #secrets = new Map<string, string>()

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret)
  }

  /** @param secret one text: a password, a token, the credentials of a Basic header */
  add(secret: string): void {
    const text = secret.trim()
    if (text !== '' && !this.#secrets.has(text)) this.#secrets.set(text, longestRun(text))
  }

  hide(text: string): string {
    const suspects = this.#suspects(text)
    if (suspects.length === 0) return text.replace(ANY_JWT, HIDDEN)
    const long = suspects.filter(({ length }) => length > MAX_FORMS)
    const shown = long.reduce((shorter, secret) => shorter.replaceAll(secret, HIDDEN), text)
    return shown.replace(patternOf(suspects), HIDDEN)
  }

  /** Whether the text holds one of the secrets. Other JSON Web Tokens are not meant. */
  holdsSecret(text: string): boolean {
    return this.#suspects(text).some((secret) => new RegExp(startFormsOf(secret), 'u').test(text))
  }

  /** The secrets that the text may hold. Most texts hold none, and to search for all forms takes a hundred times as long. */
  #suspects(text: string): string[] {
    return [...this.#secrets].filter(([, run]) => text.includes(run)).map(([secret]) => secret)
  }

  /** `hide` for every text in a JSON value, such as the answer of a route. */
  hideIn<Value>(value: Value): Value {
    return this.#hidden(value) as Value
  }

  #hidden(value: unknown): unknown {
    if (typeof value === 'string') return this.hide(value)
    if (Array.isArray(value)) return value.map((item) => this.#hidden(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, this.#hidden(member)])
    )
  }
}

/** Longer secrets first: a shorter one may be part of them. */
function patternOf(secrets: string[]): RegExp {
  const longestFirst = secrets.sort((a, b) => b.length - a.length)
  return new RegExp([...longestFirst.map(formsOf), JWT].join('|'), 'gu')
}

/** Of the beginning of a secret: no syntax writes letters and digits otherwise. */
function longestRun(secret: string): string {
  const runs = secret.slice(0, MAX_START).match(/[A-Za-z\d]+/g) ?? ['']
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest))
}

/** A secret, each of its characters as it is or as another syntax writes it. */
function formsOf(secret: string): string {
  const rest = formsOfCharacters(charactersOf(secret, MAX_FORMS).slice(MAX_START))
  const start = startFormsOf(secret)
  return rest === '' ? start : `${start}(?:${rest})?(?:[^\\s"'<>&]|&#?\\w{1,8};)*`
}

/** As much of a secret as is enough to know it. */
function startFormsOf(secret: string): string {
  const characters = charactersOf(secret, MAX_START + 1)
  const start = formsOfCharacters(characters.slice(0, MAX_START))
  if (characters.length > MAX_START) return start
  const standsAlone = secret.length < MIN_ANYWHERE || /^\p{L}+$/u.test(secret)
  return standsAlone ? `${WORD_START}${start}(?![\\p{L}\\p{N}_])` : start
}

/** No more than so many, of a text that may be long. */
function charactersOf(text: string, most: number): string[] {
  return Array.from(text.slice(0, 2 * most)).slice(0, most)
}

/**
 * A text must fit them in one way only: with two ways for each character, a search takes twice as long with each. So a
 * backslash is either single everywhere or, as in JSON, double.
 */
function formsOfCharacters(characters: readonly string[]): string {
  const without = (form: string): string =>
    characters.map((character) => formsOfCharacter(character, form)).join('')
  return characters.includes('\\') ? `(?:${without('\\\\')}|${without('\\')})` : without('')
}

/** @param without the form that is left out */
function formsOfCharacter(character: string, without: string): string {
  // Nobody encodes these.
  if (/[A-Za-z\d]/.test(character)) return character
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
  const percent = Buffer.from(character).toString('hex').replace(/../g, '%$&')
  const forms = [
    character,
    // URLs and forms; of the percent sign itself see below
    ...(character === '%' ? [] : [percent, percent.toUpperCase()]),
    ...(character === ' ' ? ['+'] : []),
    // JSON; PHP escapes the slash
    ...(character === '/' ? ['\\/'] : []),
    JSON.stringify(character).slice(1, -1),
    units.map((unit) => `\\u${unit}`).join(''),
    units.map((unit) => `\\u${unit.toUpperCase()}`).join(''),
    // XML
    XML_ENTITIES.get(character) ?? character,
    `&#${code};`,
    `&#x${hex};`,
    `&#x${hex.toUpperCase()};`
  ]
  const pattern = [...new Set(forms)]
    .filter((form) => form !== without)
    .map(escapeRegExp)
    .join('|')
  // A URL in a URL is encoded twice.
  return `(?:${pattern.replaceAll('%', '%(?:25){0,2}')})`
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
