import type { ReceiverRefusal } from './answer-hints.ts'
import type { ReceiverTokens } from './receiver-tokens.ts'
import { TokenError } from './token-error.ts'

/** The answer to a request with a token; `refusal`: why there was no other token for one that was refused. */
export interface AnswerToToken<Answer> {
  answer: Answer
  refusal?: TokenError
}

/** What an answer says of the token. */
export interface TokenVerdict {
  /** How the receiver refused it. */
  refusal?: ReceiverRefusal
  /** The receiver said 403: some say so of an expired token, others of the message. */
  isForbidden?: boolean
  /** The receiver accepted a message with it. */
  isAccepted: boolean
}

/**
 * Sends a request with the current token, and once more with a fresh one if the receiver refuses it, or may do so.
 *
 * @param tokens undefined: the receiver wants no token
 * @throws {TokenError} if there is no token to begin with
 */
export async function withToken<Answer>(
  tokens: ReceiverTokens | undefined,
  send: (token: string | undefined) => Promise<Answer>,
  judge: (answer: Answer) => TokenVerdict,
  signal: AbortSignal | undefined
): Promise<AnswerToToken<Answer>> {
  if (tokens === undefined) return { answer: await send(undefined) }
  const token = await tokens.token(signal)
  const answer = await send(token)
  const { refusal, isAccepted, isForbidden = false } = judge(answer)
  if (isAccepted) tokens.accepted(token)
  if (refusal === undefined && !isForbidden) return { answer }
  let fresh: string | undefined
  try {
    fresh =
      refusal === undefined
        ? await tokens.forbidden(token, signal)
        : await tokens.refused(token, refusal, signal)
    if (fresh === undefined) return { answer }
  } catch (error) {
    // The receiver's refusal remains the answer; this only explains it.
    if (!(error instanceof TokenError) || error.code === 'ERR_ABORTED') throw error
    return { answer, ...(refusal && { refusal: error }) }
  }
  const next = await send(fresh)
  const second = judge(next)
  if (second.isAccepted) tokens.accepted(fresh)
  if (second.refusal !== undefined) tokens.drop(fresh, second.refusal)
  return { answer: next }
}
