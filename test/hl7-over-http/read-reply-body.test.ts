/** Which HL7 text is found in a body, whatever its status and content type say. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import { readReplyBody } from '../../src/hl7-over-http/read-reply-body.ts'
import type { ReplyBodyOptions } from '../../src/hl7-over-http/read-reply-in-text.ts'
import { ack, ackOf, ADT, Exchange, leaving } from '../support/exchange.ts'
import fc from '../support/properties.ts'

/** Large enough for the bodies below. */
const maxResponseBytes = 2_097_152

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start({ maxResponseBytes })
})
after(() => exchange.close())

async function readFrom(body: string | Buffer, reply: Partial<ReplyBodyOptions> = {}, type = '') {
  const result = await exchange.attempt({ body, ...(type && { type }) }, { reply })
  return result.reply ?? assert.fail(result.error?.text)
}

/** Each row: a body, and the HL7 that is found in it; `''` for none. */
function table(
  what: string,
  rows: Record<string, readonly [body: string | Buffer, hl7: string]>,
  reply: Partial<ReplyBodyOptions> = {}
): void {
  describe(what, () => {
    for (const [name, [body, hl7]] of Object.entries(rows)) {
      it(name, async () => {
        const read = await readFrom(body, reply)
        assert.equal(read.hl7, hl7)
        if (typeof body === 'string') {
          assert.equal(read.text, body.replace(/^\ufeff/, ''))
        }
      })
    }
  })
}

const [yes, no, other] = [ack('AA'), ack('AE'), ackOf('M2', 'AR')]
const json = (value: unknown): string => JSON.stringify(value)
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le')
const [msh = '', msa = ''] = no.split('\r')
const batch = `FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r${yes}${other}BTS|2\rFTS|1\r`

table('the body itself', {
  raw: [yes, yes],
  'lines that end in LF': [yes.replaceAll('\r', '\n'), yes],
  'lines that end in CRLF, and blank lines': [`\r\n${yes.replaceAll('\r', '\r\n\r\n')}`, yes],
  'CR and LF mixed': [no.replace('\r', '\n').replace(/\r$/, '\r\n'), no],
  'no final CR': [yes.trimEnd(), yes],
  'MLLP framing': [`\x0b${yes}\x1c\r`, yes],
  'zeros behind it, as of a buffer in C': [`${yes.trimEnd()}\0\0`, yes],
  'zeros behind the frame': [`\x0b${yes}\x1c\r\0`, yes],
  'a byte order mark': [`\ufeff${yes}`, yes],
  'blank lines and lines of blanks': [
    'MSH|^~\\&\r\r\n \t\r\rMSA|AA|1\r\r',
    'MSH|^~\\&\rMSA|AA|1\r'
  ],
  'blanks before it': ['\r\n  MSH|^~\\&\r', 'MSH|^~\\&\r'],
  'a no-break space before it': ['\u00a0MSH|^~\\&\r', 'MSH|^~\\&\r'],
  'only an MSA': [' MSA|AA|1', 'MSA|AA|1\r'],
  'other separators': ['MSH:;~\\&\rMSA:AA:1\r', 'MSH:;~\\&\rMSA:AA:1\r'],
  'a short header': ['MSH|\r', 'MSH|\r'],
  'an empty MSH-2': ['MSH||A|B\r', 'MSH||A|B\r'],
  'an MSH-2 that was escaped for HTML': [
    'MSH|^~\\&amp;|A\rMSA|AA|1\r',
    'MSH|^~\\&amp;|A\rMSA|AA|1\r'
  ],
  'a batch': [batch, batch],
  'a batch header': ['BHS|^~\\&\r', 'BHS|^~\\&\r'],
  base64: [base64(yes), yes],
  'base64 of a framed message': [base64(`\x0b${yes}\x1c\r`), yes],
  'base64 without padding': [base64(yes).replaceAll('=', ''), yes],
  'URL-safe base64': [
    Buffer.from(`${yes}ERR|||1||||~~~>>>???`).toString('base64url'),
    `${yes}ERR|||1||||~~~>>>???\r`
  ],
  'base64 of UTF-16': [base64(utf16(`\ufeff${yes}`)), yes],
  'base64 in lines': [base64(yes).replace(/.{60}/g, '$&\r\n'), yes],
  'base64 after a byte order mark': [base64(`\ufeff${yes}`), yes],
  'base64 after blank lines': [base64(`\r\n\r\n${yes}`), yes]
})

