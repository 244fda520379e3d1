import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiskOutbox } from '../../src/outbox/disk-outbox.ts'
import { OutboxError, type Entry } from '../../src/outbox/outbox.ts'
import { event, record } from './records.ts'

// A separate process that uses a queue: `node queue-process.ts <what> <directory> <first number>`.
// Output is written synchronously, so that it survives SIGKILL.

const [, , what = '', directory = '', first = '1'] = process.argv
const outbox = new DiskOutbox({
  codec: { encode: (text: string) => ({ bytes: Buffer.from(text), whole: true }), decode: String },
  directory,
  name: 'queue',
  key: () => Promise.resolve(Buffer.alloc(32, 1)),
  onNotice: (text) => writeSync(2, `${text}\n`)
})
await outbox.open()
writeSync(1, 'open\n')

function entry(seq: number, state: Entry['state'] = 'waiting'): Entry {
  return {
    ...{ seq, lane: outbox.keyName(String(seq % 7)), controlId: `C${seq}`, type: 'ADT^A01' },
    ...{ acceptedAt: seq, state, attempts: 0, spentMs: 0 }
  }
}

function add(seq: number): Promise<void> {
  return outbox.add(entry(seq), `message ${seq} `.padEnd(1000, 'x')).then(() => {
    writeSync(1, `stored ${seq}\n`)
  })
}

if (what === 'flood') {
  // Until it is killed.
  for (let seq = Number(first); ;) {
    const turn = Array.from({ length: 50 }, () => add(seq++))
    await (seq % 500 < 50 ? Promise.all(turn) : new Promise(setImmediate))
  }
}
/** The whole life of a message. */
async function pass(seq: number): Promise<void> {
  await add(seq)
  await outbox.settle(entry(seq, 'settled'), 'outcome')
  await outbox.remove(seq, record(seq))
  writeSync(1, `removed ${seq}\n`)
}

if (what === 'pass') {
  // Eight at a time, until it is killed.
  let seq = Number(first)
  const some = async (): Promise<void> => {
    for (;;) {
      await pass(seq++)
      if (seq % 10 === 0) await outbox.addEvent(event(seq))
    }
  }
  await Promise.all(Array.from({ length: 8 }, some))
}
if (what === 'add') {
  await add(Number(first))
  await outbox.close()
}
if (what === 'trickle') {
  // One by one, even if some are refused.
  for (let seq = Number(first); ; seq++) {
    await add(seq).catch((error: unknown) => {
      writeSync(1, `refused ${seq} ${error instanceof OutboxError ? error.code : 'unknown'}\n`)
    })
    await sleep(2)
  }
}
if (what === 'crash') {
  await add(Number(first))
  throw new Error('This process ends without closing anything.')
}
if (what === 'at-work') {
  await outbox.note(Number(first))
  writeSync(1, 'noted\n')
}
// Only the promise keeps the process alive: the message must still be stored.
if (what === 'add-and-end') void add(Number(first))
if (what === 'hold' || what === 'at-work') setInterval(() => undefined, 1000)
