/** What happened in one minute. */
export interface Minute {
  /** Its beginning: wall clock, milliseconds. */
  at: number
  acked: number
  naked: number
  failed: number
  /** Messages held at its end. */
  queued: number
  /** Of the receiver's answers, in milliseconds. */
  p95: number
}

/** What a node knows of itself besides its messages, so that it goes on after a restart. */
export interface Figures {
  /** Oldest first; to be stored: those that may have changed. */
  minutes: readonly Minute[]
  /** Its state, and since when it is in it: wall clock, milliseconds. Undefined if that is not known. */
  state: { name: string; since: number } | undefined
  /** When the last message left on ACK: wall clock, milliseconds. */
  lastAckAt: number | undefined
}
