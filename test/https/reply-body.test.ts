import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { escapeXml } from '../../src/https/escape-xml.ts'
import { readReplyBody, type ReplyBodyOptions } from '../../src/https/reply-body.ts'

const auto: ReplyBodyOptions = { replyEncoding: 'auto' }
const text: ReplyBodyOptions = { replyEncoding: 'text' }
const base64: ReplyBodyOptions = { replyEncoding: 'base64' }

function ack(code: string, id = 'M1'): string {
  return `MSH|^~\\&|LAB|HOSP|APP|CLINIC|2025||ACK|R1|P|2.5.1\rMSA|${code}|${id}\r`
}
const adt = 'MSH|^~\\&|APP|CLINIC|LAB|HOSP|2025||ADT^A01|M1|P|2.5.1\rPID|1||4711\r'
const inBase64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64')

async function hl7Of(
  body: string | Uint8Array,
  options: ReplyBodyOptions = auto,
  contentType = 'application/json'
): Promise<string> {
  const read = await readReplyBody(Buffer.from(body), contentType, options)
  assert.equal(read.hl7, read.message?.text ?? '')
  return read.hl7
}

async function codeOf(
  json: unknown,
  options: ReplyBodyOptions = auto
): Promise<string | undefined> {
  const read = await readReplyBody(Buffer.from(JSON.stringify(json)), 'application/json', options)
  return read.message === null ? undefined : readAcknowledgement(read.message)?.code
}

describe('a body that is HL7', () => {
  const shapes: Record<string, string> = {
    raw: ack('AA'),
    'with LF': ack('AA').replaceAll('\r', '\n'),
    'with CRLF and blank lines': `\r\n${ack('AA').replaceAll('\r', '\r\n\r\n')}`,
    'without a final CR': ack('AA').trimEnd(),
    'in MLLP framing': `\x0b${ack('AA')}\x1c\r`,
    'after a byte order mark': `\ufeff${ack('AA')}`,
    'in base64': inBase64(ack('AA')),
    'in base64, framed': inBase64(`\x0b${ack('AA')}\x1c\r`),
    'in base64 without padding': inBase64(ack('AA')).replaceAll('=', ''),
    'in URL-safe base64': Buffer.from(ack('AA')).toString('base64url'),
    'in base64 broken into lines': inBase64(ack('AA')).replace(/.{60}/g, '$&\r\n'),
    'in base64 after a byte order mark': inBase64(`\ufeff${ack('AA')}`),
    'in base64 after blank lines': inBase64(`\r\n\r\n${ack('AA')}`)
  }
  for (const [shape, body] of Object.entries(shapes)) {
    it(`is found ${shape}, whatever the content type`, async () => {
      for (const type of ['application/hl7-v2', 'text/html', 'application/json', 'image/png', '']) {
        assert.equal(await hl7Of(body, auto, type), ack('AA'), type)
      }
    })
  }

  it('keeps a batch together', async () => {
    const batch = `FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r${ack('AA')}${ack('AE', 'M2')}BTS|2\rFTS|1\r`
    assert.equal(await hl7Of(batch), batch)
  })

  it('is decoded by its HTTP charset, quoted or not, wherever the parameter is', async () => {
    const body = Buffer.from(`${ack('AE').trimEnd()}|5 €\r`.replace('€', '\x80'), 'latin1')
    const types = [
      'application/hl7-v2; charset=windows-1252',
      'application/hl7-v2;Charset="windows-1252"',
      "application/hl7-v2; charset='windows-1252'",
      'text/plain; format=flowed ; CHARSET = windows-1252; x=y',
      'text/plain; title="a;charset=utf-8"; charset=windows-1252'
    ]
    for (const type of types) assert.match(await hl7Of(body, auto, type), /5 €\r$/, type)
    assert.doesNotMatch(await hl7Of(body, auto, 'application/hl7-v2'), /€/)
  })
})

describe('a body that is not HL7', () => {
  const others = {
    nothing: '',
    'one byte': '1',
    'a word': 'OK',
    'a page': '<html>MSH|^~\\&|</html>',
    'the three letters': 'MSH',
    'base64 of a word': inBase64('Rejected for ever'),
    'base64 of a word that begins with MSH': inBase64('MSHould be rejected'),
    'base64 with an invalid character': `${inBase64(ack('AA'))}!`,
    'base64 that was cut off': inBase64(ack('AAX')).replace(/=*$/, '').slice(0, 61),
    'JSON without HL7': '{"id": 1, "message": "Received", "data": null}',
    'broken JSON': JSON.stringify({ ack: ack('AA') }).slice(0, -1),
    'a JSON number': '17'
  }
  for (const [what, body] of Object.entries(others)) {
    it(`such as ${what} is returned as text`, async () => {
      const read = await readReplyBody(Buffer.from(body), undefined, auto)
      assert.deepEqual(read, { text: body, hl7: '', message: null })
    })
  }
})

