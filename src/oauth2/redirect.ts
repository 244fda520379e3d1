import { TokenError } from './token-error.ts'

/**
 * A redirect is never followed: it would carry the secret to a place that nobody configured.
 *
 * @param field the form's field that leads to it
 * @returns the error that names where it goes, or `undefined` for another answer
 */
export function redirectError(
  response: Response,
  url: string,
  field: 'Issuer URL' | 'Token URL'
): TokenError | undefined {
  const { status } = response
  if (status < 300 || status >= 400 || status === 304) return undefined
  const location = response.headers.get('location') ?? ''
  const target = URL.canParse(location, url) ? new URL(location, url).origin : 'nowhere'
  return new TokenError(
    `${new URL(url).host} redirects to ${target} (HTTP ${status}), which is not followed.`,
    {
      code: 'ERR_REDIRECT',
      status,
      hint: `Put the address at ${target} that it redirects to into ${field}, if it is the right one.`,
      permanent: true
    }
  )
}
