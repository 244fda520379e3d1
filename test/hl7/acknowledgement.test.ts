import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  readAcknowledgement,
  readAcknowledgements,
  type Acknowledgement,
  type AcknowledgementError
} from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'

const msh = 'MSH|^~\\&|REG|ST|||20260101||ACK|R1|P|2.5.1\r'

function read(text: string): Acknowledgement | null {
  const message = readReplyMessage(text)
  assert.ok(message)
  return readAcknowledgement(message)
}

function ack(filled: Partial<Acknowledgement>): Acknowledgement {
  return { code: '', controlId: '', text: '', severity: '', errors: [], ...filled }
}

function error(filled: Partial<AcknowledgementError>): AcknowledgementError {
  const empty = {
    location: '',
    code: '',
    codeText: '',
    severity: '',
    diagnostic: '',
    userMessage: ''
  }
  return { ...empty, ...filled }
}

describe('readAcknowledgement', () => {
  describe('MSA', () => {
    const table: [string, string, Acknowledgement | null][] = [
      ['accepted', `${msh}MSA|AA|ID1|fine\r`, ack({ code: 'AA', controlId: 'ID1', text: 'fine' })],
      [
        'an MSA-2 that contains separators',
        `${msh}MSA|AA|A^B~C\\F\\D\r`,
        ack({ code: 'AA', controlId: 'A^B~C|D' })
      ],
      ['without MSA-2', `${msh}MSA|AA\r`, ack({ code: 'AA' })],
      ['without anything', `${msh}MSA\r`, ack({})],
      ['an empty MSA-1', `${msh}MSA||ID1\r`, ack({ controlId: 'ID1' })],
      ['AAX is not AA', `${msh}MSA|AAX|ID1\r`, ack({ code: 'AAX', controlId: 'ID1' })],
      ['neither is aa', `${msh}MSA|aa|ID1\r`, ack({ code: 'aa', controlId: 'ID1' })],
      ['nor is one with a blank', `${msh}MSA|AA |ID1\r`, ack({ code: 'AA ', controlId: 'ID1' })],
      ['after SFT', `${msh}SFT|x^y|1\rMSA|AA|ID1\r`, ack({ code: 'AA', controlId: 'ID1' })],
      ['alone', 'MSA|AE|ID1', ack({ code: 'AE', controlId: 'ID1' })],
      [
        'a message type of VXU',
        `${msh.replace('ACK', 'VXU^V04')}MSA|AA|ID1\r`,
        ack({ code: 'AA', controlId: 'ID1' })
      ],
      [
        'other separators',
        'MSH:;~!&:A::::::ACK\rMSA:CE:ID1:one!F!two\r',
        ack({ code: 'CE', controlId: 'ID1', text: 'one:two' })
      ],
      [
        'text with stray separators and escapes',
        `${msh}MSA|AR|ID1|a & b ^ c ~ d \\T\\ \\X41\\\r`,
        ack({ code: 'AR', controlId: 'ID1', text: 'a & b ^ c ~ d & A' })
      ],
      ['an empty file', 'FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r', ack({ code: 'AA' })],
      ['an empty batch', 'BHS|^~\\&\r', ack({ code: 'AA' })],
      [
        'an empty batch with notes, and other separators',
        'FHS:;~!&:A\r\r SFT:x\rBHS|^~\\&|A\rNTE|1\rZZ1|x\rBTS\rFTS|1\r',
        ack({ code: 'AA' })
      ],
      ['a batch header before plain text', 'FHS|^~\\&|A\rBatch rejected: bad password', null],
      ['text that begins like a trailer', 'BHS|^~\\&|A\rBTS: batch refused', null],
      ['text that begins like a header', 'FHS|^~\\&|A\rBHS-11 is required', null],
      ['a batch with another segment', 'BHS|^~\\&|A\rQAK|1|AR\r', null],
      ['a message that acknowledges nothing', msh, null],
      ['a batch of such messages', `BHS|^~\\&\r${msh}BTS\r`, null],
      ['a batch that lists an error but no message', 'BHS|^~\\&\rERR||PID^1|207\rBTS\r', null],
      ['cut off in MSA', `${msh}MS`, null]
    ]
    for (const [name, text, expected] of table) {
      it(name, () => {
        assert.deepEqual(read(text), expected)
      })
    }
  })

  describe('several MSAs', () => {
    const table: [string[], string][] = [
      [['AA', 'AA'], 'AA'],
      [['AA', 'AE', 'AA'], 'AE'],
      [['AE', 'AR', 'CE'], 'AR'],
      [['CR', 'AR'], 'CR'],
      [['CA', 'XX'], 'XX'],
      [['AA', '', 'CA'], ''],
      [['', 'XX'], ''],
      [['XX', 'CE'], 'CE'],
      [['XX', 'AE'], 'AE'],
      [['CA', 'AA'], 'CA']
    ]
    for (const [codes, worst] of table) {
      it(`${codes.join(', ')}: the worst is ${worst || 'the empty one'}`, () => {
        const pairs = codes.map(
          (code, index) => `MSA|${code}|${index}\rERR||PID^1^${index + 1}|20${index}|E\r`
        )
        for (const text of [msh + pairs.join(''), pairs.map((pair) => msh + pair).join('')]) {
          const found = read(text)
          assert.equal(found?.code, worst)
          assert.equal(found.controlId, String(codes.indexOf(worst)))
          assert.deepEqual(
            found.errors.map(({ code }) => code),
            codes.map((_, index) => `20${index}`)
          )
        }
      })
    }
  })

  describe('ERR', () => {
    const table: [string, string, AcknowledgementError[]][] = [
      [
        'the form of 2.5',
        'ERR||PID^1^3^2^1^4|101^Required field missing^HL70357|W|X1^app|p|diag \\T\\ more|for & the user',
        [
          error({
            location: 'PID[1]-3(2).1.4',
            code: '101',
            codeText: 'Required field missing',
            severity: 'W',
            diagnostic: 'diag & more',
            userMessage: 'for & the user'
          })
        ]
      ],
      ['a location without a sequence', 'ERR||PID^^3|1', [error({ location: 'PID-3', code: '1' })]],
      ['a segment as the location', 'ERR||ZA1|1', [error({ location: 'ZA1', code: '1' })]],
      [
        'several locations',
        'ERR||PID^1^3~PV1^1|1',
        [error({ location: 'PID[1]-3, PV1[1]', code: '1' })]
      ],
      [
        'an empty location among others',
        'ERR||~PID^1^3|1',
        [error({ location: 'PID[1]-3', code: '1' })]
      ],
      ['a field that is text', 'ERR||PID^1^x|1', [error({ location: 'PID^1^x', code: '1' })]],
      [
        'a number of nine digits',
        'ERR||PID^123456789|1',
        [error({ location: 'PID[123456789]', code: '1' })]
      ],
      ['a location in another form', 'ERR||PID-3.1|1', [error({ location: 'PID-3.1', code: '1' })]],
      [
        'a location that is text',
        'ERR||PID^one^x&y|1',
        [error({ location: 'PID^one^x&y', code: '1' })]
      ],
      [
        'the application code if ERR-3 is empty',
        'ERR|||||A7^Local&Own^L',
        [error({ code: 'A7', codeText: 'Local&Own' })]
      ],
      ['only a user message', 'ERR||||||||No such ward', [error({ userMessage: 'No such ward' })]],
      [
        'the form of 2.3, in a 2.5 message',
        'ERR|PID^1^5^101&Required field missing&HL70357',
        [error({ location: 'PID[1]-5', code: '101', codeText: 'Required field missing' })]
      ],
      [
        'the form of 2.3, repeated',
        'ERR|PID^1^5^101&Missing~PV1^^2^103&Not in table~',
        [
          error({ location: 'PID[1]-5', code: '101', codeText: 'Missing' }),
          error({ location: 'PV1-2', code: '103', codeText: 'Not in table' })
        ]
      ],
      ['2.3 with only a code', 'ERR|^^^207', [error({ code: '207' })]],
      [
        '2.3 with code and text at the same level',
        'ERR|PID^1^5^101^Missing^HL70357',
        [error({ location: 'PID[1]-5', code: '101', codeText: 'Missing' })]
      ],
      ['2.3 with text and no code', 'ERR|^^^&Missing', [error({ codeText: 'Missing' })]],
      ['2.3 with only a segment', 'ERR|PID', [error({ location: 'PID' })]],
      ['2.3 with plain text', 'ERR|Patient & visit', [error({ diagnostic: 'Patient & visit' })]],
      [
        '2.3 with a location in another form',
        'ERR|patient^^name^1&x',
        [error({ location: 'patient-name', code: '1', codeText: 'x' })]
      ],
      [
        'both forms in one segment, as one error',
        'ERR|PID^1^5^101&Missing|PID^1^5^1|102^Wrong type|E',
        [error({ location: 'PID[1]-5(1)', code: '102', codeText: 'Wrong type', severity: 'E' })]
      ],
      [
        'the old form, if the new one is empty',
        'ERR|PID^1^5^101&Missing|||E',
        [error({ location: 'PID[1]-5', code: '101', codeText: 'Missing', severity: 'E' })]
      ],
      ['an empty segment', 'ERR|', []],
      ['only separators', 'ERR||^^|~||&', []],
      ['only the name', 'ERR', []]
    ]
    for (const [name, segment, expected] of table) {
      it(name, () => {
        assert.deepEqual(read(`${msh}MSA|AE|ID1\r${segment}\r`)?.errors, expected)
      })
    }

    it('is listed as far as 256 KiB of ERR and MSA', () => {
      const listed = (segments: string) => read(`${msh}MSA|AE|ID1\r${segments}`)?.errors.length
      const long = `ERR|||1||||${'x'.repeat(99_990)}\r`
      assert.equal(listed(long.repeat(3)), 3)
      assert.equal(listed(long.repeat(4)), 3)
      assert.equal(listed(`ERR|||1||||${'x'.repeat(300_000)}\r`), 1)
      assert.equal(listed('MSA|AE|ID1||||207^x\r'.repeat(20_000)), 13_797)
    })

    it('is read before MSA and in any order of segments', () => {
      const found = read(`${msh}ERR|||1|E\rMSA|AE|ID1\rNTE|1\rERR|||2|W\r`)
      assert.deepEqual(
        found?.errors.map(({ code }) => code),
        ['1', '2']
      )
    })

    it('is made from MSA-6 if there is no ERR', () => {
      const header = 'MSH|^~\\&|LAB||EHR|SITE|2025||ACK\r'
      const text = `${header}MSA|AE|ID1|sorry|||207^Application error\rNTE|1||||101\r`
      assert.deepEqual(read(text)?.errors, [error({ code: '207', codeText: 'Application error' })])
      assert.deepEqual(read(`${text}ERR|||1\r`)?.errors, [error({ code: '1' })])
    })
  })

  describe('severity', () => {
    const table: [string[], string][] = [
      [[], ''],
      [['W'], 'W'],
      [['I', 'W'], 'W'],
      [['W', 'E', 'I'], 'E'],
      [['E', 'F'], 'F'],
      [['', 'E'], 'E'],
      [['', 'F'], 'F'],
      [[''], ''],
      [['W', ''], ''],
      [['I', 'X'], ''],
      [['w'], '']
    ]
    for (const [severities, worst] of table) {
      it(`of ${JSON.stringify(severities)} is ${worst || 'none'}`, () => {
        const errs = severities.map((severity) => `ERR||PID^1|101|${severity}\r`).join('')
        assert.equal(read(`${msh}MSA|AE|ID1\r${errs}`)?.severity, worst)
      })
    }

    it('ignores an empty ERR', () => {
      assert.equal(read(`${msh}MSA|AE|ID1\rERR|||1|W\rERR|\r`)?.severity, 'W')
    })

    it('counts every ERR, however many there are', () => {
      const warnings = 'ERR|||1|W\r'.repeat(200_000)
      assert.equal(read(`${msh}MSA|AE|ID1\r${warnings}`)?.severity, 'W')
      assert.equal(read(`${msh}MSA|AE|ID1\r${warnings}ERR|||1|E\r`)?.severity, 'E')
      assert.equal(read(`${msh}MSA|AE|ID1\r${warnings}ERR|||1\r`)?.severity, '')
    })

    it('is not that of the warnings if there is also an ERR in the old form', () => {
      assert.equal(read(`${msh}MSA|AE|ID1\rERR|||1|W\rERR|PID^1^5^101\r`)?.severity, '')
    })
  })

  it('never throws, and returns the same twice', () => {
    const unit = fc.constantFrom(
      ...['MSH|^~\\&', '\rMSA|', '\rERR|', '\rMSH', 'AA', 'AE', 'PID', '1', 'W', ' ', '\x0b', '\n'],
      ...['|', '^', '~', '\\', '&', 'é', '\u{1f600}']
    )
    const text = fc.oneof(
      fc.string({ unit, maxLength: 60 }).map((rest) => `MSH|^~\\&${rest}`),
      fc.string({ unit: 'binary' }).map((rest) => `${msh}MSA|${rest}`),
      fc.string({ unit: 'binary' })
    )
    const attempt = (reply: string) => {
      const message = readReplyMessage(reply)
      return message && readAcknowledgement(message)
    }
    fc.assert(
      fc.property(text, (reply) => {
        assert.deepEqual(attempt(reply), attempt(reply))
      }),
      { numRuns: 3000 }
    )
  })
})

