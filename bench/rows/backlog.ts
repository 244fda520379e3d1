import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { queueKey } from '../../src/outbox/queue-key.ts'
import { BenchNodeRed, temporaryDirectory, type Memory } from '../bench-node-red.ts'
import { ours, shared } from '../candidates.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'
import { fill } from './accept.ts'

const SENT = 2000
const KEY = 'a key of the bench, of 16 characters or more'

/** Memory and start of a Node-RED whose queue file holds very many messages. */
export async function backlogRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const messages = quick ? 50_000 : 1_000_000
  // As many as are sent before the look at the memory.
  const empty = await startWith(servers, SENT)
  const full = await startWith(servers, messages)
  const name = `${messages.toLocaleString('en').replaceAll(',', ' ')} messages of 1 KB queued on disk`
  const note = quick ? 'the full run takes 1 000 000' : undefined
  return [
    {
      what: `${name}: resident memory more than with 2 000`,
      value: (full.memory.rss - empty.memory.rss) / 2 ** 20,
      unit: 'MB',
      budget: { atMost: 150 },
      ...(note === undefined ? {} : { note })
    },
    {
      what: `${name}: the same at its peak`,
      value: (full.memory.mostRss - empty.memory.mostRss) / 2 ** 20,
      unit: 'MB'
    },
    {
      what: `${name}: from the start of the process to the first request at the receiver`,
      value: full.firstMs,
      unit: 'ms',
      note: `${Math.round(full.firstMs - empty.firstMs)} ms more than with 2 000`,
      budget: { atMost: 2000 }
    }
  ]
}

export interface Start {
  /** From the start of the process to the first request at the receiver. */
  firstMs: number
  /** Messages per second of what is sent after it. */
  rate: number
  memory: Memory
}

/** Starts Node-RED with a queue file that an earlier one left. */
export async function startWith(servers: Servers, messages: number): Promise<Start> {
  const userDir = temporaryDirectory()
  const settings = { hl7HttpsOutQueueKey: KEY }
  const flows = [...shared(servers), ...ours('disk', servers, { queue: 'disk' })]
  const first = await BenchNodeRed.start({ flows, userDir, settings })
  await first.stop()
  const outbox = new DiskOutbox({
    directory: join(userDir, 'hl7-https-out'),
    name: 'disk out',
    key: () => queueKey(KEY, userDir, () => undefined)
  })
  await outbox.open()
  await fill(outbox, 1, messages)
  await outbox.close()

  await servers.setLatency(0)
  const { requests: before } = await servers.received()
  const startedAt = Date.now()
  const nodeRed = await BenchNodeRed.start({ flows: [], userDir, settings })
  let received = await servers.received()
  while (received.requests < before + Math.min(messages, SENT)) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    received = await servers.received()
  }
  const now = Date.now()
  const firstAt = received.firstAt ?? now
  const rate = ((received.requests - before) / Math.max(1, now - firstAt)) * 1000
  nodeRed.send('disk', { action: 'pause' })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const memory = await nodeRed.memory('disk')
  await nodeRed.stop()
  rmSync(userDir, { recursive: true })
  return { firstMs: firstAt - startedAt, rate, memory }
}
