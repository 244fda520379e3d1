import type { Outbox, OutboxContents } from '../outbox/outbox.ts'
import { Awaiting } from './awaiting.ts'
import { Backlog } from './backlog.ts'
import { CarefulStart } from './careful-start.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import { Message } from './message.ts'
import { Messages } from './messages.ts'
import { Sending, type SendingContext } from './sending.ts'

/** Most waiting messages listed at a time. */
const PAGE_SIZE = 1000

/** The queue, once it is open. */
export interface OpenQueue<Content> {
  outbox: Outbox<Content>
  backlog: Backlog
  messages: Messages
  careful: CarefulStart
  sending: Sending<Content>
  awaiting: Awaiting<Content>
  /** Stored outcomes have left, and the outbox can be read. */
  canSend: boolean
  lastSeq: number
  /** The clocks of messages up to this number were restarted. */
  renewedTo: number
  /** But not of these: their applications have asked for them since then. */
  keepClock: Set<number>
}

/** What the parts of an open queue need from the delivery. */
export interface OpenQueueContext<Content> extends Pick<
  SendingContext<Content>,
  | 'isPaused'
  | 'pause'
  | 'maySend'
  | 'mostAttempts'
  | 'rereadMs'
  | 'since'
  | 'tell'
  | 'closing'
  | 'abort'
> {
  /** The prefix of current lanes. */
  readonly kind: string
  /** How many messages may be in flight. */
  readonly places: number
  /** A message may be sent. */
  readonly pump: () => void
  /** Messages wait again. */
  readonly again: (queue: OpenQueue<Content>) => void
  readonly unreadable: (queue: OpenQueue<Content>, error: unknown) => void
}

/**
 * Opens the outbox, takes over what it holds, and puts the parts of the delivery together.
 *
 * @throws {OutboxError} when the queue cannot be used
 */
export async function openQueue<Content>(
  options: DeliveryOptions<Content>,
  context: OpenQueueContext<Content>
): Promise<{ queue: OpenQueue<Content>; contents: OutboxContents }> {
  const { closing, kind, pause, places, since, tell } = context
  const outbox = await options.outbox()
  const contents = await outbox.open()
  const backlog: Backlog = new Backlog({
    order: options.order,
    pageSize: options.pageSize ?? PAGE_SIZE,
    kind,
    list: (query) => outbox.list(query),
    isActive: (seq) => messages.has(seq),
    lastSeq: () => queue.lastSeq,
    since
  })
  const messages: Messages = new Messages(outbox, backlog, tell, closing)
  const careful = new CarefulStart(outbox, contents.unclean ? places : 0)
  const sending: Sending<Content> = new Sending<Content>({
    ...context,
    options,
    outbox,
    careful,
    messages,
    due: context.pump,
    unreadable: (error) => {
      context.unreadable(queue, error)
    },
    awaits: (message, content, result) => awaiting.begin(message, content, result),
    attemptEnded: (message) => {
      awaiting.attemptEnded(message)
    }
  })
  const awaiting: Awaiting<Content> = new Awaiting<Content>({
    options,
    outbox,
    messages,
    sending,
    closing,
    tell,
    pause,
    uptimeMs: contents.uptimeMs,
    again: ({ seq }, keepsClock) => {
      if (keepsClock) queue.keepClock.add(seq)
      context.again(queue)
    }
  })
  const queue: OpenQueue<Content> = {
    outbox,
    backlog,
    messages,
    careful,
    sending,
    awaiting,
    canSend: false,
    lastSeq: contents.lastSeq,
    renewedTo: 0,
    keepClock: new Set()
  }
  backlog.restore(contents.waiting)
  for (const entry of contents.suspended) {
    const state = entry.verdict?.awaits === undefined ? 'suspended' : 'awaiting'
    messages[state].set(entry.seq, new Message(entry, state, since(entry)))
  }
  return { queue, contents }
}
