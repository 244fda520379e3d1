import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BenchNodeRed } from '../bench-node-red.ts'
import { bareNode, contribFlow, ours, shared, userFlow, WIDTH } from '../candidates.ts'
import { contribDirectory } from '../contrib.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { turn, Turns } from '../turns.ts'

const GOT =
  'CPU per message, memory queue / a node that only calls got 16 (promise form, same agent)'
const USER = 'CPU per message, memory queue / function + http request + function'
const HTTPS = 'a node that only calls node:https'
/** The floor of any node with got. */
const STREAM = "CPU per message, a node that only calls got 16's stream"
/** With a receiver that is not quite so fast, got's promise form keeps its connections. */
const SLOW_MS = 5
/** The candidates that then take turns. */
const SLOW = ['memory', 'disk', 'got', 'got stream', 'https', 'user']

const titles: Record<string, string> = {
  memory: 'hl7-https-out, memory queue',
  disk: 'hl7-https-out, disk queue',
  'no journal': 'hl7-https-out, disk queue without a journal',
  got: 'got 16, same agent',
  'got stream': "got 16's stream, same agent",
  'got alone': 'got 16, keepAlive alone',
  https: 'node:https, same agent',
  user: 'function + http request + function',
  contrib: 'node-red-contrib-oauth2 + function + http request + function'
}

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
  const names = Object.keys(titles).filter((name) => name !== 'contrib' || contrib !== undefined)
  const nodeRed = await BenchNodeRed.start({
    nodesDir: contrib === undefined ? [] : [contrib.directory],
    flows: [
      ...shared(servers),
      ...ours('memory', servers, { queue: 'memory' }),
      ...ours('disk', servers, { queue: 'disk' }),
      ...ours('no journal', servers, { queue: 'disk', journalDays: 0 }),
      ...bareNode('got', 'bench-got', servers, token, { maxSockets: WIDTH }),
      ...bareNode('got stream', 'bench-got', servers, token, { maxSockets: WIDTH, stream: true }),
      ...bareNode('got alone', 'bench-got', servers, token),
      ...bareNode('https', 'bench-https', servers, token, { maxSockets: WIDTH }),
      ...userFlow('user', servers, token),
      ...(contrib === undefined ? [] : contribFlow('contrib', servers))
    ]
  })
  const spec = { messages: quick ? 400 : 1000, width: WIDTH, bytes: 1024 }
  const candidates = (chosen: readonly string[]) =>
    Object.fromEntries(chosen.map((name) => [name, () => turn(nodeRed, servers, name, spec)]))
  const atOnce = await Turns.take(candidates(names), quick ? 3 : 7)
  await servers.setLatency(SLOW_MS)
  const slow = await Turns.take(candidates(SLOW), quick ? 1 : 4, quick ? 1 : 2)
  await servers.setLatency(0)
  if (profiles !== undefined) {
    mkdirSync(profiles, { recursive: true })
    for (const name of names) {
      const profile = join(profiles, `${name.replaceAll(' ', '-')}.cpuprofile`)
      await nodeRed.run(name, { ...spec, messages: 4 * spec.messages, profile })
    }
  }
  await nodeRed.stop()

  const later = `, receiver answers after ${SLOW_MS} ms`
  const ratio = (what: string, value: number, atMost?: number): Row => ({
    ...{ what, value, unit: '×' },
    ...(atMost === undefined ? {} : { budget: { atMost } })
  })
  const rows = [
    ratio(GOT, atOnce.ratio('memory', 'got'), 0.55),
    ratio(`${GOT}${later}`, slow.ratio('memory', 'got'), 0.85),
    ratio(USER, atOnce.ratio('memory', 'user'), 0.55),
    ratio(`${USER}${later}`, slow.ratio('memory', 'user'), 0.85),
    ratio(`${STREAM} / the promise form`, atOnce.ratio('got stream', 'got')),
    ratio(`${STREAM} / the promise form${later}`, slow.ratio('got stream', 'got')),
    ratio(`${STREAM} / ${HTTPS}`, atOnce.ratio('got stream', 'https')),
    ratio(`CPU per message, memory queue / ${HTTPS}`, atOnce.ratio('memory', 'https'), 2.7),
    ratio(
      `CPU per message, disk queue with a journal / ${HTTPS}`,
      atOnce.ratio('disk', 'https'),
      4.2
    ),
    ratio(
      'CPU per message, disk queue with a journal / without',
      atOnce.ratio('disk', 'no journal')
    )
  ]
  if (contrib !== undefined) {
    const what = `CPU per message, memory queue / the same flow with node-red-contrib-oauth2 ${contrib.version}`
    rows.push(ratio(what, atOnce.ratio('memory', 'contrib')))
  }
  const absolute = (turns: Turns, name: string, when = ''): Row => ({
    what: `CPU per message, ${titles[name] ?? name}${when}`,
    value: turns.cpuUs(name),
    unit: 'µs',
    note: `${Math.round(turns.rate(name))} messages/s, new connection for ${turns.newConnections(name).toFixed(1)} %`
  })
  return [
    ...rows,
    ...names.map((name) => absolute(atOnce, name)),
    ...SLOW.map((name) => absolute(slow, name, later))
  ]
}
