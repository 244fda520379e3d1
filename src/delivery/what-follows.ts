import type { ReplyMeaning } from '../hl7-over-http/status-meant.ts'
import type { Attempt } from '../rules/attempt.ts'
import type { Decision } from '../rules/decide.ts'
import { countingAcknowledgement, isAnswer } from '../rules/holds.ts'
import type { Late } from '../rules/reply-rules.ts'
import { countsTime, faultOf, needsSomebody, type FailureFacts, type Fault } from './fault.ts'
import { retrySettingsOf, retryWaitMs, type RetrySettings } from './retry-schedule.ts'

/** How long a message is tried again. */
export interface RetryTimes {
  retry: RetrySettings
  /** 0: one attempt; Infinity: for ever. */
  failureTimeoutMs: number
  failWhileUnreachable: boolean
}

/** What ends the retries of a message, besides another answer. */
export type RetryEnd = 'receiver' | 'tokenServer' | 'timeout' | 'answered'

/** What follows from an attempt, if all later ones end in the same way. */
export interface Follows {
  /** How the message ends, at once or when it has been tried again in vain. */
  end: 'ack' | 'nak' | 'catch' | 'suspended' | 'paused' | 'awaits'
  /** Of one that awaits: what follows if no application acknowledgement comes. */
  late?: Late
  /** Undefined: it is not tried again. */
  retries?: Retries
  /** All messages of the node wait meanwhile, not only this one with its lane. */
  holdsNode: boolean
  /** It does not pass by itself: somebody is called. */
  callsSomebody: boolean
}

export interface Retries {
  /** The first waits, about: each is up to a fifth shorter or longer. In milliseconds. */
  waitsMs: readonly number[]
  /** There are more. */
  isMore: boolean
  /** No wait is longer; `undefined` if all are the same. */
  longestMs: number | undefined
  /** What ends them: so many retries, so much time since the first attempt, or that somebody is there again. */
  until: { count: number } | { ms: number } | RetryEnd
}

/** So many waits are named. */
const MOST_WAITS = 4

/** When retrying a message would end; null if it would not be retried. */
export function retriedUntil(result: FailureFacts, times: RetryTimes): RetryEnd | null {
  const { failureTimeoutMs } = times
  if (!result.decision.retry || failureTimeoutMs === 0) return null
  if (result.decision.mostRetries !== undefined) return 'timeout'
  if (failureTimeoutMs === Number.POSITIVE_INFINITY) return 'answered'
  const fault = faultOf(result)
  if (fault === undefined || countsTime(fault, times)) return 'timeout'
  return fault.of === 'token server' ? 'tokenServer' : 'receiver'
}

/**
 * What becomes of a message after an attempt, and when, as far as that can be said beforehand.
 *
 * @param name of the message that was sent
 */
export function whatFollows(
  attempt: Attempt,
  decision: Decision,
  name: { controlId: string; type: string },
  times: RetryTimes
): Follows {
  const facts = failureFacts(attempt, decision)
  const fault = faultOf(facts)
  const end = endOf(decision, isAnswer(attempt, name))
  const until = retriedUntil(facts, times)
  const retries = until === null ? undefined : retriesOf(decision, until, fault, times)
  const closes = retries !== undefined || decision.outcome === 'suspend'
  return {
    end,
    ...(decision.late && { late: decision.late }),
    ...(retries && { retries }),
    holdsNode: closes && fault !== undefined && fault.waits !== 'message',
    callsSomebody: closes && needsSomebody(fault?.about, attempt.error?.code ?? '')
  }
}

function failureFacts(attempt: Attempt, decision: Decision): FailureFacts {
  const { error, reply, status } = attempt
  const ack = countingAcknowledgement(attempt)
  if (reply === undefined) return { decision, error, ...(status !== undefined && { status }) }
  const meaning = ack === null ? reply.meaning : undefined
  return {
    decision,
    reply: { status: attempt.status, headers: {}, text: '', hl7: '', ack },
    ...(meaning !== undefined && { meaning: meaning as ReplyMeaning })
  }
}

function endOf({ outcome }: Decision, isAnswered: boolean): Follows['end'] {
  switch (outcome) {
    case 'accept':
      return 'ack'
    case 'fail':
      return isAnswered ? 'nak' : 'catch'
    case 'refuse':
      return 'nak'
    case 'suspend':
      return 'suspended'
    case 'disable':
      return 'paused'
    case 'await':
      return 'awaits'
  }
}

function retriesOf(
  { mostRetries = Infinity }: Decision,
  until: RetryEnd,
  fault: Fault | undefined,
  times: RetryTimes
): Retries {
  const { failureTimeoutMs, retry } = times
  const settings = retrySettingsOf(retry, fault)
  const wait = (number: number): number => retryWaitMs(settings, number, 0.5)
  const limitMs = countsTime(fault, times) ? failureTimeoutMs : Infinity
  let passedMs = 0
  let retries = 0
  // After these, it is either over or a matter of the time that is named.
  while (retries < mostRetries && passedMs < limitMs && retries < 1000) passedMs += wait(retries++)
  const isCounted = retries === mostRetries && passedMs <= limitMs
  const named = Array.from({ length: Math.min(retries, MOST_WAITS) }, (_, number) => wait(number))
  return {
    waitsMs: named,
    isMore: retries > named.length,
    longestMs: wait(0) === wait(retries) ? undefined : settings.maxIntervalMs,
    until: isCounted
      ? { count: mostRetries }
      : until === 'timeout'
        ? { ms: failureTimeoutMs }
        : until
  }
}
