/**
 * Characters: a message and the bytes and content type that the receiver sees; the bytes of a reply
 * and its text.
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { after, before, describe, it } from 'node:test'
import { charsetNames, charsetOfLabel, decode, decodeReply, encode } from '../../src/hl7/charset.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Exchange } from '../support/exchange.ts'
import fc from '../support/properties.ts'

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start()
})
after(() => exchange.close())

/** A message with an MSH-18 and a name. */
const adt = (msh18 = '', name = 'Doe') =>
  `MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5||||||${msh18}\rPID|1||${name}\r`

/** @param charset the property of the node */
async function sent(payload: unknown, charset = 'auto'): Promise<[label: string, body: Buffer]> {
  const { headers, body } = await exchange.arrived({ charset }, payload)
  const [, label = ''] =
    /^application\/hl7-v2; charset=(.+)$/.exec(headers['content-type'] ?? '') ?? []
  return [label, body]
}

/** Characters of each set, and their bytes as other sources have them. */
const samples: [label: string, text: string, hex: string][] = [
  ['utf-8', 'é中\u{1f600}', 'c3a9e4b8adf09f9880'],
  ['us-ascii', 'aZ?', '615a3f'],
  ['iso-8859-1', 'é?ÿ\u0080', 'e93fff80'],
  ['iso-8859-2', 'Łódź?', 'a3f364bc3f'],
  ['iso-8859-5', 'Привет', 'bfe0d8d2d5e2'],
  ['iso-8859-7', 'Ωα', 'd9e1'],
  ['iso-8859-8', 'שלום', 'f9ece5ed'],
  ['iso-8859-15', '€Šš', 'a4a6a8'],
  ['windows-1252', '€“”?', '8093943f'],
  ['windows-1251', 'Привет', 'cff0e8e2e5f2'],
  ['gb18030', '中文\u{1f600}€', 'd6d0cec49439fc36a2e3'],
  ['gb18030', '\ufffd', '8431a437'],
  ['gbk', '中', 'd6d0'],
  ['gb2312', '中', 'd6d0'],
  ['big5', '中文', 'a4a4a4e5'],
  ['euc-kr', '한국', 'c7d1b1b9'],
  ['shift_jis', '日本ｱ', '93fa967bb1'],
  ['windows-31j', '日本', '93fa967b'],
  ['euc-jp', '日本', 'c6fccbdc'],
  ['utf-16le', 'é\u{1f600}', 'e9003dd800de'],
  ['utf-16be', 'é\u{1f600}', '00e9d83dde00'],
  ['utf-16be', 'a\ufffd', '0061fffd']
]

