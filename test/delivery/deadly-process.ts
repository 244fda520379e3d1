import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { resultOf } from './replies.ts'
import { codec } from './set-up.ts'

// A separate process that delivers the messages of a queue: `node deadly-process.ts <directory> [ids…]`
// The message "deadly" hangs it when its request is made. Output is written synchronously, so that it
// survives SIGKILL.

const [, , directory = '', ...ids] = process.argv

const engine = new DiskEngine({
  directory,
  name: 'queue',
  journalDays: 14,
  order: 'fifo',
  orderKey: '',
  key: () => Promise.resolve(Buffer.alloc(32, 1))
})
const delivery = new Delivery<string>({
  queue: () => Promise.resolve(new MessageQueue(engine, new EncodedContents(codec))),
  attempt: async (content, _signal, watchWork) => {
    await watchWork(() => {
      writeSync(1, `working on ${content}\n`)
      // Blocks the process for ever, on purpose.
      while (content.startsWith('deadly')) Math.random()
      return Promise.resolve()
    })
    return resultOf('accept')
  },
  readFields: () => ({ key: '', values: [] }),
  emit: (_message, content, { outcome }) => writeSync(1, `${content} ${outcome}\n`),
  onEvent: (event) => {
    if (event.kind !== 'opened') return
    for (const { controlId } of event.endedOn) writeSync(1, `suspended ${controlId}\n`)
  },
  order: 'fifo',
  maxInFlight: 8,
  maxPerSecond: 0,
  retry: { intervalMs: 5000, maxIntervalMs: 60_000 },
  failureTimeoutMs: 900_000,
  failWhileUnreachable: false,
  applicationAckMs: 600_000,
  queueLimit: 1000,
  clock: systemClock,
  random: () => 0.5
})
for (const id of ids) {
  await delivery.accept({ controlId: id, type: 'ADT^A01', content: id })
}
await delivery.start()
const look = setInterval(() => {
  const { queued, inFlight } = delivery.state()
  if (queued + inFlight > 0) return
  clearInterval(look)
  writeSync(1, 'done\n')
  void delivery.close(1000).then(() => process.exit())
}, 100)
