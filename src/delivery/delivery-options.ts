import type { Entry, Outbox } from '../outbox/outbox.ts'
import type { Watch } from './careful-start.ts'
import type { Clock } from '../clock.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { Order } from './lanes.ts'
import type { RetrySettings } from './retry-schedule.ts'
import type { Settlement } from './settlement.ts'

export interface DeliveryOptions<Content> {
  /** Returns the outbox; called again after one could not be opened. */
  outbox: () => Promise<Outbox<Content>>
  /**
   * Takes a message to the receiver once.
   *
   * @param watch does what depends on the content of the message or of its reply
   */
  attempt: (content: Content, signal: AbortSignal, watch: Watch) => Promise<AttemptResult>
  /** Hands a settled message on. */
  emit: (entry: Entry, content: Content, settlement: Settlement) => void
  /** Receives all events. */
  onEvent: (event: DeliveryEvent) => void
  order: Order
  /** Where the keys come from: a path such as `PID-3.1`, or `''`. */
  orderKey: string
  /** Messages in flight at a time; one with `fifo`. */
  maxInFlight: number
  /** Attempts started per second at most; 0: no limit. */
  maxPerSecond: number
  retry: RetrySettings
  /** How long one message is tried, in milliseconds; `Infinity`: forever, 0: once. */
  failureTimeoutMs: number
  /** Time without a reachable receiver counts too. */
  failWhileUnreachable: boolean
  /** How long an application acknowledgement is awaited, in milliseconds. */
  applicationAckMs: number
  /** Messages that may be held before new ones are refused. */
  queueLimit: number
  /** Waiting messages that are listed at a time; in tests only. Default 1000. */
  pageSize?: number
  clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

/** An incoming message. */
export interface Accepted<Content> {
  /** Messages with one key keep their order (`order: key`); stored in case the order changes. */
  key: string
  controlId: string
  type: string
  content: Content
}

/** Messages of an outbox that is not durable, in order. */
export interface LeftAtClose {
  /** They left as errors. */
  unsettled: readonly Entry[]
  /** They left as their outcome said, but the next nodes may have been closed. */
  settled: readonly Entry[]
}
