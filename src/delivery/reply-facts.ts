import { readAcknowledgement } from '../hl7/acknowledgement.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import type { ReplyBody } from '../https/reply-in-text.ts'
import { meaningOf, type ReplyMeaning } from '../https/reply-meaning.ts'
import { seemsToRefuse } from '../https/unread-refusal.ts'
import type { AttemptReply } from '../rules/attempt.ts'

/**
 * What the rules are asked about, of a reply that was read. Rules that are tried in the browser are asked about the same.
 *
 * @param isEmpty no body at all
 * @param sent what this is the reply to
 */
export function replyFacts(
  read: ReplyBody,
  status: number,
  isEmpty: boolean,
  sent: Pick<OutgoingMessage, 'batchHeaders' | 'text'>
): AttemptReply & { seemsRefused: boolean; meaning: ReplyMeaning | undefined } {
  const { fault, hasUnreadParts = false, message, text, whole = text } = read
  const isNoReply = message === null || fault !== undefined
  const isUnread = status >= 200 && status < 300 && message?.msa === undefined
  return {
    text,
    empty: isEmpty,
    blank: whole.trim() === '',
    message,
    ack: message === null ? null : readAcknowledgement(message, sent.batchHeaders),
    seemsRefused:
      isUnread &&
      (hasUnreadParts ||
        ((seemsToRefuse(text) || (whole !== text && seemsToRefuse(whole))) &&
          // Unless it quotes what was sent.
          !seemsToRefuse(sent.text))),
    isFault: fault !== undefined,
    meaning: isNoReply ? meaningOf(status, text, fault) : undefined
  }
}
