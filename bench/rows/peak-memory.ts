import type { FlowNode } from '../../demo/node-red.ts'
import { BenchNodeRed } from '../bench-node-red.ts'
import { bareNode, ours, shared, TAB } from '../candidates.ts'
import { median, type Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { type EarlierVersion, figures, type Version } from '../versions.ts'

const IN_FLIGHT = 32
/** Messages that wait in the queue of this package, beside those in flight. */
const WAITING = 192
const MESSAGES = 4000
const MB = 2 ** 20

export interface PeakMemoryOptions {
  servers: Servers
  token: string
  quick: boolean
  before: EarlierVersion | undefined
}

/**
 * The most resident memory of a Node-RED under load, less that of one without this package, whose
 * only node calls node:https. The receiver answers at once.
 */
export async function peakMemoryRows(options: PeakMemoryOptions): Promise<Row[]> {
  const { servers, token, quick, before } = options
  const queues = ['memory', 'disk'] as const
  const https: number[] = []
  const peaks = {
    this: { memory: [] as number[], disk: [] as number[] },
    before: { memory: [] as number[], disk: [] as number[] }
  }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const bare = [TAB, ...bareNode('https', 'bench-https', servers, token, IN_FLIGHT)]
    https.push(await peakMb('https', bare, IN_FLIGHT, false))
    for (const queue of queues) {
      const flows = [...shared(servers), ...ours(queue, servers, { queue, maxInFlight: IN_FLIGHT })]
      peaks.this[queue].push(await peakMb(queue, flows, IN_FLIGHT + WAITING))
      if (before === undefined) continue
      peaks.before[queue].push(await peakMb(queue, flows, IN_FLIGHT + WAITING, before.directory))
    }
  }

  const differenceOf = (queue: 'memory' | 'disk', version: Version) => {
    const peak = median(peaks[version][queue])
    return {
      value: peak - median(https),
      note: `${Math.round(peak)} − ${Math.round(median(https))} MB`
    }
  }
  return queues.map((queue) => ({
    what: `peak memory, ${queue} queue − node:https, ${IN_FLIGHT} in flight, ${WAITING} waiting`,
    unit: 'MB',
    budget: { atMost: 80 },
    ...figures(before, (version) => differenceOf(queue, version))
  }))
}

/** The most resident memory of a Node-RED of its own. */
async function peakMb(
  loop: string,
  flows: FlowNode[],
  width: number,
  packageDir?: string | false
): Promise<number> {
  const nodeRed = await BenchNodeRed.start({ flows, packageDir })
  const { mostRss } = await nodeRed.run(loop, { messages: MESSAGES, width, bytes: 1024 })
  await nodeRed.stop()
  return mostRss / MB
}
