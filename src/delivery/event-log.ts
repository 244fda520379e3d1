import type { Clock } from '../clock.ts'
import type { QueueEvent, QueueEventKind } from '../outbox/journal.ts'
import { OutboxError } from '../outbox/outbox.ts'
import type { DeliveryEvent } from './delivery-events.ts'
import { printable } from '../printable.ts'
import { causeOf } from './tally.ts'
import { Troubles } from './troubles.ts'

/** Suspended messages are counted for this time, in milliseconds, and make one event. */
const SUSPENSIONS_MS = 10_000
/** The same fault of a queue is an event at most this often, in milliseconds. */
const FAULT_AGAIN_MS = 60_000
/** So many rules are counted apart. */
const MOST_RULES = 20

/** A reader of events: keeps what an operator asks for later. */
export class EventLog {
  readonly #write: (event: QueueEvent) => void
  readonly #clock: Clock
  readonly #troubles = new Troubles()
  /** Monotonic, in milliseconds. */
  #troubleSince = 0
  /** By rule. */
  #suspensions = new Map<string, number>()
  #cancelFlush: (() => void) | undefined
  readonly #faults = new Map<string, number>()
  #isTokenLost = false

  constructor(write: (event: QueueEvent) => void, clock: Clock) {
    this.#write = write
    this.#clock = clock
  }

  /** @param by a user name, `flow`, `rule`, or `''` */
  add(kind: QueueEventKind, by: string, values: QueueEvent['values'] = {}): void {
    this.#write({ at: this.#clock.now(), kind, by, values })
  }

  note(event: DeliveryEvent): void {
    switch (event.kind) {
      case 'paused':
        this.add('paused', event.pause.by, { reason: event.pause.reason })
        return
      case 'resumed':
        this.add('resumed', event.by)
        return
      case 'resent':
      case 'discarded':
        this.add(event.kind, event.by, { count: event.count })
        return
      case 'opened':
        event.endedOn.forEach(() => {
          this.#suspended('')
        })
        return
      case 'moved':
        this.#noteMove(event)
        return
      case 'closing':
        this.#flush()
        return
      case 'lost':
        this.#fault('HL7_QUEUE_FAILED')
        return
      case 'queue-failed':
        this.#fault(event.code)
        return
      case 'unreadable':
        this.#fault(event.error instanceof OutboxError ? event.error.code : 'HL7_QUEUE_FAILED')
        return
      default:
    }
  }

  /** @param lostFor why there is no token, as a code; undefined if there is one, or none is needed */
  noteToken(lostFor: string | undefined): void {
    const isLost = lostFor !== undefined
    if (isLost === this.#isTokenLost) return
    this.#isTokenLost = isLost
    if (isLost) this.add('token-lost', '', { cause: printable(lostFor) })
    else this.add('token-back', '')
  }

  #noteMove(move: Extract<DeliveryEvent, { kind: 'moved' }>): void {
    const { entry, to, result, settlement } = move
    if (to === 'suspended' && result !== undefined) this.#suspended(printable(result.decision.rule))
    const trouble = this.#troubles.note(move)
    const now = this.#clock.monotonic()
    if (trouble === 'began' && result !== undefined) {
      this.#troubleSince = now
      const controlId = printable(entry.controlId)
      this.add('retrying', '', { cause: printable(causeOf(result)), controlId })
    }
    // If the last one was given up, nothing has recovered.
    if (trouble === 'over' && settlement?.outcome !== 'error') {
      this.add('recovered', '', { seconds: Math.round((now - this.#troubleSince) / 1000) })
    }
  }

  #suspended(rule: string): void {
    if (!this.#suspensions.has(rule) && this.#suspensions.size >= MOST_RULES) this.#flush()
    this.#suspensions.set(rule, (this.#suspensions.get(rule) ?? 0) + 1)
    this.#cancelFlush ??= this.#clock.after(SUSPENSIONS_MS, () => {
      this.#flush()
    })
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    for (const [rule, count] of this.#suspensions) this.add('suspended', 'rule', { count, rule })
    this.#suspensions = new Map()
  }

  #fault(code: string): void {
    const now = this.#clock.monotonic()
    if (now - (this.#faults.get(code) ?? -Infinity) < FAULT_AGAIN_MS) return
    this.#faults.set(code, now)
    this.add('queue-fault', '', { cause: printable(code) })
  }
}
