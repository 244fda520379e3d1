/** What `msg.hl7.ack` and `msg.hl7.acks` say about a reply. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  readAcknowledgement,
  readAcknowledgements,
  type Acknowledgement
} from '../../src/hl7/acknowledgement.ts'
import type { AcknowledgementError } from '../../src/hl7/acknowledgement-errors.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import { ADT, Exchange, MSH } from '../support/exchange.ts'
import fc from '../support/properties.ts'

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start({ maxResponseBytes: 8_000_000 })
})
after(() => exchange.close())

/** What is sent where the reply is a batch. */
const BATCH = `BHS|^~\\&|||||||||B1\r${ADT}BTS|1\r`

async function read(
  body: string
): Promise<{ ack: Acknowledgement | null; acks: readonly Acknowledgement[] }> {
  const { reply, error } = await exchange.attempt({ body }, {}, sentFor(body))
  assert.ok(reply, error?.text)
  return { ack: reply.ack, acks: reply.acks ?? [] }
}

function sentFor(body: string): string {
  return /^[FB]HS/.test(body) ? BATCH : ADT
}

function ack(filled: Partial<Acknowledgement>): Acknowledgement {
  return { code: '', controlId: '', text: '', severity: '', errors: [], ...filled }
}

const NO_ERROR = {
  location: '',
  code: '',
  codeText: '',
  severity: '',
  diagnostic: '',
  userMessage: ''
}

describe('MSA', () => {
  const accepted = ack({ code: 'AA', controlId: 'ID1' })
  for (const [name, text, expected] of [
    ['accepted', `${MSH}MSA|AA|ID1|fine\r`, { ...accepted, text: 'fine' }],
    ['separators in MSA-2', `${MSH}MSA|AA|A^B~C\\F\\D\r`, { ...accepted, controlId: 'A^B~C|D' }],
    ['without MSA-2', `${MSH}MSA|AA\r`, { ...accepted, controlId: '' }],
    ['without anything', `${MSH}MSA\r`, ack({})],
    ['an empty MSA-1', `${MSH}MSA||ID1\r`, ack({ controlId: 'ID1' })],
    ['a blank in MSA-1', `${MSH}MSA|AA |ID1\r`, { ...accepted, code: 'AA ' }],
    [
      'components and repetitions of MSA-1',
      `${MSH}MSA|\\X41\\\\X52\\^x~AA&|ID1\r`,
      { ...accepted, code: 'AR' }
    ],
    ['after SFT', `${MSH}SFT|x^y|1\rMSA|AA|ID1\r`, accepted],
    ['alone', 'MSA|AE|ID1', { ...accepted, code: 'AE' }],
    ['in a message that is no ACK', `${MSH.replace('ACK', 'VXU')}MSA|AA|ID1\r`, accepted],
    [
      ...(['other separators', 'MSH:;~!&:A::::::ACK\rMSA:CE:ID1:one!F!two\r'] as const),
      ack({ code: 'CE', controlId: 'ID1', text: 'one:two' })
    ],
    [
      ...([
        'stray separators and escapes in MSA-3',
        `${MSH}MSA|AR|ID1|a & b ^ c ~ d \\T\\ \\X41\\\r`
      ] as const),
      ack({ code: 'AR', controlId: 'ID1', text: 'a & b ^ c ~ d & A' })
    ],
    ['cut off', `${MSH}MS`, null],
    ['none', MSH, null],
    ['none in a batch', `BHS|^~\\&\r${MSH}BTS\r`, null],
    // A batch without messages lists no errors.
    ['an empty file', 'FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r', ack({ code: 'AA' })],
    ['an empty batch', 'BHS|^~\\&\r', ack({ code: 'AA' })],
    [
      'an empty batch with notes',
      'FHS:;~!&:A\r\r SFT:x\rBHS|^~\\&|A\rNTE|1\rZZ1|x\rBTS\rFTS|1\r',
      ack({ code: 'AA' })
    ],
    ['a batch that lists an error', 'BHS|^~\\&\rERR||PID^1|207\rBTS\r', null],
    ['a batch with another segment', 'BHS|^~\\&|A\rQAK|1|AR\r', null],
    ['words after a batch header', 'FHS|^~\\&|A\rBatch rejected: bad password', null],
    ['words like a trailer', 'BHS|^~\\&|A\rBTS: batch refused', null],
    ['words like a header', 'FHS|^~\\&|A\rBHS-11 is required', null]
  ] as const) {
    it(name, async () => {
      assert.deepEqual((await read(text)).ack, expected)
    })
  }
})

