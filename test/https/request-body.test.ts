import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { ExpressionTimeout } from '../../src/https/expression-timeout.ts'
import {
  buildRequestBody,
  type BodyTemplate,
  type RequestBody,
  type RequestBodySettings
} from '../../src/https/request-body.ts'

const text = 'MSH|^~\\&|||||||ADT^A01|ID1|P|2.5||||||8859/1\rPID|1||7||Müller\r'
const message = readOutgoingMessage(text, 'auto')
const base64 = Buffer.from(text, 'latin1').toString('base64')

function build(
  given: Partial<RequestBodySettings>,
  fields: { name: string; value: string }[] = [],
  input?: unknown,
  outgoing = message
): Promise<RequestBody> {
  const settings: RequestBodySettings = {
    format: 'raw',
    contentType: '',
    bodyField: 'message',
    bodyFileName: 'message.hl7',
    bodyPartType: 'text/plain',
    bodyEncoding: 'text',
    ...given
  }
  return buildRequestBody(outgoing, settings, fields, input)
}

describe('buildRequestBody', () => {
  it('sends the bytes unchanged, with their character set', async () => {
    const { body, contentType } = await build({})
    assert.equal(body, message.bytes)
    assert.equal(contentType, 'application/hl7-v2; charset=iso-8859-1')
  })

  it('adds the character set to a custom content type, unless it has one', async () => {
    for (const format of ['raw', 'mllp'] as const) {
      const type = async (contentType: string): Promise<string> =>
        (await build({ format, contentType })).contentType
      assert.equal(await type('text/plain'), 'text/plain; charset=iso-8859-1')
      assert.equal(await type('text/plain; Charset = utf-8'), 'text/plain; Charset = utf-8')
      assert.equal(await type('text/charset=x'), 'text/charset=x; charset=iso-8859-1')
    }
  })

  it('adds the MLLP framing', async () => {
    const { body } = await build({ format: 'mllp' })
    assert.equal(body.toString('latin1'), `\x0b${text}\x1c\r`)
  })

  it('builds a form in UTF-8, with the message after the other fields', async () => {
    const fields = [{ name: 'user id', value: 'a&b' }]
    const { body, contentType } = await build({ format: 'form', bodyField: 'hl7' }, fields)
    assert.equal(contentType, 'application/x-www-form-urlencoded')
    assert.match(body.toString(), /^user\+id=a%26b&hl7=MSH.*M%C3%BCller%0D$/)
    assert.deepEqual(
      [...new URLSearchParams(body.toString())],
      [
        ['user id', 'a&b'],
        ['hl7', text]
      ]
    )
    const encoded = await build({ format: 'form', bodyEncoding: 'base64', contentType: 'x/form' })
    assert.equal(new URLSearchParams(encoded.body.toString()).get('message'), base64)
    assert.equal(encoded.contentType, 'x/form')
  })

  it('builds parts with the bytes of the message', async () => {
    const fields = [{ name: 'a"b\r\n', value: 'é' }]
    const given = { format: 'multipart', bodyFileName: 'x"y.hl7', bodyPartType: 'x/hl7' } as const
    const { body, contentType } = await build(given, fields)
    const boundary = /^multipart\/form-data; boundary=(----hl7-[0-9a-f]{36})$/.exec(
      contentType
    )?.[1]
    assert.ok(boundary)
    const expected = [
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="a%22b%0D%0A"\r\n\r\né\r\n` +
          `--${boundary}\r\nContent-Disposition: form-data; name="message"; filename="x%22y.hl7"\r\n` +
          'Content-Type: x/hl7; charset=iso-8859-1\r\n\r\n'
      ),
      message.bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`)
    ]
    assert.deepEqual(body, Buffer.concat(expected))
    const again = await build({ ...given, contentType: 'multipart/mixed' })
    assert.match(again.contentType, /^multipart\/mixed; boundary=/)
    assert.ok(!again.contentType.includes(boundary))
    const encoded = await build({ ...given, bodyEncoding: 'base64' })
    // Base64 is ASCII, whatever character set the bytes are in.
    assert.ok(encoded.body.includes(`\r\nContent-Type: x/hl7\r\n\r\n${base64}\r\n--`))
    const bodyPartType = 'x/hl7; Charset="utf-8"'
    const named = await build({ ...given, bodyPartType })
    assert.ok(named.body.includes(`\r\nContent-Type: ${bodyPartType}\r\n\r\nMSH`))
  })

  it('builds JSON, from the template if there is one', async () => {
    const plain = await build({ format: 'json' })
    assert.deepEqual(JSON.parse(plain.body.toString()), { message: text })
    assert.equal(plain.contentType, 'application/json')
    const bodyTemplate: BodyTemplate = (hl7, fields, input) =>
      Promise.resolve({ data: hl7, fields, input })
    const own = await build(
      { format: 'json', bodyTemplate, bodyEncoding: 'base64', contentType: 'x/json' },
      [
        { name: 'user', value: 'a' },
        { name: '__proto__', value: 'b' }
      ],
      { topic: 'ward' }
    )
    const { data, fields, input } = JSON.parse(own.body.toString()) as Record<string, object>
    assert.equal(data, base64)
    assert.deepEqual(Object.entries(fields ?? {}), [
      ['user', 'a'],
      ['__proto__', 'b']
    ])
    assert.deepEqual(input, { topic: 'ward' })
    assert.equal(own.contentType, 'x/json')
  })

  it('builds text from the template, in UTF-8', async () => {
    const bodyTemplate: BodyTemplate = (hl7, { user = '' }, input) =>
      Promise.resolve(`${user} ${JSON.stringify(input)} ${hl7}`)
    const fields = [{ name: 'user', value: 'é' }]
    const { body, contentType } = await build({ format: 'text', bodyTemplate }, fields, ['ward'])
    assert.equal(body.toString('utf8'), `é ["ward"] ${text}`)
    assert.equal(contentType, 'text/plain; charset=utf-8')
    const own = await build({
      format: 'text',
      bodyTemplate,
      bodyEncoding: 'base64',
      contentType: 'text/xml'
    })
    assert.equal(own.body.toString(), ` undefined ${base64}`)
    assert.equal(own.contentType, 'text/xml')
  })

  it('refuses a result that is no text, and half a character', async () => {
    for (const value of [undefined, null, 1, true, {}, ['a'], Buffer.from('a')]) {
      const bodyTemplate: BodyTemplate = () => Promise.resolve(value)
      await assert.rejects(build({ format: 'text', bodyTemplate }), {
        code: 'HL7_CONFIG',
        message: 'The body template returns no text for this message: check it in the node.'
      })
    }
    await assert.rejects(build({ format: 'text' }), { code: 'HL7_CONFIG' })
    const half: BodyTemplate = () => Promise.resolve('Lindqvist \ud83d')
    await assert.rejects(
      build({ format: 'text', bodyTemplate: half }),
      (error: Hl7Error) =>
        error.code === 'HL7_INVALID_MESSAGE' && !error.message.includes('Lindqvist')
    )
  })

  it('refuses half a character in a field of a form', async () => {
    for (const format of ['form', 'multipart'] as const) {
      await assert.rejects(
        build({ format }, [{ name: 'ward', value: 'Lindqvist \ud83d' }]),
        (error: Hl7Error) =>
          error.code === 'HL7_INVALID_MESSAGE' &&
          error.message.includes('ward') &&
          !error.message.includes('Lindqvist')
      )
      await build({ format }, [{ name: 'ward', value: '\u{1f600}' }])
    }
  })

  it('refuses bytes that are not text, only in form, JSON and text', async () => {
    const bytes = (set: string, ...rest: number[]): Buffer =>
      Buffer.concat([
        Buffer.from(`MSH|^~\\&|||||||ADT^A01|ID1|P|2.5||||||${set}\rPID|1||`),
        Buffer.from(rest)
      ])
    const broken: [string, Buffer][] = [
      ['utf-8', bytes('UNICODE UTF-8', 0x4d, 0xfc)],
      ['windows-1252', bytes('WINDOWS-1252', 0x81)],
      ['gb18030', bytes('GB 18030-2000', 0xff, 0x41)],
      ['iso-2022-jp', bytes('~ISO IR87', 0x1b, 0x24, 0x42, 0x7e)]
    ]
    for (const [charset, payload] of broken) {
      const outgoing = readOutgoingMessage(payload, 'auto')
      assert.equal(outgoing.charset, charset)
      const bodyTemplate: BodyTemplate = (hl7) => Promise.resolve(hl7)
      for (const format of ['form', 'json', 'text'] as const) {
        await assert.rejects(build({ format, bodyTemplate }, [], {}, outgoing), {
          code: 'HL7_INVALID_MESSAGE',
          message: new RegExp(`not ${charset} characters,.*charset.*base64`)
        })
        await build({ format, bodyTemplate, bodyEncoding: 'base64' }, [], {}, outgoing)
      }
      assert.equal((await build({}, [], {}, outgoing)).body, outgoing.bytes)
      await build({ format: 'multipart' }, [], {}, outgoing)
    }
    const whole = [
      bytes('UNICODE UTF-8', 0xef, 0xbf, 0xbd),
      bytes('UNICODE UTF-8').toString() + '\ufffd',
      bytes('GB 18030-2000', 0x84, 0x31, 0xa4, 0x37),
      bytes('~ISO IR87', 0x1b, 0x24, 0x42, 0x30, 0x21, 0x1b, 0x28, 0x42),
      bytes('8859/1', 0x81),
      bytes('ASCII', 0xfc)
    ]
    for (const payload of whole) {
      const outgoing = readOutgoingMessage(payload, 'auto')
      const { body } = await build({ format: 'json' }, [], {}, outgoing)
      assert.deepEqual(JSON.parse(body.toString()), { message: outgoing.text })
    }
  })

  it('says that the template returned nothing, or what JSON cannot represent', async () => {
    const nothing: BodyTemplate = () => Promise.resolve(undefined)
    await assert.rejects(build({ format: 'json', bodyTemplate: nothing }), {
      code: 'HL7_CONFIG',
      message: /template returns nothing/
    })
    const circle: { self?: unknown } = {}
    circle.self = circle
    await assert.rejects(
      build({ format: 'json', bodyTemplate: () => Promise.resolve(circle) }),
      /template returns a value that JSON cannot represent/
    )
  })

  it('says why the template fails, and passes on what a value of the message cannot do', async () => {
    const failing = (error: Error): Promise<unknown> =>
      build({ format: 'text', bodyTemplate: () => Promise.reject(error) })
    await assert.rejects(failing(new Error('Lindqvist')), {
      code: 'HL7_CONFIG',
      message: 'The body template cannot be evaluated for this message: check it in the node.'
    })
    await assert.rejects(failing(new ExpressionTimeout()), /template took longer than 1 s/)
    const refused = new Hl7Error('HL7_INVALID_MESSAGE', 'x')
    await assert.rejects(failing(refused), refused)
  })
})
