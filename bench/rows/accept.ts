import { rm } from 'node:fs/promises'
import { DiskOutbox, type ContentCodec } from '../../src/outbox/disk-outbox.ts'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import { BenchNodeRed, temporaryDirectory } from '../bench-node-red.ts'
import { loop, ours, shared } from '../candidates.ts'
import { median, type Row } from '../report.ts'
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
      what: 'accepted to disk, the outbox without Node-RED',
      value: await outboxRate(messages),
      unit: '/s',
      note: '1 KB, full fsync, including encoding of the messages'
    }
  ]
}

async function outboxRate(messages: number): Promise<number> {
  const directory = temporaryDirectory()
  const outbox = new DiskOutbox({
    codec: messageCodec,
    directory,
    name: 'bench',
    key: () => Promise.resolve(Buffer.alloc(32, 7))
  })
  await outbox.open()
  const rates: number[] = []
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    await fill(outbox, round * messages + 1, messages)
    rates.push((messages / (performance.now() - start)) * 1000)
  }
  await outbox.close()
  await rm(directory, { recursive: true })
  return median(rates)
}

/**
 * Writes messages to a queue file as the node does.
 *
 * @param patientOf the patient of a message, by its number; default: one of a thousand
 */
export async function fill(
  outbox: DiskOutbox<object>,
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
        await outbox.add(
          {
            seq: own,
            // As a node with PID-3.1 as the key names its lanes.
            lane: `PID-3.1:${outbox.keyName(patient)}`,
            controlId,
            type: 'ADT^A01',
            acceptedAt: Date.now(),
            state: 'waiting',
            attempts: 0,
            spentMs: 0
          },
          { _msgid: own.toString(16), topic: 'bench', payload }
        )
      }
    })
  )
}
