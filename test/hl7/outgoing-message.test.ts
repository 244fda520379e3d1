import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import jsonata from 'jsonata'
import { decode, charsetOfLabel, encode } from '../../src/hl7/charset.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { parsePath } from '../../src/hl7/path.ts'
import fc from '../support/properties.ts'

/** An admission of a fictitious patient, with the MSH fields that a test needs. */
function admission({ set = '', id = 'ID1', accept = '', application = '', name = 'Doe' } = {}) {
  return (
    `MSH|^~\\&|APP|FAC^1.2^ISO|||202601011200||ADT^A01^ADT_A01|${id}|P|2.5.1|||${accept}|` +
    `${application}||${set}\rPID|1||123^^^X~456||${name}^Jo\\T\\e&x\rOBX|1|ST|||\rOBX|2|ST|||v\r`
  )
}

describe('readOutgoingMessage', () => {
  it('reads everything that is needed of a message', () => {
    const text = admission()
    const message = readOutgoingMessage(text, 'auto')
    assert.equal(message.text, text)
    assert.equal(message.bytes.toString(), text)
    assert.equal(message.charset, 'utf-8')
    assert.equal(message.controlId, 'ID1')
    assert.deepEqual(message.controlIds, ['ID1'])
    assert.equal(message.type, 'ADT^A01')
    assert.equal(message.version, '2.5.1')
    assert.equal(message.replyDue, true)
    assert.deepEqual(message.warnings, [])
  })

  it('returns the value at a path', () => {
    for (const payload of [admission(), Buffer.from(admission())]) {
      const message = readOutgoingMessage(payload, 'auto')
      const table: [string, string][] = [
        ['MSH-1', '|'],
        ['MSH-2', '^~\\&'],
        ['MSH-4.1', 'FAC'],
        ['MSH-4.2', '1.2'],
        ['MSH[2]-4.1', ''],
        ['PID-3', '123'],
        ['PID-3(2)', '456'],
        ['PID-3(3)', ''],
        ['PID-5.2', 'Jo&e&x'],
        ['PID-5.2.1', 'Jo&e'],
        ['OBX-5', ''],
        ['OBX[2]-5', 'v'],
        ['ZZZ-1', '']
      ]
      for (const [path, expected] of table) {
        assert.equal(message.value(parsePath(path)), expected, path)
      }
    }
  })

  it('accepts other separators', () => {
    const message = readOutgoingMessage('MSH:;~\\&:A:::::: ADT;A01:X1:P:2.3\r', 'auto')
    assert.equal(message.controlId, 'X1')
    assert.equal(message.type, ' ADT^A01')
  })

  it('takes the whole MSH-10, unescaped, whatever characters it has', () => {
    const table: [string, string, string[]][] = [
      ['A^B', 'A^B', ['A^B', 'A']],
      ['A~B', 'A~B', ['A~B', 'A']],
      ['A&B', 'A&B', ['A&B']],
      ['A\\S\\B', 'A^B', ['A^B']],
      ['^B', '^B', ['^B']],
      // Trailing blanks are no part of it.
      ['A  ', 'A', ['A']],
      [' A ^B ', ' A ^B', [' A ^B', ' A']]
    ]
    for (const [id, whole, ids] of table) {
      const message = readOutgoingMessage(admission({ id }), 'auto')
      assert.equal(message.controlId, whole)
      assert.deepEqual(message.controlIds, ids)
    }
    const batch = `FHS|^~\\&|||||||||F^1\rBHS|^~\\&|||||||||B~1\r${admission()}`
    const { controlId, controlIds } = readOutgoingMessage(batch, 'auto')
    assert.equal(controlId, 'F^1')
    assert.deepEqual(controlIds, ['F^1', 'B~1', 'ID1', 'F', 'B'])
  })

  it('has a type without a trigger event, or none', () => {
    assert.equal(readOutgoingMessage('MSH|^~\\&|||||||ACK|1\r', 'auto').type, 'ACK')
    assert.equal(readOutgoingMessage('MSH|^~\\&||||||||1\r', 'auto').type, '')
  })

  it('keeps blank lines inside, and skips them when reading', () => {
    const spaced = admission({ name: 'é' }).replaceAll('\r', '\r\r \r')
    const sent = spaced.slice(0, spaced.lastIndexOf('\r\r \r')) + '\r'
    const batch = `BHS|^~\\&|||||||||B1\r\r${sent}`
    for (const text of [`\x0b${spaced}\x1c\r`, spaced.replaceAll('\r', '\r\n')]) {
      for (const payload of [text, Buffer.from(text), Buffer.from(text, 'utf16le')]) {
        const message = readOutgoingMessage(payload, 'auto')
        assert.equal(message.text, sent)
        assert.equal(decode(message.bytes, charsetOfLabel(message.charset) ?? assert.fail()), sent)
        assert.equal(message.value(parsePath('OBX[2]-5')), 'v')
      }
    }
    assert.deepEqual(readOutgoingMessage(batch, 'auto').controlIds, ['B1', 'ID1'])
    assert.equal(readOutgoingMessage(Buffer.from(batch), 'auto').text, batch)
  })

  it('lists the values of a field in all segments and repetitions, up to a limit', () => {
    const text = `${admission()}ZX1|1||a&b~~c^d\rZX1|2||M\\T\\N\r`
    const message = readOutgoingMessage(text, 'auto')
    const values = (path: string, most = 100): string[] => message.values(parsePath(path), most)
    assert.deepEqual(values('ZX1-3'), ['a&b', 'c', 'M&N'])
    assert.deepEqual(values('ZX1-3', 1), ['a&b'])
    assert.deepEqual(values('ZX1[2]-3'), ['M&N'])
    assert.deepEqual(values('ZX1-3(3).2'), ['d'])
    assert.deepEqual(values('ZX1-3.1.2'), ['b'])
    assert.deepEqual(values('ZZZ-1'), [])
  })

  it('accepts any Uint8Array, including part of a larger one', () => {
    const whole = new Uint8Array(Buffer.from(`xx${admission()}yy`))
    const part = whole.subarray(2, whole.length - 2)
    assert.equal(readOutgoingMessage(part, 'auto').text, admission())
  })

  it('may have a backslash before r or n, where no segment follows', () => {
    const table = [
      admission().replace('|APP|', '|CORP\\nAPP|').replace('|FAC', '|FAC\\rEVN|'),
      admission({ id: 'HOST\\nID1' }),
      admission().replace('|P|', '|P|2.5.1\\r|\\R\\EVN|PID\\rx|\\nab1|'),
      `${admission()}NTE|1||first\\nOBX|second\\rNTE|\r`,
      `${admission().split('\r')[0]}|CORP\\nEVN\r`,
      // MSH-14 names a folder.
      admission().replace('\r', '|||C:\\data\\nABC|\r'),
      `${admission()}NTE|1||a\r\\network share|\r`
    ]
    for (const text of table) assert.equal(readOutgoingMessage(text, 'auto').text, text)
  })

  it('may have a control ID of 199 characters', () => {
    const id = 'x'.repeat(199)
    assert.equal(readOutgoingMessage(admission({ id }), 'auto').controlId, id)
  })

  describe('a payload that is not a message', () => {
    const escaped = /two characters \\r \(or \\n\) stand as text where a line should end\. /
    const other = 'MSH:;~\\&:A:B:::2026::ADT;A01:1:P:2.3'
    const halfReplaced = admission().replaceAll('\r', '\r\\n')
    const table: [string, unknown, RegExp][] = [
      ['missing', undefined, /is missing/],
      ['null', null, /is missing/],
      ['a number', 12, /of type number/],
      ['an object', { PID: 'Secret' }, /of type object/],
      ['an array', ['MSH|'], /is an array/],
      ['a function', () => 'MSH|', /of type function/],
      ['empty', '', /is empty/],
      ['an empty Buffer', Buffer.alloc(0), /is empty/],
      ['blank', ' \r\n\t', /is empty/],
      ['HTML', '<html>Secret</html>', /looks like HTML/],
      ['JSON', '{"Secret": 1}', /looks like JSON/],
      ['a list in JSON', '["Secret"]', /looks like JSON/],
      ['words', 'Secret', /does not start with MSH, FHS or BHS\. /],
      ['a segment before MSH', 'PID|Secret\rMSH|^~\\&\r', /does not start with MSH/],
      ['a space before MSH', ' MSH|^~\\&|Secret', /does not start with MSH/],
      ['lower case', 'msh|^~\\&|Secret', /does not start with MSH/],
      ['MSH alone', 'MSH', /declares no field separator/],
      ['a word', 'MSHSecret', /declares no field separator/],
      ['MSH without fields', 'MSH|', /no control ID/],
      ['a short MSH', 'MSH|^~\\&|Secret', /no control ID/],
      ['an empty MSH-10', admission({ id: '' }), /no control ID/],
      ['a blank MSH-10', admission({ id: '  ' }), /no control ID/],
      ['MSH-10 only in the second message', `MSH|^~\\&\r${admission()}`, /no control ID/],
      ['a batch without any ID', 'FHS|^~\\&\rBHS|^~\\&\rBTS\rFTS', /no control ID/],
      [
        'an MSH-10 of 200 characters',
        admission({ id: 'x'.repeat(200) }),
        /more than 199 characters/
      ],
      [
        'a BHS-11 of 200 characters',
        `BHS|^~\\&|||||||||${'x'.repeat(200)}\r${admission()}`,
        /more than 199 characters/
      ],
      ['line ends as text', admission().replaceAll('\r', '\\r'), escaped],
      ['line ends as text, in a Buffer', Buffer.from(admission().replaceAll('\r', '\\n')), escaped],
      ['CR and LF as text', admission().replaceAll('\r', '\\r\\n'), escaped],
      [
        'line ends as text after MSH-11',
        'MSH|^~\\&|APP|FAC|||2026||ADT^A01|1|P\\rPID|1||Secret\\r',
        escaped
      ],
      [
        'line ends as text in a batch',
        `BHS|^~\\&|||||||||B1\r${admission()}BTS|1\r`.replaceAll('\r', '\\r'),
        escaped
      ],
      ['CR and LF as text, of which only CR was replaced', halfReplaced, escaped],
      ['the same in a Buffer', Buffer.from(halfReplaced), escaped],
      ['the same in UTF-16', Buffer.from(`\ufeff${halfReplaced}`, 'utf16le'), escaped],
      ['the same in one segment', 'MSH|^~\\&|||||||ADT^A01|1|P|2.5\r\\n', escaped],
      ['line ends as text, and other separators', `${other}\\nPID:1::Secret\r`, escaped],
      ['bytes that are not text', Buffer.from([1, 2, 3, 255]), /does not start with MSH/],
      ['words in UTF-16', Buffer.from('\ufeffSecret', 'utf16le'), /does not start with MSH/],
      [
        'a letter before wide characters',
        Buffer.concat([Buffer.from('X'), Buffer.from(admission(), 'utf16le')]),
        /does not start with MSH/
      ]
    ]
    for (const [name, payload, expected] of table) {
      it(name, () => {
        assert.throws(
          () => readOutgoingMessage(payload, 'auto'),
          (error) =>
            error instanceof Hl7Error &&
            error.code === 'HL7_INVALID_MESSAGE' &&
            expected.test(error.message) &&
            !error.message.includes('Secret')
        )
      })
    }
  })

  it('may be one segment with a backslash that is no line end as text', () => {
    for (const msh of [
      'MSH|^~\\&|HOSP\\rADT|WARD\\nLAB|||2026||ADT^A01|ID1|P|2.5',
      'MSH|^~\\&|APP|FAC|||2026||ADT^A01|ID1|P|2.5|\\nABCD|x',
      'MSH|^~\\&|APP|FAC|||2026||ADT^A01|ID1|P|2.5|\\nA-C|x',
      'MSH|^~\\&|APP|FAC|||2026||ADT^A01|ID1|P|2.5|\\nPID'
    ]) {
      assert.equal(readOutgoingMessage(`${msh}\r`, 'auto').controlId, 'ID1')
    }
  })

  it('advises an expression that turns line ends as text into line ends', async () => {
    for (const end of ['\\r', '\\n', '\\r\\n']) {
      const payload = admission().replaceAll('\r', end)
      let advice = ''
      assert.throws(
        () => readOutgoingMessage(payload, 'auto'),
        (error: Error) => (advice = /\$replace\(.*\)/.exec(error.message)?.[0] ?? '') !== ''
      )
      assert.equal(await jsonata(advice).evaluate({ payload }), admission())
    }
  })

  describe('batches and files', () => {
    const file = (fhs: string, bhs: string, id = 'M1') =>
      `FHS|^~\\&|||||||||${fhs}\rBHS|^~\\&|||||||||${bhs}\r` +
      `${admission({ id })}${admission({ id: 'M2' })}BTS|2\rFTS|1\r`

    const table: [string, string, string, string[]][] = [
      ['FHS-11', file('F1', 'B1'), 'F1', ['F1', 'B1', 'M1', 'M2']],
      ['BHS-11', file('', 'B1'), 'B1', ['B1', 'M1', 'M2']],
      ['the first MSH-10', file('', ''), 'M1', ['M1', 'M2']],
      ['the first MSH-10 that is not empty', file('', '', ''), 'M2', ['M2']],
      [
        'BHS-11 without a file',
        file('', 'B1').slice(file('', 'B1').indexOf('BHS')),
        'B1',
        ['B1', 'M1', 'M2']
      ],
      [
        'MSH-10 of two without a batch',
        admission() + admission({ id: 'M2' }),
        'ID1',
        ['ID1', 'M2']
      ],
      ['FHS-11 with a blank BHS-11', file('F1', ' '), 'F1', ['F1', 'M1', 'M2']],
      [
        'blanks before headers',
        file('F1', 'B1').replaceAll('\rMSH', '\r \tMSH').replace('BHS', ' BHS'),
        'F1',
        ['F1', 'B1', 'M1', 'M2']
      ],
      [
        'no header within a segment',
        `${file('F1', 'B1')}NTE|1||see MSH|^~\\&|||||||||M9\r`,
        'F1',
        ['F1', 'B1', 'M1', 'M2']
      ],
      ['FHS-11 of an empty file', 'FHS|^~\\&|||||||||F1\rFTS|0\r', 'F1', ['F1']]
    ]
    for (const [name, text, id, ids] of table) {
      it(name, () => {
        for (const payload of [text, Buffer.from(text)]) {
          const message = readOutgoingMessage(payload, 'auto')
          assert.equal(message.controlId, id)
          assert.deepEqual(message.controlIds, ids)
          assert.equal(message.type, ids.length === 1 && id === 'F1' ? '' : 'ADT^A01')
          assert.equal(message.text, text)
        }
      })
    }
  })

  describe('whether a reply is due', () => {
    const table: [string, string, boolean][] = [
      ['', '', true],
      ['AL', '', true],
      [' AL ', 'NE', true],
      ['', 'AL', true],
      ['AL', 'NE', true],
      ['NE', 'AL', true],
      ['SU', 'NE', true],
      ['ER', 'SU', true],
      ['al', 'NE', true],
      ['""', '""', true],
      ['NE', 'NE', false],
      ['NE', '', false],
      ['', 'NE', false],
      ['ER', 'ER', false],
      ['ER', 'NE', false]
    ]
    for (const [accept, application, due] of table) {
      it(`MSH-15 ${accept || 'empty'}, MSH-16 ${application || 'empty'}: ${due ? 'due' : 'none'}`, () => {
        const text = admission({ accept, application })
        assert.equal(readOutgoingMessage(text, 'auto').replyDue, due)
      })
    }

    it('is due for a batch if it is for one of its messages, or if there are none', () => {
      const none = admission({ accept: 'NE', application: 'NE' })
      const batch = (messages: string) =>
        readOutgoingMessage(`BHS|^~\\&|||||||||B1\r${messages}BTS\r`, 'auto')
      assert.equal(batch(none + none).replyDue, false)
      assert.equal(batch(none + admission()).replyDue, true)
      assert.equal(batch('').replyDue, true)
    })
  })

  // How it is sent: charset.test.ts.
  describe('the fields of a Buffer', () => {
    const kanji = '\x1b$B;3ED\x1b(B'
    const table: [what: string, msh18: string, charset: string, bytes: Buffer, value: string][] = [
      // It has the byte of | in Big5.
      ['in the set of the node', '', 'big5', encode('台大醫院', 'big5'), '台大醫院'],
      ['in that of MSH-18', '~ISO IR87', 'auto', Buffer.from(kanji, 'latin1'), '山田'],
      ['in another of MSH-18', '~ISO IR159', 'auto', Buffer.from(kanji, 'latin1'), '山田'],
      ['in ISO-8859-1', '8859/1', 'auto', Buffer.from('Santé', 'latin1'), 'Santé'],
      ['in UTF-8', '', 'auto', Buffer.from('Santé'), 'Santé'],
      ['in ISO-8859-1 if they are not UTF-8', '', 'auto', Buffer.from('Santé', 'latin1'), 'Santé'],
      ['in windows-1252', 'windows-1252', 'auto', Buffer.from('Sant\x80', 'latin1'), 'Sant€']
    ]
    for (const [what, msh18, charset, bytes, value] of table) {
      it(`are read ${what}`, () => {
        const payload = Buffer.concat([
          Buffer.from('MSH|^~\\&|HIS|'),
          bytes,
          Buffer.from(`|R|X|2026||ADT^A01|B1|P|2.5||||||${msh18}\rPID|1\r`)
        ])
        const message = readOutgoingMessage(payload, charset)
        assert.equal(message.value(parsePath('MSH-4')), value)
        assert.equal(message.controlId, 'B1')
        assert.ok(message.text.includes(`|${value}|R|`))
      })
    }
  })

  it('sends every generated message byte for byte, in every character set', () => {
    const sets: [string, string][] = [
      ['', 'aé中\u{1f600}'],
      ['ASCII', 'a?\x7f'],
      ['UNICODE UTF-8', 'é中\u{1f600}'],
      ['UNICODE UTF-16', 'é中\u{1f600}\u0d0a'],
      ['8859/1', 'éüß?'],
      ['8859/2', 'Łódź?'],
      ['8859/5', 'Привет?'],
      ['8859/7', 'Ωα'],
      ['8859/9', 'ğış'],
      ['8859/15', '€é'],
      ['GB 18030-2000', '中文\u{1f600}'],
      ['KS X 1001', '한국'],
      ['BIG-5', '中文']
    ]
    const message = fc.constantFrom(...sets).chain(([set, characters]) => {
      const units = [...Array.from('|^~&\\ "<ab1'), ...Array.from(characters)]
      const line = fc.string({ unit: fc.constantFrom(...units), maxLength: 40 })
      return fc.record({
        set: fc.constant(set),
        lines: fc.array(line.map((rest) => `ZZ1|${rest}`)),
        ending: fc.constantFrom('\r', '\n', '\r\n'),
        before: fc.constantFrom('', '\x0b', '\ufeff', '\r\n'),
        after: fc.constantFrom('', '\x1c\r', '\r\n\r\n')
      })
    })
    fc.assert(
      fc.property(message, ({ set, lines, ending, before, after }) => {
        const head = `MSH|^~\\&|||||||ADT^A01|ID1|P|2.5||||||${set}`
        const text = [head, ...lines].join('\r') + '\r'
        const payload = before + [head, ...lines].join(ending) + ending + after
        const sent = readOutgoingMessage(payload, 'auto')
        const charset = charsetOfLabel(sent.charset)
        assert.ok(charset)
        assert.equal(decode(sent.bytes, charset), text)
        assert.equal(sent.text, text)

        const again = readOutgoingMessage(sent.bytes, 'auto')
        assert.deepEqual(again.bytes, sent.bytes)
        assert.equal(again.text, text)
        assert.equal(again.controlId, 'ID1')
        assert.equal(again.charset, sent.charset)
      }),
      { numRuns: 200 }
    )
  })

  it('throws only its own errors, for any string or bytes, and returns the same twice', () => {
    const start = fc.constantFrom(
      '',
      'MSH',
      'MSH|',
      'MSH|^~\\&|||||||ADT^A01|ID1|',
      'FHS|^~',
      '\x0bBHS|'
    )
    // oxfmt-ignore
    const rest = fc.string({
      unit: fc.constantFrom(
        '|', '^', '~', '\\', '&', '\r', '\n', 'MSH', '\rMSH|', '\x0b', '\x1c', 'a', 'é', '中', '\0',
        '\ud83d', '\u{1f600}'
      )
    })
    const text = fc.tuple(start, rest).map((parts) => parts.join(''))
    const bytes = fc
      .tuple(start, fc.uint8Array())
      .map(([head, tail]) => Buffer.concat([Buffer.from(head), tail]))
    const attempt = (payload: unknown, charset: string): unknown => {
      try {
        const message = readOutgoingMessage(payload, charset)
        return [message.bytes, message.text, message.controlIds, message.type, message.warnings]
      } catch (error) {
        assert.ok(error instanceof Hl7Error, String(error))
        return [error.code, error.message]
      }
    }
    fc.assert(
      fc.property(
        fc.oneof(text, bytes, fc.anything({ maxDepth: 1 })),
        fc.constantFrom('auto', '', 'utf-8', 'us-ascii', 'utf-16', 'big5', 'nonsense'),
        (payload, charset) => {
          assert.deepEqual(attempt(payload, charset), attempt(payload, charset))
        }
      ),
      { numRuns: 100 }
    )
  })

  it('takes a large Buffer without a copy, and a large string with only one copy', () => {
    const text = admission() + `OBX|1|ED|||^^PDF^Base64^${'A'.repeat(1e6)}\r`.repeat(20)
    const payload = Buffer.from(text)
    const used = () => process.memoryUsage().arrayBuffers
    const before = used()
    const taken = readOutgoingMessage(payload, 'auto')
    assert.equal(taken.bytes.buffer, payload.buffer)
    assert.ok(used() - before < 1e6)
    const encoded = readOutgoingMessage(text, 'auto')
    assert.ok(used() - before < 21e6)
    assert.equal(encoded.text, text)
  })
})
