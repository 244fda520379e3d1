import { headerParameters } from './header-parameter.ts'
import type { HttpReply } from './http-message.ts'

/**
 * A parameter of the challenges in `WWW-Authenticate` (RFC 9110 §11.6.1), such as `error` (RFC 6750 §3): some servers
 * report an error only there.
 *
 * @returns of several, such as those of Bearer and DPoP, in their order; none that is empty
 */
export function challengeParameters(
  { 'www-authenticate': challenges = '' }: HttpReply['headers'],
  name: string
): string[] {
  return headerParameters(challenges, name).filter((value) => value !== '')
}

/** The first of them. */
export function challengeParameter(
  headers: HttpReply['headers'],
  name: string
): string | undefined {
  return challengeParameters(headers, name)[0]
}
