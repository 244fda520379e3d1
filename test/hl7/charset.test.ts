import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  charsetNames,
  charsetOfLabel,
  charsetOfMsh18,
  decode,
  decodeReply,
  encode,
  wideCharset
} from '../../src/hl7/charset.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'

describe('charsetOfLabel', () => {
  const labels: Record<string, string[]> = {
    'utf-8': ['utf-8', 'UTF8', '"utf-8"', ' Utf-8 '],
    'us-ascii': ['us-ascii', 'ascii', 'ANSI_X3.4-1968'],
    'iso-8859-1': ['ISO-8859-1', 'iso8859-1', 'iso_8859-1', 'latin1', '8859/1'],
    'iso-8859-15': ['iso8859-15'],
    'windows-1252': ['windows-1252', 'windows1252'],
    'windows-1250': ['CP1250'],
    'utf-16be': ['utf-16', 'utf16be'],
    'utf-16le': ['utf-16le'],
    'iso-2022-jp': ['iso-2022-jp'],
    gb18030: ['gb18030', 'gb-18030'],
    gbk: ['GBK'],
    // Those that only iconv-lite knows are labelled as they were written.
    shift_jis: ['Shift_JIS'],
    'windows-31j': ['Windows-31J'],
    'euc-jp': ['euc-jp'],
    'euc-kr': ['euc-kr'],
    'ks_c_5601-1987': ['KS_C_5601-1987'],
    gb2312: ['gb2312'],
    big5: ['big5'],
    'koi8-r': ['KOI8-R'],
    macintosh: ['macintosh'],
    ibm850: ['IBM850'],
    cp850: ['cp850'],
    'shift-jis': ['Shift JIS'],
    'iso_ir-100': ['ISO_IR 100'] // DICOM's name
  }
  for (const [label, names] of Object.entries(labels)) {
    it(`finds ${label}`, () => {
      for (const name of names) assert.equal(charsetOfLabel(name)?.label, label, name)
    })
  }

  for (const name of [
    ...[
      '',
      'none',
      'utf-9',
      'iso-8859-12',
      'iso 2022 kr',
      '__proto__',
      'constructor',
      'x'.repeat(1e6)
    ],
    // What iconv-lite knows, but no message is in.
    ...['base64', 'hex', 'binary', 'utf-7', 'utf-7-imap', 'utf-32', 'ucs-2', 'ucs-4', 'cesu-8'],
    'unicode-1-1-utf-7',
    // A country and a number.
    ...['US', '1252']
  ]) {
    it(`does not know ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.equal(charsetOfLabel(name), null)
    })
  }

  it('knows each label that it gives', () => {
    for (const name of charsetNames()) {
      const { label } = charsetOfLabel(name) ?? assert.fail(name)
      assert.equal(charsetOfLabel(label)?.label, label, name)
    }
  })
})

describe('charsetNames', () => {
  it('lists what charsetOfLabel knows, each name once', () => {
    const names = charsetNames()
    assert.equal(new Set(names).size, names.length)
    for (const name of ['utf8', 'unicodeutf8', '88591', 'latin1', 'koi8r']) {
      assert.ok(names.includes(name), name)
    }
    for (const name of ['base64', 'hex', 'utf7', 'us', 'cn']) {
      assert.ok(!names.includes(name), name)
    }
  })
})

describe('charsetOfMsh18', () => {
  const table: [string, string | null | undefined][] = [
    ['', undefined],
    ['""', undefined],
    [' ', undefined],
    ['ASCII', 'us-ascii'],
    ['ISO IR6', 'us-ascii'],
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15].map((part): [string, string] => [
      `8859/${part}`,
      `iso-8859-${part}`
    ]),
    ['UNICODE UTF-8', 'utf-8'],
    ['unicode utf-8', 'utf-8'],
    ['UNICODE', 'utf-8'],
    ['UNICODE UTF-16', 'utf-16be'],
    ['GB 18030-2000', 'gb18030'],
    ['KS X 1001', 'euc-kr'],
    ['BIG-5', 'big5'],
    ['ISO IR14', 'iso-2022-jp'],
    ['ISO IR87', 'iso-2022-jp'],
    ['ISO IR159', 'iso-2022-jp-2'],
    ['~ISO IR87', 'iso-2022-jp'],
    ['ASCII~ISO IR87', 'iso-2022-jp'],
    ['UNICODE UTF-8~ISO IR87', 'utf-8'],
    ['8859/1~8859/7', 'iso-8859-1'],
    ['~8859/2', 'iso-8859-2'],
    ['~8859/2~ISO IR87', 'iso-2022-jp'],
    [' ~8859/2~ISO IR87', 'iso-2022-jp'],
    ['8859/2~ISO IR87', 'iso-8859-2'],
    ['ASCII~nonsense~ISO IR87', 'iso-2022-jp'],
    ['UTF-8', 'utf-8'],
    ['WINDOWS-1252', 'windows-1252'],
    ['8859/12', null],
    ['NL', null],
    ['nonsense', null]
  ]
  for (const [value, expected] of table) {
    it(JSON.stringify(value), () => {
      const charset = charsetOfMsh18(value.split('~'))
      assert.equal(charset && charset.label, expected)
    })
  }

  it('returns undefined without a repetition', () => {
    assert.equal(charsetOfMsh18([]), undefined)
  })

  for (const name of ['CNS 11643-1992', 'JAS2020', 'JIS X 0202', 'UNICODE UTF-32']) {
    it(`says that ${name} cannot be encoded`, () => {
      assert.throws(() => charsetOfMsh18([name]), {
        name: 'Hl7Error',
        code: 'HL7_CONFIG',
        message: /cannot be encoded here.*set the charset of the node/
      })
    })
  }
})

/** Characters of each set, and their bytes as other sources have them. */
const samples: [string, string, string?][] = [
  ['utf-8', 'é中\u{1f600}', 'c3a9e4b8adf09f9880'],
  ['us-ascii', 'aZ?', '615a3f'],
  ['iso-8859-1', 'é?ÿ\u0080', 'e93fff80'],
  ['iso-8859-2', 'Łódź?', 'a3f364bc3f'],
  ['iso-8859-5', 'Привет', 'bfe0d8d2d5e2'],
  ['iso-8859-7', 'Ωα', 'd9e1'],
  ['iso-8859-15', '€Šš', 'a4a6a8'],
  ['windows-1252', '€“”?', '8093943f'],
  ['windows-1251', 'Привет', 'cff0e8e2e5f2'],
  ['gb18030', '中文\u{1f600}€', 'd6d0cec49439fc36a2e3'],
  ['big5', '中文', 'a4a4a4e5'],
  ['euc-kr', '한국', 'c7d1b1b9'],
  ['shift_jis', '日本ｱ', '93fa967bb1'],
  ['euc-jp', '日本', 'c6fccbdc'],
  ['utf-16le', 'é\u{1f600}', 'e9003dd800de'],
  ['utf-16be', 'é\u{1f600}', '00e9d83dde00'],
  ['utf-16be', 'a\ufffd', '0061fffd'],
  ['gb18030', '\ufffd', '8431a437'],
  ['gbk', '中', 'd6d0'],
  ['gb2312', '中', 'd6d0'],
  ['iso-8859-8', 'שלום', 'f9ece5ed'],
  ['windows-31j', '日本', '93fa967b']
]

describe('encode', () => {
  for (const [label, text, hex] of samples) {
    it(`encodes ${label}, and decode reverses it`, () => {
      const bytes = encode(text, label)
      assert.equal(bytes.toString('hex'), hex)
      const charset = charsetOfLabel(label)
      assert.ok(charset)
      assert.equal(decode(bytes, charset), text)
    })
  }

  const refused: [string, string, string][] = [
    ['us-ascii', 'é', 'a character of Latin-1'],
    ['us-ascii', '\ufffd', 'the replacement character'],
    ['iso-8859-1', '€', 'the euro sign'],
    ['iso-8859-2', 'ñ', 'a character of another part'],
    ['iso-8859-3', '\ufffd', 'the replacement character'],
    ['windows-1252', '中', 'a Chinese character'],
    ['windows-1252', '\u0081', 'an unassigned control character'],
    ['big5', 'é', 'a Latin letter'],
    ['big5', '\u{1f600}', 'an emoji'],
    ['euc-kr', '\ufffd', 'the replacement character'],
    ['shift_jis', '¥', 'the yen sign, which would become a backslash'],
    ['utf-8', '\ud83d', 'half a surrogate pair'],
    ['utf-16le', '\ude00', 'half a surrogate pair'],
    ['gb18030', '\ud83d', 'half a surrogate pair']
  ]
  for (const [label, character, what] of refused) {
    it(`refuses in ${label}: ${what}`, () => {
      // Far enough down to be after the first piece that is checked.
      const filler = `NTE|${'?'.repeat(400)}\r`.repeat(400)
      assert.throws(
        () => encode(`MSH|?\r${filler}PID|${character}|Z\rNK1|\r`, label),
        (error) =>
          error instanceof Hl7Error &&
          error.code === 'HL7_INVALID_MESSAGE' &&
          error.message.startsWith(`Segment 402 `) &&
          error.message.includes(`that ${label} cannot represent. Correct MSH-18`) &&
          !error.message.includes(character)
      )
    })
  }

  it('cannot encode ISO-2022-JP or an unknown label', () => {
    assert.throws(() => encode('a', 'iso-2022-jp'), {
      code: 'HL7_CONFIG',
      message: /encoded in iso-2022-jp here\. Pass the message as a Buffer/
    })
    assert.throws(() => encode('a', 'utf-9'), {
      code: 'HL7_CONFIG',
      message: /charset is not known\. Use auto/
    })
  })

  it('counts segments by CR, and the last one without', () => {
    for (const [text, segment] of [
      ['é', 1],
      ['A\ré', 2],
      ['\ré', 2],
      ['MSH|\rPID|é', 2]
    ] as const) {
      assert.throws(() => encode(text, 'us-ascii'), { message: RegExp(`^Segment ${segment} `) })
    }
  })

  it('keeps no memory besides the bytes', () => {
    const bytes = encode('a'.repeat(100_000), 'big5')
    assert.equal(bytes.length, 100_000)
    assert.ok(bytes.buffer.byteLength <= 200_000)
  })

  it('either encodes every character so that it is read back, or refuses', () => {
    const labels = [...samples.map(([label]) => label), 'iso-8859-11', 'windows-874', 'koi8-r']
    fc.assert(
      fc.property(
        fc.constantFrom(...labels),
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })),
        (label, text) => {
          const charset = charsetOfLabel(label)
          assert.ok(charset)
          try {
            // U+FEFF is a byte order mark only at the start; elsewhere it is a character.
            assert.equal(decode(encode(`a${text}`, charset), charset), `a${text}`)
          } catch (error) {
            if (!(error instanceof Hl7Error)) throw error
            assert.equal(error.code, 'HL7_INVALID_MESSAGE')
          }
        }
      ),
      { numRuns: 2000 }
    )
  })
})

describe('decode', () => {
  it('removes one byte order mark', () => {
    for (const label of ['utf-8', 'utf-16le', 'utf-16be']) {
      const charset = charsetOfLabel(label)
      assert.ok(charset)
      assert.equal(decode(encode('\ufeff\ufeffa', charset), charset), '\ufeffa')
    }
  })
})

describe('wideCharset', () => {
  const table: Record<string, string[]> = {
    'utf-16le': ['fffe', 'fffe4100', '4d005300'],
    'utf-16be': ['feff', 'feff0041', '004d0053'],
    // Other texts, UTF-32, and too little to tell.
    none: [
      ...['', '4d', '4d00', '004d', '4d0053', '004d00', '4d534850', 'ff415300', 'fe415300'],
      ...['00000000', '0000004d', '4d000000', '0000feff', '00410000', '00414d00', '4d530048']
    ]
  }
  for (const [label, starts] of Object.entries(table)) {
    for (const hex of starts) {
      it(`of ${hex || 'nothing'} is ${label}`, () => {
        assert.equal(wideCharset(Buffer.from(hex, 'hex'))?.label ?? 'none', label)
      })
    }
  }
})

describe('decodeReply', () => {
  const msh = (set: string) => `MSH|^~\\&|||||||ACK||P|2.5||||||${set}\rMSA|AE|1|`
  const latin1 = (text: string) => Buffer.from(text, 'latin1')

  const table: [string, Buffer, string | undefined, string][] = [
    ['the HTTP charset', Buffer.concat([latin1(msh('8859/1')), latin1('\xc5')]), 'iso-8859-2', 'Ĺ'],
    ['MSH-18 if HTTP names none', latin1(msh('8859/2') + '\xa3'), undefined, 'Ł'],
    ['MSH-18 if HTTP names an unknown one', latin1(msh('8859/2') + '\xa3'), 'utf-9', 'Ł'],
    ['MSH-18 if HTTP names an empty one', latin1(msh('8859/2') + '\xa3'), '', 'Ł'],
    ['MSH-18 in a batch', latin1(`FHS|^~\\&\rBHS|^~\\&\r${msh('8859/2')}\xa3`), undefined, 'Ł'],
    ['MSH-18 in MLLP', latin1(`\x0b${msh('8859/2')}\xa3`), undefined, 'Ł'],
    ['MSH-18 after CRLF', latin1(`\r\n${msh('8859/2').replace('\r', '\r\n')}\xa3`), undefined, 'Ł'],
    ['UTF-8 if none is named', Buffer.from(msh('') + 'é'), undefined, 'é'],
    ['ISO-8859-1 if it is not UTF-8', latin1(msh('') + '\xe9'), undefined, 'é'],
    ['a text without MSH, like an MSH without MSH-18', latin1('MSA|AE|\xe9'), undefined, 'é'],
    ['an unknown MSH-18, like none', latin1(msh('XYZ') + '\xe9'), undefined, 'é'],
    [
      'a set that cannot be decoded, like none',
      latin1(msh('CNS 11643-1992') + '\xe9'),
      undefined,
      'é'
    ],
    ['ASCII with more than ASCII', latin1(msh('ASCII') + '\xe9'), undefined, 'é'],
    ['ASCII that is UTF-8', Buffer.from(msh('ASCII') + 'é'), 'us-ascii', 'é'],
    ['a UTF-8 mark', Buffer.from('\ufeff' + msh('8859/1') + 'é'), 'iso-8859-1', 'é'],
    ['a UTF-16 mark', Buffer.from('\ufeff' + msh('') + 'é', 'utf16le'), undefined, 'é'],
    ['UTF-16 without one', Buffer.from(msh('') + 'é', 'utf16le'), 'utf-16', 'é'],
    ['UTF-16BE without one', encode(msh('') + 'é', 'utf-16be'), undefined, 'é'],
    ['ISO-2022-JP', latin1(msh('~ISO IR87') + '\x1b$BF|K\\\x1b(B'), undefined, '日本'],
    ['a text that is not HL7', latin1('caf\xe9'), undefined, 'café'],
    ['one byte', latin1('\xe9'), undefined, 'é'],
    ['bytes that only begin like a UTF-8 mark', latin1('\xef\xbbé'), 'iso-8859-1', 'ï»é'],
    ['bytes that only end like a UTF-8 mark', latin1('a\xbb\xbfé'), 'iso-8859-1', 'a»¿é'],
    ['invalid UTF-8 that HTTP calls UTF-8', latin1('a\xe9'), 'utf-8', 'aé'],
    ['MSH-18 if it is not UTF-8 as HTTP says', latin1(msh('8859/2') + '\xa3'), 'utf-8', 'Ł'],
    [
      'invalid UTF-8 that MSH-18 calls UTF-8',
      latin1(msh('UNICODE UTF-8') + '\xe9'),
      undefined,
      'é'
    ],
    ['single bytes that HTTP calls UTF-16', Buffer.from(msh('') + 'é'), 'utf-16', '|é'],
    ['single bytes that MSH-18 calls UTF-16', latin1(msh('UNICODE UTF-16')), undefined, '|AE|1|']
  ]
  for (const [name, bytes, httpCharset, end] of table) {
    it(name, () => {
      const text = decodeReply(bytes, httpCharset)
      assert.ok(text.endsWith(end), JSON.stringify(text.slice(-8)))
      assert.ok(!text.startsWith('\ufeff'))
    })
  }

  it('reads empty bytes as empty text', () => {
    assert.equal(decodeReply(Buffer.alloc(0), undefined), '')
  })

  it('never throws, and returns the same twice', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom('MSH|^~\\&|||||||||||||||||', '', 'FHS|\rMSH|'),
        fc.option(fc.oneof(fc.string(), fc.constantFrom(...samples.map(([label]) => label)))),
        (bytes, head, label) => {
          const body = Buffer.concat([Buffer.from(head), bytes])
          const charset = label ?? undefined
          assert.equal(decodeReply(body, charset), decodeReply(body, charset))
        }
      )
    )
  })
})
