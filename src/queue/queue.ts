import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import { FiguresTable } from './figures-table.ts'
import type { Figures } from './figures.ts'
import { Journal } from './journal.ts'
import { KeptContents, type DroppedContents } from './kept-contents.ts'
import {
  STATES,
  withRecord,
  type ActRecord,
  type MessageRow,
  type MessageState
} from './message-row.ts'
import { MessageSearch, type FoundRows } from './message-search.ts'
import { getMeta, metaNumber, setMeta } from './meta.ts'
import type { EventQuery, Pause, QueueEvent } from './queue-event.ts'
import { QueueError } from './queue-error.ts'
import { QueueDamageError } from './queue-fault.ts'
import { Repeats, type LaneEnds } from './repeats.ts'
import {
  isRetrying,
  isSound,
  isWaiting,
  partOf,
  stateOf,
  Statements,
  type Place,
  type StoredRow
} from './queue-statements.ts'
import type {
  ClaimedMessage,
  ContentStore,
  EditedMessage,
  LeftChoice,
  LeftMemory,
  LeftMessage,
  MessagePage,
  MessageQuery,
  Move,
  NewMessage,
  OpenedQueue,
  Preference,
  Order,
  QueueCounts,
  QueueRun,
  QueueSummary,
  Route,
  BackupInUse,
  SuspendedChoice,
  WaitingChoice
} from './queue-types.ts'
import {
  moment,
  pauseFrom,
  resentFrom,
  ruleRetriesFrom,
  storyFrom,
  backupFrom,
  verdictFrom
} from './stored-json.ts'
import { Turns } from './turns.ts'
import { Uptime } from './uptime.ts'

export interface QueueOptions<Stored> {
  order: Order
  /** Where the keys come from, such as `PID-3.1`; of no matter unless the order is `key`. */
  orderKey: string
  contents: ContentStore<Stored>
  /** How many days what has left is remembered; 0: it is not. */
  journalDays: number
  /** How many days its content is kept, and so many bytes at most. Default: it goes when its message leaves. */
  contentDays?: number | undefined
  mostKeptBytes?: number | undefined
  /** So many messages that have left, and so many events, are remembered at most. */
  mostRecords: number
  mostEvents: number
  clock: Pick<Clock, 'now' | 'monotonic'>
  /** If a file is opened again in the same run. */
  run?: QueueRun | undefined
  /** A message was accepted, edited or resent: it must not be handed out before that is safe. */
  onFresh?: ((seq: number) => void) | undefined
}

/** A message is set aside after so many processes ended while they worked on it. */
const MOST_DEATHS = 2
/** The uptime is stored so often at most, in milliseconds; and when a message begins to await. */
const UPTIME_STEP_MS = 60_000
const AWAITING_STEP_MS = 1000
/** How many have left is stored when it has changed by so much. */
const LEFT_STEP = 1000
/**
 * One node's queue as a table. A message is a row; its state, its lane and its time are columns, and
 * whose turn it is, is one query (`turns.ts`).
 *
 * **Claims.** A message that is handed out keeps its state, and nothing is written for it until it moves;
 * nothing else happens to it meanwhile.
 *
 * All calls are synchronous. A caller that wants them to be stored together makes a transaction around
 * them, with `beginChanges` and, if it fails, `undoChanges`.
 */
