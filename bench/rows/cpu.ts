import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowNode } from '../../demo/node-red.ts'
import { bareNode, ours, shared, userFlow } from '../candidates.ts'
import type { Figure, Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import type { Turns } from '../turns.ts'
import { type EarlierVersion, figures, type Load, NodeReds, type Version } from '../versions.ts'

/** With a receiver that answers so late, got keeps its connections. */
const SLOW_MS = 5
/** Messages that wait in the queue of this package, beside those in flight. */
const WAITING = 32
const MANY_WAITING = 500
const BYTES = 1024

export interface CpuOptions {
  servers: Servers
  token: string
  quick: boolean
  /** A directory for CPU profiles of this version, one for each candidate. */
  profiles?: string | undefined
  before: EarlierVersion | undefined
}

interface Candidate {
  title: string
  flows: FlowNode[]
  inFlight: number
  /** Messages that the loop hands over at a time: those in flight and those that wait. */
  width: number
}

/** Turns of candidates, by their names. */
interface Series {
  when: string
  turns: Turns
}

/** CPU time per message of this package and others, which take turns in one Node-RED. */
export async function cpuRows({
  servers,
  token,
  quick,
  profiles,
  before
}: CpuOptions): Promise<Row[]> {
  const candidates = candidatesOf(servers, token)
  const candidate = (name: string): Candidate => {
    const found = candidates.get(name)
    if (found === undefined) throw new TypeError(`no candidate ${name}`)
    return found
  }
  const load = (name: string, messages: number): Load => ({
    loop: name,
    spec: { messages, width: candidate(name).width, bytes: BYTES }
  })
  const loads = (names: Iterable<string>, messages: number): Record<string, Load> =>
    Object.fromEntries([...names].map((name) => [name, load(name, messages)]))

  const nodeReds = await NodeReds.start(
    {
      flows: [...shared(servers), ...[...candidates.values()].flatMap(({ flows }) => flows)]
    },
    before
  )
  const messages = quick ? 400 : 500
  const rounds = quick ? 5 : 11
  const atOnceLoads = {
    ...loads(candidates.keys(), messages),
    // They take least time: with more messages, their turns are as long as those of the others.
    ...loads(['https 1', 'https 8', 'https 32'], 3 * messages)
  }
  const atOnce: Series = {
    when: 'at once',
    turns: await nodeReds.takeTurns(servers, atOnceLoads, rounds, 2)
  }

  await servers.setLatency(SLOW_MS)
  const slowLoads = {
    // So that their turns are about equally long.
    ...loads(['default', 'https 1', 'memory 1'], messages / 4),
    ...loads(['https 8', 'memory 8', 'got 8', 'user 8'], messages),
    ...loads(['memory 32', 'https 32', 'disk 32'], 2 * messages)
  }
  const slow: Series = {
    when: `after ${SLOW_MS} ms`,
    turns: await nodeReds.takeTurns(servers, slowLoads, rounds, 1)
  }
  await servers.setLatency(0)

  // So many messages that the queue is full for most of the time.
  const many = { messages: (quick ? 4 : 8) * MANY_WAITING, bytes: BYTES }
  const queuedLoads = {
    'few waiting': { loop: 'memory 8', spec: { ...many, width: 8 + WAITING } },
    'many waiting': { loop: 'memory 8', spec: { ...many, width: 8 + MANY_WAITING } }
  }
  const queued = await nodeReds.takeTurns(servers, queuedLoads, quick ? 3 : 7, 1)

  if (profiles !== undefined) {
    mkdirSync(profiles, { recursive: true })
    for (const name of candidates.keys()) {
      const file = join(profiles, `${name.replaceAll(' ', '-')}.cpuprofile`)
      await nodeReds.profile(load(name, 4 * messages), file)
    }
  }
  await nodeReds.stop()

  const titleOf = (one: string, other: string, when: string): string => {
    const { title, inFlight } = candidate(one)
    return `${title} / ${candidate(other).title}, ${inFlight} in flight, ${when}`
  }
  /** CPU per message of one candidate / of another. */
  const compare = ({ when, turns }: Series, one: string, other: string, atMost?: number): Row => ({
    what: `CPU, ${titleOf(one, other, when)}`,
    unit: '×',
    ...(atMost === undefined ? {} : { budget: { atMost } }),
    ...figures(before, (version) => cpuRatio(turns, version, one, other))
  })
  return [
    compare(atOnce, 'memory 1', 'https 1'),
    compare(atOnce, 'memory 8', 'https 8', 2.2),
    compare(atOnce, 'memory 32', 'https 32', 2.2),
    compare(slow, 'memory 1', 'https 1'),
    compare(slow, 'memory 8', 'https 8', 2),
    compare(slow, 'memory 32', 'https 32', 2),
    compare(atOnce, 'disk 32', 'https 32', 3.2),
    compare(slow, 'disk 32', 'https 32', 3.2),
    compare(atOnce, 'default', 'https 1', 5),
    {
      what: `messages per second, ${titleOf('default', 'https 1', atOnce.when)}`,
      unit: '×',
      budget: { atLeast: 0.3 },
      ...figures(before, (version) => rateRatio(atOnce.turns, version, 'default', 'https 1'))
    },
    compare(slow, 'default', 'https 1'),
    compare(atOnce, 'memory 8', 'got 8', 0.5),
    compare(slow, 'memory 8', 'got 8', 0.55),
    compare(atOnce, 'memory 8', 'user 8'),
    compare(slow, 'memory 8', 'user 8'),
    {
      what: `CPU, memory queue, ${MANY_WAITING} waiting / ${WAITING} waiting, 8 in flight, ${atOnce.when}`,
      unit: '×',
      budget: { atMost: 1.1 },
      ...figures(before, (version) => cpuRatio(queued, version, 'many waiting', 'few waiting'))
    }
  ]
}

/** By the name of their loop. Those that are compared are neighbors, and take their turns so. */
function candidatesOf(servers: Servers, token: string): Map<string, Candidate> {
  const https = (inFlight: number): Candidate => ({
    title: 'node:https',
    flows: bareNode(`https ${inFlight}`, 'bench-https', servers, token, inFlight),
    inFlight,
    width: inFlight
  })
  const memory = (inFlight: number): Candidate => ({
    title: 'memory queue',
    flows: ours(`memory ${inFlight}`, servers, {
      queue: 'memory',
      order: inFlight === 1 ? 'fifo' : 'none',
      maxInFlight: inFlight
    }),
    inFlight,
    width: inFlight + WAITING
  })
  return new Map<string, Candidate>([
    [
      'default',
      {
        title: 'the default',
        flows: ours('default', servers, { queue: 'disk', order: 'fifo' }),
        inFlight: 1,
        width: 1 + WAITING
      }
    ],
    ['https 1', https(1)],
    ['memory 1', memory(1)],
    ['https 8', https(8)],
    ['memory 8', memory(8)],
    [
      'got 8',
      {
        title: 'got 16',
        flows: bareNode('got 8', 'bench-got', servers, token, 8),
        inFlight: 8,
        width: 8
      }
    ],
    [
      'user 8',
      {
        title: 'function + http request + function',
        flows: userFlow('user 8', servers, token),
        inFlight: 8,
        width: 8
      }
    ],
    ['memory 32', memory(32)],
    ['https 32', https(32)],
    [
      'disk 32',
      {
        title: 'disk queue',
        flows: ours('disk 32', servers, { queue: 'disk', maxInFlight: 32 }),
        inFlight: 32,
        width: 32 + WAITING
      }
    ]
  ])
}

/** Both in the Node-RED of the same version. */
function cpuRatio(turns: Turns, version: Version, one: string, other: string): Figure {
  return {
    value: turns.ratio(`${version} ${one}`, `${version} ${other}`),
    note: [one, other].map((name) => cpuText(turns, `${version} ${name}`)).join(' and ')
  }
}

function rateRatio(turns: Turns, version: Version, one: string, other: string): Figure {
  const rateText = (name: string) => `${Math.round(turns.rate(`${version} ${name}`))}/s`
  return {
    value: turns.rateRatio(`${version} ${one}`, `${version} ${other}`),
    note: `${rateText(one)} and ${rateText(other)}`
  }
}

function cpuText(turns: Turns, name: string): string {
  const cpu = `${Math.round(turns.cpuUs(name))} µs`
  const connections = Math.round(turns.newConnections(name))
  return connections === 0 ? cpu : `${cpu}, a new connection for ${connections} %`
}
