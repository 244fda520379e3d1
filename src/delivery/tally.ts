import { AttemptCounts, type AttemptFigures } from './attempt-counts.ts'
import { shownCode } from '../codes.ts'
import { toldInEnglish } from '../told-in-english.ts'
import type { AttemptError } from '../rules/attempt.ts'
import { showsQueueWorks, type DeliveryEvent } from './delivery-events.ts'
import { printable } from '../printable.ts'
import { printableCode, stillQueued } from './explain.ts'
import type { Fault } from './fault.ts'
import { DISCARDED, type Settlement } from './settlement.ts'
import { causeOfResult } from './verdict.ts'
import { answerCode } from '../queue/verdict-codes.ts'

/** Counters of one node since it started, and what happened last. */
export interface TallyValues {
  acked: number
  naked: number
  failed: number
  /** What went wrong last, in words that may be shown. */
  lastError: { code: string; text: string; at: string } | null
  /** How the last message left, with its acknowledgement code. */
  lastOutcome: { outcome: Settlement['outcome']; code: string } | null
  /**
   * The code of the error with which the last message left, or of a fault of the queue since then;
   * null if none holds. A message that is retried has not failed yet.
   */
  failing: string | null
  /** Why the last attempt got no reply; null if it got one. */
  failure: AttemptError | null
  /** Whose fault the failure of the last attempt is; null if it did not fail. */
  fault: Fault | null
  /** The receiver gave up so long after the request, in milliseconds, each of the last three times; null if not. */
  ownLimitMs: number | null
}

/** So many answers in a row that took about as long show a time limit. */
const LIMITS_ALIKE = 3
/** One may take so much longer than another, as a share. */
const ALIKE = 0.1

/** The text of an error is cut after so many characters. */
const MOST_TEXT = 1000

/** A reader of events: counts outcomes, in constant space and time. */
export class Tally {
  #acked = 0
  #naked = 0
  #failed = 0
  #lastError: TallyValues['lastError'] = null
  #lastOutcome: TallyValues['lastOutcome'] = null
  #failing: string | null = null
  /** The queue cannot be written: until something is stored, or a message leaves. */
  #queueFault: string | null = null
  /** Nothing is read: what was on its way, and leaves now, does not change that. */
  #isUnreadable = false
  #failure: AttemptError | null = null
  #fault: Fault | null = null
  readonly #now: () => number
  readonly #attempts = new AttemptCounts()
  /** How long the last attempts took that the receiver's own time limit may have ended, if they all were such. */
  #ownLimits: number[] = []

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  readEvent(event: DeliveryEvent): void {
    if (showsQueueWorks(event)) this.#queueFault = null
    switch (event.kind) {
      case 'attempted':
        this.#attempts.add(event.result)
        this.#failure = event.result.error ?? null
        this.#fault = event.fault ?? null
        this.#ownLimits =
          event.fault?.about === 'own-limit'
            ? [...this.#ownLimits, event.result.elapsedMs].slice(-LIMITS_ALIKE)
            : []
        return
      case 'moved':
        if (event.to === 'left' && event.settlement) this.#readOutcome(event.settlement)
        else if (event.result && (event.to === 'retrying' || event.to === 'waiting')) {
          const { message, result } = event
          this.#setLastError(causeOfResult(result), stillQueued(message, message.attempts, result))
        }
        return
      case 'lost':
        this.#failed++
        this.#setError('HL7_QUEUE_FAILED', event.error.message)
        return
      case 'opened':
        // What failed before was the opening.
        this.#failing = null
        this.#queueFault = null
        return
      case 'queue-failed':
        this.#queueFault = printable(event.code)
        this.#setLastError(event.code)
        return
      case 'unreadable':
        this.#isUnreadable = true
        this.#setError('HL7_QUEUE_FAILED')
        return
      case 'read-again':
        this.#isUnreadable = false
        return
      case 'fault':
        this.#setError('EUNKNOWN')
        return
      default:
    }
  }

  /** What only monitoring reads. */
  figures(): AttemptFigures {
    return this.#attempts.figures()
  }

  values(): TallyValues {
    return {
      acked: this.#acked,
      naked: this.#naked,
      failed: this.#failed,
      lastError: this.#lastError,
      lastOutcome: this.#lastOutcome,
      failing: this.#queueFault ?? this.#failing,
      failure: this.#failure,
      fault: this.#fault,
      ownLimitMs: alike(this.#ownLimits)
    }
  }

  #readOutcome({ outcome, reply, error }: Settlement): void {
    if (outcome === 'error') this.#failed++
    // An operator's action says nothing about the receiver, and hides nothing.
    if (error?.code === DISCARDED) return
    const ackCode = printableCode(reply?.ack?.code ?? '')
    const status = outcome === 'nak' ? (reply?.status ?? 0) : 0
    this.#lastOutcome = { outcome, code: answerCode({ ackCode, status }) }
    if (outcome === 'error') {
      this.#setError(shownCode(error?.cause ?? { code: error?.code ?? 'EUNKNOWN' }), error?.message)
      return
    }
    if (outcome === 'ack') this.#acked++
    else this.#naked++
    this.#queueFault = null
    if (!this.#isUnreadable) this.#failing = null
  }

  #setError(code: string, text?: string): void {
    this.#failing = printable(code)
    this.#setLastError(code, text)
  }

  #setLastError(code: string, text = faultText(code)): void {
    const at = new Date(this.#now()).toISOString()
    this.#lastError = { code: printable(code), text: printable(text, MOST_TEXT), at }
  }
}

/** What they have in common, if that many differ by little. */
function alike(times: readonly number[]): number | null {
  const [shortest, longest] = [Math.min(...times), Math.max(...times)]
  const isAlike = times.length === LIMITS_ALIKE && longest - shortest <= ALIKE * longest
  return isAlike ? shortest : null
}

function faultText(cause: string): string {
  return `${toldInEnglish({ kind: 'queue-fault', values: { cause } })}.`
}
