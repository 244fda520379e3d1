import { syncBuiltinESMExports } from 'node:module'
import threads, { Worker } from 'node:worker_threads'
import { systemClock, type Clock } from '../../src/clock.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { Reporter } from '../../src/delivery/reporter.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue, type Claim } from '../../src/queue/message-queue.ts'
import type { MessageState } from '../../src/queue/message-row.ts'
import type { CallOptions } from '../../src/queue/queue-engine.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import type { QueueMethod, QueueMethods } from '../../src/queue/queue-protocol.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { resultOf } from '../delivery/replies.ts'
import { buffers, KEY } from '../queue/set-up.ts'
import { noteTo, ownSettings } from '../support/life.ts'
import { generator } from '../support/random.ts'

// A separate process that delivers the messages of a queue: `node delivery-process.ts <settings>`. Its parent tells
// it what to do. What happens is written to a log on another disk, synchronously, so that it survives SIGKILL
// (`delivery-log.ts`). The message with the control ID 17 has the content "17 xxx…".

/** What the process is told at its start. */
export interface ProcessSettings {
  directory: string
  /** The path of the log. */
  log: string
  order: Order
  maxInFlight: number
  journalDays: number
  /** The text of each reply. */
  replyBytes: number
  reply: ReplyKind
}

export type ReplyKind = 'accept' | 'suspend' | 'await'

/** What the delivery holds. */
export interface Holdings {
  isOpen: boolean
  held: number
  awaiting: number
  suspended: number
  /** The reason of the pause, if it is paused. */
  pause: string | undefined
  /** The last error of the queue. */
  fault: string
}

/** A message as a search finds it. */
export interface FoundMessage {
  id: number
  state: MessageState
}

/** What the parent may ask. */
export type Commands = typeof commands

/** The node waits half a minute until it tries again what a full disk refused; the trial does not. */
const LONGEST_WAIT_MS = 100
/** So many messages come in one turn of the event loop. */
const AT_ONCE = 50
/** So many refusals in a row: the disk is full. */
const REFUSALS = 3
/** So many things an operator does at a time. */
const OPERATIONS_AT_ONCE = 4

/** The queue's thread is private to it: to end it, one has to catch it when it is made. */
let thread: Worker | undefined
threads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args)
    keepThread(this)
  }
}
syncBuiltinESMExports()

function keepThread(made: Worker): void {
  thread = made
}

const settings = ownSettings() as ProcessSettings
const note = noteTo(settings.log)
let { reply } = settings
let fault = ''

const clock: Clock = {
  ...systemClock,
  after: (ms, callback) => systemClock.after(Math.min(ms, LONGEST_WAIT_MS), callback)
}

/** Notes what has been stored of messages, before anything can follow from it. */
class WatchedEngine extends DiskEngine {
  readonly #ids = new Map<number, string>()

  override call<Method extends QueueMethod>(
    method: Method,
    makeArgs: () => Parameters<QueueMethods[Method]>,
    options?: CallOptions
  ): Promise<ReturnType<QueueMethods[Method]>> {
    let args: unknown[] = []
    const makeNotedArgs = (): Parameters<QueueMethods[Method]> => {
      const made = makeArgs()
      args = made
      return made
    }
    const done = super.call(method, makeNotedArgs, options)
    done.then(
      (result) => {
        this.#readResult(method, args, result)
      },
      () => undefined
    )
    return done
  }

  #readResult(method: QueueMethod, [first]: unknown[], result: unknown): void {
    for (const { row } of claimsIn(result)) this.#ids.set(row.seq, row.controlId)
    if (method === 'move') {
      const { seq, to } = first as { seq: number; to: string }
      note('stored', this.#idOf(seq), to)
    }
    if (method === 'resend') note('resent')
    if (method === 'finish') note('stored', this.#idOf(first as number), 'left')
  }

  #idOf(seq: number): string {
    return this.#ids.get(seq) ?? '?'
  }
}

function claimsIn(result: unknown): Pick<Claim, 'row'>[] {
  if (Array.isArray(result)) return result.flatMap(claimsIn)
  if (typeof result !== 'object' || result === null) return []
  if ('row' in result) return [result as Claim]
  return 'claimed' in result ? claimsIn(result.claimed) : []
}

