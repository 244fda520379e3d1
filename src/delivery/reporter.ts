import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import { printable } from '../printable.ts'
import { QueueError, type MessageName } from '../queue/queue-error.ts'
import type { Pause, QueueEvent, QueueEventKind } from '../queue/queue-event.ts'
import { toldInEnglish } from '../told-in-english.ts'
import type { TokenTrouble } from '../oauth2/token-status.ts'
import type { AttemptResult } from './attempt-result.ts'
import { showsQueueWorks, type DeliveryEvent, type Moved } from './delivery-events.ts'
import { DISCARDED, type Settlement } from './settlement.ts'
import { eventTold } from './event-told.ts'
import { idOf, reasonAndHint, sentence, whatHappened, wordsOf } from './explain.ts'
import { causeOfResult } from './verdict.ts'

/** A line for the log: what is stuck and why, or that it is moving again. */
export interface Notice {
  level: 'warn' | 'info'
  text: string
}

/** Where it is reported. */
export interface Reports {
  log: (notice: Notice) => void
  /**
   * Adds to the list of events that operators read.
   *
   * @param hasGrown it is there already, and counts more now
   */
  event: (event: QueueEvent, hasGrown: boolean) => void
  /** How a message type is refused, in codes, if several in a row were; undefined if not. */
  refusing?: (type: string) => { count: number; answer: string } | undefined
}

/** What several messages in a row share: one event that counts them. */
type GrowingKind = QueueEventKind & ('suspended' | 'given-up' | 'refused')

/** An event that counts more since it was told. */
interface Series {
  event: QueueEvent
  count: number
  /** So many are in the event that is stored. */
  stored: number
  /** When the last one came: on the monotonic clock. */
  lastAt: number
}

/** The log tells of suspended messages at most this often, in milliseconds. */
const SUSPENSION_TOLD_MS = 60_000
/** What happens to several messages, each within this time after the one before, makes one event; in milliseconds. */
const SERIES_MS = 600_000
/** How many they are is stored this often, in milliseconds. */
const GROWING_MS = 10_000
/** The same fault of a queue is an event at most this often, in milliseconds. */
const FAULT_AGAIN_MS = 60_000
/** So many rules and message types are counted apart. */
const MOST_APART = 20
/** So many causes of one trouble are told. */
const MOST_CAUSES = 10
/** These are no warnings. */
const GOOD_NEWS: ReadonlySet<QueueEventKind> = new Set([
  'recovered',
  'token-back',
  'from-backup',
  'queue-works'
])

/** What a line in the log says first. */
type Happening = Omit<QueueEvent, 'at'>

/**
 * A reader of events: tells the log and the list of events what an operator has to know. All messages that are
 * retried are one trouble, with one line when it begins and one when it is over; messages that are suspended in a
 * row share a line and an event. A line begins with the sentence that the tab shows for its event, so that a search
 * finds both.
 */
export class Reporter {
  readonly #reports: Reports
  readonly #clock: Clock
  /** Messages that are being retried, and since when there are any; on the monotonic clock. */
  readonly #retried = new Set<number>()
  #troubleSince = 0
  /** Why, as far as that was told; whether the log knows of the trouble. */
  readonly #causes = new Set<string>()
  #isTroubleLogged = false
  #suspensionToldAt = Number.NEGATIVE_INFINITY
  /** Events that count more since they were told. */
  readonly #growing = new Map<string, Series>()
  #cancelFlush: (() => void) | undefined
  /** When each fault was an event last; on the monotonic clock. */
  readonly #faults = new Map<string, number>()
  /** When somebody was told to have looked at a message, the oldest first; on the monotonic clock. */
  readonly #looks = new Map<string, number>()
  #isTokenLost = false
  /** What the queue could not be written for, and since when; undefined: it can, as far as anybody was told. */
  #queueFault: { cause: string; from: string } | undefined

  constructor(reports: Reports, clock: Clock) {
    this.#reports = reports
    this.#clock = clock
  }

