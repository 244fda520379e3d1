import type { HttpReply } from './http-message.ts'

/**
 * A parameter of a challenge in `WWW-Authenticate` (RFC 9110 §11.6.1), such as `error` (RFC 6750 §3):
 * some servers report an error only there.
 *
 * @returns `undefined` if there is none, or if it is empty
 */
export function challengeParameter(
  { 'www-authenticate': challenge = '' }: HttpReply['headers'],
  name: string
): string | undefined {
  const parameter = new RegExp(`(?:^|[\\s,])${name} *= *(?:"([^"]+)"|([^\\s,"]+))`, 'i')
  const [, quoted, word] = parameter.exec(challenge) ?? []
  return quoted ?? word
}
