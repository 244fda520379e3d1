import { TokenError } from './token-error.ts'
import type { TokenSource } from './token-source.ts'

/** The answer to a request with a token; `refusal`: why there was no other token for one that was refused. */
export interface TokenAnswer<Answer> {
  answer: Answer
  refusal?: TokenError
}

/**
 * Sends a request with the current token, and once more with a fresh one if the receiver refuses it.
 *
 * @param tokens undefined: the receiver wants no token
 * @throws {TokenError} if there is no token to begin with
 */
export async function withToken<Answer>(
  tokens: TokenSource | undefined,
  send: (token: string | undefined) => Promise<Answer>,
  isRefused: (answer: Answer) => boolean,
  signal: AbortSignal | undefined
): Promise<TokenAnswer<Answer>> {
  if (tokens === undefined) return { answer: await send(undefined) }
  const token = await tokens.token(signal)
  const answer = await send(token)
  if (!isRefused(answer)) return { answer }
  let fresh: string
  try {
    fresh = await tokens.refused(token, signal)
  } catch (error) {
    // The receiver's refusal remains the answer; this only explains it.
    if (!(error instanceof TokenError) || error.code === 'ERR_ABORTED') throw error
    return { answer, refusal: error }
  }
  const next = await send(fresh)
  if (isRefused(next)) tokens.drop(fresh)
  return { answer: next }
}
