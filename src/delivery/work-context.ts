import type { Claim, MessageQueue } from '../queue/message-queue.ts'
import type { Resent } from '../queue/message-row.ts'
import type { NewMessage } from '../queue/queue-types.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { CarefulStart } from './careful-start.ts'
import type { DeliveryEvent, Moved } from './delivery-events.ts'
import type { Accepted, DeliveryOptions } from './delivery-options.ts'
import type { Gate } from './gate.ts'
import type { GiveUpClock } from './give-up-clock.ts'
import type { SettledMessage, Settlement } from './settlement.ts'
import type { Message } from './message.ts'

/** What works on messages needs of the delivery and its open queue. */
export interface WorkContext<Content> {
  readonly options: DeliveryOptions<Content>
  readonly queue: MessageQueue<Content>
  readonly careful: CarefulStart
  /** All that is in progress. */
  readonly works: ReadonlySet<WorkInProgress>
  /** Those that are on their way, by their numbers: until it is stored what came of them. */
  readonly inFlight: Map<number, Claim>
  /**
   * What an operator wants of messages that were on their way, by their numbers: done once their attempts have ended, or
   * when their turn comes next. It ends with any move but from waiting to waiting, and with a resend.
   */
  readonly wishes: Map<number, Wish>
  /** Nothing new starts. */
  readonly closing: AbortSignal
  /** The nodes behind the outputs exist, and Catch nodes; or the node closes. */
  readonly flowsStarted: Promise<unknown>
  /** Ends requests. */
  readonly abort: AbortSignal
  /** Puts a message into the queue once more. @returns its number */
  readonly acceptAgain: (message: Accepted<Content>, resent: Resent) => Promise<number>
  /** What the queue keeps of a content besides: its lane, and by what it is found. */
  readonly readPlace: (content: Content) => Pick<NewMessage, 'lane' | 'hashes'>
  /** Messages that are accepted from now on have this number or a higher one. */
  readonly nextSeq: () => number
  readonly gate: Gate
  readonly giveUpClock: GiveUpClock
  /** So many messages are being stored, and do not count as waiting yet. */
  readonly accepting: () => number
  /** Nothing is sent, whatever the receiver: the node is paused or closes, or its queue cannot be read. */
  readonly isIdle: () => boolean
  /** Messages may be sent. */
  readonly maySend: () => boolean
  /** Asks for messages whose turn it is, together with what was asked of the queue before. */
  readonly claimMessages: () => void
  /** A move is being stored: before that has ended, no message takes the place of the one that moves. */
  readonly onMove: (stored: Promise<unknown>) => void
  /** Nobody waits for it. Nothing in it rejects; if it does anyway, Node-RED has to survive it. */
  readonly catchFault: (work: Promise<void>) => void
  /**
   * A close waits for it.
   *
   * @param controlId of the message that it is about
   */
  readonly track: <T>(work: Promise<T>, controlId?: string) => Promise<T>
  /** The queue cannot be read at the moment. */
  readonly stopReading: (error: unknown) => void
  readonly tell: (event: DeliveryEvent) => void
}

/** Nothing can be stored, or read: that is tried again after this time, in milliseconds. */
export const TRY_AGAIN_MS = 30_000

/** What an operator wants of a message that was on its way. */
export interface Wish {
  act: 'set-aside' | 'discard'
  /** A user name, or `''`. */
  by: string
}

/** Something happens, perhaps with one message. */
export interface WorkInProgress {
  readonly controlId: string | undefined
  /** What follows from it is stored, or could not be. Never rejects. */
  readonly ended: Promise<unknown>
}

/** What a flow and an event are told of a message. */
export function settledMessage({
  row,
  attempts,
  saidNotTaken,
  mayHaveArrived
}: Message<unknown>): SettledMessage {
  const { seq, controlId, type, acceptedAt, resent } = row
  return { seq, controlId, type, acceptedAt, attempts, saidNotTaken, mayHaveArrived, resent }
}

export function moved(
  message: Message<unknown>,
  to: Moved['to'],
  why: { result?: AttemptResult | undefined; settlement?: Settlement | undefined } = {}
): Moved {
  return { kind: 'moved', message: settledMessage(message), to, ...why }
}
