import { parentPort, workerData } from 'node:worker_threads'
import { packageVersion } from '../package-version.ts'
import { queueFaultOf, faultOfCode, type QueueFault } from './queue-fault.ts'
import type { QueueFileSpec } from './queue-file-spec.ts'
import { NO_ROOM, type StoredThing } from './disk-space.ts'
import { QueueError } from './queue-error.ts'
import {
  AFTER_SYNC,
  callOn,
  claimedSeqs,
  CLAIMS,
  MADE_AGAIN,
  OTHER_VERSION,
  SHORT_OUTCOME_BYTES,
  type CallResult,
  type QueueAnswer,
  type QueueCall,
  type QueueMethod,
  type QueueReply,
  type QueueRequest,
  type QueueTask
} from './queue-protocol.ts'
import type { Queue } from './queue.ts'
import { muteSqliteWarning } from './sqlite-warning.ts'
import type { Syncer } from './syncer.ts'

// The queue thread: it alone touches the queue files. The calls of a request are stored in one transaction and then
// answered; which transactions are synced to the disk, it says besides.

if (parentPort === null) throw new Error('This module runs in a worker thread only.')
const port = parentPort
// An update replaces the files of this package while Node-RED runs, and the two versions may not mean the same.
if ((workerData ?? '') !== packageVersion) {
  throw Object.assign(new Error('Another version has started this thread.'), {
    code: OTHER_VERSION
  })
}

const unmute = muteSqliteWarning()
// It loads SQLite.
const { OpenFiles } = await import('./open-files.ts')
unmute()

const IDLE_MS = 2000
const BETWEEN_STEPS_MS = 20
/** Records grow too old while nothing else happens. */
const BETWEEN_LOOKS_MS = 60 * 60 * 1000
/** Calls for which nothing is stored; see `storesNothing`. (A claim may find a damaged message, and store that.) */
const STORES_NOTHING: ReadonlySet<QueueMethod> = new Set([
  ...CLAIMS,
  'countSuspended',
  'countMessages',
  'release',
  'read',
  'find',
  'findLeft',
  'findRepeated',
  'findLaneEnds',
  'readOriginal',
  'events'
])
const MADE_AGAIN_RESULT: CallResult = { fault: { message: MADE_AGAIN, code: MADE_AGAIN } }
const PERHAPS_STORED_RESULT: CallResult = { ...MADE_AGAIN_RESULT, mayBeStored: true }
/** The most that a message takes in the file besides its content, or that an event takes. */
const ROW_BYTES = 512
const HASH_BYTES = 64
const MINUTE_BYTES = 64

const files = new OpenFiles({
  onNotice: (path, text) => {
    post({ path, notice: text })
  },
  onSynced: (path, commit) => {
    post({ path, synced: commit })
  },
  onFailed: (path, error) => {
    post({ path, failed: queueFaultOf(error, path) })
  }
})
let housekeeping: NodeJS.Timeout | undefined
/** In seconds, not in an hour. */
let isHousekeepingSoon = false

port.on('message', (request: QueueRequest) => {
  answer(request)
  // Also while calls come without a pause: the time that has passed is stored, and what is too old goes.
  if (isHousekeepingSoon) return
  isHousekeepingSoon = true
  clearTimeout(housekeeping)
  housekeeping = setTimeout(keepHouse, IDLE_MS).unref()
})

function answer({ id, task, ...request }: QueueRequest): void {
  const path = typeof request.file === 'string' ? request.file : request.file.path
  try {
    const file = typeof request.file === 'string' ? files.specOf(path) : request.file
    switch (task.kind) {
      case 'open':
        if (task.isDamaged === undefined && files.wasNotClosed(file)) post({ id, mustCheck: true })
        else void copied(id, file, task, () => files.open(file, task.isDamaged))
        return
      case 'refuse':
        files.refuse(file, task.seqs)
        post({ id })
        return
      case 'reopen':
        void copied(id, file, task, () => files.reopen(file, task))
        return
      case 'calls':
        post({ id, ...stored(file, task.calls) })
        return
      case 'check':
        post({ id, isDamaged: files.isDamaged(file) })
        return
      case 'count':
        post({ id, ...files.count(file) })
        return
      case 'close':
        void close(id, file, task)
        return
      case 'delete':
        post({ id, held: files.deleteIfEmpty(file) })
        return
    }
  } catch (error) {
    post({ id, fault: queueFaultOf(error, path) })
  }
}

/** Of a file in doubt, all is copied before. */
async function copied(
  id: number,
  file: QueueFileSpec,
  task: Parameters<typeof files.copyInDoubt>[1],
  work: () => Partial<QueueAnswer>
): Promise<void> {
  const copying = files.copyInDoubt(file, task)
  if (copying !== undefined) await copying
  try {
    post({ id, ...work() })
  } catch (error) {
    post({ id, fault: queueFaultOf(error, file.path) })
  }
}

