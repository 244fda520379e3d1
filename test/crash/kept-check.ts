import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageQueue } from '../../src/queue/message-queue.ts'
import { STATES, type MessageRow, type MessageState } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { PIECES_OF_MESSAGE } from '../../src/queue/sealed-parts.ts'
import { findAll, seqsOf, type TestQueues } from '../queue/set-up.ts'
import { contentOf, outcomeOf, QUEUES, type Note, type QueueName } from './kept-messages.ts'

const LEFT = STATES.indexOf('left')
/** So many contents are read at a time. */
const READ_AT_ONCE = 50
/** The queue thread begins to delete after two seconds, and is then at least so fast. */
const REST_MS = 3000
const DELETED_PER_SECOND = 10 * 1024 * 1024

/** What a queue must hold after a kill, by what its process has noted. */
export class KeptCheck {
  /** What was seen. */
  readonly figures = { accepted: 0, left: 0, kept: 0, dropped: 0 }
  readonly #queues: TestQueues
  readonly #name: QueueName
  /** The states in which each message may be. */
  readonly #states = new Map<number, Set<MessageState>>()
  /** They left in a later life than they were settled in: between them and those that left before is a gap. */
  readonly #late = new Set<number>()

  constructor(queues: TestQueues, name: QueueName) {
    this.#queues = queues
    this.#name = name
  }

  /** The process has noted something. */
  read(seq: number, note: Note): void {
    const { figures } = this
    if (note === 'leaves late') this.#late.add(seq)
    if (note === 'accepted') {
      figures.accepted++
      this.#states.set(seq, new Set(['waiting']))
    } else if (note === 'left') {
      figures.left++
      this.#states.set(seq, new Set(['left']))
    } else if (note === 'suspended') this.#states.set(seq, new Set(['suspended']))
    else {
      const states = this.#states.get(seq) ?? new Set()
      if (note === 'suspends') states.add('suspended')
      else states.add('leaving').add('left')
      this.#states.set(seq, states)
    }
  }

