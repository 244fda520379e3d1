import type { HttpReply } from './http-message.ts'

/**
 * Quoted or not (RFC 9110 §5.6.6). What is in quotes holds no other parameter. A long word is searched once, not again
 * from each of its letters.
 */
const parameter = /(?<![\w-])([\w-]+) *= *(?:"((?:[^"\\]|\\.){0,2000})"|([^\s,"]+))/g

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
    .map(([, , quoted, word = '']) => quoted?.replace(/\\(.)/g, '$1') ?? word)
    .filter((value) => value !== '')
}

/** The first of them. */
export function challengeParameter(
  headers: HttpReply['headers'],
  name: string
): string | undefined {
  return challengeParameters(headers, name)[0]
}
