import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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

  const str = (name: string, value: string) => ({ name, value, valueType: 'str' })

  const cred = (name: string, value: string) => ({ name, value, valueType: 'cred' })
  const hl7 = (name: string, value: string) => ({ name, value, valueType: 'hl7' })

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

    it('nothing if it cannot be evaluated, and nothing is quoted', async () => {
      await deploy({ format: 'json', bodyTemplate: '$error($message)', failureTimeout: 0 })
      const { request, output, msg } = await send()
      assert.deepEqual([output, request], ['caught', undefined])
      assert.equal(msg.error.code, 'HL7_CONFIG')
      assert.match(msg.error.message, /cannot be evaluated/)
      assert.ok(!JSON.stringify(msg.error).includes('Søndergård'))
    })
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

  it('of msg.url: its path and query, but not the fragment', async () => {
    await deploy({})
    const url = new URL('/hl7/other?y=1#z', world.receiver.url).href
    assert.equal((await arrived(HL7_REPLY, { url })).url, '/hl7/other?y=1')
  })

  it('nothing, if a URL or a value of the message is wrong', async () => {
    const headers = [{ name: 'x-topic', value: 'topic', valueType: 'msg' }]
    await deploy({ failureTimeout: 0, headers })
    for (const [msg, code, words] of [
      [{ url: 'http://hl7.example.org/' }, 'HL7_CONFIG', /Plain http:\/\/ is accepted for this/],
      [{ topic: 'a\r\nX-Evil: yes' }, 'HL7_INVALID_MESSAGE', /x-topic/]
    ] as const) {
      const { request, output, msg: left } = await send(HL7_REPLY, msg)
      assert.deepEqual([output, request, left.error.code], ['caught', undefined, code])
      assert.match(left.error.message, words)
      assert.doesNotMatch(left.error.message, /Evil/)
    }
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
