/** What somebody should know about, by the name under which a Status node sees it. */
export type AlertCode = 'QUEUE_COUNT' | 'QUEUE_WAIT' | 'SUSPENDED'

export interface Alert {
  code: AlertCode
  /** Messages, or seconds for `QUEUE_WAIT`, when it was raised. */
  value: number
}

export interface AlertSettings {
  /** More waiting messages than this; 0 = off. */
  count: number
  /** A message that waits longer than this, in seconds; 0 = off. */
  waitSeconds: number
}

export interface AlertFacts {
  queued: number
  longestWaitMs: number
  suspended: number
}

/** An alert that was raised is raised again only after the figure has fallen below this share. */
const REARM = 0.8

/** The current alert, if there is one. */
export interface Standing {
  alert: Alert | undefined
  /** It was raised just now and has not been shown yet. */
  isNew: boolean
}

/**
 * Raises each alert once. It stays as it was raised, figures included, until it is over, so that a
 * status that shows it does not change with every message.
 */
export class Alerts {
  readonly #settings: AlertSettings
  #wait: Alert | undefined
  #count: Alert | undefined
  #suspended: Alert | undefined
  #lastSuspended = 0
  readonly #told = new WeakSet<Alert>()

  constructor(settings: AlertSettings) {
    this.#settings = settings
  }

  /** The most urgent current alert; before it, each new one once. */
  check({ queued, longestWaitMs, suspended }: AlertFacts): Standing {
    const { count, waitSeconds } = this.#settings
    const age = Math.floor(longestWaitMs / 1000)
    this.#wait = raised(this.#wait, 'QUEUE_WAIT', age, waitSeconds)
    this.#count = raised(this.#count, 'QUEUE_COUNT', queued, count)
    if (suspended === 0) this.#suspended = undefined
    // One more suspended message is news; one less is not.
    else if (suspended > this.#lastSuspended) {
      this.#suspended = { code: 'SUSPENDED', value: suspended }
    }
    this.#lastSuspended = suspended
    const standing = [this.#wait, this.#count, this.#suspended].filter((one) => one !== undefined)
    const news = standing.find((one) => !this.#told.has(one))
    if (news === undefined) return { alert: standing[0], isNew: false }
    this.#told.add(news)
    return { alert: news, isNew: true }
  }
}

function raised(
  standing: Alert | undefined,
  code: AlertCode,
  value: number,
  limit: number
): Alert | undefined {
  if (limit <= 0) return undefined
  if (standing === undefined) return value > limit ? { code, value } : undefined
  return value < limit * REARM ? undefined : standing
}
