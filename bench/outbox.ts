import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DiskOutbox } from '../src/outbox/disk-outbox.ts'
import { MemoryOutbox } from '../src/outbox/memory-outbox.ts'
import { encodeMessage } from '../src/outbox/message-codec.ts'
import type { EntryFacts, Outbox } from '../src/outbox/outbox.ts'

// What the disk queue costs, beside the memory queue: messages per second with a full sync, and the
// CPU time of the main thread and of the process per message. Usage: node bench/outbox.ts [messages]

const messages = Number(process.argv[2] ?? 100_000)
const backlog = Number(process.argv[3] ?? 10 * messages)
const payload = `MSH|^~\\&|BENCH|||||||${'x'.repeat(980)}\r`

function facts(outbox: Outbox, seq: number): EntryFacts {
  const lane = outbox.lane(`patient ${seq % 1000}`)
  const controlId = `BENCH${seq}`
  const state = 'waiting'
  return { seq, lane, controlId, type: 'ADT^A01', acceptedAt: 0, state, attempts: 0, spentMs: 0 }
}

const content = (seq: number) => (): Buffer =>
  encodeMessage({ _msgid: seq.toString(16), topic: '', payload })

async function measured(name: string, count: number, work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const main = performance.eventLoopUtilization(loop).active
  console.log(
    `${name.padEnd(44)} ${Math.round((count / ms) * 1000)
      .toString()
      .padStart(
        9
      )}/s   main thread busy ${((main / count) * 1000).toFixed(1)} µs, process CPU ${((user + system) / count).toFixed(1)} µs each`
  )
}

/** All adds at once: what a burst does. */
async function burst(outbox: Outbox, from: number, count: number): Promise<void> {
  const adds: Promise<void>[] = []
  for (let seq = from; seq < from + count; seq++) {
    adds.push(outbox.add(facts(outbox, seq), content(seq)))
  }
  await Promise.all(adds)
}

/** As a node does it: each message is added, settled and removed, `width` of them at a time. */
async function flow(outbox: Outbox, from: number, count: number, width: number): Promise<void> {
  let next = from
  const outcome = (): Buffer => encodeMessage({ outcome: 'ack', reply: 'MSA|AA|'.padEnd(200) })
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < from + count) {
        const entry = facts(outbox, next++)
        await outbox.add(entry, content(entry.seq))
        entry.attempts++
        await outbox.settle(entry, outcome)
        await outbox.remove(entry.seq)
      }
    })
  )
}

const directory = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-outbox-'))
const options = { directory, name: 'bench', key: () => Promise.resolve(Buffer.alloc(32, 7)) }
const memory = new MemoryOutbox()
let disk = new DiskOutbox(options)
await disk.open()
await flow(disk, 1, 2000, 100)
await flow(memory, 1, 2000, 100)

console.log(`${messages} messages of 1 KB, ${directory}`)
await measured('memory: add, settle, remove, 100 at a time', messages, () =>
  flow(memory, 1, messages, 100)
)
await measured('disk: add, settle, remove, 100 at a time', messages, () =>
  flow(disk, 3001, messages, 100)
)
const few = Math.ceil(messages / 100)
await measured('disk: add, settle, remove, one at a time', few, () => flow(disk, 1_000_001, few, 1))
let seq = 2_000_001
await measured('disk: adds in a burst', messages, async () => {
  await burst(disk, seq, messages)
  seq += messages
})

console.log(`${backlog} messages waiting`)
while (seq < 2_000_001 + backlog) {
  await burst(disk, seq, Math.min(20_000, 2_000_001 + backlog - seq))
  seq += 20_000
}
await disk.close()
console.log(`file: ${((await stat(disk.path)).size / 1024 / 1024).toFixed(0)} MiB`)
disk = new DiskOutbox(options)
globalThis.gc?.()
const before = process.memoryUsage.rss()
const start = performance.now()
const { waiting } = await disk.open()
console.log(
  `open: ${(performance.now() - start).toFixed(0)} ms for ${waiting.seqs.length} messages, ${((process.memoryUsage.rss() - before) / 1024 / 1024).toFixed(0)} MiB more resident`
)
const readStart = performance.now()
await Promise.all(Array.from(waiting.seqs.subarray(0, 1000), (n) => disk.read(n)))
console.log(`1000 reads: ${(performance.now() - readStart).toFixed(1)} ms`)
await disk.close()
await rm(directory, { recursive: true })
