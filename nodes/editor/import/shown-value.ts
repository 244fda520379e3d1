/** What stands in place of a secret. */
export const HIDDEN = '•••'

/** The most characters of a value that are shown. */
const MAX_SHOWN = 200

const SECRET_NAME = new RegExp(
  [
    'password|passwd|passphrase|passcode|secret|pwd$|^pass$|^pin$',
    '(?:api|access|private|subscription|functions?|auth|shared|account)key',
    '^key$|^code$|^sig$|signature$|authorization$|cookie$|sessionid$',
    '(?:^|access|auth|api|client|session|security|bearer|id|refresh|x)token$'
  ].join('|')
)

/** Whether what has this name is a secret: of a header, a parameter or a setting. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[^a-z]/g, ''))
}

/** A value of the source as it may be shown. Secrets and HL7 are hidden, also in the middle of an URL or a text. */
export function shownValue(name: string, value: string): string {
  const text = value.trim()
  if (text === '') return ''
  return isSecretName(name) ? HIDDEN : shownText(text)
}

/** The same for a text that has no name of its own. */
export function shownText(text: string): string {
  const shown = text
    .replace(/MSH[|^~&#][^]*/, 'MSH…')
    .replace(/TVNI[\w+/=]{8,}/g, 'TVNI…')
    .replace(/(:\/\/)[^/?#\s@]*@/g, `$1${HIDDEN}@`)
    .replace(/(<(?:\w+:)?([\w.-]+)>)([^<]+)(?=<\/)/g, hideContent)
    .replace(/\b(bearer|basic)(\s+)(?![$<{])\S+/gi, `$1$2${HIDDEN}`)
    .replace(
      /([?&;\s"'{]|^)([\w.-]+)(["']?\s*[=:]\s*["']?)(?![$<{]|\/\/)([^&\s"'<>,;]+)/g,
      hideValue
    )
  return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown
}

/** Of an element within a text: its content, if its name is that of a secret. */
function hideContent(element: string, tag: string, name: string): string {
  return isSecretName(name) ? `${tag}${HIDDEN}` : element
}

/** Of a pair within a text: its value, if its name is that of a secret. */
function hideValue(pair: string, before: string, name: string, between: string): string {
  return isSecretName(name) ? `${before}${name}${between}${HIDDEN}` : pair
}

/** Whether something in a text waits for its value, or was left out: `<client_id>`, `{{token}}`, `YOUR_KEY`, `eyJ…`. */
export function hasPlaceholder(text: string): boolean {
  return /<[\w .-]+>|\{\{[\w .-]+\}\}|\/\{\w+\}|\/:[a-z]\w*|\[[A-Z_]{3,}\]|\b(?:YOUR|MY)[_-]\w+|\.{3}|…|\*{3}|\b(?:x{4,}|X{3,})\b/.test(
    text
  )
}

/** Whether a text has a variable in it, or the output of a command: what it is, is known only there. */
export const hasReference = (text: string): boolean => /\$[{(]/.test(text)
