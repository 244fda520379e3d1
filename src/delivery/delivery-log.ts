import { OutboxError, type Entry } from '../outbox/outbox.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { printable } from '../printable.ts'
import { attemptsWords, idOf, printableCode, sentence, whyFailed } from './explain.ts'
import { Troubles } from './troubles.ts'

/** A line for the log: what is stuck and why, or that it is moving again. */
export interface Notice {
  level: 'warn' | 'info'
  text: string
}

/** The log reports suspended messages at most this often, in milliseconds. */
const SUSPENSION_TOLD_MS = 60_000

/**
 * A reader of events: writes to the log what an operator has to know. One line for all messages
 * that are being retried, and one when none is any longer; many that are suspended in a row share a
 * line.
 */
export class DeliveryLog {
  readonly #write: (notice: Notice) => void
  readonly #monotonic: () => number
  readonly #troubles = new Troubles()
  #suspensionToldAt = Number.NEGATIVE_INFINITY

  /** @param monotonic a clock that only runs forward, milliseconds */
  constructor(write: (notice: Notice) => void, monotonic: () => number) {
    this.#write = write
    this.#monotonic = monotonic
  }

  note(event: DeliveryEvent): void {
    if (event.kind === 'opened') {
      for (const entry of event.endedOn) this.#warn(endedOnText(entry))
    } else if (event.kind === 'unreadable') {
      this.#warn(unreadableText(event.error, event.againMs))
    } else if (event.kind === 'moved') this.#noteMove(event)
  }

  #noteMove(move: Extract<DeliveryEvent, { kind: 'moved' }>): void {
    const { entry, to, result } = move
    const trouble = this.#troubles.note(move)
    if (result !== undefined) {
      if (trouble === 'began') this.#warn(retryingText(entry, result))
      if (to === 'suspended') this.#noteSuspension(entry, result)
      if (to === 'waiting') this.#warn(pausedText(entry, result))
    }
    if (trouble === 'over') {
      this.#write({
        level: 'info',
        text: 'No message is being retried; the queue is moving again.'
      })
    }
  }

  #noteSuspension(entry: Entry, result: AttemptResult): void {
    const now = this.#monotonic()
    if (now - this.#suspensionToldAt < SUSPENSION_TOLD_MS) return
    this.#suspensionToldAt = now
    this.#warn(
      `${whatHappened(result)} The rule ${rule(result)} suspended the message, and the queue is moving on: resend or discard ${idOf(entry)}.`
    )
  }

  #warn(text: string): void {
    this.#write({ level: 'warn', text })
  }
}

function endedOnText(entry: Entry): string {
  return `Node-RED ended twice while processing the same message. It was suspended, and the queue is moving on: once the cause is known, resend or discard ${idOf(entry)}.`
}

function retryingText(entry: Entry, result: AttemptResult): string {
  return `${whatHappened(result)} Retrying after ${attemptsWords(entry.attempts)}; other messages may be waiting behind message ${idOf(entry)}.`
}

function pausedText(entry: Entry, result: AttemptResult): string {
  return `${whatHappened(result)} Nothing is sent until the node is resumed: the rule ${rule(result)} paused it at message ${idOf(entry)}.`
}

function unreadableText(error: unknown, againMs: number): string {
  const { code, message } =
    error instanceof OutboxError
      ? error
      : { code: 'EUNKNOWN', message: 'The queue cannot be read.' }
  return `${code}: ${sentence(message)} Nothing is sent; the queue will be read again in ${againMs / 1000} s.`
}

function whatHappened(result: AttemptResult): string {
  const ack = result.reply?.ack
  if (!ack) return whyFailed(result)
  return `${printableCode(ack.code) || 'An acknowledgement without a code'} from the receiver.`
}

function rule({ decision }: AttemptResult): string {
  return printable(decision.rule)
}
