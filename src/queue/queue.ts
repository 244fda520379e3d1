import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { FiguresTable } from './figures-table.ts'
import type { Figures } from './figures.ts'
import { Journal } from './journal.ts'
import { StoredAnswer } from './stored-answer.ts'
import { KeptContents, type DroppedContents } from './kept-contents.ts'
import { MessageReader } from './message-reader.ts'
import { STATES, withRecord, type MessageRow } from './message-row.ts'
import { MessageRows } from './message-rows.ts'
import { MessageSearch } from './message-search.ts'
import { getMeta, metaNumber, setMeta } from './meta.ts'
import { OperatorCalls } from './operator-calls.ts'
import type { EventQuery, Pause, QueueEvent } from './queue-event.ts'
import { RecordAges } from './record-ages.ts'
import { Repeats } from './repeats.ts'
import { QueueDamageError } from './queue-fault.ts'
import { isWaiting, partOf, stateOf, type Statements, type StoredRow } from './queue-statements.ts'
import type {
  ClaimedMessage,
  ContentStore,
  LeftMemory,
  LeftMessage,
  Move,
  NewMessage,
  OpenedQueue,
  Preference,
  Order,
  OwnOnes,
  QueueCounts,
  QueueRun,
  QueueSummary,
  BackupInUse
} from './queue-types.ts'
import { backupFrom, moment, pauseFrom, storyFrom, verdictFrom } from './stored-json.ts'
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
  /** If it is opened, or read, again in the same run. */
  memory?: Partial<QueueMemory> | undefined
  /** A message was accepted, edited or resent: it must not be handed out before that is safe. */
  onFresh?: ((seq: number) => void) | undefined
}

/** What a queue knows besides its table, in the same run. */
export interface QueueMemory extends QueueRun {
  /** How many messages have left that are remembered. */
  left: number
  ages: RecordAges
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
 * them. If that is rolled back, what is known here no longer holds: the queue is read again, with the memory that it
 * had.
 */
export class Queue<Stored> {
  /** What operators do is called there, and what is asked there. */
  readonly operator: OperatorCalls<Stored>
  readonly reader: MessageReader<Stored>
  readonly rows: MessageRows<Stored>
  readonly #db: DatabaseSync
  readonly #options: QueueOptions<Stored>
  readonly #contents: ContentStore<Stored>
  readonly #journal: Journal
  readonly #kept: KeptContents
  readonly #figures: FiguresTable
  readonly #uptime: Uptime
  readonly #ages: RecordAges
  /** How many had left when that was stored last. */
  #storedLeft = 0
  /** The highest number ever given to a message, and the one that is stored for when no row has it any longer. */
  #lastSeq = 0
  #storedLastSeq = 0
  /** When late messages were last asked for: a deadline after that is still to come. */
  #lateAt = 0
  /** Those with an address of their own may go as the others do: not while these go to a backup. */
  #withOwn = true
  /** That was not so once: how many such messages there are, is counted. */
  #countsOwn = false

