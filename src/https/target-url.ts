import { isSafeAddress } from '../http-client/loopback.ts'

/** A URL that messages may be sent to, or why it is none. */
export type TargetUrl = { url: URL; problem?: undefined } | { url?: undefined; problem: string }

/**
 * Checks the URL of a receiver: `https:`, or `http:` to this machine alone, since a token must not
 * travel in clear. The query is kept and a fragment dropped.
 *
 * @returns the URL, or the problem in words without the URL itself (its query may hold a secret)
 */
export function targetUrl(text: string): TargetUrl {
  const trimmed = text.trim()
  if (trimmed === '') return { problem: 'the URL is empty' }
  if (!URL.canParse(trimmed)) return { problem: 'the URL is not a URL: it begins with https://' }
  const url = new URL(trimmed)
  if (url.username !== '' || url.password !== '') {
    return { problem: 'the URL holds a user or password before the @: use a header instead' }
  }
  if (!isSafeAddress(url)) {
    return { problem: 'the URL must begin with https:// (http:// goes only to this machine)' }
  }
  url.hash = ''
  return { url }
}
