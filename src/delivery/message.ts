import type { Entry, StoredState } from '../outbox/outbox.ts'

/** What a message is going through. */
export type MessageState =
  'waiting' | 'sending' | 'retrying' | 'awaiting' | 'suspended' | 'leaving' | 'gone' | 'lost'

interface StateRule {
  /** What it means, in words. */
  readonly meaning: string
  /** Which states it leads to, and by what. */
  readonly to: Readonly<Partial<Record<MessageState, string>>>
  /** The next message of its lane has to wait. */
  readonly holdsLane: boolean
  /** Its state in the outbox; null: it is not there. */
  readonly stored: StoredState | null
  /**
   * What a move to it stores before anything else happens: attempts and times (`update`), those with
   * the outcome (`settle`), or that it is gone (`remove`).
   */
  readonly writes: 'update' | 'settle' | 'remove' | null
}

/**
 * The life of a message. `Messages.move` is the only one that changes a state, by this table; the
 * picture in docs/what-happens-to-a-message.md is compared with it by a test.
 */
export const MESSAGE_STATES = {
  waiting: {
    meaning: 'in the queue, until its turn comes',
    to: { sending: 'its turn', leaving: 'close, queue in memory' },
    holdsLane: false,
    stored: 'waiting',
    writes: 'update'
  },
  sending: {
    meaning: 'on its way to the receiver',
    to: {
      waiting: 'rule with D, the node pauses; or a close',
      retrying: 'rule with R',
      awaiting: 'rule with A',
      suspended: 'rule with S',
      leaving: 'accepted, refused or failed',
      lost: 'damaged'
    },
    holdsLane: true,
    stored: 'waiting',
    writes: null
  },
  retrying: {
    meaning: 'until its next attempt',
    to: { sending: 'after the wait', leaving: 'close, queue in memory' },
    holdsLane: true,
    stored: 'waiting',
    writes: 'update'
  },
  awaiting: {
    meaning: 'accepted; until the application acknowledgement comes',
    to: {
      leaving: 'it came; or none did, AF; or a close, queue in memory',
      awaiting: 'rule with A; or with R, until the wait is over',
      suspended: 'rule with S; or none came, A or AS',
      waiting: 'after that wait, or rule with D; or none came, AR',
      lost: 'damaged'
    },
    holdsLane: false,
    stored: 'suspended',
    writes: 'settle'
  },
  suspended: {
    meaning: 'set aside for an operator',
    to: {
      waiting: 'resend; or a late acknowledgement, rule with R or D',
      suspended: 'a late acknowledgement, rule with S',
      leaving: 'discard; or a late acknowledgement',
      lost: 'damaged'
    },
    holdsLane: false,
    stored: 'suspended',
    writes: 'settle'
  },
  leaving: {
    meaning: 'settled: its outcome is stored before it is handed on',
    to: { gone: 'ACK, NAK or Catch', waiting: 'its stored outcome is damaged' },
    holdsLane: true,
    stored: 'settled',
    writes: 'settle'
  },
  gone: {
    meaning: 'on ACK, on NAK, or as an error to Catch',
    to: {},
    holdsLane: false,
    stored: null,
    writes: 'remove'
  },
  lost: {
    meaning: 'damaged: what is left of it stays in the file',
    to: {},
    holdsLane: false,
    stored: null,
    writes: null
  }
} as const satisfies Record<MessageState, StateRule>

/** The rule of a state, as the table has it. */
export function ruleOf(state: MessageState): StateRule {
  return MESSAGE_STATES[state]
}

/** A message that is no longer just waiting, with its failure clock. */
export class Message {
  readonly entry: Entry
  readonly since: number
  state: MessageState
  /** What the last move stores is not stored yet. */
  isMoving = false
  /** The next message of its lane waits for it. */
  hasLane = false
  /** Cancels the wait for the next attempt. */
  cancelWait: (() => void) | undefined
  /** While it is retrying: on the monotonic clock, in milliseconds. */
  nextAttemptAt = 0
  /** Retries since the clock of this message was started. */
  retries = 0
  /** Attempts of this and earlier runs, without one in flight; 0 until one ended in this run. */
  endedAttempts = 0
  /** While it is awaiting: until then; on the monotonic clock, in milliseconds. */
  awaitsUntil = Infinity
  /** Its application asks for it once more: then; undefined if it does not. */
  resendsAt: number | undefined
  /** There was no token for the last attempt. */
  wantsToken = false
  /** Why the last attempt failed, as a code. */
  cause = ''
  /** The time that passes now counts towards the failure timeout. */
  counts = false
  #countedFrom = 0

  /** @param since when it was accepted; on the monotonic clock, in milliseconds, as all times here */
  constructor(entry: Entry, state: MessageState, since: number) {
    this.entry = entry
    this.state = state
    this.since = since
  }

  /** It is suspended, and no late acknowledgement is being stored: an operator may act on it. */
  get isAtRest(): boolean {
    return this.state === 'suspended' && !this.isMoving
  }

  /** Adds the time since the last call to the clock, if it counts. */
  count(now: number, paused: boolean): void {
    if (this.counts && !paused) this.entry.spentMs += now - this.#countedFrom
    this.#countedFrom = now
  }

  /** Restarts the clock. */
  renew(now: number): void {
    this.entry.spentMs = 0
    this.#countedFrom = now
    this.retries = 0
  }
}