it('the content type does not matter', async () => {
  for (const type of ['text/html', 'application/json', 'image/png', ';;;charset', '"']) {
    for (const body of [yes, base64(yes), json({ ack: yes })]) {
      assert.equal((await readFrom(body, {}, type)).hl7, yes, type)
    }
  }
})

table('a body that is not HL7', {
  nothing: ['', ''],
  'one byte': ['1', ''],
  'a word': ['OK', ''],
  'words with segment names': ['The MSH segment is missing. MSA|AA|M1', ''],
  'a message after words': ['HTTP OK\rMSH|^~\\&\r', ''],
  'MSH alone': ['MSH', ''],
  'one letter': ['M', ''],
  'only framing': ['\x0b\x1c\r', ''],
  'a word like MSH': ['MSHARE is down', ''],
  'a word like MSA': ['MSA is down', ''],
  'the name of a field': ['BHS-11 is required', ''],
  'the names of two fields': ['MSH-10 is required\rMSA-2 is missing', ''],
  'words after a bar': ['BHS|FHS segments are refused', ''],
  'a colon after the name': ['BHS: batch header not supported', ''],
  'a slash after the name': ['FHS/BHS batches are refused', ''],
  'dots after the name': ['BHS...\rnot supported', ''],
  'an arrow after the name': ['MSH-->missing', ''],
  'a page': ['<html>MSH|^~\\&|</html>', ''],
  'base64 of a word': [base64('Rejected for ever'), ''],
  'base64 of a word that begins with MSH': [base64('MSHould be rejected'), ''],
  'base64 with an invalid character': [`${base64(yes)}!`, ''],
  'base64 with invalid characters behind it': [`${base64(yes)}!!`, ''],
  'base64 with an invalid character before it': [`!${base64(yes)}`, ''],
  // A refusal could be in the second.
  'two texts in base64, one behind the other': [`${base64(`${yes}NTE|1`)}${base64(no)}`, ''],
  'base64 that was cut off': [base64(ack('AAX')).replace(/=*$/, '').slice(0, 61), ''],
  'JSON without HL7': ['{"id": 1, "message": "Received", "data": null}', ''],
  'JSON that was cut off': [json({ ack: yes }).slice(0, -1), ''],
  'a number': ['17', '']
})

table('Google Cloud Healthcare: base64 in JSON', {
  'hl7Ack beside the request': [
    json({ message: { name: 'projects/p', data: base64(ADT) }, hl7Ack: base64(yes) }),
    yes
  ],
  'hl7Nack deep in an error': [
    json({
      error: { code: 400, details: [{ '@type': 'x' }, { '@type': 'y', hl7Nack: base64(no) }] }
    }),
    no
  ]
})

