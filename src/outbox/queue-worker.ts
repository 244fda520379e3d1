import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { faultCode, faultOf, faultOfCode, QueueFaultError } from './queue-fault.ts'
import type { OutboxContents } from './outbox.ts'
import type { QueueFile } from './queue-file.ts'
import type {
  CallResult,
  QueueCall,
  QueueFault,
  QueueFileSpec,
  QueueReply,
  QueueRequest
} from './queue-protocol.ts'

// The queue thread: it alone touches the queue files. All requests that have arrived are stored
// with one sync per file.

if (parentPort === null) throw new Error('This module runs in a worker thread only.')
const port = parentPort

// SQLite in Node.js is marked experimental; the user can do nothing about that warning.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void
process.emitWarning = (...args: unknown[]) => {
  if (!String(args[0]).includes('SQLite is an experimental feature')) emitWarning(...args)
}
const { OpenQueues, understood } = await import('./repair/open-queues.ts')
process.emitWarning = emitWarning

type CallsRequest = QueueRequest & { task: { kind: 'calls'; calls: readonly QueueCall[] } }

const MOST_AT_ONCE = 64
const IDLE_MS = 2000
/** The most that a message takes in the file besides its content. */
const ROW_BYTES = 512
const BETWEEN_STEPS_MS = 20
/** Records grow too old while nothing else happens. */
const BETWEEN_LOOKS_MS = 60 * 60 * 1000

const queues = new OpenQueues(notice)
let housekeeping: NodeJS.Timeout | undefined

port.on('message', (first: QueueRequest) => {
  const requests = [first]
  while (requests.length < MOST_AT_ONCE) {
    const next = receiveMessageOnPort(port)
    if (next === undefined) break
    requests.push(next.message as QueueRequest)
  }
  work(requests)
  clearTimeout(housekeeping)
  housekeeping = setTimeout(keepHouse, IDLE_MS).unref()
})

function work(requests: QueueRequest[]): void {
  const later: QueueRequest[] = []
  for (const request of requests) {
    // A read does not wait for a commit, unless it concerns the same message.
    if (request.task.kind === 'read' && !later.some((earlier) => concerns(earlier, request))) {
      handle(request)
    } else later.push(request)
  }
  while (later.length > 0) {
    const [request] = later
    if (request === undefined) break
    if (!isCalls(request)) {
      later.shift()
      handle(request)
      continue
    }
    const together: CallsRequest[] = []
    for (let i = 0; i < later.length;) {
      const candidate = later[i]
      if (candidate?.file.path !== request.file.path) i++
      else if (isCalls(candidate)) {
        together.push(candidate)
        later.splice(i, 1)
      } else break
    }
    commit(request.file, together)
  }
}

function isCalls(request: QueueRequest): request is CallsRequest {
  return request.task.kind === 'calls'
}

function concerns(earlier: QueueRequest, read: QueueRequest): boolean {
  if (earlier.file.path !== read.file.path || read.task.kind !== 'read') return false
  if (!isCalls(earlier)) return earlier.task.kind !== 'read'
  const seqs = new Set(read.task.seqs)
  return earlier.task.calls.some((call) => {
    if ('entry' in call) return seqs.has(call.entry.seq)
    return 'seq' in call && seqs.has(call.seq)
  })
}

/** Stores the calls of several requests together, and answers each when all is on the disk. */
function commit(file: QueueFileSpec, requests: readonly CallsRequest[]): void {
  const calls: AskedCall[] = []
  const replies: Answer[] = []
  for (const { id, task } of requests) {
    const reply: Answer = { id, faults: [], results: [] }
    replies.push(reply)
    task.calls.forEach((call, index) => calls.push({ call, index, reply }))
  }
  store(file, calls)
  for (const reply of replies) post(reply)
}

interface AskedCall {
  call: QueueCall
  index: number
  reply: Answer
}

/**
 * Stores calls with one sync. On a full disk, changes that shorten the queue may still find room
 * after the log is written back and truncated, and in smaller groups.
 *
 * @returns false if the disk has no room for anything
 */
function store(file: QueueFileSpec, calls: readonly AskedCall[], isFull = false): boolean {
  try {
    const done = queues.use(file, (open) => {
      const full = isFull || !open.space.hasRoom(addedBytes(calls))
      return open.transaction(() => calls.map(({ call }) => applied(open, call, full, isFull)))
    })
    for (const [at, { index, reply }] of calls.entries()) {
      const { fault, result } = done[at] ?? {}
      if (fault !== undefined) reply.faults.push([index, fault])
      if (result !== undefined) reply.results.push([index, result])
    }
    return true
  } catch (error) {
    const fault = faultOf(error, file.path)
    const smaller = calls.length > 1
    if (fault.code === 'SQLITE_FULL' && (smaller || !isFull)) {
      queues.makeRoom(file)
      if (!isFull) return store(file, calls, true)
      const middle = calls.length >>> 1
      if (store(file, calls.slice(0, middle), true)) {
        return store(file, calls.slice(middle), true)
      }
      refuse(file, calls.slice(middle), fault)
      return false
    }
    refuse(file, calls, fault)
    return fault.code !== 'SQLITE_FULL'
  }
}