const engine: WatchedEngine = new WatchedEngine({
  directory: settings.directory,
  name: 'queue',
  key: () => Promise.resolve(KEY),
  journalDays: settings.journalDays,
  order: settings.order,
  orderKey: '',
  onNotice: (text) => {
    note('notice', text)
  },
  onFault: ({ code }) => {
    fault = code
  }
})

const delivery: Delivery<Buffer> = new Delivery({
  queue: () => Promise.resolve(new MessageQueue(engine, new EncodedContents(buffers))),
  attempt: async (content, _signal, watchWork) => {
    note('sent', idOf(content))
    return watchWork(async () => {
      await new Promise(setImmediate)
      return answer(reply)
    })
  },
  readFields: () => ({ key: '', values: [] }),
  emit: ({ controlId }, _content, { outcome, error }) => {
    note('emitted', controlId, error?.code ?? outcome)
  },
  onEvent,
  order: settings.order,
  maxInFlight: settings.maxInFlight,
  maxPerSecond: 0,
  retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
  failureTimeoutMs: 900_000,
  failWhileUnreachable: false,
  applicationAckMs: 2 ** 31,
  queueLimit: Number.POSITIVE_INFINITY,
  clock,
  random: Math.random
})

// As in the node, it adds events to the queue.
const reporter = new Reporter(
  {
    log: () => undefined,
    event: (event) => {
      delivery.addEvent(event).catch(() => undefined)
    }
  },
  systemClock
)

function onEvent(event: DeliveryEvent): void {
  if (event.kind === 'opened') {
    for (const { controlId } of event.endedOn) note('ended-twice', controlId)
  }
  if (event.kind === 'lost') note('lost', event.about?.controlId ?? '?', causeOf(event.error))
  if (event.kind === 'fault') note('fault')
  if (event.kind === 'queue-failed') fault = event.code
  reporter.readEvent(event)
}

/** What the receiver answers. */
function answer(kind: ReplyKind): AttemptResult {
  const result = resultOf(kind)
  if (result.reply === undefined) return result
  return { ...result, reply: { ...result.reply, text: 'x'.repeat(settings.replyBytes) } }
}

function contentOf(id: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, 'x').fill(`${id} `, 0, `${id} `.length)
}

function idOf(content: Buffer): string {
  return content.subarray(0, content.indexOf(' ')).toString()
}

/** @returns whether it was accepted */
async function acceptOne(id: number, bytes: number): Promise<boolean> {
  const message = { controlId: String(id), type: 'ADT^A01' }
  try {
    await delivery.accept({ ...message, content: contentOf(id, bytes) })
    note('accepted', id)
    return true
  } catch (error) {
    note('refused', id, codeOf(error))
    if (codeOf(error) !== 'HL7_QUEUE_FAILED') throw error
    return false
  }
}

/** Messages come in one turn of the event loop. @returns how many were accepted */
async function accept(first: number, count: number, bytes: number): Promise<number> {
  const ids = Array.from({ length: count }, (_, i) => first + i)
  const accepted = await Promise.all(ids.map((id) => acceptOne(id, bytes)))
  return accepted.filter(Boolean).length
}

/** Messages come until the disk has no room, not even for one. @returns the number of the next one */
async function fill(first: number, bytes: number): Promise<number> {
  let id = first
  const atOnce = Math.max(1, Math.min(AT_ONCE, Math.floor((AT_ONCE * 1000) / bytes)))
  for (let accepted = atOnce; accepted === atOnce; id += atOnce) {
    accepted = await accept(id, atOnce, bytes)
  }
  for (let refused = 0; refused < REFUSALS; id++) {
    refused = (await acceptOne(id, bytes)) ? 0 : refused + 1
  }
  return id
}

/** Does something, and notes what its promise came to. */
async function operation(words: (string | number)[], work: () => Promise<unknown>): Promise<void> {
  note('begun', ...words)
  try {
    await work()
    note('done', ...words)
  } catch (error) {
    note('failed', ...words, codeOf(error))
  }
}

/** The application acknowledgement of an awaiting message comes. */
async function acknowledge(id: number): Promise<void> {
  const ack = { controlIds: [String(id)], judge: () => answer('accept') }
  if (!(await delivery.acknowledge(ack))) note('lost', id, 'its acknowledgement was not taken')
}

