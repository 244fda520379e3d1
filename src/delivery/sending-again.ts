import { english } from '../english.ts'
import type { MessageRow, Resent } from '../queue/message-row.ts'
import { QueueError } from '../queue/queue-error.ts'
import type { LeftChoice } from '../queue/queue-types.ts'
import type { Accepted } from './delivery-options.ts'
import { pages } from './pages.ts'
import { isGone } from './queue-errors.ts'
import { DISCARDED } from './settlement.ts'
import type { Trial } from './trial.ts'
import type { WorkContext } from './work-context.ts'

/** So many messages that have left are looked for in one call of the queue. */
const FOUND_AT_ONCE = 1000
/** So many are sent again in one call, in slices of so many and so many bytes. */
const MOST_SENT_AGAIN = 10_000
const SLICE_ROWS = 100
const SLICE_BYTES = 4 * 1024 * 1024
/** So many of those that are not sent are named. */
const MOST_NAMED = 100

/**
 * Why a message that was chosen is not sent again: its content is not kept; it was sent again before, or itself repeats
 * one, or another of the chosen ones repeats it.
 */
export type WhyNotSent = 'notKept' | 'sentBefore' | 'isCopy' | 'repeated'

export interface NotSent {
  controlId: string
  why: WhyNotSent
}

/** How messages are sent again. */
export interface HowAgain<Content> {
  /** Also those that were sent again before, and those that repeat others. */
  isAgain?: boolean
  /** Also those that repeat others, unless they were sent again themselves: somebody has chosen this one. */
  hasCopies?: boolean
  /** Gives a content another control ID; it keeps the one that it has without it, and where it returns nothing. */
  renew?: (content: Content) => Accepted<Content> | undefined
  onSent?: OnSent
}

/** Who gives a message another text. */
export interface HowEdited {
  /** A user name, or `''`. */
  by: string
  /** What they say of it; at most 200 characters are kept. */
  reason?: string
  /** Of one that has left: also if it was sent again before. */
  isAgain?: boolean
}

/**
 * What became of that: a suspended message went back, one that had left goes as a new one, somebody was faster, or it is
 * a message that nobody can edit.
 */
export type Edit =
  | { kind: 'edited' }
  | { kind: 'sent'; seq: number; controlId: string }
  | { kind: 'late'; why: 'notSuspended' | 'sentBefore' }
  | { kind: 'not-editable' }

/** Learns the numbers of messages that are sent, as far as they are. */
export type OnSent = (seqs: readonly number[]) => void

/** What became of messages that were to be sent again. */
export interface SentAgain {
  /** Those that were sent before, or repeat others, do not count unless they were asked for. */
  found: number
  resent: number
  /** So many of them are no longer stored. */
  withoutContent: number
  /** So many others were left out: they were sent before, or repeat others. */
  leftOut: number
  /** Those that are not sent, and why: the first 100. */
  notSent: readonly NotSent[]
}

/** Messages that had left, of which the first was sent again alone. */
export interface SentFirstAgain extends Omit<SentAgain, 'resent'> {
  /** Missing if there was none to send. */
  trial?: Trial
}

/** A message at the beginning or the end of those that would be sent again. */
export type Named = Pick<MessageRow, 'controlId' | 'acceptedAt' | 'changedAt'>

/** What would be sent again. */
export interface CountedAgain {
  found: number
  withContent: number
  leftOut: number
  /** Of those that would be sent; undefined if there is none. */
  first: Named | undefined
  last: Named | undefined
  /**
   * So many of them would arrive behind later messages of their key that have left; without an order by key, behind any
   * later ones; where no order is kept, 0.
   */
  overtaken: number
}

/** What it needs of the delivery. */
type AgainContext<Content> = Pick<
  WorkContext<Content>,
  'acceptAgain' | 'nextSeq' | 'options' | 'queue' | 'tell'
>