  /** Opens the queue and looks at all that it holds, then at its closed file. */
  async afterKill(): Promise<void> {
    const { queue, engine } = this.#queue()
    const { lastSeq } = await queue.open()
    const rows = await findAll(queue)
    assert.deepEqual(this.#queues.notices, [], 'no file is taken for damaged')
    assert.ok(lastSeq >= Math.max(0, ...this.#states.keys()), 'no number is given twice')
    this.#checkStates(rows)
    await this.#checkHeld(queue, rows)
    await this.#checkLeft(queue)
    await queue.close()
    this.#checkFile(engine.path)
  }

  /** Nothing happens for a while: what is too much goes. */
  async afterRest(): Promise<void> {
    const { queue, engine } = this.#queue()
    const { bytes: before } = ofLeft(engine.path)
    await queue.open()
    await sleep(REST_MS + (1000 * before) / DELETED_PER_SECOND)
    await queue.close()
    this.#checkFile(engine.path)
    const { bytes, remains } = ofLeft(engine.path)
    assert.ok(bytes <= QUEUES[this.#name].mostKeptBytes, `${this.#name}: ${bytes} are kept`)
    assert.equal(remains, 0, `${this.#name}: messages of which something remains`)
  }

  #queue(): ReturnType<TestQueues['disk']> {
    return this.#queues.disk({ name: this.#name, ...QUEUES[this.#name] })
  }

  /** Where it is now, it is for certain. */
  #checkStates(rows: readonly MessageRow[]): void {
    const found = new Map(rows.map(({ seq, state }) => [seq, state]))
    const isForgotten = QUEUES[this.#name].journalDays === 0
    for (const [seq, states] of this.#states) {
      const state = found.get(seq) ?? (isForgotten ? 'left' : undefined)
      const text = `${this.#name}: ${seq} is ${state ?? 'lost'}, not ${[...states].join(' or ')}`
      assert.ok(state !== undefined && states.has(state), text)
      this.#states.set(seq, new Set([state]))
    }
    // It was stored, but that was not confirmed.
    for (const { seq, state } of rows) this.#states.set(seq, new Set([state]))
  }

  /** What waits comes with its content; what is suspended or leaving can be read. */
  async #checkHeld(queue: MessageQueue<Buffer>, rows: readonly MessageRow[]): Promise<void> {
    const claims = await queue.claimNext(rows.length)
    const waiting = rows.filter(({ state }) => state === 'waiting')
    assert.deepEqual(sorted(seqsOf(claims)), sorted(seqsOf(waiting)), this.#name)
    for (const claim of claims) {
      const { row, content } = await queue.restore(claim)
      this.#checkContent(row.seq, content)
    }
    for (const { seq, state } of rows) {
      if (state !== 'suspended' && state !== 'leaving') continue
      const { content, outcome } = await queue.read(seq)
      this.#checkContent(seq, content)
      assert.deepEqual(outcome, outcomeOf(seq))
    }
  }

  /** What has left can be read wholly, or not at all. */
  async #checkLeft(queue: MessageQueue<Buffer>): Promise<void> {
    const left = [...this.#states].filter(([, states]) => states.has('left'))
    const seqs = left.map(([seq]) => seq)
    this.figures.kept = 0
    for (let from = 0; from < seqs.length; from += READ_AT_ONCE) {
      const some = seqs.slice(from, from + READ_AT_ONCE)
      // Asked in one turn of the event loop, so that nothing goes in between.
      const [{ messages }, ...contents] = await Promise.all([
        queue.call('findLeft', { ids: some }, 0, some.length),
        ...some.map((seq) => queue.read(seq).catch((error: unknown) => error))
      ])
      const kept = new Set(seqsOf(messages.filter(({ keptBytes }) => keptBytes > 0)))
      this.figures.kept += kept.size
      for (const [index, seq] of some.entries()) this.#checkOne(seq, contents[index], kept.has(seq))
    }
  }

  #checkOne(seq: number, read: unknown, isKept: boolean): void {
    if (!isKept) {
      const code = read instanceof QueueError ? read.code : 'read'
      assert.equal(code, 'ERR_NOT_QUEUED', `${this.#name}: ${seq} is not kept`)
      return
    }
    assert.ok(!(read instanceof Error), `${this.#name}: ${seq} is kept: ${String(read)}`)
    const { content, outcome, row } = read as Awaited<ReturnType<MessageQueue<Buffer>['read']>>
    this.#checkContent(seq, content)
    if (outcome !== undefined) assert.deepEqual(outcome, outcomeOf(seq))
    assert.equal(row.verdict.outcome, 'ack')
  }

  #checkContent(seq: number, content: Buffer): void {
    assert.ok(contentOf(seq).equals(content), `${this.#name}: ${seq} has another content`)
  }

  #checkFile(path: string): void {
    inFile(path, (db) => {
      assert.deepEqual({ ...db.prepare('PRAGMA quick_check').get() }, { quick_check: 'ok' })
      this.#checkPieces(db)
      this.#checkOrder(db)
      const { dropped, told } = db
        .prepare(
          `SELECT count(*) AS dropped,
             (SELECT total(detail ->> '$.count') FROM event WHERE kind = 'contents-dropped') AS told
           FROM message WHERE state = ${LEFT} AND coalesce(kept_bytes, 0) = 0`
        )
        .get() as { dropped: number; told: number }
      this.figures.dropped = told
      if (this.#name === 'contents') assert.equal(told, dropped, 'all that went are counted')
    })
  }

  /** What is stored belongs to messages that are held or kept, and these know how much it is. */
  #checkPieces(db: DatabaseSync): void {
    const seqOfPiece = `id / ${PIECES_OF_MESSAGE}`
    const stray = db
      .prepare(
        `SELECT DISTINCT ${seqOfPiece} AS seq FROM sealed WHERE ${seqOfPiece} NOT IN
           (SELECT seq FROM message WHERE state <> ${LEFT} OR kept_bytes IS NOT NULL)`
      )
      .all()
    assert.deepEqual(stray, [], `${this.#name}: pieces of no message`)
    const wrong = db
      .prepare(
        `SELECT seq, kept_bytes AS kept, stored FROM message LEFT JOIN
           (SELECT ${seqOfPiece} AS owner, total(length(bytes)) AS stored FROM sealed GROUP BY owner)
           ON owner = seq
         WHERE kept_bytes > 0 AND stored IS NOT kept_bytes`
      )
      .all()
    assert.deepEqual(wrong, [], `${this.#name}: kept messages of another size`)
  }

  /** The newest are kept, by the times at which they left. */
  #checkOrder(db: DatabaseSync): void {
    const rows = db
      .prepare(`SELECT seq, changed_at, kept_bytes FROM message WHERE state = ${LEFT}`)
      .all() as { seq: number; changed_at: number; kept_bytes: number | null }[]
    const isKept = (row: (typeof rows)[number]): boolean => (row.kept_bytes ?? 0) > 0
    const newestGone = Math.max(
      ...rows.filter((row) => !isKept(row)).map(({ changed_at }) => changed_at)
    )
    const older = rows.filter(
      (row) => isKept(row) && row.changed_at < newestGone && !this.#late.has(row.seq)
    )
    assert.deepEqual(older, [], `${this.#name}: newer ones went before these`)
  }
}

function sorted(seqs: number[]): number[] {
  return seqs.sort((one, other) => one - other)
}

/** What a file stores of messages that have left, and of how many something remains. */
function ofLeft(path: string): { bytes: number; remains: number } {
  return inFile(path, (db) =>
    db
      .prepare(
        `SELECT (SELECT count(*) FROM message WHERE kept_bytes = 0) AS remains,
           total(length(bytes)) AS bytes
         FROM sealed JOIN message ON seq = id / ${PIECES_OF_MESSAGE} WHERE state = ${LEFT}`
      )
      .get()
  ) as { bytes: number; remains: number }
}

/** Reads a file that nobody has open. */
function inFile<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
