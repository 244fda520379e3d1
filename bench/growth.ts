/**
 * What a message costs the queue's thread, however much waits, has left or is suspended: accepted in one transaction;
 * settled in another, in which the one before is removed and the next one handed out. The queues take turns, so that a
 * disturbance on the machine affects all. Prints a table and draws bench/growth.svg.
 *
 *   node bench/growth.ts           up to 1,000,000 messages: some minutes, 5 GB in the temporary directory
 *   node bench/growth.ts --quick   up to 30,000
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { NO_VERDICT, STATES, type Verdict } from '../src/queue/message-row.ts'
import { QueueFile } from '../src/queue/queue-file.ts'
import type { Order } from '../src/queue/queue-types.ts'
import { temporaryDirectory } from './bench-node-red.ts'
import { payloadOf } from './payload.ts'
import { plot, type Line } from './plot.ts'
import { figure, median } from './report.ts'

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const MOST = options.quick ? 30_000 : 1_000_000
const MOST_SUSPENDED = MOST / 10
const ROUNDS = options.quick ? 5 : 15
/** Messages of a turn. */
const MESSAGES = 300

/** A queue before the first turn. */
interface Filling {
  order: Order
  waiting: number
  /** Of the waiting ones; as many as they are, or one. */
  lanes: 'one' | 'each'
  left: number
  suspended: number
}

interface Case {
  line: string
  /** What there is so much of. */
  count: number
  filling: Filling
}

const EMPTY: Filling = { order: 'fifo', waiting: 0, lanes: 'one', left: 0, suspended: 0 }
const caseOf = (line: string, count: number, filling: Partial<Filling>): Case => ({
  line,
  count,
  filling: { ...EMPTY, ...filling }
})
const counts = (most: number): number[] => [0, 1000, most]

const cases = [
  ...counts(MOST).map((waiting) => caseOf('waiting, fifo', waiting, { waiting })),
  ...counts(MOST).map((waiting) =>
    caseOf('waiting in one lane', waiting, { order: 'key', waiting })
  ),
  ...counts(MOST).map((waiting) =>
    caseOf('lanes, a message in each', waiting, { order: 'key', waiting, lanes: 'each' })
  ),
  ...counts(MOST).map((left) => caseOf('records in the journal', left, { left })),
  ...counts(MOST_SUSPENDED).map((suspended) => caseOf('suspended', suspended, { suspended }))
]

const directory = temporaryDirectory()
const [WAITING, , SUSPENDED, , LEFT] = STATES.keys()
const ACKED: Verdict = { ...NO_VERDICT, outcome: 'ack', ackCode: 'AA', status: 200, rule: ':?A=C' }
const OUTCOME = Buffer.from(
  JSON.stringify({ outcome: 'ack', payload: payloadOf(0, { bytes: 120 }) })
)

const pathOf = (name: string): string => join(directory, name, 'bench.sqlite')

function open(name: string, order: Order): QueueFile {
  mkdirSync(join(directory, name), { recursive: true })
  const spec = {
    path: pathOf(name),
    name: 'bench',
    key: Buffer.alloc(32, 7),
    journalDays: 14,
    order,
    orderKey: 'PID-3.1',
    applicationAckMs: 600_000
  }
  const nothing = (): void => undefined
  const file = new QueueFile(spec, { onNotice: nothing, onSynced: nothing, onFailed: nothing })
  file.transaction((queue) => queue.open())
  file.setRunning()
  return file
}

function accept(file: QueueFile, order: Order, first: number, count: number): void {
  const content = Buffer.from(payloadOf(first, { bytes: 1024 }))
  file.transaction((queue) => {
    for (let seq = first; seq < first + count; seq++) {
      const lane = order === 'key' ? seq : null
      const about = { controlId: `BENCH${seq}`, type: 'ADT^A01', acceptedAt: Date.now() }
      queue.accept({ seq, lane, ...about }, content)
    }
  })
}

/** Has as many messages as a case needs, each in a lane of its own: the cases get copies. */
function makeFull(messages: number): string {
  const name = `full ${messages}`
  const file = open(name, 'key')
  for (let first = 1; first <= messages; first += 1000) {
    accept(file, 'key', first, Math.min(1000, messages - first + 1))
  }
  file.close()
  return pathOf(name)
}