/** Sends messages that have left once more: each becomes a new message with the same content, at the end of its lane. */
export class SendingAgain<Content> {
  readonly #context: AgainContext<Content>
  /** What was asked for last has been sent, or could not be. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(context: AgainContext<Content>) {
    this.#context = context
  }

  /** What `send` would do. @throws {QueueError} as `send` does */
  async count(choice: LeftChoice, isAgain: boolean): Promise<CountedAgain> {
    const { kept, notSent, ...counts } = await this.#choose(choice, { isAgain })
    return {
      found: counts.found,
      withContent: kept.length,
      leftOut: counts.leftOut,
      first: kept.at(0),
      last: kept.at(-1),
      overtaken: await this.#countOvertaken(kept)
    }
  }

  /**
   * @param by a user name, `flow`, or `''`
   * @throws {QueueError} `ERR_TOO_MANY` when there are more than 10,000: nothing is sent; or when the queue cannot be
   * read
   * @throws {DeliveryError} as `Delivery.accept` does: those before it are sent, and perhaps some of the hundred behind
   * it, such as shorter ones if the disk is full
   */
  send(choice: LeftChoice, by: string, how: HowAgain<Content>): Promise<SentAgain> {
    return this.#inTurn(async () => {
      const chosen = await this.#choose(choice, how)
      const sent = await this.#send(chosen.kept, by, how, chosen.repeated)
      return withGone(chosen, sent)
    })
  }

  /**
   * The same, but the first goes alone: the others follow if it leaves on ACK, but for those that somebody has sent again
   * meanwhile.
   *
   * @param tryFirst begins the trial of the first, after which so many others follow
   */
  sendFirst(
    choice: LeftChoice,
    by: string,
    how: HowAgain<Content>,
    tryFirst: (
      first: { seq: number; controlId: string },
      others: number,
      follow: () => Promise<number>
    ) => Trial
  ): Promise<SentFirstAgain> {
    return this.#inTurn(async () => {
      const chosen = await this.#choose(choice, how)
      const { kept, repeated } = chosen
      const sent = await this.#send(kept.slice(0, 1), by, how, repeated)
      const [first] = sent
      const { resent: _, ...answer } = withGone({ ...chosen, kept: kept.slice(0, 1) }, sent)
      if (first === undefined) return answer
      const others = kept.slice(1)
      const follow = (): Promise<number> =>
        this.#inTurn(async () => {
          const now = await this.#findRepeated(others)
          const rest = others.filter(({ seq }) => repeated.has(seq) || !now.has(seq))
          const followed = await this.#send(rest, by, how, repeated)
          return followed.length
        })
      return { ...answer, trial: tryFirst(first, others.length, follow) }
    })
  }

  /**
   * Sends one that was refused or given up with another text, as a new message.
   *
   * @param edited what was made of that text; it may have another control ID
   * @throws {DeliveryError} as `Delivery.accept` does
   */
  sendEdited(seq: number, edited: Accepted<Content>, how: HowEdited): Promise<Edit> {
    return this.#inTurn(() => this.#sendEdited(seq, edited, how))
  }

  async #sendEdited(
    seq: number,
    edited: Accepted<Content>,
    { by, reason = '', isAgain = false }: HowEdited
  ): Promise<Edit> {
    const { acceptAgain, options, queue, tell } = this.#context
    const { messages } = await queue.call('findLeft', { ids: [seq] }, 0, 1)
    const [row] = messages
    if (row === undefined || row.verdict.outcome === 'ack') return { kind: 'not-editable' }
    const repeated = await queue.call('findRepeated', [seq])
    if (repeated.length > 0 && !isAgain) return { kind: 'late', why: 'sentBefore' }
    const resent = resentOf(row, edited, { at: options.clock.now(), by })
    const said = reason === '' ? {} : { reason }
    const copy = await acceptAgain(edited, { ...resent, isEdited: true, ...said })
    tell({ kind: 'sent-again', count: 1, givenUp: givenUpAt([row], new Set(repeated)), by })
    const { controlId } = edited
    tell({ kind: 'edited', controlId, by, reason })
    return { kind: 'sent', seq: copy, controlId }
  }

  /** One after the other: what is chosen must not be sent meanwhile for somebody else. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** What is sent, in the order of acceptance, and what is not. */
  async #choose(
    choice: LeftChoice,
    { isAgain = false, hasCopies = false }: Pick<HowAgain<Content>, 'isAgain' | 'hasCopies'>
  ): Promise<Chosen> {
    const rows = await this.#find(choice)
    const repeated = await this.#findRepeated(rows)
    const newest = newestOfEach(rows)
    const notSent: NotSent[] = []
    const kept: MessageRow[] = []
    let leftOut = 0
    for (const row of rows) {
      const why = isAgain
        ? newest.has(row.seq)
          ? undefined
          : 'repeated'
        : whyNot(row, repeated, hasCopies)
      if (why === undefined && row.keptBytes > 0) kept.push(row)
      else notSent.push({ controlId: row.controlId, why: why ?? 'notKept' })
      if (why !== undefined) leftOut++
    }
    const found = rows.length - leftOut
    return { found, withoutContent: found - kept.length, leftOut, kept, notSent, repeated }
  }

  /** Those that were sent again. */
  async #findRepeated(rows: readonly MessageRow[]): Promise<ReadonlySet<number>> {
    const repeated = new Set<number>()
    for (let from = 0; from < rows.length; from += FOUND_AT_ONCE) {
      const seqs = rows.slice(from, from + FOUND_AT_ONCE).map(({ seq }) => seq)
      for (const seq of await this.#context.queue.call('findRepeated', seqs)) repeated.add(seq)
    }
    return repeated
  }

  /** In the order of acceptance. */
  async #find(choice: LeftChoice): Promise<MessageRow[]> {
    const { nextSeq, queue } = this.#context
    // Not those that leave meanwhile because of this.
    const chosen = { ...choice, before: Math.min(choice.before ?? Infinity, nextSeq()) }
    const rows: MessageRow[] = []
    const ask = (after: number) => queue.call('findLeft', chosen, after, FOUND_AT_ONCE)
    for await (const { messages } of pages(ask)) {
      rows.push(...messages)
      if (rows.length > MOST_SENT_AGAIN) {
        throw new QueueError(
          english('log', 'queue.tooMany', { most: MOST_SENT_AGAIN.toLocaleString('en-US') }),
          'ERR_TOO_MANY'
        )
      }
    }
    return rows
  }

  async #countOvertaken(rows: readonly MessageRow[]): Promise<number> {
    const { options, queue } = this.#context
    const [first] = rows
    if (first === undefined || options.order === 'none') return 0
    const lanes = [...new Set(rows.map(({ lane }) => lane))]
    const seqs = rows.map(({ seq }) => seq)
    const ends = new Map<number | null, number>()
    const ask = (after: number) => queue.call('findLaneEnds', lanes, seqs, after)
    for await (const found of pages(ask, first.seq)) {
      for (const [lane, seq] of found.ends) ends.set(lane, Math.max(seq, ends.get(lane) ?? 0))
    }
    return rows.filter(({ lane, seq }) => (ends.get(lane) ?? 0) > seq).length
  }

  /** @returns what was sent: the content of others may be gone meanwhile */
  async #send(
    rows: readonly MessageRow[],
    by: string,
    how: HowAgain<Content>,
    repeated: ReadonlySet<number>
  ): Promise<Sent[]> {
    const sent: Sent[] = []
    try {
      for (let from = 0; from < rows.length;) {
        const slice = sliceOf(rows, from)
        await this.#sendSlice(slice, by, how, sent)
        from += slice.length
      }
      return sent
    } finally {
      const { length: count } = sent
      const left = sent.map(({ row }) => row)
      if (count > 0) {
        const givenUp = givenUpAt(left, repeated)
        this.#context.tell({ kind: 'sent-again', count, givenUp, by })
      }
    }
  }

  /** @param sent gets what was sent, also if it fails with others */
  async #sendSlice(
    rows: readonly MessageRow[],
    by: string,
    { onSent, renew }: HowAgain<Content>,
    sent: Sent[]
  ): Promise<void> {
    const { acceptAgain, options, queue } = this.#context
    const contents = await Promise.all(
      rows.map((row) =>
        queue.read(row.seq).then(
          ({ content }) => ({ row, content }),
          (error: unknown) => {
            if (!isGone(error)) throw error
            return undefined
          }
        )
      )
    )
    const at = options.clock.now()
    const results = await Promise.allSettled(
      contents
        .filter((each) => each !== undefined)
        .map(async ({ row, content }): Promise<Sent> => {
          const { controlId, type } = row
          const message = renew?.(content) ?? { controlId, type, content }
          const seq = await acceptAgain(message, resentOf(row, message, { at, by }))
          return { row, seq, controlId: message.controlId }
        })
    )
    const done = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    sent.push(...done)
    onSent?.(done.map(({ seq }) => seq))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

/** When those left that count as given up: one that was sent before no longer does, nor what somebody has discarded. */
function givenUpAt(rows: readonly MessageRow[], repeated: ReadonlySet<number>): number[] {
  return rows
    .filter(({ seq, verdict }) => {
      return verdict.outcome === 'error' && verdict.errorCode !== DISCARDED && !repeated.has(seq)
    })
    .map(({ changedAt }) => changedAt)
}

/** What a new message says of the one that it repeats. */
function resentOf(
  { acceptedAt, controlId, seq }: MessageRow,
  message: Pick<Accepted<unknown>, 'controlId'>,
  { at, by }: Pick<Resent, 'at' | 'by'>
): Resent {
  const isRenamed = message.controlId !== controlId
  return { at, by, acceptedAt, of: seq, ...(isRenamed && { controlId }) }
}

interface Chosen extends Omit<SentAgain, 'resent'> {
  kept: readonly MessageRow[]
  /** Those that were sent again before. */
  repeated: ReadonlySet<number>
}

/** A message that had left, and its copy. */
interface Sent {
  row: MessageRow
  seq: number
  controlId: string
}

function whyNot(
  { resent, seq }: MessageRow,
  repeated: ReadonlySet<number>,
  hasCopies: boolean
): WhyNotSent | undefined {
  if (repeated.has(seq)) return 'sentBefore'
  return resent === undefined || hasCopies ? undefined : 'isCopy'
}

/** Of a message and those that repeat it, only the newest one. */
function newestOfEach(rows: readonly MessageRow[]): ReadonlySet<number> {
  const firsts = new Map<number, number>()
  const newest = new Map<number, number>()
  // A copy has a higher number than what it repeats.
  for (const { resent, seq } of rows) {
    const of = resent?.of ?? seq
    const first = firsts.get(of) ?? of
    firsts.set(seq, first)
    newest.set(first, seq)
  }
  return new Set(newest.values())
}

/** @param chosen `kept` was to be sent now */
function withGone(chosen: Chosen, sent: readonly Sent[]): SentAgain {
  const { found, kept, leftOut, notSent, withoutContent } = chosen
  const arrived = new Set(sent.map(({ row }) => row.seq))
  const gone = kept
    .filter(({ seq }) => !arrived.has(seq))
    .map(({ controlId }): NotSent => ({ controlId, why: 'notKept' }))
  return {
    found,
    resent: sent.length,
    withoutContent: withoutContent + gone.length,
    leftOut,
    notSent: [...notSent, ...gone].slice(0, MOST_NAMED)
  }
}

/** As many of the rows from there on as are read at once. */
function sliceOf(rows: readonly MessageRow[], from: number): MessageRow[] {
  const slice: MessageRow[] = []
  let bytes = 0
  for (const row of rows.slice(from, from + SLICE_ROWS)) {
    bytes += row.keptBytes
    if (slice.length > 0 && bytes > SLICE_BYTES) break
    slice.push(row)
  }
  return slice
}
