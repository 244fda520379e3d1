import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FlowNode } from '../../demo/node-red.ts'
import { freePort } from '../../test/support/free-port.ts'
import { BenchNodeRed } from '../bench-node-red.ts'
import { loop, shared, WIDTH } from '../candidates.ts'
import { sendOverMllp } from '../mllp-client.ts'
import { payloadOf } from '../payload.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { type Turn, Turns } from '../turns.ts'

const EXAMPLE = fileURLToPath(
  new URL('../../examples/2 Take MLLP and send over HTTPS.json', import.meta.url)
)
const BYTES = 1024
/** The ports of the example, by the topic of their messages: when the sender gets its acknowledgement. */
const PORTS = {
  stored: 'acknowledged when it is on disk (fifo)',
  answered: "acknowledged with the receiver's answer (memory queue)"
} as const
type Port = keyof typeof PORTS

/**
 * The MLLP example from the socket to the receiver, as it is but for addresses and ports, its debug
 * nodes included; and hl7-https-out nodes with the same properties that a `bench-loop` node feeds.
 */
export async function mllpRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const example = await readExample(servers)
  const nodeRed = await BenchNodeRed.start({ flows: [...shared(servers), ...example.flows] })
  const messages = quick ? 400 : 1000
  const rows: Row[] = []
  for (const port of ['stored', 'answered'] as const) {
    const { number, out } = example.ports[port]
    const turns = await Turns.take(
      {
        mllp: () =>
          settled(servers, nodeRed, out, messages, () =>
            sendOverMllp(number, { messages, connections: WIDTH }, (index) =>
              payloadOf(index, { bytes: BYTES })
            )
          ),
        loop: () =>
          settled(servers, nodeRed, twin(port), messages, async () => {
            await nodeRed.run(port, { messages, width: WIDTH, bytes: BYTES })
          })
      },
      quick ? 2 : 5,
      quick ? 1 : 2
    )
    const what = `MLLP example, ${WIDTH} senders, ${PORTS[port]}`
    rows.push(
      {
        what: `${what}: messages at the receiver`,
        value: turns.rate('mllp'),
        unit: '/s',
        note: `${Math.round(turns.rate('loop'))}/s without MLLP`
      },
      {
        what: `CPU per message, ${what} / the same hl7-https-out node without MLLP`,
        value: turns.ratio('mllp', 'loop'),
        unit: '×',
        note: `${Math.round(turns.cpuUs('mllp'))} and ${Math.round(turns.cpuUs('loop'))} µs`
      }
    )
  }
  await nodeRed.stop()
  return rows
}

/** Feeds messages to a node, and measures until all of them have been sent and have left its queue. */
async function settled(
  servers: Servers,
  nodeRed: BenchNodeRed,
  out: string,
  messages: number,
  feed: () => Promise<void>
): Promise<Turn> {
  const before = await servers.received()
  const cpuUs = await nodeRed.cpuUs('stored')
  const start = performance.now()
  await feed()
  let received = await servers.received()
  while (received.requests < before.requests + messages) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    received = await servers.received()
  }
  const ms = performance.now() - start
  let held = Infinity
  while (held > 0) {
    const { queued, inFlight } = (await nodeRed.state(out)) as { queued: number; inFlight: number }
    held = queued + inFlight
  }
  return {
    ...{ messages, ms, cpuUs: (await nodeRed.cpuUs('stored')) - cpuUs },
    connections: received.connections - before.connections
  }
}

interface Example {
  flows: FlowNode[]
  ports: Record<Port, { number: number; out: string }>
}

/** The example with free ports and the servers of the bench, and a twin of each of its two senders. */
async function readExample({ url }: Servers): Promise<Example> {
  const flow = JSON.parse(readFileSync(EXAMPLE, 'utf8')) as FlowNode[]
  const ports: Example['ports'] = {
    stored: { number: await freePort(), out: '' },
    answered: { number: await freePort(), out: '' }
  }
  const flows = flow.flatMap((node): FlowNode[] => {
    if (node.type === 'oauth2-client-credentials') return []
    if (node.type === 'tcp in') {
      return [{ ...node, port: String(ports[node['topic'] as Port].number) }]
    }
    if (node.type !== 'hl7-https-out') return [node]
    const port = node['queue'] === 'disk' ? 'stored' : 'answered'
    ports[port].out = node.id
    const out: FlowNode = { ...node, url, auth: 'auth', tls: 'tls' }
    const watched = port === 'stored' ? { counts: 'accepted', watched: twin(port) } : {}
    return [
      out,
      { ...loop(port, watched), wires: [[twin(port)]] },
      { ...out, id: twin(port), z: 'tab', wires: [[port], [port]] }
    ]
  })
  return { flows, ports }
}

function twin(port: Port): string {
  return `${port} twin`
}
