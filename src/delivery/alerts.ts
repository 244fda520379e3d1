/** What somebody should know about, by the name under which a Status node sees it. */
export type AlertCode = 'QUEUE_COUNT' | 'QUEUE_WAIT'

export interface AlertSettings {
  /** More waiting messages than this; 0 = off. */
  count: number
  /** A message that waits longer than this, in seconds; 0 = off. */
  waitSeconds: number
}

export interface AlertFacts {
  queued: number
  longestWaitMs: number
}

/** An alert that was raised is over only when the figure has fallen below this share of its limit. */
const REARM = 0.8

/** Raises each alert once, however the figure moves around its limit. */
export class Alerts {
  readonly #settings: AlertSettings
  #waits = false
  #counts = false

  constructor(settings: AlertSettings) {
    this.#settings = settings
  }

  /** Those that are raised. */
  check({ queued, longestWaitMs }: AlertFacts): ReadonlySet<AlertCode> {
    const { count, waitSeconds } = this.#settings
    this.#waits = isRaised(this.#waits, Math.floor(longestWaitMs / 1000), waitSeconds)
    this.#counts = isRaised(this.#counts, queued, count)
    const raised = new Set<AlertCode>()
    if (this.#waits) raised.add('QUEUE_WAIT')
    if (this.#counts) raised.add('QUEUE_COUNT')
    return raised
  }
}

function isRaised(wasRaised: boolean, value: number, limit: number): boolean {
  if (limit <= 0) return false
  return wasRaised ? value >= limit * REARM : value > limit
}