table('JSON', {
  'a string': [json(no), no],
  'a string of base64': [json(base64(no)), no],
  'a list': [json([no]), no],
  'a member': [json({ id: 1, ack: no }), no],
  'a member without a name': [json({ '': no }), no],
  'lines that end in LF': [json({ ack: no.replaceAll('\r', '\n') }), no],
  'at any depth': [json({ a: [null, 1, { b: { 'x\ny': [no] } }] }), no],
  'white space around it': [` ${json({ ack: no })}\n`, no],
  'the request, and an acknowledgement deeper': [json({ message: ADT, a: { b: { c: no } } }), no],
  'an acknowledgement after the request, both in base64': [
    json({ message: base64(ADT), response: base64(no) }),
    no
  ],
  'no acknowledgement: the first HL7': [
    json({ status: 'OK', note: ADT, deep: batch.replace(/MSH.*\r/s, 'BTS|0\r') }),
    ADT
  ],
  'upper levels first': [json({ deep: [ADT], ack: 'BHS|^~\\&\rBTS|0' }), 'BHS|^~\\&\rBTS|0\r'],
  'a message header alone': [json({ error: 'rejected', segment: msh }), `${msh}\r`],
  // An error message quotes a header of what was sent: it is no batch without errors.
  'a batch header alone': [json({ error: 'rejected', segment: 'BHS|^~\\&|LAB|||||||||B1' }), ''],
  'a file header alone': [json({ error: 'rejected', segment: 'FHS|' }), ''],
  'a batch header beside an acknowledgement': [json({ segment: 'FHS|^~\\&|LAB\r', ack: no }), no],
  'several acknowledgements, in order': [json({ response: yes, ack: other }), yes + other],
  'each acknowledgement once': [
    json([{ ack: yes }, { ack: other, again: other }, { note: 'x' }]),
    yes + other
  ],
  'several, in base64 and as text': [json([base64(yes), other, base64(ADT)]), yes + other],
  // An MSA alone has the usual separators.
  'an MSA alone, after a message with other separators': [
    json({ ack: yes.replaceAll('|', ':'), error: 'MSA|AE|M1' }),
    `MSA|AE|M1\r${yes.replaceAll('|', ':')}`
  ],
  'the shortest acknowledgement': [json({ ack: 'MSA|AA' }), 'MSA|AA\r'],
  'base64 of UTF-16': [json({ ack: base64(utf16(no)) }), no],
  'base64 of UTF-16 with its mark': [json({ ack: base64(utf16(`\ufeff${no}`)) }), no],
  'a list of segments': [json([msh, msa]), no],
  'a list of segments that end in CR': [json({ ack: [`${msh}\r`, `${msa}\r`, ''] }), no],
  'a list of segments, the first after a blank': [json([` ${msh}`, msa]), no],
  'a list of segments of a batch': [json({ id: 1, ack: batch.split('\r') }), batch],
  'a list that is no list of segments': [json([msh, 1, msa]), `${msa}\r`],
  'JSON in a text': [json({ statusCode: 200, body: ` ${json({ ack: no })}` }), no],
  'JSON in a text in a text': [json({ note: [json(json({ ack: no }))] }), ''],
  'broken JSON in a text': [json({ body: '{"ack": "MSH' }), ''],
  'XML in a text': [json({ body: `<a>${escapeXml(no)}</a>` }), no],
  // More texts of JSON than are read: a refusal could be among the others.
  '1,000 texts of JSON': [
    json([yes, ...Array<string>(999).fill('{"a":1}'), json({ ack: no })]),
    yes + no
  ],
  '1,001 texts of JSON': [
    json([yes, ...Array<string>(1000).fill('{"a":1}'), json({ ack: no })]),
    ''
  ],
  '200,000 levels': [
    `${'['.repeat(200_000)}${json({ note: '[[{{"\\', ack: no })}${']'.repeat(200_000)}`,
    no
  ],
  '100,000 other values': [json({ filler: Array(100_000).fill(1), deep: [[[{ ack: no }]]] }), no],
  '10,000 acknowledgements that are the same': [
    json([...Array<string>(10_000).fill(yes), other]),
    yes + other
  ]
})

/** The CDC's WSDL for immunization registries, urn:cdc:iisb:2011. */
const soap = (text: string): string =>
  `<?xml version="1.0"?>\n<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">\n  <s:Body>
    <submitSingleMessageResponse xmlns="urn:cdc:iisb:2011"><return>${text}</return></submitSingleMessageResponse>
  </s:Body>\n</s:Envelope>\n`
const cdata = (text: string): string => `<![CDATA[${text}]]>`
const amp = no.replaceAll('&', '&amp;')

table('immunization registries: SOAP', {
  'escaped, with CR as &#13;': [soap(escapeXml(no)), no],
  'escaped, with CR as it is': [soap(amp), no],
  'escaped, with CR turned into LF': [soap(amp.replaceAll('\r', '\n')), no],
  'escaped, with &#xD; and LF': [soap(amp.replaceAll('\r', '&#xD;\n')), no],
  'escaped and indented': [soap(`\n      ${amp.replaceAll('\r', '\r\n')}\n      `), no],
  // As programs that concatenate strings write it.
  'not escaped': [soap(no), no],
  'in CDATA': [soap(cdata(no)), no],
  'in CDATA of two pieces': [soap(`${cdata(no.slice(0, 20))}<!-- x -->${cdata(no.slice(20))}`), no],
  'in base64': [soap(base64(no)), no],
  'in base64 in lines': [soap(base64(no).replace(/.{60}/g, '$&\r\n')), no],
  'base64 in CDATA': [soap(cdata(base64(no))), no],
  'base64 of UTF-16': [soap(base64(utf16(no))), no]
})

