import { BenchNodeRed } from '../bench-node-red.ts'
import { ours, shared } from '../candidates.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'

const BYTES = 50 * 1024 * 1024

/** One message of 50 MB: peak memory above idle, and the longest stall of the event loop. */
export async function largeRows(servers: Servers): Promise<Row[]> {
  const rows: Row[] = []
  for (const queue of ['disk', 'memory'] as const) {
    for (const payload of ['buffer', 'string'] as const) {
      const { times, stallMs } = await largeMessage(servers, queue, payload, BYTES)
      const what = `50 MB as ${payload === 'buffer' ? 'Buffer' : 'string'}, ${queue} queue`
      rows.push({
        what: `${what}: memory / its size`,
        value: times,
        unit: '×',
        ...(queue === 'disk' ? { budget: { atMost: 3.1 } } : {})
      })
      rows.push({
        what: `${what}: longest stall`,
        value: stallMs,
        unit: 'ms',
        // A string must be encoded, which the budget does not include.
        ...(queue === 'disk' && payload === 'buffer' ? { budget: { atMost: 60 } } : {})
      })
    }
  }
  return rows
}

/** Sends one long message, which itself counts as memory. */
export async function largeMessage(
  servers: Servers,
  queue: 'disk' | 'memory',
  payload: 'buffer' | 'string',
  bytes: number
): Promise<{ times: number; stallMs: number; ms: number; aboveIdle: number }> {
  const nodeRed = await BenchNodeRed.start({
    flows: [...shared(servers), ...ours('large', servers, { queue })]
  })
  await nodeRed.run('large', { messages: 200, width: 8, bytes: 1024 })
  const idle = await nodeRed.memory('large')
  const result = await nodeRed.run('large', { messages: 1, width: 1, bytes, payload })
  await nodeRed.stop()
  const aboveIdle = Math.max(result.mostRss, result.rss) - idle.rss
  return { times: aboveIdle / bytes, stallMs: result.mostStallMs, ms: result.ms, aboveIdle }
}
