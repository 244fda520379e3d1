import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'

/** What a process holds while it has nothing to do. */
export interface Level {
  /** In megabytes; the heaps of Node-RED's own thread and of that of the queues without garbage. */
  memory: Memory
  /** Timers, sockets, files and the like, by their kind. */
  handles: Record<string, number>
}

type Memory = Record<'heap' | 'queueHeap' | 'buffers' | 'resident', number>

/** What the gauge of the flow answers; memory in bytes. */
export interface Gauged {
  memory: Memory
  resources: Record<string, number>
}

/**
 * How much more may be there at the end than after the warm-up.
 *
 * Heaps: functions that are compiled late and tables that grow in steps make one megabyte or two. A
 * leak of a message, a request or a node comes back with each of them, thousands or dozens of times.
 * Resident: pages of the heaps that were needed once and are empty now; V8 gives them back as it
 * likes, and keeps many times what is in use. Only a leak outside the heaps would show here alone.
 * Handles: the admin API keeps a connection or two of this test open for some seconds.
 */
const TOLERANCE = { heap: 4, queueHeap: 2, buffers: 2, resident: 80 }
const MORE_HANDLES = 2
/** Of these none is there by chance. */
const EXACT = new Set(['Timeout', 'fd file'])

/** @param pid of the process that was gauged; its open files are looked up where there is /proc. */
export function levelOf({ memory, resources }: Gauged, pid: number): Level {
  const { heap, queueHeap, buffers, resident } = memory
  return {
    memory: {
      heap: megabytes(heap),
      queueHeap: megabytes(queueHeap),
      buffers: megabytes(buffers),
      resident: megabytes(resident)
    },
    handles: { ...resources, ...openFiles(pid) }
  }
}

export function assertLevel(before: Level, after: Level): void {
  for (const kind of ['heap', 'queueHeap', 'buffers', 'resident'] as const) {
    const more = after.memory[kind] - before.memory[kind]
    assert.ok(more <= TOLERANCE[kind], `${kind}: ${more.toFixed(1)} MB more than after the warm-up`)
  }
  for (const [kind, count] of Object.entries(after.handles)) {
    const more = count - (before.handles[kind] ?? 0)
    const tolerance = EXACT.has(kind) ? 0 : MORE_HANDLES
    assert.ok(more <= tolerance, `${kind}: ${more} more than after the warm-up`)
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}

function openFiles(pid: number): Record<string, number> {
  const counts: Record<string, number> = {}
  if (process.platform !== 'linux') return counts
  const directory = `/proc/${pid}/fd`
  for (const name of readdirSync(directory)) {
    let target: string
    try {
      target = readlinkSync(`${directory}/${name}`)
    } catch {
      // Closed meanwhile.
      continue
    }
    const kind = target.startsWith('/') ? 'file' : target.replace(/:?\[.*/, '')
    counts[`fd ${kind}`] = (counts[`fd ${kind}`] ?? 0) + 1
  }
  return counts
}