/** Those of all come, some at a time. Some may not find room. */
async function acknowledgeAll(): Promise<void> {
  const { messages } = await (await delivery.reader()).find({ state: 'awaiting', limit: 1_000_000 })
  const ids = messages.map(({ controlId }) => Number(controlId)).reverse()
  await someAtATime(ids.map((id) => () => acknowledge(id).catch(() => undefined)))
}

/** Does all of it, in its order. */
async function someAtATime(works: (() => Promise<void>)[]): Promise<void> {
  const rest = works.values()
  const some = async (): Promise<void> => {
    for (const work of rest) await work()
  }
  await Promise.all(Array.from({ length: OPERATIONS_AT_ONCE }, some))
}

async function suspendedSeq(id: number): Promise<number> {
  const query = { controlId: String(id), state: 'suspended', limit: 1 } as const
  const { messages } = await (await delivery.reader()).find(query)
  return messages[0]?.seq ?? 0
}

/** An operator acts, and acknowledgements come: for all of these messages in a random order, some at a time. */
async function operate(awaiting: number[], suspended: number[], seed: number): Promise<void> {
  const random = generator(seed)
  const works = awaiting.map((id) => () => operation(['acknowledge', id], () => acknowledge(id)))
  for (const id of suspended) {
    const ids = [await suspendedSeq(id)]
    works.push(() =>
      operation(['discard', id], () =>
        delivery.operator().then((operator) => operator.discard({ ids }))
      )
    )
  }
  const shuffled = works
    .map((work) => ({ work, place: random() }))
    .sort((one, other) => one.place - other.place)
  let isDone = false
  const pauseOn = async (): Promise<void> => {
    for (let pauses = 1; !isDone; pauses++) {
      const reason = String(pauses)
      await operation(['pause', reason], () => delivery.pause('ada', reason))
    }
  }
  const pausing = pauseOn()
  await someAtATime(shuffled.map(({ work }) => work))
  isDone = true
  await pausing
}

const commands = {
  accept,
  fill,
  operate,
  acknowledgeAll,

  opened: () => delivery.open(),
  pause: (reason: string) => delivery.pause('ada', reason),
  resume: () => delivery.resume(),
  discard: () => delivery.operator().then((operator) => operator.discard({})),
  resend: () => delivery.operator().then((operator) => operator.resend({})),

  /** From now on the receiver answers like this. */
  replyWith: (kind: ReplyKind) => {
    reply = kind
    return Promise.resolve()
  },

  /** The queue's thread dies, wherever it is. */
  endThread: async () => {
    await thread?.terminate()
  },

  holdings: (): Promise<Holdings> => {
    const { awaiting, suspended, paused } = delivery.state()
    return Promise.resolve({
      isOpen: delivery.figures().queue !== undefined,
      held: delivery.held,
      awaiting,
      suspended,
      pause: paused?.reason,
      fault
    })
  },

  find: async (): Promise<FoundMessage[]> => {
    const { messages } = await (await delivery.reader()).find({ limit: 1_000_000 })
    return messages.map(({ controlId, state }) => ({ id: Number(controlId), state }))
  },

  /** Ends the process, too. */
  close: async () => {
    await delivery.close(1000)
    note('closed')
    setImmediate(() => process.exit())
  }
}

function causeOf({ code, cause }: DeliveryError): string {
  return cause?.code ?? code
}

function codeOf(error: unknown): string {
  if (error instanceof DeliveryError || error instanceof QueueError) return error.code
  return error instanceof Error ? error.message : 'unknown'
}

process.on('message', ({ number, name, args }: Asked) => {
  const command = commands[name] as (...args: unknown[]) => Promise<unknown>
  command(...args).then(
    (value) => process.send?.({ number, value }),
    (error: unknown) => process.send?.({ number, error: codeOf(error) })
  )
})
process.on('disconnect', () => process.exit())

/** A command on its way. */
export interface Asked {
  number: number
  name: keyof Commands
  args: unknown[]
}

/** What came of it: a code if it failed. */
export interface Answered {
  number: number
  value?: unknown
  error?: string
}

note('started')
// If that fails, it is tried again.
delivery.start().catch(() => undefined)
