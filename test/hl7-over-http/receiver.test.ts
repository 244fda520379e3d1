/**
 * What the receiver sees: format, fields, template, headers, token and URL. In which characters:
 * test/hl7/charset.test.ts. What Node-RED computes: test/nodes/shapes.test.ts.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Hl7Error } from '../../src/hl7/hl7-error.ts'
import { SecretFile } from '../../src/secret-file.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { ExpressionError } from '../../src/hl7-over-http/expression-error.ts'
import { ExpressionTimeout } from '../../src/hl7-over-http/expression-timeout.ts'
import type {
  NamedValue,
  PreparedRequest,
  ReceiverSettings,
  Shipment
} from '../../src/hl7-over-http/receiver.ts'
import type { BodyTemplate } from '../../src/hl7-over-http/request-body.ts'
import { startServer } from '../http-client/local-server.ts'
import { ack, type Arrived, Exchange, type Settings } from '../support/exchange.ts'

/** About a fictitious person, in ISO-8859-1. */
const TEXT = 'MSH|^~\\&|||||||ADT^A01|ID1|P|2.5||||||8859/1\rPID|1||7||Müller\r'
const BYTES = Buffer.from(TEXT, 'latin1')
const BASE64 = BYTES.toString('base64')

let exchange: Exchange
before(async () => {
  exchange = await Exchange.start()
})
after(() => exchange.close())

/** With a token. */
function arrived(
  receiver: Partial<ReceiverSettings>,
  input?: unknown,
  payload: unknown = TEXT
): Promise<Arrived> {
  return exchange.arrived({ receiver, input }, payload)
}

const user: NamedValue = { name: 'user id', value: 'a&b' }
const ward: NamedValue = { name: 'ward', value: () => 'é' }
const echo: BodyTemplate = (hl7, fields, { input }) => Promise.resolve({ data: hl7, fields, input })
const line: BodyTemplate = (hl7, { ward = '-' }, { input }) =>
  Promise.resolve(`${ward} ${JSON.stringify(input)} ${hl7}`)
const inFields = { user: 'a', ward: 'b' }
const fieldsOf = (fields: Record<string, string>): NamedValue[] =>
  Object.entries(fields).map(([name, value]) => ({ name, value }))
const formOf = (...pairs: [string, string][]): string => new URLSearchParams(pairs).toString()

