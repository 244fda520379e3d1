import { cleanText, oneLine } from './clean-text.ts'
import { TokenError } from './token-error.ts'

/**
 * A redirect is never followed: it would carry the secret to a place that nobody configured.
 *
 * @param field the form's field that leads to it
 * @param secrets what the request carried and no text may show
 * @returns the error that names where it goes, or `undefined` for another answer
 */
export function redirectError(
  response: Response,
  url: string,
  field: 'Issuer URL' | 'Token URL',
  secrets: readonly string[] = []
): TokenError | undefined {
  const { status } = response
  if (status < 300 || status >= 400 || status === 304) return undefined
  const location = response.headers.get('location') ?? ''
  const to = location !== '' && URL.canParse(location, url) ? new URL(location, url) : undefined
  const target = to === undefined || !/^https?:$/.test(to.protocol) ? 'nowhere' : shown(to, secrets)
  return new TokenError(
    `${new URL(url).host} redirects to ${target} (HTTP ${status}), which is not followed.`,
    {
      code: 'ERR_REDIRECT',
      status,
      hint: `Put the address that it redirects to into ${field}, if it is the right one: ${target}`,
      permanent: true
    }
  )
}

/** The query may hold anything; the path tells `/token/` from `/token`. */
function shown({ origin, pathname }: URL, secrets: readonly string[]): string {
  const pieces = pathname.split('/').map((piece) => cleanText(piece, secrets))
  return oneLine(`${origin}${pieces.join('/')}`)
}
