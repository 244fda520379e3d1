import { urlProblem, type UrlProblem } from '../http-client/url-problem.ts'

/** A URL that messages may be sent to, or why it cannot be used. */
export type TargetUrl = { url: URL; problem?: undefined } | { url?: undefined; problem: string }

const words: Record<UrlProblem, string> = {
  urlEmpty: 'the URL is empty',
  urlPartialVariable:
    'the URL contains a variable and other text: a variable must be the whole URL',
  urlInvalid: 'the URL is not valid: it must begin with https://',
  urlScheme: 'the URL must begin with https://',
  urlPlainHttp: 'the URL must begin with https:// (http:// goes only to this machine)',
  urlUserInfo: 'the URL contains a user name or password before the @: use a header instead'
}

/**
 * Checks the URL of a receiver. The query is kept, a fragment is dropped.
 *
 * @returns the URL, or the problem in words without the URL itself (its query may contain a secret)
 */
export function targetUrl(text: string): TargetUrl {
  const problem = urlProblem(text)
  if (problem !== undefined) return { problem: words[problem] }
  const url = new URL(text.trim())
  url.hash = ''
  return { url }
}
