import assert from 'node:assert/strict'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { DeliveryLog, type Notice } from '../../src/delivery/delivery-log.ts'
import type { DeliveryOptions } from '../../src/delivery/delivery-options.ts'
import type { ContentCodec } from '../../src/outbox/disk-outbox.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import { MemoryOutbox } from '../../src/outbox/memory-outbox.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
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

export type SetUpOptions = Partial<Omit<DeliveryOptions<string>, 'outbox'>> & {
  outbox?: Outbox<string>
  onNotice?: (notice: Notice) => void
}

/** For messages that are strings. */
export const codec: ContentCodec<string> = {
  encode: (content) => ({ bytes: Buffer.from(content), whole: true }),
  decode: (bytes) => bytes.toString()
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
  const { outbox = new MemoryOutbox<string>(), onNotice = () => undefined, ...more } = options
  const log = new DeliveryLog(onNotice, () => clock.monotonic())
  const delivery = new Delivery<string>({
    outbox: () => Promise.resolve(outbox),
    attempt: (content) => new Promise((resolve) => flights.push({ content, end: resolve })),
    emit: (_entry, content, { outcome, error }) => {
      emitted.push(`${content} ${error?.code ?? outcome}`)
    },
    onEvent: (event) => {
      log.note(event)
      if (event.kind === 'lost') lost.push(event.error.message)
    },
    order: 'fifo',
    orderKey: 'PID-3.1',
    maxInFlight: 8,
    maxPerSecond: 0,
    retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
    failureTimeoutMs: 900_000,
    failWhileUnreachable: false,
    queueLimit: 100_000,
    applicationAckMs: 600_000,
    clock,
    random: () => 0.5,
    ...more
  })
  if (started) await delivery.start()
  await settled()
  return {
    ...{ clock, delivery, flights, emitted, lost },
    async add(...ids) {
      for (const id of ids) {
        await delivery.accept({ key: id.slice(0, 1), controlId: id, type: 'ADT^A01', content: id })
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
