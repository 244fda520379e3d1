import type { Clock } from '../clock.ts'
import type { FieldValue } from '../queue/keyed-hashes.ts'
import type { MessageQueue } from '../queue/message-queue.ts'
import type { Order } from '../queue/queue-types.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { BackupOptions } from './backup-options.ts'
import type { WatchWork } from './careful-start.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import type { Address } from './failover.ts'
import type { RetrySettings } from './retry-schedule.ts'
import type { SettledMessage, Settlement } from './settlement.ts'

export interface DeliveryOptions<Content> {
  /** Returns the queue; called again after one could not be opened. */
  queue: () => Promise<MessageQueue<Content>>
  /**
   * Takes a message to the receiver once.
   *
   * @param watchWork does what depends on the content of the message or of its reply
   * @param earlier what is known of its earlier attempts, and where it goes now
   */
  attempt: (
    content: Content,
    signal: AbortSignal,
    watchWork: WatchWork,
    earlier: { again: boolean; address: Address }
  ) => Promise<AttemptResult>
  /** What is read from a message when it is put into the queue. */
  readFields: (content: Content) => MessageFields
  /** Hands a settled message on. */
  emit: (message: SettledMessage, content: Content, settlement: Settlement) => void
  /** Receives all events. */
  onEvent: (event: DeliveryEvent) => void
  /** Undefined: there is none. */
  backup?: BackupOptions | undefined
  order: Order
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
  /** The queue keeps contents also of what was accepted or discarded, not only of what was refused or given up. */
  keepsAccepted?: boolean
  clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

/** An incoming message. */
export interface Accepted<Content> {
  controlId: string
  type: string
  content: Content
}

export interface MessageFields {
  /** Messages with one key keep their order (`order: key`). */
  key: string
  /** Operators can find it by these. */
  values: readonly FieldValue[]
  /** It goes to an address of its own. */
  hasOwnAddress?: boolean
}

/** Messages of a queue that is not durable, in order. */
export interface LeftAtClose {
  /** They left as errors. */
  unsettled: readonly SettledMessage[]
  /** They left as their outcome said, but the next nodes may have been closed. */
  settled: readonly SettledMessage[]
}