describe('a string is sent', () => {
  for (const [label, text, hex] of samples) {
    it(`in ${label}, and read back`, async () => {
      const [its, body] = await sent(adt('', text), label)
      assert.equal(its, label)
      const cr = { 'utf-16le': '0d00', 'utf-16be': '000d' }[label] ?? '0d'
      assert.ok(body.toString('hex').endsWith(hex + cr), body.toString('hex'))
      const type = `text/plain; charset=${label}`
      const { reply } = await exchange.attempt({ body, type })
      assert.equal(reply?.text, adt('', text))
    })
  }

  const labels: Record<string, string[]> = {
    'utf-8': ['', ' AUTO ', 'utf-8', 'UTF8', '"utf-8"', ' Utf-8 '],
    'us-ascii': ['us-ascii', 'ascii', 'ANSI_X3.4-1968'],
    'iso-8859-1': ['ISO-8859-1', 'iso8859-1', 'iso_8859-1', 'latin1', '8859/1'],
    'iso-8859-7': ['ISO_IR 126'],
    'iso-8859-15': ['iso8859-15'],
    'windows-1252': ['windows-1252', 'windows1252', 'WIN1252'],
    'windows-1250': ['CP1250'],
    'utf-16be': ['utf-16', 'utf16be'],
    'utf-16le': ['utf-16le'],
    gb18030: ['gb18030', 'gb-18030'],
    gbk: ['GBK'],
    // Those that only iconv-lite knows are labelled as they were written.
    shift_jis: ['Shift_JIS'],
    'windows-31j': ['Windows-31J'],
    'ks_c_5601-1987': ['KS_C_5601-1987'],
    'koi8-r': ['KOI8-R'],
    macintosh: ['macintosh'],
    ibm850: ['IBM850'],
    cp850: ['cp850'],
    'shift-jis': ['Shift JIS']
  }
  for (const [label, names] of Object.entries(labels)) {
    it(`as ${label} if the charset of the node is ${names.join(' or ')}`, async () => {
      for (const name of names) assert.equal((await sent(adt(), name))[0], label, name)
    })
  }

  const msh18: [value: string, label: string][] = [
    ['', 'utf-8'],
    ['""', 'utf-8'],
    [' ', 'utf-8'],
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
    ['UTF-8', 'utf-8'],
    ['WINDOWS-1252', 'windows-1252'],
    ['WIN1251', 'windows-1251'],
    // DICOM's names.
    ['ISO_IR 100', 'iso-8859-1'],
    ['ISO_IR 144', 'iso-8859-5'],
    ['ISO_IR 203', 'iso-8859-15'],
    ['ISO_IR 192', 'utf-8'],
    // Of several, the first.
    ['8859/1~8859/7', 'iso-8859-1'],
    ['~8859/2', 'iso-8859-2'],
    ['8859/2~ISO IR87', 'iso-8859-2'],
    ['UNICODE UTF-8~ISO IR87', 'utf-8']
  ]
  for (const [value, label] of msh18) {
    it(`as ${label} if MSH-18 is ${JSON.stringify(value)}`, async () => {
      assert.equal((await sent(adt(value)))[0], label)
      assert.deepEqual(readOutgoingMessage(adt(value), 'auto').warnings, [])
    })
  }

  for (const value of ['8859/12', 'NL', 'US', '1252', 'KLINGON']) {
    it(`as UTF-8, with a warning that does not quote it, if MSH-18 is ${value}`, async () => {
      assert.equal((await sent(adt(value, 'é')))[0], 'utf-8')
      assert.deepEqual(readOutgoingMessage(adt(value), 'auto').warnings, [
        'MSH-18 is ignored: it does not name a known character set.'
      ])
    })
  }

  it('in the set of the node rather than that of MSH-18', async () => {
    const text = adt('8859/1', 'Łuk')
    assert.deepEqual(await sent(text, 'UTF-8'), ['utf-8', Buffer.from(text)])
    assert.deepEqual(readOutgoingMessage(adt('KLINGON'), 'utf-8').warnings, [])
  })

  it('in the set of the first MSH of a file', async () => {
    const file = `FHS|^~\\&|||||||||F1\r${adt('8859/1', 'Müller')}${adt('8859/2')}`
    assert.deepEqual(await sent(file), ['iso-8859-1', Buffer.from(file, 'latin1')])
  })
})

