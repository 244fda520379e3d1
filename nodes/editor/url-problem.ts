import { isLoopback } from '../../src/http-client/loopback.ts'

/** Why a URL cannot be used; the key of its words in the locales under `problem`. */
export type UrlProblem =
  | ''
  | 'urlEmpty'
  | 'urlPartialVariable'
  | 'urlInvalid'
  | 'urlScheme'
  | 'urlPlainHttp'
  | 'urlUserInfo'

/**
 * Judges a URL as the runtime does: `https:`, or `http:` to a loopback host, without user info.
 * What the URL standard takes is taken: IPv6, ports, long hosts, underscores.
 *
 * @param value the field's text; a whole-value `${ENV}` never arrives here, Node-RED accepts it itself
 * @returns the problem, or an empty string
 */
export function urlProblem(value: string): UrlProblem {
  const text = value.trim()
  if (text === '') return 'urlEmpty'
  if (isVariable(text)) return ''
  if (text.includes('${')) return 'urlPartialVariable'
  if (!URL.canParse(text)) return 'urlInvalid'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    // `localhost:8443/x` and `hl7.example.org:443` parse as a scheme followed by a path.
    return text.includes('://') ? 'urlScheme' : 'urlInvalid'
  }
  if (url.username !== '' || url.password !== '') return 'urlUserInfo'
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return 'urlPlainHttp'
  return ''
}

/** Whether the whole text is one environment variable, as Node-RED replaces it: `${NAME}`. */
export function isVariable(text: string): boolean {
  return /^\$\{[a-zA-Z_][a-zA-Z0-9_]*\}$/.test(text)
}

/**
 * The host with its port, for a node's label.
 *
 * @returns an empty string where the text is no URL; an environment variable is returned as it is
 */
export function hostOf(value: unknown): string {
  if (typeof value !== 'string') return ''
  const text = value.trim()
  if (isVariable(text)) return text
  return URL.canParse(text) ? new URL(text).host : ''
}
