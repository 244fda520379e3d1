import { OutboxError } from '../outbox/outbox.ts'
import type { AttemptResult } from './courier.ts'
import { deliveryFailed, nameOf, printable, printableCode, type MessageName } from './explain.ts'

/** A line for the log of whoever runs Node-RED: what stands still and why, or that it goes on. */
export interface Notice {
  level: 'warn' | 'info'
  text: string
}

type Attempted = MessageName & { attempts: number }

/** Messages wait behind one that is tried again. */
export function retryNotice(message: Attempted, result: AttemptResult): Notice {
  return warning(`${whatHappened(message, result)} It is tried again, and others may wait for it.`)
}

/** After a `retryNotice`. */
export function recoveryNotice(): Notice {
  return { level: 'info', text: 'Nothing is tried again any more; the queue goes on.' }
}

/** A message stands aside for an operator. */
export function suspensionNotice(message: Attempted, result: AttemptResult): Notice {
  return warning(
    `${whatHappened(message, result)} It was set aside by the rule ${rule(result)}, and the queue goes on: resend it or discard it.`
  )
}

/** A message was suspended by the start. */
export function endedOnNotice(message: MessageName): Notice {
  return warning(
    `${nameOf(message)}: Node-RED ended twice while it worked on this message. It was suspended, and the queue goes on: resend it when the cause is known, or discard it.`
  )
}

/** A rule has paused the node. */
export function pauseNotice(message: Attempted, result: AttemptResult): Notice {
  return warning(
    `${whatHappened(message, result)} The node was paused by the rule ${rule(result)}: nothing is sent until it is resumed.`
  )
}

/** Stored messages cannot be read at present. */
export function unreadableNotice(error: unknown, againMs: number): Notice {
  const why = error instanceof OutboxError ? error.message : 'The queue cannot be read.'
  return warning(
    `${why} Nothing is sent meanwhile; the queue is read again in ${againMs / 1000} s.`
  )
}

function whatHappened(message: Attempted, result: AttemptResult): string {
  const ack = result.reply?.ack
  return ack
    ? `${nameOf(message)}: the receiver answered ${printableCode(ack.code) || 'without a code'}.`
    : deliveryFailed(message, message.attempts, result).message
}

function rule({ decision }: AttemptResult): string {
  return printable(decision.rule)
}

function warning(text: string): Notice {
  return { level: 'warn', text }
}
