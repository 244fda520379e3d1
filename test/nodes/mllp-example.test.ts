import assert from 'node:assert/strict'
import * as childProcess from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Client, Message } from 'node-hl7-client'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { missing } from '../support/debian-packages.ts'
import { type FrontDoor, frontDoor } from '../support/front-door.ts'
import {
  framed,
  MLLP_FILE,
  MLLP_SEND,
  type MllpFlow,
  mllpFlow,
  type MllpPort,
  MllpSocket
} from '../support/mllp.ts'
import { startNodeRed, VARIABLES, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld } from '../support/world.ts'

const execFile = promisify(childProcess.execFile)
const LIMIT = Number(VARIABLES.MLLP_MAX_BYTES)
const noPython = missing('python-hl7')

describe('the MLLP example', () => {
  let authority: Authority
  let receiver: Hl7Receiver
  let door: FrontDoor
  let nodeRed: TestNodeRed
  let flow: MllpFlow
  const sockets: MllpSocket[] = []

  async function deploy(
    out: Partial<Record<MllpPort, Record<string, unknown>>> = {}
  ): Promise<MllpFlow> {
    const url = new URL(receiver.url)
    url.port = String(door.port)
    flow = await mllpFlow(url.href, authority.ca, out)
    await nodeRed.deploy(flow.nodes)
    return flow
  }
  async function open(port: MllpPort): Promise<MllpSocket> {
    const socket = await MllpSocket.open(flow.ports[port])
    sockets.push(socket)
    return socket
  }
  /** Sends one message over a new connection. @returns the segments of the acknowledgement */
  async function send(port: MllpPort, message: string | Buffer): Promise<string[]> {
    const socket = await open(port)
    await socket.write(framed(message))
    return (await socket.answers(1))[0] ?? []
  }
  const stored = (): string =>
    `/hl7-https-out/${flow.ids['Send after acknowledging'] ?? ''}/messages`
  const bodies = (): string[] => receiver.requests.map(({ body }) => body.toString('latin1'))
  const arrived = (count: number): Promise<string[]> =>
    nodeRed.waitFor(() => (receiver.requests.length >= count ? bodies() : undefined))
  const logged = (text: string): Promise<string> =>
    nodeRed.waitFor(() => nodeRed.log().find((line) => line.includes(text)))

  before(async () => {
    authority = await createAuthority()
    receiver = await startHl7Receiver({ tls: await authority.issueServer() })
    door = await frontDoor(Number(new URL(receiver.url).port))
    nodeRed = await startNodeRed()
  })
  beforeEach(() => {
    for (const socket of sockets.splice(0)) socket.close()
    receiver.requests = []
    receiver.respond = undefined
  })
  after(async () => {
    for (const socket of sockets) socket.close()
    await nodeRed.close()
    await door.shut()
    await receiver.close()
  })

  it('has a button that sends a message and shows its acknowledgement', async () => {
    const { ids } = await deploy()
    await nodeRed.inject(ids['ADT^A01'] ?? '')
    const [shown] = await nodeRed.waitForMessages(ids['acknowledged'] ?? '')
    assert.match(String(shown?.['payload']), /^.MSH\|[^\r]*\rMSA\|AA\|\w+\r/)
    assert.match((await arrived(1))[0] ?? '', /^MSH\|[^]*\rPID\|1\|\|471100/)
  })

  describe('on the port that acknowledges when stored', () => {
    before(async () => {
      await deploy()
    })

    it('answers AA while the receiver is down, and delivers after a SIGKILL, without a second answer', async () => {
      await door.shut()
      const [msh, msa] = await send('stored', adt('KILLED01'))
      assert.equal(msa, 'MSA|AA|KILLED01')
      assert.match(
        msh ?? '',
        /^MSH\|\^~\\&\|REGISTRY\|CITYCARE\|WARDSYS\|NORTHSIDE\|\d{14}\+0000\|\|ACK\^A01\^ACK\|[0-9a-f]{16}\|P\|2\.5\.1$/
      )
      await nodeRed.kill()
      await nodeRed.start()
      const other = await open('stored')
      await door.open()
      const [body] = await arrived(1)
      assert.match(body ?? '', /KILLED01/)
      // The other connection gets only its own acknowledgement.
      await other.write(framed(adt('KILLED02')))
      await arrived(2)
      assert.deepEqual(
        (await other.answers(1)).map(([, msa]) => msa),
        ['MSA|AA|KILLED02']
      )
    })

    it('keeps the separators, the character set and every byte of the message', async () => {
      const message = Buffer.from(
        'MSH$%~!*$W\xc4RD$N$R*2$C$2026$$ADT%A01$SEP01$T$2.3$$$$$$8859/1\rPID$1$$5%%%N%MR$$S\xf8nder\r',
        'latin1'
      )
      const [msh, msa] = await send('stored', message)
      assert.match(
        msh ?? '',
        /^MSH\$%~!\*\$R\*2\$C\$W\xc4RD\$N\$\d{14}\+0000\$\$ACK%A01\$[0-9a-f]{16}\$T\$2\.3\$\$\$\$\$\$8859\/1$/
      )
      assert.equal(msa, 'MSA$AA$SEP01')
      const [body] = await arrived(1)
      assert.equal(body, message.toString('latin1'))
    })

    it('answers an enhanced-mode sender as MSH-15 asks', async () => {
      const message = (id: string, accept: string, application: string, rest = ''): string =>
        `MSH|^~\\&|A|B|C|D|2026||ADT^A01|${id}|P|2.5|||${accept}|${application}\rPID|1||5${rest}\r`
      assert.equal((await send('stored', message('EN1', 'AL', 'NE')))[1], 'MSA|CA|EN1')
      assert.equal((await send('stored', message('EN2', '', 'AL')))[1], 'MSA|CA|EN2')
      assert.equal((await send('stored', message('EN3', 'SU', '')))[1], 'MSA|CA|EN3')
      const quiet = await open('stored')
      for (const code of ['NE', 'ER']) await quiet.write(framed(message(`EN-${code}`, code, '')))
      // Refused without a control ID; with NE and SU no answer is wanted.
      for (const code of ['NE', 'SU', 'ER', 'AL']) await quiet.write(framed(message('', code, '')))
      const answers = await quiet.answers(2)
      assert.deepEqual(
        answers.map(([, msa]) => msa?.split('|').slice(0, 3)),
        [
          ['MSA', 'CE', ''],
          ['MSA', 'CE', '']
        ]
      )
      assert.equal((await arrived(5)).length, 5)
    })

    it('accepts a frame that is split at any byte', async () => {
      const socket = await open('stored')
      const id = (n: number): string => `CUT${100 + n}`
      const frame = (n: number): Buffer =>
        framed(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|${id(n)}|P|2.5\rPID|1||5\r`)
      const cuts = frame(0).length - 1
      // The first part has been read once the frame before it is answered.
      for (let n = 0; n <= cuts; n++) {
        const rest = n === 0 ? Buffer.alloc(0) : frame(n - 1).subarray(n)
        await socket.write(Buffer.concat([rest, frame(cuts + n + 1), frame(n).subarray(0, n + 1)]))
        await socket.answers(n === 0 ? 1 : 2 * n + 1)
      }
      const answers = await socket.answers(2 * cuts + 2)
      const got = await arrived(2 * cuts + 2)
      for (let n = 0; n <= cuts; n++) {
        assert.ok(answers.some(([, msa]) => msa === `MSA|AA|${id(n)}`))
        assert.equal(got.filter((body) => body === frame(n).toString().slice(1, -2)).length, 1)
      }
    })

    it('accepts several frames in one packet, and control characters in a frame', async () => {
      const socket = await open('stored')
      const frames = Buffer.concat([1, 2, 3, 4].map((n) => framed(adt(`MANY0${n}`))))
      await socket.write(frames)
      // A line end between frames is common; a stray 0x1C or 0x0B is content.
      const stray = `${adt('STRAY1')}\rNTE|1||a\x1cb\x0bc`
      await socket.write(Buffer.concat([Buffer.from('\r\n'), framed(stray)]))
      const answers = await socket.answers(5)
      const ids = ['MANY01', 'MANY02', 'MANY03', 'MANY04', 'STRAY1']
      assert.deepEqual(
        answers.map(([, msa]) => msa),
        ids.map((id) => `MSA|AA|${id}`)
      )
      const got = await arrived(5)
      assert.deepEqual(
        got.map((body) => body.split('|')[9]),
        ids
      )
      assert.equal(got[4], `${stray}\r`)
    })

    it('accepts a frame larger than a packet, on several connections at once', async () => {
      const text = (n: number): string =>
        `${adt(`LARGE${n}`)}\rOBX|1|ED|PDF||${String(n).repeat(1_500_000)}`
      const answers = await Promise.all([1, 2, 3].map((n) => send('stored', text(n))))
      assert.deepEqual(
        answers.map(([, msa]) => msa),
        [1, 2, 3].map((n) => `MSA|AA|LARGE${n}`)
      )
      const got = await arrived(3)
      assert.deepEqual(
        got.sort(),
        [1, 2, 3].map((n) => `${text(n)}\r`)
      )
    })

    it('refuses a frame over the limit, keeps nothing of it, and accepts the next one', async () => {
      const socket = await open('stored')
      const text = `${adt('TOOLARGE')}\rOBX|1|ED|PDF||${'x'.repeat(LIMIT)}`
      await socket.write(Buffer.concat([framed(text), framed(adt('AFTER01'))]))
      const [[, refused], [, taken]] = (await socket.answers(2)) as [string[], string[]]
      assert.match(
        refused ?? '',
        /^MSA\|AE\|TOOLARGE\|The frame is too large: \d+ bytes; the limit is/
      )
      assert.equal(taken, 'MSA|AA|AFTER01')
      assert.match((await arrived(1))[0] ?? '', /AFTER01/)
      // The debug node shows the message of the error.
      const shown = await nodeRed.waitFor(() =>
        nodeRed.messages(flow.ids['not taken'] ?? '').find(({ error }) => {
          return (error as { message: string }).message.includes('too large')
        })
      )
      assert.equal('payload' in shown, false)
    })

    it('drops bytes outside a frame and incomplete frames, with a warning', async () => {
      const socket = await open('stored')
      await socket.write('GET / HTTP/1.1\r\n\r\n')
      await socket.write(`\x0b${adt('BROKEN01')}`)
      await socket.write(framed(adt('WHOLE01')))
      assert.equal((await socket.answers(1))[0]?.[1], 'MSA|AA|WHOLE01')
      assert.deepEqual(
        (await arrived(1)).map((body) => body.split('|')[9]),
        ['WHOLE01']
      )
      await logged('14 bytes outside a frame were dropped.')
      await logged('bytes of a frame without an end were dropped.')
    })

    it('drops an incomplete frame when its connection ends', async () => {
      const socket = await open('stored')
      await socket.write(`\x0b${adt('HALF01')}`)
      socket.close()
      await logged('A connection ended within a frame, which was dropped.')
    })

    it('answers AE, never AA, to an invalid message', async () => {
      const [msh, msa] = await send('stored', adt(''))
      assert.match(msh ?? '', /^MSH\|\^~\\&\|REGISTRY\|/)
      assert.match(msa ?? '', /^MSA\|AE\|\|HL7_INVALID_MESSAGE: .+/)
      assert.ok((msa ?? '').length < 110)
      const [plain, answer] = await send('stored', 'no HL7 at all')
      assert.match(plain ?? '', /^MSH\|\^~\\&\|/)
      assert.match(answer ?? '', /^MSA\|AE\|\|HL7_INVALID_MESSAGE: /)
      assert.deepEqual(bodies(), [])
    })

    it('answers AR to a message that may be resent later: queue full, or node not set up', async () => {
      // What the receiver has refused so far is suspended, and counts.
      await nodeRed.post(`${stored()}/discard`, { all: true })
      await door.shut()
      await deploy({ stored: { queueLimit: 1 } })
      assert.equal((await send('stored', adt('FULL01')))[1], 'MSA|AA|FULL01')
      assert.match(
        (await send('stored', adt('FULL02')))[1] ?? '',
        /^MSA\|AR\|FULL02\|HL7_QUEUE_FULL: /
      )
      await door.open()
      await arrived(1)
      await deploy({ stored: { url: '' } })
      assert.match((await send('stored', adt('CONF01')))[1] ?? '', /^MSA\|AR\|CONF01\|HL7_CONFIG: /)
      assert.deepEqual(
        bodies().map((body) => body.split('|')[9]),
        ['FULL01']
      )
    })

    it('answers AR if the message cannot be stored', async () => {
      const directory = join(nodeRed.userDir, 'hl7-https-out')
      await nodeRed.deploy([])
      rmSync(directory, { recursive: true })
      writeFileSync(directory, '')
      try {
        await deploy()
        const [, msa] = await send('stored', adt('DISK01'))
        assert.match(msa ?? '', /^MSA\|AR\|DISK01\|HL7_QUEUE_FAILED: /)
      } finally {
        rmSync(directory)
      }
      await deploy()
    })

    it('does not tell the sender about failures after the acknowledgement', async () => {
      await deploy({ stored: { failureTimeout: 0 } })
      receiver.respond = () => ({ status: 500 })
      const socket = await open('stored')
      await socket.write(framed(adt('LATE01')))
      const id = flow.ids['failed after the acknowledgement'] ?? ''
      const isLate = ({ hl7 }: { hl7?: unknown }): boolean =>
        (hl7 as { controlId: string }).controlId === 'LATE01'
      const late = await nodeRed.waitFor(() => nodeRed.messages(id).find(isLate))
      assert.equal((late['error'] as { code: string }).code, 'HL7_DELIVERY_FAILED')
      receiver.respond = undefined
      await socket.write(framed(adt('LATE02')))
      assert.deepEqual(
        (await socket.answers(2)).map(([, msa]) => msa),
        ['MSA|AA|LATE01', 'MSA|AA|LATE02']
      )
    })

    it('keeps what the receiver refuses, with HL7 or without, and sends the next one', async () => {
      await deploy()
      receiver.respond = ({ body }) =>
        body.toString().includes('ASIDE01') ? { status: 400, body: 'no' } : undefined
      const socket = await open('stored')
      const messages = [
        adt('ASIDE01'),
        adt('ASIDE02', { birth: '20990115' }),
        adt('ASIDE03', { version: '2.1' }),
        adt('ASIDE04')
      ]
      for (const message of messages) await socket.write(framed(message))
      assert.deepEqual(
        (await socket.answers(4)).map(([, msa]) => msa),
        ['01', '02', '03', '04'].map((number) => `MSA|AA|ASIDE${number}`)
      )
      await arrived(4)
      await nodeRed.waitForMessages(flow.ids['ACK'] ?? '')
      const { body } = await nodeRed.get(`${stored()}?state=suspended`)
      const { messages: suspended } = body as { messages: { controlId: string; rule: string }[] }
      assert.deepEqual(
        suspended.map(({ controlId, rule }) => [controlId, rule]),
        [
          ['ASIDE03', '(:?E,:?R,:_,:*,:~,X)=S'],
          ['ASIDE02', '(:?E,:?R,:_,:*,:~,X)=S'],
          ['ASIDE01', 'E#4xx=S']
        ]
      )
      assert.deepEqual(nodeRed.messages(flow.ids['NAK'] ?? ''), [])
      await nodeRed.post(`${stored()}/discard`, { all: true })
    })
  })

  describe('on the port that passes on the answer', () => {
    before(async () => {
      await deploy({ answered: { failureTimeout: 0.5, retryMaxInterval: 0.2 } })
    })

    it('returns AA, AE and AR of the receiver on the connection of the message', async () => {
      const answers = await Promise.all([
        send('answered', adt('OWN01')),
        send('answered', adt('OWN02', { birth: '20990115' })),
        send('answered', adt('OWN03', { version: '2.1' }))
      ])
      assert.deepEqual(
        answers.map((segments) =>
          segments.find((segment) => segment.startsWith('MSA'))?.slice(0, 12)
        ),
        ['MSA|AA|OWN01', 'MSA|AE|OWN02', 'MSA|AR|OWN03']
      )
      assert.ok(answers[1].some((segment) => segment.startsWith('ERR')))
    })

    it('answers AR itself if the receiver is down, and AE to an invalid message', async () => {
      await door.shut()
      const [, msa] = await send('answered', adt('AWAY01'))
      await door.open()
      assert.match(msa ?? '', /^MSA\|AR\|AWAY01\|HL7_DELIVERY_FAILED: /)
      assert.match((await send('answered', adt('')))[1] ?? '', /^MSA\|AE\|\|HL7_INVALID_MESSAGE: /)
    })

    it('continues if the connection has ended before the answer', async () => {
      receiver.respond = () => ({
        delayMs: 300,
        headers: { 'content-type': 'application/hl7-v2' },
        body: 'MSH|^~\\&|R|C|W|N|2026||ACK|1|P|2.5\rMSA|AA|GONE01\r'
      })
      const gone = await open('answered')
      const other = await open('answered')
      await gone.write(framed(adt('GONE01')))
      await arrived(1)
      gone.close()
      receiver.respond = undefined
      // The same patient: it waits for the answer to the first message.
      await other.write(framed(adt('STAYS01')))
      assert.deepEqual(
        (await other.answers(1)).map((segments) => segments.find((s) => s.startsWith('MSA'))),
        ['MSA|AA|STAYS01']
      )
    })

    it('sends the text of the receiver in the character set that it names', async () => {
      const reply = (charset: string) => (id: string) =>
        `MSH|^~\\&|R|C|W|N|2026||ACK|1|P|2.5||||||${charset}\rMSA|AA|${id}|gr\xfc\xdfe\r`
      for (const [id, charset, bytes] of [
        ['CS01', '8859/1', 'gr\xfc\xdfe'],
        ['CS02', 'UNICODE UTF-8', 'gr\xc3\xbc\xc3\x9fe'],
        ['CS03', 'KS X 1001', 'gr??e']
      ] as const) {
        const isLatin = charset === '8859/1'
        receiver.respond = () => ({
          headers: {
            'content-type': `application/hl7-v2; charset=${isLatin ? 'iso-8859-1' : 'utf-8'}`
          },
          body: Buffer.from(reply(charset)(id), isLatin ? 'latin1' : 'utf8')
        })
        const answer = await send('answered', adt(id))
        assert.equal(answer[1], `MSA|AA|${id}|${bytes}`)
      }
    })

    it('creates the acknowledgement if the receiver answers without HL7', async () => {
      await deploy({ answered: { replyCodeActions: '(:~,X)=C,:*=F', failureTimeout: 0 } })
      receiver.respond = () => ({
        headers: { 'content-type': 'application/json' },
        body: '{"status":"received"}'
      })
      assert.equal((await send('answered', adt('JSON01')))[1], 'MSA|AA|JSON01')
    })
  })

  describe('with several receivers', () => {
    /** The example with a second sending node, a copy of the first. */
    async function withSecond(
      change: (
        nodes: Record<'out' | 'second' | 'port' | 'stored' | 'unframe', FlowNode>
      ) => FlowNode[]
    ): Promise<void> {
      const url = new URL(receiver.url)
      url.port = String(door.port)
      flow = await mllpFlow(url.href, authority.ca)
      const named = (name: string): FlowNode => {
        const found = flow.nodes.find((node) => node['name'] === name)
        assert.ok(found, name)
        return found
      }
      const out = named('Send after acknowledging')
      const headers = [{ name: 'X-Door', value: 'second', valueType: 'str' }]
      const second = { ...out, id: 'second', headers }
      const parts = {
        port: named('which port?'),
        stored: named('on disk'),
        unframe: named('Unframe MLLP')
      }
      const more = change({ out, second, ...parts })
      await nodeRed.deploy([...flow.nodes, second, ...more])
    }
    const arrivedBy = (): string[] =>
      receiver.requests
        .map(({ headers, body }) => {
          const door = headers['x-door'] === 'second' ? 'second' : 'first'
          return `${door} ${body.toString().split('|')[9] ?? ''}`
        })
        .sort()

    it('routes by a field of MSH, as docs/mllp-to-https.md says', async () => {
      const page = readFileSync(
        join(import.meta.dirname, '..', '..', 'docs', 'mllp-to-https.md'),
        'utf8'
      )
      const rules = [
        ...page.matchAll(/`(\$split\(mllp, "\\\|"\)\[\d\])` \|([^|\n]*)`([^`]+)` \|/g)
      ].map(([, property = '', operator = '', v = '']) => ({
        property: property.replace('\\|', '|'),
        rule: { t: operator.includes('regex') ? 'regex' : 'eq', v, vt: 'str' }
      }))
      assert.equal(rules.length, 3)
      for (const [index, { property, rule }] of rules.entries()) {
        receiver.requests = []
        await withSecond(({ out, second, port, stored }) => {
          port['wires'] = [['route'], []]
          stored['scope'] = [out.id, second.id]
          const rules = [rule, { t: 'else' }]
          const route = { type: 'switch', z: out['z'], propertyType: 'jsonata', checkall: 'false' }
          const wires = [[second.id], [out.id]]
          return [{ ...route, id: 'route', property, rules, outputs: 2, wires }]
        })
        const fields = ['LAB', 'CITYCARE', 'ADT^A08']
        const message = (id: string, match: boolean): string => {
          const value = (n: number): string =>
            match === (n === index) ? (fields[n] ?? '') : 'ORU^R01'
          return `MSH|^~\\&|A|B|${value(0)}|${value(1)}|2026||${value(2)}|${id}|P|2.5\rPID|1||5\r`
        }
        assert.equal((await send('stored', message('TWO1', true)))[1], 'MSA|AA|TWO1')
        assert.equal((await send('stored', message('TWO2', false)))[1], 'MSA|AA|TWO2')
        await arrived(2)
        assert.deepEqual(arrivedBy(), ['first TWO2', 'second TWO1'])
      }
    })

    it('acknowledges once what is stored for two receivers in turn', async () => {
      await withSecond(({ out, second, stored }) => {
        stored['scope'] = [second.id]
        const complete = { id: 'next', type: 'complete', z: out['z'], scope: [out.id] }
        return [{ ...complete, wires: [[second.id]] }]
      })
      const socket = await open('stored')
      for (const id of ['ROW1', 'ROW2']) await socket.write(framed(adt(id)))
      await arrived(4)
      assert.deepEqual(arrivedBy(), ['first ROW1', 'first ROW2', 'second ROW1', 'second ROW2'])
      assert.deepEqual(
        (await socket.answers(2)).map(([, msa]) => msa),
        ['MSA|AA|ROW1', 'MSA|AA|ROW2']
      )
    })
  })

  it('sends with a token when filled in', async () => {
    const world = await startWorld()
    try {
      const { authority, receiver, tokens } = world
      const auth = JSON.parse(readFileSync(MLLP_FILE, 'utf8')) as FlowNode[]
      const { id = '' } = auth.find(({ type }) => type === 'oauth2-client-credentials') ?? {}
      const filled = await mllpFlow(receiver.url, authority.ca, {
        stored: { auth: id },
        answered: { auth: id }
      })
      const credentials = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }
      const oauth = { issuer: tokens.issuer, scope: 'hl7:write', tls: 'tls', credentials }
      await world.nodeRed.deploy(
        filled.nodes.map((node) => (node.id === id ? { ...node, ...oauth } : node))
      )
      for (const port of ['stored', 'answered'] as const) {
        const socket = await MllpSocket.open(filled.ports[port])
        sockets.push(socket)
        await socket.write(framed(adt('TOKEN01')))
        assert.equal(
          (await socket.answers(1))[0]?.find((s) => s.startsWith('MSA')),
          'MSA|AA|TOKEN01'
        )
      }
      await world.nodeRed.waitFor(() => (receiver.counters.AA === 2 ? true : undefined))
    } finally {
      await world.close()
    }
  })

  describe('with third-party clients', () => {
    before(async () => {
      await deploy()
    })

    it('node-hl7-client', async () => {
      for (const port of ['stored', 'answered'] as const) {
        const client = new Client({ host: '127.0.0.1' })
        const seen: string[] = []
        const connection = client.createConnection({ port: flow.ports[port] }, (response) => {
          const message = response.getMessage()
          seen.push(['MSA.1', 'MSA.2'].map((path) => message.get(path).toString()).join(' '))
          return Promise.resolve()
        })
        for (const n of [1, 2, 3]) {
          await connection.sendMessage(new Message({ text: `${adt(`NODE0${n}`)}\r` }))
          await nodeRed.waitFor(() => (seen.length === n ? true : undefined))
        }
        await connection.close()
        assert.deepEqual(seen, ['AA NODE01', 'AA NODE02', 'AA NODE03'])
      }
    })

    it('mllp_send of python-hl7', { skip: noPython }, async () => {
      const file = join(nodeRed.userDir, 'messages.hl7')
      writeFileSync(file, [1, 2, 3].map((n) => `${adt(`PY0${n}`)}\r\n`).join(''))
      for (const port of ['stored', 'answered'] as const) {
        const args = ['--loose', '-f', file, '-p', String(flow.ports[port]), '127.0.0.1']
        const { stdout, stderr } = await execFile(MLLP_SEND, args, { timeout: 20_000 })
        const found = [...stdout.matchAll(/MSA\|AA\|(PY\d+)/g)].map(([, id]) => id)
        assert.deepEqual(found, ['PY01', 'PY02', 'PY03'], stderr)
      }
    })
  })
})