describe('a JSON body', () => {
  it('may be the text itself, as a string or in a list', async () => {
    assert.equal(await codeOf(ack('AE')), 'AE')
    assert.equal(await codeOf(inBase64(ack('AE'))), 'AE')
    assert.equal(await codeOf([ack('AE')]), 'AE')
  })

  it("may have Google's hl7Ack next to the request, and hl7Nack deep in an error", async () => {
    const message = { name: 'projects/p/messages/1', data: inBase64(adt) }
    assert.equal(await codeOf({ message, hl7Ack: inBase64(ack('AA')) }), 'AA')
    const details = [{ '@type': 'x' }, { '@type': 'y', hl7Nack: inBase64(ack('AR')) }]
    assert.equal(await codeOf({ error: { code: 400, message: 'no', details } }), 'AR')
  })

  for (const name of ['ack', 'message', 'Acknowledgement_Message', '$content', '', 'x\ny']) {
    it(`may have it in a member named ${JSON.stringify(name)}, at any depth`, async () => {
      const lines = ack('AR').replaceAll('\r', '\n')
      for (const value of [ack('AR'), lines, inBase64(ack('AR')), ack('AR').split('\r')]) {
        assert.equal(await codeOf({ id: 1, [name]: value }), 'AR')
        assert.equal(await codeOf({ a: [null, 1, { b: { [name]: [value] } }], data: adt }), 'AR')
      }
    })
  }

  it('without an MSA yields the first text that is HL7', async () => {
    const batch = 'BHS|^~\\&|LAB\rBTS|0\r'
    assert.equal(await hl7Of(JSON.stringify({ status: 'OK', note: adt, detail: batch })), adt)
    assert.equal(await hl7Of(JSON.stringify({ deep: [adt], ack: batch })), batch)
    assert.equal(await codeOf({ ack: batch }), 'AA')
  })

  it('does not take a batch header that an error message quotes for a batch without errors', async () => {
    for (const header of ['BHS|^~\\&|LAB|||||||||B1', 'FHS|^~\\&|LAB\r', 'FHS|']) {
      assert.equal(await codeOf({ error: 'rejected', segment: header }), undefined, header)
      assert.equal(await codeOf({ segment: header, ack: ack('AE') }), 'AE', header)
      assert.equal(await hl7Of(`<r><e>rejected</e><![CDATA[${header}]]></r>`), '', header)
    }
  })

  it('may have base64 of UTF-16, with or without a byte order mark', async () => {
    for (const mark of ['', '\ufeff']) {
      const base64 = Buffer.from(mark + ack('AE'), 'utf16le').toString('base64')
      assert.equal(await codeOf({ ack: base64 }), 'AE')
      assert.equal(await hl7Of(`<r><a>${base64}</a></r>`), ack('AE'))
    }
  })

  it('says nothing if it holds more JSON in texts than is read: a refusal could be among it', async () => {
    const texts = (count: number): string[] => [
      ack('AA'),
      ...Array.from({ length: count }, () => '{"status":"ok"}'),
      JSON.stringify({ ack: ack('AE') })
    ]
    assert.equal(await codeOf(texts(999)), 'AE')
    assert.equal(await codeOf(texts(1000)), undefined)
  })

  it('may contain JSON in a text, one level deep', async () => {
    const once = JSON.stringify({ id: 1, ack: ack('AE') })
    assert.equal(await codeOf(once), 'AE')
    assert.equal(await codeOf({ statusCode: 200, body: ` ${once}` }), 'AE')
    assert.equal(await codeOf({ note: [JSON.stringify(once)] }), undefined)
    assert.equal(await codeOf({ body: '{"ack": "MSH' }), undefined)
    const path = { ...auto, pick: (value: unknown) => (value as { body: string }).body }
    assert.equal(await codeOf({ body: once }, path), 'AE')
  })

  it('prefers an acknowledgement to an echoed request, wherever they are', async () => {
    assert.equal(await codeOf({ ack: adt, data: ack('AE') }), 'AE')
    assert.equal(await codeOf({ message: adt, deep: { deeper: { body: ack('AE') } } }), 'AE')
    assert.equal(await codeOf({ message: inBase64(adt), response: inBase64(ack('AE')) }), 'AE')
    assert.equal(await hl7Of(JSON.stringify({ message: adt })), adt)
  })

  it('does not miss a refusal that is only an MSA, next to a message with other separators', async () => {
    const other = ack('AA').replaceAll('|', ':')
    assert.equal(await codeOf({ ack: other, error: 'MSA|AE|M1' }), 'AE')
  })

  it('combines all its acknowledgements, each once', async () => {
    const one = `${ack('AA')}ERR|||101|W\r`
    const two = `${ack('AE', 'M2')}ERR|||102|F\r`
    for (const list of [
      [one, two],
      [inBase64(one), two, one],
      [{ ack: one }, { ack: two, response: two }, { note: 'x' }],
      [[{ response: one }], { deep: [{ ack: two }, adt] }],
      { response: one, ack: two }
    ]) {
      const read = await readReplyBody(Buffer.from(JSON.stringify({ ack: list })), undefined, auto)
      assert.equal(read.hl7, one + two)
      assert.ok(read.message)
      const found = readAcknowledgement(read.message)
      assert.equal(found?.code, 'AE')
      assert.equal(found.severity, 'F')
      assert.deepEqual(
        found.errors.map(({ code }) => code),
        ['101', '102']
      )
    }
  })

  it('reads a list of segments as one message', async () => {
    for (const message of [ack('AE'), `FHS|^~\\&|LAB\r${ack('AA')}${ack('AE', 'M2')}`]) {
      const list = message.split('\r')
      assert.equal(await hl7Of(JSON.stringify(list)), message)
      assert.equal(await hl7Of(JSON.stringify({ id: 1, response: list.slice(0, -1) })), message)
    }
    const [msh = '', msa] = ack('AE').split('\r')
    assert.equal(await hl7Of(JSON.stringify([`${msh}\r`, `${msa}\r`])), ack('AE'))
    assert.equal(await hl7Of(JSON.stringify([` ${msh}`, msa])), ack('AE'))
    assert.equal(await hl7Of(JSON.stringify([msh, 1, msa])), `${msa}\r`)
  })

  it('is returned as unchanged text', async () => {
    const body = ` ${JSON.stringify({ ack: inBase64(ack('AA')) })}\n`
    const read = await readReplyBody(Buffer.from(body), undefined, auto)
    assert.equal(read.text, body)
    assert.equal(read.hl7, ack('AA'))
  })
})

