import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'

// A process that stores a message: `node slow-disk-process.ts <directory>`. It prints how long that
// takes, and how often a timer of its main thread has run meanwhile.

const [, , directory = ''] = process.argv
const outbox = new DiskOutbox({
  codec: { encode: (text: string) => ({ bytes: Buffer.from(text), whole: true }), decode: String },
  ...{ directory, name: 'queue', key: () => Promise.resolve(Buffer.alloc(32, 1)) }
})
await outbox.open()
let ticks = 0
const timer = setInterval(() => ticks++, 1)
const start = performance.now()
await outbox.add(
  {
    ...{ seq: 1, lane: outbox.keyName(''), controlId: 'C1', type: 'ADT^A01', acceptedAt: 1 },
    ...{ state: 'waiting', attempts: 0, spentMs: 0 }
  },
  'message'
)
process.stdout.write(JSON.stringify({ ms: performance.now() - start, ticks }))
clearInterval(timer)
await outbox.close()