describe('several MSAs', () => {
  for (const [codes, worst] of [
    [['AA', 'AA'], 'AA'],
    [['CA', 'AA'], 'CA'],
    [['AA', 'AE', 'AA'], 'AE'],
    [['AE', 'AR', 'CE'], 'AR'],
    [['CR', 'AR'], 'CR'],
    [['CA', 'XX'], 'XX'],
    [['AA', '', 'CA'], ''],
    [['', 'XX'], ''],
    [['XX', 'CE'], 'CE'],
    [['XX', 'AE'], 'AE'],
    [['XX', 'A~'], 'XX']
  ] as const) {
    it(`${codes.join(', ')}: the worst is ${worst || 'the empty one'}`, async () => {
      const pairs = codes.map((code, at) => `MSA|${code}|${at}\rERR|||20${at}|E\r`)
      for (const text of [MSH + pairs.join(''), pairs.map((pair) => MSH + pair).join('')]) {
        const found = (await read(text)).ack ?? assert.fail()
        assert.equal(found.code, worst)
        assert.equal(found.controlId, String((codes as readonly string[]).indexOf(worst)))
        assert.deepEqual(
          found.errors.map(({ code }) => code),
          codes.map((_, at) => `20${at}`)
        )
      }
    })
  }
})

describe('ERR', () => {
  for (const [segment, ...expected] of [
    // The form of 2.5.
    [
      'ERR||PID^1^3^2^1^4|101^Required field missing^HL70357|W|X1^app|p|diag \\T\\ more|for & the user',
      {
        location: 'PID[1]-3(2).1.4',
        code: '101',
        codeText: 'Required field missing',
        severity: 'W',
        diagnostic: 'diag & more',
        userMessage: 'for & the user'
      }
    ],
    ['ERR||PID^^3|1', { location: 'PID-3', code: '1' }],
    ['ERR||ZA1|1', { location: 'ZA1', code: '1' }],
    ['ERR||PID^1^3~PV1^1|1', { location: 'PID[1]-3, PV1[1]', code: '1' }],
    ['ERR||~PID^1^3|1', { location: 'PID[1]-3', code: '1' }],
    ['ERR||PID^1^x|1', { location: 'PID^1^x', code: '1' }],
    ['ERR||PID^123456789|1', { location: 'PID[123456789]', code: '1' }],
    ['ERR||PID^1234567890|1', { location: 'PID^1234567890', code: '1' }],
    ['ERR||PID-3.1|1', { location: 'PID-3.1', code: '1' }],
    ['ERR||PID^one^x&y|1', { location: 'PID^one^x&y', code: '1' }],
    ['ERR|||||A7^Local&Own^L', { code: 'A7', codeText: 'Local&Own' }],
    [
      // HAPI puts the words of its exception into ERR-3.9, in the 2.3 form into ERR-1.4.5.
      'ERR||PID^1^5|207^Application internal error^HL70357^^^^^^Can\\T\\t parse',
      {
        location: 'PID[1]-5',
        code: '207',
        codeText: 'Application internal error',
        originalText: 'Can&t parse'
      }
    ],
    ['ERR|||207^^HL70357^^^^^^Cannot parse', { code: '207', codeText: 'Cannot parse' }],
    ['ERR|||207^Same^^^^^^^Same', { code: '207', codeText: 'Same' }],
    ['ERR|||207^^HL70357^E7^Other code', { code: '207', codeText: 'Other code' }],
    ['ERR|^^^207&&HL70357&&Cannot parse', { code: '207', codeText: 'Cannot parse' }],
    [
      'ERR|^^^207&Application internal error&hl70357&&Cannot parse',
      { code: '207', codeText: 'Application internal error', originalText: 'Cannot parse' }
    ],
    ['ERR||||||||No such ward', { userMessage: 'No such ward' }],
    // Envision's registries say only in ERR-5 what is wrong.
    [
      'ERR||MSH^1^6|999^Application error^HL70357|E|4^Invalid value^HL70533^REG-AUTH-1^Unknown \\T\\ closed facility^L',
      {
        location: 'MSH[1]-6',
        code: '999',
        codeText: 'Application error',
        severity: 'E',
        diagnostic: '4 Invalid value, REG-AUTH-1 Unknown & closed facility'
      }
    ],
    [
      'ERR|||207|E|902^Identity is unknown^own||||x',
      { code: '207', severity: 'E', diagnostic: '902 Identity is unknown' }
    ],
    ['ERR|||207|E|^^^^^^^^In words', { code: '207', severity: 'E', diagnostic: 'In words' }],
    ['ERR|||207|E|^^HL70533', { code: '207', severity: 'E' }],
    ['ERR|||207|E|902^Unknown||In detail', { code: '207', severity: 'E', diagnostic: 'In detail' }],
    // The guide to immunization registries counts one field too many, and so do some of them.
    [
      'ERR||PID^1^5|101|E|||||Patient name is required \\T\\ missing',
      {
        location: 'PID[1]-5',
        code: '101',
        severity: 'E',
        userMessage: 'Patient name is required & missing'
      }
    ],
    [
      'ERR|||101|E||||For the user|PAT',
      { code: '101', severity: 'E', userMessage: 'For the user' }
    ],
    ['ERR|||101|E|||||PAT~USR', { code: '101', severity: 'E' }],
    ['ERR|||101|E|||||PAT^Inform the patient^HL70517', { code: '101', severity: 'E' }],
    // The form of 2.3, which also comes in messages of 2.5.
    ['ERR|PID^1^5^101&Missing&HL70357', { location: 'PID[1]-5', code: '101', codeText: 'Missing' }],
    [
      'ERR|PID^1^5^101&Missing~PV1^^2^103&Not in table~',
      { location: 'PID[1]-5', code: '101', codeText: 'Missing' },
      { location: 'PV1-2', code: '103', codeText: 'Not in table' }
    ],
    ['ERR|^^^207', { code: '207' }],
    ['ERR|PID^1^5^101^Missing^HL70357', { location: 'PID[1]-5', code: '101', codeText: 'Missing' }],
    ['ERR|^^^&Missing', { codeText: 'Missing' }],
    ['ERR|PID', { location: 'PID' }],
    ['ERR|Patient & visit', { diagnostic: 'Patient & visit' }],
    ['ERR|patient^^name^1&x', { location: 'patient-name', code: '1', codeText: 'x' }],
    // Both: the fields of 2.5, and what they leave empty from the other.
    [
      'ERR|PID^1^5^101&Missing|PID^1^5^1|102^Wrong type|E',
      { location: 'PID[1]-5(1)', code: '102', codeText: 'Wrong type', severity: 'E' }
    ],
    [
      'ERR|PID^1^5^101&Missing|||E',
      { location: 'PID[1]-5', code: '101', codeText: 'Missing', severity: 'E' }
    ],
    ['ERR|Patient||102', { diagnostic: 'Patient', code: '102' }],
    // Nothing.
    ['ERR|'],
    ['ERR||^^|~||&'],
    ['ERR']
  ] as [segment: string, ...Partial<AcknowledgementError>[]][]) {
    it(segment, async () => {
      const { ack } = await read(`${MSH}MSA|AE|ID1\r${segment}\r`)
      assert.deepEqual(
        ack?.errors,
        expected.map((filled) => ({ ...NO_ERROR, ...filled }))
      )
    })
  }
})

