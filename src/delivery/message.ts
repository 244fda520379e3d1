import { createHash } from 'node:crypto'
import {
  withRecord,
  type MessageRow,
  type MessageState,
  type RuleRetries,
  type StoryRecord,
  type Verdict
} from '../queue/message-row.ts'
import type { Decision } from '../rules/decide.ts'

interface StateRule {
  /** What it means, in words. */
  readonly meaning: string
  /** What the API calls it. */
  readonly shownAs: string
  /** Which states it leads to, and by what. */
  readonly to: Readonly<Partial<Record<MessageState, string>>>
  /** The next message of its lane has to wait. */
  readonly holdsLane: boolean
}

/**
 * The life of a message: each state is a value of the column `state`, it changes in one function
 * (`MessageRows.change`), and each move is stored before anything follows from it. A message makes every move that is
 * here, and no other: `delivery.model.test.ts` compares. The table in docs/what-happens-to-a-message.md is made from this
 * one.
 */
export const MESSAGE_STATES = {
  waiting: {
    meaning: 'in the queue: until its turn comes, on its way, or until its next attempt',
    shownAs: '`waiting`, `sending` while it is on its way, `retrying` after it failed',
    to: {
      waiting: 'rule with R; rule with D, the node pauses; or a close',
      awaiting: 'rule with A',
      suspended: 'rule with S; an operator; or Node-RED ended twice on it',
      leaving: 'accepted, refused, failed or discarded',
      left: 'the same, in memory, or where that cannot be stored',
      damaged: 'it cannot be read'
    },
    holdsLane: true
  },
  awaiting: {
    meaning: 'accepted; until the application acknowledgement comes',
    shownAs: '`awaiting`',
    to: {
      leaving: 'it came; or none did, AF',
      left: 'the same, in memory',
      suspended: 'it came, rule with S; or none did, A or AS',
      waiting: 'it came, rule with R or D; or none did, AR',
      damaged: 'it cannot be read'
    },
    holdsLane: false
  },
  suspended: {
    meaning: 'set aside for an operator',
    shownAs: '`suspended`',
    to: {
      waiting: 'resend or edit; or a late acknowledgement, rule with R or D',
      suspended: 'a late acknowledgement, rule with S',
      leaving: 'discard; or a late acknowledgement',
      left: 'the same, in memory',
      damaged: 'it cannot be read'
    },
    holdsLane: false
  },
  leaving: {
    meaning: 'its outcome is stored, but it has not been handed on',
    shownAs: '`leaving`',
    to: {
      left: 'ACK, NAK or Catch',
      waiting: 'its stored outcome cannot be read',
      damaged: 'it cannot be read'
    },
    holdsLane: false
  },
  left: {
    meaning: 'on ACK, on NAK, or as an error to Catch; kept as the journal',
    shownAs: '`acked`, `naked`, `failed`; `left` where a full disk had no room for how',
    to: {},
    holdsLane: false
  },
  damaged: {
    meaning: 'what is left of it stays in the file',
    shownAs: 'not shown',
    to: {},
    holdsLane: false
  }
} as const satisfies Record<MessageState, StateRule>

/** A message that is being worked on: sent, acknowledged, given up. It is handed out by its queue. */
export class Message<Content> {
  readonly row: MessageRow
  readonly content: Content
  /** What was stored with it: how it was suspended, accepted or settled. */
  readonly outcome: unknown
  attempts: number
  /** Retries since its clock was started. */
  retries: number
  spentMs: number
  /** What rules with a count have counted; its `next` is the next attempt, or the one that goes on. */
  ruleRetries: RuleRetries | undefined
  /** The number of the fresh start of all clocks since which these have been counted. */
  renewals: number
  verdict: Verdict
  story: readonly StoryRecord[]
  /** The receiver may have accepted it in one of its attempts. */
  mayHaveArrived: boolean
  /** The receiver said in one of them that it does not take it, which is not sure (`fault.ts`). */
  saidNotTaken: boolean
  /** The time that passes now counts towards the failure timeout. */
  counts = false
  #countedFrom = 0

  constructor(row: MessageRow, content: Content, outcome?: unknown) {
    this.row = row
    this.content = content
    this.outcome = outcome
    this.attempts = row.attempts
    this.retries = row.retries
    this.spentMs = row.spentMs
    this.renewals = row.renewals
    this.ruleRetries = row.ruleRetries
    this.verdict = row.verdict
    this.story = row.story
    this.mayHaveArrived = row.verdict.mayHaveArrived ?? false
    this.saidNotTaken = row.verdict.saidNotTaken ?? false
  }

  /** Something happens to it, or is done to it: stored with its next move. */
  record(record: StoryRecord): void {
    this.story = withRecord(this.story, record)
  }

  /** Whether a rule has asked for as many retries as it has. */
  hasRetried({ rule, mostRetries = Infinity }: RetryingDecision): boolean {
    return (this.ruleRetries?.byRule[ruleKey(rule)] ?? 0) >= mostRetries
  }

  /** A rule asks for a retry, and may count them: stored with its next move. */
  countForRule({ rule, mostRetries }: RetryingDecision): void {
    const byRule = this.ruleRetries?.byRule
    if (mostRetries === undefined) {
      this.ruleRetries = byRule && { byRule }
      return
    }
    const key = ruleKey(rule)
    const number = (byRule?.[key] ?? 0) + 1
    this.ruleRetries = { byRule: { ...byRule, [key]: number }, next: { number, of: mostRetries } }
  }

  /**
   * Adds its wait to its clock, if that counts.
   *
   * @param now on the clock of *Give up after*, in milliseconds
   */
  countWait(now: number): void {
    this.spentMs += Math.max(0, now - (this.row.countsFrom ?? now))
  }

  /** Adds the time since the last call, if it counts; on the same clock. */
  countTime(now: number, isPaused: boolean): void {
    if (this.counts && !isPaused) this.spentMs += now - this.#countedFrom
    this.#countedFrom = now
  }

  /** Restarts its clock, as part of a fresh start of all clocks. */
  renewClock(renewals: number, now: number): void {
    this.renewals = renewals
    this.spentMs = 0
    this.retries = 0
    this.ruleRetries = undefined
    this.#countedFrom = now
  }
}

type RetryingDecision = Pick<Decision, 'rule' | 'mostRetries'>

/** A rule may have 10,000 characters: one of more than these is known by its hash. */
const RULE_LENGTH = 200

function ruleKey(rule: string): string {
  if (rule.length <= RULE_LENGTH) return rule
  return createHash('sha256').update(rule).digest('base64url')
}