describe('an XML body', () => {
  /** A SOAP reply with one text, written in any way. */
  const soap = (text: string): string =>
    `<?xml version="1.0"?>\n<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">\n  <s:Body>
    <submitSingleMessageResponse xmlns="urn:cdc:iisb:2011"><return>${text}</return></submitSingleMessageResponse>
  </s:Body>\n</s:Envelope>\n`
  const inCdata = (text: string): string => `<![CDATA[${text}]]>`

  it('has it in the text of an element, however that is written', async () => {
    const message = ack('AE')
    for (const written of [
      escapeXml(message),
      message.replaceAll('&', '&amp;'),
      message.replaceAll('&', '&amp;').replaceAll('\r', '\n'),
      message.replaceAll('&', '&amp;').replaceAll('\r', '&#xD;\n'),
      `\n      ${message.replaceAll('&', '&amp;').replaceAll('\r', '\r\n')}\n      `,
      // As programs that concatenate strings write it.
      message,
      inCdata(message),
      `${inCdata(message.slice(0, 20))}<!-- x -->${inCdata(message.slice(20))}`,
      inBase64(message),
      inBase64(message).replace(/.{60}/g, '$&\r\n'),
      inCdata(inBase64(message))
    ]) {
      for (const type of ['text/xml', 'application/soap+xml; charset=utf-8', 'text/html', '']) {
        assert.equal(await hl7Of(soap(written), auto, type), message, written)
      }
    }
  })

  it('combines all its acknowledgements, and prefers them to an echo', async () => {
    const [one, two] = [ack('AA'), ack('AR', 'M2')]
    const all = `<r><echo>${escapeXml(adt)}</echo><a>${inCdata(one)}</a><b><c>${inBase64(two)}</c></b>${one}</r>`
    assert.equal(await hl7Of(all), one + two)
    assert.equal(await hl7Of(`<r><a>OK</a>${inCdata(adt)}<b>${inCdata('BHS|^~\\&|')}</b></r>`), adt)
  })

  it('obeys replyEncoding, and ignores replyPath', async () => {
    assert.equal(await hl7Of(soap(inBase64(ack('AA'))), base64), ack('AA'))
    assert.equal(await hl7Of(soap(inBase64(ack('AA'))), text), '')
    assert.equal(await hl7Of(soap(inCdata(ack('AA'))), base64), '')
    assert.equal(await hl7Of(soap(inCdata(ack('AA'))), text), ack('AA'))
    const pick = () => assert.fail('asked')
    assert.equal(await hl7Of(soap(inCdata(ack('AA'))), { ...auto, pick }), ack('AA'))
  })

  it('may contain XML or JSON in a text, and JSON may contain XML', async () => {
    const inner = soap(escapeXml(ack('AE')))
    assert.equal(await hl7Of(soap(escapeXml(inner))), ack('AE'))
    assert.equal(await hl7Of(soap(inCdata(JSON.stringify({ a: [ack('AE')] })))), ack('AE'))
    assert.equal(await codeOf({ body: inner }), 'AE')
    assert.equal(await hl7Of(soap(escapeXml(soap(escapeXml(inner))))), '')
  })

  it('is decoded by HTTP, its byte order mark or its declaration, else as UTF-8', async () => {
    const message = `${ack('AE').trimEnd()}|Müller €\r`
    const body = (declaration: string): string => `${declaration}<a>${escapeXml(message)}</a>`
    const declared = (name: string): string => `<?xml version="1.0" encoding="${name}"?>`
    const windows = (declaration: string): Buffer =>
      Buffer.from(body(declaration).replace('€', '\x80'), 'latin1')
    const cases: [bytes: Buffer, type: string][] = [
      [Buffer.from(body('')), 'text/xml'],
      [Buffer.from(body(declared('utf-8'))), 'text/xml'],
      [Buffer.from(body(declared('windows-1252'))), 'text/xml; charset=utf-8'],
      [Buffer.from(`\ufeff${body(declared('windows-1252'))}`), 'text/xml'],
      [Buffer.from(`\ufeff${body(declared('UTF-16'))}`, 'utf16le'), 'text/xml'],
      [windows(declared('Windows-1252')), 'text/xml'],
      [windows(declared('utf-8')), 'text/xml; charset="windows-1252"'],
      [windows(''), 'text/xml; charset=windows-1252']
    ]
    for (const [bytes, type] of cases) {
      assert.equal(
        await hl7Of(bytes, auto, type),
        message,
        `${type} ${bytes.toString('latin1', 0, 60)}`
      )
    }
  })

  it('that is no answer is returned as text', async () => {
    const acks = inCdata(ack('AA'))
    for (const body of [
      `<html><body><pre>${acks}</pre></body></html>`,
      `<h1>Bad Gateway</h1>\n<p>${acks}</p>`,
      `<r a="${ack('AA')}"/>`,
      soap('OK')
    ]) {
      const read = await readReplyBody(Buffer.from(body), 'text/xml', auto)
      assert.deepEqual(read, { text: body, hl7: '', message: null })
    }
  })
})