function prepare(path: string, { lanes, left, suspended, waiting }: Filling): void {
  const db = new DatabaseSync(path)
  if (waiting > 0 && lanes === 'one') {
    db.exec(`UPDATE message SET lane = 1, turn = iif(seq = 1, 0, NULL)`)
  }
  if (suspended > 0) db.exec(`UPDATE message SET state = ${SUSPENDED}, turn = NULL`)
  if (left > 0) {
    // As if they had left an hour ago.
    const at = Date.now() - 60 * 60 * 1000
    db.exec(`
      UPDATE message SET state = ${LEFT}, turn = NULL, changed_at = ${at}, attempts = 1,
        verdict = '${JSON.stringify({ ...NO_VERDICT, outcome: 'ack', ackCode: 'AA', status: 200 })}'
      WHERE state = ${WAITING};
      DELETE FROM sealed`)
  }
  db.close()
}

interface Running {
  file: QueueFile
  order: Order
  lastSeq: number
  /** On its way. */
  sent: number | undefined
  /** Settled, and not removed yet. */
  settled: number | undefined
  cpuUs: number[]
}

/** A message comes in, and another one leaves. */
function pass(running: Running): void {
  const { file, order } = running
  accept(file, order, ++running.lastSeq, 1)
  file.queue.summary()
  const { sent, settled } = running
  const [claim] = file.transaction((queue) => {
    if (settled !== undefined) queue.finish(settled)
    if (sent !== undefined) {
      queue.move({
        seq: sent,
        from: 'waiting',
        to: 'leaving',
        attempts: 1,
        retries: 0,
        spentMs: 1,
        renewals: 0,
        verdict: ACKED,
        story: [],
        outcome: OUTCOME
      })
    }
    return queue.claimNext(1)
  })
  file.queue.summary()
  running.settled = sent
  running.sent = claim?.row.seq
}

const started = performance.now()
const full = new Map<number, string>()
const all = cases.map(({ line, filling }, index): Running => {
  const { left, order, suspended, waiting } = filling
  const messages = waiting + left + suspended
  const name = `case ${index}`
  mkdirSync(join(directory, name))
  if (messages > 0) {
    const made = full.get(messages) ?? makeFull(messages)
    full.set(messages, made)
    cpSync(made, pathOf(name))
    prepare(pathOf(name), filling)
  }
  console.error(`${figure(messages)} ${line}: ready`)
  const file = open(name, order)
  return { file, order, lastSeq: messages, sent: undefined, settled: undefined, cpuUs: [] }
})
const load = loadavg()[0] ?? 0
for (let round = -1; round < ROUNDS; round++) {
  for (const running of all) {
    const before = process.cpuUsage()
    for (let passed = 0; passed < MESSAGES; passed++) pass(running)
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) running.cpuUs.push((user + system) / MESSAGES)
    // Syncs end meanwhile.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
for (const { file } of all) file.close()
rmSync(directory, { recursive: true })

/** In each round as a multiple of what the same line takes with nothing; then the median. */
const ratioOf = (index: number): number => {
  const first = cases.findIndex(({ line }) => line === cases[index]?.line)
  const base = all[first]?.cpuUs ?? []
  return median((all[index]?.cpuUs ?? []).map((us, round) => us / (base[round] ?? Number.NaN)))
}
const lines = new Map<string, Line>()
const table = ['| | CPU per message | × with none |', '|---|---|---|']
for (const [index, { line, count }] of cases.entries()) {
  const us = median(all[index]?.cpuUs ?? [])
  table.push(`| ${figure(count)} ${line} | ${Math.round(us)} µs | ${figure(ratioOf(index))} |`)
  const points = lines.get(line)?.points ?? []
  lines.set(line, { name: line, points: [...points, { x: count, y: ratioOf(index) }] })
}
console.log(table.join('\n'))
const { model = '' } = cpus()[0] ?? {}
const about = `The queue’s CPU per message, as a multiple of that with none; ${ROUNDS} rounds of ${MESSAGES}; ${model}, Node.js ${process.versions.node}, load ${load.toFixed(1)}`
writeFileSync(join(import.meta.dirname, 'growth.svg'), plot(about, [...lines.values()]))
console.error(`${((performance.now() - started) / 1000).toFixed(0)} s`)
