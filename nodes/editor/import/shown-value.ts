/** What stands in place of a secret. */
export const HIDDEN = '•••'

/** The most characters of a value that are shown. */
const MAX_SHOWN = 200

const SECRET_NAME = new RegExp(
  [
    'password|passwd|passphrase|passcode|secret|pwd$|pass$|pw$|psw$|(?:access|security|pin)code$',
    'passwort|kennwort|motdepasse|contrasen?a|wachtwoord|senha$',
    '(?:api|access|private|subscription|functions?|auth|shared|account)key',
    '(?:license|site|user|consumer|master|vendor|integration|pass)key$|psk$|hmac(?:key)?$|jwt$',
    '^key$|^code$|^sig$|^xauth$|signature$|assertion$|authorization$|credentials?$|cookie$|sessionid$',
    // `UsernameToken` of WS-Security is a name with a password.
    '(?<!username)token(?:value)?$'
  ].join('|')
)

/** Whether what has this name is a secret: of a header, a parameter or a setting. */
export function isSecretName(name: string): boolean {
  const isPin = /(?:^|[^a-z])pin$/i.test(name)
  return isPin || SECRET_NAME.test(name.toLowerCase().replace(/[^a-z]/g, ''))
}

/** Whether a text has a secret in it that says so: `Bearer eyJ…`, `password=…`, `https://name:password@…`. */
export const holdsSecret = (text: string): boolean => withoutSecrets(text) !== text

/** Whether a value is one: its name says so, or itself. */
export const isSecret = (name: string, value: string): boolean =>
  isSecretName(name) || holdsSecret(value)

/** A value of the source as it may be shown. Secrets and HL7 are hidden, also in the middle of an URL or a text. */
export function shownValue(name: string, value: string): string {
  const text = value.trim()
  if (text === '') return ''
  return isSecretName(name) ? HIDDEN : shownText(text)
}

/**
 * The same for a text that has no name of its own.
 *
 * @param secrets what is known to be one
 */
export function shownText(text: string, secrets: readonly string[] = []): string {
  const known = secrets
    .slice(0, MAX_SHOWN)
    .filter((secret) => secret !== '')
    .sort((one, other) => other.length - one.length)
  const rest = known.reduce((before, secret) => before.replaceAll(secret, HIDDEN), text)
  const shown = withoutSecrets(
    rest
      .replace(/MSH[|^~&#][^]*/, 'MSH…')
      .replace(/TVNI[\w+/=]{8,}/g, 'TVNI…')
      // An address, as a command may have it.
      .replace(/^([\w.+-]+:)[^/?#\s@]+@(?=[^\s@])/, `$1${HIDDEN}@`)
  )
  return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown
}

function withoutSecrets(text: string): string {
  const shown = text
    .replace(/(:\/\/)[^/?#\s@]+@(?=[^\s@])/g, `$1${HIDDEN}@`)
    .replace(/(<(?:[\w-]+:)?([\w.-]+)(?:\s[^<>]*)?>(?:\s*<!\[CDATA\[)?)([^<]+)/g, hideContent)
    .replace(/\b(bearer|basic)(\s+)(?![$<{])\S+/gi, `$1$2${HIDDEN}`)
  return hideValues(shown)
}

/** Of an element within a text: its content, if its name is that of a secret. */
function hideContent(element: string, tag: string, name: string, content: string): string {
  const isVisible = !isSecretName(name) || /^(?:\s*$|\s*\$)/.test(content.slice(0, MAX_SHOWN))
  return isVisible ? element : `${tag}${HIDDEN}`
}

/** A name with what separates it from its value: `password=`, `"password": `; no namespace. */
const NAME = /(?<![\w.-]|xmlns:)([\w.-]+)\\*["']?\s*[=:]\s*/g

/** A value: in quotes, a list, an object or a word; no variable or placeholder. */
const VALUE =
  /(?!\\*["']?(?:[$<•]|\{\{|\{\w*\})|\/\/)(?:\\*"[^"]+"?|\\*'[^']+'?|\[[^\]]+\]?|\{[^}]+\}?|[^&\s"'<>,;]+)/y

/** Of pairs within a text: their values, if their names are those of secrets. */
function hideValues(text: string): string {
  let shown = ''
  let end = 0
  for (const match of text.matchAll(NAME)) {
    if (match.index < end || !isSecretName(match[1] ?? '')) continue
    const start = match.index + match[0].length
    VALUE.lastIndex = start
    const [value] = VALUE.exec(text) ?? []
    if (value === undefined) continue
    const quote = /^\\*["']/.exec(value)?.[0] ?? ''
    shown += text.slice(end, start) + quote + HIDDEN + (value.endsWith(quote) ? quote : '')
    end = start + value.length
  }
  return shown + text.slice(end)
}

/**
 * Whether something in a text waits for its value, or was left out: `<client_id>`, `{{token}}`, `[client_id]`,
 * `YOUR_KEY`, `eyJ…`. In single braces and in brackets, letters only: with digits, it is an identifier or a list.
 */
export function hasPlaceholder(text: string): boolean {
  return /<[\w .-]+>|\{\{[\w .-]+\}\}|\/\{\w+\}|\/:[a-z]\w*|(?<![\w$])\{[A-Za-z]+(?:[ _.-][A-Za-z]+)*\}|(?<![\w\]])\[[A-Za-z]+(?:[ _.-][A-Za-z]+)*\]|\b(?:YOUR|MY)[_-]\w+|(?:\.{3}|…|\*{3}|\b(?:x{4,}|X{4,}))$/.test(
    text
  )
}

/** Whether a text has a variable in it, or the output of a command: what it is, is known only there. */
export const hasReference = (text: string): boolean => /\$[{(]/.test(text)