  /** @param by a user name, `flow`, `rule`, or `''` */
  addEvent(kind: QueueEventKind, by: string, values: QueueEvent['values'] = {}): void {
    this.#reports.event({ at: this.#clock.now(), kind, by, values }, false)
  }

  /** Who looks at a message again and again sees it once in the list; the audit log has each look. */
  contentShown(user: string, seq: number, controlId: string): void {
    const now = this.#clock.monotonic()
    for (const [look, at] of this.#looks) {
      if (now - at < SERIES_MS && this.#looks.size < MOST_APART) break
      this.#looks.delete(look)
    }
    const look = `${seq} ${user}`
    if (this.#looks.has(look)) return
    this.#looks.set(look, now)
    this.addEvent('content-shown', user, { controlId: printable(controlId) })
  }

  readEvent(event: DeliveryEvent): void {
    if (this.#queueFault !== undefined && showsQueueWorks(event)) {
      this.#report({ kind: 'queue-works', by: '', values: this.#queueFault })
      this.#queueFault = undefined
    }
    switch (event.kind) {
      case 'opened':
        for (const message of event.endedOn) {
          this.#logSuspension('', english('log', 'log.suspendedTwice', { message: idOf(message) }))
          this.#count('suspended', '', { count: 1, rule: '' })
        }
        return
      case 'moved':
        this.#readMove(event)
        return
      case 'paused':
        this.addEvent('paused', event.pause.by, pauseValues(event.pause))
        return
      case 'resumed':
        this.addEvent('resumed', event.by, untilValue(event))
        return
      case 'turned':
        this.#readTurn(event)
        return
      case 'resent':
      case 'sent-again':
      case 'set-aside':
      case 'discarded':
        this.addEvent(event.kind, event.by, { count: event.count })
        return
      case 'edited':
        this.addEvent('edited', event.by, {
          controlId: printable(event.controlId),
          ...(event.reason !== '' && { reason: event.reason })
        })
        return
      case 'lost':
        this.#addFault('HL7_QUEUE_FAILED')
        this.#endRetries(event.seq, true)
        return
      case 'in-vain':
        if (event.isInVain) this.#report({ kind: 'in-vain', by: '', values: {} })
        return
      case 'queue-failed':
        if (this.#addFault(event.code)) {
          const from = new Date(this.#clock.now()).toISOString()
          this.#queueFault ??= { cause: printable(event.code), from }
        }
        return
      case 'unreadable':
        this.#readUnreadable(event.error, event.againMs / 1000)
        return
      case 'closing':
        this.#flushCounts()
        this.addEvent('stopped', '')
        return
      default:
    }
  }

  /** @param trouble why there is no token; undefined if there is one, or none is needed */
  reportToken(trouble: TokenTrouble | undefined): void {
    const isLost = trouble !== undefined
    if (isLost === this.#isTokenLost) return
    this.#isTokenLost = isLost
    if (isLost) {
      const { code, description, hint, message } = trouble
      const values = {
        cause: printable(code),
        ...(description !== undefined && { reason: printable(description.replace(/\.$/, ''), 200) })
      }
      const more = [message, hint, english('log', 'log.tokenLost')].filter(Boolean).join(' ')
      this.#report({ kind: 'token-lost', by: '', values }, more)
    } else {
      this.#report({ kind: 'token-back', by: '', values: {} })
    }
  }

  /**
   * A certificate expires soon, or has expired.
   *
   * @param of whose
   */
  reportCertificate(of: string, days: number): void {
    const values = { of, days }
    this.#report({ kind: 'certificate', by: '', values }, english('log', 'log.certificate'))
  }

  /** The receiver closes connections that are kept. */
  reportUnkept(host: string): void {
    this.#report({ kind: 'not-kept', by: '', values: { host: printable(host) } })
  }

  #readTurn({ to, isByHand, by, host }: Extract<DeliveryEvent, { kind: 'turned' }>): void {
    const values = { host: printable(host) }
    const kind = to === 'backup' ? 'to-backup' : 'from-backup'
    const more = !isByHand && to === 'backup' ? english('log', 'log.toBackup') : ''
    this.#report({ kind, by, values }, more)
  }

  #readMove(move: Moved): void {
    const { message, to, result } = move
    if (to === 'sending') return
    if (to === 'retrying') {
      if (result !== undefined) this.#beginTrouble(message, result)
      return
    }
    if (result !== undefined && to === 'suspended') {
      this.#tellSuspension(message, result)
      const rule = printable(result.decision.rule)
      this.#count('suspended', rule, { count: 1, rule })
    }
    if (result !== undefined && to === 'waiting') this.#logPause(message, result)
    if (to === 'left' && move.settlement !== undefined) this.#readOutcome(message, move.settlement)
    this.#endRetries(message.seq, !hasRecovered(move))
  }

  #readOutcome({ type }: Moved['message'], { error, outcome }: Settlement): void {
    if (outcome === 'error' && error?.code !== DISCARDED) {
      this.#count('given-up', '', { count: 1 })
    }
    const name = printable(type)
    const refusing = outcome === 'nak' ? this.#reports.refusing?.(name) : undefined
    if (refusing === undefined) return
    const { answer, count } = refusing
    this.#count('refused', name, { count, type: name, answer })
  }

  /**
   * The first failure is an event, and each cause that joins it. In the log, a single failure is none: it may pass at
   * once. One that does not pass by itself is news at once: its next attempt is a long time away.
   */
  #beginTrouble(message: Moved['message'], result: AttemptResult): void {
    if (this.#retried.size === 0) {
      this.#troubleSince = this.#clock.monotonic()
      this.#causes.clear()
      this.#isTroubleLogged = false
    }
    this.#retried.add(message.seq)
    const cause = printable(causeOfResult(result))
    const isNew = !this.#causes.has(cause) && this.#causes.size < MOST_CAUSES
    const mayPass = message.attempts === 1 && result.isPermanent !== true
    if (!isNew && (mayPass || this.#isTroubleLogged)) return
    const words = result.error === undefined ? wordsOf(result).description : undefined
    const values = {
      cause,
      controlId: printable(message.controlId),
      ...(words !== undefined && { reason: printable(words, 200) })
    }
    if (isNew) this.addEvent('retrying', '', values)
    this.#causes.add(cause)
    if (mayPass || this.#isTroubleLogged) return
    this.#isTroubleLogged = true
    const more = { count: message.attempts, why: this.#whyRetried(result), message: idOf(message) }
    this.#log({ kind: 'retrying', by: '', values }, english('log', 'log.retrying', more))
  }

  /** Without what has just been said: the server's words, and what to do about a token that is lost. */
  #whyRetried(result: AttemptResult): string {
    if (this.#isTokenLost && result.error?.family === 'token') return reasonAndHint(result).reason
    const { description: _said, ...quotes } = result.quotes ?? {}
    return whatHappened(result.error === undefined ? { ...result, quotes } : result)
  }

  #endRetries(seq: number, isGivenUp: boolean): void {
    if (!this.#retried.delete(seq) || this.#retried.size > 0) return
    // If the last one was given up, nothing has recovered.
    const noneRetried = english('log', 'log.noneRetried')
    if (isGivenUp) {
      if (this.#isTroubleLogged) this.#reports.log({ level: 'info', text: noneRetried })
      return
    }
    const seconds = Math.round((this.#clock.monotonic() - this.#troubleSince) / 1000)
    const recovered = { kind: 'recovered', by: '', values: { seconds } } as const
    this.addEvent(recovered.kind, recovered.by, recovered.values)
    if (this.#isTroubleLogged) this.#log(recovered, noneRetried)
  }

  #logPause(message: MessageName, result: AttemptResult): void {
    const values = { reason: printable(result.decision.rule, 200) }
    this.#log(
      { kind: 'paused', by: 'rule', values },
      english('log', 'log.paused', { why: whatHappened(result), message: idOf(message) })
    )
  }

  #readUnreadable(error: unknown, seconds: number): void {
    const [code, why] =
      error instanceof QueueError
        ? [error.code, sentence(error.message)]
        : ['HL7_QUEUE_FAILED', english('log', 'log.unreadable')]
    this.#log(
      { kind: 'queue-fault', by: '', values: { cause: printable(code) } },
      english('log', 'log.readAgain', { why, seconds })
    )
    this.#addFault(code)
  }

  #tellSuspension(message: MessageName, result: AttemptResult): void {
    const now = this.#clock.monotonic()
    if (now - this.#suspensionToldAt < SUSPENSION_TOLD_MS) return
    this.#suspensionToldAt = now
    const more = { why: whatHappened(result), message: idOf(message) }
    this.#logSuspension(printable(result.decision.rule), english('log', 'log.suspended', more))
  }

  /** @param rule that suspended the message; `''`: Node-RED ended twice while processing it */
  #logSuspension(rule: string, more: string): void {
    this.#log({ kind: 'suspended', by: 'rule', values: { count: 1, rule } }, more)
  }

  /** @param of what is counted apart: a rule or a message type; `''` for neither */
  #count(kind: GrowingKind, of: string, values: QueueEvent['values']): void {
    const key = `${kind} ${of}`
    const lastAt = this.#clock.monotonic()
    const series = this.#growing.get(key)
    if (series !== undefined && lastAt - series.lastAt < SERIES_MS) {
      series.count++
      series.lastAt = lastAt
      this.#cancelFlush ??= this.#clock.after(GROWING_MS, () => {
        this.#flushCounts()
      })
      return
    }
    if (this.#growing.size >= MOST_APART) {
      this.#flushCounts()
      this.#growing.clear()
    }
    const at = this.#clock.now()
    const count = Number(values['count'] ?? 1)
    const event: QueueEvent = { at, kind, by: kind === 'suspended' ? 'rule' : '', values }
    this.#growing.set(key, { event, count, stored: count, lastAt })
    this.#reports.event(event, false)
  }

