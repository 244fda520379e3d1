import { rm } from 'node:fs/promises'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import { EncodedContents, type ContentCodec } from '../../src/queue/stored-contents.ts'
import { BenchNodeRed, temporaryDirectory } from '../bench-node-red.ts'
import { loop, ours, shared } from '../candidates.ts'
import { figure, median, type Row } from '../report.ts'
import type { Servers } from '../servers.ts'

/** Messages that wait to be accepted at a time. */
const WIDTH = 2000

/** Encodes a flow's messages as the node does. */
export const messageCodec: ContentCodec<object> = {
  encode: encodeMessage,
  decode: decodeMessage
}

/** Messages per second that a paused node accepts to disk, from the flow's send to `done`. */
export async function acceptRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const messages = quick ? 10_000 : 40_000
  const [, ...node] = ours('disk', servers, { queue: 'disk' })
  const nodeRed = await BenchNodeRed.start({
    flows: [
      ...shared(servers),
      { ...loop('disk', { counts: 'accepted', watched: 'disk out' }), wires: [['disk out']] },
      ...node
    ]
  })
  nodeRed.send('disk', { action: 'pause' })
  const rates: number[] = []
  const cpu: number[] = []
  for (let round = -1; round < (quick ? 2 : 5); round++) {
    const result = await nodeRed.run('disk', { messages, width: WIDTH, bytes: 1024 })
    if (round < 0) continue
    rates.push((messages / result.ms) * 1000)
    cpu.push(result.cpuUs / messages)
  }
  await nodeRed.stop()
  return [
    {
      what: 'accepted to disk, through the node',
      value: median(rates),
      unit: '/s',
      budget: { atLeast: 30_000 },
      note: `1 KB, full fsync, ${Math.round(median(cpu))} µs of CPU each`
    },
    {
      what: 'accepted to disk, one lane, the queue without Node-RED',
      value: await queueRate(messages, 'fifo'),
      unit: '/s',
      note: '1 KB, full fsync, including encoding of the messages'
    },
    {
      what: `accepted to disk, ${figure(quick ? 100_000 : 1_000_000)} lanes, the queue without Node-RED`,
      value: await queueRate(quick ? 100_000 : 1_000_000, 'key'),
      unit: '/s',
      budget: { atLeast: 25_000 },
      note: 'each message has a patient of its own'
    }
  ]
}

async function queueRate(messages: number, order: Order): Promise<number> {
  const directory = temporaryDirectory()
  const queue = diskQueue(directory, 'bench', order, () => Promise.resolve(Buffer.alloc(32, 7)))
  await queue.open()
  const rounds = order === 'key' ? 1 : 3
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await fill(queue, order, round * messages + 1, messages, (seq) => `${seq}`)
    rates.push((messages / (performance.now() - start)) * 1000)
  }
  await queue.close()
  await rm(directory, { recursive: true })
  return median(rates)
}

/** The queue file of a node, as the node opens it. */
export function diskQueue(
  directory: string,
  name: string,
  order: Order,
  key: () => Promise<Buffer>
): MessageQueue<object> {
  const engine = new DiskEngine({
    directory,
    name,
    key,
    order,
    orderKey: 'PID-3.1',
    journalDays: 14
  })
  return new MessageQueue(engine, new EncodedContents(messageCodec))
}

/**
 * Writes messages to a queue file as the node does.
 *
 * @param patientOf the patient of a message, by its number; default: one of a thousand
 */
export async function fill(
  queue: MessageQueue<object>,
  order: Order,
  first: number,
  messages: number,
  patientOf = (seq: number): string => `${seq % 1000}`
): Promise<void> {
  let seq = first
  await Promise.all(
    Array.from({ length: WIDTH }, async () => {
      while (seq < first + messages) {
        const own = seq++
        const controlId = `QUEUED${own}`
        const patient = patientOf(own)
        const payload = `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|${controlId}|P|2.5.1\rPID|1||${patient}^^^NORTHSIDE^MR||Lindqvist^Astrid\rNTE|1||${'x'.repeat(880)}\r`
        await queue.accept(
          {
            seq: own,
            lane: order === 'key' ? queue.laneOf(patient) : null,
            controlId,
            type: 'ADT^A01',
            acceptedAt: Date.now()
          },
          { _msgid: own.toString(16), topic: 'bench', payload }
        )
      }
    })
  )
}