table('XML', {
  'several acknowledgements beside the request': [
    `<r><echo>${escapeXml(ADT)}</echo><a>${cdata(yes)}</a><b><c>${base64(other)}</c></b>${yes}</r>`,
    yes + other
  ],
  'no acknowledgement: the first HL7': [
    `<r><a>OK</a>${cdata(ADT)}<b>${cdata('BHS|^~\\&|')}</b></r>`,
    ADT
  ],
  'a batch header alone': [`<r><e>rejected</e>${cdata('FHS|^~\\&|LAB\r')}</r>`, ''],
  'XML in a text': [soap(escapeXml(soap(escapeXml(no)))), no],
  'XML in XML in a text': [soap(escapeXml(soap(escapeXml(soap(escapeXml(no)))))), ''],
  'JSON in a text': [soap(cdata(json({ a: [no] }))), no],
  'no HL7': [soap('OK'), ''],
  'an attribute': [`<r a="${yes}"/>`, ''],
  'a page that quotes it': [`<html><body><pre>${cdata(yes)}</pre></body></html>`, ''],
  'a piece of a page': [`<h1>Bad Gateway</h1>\n<p>${cdata(yes)}</p>`, '']
})

describe('HL7 in reply (replyPath)', () => {
  const body = json({ ack: yes, other: { text: no } })
  const picked = async (pick: (value: unknown) => unknown, from = body): Promise<string> =>
    (await readFrom(from, { pick })).hl7

  for (const [what, found, hl7] of [
    ['a text', no, no],
    ['base64', base64(no), no],
    ['a list', [yes, no], yes + no],
    ['JSON in a text', json({ ack: no }), no],
    ['nothing', undefined, ''],
    ['null', null, ''],
    ['a number', 1, ''],
    ['another text', 'OK', ''],
    ['an empty list', [], '']
  ] as const) {
    it(`picks ${what}`, async () => {
      assert.equal(await picked(() => found), hl7)
      assert.equal(await picked(() => Promise.resolve(found)), hl7)
    })
  }

  it('picks from the JSON', async () => {
    assert.equal(await picked((value) => (value as { other: unknown }).other), no)
  })

  it('finds nothing if it fails or picks a function', async () => {
    const fails = (): never => {
      throw new Error('no')
    }
    assert.equal(await picked(fails), '')
    assert.equal(await picked(() => Promise.reject(new Error('no'))), '')
    for (const name of ['_jsonata_lambda', '_jsonata_function']) {
      assert.equal(await picked((value) => ({ [name]: true, environment: value })), '')
    }
    assert.equal(await picked(() => Object.assign(() => 1, { ack: yes })), '')
  })

  it('is not asked about HL7, XML and other texts', async () => {
    const asked = () => assert.fail('asked')
    for (const text of [no, soap(cdata(no))]) assert.equal(await picked(asked, text), no)
    assert.equal(await picked(asked, 'OK'), '')
  })
})

describe('any bytes', () => {
  // oxfmt-ignore
  const pieces = fc.constantFrom(
    'MSH|^~\\&|', 'MSA|AA|M1', '\r', '\n', '{', '}', '[', ']', '"ack":', '"', ',', ':', '\\u000d',
    '<a>', '</a>', '<![CDATA[', ']]>', '&#13;', '&amp;', 'TVNI', '=', '\x0b', '\x1c', '\ufeff', '\0',
    'é', 'BHS|', base64(yes)
  )
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
    fc.json().map((text) => Buffer.from(text))
  )
  const types = fc.option(
    fc.oneof(fc.string(), fc.constantFrom('text/plain;charset=utf-16', 'a;charset=utf-7')),
    { nil: undefined }
  )

  it('are read without an exception, and the same way twice', async () => {
    await fc.assert(
      fc.asyncProperty(bodies, types, async (body, type) => {
        const first = await readReplyBody(body, type, {})
        const second = await readReplyBody(body, type, {})
        assert.equal(second.text, first.text)
        assert.equal(second.hl7, first.hl7)
        assert.equal(first.message === null, first.hl7 === '')
      }),
      { numRuns: 500 }
    )
  })
})

