import type { FlowNode } from '../support/node-red.ts'

/** A sending node of the soak. */
export interface Sender {
  id: string
  /** What its control IDs begin with. */
  prefix: string
  durable: boolean
  order: 'fifo' | 'key' | 'none'
  /** Other properties than the common ones below. */
  properties: Record<string, unknown>
}

/**
 * So many messages a queue in memory holds at most: what is left in one that is closed is listed by
 * its control IDs, up to 50.
 */
const MEMORY_LIMIT = 40

export const senders: readonly Sender[] = [
  sender('DF', 'disk', 'fifo', { failureTimeout: -1 }),
  sender('DK', 'disk', 'key', { failureTimeout: 5 }),
  // It suspends what the receiver calls an error, and watches how long messages wait.
  sender('DN', 'disk', 'none', {
    ...{ failureTimeout: -1, queueWaitAlert: 2, replyCodeActions: ':?E=S,:?A=C' }
  }),
  sender('MF', 'memory', 'fifo', { failureTimeout: -1, queueWaitAlert: 2 }),
  sender('MK', 'memory', 'key', { failureTimeout: -1 }),
  sender('MN', 'memory', 'none', { failureTimeout: 2, failWhileUnreachable: true })
]

function sender(
  prefix: string,
  queue: 'disk' | 'memory',
  order: Sender['order'],
  more: Record<string, unknown>
): Sender {
  const durable = queue === 'disk'
  const limit = durable ? {} : { queueLimit: MEMORY_LIMIT }
  return { id: prefix, prefix, durable, order, properties: { queue, order, ...limit, ...more } }
}

export interface FlowParts {
  url: string
  issuer: string
  /** PEM of the authority of both servers. */
  ca: string
  scope: string
  client: { clientId: string; clientSecret: string }
  /** Where it is written which messages left on an output. */
  files: { ack: string; nak: string }
}

/**
 * The senders, which share one config node, behind a node `feed` that is given the messages of all
 * of them at once; `fed` gets the number of such a batch when the senders have theirs. Messages that
 * leave are recorded at their first step: what goes further when a flow is stopped, Node-RED drops.
 */
export function soakFlow(parts: FlowParts): FlowNode[] {
  const { url, issuer, ca, scope, client, files } = parts
  return [
    { id: 'tab', type: 'tab', label: 'soak' },
    {
      ...{ id: 'tls', type: 'tls-config', certType: 'files', cert: '', key: '', ca: '' },
      ...{ credentials: { cadata: ca }, verifyservercert: true }
    },
    {
      ...{ id: 'auth', type: 'oauth2-client-credentials', issuer, scope, tls: 'tls' },
      credentials: client
    },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['feed']] },
    {
      ...{ id: 'feed', type: 'function', z: 'tab', outputs: senders.length + 1 },
      func: 'return msg.payload.map((list) => list.map((payload) => ({ payload })))',
      wires: [...senders.map(({ id }) => [id]), ['fed']]
    },
    { id: 'fed', type: 'probe', z: 'tab', wires: [] },
    ...senders.map(({ id, properties }) => ({
      ...{ id, type: 'hl7-https-out', z: 'tab', url, auth: 'auth', tls: 'tls' },
      ...{ orderKey: 'PID-3.1', maxInFlight: 4, connectTimeout: 2, responseTimeout: 1 },
      ...{ retryInterval: 0.1, retryMaxInterval: 1, ...properties },
      wires: [['ack'], ['nak']]
    })),
    { id: 'ack', type: 'recorder', z: 'tab', file: files.ack, wires: [] },
    { id: 'nak', type: 'recorder', z: 'tab', file: files.nak, wires: [] },
    // Without a list of nodes: one that names a node is started anew with it.
    { id: 'catch', type: 'catch', z: 'tab', scope: null, wires: [['caught']] },
    { id: 'caught', type: 'probe', z: 'tab', wires: [] },
    { id: 'look', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['gauge']] },
    {
      ...{ id: 'gauge', type: 'function', z: 'tab', outputs: 1, func: gauge, wires: [['level']] },
      libs: [
        { var: 'process', module: 'process' },
        { var: 'workers', module: 'worker_threads' }
      ]
    },
    { id: 'level', type: 'probe', z: 'tab', wires: [] }
  ]
}

/** Asks both threads, Node-RED's own and that of the queues; see thread-heap.js. */
const gauge = `
  const channel = new workers.BroadcastChannel('heap')
  const heaps = await new Promise((resolve) => {
    const found = {}
    channel.onmessage = ({ data }) => {
      if (data === 'look') return
      found[data.threadId === 0 ? 'main' : 'queue'] = data.heapUsed
      if (Object.keys(found).length === 2) resolve(found)
    }
    channel.postMessage('look')
  })
  channel.close()
  const { external, rss } = process.memoryUsage()
  const resources = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  return { memory: { heap: heaps.main, queueHeap: heaps.queue, buffers: external, resident: rss }, resources }`
