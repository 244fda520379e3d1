import { writeSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { resultOf } from './replies.ts'

// A separate process that delivers the messages of a queue: `node deadly-process.ts <directory> [ids…]`
// The message "deadly" hangs it when its request is made. Output is written synchronously, so that it
// survives SIGKILL.

const [, , directory = '', ...ids] = process.argv

const delivery = new Delivery<string>({
  outbox: () =>
    Promise.resolve(
      new DiskOutbox<string>({
        ...{ directory, name: 'queue', key: () => Promise.resolve(Buffer.alloc(32, 1)) },
        codec: {
          encode: (content) => ({ bytes: Buffer.from(content), whole: true }),
          decode: (bytes) => bytes.toString()
        }
      })
    ),
  attempt: async (content, _signal, watch) => {
    await watch(() => {
      writeSync(1, `working on ${content}\n`)
      // Blocks the process for ever, on purpose.
      while (content.startsWith('deadly')) Math.random()
      return Promise.resolve()
    })
    return resultOf('accept')
  },
  emit: (_entry, content, { outcome }) => writeSync(1, `${content} ${outcome}\n`),
  onEvent: (event) => {
    if (event.kind !== 'opened') return
    for (const { controlId } of event.endedOn) writeSync(1, `suspended ${controlId}\n`)
  },
  ...{ order: 'fifo', orderKey: 'PID-3.1', maxInFlight: 8, failureTimeoutMs: 900_000 },
  ...{ retry: { intervalMs: 5000, maxIntervalMs: 60_000 }, failWhileUnreachable: false },
  ...{
    queueLimit: 1000,
    maxPerSecond: 0,
    applicationAckMs: 600_000,
    clock: systemClock,
    random: () => 0.5
  }
})
for (const id of ids) {
  await delivery.accept({ key: '', controlId: id, type: 'ADT^A01', content: id })
}
await delivery.start()
const look = setInterval(() => {
  const { queued, inFlight } = delivery.state()
  if (queued + inFlight > 0) return
  clearInterval(look)
  writeSync(1, 'done\n')
  void delivery.close(1000).then(() => process.exit())
}, 100)