describe('severity', () => {
  for (const [severities, worst] of [
    [[], ''],
    [['W'], 'W'],
    [['I', 'W'], 'W'],
    [['W', 'E', 'I'], 'E'],
    [['E', 'F'], 'F'],
    [['', 'E'], 'E'],
    [['', 'F'], 'F'],
    // What is none of the four could be worse than a warning.
    [[''], ''],
    [['W', ''], ''],
    [['I', 'X'], ''],
    [['w'], ''],
    // Padded to a fixed width.
    [['W ', 'I  '], 'W']
  ] as const) {
    it(`of ${JSON.stringify(severities)} is ${worst || 'none'}`, async () => {
      const errs = severities.map((severity) => `ERR||PID^1|101|${severity}\r`).join('')
      assert.equal((await read(`${MSH}MSA|AE|ID1\r${errs}`)).ack?.severity, worst)
    })
  }

  /** A refusal without ERR could be worse than the warning of another. */
  const [one, two, warning] = ['MSA|AE|A\r', 'MSA|AE|B||||207\r', 'ERR|||103|W\r']
  for (const [segments, worst] of [
    [[one, warning, 'ERR|\r'], 'W'],
    [[one, warning, 'ERR|PID^1^5^101\r'], ''],
    [[one, warning, 'MSA|AA|B\r'], 'W'],
    [[one, warning, two, warning], 'W'],
    [[one, warning, two], ''],
    [[two, one, warning], ''],
    [[MSH, one, warning, MSH, two], ''],
    [[MSH, one, MSH, 'MSA|AA|B\r', warning], ''],
    [[MSH, warning, one], 'W'],
    [[MSH, warning, one, MSH, two], ''],
    [[MSH, warning, MSH, two], ''],
    [[MSH, one, MSH, warning, two], ''],
    [[MSH, one, 'ERR|\r', MSH, two, warning], ''],
    [[MSH, one, MSH, two, 'ERR|||101|E\r'], 'E']
  ] as const) {
    const text = segments.join('')
    it(`of ${text.replaceAll(MSH, 'MSH ').replaceAll('\r', ' ')} is ${worst || 'none'}`, async () => {
      assert.equal((await read(text)).ack?.severity, worst)
    })
  }
})

