import { urlProblem, type UrlProblem } from '../http-client/url-problem.ts'

/** A URL that messages may be sent to, or why it cannot be used. */
export type TargetUrl = { url: URL; problem?: undefined } | { url?: undefined; problem: UrlProblem }

/**
 * Checks the URL of a receiver. The query is kept, a fragment is dropped.
 *
 * @returns the URL, or the problem
 */
export function targetUrl(text: string): TargetUrl {
  const problem = urlProblem(text)
  if (problem !== undefined) return { problem }
  const url = new URL(text.trim())
  url.hash = ''
  return { url }
}
