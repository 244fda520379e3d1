/**
 * A guard against work that grows faster than the reply: the largest reply of each shape that an
 * attacker could choose. How long the event loop stands still is a matter of the bench.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { settlementOf } from '../../src/delivery/settlement.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { Exchange, leaving } from '../support/exchange.ts'

/** Half of the default limit for the size of a reply, in bytes: enough to tell. */
const SIZE = 1_048_576

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
  'MSA of escapes': () => many('MSA|\\X41\\|\\X42\\\r', msh),
  'bare MSA': () => many('MSA\r', msh),
  'MSA-6': () => many('MSA|AA|||||207^x&y\r', msh),
  'ERR of a code': () => many('ERR|||207^x^y|E\r', head),
  'ERR of everything': () => many(full, head),
  'ERR of repetitions': () => many('ERR|~&|~&|~&|~&|~&|~&|~&|~&x\r', head),
  'short ERR of repetitions': () => many('ERR|~1\r', head),
  'ERR before their MSA': () => many('ERR|1\r', msh, 'MSA|AE|1\rMSA|AE|2\r'),
  'ERR of many fields': () => many(`ERR${'|y'.repeat(700)}\r`, head),
  'ERR of many sub-components': () => many(`ERR||||||||y&z${'~y&z'.repeat(2_000)}\r`, head),
  'long ERR of repetitions': () =>
    many(`ERR|${'a~'.repeat(20_000)}|${'a&b~'.repeat(9_000)}\r`, head),
  'one field of ^': () => many('^', `${head}ERR|`),
  'one field of ~': () => many('~', `${head}ERR|`),
  'one field of backslashes': () => many('\\', `${head}ERR||||||||`),
  'one field of all separators': () => many('a&b^c~', `${msh}MSA|AE|`),
  'escapes in MSA-1': () => many('\\X41\\', `${msh}MSA|`),
  'escapes of two bytes': () => many('\\XC3A9\\', `${msh}MSA|AE|M1|`),
  'one long escape': () => many('41', `${msh}MSA|AE|M1|\\X`, '\\'),
  'many small files': () => many('FHS|^~\\&\rBHS|^~\\&\r'),
  'many messages': () => many('MSH|^~\\&\rMSA|AA\r'),
  'many headers': () => many('MSH|\r'),
  'odd separators': () => many('MSH$%@*!\rMSA$A@!%\r'),
  'blank lines': () => many('\r', msh, 'MSA|AA'),
  'line feeds': () => many('\n', msh, 'MSA|AA'),
  'segments with LF': () => many('MSA|A~\n', msh),
  'framed lines': () => many('\x0bMSA|A~\x1c\n', msh),
  'an end of framing': () => many('\x1c\r', `${msh}MSA|AA`),
  'short lines': () => many('a\r', msh, 'MSA|AA'),
  'UTF-16': () => Buffer.from(`\ufeff${many('MSA|A~\r').slice(0, SIZE / 2 - 2)}`, 'utf16le'),
  HTML: () => many('<p>Bad Gateway</p>\nMSA|A~\n', '<html>'),
  'capital letters that grow in lower case': () => many('\u0130', `${msh}MSA|AE|M1|`),
  'one letter': () => many('a', `${msh}MSA|AE|M1|`),
  'JSON of distinct names': () => objects((n) => `"${n.toString(36)}":"abcdef"`, 200_000),
  'JSON of many acknowledgements': () => objects((n) => `"ack${n}":"MSA|AA"`, 90_000),
  'deeply nested JSON': () => '['.repeat(SIZE / 2) + ']'.repeat(SIZE / 2),
  'JSON of empty lists': () => many('[],', '[', '0]'),
  'JSON in JSON in JSON': () => nested(many('MSA|A~\\r', msh).slice(0, 200_000), 3),
  'JSON of texts like HL7': () => many('"MSH|xx",', '[0,', '0]'),
  'JSON of acknowledgements': () => many('"MSA|A~&|1",', '[', '0]'),
  'JSON of texts like base64 of HL7': () => many('"TVNIfA",', '[', '0]'),
  'JSON of base64': () => many(`"${base64('MSA|A~|1')}",`, '[', '0]'),
  'JSON of texts of JSON': () => many('"[\\"a,",', '[', '0]'),
  'JSON of one long text': () => JSON.stringify({ ack: many('MSA|A~\r').slice(0, 800_000) }),
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
    base64(many('MSA|A~\r')).slice(0, 500_000).replace(/./g, '$&\n')
}