describe('readAcknowledgements', () => {
  const list = (text: string): Acknowledgement[] => {
    const message = readReplyMessage(text)
    assert.ok(message)
    return readAcknowledgements(message)
  }
  const codes = (text: string): string[][] =>
    list(text).map(({ controlId, errors }) => [controlId, ...errors.map(({ code }) => code)])

  it('lists each message of a batch with its own errors', () => {
    const batch =
      `FHS|^~\\&|REG\rBHS|^~\\&|REG\r${msh}MSA|AA|A\r${msh}MSA|AE|B|no\rERR||PID^1^8|103^x|W\rERR|||101|E\r` +
      `MSH#*~\\&#REG\rMSA#AR#C\rERR###200*y#I\rBTS|3\rFTS|1\r`
    const code = (of: string, severity: string, more = {}) => error({ code: of, severity, ...more })
    assert.deepEqual(list(batch), [
      ack({ code: 'AA', controlId: 'A' }),
      ack({
        ...{ code: 'AE', controlId: 'B', text: 'no', severity: 'E' },
        errors: [code('103', 'W', { location: 'PID[1]-8', codeText: 'x' }), code('101', 'E')]
      }),
      ack({
        ...{ code: 'AR', controlId: 'C', severity: 'I' },
        errors: [code('200', 'I', { codeText: 'y' })]
      })
    ])
  })

  it('has no severity if one of several refusals has no ERR: it could be worse than a warning', () => {
    const warning = 'ERR|||103|W\r'
    const [one, two] = ['MSA|AE|A\r', 'MSA|AE|B||||207\r']
    for (const [text, severity] of [
      [one + warning, 'W'],
      [`${one}${warning}MSA|AA|B\r`, 'W'],
      [`${one}${warning}${two}${warning}`, 'W'],
      [`${one}${warning}${two}`, ''],
      [`${two}${one}${warning}`, ''],
      [`${msh}${one}${warning}${msh}${two}`, ''],
      [`${msh}${one}${msh}MSA|AA|B\r${warning}`, ''],
      [`${msh}${warning}${one}`, 'W'],
      [`${msh}${warning}${one}${msh}${two}`, ''],
      [`${msh}${warning}${msh}${two}`, ''],
      [`${msh}${one}${msh}${warning}${two}`, ''],
      [`${msh}${one}ERR|\r${msh}${two}${warning}`, ''],
      [`${msh}${one}${msh}${two}ERR|||101|E\r`, 'E']
    ] as const) {
      const message = readReplyMessage(text)
      assert.ok(message)
      assert.equal(readAcknowledgement(message)?.severity, severity, text)
    }
  })

  it('lists MSA-6 of one without ERR beside the errors of another, also together', () => {
    const message = readReplyMessage(
      `${msh}MSA|AE|A\rERR|||103|W\r${msh}MSA|AE|B||||207^x\r${msh}MSA|AR|C||||208\r`
    )
    assert.ok(message)
    const errors = readAcknowledgement(message)?.errors.map(({ code }) => code)
    assert.deepEqual(errors, ['103', '207', '208'])
  })

  it('lists several pairs of MSA and ERR in one message', () => {
    assert.deepEqual(codes(`${msh}MSA|AA|A\rMSA|AE|B\rERR|||1\rMSA|AE|C\rERR|||2\rERR|||3\r`), [
      ['A'],
      ['B', '1'],
      ['C', '2', '3']
    ])
    assert.deepEqual(codes('MSA|AA|A\rMSA|AE|B\rERR|||1\r'), [['A'], ['B', '1']])
  })

  it('gives an ERR before the first MSA of its message to that, and none to another message', () => {
    assert.deepEqual(codes(`${msh}MSA|AA|A\r${msh}ERR|||1\rERR|||2\rMSA|AE|B\rERR|||3\r`), [
      ['A'],
      ['B', '1', '2', '3']
    ])
    assert.deepEqual(codes(`${msh}MSA|AA|A\r${msh}ERR|||1\r${msh}MSA|AE|B\r`), [['A'], ['B']])
  })

  it('takes MSA-6 only for one without ERR', () => {
    const text = `${msh}MSA|AE|A||||207\rMSA|AE|B||||208\rERR|||1\r`
    assert.deepEqual(codes(text), [
      ['A', '207'],
      ['B', '1']
    ])
  })

  it('is empty unless there are several', () => {
    for (const text of [`${msh}MSA|AA|A\rERR|||1\r`, msh, 'BHS|^~\\&|\rBTS|0\r', 'MSA|AE|A']) {
      assert.deepEqual(list(text), [])
    }
  })

  it('lists them as far as 256 KiB of ERR and MSA; the worst code and severity are those of all', () => {
    const text = `${msh}${'MSA|AA|1\rERR|||1|I\r'.repeat(20_000)}MSA|AE|2\rERR|||2|E\r`
    const found = list(text)
    assert.equal(found.length, 15_421)
    assert.ok(found.every(({ controlId }) => controlId === '1'))
    const { code, severity, errors } = read(text) ?? assert.fail()
    assert.deepEqual([code, severity, errors.length], ['AE', 'E', 15_420])
  })

  it('lists 130 000 errors of one MSA, as far as 256 KiB have them', () => {
    const text = `${msh}MSA|AE|1\r${`ERR|${'A~'.repeat(10_000)}\r`.repeat(13)}`
    assert.equal(read(text)?.errors.length, 130_000)
  })

  it('has the same errors as the acknowledgement of all, and the worst code and severity', () => {
    const segment = fc.constantFrom(
      ...[msh, 'MSA|AA|A\r', 'MSA|AE|B\r', 'MSA|AR|C\r', 'MSA|ZZ|\r', 'NTE|1\r', 'BHS|^~\\&|\r'],
      ...['ERR|||1|W\r', 'ERR|||2|E\r', 'ERR|PID^1^5^3\r', 'ERR|\r']
    )
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
        // Every message has an MSA, so that each ERR belongs to one.
        const text = `${msh}${segments.join('').replaceAll('\rMSH', '\rMSA|AA|Z\rMSH')}MSA|AA|Z\r`
        const message = readReplyMessage(text) ?? assert.fail()
        const all = readAcknowledgement(message)
        const each = readAcknowledgements(message)
        if (each.length === 0) return
        assert.deepEqual(
          each.flatMap(({ errors }) => errors).map(({ code }) => code),
          all?.errors.map(({ code }) => code)
        )
        assert.ok(each.some(({ code }) => code === all?.code))
        assert.equal(each.length, text.split('MSA|').length - 1)
      }),
      { numRuns: 2_000 }
    )
  })
})