describe('multipart/related (MTOM), as Apache CXF sends it', () => {
  const boundary = 'uuid:6d3f4b1e-0c0a'
  const type = (more: string): string =>
    `multipart/related; type="application/xop+xml"; boundary="${boundary}"; start-info="text/xml"${more}`
  const part = (id: string, contentType: string, body: string): string =>
    `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\n\r\n${body}`
  const envelope = (text: string): string =>
    `<s:Envelope xmlns:s="x"><s:Body><return>${text.replaceAll('&', '&amp;')}</return></s:Body></s:Envelope>`
  const root = part('root', 'application/xop+xml; charset=UTF-8; type="text/xml"', envelope(no))
  const attachment = part('1', 'text/plain', yes)
  const end = `\r\n--${boundary}--`
  const inner = `\r\n--${boundary}-2\r\n\r\n${yes}\r\n--${boundary}-2--`
  const mail = part('1', 'message/rfc822', 'Subject: HL7\r\nContent-ID: <root>\r\n\r\nHello')
  const withoutId = (one: string): string => one.replace('\r\nContent-ID: <1>', '')
  const folded = root.replace('Content-ID: ', 'Content-ID:\r\n ').replace('; type', ';\r\n\ttype')

  for (const [name, body, more] of [
    ['without attachments', root + end, '; start="<root>"'],
    ['with an attachment before the root part', attachment + root + end, '; start="<root>"'],
    ['with the root part first, where no start names it', root + attachment + end, ''],
    ['without an end', root, ''],
    [
      'with a multipart body before it, whose boundary begins the same',
      part('1', `multipart/mixed; boundary="${boundary}-2"`, inner) + root + end,
      '; start="<root>"'
    ],
    ['with folded headers', attachment + folded + end, '; start="<root>"'],
    // Python's email package.
    [
      'with lines that end in LF',
      (attachment + folded + end).replaceAll('\r\n', '\n'),
      '; start="<root>"'
    ],
    ['with an e-mail before it that has its ID', withoutId(mail) + root + end, '; start="<root>"'],
    ['with the root part first, before one without an ID', root + withoutId(attachment) + end, ''],
    ['after a preamble that names the boundary', `See --${boundary}.${root}${end}`, '']
  ] as const) {
    it(`has its acknowledgement in the root part: ${name}`, async () => {
      const read = await readFrom(body, {}, type(more))
      assert.deepEqual([read.hl7, read.text], [no, envelope(no)])
    })
  }

  it('has no acknowledgement but in the root part, which may have parts itself', async () => {
    const ofParts = part('root', 'text/plain', 'OK') + attachment + end
    const related = `multipart/related; type="multipart/mixed"; boundary="${boundary}"`
    assert.equal((await readFrom(ofParts, {}, related)).hl7, '')
  })

  it('may have a blank before its parameters (RFC 9110 §5.6.6)', async () => {
    const read = await readFrom(root + end, {}, `Multipart/Related ; boundary="${boundary}"`)
    assert.deepEqual([read.hl7, read.text], [no, envelope(no)])
  })

  it('is looked at as a whole where a refusal is not understood', async () => {
    const body = Buffer.from(root + attachment + end)
    const read = (type?: string) => readReplyBody(body, type, {})
    assert.equal((await read(type(''))).whole, body.toString())
    for (const other of [undefined, 'text/xml', 'multipart/mixed; boundary=b']) {
      assert.equal((await read(other)).whole, undefined)
    }
  })

  it('has the charset of the part', async () => {
    const text = ack('AE').replace('M1\r', 'M1|Größe\r')
    const latin1 = part('root', 'application/xop+xml; charset=ISO-8859-1', envelope(text)) + end
    const read = await readFrom(Buffer.from(latin1, 'latin1'), {}, type(''))
    assert.equal(read.hl7, text)
  })

  it('is read as a whole without a boundary or parts', async () => {
    for (const [body, of] of [
      [yes, 'multipart/related'],
      [yes, type('')],
      [`--${boundary}\r\n`, type('')]
    ] as const) {
      assert.equal((await readFrom(body, {}, of)).text, body)
    }
  })

  it('is taken apart in little time', async () => {
    const start = performance.now()
    await readFrom(`\r\n--${boundary}\r\n\r\n`.repeat(60_000), {}, type(''))
    await readFrom(`\r\n--${boundary}`.repeat(60_000), {}, type(''))
    assert.ok(performance.now() - start < 1000)
  })
})

