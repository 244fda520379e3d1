import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import {
  buildRequestBody,
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
    const bodyTemplate = (hl7: string, input: unknown): Promise<unknown> =>
      Promise.resolve({ data: hl7, input })
    const own = await build(
      { format: 'json', bodyTemplate, bodyEncoding: 'base64', contentType: 'x/json' },
      [],
      { topic: 'ward' }
    )
    assert.deepEqual(JSON.parse(own.body.toString()), { data: base64, input: { topic: 'ward' } })
    assert.equal(own.contentType, 'x/json')
  })

  it('refuses bytes that are not text, only in form and JSON', async () => {
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
      for (const format of ['form', 'json'] as const) {
        await assert.rejects(build({ format }, [], {}, outgoing), {
          code: 'HL7_INVALID_MESSAGE',
          message: new RegExp(`not ${charset} characters,.*charset.*base64`)
        })
        await build({ format, bodyEncoding: 'base64' }, [], {}, outgoing)
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

  it('says that the template returned nothing', async () => {
    const bodyTemplate = (): Promise<undefined> => Promise.resolve(undefined)
    await assert.rejects(build({ format: 'json', bodyTemplate }), /template returns nothing/)
  })
})