/** Rules of every kind: as many that search the reply as are allowed, then as many as fit. */
const rules = (() => {
  const alike = 'a'.repeat(100)
  const texts: string[] = []
  for (let n = 1; n <= 6; n++) {
    texts.push(
      // Each text of the reply; texts that begin or end alike.
      ...[`@*x${n}=F`, `@*"${alike}b${n}"=F`, `@*"b${n}${alike}"=F`],
      // Fields, components, places and texts.
      ...[`@ERR-${n}:x=F`, `@ERR-8.${n}:x=F`, `@ERR[${n}]-8(${n}).${n}.2*x=F`],
      ...[`@ERR-8*x${n}=F`, `@MSA-3*x${n}=F`]
    )
  }
  texts.push('@ERR-3.2*x=F', '@MSH-9.2:x=F')
  for (let n = 1; texts.join().length < 9_900; n++) {
    texts.push('@severity:W=S', ':I?=S', ':T?=S', `:x${n}=S`)
  }
  return parseReplyRules(texts.join())
})()

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start({ maxResponseBytes: SIZE })
})
after(() => exchange.close())

/**
 * What is linear takes a few tenths of a second of CPU time for such a reply, also on a busy machine;
 * what is quadratic takes minutes.
 */
const ENOUGH_MS = 4_000

async function attempt(body: Buffer, charset = '', its = rules): Promise<AttemptResult> {
  const start = process.cpuUsage()
  const type = `text/plain${charset && `; charset=${charset}`}`
  const result = await exchange.attempt({ body, type }, { rules: its })
  settlementOf({ controlId: 'M1', type: 'ADT^A01' }, 1, result, 0)
  const { user, system } = process.cpuUsage(start)
  assert.ok(result.reply, result.error?.text)
  const ms = (user + system) / 1000
  assert.ok(ms < ENOUGH_MS, `${ms} ms`)
  return result
}

describe('a reply of the largest size', () => {
  for (const [what, make] of Object.entries(bodies)) {
    it(`of ${what}`, async () => {
      const body = Buffer.from(make())
      assert.ok(body.length <= SIZE && body.length > 100_000, String(body.length))
      await attempt(body)
    })
  }

  for (const charset of ['iso-2022-jp', 'gb18030', 'shift_jis', 'utf-16', 'windows-1252']) {
    it(`of bytes beyond ASCII in ${charset}`, async () => {
      await attempt(Buffer.alloc(SIZE, 0xe9), charset)
    })
  }
  it('of changes of the set in iso-2022-jp', async () => {
    await attempt(Buffer.from(many('\x1b$B$"\x1b(B', `${msh}MSA|AE|M1|`)), 'iso-2022-jp')
  })

  it('is read in several turns of the event loop', async () => {
    /** How often other work could run while the reply was read. */
    const turnsFor = async (body: string): Promise<number> => {
      let turns = 0
      const watchWork = async <T>(work: () => Promise<T>): Promise<T> => {
        turns = 0
        let next = setImmediate(count)
        function count(): void {
          turns++
          next = setImmediate(count)
        }
        try {
          return await work()
        } finally {
          clearImmediate(next)
        }
      }
      await exchange.attempt({ body }, { rules, watchWork })
      return turns
    }
    assert.equal(await turnsFor(head), 0)
    assert.ok((await turnsFor(many(full, head))) >= 4)
  })
})

describe('a long reply', () => {
  it('is a refusal wherever in it the refusal is', async () => {
    const accepted = 'MSA|AA|M1\r'
    const its = parseReplyRules('(:?E&@severity:I)=C,:?A=C')
    for (const [text, leaves] of [
      [many(accepted, msh, 'MSA|AR|M1\r'), 'NAK'],
      [many(accepted, `${msh}MSA|AE|M1\r`), 'NAK'],
      [many('ERR|||0|I\r', `${msh}MSA|AE|M1\r`, 'ERR|||207|E\r'), 'NAK'],
      [many('ERR|||0|I\r', `${msh}MSA|AE|M1\r`), 'ACK'],
      [many(accepted, msh), 'ACK']
    ] as const) {
      assert.equal(leaving(await attempt(Buffer.from(text), '', its)), leaves, text.slice(0, 60))
    }
  })

  it('is searched to its end', async () => {
    const its = parseReplyRules('@ERR-3:207=S,@ERR[100002]-8*late=D,@*nowhere=C,:?E=F')
    const late = 'ERR|||208|||||Too LATE\r'
    const few = 'ERR|||1\r'.repeat(9_000)
    const many = 'ERR|||1\r'.repeat(100_000)
    for (const [errs, last, leaves] of [
      [few, 'ERR|||207\r', 'suspended'],
      [many, `ERR|||9\r${late}`, 'paused'],
      [many, `${late}ERR|||9\r`, 'NAK'],
      [many, 'NTE|Nowhere\r', 'ACK']
    ] as const) {
      assert.equal(leaving(await attempt(Buffer.from(head + errs + last), '', its)), leaves, last)
    }
  })
})