describe('which errors belong to which acknowledgement', () => {
  const refused = 'MSA|AE|A\r'
  for (const [name, segments, all, each] of [
    ['ERR around MSA', [MSH, 'ERR|||1\r', refused, 'NTE|1\r', 'ERR|||2\r'], ['1', '2'], []],
    // MSA-6, where there is no ERR.
    ['MSA-6', [MSH, 'MSA|AE|A|sorry|||207^x\r', 'NTE|1||||101\r'], ['207'], []],
    ['MSA-6 beside an ERR', [MSH, 'MSA|AE|A||||207\r', 'ERR|||1\r'], ['1'], []],
    ['no ERR', [MSH, refused], [], []],
    ['no MSA', [MSH, 'ERR|||1\r'], undefined, []],
    [
      ...([
        'pairs in one message',
        [MSH, 'MSA|AA|A\r', 'MSA|AE|B\rERR|||1\r', 'MSA|AE|C\rERR|||2\rERR|||3\r']
      ] as const),
      ['1', '2', '3'],
      [['A'], ['B', '1'], ['C', '2', '3']]
    ],
    ['pairs without a header', ['MSA|AA|A\r', 'MSA|AE|B\rERR|||1\r'], ['1'], [['A'], ['B', '1']]],
    [
      ...([
        'ERR before the MSA of its message',
        [MSH, 'MSA|AA|A\r', MSH, 'ERR|||1\rERR|||2\r', 'MSA|AE|B\rERR|||3\r']
      ] as const),
      ['1', '2', '3'],
      [['A'], ['B', '1', '2', '3']]
    ],
    [
      'a message with an ERR and no MSA',
      [MSH, 'MSA|AA|A\r', MSH, 'ERR|||1\r', MSH, 'MSA|AE|B\r'],
      ['1'],
      [['A'], ['B']]
    ],
    [
      'MSA-6 of one, ERR of the other',
      [MSH, 'MSA|AE|A||||207\r', 'MSA|AE|B||||208\rERR|||1\r'],
      ['207', '1'],
      [
        ['A', '207'],
        ['B', '1']
      ]
    ],
    [
      'MSA-6 of two',
      [MSH, 'MSA|AE|A||||207\r', MSH, 'MSA|AR|C||||208\r'],
      ['207', '208'],
      [
        ['A', '207'],
        ['C', '208']
      ]
    ]
  ] as [string, string[], string[] | undefined, string[][]][]) {
    it(name, async () => {
      const { ack, acks } = await read(segments.join(''))
      assert.deepEqual(
        ack?.errors.map(({ code }) => code),
        all
      )
      assert.deepEqual(
        acks.map(({ controlId, errors }) => [controlId, ...errors.map(({ code }) => code)]),
        each
      )
    })
  }

  it('a batch: each message with its own separators and errors', async () => {
    const { acks } = await read(
      `FHS|^~\\&|REG\rBHS|^~\\&|REG\r${MSH}MSA|AA|A\r${MSH}MSA|AE|B|no\rERR||PID^1^8|103^x|W\rERR|||101|E\r` +
        `MSH#*~\\&#REG\rMSA#AR#C\rERR###200*y#I\rBTS|3\rFTS|1\r`
    )
    assert.deepEqual(acks, [
      ack({ code: 'AA', controlId: 'A' }),
      ack({
        ...{ code: 'AE', controlId: 'B', text: 'no', severity: 'E' },
        errors: [
          { ...NO_ERROR, code: '103', codeText: 'x', severity: 'W', location: 'PID[1]-8' },
          { ...NO_ERROR, code: '101', severity: 'E' }
        ]
      }),
      ack({
        ...{ code: 'AR', controlId: 'C', severity: 'I' },
        errors: [{ ...NO_ERROR, code: '200', codeText: 'y', severity: 'I' }]
      })
    ])
  })

  for (const [what, status, body] of [
    ['one acknowledgement', 200, `${MSH}MSA|AA|A\r`],
    ['an empty batch', 200, 'BHS|^~\\&|\rBTS|0\r'],
    ['no acknowledgement', 200, 'OK'],
    ['several that do not count', 503, `${MSH}MSA|AA|A\r${MSH}MSA|AA|B\r`]
  ] as const) {
    it(`there is no list for ${what}`, async () => {
      const { reply } = await exchange.attempt({ status, body }, {}, sentFor(body))
      assert.ok(reply !== undefined && !('acks' in reply))
    })
  }
})

