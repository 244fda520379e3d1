import { setTimeout as wait } from 'node:timers/promises'
import { BenchNodeRed } from '../bench-node-red.ts'
import { loop, ours, shared } from '../candidates.ts'
import { payloadOf } from '../payload.ts'
import { median, type Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { SidebarTab } from '../sidebar-tab.ts'

const NODES = 100
const CHOSEN = 'out 0 out'
/** The runtime tells the tab of changes every two seconds at most: with these messages, always. */
const MESSAGE_EVERY_MS = 500

/** What an open sidebar tab takes of a core: the CPU time with it, less that without. */
export async function sidebarRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const ids = Array.from({ length: NODES }, (_, index) => `out ${index}`)
  const nodeRed = await BenchNodeRed.start({
    flows: [
      ...shared(servers),
      { ...loop('loop'), wires: [[CHOSEN]] },
      ...ids.flatMap((id) =>
        // Without a loop of its own.
        ours(id, servers, { queue: 'disk', wires: [['loop'], ['loop']] }).slice(1, 2)
      )
    ]
  })
  // The chosen node has messages to list, and the code has been compiled.
  await nodeRed.run('loop', { messages: 1000, width: 8, bytes: 1024 })
  await look(nodeRed, true, 3000)

  const windowMs = quick ? 8000 : 20_000
  const rounds = quick ? 1 : 2
  const rows: Row[] = []
  for (const busy of [false, true]) {
    let index = 0
    const messages = setInterval(() => {
      if (busy) nodeRed.send('loop', { payload: payloadOf(index++, { bytes: 1024 }) })
    }, MESSAGE_EVERY_MS)
    const shares: number[] = []
    let note = ''
    for (let round = 0; round < rounds; round++) {
      const closed = await look(nodeRed, false, windowMs)
      const open = await look(nodeRed, true, windowMs)
      shares.push(open.percent - closed.percent)
      note = `${figures(open.percent)} - ${figures(closed.percent)} %, ${open.requests} requests in ${windowMs / 1000} s`
    }
    clearInterval(messages)
    const happens = busy
      ? `a message every ${MESSAGE_EVERY_MS} ms through the node shown`
      : 'nothing happens'
    rows.push({
      what: `sidebar open, ${NODES} nodes, ${happens}: CPU of the runtime`,
      value: median(shares),
      unit: '% of a core',
      note,
      budget: { atMost: 1 }
    })
  }
  await nodeRed.stop()
  return rows
}

/** The CPU time of Node-RED during some time, in percent of a core. */
async function look(
  nodeRed: BenchNodeRed,
  open: boolean,
  windowMs: number
): Promise<{ percent: number; requests: number }> {
  const cpuUs = await nodeRed.cpuUs('loop')
  const start = performance.now()
  const tab = open ? await SidebarTab.open(nodeRed.url, CHOSEN) : undefined
  await wait(windowMs)
  const requests = tab?.close() ?? 0
  const us = (await nodeRed.cpuUs('loop')) - cpuUs
  return { percent: us / 10 / (performance.now() - start), requests }
}

function figures(percent: number): string {
  return percent.toFixed(2)
}
