import { BenchNodeRed } from '../bench-node-red.ts'
import { bareNode, ours, shared } from '../candidates.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'

const LATENCY_MS = 50
const LANES = 32

/** Throughput with a slow receiver, as a share of what its latency allows. */
export async function paceRows(servers: Servers, token: string, quick: boolean): Promise<Row[]> {
  const nodeRed = await BenchNodeRed.start({
    flows: [
      ...shared(servers),
      ...ours('fifo', servers, { order: 'fifo' }),
      ...ours('fifo memory', servers, { order: 'fifo', queue: 'memory' }),
      ...ours('key', servers, { order: 'key', maxInFlight: LANES }),
      ...bareNode('https', 'bench-https', servers, token, LANES)
    ]
  })
  const share = async (name: string, messages: number, lanes: number, waiting: number) => {
    const spec = { width: waiting, bytes: 1024, keys: LANES }
    await nodeRed.run(name, { ...spec, messages: waiting })
    await servers.setLatency(LATENCY_MS)
    const { ms } = await nodeRed.run(name, { ...spec, messages })
    await servers.setLatency(0)
    return (100 * messages * LATENCY_MS) / (lanes * ms)
  }
  const one = quick ? 60 : 400
  const many = LANES * (quick ? 60 : 400)
  const rows: Row[] = [
    {
      what: 'fifo at 50 ms, disk queue, share of 1 / latency',
      value: await share('fifo', one, 1, 20),
      unit: '%',
      budget: { atLeast: 93 }
    },
    {
      what: 'fifo at 50 ms, memory queue, share of 1 / latency',
      value: await share('fifo memory', one, 1, 20),
      unit: '%'
    },
    {
      what: 'node:https, one request at a time, at 50 ms, share of 1 / latency',
      value: await share('https', one, 1, 1),
      unit: '%',
      note: 'including the timer of the receiver'
    },
    {
      what: 'key, 32 lanes at 50 ms, disk queue, share of 32 / latency',
      // Enough waiting messages to keep every lane busy.
      value: await share('key', many, LANES, 8 * LANES),
      unit: '%',
      budget: { atLeast: 92 }
    }
  ]
  await nodeRed.stop()
  return rows
}
