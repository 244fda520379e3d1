import { readAcknowledgement } from '../hl7/acknowledgement.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import type { ReplyBody } from '../hl7-over-http/read-reply-in-text.ts'
import { isPageWithoutHl7 } from '../http-client/error-page.ts'
import { meaningOf, type AnswerFacts, type ReplyMeaning } from '../hl7-over-http/status-meant.ts'
import { seemsToRefuse } from '../hl7-over-http/unread-refusal.ts'
import type { AttemptReply } from '../rules/attempt.ts'

/** With what it is, told in any case. */
export type ReplyFacts = AttemptReply & {
  readonly blank: boolean
  readonly isFault: boolean
  readonly isPage: boolean
  readonly seemsRefused: boolean
  readonly meaning: ReplyMeaning | undefined
}

/**
 * What the rules are asked about, of a reply that was read. Rules that are tried in the browser are asked about the same.
 *
 * @param answer the rest of it; `isEmpty`: no body at all
 * @param sent what this is the reply to
 */
export function replyFacts(
  read: ReplyBody,
  answer: AnswerFacts & { isEmpty: boolean },
  sent: Pick<OutgoingMessage, 'batchHeaders' | 'text'>
): ReplyFacts {
  const { isEmpty, status } = answer
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
    isPage: isUnread && isPageWithoutHl7(text),
    meaning: isNoReply ? meaningOf(answer, text, fault) : undefined
  }
}
