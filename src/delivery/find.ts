import { NO_VERDICT, type JournalRecord, type Verdict } from '../outbox/journal.ts'
import type { Entry, Outbox, StoredState, FindQuery } from '../outbox/outbox.ts'
import type { KnownState } from './known-state.ts'
import type { Message, MessageState } from './message.ts'
import type { Messages } from './messages.ts'

/** What is known of a message, in the queue or long gone; without HL7 content. */
export interface KnownMessage extends Pick<
  Entry,
  'seq' | 'controlId' | 'type' | 'acceptedAt' | 'attempts'
> {
  state: KnownState
  /** When it left; of a suspended one, when it was suspended. Wall clock, milliseconds. */
  settledAt: number | undefined
  outcome: JournalRecord['outcome'] | undefined
  verdict: Verdict
}

export interface MessageQuery extends Partial<
  Pick<FindQuery, 'before' | 'controlId' | 'type' | 'rule' | 'since'>
> {
  state?: KnownState
  limit: number
}

export interface KnownPage {
  messages: KnownMessage[]
  /** There are more below the last one. */
  more: boolean
}

const OUTCOMES = { acked: 'ack', naked: 'nak', failed: 'error' } as const
const STATES = { ack: 'acked', nak: 'naked', error: 'failed' } as const

/**
 * Looks for messages, newest first. The outbox answers a bounded number of rows at a time, so that
 * sending goes on meanwhile.
 *
 * @param signal ends the search: nobody waits for it any longer
 */
export async function find(
  outbox: Outbox<unknown>,
  messages: Messages,
  query: MessageQuery,
  signal?: AbortSignal
): Promise<KnownPage> {
  const sources = sourcesOf(outbox, messages, query, signal)
  const found: KnownMessage[] = []
  for (;;) {
    const heads = await Promise.all(sources.map((source) => source.head()))
    let newest: Source | undefined
    let best: KnownMessage | undefined
    for (const [index, head] of heads.entries()) {
      if (head === undefined || (best !== undefined && head.seq <= best.seq)) continue
      best = head
      newest = sources[index]
    }
    if (best === undefined || newest === undefined) return { messages: found, more: false }
    if (found.length === query.limit) return { messages: found, more: true }
    newest.take()
    // A message that leaves while it is looked for may be in both places.
    if (found.at(-1)?.seq !== best.seq) found.push(best)
  }
}

/** Messages of one kind, newest first. */
interface Source {
  head(): Promise<KnownMessage | undefined>
  take(): void
}

function sourcesOf(
  outbox: Outbox<unknown>,
  messages: Messages,
  query: MessageQuery,
  signal: AbortSignal | undefined
): Source[] {
  const { rule, state } = query
  const isSettled = state === 'acked' || state === 'naked' || state === 'failed'
  const journal = (): Source => new OutboxSource(outbox, messages, 'journal', query, signal)
  if (isSettled) return [journal()]
  // A message that waits has met no rule.
  const queue =
    rule === undefined && (state === undefined || state === 'waiting')
      ? new OutboxSource(outbox, messages, 'queue', query, signal)
      : new ListSource(active(messages, query))
  return state === undefined ? [queue, journal()] : [queue]
}

/** The messages that do more than wait. */
function active(messages: Messages, query: MessageQuery): KnownMessage[] {
  const { before = Infinity, controlId, rule, since = 0, state, type } = query
  const found: KnownMessage[] = []
  for (const held of [messages.active, messages.awaiting, messages.suspended]) {
    for (const message of held.values()) {
      const known = knownOf(message.entry, message)
      const matches =
        known.seq < before &&
        (controlId === undefined || known.controlId === controlId) &&
        (type === undefined || known.type === type) &&
        (rule === undefined || known.verdict.rule === rule) &&
        (state === undefined || known.state === state) &&
        Math.max(known.acceptedAt, known.settledAt ?? 0) >= since
      if (matches) found.push(known)
    }
  }
  return found.sort((a, b) => b.seq - a.seq)
}

/** @param message undefined if it does no more than wait, or has just been suspended */
function knownOf(stored: Entry, message: Message | undefined): KnownMessage {
  const entry = message?.entry ?? stored
  const { seq, controlId, type, acceptedAt, attempts, suspendedAt, verdict = NO_VERDICT } = entry
  // One that is being suspended is in the way of nobody until that is stored.
  const isMoving = message?.isMoving === true && message.state === 'suspended'
  const state = isMoving ? 'sending' : stateOf(message?.state ?? stored.state)
  const settledAt = state === 'suspended' ? suspendedAt : undefined
  return {
    seq,
    controlId,
    type,
    acceptedAt,
    attempts,
    state,
    settledAt,
    outcome: undefined,
    verdict
  }
}

function stateOf(state: MessageState | StoredState): KnownState {
  return state === 'settled' || state === 'gone' || state === 'lost' ? 'leaving' : state
}

function left({ outcome, verdict, ...record }: JournalRecord): KnownMessage {
  return { ...record, state: STATES[outcome], outcome, verdict }
}

class ListSource implements Source {
  readonly #list: readonly KnownMessage[]
  #at = 0

  constructor(list: readonly KnownMessage[]) {
    this.#list = list
  }

  head(): Promise<KnownMessage | undefined> {
    return Promise.resolve(this.#list[this.#at])
  }

  take(): void {
    this.#at++
  }
}

class OutboxSource implements Source {
  readonly #outbox: Outbox<unknown>
  readonly #messages: Messages
  readonly #query: FindQuery
  readonly #signal: AbortSignal | undefined
  /** Of those in the queue, only those that do no more than wait. */
  readonly #onlyWaiting: boolean
  #page: KnownMessage[] = []
  #before: number

  constructor(
    outbox: Outbox<unknown>,
    messages: Messages,
    where: FindQuery['where'],
    { before = Number.MAX_SAFE_INTEGER, state, limit, ...query }: MessageQuery,
    signal: AbortSignal | undefined
  ) {
    this.#signal = signal
    const outcome = OUTCOMES[state as keyof typeof OUTCOMES] as JournalRecord['outcome'] | undefined
    this.#outbox = outbox
    this.#messages = messages
    this.#query = { ...query, where, before, limit: limit + 1, ...(outcome && { outcome }) }
    this.#onlyWaiting = state === 'waiting'
    this.#before = before
  }

  async head(): Promise<KnownMessage | undefined> {
    while (this.#page.length === 0 && this.#before > 0 && this.#signal?.aborted !== true) {
      const query = { ...this.#query, before: this.#before }
      const { entries, records, next } = await this.#outbox.find(query)
      this.#before = next
      for (const entry of entries) {
        const known = knownOf(entry, this.#messages.get(entry.seq))
        if (!this.#onlyWaiting || known.state === 'waiting') this.#page.push(known)
      }
      this.#page.push(...records.map(left))
    }
    return this.#page[0]
  }

  take(): void {
    this.#page.shift()
  }
}
