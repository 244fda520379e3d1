import type { HttpReply } from './http-message.ts'

/**
 * A parameter, quoted or not. Jetty's proxy takes the quotes away: then its words go on to the next parameter. A long word
 * is searched once, not again from each of its letters.
 */
const parameter =
  /(?<![\w-])([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.){0,2000})"|([^\s,;"]*(?:[ \t]+(?![\w-]+[ \t]*=)[^\s,;"]+){0,100}))/g

/** The schemes that servers ask for, as they are named (RFC 9110 §16.4.1). */
const SCHEMES = ['Bearer', 'DPoP', 'Basic', 'Digest', 'Negotiate', 'NTLM'] as const
export type ChallengeScheme = (typeof SCHEMES)[number]

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
  return [...challenges.matchAll(parameter)]
    .filter(([, found = '']) => found.toLowerCase() === name)
    .map(([, , quoted, words = '']) => quoted?.replace(/\\(.)/g, '$1') ?? words)
    .filter((value) => value !== '')
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

/** The schemes that a server asks for: each of those that are known once. */
export function challengeSchemes({
  'www-authenticate': challenges = ''
}: HttpReply['headers']): ChallengeScheme[] {
  // What is in quotes that do not end, too: else it is searched again from each quote in it.
  const bare = challenges.replace(/"(?:[^"\\]|\\.?)*(?:"|$)/g, '')
  const words = bare.match(/(?<=^[ \t]*|,[ \t]*)[A-Za-z]+(?=[ \t]*(?:,|$)|[ \t]+[^\s=])/g) ?? []
  return SCHEMES.filter((scheme) =>
    words.some((word) => word.toLowerCase() === scheme.toLowerCase())
  )
}
