import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { deliveryFailed, whyFailed } from '../../src/delivery/explain.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import type { UndiciClient } from '../../src/http-client/undici-client.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { createClient, type LocalServer, start } from '../http-client/local-server.ts'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { plainReceiver } from '../support/exchange.ts'

const HL7 = 'MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|M1\r'
const OK = `HTTP/1.1 200 OK\r\nContent-Length: ${HL7.length}\r\n`
const ANSWER = `${OK}\r\n${HL7}`
/** What WireMock sends as garbage. */
const GARBAGE = "lskdu018973t09sylgasjkfg1][]'./.sdlv"
const TLS_DATA = [23, 3, 3, 0, 32]

/** What a receiver does once it has read the message; `raw` is the socket below TLS. */
type Fault = (socket: TLSSocket, raw: Socket) => unknown

const sends =
  (bytes: string): Fault =>
  (socket) =>
    socket.write(bytes)
const ends =
  (bytes: string): Fault =>
  (socket) =>
    socket.end(bytes)

const faults: [what: string, fault: Fault][] = [
  ['WireMock, EMPTY_RESPONSE', ends('')],
  [
    'WireMock, MALFORMED_RESPONSE_CHUNK',
    ends(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${GARBAGE}`)
  ],
  ['WireMock, RANDOM_DATA_THEN_CLOSE', ends(GARBAGE)],
  ['WireMock, CONNECTION_RESET_BY_PEER', (_socket, raw) => raw.resetAndDestroy()],
  ['a head of 80 kB', sends(`${OK}X: ${'x'.repeat(80_000)}\r\n\r\n${HL7}`)],
  ['line feeds alone', sends(`HTTP/1.1 200 OK\nContent-Length: ${HL7.length}\n\n${HL7}`)],
  ['two lengths', sends(`${OK}Content-Length: 2\r\n\r\n${HL7}`)],
  ['a folded header', sends(`${OK}X: a\r\n b\r\n\r\n${HL7}`)],
  ['HL7 without HTTP', sends(HL7)],
  ['MLLP', sends(`\x0b${HL7}\x1c\r`)],
  [
    'a switch of the protocol',
    sends('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
  ],
  ['less than announced', ends(ANSWER.slice(0, -10))],
  [
    'a damaged TLS record',
    (_socket, raw) => raw.write(Buffer.from([...TLS_DATA, ...Buffer.alloc(32)]))
  ],
  ['bytes without TLS', (_socket, raw) => raw.write(ANSWER)]
]

describe('"Suspend after a timeout"', () => {
  let authority: Authority
  let server: LocalServer
  let client: UndiciClient
  let courier: Courier
  let fault: Fault = () => undefined
  let received: string[] = []

  before(async () => {
    authority = await createAuthority()
    const raws = new Map<number | undefined, Socket>()
    const tlsServer = createTlsServer(await authority.issueServer(), (socket) => {
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (data: Buffer) => {
        text += data.toString()
        const message = /MSH.*\|(M\d+)\|P\|2.5.1\r$/.exec(text)
        const raw = raws.get(socket.remotePort)
        if (message === null || raw === undefined) return
        text = ''
        received.push(message[1] ?? '')
        if (message[1] === 'M0') socket.write(ANSWER.replace('M1', 'M0'))
        else fault(socket, raw)
      })
    })
    tlsServer.on('connection', (raw: Socket) => {
      raw.on('error', () => undefined)
      raws.set(raw.remotePort, raw)
    })
    server = await start(tlsServer, 'https:')
  })
  after(() => server.close())

  afterEach(() => {
    client.close()
    received = []
  })

  const attempt = async (id: string) => {
    const text = `MSH|^~\\&|A|B|C|D|20260102||ADT^A01|${id}|P|2.5.1`
    const message = readOutgoingMessage(text, 'auto')
    return { message, ...(await courier.attempt({ message, input: {}, responseTimeoutMs: 300 })) }
  }

  const setUp = (): void => {
    client = createClient({ tls: { ca: authority.ca } })
    courier = new Courier({
      receiver: new Receiver({ ...plainReceiver(server.url), headers: [] }, client),
      tokens: undefined,
      rules: parseReplyRules(replyRulePresets.suspendTimeouts),
      reply: {},
      secrets: []
    })
  }

  for (const connection of ['new', 'kept'] as const) {
    for (const [what, of] of faults) {
      it(`sends once and suspends what meets ${what}, over a ${connection} connection`, async () => {
        setUp()
        if (connection === 'kept') await attempt('M0')
        fault = of
        const result = await attempt('M1')
        assert.equal(result.error?.family, 'reset', result.error?.code)
        assert.equal(result.decision.rule, 'E#reset=S')
        assert.deepEqual(
          received.filter((id) => id === 'M1'),
          ['M1']
        )
        assert.match(whyFailed(result), /may have accepted the message\./)
        assert.match(
          deliveryFailed(result.message, 1, result).message,
          /not known whether .* delivered/
        )
      })
    }
  }

  for (const pauseMs of [0, 5]) {
    it(`waits no longer than the timeout for the end of interim answers, every ${pauseMs} ms`, async () => {
      setUp()
      fault = (socket) => {
        const more = (): void => {
          if (socket.destroyed) return
          socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(20))
          if (pauseMs === 0) setImmediate(more)
          else setTimeout(more, pauseMs)
        }
        more()
      }
      const from = performance.now()
      const result = await attempt('M1')
      assert.ok(performance.now() - from < 2000)
      assert.deepEqual([result.decision.rule, received], ['E#timeout=S', ['M1']])
      assert.match(whyFailed(result), /may have accepted the message\./)
    })
  }
})