describe('256 KiB of MSA and ERR are listed', () => {
  const long = `ERR|||1||||${'x'.repeat(99_990)}\r`
  for (const [what, segments, listed] of [
    ['three ERR of 100 kB', long.repeat(3), 3],
    ['four', long.repeat(4), 3],
    ['one of 300 kB', `ERR|||1||||${'x'.repeat(300_000)}\r`, 1],
    ['20,000 MSA-6', 'MSA|AE|ID1||||207^x\r'.repeat(20_000), 13_797],
    ['130,000 repetitions of ERR-1', `ERR|${'A~'.repeat(10_000)}\r`.repeat(13), 130_000]
  ] as const) {
    it(`of ${what}: ${listed} errors`, async () => {
      assert.equal((await read(`${MSH}MSA|AE|ID1\r${segments}`)).ack?.errors.length, listed)
    })
  }

  it('but the worst code and severity are those of all', async () => {
    const accepted = 'MSA|AA|1\rERR|||1|I\r'.repeat(20_000)
    const { ack, acks } = await read(`${MSH}${accepted}MSA|AE|2\rERR|||2|E\r`)
    assert.equal(acks.length, 15_421)
    assert.ok(acks.every(({ controlId }) => controlId === '1'))
    assert.deepEqual([ack?.code, ack?.severity, ack?.errors.length], ['AE', 'E', 15_420])
  })
})

describe('any reply', () => {
  // oxfmt-ignore
  const unit = fc.constantFrom(
    'MSH|^~\\&', '\rMSA|', '\rERR|', '\rMSH', 'AA', 'AE', 'PID', '1', 'W', ' ', '\x0b', '\n', '|', '^',
    '~', '\\', '&', 'é', '\u{1f600}'
  )
  const text = fc.oneof(
    fc.string({ unit, maxLength: 60 }).map((rest) => `MSH|^~\\&${rest}`),
    fc.string({ unit, maxLength: 40 }).map((rest) => `${MSH}MSA|${rest}`),
    fc.string()
  )
  it('is read without an exception, and the same twice', () => {
    const attempt = (reply: string) => {
      const message = readReplyMessage(reply)
      return message && readAcknowledgement(message)
    }
    fc.assert(
      fc.property(text, (reply) => {
        assert.deepEqual(attempt(reply), attempt(reply))
      }),
      { numRuns: 300 }
    )
  })

  const segment = fc.constantFrom(
    ...[MSH, 'MSA|AA|A\r', 'MSA|AE|B\r', 'MSA|AR|C\r', 'MSA|ZZ|\r', 'NTE|1\r', 'BHS|^~\\&|\r'],
    ...['ERR|||1|W\r', 'ERR|||2|E\r', 'ERR|PID^1^5^3\r', 'ERR|\r']
  )
  it('lists the same errors in each acknowledgement as in the one of all', () => {
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
        // Every message has an MSA, so that each ERR belongs to one.
        const reply = `${MSH}${segments.join('').replaceAll('\rMSH', '\rMSA|AA|Z\rMSH')}MSA|AA|Z\r`
        const message = readReplyMessage(reply) ?? assert.fail()
        const all = readAcknowledgement(message)
        const each = readAcknowledgements(message)
        if (each.length === 0) return
        assert.deepEqual(
          each.flatMap(({ errors }) => errors),
          all?.errors
        )
        assert.ok(each.some(({ code }) => code === all?.code))
        assert.equal(each.length, reply.split('MSA|').length - 1)
      }),
      { numRuns: 300 }
    )
  })
})