describe('a string is refused', () => {
  const characters: [label: string, character: string, what: string][] = [
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
  for (const [label, character, what] of characters) {
    it(`in ${label} with ${what}, which is not quoted`, async () => {
      // Far enough down to be after the first piece that is checked.
      const filler = `NTE|${'?'.repeat(400)}\r`.repeat(400)
      for (const [before, segment] of [
        ['', 2],
        [filler, 402]
      ] as const) {
        const text = `${adt().replace(/PID.*/s, before)}PID|${character}|Z\rNK1|\r`
        await assert.rejects(sent(text, label), (error: Hl7Error) => {
          assert.equal(error.code, 'HL7_INVALID_MESSAGE')
          assert.ok(error.message.startsWith(`Segment ${segment} `), error.message)
          assert.ok(error.message.includes(`that ${label} cannot represent. The set comes from`))
          return !error.message.includes(character)
        })
      }
    })
  }

  it('in the set of MSH-18', async () => {
    for (const set of ['8859/1', 'ASCII']) {
      await assert.rejects(
        sent(adt(set, 'Łuk')),
        /^Hl7Error: Segment 2 .* else from MSH-18: correct it there/
      )
    }
    await assert.rejects(sent(adt('', 'é').replace('|A|', '|é|'), 'us-ascii'), /Segment 1 /)
  })

  const unknown = /character set of the node is not known\. Use auto/
  const settings: [msh18: string, charset: string, words: RegExp][] = [
    // What iconv-lite knows, but no message is in; a country and a number.
    ...['base64', 'hex', 'binary', 'utf-7', 'utf-7-imap', 'utf-32', 'ucs-2', 'ucs-4', 'cesu-8'],
    ...['unicode-1-1-utf-7', 'US', '1252', 'none', 'utf-9', 'iso-8859-12', 'iso 2022 kr'],
    ...['__proto__', 'constructor', 'x'.repeat(1e6)]
  ].map((name) => ['', name, unknown])
  settings.push(
    ['', 'iso-2022-jp', /encoded in iso-2022-jp here\. Pass the message as a Buffer/],
    ['~ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    ['ISO IR14', 'auto', /encoded in iso-2022-jp here/],
    ['ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    ['ISO IR159', 'auto', /encoded in iso-2022-jp-2 here/],
    // JAHIS: Japanese senders name ASCII first, or nothing.
    ['ASCII~ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    ['~8859/2~ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    [' ~8859/2~ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    ['ASCII~nonsense~ISO IR87', 'auto', /encoded in iso-2022-jp here/],
    ...['CNS 11643-1992', 'JAS2020', 'JIS X 0202', 'UNICODE UTF-32'].map(
      (name): [string, string, RegExp] => [
        name,
        'auto',
        /cannot be encoded here.*set the character set of the node/
      ]
    )
  )
  for (const [set, charset, message] of settings) {
    it(`if MSH-18 is "${set}" and the charset of the node is ${charset.slice(0, 20)}`, async () => {
      await assert.rejects(sent(adt(set), charset), {
        name: 'Hl7Error',
        code: 'HL7_CONFIG',
        message
      })
    })
  }
})

describe('a Buffer is labelled, and sent as it is', () => {
  const latin1 = (set: string, name: string) => Buffer.from(adt(set, name), 'latin1')
  const wrong = (label: string) => `The Buffer is sent as ${label}, but not all of its bytes are.`
  const rows: [what: string, payload: Buffer, charset: string, label: string, warning?: string][] =
    [
      ['MSH-18', Buffer.from(adt('8859/2')), 'auto', 'iso-8859-2'],
      ['the charset of the node', Buffer.from(adt('8859/2')), 'windows-1250', 'windows-1250'],
      ['UTF-8', Buffer.from(adt('', 'é')), 'auto', 'utf-8'],
      ['not UTF-8', latin1('', 'é'), 'auto', 'iso-8859-1'],
      ['not UTF-8 as MSH-18 says', latin1('UNICODE UTF-8', 'é'), 'auto', 'utf-8', wrong('utf-8')],
      ['not UTF-8 as the node says', latin1('', 'é'), 'utf-8', 'utf-8', wrong('utf-8')],
      ['UTF-8 without a mark', Buffer.from(adt('8859/1', 'é')), 'auto', 'iso-8859-1'],
      ['not ASCII', Buffer.from(adt('ASCII', 'é')), 'auto', 'us-ascii', wrong('us-ascii')],
      ['not ASCII as the node says', latin1('', 'é'), 'ASCII', 'us-ascii', wrong('us-ascii')],
      [
        ...(['an unknown MSH-18', Buffer.from(adt('KLINGON')), 'auto', 'utf-8'] as const),
        'MSH-18 is ignored: it does not name a known character set.'
      ],
      [
        ...(['not UTF-16', Buffer.from(adt('UNICODE UTF-16')), 'auto', 'utf-8'] as const),
        'MSH-18 is ignored: it names UTF-16, but the Buffer is not.'
      ],
      ['Japanese', latin1('~ISO IR87', '\x1b$BF|K\\\x1b(B'), 'auto', 'iso-2022-jp'],
      [
        ...(['Japanese, converted to UTF-8', Buffer.from(adt('~ISO IR87', '日本'))] as const),
        ...(['auto', 'iso-2022-jp', wrong('iso-2022-jp')] as const)
      ],
      [
        'Japanese with ISO IR159',
        latin1('~ISO IR159', '\x1b$BF|K\\\x1b(B'),
        'auto',
        'iso-2022-jp-2'
      ],
      // 院 has the byte of | in Big5.
      ['Big5', encode(adt('BIG-5', '院').replace('|A|', '|台大醫院|'), 'big5'), 'big5', 'big5']
    ]
  for (const [what, payload, charset, label, warning] of rows) {
    it(what, async () => {
      assert.deepEqual(await sent(payload, charset), [label, payload])
      const message = readOutgoingMessage(payload, charset)
      assert.equal(message.controlId, 'M1')
      assert.deepEqual(message.warnings, warning === undefined ? [] : [warning])
    })
  }

  it('a UTF-8 mark that another set contradicts is warned of, unless all of it is ASCII', () => {
    for (const before of ['\ufeff', '\v\ufeff']) {
      const warnings = (text: string, charset = 'auto') =>
        readOutgoingMessage(Buffer.from(before + text), charset).warnings
      assert.deepEqual(warnings(adt('8859/1', 'é')), [wrong('iso-8859-1')])
      assert.deepEqual(warnings(adt('', 'é'), 'windows-1252'), [wrong('windows-1252')])
      for (const text of [adt('8859/1'), adt('', 'é'), adt('UNICODE UTF-8', 'é')]) {
        assert.deepEqual(warnings(text), [])
      }
    }
  })

  it('in another set than the content type says is warned of', async () => {
    const payload = latin1('8859/1', 'é')
    const { headers, body } = await exchange.arrived(
      { receiver: { contentType: 'text/plain; charset=utf-8' } },
      payload
    )
    assert.deepEqual([headers['content-type'], body], ['text/plain; charset=utf-8', payload])
    assert.deepEqual(readOutgoingMessage(payload, 'utf-8').warnings, [wrong('utf-8')])
  })

  it('UTF-16 is recognized by its mark or its zeros, and lines by characters', async () => {
    // U+0D0A and U+0A0D contain the bytes of CR and LF.
    const text = adt('', '\u0d0a\u0a0d\u1c0d\u0d1c')
    const little = (one: string) => Buffer.from(one, 'utf16le')
    const big = (one: string) => little(one).swap16()
    for (const [payload, label] of [
      [little(text), 'utf-16le'],
      [big(text), 'utf-16be'],
      [little(`\ufeff${text}`), 'utf-16le'],
      [big(`\ufeff${text.replaceAll('\r', '\r\n')}`), 'utf-16be'],
      [little(`\x0b${text}\x1c\r`), 'utf-16le']
    ] as const) {
      for (const charset of ['auto', 'utf-16']) {
        const expected = label === 'utf-16le' ? little(text) : big(text)
        assert.deepEqual(await sent(payload, charset), [label, expected])
        assert.equal(readOutgoingMessage(payload, charset).text, text)
      }
    }
  })

  it('half a character of UTF-16 is refused', async () => {
    await assert.rejects(sent(Buffer.from(adt(), 'utf16le').subarray(0, -1)), {
      code: 'HL7_INVALID_MESSAGE',
      message: /not complete utf-16le: bytes are missing/
    })
  })
})

describe('a reply is read', () => {
  const msh = (set: string) => `MSH|^~\\&|||||||ACK||P|2.5||||||${set}\rMSA|AE|1|`
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  const euro = latin1(msh('') + '\x80')
  const xml = (text: string, encoding?: string): string =>
    `${encoding === undefined ? '' : `<?xml version="1.0" encoding="${encoding}"?>`}<a>${text}</a>`

  /** Bytes, the content type, and the end of the text. */
  const rows: [what: string, bytes: Buffer, type: string, end: string][] = [
    [
      'by HTTP rather than by MSH-18',
      latin1(msh('8859/1') + '\xc5'),
      'a/b; charset=iso-8859-2',
      'Ĺ'
    ],
    ['by HTTP, without a blank', euro, 'a/b;Charset="windows-1252"', '€'],
    ['by HTTP, in single quotes', euro, "a/b; charset='windows-1252'", '€'],
    [
      'by HTTP, among other parameters',
      euro,
      'a/b; format=flowed ; CHARSET = windows-1252; x=y',
      '€'
    ],
    ['by HTTP, not in a string', euro, 'a/b; title="a;charset=utf-8"; charset=windows-1252', '€'],
    [
      'by HTTP, ISO-2022-JP',
      latin1(`${msh('')}\x1b$BF|K\\\x1b(B`),
      'a/b; charset=iso-2022-jp',
      '日本'
    ],
    ['by MSH-18', latin1(msh('8859/2') + '\xa3'), 'a/b', 'Ł'],
    [
      'by MSH-18 if HTTP names an unknown set',
      latin1(msh('8859/2') + '\xa3'),
      'a/b; charset=utf-9',
      'Ł'
    ],
    ['by MSH-18 if HTTP names an empty one', latin1(msh('8859/2') + '\xa3'), 'a/b; charset=', 'Ł'],
    ['by MSH-18 in a batch', latin1(`FHS|^~\\&\rBHS|^~\\&\r${msh('8859/2')}\xa3`), '', 'Ł'],
    ['by MSH-18 in MLLP', latin1(`\x0b${msh('8859/2')}\xa3`), '', 'Ł'],
    ['by MSH-18 after CRLF', latin1(`\r\n${msh('8859/2').replace('\r', '\r\n')}\xa3`), '', 'Ł'],
    ['by MSH-18, ISO-2022-JP', latin1(`${msh('~ISO IR87')}\x1b$BF|K\\\x1b(B`), '', '日本'],
    [
      'by MSH-18 if it is not UTF-8 as HTTP says',
      latin1(msh('8859/2') + '\xa3'),
      'a/b; charset=utf-8',
      'Ł'
    ],
    ['as UTF-8 if nothing names a set', Buffer.from(msh('') + 'é'), '', 'é'],
    ['as ISO-8859-1 if it is not UTF-8', latin1(msh('') + '\xe9'), '', 'é'],
    ['as ISO-8859-1 if MSH-18 wrongly says UTF-8', latin1(msh('UNICODE UTF-8') + '\xe9'), '', 'é'],
    ['as ISO-8859-1 if HTTP wrongly says UTF-8', latin1('a\xe9'), 'a/b; charset=utf-8', 'aé'],
    ['as if there were no MSH-18 if it is unknown', latin1(msh('XYZ') + '\xe9'), '', 'é'],
    [
      'as if there were none if it cannot be decoded',
      latin1(msh('CNS 11643-1992') + '\xe9'),
      '',
      'é'
    ],
    ['without an MSH', latin1('MSA|AE|\xe9'), '', 'é'],
    ['as ASCII with more than ASCII', latin1(msh('ASCII') + '\xe9'), '', 'é'],
    ['as ASCII that is UTF-8', Buffer.from(msh('ASCII') + 'é'), 'a/b; charset=us-ascii', 'é'],
    ['by a mark of UTF-8', Buffer.from(`\ufeff${msh('8859/1')}é`), 'a/b; charset=iso-8859-1', 'é'],
    ['by a mark of UTF-16', Buffer.from(`\ufeff${msh('')}é`, 'utf16le'), '', 'é'],
    ['as UTF-16 without a mark', Buffer.from(msh('') + 'é', 'utf16le'), 'a/b; charset=utf-16', 'é'],
    ['as UTF-16BE without a mark', encode(msh('') + 'é', 'utf-16be'), '', 'é'],
    [
      'as single bytes that HTTP calls UTF-16',
      Buffer.from(msh('') + 'é'),
      'a/b; charset=utf-16',
      '|é'
    ],
    ['as single bytes that MSH-18 calls UTF-16', latin1(msh('UNICODE UTF-16')), '', '|AE|1|'],
    ['that is not HL7', latin1('caf\xe9'), '', 'café'],
    ['of one byte', latin1('\xe9'), '', 'é'],
    ['with the beginning of a mark', latin1('\xef\xbbé'), 'a/b; charset=iso-8859-1', 'ï»é'],
    ['with the end of a mark', latin1('a\xbb\xbfé'), 'a/b; charset=iso-8859-1', 'a»¿é'],
    // XML: by HTTP, its mark or its declaration, else as UTF-8.
    ['in XML, as UTF-8', Buffer.from(xml('é €')), 'text/xml', 'é €</a>'],
    ['in XML, by its declaration', latin1(xml('é \x80', 'Windows-1252')), 'text/xml', 'é €</a>'],
    [
      'in XML, by HTTP rather than that',
      Buffer.from(xml('é €', 'windows-1252')),
      'text/xml; charset=utf-8',
      'é €</a>'
    ],
    [
      'in XML, by HTTP instead of that',
      latin1(xml('é \x80', 'utf-8')),
      'text/xml; charset="windows-1252"',
      'é €</a>'
    ],
    [
      'in XML, by HTTP without one',
      latin1(xml('é \x80')),
      'text/xml; charset=windows-1252',
      'é €</a>'
    ],
    [
      'in XML, by its mark rather than that',
      Buffer.from(`\ufeff${xml('é €', 'windows-1252')}`),
      'text/xml',
      'é €</a>'
    ],
    [
      'in XML, in UTF-16',
      Buffer.from(`\ufeff${xml('é €', 'UTF-16')}`, 'utf16le'),
      'text/xml',
      'é €</a>'
    ]
  ]
  for (const [what, body, type, end] of rows) {
    it(what, async () => {
      const { reply } = await exchange.attempt({ body, ...(type && { type }) })
      const { text } = reply ?? assert.fail()
      assert.ok(text.endsWith(end), JSON.stringify(text.slice(-10)))
      assert.ok(!text.startsWith('\ufeff'))
    })
  }

  /** The first bytes of UTF-16 are its mark, or those of two ASCII letters. */
  for (const [hex, text] of [
    ['fffe', ''],
    ['fffe4100', 'A'],
    ['fffefffe4100', '\ufeffA'],
    ['4d005300', 'MS'],
    ['feff', ''],
    ['feff0041', 'A'],
    ['004d0053', 'MS'],
    ['', ''],
    ['4d', 'M'],
    ['4d00', 'M\0'],
    ['004d', '\0M'],
    ['4d0053', 'M\0S'],
    ['004d00', '\0M\0'],
    ['4d534850', 'MSHP'],
    ['ff415300', 'ÿAS\0'],
    ['fe415300', 'þAS\0'],
    ['00000000', '\0\0\0\0'],
    ['0000004d', '\0\0\0M'],
    ['4d000000', 'M\0\0\0'],
    ['0000feff', '\0\0þÿ'],
    ['00410000', '\0A\0\0'],
    ['00414d00', '\0AM\0'],
    ['4d530048', 'MS\0H']
  ] as const) {
    it(`of the bytes ${hex || '-'} as ${JSON.stringify(text)}`, async () => {
      const { reply } = await exchange.attempt({ body: Buffer.from(hex, 'hex') })
      assert.equal(reply?.text, text)
    })
  }

  it('without an exception, whatever it is, and the same twice', () => {
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

describe('the names of character sets', () => {
  it('are each listed once, and the label of each is known', () => {
    const names = charsetNames()
    assert.equal(new Set(names).size, names.length)
    for (const name of ['utf8', 'unicodeutf8', '88591', 'latin1', 'koi8r']) {
      assert.ok(names.includes(name), name)
    }
    for (const name of ['base64', 'hex', 'utf7', 'us', 'cn']) {
      assert.ok(!names.includes(name), name)
    }
    for (const name of names) {
      const { label } = charsetOfLabel(name) ?? assert.fail(name)
      assert.equal(charsetOfLabel(label)?.label, label, name)
    }
  })
})

it('encoding keeps no memory besides the bytes', () => {
  const bytes = encode('a'.repeat(100_000), 'big5')
  assert.equal(bytes.length, 100_000)
  assert.ok(bytes.buffer.byteLength <= 200_000)
})

it('encoding either writes every character so that it is read back, or refuses', () => {
  const codePoint = fc.integer({ min: 0, max: 0x10ffff })
  const labels = [...samples.map(([label]) => label), 'iso-8859-11', 'windows-874', 'koi8-r']
  fc.assert(
    fc.property(
      fc.constantFrom(...labels),
      fc.array(fc.oneof(codePoint, fc.integer({ min: 0, max: 0x24f })), { maxLength: 20 }),
      (label, codePoints) => {
        const text = String.fromCodePoint(...codePoints)
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
    { numRuns: 1000 }
  )
})
