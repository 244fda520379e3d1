import { readAcknowledgement } from '../hl7/acknowledgement.ts'
import type { ReplyBody } from '../https/reply-in-text.ts'
import { meaningOf, type ReplyMeaning } from '../https/reply-meaning.ts'
import type { AttemptReply } from '../rules/attempt.ts'

/**
 * What the rules are asked about, of a reply that was read. Rules that are tried in the browser are asked about the same.
 *
 * @param isEmpty no body at all
 * @param batchHeaders of what this is the reply to
 */
export function replyFacts(
  read: ReplyBody,
  status: number,
  isEmpty: boolean,
  batchHeaders: readonly string[]
): AttemptReply & { isFault: boolean; meaning: ReplyMeaning | undefined } {
  const { fault, message, text } = read
  const isNoReply = message === null || fault !== undefined
  return {
    text,
    empty: isEmpty,
    message,
    ack: message === null ? null : readAcknowledgement(message, batchHeaders),
    isFault: fault !== undefined,
    meaning: isNoReply ? meaningOf(status, text, fault) : undefined
  }
}
