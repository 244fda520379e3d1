/** Why a URL cannot be used; the key of its text in the forms' locales under `problem`. */
export type UrlProblem =
  | 'urlEmpty'
  | 'urlPartialVariable'
  | 'urlInvalid'
  | 'urlAuthority'
  | 'urlScheme'
  | 'urlPlainHttp'
  | 'urlUserInfo'

/**
 * Checks a URL that a token or a message may be sent to: `https:`, or `http:` to this machine only,
 * since neither may be sent in clear text. Whatever the URL standard allows is accepted: IPv6,
 * ports, long hosts, underscores.
 *
 * @returns the problem, or undefined
 */
export function urlProblem(text: string): UrlProblem | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return 'urlEmpty'
  // Node-RED replaces a variable only if it is the whole value.
  if (trimmed.includes('${')) return 'urlPartialVariable'
  const url = URL.parse(trimmed)
  // `localhost:8443/x` and `hl7.example.org:443` parse as a scheme followed by a path.
  if (url === null) return /^https?:\/\//i.test(trimmed) ? 'urlAuthority' : 'urlInvalid'
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return trimmed.includes('://') ? 'urlScheme' : 'urlInvalid'
  }
  if (url.username !== '' || url.password !== '') return 'urlUserInfo'
  return url.protocol === 'http:' && !isLoopback(url.hostname) ? 'urlPlainHttp' : undefined
}

/**
 * The same for a URL that is being typed, in which a blank is a mistake. In that of a deployed node it
 * becomes `%20`, as the URL standard has it.
 */
export function typedUrlProblem(text: string): UrlProblem | 'urlBlank' | undefined {
  return urlProblem(text) ?? (/\s/.test(text.trim()) ? 'urlBlank' : undefined)
}

/**
 * Whether a host, as the URL parser writes it, is this machine itself: `localhost`, `127.…` or
 * `[::1]`. Only to these may a token be sent without TLS. Names under `.localhost` are excluded:
 * the name server decides what they resolve to (RFC 6761 §6.3 only asks it to behave).
 */
function isLoopback(hostname: string): boolean {
  // The URL parser turns every spelling of an IPv4 address into four numbers.
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