  /** @param db with the tables of `queue-schema.ts` */
  constructor(db: DatabaseSync, options: QueueOptions<Stored>) {
    const { clock, contents, memory = {}, order } = options
    this.#db = db
    this.#options = options
    this.#contents = contents
    const ages = (this.#ages = memory.ages ?? new RecordAges(db, clock))
    this.#journal = new Journal(db, { ...options, ages })
    this.#kept = new KeptContents(db, contents, { ...options, ages })
    this.#figures = new FiguresTable(db)
    this.#uptime = new Uptime(db, clock, memory.uptimeMs)
    this.rows = new MessageRows(db, order, contents, clock)
    const search = new MessageSearch(db)
    this.reader = new MessageReader(this.rows, search, this.#journal, new Repeats(db))
    this.operator = new OperatorCalls(this.rows, search, {
      clock,
      storedAnswer: new StoredAnswer(db),
      addHashes: (seq, hashes) => {
        this.#addHashes(seq, hashes)
      },
      onFresh: (seq) => options.onFresh?.(seq)
    })
    this.#readRows(memory.left)
    for (const seq of memory.handedOut ?? []) {
      const row = this.rows.sql.turnRow(seq)
      if (row !== undefined) this.rows.handOut(row)
    }
  }

  get counts(): QueueCounts {
    const { waiting, awaiting, suspended } = this.rows.counts
    return { waiting, retrying: this.rows.turns.retrying, awaiting, suspended }
  }

  /** Messages that have not left. */
  get held(): number {
    const { waiting, awaiting, suspended, leaving } = this.rows.counts
    return waiting + awaiting + suspended + leaving
  }

  /** Messages of which it is not stored yet what becomes of them. */
  get undecided(): number {
    return this.rows.counts.waiting + this.rows.counts.awaiting
  }

  /** Begins a run: before anything else is done with a queue that a process has opened. */
  open(): OpenedQueue {
    const isUnclean = metaNumber(this.#db, 'running') === 1
    if (isUnclean) {
      this.#journal.countEvent('ended', 1)
      this.#addDeath(metaNumber(this.#db, 'atWork'))
      const [handedOn = 0] = this.rows.sql.leaving()
      const controlId = this.rows.sql.row(handedOn)?.control_id
      this.#figures.addEnd(this.#options.clock.now(), this.held, controlId)
    }
    const endedOn = isUnclean ? this.#suspendDeadly() : []
    setMeta(this.#db, 'atWork', 0)
    setMeta(this.#db, 'running', 1)
    this.#setBarrier()
    // The restart or deploy may have fixed the cause: retries need not wait.
    this.rows.turns.endWaits()
    return {
      lastSeq: this.#lastSeq,
      renewals: this.rows.renewals,
      pause: getMeta(this.#db, 'paused') === 1 ? pauseFrom(getMeta(this.#db, 'pause')) : undefined,
      backup: backupFrom(getMeta(this.#db, 'backup')),
      leaving: this.rows.sql.leaving(),
      isUnclean,
      endedOn,
      figures: this.#figures.read(this.#options.clock.now())
    }
  }

  /** Ends the run: a start that finds it ended need not be careful. */
  close(): void {
    this.#uptime.store()
    this.#ages.store()
    this.#keepLeft(1)
    setMeta(this.#db, 'running', 0)
  }

  /** For the same queue, opened or read again. */
  get memory(): QueueMemory {
    const { counts, handedOut } = this.rows
    return { handedOut, uptimeMs: this.#uptime.ms, left: counts.left, ages: this.#ages }
  }

  /** A message that is there already was accepted by an earlier call of which no answer came. */
  accept(message: NewMessage, content: Stored): void {
    const { seq, lane, controlId, type, acceptedAt, hashes = [], resent } = message
    const turn = this.rows.turns.ofNew(seq, lane)
    const { renewals } = this.rows
    const row = [seq, lane, turn, controlId, type, acceptedAt, acceptedAt, renewals] as const
    const repeated = resent === undefined ? null : JSON.stringify(resent)
    const ownAddress = message.hasOwnAddress === true ? 1 : null
    if (this.rows.sql.accept.run(...row, repeated, ownAddress).changes === 0) return
    this.#contents.put(seq, 'content', content)
    // The text before the edit stays as long as this one, though the message that had it goes earlier.
    if (resent?.isEdited === true) {
      this.rows.keepOriginal(seq, resent.of)
    }
    this.#addHashes(seq, hashes)
    this.rows.counts.waiting++
    this.#lastSeq = Math.max(this.#lastSeq, seq)
    this.#options.onFresh?.(seq)
  }

  /** Messages whose sender was told that they could not be stored: they go, if they are there. */
  withdraw(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const row = this.rows.sql.turnRow(seq)
      if (row === undefined || !isWaiting(row)) continue
      while (this.#contents.drop(seq));
      this.rows.sql.dropHashes.run(partOf(seq), seq)
      this.rows.change(row, undefined, () => {
        this.rows.sql.delete.run(seq)
      })
      this.#keepLastSeq()
    }
  }

  /**
   * Hands out messages whose turn it is: retries that are due, then those that may go at once.
   *
   * @param most so many at most
   * @param contentsBefore contents come with those that have a lower number
   * @param own those with an address of their own
   */
  claimNext(
    most: number,
    contentsBefore = Infinity,
    preference?: Preference,
    own: OwnOnes = 'too'
  ): ClaimedMessage<Stored>[] {
    if (own !== 'only') this.#withOwn = own === 'too'
    if (own === 'not') this.#countsOwn = true
    if (this.rows.counts.waiting === 0 || most <= 0) return []
    const rows = this.rows.turns.next(most, this.#uptime.ms, preference, own)
    return rows.map((row) => this.rows.claim(row, contentsBefore))
  }

  /** Hands out a waiting message before its turn, unless it is on its way or others of its lane go first. */
  claimEarly(seq: number): ClaimedMessage<Stored> | undefined {
    const row = this.rows.sql.row(seq)
    const isFirst = row !== undefined && isWaiting(row) && row.turn !== null
    return isFirst && this.rows.turns.isFree(row) ? this.rows.claim(row) : undefined
  }

  /** Hands out awaiting messages whose time is up: fewer if they are long. */
  claimLate(most: number): ClaimedMessage<Stored>[] {
    const found: StoredRow[] = []
    this.#lateAt = this.#uptime.ms
    for (const row of this.rows.sql.late(this.#lateAt)) {
      if (found.length === most) break
      if (!this.rows.isTaken(row.seq)) found.push(row)
    }
    return this.rows.claimSome(found)
  }

  /**
   * Hands out the message that an application acknowledgement is for: the oldest with that control ID that
   * awaits one, or else that was suspended because none came.
   *
   * @param cause of the suspension, as its verdict has it
   */
  claimAwaiting(controlId: string, cause: string): ClaimedMessage<Stored> | undefined {
    let best: StoredRow | undefined
    for (const row of this.rows.sql.named(controlId)) {
      const state = stateOf(row)
      const counts =
        state === 'awaiting' || (state === 'suspended' && verdictFrom(row.verdict).cause === cause)
      if (!counts || this.rows.isTaken(row.seq)) continue
      // From the newest to the oldest.
      if (best === undefined || row.state <= best.state) best = row
    }
    return best && this.rows.claim(best)
  }

  /**
   * Moves a message from one state to another, unless somebody was faster.
   *
   * @returns whether it is in the new state
   * @throws {QueueError} `ERR_NOT_QUEUED` when there is no such message
   */
  move(move: Move<Stored>): boolean {
    const { seq, from, to, outcome } = move
    const row = this.rows.turnRow(seq)
    if (stateOf(row) !== from) {
      this.rows.release(seq)
      return stateOf(row) === to
    }
    // After a crash, what awaits does so no longer than that.
    this.#uptime.keep(to === 'awaiting' ? AWAITING_STEP_MS : UPTIME_STEP_MS)
    // One that waits has no outcome. Of a longer one, nothing must be left behind a shorter one.
    if (from !== 'waiting' && (outcome !== undefined || to === 'waiting')) {
      this.#contents.dropPart(seq, 'outcome')
    }
    if (outcome !== undefined) this.#contents.put(seq, 'outcome', outcome)
    const now = this.#uptime.ms
    const wanted = (move.dueInMs ?? 0) > 0 ? now + (move.dueInMs ?? 0) : 0
    this.rows.write(row, to, wanted, {
      attempts: move.attempts,
      retries: move.retries,
      spent_ms: move.spentMs,
      counts_from: move.countsFrom ?? null,
      renewals: move.renewals,
      verdict: JSON.stringify(move.verdict),
      story: move.story.length === 0 ? null : JSON.stringify(move.story),
      rule_retries: move.ruleRetries === undefined ? null : JSON.stringify(move.ruleRetries)
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
    const row = this.rows.turnRow(seq)
    if (stateOf(row) === 'left') return
    const isKept = memory === 'all' ? this.#kept.takeOver(seq) : this.#kept.drop(seq)
    const isForgotten = !isKept && (memory === 'none' || this.#options.journalDays === 0)
    this.rows.change(row, 'left', () => {
      if (isForgotten) this.rows.sql.delete.run(seq)
      else if (stateOf(row) === 'leaving') this.rows.sql.leave.run(seq)
      else this.rows.sql.leaveAtOnce.run(...this.#howItLeft(left), seq)
    })
    const dropped = this.#kept.dropSomeDue()
    this.#tellDropped(dropped)
    this.#forgot(dropped.forgotten + Number(isForgotten))
    this.#forgot(this.#journal.trim(this.rows.counts.left))
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
    this.rows.renewals = renewals
    this.rows.turns.endWaits()
  }

  /** Retries that are waited for may go now. */
  makeDue(seqs: readonly number[]): void {
    this.rows.turns.makeDue(seqs)
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
    this.#ages.store()
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

  /**
   * For a person's request: deletes what is kept of messages that have left, with the texts before they were edited, and
   * what they can be found by.
   *
   * @returns of how many something was kept
   */
  deleteContents(seqs: readonly number[]): number {
    const deleted = seqs.map((seq) => {
      const wasKept = this.#kept.deleteNow(seq)
      if (wasKept !== undefined) this.rows.sql.dropHashes.run(partOf(seq), seq)
      return wasKept === true
    })
    return deleted.filter(Boolean).length
  }

  summary(): QueueSummary {
    const { waiting, awaiting, suspended } = this.rows.counts
    const now = this.#uptime.ms
    const first = waiting > 0 ? this.rows.turns.firstWaiting() : undefined
    const held = [
      first,
      ...(awaiting > 0 ? [this.rows.sql.oldest(STATES.indexOf('awaiting'))] : []),
      ...(suspended > 0 ? [this.rows.sql.oldest(STATES.indexOf('suspended'))] : [])
    ].flatMap((row) => (row === undefined ? [] : [row.accepted_at]))
    const { nextAt, retrying } = this.rows.turns
    const retry = retrying > 0 ? this.#nextRetry() : undefined
    const nextLate = awaiting > 0 ? this.rows.sql.nextLate(this.#lateAt) : undefined
    const newest = suspended > 0 ? this.rows.sql.newestSuspended() : undefined
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
      ownAddress: this.#countsOwn ? this.rows.sql.countOwn() : 0,
      suspendedFor: newest === undefined ? null : verdictFrom(newest.verdict),
      nextTurnInMs: nextAt === undefined ? null : nextAt - now,
      nextLateInMs: nextLate === undefined ? null : nextLate - now
    }
  }

  /** Of those that may go now; else of the others. */
  #nextRetry(): ReturnType<Statements['nextRetry']> {
    const { sql } = this.rows
    return sql.nextRetry(this.#withOwn) ?? sql.nextRetry(true)
  }

  /** It can be found by these for as long as the journal remembers it. */
  #addHashes(seq: number, hashes: readonly Uint8Array[]): void {
    if (this.#options.journalDays === 0) return
    for (const hash of hashes) this.rows.sql.addHash.run(partOf(seq), hash, seq)
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
    this.rows.counts.left -= rows
    this.#keepLeft(LEFT_STEP)
    if (rows > 0) this.#keepLastSeq()
  }

  /** So that nobody has to count what has left, it is stored now and then. */
  #keepLeft(step: number): void {
    const { counts } = this.rows
    if (Math.abs(counts.left - this.#storedLeft) < step) return
    setMeta(this.#db, 'left', counts.left)
    this.#storedLeft = counts.left
  }

  #keepLastSeq(): void {
    if (this.#storedLastSeq >= this.#lastSeq) return
    if (this.rows.sql.turnRow(this.#lastSeq) !== undefined) return
    setMeta(this.#db, 'lastSeq', this.#lastSeq)
    this.#storedLastSeq = this.#lastSeq
  }

  /** @param seq what was worked on when the process ended; 0 if that is not known */
  #addDeath(seq: number): void {
    const row = this.rows.sql.row(seq)
    if (row === undefined) return
    const ended = { at: this.#options.clock.now(), act: 'ended', by: '' } as const
    this.rows.sql.addDeath.run(JSON.stringify(withRecord(storyFrom(row.story), ended)), seq)
  }

  #suspendDeadly(): MessageRow[] {
    const at = this.#options.clock.now()
    return this.rows.sql.deadly(MOST_DEATHS).map((row) => {
      const story = withRecord(storyFrom(row.story), { at, act: 'suspended', by: '', rule: '' })
      // When an operator resends it, it gets as many tries as any other.
      this.rows.sql.setDeaths.run(0, row.seq)
      this.rows.write(row, 'suspended', 0, {
        attempts: row.attempts,
        retries: 0,
        spent_ms: 0,
        counts_from: null,
        renewals: this.rows.renewals,
        verdict: JSON.stringify({ ...verdictFrom(row.verdict), errorCode: 'ERR_ENDED_TWICE' }),
        story: JSON.stringify(story),
        rule_retries: null
      })
      return this.rows.rowOf(this.rows.row(row.seq))
    })
  }

  /** If the order or its key has changed, what is there goes alone. */
  #setBarrier(): void {
    const { order, orderKey } = this.#options
    const current = order === 'key' ? `key ${orderKey}` : order
    const stored = getMeta(this.#db, 'order')
    if (stored !== current) {
      setMeta(this.#db, 'order', current)
      setMeta(this.#db, 'barrier', this.#lastSeq)
      this.rows.turns.setBarrier(this.#lastSeq)
    }
  }

  /**
   * What the rows tell when the queue is opened.
   *
   * @param left how many have left, if that is known
   */
  #readRows(left?: number): void {
    for (const { state, count } of this.rows.sql.countHeld()) {
      const name = STATES[state]
      // No query would find it.
      if (name === undefined) throw new QueueDamageError()
      this.rows.counts[name] += count
    }
    this.#storedLastSeq = metaNumber(this.#db, 'lastSeq')
    this.#lastSeq = Math.max(this.#storedLastSeq, this.rows.sql.lastSeq())
    // Of files that were rescued, it is not stored.
    const storedLeft = moment(getMeta(this.#db, 'left'))
    this.rows.counts.left = left ?? storedLeft ?? this.rows.sql.countLeft()
    this.#storedLeft = storedLeft ?? this.rows.counts.left
    this.rows.turns.restore(this.rows.sql.countRetrying(), metaNumber(this.#db, 'barrier'))
  }
}
