import type { Ended, Figures, GivenUp, Refusing } from '../queue/figures.ts'
import type { Verdict } from '../queue/message-row.ts'
import { printable } from '../printable.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { REFUSALS } from './fault.ts'
import { DISCARDED, type SettledMessage, type Settlement } from './settlement.ts'
import { answerCode, causeOf } from '../queue/verdict-codes.ts'
import { verdictOf } from './verdict.ts'

/** So many messages of one type in a row that leave on NAK are more than one bad message. */
const NAKS_IN_A_ROW = 5
/** So many different messages in a row that are refused alike without HL7 are not refused for what each contains. */
const REFUSED_IN_A_ROW = 3
/** So long it stands that Node-RED has ended, unless somebody has noted it; in milliseconds. */
const ENDED_MS = 24 * 60 * 60_000
/** So many message types are watched. */
const MOST_TYPES = 200

/** What stands after messages have left, until it is put right. */
export type Stands = Pick<Figures, 'ended' | 'givenUp' | 'refusing' | 'lastInAt'>

/**
 * A reader of events: what stands after messages have left. Messages that were given up, until each is sent again or
 * somebody has noted it; message types that the receiver refuses; when a message came in last; how often Node-RED has
 * ended unexpectedly. In constant space.
 */
export class Standing {
  readonly #now: () => number
  #givenUp: GivenUp | undefined
  #ended: Ended | undefined
  /** NAKs in a row by message type, the ones seen last at the end. */
  readonly #naks = new Map<string, Refusing>()
  /** Messages in a row that were refused alike, without HL7; and the control ID of the last one. */
  #refused: (Refusing & { status: number }) | undefined
  #lastRefused = ''
  readonly #startedAt: number
  /** When a message came in last, in this run or an earlier one. */
  #lastInAt: number | undefined

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
    this.#startedAt = now()
  }

  readEvent(event: DeliveryEvent): void {
    switch (event.kind) {
      case 'opened':
        this.#restore(event.figures)
        return
      case 'moved':
        if (event.to === 'left' && event.settlement !== undefined) {
          this.#readOutcome(event.message, event.settlement)
        }
        return
      case 'lost':
        this.#addGivenUp(this.#now(), 'HL7_QUEUE_FAILED')
        return
      case 'sent-again':
        this.#sentAgain(event.givenUp)
        return
      default:
    }
  }

  /** A message came in, accepted or not. */
  messageCame(): void {
    this.#lastInAt = this.#now()
  }

  /** Somebody knows of the messages that were given up. */
  noteGivenUp(): void {
    this.#givenUp = undefined
  }

  /** Somebody knows that Node-RED has ended. */
  noteEnded(): void {
    this.#ended = undefined
  }

  get stands(): Stands {
    const byType = [...this.#naks.values()].filter(({ count }) => count >= NAKS_IN_A_ROW)
    const ofAll = this.#refused
    const isOfAll = ofAll !== undefined && ofAll.count >= REFUSED_IN_A_ROW
    const refusing = isOfAll ? [ofAll, ...byType] : byType
    const endedAt = this.#ended?.until ?? -Infinity
    return {
      ended: this.#now() - endedAt < ENDED_MS ? this.#ended : undefined,
      givenUp: this.#givenUp,
      refusing,
      lastInAt: this.#lastInAt ?? this.#startedAt
    }
  }

  #restore({ ended, givenUp, lastInAt, refusing }: Figures): void {
    this.#ended = ended
    if (givenUp !== undefined) {
      this.#givenUp = { ...givenUp, count: givenUp.count + (this.#givenUp?.count ?? 0) }
    }
    for (const one of refusing) {
      const { status } = one
      if (status !== undefined) this.#refused ??= { ...one, status }
      else if (!this.#naks.has(one.type)) this.#naks.set(one.type, one)
    }
    // One may have come in while the queue was being opened.
    this.#lastInAt ??= Math.min(lastInAt ?? this.#startedAt, this.#startedAt)
  }

  #readOutcome(message: SettledMessage, settlement: Settlement): void {
    // MSH-9 comes from outside, and is stored and shown.
    const type = printable(message.type)
    const { error, outcome, settledAt } = settlement
    // An operator's act is no trouble.
    if (error?.code === DISCARDED) return
    if (outcome === 'error') {
      const verdict = verdictOf(settlement)
      this.#addGivenUp(settledAt, causeOf(verdict) || verdict.errorCode, verdict)
      this.#addRefused(message.controlId, verdict)
      return
    }
    this.#refused = undefined
    const last = this.#naks.get(type)
    this.#naks.delete(type)
    if (outcome === 'ack') return
    const verdict = verdictOf(settlement)
    this.#naks.set(type, {
      type,
      count: (last?.count ?? 0) + 1,
      since: last?.since ?? this.#now(),
      ackCode: answerCode(verdict),
      error: verdict.errors[0]?.code ?? ''
    })
    const [oldest] = this.#naks.keys()
    if (this.#naks.size > MOST_TYPES && oldest !== undefined) this.#naks.delete(oldest)
  }

  #addRefused(controlId: string, { about, status }: Verdict): void {
    const last = this.#refused
    const isAnother = controlId !== this.#lastRefused
    this.#lastRefused = controlId
    if (!REFUSALS.has(about)) this.#refused = undefined
    else if (last?.status !== status) {
      this.#refused = { type: '', count: 1, since: this.#now(), ackCode: '', error: '', status }
    } else if (isAnother) this.#refused = { ...last, count: last.count + 1 }
  }

  #addGivenUp(
    at: number,
    cause: string,
    { about, operation }: Pick<GivenUp, 'about' | 'operation'> = {}
  ): void {
    const { count, since } = this.#givenUp ?? { count: 0, since: at }
    this.#givenUp = {
      count: count + 1,
      since,
      cause,
      ...(about !== undefined && { about }),
      ...(operation !== undefined && { operation })
    }
  }

  /** @param times when they left: somebody has noted what was given up before */
  #sentAgain(times: readonly number[]): void {
    if (this.#givenUp === undefined) return
    const { count, since } = this.#givenUp
    const left = count - times.filter((at) => at >= since).length
    this.#givenUp = left > 0 ? { ...this.#givenUp, count: left } : undefined
  }
}
