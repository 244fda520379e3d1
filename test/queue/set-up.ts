import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { DiskEngine, type DiskEngineOptions } from '../../src/queue/disk-engine.ts'
import { MemoryEngine } from '../../src/queue/memory-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { NO_VERDICT, type MessageRow, type Verdict } from '../../src/queue/message-row.ts'
import type { Pause, QueueEvent } from '../../src/queue/queue-event.ts'
import type { QueueError } from '../../src/queue/queue-error.ts'
import type {
  LeftMessage,
  ContentStore,
  MessageQuery,
  Move,
  NewMessage,
  Order
} from '../../src/queue/queue-types.ts'
import {
  EncodedContents,
  ObjectContents,
  type ContentCodec
} from '../../src/queue/stored-contents.ts'
import { SmallDisk } from '../support/small-disk.ts'

export const KEY = Buffer.alloc(32, 1)

/** For messages that are Buffers. */
export const buffers: ContentCodec<Buffer> = {
  encode: (content) => ({ bytes: content, whole: true }),
  decode: (bytes) => bytes
}

/** A verdict with a value in each field. */
export const verdict: Verdict = {
  outcome: '',
  ackCode: 'AE',
  errors: [
    { code: '206', severity: 'E' },
    { code: 'other', severity: 'W' }
  ],
  status: 409,
  rule: ':?E=S ü',
  errorCode: 'ERR_TEST',
  cause: 'ECONNREFUSED'
}

export const pause: Pause = { at: 1_700_000_000_000, by: 'ada', reason: 'upgrade ü' }

export function event(count: number, more: Partial<QueueEvent> = {}): QueueEvent {
  return { at: Date.now(), kind: 'resent', by: 'ada', values: { count }, ...more }
}

export function message(seq: number, more: Partial<NewMessage> = {}): NewMessage {
  return {
    seq,
    lane: null,
    controlId: `C${seq}`,
    type: 'ADT^A01',
    acceptedAt: 1_700_000_000_000 + seq,
    ...more
  }
}

export function contentOf(seq: number): Buffer {
  return Buffer.from(`content ${seq} `.padEnd(1000, 'x'))
}

type AnyMove = Omit<Move<object>, 'outcome'> & { outcome?: object }

/** A move out of `waiting` with nothing to tell, or as it says. */
export function moveOf(seq: number, to: Move<object>['to'], more: Partial<AnyMove> = {}): AnyMove {
  return {
    seq,
    from: 'waiting',
    to,
    attempts: 1,
    retries: 0,
    spentMs: 0,
    renewals: 0,
    verdict: NO_VERDICT,
    story: [],
    ...more
  }
}

export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** For queues whose contents do not matter. */
export const noContents: ContentStore<object> = {
  put: () => undefined,
  get: (_seq, part) => (part === 'content' ? {} : undefined),
  dropPart: () => undefined,
  sizeOf: () => 0,
  drop: () => false
}

/** Of claims, or of what was found. */
export function seqsOf(list: readonly (MessageRow | { row: MessageRow })[]): number[] {
  return list.map((each) => ('row' in each ? each.row.seq : each.seq))
}

export async function accept(queue: MessageQueue<Buffer>, ...seqs: number[]): Promise<void> {
  await Promise.all(seqs.map((seq) => queue.accept(message(seq), contentOf(seq))))
}

/** How a message left after one attempt. */
export function leftWith(verdict: Verdict): LeftMessage {
  return { attempts: 1, story: [], verdict }
}

/** Messages come and leave with an ACK. */
export async function pass(queue: MessageQueue<Buffer>, ...seqs: number[]): Promise<void> {
  const done = seqs.map(async (seq) => {
    const accepted = queue.accept(message(seq), contentOf(seq))
    const left = queue.finish(seq, leftWith({ ...verdict, outcome: 'ack' }))
    await Promise.all([accepted, left])
  })
  await Promise.all(done)
}