describe('another multipart body', () => {
  const part = (body: string, type = 'application/hl7-v2'): string =>
    `\r\n--b\r\nContent-Type: ${type}\r\n\r\n${body}`
  const rows: [what: string, type: string, body: string, hl7: string][] = [
    ['mixed', 'multipart/mixed; boundary=b', part(no), no],
    ['a form', 'multipart/form-data; boundary="b"', part('OK', 'text/plain') + part(no), no],
    [
      'several acknowledgements',
      'Multipart/Mixed; boundary=b',
      part(yes) + part(other),
      yes + other
    ],
    ['the request beside it', 'multipart/mixed;boundary=b', part(ADT) + part(yes), yes],
    [
      'parts that are multipart/related themselves',
      'multipart/mixed; type=multipart/related; boundary=b',
      part('OK', 'text/plain') + part(no),
      no
    ],
    ['JSON', 'multipart/mixed; boundary=b', part(json({ ack: no }), 'application/json'), no],
    ['XML', 'multipart/mixed; boundary=b', part(soap(cdata(no)), 'text/xml'), no],
    ['base64', 'multipart/mixed; boundary=b', part(base64(no)), no],
    ['no HL7', 'multipart/mixed; boundary=b', part('OK'), ''],
    ['a page', 'multipart/mixed; boundary=b', part(`<html>${cdata(yes)}</html>`), ''],
    ['another boundary', 'multipart/mixed; boundary=c', part(yes), ''],
    ['no boundary', 'multipart/mixed', part(yes), ''],
    ['99 parts', 'multipart/mixed; boundary=b', part(yes).repeat(98) + part(no), yes + no],
    ['100 parts', 'multipart/mixed; boundary=b', part(yes).repeat(100), ''],
    [
      '100 parts, some empty',
      'multipart/mixed; boundary=b',
      '\r\n--b'.repeat(50) + part(yes).repeat(51),
      ''
    ],
    ['no multipart body', 'text/plain; boundary=b', part(yes), '']
  ]
  for (const [what, type, body, hl7] of rows) {
    it(`with ${what}`, async () => {
      const read = await readFrom(`${body}\r\n--b--`, {}, type)
      assert.deepEqual([read.hl7, read.text], [hl7, `${body}\r\n--b--`])
    })
  }

  const read = (parts: readonly (string | Buffer)[], reply: Partial<ReplyBodyOptions> = {}) =>
    readFrom(
      Buffer.concat(parts.map((one) => Buffer.from(one))),
      reply,
      'multipart/mixed; boundary=b'
    )
  const text = ack('AE').replace('M1\r', 'M1|Größe in €\r')

  it('with an answer in UTF-8 beside a document', async () => {
    const document = Buffer.from([0x25, 0x50, 0x44, 0x46, 0xff, 0xfe, 0xe2, 0xe3])
    const parts = [part(text), part('', 'application/pdf'), document, '\r\n--b--\r\n']
    assert.equal((await read(parts)).hl7, text)
  })

  it('with a refusal behind the 100th part, however it is written', async () => {
    const body = part(yes) + '\r\n--b'.repeat(99) + part(base64(no))
    const answer = { body, type: 'multipart/mixed; boundary=b' }
    const result = await exchange.attempt(answer, { rules: '(:~,X,@status:2xx)=C' })
    assert.deepEqual([leaving(result), result.reply?.ack], ['error', null])
  })

  it('with the charset of the part', async () => {
    const bytes = Buffer.from(text.replace('€', '\x80'), 'latin1')
    const type = 'application/hl7-v2; charset=windows-1252'
    assert.equal((await read([part('', type), bytes, '\r\n--b--\r\n'])).hl7, text)
  })

  it('with JSON from which HL7 in reply picks', async () => {
    const body = part(json({ a: yes, b: no }), 'application/json')
    const pick = (value: unknown): unknown => (value as { a: unknown }).a
    assert.equal((await read([body], { pick })).hl7, yes)
    // Once: it may take as long as its limit.
    const two = [part('{}', 'application/json'), part('[]', 'application/json')]
    let picks = 0
    const counted = (value: unknown): unknown => (picks++, pick(value))
    assert.equal((await read([body, ...two], { pick: counted })).hl7, yes)
    assert.equal(picks, 1)
  })

  it('with an acceptance beside what it quotes of a sent refusal', async () => {
    const quote = part(`You sent:\r\n${no}`, 'text/plain')
    const result = await exchange.attempt(
      { body: part(yes) + quote, type: 'multipart/mixed; boundary=b' },
      {},
      no
    )
    assert.equal(result.reply?.hl7, yes)
  })

  it('with an acceptance beside a refusal that is not understood', async () => {
    const refusal = part('<ACK><MSA><MSA.1>AE</MSA.1></MSA></ACK>', 'text/xml')
    assert.equal((await read([part(yes), refusal])).hl7, '')
    assert.equal((await read([part(no), refusal])).hl7, no)
    assert.equal((await read([part('OK'), refusal])).hl7, '')
    // Also where nobody says what was sent, as where rules are tried.
    const bytes = Buffer.from(part(yes) + refusal)
    const type = 'multipart/mixed; boundary=b'
    assert.equal((await readReplyBody(bytes, type, {})).hl7, '')
  })
})