  #flushCounts(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    for (const series of this.#growing.values()) {
      const { count, event, stored } = series
      if (count === stored) continue
      series.stored = count
      this.#reports.event({ ...event, values: { ...event.values, count } }, true)
    }
  }

  /** @returns whether it was told: not if it was a moment ago */
  #addFault(code: string): boolean {
    const now = this.#clock.monotonic()
    if (now - (this.#faults.get(code) ?? -Infinity) < FAULT_AGAIN_MS) return false
    this.#faults.set(code, now)
    this.addEvent('queue-fault', '', { cause: printable(code) })
    return true
  }

  /** An event, with its line in the log. */
  #report(happening: Happening, more = ''): void {
    this.addEvent(happening.kind, happening.by, happening.values)
    this.#log(happening, more)
  }

  /** @param more what is to be said besides the sentence of the tab */
  #log(happening: Happening, more: string): void {
    const text = `${toldInEnglish(eventTold(happening))}. ${more}`.trim()
    this.#reports.log({ level: GOOD_NEWS.has(happening.kind) ? 'info' : 'warn', text })
  }
}

/** That a message was set aside, or has paused the node, does not say that anything can be sent again. */
function hasRecovered({ settlement, to }: Moved): boolean {
  if (settlement !== undefined) return settlement.outcome !== 'error'
  return to !== 'suspended' && to !== 'waiting'
}

/** What the words of a pause are filled with. */
export function pauseValues(pause: Pause): QueueEvent['values'] {
  const { host, reason } = pause
  return { reason, ...untilValue(pause), ...(host !== undefined && { host: printable(host) }) }
}

function untilValue({ until }: { until?: number }): { until?: string } {
  return until === undefined ? {} : { until: new Date(until).toISOString() }
}