export class Queue<Stored> {
  readonly #db: DatabaseSync
  readonly #sql: Statements
  readonly #turns: Turns
  readonly #options: QueueOptions<Stored>
  readonly #contents: ContentStore<Stored>
  readonly #search: MessageSearch
  readonly #repeats: Repeats
  readonly #journal: Journal
  readonly #kept: KeptContents
  readonly #figures: FiguresTable
  readonly #uptime: Uptime
  #known: Known = {
    renewals: 0,
    storedLeft: 0,
    lastSeq: 0,
    storedLastSeq: 0,
    counts: { waiting: 0, awaiting: 0, suspended: 0, leaving: 0, left: 0, damaged: 0 },
    taken: new Set(),
    marked: new Set()
  }
  /** It and the bytes of contents that are kept, before the current transaction. */
  #before: { known: Known; keptBytes: number } | undefined
  /** When late messages were last asked for: a deadline after that is still to come. */
  #lateAt = 0
  /** Messages may go to two addresses. */
  #hasRoutes = false

  /** @param db with the tables of `queue-schema.ts` */
  constructor(db: DatabaseSync, options: QueueOptions<Stored>) {
    this.#db = db
    this.#options = options
    this.#contents = options.contents
    this.#sql = new Statements(db)
    this.#turns = new Turns(this.#sql, options.order)
    this.#search = new MessageSearch(db)
    this.#repeats = new Repeats(db)
    this.#journal = new Journal(db, options)
    this.#kept = new KeptContents(db, options.contents, options)
    this.#figures = new FiguresTable(db)
    this.#uptime = new Uptime(db, options.clock, options.run?.uptimeMs)
    this.#known.renewals = metaNumber(db, 'renewals')
    this.#readRows()
    for (const seq of options.run?.handedOut ?? []) {
      const row = this.#sql.place(seq)
      if (row !== undefined) this.#handOut(row)
    }
  }

  get counts(): QueueCounts {
    const { waiting, awaiting, suspended } = this.#known.counts
    return { waiting, retrying: this.#turns.retrying, awaiting, suspended }
  }

  /** Messages of which it is not stored yet what becomes of them. */
  get undecided(): number {
    return this.#known.counts.waiting + this.#known.counts.awaiting
  }

  /** Begins a run: before anything else is done with a queue that a process has opened. */
  open(): OpenedQueue {
    const isUnclean = metaNumber(this.#db, 'running') === 1
    if (isUnclean) this.#sql.addDeath.run(metaNumber(this.#db, 'atWork'))
    const endedOn = isUnclean ? this.#suspendDeadly() : []
    setMeta(this.#db, 'atWork', 0)
    setMeta(this.#db, 'running', 1)
    this.#setBarrier()
    // The restart or deploy may have fixed the cause: retries need not wait.
    this.#turns.endWaits()
    return {
      lastSeq: this.#known.lastSeq,
      renewals: this.#known.renewals,
      pause: getMeta(this.#db, 'paused') === 1 ? pauseFrom(getMeta(this.#db, 'pause')) : undefined,
      backup: backupFrom(getMeta(this.#db, 'backup')),
      leaving: this.#sql.leaving(),
      isUnclean,
      endedOn,
      figures: this.#figures.read(this.#options.clock.now())
    }
  }

  /** Ends the run: a start that finds it ended need not be careful. */
  close(): void {
    this.#uptime.store()
    this.#keepLeft(1)
    setMeta(this.#db, 'running', 0)
  }

  /** Before a transaction. */
  beginChanges(): void {
    const { counts, marked, taken } = this.#known
    const copies = { counts: { ...counts }, taken: new Set(taken), marked: new Set(marked) }
    const known = { ...this.#known, ...copies }
    this.#before = { known, keptBytes: this.#kept.bytes }
    this.#turns.beginChanges()
  }

  /** After a transaction that was rolled back. */
  undoChanges(): void {
    if (this.#before === undefined) return
    this.#known = this.#before.known
    this.#kept.bytes = this.#before.keptBytes
    this.#turns.undoChanges()
    this.#uptime.undo()
    this.#journal.forgetSweep()
  }

  /** For the same queue, opened again. */
  get run(): QueueRun {
    return {
      handedOut: [...this.#turns.sending, ...this.#known.taken],
      uptimeMs: this.#uptime.ms
    }
  }

  /** A message that is there already was accepted by an earlier call of which no answer came. */
  accept(message: NewMessage, content: Stored): void {
    const { seq, lane, controlId, type, acceptedAt, boundTo = null, hashes = [], resent } = message
    const turn = this.#turns.ofNew(seq, lane)
    const { renewals } = this.#known
    const row = [seq, lane, turn, controlId, type, acceptedAt, acceptedAt, renewals] as const
    const repeated = resent === undefined ? null : JSON.stringify(resent)
    if (this.#sql.accept.run(...row, repeated, boundTo).changes === 0) return
    this.#contents.putContent(seq, content)
    this.#addHashes(seq, hashes)
    this.#known.counts.waiting++
    this.#known.lastSeq = Math.max(this.#known.lastSeq, seq)
    this.#options.onFresh?.(seq)
  }

  /** Messages whose sender was told that they could not be stored: they go, if they are there. */
  withdraw(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const row = this.#sql.place(seq)
      if (row === undefined || !isWaiting(row)) continue
      while (this.#contents.drop(seq));
      this.#sql.dropHashes.run(partOf(seq), seq)
      this.#change(row, undefined, () => {
        this.#sql.delete.run(seq)
      })
      this.#keepLastSeq()
    }
  }

  /**
   * Hands out messages whose turn it is: retries that are due, then those that may go at once.
   *
   * @param most so many at most
   * @param contentsBefore contents come with those that have a lower number
   */
  claimNext(
    most: number,
    contentsBefore = Infinity,
    preference?: Preference,
    route?: Route
  ): ClaimedMessage<Stored>[] {
    this.#hasRoutes = route !== undefined
    if (this.#known.counts.waiting === 0 || most <= 0) return []
    const rows = this.#turns.next(most, this.#uptime.ms, preference, route)
    for (const row of rows) this.#mark(row, route?.mark)
    return rows.map((row) => this.#claim(row, contentsBefore))
  }

  /** Hands out a waiting message before its turn, unless it is on its way or others of its lane go first. */
  claimEarly(seq: number): ClaimedMessage<Stored> | undefined {
    const row = this.#sql.row(seq)
    const isFirst = row !== undefined && isWaiting(row) && row.turn !== null
    return isFirst && this.#turns.isFree(row) ? this.#claim(row) : undefined
  }

  /** Hands out awaiting messages whose time is up. */
  claimLate(most: number): ClaimedMessage<Stored>[] {
    const found: StoredRow[] = []
    this.#lateAt = this.#uptime.ms
    for (const row of this.#sql.late(this.#lateAt)) {
      if (found.length === most) break
      if (!this.#known.taken.has(row.seq)) found.push(row)
    }
    return found.map((row) => this.#claim(row))
  }

  /**
   * Hands out the message that an application acknowledgement is for: the oldest with that control ID that
   * awaits one, or else that was suspended because none came.
   *
   * @param cause of the suspension, as its verdict has it
   */
  claimAwaiting(controlId: string, cause: string): ClaimedMessage<Stored> | undefined {
    let best: StoredRow | undefined
    for (const row of this.#sql.named(controlId)) {
      const state = stateOf(row)
      const counts =
        state === 'awaiting' || (state === 'suspended' && verdictFrom(row.verdict).cause === cause)
      if (!counts || this.#known.taken.has(row.seq)) continue
      // From the newest to the oldest.
      if (best === undefined || row.state <= best.state) best = row
    }
    return best && this.#claim(best)
  }

  /**
   * Hands out suspended messages, in the order of acceptance; looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @returns after which number to go on; 0: there are no more
   */
  claimSuspended(
    choice: SuspendedChoice,
    after: number,
    most: number
  ): { claimed: ClaimedMessage<Stored>[]; next: number } {
    const { rows, next } = this.#suspended(choice, after, most)
    return { claimed: rows.map((row) => this.#claim(row)), next }
  }

  /**
   * Hands out waiting messages that are not on their way, whether it is their turn or not, in the order of acceptance;
   * looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @param withContent their contents come with them
   * @returns the numbers of those on their way, and after which number to go on; 0: there are no more
   */
  claimWaiting(
    choice: WaitingChoice,
    after: number,
    most: number,
    withContent: boolean
  ): { claimed: ClaimedMessage<Stored>[]; sending: number[]; next: number } {
    // None waits before that.
    const first = this.#turns.firstWaiting()?.seq ?? Infinity
    if (first === Infinity) return { claimed: [], sending: [], next: 0 }
    const { rows, next } = this.#search.waiting(choice, Math.max(after, first - 1), most)
    const claimed: ClaimedMessage<Stored>[] = []
    const sending: number[] = []
    for (const row of rows) {
      if (this.#turns.isSending(row.seq)) sending.push(row.seq)
      else claimed.push(this.#claim(row, withContent ? Infinity : 0))
    }
    return { claimed, sending, next }
  }

  /** Nothing became of a message that was handed out. */
  release(seq: number): void {
    // It was not sent.
    if (this.#known.marked.delete(seq)) this.#sql.bind.run(null, seq)
    this.#known.taken.delete(seq)
    this.#turns.release(seq)
  }

  /**
   * Moves a message from one state to another, unless somebody was faster.
   *
   * @returns whether it is in the new state
   * @throws {QueueError} `ERR_NOT_QUEUED` when there is no such message
   */
  move(move: Move<Stored>): boolean {
    const { seq, from, to, outcome } = move
    const row = this.#place(seq)
    if (stateOf(row) !== from) {
      this.release(seq)
      return stateOf(row) === to
    }
    // After a crash, what awaits does so no longer than that.
    this.#uptime.keep(to === 'awaiting' ? AWAITING_STEP_MS : UPTIME_STEP_MS)
    // One that waits has no outcome. Of a longer one, nothing must be left behind a shorter one.
    if (from !== 'waiting' && (outcome !== undefined || to === 'waiting')) {
      this.#contents.dropOutcome(seq)
    }
    if (outcome !== undefined) this.#contents.putOutcome(seq, outcome)
    const now = this.#uptime.ms
    const wanted = (move.dueInMs ?? 0) > 0 ? now + (move.dueInMs ?? 0) : 0
    this.#write(row, to, wanted, {
      attempts: move.attempts,
      retries: move.retries,
      spent_ms: move.spentMs,
      counts_from: move.counts === true ? now : null,
      renewals: move.renewals,
      verdict: JSON.stringify(move.verdict),
      story: move.story.length === 0 ? null : JSON.stringify(move.story),
      rule_retries: move.ruleRetries === undefined ? null : JSON.stringify(move.ruleRetries),
      bound_to: move.boundTo ?? null
    })
    return true
  }

  /**
   * A message has left. How it left is remembered, and its content is kept, as long as the options say.
   *
   * @param left how it left, if its outcome is not stored
   * @param memory less than that, where the disk has no room for it
   */
  finish(seq: number, left?: LeftMessage, memory: LeftMemory = 'all'): void {
    const row = this.#place(seq)
    if (stateOf(row) === 'left') return
    const isKept = memory === 'all' ? this.#kept.takeOver(seq) : this.#kept.drop(seq)
    const isForgotten = !isKept && (memory === 'none' || this.#options.journalDays === 0)
    this.#change(row, 'left', () => {
      if (isForgotten) this.#sql.delete.run(seq)
      else if (stateOf(row) === 'leaving') this.#sql.leave.run(seq)
      else this.#sql.leaveAtOnce.run(...this.#howItLeft(left), seq)
    })
    const dropped = this.#kept.dropSomeDue()
    this.#tellDropped(dropped)
    this.#forgot(dropped.forgotten + Number(isForgotten))
    this.#forgot(this.#journal.trim(this.#known.counts.left))
  }

  /**
   * Suspended messages wait again, each in its place by acceptance, with a new clock.
   *
   * @param after only those with a higher number
   * @param by a user name, `flow`, or `''`
   * @returns after which number to go on; 0: there are no more
   */
  resend(
    choice: SuspendedChoice,
    after: number,
    most: number,
    by = ''
  ): { count: number; next: number } {
    const { rows, next } = this.#suspended(choice, after, most)
    const at = this.#options.clock.now()
    for (const row of rows) this.#takeBackIntoQueue(row, { at, act: 'resent', by })
    return { count: rows.length, next }
  }

  /**
   * A suspended message waits again with another text, in its place by acceptance, with a new clock.
   *
   * @param by a user name, `flow`, or `''`
   * @param reason what they say of it
   * @returns false if it is not suspended, or is handed out: somebody was faster
   * @throws {QueueError} `ERR_NOT_QUEUED` when there is no such message
   */
  edit(
    { seq, lane, controlId, type, hashes = [] }: EditedMessage,
    content: Stored,
    by = '',
    reason = ''
  ): boolean {
    const row = this.#row(seq)
    if (stateOf(row) !== 'suspended' || this.#known.taken.has(seq)) return false
    const at = this.#options.clock.now()
    this.#keepOriginal(seq)
    this.#contents.dropContent(seq)
    this.#contents.putContent(seq, content)
    this.#sql.dropHashes.run(partOf(seq), seq)
    this.#addHashes(seq, hashes)
    this.#sql.edit.run(lane, controlId, type, at, seq)
    const said = reason === '' ? {} : { reason }
    this.#takeBackIntoQueue({ ...row, lane }, { at, act: 'edited', by, ...said })
    return true
  }

  /** How many suspended messages are meant, and the first of them. */
  countSuspended(choice: SuspendedChoice): { first: number | undefined; count: number } {
    return this.#search.countSuspended(choice)
  }

  pause(pause: Pause): void {
    setMeta(this.#db, 'pause', JSON.stringify(pause))
    setMeta(this.#db, 'paused', 1)
  }

  /** @param backup undefined: messages go to the first address again */
  setBackup(backup: BackupInUse | undefined): void {
    setMeta(this.#db, 'backup', backup === undefined ? '' : JSON.stringify(backup))
  }

  /**
   * Restarts the clocks of all messages, and makes retries due.
   *
   * @param renewals a higher number than that of any earlier renewal
   */
  resume(renewals: number): void {
    setMeta(this.#db, 'paused', 0)
    setMeta(this.#db, 'renewals', renewals)
    this.#known.renewals = renewals
    this.#turns.endWaits()
  }

  /** Retries that are waited for may go now. */
  makeDue(seqs: readonly number[]): void {
    this.#turns.makeDue(seqs)
  }

  /**
   * Work begins that depends on the content of a message and could end the process: one message at a time. If it does,
   * the next `open` counts that. (It is not counted here: a call can be repeated.)
   */
  beginWork(seq: number): void {
    setMeta(this.#db, 'atWork', seq)
  }

  /** It did not. */
  endWork(seq: number): void {
    if (metaNumber(this.#db, 'atWork') === seq) setMeta(this.#db, 'atWork', 0)
  }

  /**
   * The content of a message, with its outcome if it has one.
   *
   * @throws {QueueError} `ERR_NOT_QUEUED` if it is not there
   */
  read(seq: number): ClaimedMessage<Stored> {
    const row = this.#row(seq)
    const content = this.#contents.getContent(seq)
    const outcome = isWaiting(row) ? undefined : this.#contents.getOutcome(seq)
    if (content === undefined && stateOf(row) === 'left') throw notQueued(seq)
    return this.#claimed(row, content, outcome, content === undefined)
  }

  /** The content of a message before it was edited first; undefined if that is not there. */
  readOriginal(seq: number): Stored | undefined {
    return this.#contents.getOriginal(seq)
  }

  /** Looks at a bounded number of rows, from the newest on. */
  find(query: MessageQuery): MessagePage {
    return this.#page(this.#search.newest(query, this.#journal.cutoff, this.#turns.sending))
  }

  /**
   * Messages that have left, in the order of acceptance; looks at a bounded number of rows.
   *
   * @param after only those with a higher number
   * @returns after which number to go on; 0: there are no more
   */
  findLeft(choice: LeftChoice, after: number, most: number): MessagePage {
    return this.#page(this.#search.left(choice, this.#journal.cutoff, after, most))
  }

  /** Those of these messages that were sent again. */
  findRepeated(seqs: readonly number[]): number[] {
    return this.#repeats.repeated(seqs)
  }

  /** See `Repeats.laneEnds`. */
  findLaneEnds(
    lanes: readonly (number | null)[],
    except: readonly number[],
    after: number
  ): LaneEnds {
    return this.#repeats.laneEnds(lanes, except, after)
  }

  /** @param hasGrown it is there already, of the same time and rule, and counts more now */
  addEvent(event: QueueEvent, hasGrown = false): void {
    if (!hasGrown || !this.#journal.growEvent(event)) this.#journal.addEvent(event)
  }

  /** Events by their times, newest first. */
  events(query: EventQuery): QueueEvent[] {
    return this.#journal.events(query)
  }

  /** What the node knows of itself: `open` tells it to the next run. */
  keepFigures(figures: Figures): void {
    this.#figures.keep(figures)
  }

  /** It is damaged: it no longer counts, and what is left of it stays. */
  setDamaged(seq: number): void {
    const row = this.#place(seq)
    // Of one that has left, the record stays.
    if (stateOf(row) === 'damaged' || stateOf(row) === 'left') return
    this.#change(row, 'damaged', () => {
      this.#sql.setState.run(STATES.indexOf('damaged'), seq)
    })
  }

  /**
   * Deletes some of what is too old or too much.
   *
   * @returns whether there is more to do
   */
  keepHouse(): boolean {
    this.#uptime.keep(UPTIME_STEP_MS)
    const { forgotten, more } = this.#journal.sweep()
    const due = this.#kept.dropDue()
    this.#tellDropped(due)
    this.#forgot(forgotten + due.forgotten)
    return more || due.more
  }

  /**
   * The disk is short: deletes some of the contents of messages that have left, however young.
   *
   * @returns whether there were any
   */
  dropKept(): boolean {
    const dropped = this.#kept.dropForRoom()
    this.#tellDropped(dropped)
    this.#forgot(dropped.forgotten)
    return dropped.count > 0 || dropped.more
  }

  summary(): QueueSummary {
    const { waiting, awaiting, suspended } = this.#known.counts
    const now = this.#uptime.ms
    const first = waiting > 0 ? this.#turns.firstWaiting() : undefined
    const held = [
      first,
      ...(awaiting > 0 ? [this.#sql.oldest(STATES.indexOf('awaiting'))] : []),
      ...(suspended > 0 ? [this.#sql.oldest(STATES.indexOf('suspended'))] : [])
    ].flatMap((row) => (row === undefined ? [] : [row.accepted_at]))
    const { nextAt, retrying } = this.#turns
    const retry = retrying > 0 ? this.#sql.nextRetry() : undefined
    const nextLate = awaiting > 0 ? this.#sql.nextLate(this.#lateAt) : undefined
    const newest = suspended > 0 ? this.#sql.newestSuspended() : undefined
    return {
      waiting,
      retrying,
      awaiting,
      suspended,
      oldestWaitingAt: first?.accepted_at ?? null,
      oldestHeldAt: held.length === 0 ? null : Math.min(...held),
      retry: retry
        ? {
            seq: retry.seq,
            controlId: retry.control_id,
            attempts: retry.attempts,
            dueInMs: Math.max(0, (retry.turn ?? 0) - now),
            verdict: verdictFrom(retry.verdict)
          }
        : null,
      bound: this.#hasRoutes && waiting > 0 ? this.#sql.countBound() : [],
      suspendedFor: newest === undefined ? null : verdictFrom(newest.verdict),
      nextTurnInMs: nextAt === undefined ? null : nextAt - now,
      nextLateInMs: nextLate === undefined ? null : nextLate - now
    }
  }

  #claim(row: StoredRow, contentsBefore = Infinity): ClaimedMessage<Stored> {
    const waits = isWaiting(row)
    const wanted = row.seq < contentsBefore
    const content = wanted ? this.#contents.getContent(row.seq) : undefined
    if (wanted && content === undefined) {
      this.setDamaged(row.seq)
      return { row: this.#rowOf(row), isDamaged: true }
    }
    this.#handOut(row)
    const outcome = waits ? undefined : this.#contents.getOutcome(row.seq)
    return this.#claimed(row, content, outcome, false)
  }

  #claimed(
    row: StoredRow,
    content: Stored | undefined,
    outcome: Stored | undefined,
    isDamaged: boolean
  ): ClaimedMessage<Stored> {
    return {
      row: this.#rowOf(row),
      ...(content !== undefined && { content }),
      ...(outcome !== undefined && { outcome }),
      isDamaged
    }
  }

  /** @throws {QueueError} `ERR_NOT_QUEUED` */
  #place(seq: number): Place {
    const place = this.#sql.place(seq)
    if (place === undefined) throw notQueued(seq)
    return place
  }

  /** @throws {QueueError} `ERR_NOT_QUEUED` */
  #row(seq: number): StoredRow {
    const row = this.#sql.row(seq)
    if (row === undefined) throw notQueued(seq)
    return row
  }

  /** @throws {QueueDamageError} if it has values of a type that none is written with */
  #rowOf(row: StoredRow): MessageRow {
    if (!isSound(row)) throw new QueueDamageError()
    // What was counted before the clocks restarted no longer counts.
    const isCurrent = row.renewals >= this.#known.renewals
    const sinceThen = row.counts_from === null ? 0 : Math.max(0, this.#uptime.ms - row.counts_from)
    return {
      seq: row.seq,
      lane: row.lane,
      state: stateOf(row),
      isSending: this.#turns.isSending(row.seq),
      isRetrying: isRetrying(row),
      controlId: row.control_id,
      type: row.type,
      acceptedAt: row.accepted_at,
      changedAt: row.changed_at,
      attempts: row.attempts,
      retries: isCurrent ? row.retries : 0,
      spentMs: isCurrent ? row.spent_ms + sinceThen : 0,
      renewals: Math.max(row.renewals, this.#known.renewals),
      ruleRetries: isCurrent ? ruleRetriesFrom(row.rule_retries) : undefined,
      boundTo: row.bound_to ?? undefined,
      verdict: verdictFrom(row.verdict),
      story: storyFrom(row.story),
      resent: resentFrom(row.resent),
      isEdited: row.edited_at !== null || resentFrom(row.resent)?.isEdited === true,
      keptBytes: row.kept_bytes ?? 0
    }
  }

  /** It can be found by these for as long as the journal remembers it. */
  #addHashes(seq: number, hashes: readonly Uint8Array[]): void {
    if (this.#options.journalDays === 0) return
    for (const hash of hashes) this.#sql.addHash.run(partOf(seq), hash, seq)
  }

  /** What the sender has sent, however often it is edited. */
  #keepOriginal(seq: number): void {
    if (this.#contents.getOriginal(seq) !== undefined) return
    const content = this.#contents.getContent(seq)
    if (content !== undefined) this.#contents.putOriginal(seq, content)
  }

  /** A suspended message waits again, in its place by acceptance, with a new clock. */
  #takeBackIntoQueue(row: StoredRow, act: ActRecord): void {
    const { mayHaveArrived } = verdictFrom(row.verdict)
    this.#contents.dropOutcome(row.seq)
    this.#write(row, 'waiting', 0, {
      attempts: row.attempts,
      retries: 0,
      spent_ms: 0,
      counts_from: null,
      renewals: this.#known.renewals,
      verdict: mayHaveArrived === true ? JSON.stringify({ mayHaveArrived }) : null,
      story: JSON.stringify(withRecord(storyFrom(row.story), act)),
      rule_retries: null,
      bound_to: row.bound_to
    })
    this.#sql.setDeaths.run(0, row.seq)
    this.#options.onFresh?.(row.seq)
  }

  /** A message that has not left is in this state from now on. */
  #write(row: Place, to: Move<Stored>['to'], wanted: number, facts: Facts): void {
    this.#takeBack(row.seq)
    const turn =
      to === 'waiting' ? this.#turns.ofWaiting(row, wanted) : to === 'awaiting' ? wanted : null
    this.#change(row, to, () => {
      this.#sql.move.run(
        STATES.indexOf(to),
        turn,
        this.#options.clock.now(),
        facts.attempts,
        facts.retries,
        facts.spent_ms,
        facts.counts_from,
        facts.renewals,
        facts.verdict,
        facts.story,
        facts.rule_retries,
        facts.bound_to,
        row.seq
      )
    })
    if (to === 'waiting') this.#turns.enter(row.seq, turn)
  }

  /**
   * The one place where a message changes its state, as `MESSAGE_STATES` in `delivery/message.ts` allows: it is no longer
   * handed out, and counts and turns follow.
   *
   * @param to undefined if nothing of it is left
   * @param store changes its row
   */
  #change(row: Place, to: MessageState | undefined, store: () => void): void {
    this.#takeBack(row.seq)
    store()
    this.#known.counts[stateOf(row)]--
    if (to !== undefined) this.#known.counts[to]++
    this.#turns.leave(row)
  }

  /** It is no longer handed out. */
  #takeBack(seq: number): void {
    this.#turns.takeBack(seq)
    this.#known.taken.delete(seq)
    this.#known.marked.delete(seq)
  }

  /**
   * It is about to be sent, and may have arrived there if the process ends before it is known what came of it. It is
   * handed out only when that is safe.
   */
  #mark({ seq, bound_to }: StoredRow, address: number | undefined): void {
    if (address === undefined || bound_to !== null) return
    this.#sql.bind.run(address, seq)
    this.#known.marked.add(seq)
    this.#options.onFresh?.(seq)
  }

  /** The values of `leaveAtOnce`; what is not known stays as it is. */
  #howItLeft(left: LeftMessage | undefined): (string | number | null)[] {
    const now = this.#options.clock.now()
    if (left === undefined) return [now, null, null, null]
    const story = left.story.length === 0 ? null : JSON.stringify(left.story)
    return [now, left.attempts, JSON.stringify(left.verdict), story]
  }

  #tellDropped({ early }: DroppedContents): void {
    if (early > 0) this.#journal.countEvent('contents-dropped', early)
  }

  /** So many rows were deleted: they tell the highest number until the highest goes. */
  #forgot(rows: number): void {
    this.#known.counts.left -= rows
    this.#keepLeft(LEFT_STEP)
    if (rows > 0) this.#keepLastSeq()
  }

  /** So that nobody has to count what has left, it is stored now and then. */
  #keepLeft(step: number): void {
    const { counts, storedLeft } = this.#known
    if (Math.abs(counts.left - storedLeft) < step) return
    setMeta(this.#db, 'left', counts.left)
    this.#known.storedLeft = counts.left
  }

  #keepLastSeq(): void {
    if (this.#known.storedLastSeq >= this.#known.lastSeq) return
    if (this.#sql.place(this.#known.lastSeq) !== undefined) return
    setMeta(this.#db, 'lastSeq', this.#known.lastSeq)
    this.#known.storedLastSeq = this.#known.lastSeq
  }

  /** Suspended messages that are meant and not handed out, in the order of acceptance. */
  #suspended(choice: SuspendedChoice, after: number, most: number): FoundRows {
    const { rows, next } = this.#search.suspended(choice, after, most)
    return { rows: rows.filter(({ seq }) => !this.#known.taken.has(seq)), next }
  }

  #page({ rows, next }: FoundRows): MessagePage {
    return { messages: rows.map((row) => this.#rowOf(row)), next }
  }

  #suspendDeadly(): MessageRow[] {
    const at = this.#options.clock.now()
    return this.#sql.deadly(MOST_DEATHS).map((row) => {
      const story = withRecord(storyFrom(row.story), { at, act: 'suspended', by: '', rule: '' })
      // When an operator resends it, it gets as many tries as any other.
      this.#sql.setDeaths.run(0, row.seq)
      this.#write(row, 'suspended', 0, {
        attempts: row.attempts,
        retries: 0,
        spent_ms: 0,
        counts_from: null,
        renewals: this.#known.renewals,
        verdict: JSON.stringify({ ...verdictFrom(row.verdict), errorCode: 'ERR_ENDED_TWICE' }),
        story: JSON.stringify(story),
        rule_retries: null,
        bound_to: row.bound_to
      })
      return this.#rowOf(this.#row(row.seq))
    })
  }

  /** If the order or its key has changed, what is there goes alone. */
  #setBarrier(): void {
    const { order, orderKey } = this.#options
    const current = order === 'key' ? `key ${orderKey}` : order
    const stored = getMeta(this.#db, 'order')
    if (stored !== current) {
      setMeta(this.#db, 'order', current)
      setMeta(this.#db, 'barrier', this.#known.lastSeq)
      this.#turns.setBarrier(this.#known.lastSeq)
    }
  }

  /** What the rows tell when the queue is opened. */
  #readRows(): void {
    for (const { state, count } of this.#sql.countHeld()) {
      const name = STATES[state]
      // No query would find it.
      if (name === undefined) throw new QueueDamageError()
      this.#known.counts[name] += count
    }
    this.#known.storedLastSeq = metaNumber(this.#db, 'lastSeq')
    this.#known.lastSeq = Math.max(this.#known.storedLastSeq, this.#sql.lastSeq())
    // Of files that another version has made, or that were rescued, it is not stored.
    this.#known.counts.left = moment(getMeta(this.#db, 'left')) ?? this.#sql.countLeft()
    this.#known.storedLeft = this.#known.counts.left
    this.#turns.restore(this.#sql.countRetrying(), metaNumber(this.#db, 'barrier'))
  }

  #handOut(row: Place): void {
    if (isWaiting(row)) this.#turns.handOut(row)
    else this.#known.taken.add(row.seq)
  }
}

/** What a queue knows besides its table, and besides whose turn it is. */
interface Known {
  /** The number of the last renewal of all clocks. */
  renewals: number
  /** How many had left when that was stored last. */
  storedLeft: number
  /** The highest number ever given to a message, and the one that is stored for when no row has it any longer. */
  lastSeq: number
  storedLastSeq: number
  /** How many messages are in each state. */
  counts: Record<MessageState, number>
  /** Awaiting and suspended messages that are handed out. */
  taken: Set<number>
  /** Those that are handed out, and bound to an address only for that. */
  marked: Set<number>
}

/** Columns that a change of state writes besides state, turn and time. */
type Facts = Pick<
  StoredRow,
  | 'attempts'
  | 'retries'
  | 'spent_ms'
  | 'counts_from'
  | 'renewals'
  | 'verdict'
  | 'story'
  | 'rule_retries'
  | 'bound_to'
>

function notQueued(seq: number): QueueError {
  return new QueueError(english('log', 'queue.notQueued', { seq }), 'ERR_NOT_QUEUED')
}
