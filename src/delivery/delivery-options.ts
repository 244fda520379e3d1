import type { EntryFacts, Outbox } from '../outbox/outbox.ts'
import type { Watch } from './careful-start.ts'
import type { Clock } from './clock.ts'
import type { AttemptResult } from './courier.ts'
import type { DeliveryError } from './delivery-error.ts'
import type { MessageName } from './explain.ts'
import type { FigureValues } from './figures.ts'
import type { Order } from './lanes.ts'
import type { Notice } from './notices.ts'
import type { RetrySettings } from './retry-schedule.ts'
import type { Settlement } from './settlement.ts'

/** How the content of a message is put away and found again. */
export interface ContentCodec<Content> {
  encode(content: Content): Buffer
  decode(bytes: Buffer): Content
  /** Bytes that the content takes in memory, roughly; `Infinity` keeps it there. */
  size(content: Content): number
}

export interface DeliveryOptions<Content> {
  outbox: Outbox
  codec: ContentCodec<Content>
  /**
   * Takes a message to the receiver once.
   *
   * @param watch does what depends on the content of the message or of its reply
   */
  attempt: (content: Content, signal: AbortSignal, watch: Watch) => Promise<AttemptResult>
  /** Hands a settled message on. */
  emit: (facts: EntryFacts, content: Content, settlement: Settlement) => void
  /** A stored message is lost: what it was, where that is known. */
  onLost: (error: DeliveryError, about: MessageName | undefined) => void
  /** What whoever runs Node-RED should find in the log. */
  onNotice: (notice: Notice) => void
  /** Something that a status would show has changed. */
  onChange: () => void
  order: Order
  /** What the keys are taken from: a path such as `PID-3.1`, or `''`. */
  orderKey: string
  /** Messages under way at a time; with `fifo` it is one. */
  maxInFlight: number
  retry: RetrySettings
  /** How long one message is tried, in milliseconds; `Infinity` for ever, 0 once. */
  failureTimeoutMs: number
  /** Time without a reachable receiver counts as well. */
  failWhileUnreachable: boolean
  /** Messages held before new ones are refused. */
  queueLimit: number
  clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

/** A message that comes in. */
export interface Accepted<Content> {
  /** Messages of one key keep their order (`order: key`); stored, should the order change. */
  key: string
  controlId: string
  type: string
  content: Content
}

/** What a status or an operator sees. */
export interface DeliveryState extends FigureValues {
  state: 'idle' | 'sending' | 'retrying' | 'paused' | 'error'
  queued: number
  inFlight: number
  suspended: number
  /** Of the oldest message that is held, suspended ones included. */
  oldestAgeMs: number
  /** The same without suspended ones. */
  longestWaitMs: number
  lastError: { code: string; at: string } | null
  /** How the last message left, with the code of its acknowledgement. */
  lastOutcome: { outcome: Settlement['outcome']; code: string } | null
  /** The most tried of the messages that wait for their next attempt. */
  retry: { attempts: number; waitMs: number } | null
}

/** Messages of an outbox that is not durable, in order. */
export interface LeftAtClose {
  /** They left as errors. */
  unsettled: readonly EntryFacts[]
  /** They left as their outcome said, but the next nodes may have been closed. */
  settled: readonly EntryFacts[]
}
