import { accessSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock, type Clock } from '../../src/clock.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { resultOf, type ReplyKind } from '../delivery/replies.ts'
import { buffers, KEY } from '../queue/set-up.ts'
import { ownSettings } from '../support/life.ts'
import { generator } from '../support/random.ts'

// A separate process whose queue is recorded: `node power-process.ts <settings>`. Messages come and are sent, an operator
// acts, and the queue is closed and opened again. It tells the recorder what it has promised and done by marks.
// The message with the control ID 17 has the content "17 xxx…", and the key 17 % KEYS.

export interface PowerSettings {
  directory: string
  seed: number
  /** The control ID of the first message. */
  firstId: number
  /** So often the queue is opened. */
  lives: number
  /** Messages of each life. */
  messages: number
}

/** What a mark says, before the control ID or the number that it is about. */
export type MarkKind =
  | 'opened'
  | 'accepted'
  | 'refused'
  | 'edited'
  | 'resent'
  | 'discarded'
  | 'paused'
  | 'resumed'
  | 'closed'
  | 'request'
  | 'output'
  | 'notice'

const KEYS = 4
const SENDERS = 6
const MOST_BYTES = 3000
const MOST_HELD = 30
/** The node waits half a minute until it tries again what the disk refused. */
const LONGEST_WAIT_MS = 50
const STUCK_MS = 30_000

const settings = ownSettings() as PowerSettings
const random = generator(settings.seed)
const clock: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(Math.min(ms, LONGEST_WAIT_MS), callback)
}
/** What was set aside once leaves the next time. */
const answered = new Set<string>()
let nextId = settings.firstId
let pauses = 0

function mark(kind: MarkKind, about: string | number = ''): void {
  try {
    accessSync(`/MARK/${kind}/${about}`)
  } catch {
    // Without the recorder there is no such file.
  }
}

function newDelivery(): Delivery<Buffer> {
  const engine = new DiskEngine({
    directory: settings.directory,
    name: 'queue',
    key: () => Promise.resolve(KEY),
    journalDays: 14,
    order: 'key',
    orderKey: '',
    onNotice: (text) => {
      mark('notice', text.replaceAll('/', '|'))
    }
  })
  return new Delivery<Buffer>({
    queue: () => Promise.resolve(new MessageQueue(engine, new EncodedContents(buffers))),
    attempt: async (content) => {
      const id = idOf(content)
      mark('request', id)
      await sleep(random() * 4)
      return resultOf(replyTo(id))
    },
    readFields: (content) => ({ key: String(Number(idOf(content)) % KEYS), values: [] }),
    emit: ({ controlId }) => {
      mark('output', controlId)
    },
    onEvent: () => undefined,
    order: 'key',
    maxInFlight: KEYS,
    maxPerSecond: 0,
    retry: { intervalMs: 5, maxIntervalMs: 20 },
    failureTimeoutMs: 900_000,
    failWhileUnreachable: false,
    applicationAckMs: 2 ** 31,
    queueLimit: Number.POSITIVE_INFINITY,
    clock,
    random
  })
}

function replyTo(id: string): ReplyKind {
  if (answered.has(id)) return 'accept'
  answered.add(id)
  if (Number(id) % 7 === 3) return 'suspend'
  return Number(id) % 11 === 5 ? 'retry' : 'accept'
}

function contentOf(id: number): Buffer {
  const head = `${id} `
  return Buffer.alloc(head.length + Math.floor(random() * MOST_BYTES), 'x').fill(
    head,
    0,
    head.length
  )
}

function idOf(content: Buffer): string {
  return content.subarray(0, content.indexOf(' ')).toString()
}

function accepted(id: number): { controlId: string; type: string; content: Buffer } {
  return { controlId: String(id), type: 'ADT^A01', content: contentOf(id) }
}

/** Messages come one after the other, as from a sender that waits for its acknowledgement. */
async function send(delivery: Delivery<Buffer>, last: number): Promise<void> {
  while (nextId <= last) {
    const id = nextId++
    await until(() => delivery.held < MOST_HELD)
    try {
      await delivery.accept(accepted(id))
      mark('accepted', id)
    } catch (error) {
      if (!isRefusal(error)) throw error
      mark('refused', id)
      await sleep(5)
    }
    if (random() < 0.3) await sleep(random() * 10)
  }
}

/** An operator resends, edits and discards what is suspended, and pauses at times. */
async function operate(delivery: Delivery<Buffer>, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await sleep(10 + random() * 20)
    const { messages } = await (
      await delivery.reader()
    )
      .find({ state: 'suspended', limit: 1 })
      .catch(() => NOTHING)
    const [first] = messages
    if (first !== undefined) await settleAside(delivery, first)
    if (random() < 0.3) {
      const pause = ++pauses
      await operation('paused', pause, () => delivery.pause('ada', String(pause)))
      await sleep(random() * 10)
      // A pause that could not be stored is none.
      if (delivery.state().paused?.reason === String(pause)) {
        await operation('resumed', pause, () => delivery.resume('ada'))
      }
    }
  }
  // A pause that could be stored, but not ended, holds up what is left.
  while (delivery.state().paused !== null) {
    await sleep(5)
    await delivery.resume('ada').catch(() => undefined)
  }
}

const NOTHING: { messages: { seq: number; controlId: string }[] } = { messages: [] }

async function settleAside(
  delivery: Delivery<Buffer>,
  { seq, controlId }: { seq: number; controlId: string }
): Promise<void> {
  const chosen = random()
  const id = Number(controlId)
  if (chosen < 0.3) {
    await operation('edited', id, async () => {
      const seen = { seq, isSuspended: true }
      const { kind } = await (await delivery.operator()).edit(seen, accepted(id), { by: 'ada' })
      return kind === 'edited'
    })
  }
  if (chosen < 0.8) {
    await operation('resent', id, () =>
      delivery.operator().then((operator) => operator.resend({ ids: [seq] }, 'ada'))
    )
  } else {
    await operation('discarded', id, () =>
      delivery.operator().then((operator) => operator.discard({ ids: [seq] }, 'ada'))
    )
  }
}

async function operation(
  kind: MarkKind,
  about: number,
  work: () => Promise<unknown>
): Promise<void> {
  try {
    const result = await work()
    // So many messages, or whether there was one.
    if (result !== 0 && result !== false) mark(kind, about)
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof DeliveryError || error instanceof QueueError
}

/** @throws {Error} if it takes too long */
async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + STUCK_MS
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('Messages are stuck.')
    await sleep(5)
  }
}

for (let life = 1; life <= settings.lives; life++) {
  const delivery = newDelivery()
  // If that fails, it is tried again.
  await delivery.start().catch(() => undefined)
  await until(() => delivery.figures().queue !== undefined)
  mark('opened', life)
  const last = settings.firstId - 1 + life * settings.messages
  let isSent = false
  const operator = operate(delivery, () => isSent)
  await Promise.all(Array.from({ length: SENDERS }, () => send(delivery, last)))
  isSent = true
  await operator
  if (life === settings.lives) {
    await (await delivery.operator()).resend({}, 'ada').catch(() => 0)
    await until(() => delivery.held === 0 || delivery.state().suspended > 0)
  }
  await operation('closed', life, () => delivery.close(1000))
}