async function close(
  id: number,
  file: QueueFileSpec,
  task: QueueTask & { kind: 'close' }
): Promise<void> {
  await files.stopSyncing(file)
  await copied(id, file, task, () => {
    files.close(file)
    return {}
  })
}

type Stored = Pick<QueueAnswer, 'results' | 'summary' | 'handedOut' | 'synced'>

function stored(file: QueueFileSpec, calls: readonly QueueCall[]): Stored {
  if (files.hasFailed(file)) return { results: calls.map(() => MADE_AGAIN_RESULT) }
  const results: CallResult[] = calls.map(() => ({}))
  try {
    store(file, calls, results, false)
    if (!files.hasFailed(file)) return answered(file, calls, results)
  } catch (error) {
    if (!files.hasFailed(file)) throw error
  }
  return { results: results.map((one) => (one.fault === undefined ? PERHAPS_STORED_RESULT : one)) }
}

function answered(file: QueueFileSpec, calls: readonly QueueCall[], results: CallResult[]): Stored {
  return files.use(file, ({ queue, syncer }) => {
    for (const [index, call] of calls.entries()) setCommit(call, results[index], syncer)
    if (results.some(({ commit }) => commit !== undefined)) syncer.hurry()
    const { synced } = syncer
    return { results, summary: queue.summary(), handedOut: queue.memory.handedOut, synced }
  })
}

/** Sets the commit that has to be synced before a call is answered, if there is one. */
function setCommit(call: QueueCall, result: CallResult | undefined, syncer: Syncer): void {
  if (result === undefined || result.fault !== undefined) return
  const commit = isAwaited(call, syncer) ? syncer.commit : commitOfMessages(call, result, syncer)
  if (commit > syncer.synced) result.commit = commit
}

/** It waits for all that was stored with it. */
function isAwaited({ method, isAwaited = false }: QueueCall, syncer: Syncer): boolean {
  if (syncer.isDoubtful || isAwaited) return true
  return AFTER_SYNC.has(method) || (method === 'move' && syncer.isOverdue)
}

/**
 * The last commit of the messages that are accepted, or handed out, by a call. One that was accepted before is safe by
 * now: its sender is not told otherwise by the next sync that fails, because it may be on its way.
 */
function commitOfMessages(call: QueueCall, { value }: CallResult, syncer: Syncer): number {
  const seqs =
    call.method === 'accept' ? [call.args[0].seq] : (claimedSeqs(call.method, value) ?? [])
  return Math.max(0, ...seqs.map((seq) => syncer.commitOf(seq)))
}

/**
 * Stores calls with one sync. Where the disk has no room, messages and long outcomes are refused; what shortens the
 * queue may still find room once the log is written back and kept contents are gone, in smaller groups, and if less
 * is remembered of what leaves.
 *
 * @param results is filled
 * @param isFull the disk has shown that it is full
 * @returns false if the disk has no room for anything
 */
function store(
  file: QueueFileSpec,
  calls: readonly QueueCall[],
  results: CallResult[],
  isFull: boolean
): boolean {
  try {
    files.use(file, (open) => {
      const room = isFull ? NO_ROOM : open.roomFor(calls.flatMap((call) => storedThing(call) ?? []))
      open.transaction((queue) => {
        for (const [index, call] of calls.entries()) {
          const thing = storedThing(call)
          const isRefused = thing !== undefined && room.take(thing) !== undefined
          results[index] =
            isRefused && !isStored(queue, call) ? full(file) : resultOf(queue, call, file)
        }
      })
    })
    return true
  } catch (error) {
    const fault = queueFaultOf(error, file.path)
    // It is about what one of them was given, such as a value that SQLite has no type for.
    if (error instanceof TypeError && calls.length > 1) {
      return storeEach(file, calls, results, isFull)
    }
    if (fault.code !== 'SQLITE_FULL') {
      refuse(file, calls, results, fault)
      return true
    }
    if (isFull && calls.length === 1) return storeLighter(file, calls, results, fault)
    files.use(file, (open) => {
      open.makeRoom()
    })
    if (!isFull) return store(file, calls, results, true)
    return storeHalves(file, calls, results, fault)
  }
}

/** Stores each call by itself, so that one that cannot be made fails alone. */
function storeEach(
  file: QueueFileSpec,
  calls: readonly QueueCall[],
  results: CallResult[],
  isFull: boolean
): boolean {
  let hasRoom = true
  for (const [index, call] of calls.entries()) {
    const alone: CallResult[] = [{}]
    if (!store(file, [call], alone, isFull)) hasRoom = false
    results.splice(index, 1, ...alone)
  }
  return hasRoom
}

