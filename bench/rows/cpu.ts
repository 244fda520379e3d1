import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BenchNodeRed, type RunSpec } from '../bench-node-red.ts'
import { bareNode, contribFlow, ours, shared, userFlow, WIDTH } from '../candidates.ts'
import { contribDirectory } from '../contrib.ts'
import { median, type Row } from '../report.ts'
import type { Servers } from '../servers.ts'

const GOT = 'CPU per message, memory queue / a node that only calls got 16, with the same agent'
const GOT_BUDGET = { atMost: 1.1 }
const USER = 'CPU per message, memory queue / function + http request + function'
const USER_BUDGET = { atMost: 0.75 }
const DISK = 'CPU per message, disk queue / memory queue'
const DISK_BUDGET = { atMost: 1.5 }
/** With a receiver that is not quite so fast, got's promise form keeps its connections. */
const SLOW_MS = 5

export interface CpuOptions {
  servers: Servers
  token: string
  quick: boolean
  /** A directory for CPU profiles, one for each candidate. */
  profiles?: string | undefined
}

/** CPU time per message of this package and others, which take turns in one Node-RED. */
export async function cpuRows({ servers, token, quick, profiles }: CpuOptions): Promise<Row[]> {
  const contrib = quick ? undefined : contribDirectory()
  const names = ['memory', 'disk', 'got', 'got alone', 'https', 'user']
  if (contrib !== undefined) names.push('contrib')
  const nodeRed = await BenchNodeRed.start({
    nodesDir: contrib === undefined ? [] : [contrib.directory],
    flows: [
      ...shared(servers),
      ...ours('memory', servers, { queue: 'memory' }),
      ...ours('disk', servers, { queue: 'disk' }),
      ...bareNode('got', 'bench-got', servers, token, WIDTH),
      ...bareNode('got alone', 'bench-got', servers, token),
      ...bareNode('https', 'bench-https', servers, token, WIDTH),
      ...userFlow('user', servers, token),
      ...(contrib === undefined ? [] : contribFlow('contrib', servers))
    ]
  })
  const spec = { messages: quick ? 400 : 1000, width: WIDTH, bytes: 1024 }
  const quickRounds = await rounds(nodeRed, servers, names, spec, quick ? 3 : 7)
  await servers.setLatency(SLOW_MS)
  const slowRounds = await rounds(
    nodeRed,
    servers,
    names.slice(0, 6),
    spec,
    quick ? 1 : 4,
    quick ? 1 : 2
  )
  await servers.setLatency(0)
  if (profiles !== undefined) {
    mkdirSync(profiles, { recursive: true })
    for (const name of names) {
      const profile = join(profiles, `${name.replaceAll(' ', '-')}.cpuprofile`)
      await nodeRed.run(name, { ...spec, messages: 4 * spec.messages, profile })
    }
  }
  await nodeRed.stop()

  const { rate, connections, ...answered } = quickRounds
  const ratio = (one: string, other: string, { cpu } = answered): number =>
    // Round by round, so that a disturbance on the machine affects both.
    median((cpu.get(one) ?? []).map((us, round) => us / (cpu.get(other)?.[round] ?? 0)))
  const rows: Row[] = [
    {
      what: GOT,
      value: ratio('memory', 'got'),
      unit: '×',
      budget: GOT_BUDGET
    },
    {
      what: USER,
      value: ratio('memory', 'user'),
      unit: '×',
      budget: USER_BUDGET
    },
    {
      what: DISK,
      value: ratio('disk', 'memory'),
      unit: '×',
      budget: DISK_BUDGET
    },
    {
      what: 'CPU per message, disk queue / function + http request + function',
      value: ratio('disk', 'user'),
      unit: '×'
    },
    {
      what: 'CPU per message, memory queue / a node that only calls got 16, keepAlive alone',
      value: ratio('memory', 'got alone'),
      unit: '×'
    },
    {
      what: 'CPU per message, memory queue / a node that only calls node:https',
      value: ratio('memory', 'https'),
      unit: '×'
    }
  ]
  const slow = `, receiver answers after ${SLOW_MS} ms`
  rows.push(
    {
      what: `${GOT}${slow}`,
      value: ratio('memory', 'got', slowRounds),
      unit: '×',
      budget: GOT_BUDGET
    },
    {
      what: `${USER}${slow}`,
      value: ratio('memory', 'user', slowRounds),
      unit: '×',
      budget: USER_BUDGET
    },
    {
      what: `${DISK}${slow}`,
      value: ratio('disk', 'memory', slowRounds),
      unit: '×',
      budget: DISK_BUDGET
    }
  )
  if (contrib !== undefined) {
    rows.push({
      what: `CPU per message, memory queue / the same with node-red-contrib-oauth2 ${contrib.version}`,
      value: ratio('memory', 'contrib'),
      unit: '×'
    })
  }
  const titles: Record<string, string> = {
    memory: 'hl7-https-out, memory queue',
    disk: 'hl7-https-out, disk queue',
    got: 'got 16, same agent',
    'got alone': 'got 16, keepAlive alone',
    https: 'node:https, same agent',
    user: 'function + http request + function',
    contrib: 'node-red-contrib-oauth2 + function + http request + function'
  }
  for (const name of names) {
    const share = ((connections.get(name) ?? 0) / spec.messages) * 100
    rows.push({
      what: `CPU per message, ${titles[name] ?? name}`,
      value: median(answered.cpu.get(name) ?? []),
      unit: 'µs',
      note: `${Math.round(median(rate.get(name) ?? []))} messages/s, new connection for ${share.toFixed(1)} %`
    })
  }
  return rows
}

interface Rounds {
  /** µs of CPU per message, by candidate and round; `rate`: messages per second. */
  cpu: Map<string, number[]>
  rate: Map<string, number[]>
  /** New connections in the last round. */
  connections: Map<string, number>
}

async function rounds(
  nodeRed: BenchNodeRed,
  servers: Servers,
  names: readonly string[],
  spec: RunSpec,
  count: number,
  warmUps = 2
): Promise<Rounds> {
  const cpu = new Map<string, number[]>(names.map((name) => [name, []]))
  const rate = new Map<string, number[]>(names.map((name) => [name, []]))
  const connections = new Map<string, number>()
  // The first rounds are for warming up.
  for (let round = -warmUps; round < count; round++) {
    for (const name of names) {
      const before = (await servers.received()).connections
      const result = await nodeRed.run(name, spec)
      connections.set(name, (await servers.received()).connections - before)
      if (round < 0) continue
      cpu.get(name)?.push(result.cpuUs / result.messages)
      rate.get(name)?.push((result.messages / result.ms) * 1000)
    }
  }
  return { cpu, rate, connections }
}
