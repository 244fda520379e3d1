import { shownCode } from '../codes.ts'
import type { TokenError, TokenErrorFacts } from './token-error.ts'

/** What a node can show about its token. Times are wall clock, milliseconds since the epoch. */
export type TokenStatus =
  /** Nobody has asked for a token yet, or the last one has expired unused. */
  | { state: 'idle' }
  | { state: 'ok'; validUntil: number }
  /** The token is still valid; attempts to refresh it fail. */
  | ({ state: 'refresh failing'; validUntil: number } & TokenTrouble)
  /** There is no token. */
  | ({ state: 'none' } & TokenTrouble)

/** Why there is no other token. All texts are safe to print. */
export interface TokenTrouble extends Pick<
  TokenErrorFacts,
  'permanent' | 'status' | 'host' | 'description'
> {
  /** An OAuth code, a Node.js code, one of ours, or `HTTP 403`. */
  code: string
  /** A sentence that names the server. */
  message: string
  /** What to do, in English; `''` if the message says it. */
  hint: string
  /** A proxy on the way is in trouble, or a login in the message is refused besides the token. */
  of?: 'proxy' | 'login'
}

/** What a status shows of an error. */
export function troubleOf(error: TokenError): TokenTrouble {
  const { atProxy, message, hint, hints, permanent, status, host, description } = error
  const isOfLogin = hints.some(({ key }) => key === 'receiverFault')
  const isOfProxy = atProxy || hints.some(({ key }) => key === 'proxyLogin')
  return {
    code: shownCode(error),
    message,
    hint,
    permanent,
    ...(isOfProxy ? { of: 'proxy' as const } : isOfLogin ? { of: 'login' as const } : undefined),
    ...(status !== undefined && { status }),
    ...(host !== undefined && { host }),
    ...(description !== undefined && { description })
  }
}
