import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { buffers, event, KEY, message, moveOf, verdict } from './set-up.ts'

// A separate process that uses a queue: `node queue-process.ts <what> <directory> <first number>`.
// Output is written synchronously, so that it survives SIGKILL.

const [, , what = '', directory = '', first = '1'] = process.argv
const engine = new DiskEngine({
  directory,
  name: 'queue',
  key: () => Promise.resolve(KEY),
  journalDays: 14,
  order: 'none',
  orderKey: '',
  onNotice: (text) => writeSync(2, `${text}\n`)
})
const queue = new MessageQueue(engine, new EncodedContents(buffers))
await queue.open()
writeSync(1, 'open\n')

async function add(seq: number): Promise<void> {
  await queue.accept(message(seq), Buffer.from(`message ${seq} `.padEnd(1000, 'x')))
  writeSync(1, `stored ${seq}\n`)
}

function addOrRefuse(seq: number): Promise<void> {
  return add(seq).catch((error: unknown) => {
    writeSync(1, `refused ${seq} ${error instanceof QueueError ? error.code : 'unknown'}\n`)
  })
}

/** The whole life of a message. */
async function pass(seq: number): Promise<void> {
  await add(seq)
  const left = { ...verdict, outcome: 'ack' } as const
  await queue.move(moveOf(seq, 'leaving', { verdict: left, outcome: { of: seq } }))
  await queue.finish(seq)
  writeSync(1, `left ${seq}\n`)
}

if (what === 'pass') {
  // Eight at a time, until it is killed.
  let seq = Number(first)
  const some = async (): Promise<void> => {
    for (;;) {
      await pass(seq++)
      if (seq % 10 === 0) await queue.call('addEvent', event(seq))
    }
  }
  await Promise.all(Array.from({ length: 8 }, some))
}
if (what === 'add') {
  await add(Number(first))
  await queue.close()
}
if (what === 'trickle') {
  // One by one, even if some are refused.
  for (let seq = Number(first); ; seq++) {
    await addOrRefuse(seq)
    await sleep(2)
  }
}
if (what === 'bursts') {
  // So many at once as a line says; it ends as Node-RED does.
  let seq = Number(first)
  createInterface({ input: process.stdin }).on('line', (count) => {
    for (const end = seq + Number(count); seq < end; seq++) void addOrRefuse(seq)
  })
  process.on('SIGTERM', () => {
    void queue
      .close()
      .catch(() => undefined)
      .finally(() => process.exit())
  })
  // What a node would show.
  setInterval(() => {
    const { silentMs, unconfirmed } = queue
    writeSync(1, `waits ${unconfirmed} ${Math.round(silentMs)}\n`)
  }, 200)
}
if (what === 'work') {
  await queue.call('beginWork', Number(first))
  writeSync(1, 'begun\n')
}
if (what === 'time') {
  // How long it takes to store a message, and how often a timer of the main thread runs meanwhile.
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const start = performance.now()
  await add(1)
  writeSync(1, JSON.stringify({ ms: performance.now() - start, ticks }))
  clearInterval(timer)
  await queue.close()
}
// Only the promise keeps the process alive: the message must still be stored.
if (what === 'add-and-end') void add(Number(first))
if (what === 'hold' || what === 'work') setInterval(() => undefined, 1000)
