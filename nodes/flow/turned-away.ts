import { access } from 'node:fs/promises'
import type { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { printable } from '../../src/printable.ts'
import type { CountedMinute, Figures, TurnedAway } from '../../src/queue/figures.ts'
import type { QueueEvent } from '../../src/queue/queue-event.ts'
import type { Told } from '../../src/told.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Those that come within this time after one another are one event, in milliseconds. */
const ONE_EVENT_MS = 10 * MINUTE_MS
/** An event that grows is stored at most this often, in milliseconds. */
const STORED_MS = 10_000

/** There is room again once the queue has fallen below this share of its limit. */
const ROOM = 0.8

/** What conditions follow from. */
export interface TurnedAwayNow extends TurnedAway {
  /** More may be turned away for the same reason. */
  lasts: boolean
}

/** Where an event is stored; one of the same time that is there already counts more then. */
type StoreEvent = (event: QueueEvent) => Promise<void>

/** What becomes of them as an event. */
interface Spell extends TurnedAway {
  /** So many of them are in the event; undefined: there is none yet. */
  stored?: number
}

/**
 * The messages that a node turned away: its queue had no room or a fault, or the node is not set up. What a message brings
 * itself is none of that. It is kept here over a deploy, until a queue takes it: while it cannot be stored, nothing else
 * knows of it.
 */
export class TurnedAwayMessages {
  readonly #now: () => number
  #all: TurnedAway | undefined
  /** So many in each minute of the last day in which there were any, oldest first. */
  #minutes = new Map<number, number>()
  /** Why more would be turned away; undefined: nothing would be. */
  #lasts: string | undefined
  #spell: Spell | undefined
  #storedAt = -Infinity
  #isStoring = false
  #isRestored = false
  /** A message has left on ACK. */
  #hadAck = false
  /** One may have, in an earlier run: its queue has not been opened yet. */
  #mayHaveHadAck = false

  /** @param now wall clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @param path of its queue file: one that is there already, or on a disk that hangs, is of a node that has worked */
  knowsFile(path: string): void {
    if (this.#isRestored) return
    this.#mayHaveHadAck = true
    access(path).catch(() => {
      this.#mayHaveHadAck = false
    })
  }

  /** A message was turned away: `why` as in `TurnedAway`. */
  add(why: string): void {
    const now = this.#now()
    const all = this.#current(now)
    const isFirst = all === undefined || all.isTrial === true
    const isTrial = isFirst && !this.#hadAck && !this.#mayHaveHadAck
    this.#lasts = why
    this.#all = grown(all, now, why, isTrial)
    const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS
    this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + 1)
    this.#dropOld(now)
    const { count = 0, stored, until = -Infinity } = this.#spell ?? {}
    const isSame = stored !== count || now - until < ONE_EVENT_MS
    this.#spell = {
      ...grown(isSame ? this.#spell : undefined, now, why, false),
      ...(isSame && stored !== undefined && { stored })
    }
  }

  /** A message was accepted. */
  accepted(): void {
    if (this.#lasts !== 'limit') this.#lasts = undefined
  }

  /** A queue was opened. */
  opened({ lastAckAt, turnedAway, turnedAwayMinutes }: Figures): void {
    if (this.#lasts !== 'limit' && this.#lasts !== 'disk') this.#lasts = undefined
    // What its file has, was known here before a deploy.
    if (this.#isRestored) return
    this.#isRestored = true
    this.#mayHaveHadAck = false
    this.#hadAck ||= lastAckAt !== undefined
    const earlier = new Map(turnedAwayMinutes)
    for (const [at, count] of this.#minutes) earlier.set(at, (earlier.get(at) ?? 0) + count)
    this.#minutes = earlier
    if (turnedAway === undefined) return
    const { isTrial, ...newer } = this.#all ?? { ...turnedAway, count: 0 }
    const isOfTrials = isTrial === true && turnedAway.isTrial === true
    this.#all = {
      ...newer,
      count: newer.count + turnedAway.count,
      since: turnedAway.since,
      ...(isOfTrials && { isTrial })
    }
  }

  /** A message left on ACK. */
  acked(): void {
    this.#hadAck = true
  }

  /** The settings can be used. */
  isSetUp(): void {
    if (this.#lasts === 'settings') this.#lasts = undefined
  }

  /** @param share how much of its limit the queue holds */
  isFilled(share: number): void {
    if (this.#lasts === 'limit' && share < ROOM) this.#lasts = undefined
  }

  /** Somebody knows of it. If it is over, that ends it. */
  noted(): void {
    if (this.#lasts === undefined) this.#all = undefined
  }

  /** Undefined: none, it was noted, or it was over a day ago. */
  get current(): TurnedAwayNow | undefined {
    const all = this.#current(this.#now())
    return all && { ...all, lasts: this.#lasts !== undefined }
  }

  /** How many in the last hour. */
  get lastHour(): number {
    const from = this.#now() - 60 * MINUTE_MS
    return [...this.#minutes].reduce((sum, [at, count]) => sum + (at > from ? count : 0), 0)
  }

  /** How many in that minute. */
  inMinute(at: number): number {
    return this.#minutes.get(at) ?? 0
  }

  /** What is stored with the other figures of the node. */
  get stored(): Pick<Figures, 'turnedAway' | 'turnedAwayMinutes'> {
    const now = this.#now()
    this.#dropOld(now)
    const turnedAwayMinutes: CountedMinute[] = [...this.#minutes]
    return { turnedAway: this.#current(now), turnedAwayMinutes }
  }

  /**
   * To be asked now and then: stores them as an event that grows. Never rejects.
   *
   * @param isLast nobody asks again soon
   */
  async storeEvent(store: StoreEvent, isLast = false): Promise<void> {
    const spell = this.#spell
    if (spell === undefined || spell.stored === spell.count || this.#isStoring) return
    const now = this.#now()
    const isSoon = now >= this.#storedAt && now < this.#storedAt + STORED_MS
    if (isSoon && !isLast) return
    this.#storedAt = now
    this.#isStoring = true
    const { count } = spell
    try {
      const event: QueueEvent = {
        ...{ at: spell.since, kind: 'turned-away', by: '' },
        values: turnedAwayValues(spell)
      }
      await store(event)
      if (this.#spell?.since === spell.since) this.#spell = { ...this.#spell, stored: count }
    } catch {
      // It comes with the next ones: here it is safe.
    } finally {
      this.#isStoring = false
    }
  }

  #current(now: number): TurnedAway | undefined {
    const isOld = this.#all !== undefined && now - this.#all.until >= DAY_MS
    if (isOld && this.#lasts === undefined) this.#all = undefined
    return this.#all
  }

  #dropOld(now: number): void {
    for (const at of this.#minutes.keys()) {
      if (at > now - DAY_MS) return
      this.#minutes.delete(at)
    }
  }
}

function grown(
  before: TurnedAway | undefined,
  now: number,
  why: string,
  isTrial: boolean
): TurnedAway {
  const { count = 0, since = now } = before ?? {}
  return { count: count + 1, since, until: now, why, ...(isTrial && { isTrial }) }
}

/**
 * Why a message was not accepted, as in `TurnedAway`; undefined if that is its own fault.
 *
 * @param isSetUp whether the node is: then it has read the message, and `HL7_CONFIG` is about its `msg.url`
 */
export function whyTurnedAway(
  { code, cause }: Pick<DeliveryError, 'code' | 'cause'>,
  isSetUp: boolean,
  payload: unknown
): string | undefined {
  if (code === 'HL7_QUEUE_FULL') return 'limit'
  if (code === 'HL7_CONFIG') return !isSetUp && isHl7(payload) ? 'settings' : undefined
  if (code !== 'HL7_QUEUE_FAILED') return undefined
  const fault = cause?.code ?? code
  if (fault === 'SQLITE_FULL') return 'disk'
  return fault === 'ERR_QUEUE_CLOSED' ? 'closing' : printable(fault)
}

function isHl7(payload: unknown): boolean {
  try {
    readOutgoingMessage(payload, 'auto')
    return true
  } catch {
    return false
  }
}

/** While it lasts, and when it is over. */
export function turnedAwayTold(turnedAway: TurnedAwayNow | undefined): Told {
  if (turnedAway === undefined) return { kind: 'ok', values: {} }
  const { until: _until, ...values } = turnedAwayValues(turnedAway)
  return turnedAway.lasts
    ? { kind: 'turning-away', values }
    : { kind: 'turned-away', values: turnedAwayValues(turnedAway) }
}

/** What the words are filled with. */
export function turnedAwayValues({
  count,
  since,
  until,
  why
}: TurnedAway): Record<'count' | 'from' | 'until' | 'turnedAway', string | number> {
  const [from, to] = [since, until].map((at) => new Date(at).toISOString())
  return { count, from: from ?? '', until: to ?? '', turnedAway: why }
}

/** By the ids of the nodes: a deploy makes a new node of the same id. */
const kept = new Map<string, TurnedAwayMessages>()

/** Of a node that was or is deployed. */
export function turnedAwayOf(id: string): TurnedAwayMessages {
  const found = kept.get(id) ?? new TurnedAwayMessages(() => Date.now())
  kept.set(id, found)
  return found
}

/** The node is deleted. */
export function forgetTurnedAway(id: string): void {
  kept.delete(id)
}
