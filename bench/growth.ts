import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BenchNodeRed } from './bench-node-red.ts'
import { loop, ours, shared } from './candidates.ts'
import { svg, type Curve, type Plot, type Point } from './plot.ts'
import type { Row } from './report.ts'
import { startWith } from './rows/backlog.ts'
import { largeMessage } from './rows/large.ts'
import type { Servers } from './servers.ts'

const results = fileURLToPath(new URL('results', import.meta.url))
const MB = 2 ** 20

/** How throughput and memory grow with one quantity; plots each series into bench/results. */
export async function growthRows(servers: Servers): Promise<Row[]> {
  mkdirSync(results, { recursive: true })
  const series = { nodes, 'in-flight': inFlight, size: sizes, queued }
  const rows: Row[] = []
  for (const [name, measure] of Object.entries(series)) {
    const plot = await measure(servers)
    writeFileSync(`${results}/${name}.svg`, svg(plot))
    for (const { y, curves } of plot.panels) {
      for (const curve of curves) {
        for (const point of curve.points) {
          const what = `${plot.title}, ${curve.name}, ${point.x} ${plot.x}`
          rows.push({ what, value: point.y, unit: y })
        }
      }
    }
  }
  return rows
}

/** Nodes that share a config node and the messages. */
async function nodes(servers: Servers): Promise<Plot> {
  const rates: Curve[] = []
  const sizes: Curve[] = []
  for (const queue of ['memory', 'disk'] as const) {
    const rate: Point[] = []
    const size: Point[] = []
    for (const count of [1, 10, 100]) {
      const ids = Array.from({ length: count }, (_, index) => `out ${index}`)
      const nodeRed = await BenchNodeRed.start({
        flows: [
          ...shared(servers),
          { ...loop('loop', { outputs: count }), wires: ids.map((id) => [`${id} out`]) },
          ...ids.flatMap((id) =>
            ours(id, servers, { queue, wires: [['loop'], ['loop']] }).slice(1, 2)
          )
        ]
      })
      const spec = { width: 80, bytes: 1024 }
      await nodeRed.run('loop', { ...spec, messages: 1000 })
      const { ms } = await nodeRed.run('loop', { ...spec, messages: 2000 })
      rate.push({ x: count, y: (2000 / ms) * 1000 })
      size.push({ x: count, y: (await nodeRed.memory('loop')).rss / MB })
      await nodeRed.stop()
    }
    rates.push({ name: `${queue} queue`, points: rate })
    sizes.push({ name: `${queue} queue`, points: size })
  }
  return {
    title: 'Nodes that share one config node',
    x: 'nodes',
    panels: [
      { y: 'messages/s', curves: rates },
      { y: 'MB resident', curves: sizes }
    ]
  }
}

/** Messages in flight at a time, with a receiver that answers after 50 ms. */
async function inFlight(servers: Servers): Promise<Plot> {
  const rates: Point[] = []
  const sizes: Point[] = []
  for (const width of [1, 4, 16, 64, 256]) {
    const nodeRed = await BenchNodeRed.start({
      flows: [...shared(servers), ...ours('disk', servers, { queue: 'disk', maxInFlight: width })]
    })
    await nodeRed.run('disk', { messages: 500, width, bytes: 1024 })
    await servers.setLatency(50)
    const messages = Math.min(4000, 60 * width)
    const { ms } = await nodeRed.run('disk', { messages, width: 2 * width, bytes: 1024 })
    await servers.setLatency(0)
    rates.push({ x: width, y: (messages / ms) * 1000 })
    sizes.push({ x: width, y: (await nodeRed.memory('disk')).rss / MB })
    await nodeRed.stop()
  }
  return {
    title: 'Messages in flight, receiver answers after 50 ms',
    x: 'in flight',
    panels: [
      { y: 'messages/s', curves: [{ name: 'disk queue', points: rates }] },
      { y: 'MB resident', curves: [{ name: 'disk queue', points: sizes }] }
    ]
  }
}

/** A single long message. */
async function sizes(servers: Servers): Promise<Plot> {
  const times: Curve[] = []
  const peaks: Curve[] = []
  for (const queue of ['memory', 'disk'] as const) {
    const name = `${queue} queue`
    const ms: Point[] = []
    const peak: Point[] = []
    for (const kb of [1, 100, 10 * 1024, 50 * 1024]) {
      const large = await largeMessage(servers, queue, 'buffer', kb * 1024)
      ms.push({ x: kb, y: large.ms })
      peak.push({ x: kb, y: Math.max(0, large.aboveIdle / MB) })
    }
    times.push({ name, points: ms })
    peaks.push({ name, points: peak })
  }
  return {
    title: 'One message, from the flow to its acknowledgement',
    x: 'KB',
    panels: [
      { y: 'ms', curves: times },
      { y: 'MB above idle at the peak', curves: peaks }
    ]
  }
}

/** Start with the messages that an earlier run left in the queue file. */
async function queued(servers: Servers): Promise<Plot> {
  const first: Point[] = []
  const memory: Point[] = []
  for (const count of [1, 100, 10_000, 1_000_000]) {
    const start = await startWith(servers, count)
    first.push({ x: count, y: start.firstMs })
    memory.push({ x: count, y: start.memory.rss / MB })
  }
  return {
    title: 'Start with messages queued on disk',
    x: 'queued',
    panels: [
      { y: 'ms to the first request', curves: [{ name: 'whole process', points: first }] },
      { y: 'MB resident', curves: [{ name: 'after 2 000 sent', points: memory }] }
    ]
  }
}
