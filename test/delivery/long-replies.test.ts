import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { parseReplyRules, type ReplyRules } from '../../src/rules/reply-rules.ts'
import { settlementOf } from '../../src/delivery/settlement.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import type { Receiver } from '../../src/https/receiver.ts'

/** The default limit for the size of a reply, in bytes. */
const SIZE = 2_097_152

const msh = 'MSH|^~\\&|A|B|C|D|2025||ACK|R1|P|2.5.1\r'
const head = `${msh}MSA|AE|M1\r`
const full =
  'ERR|PID^1^3^101&Req&H|PID^1^3^2^1^4~PV1^1|101^Required field missing^HL70357|W|X1^app|p|diag \\T\\ more|for & the user\r'

/** As many copies of `part` as fit between `before` and `after`. */
function many(part: string, before = '', after = ''): string {
  const room = SIZE - Buffer.byteLength(before) - Buffer.byteLength(after)
  return before + part.repeat(Math.floor(room / Buffer.byteLength(part))) + after
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Wraps a text in JSON in a string in JSON, `depth` times. */
function nested(text: string, depth: number): string {
  let json = JSON.stringify(text)
  for (let level = 1; level < depth; level++) json = JSON.stringify(`{"ack":${json}}`)
  return `{"ack":${json}}`
}

function objects(member: (n: number) => string, count: number): string {
  return `{${Array.from({ length: count }, (_, n) => member(n)).join()}}`.slice(0, SIZE)
}

const bodies: Record<string, () => string | Buffer> = {
  'MSA|A~': () => many('MSA|A~\r'),
  'MSA|AA|x': () => many('MSA|AA|x\r'),
  'MSA of escapes': () => many('MSA|\\X41\\|\\X42\\\r', msh),
  'bare MSA': () => many('MSA\r', msh),
  'MSA-6': () => many('MSA|AA|||||207^x&y\r', msh),
  'ERR of a code': () => many('ERR|||207^x^y|E\r', head),
  'ERR of everything': () => many(full, head),
  'ERR of repetitions': () => many('ERR|~&|~&|~&|~&|~&|~&|~&|~&x\r', head),
  'bare ERR': () => many('ERR|1\r', head),
  'short ERR of repetitions': () => many('ERR|~1\r', head),
  'ERR before their MSA': () => many('ERR|1\r', msh, 'MSA|AE|1\rMSA|AE|2\r'),
  'ERR of many fields': () => many(`ERR${'|y'.repeat(700)}\r`, head),
  'ERR of many components': () => many(`ERR||||||||${'y^'.repeat(690)}\r`, head),
  'ERR of many sub-components': () => many(`ERR||||||||y&z${'~y&z'.repeat(2_000)}\r`, head),
  'long ERR of repetitions': () =>
    many(`ERR|${'a~'.repeat(20_000)}|${'a&b~'.repeat(9_000)}\r`, head),
  'one field of |': () => many('|', `${head}ERR`),
  'one field of ^': () => many('^', `${head}ERR|`),
  'one field of ~': () => many('~', `${head}ERR|`),
  'one field of &': () => many('&', `${head}ERR|`),
  'one field of backslashes': () => many('\\', `${head}ERR||||||||`),
  'one field of all separators': () => many('a&b^c~', `${msh}MSA|AE|`),
  'escapes in MSA-1': () => many('\\X41\\', `${msh}MSA|`),
  'escapes in MSA-3': () => many('\\X41\\', `${msh}MSA|AE|M1|`),
  'escapes of two bytes': () => many('\\XC3A9\\', `${msh}MSA|AE|M1|`),
  'one long escape': () => many('41', `${msh}MSA|AE|M1|\\X`, '\\'),
  'many small files': () => many('FHS|^~\\&\rBHS|^~\\&\r'),
  'many batches': () => many('BHS|\r', 'BHS|^~\\&\r'),
  'many trailers': () => many('BTS\r', 'BHS|^~\\&\r'),
  'many messages': () => many('MSH|^~\\&\rMSA|AA\r'),
  'many headers': () => many('MSH|\r'),
  'odd separators': () => many('MSH$%@*!\rMSA$A@!%\r'),
  'blank lines': () => many('\r', msh, 'MSA|AA'),
  'lines of blanks': () => many(' \r', msh, 'MSA|AA'),
  'line feeds': () => many('\n', msh, 'MSA|AA'),
  'segments with LF': () => many('MSA|A~\n', msh),
  'framed lines': () => many('\x0bMSA|A~\x1c\n', msh),
  'framing alone': () => many('\x0b\x1c\r', msh, 'MSA|AA'),
  'an end of framing': () => many('\x1c\r', `${msh}MSA|AA`),
  'short lines': () => many('a\r', msh, 'MSA|AA'),
  'UTF-16': () => Buffer.from(`\ufeff${many('MSA|A~\r').slice(0, SIZE / 2 - 2)}`, 'utf16le'),
  HTML: () => many('<p>Bad Gateway</p>\nMSA|A~\n', '<html>'),
  'capital letters that grow in lower case': () => many('\u0130', `${msh}MSA|AE|M1|`),
  'one letter': () => many('a', `${msh}MSA|AE|M1|`),
  'two letters': () => many('xaab', `${msh}MSA|AE|M1|`),
  'JSON of distinct names': () => objects((n) => `"${n.toString(36)}":"abcdef"`, 200_000),
  'JSON of many acknowledgements': () => objects((n) => `"ack${n}":"MSA|AA"`, 90_000),
  'deeply nested JSON': () => '['.repeat(SIZE / 2) + ']'.repeat(SIZE / 2),
  'nested JSON that is never closed': () => many('['),
  'JSON of empty lists': () => many('[],', '[', '0]'),
  'JSON in JSON in JSON': () => nested(many('MSA|A~\\r', msh).slice(0, 400_000), 3),
  'JSON of texts like HL7': () => many('"MSH|xx",', '[0,', '0]'),
  'JSON of acknowledgements': () => many('"MSA|A~&|1",', '[', '0]'),
  'JSON of texts like base64 of HL7': () => many('"TVNIfA",', '[', '0]'),
  'JSON of base64': () => many(`"${base64('MSA|A~|1')}",`, '[', '0]'),
  'JSON of short texts': () => many('"abcdef",', '[', '0]'),
  'JSON of texts of JSON': () => many('"[\\"a,",', '[', '0]'),
  'JSON of one long text': () => JSON.stringify({ ack: many('MSA|A~\r').slice(0, 1_700_000) }),
  'JSON of one text in base64': () =>
    JSON.stringify({ ack: base64(many('MSA|A~\r')) }).slice(0, SIZE),
  'JSON of texts of XML': () => many('"<a>b</a>",', '[', '0]'),
  'a list of 100,000 segments': () => many('"MSA|AA|x",', '["MSH|^~\\\\&|",', '"MSA|AE"]'),
  'lists of segments': () =>
    `[${Array(100)
      .fill(JSON.stringify(['MSH|^~\\&|', ...Array<string>(150).fill('MSA|A~|x')]))
      .join()}]`,
  'XML of short texts': () => many('<b>TVNIfA</b>', '<a>'),
  'XML of tags': () => many('<a>'),
  'XML of references': () => many('&#77;', '<a>', '<b/>'),
  'XML of references and tags': () => many('&#77;<b/>', '<a>'),
  'XML of ampersands': () => many('&', '<a>', '<b/>'),
  'XML of CDATA sections': () => many('<![CDATA[]]]]><![CDATA[>]]>', '<a>', '<b/>'),
  'XML with a CDATA section that is never closed': () => many(']]', '<a><![CDATA['),
  'XML of comments': () => many('<!---->', '<a>'),
  'XML with attributes that are never closed': () => many(`"'`, '<a b="'),
  'XML of one name': () => many('a:', '<', '/>'),
  'XML in XML': () => many('&lt;a&gt;', '<a>', '<b/>'),
  'XML in texts of XML': () => many('<![CDATA[<a>b</a>]]><c/>', '<a>'),
  base64: () => base64(many('MSA|A~\r')).slice(0, SIZE - 4),
  'base64 in lines of one letter': () =>
    base64(many('MSA|A~\r')).slice(0, 1_000_000).replace(/./g, '$&\n')
}

/** As many rules as fit in 10,000 characters, the most that is allowed. */
function longest(rule: (n: number) => string): ReplyRules {
  const texts: string[] = []
  for (let length = 0, n = 0; ; n++) {
    const text = rule(n)
    length += text.length + 1
    if (length > 10_000) return parseReplyRules(texts.join())
    texts.push(text)
  }
}

/**
 * Rules for each way of reading a reply, with the bodies in which they find anything to read. A body
 * without it is read as with the default: what takes long is to find its segments, whatever the
 * rules are.
 */
const rules: readonly (readonly [rules: ReplyRules, bodies: RegExp])[] = [
  [parseReplyRules(''), /^/],
  // Each text of the reply.
  [longest((n) => `@*x${n}=F`), /^/],
  // Texts that begin or end alike.
  [longest((n) => `@*"${'a'.repeat(230)}b${n}"=F`), /aa/],
  [longest((n) => `@*"b${n}${'a'.repeat(230)}"=F`), /aa/],
  // Fields, components, places and texts.
  [longest((n) => `@ERR-${n + 1}:x=F`), /ERR/],
  [longest((n) => `@ERR-8.${n + 1}:x=F`), /ERR/],
  [longest((n) => `@ERR[${n + 1}]-8(${(n % 9) + 1}).${(n % 7) + 1}.2*x=F`), /ERR/],
  [longest((n) => `@ERR-8*x${n}=F`), /ERR/],
  [longest((n) => `@MSA-3*x${n}=F`), /MSA\|[^|\r]*\|[^|\r]*\|./],
  // Everything else.
  [longest((n) => ['@severity:W=S', ':I?=S', ':T?=S', `:x${n}=S`][n % 4] ?? ''), /^/]
]

const name = { controlId: 'M1', type: 'ADT^A01' }
const parcel = {
  message: readOutgoingMessage('MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5.1', 'auto'),
  input: {},
  responseTimeoutMs: 1000
}

function courier(body: Buffer, charset: string, rules: ReplyRules): Courier {
  const headers = { 'content-type': `text/plain${charset && `; charset=${charset}`}` }
  const connection = {}
  const receiver = {
    prepare: () => Promise.resolve({}),
    send: () => Promise.resolve({ status: 200, headers, body, connection })
  }
  return new Courier({
    receiver: receiver as unknown as Receiver,
    tokens: undefined,
    refreshOnStatus: new Set(),
    rules,
    reply: { replyEncoding: 'auto' },
    secrets: []
  })
}

/**
 * The most CPU time, in milliseconds, that this process spent between two turns of its event loop;
 * what other processes use does not count.
 */
async function longestStall<T>(work: () => Promise<T>): Promise<[stallMs: number, result: T]> {
  let longest = 0
  let before = process.cpuUsage()
  let next = setImmediate(tick)
  function tick(): void {
    const { user, system } = process.cpuUsage(before)
    longest = Math.max(longest, (user + system) / 1000)
    before = process.cpuUsage()
    next = setImmediate(tick)
  }
  try {
    const result = await work()
    const { user, system } = process.cpuUsage(before)
    return [Math.max(longest, (user + system) / 1000), result]
  } finally {
    clearImmediate(next)
  }
}

/** The CPU time for reading each character of such a reply eight times, in milliseconds. */
function unit(): number {
  const text = many('MSA|A~\r')
  const before = process.cpuUsage()
  let sum = 0
  for (let round = 0; round < 8; round++) {
    for (let at = 0; at < text.length; at++) sum ^= text.charCodeAt(at)
  }
  assert.equal(sum, 0)
  return process.cpuUsage(before).user / 1000
}

/** About 300 ms on a machine where the longest piece of work takes 200. */
const bound = 12 * Math.max(25, unit(), unit(), unit())

async function attempt(body: Buffer, charset: string, its: ReplyRules): Promise<AttemptResult> {
  let quickest: [number, AttemptResult] | undefined
  // Compilation and garbage collection slow down some rounds, but not all.
  for (let round = 0; round < 4; round++) {
    const found = await longestStall(() => courier(body, charset, its).attempt(parcel))
    if (quickest === undefined || found[0] < quickest[0]) quickest = found
    if (quickest[0] < bound) break
  }
  assert.ok(quickest)
  assert.ok(quickest[0] < bound, `${quickest[0]} ms, at most ${bound} allowed`)
  return quickest[1]
}

describe('a reply of the largest size does not block the event loop', () => {
  for (const [what, make] of Object.entries(bodies)) {
    it(`of ${what}`, async () => {
      const body = Buffer.from(make())
      assert.ok(body.length <= SIZE && body.length > 1_000, String(body.length))
      const text = body.toString()
      for (const [its, bodies] of rules) {
        if (!bodies.test(text)) continue
        const result = await attempt(body, '', its)
        const start = process.cpuUsage()
        settlementOf(name, 1, result, 0)
        assert.ok(process.cpuUsage(start).user / 1000 < bound)
      }
    })
  }

  const bytes = {
    segments: () => Buffer.from(many('MSA|A~\r')),
    'bytes beyond ASCII': () => Buffer.alloc(SIZE, 0xe9),
    'one character': () => Buffer.from(many('$"', `${msh}MSA|AE|M1|\x1b$B`)),
    'changes of the set': () => Buffer.from(many('\x1b$B$"\x1b(B', `${msh}MSA|AE|M1|`))
  }
  for (const charset of ['iso-2022-jp', 'gb18030', 'shift_jis', 'utf-16', 'windows-1252']) {
    for (const [what, make] of Object.entries(bytes)) {
      it(`of ${what} in ${charset}`, async () => {
        await attempt(make(), charset, parseReplyRules(''))
      })
    }
  }
})

describe('a long reply', () => {
  it('is a refusal wherever in it the refusal is', async () => {
    const accepted = 'MSA|AA|M1\r'
    for (const [text, outcome] of [
      [many(accepted, msh, 'MSA|AR|M1\r'), 'fail'],
      [many(accepted, `${msh}MSA|AE|M1\r`), 'fail'],
      [many('ERR|||0|I\r', `${msh}MSA|AE|M1\r`, 'ERR|||207|E\r'), 'fail'],
      [many('ERR|||0|I\r', `${msh}MSA|AE|M1\r`), 'accept'],
      [many(accepted, msh), 'accept']
    ] as const) {
      const its = parseReplyRules('(:?E&@severity:I)=C,:?A=C')
      const { decision } = await attempt(Buffer.from(text), '', its)
      assert.equal(decision.outcome, outcome, text.slice(0, 60))
    }
  })

  it('is searched to its end', async () => {
    const its = parseReplyRules('@ERR-3:207=S,@ERR[150002]-8*late=D,@*nowhere=C,:?E=F')
    const late = 'ERR|||208|||||Too LATE\r'
    const errs = 'ERR|||1\r'.repeat(150_000)
    for (const [last, outcome] of [
      [`ERR|||207\r${late}`, 'suspend'],
      [`ERR|||9\r${late}`, 'disable'],
      [`${late}ERR|||9\r`, 'fail'],
      ['NTE|Nowhere\r', 'accept']
    ] as const) {
      const { decision } = await attempt(Buffer.from(head + errs + last), '', its)
      assert.equal(decision.outcome, outcome, last)
    }
  })
})
