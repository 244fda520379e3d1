import type { FlowNode } from '../support/node-red.ts'

/** A sending node of the soak. */
export interface Sender {
  id: string
  /** The beginning of its control IDs. */
  prefix: string
  durable: boolean
  order: 'fifo' | 'key' | 'none'
  /** Properties besides the common ones below. */
  properties: Record<string, unknown>
}

/**
 * The limit of a queue in memory: a node that is closed lists the control IDs of at most 50
 * remaining messages.
 */
const MEMORY_LIMIT = 40

export const senders: readonly Sender[] = [
  sender('DF', 'disk', 'fifo', { failureTimeout: -1 }),
  sender('DK', 'disk', 'key', { failureTimeout: 5 }),
  // Suspends messages that the receiver answers with AE, and alerts to long waits.
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
  /** The CA certificate of both servers, in PEM format. */
  ca: string
  scope: string
  client: { clientId: string; clientSecret: string }
  /** Where the messages that left on each output are recorded. */
  files: { ack: string; nak: string }
}

/**
 * The senders, which share a config node, behind a node `feed` that gets a batch for all of
 * them. `fed` gets the number of the batch when the senders have theirs. Messages that leave are
 * recorded at their first step, because Node-RED drops what goes further while a flow is stopped.
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
    // Without a list of nodes, because a deploy of a listed node would restart it too.
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

/** Asks the main thread and the queue thread; see thread-heap.js. */
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