const QUERIES: ReadonlySet<QueueCall['kind']> = new Set(['read', 'list', 'find', 'events'])

/** Answers calls that cannot be stored; queries among them need no disk space. */
function refuse(file: QueueFileSpec, calls: readonly AskedCall[], fault: QueueFault): void {
  for (const { call, index, reply } of calls) {
    if (!QUERIES.has(call.kind)) {
      reply.faults.push([index, fault])
      continue
    }
    try {
      const result = queues.use(file, (open) => open.apply(call))
      if (result !== undefined) reply.results.push([index, result])
    } catch (error) {
      reply.faults.push([index, faultOf(error, file.path)])
    }
  }
}

function addedBytes(calls: readonly AskedCall[]): number {
  let bytes = 0
  for (const { call } of calls) {
    if (call.kind === 'add') bytes += call.content.length + ROW_BYTES
  }
  return bytes
}

/**
 * @param isFull there is no room for messages
 * @param isShort there is none for records and events either
 */
function applied(
  file: QueueFile,
  call: QueueCall,
  isFull: boolean,
  isShort: boolean
): { fault?: QueueFault; result?: CallResult } {
  if ((isFull && call.kind === 'add') || (isShort && call.kind === 'addEvent')) {
    return { fault: faultOfCode('SQLITE_FULL', file.path) }
  }
  try {
    const result = file.apply(call, isShort)
    return result === undefined ? {} : { result }
  } catch (error) {
    if (!concernsOneCall(error)) throw error
    return { fault: faultOf(error, file.path) }
  }
}

type Answer = Extract<QueueReply, { id: number }> & {
  faults: [number, QueueFault][]
  results: [number, CallResult][]
}

/** SQLite rolls back this one statement; the transaction continues. */
function concernsOneCall(error: unknown): boolean {
  const code = faultCode(error)
  return (
    error instanceof QueueFaultError || code === 'SQLITE_CONSTRAINT' || code === 'SQLITE_TOOBIG'
  )
}

function handle({ id, file, task }: QueueRequest): void {
  try {
    switch (task.kind) {
      case 'open':
        post({ id, contents: queues.use(file, begin) })
        return
      case 'read':
        post({ id, ...queues.use(file, (open) => readAll(open, task.seqs)) })
        return
      case 'count':
        post({ id, ...queues.count(file) })
        return
      case 'close':
        queues.close(file)
        post({ id })
        return
      case 'delete':
        post({ id, held: queues.deleteIfEmpty(file) })
        return
      case 'calls':
        return
    }
  } catch (error) {
    post({ id, fault: faultOf(error, file.path) })
  }
}

function begin(file: QueueFile): OutboxContents {
  return understood(() => {
    const run = file.beginRun()
    return { ...file.contents(), ...run }
  })
}

function readAll(file: QueueFile, seqs: readonly number[]): Omit<Answer, 'id'> {
  const faults: [number, QueueFault][] = []
  const results: [number, CallResult][] = []
  seqs.forEach((seq, index) => {
    try {
      results.push([index, file.read(seq)])
    } catch (error) {
      if (!(error instanceof QueueFaultError)) throw error
      faults.push([index, faultOf(error, file.path)])
    }
  })
  return { faults, results }
}

function keepHouse(): void {
  let more = false
  for (const { spec, path } of queues.all) {
    try {
      queues.putBack(spec)
      if (queues.use(spec, (file) => file.keepHouse())) more = true
    } catch (error) {
      port.postMessage({ path, trouble: faultOf(error, path) } satisfies QueueReply)
    }
  }
  housekeeping = setTimeout(keepHouse, more ? BETWEEN_STEPS_MS : BETWEEN_LOOKS_MS).unref()
}

function post(reply: Extract<QueueReply, { id: number }>): void {
  const transfer: ArrayBuffer[] = []
  for (const [, result] of reply.results ?? []) {
    if (!('content' in result)) continue
    for (const bytes of [result.content, result.outcome]) {
      if (bytes !== undefined) transfer.push(bytes.buffer as ArrayBuffer)
    }
  }
  port.postMessage(reply, transfer)
}

function notice(path: string, text: string): void {
  port.postMessage({ path, notice: text } satisfies QueueReply)
}
