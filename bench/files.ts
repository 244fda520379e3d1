/**
 * One queue file and many, without Node-RED: `node bench/files.ts`. Each message is accepted, settled
 * and removed, 80 at a time. The time of one disk sync is printed beside it.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DiskOutbox } from '../src/outbox/disk-outbox.ts'
import type { Entry } from '../src/outbox/outbox.ts'
import { temporaryDirectory } from './bench-node-red.ts'
import { messageCodec } from './rows/accept.ts'

const MESSAGES = 4000
const WIDTH = 80
const payload = 'x'.repeat(1024)

const directory = temporaryDirectory()
try {
  console.log(`one sync of 4 KB: ${syncMs(directory).toFixed(2)} ms`)
  for (const count of [1, 10, 100]) {
    const outboxes = Array.from({ length: count }, (_, index) => openOutbox(`${count}-${index}`))
    const rate = await messagesPerSecond(await Promise.all(outboxes))
    console.log(`${count} files: ${Math.round(rate)} messages/s`)
  }
} finally {
  rmSync(directory, { recursive: true })
}

async function openOutbox(name: string): Promise<DiskOutbox<object>> {
  const key = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(32, 7))
  const outbox = new DiskOutbox({ codec: messageCodec, directory, name, key })
  await outbox.open()
  return outbox
}

async function messagesPerSecond(outboxes: readonly DiskOutbox<object>[]): Promise<number> {
  const start = performance.now()
  let last = 0
  const work = async (): Promise<void> => {
    while (last < MESSAGES) {
      const seq = ++last
      const outbox = outboxes[seq % outboxes.length]
      const entry: Entry = {
        ...{ seq, lane: '', controlId: `C${seq}`, type: 'ADT^A01', acceptedAt: Date.now() },
        ...{ state: 'waiting', attempts: 0, spentMs: 0 }
      }
      await outbox?.add(entry, { payload })
      await outbox?.settle({ ...entry, state: 'settled' }, { outcome: 'ack' })
      await outbox?.remove(seq)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, work))
  const ms = performance.now() - start
  await Promise.all(outboxes.map((outbox) => outbox.close()))
  return (MESSAGES / ms) * 1000
}

/** The median of many, in milliseconds. */
function syncMs(place: string): number {
  const file = openSync(join(place, 'sync'), 'a')
  const block = Buffer.alloc(4096, 1)
  const times = Array.from({ length: 500 }, () => {
    const start = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0
}
