// Makes a queue file with the code of an earlier version, 0.1.0 (65cffdf) or 0.2.0 (d08de49):
//
//   git archive d08de49 src/outbox package.json | tar -x -C OLD
//   node test/queue/old-queue-file.ts OLD NEW
//
// writes NEW/0123456789abcdef.sqlite. Key: 32 bytes of 1. The patient is fictitious. The files
// `queue-file-*.txt` are such files (`gzip -9n | base64`, behind a comment).

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const [, program = '', old = '', directory = '', step = 'make'] = process.argv
const NAME = '0123456789abcdef'
const START = 1767312000000
const path = join(directory, `${NAME}.sqlite`)

/** What it needs of the interface of these versions. In 0.1.0 contents and outcomes are functions. */
interface OldOutbox {
  open: () => Promise<unknown>
  /** In 0.1.0. */
  lane?: (key: string) => string
  /** In 0.2.0. */
  keyName?: (key: string) => string
  add: (entry: object, content: unknown) => Promise<void>
  update: (entry: object) => Promise<void>
  settle: (entry: object, outcome: unknown) => Promise<void>
  remove: (seq: number, record?: object) => Promise<void>
  read: (seq: number) => Promise<unknown>
  setPaused: (pause: unknown) => Promise<void>
  /** A message is being worked on, in 0.2.0. */
  note: (seq: number) => Promise<void>
  addEvent: (event: object) => Promise<void>
  close: () => Promise<void>
}

const { DiskOutbox } = (await import(`${old}/src/outbox/disk-outbox.ts`)) as {
  DiskOutbox: new (options: object) => OldOutbox
}
const { decodeMessage, encodeMessage } = (await import(`${old}/src/outbox/message-codec.ts`)) as {
  decodeMessage: (bytes: Buffer) => object
  encodeMessage: (msg: object) => unknown
}

const outbox = new DiskOutbox({
  directory,
  name: NAME,
  key: () => Promise.resolve(Buffer.alloc(32, 1)),
  codec: { encode: encodeMessage, decode: decodeMessage }
})
const isFirst = outbox.lane !== undefined

function messageOf(seq: number): object {
  const hl7 = `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
  return { _msgid: `id ${seq}`, payload: seq === 3 ? Buffer.from(hl7) : hl7 }
}

function entryOf(seq: number, more: object = {}): object {
  const key = String(seq % 2)
  return {
    seq,
    lane: `PID-3.1:${outbox.lane?.(key) ?? outbox.keyName?.(key) ?? ''}`,
    controlId: `OLD-${seq}`,
    type: 'ADT^A01',
    acceptedAt: START + seq,
    state: 'waiting',
    attempts: 0,
    spentMs: 0,
    countsFrom: undefined,
    ...more
  }
}

function verdictOf(rule: string, more: object = {}): object {
  const errors = [{ code: '206', severity: 'E' }]
  return { ackCode: 'AE', errors, status: 409, rule, errorCode: '', cause: '', ...more }
}

async function addAll(count: number): Promise<void> {
  for (let seq = 1; seq <= count; seq++) {
    const msg = messageOf(seq)
    await outbox.add(entryOf(seq), isFirst ? () => encodeMessage(msg) : msg)
  }
}

function settle(seq: number, more: object): Promise<void> {
  const outcome = { outcome: 'nak', of: seq }
  const stored = isFirst ? () => Buffer.from(JSON.stringify(outcome)) : outcome
  return outbox.settle(entryOf(seq, more), stored)
}

async function fillFirst(): Promise<void> {
  await addAll(8)
  await outbox.update(entryOf(3, { attempts: 2, spentMs: 1500.5 }))
  const aside = { state: 'suspended', suspendedAt: START + 600_000 }
  await settle(2, { ...aside, attempts: 1, reason: ':?E=S' })
  await settle(7, { ...aside, attempts: 3, reason: '@ERR-3:206=S' })
  await settle(5, { state: 'settled', attempts: 1 })
  await settle(4, { state: 'settled', attempts: 4 })
  await outbox.remove(8)
  await outbox.setPaused(true)
  await outbox.close()
}

async function fillSecond(): Promise<void> {
  await addAll(14)
  const retried = verdictOf(':?E=R', { ackCode: '', errors: [], cause: 'ECONNREFUSED' })
  await outbox.update(entryOf(2, { attempts: 2, spentMs: 1500.5, verdict: retried }))
  const aside = { state: 'suspended', suspendedAt: START + 600_000 }
  const awaits = verdictOf('AA=A', { ackCode: 'CA', errors: [], awaits: 'fail' })
  await settle(3, { ...aside, attempts: 1, verdict: awaits })
  await settle(4, { ...aside, attempts: 3, verdict: verdictOf('@ERR-3:206=S') })
  await settle(6, { state: 'settled', attempts: 1, verdict: verdictOf('AE=F') })
  await settle(5, { state: 'settled', attempts: 4, verdict: verdictOf('AE=F') })
  await outbox.update(entryOf(7, { attempts: 1, verdict: verdictOf(':?E=R') }))
  for (const [seq, outcome] of [
    [8, 'ack'],
    [9, 'nak'],
    [10, 'error']
  ] as const) {
    const verdict = verdictOf('AE=F', outcome === 'error' ? { errorCode: 'ERR_TEST' } : {})
    const { controlId, type, acceptedAt } = entryOf(seq) as Record<string, unknown>
    const settledAt = START + 1000 * seq
    await outbox.remove(seq, {
      seq,
      controlId,
      type,
      acceptedAt,
      attempts: seq,
      settledAt,
      outcome,
      verdict
    })
  }
  // What came between 0.2.0 and 0.3.0 stored when the wait began.
  await settle(13, { ...aside, attempts: 1, verdict: { ...awaits, awaitsFrom: 30_000 } })
  await outbox.remove(14)
  await outbox.addEvent({ at: START, kind: 'paused', by: 'ada', values: { reason: 'ü' } })
  await outbox.addEvent({ at: START + 1, kind: 'resent', by: 'flow', values: { count: 3 } })
  await outbox.setPaused({ at: START, by: 'ada', reason: 'upgrade ü' })
  await outbox.close()
}

/** Runs a step in a process of its own. */
function run(name: string): void {
  const { signal, status } = spawnSync(process.execPath, [program, old, directory, name], {
    stdio: 'inherit'
  })
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(`${name} failed`)
}

function change(sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

if (step === 'make' && isFirst) run('fill')
else if (step === 'make') {
  run('fill')
  // Message 7 loses its content.
  change(`DELETE FROM sealed WHERE id >= ${7 * 4 * 65536} AND id < ${8 * 4 * 65536}`)
  for (const seq of ['12', '11', '11']) run(seq)
  // What is in the log comes into the file; what followed 0.2.0 stored how long it was open.
  change("INSERT INTO meta VALUES ('uptime', 90000)")
} else {
  await outbox.open()
  if (step === 'fill') await (isFirst ? fillFirst() : fillSecond())
  if (Number(step) > 0) {
    await outbox.read(7).catch(() => undefined)
    await outbox.note(Number(step))
    process.kill(process.pid, 'SIGKILL')
  }
}
