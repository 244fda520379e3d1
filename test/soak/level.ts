import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'

/** What a process holds while it has nothing to do. */
export interface Level {
  /** In megabytes, after garbage collections. */
  memory: { heap: number; buffers: number; resident: number }
  /** Timers, sockets, files and the like, by their kind. */
  handles: Record<string, number>
}

/** What the gauge of the flow answers. */
export interface Gauged {
  memory: NodeJS.MemoryUsage
  resources: Record<string, number>
}

/**
 * How much more may be there at the end than after the warm-up.
 *
 * Heap: functions that are compiled late and tables that grow in steps make about one megabyte. A
 * leak of a message, a request or a node comes back with each of them, thousands or dozens of times.
 * Resident: the allocator keeps what was once needed for the longest queue and the largest messages,
 * and gives it back as it likes; only a leak outside the heap, in the queue thread, shows here first.
 * Handles: the admin API keeps a connection or two of this test open for some seconds.
 */
const TOLERANCE = { heap: 4, buffers: 2, resident: 40, handles: 2 }

/** @param pid of the process that was gauged; its open files are looked up where there is /proc. */
export function levelOf({ memory, resources }: Gauged, pid: number): Level {
  const { heapUsed, external, rss } = memory
  return {
    memory: { heap: megabytes(heapUsed), buffers: megabytes(external), resident: megabytes(rss) },
    handles: { ...resources, ...openFiles(pid) }
  }
}

export function assertLevel(before: Level, after: Level): void {
  for (const kind of ['heap', 'buffers', 'resident'] as const) {
    const more = after.memory[kind] - before.memory[kind]
    assert.ok(more <= TOLERANCE[kind], `${kind}: ${more.toFixed(1)} MB more than after the warm-up`)
  }
  for (const [kind, count] of Object.entries(after.handles)) {
    const more = count - (before.handles[kind] ?? 0)
    assert.ok(more <= TOLERANCE.handles, `${kind}: ${more} more than after the warm-up`)
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
