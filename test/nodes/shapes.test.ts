import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Node, NodeAPI } from 'node-red'
import util from '@node-red/util'
import type { ReceivedRequest, ReceiverAnswer } from '../../demo/hl7-receiver.ts'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { compileJsonata } from '../../nodes/jsonata.ts'
import type { FlowNode } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

type Message = Record<string, unknown> & { hl7: Record<string, unknown> }
type Caught = Message & { error: { code: string; message: string; cause?: { code: string } } }
type Properties = Record<string, unknown>

const HL7_REPLY: ReceiverAnswer = {
  headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8' },
  body: 'MSH|^~\\&|R|C|W|N|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|SHAPE001\r'
}

/** A message about a fictitious person with a non-ASCII name, and what must arrive. */
const MESSAGE = adt('SHAPE001').replace('Lindqvist', 'Søndergård')
const SENT = `${MESSAGE}\r`

describe('what the receiver sees', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  afterEach(() => {
    world.receiver.respond = undefined
  })

  /** Deploys the usual flow with environment variables of the tab, for a `valueType` of `env`. */
  const deploy = (out: Properties, auth: Properties = {}, env: Record<string, string> = {}) =>
    world.nodeRed.deploy(
      world.flow(out, auth).map((node): FlowNode =>
        node.type === 'tab'
          ? {
              ...node,
              env: Object.entries(env).map(([name, value]) => ({ name, value, type: 'str' }))
            }
          : node
      )
    )

  /** Sends a message to a receiver that gives this answer. @returns both ends */
  async function send(
    answer: ReceiverAnswer = HL7_REPLY,
    msg: Properties = {}
  ): Promise<{ request: ReceivedRequest | undefined; probe: string; msg: Message }> {
    const { nodeRed, receiver } = world
    const probes = ['ack', 'nak', 'caught']
    const count = () => probes.map((probe) => nodeRed.messages(probe).length)
    const earlier = count()
    const sentBefore = receiver.requests.length
    receiver.respond = () => answer
    await nodeRed.inject('in', { payload: MESSAGE, ...msg })
    const index = await nodeRed.waitFor(() => {
      const at = count().findIndex((now, place) => now > (earlier[place] ?? 0))
      return at === -1 ? undefined : at
    })
    const probe = probes[index] ?? ''
    assert.ok(receiver.requests.length <= sentBefore + 1, 'sent once')
    return {
      request: receiver.requests[sentBefore],
      probe,
      msg: nodeRed.messages(probe).at(-1) as Message
    }
  }

  /** Sends a message that must be accepted. @returns what arrived */
  async function arrived(answer?: ReceiverAnswer, msg?: Properties): Promise<ReceivedRequest> {
    const sent = await send(answer, msg)
    assert.equal(sent.probe, 'ack', JSON.stringify(sent.msg['error']))
    assert.ok(sent.request)
    return sent.request
  }

  /** Sends a message that must fail. @returns it with its error */
  async function failed(answer?: ReceiverAnswer, msg?: Properties): Promise<Caught> {
    const sent = await send(answer, msg)
    assert.equal(sent.probe, 'caught', JSON.stringify(sent.msg))
    return sent.msg as Caught
  }

  const json = (value: unknown, status = 200): ReceiverAnswer => ({
    status,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value)
  })
  const str = (name: string, value: string) => ({ name, value, valueType: 'str' })

  describe('with the settings for known receivers', () => {
    it('CDC ReportStream: raw with a client header, 201 with JSON', async () => {
      await deploy({
        headers: [str('client', 'northside.default')],
        replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,@status:201=C'
      })
      const { headers, body } = await arrived(json({ id: 'r1', errorCount: 0 }, 201))
      assert.equal(headers['content-type'], 'application/hl7-v2; charset=utf-8')
      assert.equal(headers['client'], 'northside.default')
      assert.equal(body.toString(), SENT)
    })

    it('CDC NBS: text/plain, id and secret as headers, a plain id as the answer', async () => {
      await deploy({
        auth: '',
        contentType: 'text/plain',
        headers: [
          { name: 'clientid', value: 'secret1', valueType: 'cred' },
          { name: 'clientsecret', value: 'secret2', valueType: 'cred' },
          str('msgType', 'HL7')
        ],
        credentials: { secret1: 'northside', secret2: 's, "e" = c' },
        replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
      })
      const { headers, body } = await arrived({
        headers: { 'Content-Type': 'text/plain' },
        body: '4711'
      })
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
      assert.equal(headers['clientid'], 'northside')
      assert.equal(headers['clientsecret'], 's, "e" = c')
      assert.equal(headers['msgtype'], 'HL7')
      assert.equal(headers.authorization, undefined)
      assert.equal(body.toString(), SENT)
    })

    it('New York State: one multipart part with a file name; a header whose value is JSON', async () => {
      const infomap = '{"orgname":"NORTHSIDE","facility":"12345","userid":"ward,12"}'
      await deploy({
        format: 'multipart',
        bodyField: 'payload',
        bodyFileName: 'message "1".hl7',
        headers: [str('UPHN-INFOMAP', infomap)],
        replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
      })
      const { headers, body } = await arrived(json({ status: 'ok' }))
      assert.equal(headers['uphn-infomap'], infomap)
      const type = /^multipart\/form-data; boundary=([\w-]+)$/.exec(headers['content-type'] ?? '')
      assert.ok(type?.[1], headers['content-type'])
      assert.equal(
        body.toString(),
        `--${type[1]}\r\nContent-Disposition: form-data; name="payload"; filename="message %221%22.hl7"\r\n` +
          `Content-Type: text/plain; charset=utf-8\r\n\r\n${SENT}\r\n--${type[1]}--\r\n`
      )
      assert.equal(Number(headers['content-length']), body.length)
    })

    it('Washington: JSON with the text as body', async () => {
      await deploy({
        format: 'json',
        bodyTemplate: '{"body": $message}',
        replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
      })
      const { headers, body } = await arrived(json({ received: true }))
      assert.equal(headers['content-type'], 'application/json')
      assert.equal(body.toString(), JSON.stringify({ body: SENT }))
    })

    it('Oklahoma: text/plain, headers, one of them per message, a token without Bearer', async () => {
      await deploy({
        contentType: 'text/plain; charset=UTF-8',
        authScheme: '',
        headers: [
          str('facility', 'NORTHSIDE'),
          { name: 'message-id', value: 'MSH-10', valueType: 'hl7' }
        ],
        replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
      })
      const { headers, body } = await arrived(json({}))
      assert.equal(headers['content-type'], 'text/plain; charset=UTF-8')
      assert.match(headers.authorization ?? '', /^eyJ[\w.-]+$/)
      assert.equal(headers['facility'], 'NORTHSIDE')
      assert.equal(headers['message-id'], 'SHAPE001')
      assert.equal(body.toString(), SENT)
    })

    it('Google Cloud Healthcare: base64 inside JSON, the ACK as base64 in the answer', async () => {
      await deploy({
        format: 'json',
        bodyEncoding: 'base64',
        bodyTemplate: '{"message": {"data": $message}}'
      })
      const ack = Buffer.from(String(HL7_REPLY.body)).toString('base64')
      const { request, probe, msg } = await send(json({ hl7Ack: ack, message: { name: 'x' } }))
      assert.equal(probe, 'ack')
      assert.equal(
        request?.body.toString(),
        JSON.stringify({ message: { data: Buffer.from(SENT).toString('base64') } })
      )
      assert.match(String(msg['payload']), /^MSH.*\rMSA\|AA/)
      const nak = Buffer.from(String(HL7_REPLY.body).replace('|AA|', '|AE|')).toString('base64')
      const refused = await send(
        json({ error: { code: 400, status: 'INVALID', details: [{ hl7Nack: nak }] } }, 400)
      )
      assert.equal(refused.probe, 'nak')
      assert.equal((refused.msg.hl7['ack'] as { code: string }).code, 'AE')
    })

    it('older immunization registries: a form with user, password, facility and message', async () => {
      await deploy({
        auth: '',
        format: 'form',
        bodyField: 'MESSAGEDATA',
        formFields: [
          str('USERID', 'ward 12&13'),
          { name: 'PASSWORD', value: 'secret1', valueType: 'cred' },
          { name: 'FACILITYID', value: 'MSH-4.1', valueType: 'hl7' }
        ],
        credentials: { secret1: 'p+w=%é' }
      })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'application/x-www-form-urlencoded')
      assert.match(
        body.toString(),
        /^USERID=ward\+12%2613&PASSWORD=p%2Bw%3D%25%C3%A9&FACILITYID=NORTHSIDE&MESSAGEDATA=MSH%7C%5E/
      )
      assert.equal(new URLSearchParams(body.toString()).get('MESSAGEDATA'), SENT)
    })

    it('MEDrefer: application/hl7-v2+er7, its own headers for token and key', async () => {
      await deploy({
        contentType: 'application/hl7-v2+er7',
        authHeader: 'X-Access-Token',
        authScheme: '',
        headers: [{ name: 'X-Api-Key', value: 'secret6', valueType: 'cred' }],
        credentials: { secret6: 'key-6' }
      })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'application/hl7-v2+er7; charset=utf-8')
      assert.match(String(headers['x-access-token']), /^eyJ/)
      assert.equal(headers['x-api-key'], 'key-6')
      assert.equal(headers.authorization, undefined)
      assert.equal(body.toString(), SENT)
    })

    it('behind Azure API Management: raw, and a subscription key besides the token', async () => {
      await deploy({
        headers: [{ name: 'Ocp-Apim-Subscription-Key', value: 'secret3', valueType: 'cred' }],
        credentials: { secret3: '0123abcd' }
      })
      const { headers, body } = await arrived()
      assert.equal(headers['ocp-apim-subscription-key'], '0123abcd')
      assert.match(headers.authorization ?? '', /^Bearer eyJ/)
      assert.equal(body.toString(), SENT)
    })

    it('Medplum: x-application/hl7-v2+er7 with a bearer token', async () => {
      await deploy({ contentType: 'x-application/hl7-v2+er7' })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'x-application/hl7-v2+er7; charset=utf-8')
      assert.match(headers.authorization ?? '', /^Bearer eyJ/)
      assert.equal(body.toString(), SENT)
    })
  })

  describe('in each format', () => {
    it('mllp: the framed message, byte for byte in its own character set', async () => {
      await deploy({ format: 'mllp', charset: 'iso-8859-1', method: 'PUT' })
      const { headers, body, method } = await arrived()
      assert.equal(method, 'PUT')
      assert.equal(headers['content-type'], 'application/hl7-v2; charset=iso-8859-1')
      assert.deepEqual(
        body,
        Buffer.concat([Buffer.from([0x0b]), Buffer.from(SENT, 'latin1'), Buffer.from([0x1c, 0x0d])])
      )
    })

    it('raw: a Buffer unchanged except for line ends', async () => {
      await deploy({})
      world.receiver.respond = () => HL7_REPLY
      const before = world.receiver.requests.length
      const bytes = Buffer.from(`\ufeff${MESSAGE.replaceAll('\r', '\r\n')}\r\n\r\n`)
      const latin = Buffer.from(MESSAGE, 'latin1')
      for (const payload of [bytes, latin]) {
        // The admin API makes a Buffer of this.
        const v = JSON.stringify([...payload])
        await world.nodeRed.post('/inject/in', {
          __user_inject_props__: [{ p: 'payload', v, vt: 'bin' }]
        })
      }
      const [first, second] = await world.nodeRed.waitFor(() => {
        const seen = world.receiver.requests.slice(before)
        return seen.length === 2 ? seen : undefined
      })
      assert.equal(first?.headers['content-type'], 'application/hl7-v2; charset=utf-8')
      assert.equal(first.body.toString(), SENT)
      assert.equal(second?.headers['content-type'], 'application/hl7-v2; charset=iso-8859-1')
      assert.deepEqual(second.body, Buffer.from(SENT, 'latin1'))
    })

    it('form and multipart: base64, additional fields of all types, another content type', async () => {
      const formFields = [
        str('text', 'a,b\n{"c":"d"}'),
        { name: 'topic', value: 'topic', valueType: 'msg' },
        { name: 'none', value: 'nothing', valueType: 'msg' },
        { name: 'sum', value: '$sum([1, 2]) & topic', valueType: 'jsonata' },
        { name: 'env', value: 'SITE', valueType: 'env' }
      ]
      const base64 = Buffer.from(SENT).toString('base64')
      const common = { bodyField: 'hl7', bodyEncoding: 'base64', formFields }
      await deploy({ format: 'form', ...common }, {}, { SITE: 'north' })
      const form = await arrived(HL7_REPLY, { topic: 'T' })
      assert.deepEqual(
        [...new URLSearchParams(form.body.toString())],
        [
          ['text', 'a,b\n{"c":"d"}'],
          ['topic', 'T'],
          ['sum', '3T'],
          ['env', 'north'],
          ['hl7', base64]
        ]
      )
      await deploy(
        {
          format: 'multipart',
          ...common,
          contentType: 'multipart/mixed',
          bodyPartType: 'application/HL7-v2'
        },
        {},
        { SITE: 'north' }
      )
      const { headers, body } = await arrived(HL7_REPLY, { topic: 'T' })
      assert.match(headers['content-type'] ?? '', /^multipart\/mixed; boundary=/)
      const parts = body.toString().split(/--[\w-]+(?:--)?\r\n/)
      const field = (name: string, value: string) =>
        `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
      assert.deepEqual(parts, [
        '',
        field('text', 'a,b\n{"c":"d"}'),
        field('topic', 'T'),
        field('sum', '3T'),
        field('env', 'north'),
        `Content-Disposition: form-data; name="hl7"; filename="message.hl7"\r\nContent-Type: application/HL7-v2\r\n\r\n${base64}\r\n`,
        ''
      ])
    })

    it('json: the default template, any value from JSONata, and the flow message as input', async () => {
      await deploy({ format: 'json' })
      assert.equal((await arrived()).body.toString(), JSON.stringify({ message: SENT }))
      await deploy({
        format: 'json',
        contentType: 'application/vnd.north+json',
        bodyTemplate: '[{"site": topic, "lines": $count($split($message, "\r"))}, $message]'
      })
      const { headers, body } = await arrived(HL7_REPLY, { topic: 'N' })
      assert.equal(headers['content-type'], 'application/vnd.north+json')
      assert.equal(body.toString(), JSON.stringify([{ site: 'N', lines: 5 }, SENT]))
    })

    it('json: a template that fails or returns nothing sends and quotes nothing', async () => {
      for (const bodyTemplate of ['nothing.there', '$error($message)', '$number($message)']) {
        await deploy({ format: 'json', bodyTemplate, failureTimeout: 0 })
        const { request, probe, msg } = await send()
        assert.equal(probe, 'caught')
        assert.equal(request, undefined)
        const { error } = msg as Caught
        assert.equal(error.code, 'HL7_CONFIG')
        assert.ok(!JSON.stringify(error).includes('Søndergård'))
      }
      await deploy({ format: 'json', bodyTemplate: '{"a": ' })
      assert.equal((await failed()).error.code, 'HL7_CONFIG')
    })

    it('json and text: $fields has the values, which are not sent by themselves', async () => {
      const formFields = [
        str('user', '<ward> & "12"'),
        { name: 'password', value: 'secret2', valueType: 'cred' },
        { name: 'facility', value: 'MSH-4.1', valueType: 'hl7' },
        { name: 'topic', value: 'topic', valueType: 'msg' },
        { name: 'none', value: 'nothing', valueType: 'msg' }
      ]
      const common = { formFields, credentials: { secret2: "p&'w" } }
      await deploy({ format: 'json', ...common })
      assert.equal((await arrived()).body.toString(), JSON.stringify({ message: SENT }))
      await deploy({
        format: 'json',
        bodyTemplate: '{"all": $fields, "escaped": $xml($fields.user), "none": $xml(nothing)}',
        ...common
      })
      assert.deepEqual(
        JSON.parse((await arrived(HL7_REPLY, { topic: 'T' })).body.toString()) as unknown,
        {
          all: { user: '<ward> & "12"', password: "p&'w", facility: 'NORTHSIDE', topic: 'T' },
          escaped: '&lt;ward&gt; &amp; &quot;12&quot;'
        }
      )
      await deploy({
        format: 'text',
        contentType: 'text/xml; charset=utf-8',
        bodyTemplate: `'<m p="' & $xml($fields.password) & '" n="' & $xml(7) & '">' & $xml($message) & '</m>'`,
        ...common
      })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'text/xml; charset=utf-8')
      assert.equal(
        body.toString(),
        `<m p="p&amp;&apos;w" n="7">${SENT.replaceAll('&', '&amp;').replaceAll('\r', '&#13;')}</m>`
      )
    })

    it('text: without a type it is text/plain in UTF-8; base64 is possible', async () => {
      await deploy({ format: 'text', bodyEncoding: 'base64', bodyTemplate: '"é" & $message' })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
      assert.equal(body.toString(), `é${Buffer.from(SENT).toString('base64')}`)
    })

    it('text: sends nothing without a template, with a wrong result, or what XML cannot carry', async () => {
      const cases: [bodyTemplate: string, code: string, words: RegExp][] = [
        [' ', 'HL7_CONFIG', /the format text needs a template/],
        ['nothing.there', 'HL7_CONFIG', /returns no text/],
        ['{"a": $message}', 'HL7_CONFIG', /returns no text/],
        ['$xml({})', 'HL7_CONFIG', /cannot be evaluated/],
        ['$error($message)', 'HL7_CONFIG', /cannot be evaluated/],
        ['$xml($message & topic)', 'HL7_INVALID_MESSAGE', /a character that XML does not allow/]
      ]
      for (const [bodyTemplate, code, words] of cases) {
        await deploy({ format: 'text', bodyTemplate, failureTimeout: 0 })
        const { request, probe, msg } = await send(HL7_REPLY, { topic: '\x1c' })
        assert.equal(probe, 'caught', bodyTemplate)
        assert.equal(request, undefined)
        const { error } = msg as Caught
        assert.equal(error.code, code, bodyTemplate)
        assert.match(error.message, words)
        assert.ok(!JSON.stringify(error).includes('Søndergård'))
      }
    })

    for (const format of ['json', 'text']) {
      const json = `{"id": $split($message, "|")[9], "topic": $$.topic & $fields.topic, "message": $message}`
      fiftyInFlight(format, format === 'json' ? json : `$string(${json})`)
    }
  })

  function fiftyInFlight(format: string, bodyTemplate: string): void {
    it(`${format}: fifty messages in flight, each with its own body, fields and header`, async () => {
      await deploy({
        format,
        order: 'none',
        maxInFlight: 50,
        bodyTemplate,
        formFields: [{ name: 'topic', value: '"+" & topic', valueType: 'jsonata' }],
        headers: [{ name: 'x-topic', value: 'topic & "/" & $$.topic', valueType: 'jsonata' }]
      })
      const before = world.receiver.requests.length
      const acks = world.nodeRed.messages('ack').length
      world.receiver.respond = () => ({ ...HL7_REPLY, delayMs: 300 })
      const ids = Array.from({ length: 50 }, (_, index) => `MANY${String(index).padStart(4, '0')}`)
      await Promise.all(
        ids.map((id) => world.nodeRed.inject('in', { payload: adt(id), topic: `topic-${id}` }))
      )
      await world.nodeRed.waitForMessages('ack', acks + ids.length)
      const seen = world.receiver.requests.slice(before)
      assert.ok(world.receiver.counters.maxInFlight > 10, 'messages in flight at the same time')
      assert.deepEqual(
        seen.map(({ body }) => (JSON.parse(body.toString()) as { id: string }).id).sort(),
        ids
      )
      for (const { body, headers } of seen) {
        const { id, topic, message } = JSON.parse(body.toString()) as Record<string, string>
        assert.equal(message, `${adt(String(id))}\r`)
        assert.equal(topic, `topic-${id}+topic-${id}`)
        assert.equal(headers['x-topic'], `topic-${id}/topic-${id}`)
      }
    })
  }

  it('evaluates one expression concurrently without mixing up messages', async () => {
    const RED = { util: util.util } as unknown as NodeAPI
    const evaluate = compileJsonata(RED, {} as unknown as Node, 'payload & "/" & $$.payload')
    const results = await Promise.all(
      ['a', 'b', 'c'].map((payload) => evaluate({ payload }, undefined))
    )
    assert.deepEqual(results, ['a/a', 'b/b', 'c/c'])
  })

  describe('of headers', () => {
    it('values of all types, computed for each message, commas and JSON intact', async () => {
      const value = '{"a":[1,2],"b":"c, d; e=\\"f\\""}'
      await deploy(
        {
          headers: [
            str('x-str', value),
            { name: 'x-env', value: 'SITE', valueType: 'env' },
            { name: 'x-cred', value: 'secret4', valueType: 'cred' },
            { name: 'x-msg', value: 'topic.deep[0]', valueType: 'msg' },
            { name: 'x-none', value: 'topic.shallow', valueType: 'msg' },
            { name: 'x-object', value: 'topic', valueType: 'msg' },
            { name: 'x-jsonata', value: '$uppercase(topic.deep[0]) & ","', valueType: 'jsonata' },
            { name: 'x-hl7', value: 'PID-5.1', valueType: 'hl7' },
            str('Accept', 'application/hl7-v2'),
            str('User-Agent', 'ward'),
            str('x-empty', '')
          ],
          credentials: { secret4: 'se,cr"et' }
        },
        {},
        { SITE: 'north, south' }
      )
      for (const word of ['one', 'two']) {
        const { headers } = await arrived(HL7_REPLY, { topic: { deep: [word] } })
        assert.equal(headers['x-str'], value)
        assert.equal(headers['x-env'], 'north, south')
        assert.equal(headers['x-cred'], 'se,cr"et')
        assert.equal(headers['x-msg'], word)
        assert.ok(!('x-none' in headers))
        assert.equal(headers['x-object'], `{"deep":["${word}"]}`)
        assert.equal(headers['x-jsonata'], `${word.toUpperCase()},`)
        assert.equal(
          Buffer.from(String(headers['x-hl7']), 'latin1').toString('latin1'),
          'Søndergård'
        )
        assert.equal(headers.accept, 'application/hl7-v2')
        assert.equal(headers['user-agent'], 'ward')
        assert.equal(headers['x-empty'], '')
      }
    })

    it('the default Accept, Date and User-Agent, no Expect, and never msg.headers', async () => {
      await deploy({})
      const { headers } = await arrived(HL7_REPLY, { headers: { 'x-mine': 'y', host: 'evil' } })
      assert.match(headers.accept ?? '', /^application\/hl7-v2, .*er7/)
      assert.ok(Math.abs(Date.parse(headers.date ?? '') - Date.now()) < 60_000)
      assert.match(headers.date ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
      assert.match(headers['user-agent'] ?? '', /^node-red-hl7-https-out\/[\d.]+$/)
      assert.equal(headers['x-mine'], undefined)
      assert.equal(headers.expect, undefined)
      assert.match(headers.host ?? '', /^127\.0\.0\.1:\d+$/)
    })

    it('refuses a value with characters that are not allowed in a header, and does not quote it', async () => {
      await deploy({
        headers: [{ name: 'x-topic', value: 'topic', valueType: 'msg' }],
        failureTimeout: 0
      })
      for (const topic of ['a\r\nX-Evil: yes', 'a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'sum \u2211']) {
        const { request, probe, msg } = await send(HL7_REPLY, { topic })
        assert.equal(probe, 'caught')
        assert.equal(request, undefined)
        const { error } = msg as Caught
        assert.equal(error.code, 'HL7_INVALID_MESSAGE')
        assert.match(error.message, /x-topic/)
        assert.ok(!error.message.includes('Evil'))
      }
      await deploy({ headers: [str('x-fixed', 'a\r\nX-Evil: yes')] })
      assert.equal((await failed()).error.code, 'HL7_CONFIG')
    })

    it('refuses names that would break the request, at deploy', async () => {
      for (const name of [
        'Content-Length',
        'Host',
        'Transfer-Encoding',
        'Expect',
        'content-type'
      ]) {
        await deploy({ headers: [str(name, 'x')] })
        const { error } = await failed()
        assert.equal(error.code, 'HL7_CONFIG')
        assert.match(error.message, name === 'content-type' ? /content type/ : new RegExp(name))
      }
      for (const name of ['a b', 'a:b', 'a\r\nb', 'ä']) {
        await deploy({ headers: [str(name, 'x')] })
        assert.match((await failed()).error.message, /not a header name/)
      }
      await deploy({ headers: [str('authorization', 'Basic eA==')] })
      assert.match((await failed()).error.message, /already carries the token/)
    })
  })

  describe('of the token', () => {
    it('in a form field', async () => {
      await deploy({ format: 'form', tokenPlacement: 'body' })
      const { headers, body } = await arrived()
      assert.equal(headers.authorization, undefined)
      const form = new URLSearchParams(body.toString())
      assert.match(form.get('access_token') ?? '', /^eyJ/)
      assert.equal(form.get('message'), SENT)
    })

    it('in the body of another format is refused at deploy', async () => {
      await deploy({ format: 'multipart', tokenPlacement: 'body' })
      assert.match((await failed()).error.message, /token in the body requires the format form/)
    })

    it('in the query, with a warning; the rest of the query unchanged', async () => {
      await deploy({
        tokenPlacement: 'query',
        url: `${world.receiver.url}?a=b%20c&flag&list=1,2`
      })
      assert.match((await world.nodeRed.printed()).join('\n'), /RFC 9700/)
      const { headers, url } = await arrived()
      assert.equal(headers.authorization, undefined)
      assert.match(url, /^\/hl7\?a=b%20c&flag&list=1,2&access_token=eyJ[\w.-]+$/)
      await deploy({ tokenPlacement: 'query' })
      assert.match((await arrived()).url, /^\/hl7\?access_token=eyJ[\w.-]+$/)
    })

    it('under another scheme', async () => {
      await deploy({ authScheme: 'Token' })
      assert.match((await arrived()).headers.authorization ?? '', /^Token eyJ/)
    })
  })

  describe('of the URL', () => {
    it('the query, but not the fragment', async () => {
      await deploy({ url: `${world.receiver.url}?site=2&x=%2F#part` })
      assert.equal((await arrived()).url, '/hl7?site=2&x=%2F')
      const other = new URL('/hl7/other?y=1#z', world.receiver.url).href
      assert.equal((await arrived(HL7_REPLY, { url: other })).url, '/hl7/other?y=1')
    })

    const refused: [url: string, words: RegExp][] = [
      ['http://hl7.example.org/', /must begin with https/],
      ['http://127.0.0.1.example.org/', /must begin with https/],
      ['ftp://127.0.0.1/', /must begin with https/],
      ['https://user:word@127.0.0.1/', /user name or password/],
      ['hl7.example.org', /not valid/]
    ]
    for (const [url, words] of refused) {
      it(`refuses ${url}, at deploy and in msg.url`, async () => {
        await deploy({ url })
        const { error } = await failed()
        assert.equal(error.code, 'HL7_CONFIG')
        assert.match(error.message, words)
        assert.ok(!error.message.includes('word@'))
        await deploy({})
        const other = await failed(HL7_REPLY, { url })
        assert.equal(other.error.code, 'HL7_CONFIG')
        assert.match(other.error.message, words)
      })
    }

    it('follows no redirect: the error names the target, and that server sees nothing', async () => {
      const second = await startHl7Receiver({ tls: await world.authority.issueServer() })
      try {
        await deploy({ failureTimeout: 0 })
        for (const status of [301, 302, 307, 308]) {
          const location = `${second.url}?secret=1`
          const { error } = await failed({ status, headers: { Location: location } })
          assert.equal(error.code, 'HL7_DELIVERY_FAILED')
          assert.ok(error.message.includes(`redirects to ${second.url}. `), error.message)
          assert.ok(!error.message.includes('secret'))
          const within = await failed({ status, headers: { Location: '/other?secret=1' } })
          assert.match(within.error.message, /within its own site, to the path \/other\. /)
          const patient = await failed({
            status,
            headers: { Location: '/of/s%C3%B8nderg%C3%A5rd' }
          })
          assert.match(patient.error.message, /within its own site\. /)
        }
        assert.equal(second.counters.connections, 0)
      } finally {
        await second.close()
      }
    })
  })

  it('says why the receiver denies access, in its words, and what to do', async () => {
    const challenge = (says: string) => ({
      'WWW-Authenticate': `Bearer realm="HL7", error="invalid_token", error_description="${says}"`
    })
    const refused = async (status: number, says?: string): Promise<string> => {
      const headers = says === undefined ? {} : challenge(says)
      return (await failed({ status, headers })).error.message
    }
    await deploy({
      failureTimeout: 0,
      headers: [{ name: 'X-Key', value: 'MSH-4', valueType: 'hl7' }]
    })
    assert.match(
      await refused(403, 'The client may not send from this address.'),
      /^HTTP 403 from the receiver: "The client may not send from this address"\. .*add 403 to "Token refused on" in the OAuth 2\.0 node\./
    )
    for (const says of [
      'Astrid is unknown',
      'SOENDERGAARD is unknown',
      'Nobody named s%C3%B8nderg%C3%A5rd',
      'Born 1/2/1970'
    ]) {
      assert.doesNotMatch(await refused(403, says), /unknown|Nobody|1970/)
    }
    await deploy({ failureTimeout: 0, auth: '' })
    assert.match(
      await refused(401, 'Not a valid token'),
      /^HTTP 401 from the receiver: "Not a valid token"\. The node sends no token: choose an OAuth 2\.0 node/
    )
    assert.match(await refused(403), /^HTTP 403 from the receiver\. .*the node sends no token/)
  })

  it('waits as long as msg.requestTimeout says', async () => {
    await deploy({ failureTimeout: 0, responseTimeout: 30 })
    const start = performance.now()
    const { error } = await failed({ ...HL7_REPLY, delayMs: 3000 }, { requestTimeout: 250 })
    assert.ok(performance.now() - start < 2500)
    assert.equal(error.cause?.code, 'ETIMEDOUT')
    assert.match(error.message, /0.25 s/)
    await deploy({ failureTimeout: 0, responseTimeout: 0.2 })
    assert.equal(
      (await send({ ...HL7_REPLY, delayMs: 600 }, { requestTimeout: 5000 })).probe,
      'ack'
    )
  })

  it('reads a compressed answer', async () => {
    const { gzipSync } = await import('node:zlib')
    await deploy({})
    const request = await arrived({
      headers: { ...HL7_REPLY.headers, 'Content-Encoding': 'gzip' },
      body: gzipSync(String(HL7_REPLY.body))
    })
    assert.equal(request.headers['accept-encoding'], undefined, 'it was not asked for')
  })
})
