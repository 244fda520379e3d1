import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'

/** The resources of a process that has nothing to do. */
export interface Level {
  /** In megabytes; the heaps of Node-RED's main thread and of the queue thread without garbage. */
  memory: Memory
  /** Timers, sockets, files and so on, by kind. */
  handles: Record<string, number>
}

type Memory = Record<'heap' | 'queueHeap' | 'buffers' | 'resident', number>

/** The answer of the gauge in the flow; memory in bytes. */
export interface Gauged {
  memory: Memory
  resources: Record<string, number>
}

/**
 * How much more is allowed at the end than after the warm-up.
 *
 * Heaps: functions that are compiled late and tables that grow in steps take a megabyte or two. A
 * leak repeats with each message, request or node, thousands or dozens of times. Resident memory is
 * shown, but not compared: most of it is heap pages that were needed once and are empty now, and V8
 * returns them as it likes: a hundred megabytes up or down in a minute.
 * Handles: the admin API keeps one or two connections of this test open for some seconds.
 */
const TOLERANCE = { heap: 4, queueHeap: 2, buffers: 2 }
const MORE_HANDLES = 2
/** The number of these must not grow at all. */
const EXACT = new Set(['Timeout', 'fd file'])

/** @param pid the gauged process, whose open files are counted on Linux */
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
  for (const kind of ['heap', 'queueHeap', 'buffers'] as const) {
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
