// Makes a queue file with the code of an earlier version, which was to become 0.3.0 (f110f05c):
//
//   git archive f110f05c src locales package.json | tar -x -C OLD
//   node test/queue/old-queue-file.ts OLD NEW
//
// writes NEW/0123456789abcdef.sqlite. Key: 32 bytes of 1. The patient is fictitious. `queue-file-0.3.0.txt` is such a
// file (`gzip -9n | base64`, behind a comment).

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const [, program = '', old = '', directory = '', step = 'make'] = process.argv
const NAME = '0123456789abcdef'
const START = 1767312000000
const path = join(directory, `${NAME}.sqlite`)

/** Stored of a message with an address of its own; and the hashes of two addresses. */
const OWN = 0
const FIRST = 11
const BACKUP = 22

/** What it needs of the interface of that version. */
interface OldQueue {
  open: () => Promise<unknown>
  laneOf: (key: string) => number
  hashOf: (value: { path: string; value: string }) => Uint8Array
  accept: (message: object, content: object) => Promise<void>
  claimNext: (most: number, preference?: object, route?: object) => Promise<unknown[]>
  move: (move: object) => Promise<boolean>
  finish: (seq: number, left?: object) => Promise<void>
  call: (method: string, ...args: unknown[]) => Promise<unknown>
  close: () => Promise<void>
}

const { DiskEngine } = (await import(`${old}/src/queue/disk-engine.ts`)) as {
  DiskEngine: new (options: object) => object
}
const { MessageQueue } = (await import(`${old}/src/queue/message-queue.ts`)) as {
  MessageQueue: new (engine: object, contents: object) => OldQueue
}
const { EncodedContents } = (await import(`${old}/src/queue/stored-contents.ts`)) as {
  EncodedContents: new (codec: object) => object
}
const codec = (await import(`${old}/src/queue/message-codec.ts`)) as {
  decodeMessage: object
  encodeMessage: object
}

const engine = new DiskEngine({
  directory,
  name: NAME,
  key: () => Promise.resolve(Buffer.alloc(32, 1)),
  journalDays: 100_000,
  contentDays: 100_000,
  mostKeptBytes: 2 ** 30,
  order: 'key',
  orderKey: 'PID-3.1',
  applicationAckMs: 600_000
})
const queue = new MessageQueue(
  engine,
  new EncodedContents({ encode: codec.encodeMessage, decode: codec.decodeMessage })
)

function contentOf(seq: number): object {
  const hl7 = `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
  return { _msgid: `id ${seq}`, payload: seq === 3 ? Buffer.from(hl7) : hl7 }
}

const VERDICT = {
  outcome: '',
  ackCode: 'AE',
  errors: [{ code: '206', severity: 'E' }],
  status: 409,
  rule: 'AE=F',
  errorCode: '',
  cause: ''
}

function move(seq: number, to: string, more: object = {}): Promise<boolean> {
  const story = [{ at: START + seq, ms: 12, result: 'AE' }]
  const facts = { attempts: 1, retries: 1, spentMs: 1500.5, renewals: 0, verdict: VERDICT, story }
  return queue.move({ seq, from: 'waiting', to, ...facts, ...more })
}

/** Each state, with each of what `bound_to` may say. Messages 1 and 2 have one key, the others each their own. */
async function fill(): Promise<void> {
  for (let seq = 1; seq <= 14; seq++) {
    const isOwn = [4, 8, 11].includes(seq)
    const message = {
      seq,
      lane: queue.laneOf(String(seq === 2 ? 1 : seq)),
      controlId: `OLD-${seq}`,
      type: 'ADT^A01',
      acceptedAt: START + seq,
      ...(isOwn && { boundTo: OWN }),
      hashes: [queue.hashOf({ path: 'PID-3.1', value: String(seq) })]
    }
    await queue.accept(message, contentOf(seq))
  }
  const arrived = { verdict: { ...VERDICT, mayHaveArrived: true } }
  const outcome = { outcome: 'nak' }
  await move(3, 'waiting', { dueInMs: 60_000, countsFrom: 5, boundTo: FIRST, ...arrived })
  await move(6, 'awaiting', { dueInMs: 600_000, outcome, boundTo: FIRST, ...arrived })
  await move(7, 'suspended', { outcome, boundTo: BACKUP, ...arrived })
  await move(8, 'suspended', { outcome, boundTo: OWN })
  await move(9, 'leaving', { outcome, boundTo: BACKUP, ...arrived })
  for (const [seq, boundTo] of [
    [10, FIRST],
    [11, OWN],
    [12, undefined]
  ] as const) {
    const verdict = { ...VERDICT, outcome: seq === 12 ? 'ack' : 'nak' }
    await move(seq, 'leaving', { outcome, verdict, boundTo })
    await queue.finish(seq)
  }
  await queue.call('addEvent', { at: START, kind: 'resent', by: 'ada', values: { count: 3 } })
  await queue.call('setBackup', { since: START, isByHand: true, by: 'ada', address: BACKUP })
  await queue.call('pause', { at: START, by: 'ada', reason: 'upgrade ü' })
  // What is handed out now, 1 and 5 among them, is marked as on its way to the backup when the process is killed.
  await queue.claimNext(9, { first: 'retries' }, { notTo: [OWN, FIRST], mark: BACKUP })
}

/** Runs a step in a process of its own. */
function run(name: string): void {
  const { signal, status } = spawnSync(process.execPath, [program, old, directory, name], {
    stdio: 'inherit'
  })
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(`${name} failed`)
}

if (step === 'make') {
  run('fill')
  const db = new DatabaseSync(path)
  // Message 14 loses its content, and is found out. What is in the log comes into the file.
  db.exec(`DELETE FROM sealed WHERE id >= ${14 * 4 * 65536} AND id < ${15 * 4 * 65536}`)
  db.close()
} else {
  await queue.open()
  if (step === 'fill') {
    await fill()
    process.kill(process.pid, 'SIGKILL')
  }
  await queue.close()
}