/** All that are found, newest first, in as many pages as it takes. */
export async function findAll(
  queue: MessageQueue<Buffer>,
  query: Partial<MessageQuery> = {}
): Promise<MessageRow[]> {
  const all: MessageRow[] = []
  for (let before: number | undefined; before !== 0;) {
    const asked: MessageQuery = { limit: 1000, ...query }
    const { messages, next } = await queue.call(
      'find',
      before === undefined ? asked : { ...asked, before }
    )
    all.push(...messages)
    before = next
  }
  return all
}

/** The numbers of the messages that wait, also those that are handed out, in the order of acceptance. */
export async function waitingSeqs(queue: MessageQueue<Buffer>): Promise<number[]> {
  const rows = await findAll(queue)
  return seqsOf(rows.filter(({ state }) => state === 'waiting')).reverse()
}

export interface TestQueueOptions extends Partial<DiskEngineOptions> {
  codec?: ContentCodec<Buffer>
  /** Room for contents in memory: none by default, so that they come from the file. */
  mostBytes?: number
}

export interface DiskQueue {
  queue: MessageQueue<Buffer>
  engine: DiskEngine
}

/** The queues of a test, in a directory of their own. */
export class TestQueues {
  readonly directory = mkdtempSync(join(tmpdir(), 'queue-'))
  notices: string[] = []
  readonly faults: QueueError[] = []
  readonly #queues: MessageQueue<Buffer>[] = []
  readonly #disks: SmallDisk[] = []

  disk({ codec = buffers, mostBytes = 0, ...options }: TestQueueOptions = {}): DiskQueue {
    const engine = new DiskEngine({
      directory: this.directory,
      name: 'queue',
      key: () => Promise.resolve(KEY),
      journalDays: 14,
      order: 'none',
      orderKey: 'PID-3.1',
      onNotice: (text) => this.notices.push(text),
      onFault: (error) => this.faults.push(error),
      ...options
    })
    const queue = new MessageQueue(engine, new EncodedContents(codec, mostBytes))
    this.#queues.push(queue)
    return { queue, engine }
  }

  /** The same, opened. */
  async openDisk(options: TestQueueOptions = {}): Promise<DiskQueue> {
    const made = this.disk(options)
    await made.queue.open()
    return made
  }

  memory(order: Order = 'none'): MessageQueue<Buffer> {
    const engine = new MemoryEngine(order, systemClock)
    return new MessageQueue(engine, new ObjectContents<Buffer>())
  }

  async openMemory(order: Order = 'none'): Promise<MessageQueue<Buffer>> {
    const queue = this.memory(order)
    await queue.open()
    return queue
  }

  /** A closed file with these messages and a pause. @returns its path */
  async file(...seqs: number[]): Promise<string> {
    const { queue, engine } = await this.openDisk()
    await accept(queue, ...seqs)
    await queue.call('pause', pause)
    await queue.close()
    return engine.path
  }

  /** A small disk in memory, until `end`; undefined if that is not allowed, and the test is skipped. */
  smallDisk(context: TestContext, megabytes: number): SmallDisk | undefined {
    const disk = SmallDisk.mount(context, 'tmpfs', megabytes)
    if (disk !== undefined) this.#disks.push(disk)
    return disk
  }

  async end(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()))
    for (const disk of this.#disks) disk.end()
    await rm(this.directory, { recursive: true })
  }
}

/** Keeps the queue thread running throughout: starting one takes longer than most tests. */
export function keepQueueThread(): void {
  const keeper = new TestQueues()
  before(() => keeper.openDisk())
  after(() => keeper.end())
}

/** A check of an error: its text names the file and matches the pattern. */
export function faultOf(path: string, code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    const { name, message: text, code: found } = error as QueueError
    assert.deepEqual([name, found], ['QueueError', code], text)
    assert.ok(text.includes(path), text)
    assert.match(text, pattern)
    return true
  }
}