describe('replyPath', () => {
  it('picks the text instead of a search', async () => {
    const json = { ack: ack('AA'), other: { text: ack('AR') } }
    const pick = (value: unknown) => (value as typeof json).other.text
    assert.equal(await codeOf(json, { ...auto, pick }), 'AR')
    assert.equal(
      await codeOf(json, { ...auto, pick: (value) => Promise.resolve(pick(value)) }),
      'AR'
    )
    assert.equal(await codeOf(json, { ...auto, pick: () => inBase64(ack('CE')) }), 'CE')
    assert.equal(await codeOf(json, { ...auto, pick: () => [ack('AA'), ack('CE')] }), 'CE')
  })

  it('finds nothing if it picks nothing, picks something else or fails', async () => {
    const json = { ack: ack('AA') }
    for (const picked of [undefined, null, 1, '', 'OK', [], {}]) {
      assert.equal(await codeOf(json, { ...auto, pick: () => picked }), undefined)
    }
    const fails = () => {
      throw new Error('no')
    }
    assert.equal(await codeOf(json, { ...auto, pick: fails }), undefined)
    assert.equal(
      await codeOf(json, { ...auto, pick: () => Promise.reject(new Error('no')) }),
      undefined
    )
  })

  it('is not evaluated for a body that is not JSON', async () => {
    const pick = () => assert.fail('asked')
    assert.equal(await hl7Of(ack('AA'), { ...auto, pick }), ack('AA'))
    assert.equal(await hl7Of('OK', { ...auto, pick }), '')
  })
})

