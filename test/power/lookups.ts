import { lookup } from 'node:dns/promises'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { accept, buffers, KEY } from '../queue/set-up.ts'

// Eight queues store messages all the time, and names are looked up meanwhile: `node lookups.ts <directory>`. Both need a
// thread of libuv's pool, which has four. Prints what nine of ten lookups took at most, in milliseconds.

const [, , directory = ''] = process.argv
const FILES = 8
const LOOKUPS = 200
const BETWEEN_MS = 5

const queues = Array.from({ length: FILES }, (_, index) => {
  const engine = new DiskEngine({
    directory,
    name: `queue-${index}`,
    key: () => Promise.resolve(KEY),
    journalDays: 14,
    order: 'none',
    orderKey: ''
  })
  return new MessageQueue(engine, new EncodedContents(buffers))
})
let isDone = false
await Promise.all(queues.map((queue) => queue.open()))
const storing = queues.map(async (queue) => {
  for (let seq = 1; !isDone; seq++) await accept(queue, seq)
})

const times: number[] = []
for (let i = 0; i < LOOKUPS; i++) {
  await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS))
  const start = performance.now()
  await lookup('localhost')
  times.push(performance.now() - start)
}
isDone = true
await Promise.all(storing)
await Promise.all(queues.map((queue) => queue.close()))
times.sort((one, other) => one - other)
process.stdout.write(JSON.stringify(times[Math.floor(0.9 * LOOKUPS)]))
