import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { compilePreloads } from '../../test/support/preload/compile.ts'
import type { BenchNodeRedOptions, ThreadsUs } from '../bench-node-red.ts'
import { ours, shared } from '../candidates.ts'
import { figure, type Figure, type Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { Turns } from '../turns.ts'
import { figures, NodeReds, type EarlierVersion, type Version } from '../versions.ts'

/** What a sync takes on the slow disk. */
const SYNC_MS = 5
/** Messages that wait in the queue, beside those in flight. */
const WAITING = 32
const BYTES = 1024
/** So long nothing happens before a single message comes; connections stay open meanwhile. */
const IDLE_MS = 200
/** Files in memory: a sync takes nothing. */
const IN_MEMORY = '/dev/shm'

const DISKS = ['quick', 'slow'] as const
type Disk = (typeof DISKS)[number]

const CANDIDATES = {
  default: { title: 'the default', inFlight: 1 },
  'disk 32': { title: 'disk queue, 32 in flight', inFlight: 32 }
} as const
type Candidate = keyof typeof CANDIDATES

/** What a disk costs that is slow to sync: a Node-RED with such a disk takes turns with one whose syncs take nothing. */
export async function diskRows(
  servers: Servers,
  quick: boolean,
  before: EarlierVersion | undefined
): Promise<Row[]> {
  const preloads = compilePreloads('slow-sync')
  const unmeasured =
    typeof preloads === 'string'
      ? preloads
      : existsSync(IN_MEMORY)
        ? undefined
        : `there is no ${IN_MEMORY}`
  if (typeof preloads === 'string' || unmeasured !== undefined) {
    console.error(`disk: left out, because ${unmeasured ?? ''}`)
    return []
  }
  const options: BenchNodeRedOptions = {
    parentDir: IN_MEMORY,
    flows: [
      ...shared(servers),
      ...ours('default', servers, { queue: 'disk', order: 'fifo' }),
      ...ours('disk 32', servers, { queue: 'disk', maxInFlight: 32 })
    ]
  }
  const env = { ...preloads.environment('slow-sync'), SLOW_SYNC_MS: String(SYNC_MS) }
  const nodeReds = {
    quick: await NodeReds.start(options, before),
    slow: await NodeReds.start({ ...options, env }, before)
  }
  const turns = await takeTurns(nodeReds, servers, quick)
  for (const disk of DISKS) await nodeReds[disk].stop()
  preloads.remove()

  const rateRow = (candidate: Candidate, atLeast?: number): Row => ({
    what: `messages per second, ${CANDIDATES[candidate].title}: slow disk / fast disk`,
    unit: '×',
    ...(atLeast === undefined ? {} : { budget: { atLeast } }),
    ...figures(before, (version) => rateRatio(turns, version, candidate))
  })
  const idleRow = (disk: Disk): Row => ({
    what: `${CANDIDATES.default.title}, a message after ${IDLE_MS} ms without one, until its ACK: ${titleOf(disk)}`,
    unit: 'ms',
    ...figures(before, (version) => ({ value: turns.ms(`${disk} ${version} after idleness`) }))
  })
  const threadsRow = (disk: Disk): Row => ({
    what: `${CANDIDATES.default.title}, CPU per message: ${titleOf(disk)}`,
    unit: 'µs',
    ...figures(before, (version) => cpuByThread(turns, `${disk} ${version} default`))
  })
  return [
    rateRow('default', 0.75),
    rateRow('disk 32'),
    ...DISKS.map(idleRow),
    ...DISKS.map(threadsRow)
  ]
}

function titleOf(disk: Disk): string {
  return disk === 'quick' ? 'fast disk' : 'slow disk'
}

/** The turns are called by disk, version and load: `slow this default`. */
async function takeTurns(
  nodeReds: Record<Disk, NodeReds>,
  servers: Servers,
  quick: boolean
): Promise<Turns> {
  const messages = { quick: quick ? 400 : 1000, slow: quick ? 100 : 300 }
  const takes: [string, () => Promise<Turn>][] = []
  type Turn = Awaited<ReturnType<ReturnType<NodeReds['candidates']>[string]>>
  for (const disk of DISKS) {
    const load = (loop: Candidate) => {
      const { inFlight } = CANDIDATES[loop]
      // So that the turns are about equally long.
      const count = messages[disk] * (inFlight === 1 ? 1 : 4)
      return { loop, spec: { messages: count, width: inFlight + WAITING, bytes: BYTES } }
    }
    const loads = { default: load('default'), 'disk 32': load('disk 32') }
    for (const [name, take] of Object.entries(nodeReds[disk].candidates(servers, loads))) {
      takes.push([`${disk} ${name}`, take])
    }
    const single = { loop: 'default', spec: { messages: 1, width: 1, bytes: BYTES } }
    const alone = nodeReds[disk].candidates(servers, { 'after idleness': single }, async () => {
      await sleep(IDLE_MS)
    })
    for (const [name, take] of Object.entries(alone)) takes.push([`${disk} ${name}`, take])
  }
  return Turns.take(Object.fromEntries(takes), quick ? 5 : 15, 2)
}

function rateRatio(turns: Turns, version: Version, candidate: Candidate): Figure {
  const [slow, quick] = [`slow ${version} ${candidate}`, `quick ${version} ${candidate}`]
  return {
    value: turns.rateRatio(slow, quick),
    note: `${figure(Math.round(turns.rate(slow)))}/s and ${figure(Math.round(turns.rate(quick)))}/s`
  }
}

const THREAD_TITLES: Record<keyof ThreadsUs, string> = {
  main: 'main',
  queue: 'queue',
  pool: "libuv's pool",
  others: "V8's own"
}

function cpuByThread(turns: Turns, name: string): Figure {
  const parts = Object.entries(THREAD_TITLES).map(([thread, title]) => {
    const us = turns.threadUs(name, thread as keyof ThreadsUs)
    return `${title} ${figure(Math.round(us))}`
  })
  return { value: Math.round(turns.cpuUs(name)), note: parts.join(', ') }
}