describe('the body', () => {
  const rows: Record<
    string,
    [settings: Partial<ReceiverSettings>, type: string, body: string | Buffer]
  > = {
    raw: [{}, 'application/hl7-v2; charset=iso-8859-1', BYTES],
    'raw as a type that is typed, and compared as a whole: Medplum': [
      { contentType: 'x-application/hl7-v2+er7' },
      ...(['x-application/hl7-v2+er7', BYTES] as const)
    ],
    'raw as a type that names a charset: Oklahoma': [
      { contentType: 'text/plain; Charset = UTF-8' },
      ...(['text/plain; Charset = UTF-8', Buffer.from(TEXT)] as const)
    ],
    'raw as a type that names a charset in which no text is written': [
      { contentType: 'text/plain; charset=iso-2022-jp' },
      ...(['text/plain; charset=iso-2022-jp', BYTES] as const)
    ],
    'raw as a type that names no known charset': [
      { contentType: 'text/plain; charset=klingon' },
      ...(['text/plain; charset=klingon', BYTES] as const)
    ],
    'raw as a type with the word in its name': [
      { contentType: 'text/charset=x' },
      ...(['text/charset=x', BYTES] as const)
    ],
    mllp: [
      { format: 'mllp' },
      'application/hl7-v2; charset=iso-8859-1',
      Buffer.from(`\x0b${TEXT}\x1c\r`, 'latin1')
    ],
    'mllp as a type that names a charset': [
      { format: 'mllp', contentType: 'x/mllp; charset=utf-8' },
      'x/mllp; charset=utf-8',
      Buffer.from(`\x0b${TEXT}\x1c\r`)
    ],
    'raw as a type that names a charset behind no blank, as Java writes it': [
      { contentType: 'text/plain;charset=utf-8' },
      ...(['text/plain;charset=utf-8', Buffer.from(TEXT)] as const)
    ],
    'raw as a type that names a charset only in what it quotes': [
      { contentType: 'x/y; note="; charset=utf-8"' },
      'x/y; note="; charset=utf-8"',
      Buffer.from(TEXT, 'latin1')
    ],
    'mllp as another type': [
      { format: 'mllp', contentType: 'x/mllp' },
      'x/mllp',
      Buffer.from(`\x0b${TEXT}\x1c\r`, 'latin1')
    ],
    'form, in UTF-8, with the message after the fields': [
      { format: 'form', bodyField: 'hl7', formFields: [user, ward] },
      'application/x-www-form-urlencoded; charset=utf-8',
      formOf(['user id', 'a&b'], ['ward', 'é'], ['hl7', TEXT])
    ],
    'form that is ASCII': [
      { format: 'form', bodyEncoding: 'base64' },
      'application/x-www-form-urlencoded',
      formOf(['message', BASE64])
    ],
    'form in base64, with a password that is not ASCII: Tomcat would read another one': [
      { format: 'form', bodyEncoding: 'base64', formFields: [{ name: 'pass', value: 'Zoé' }] },
      'application/x-www-form-urlencoded; charset=utf-8',
      formOf(['pass', 'Zoé'], ['message', BASE64])
    ],
    'form in base64, as another type': [
      { format: 'form', bodyEncoding: 'base64', contentType: 'x/form' },
      'x/form',
      formOf(['message', BASE64])
    ],
    json: [{ format: 'json' }, 'application/json', JSON.stringify({ message: TEXT })],
    'json: fields are for the template only': [
      { format: 'json', formFields: [user] },
      'application/json',
      JSON.stringify({ message: TEXT })
    ],
    'json in base64, as another type: Google Cloud Healthcare': [
      { format: 'json', bodyEncoding: 'base64', contentType: 'x/json' },
      'x/json',
      JSON.stringify({ message: BASE64 })
    ],
    'json from a template': [
      { format: 'json', bodyTemplate: echo, formFields: fieldsOf(inFields) },
      'application/json',
      JSON.stringify({ data: TEXT, fields: inFields, input: { topic: 'N' } })
    ],
    'json from a template, in base64': [
      { format: 'json', bodyTemplate: echo, bodyEncoding: 'base64' },
      'application/json',
      JSON.stringify({ data: BASE64, fields: {}, input: { topic: 'N' } })
    ],
    'json with a field named __proto__': [
      {
        format: 'json',
        bodyTemplate: (_hl7, fields) => Promise.resolve(Object.entries(fields)),
        formFields: [{ name: '__proto__', value: 'b' }]
      },
      'application/json',
      '[["__proto__","b"]]'
    ],
    'text from a template, in UTF-8': [
      { format: 'text', bodyTemplate: line, formFields: [ward] },
      'text/plain; charset=utf-8',
      `é {"topic":"N"} ${TEXT}`
    ],
    'text in base64, as another type': [
      { format: 'text', bodyTemplate: line, bodyEncoding: 'base64', contentType: 'text/xml' },
      'text/xml',
      `- {"topic":"N"} ${BASE64}`
    ]
  }
  for (const [name, [settings, type, body]] of Object.entries(rows)) {
    it(name, async () => {
      const seen = await arrived(settings, { topic: 'N' })
      assert.equal(seen.headers['content-type'], type)
      assert.equal(seen.body.toString('latin1'), Buffer.from(body).toString('latin1'))
      assert.equal(seen.headers['content-length'], String(seen.body.length))
    })
  }

  describe('multipart', () => {
    const part = (name: string, value: string, more = ''): string =>
      `Content-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
    const file = (value: string, type = 'text/plain; charset=iso-8859-1', name = 'message.hl7') =>
      part('message', value, `; filename="${name}"\r\nContent-Type: ${type}`)
    const inLatin1 = BYTES.toString('latin1')
    const multi: Record<string, [Partial<ReceiverSettings>, string[], type?: string]> = {
      'New York: the bytes of the message in one part': [{}, [file(inLatin1)]],
      'fields before it, in UTF-8': [
        { formFields: [user, ward] },
        [part('user id', 'a&b'), part('ward', Buffer.from('é').toString('latin1')), file(inLatin1)]
      ],
      'names that are quoted': [
        { formFields: [{ name: 'a"b\r\n', value: '' }], bodyFileName: 'x"y.hl7' },
        [part('a%22b%0D%0A', ''), file(inLatin1, undefined, 'x%22y.hl7')]
      ],
      'another type of the part': [
        { bodyPartType: 'x/hl7' },
        [file(inLatin1, 'x/hl7; charset=iso-8859-1')]
      ],
      'a type that names a charset': [
        { bodyPartType: 'x/hl7; Charset="utf-8"' },
        [file(Buffer.from(TEXT).toString('latin1'), 'x/hl7; Charset="utf-8"')]
      ],
      // Base64 is ASCII, whatever characters the bytes are in.
      base64: [{ bodyEncoding: 'base64', bodyPartType: 'x/hl7' }, [file(BASE64, 'x/hl7')]],
      'base64 as a type that names a charset': [
        { bodyEncoding: 'base64', bodyPartType: 'x/hl7; charset=utf-8' },
        [file(BASE64, 'x/hl7; charset=utf-8')]
      ],
      'another type of the body': [
        { contentType: 'multipart/mixed' },
        [file(inLatin1)],
        'multipart/mixed'
      ]
    }
    for (const [name, [settings, parts, type = 'multipart/form-data']] of Object.entries(multi)) {
      it(name, async () => {
        const { headers, body } = await arrived({ format: 'multipart', ...settings })
        const [its, boundary = ''] = (headers['content-type'] ?? '').split('; boundary=')
        assert.equal(its, type)
        assert.match(boundary, /^----hl7-[0-9a-f]{36}$/)
        const expected = parts.map((one) => `--${boundary}\r\n${one}`).join('')
        assert.equal(body.toString('latin1'), `${expected}--${boundary}--\r\n`)
      })
    }

    it('has another boundary each time', async () => {
      const one = await arrived({ format: 'multipart' })
      const other = await arrived({ format: 'multipart' })
      assert.notEqual(one.headers['content-type'], other.headers['content-type'])
    })
  })

  it('of a Buffer is not copied if it is raw', async () => {
    const message = readOutgoingMessage(BYTES, 'auto')
    const prepared = await exchange.receiver({}).prepare({ message, input: {} })
    assert.equal(prepared.body, message.bytes)
  })
})

describe('headers', () => {
  it('are sent as written; of two with the same name, the later one counts', async () => {
    const { rawHeaders, headers } = await arrived(
      {
        headers: [
          { name: 'UPHN-INFOMAP', value: '{}' },
          { name: 'ACCEPT', value: 'text/plain' },
          { name: 'x-none', value: () => undefined },
          { name: 'x-empty', value: '' },
          {
            name: 'x-ward',
            value: ({ message, input }) => `${message.controlId} ${String(input)}`
          },
          { name: 'uphn-infomap', value: '{"later":"one, two"}' }
        ]
      },
      'N'
    )
    const names = rawHeaders.filter((_, index) => index % 2 === 0)
    for (const name of ['ACCEPT', 'uphn-infomap', 'Content-Type', 'Date']) {
      assert.ok(names.includes(name), names.join())
    }
    assert.ok(!names.includes('Accept') && !names.includes('UPHN-INFOMAP'), names.join())
    assert.equal(headers['uphn-infomap'], '{"later":"one, two"}')
    assert.equal(headers.accept, 'text/plain')
    assert.equal(headers['x-empty'], '')
    assert.equal(headers['x-ward'], 'ID1 N')
    assert.ok(!('x-none' in headers))
  })

  it('by default', async () => {
    const { headers, method, url } = await arrived({})
    assert.match(headers.accept ?? '', /^application\/hl7-v2, .*er7/)
    assert.ok(Math.abs(Date.parse(headers.date ?? '') - Date.now()) < 60_000)
    assert.match(headers.date ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
    assert.equal(headers['user-agent'], 'test/1')
    assert.deepEqual([method, url], ['POST', '/hl7'])
    for (const name of ['expect', 'authorization', 'cache-control', 'accept-encoding', 'cookie']) {
      assert.equal(headers[name], undefined, name)
    }
  })
})

describe('the token', () => {
  const token = 'a+b/c=&d'
  /** What is sent with the token. */
  const withToken = (settings: Partial<ReceiverSettings>): Promise<Arrived> =>
    exchange.arrived({ receiver: settings, token } satisfies Settings, TEXT)
  const query = (search: string): Partial<ReceiverSettings> => ({
    tokenPlacement: 'query',
    url: new URL(search, exchange.url)
  })

  it('in the header', async () => {
    const { headers, url } = await withToken({})
    assert.equal(headers.authorization, `Bearer ${token}`)
    assert.equal(url, '/hl7')
  })
  it('under another scheme', async () => {
    assert.equal((await withToken({ authScheme: 'Token' })).headers.authorization, `Token ${token}`)
  })
  it('MEDrefer: in its own header, without a scheme', async () => {
    const settings = { authHeader: 'X-Access-Token', authScheme: '' }
    const { headers } = await withToken(settings)
    assert.deepEqual([headers['x-access-token'], headers.authorization], [token, undefined])
    const message = readOutgoingMessage(TEXT, 'auto')
    const shown = await exchange.receiver(settings).prepare({ message, input: {}, token })
    assert.equal(shown.headers['X-Access-Token'], token)
  })
  it('in the header of a form, and nowhere else', async () => {
    const { headers, body } = await withToken({ format: 'form' })
    assert.equal(headers.authorization, `Bearer ${token}`)
    assert.equal(body.toString(), formOf(['message', TEXT]))
  })
  it('nowhere, if there is none', async () => {
    for (const tokenPlacement of ['header', 'body', 'query'] as const) {
      const { headers, url, body } = await arrived({ tokenPlacement, format: 'form' })
      assert.deepEqual([headers.authorization, headers['cache-control']], [undefined, undefined])
      assert.deepEqual([url, body.toString()], ['/hl7', formOf(['message', TEXT])])
    }
  })
  it('with a proof (RFC 9449 §7.1), or without', async () => {
    const { headers } = await exchange.arrived({ token, to: { proof: 'e30.e30.x' } })
    assert.deepEqual([headers['dpop'], headers.authorization], ['e30.e30.x', `Bearer ${token}`])
    assert.equal((await withToken({})).headers['dpop'], undefined)
  })
  it('in the form', async () => {
    const { headers, body } = await withToken({ tokenPlacement: 'body', format: 'form' })
    assert.equal(body.toString(), formOf(['access_token', token], ['message', TEXT]))
    assert.equal(headers.authorization, undefined)
  })
  it('in the query, whose rest is unchanged; no cache may keep the answer (RFC 6750 §2.3)', async () => {
    const encoded = 'access_token=a%2Bb%2Fc%3D%26d'
    const settings = query('/hl7?a=b+c&d&list=1,2')
    for (let time = 0; time < 2; time++) {
      const { url, headers } = await withToken(settings)
      assert.equal(url, `/hl7?a=b+c&d&list=1,2&${encoded}`)
      assert.deepEqual([headers['cache-control'], headers.authorization], ['no-store', undefined])
    }
    assert.equal((await withToken(query('/hl7'))).url, `/hl7?${encoded}`)
  })
  it('in the query, with a header Cache-Control of the user', async () => {
    const headers = [{ name: 'CACHE-control', value: 'no-cache, no-store' }]
    const seen = await withToken({ ...query('/hl7'), headers })
    assert.equal(seen.headers['cache-control'], 'no-cache, no-store')
  })
})

describe('the address', () => {
  const at = (path: string): URL => new URL(path, exchange.url)
  for (const [what, hasBackup, to, path] of [
    ['the only one', false, {}, '/hl7'],
    ['not the backup', true, {}, '/hl7'],
    ['the backup', true, { isForBackup: true }, '/backup'],
    ['the only one, where there is no backup', false, { isForBackup: true }, '/hl7'],
    ['one of the message', true, { own: '/own?x=1' }, '/own?x=1'],
    ['one of the message, of the backup', true, { own: '/own', isForBackup: true }, '/own']
  ] as [string, boolean, { own?: string; isForBackup?: boolean }, string][]) {
    it(what, async () => {
      const receiver = hasBackup ? { backupUrl: at('/backup') } : {}
      const { own, ...rest } = to
      const url = own === undefined ? undefined : at(own)
      assert.equal((await exchange.arrived({ receiver, to: { ...rest, url } })).url, path)
    })
  }

  it('to which a connection is opened', async () => {
    const closed = await startServer(() => undefined)
    await closed.close()
    const { signal } = new AbortController()
    const [open, gone] = [exchange.url, closed.url]
    for (const [url, backupUrl, isForBackup, isOpened] of [
      [open, undefined, false, true],
      [open, undefined, true, true],
      [gone, undefined, true, false],
      [open, gone, false, true],
      [open, gone, true, false],
      [gone, open, true, true],
      [gone, open, false, false]
    ] as const) {
      const opening = exchange.receiver({ url, backupUrl }).connect(isForBackup, signal)
      if (isOpened) await opening
      else await assert.rejects(opening, { code: 'ECONNREFUSED' })
    }
  })
})

describe('what was made for a message, and so is quoted nowhere', () => {
  const message = readOutgoingMessage(TEXT, 'auto')
  const made = (
    settings: Partial<ReceiverSettings>,
    shipment: Partial<Shipment> = {}
  ): Promise<PreparedRequest> =>
    exchange.receiver(settings).prepare({ message, input: {}, ...shipment })
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`

  it('are values that are computed, but none that is the same for every message', async () => {
    const settings: Partial<ReceiverSettings> = {
      format: 'form',
      formFields: [user, ward],
      headers: [
        { name: 'x-client', value: 'northside' },
        { name: 'x-ward', value: () => 'Holmgren' }
      ]
    }
    assert.deepEqual((await made(settings)).values(), ['é', 'Holmgren'])
    const inBody = await made({ ...settings, tokenPlacement: 'body' }, { token: 'one-token' })
    assert.deepEqual(inBody.values(), ['é', 'one-token', 'Holmgren'])
  })

  it('are a URL of its own, and what a template made', async () => {
    const url = new URL('/letters/7?ward=3', exchange.url)
    assert.deepEqual((await made({}, { url })).values(), ['/letters/7?ward=3'])
    const settings = { format: 'text', bodyTemplate: line } as const
    assert.deepEqual((await made(settings)).values(), [`- {} ${TEXT}`])
    assert.deepEqual((await made({})).values(), [])
  })

  it('are not those of Basic authentication, which the node knows, in UTF-8', async () => {
    const fixed = { name: 'authorization', value: 'pässe', user: 'hl7 user' }
    const { headers, secrets } = await made({ headers: [fixed] })
    assert.equal(headers['authorization'], basic('hl7 user:pässe'))
    assert.deepEqual(secrets, [])
  })

  it('are those of Basic authentication whose password is in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'receiver-'))
    const path = join(folder, 'password')
    await writeFile(path, 'first-4711\n')
    const headers = [{ name: 'authorization', value: new SecretFile(path), user: 'hl7' }]
    const request = await made({ headers })
    const sent = basic('hl7:first-4711')
    assert.equal(request.headers['authorization'], sent)
    assert.deepEqual(request.secrets, [sent, sent.slice(6), 'hl7:first-4711', 'first-4711'])
    await writeFile(path, 'second-4711\n')
    assert.equal((await made({ headers })).headers['authorization'], basic('hl7:second-4711'))
    // What is only shown needs no secret.
    await rm(folder, { recursive: true })
    const shown = await made({ headers }, { hide: (text) => text })
    assert.equal(shown.headers['authorization'], '•••')
  })

  it('are credentials in a computed header: whole, and in the pieces that a server may show', async () => {
    const value = basic('user:pass')
    const other: NamedValue = { name: 'x-ward', value: () => 'Holmgren' }
    const computed = { name: 'authorization', value: () => value }
    const { secrets } = await made({ headers: [other, computed] })
    assert.deepEqual(secrets, [value, value.slice(6), 'user:pass', 'pass'])
    // Of these, the node knows the secrets already.
    const fixed = await made({ headers: [{ name: 'authorization', value }] })
    assert.deepEqual(fixed.secrets, [])
  })

  it('are UUIDs, one for each message and place, in all its attempts', async () => {
    const settings: Partial<ReceiverSettings> = {
      headers: ['x-a', 'x-b'].map((name) => ({ name, value: ({ uuid }) => uuid(name) })),
      format: 'text',
      bodyTemplate: (_hl7, _fields, { uuid }) => Promise.resolve(uuid('template'))
    }
    const uuids = async (more: Parameters<typeof made>[1]): Promise<string[]> => {
      const { headers, body } = await made(settings, more)
      return [headers['x-a'] ?? '', headers['x-b'] ?? '', body.toString()]
    }
    const first = await uuids({ identity: 'out 1 1767225600000' })
    for (const uuid of first) {
      assert.match(uuid, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    }
    assert.deepEqual(await uuids({ identity: 'out 1 1767225600000' }), first)
    const others = [
      ...(await uuids({ identity: 'out 2 1767225600000' })),
      ...(await uuids({ identity: 'out 1 1767225600001' })),
      // Edited: it has another text.
      ...(await uuids({
        identity: 'out 1 1767225600000',
        message: readOutgoingMessage(`${TEXT}NTE|1||x\r`, 'auto')
      })),
      ...(await uuids({})),
      ...(await uuids({}))
    ]
    assert.equal(new Set([...first, ...others]).size, 18)
  })

  it('is hidden where a request is only shown, before a template sees it', async () => {
    const hide = (value: string): string => value.replace('a&b', '•••')
    const { body } = await made(
      { format: 'json', bodyTemplate: echo, formFields: [user] },
      { hide }
    )
    const { fields } = JSON.parse(body.toString()) as { fields: unknown }
    assert.deepEqual(fields, { 'user id': '•••' })
  })
})

describe('nothing is sent, and nothing quoted', () => {
  const name = 'Lindqvist'
  const half = `${name} \ud83d`
  const template = (value: unknown): Partial<ReceiverSettings> => ({
    bodyTemplate: () => Promise.resolve(value)
  })
  const failing = (error: Error): Partial<ReceiverSettings> => ({
    bodyTemplate: () => Promise.reject(error)
  })
  const throws =
    (error = new Error(name)) =>
    (): never => {
      throw error
    }
  const circle: { self?: unknown } = {}
  circle.self = circle

  const INVALID = 'HL7_INVALID_MESSAGE'
  const CONFIG = 'HL7_CONFIG'
  const rows: [what: string, Partial<ReceiverSettings>, code: string, words: RegExp][] = [
    ...[undefined, null, 1, true, {}, ['a'], Buffer.from('a')].map(
      (value): [string, Partial<ReceiverSettings>, string, RegExp] => [
        `a text template that returns ${JSON.stringify(value)}`,
        { format: 'text', ...template(value) },
        CONFIG,
        /^The body template returns no text for this message: check it in the node\.$/
      ]
    ),
    ['text without a template', { format: 'text' }, CONFIG, /returns no text/],
    [
      'half a character in the body',
      { format: 'text', ...template(half) },
      INVALID,
      /^The body contains half a character/
    ],
    [
      'a json template that returns nothing',
      { format: 'json', ...template(undefined) },
      CONFIG,
      /returns nothing for this message/
    ],
    [
      'a json template that returns a circle',
      { format: 'json', ...template(circle) },
      CONFIG,
      /a value that JSON cannot represent/
    ],
    [
      'a template that fails',
      { format: 'text', ...failing(new Error(name)) },
      CONFIG,
      /^The body template cannot be evaluated for this message: check it in the node\.$/
    ],
    [
      'a template that takes long',
      { format: 'json', ...failing(new ExpressionTimeout()) },
      CONFIG,
      /^The body template took longer than 1 s: check it in the node\.$/
    ],
    [
      'a template that fails at a place',
      { format: 'text', ...failing(new ExpressionError('T2001', 3)) },
      CONFIG,
      /^The body template cannot be evaluated for this message \(line 3, JSONata's T2001\): check it in the node\.$/
    ],
    [
      'a template with a value that cannot be sent',
      { format: 'text', ...failing(new Hl7Error(INVALID, 'own words')) },
      INVALID,
      /^own words$/
    ],
    [
      'half a character in a field of a form',
      { format: 'form', formFields: [{ name: 'ward', value: half }] },
      INVALID,
      /^The form field ward contains half a character/
    ],
    [
      'half a character in a part',
      { format: 'multipart', formFields: [{ name: 'ward', value: half }] },
      INVALID,
      /^The form field ward contains half a character/
    ],
    [
      'a field that fails',
      { format: 'form', formFields: [{ name: 'ward', value: throws() }] },
      INVALID,
      /^The value of the form field ward cannot be computed for this message: check it in the node\.$/
    ],
    [
      'a header that fails',
      { headers: [{ name: 'X-Ward', value: throws() }] },
      INVALID,
      /^The value of the header X-Ward cannot be computed/
    ],
    [
      'a header that takes long',
      { headers: [{ name: 'X-Ward', value: throws(new ExpressionTimeout()) }] },
      INVALID,
      /^The value of the header X-Ward took longer than 1 s: check it in the node\.$/
    ],
    ...['a\r\nX-Evil: yes', 'a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'sum \u2211'].map(
      (value): [string, Partial<ReceiverSettings>, string, RegExp] => [
        `a header with ${JSON.stringify(value)}`,
        { headers: [{ name: 'X-Ward', value: () => value }] },
        INVALID,
        /^The value of the header X-Ward cannot be sent: /
      ]
    )
  ]
  for (const [what, settings, code, words] of rows) {
    it(what, async () => {
      await assert.rejects(arrived(settings), (error: Error & { code: string }) => {
        assert.equal(error.code, code)
        assert.match(error.message, words)
        assert.ok(!String(error.stack).includes(name) && !error.message.includes('Evil'))
        assert.equal(error.cause, undefined)
        return true
      })
    })
  }
})

describe('a Buffer that is not in its characters', () => {
  const bytes = (set: string, ...rest: number[]): Buffer =>
    Buffer.concat([
      Buffer.from(`MSH|^~\\&|||||||ADT^A01|ID1|P|2.5||||||${set}\rPID|1||`),
      Buffer.from([...rest, 0x0d])
    ])
  /** In UTF-16, little endian. */
  const text16 = (name: string): Buffer =>
    Buffer.from(`MSH|^~\\&|||||||ADT^A01|ID1|P|2.5\rPID|1||||${name}\r`, 'utf16le')
  const text: BodyTemplate = (hl7) => Promise.resolve(hl7)
  for (const [charset, payload] of [
    ['utf-8', bytes('UNICODE UTF-8', 0x4d, 0xfc)],
    ['windows-1252', bytes('WINDOWS-1252', 0x81)],
    ['gb18030', bytes('GB 18030-2000', 0xff, 0x41)],
    ['iso-2022-jp', bytes('~ISO IR87', 0x1b, 0x24, 0x42, 0x7e)]
  ] as const) {
    it(`${charset}: is sent as bytes and base64, not as text`, async () => {
      const words = new RegExp(`not ${charset} characters,.*character set.*base64`)
      for (const format of ['form', 'json', 'text'] as const) {
        const settings = { format, bodyTemplate: text }
        const refused = { code: 'HL7_INVALID_MESSAGE', message: words }
        await assert.rejects(arrived(settings, {}, payload), refused)
        await arrived({ ...settings, bodyEncoding: 'base64' }, {}, payload)
      }
      assert.deepEqual((await arrived({}, {}, payload)).body, payload)
      await arrived({ format: 'multipart' }, {}, payload)
    })
  }

  // A form is UTF-8, and the setting is not shown with it.
  it('does not count the charset of a type that is left from multipart', async () => {
    const settings = { format: 'form', bodyPartType: 'text/plain; charset=utf-8' } as const
    const { body } = await arrived(settings, {}, BYTES)
    assert.equal(body.toString(), formOf(['message', TEXT]))
  })

  for (const [label, payload] of [
    ['utf-16be', Buffer.from(text16('\u1c0d')).swap16()],
    ['utf-16le', Buffer.from(text16('\u0d1c'))],
    ['utf-16be', Buffer.from(text16('\u011c\u0d41')).swap16()]
  ] as const) {
    it(`${label}: bytes that would end an MLLP frame are sent in no frame`, async () => {
      const refused = { code: 'HL7_INVALID_MESSAGE', message: /^In utf-16[bl]e, .*0x1C 0x0D/ }
      await assert.rejects(arrived({ format: 'mllp' }, {}, payload), refused)
      assert.ok((await arrived({}, {}, payload)).body.equals(payload))
      const whole = Buffer.from(payload.toString('latin1').replace('\x1c\r', 'AB'), 'latin1')
      await arrived({ format: 'mllp' }, {}, whole)
    })
  }

  for (const [what, payload, end] of [
    ['U+FFFD in UTF-8', bytes('UNICODE UTF-8', 0xef, 0xbf, 0xbd), '\ufffd'],
    ['U+FFFD in a string', `${bytes('UNICODE UTF-8').toString().trim()}\ufffd`, '\ufffd'],
    ['U+FFFD in GB 18030', bytes('GB 18030-2000', 0x84, 0x31, 0xa4, 0x37), '\ufffd'],
    ['Japanese', bytes('~ISO IR87', 0x1b, 0x24, 0x42, 0x30, 0x21, 0x1b, 0x28, 0x42), '亜'],
    ['a control character of ISO-8859-1', bytes('8859/1', 0x81), '\x81'],
    ['ASCII with a letter of ISO-8859-1', bytes('ASCII', 0xfc), 'ü']
  ] as const) {
    it(`is sent as text if it is only unusual: ${what}`, async () => {
      const { body } = await arrived({ format: 'json' }, {}, payload)
      const { message } = JSON.parse(body.toString()) as { message: string }
      assert.equal(message.split('|').at(-1), `${end}\r`)
    })
  }
})

it('a compressed answer is read', async () => {
  const { gzipSync } = await import('node:zlib')
  const headers = { 'content-encoding': 'gzip' }
  const { reply } = await exchange.attempt({ body: gzipSync(ack('AA')), headers })
  assert.equal(reply?.hl7, ack('AA'))
})