/** Stores less of a single call for which the disk has no room, if less will do. */
function storeLighter(
  file: QueueFileSpec,
  calls: readonly QueueCall[],
  results: CallResult[],
  fault: QueueFault
): boolean {
  const lighter = calls.flatMap((call) => lighterCall(call) ?? [])
  if (lighter.length > 0) return store(file, lighter, results, true)
  refuse(file, calls, results, fault)
  return false
}

function storeHalves(
  file: QueueFileSpec,
  calls: readonly QueueCall[],
  results: CallResult[],
  fault: QueueFault
): boolean {
  const middle = calls.length >>> 1
  let hasRoom = true
  for (const [from, to] of [
    [0, middle],
    [middle, calls.length]
  ] as const) {
    const half = calls.slice(from, to)
    const some: CallResult[] = half.map(() => ({}))
    if (hasRoom) hasRoom = store(file, half, some, true)
    else for (const [index, call] of half.entries()) some[index] = refused(file, call, fault)
    results.splice(from, to - from, ...some)
  }
  return hasRoom
}

/** The same with less to store, if there is such a call: of a message that leaves, less is remembered. */
function lighterCall(call: QueueCall): QueueCall | undefined {
  if (call.method !== 'finish') return undefined
  const [seq, left, memory = 'all'] = call.args
  if (memory === 'none') return undefined
  const isLong = memory === 'all' || left !== undefined
  return { method: 'finish', args: [seq, undefined, isLong ? 'row' : 'none'] }
}

/** An error that concerns one call has changed nothing: the others go on. */
function resultOf(queue: Queue<Uint8Array>, call: QueueCall, { path }: QueueFileSpec): CallResult {
  try {
    return { value: callOn(queue, call.method, call.args) }
  } catch (error) {
    if (!(error instanceof QueueError)) throw error
    return { fault: queueFaultOf(error, path) }
  }
}

function refuse(
  file: QueueFileSpec,
  calls: readonly QueueCall[],
  results: CallResult[],
  fault: QueueFault
): void {
  for (const [index, call] of calls.entries()) results[index] = refused(file, call, fault)
}

/** The answer to a call when nothing can be stored. Where nothing has to be, the call is made all the same. */
function refused(file: QueueFileSpec, call: QueueCall, fault: QueueFault): CallResult {
  if (!STORES_NOTHING.has(call.method)) return { fault }
  if (files.hasFailed(file)) return MADE_AGAIN_RESULT
  try {
    return files.use(file, (open) => open.read((queue) => resultOf(queue, call, file)))
  } catch {
    return { fault }
  }
}

/** What a call stores besides a row or two. */
function storedThing(call: QueueCall): StoredThing | undefined {
  if (call.method === 'accept' || call.method === 'edit') {
    const [{ hashes = [] }, content] = call.args
    // The text before an edit stays, and is about as long.
    const isEdited = call.method === 'edit' || call.args[0].resent?.isEdited === true
    const bytes = content.length * (isEdited ? 2 : 1)
    return { kind: 'message', bytes: bytes + ROW_BYTES + hashes.length * HASH_BYTES }
  }
  if (call.method === 'addEvent') return { kind: 'message', bytes: ROW_BYTES }
  if (call.method === 'keepFigures') {
    const [{ minutes }] = call.args
    return { kind: 'figures', bytes: ROW_BYTES + minutes.length * MINUTE_BYTES }
  }
  const bytes = call.method === 'move' ? (call.args[0].outcome?.length ?? 0) : 0
  return bytes > SHORT_OUTCOME_BYTES ? { kind: 'outcome', bytes } : undefined
}

/** It is made again, and takes no room: a thread that has died since has stored that message. */
function isStored(queue: Queue<Uint8Array>, call: QueueCall): boolean {
  return call.method === 'accept' && queue.rows.sql.turnRow(call.args[0].seq) !== undefined
}

function full({ path }: QueueFileSpec): CallResult {
  return { fault: faultOfCode('SQLITE_FULL', path) }
}

function keepHouse(): void {
  let more = false
  for (const spec of files.specs) {
    try {
      if (files.hasFailed(spec)) continue
      files.putBack(spec)
      if (files.use(spec, (file) => file.keepHouse())) more = true
    } catch (error) {
      const trouble = queueFaultOf(error, spec.path)
      // Of a full disk, those are told who store something; this waits.
      if (trouble.code !== 'SQLITE_FULL') post({ path: spec.path, trouble })
    }
  }
  isHousekeepingSoon = more
  housekeeping = setTimeout(keepHouse, more ? BETWEEN_STEPS_MS : BETWEEN_LOOKS_MS).unref()
}

function post(reply: QueueReply): void {
  port.postMessage(reply)
}
