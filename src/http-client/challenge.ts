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

/** Whether a client is refused with this `error` (RFC 6750 §3.1), with whatever status. */
export function isRefusedFor(
  { status, headers }: Pick<HttpReply, 'status' | 'headers'>,
  error: string
): boolean {
  return status >= 400 && status < 500 && challengeParameters(headers, 'error').includes(error)
}

/** The first of them. */
export function challengeParameter(
  headers: HttpReply['headers'],
  name: string
): string | undefined {
  return challengeParameters(headers, name)[0]
}
