import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { queueFilePath } from '../../src/queue/queue-files.ts'
import { queueKey } from '../../src/queue/queue-key.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import { BenchNodeRed, temporaryDirectory, type Memory } from '../bench-node-red.ts'
import { ours, shared } from '../candidates.ts'
import { figure, type Row } from '../report.ts'
import type { ServerReport, Servers } from '../servers.ts'
import { diskQueue, fill } from './accept.ts'

const SENT = 2000
const KEY = 'a key of the bench, of 16 characters or more'

type Received = ServerReport['counters']

/** Memory and start of a Node-RED with very many messages in its queue file. */
export async function backlogRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const messages = quick ? 50_000 : 1_000_000
  const rows: Row[] = [await memoryRow(servers, SENT), await memoryRow(servers, 10_000)]
  for (const journal of [0, messages]) {
    for (const lanes of [1, messages]) {
      rows.push(...(await rowsOf(servers, messages, lanes, journal)))
    }
    rows.push(await behindBlocked(servers, quick ? 25_000 : 500_000, journal))
  }
  return rows
}

async function memoryRow(servers: Servers, queued: number): Promise<Row> {
  const { memory } = await startWith(servers, queued)
  return {
    what: `resident memory after ${figure(SENT)} of ${figure(queued)} messages`,
    value: memory.rss / 2 ** 20,
    unit: 'MB',
    budget: { atMost: 220 }
  }
}

async function rowsOf(
  servers: Servers,
  messages: number,
  lanes: number,
  journal: number
): Promise<Row[]> {
  const backlog = { order: 'key' as const, patientOf: (seq: number) => `${seq % lanes}`, journal }
  // The number of messages that are sent before the memory is measured.
  const empty = await startWith(servers, SENT, backlog)
  const full = await startWith(servers, messages, backlog)
  const many = lanes === 1 ? 'one lane' : `${figure(lanes)} lanes`
  const name = `${figure(messages)} in ${many}${withJournal(journal)}`
  const fewer = messages < 1_000_000 ? '; the full run uses 1,000,000' : ''
  return [
    {
      what: `${name}: more memory than with 2,000`,
      value: (full.memory.rss - empty.memory.rss) / 2 ** 20,
      unit: 'MB',
      budget: { atMost: 60 },
      note: `peak ${figure((full.memory.mostRss - empty.memory.mostRss) / 2 ** 20)} MB${fewer}`
    },
    {
      what: `${name}: longest stall`,
      value: full.memory.startStallMs,
      unit: 'ms',
      note: `${figure(empty.memory.startStallMs)} ms with 2,000`,
      budget: { atMost: 50 }
    },
    {
      what: `${name}: from start to first request`,
      value: full.firstMs,
      unit: 'ms',
      note: `${Math.round(full.firstMs - empty.firstMs)} ms more than with 2,000`,
      budget: { atMost: 1200 }
    }
  ]
}

/** A lane whose messages the receiver refuses, and a message in another lane behind it. */
async function behindBlocked(servers: Servers, blocked: number, journal: number): Promise<Row> {
  const backlog = await leaveBacklog(servers, blocked + 1, {
    ...{ order: 'key', journal },
    patientOf: (seq) => (seq <= blocked ? 'BLOCKED' : 'FREE')
  })
  await servers.refuse('|BLOCKED^')
  await servers.setLatency(0)
  const nodeRed = await backlog.start()
  const { firstAt = 0, acceptedAt = 0 } = await receivedUntil(
    servers,
    (received) => received.acceptedAt !== undefined
  )
  await nodeRed.stop()
  await servers.refuse(undefined)
  backlog.remove()
  return {
    what: `a free message behind ${figure(blocked)} of a blocked lane${withJournal(journal)}: from the first request to its own`,
    value: acceptedAt - firstAt,
    unit: 'ms',
    budget: { atMost: 200 }
  }
}

/** What is in the queue. */
export interface BacklogSpec {
  order?: Order
  /** See `fill`. */
  patientOf?: (seq: number) => string
  /** So many messages have left before; default: none. */
  journal?: number
}

export interface Start {
  /** From process start to the first request at the receiver. */
  firstMs: number
  /** Messages per second from then on. */
  rate: number
  memory: Memory
}

/** Starts Node-RED with a queue file that an earlier run left. */
export async function startWith(
  servers: Servers,
  messages: number,
  spec: BacklogSpec = {}
): Promise<Start> {
  const backlog = await leaveBacklog(servers, messages, spec)
  await servers.setLatency(0)
  const { requests: before } = await servers.received()
  const startedAt = Date.now()
  const nodeRed = await backlog.start()
  const received = await receivedUntil(
    servers,
    ({ requests }) => requests >= before + Math.min(messages, SENT)
  )
  const now = Date.now()
  const firstAt = received.firstAt ?? now
  const rate = ((received.requests - before) / Math.max(1, now - firstAt)) * 1000
  nodeRed.send('disk', { action: 'pause' })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const memory = await nodeRed.memory('disk')
  await nodeRed.stop()
  backlog.remove()
  return { firstMs: firstAt - startedAt, rate, memory }
}

interface Backlog {
  start: () => Promise<BenchNodeRed>
  remove: () => void
}

/** Creates a user directory with the queue file of a Node-RED that could not send. */
async function leaveBacklog(
  servers: Servers,
  messages: number,
  { order = 'none', patientOf = (seq) => `${seq % 1000}`, journal = 0 }: BacklogSpec
): Promise<Backlog> {
  const userDir = temporaryDirectory()
  const settings = { hl7HttpsOutQueueKey: KEY }
  const flows = [...shared(servers), ...ours('disk', servers, { queue: 'disk', order })]
  const first = await BenchNodeRed.start({ flows, userDir, settings })
  await first.stop()
  const directory = join(userDir, 'hl7-https-out')
  const queue = diskQueue(directory, 'disk out', order, () =>
    queueKey(KEY, userDir, () => undefined)
  )
  await queue.open()
  await fill(queue, order, journal + 1, messages, (seq) => patientOf(seq - journal))
  await queue.close()
  fillJournal(queueFilePath(directory, 'disk out'), journal)
  return {
    start: () => BenchNodeRed.start({ flows: [], userDir, settings }),
    remove: () => {
      rmSync(userDir, { recursive: true })
    }
  }
}

/** Records of messages 1 to `count`, as if they had left an hour ago. */
function fillJournal(path: string, count: number): void {
  if (count === 0) return
  const db = new DatabaseSync(path)
  const at = Date.now() - 60 * 60 * 1000
  db.exec(`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO message (seq, state, control_id, type, accepted_at, changed_at,
      attempts, retries, spent_ms, renewals, deaths, verdict)
    SELECT i, 4, 'SENT' || i, 'ADT^A01', ${at}, ${at}, 1, 0, 0, 0, 0,
      '{"outcome":"ack","ackCode":"AA","errors":[],"status":200,"rule":":?A=C","errorCode":"","cause":""}'
    FROM n`)
  db.close()
}

function withJournal(count: number): string {
  return count === 0 ? '' : ', with journal'
}

async function receivedUntil(
  servers: Servers,
  isEnough: (received: Received) => boolean
): Promise<Received> {
  for (;;) {
    const received = await servers.received()
    if (isEnough(received)) return received
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
