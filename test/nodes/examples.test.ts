import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse
} from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { acknowledge } from '../../demo/acknowledge.ts'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { readSubmission } from '../../demo/soap-registry.ts'
import { bodyPresets } from '../../nodes/editor/body-presets.ts'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { pages } from '../docs/markdown.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'
import type { ReceivedRequest, ReceiverAnswer } from '../../demo/received-request.ts'

const directory = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples')
const examples = new Map(
  readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [
      file.slice(0, -'.json'.length),
      JSON.parse(readFileSync(join(directory, file), 'utf8')) as FlowNode[]
    ])
)

const own = ['hl7-https-out', 'oauth2-client-credentials']
const secretNames =
  /^(?:clientId|clientSecret|username|password|privateKey.*|secret\d|credentials|cadata|.*data)$/

describe('the examples', () => {
  it('are all named in the documentation', () => {
    const texts = [...pages()].filter(([file]) => file.startsWith('docs/')).map(([, text]) => text)
    const named = [...examples.keys()].filter((name) => texts.some((text) => text.includes(name)))
    assert.ok(named.length > 10)
    assert.deepEqual(named, [...examples.keys()])
  })

  it('use each ID only once, so that all can be imported into one Node-RED', () => {
    const ids = [...examples.values()].flat().map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/)
  })

  for (const [name, flow] of examples) {
    describe(name, () => {
      it('is one flow with this name', () => {
        const tabs = flow.filter(({ type }) => type === 'tab')
        assert.deepEqual(
          tabs.map((tab) => tab['label']),
          [name]
        )
        for (const node of flow) if ('wires' in node) assert.equal(node['z'], tabs[0]?.id)
      })

      it('has the sending node, wired, with its configuration, unless it feeds another example', () => {
        const out = flow.find(({ type }) => type === own[0])
        const auth = flow.find(({ type }) => type === own[1])
        assert.equal(out === undefined, name.includes('Publish'))
        if (out) {
          assert.equal(out['auth'], auth?.id ?? '')
          assert.equal((out['wires'] as string[][]).length, 2)
        }
        const ids = new Set(flow.map(({ id }) => id))
        const wires = flow.flatMap((node) => (node['wires'] as string[][] | undefined) ?? []).flat()
        for (const id of wires) assert.ok(ids.has(id), id)
        for (const node of flow) {
          for (const property of ['auth', 'tls']) {
            const id = node[property]
            if (typeof id === 'string' && id !== '') assert.ok(ids.has(id))
          }
        }
      })

      it('contains no credentials', () => {
        for (const node of flow) {
          for (const key of Object.keys(node)) assert.doesNotMatch(key, secretNames)
        }
        assert.doesNotMatch(JSON.stringify(flow), /BEGIN|password"\s*:|eyJ/)
      })
    })
  }

  describe('in a real Node-RED', () => {
    let authority: Authority
    let receiver: Hl7Receiver
    let nodeRed: TestNodeRed
    let tokens: Awaited<ReturnType<typeof startTokenServer>>
    before(async () => {
      authority = await createAuthority()
      const tls = await authority.issueServer()
      receiver = await startHl7Receiver({ tls })
      tokens = await startTokenServer({ ...tls, requestCert: true, ca: authority.ca })
      nodeRed = await startNodeRed()
    })
    after(async () => {
      await nodeRed.close()
      await receiver.close()
      await tokens.close()
    })

    /** The flow with probes instead of debug nodes, filled in as its comment says. */
    async function filledIn(
      name: string,
      out: Record<string, unknown>,
      auth: Record<string, unknown> = {}
    ): Promise<FlowNode[]> {
      const flow = examples.get(name) ?? []
      const client = await authority.issueClient()
      const tls: FlowNode = {
        id: 'tls',
        type: 'tls-config',
        certType: 'files',
        cert: '',
        key: '',
        ca: '',
        verifyservercert: true,
        credentials: { cadata: authority.ca, certdata: client.cert, keydata: client.key }
      }
      const filled = flow.map((node): FlowNode => {
        switch (node.type) {
          case 'debug':
            return { id: node.id, type: 'probe', z: node['z'], wires: [] }
          case own[0]:
            return { ...node, tls: 'tls', url: receiver.url, failureTimeout: 0, ...out }
          case own[1]:
            return { ...node, tls: 'tls', ...auth }
          default:
            return node
        }
      })
      return [...filled, tls]
    }

    /** Presses the first button. @returns which debug node shows the message, and what was sent */
    async function press(flow: readonly FlowNode[]): Promise<{
      shown: string
      msg: Record<string, unknown>
      request: ReceivedRequest | undefined
    }> {
      const named = (type: string) => flow.filter((node) => node.type === type)
      const original = [...examples.values()].flat()
      const requests = receiver.requests.length
      const probes = named('probe').map(({ id }) => id)
      await nodeRed.inject(named('inject')[0]?.id ?? '')
      const id = await nodeRed.waitFor(() =>
        probes.find((probe) => nodeRed.messages(probe).length > 0)
      )
      return {
        shown: String(original.find((node) => node.id === id)?.['name']),
        msg: nodeRed.messages(id).at(-1) ?? {},
        request: receiver.requests[requests]
      }
    }

    it('all of them can be imported and deployed unchanged, with nothing missing', async () => {
      const flow = [...examples.values()].flat()
      await nodeRed.deploy(flow)
      const deployed = await nodeRed.flows()
      assert.equal(deployed.length, flow.length)
      const { body } = await nodeRed.get('/nodes')
      const known = (body as { types: string[]; err?: string }[]).flatMap(({ types }) => types)
      for (const { type } of flow) {
        assert.ok(['tab', ...known].includes(type), `${type} is unknown`)
      }
      assert.ok(!JSON.stringify(deployed).includes('"credentials"'))
      for (const { id } of flow) assert.ok(deployed.some((node) => node.id === id))
    })

    const jsonAnswer = (value: unknown): ReceiverAnswer => ({
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(value)
    })

    it('"01 Send HL7 and route ACK and NAK" sends when it is filled in', async () => {
      const flow = await filledIn(
        '01 Send HL7 and route ACK and NAK',
        {},
        { issuer: tokens.issuer, credentials: { clientId: 'c', clientSecret: 's' } }
      )
      await nodeRed.deploy(flow)
      const { shown, request } = await press(flow)
      assert.equal(shown, 'ACK')
      assert.equal(request?.headers.authorization, 'Bearer example-token')
    })

    it('"05 Send as multipart to New York" sends when it is filled in', async () => {
      const flow = await filledIn(
        '05 Send as multipart to New York',
        {},
        {
          tokenEndpoint: tokens.tokenEndpoint,
          credentials: { clientId: 'ny', clientSecret: 'n y' }
        }
      )
      await nodeRed.deploy(flow)
      const { shown, msg, request } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      assert.match(String(msg['payload']), /received/)
      const form = tokens.forms.at(-1)
      assert.equal(form?.get('client_secret'), 'n y')
      assert.match(request?.headers['content-type'] ?? '', /^multipart\/form-data; boundary=/)
      assert.match(
        request?.body.toString() ?? '',
        /name="payload"; filename="message.hl7"\r\nContent-Type: text\/plain; charset=utf-8\r\n\r\nMSH\|/
      )
      assert.ok(JSON.parse(String(request?.headers['uphn-infomap'])))
    })

    it('"06 Send to Google Cloud Healthcare" sends when it is filled in', async () => {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
      })
      const clientId = 'sender@project.example'
      const flow = await filledIn(
        '06 Send to Google Cloud Healthcare',
        {},
        {
          tokenEndpoint: tokens.tokenEndpoint,
          keyId: 'key-1',
          credentials: { clientId, privateKey }
        }
      )
      await nodeRed.deploy(flow)
      const { shown, msg, request } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      const form = tokens.forms.at(-1)
      assert.equal(form?.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      const [, claims = ''] = (form.get('assertion') ?? '').split('.')
      const { iss, aud, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
        string,
        string
      >
      assert.equal(iss, clientId)
      assert.equal(aud, tokens.tokenEndpoint)
      assert.equal(scope, 'https://www.googleapis.com/auth/cloud-healthcare')
      const { message } = JSON.parse(request?.body.toString() ?? '') as {
        message: { data: string }
      }
      assert.match(Buffer.from(message.data, 'base64').toString(), /^MSH\|.*\rEVN\|/)
    })

    it('"07 Form post to an immunization registry" sends when it is filled in', async () => {
      const flow = await filledIn('07 Form post to an immunization registry', {
        credentials: { secret1: 'pass word' }
      })
      await nodeRed.deploy(flow)
      const { shown, msg, request } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      assert.deepEqual(
        [...new URLSearchParams(request?.body.toString())].map(([name, value]) => [
          name,
          value.slice(0, 9)
        ]),
        [
          ['USERID', 'YOUR USER'],
          ['PASSWORD', 'pass word'],
          ['FACILITYID', 'NORTHSIDE'],
          ['MESSAGEDATA', 'MSH|^~\\&|']
        ]
      )
    })

    it('"12 Await the application acknowledgement" leaves with what is posted later', async () => {
      const name = '12 Await the application acknowledgement'
      const filled = await filledIn(name, { queue: 'memory', url: '${HL7_URL}' })
      const flow = filled.map((node) =>
        node.type === 'delay' ? { ...node, timeout: '0.2' } : node
      )
      const env = [{ name: 'PORT', value: new URL(nodeRed.url).port, type: 'str' }]
      await nodeRed.deploy([...flow, { id: 'variables', type: 'global-config', env }])
      const { shown, msg } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      const { ack, acceptAck } = msg['hl7'] as Record<string, { code: string }>
      assert.deepEqual([ack?.code, acceptAck?.code], ['AA', 'CA'])
      const taken = flow.find((node) => node.id.endsWith('000d0018'))?.id ?? ''
      assert.equal((await nodeRed.waitForMessages(taken)).at(-1)?.['statusCode'], 200)
    })

    it('"12 Await the application acknowledgement" runs with a receiver, and answers it', async () => {
      const name = '12 Await the application acknowledgement'
      const flow = await filledIn(name, {})
      await nodeRed.deploy(flow)
      const reply = (code: string, { body }: ReceivedRequest): string => {
        const id = body.toString().split('|')[9] ?? ''
        return `MSH|^~\\&|R|C|W|N|20260102||ACK|${code}-1|P|2.5.1\rMSA|${code}|${id}\r`
      }
      const nak = flow.findLast((node) => node.type === 'probe' && node.id.endsWith('000d0009'))
      const before = nodeRed.messages(nak?.id ?? '').length
      receiver.respond = (request) => ({
        headers: { 'Content-Type': 'application/hl7-v2' },
        body: reply('CA', request)
      })
      const requests = receiver.requests.length
      await nodeRed.inject(flow.find(({ type }) => type === 'inject')?.id ?? '')
      const out = `/hl7-https-out/${flow.find(({ type }) => type === own[0])?.id}`
      for (let awaiting = 0, looks = 0; awaiting === 0; looks++) {
        assert.ok(looks < 1000, 'no message awaits its acknowledgement')
        awaiting = ((await nodeRed.get(out)).body as { awaiting: number }).awaiting
      }
      receiver.respond = undefined
      const sent = receiver.requests[requests]
      assert.ok(sent)
      const post = async (body: string): Promise<number> => {
        const headers = { 'Content-Type': 'application/hl7-v2' }
        const url = `${nodeRed.url}/hl7/acknowledgement`
        return (await fetch(url, { method: 'POST', headers, body })).status
      }
      assert.equal(await post('This is not an acknowledgement.'), 400)
      assert.equal(await post(reply('AA', { ...sent, body: Buffer.from(adt('ANOTHER')) })), 404)
      assert.equal(await post(reply('AR', sent)), 200)
      assert.equal(await post(reply('AR', sent)), 404, 'twice')
      const left = await nodeRed.waitForMessages(nak?.id ?? '', before + 1)
      assert.equal((left.at(-1)?.['hl7'] as { ack: { code: string } } | undefined)?.ack.code, 'AR')
    })

    it('"09 Alert on-call staff" alerts once for each node and code', async () => {
      const name = '09 Alert on-call staff'
      const alerts: { text: string; code: string; node: string }[] = []
      let isDown = false
      let refused = 0
      const webhook = createHttpServer((request, response) => {
        void text(request).then((body) => {
          if (isDown) refused++
          else alerts.push(JSON.parse(body) as (typeof alerts)[number])
          // Both ways of failing come to the same.
          if (isDown && refused % 2 === 0) request.socket.destroy()
          else response.writeHead(isDown ? 503 : 202).end()
        })
      })
      await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/alert`
      const flow = (await filledIn(name, { queue: 'memory', auth: '' })).map((node) => {
        // A minute is long for a test.
        if (node.type === 'delay') return { ...node, timeout: '0.1', timeoutUnits: 'seconds' }
        if (node.type !== 'tab') return node
        return { ...node, env: [{ name: 'HL7_ALERT_URL', value: url, type: 'str' }] }
      })
      await nodeRed.deploy(flow)
      const out = flow.find(({ type }) => type === own[0])?.id ?? ''
      const button = (label: string): Promise<void> =>
        nodeRed.inject(flow.find((node) => node['name'] === label)?.id ?? '')
      const shown = (code: string, from: number): Promise<number> =>
        nodeRed.waitFor(() => {
          const at = nodeRed.statuses(out).findIndex((one, at) => at >= from && one.code === code)
          return at === -1 ? undefined : at + 1
        })
      const received = (count: number): Promise<unknown> =>
        nodeRed.waitFor(
          () => (alerts.length >= count ? alerts : undefined),
          10_000,
          () => JSON.stringify(alerts)
        )
      try {
        let seen = 0
        for (let times = 0; times < 3; times++) {
          await button('pause')
          seen = await shown('PAUSED', seen)
          await button('resume')
          seen = await shown('IDLE', seen)
        }
        await received(1)
        receiver.respond = () => ({ status: 503 })
        await button('ADT^A01')
        // With a failure timeout of 0 it fails at once.
        seen = await shown('ERROR', seen)
        await received(3)
        isDown = true
        receiver.respond = () => jsonAnswer({})
        await nodeRed.deploy(flow)
        await button('ADT^A01')
        await nodeRed.waitFor(() => (refused > 2 ? refused : undefined))
        assert.equal(alerts.length, 3)
        isDown = false
        await received(5)
        // One that is never the code of the status.
        const quiet = flow.map((node) => (node.id === out ? { ...node, inactivityAlert: 1 } : node))
        const from = nodeRed.statuses(out).length
        await nodeRed.deploy(quiet)
        await received(6)
        assert.deepEqual(
          nodeRed.statuses(out).filter(({ code }, at) => at >= from && code === 'QUIET'),
          []
        )
        // What begins at the same moment may arrive in either order.
        const [paused, ...others] = alerts.map(({ text, ...alert }) => ({
          ...alert,
          text: text.replace(/\d+ s /, '… s ')
        }))
        const sender = `Send to the receiver: `
        const alert = (words: string, code: string): object => {
          return { code, node: out, text: `${sender}${words} (${code})` }
        }
        assert.deepEqual(paused, alert('paused, 0 waiting', 'PAUSED'))
        const inOrder = (some: typeof others) => some.sort((a, b) => (a.code < b.code ? -1 : 1))
        assert.deepEqual(
          [inOrder(others.slice(0, 2)), inOrder(others.slice(2, 4)), others.slice(4)],
          [
            [alert('HTTP 503', 'ERROR'), alert('HTTP 503', 'GIVEN_UP')],
            [alert('no ACK (200)', 'ERROR'), alert('no ACK (200)', 'GIVEN_UP')],
            [alert('nothing for … s', 'QUIET')]
          ]
        )
      } finally {
        receiver.respond = undefined
        webhook.close()
        webhook.closeAllConnections()
      }
    })

    it('"10 SOAP to an immunization registry" sends when it is filled in', async () => {
      const flow = await filledIn('10 SOAP to an immunization registry', {
        credentials: { secret1: 'pass & word' }
      })
      await nodeRed.deploy(flow)
      const { shown, msg, request } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      assert.ok(request)
      const { hl7Message, ...others } = readSubmission(request)
      assert.deepEqual(others, {
        version: '1.2',
        username: 'YOUR USER',
        password: 'pass & word',
        facilityID: 'NORTHSIDE'
      })
      assert.match(hl7Message, /^MSH\|\^~\\&\|.*\rPID\|1\|\|471109.*Keller\^Ida & Jo\^/)
    })

    describe('"13 Take HTTP and pass on the reply"', () => {
      const name = '13 Take HTTP and pass on the reply'
      const type = 'application/hl7-v2; charset=utf-8'
      /** As a receiver answers whose server knows no length beforehand. */
      const chunked = createHttpServer((request, response) => void answered(request, response))
      const answered = async (request: IncomingMessage, response: ServerResponse) => {
        const sent = await text(request)
        if (sent.includes('SILENT')) {
          response.writeHead(400, { 'Content-Type': 'text/html', 'X-Trace': 't' }).end('<p>no</p>')
          return
        }
        const reply = acknowledge(sent, new Date())?.text ?? ''
        response.writeHead(200, { 'Content-Type': 'x/receiver', 'X-Trace': 't' })
        response.write(reply.slice(0, 20))
        response.end(reply.slice(20))
      }
      before(async () => {
        await once(chunked.listen(0, '127.0.0.1'), 'listening')
        const { port } = chunked.address() as AddressInfo
        const flow = await filledIn(name, { auth: '', url: `http://127.0.0.1:${port}/` })
        const env = [{ name: 'PORT', value: new URL(nodeRed.url).port, type: 'str' }]
        await nodeRed.deploy([...flow, { id: 'variables', type: 'global-config', env }])
      })
      after(() => chunked.close())
      const post = (body: string, path = 'hl7') =>
        fetch(new URL(path, nodeRed.url), {
          method: 'POST',
          headers: { 'Content-Type': type },
          body
        })

      it('has a button that posts a message and shows the answer', async () => {
        const { shown, msg } = await press(await nodeRed.flows())
        assert.equal(shown, 'answered')
        assert.match(String(msg['payload']), /\rMSA\|AA\|/)
        assert.equal(msg['statusCode'], 200)
      })

      it('answers its caller, without the headers of the receiver', async () => {
        const answer = await post(adt('HTTP0001'))
        assert.match(await answer.text(), /\rMSA\|AA\|HTTP0001\r/)
        assert.deepEqual(
          ['transfer-encoding', 'x-trace', 'content-type'].map((one) => answer.headers.get(one)),
          [null, null, type]
        )
        assert.equal(answer.status, 200)
      })

      it('says why there is no HL7 reply', async () => {
        for (const [body, status, words] of [
          ['PID|1', 400, /HL7/],
          [adt('SILENT01'), 503, /^HTTP 400 from the receiver/]
        ] as const) {
          const answer = await post(body)
          assert.match(await answer.text(), words)
          assert.equal(answer.status, status)
          assert.equal(answer.headers.get('x-trace'), null)
          assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
        }
      })
    })

    describe('"11 Send a batch and split off what was refused"', () => {
      const name = '11 Send a batch and split off what was refused'

      /** Sends the batch to a receiver that acknowledges each message, with one more change. */
      async function sent(change: (reply: string) => string = (reply) => reply): Promise<{
        outputs: Record<string, string[]>
        batch: string[]
      }> {
        const flow = await filledIn(
          name,
          {},
          { issuer: tokens.issuer, credentials: { clientId: 'c', clientSecret: 's' } }
        )
        await nodeRed.deploy(flow)
        let batch: string[] = []
        receiver.respond = ({ body }) => {
          batch = body.toString().split(/(?=MSH\|)|(?=BTS\|)/)
          const acks = batch.map((message) => acknowledge(message, new Date())?.text ?? '')
          return { body: change(`BHS|^~\\&|REGISTRY\r${acks.join('')}BTS|3\r`) }
        }
        const probes = flow.filter(({ type }) => type === 'probe').map(({ id }) => id)
        const named = (id: string): string =>
          String(examples.get(name)?.find((node) => node.id === id)?.['name'])
        const before = new Map(probes.map((id) => [id, nodeRed.messages(id).length]))
        const outputs = (): Record<string, string[]> =>
          Object.fromEntries(
            probes.flatMap((id) => {
              const payloads = nodeRed
                .messages(id)
                .slice(before.get(id))
                .map(({ payload }) => String(payload))
              return payloads.length === 0 ? [] : [[named(id), payloads]]
            })
          )
        await nodeRed.inject(flow.find(({ type }) => type === 'inject')?.id ?? '')
        // A batch that is split arrives as three messages, one that is not as one.
        const whole = ['whole batch accepted', 'unclear', 'error']
        await nodeRed.waitFor(() => {
          const now = outputs()
          const count = Object.values(now).flat().length
          return count === 3 || whole.some((output) => output in now) ? now : undefined
        })
        receiver.respond = undefined
        return { outputs: outputs(), batch }
      }

      it('splits off the refused message', async () => {
        const { outputs, batch } = await sent()
        const [, first, second, third] = batch
        assert.match(String(second), /Moreau/)
        assert.deepEqual(outputs, { refused: [second], accepted: [first, third] })
      })

      it('has nothing to split if all are accepted', async () => {
        const { outputs } = await sent((reply) => reply.replace('|AE|', '|AA|'))
        assert.deepEqual(Object.keys(outputs), ['whole batch accepted'])
      })

      for (const [what, change] of [
        ['lacks a message', (reply) => reply.replace(/MSA\|AA\|[^\r]*\r/, '')],
        ['repeats one', (reply) => reply.replace(/(MSA\|AA\|\w+)-3/, '$1-1')],
        ['has only one acknowledgement', (reply) => reply.replace(/MSA\|AA\|[^\r]*\r/g, '')]
      ] as [string, (reply: string) => string][]) {
        it(`keeps the batch whole if the reply ${what}`, async () => {
          const { outputs } = await sent(change)
          assert.deepEqual(Object.keys(outputs), ['unclear'])
        })
      }
    })

    it('"10 SOAP to an immunization registry" is what the preset of the form fills in', () => {
      const flow = examples.get('10 SOAP to an immunization registry') ?? []
      const out = flow.find(({ type }) => type === own[0])
      const { contentType, bodyTemplate, formFields } = bodyPresets.soap12
      assert.equal(out?.['contentType'], contentType)
      assert.equal(out['bodyTemplate'], bodyTemplate)
      const [username, ...others] = out['formFields'] as unknown[]
      assert.deepEqual(username, { ...formFields[0], value: 'YOUR USER' })
      // The form finds a free slot for the password.
      const [password, ...fields] = formFields.slice(1)
      assert.deepEqual(others, [{ ...password, value: 'secret1' }, ...fields])
    })

    it('"08 Mutual TLS and private_key_jwt (SMART)" sends when it is filled in', async () => {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs1', format: 'pem' }
      })
      const flow = await filledIn(
        '08 Mutual TLS and private_key_jwt (SMART)',
        {},
        {
          issuer: `${tokens.issuer}/.well-known/smart-configuration`,
          keyId: 'smart-1',
          scope: 'system/*.write',
          credentials: { clientId: 'backend', privateKey }
        }
      )
      await nodeRed.deploy(flow)
      const { shown, msg, request } = await press(flow)
      assert.equal(shown, 'ACK', JSON.stringify(msg['error']))
      assert.equal(request?.headers.authorization, 'Bearer example-token')
      const form = tokens.forms.at(-1)
      assert.equal(form?.get('scope'), 'system/*.write')
      const [head = ''] = (form.get('client_assertion') ?? '').split('.')
      assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), {
        alg: 'RS384',
        kid: 'smart-1',
        typ: 'JWT'
      })
    })
  })
})

/** A token server that gives a token to every client with a certificate. */
async function startTokenServer(tls: {
  cert: string
  key: string
  ca: string
  requestCert: true
}): Promise<{
  issuer: string
  tokenEndpoint: string
  forms: URLSearchParams[]
  close: () => Promise<void>
}> {
  const forms: URLSearchParams[] = []
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      if (request.method === 'POST') {
        forms.push(new URLSearchParams(Buffer.concat(chunks).toString()))
      }
      const answer =
        request.method === 'POST'
          ? { access_token: 'example-token', token_type: 'Bearer', expires_in: 300 }
          : { issuer, token_endpoint: tokenEndpoint }
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tokenEndpoint = `${issuer}/token`
  return {
    issuer,
    tokenEndpoint,
    forms,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      })
  }
}