describe('replyEncoding', () => {
  it('text never decodes base64', async () => {
    assert.equal(await hl7Of(ack('AA'), text), ack('AA'))
    assert.equal(await hl7Of(inBase64(ack('AA')), text), '')
    assert.equal(await codeOf({ hl7Ack: inBase64(ack('AA')) }, text), undefined)
    assert.equal(await codeOf({ hl7Ack: ack('AA') }, text), 'AA')
    assert.equal(await codeOf({}, { ...text, pick: () => inBase64(ack('AA')) }), undefined)
  })

  it('base64 always does', async () => {
    assert.equal(await hl7Of(inBase64(ack('AA')), base64), ack('AA'))
    assert.equal(await hl7Of(ack('AA'), base64), '')
    assert.equal(await codeOf({ ack: inBase64(ack('AA')) }, base64), 'AA')
    assert.equal(await codeOf({ ack: ack('AA') }, base64), undefined)
    assert.equal(await codeOf({}, { ...base64, pick: () => inBase64(ack('AE')) }), 'AE')
    const wide = Buffer.from(`\ufeff${ack('AA')}`, 'utf16le')
    assert.equal(await hl7Of(inBase64(wide), base64), ack('AA'))
  })

  it('base64 returns the decoded text if that is not HL7, and the body if it is not base64', async () => {
    const read = (body: string) => readReplyBody(Buffer.from(body), undefined, base64)
    assert.deepEqual(await read(inBase64('Rejected')), { text: 'Rejected', hl7: '', message: null })
    assert.deepEqual(await read('Not found.'), { text: 'Not found.', hl7: '', message: null })
  })
})

describe('a large or hostile body', () => {
  it('is read even if it is nested thousands of levels deep', async () => {
    const inner = JSON.stringify({ note: '[[{{"\\', ack: ack('AE') })
    assert.equal(await hl7Of('['.repeat(200_000) + inner + ']'.repeat(200_000)), ack('AE'))
  })

  it('may have a content type of any length', async () => {
    for (const part of [';', '"', 'charset=', ';charset']) {
      await readReplyBody(Buffer.from('x'), part.repeat(500_000), auto)
    }
  })

  it('yields the acknowledgement among many other values', async () => {
    const filler = Array.from({ length: 200_000 }, (_, n) => n)
    assert.equal(await codeOf({ filler, deep: [[[{ ack: ack('AE') }]]] }), 'AE')
    const acks = [...Array<string>(20_000).fill(ack('AA')), ack('AR')]
    assert.equal(await codeOf(acks), 'AR')
    assert.equal(await codeOf(acks.map(inBase64)), 'AR')
  })
})

describe('any bytes', () => {
  const encodings = fc.constantFrom('auto' as const, 'text' as const, 'base64' as const)
  const pieces = fc.constantFrom(
    ...[
      'MSH|^~\\&|',
      'MSA|AA|M1',
      '\r',
      '\n',
      '{',
      '}',
      '[',
      ']',
      '"ack":',
      '"',
      ',',
      ':',
      '\\u000d'
    ],
    ...['<a>', '</a>', '<![CDATA[', ']]>', '&#13;', '&amp;'],
    ...['TVNI', '=', '\x0b', '\x1c', '\ufeff', '\0', 'é', 'BHS|', inBase64(ack('AA'))]
  )
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(pieces, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
    fc.json().map((json) => Buffer.from(json)),
    fc
      .dictionary(
        fc.constantFrom('ack', 'hl7', 'data', 'x'),
        fc.constantFrom(ack('AA'), adt, 'x', inBase64(ack('AE')))
      )
      .map((value) => Buffer.from(JSON.stringify(value)))
  )
  const types = fc.option(
    fc.oneof(fc.string(), fc.constantFrom('text/plain;charset=utf-16', 'a;charset=utf-7')),
    {
      nil: undefined
    }
  )

  it('are read without an exception, and the same way twice', async () => {
    await fc.assert(
      fc.asyncProperty(bodies, types, encodings, async (body, type, replyEncoding) => {
        const first = await readReplyBody(body, type, { replyEncoding })
        const second = await readReplyBody(body, type, { replyEncoding })
        assert.equal(second.text, first.text)
        assert.equal(second.hl7, first.hl7)
        assert.equal(first.message === null, first.hl7 === '')
      }),
      { numRuns: 10_000 }
    )
  })
})
