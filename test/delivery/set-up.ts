import assert from 'node:assert/strict'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryOptions } from '../../src/delivery/delivery-options.ts'
import { Reporter, type Notice } from '../../src/delivery/reporter.ts'
import { MemoryEngine } from '../../src/queue/memory-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { ObjectContents, type ContentCodec } from '../../src/queue/stored-contents.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import type { FakeDisk, FakeQueueOptions } from './fake-disk.ts'
import { resultOf, type ReplyKind } from './replies.ts'

export interface Setup {
  clock: FakeClock
  delivery: Delivery<string>
  /** The attempts in progress, in the order in which they started; `end` ends one. */
  flights: { content: string; end: (result: AttemptResult) => void }[]
  emitted: string[]
  lost: string[]
  add: (...ids: string[]) => Promise<void>
  reply: (kind: ReplyKind) => Promise<void>
}

export type SetUpOptions = Partial<Omit<DeliveryOptions<string>, 'queue'>> & {
  /** Default: one in memory. */
  queue?: MessageQueue<string>
  /** Receives the lines of the log. */
  onNotice?: (notice: Notice) => void
}

export type OnDiskOptions = SetUpOptions & Pick<FakeQueueOptions<string>, 'orderKey' | 'sizeOf'>

/** For messages that are strings; content that was damaged cannot be decoded. */
export const codec: ContentCodec<string> = {
  encode: (content) => ({ bytes: Buffer.from(JSON.stringify(content)), whole: true }),
  decode: (bytes) => JSON.parse(bytes.toString()) as string
}

/** @param started it may send and hand on at once */
export async function setUp(
  options: SetUpOptions = {},
  clock = new FakeClock(),
  started = true
): Promise<Setup> {
  const flights: Setup['flights'] = []
  const emitted: string[] = []
  const lost: string[] = []
  const { onNotice, order = 'fifo', queue = inMemory(order, clock), ...more } = options
  const reporter = onNotice && new Reporter({ log: onNotice, event: () => undefined }, clock)
  const delivery = new Delivery<string>({
    queue: () => Promise.resolve(queue),
    attempt: (content) => new Promise((resolve) => flights.push({ content, end: resolve })),
    readFields: (id) => ({ key: id.slice(0, 1), values: [] }),
    emit: (_message, content, { outcome, error }) => {
      emitted.push(`${content} ${error?.code ?? outcome}`)
    },
    onEvent: (event) => {
      reporter?.readEvent(event)
      if (event.kind === 'lost') lost.push(event.error.message)
    },
    order,
    maxInFlight: 8,
    maxPerSecond: 0,
    retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
    failureTimeoutMs: 900_000,
    failWhileUnreachable: false,
    queueLimit: 100_000,
    applicationAckMs: 600_000,
    keepsAccepted: true,
    clock,
    random: () => 0.5,
    ...more
  })
  if (started) await delivery.start()
  await settled()
  return {
    clock,
    delivery,
    flights,
    emitted,
    lost,
    async add(...ids) {
      for (const id of ids) {
        await delivery.accept({ controlId: id, type: 'ADT^A01', content: id })
      }
      await settled()
    },
    async reply(kind) {
      const flight = flights.shift()
      assert.ok(flight, 'no attempt in progress')
      flight.end(resultOf(kind))
      await settled()
    }
  }
}

/** The same with a queue on a disk, as one process after another finds it. */
export function setUpOn(
  disk: FakeDisk,
  { orderKey, sizeOf, ...options }: OnDiskOptions = {},
  clock = new FakeClock(),
  started = true
): Promise<Setup> {
  const { order = 'fifo' } = options
  const queue = disk.queue(codec, {
    order,
    clock,
    ...(orderKey !== undefined && { orderKey }),
    ...(sizeOf !== undefined && { sizeOf })
  })
  return setUp({ ...options, queue }, clock, started)
}

/** Two messages may be on their way: the first one of a new process was accepted. */
export async function acceptFirst({ add, reply }: Setup): Promise<void> {
  await add('w0')
  await reply('accept')
}

/** The messages that are on their way, in the order in which they were sent. */
export function sentBy({ flights }: Setup): string[] {
  return flights.map(({ content }) => content)
}

function inMemory(order: DeliveryOptions<string>['order'], clock: FakeClock): MessageQueue<string> {
  return new MessageQueue(new MemoryEngine(order, clock), new ObjectContents())
}
