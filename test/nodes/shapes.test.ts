import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import type { FlowNode } from '../support/node-red.ts'
import { adt, type LeftMessage, type Output, shareWorld } from '../support/world.ts'
import type { ReceivedRequest, ReceiverAnswer } from '../../demo/received-request.ts'

type Properties = Record<string, unknown>

const HL7_REPLY: ReceiverAnswer = {
  headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8' },
  body: 'MSH|^~\\&|R|C|W|N|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|SHAPE001\r'
}

/** A message about a fictitious person with a non-ASCII name, and what must arrive. */
const MESSAGE = adt('SHAPE001').replace('Lindqvist', 'Søndergård')
const SENT = `${MESSAGE}\r`

describe('what the receiver sees', () => {
  const world = shareWorld()

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
  ): Promise<{ request: ReceivedRequest | undefined; output: Output; msg: LeftMessage }> {
    const { receiver } = world
    const sentBefore = receiver.requests.length
    receiver.respond = () => answer
    const left = await world.send(MESSAGE, msg)
    assert.ok(receiver.requests.length <= sentBefore + 1, 'sent once')
    return { request: receiver.requests[sentBefore], ...left }
  }

  /** Sends a message that must be accepted. @returns what arrived */
  async function arrived(answer?: ReceiverAnswer, msg?: Properties): Promise<ReceivedRequest> {
    const sent = await send(answer, msg)
    assert.equal(sent.output, 'ack', JSON.stringify(sent.msg['error']))
    assert.ok(sent.request)
    return sent.request
  }

  /** Sends a message that must fail. @returns it with its error */
  async function failed(answer?: ReceiverAnswer, msg?: Properties): Promise<LeftMessage> {
    const sent = await send(answer, msg)
    assert.equal(sent.output, 'caught', JSON.stringify(sent.msg))
    return sent.msg
  }

  const json = (value: unknown, status = 200): ReceiverAnswer => ({
    status,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value)
  })
  const str = (name: string, value: string) => ({ name, value, valueType: 'str' })

  /** As a receiver that stores every message answers. */
  const STORED = ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=C'
  const cred = (name: string, value: string) => ({ name, value, valueType: 'cred' })
  const hl7 = (name: string, value: string) => ({ name, value, valueType: 'hl7' })
  const ackInBase64 = Buffer.from(String(HL7_REPLY.body)).toString('base64')

  describe('with the settings for known receivers', () => {
    const table: Record<
      string,
      {
        out: Properties
        answer?: ReceiverAnswer
        /** Headers that arrive; undefined for one that must not. */
        headers: Record<string, string | RegExp | undefined>
        body: string | RegExp
      }
    > = {
      'CDC ReportStream: raw with a client header, 201 with JSON': {
        out: {
          headers: [str('client', 'northside.default')],
          replyCodeActions: ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,@status:201=C'
        },
        answer: json({ id: 'r1', errorCount: 0 }, 201),
        headers: {
          'content-type': 'application/hl7-v2; charset=utf-8',
          client: 'northside.default',
          authorization: /^Bearer eyJ/
        },
        body: SENT
      },
      'CDC NBS: text/plain, id and secret as headers, a plain id as the answer': {
        out: {
          auth: '',
          contentType: 'text/plain; charset=utf-8',
          headers: [cred('clientid', 'secret1'), cred('clientsecret', 'secret2')],
          credentials: { secret1: 'northside', secret2: 's, "e" = c' },
          replyCodeActions: STORED
        },
        answer: { headers: { 'Content-Type': 'text/plain' }, body: '4711' },
        headers: {
          'content-type': 'text/plain; charset=utf-8',
          clientid: 'northside',
          clientsecret: 's, "e" = c',
          authorization: undefined
        },
        body: SENT
      },
      'New York State: one multipart part with a file name; a header whose value is JSON': {
        out: {
          format: 'multipart',
          bodyField: 'payload',
          bodyFileName: 'message "1".hl7',
          headers: [str('UPHN-INFOMAP', '{"orgname":"NORTHSIDE","userid":"ward,12"}')],
          replyCodeActions: STORED
        },
        answer: json({ status: 'ok' }),
        headers: {
          'content-type': /^multipart\/form-data; boundary=/,
          'uphn-infomap': '{"orgname":"NORTHSIDE","userid":"ward,12"}'
        },
        body: /name="payload"; filename="message %221%22\.hl7"\r\nContent-Type: text\/plain; charset=utf-8\r\n\r\nMSH/
      },
      'Washington: JSON with the text as body': {
        out: { format: 'json', bodyTemplate: '{"body": $message}', replyCodeActions: STORED },
        answer: json({ received: true }),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ body: SENT })
      },
      'Oklahoma: text/plain, a header per message, a token without Bearer': {
        out: {
          contentType: 'text/plain; charset=UTF-8',
          authScheme: '',
          headers: [str('facility', 'NORTHSIDE'), hl7('message-id', 'MSH-10')],
          replyCodeActions: STORED
        },
        answer: json({}),
        headers: {
          'content-type': 'text/plain; charset=UTF-8',
          authorization: /^eyJ[\w.-]+$/,
          facility: 'NORTHSIDE',
          'message-id': 'SHAPE001'
        },
        body: SENT
      },
      'Google Cloud Healthcare: base64 inside JSON, the ACK as base64 in the answer': {
        out: {
          format: 'json',
          bodyEncoding: 'base64',
          bodyTemplate: '{"message": {"data": $message}}'
        },
        answer: json({ hl7Ack: ackInBase64, message: { name: 'x' } }),
        headers: {},
        body: JSON.stringify({ message: { data: Buffer.from(SENT).toString('base64') } })
      },
      'older immunization registries: a form with user, password, facility and message': {
        out: {
          auth: '',
          format: 'form',
          bodyField: 'MESSAGEDATA',
          formFields: [
            str('USERID', 'ward 12&13'),
            cred('PASSWORD', 'secret1'),
            hl7('FACILITYID', 'MSH-4.1')
          ],
          credentials: { secret1: 'p+w=%é' }
        },
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body: /^USERID=ward\+12%2613&PASSWORD=p%2Bw%3D%25%C3%A9&FACILITYID=NORTHSIDE&MESSAGEDATA=MSH%7C%5E/
      },
      'Medplum: a content type that is compared as a whole; 400 to whatever its bot throws': {
        out: {
          contentType: 'x-application/hl7-v2+er7',
          replyCodeActions: 'E#400=R20S,:I?=W,:?A=C,(:?E,:?R,:_,:*,:~,X)=F'
        },
        headers: { 'content-type': 'x-application/hl7-v2+er7', authorization: /^Bearer eyJ/ },
        body: SENT
      },
      'MEDrefer: application/hl7-v2+er7, its own headers for token and key': {
        out: {
          contentType: 'application/hl7-v2+er7',
          authHeader: 'X-Access-Token',
          authScheme: '',
          headers: [cred('X-Api-Key', 'secret6')],
          credentials: { secret6: 'key-6' }
        },
        headers: {
          'content-type': 'application/hl7-v2+er7',
          'x-access-token': /^eyJ/,
          'x-api-key': 'key-6',
          authorization: undefined
        },
        body: SENT
      }
    }
    for (const [name, { out, answer, headers, body }] of Object.entries(table)) {
      it(name, async () => {
        await deploy(out)
        const seen = await arrived(answer)
        for (const [header, value] of Object.entries(headers)) {
          if (value instanceof RegExp) assert.match(String(seen.headers[header]), value)
          else assert.equal(seen.headers[header], value)
        }
        if (body instanceof RegExp) assert.match(seen.body.toString(), body)
        else assert.equal(seen.body.toString(), body)
      })
    }
  })

  it('mllp: the framed message, byte for byte in its own character set', async () => {
    await deploy({ format: 'mllp', charset: 'iso-8859-1' })
    const { headers, body, method } = await arrived()
    assert.equal(method, 'POST')
    assert.equal(headers['content-type'], 'application/hl7-v2; charset=iso-8859-1')
    assert.equal(body.toString('latin1'), `\x0b${SENT}\x1c\r`)
  })

  it('a Buffer, unchanged except for line ends', async () => {
    await deploy({})
    world.receiver.respond = () => HL7_REPLY
    const before = world.receiver.requests.length
    // The admin API makes a Buffer of this.
    const v = JSON.stringify([...Buffer.from(MESSAGE.replaceAll('\r', '\r\n'), 'latin1')])
    await world.nodeRed.post('/inject/in', {
      __user_inject_props__: [{ p: 'payload', v, vt: 'bin' }]
    })
    const request = await world.nodeRed.waitFor(() => world.receiver.requests[before])
    assert.equal(request.headers['content-type'], 'application/hl7-v2; charset=iso-8859-1')
    assert.deepEqual(request.body, Buffer.from(SENT, 'latin1'))
  })

  describe('of values', () => {
    it('of all types in a form', async () => {
      const formFields = [
        str('text', 'a,b\n{"c":"d"}'),
        { name: 'topic', value: 'topic', valueType: 'msg' },
        { name: 'none', value: 'nothing', valueType: 'msg' },
        { name: 'sum', value: '$sum([1, 2]) & topic', valueType: 'jsonata' },
        { name: 'env', value: 'SITE', valueType: 'env' }
      ]
      await deploy({ format: 'form', bodyField: 'hl7', formFields }, {}, { SITE: 'north' })
      const form = await arrived(HL7_REPLY, { topic: 'T' })
      assert.deepEqual(
        [...new URLSearchParams(form.body.toString())],
        [
          ['text', 'a,b\n{"c":"d"}'],
          ['topic', 'T'],
          ['sum', '3T'],
          ['env', 'north'],
          ['hl7', SENT]
        ]
      )
    })

    it('of all types in headers, computed for each message, commas and JSON intact', async () => {
      const value = '{"a":[1,2],"b":"c, d; e=\\"f\\""}'
      const headers = [
        str('x-str', value),
        { name: 'x-env', value: 'SITE', valueType: 'env' },
        cred('x-cred', 'secret4'),
        { name: 'x-msg', value: 'topic.deep[0]', valueType: 'msg' },
        { name: 'x-none', value: 'topic.shallow', valueType: 'msg' },
        { name: 'x-object', value: 'topic', valueType: 'msg' },
        { name: 'x-jsonata', value: '$uppercase(topic.deep[0]) & ","', valueType: 'jsonata' },
        hl7('x-hl7', 'PID-5.1')
      ]
      const credentials = { secret4: 'se,cr"et' }
      await deploy({ headers, credentials }, {}, { SITE: 'north, south' })
      for (const word of ['one', 'two']) {
        const seen = (await arrived(HL7_REPLY, { topic: { deep: [word] } })).headers
        assert.equal(seen['x-str'], value)
        assert.equal(seen['x-env'], 'north, south')
        assert.equal(seen['x-cred'], 'se,cr"et')
        assert.equal(seen['x-msg'], word)
        assert.ok(!('x-none' in seen))
        assert.equal(seen['x-object'], `{"deep":["${word}"]}`)
        assert.equal(seen['x-jsonata'], `${word.toUpperCase()},`)
        assert.equal(seen['x-hl7'], 'Søndergård')
      }
    })

    it('the User-Agent, and never msg.headers', async () => {
      await deploy({})
      const { headers } = await arrived(HL7_REPLY, { headers: { 'x-mine': 'y', host: 'evil' } })
      assert.match(headers['user-agent'] ?? '', /^node-red-hl7-https-out\/[\d.]+$/)
      assert.equal(headers['x-mine'], undefined)
      assert.match(headers.host ?? '', /^127\.0\.0\.1:\d+$/)
    })
  })

  describe('of a template', () => {
    it('any value of JSONata, from the message, the fields and the message of the flow', async () => {
      await deploy({
        format: 'json',
        bodyTemplate:
          '[{"site": topic, "lines": $count($split($message, "\r")), "all": $fields}, $xml($fields.user), $message]',
        formFields: [
          str('user', '<ward> & "12"'),
          cred('password', 'secret2'),
          hl7('facility', 'MSH-4.1'),
          { name: 'none', value: 'nothing', valueType: 'msg' }
        ],
        credentials: { secret2: "p&'w" }
      })
      const { body } = await arrived(HL7_REPLY, { topic: 'N' })
      const all = { user: '<ward> & "12"', password: "p&'w", facility: 'NORTHSIDE' }
      assert.deepEqual(JSON.parse(body.toString()), [
        { site: 'N', lines: 5, all },
        '&lt;ward&gt; &amp; &quot;12&quot;',
        SENT
      ])
    })

    it('a text with $xml', async () => {
      await deploy({
        format: 'text',
        contentType: 'text/xml; charset=utf-8',
        bodyTemplate: `'<m n="' & $xml(7) & $xml(nothing) & '">é' & $xml($message) & '</m>'`
      })
      const { headers, body } = await arrived()
      assert.equal(headers['content-type'], 'text/xml; charset=utf-8')
      const text = SENT.replaceAll('&', '&amp;').replaceAll('\r', '&#13;')
      assert.equal(body.toString(), `<m n="7">é${text}</m>`)
    })

    const refused: [format: string, template: string, code: string, words: RegExp][] = [
      ['json', '{"a": ', 'HL7_CONFIG', /./],
      ['json', 'nothing.there', 'HL7_CONFIG', /returns nothing/],
      ['json', '$error($message)', 'HL7_CONFIG', /cannot be evaluated/],
      [
        'text',
        ' ',
        'HL7_CONFIG',
        /Body template: The format “Text from a template” needs a template/
      ],
      ['text', '{"a": $message}', 'HL7_CONFIG', /returns no text/],
      ['text', '$xml({})', 'HL7_CONFIG', /cannot be evaluated/],
      ['text', '$xml($message & topic)', 'HL7_INVALID_MESSAGE', /XML does not allow/]
    ]
    for (const [format, bodyTemplate, code, words] of refused) {
      it(`nothing, and nothing is quoted: ${format} ${bodyTemplate}`, async () => {
        await deploy({ format, bodyTemplate, failureTimeout: 0 })
        const { request, output, msg } = await send(HL7_REPLY, { topic: '\x1c' })
        assert.equal(output, 'caught')
        assert.equal(request, undefined)
        const { error } = msg
        assert.equal(error.code, code)
        assert.match(error.message, words)
        assert.ok(!JSON.stringify(error).includes('Søndergård'))
      })
    }
  })

  it('of fifty messages in flight, each with its own body, fields and header', async () => {
    await deploy({
      format: 'json',
      order: 'none',
      maxInFlight: 50,
      bodyTemplate:
        '{"id": $split($message, "|")[9], "topic": $$.topic & $fields.topic, "message": $message}',
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

  it('of the token: in the query with a warning, or in a form', async () => {
    await deploy({ tokenPlacement: 'query', url: `${world.receiver.url}?a=b%20c&flag#part` })
    assert.match(
      (await world.nodeRed.printed()).join('\n'),
      /Send token in: A token in the URL ends up in the logs/
    )
    assert.match((await arrived()).url, /^\/hl7\?a=b%20c&flag&access_token=eyJ[\w.-]+$/)
    await deploy({ tokenPlacement: 'body', format: 'form' })
    const form = new URLSearchParams((await arrived()).body.toString())
    assert.match(form.get('access_token') ?? '', /^eyJ/)
  })

  it('of msg.url: its path and query, but not the fragment', async () => {
    await deploy({})
    const url = new URL('/hl7/other?y=1#z', world.receiver.url).href
    assert.equal((await arrived(HL7_REPLY, { url })).url, '/hl7/other?y=1')
  })

  describe('nothing, if the settings or the message are wrong', () => {
    const http = 'http://hl7.example.org/'
    const topic = { name: 'x-topic', value: 'topic', valueType: 'msg' }
    const evil = 'a\r\nX-Evil: yes'
    const table: [what: string, out: Properties, words: RegExp, msg?: Properties][] = [
      ['a URL', { url: http }, /Plain http:\/\/ is accepted for this machine only/],
      ['a URL with a user name', { url: 'https://user:word@127.0.0.1/' }, /user name or password/],
      ['msg.url', {}, /Plain http:\/\/ is accepted for this machine only/, { url: http }],
      [
        'the length as a header',
        { headers: [str('Content-Length', 'x')] },
        /Content-Length: The node itself sets/
      ],
      [
        'the content type as a header',
        { headers: [str('content-type', 'x')] },
        /content type has its own field/
      ],
      ['no header name', { headers: [str('a b', 'x')] }, /not a header name/],
      ['two tokens', { headers: [str('authorization', 'x')] }, /already carries the token/],
      ['a fixed header', { headers: [str('x-fixed', evil)] }, /x-fixed/],
      ['a header of this message', { headers: [topic] }, /x-topic/, { topic: evil }],
      [
        'a token in a multipart body',
        { format: 'multipart', tokenPlacement: 'body' },
        /token in the body requires the body format/
      ]
    ]
    for (const [what, out, words, msg] of table) {
      it(what, async () => {
        await deploy({ failureTimeout: 0, ...out })
        const { request, output, msg: left } = await send(HL7_REPLY, msg)
        assert.equal(output, 'caught')
        assert.equal(request, undefined)
        const { error } = left
        assert.equal(error.code, msg?.['topic'] ? 'HL7_INVALID_MESSAGE' : 'HL7_CONFIG')
        assert.match(error.message, words)
        assert.ok(!/word@|Evil/.test(error.message))
      })
    }
  })

  it('and no other server: no redirect is followed, the error names the target', async () => {
    const second = await startHl7Receiver({ tls: await world.authority.issueServer() })
    try {
      await deploy({ failureTimeout: 0 })
      const location = `${second.url}?secret=1`
      const { error } = await failed({ status: 307, headers: { Location: location } })
      assert.equal(error.code, 'HL7_DELIVERY_FAILED')
      assert.ok(error.message.includes(`redirects to ${second.url}. `), error.message)
      assert.equal(second.counters.connections, 0)
    } finally {
      await second.close()
    }
  })

  it('says why the receiver denies access, in its words unless they name the patient', async () => {
    const refused = async (says: string): Promise<string> => {
      const challenge = `Bearer realm="HL7", error_description="${says}"`
      const headers = { 'WWW-Authenticate': challenge }
      return (await failed({ status: 403, headers })).error.message
    }
    await deploy({ failureTimeout: 0 })
    assert.match(
      await refused('The client may not send from this address.'),
      /^HTTP 403 from the receiver: "The client may not send from this address"\. The receiver denies access/
    )
    assert.doesNotMatch(await refused('SOENDERGAARD is unknown'), /unknown/)
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
      (await send({ ...HL7_REPLY, delayMs: 600 }, { requestTimeout: 5000 })).output,
      'ack'
    )
  })
})
