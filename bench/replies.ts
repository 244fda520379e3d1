/** Time to read replies and accept a message: `node bench/replies.ts`. */
import { decide } from '../src/rules/decide.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../src/rules/reply-rules.ts'
import { readAcknowledgement } from '../src/hl7/acknowledgement.ts'
import { readOutgoingMessage } from '../src/hl7/outgoing-message.ts'
import { readReplyBody } from '../src/hl7-over-http/read-reply-body.ts'

const rules = parseReplyRules(DEFAULT_REPLY_RULES)
const sent = { controlIds: ['MSG00001'], type: 'ADT^A01', replyDue: true }
const header =
  'MSH|^~\\&|REGISTRY|CITYCARE|WARDSYS|NORTHSIDE|20260101120000||ACK^A01^ACK|R00001|P|2.5.1'
const typical = Buffer.from(
  `${header}\rMSA|AA|MSG00001|Message accepted and stored for the patient\r`
)
const errors = 'ERR||PID^1^3|101^Required field missing^HL70357|E|||No id|Patient id is missing\r'
const long = Buffer.from(`${header}\rMSA|AE|MSG00001\r${errors.repeat(5000)}`)

async function readAndDecide(body: Buffer): Promise<string> {
  const reply = await readReplyBody(body, 'application/hl7-v2', {})
  const { text, message } = reply
  const ack = message === null ? null : readAcknowledgement(message)
  const empty = body.length === 0
  return decide(rules, { sent, status: 200, reply: { text, empty, message, ack } }).outcome
}

/** The median of several runs, in microseconds per call. */
async function median(times: number, run: () => unknown, runs = 7): Promise<number> {
  const results: number[] = []
  for (let index = 0; index < runs; index++) {
    const start = performance.now()
    for (let call = 0; call < times; call++) await run()
    results.push(((performance.now() - start) * 1000) / times)
  }
  return results.sort((a, b) => a - b)[runs >> 1] ?? 0
}

const short = await median(20_000, () => readAndDecide(typical))
console.log(`read a ${typical.length}-byte ACK and decide: ${short.toFixed(1)} µs (budget 25 µs)`)
const many = await median(1, () => readAndDecide(long))
console.log(`read a reply of 5,000 ERR segments: ${(many / 1000).toFixed(1)} ms (budget 50 ms)`)

const segment = `OBX|1|ED|PDF^Report||^AP^^Base64^${'A'.repeat(1_000_000)}\r`
const large = Buffer.from(`${header.replace('ACK^A01^ACK', 'ORU^R01')}\r${segment.repeat(50)}`)
global.gc?.()
const before = process.memoryUsage()
const started = performance.now()
const message = readOutgoingMessage(large, 'auto')
const took = performance.now() - started
const after = process.memoryUsage()
const more = after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed
console.log(
  `accept ${(large.length / 2 ** 20).toFixed(0)} MB as a Buffer: ${took.toFixed(0)} ms, ` +
    `${(more / 2 ** 20).toFixed(1)} MB more, same memory: ${message.bytes.buffer === large.buffer}`
)
