import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Courier, type Parcel } from '../../src/delivery/courier.ts'
import { KnownAddresses } from '../../src/delivery/known-addresses.ts'
import { faultOf } from '../../src/delivery/fault.ts'
import { deliveryFailed, reasonAndHint, whyFailed } from '../../src/delivery/explain.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { settlementOf, type Settlement } from '../../src/delivery/settlement.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { type NamedValue, Receiver } from '../../src/hl7-over-http/receiver.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  createClient,
  startServer,
  startTcpServer,
  type LocalServer
} from '../http-client/local-server.ts'
import { plainReceiver } from '../support/exchange.ts'
import { selfSignedCertificate } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { json, startTokenFaultServer, type Fault } from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { isReached } from './replies.ts'
import { setUp } from './set-up.ts'

const ACK = 'MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|M1\r'
const answer = (status: number, body = '', headers = ''): string =>
  `HTTP/1.1 ${status} x\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`

const parcelOf = (...ids: string[]): Parcel => ({
  message: readOutgoingMessage(
    ids.map((id) => `MSH|^~\\&|A|B|C|D|20260102||ADT^A01|${id}|P|2.5.1`).join('\r'),
    'auto'
  ),
  input: {},
  responseTimeoutMs: 2000
})
const parcel = parcelOf('M1')

const MINUTE = 60_000

/** What Apigee says of a token that has expired. */
const APIGEE = 'keymanagement.service.access_token_expired: Access Token expired'

describe('Courier', () => {
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  /**
   * A receiver with a handler for each request. `before` counts the earlier requests, on this
   * connection and in all. A request is a header block and a message of one segment.
   */
  async function receiver(
    onRequest: (socket: Socket, request: string, before: { here: number; all: number }) => void
  ): Promise<LocalServer & { requests: string[] }> {
    const requests: string[] = []
    const server = await startTcpServer((socket) => {
      let here = 0
      let text = ''
      socket.on('data', (data) => {
        text += data.toString()
        if (!text.endsWith('2.5.1\r')) return
        const request = text
        text = ''
        requests.push(request)
        onRequest(socket, request, { here: here++, all: requests.length - 1 })
      })
    })
    closing.push(server.close)
    return { ...server, requests }
  }

  function courier(
    url: URL,
    {
      rules = '',
      tokens,
      headers = [],
      secrets = [],
      addresses,
      client: settings
    }: {
      rules?: string
      tokens?: TokenSource
      headers?: NamedValue[]
      secrets?: string[]
      addresses?: KnownAddresses
      client?: Parameters<typeof createClient>[0]
    } = {}
  ) {
    const client = createClient(settings)
    closing.push(() => {
      client.close()
    })
    return new Courier({
      receiver: new Receiver({ ...plainReceiver(url), headers }, client),
      tokens: tokens?.forReceiver(url.href),
      rules: parseReplyRules(rules),
      reply: {},
      ...(addresses && { addresses }),
      secrets
    })
  }

  /** @param answers to the requests, in place of a token, by their numbers from 1 */
  async function tokenSource(
    name = 'token',
    { clock, answers = {} }: { clock?: FakeClock; answers?: Record<number, Fault> } = {}
  ): Promise<{ tokens: TokenSource; asked: () => number }> {
    let asked = 0
    const server = await startTokenFaultServer((...args) => {
      asked++
      const body = { access_token: `${name}-${asked}`, token_type: 'Bearer', expires_in: 3600 }
      const answer = answers[asked] ?? json(body)
      answer(...args)
    })
    const httpClient = tokenHttpClient()
    const tokens = new TokenSource(
      tokenSettings({ tokenEndpoint: `${server.origin}/token`, clientSecret: 'not-so-secret' }),
      { httpClient, clock }
    )
    closing.push(
      () => server.close(),
      () => {
        tokens.close()
        httpClient.close()
      }
    )
    return { tokens, asked: () => asked }
  }

  it('hides a secret in what a token server says, and leaves our own sentences alone', async () => {
    const server = await startTokenFaultServer(
      json({ error: 'invalid_client', error_description: 'The key is not right.' }, 401)
    )
    const httpClient = tokenHttpClient()
    const settings = { tokenEndpoint: `${server.origin}/token`, clientSecret: 'refused' }
    const tokens = new TokenSource(tokenSettings(settings), { httpClient })
    closing.push(
      () => server.close(),
      () => {
        tokens.close()
        httpClient.close()
      }
    )
    const nowhere = new URL('http://127.0.0.1:1/')
    const { error, hint, quotes } = await courier(nowhere, {
      tokens,
      secrets: ['right', 'refused']
    }).attempt(parcel)
    assert.match(error?.text ?? '', /refused the request of client/)
    assert.match(hint ?? '', /If they are right, try/)
    assert.equal(quotes?.description, 'The key is not •••.')
  })

  /** Answers the first request on a connection and resets the connection at the second. */
  const stale = (socket: Socket, _request: string, { here }: { here: number }): void => {
    if (here === 0) socket.write(answer(200, ACK))
    else socket.resetAndDestroy()
  }

  it('resends once if a kept-alive connection turns out to be dead', async () => {
    const server = await receiver(stale)
    const mine = courier(server.url)
    const first = await mine.attempt(parcel)
    assert.deepEqual([first.decision.outcome, first.requests], ['accept', undefined])
    const second = await mine.attempt(parcel)
    assert.deepEqual([second.decision.outcome, second.requests], ['accept', 2])
    assert.deepEqual([first.repeats, second.repeats], [undefined, 1])
    assert.equal(second.error, undefined)
    assert.deepEqual([server.requests.length, server.connections()], [3, 2])
  })

  for (const [status, isRefusal] of [
    [401, true],
    [500, false]
  ] as const) {
    it(`${isRefusal ? 'takes' : 'does not take'} the head of an answer that breaks off for a refusal of the token: ${status}`, async (t) => {
      const half = `HTTP/1.1 ${status} x\r\ncontent-length: 100\r\n\r\nhalf`
      const server = await receiver((socket, _request, { all }) => {
        if (all === 0) socket.end(half)
        else socket.write(answer(200, ACK))
      })
      const { tokens, asked } = await tokenSource()
      const mine = tokens.forReceiver(server.url.href)
      const accepted = t.mock.method(mine, 'accepted')
      const refused = t.mock.method(mine, 'refused')
      const { decision, error } = await courier(server.url, { tokens }).attempt(parcel)
      const refusals = refused.mock.calls.map(({ arguments: [, by] }) => [by.host, by.status])
      assert.deepEqual(refusals, isRefusal ? [[server.url.host, status]] : [])
      assert.equal(accepted.mock.callCount(), isRefusal ? 1 : 0)
      assert.equal(asked(), isRefusal ? 2 : 1)
      assert.equal(server.requests.length, isRefusal ? 2 : 1)
      assert.equal(error?.family, isRefusal ? undefined : 'reset')
      assert.equal(decision.outcome, isRefusal ? 'accept' : 'fail')
    })
  }

  const login = '<html><form><input type="password"></form></html>'
  for (const [what, status, body, isAccepted] of [
    ['an acknowledgement', 200, ACK, true],
    ['a refusal of the message', 200, ACK.replace('|AA|', '|AE|'), true],
    ['nothing, with 204', 204, '', true],
    ['a redirect', 300, '', false],
    ['a bad request', 400, '', false],
    ['a fault of its own', 500, ACK, false],
    ['a login page', 200, login, false]
  ] as const) {
    it(`${isAccepted ? 'counts' : 'does not count'} the token as accepted where the receiver answers with ${what}`, async (t) => {
      const server = await receiver((socket) => socket.write(answer(status, body)))
      const { tokens } = await tokenSource()
      const mine = tokens.forReceiver(server.url.href)
      const accepted = t.mock.method(mine, 'accepted')
      await courier(server.url, { tokens }).attempt(parcel)
      assert.equal(accepted.mock.callCount(), isAccepted ? 1 : 0)
    })
  }

  it('says how long the receiver took, from its last request', async () => {
    const server = await receiver((socket) => {
      setTimeout(() => socket.write(answer(200, ACK)), 50)
    })
    const began = performance.now()
    const { elapsedMs } = await courier(server.url).attempt(parcel)
    assert.ok(elapsedMs >= 45 && elapsedMs <= performance.now() - began, String(elapsedMs))
  })

  it('says how long the receiver took, and not how long its reply is read', async () => {
    const { url } = await receiver((socket) => socket.write(answer(200, ACK)))
    const { elapsedMs } = await courier(url).attempt(parcel, undefined, async (work) => {
      await sleep(1500)
      return work()
    })
    assert.ok(elapsedMs < 1500, String(elapsedMs))
  })

  it('does not resend if the rules would not retry after a reset', async () => {
    for (const rules of ['E#reset=F', 'E#ECONNRESET=S', ':?A=C,E=F']) {
      const server = await receiver(stale)
      const mine = courier(server.url, { rules })
      await mine.attempt(parcel)
      const { error, decision } = await mine.attempt(parcel)
      assert.equal(error?.family, 'reset')
      assert.equal(decision.retry, false)
      assert.equal(server.requests.length, 2, rules)
    }
  })

  it('does not use a connection that was idle for more than 100 ms if the rules would not retry after a reset', async () => {
    for (const [rules, idleMs, connections] of [
      [replyRulePresets.suspendTimeouts, 150, 2],
      ['E#reset=F', 150, 2],
      [replyRulePresets.suspendTimeouts, 0, 1],
      ['', 150, 1],
      ['E#timeout=S', 150, 1]
    ] as const) {
      const server = await receiver((socket) => {
        socket.write(answer(200, ACK))
      })
      const mine = courier(server.url, { rules, client: { maxConnections: 1 } })
      await mine.attempt(parcel)
      await sleep(idleMs)
      await mine.attempt(parcel)
      assert.equal(server.connections(), connections, rules)
      // The new one is kept in place of the old one.
      await mine.attempt(parcel)
      assert.deepEqual([server.connections(), server.open()], [connections, 1], rules)
    }
  })

  it('has a result for a token that is long and has many characters for which other syntaxes have their own', async () => {
    const name = '!~'.repeat(15_000)
    const { tokens } = await tokenSource(name)
    const server = await receiver((socket, request) => {
      const [, sent = ''] = /authorization: (.*)\r/i.exec(request) ?? []
      socket.write(answer(500, '', `x-echo: ${sent.slice(0, 9000)}\r\n`))
    })
    const { error, reply, decision } = await courier(server.url, { tokens }).attempt(parcel)
    assert.deepEqual([error, reply?.status, decision.retry], [undefined, 500, true])
    assert.ok(!JSON.stringify(reply).includes('!~'))
  })

  it('leaves it to the rules if a new connection is cut, or any connection after the first byte of an answer', async () => {
    const fresh = await receiver((socket) => {
      socket.resetAndDestroy()
    })
    const first = await courier(fresh.url).attempt(parcel)
    assert.deepEqual([first.error?.family, first.decision.retry], ['reset', true])
    assert.equal(fresh.requests.length, 1)
    assert.equal(isReached(first), true)

    for (const bytes of [
      'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nMSH|',
      'HTTP/1.1 200 OK\r\ncontent-le',
      'H',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 102 Processing\r\n\r\n'
    ]) {
      for (const reset of [false, true]) {
        const begun = await receiver((socket, _request, { here }) => {
          if (here === 0) socket.write(answer(200, ACK))
          else if (reset) socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 20))
          else socket.end(bytes)
        })
        const mine = courier(begun.url)
        await mine.attempt(parcel)
        const cut = await mine.attempt(parcel)
        assert.deepEqual([cut.error?.family, cut.decision.retry], ['reset', true], bytes)
        assert.equal(begun.requests.length, 2, bytes)
      }
    }
  })

  it('takes a server that cuts a new connection without TLS for one that may expect TLS', async () => {
    const server = await startServer(
      (_request, response) => {
        response.end(ACK)
      },
      await selfSignedCertificate()
    )
    closing.push(server.close)
    const url = new URL(server.url)
    url.protocol = 'http:'
    const { error, mayWantTls } = await courier(url).attempt(parcel)
    assert.deepEqual([error?.family, mayWantTls], ['reset', true])

    // One that has begun a reply, now or before, expects none.
    const cutting = await receiver((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n')
    )
    const begun = await courier(cutting.url).attempt(parcel)
    assert.deepEqual([begun.error?.family, begun.mayWantTls], ['reset', undefined])
    const kept = await receiver((socket, _request, { here }) => {
      if (here === 0) socket.write(answer(200, ACK))
      else socket.end('H')
    })
    const mine = courier(kept.url)
    await mine.attempt(parcel)
    const second = await mine.attempt(parcel)
    assert.deepEqual([second.error?.family, second.mayWantTls], ['reset', undefined])
  })

  describe('an answer to an earlier message on the same connection', () => {
    const ack = (...codes: [code: string, id: string][]): string =>
      answer(200, ACK.slice(0, ACK.indexOf('MSA')) + codes.map((one) => msa(...one)).join(''))
    const msa = (code: string, id: string): string => `MSA|${code}|${id}\r`

    it('counts as a reset for the rules to decide, and that connection is not used again', async () => {
      const server = await receiver((socket, _request, { all }) => {
        if (all === 0) socket.write(ack(['AA', 'M1']))
        // The first answer again while M2 is in flight, then the answer to M2.
        if (all === 1) socket.write(ack(['AA', 'M1']), () => socket.write(ack(['AR', 'M2'])))
        if (all === 2) socket.write(ack(['AE', 'M3']))
      })
      const mine = courier(server.url)
      assert.equal((await mine.attempt(parcelOf('M1'))).decision.outcome, 'accept')
      const second = await mine.attempt(parcelOf('M2'))
      assert.deepEqual(second.error, {
        code: 'ERR_EARLIER_ANSWER',
        family: 'reset',
        text: 'the receiver sent a reply to an earlier message'
      })
      assert.deepEqual(
        [second.decision.rule, second.decision.retry, isReached(second), second.reply],
        ['E=RF', true, true, undefined]
      )
      // There was an answer, so the message is not resent without asking the rules.
      assert.equal(server.requests.length, 2)
      assert.equal((await mine.attempt(parcelOf('M3'))).reply?.ack?.code, 'AE')
      assert.equal(server.connections(), 2)
    })

    it('is recognized by any ID of a batch, if no part of it answers this message', async () => {
      // MSA-2 of each acknowledgement in the answer to B4 and B5, after B1 to B3 and M1.
      for (const [ids, refused] of [
        [['B2'], true],
        [['B2', 'M1'], true],
        [['', 'M1'], true],
        [['M1', 'B5'], false],
        [['M1', 'X'], false],
        [['X'], false],
        [[''], false]
      ] as const) {
        const replies = ids.map((id): [string, string] => ['AA', id])
        const server = await receiver((socket, _request, { all }) => {
          socket.write(all < 2 ? ack(['AA', '']) : ack(...replies))
        })
        const mine = courier(server.url)
        await mine.attempt(parcelOf('B1', 'B2', 'B3'))
        await mine.attempt(parcelOf('M1'))
        const { error } = await mine.attempt(parcelOf('B4', 'B5'))
        assert.equal(error?.family, refused ? 'reset' : undefined, ids.join())
      }
    })

    it('is accepted if it is to an earlier attempt at this message', async () => {
      const server = await receiver((socket, _request, { all }) => {
        socket.write(all === 0 ? answer(503) : ack(['AA', 'M1']))
      })
      const mine = courier(server.url)
      assert.equal((await mine.attempt(parcelOf('M1'))).decision.retry, true)
      for (let time = 0; time < 2; time++) {
        assert.equal((await mine.attempt(parcelOf('M1'))).decision.outcome, 'accept')
      }
      assert.equal(server.connections(), 1)
    })

    it('has an unknown ID if it comes over another connection', async () => {
      const server = await receiver((socket, _request, { all }) => {
        if (all === 0) socket.end(ack(['AA', 'M1']))
        else socket.write(ack(['AA', 'M1']))
      })
      const mine = courier(server.url)
      await mine.attempt(parcelOf('M1'))
      const { decision } = await mine.attempt(parcelOf('M2'))
      assert.deepEqual([decision.outcome, decision.warnings], ['accept', [':I?=W']])
    })
  })

  it('is watched while it works on the message or its reply, not during the request', async () => {
    const order: string[] = []
    const server = await receiver((socket) => {
      order.push('request')
      socket.end(answer(200, ACK))
    })
    const watch = async <T>(work: () => Promise<T>): Promise<T> => {
      order.push('watched')
      const result = await work()
      order.push('not watched')
      return result
    }
    await courier(server.url).attempt(parcel, undefined, watch)
    assert.deepEqual(order, ['watched', 'not watched', 'request', 'watched', 'not watched'])
  })

  it('reuses the request after a dead connection, and makes a new one for each token', async () => {
    const { tokens } = await tokenSource()
    let made = 0
    const server = await receiver((socket, request, { here, all }) => {
      if (here > 0) socket.resetAndDestroy()
      else if (request.includes('Bearer token-1\r') && all > 0) socket.write(answer(401))
      else socket.write(answer(200, ACK))
    })
    const headers = [{ name: 'x-made', value: () => String(++made) }]
    const mine = courier(server.url, { tokens, headers })
    await mine.attempt(parcel)
    const { decision, requests, repeats } = await mine.attempt(parcel)
    assert.deepEqual([decision.outcome, requests, repeats], ['accept', 4, 2])
    const seen = server.requests.map((request) => /x-made: (\d)/.exec(request)?.[1])
    // In order: accepted, dead connection, token refused, dead connection, accepted.
    assert.deepEqual(seen, ['1', '2', '2', '3', '3'])
  })

  it('takes the status of a refusal for the answer, whatever becomes of its body', async () => {
    for (const [status, rest] of [
      ['413 x', 'content-length: 500\r\n\r\ncut'],
      ['404 x', `transfer-encoding: chunked\r\n\r\n${'1000\r\n'.padEnd(4102, 'x')}`],
      ['302 x', 'content-encoding: gzip\r\nconnection: close\r\n\r\nno gzip'],
      ['400 x', `content-length: 3000000\r\n\r\n${'MSH|'.repeat(750_000)}`]
    ] as const) {
      const server = await receiver((socket) => {
        socket.end(`HTTP/1.1 ${status}\r\n${rest}`)
      })
      const { decision, error, reply } = await courier(server.url, {
        rules: 'E#reset=D,E#timeout=D,E#413=S,E#404=S,E#302=S,E#400=S',
        client: { maxResponseBytes: 1_000_000 }
      }).attempt(parcel)
      assert.deepEqual([decision.outcome, error, reply?.text], ['suspend', undefined, ''], status)
    }
  })

  describe('at an address that has answered as a receiver does', () => {
    const AE = ACK.replace('AA', 'AE')
    const text = answer(200, '{"status":"unavailable"}', 'content-type: application/json\r\n')
    const labelled = answer(200, 'Later', 'content-type: application/hl7-v2\r\n')
    const page = answer(200, '<html><title>Maintenance</title></html>')
    for (const [what, rules, before, then, outcome, counted] of [
      ['a fallback is no acknowledgement', '', answer(200, ACK), text, 'fail', 503],
      ['nor is one that says it is HL7', '', answer(200, AE), labelled, 'fail', 503],
      [
        'nor does a rule accept it that does not read it',
        ':~=C',
        answer(200, ACK),
        text,
        'fail',
        503
      ],
      ['a page', '', answer(200, ACK), page, 'fail', 503],
      ['a page where a rule had accepted text', ':~=C', text, page, 'fail', 503],
      ['or nothing', 'X=C', answer(200), page, 'fail', 503],
      ['with its own rule', 'E#503=S', answer(200, ACK), text, 'suspend', 503],
      ['a rule that reads it decides', '@*unavail=C', answer(200, ACK), text, 'accept', undefined],
      ['that refuses it, too', '@*unavail=F,:~=C', answer(200, ACK), text, 'fail', undefined],
      ['but not its status', '@status:200=C', answer(200, ACK), text, 'fail', 503],
      ['nothing is none', 'X=C', answer(200, ACK), answer(200), 'accept', undefined],
      ['nor are blanks', ':~=C', answer(200, ACK), answer(200, ' \r\n'), 'accept', undefined],
      [
        'nor is what seems to refuse',
        '',
        answer(200, ACK),
        answer(200, 'MSA^AE'),
        'fail',
        undefined
      ],
      ['text where a rule had accepted text', ':~=C', text, labelled, 'accept', undefined],
      ['a page where a page was refused', ':~=C', page, page, 'fail', undefined],
      ['text where an error came', ':~=C', answer(500), text, 'accept', undefined]
    ] as const) {
      it(`${what}: ${rules || 'default'}`, async () => {
        const server = await receiver((socket, _request, { all }) => {
          socket.write(all === 0 ? before : then)
        })
        const addresses = new KnownAddresses([server.url])
        await courier(server.url, { rules, addresses }).attempt(parcel)
        // It is known after a restart.
        const kept = new KnownAddresses([server.url, new URL('http://other.test/')])
        kept.restore(addresses.stored)
        const result = await courier(server.url, { rules, addresses: kept }).attempt(parcel)
        assert.deepEqual([result.decision.outcome, result.meaning], [outcome, counted])
        assert.equal(result.reply?.status, 200)
        if (counted === undefined) return
        const { mayHaveArrived, waits } = faultOf(result) ?? {}
        assert.deepEqual([mayHaveArrived, waits], [true, 'node'])
      })
    }

    it('of another path, that is not known', async () => {
      const server = await receiver((socket, _request, { all }) => {
        socket.write(all === 0 ? answer(200, ACK) : text)
      })
      const addresses = new KnownAddresses([server.url])
      const mine = courier(server.url, { rules: ':?A=C,:~=C', addresses })
      await mine.attempt(parcel)
      const url = new URL('/other?a=1', server.url)
      assert.equal((await mine.attempt({ ...parcel, url })).decision.outcome, 'accept')
      assert.equal((await mine.attempt(parcel)).meaning, 503)
    })

    it('large headers are what it refuses, if they are larger than those that it has taken', async () => {
      const { tokens } = await tokenSource('t'.repeat(9000))
      const small = await tokenSource('t'.repeat(7000))
      for (const [status, meaning] of [
        [400, 431],
        [413, 431],
        [415, undefined]
      ] as const) {
        const server = await receiver((socket, _request, { all }) => {
          socket.write(all === 0 ? answer(200, ACK) : answer(status, 'Bad Request'))
        })
        const addresses = new KnownAddresses([server.url])
        const mine = (source?: TokenSource): Courier =>
          courier(server.url, { addresses, ...(source && { tokens: source }) })
        const meaningOf = async (source: TokenSource | undefined, ...ids: string[]) =>
          (await mine(source).attempt(parcelOf(...ids))).meaning
        // It has taken nothing yet, then one message.
        assert.equal(addresses.isLargeHead(server.url, { headBytes: 9000, bodyBytes: 1 }), false)
        await mine(small.tokens).attempt(parcelOf('M1'))
        assert.equal(await meaningOf(small.tokens, 'M2'), undefined, 'headers of the usual size')
        assert.equal(await meaningOf(tokens, 'M3', 'M4'), undefined, 'a larger body')
        const result = await mine(tokens).attempt(parcelOf('M5'))
        assert.equal(result.meaning, meaning)
        if (meaning !== undefined) assert.match(whyFailed(result), /the token takes 9,026 of them/)
      }
    })

    it('a large body is what it refuses, if it is larger than those that it has taken', async () => {
      const server = await receiver((socket, _request, { all }) => {
        socket.write(all === 1 ? answer(200, ACK) : answer(400, 'Bad Request'))
      })
      const mine = courier(server.url, { addresses: new KnownAddresses([server.url]) })
      const head = 'MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1'
      const large = readOutgoingMessage(`${head}\rNTE|1||${'x'.repeat(70_000)}|2.5.1`, 'auto')
      const meanings: unknown[] = []
      for (const message of [large, parcel.message, large, parcel.message]) {
        meanings.push((await mine.attempt({ ...parcel, message })).meaning)
      }
      // It had taken nothing yet; then a small one.
      assert.deepEqual(meanings, [undefined, undefined, 413, undefined])
    })

    it('which has taken such headers, it is the message', async () => {
      const { tokens } = await tokenSource('t'.repeat(9000))
      const server = await receiver((socket, _request, { all }) => {
        socket.write(all === 0 ? answer(200, ACK) : answer(400))
      })
      const addresses = new KnownAddresses([server.url])
      await courier(server.url, { tokens, addresses }).attempt(parcel)
      assert.equal(
        (await courier(server.url, { tokens, addresses }).attempt(parcel)).meaning,
        undefined
      )
    })
  })

  it('says that a status came late, and has its rule decide', async () => {
    for (const [status, lateMs, meaning] of [
      [503, 1100, 504],
      [408, 1100, 504],
      [503, 0, undefined]
    ] as const) {
      const server = await receiver((socket) => {
        setTimeout(() => socket.write(answer(status)), lateMs)
      })
      const result = await courier(server.url, { rules: 'E#504=S' }).attempt(parcel)
      assert.deepEqual([result.meaning, result.reply?.status], [meaning, status])
      assert.equal(result.decision.outcome === 'suspend', meaning !== undefined)
    }
    // HAProxy looked for a server for as long, and found none.
    const page =
      '<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n'
    const server = await receiver((socket) => {
      setTimeout(() => socket.write(answer(503, page)), 1100)
    })
    assert.equal((await courier(server.url).attempt(parcel)).meaning, undefined)
  })

  it('does not treat an AA with an error status as an acknowledgement', async () => {
    const { tokens, asked } = await tokenSource()
    const server = await receiver((socket, request) => {
      socket.write(answer(request.includes('Bearer token-1\r') ? 401 : 500, ACK))
    })
    const mine = courier(server.url, { tokens })
    const { decision, reply, answered } = await mine.attempt(parcel)
    assert.deepEqual([server.requests.length, asked()], [2, 2])
    assert.deepEqual([decision.rule, decision.retry], ['E=RF', true])
    assert.deepEqual([reply?.status, reply?.ack, reply?.hl7, answered], [500, null, ACK, false])
    const settled = settlementOf(parcel.message, 1, await mine.attempt(parcel), 0)
    assert.deepEqual(
      [settled.outcome, settled.error?.cause],
      ['error', { code: '500', status: 500 }]
    )

    const gateway = await receiver((socket) => {
      socket.write(answer(503, ACK))
    })
    const away = await courier(gateway.url).attempt(parcel)
    assert.deepEqual([isReached(away), away.answered], [false, false])

    const refusing = await receiver((socket) => {
      socket.write(answer(401, ACK.replace('AA', 'AE')))
    })
    const own = await tokenSource()
    const refused = await courier(refusing.url, own).attempt(parcel)
    assert.equal(refusing.requests.length, 2)
    assert.deepEqual([refused.decision.rule, refused.answered], [':?E=F', true])
  })

  it('never quotes a token that the receiver echoes', async () => {
    const { tokens } = await tokenSource('tok/Qx7~Vb93+LmK2w==.Zt5')
    const forms: ((token: string) => string)[] = [(token) => token, encodeURIComponent]
    const places: [number, (echo: string) => string][] = [
      [200, (echo) => `content-type: ${echo}\r\n`],
      [401, (echo) => `www-authenticate: Bearer scope="${echo}"\r\n`],
      [403, (echo) => `www-authenticate: Bearer realm="${echo}", scope="hl7 ${echo} x"\r\n`],
      [401, (echo) => `www-authenticate: Bearer error_description="no ${echo}"\r\n`],
      [307, (echo) => `location: https://example.test/${echo}\r\n`],
      [307, (echo) => `location: ${echo}\r\n`]
    ]
    for (const [status, header] of places) {
      for (const form of forms) {
        let sent = ''
        const server = await receiver((socket, request) => {
          sent = /bearer (\S+)/i.exec(request)?.[1] ?? ''
          socket.end(answer(status, 'no', header(form(sent))))
        })
        const mine = courier(server.url, { tokens })
        const result = await mine.attempt(parcel)
        assert.ok(sent.length > 20)
        for (const text of [
          deliveryFailed(parcel.message, 1, result).message,
          JSON.stringify(result.quotes)
        ]) {
          for (const one of forms) assert.ok(!text.includes(one(sent)), `${header(sent)}: ${text}`)
        }
        await server.close()
      }
    }
    const harmless = await receiver((socket) => {
      socket.end(answer(200, 'no', 'content-type: text/html; charset=utf-8\r\n'))
    })
    const result = await courier(harmless.url, { tokens }).attempt(parcel)
    assert.match(
      deliveryFailed(parcel.message, 1, result).message,
      /200 from the receiver with text\/html that/
    )
  })

  it('hands on no header in which the receiver sends a credential back', async () => {
    const { tokens } = await tokenSource('tok/Qx7~Vb93+LmK2w==.Zt5')
    const foreign = 'eyJhbGciOiJub25lIn0.eyJ3YXJkIjo3fQ.'
    const camel = await receiver((socket, request) => {
      const token = /authorization: (.*)\r/i.exec(request)?.[1] ?? ''
      const echoes = [
        `authorization: ${token}`,
        `x-uri: /hl7?access_token=${encodeURIComponent(token)}&x=1`,
        'x-key: secret/Key+1',
        'x-proof: secret\\/Key+1',
        'set-cookie: a=secret%2FKey%2B1',
        'set-cookie: b=2',
        `x-session: ${foreign}`,
        'x-ward: Key 1'
      ]
      socket.end(answer(200, ACK, `${echoes.join('\r\n')}\r\n`))
    })
    const mine = courier(camel.url, {
      tokens,
      headers: [{ name: 'x-key', value: 'secret/Key+1' }],
      secrets: ['secret/Key+1']
    })
    const { reply } = await mine.attempt(parcel)
    assert.deepEqual(reply?.headers, {
      'content-length': String(ACK.length),
      authorization: '•••',
      'x-uri': '•••',
      'x-key': '•••',
      'x-proof': '•••',
      'set-cookie': ['•••', 'b=2'],
      'x-session': foreign,
      'x-ward': 'Key 1'
    })
  })

  it('quotes nothing of the message, its values and secrets', async () => {
    const text =
      'MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1\rPID|1||4711||Lindqvist^Anna|||2.5.1'
    const sent: Parcel = { ...parcel, message: readOutgoingMessage(text, 'auto') }
    const headers: NamedValue[] = [
      { name: 'x-key', value: 'hunter2' },
      { name: 'x-ward', value: () => 'Holmgren' },
      { name: 'x-client', value: 'northside' }
    ]
    const said: [string, string | undefined][] = [
      ['Client northside is unknown', 'Client northside is unknown'],
      ['Not for ADT^A01', 'Not for ADT^A01'],
      ['MRN 4712 of 1.2.1970', 'MRN … of …'],
      [APIGEE, APIGEE],
      ['Key hunter2', 'Key •••'],
      ...['No consent of LINDQVIST', 'anna', 'ward holmgren', 'path letters'].map(
        (says): [string, undefined] => [says, undefined]
      )
    ]
    for (const [says, quoted] of said) {
      const server = await receiver((socket) => {
        socket.end(answer(401, '', `www-authenticate: Bearer error_description="${says}"\r\n`))
      })
      const url = new URL('/hl7/letters', server.url)
      const { quotes, token } = await courier(server.url, {
        headers,
        secrets: ['hunter2']
      }).attempt({
        ...sent,
        url
      })
      assert.deepEqual([quotes?.description, token], [quoted, 'none'], says)
      await server.close()
    }
  })

  it('gets a new token for any status with invalid_token, but none if the current one lacks a scope', async () => {
    const invalid = 'www-authenticate: Bearer error="invalid_token"\r\n'
    for (const [status, challenge, requests] of [
      [403, 'www-authenticate: Bearer error="insufficient_scope", scope="hl7"\r\n', 1],
      [403, 'www-authenticate: Basic\r\nwww-authenticate: Bearer error=insufficient_scope\r\n', 1],
      [403, 'www-authenticate: Basic realm="\\" error=insufficient_scope"\r\n', 2],
      [403, '', 2],
      [403, invalid, 2],
      [400, invalid, 2],
      [404, invalid, 2],
      [400, '', 1],
      [500, invalid, 1]
    ] as const) {
      const clock = new FakeClock()
      const { tokens, asked } = await tokenSource('token', { clock })
      const server = await receiver((socket) => {
        socket.write(answer(status, '', challenge))
      })
      await tokens.forReceiver(server.url.href).token()
      clock.pass(MINUTE)
      const result = await courier(server.url, { tokens }).attempt(parcel)
      assert.equal(result.reply?.status, status)
      const what = `${status} ${challenge}`
      assert.deepEqual([server.requests.length, asked()], [requests, requests], what)
      // It is no fault of the message.
      if (challenge === invalid && status < 500) {
        assert.deepEqual(faultOf(result)?.of, 'credentials', what)
        assert.doesNotMatch(whyFailed(result), /password|log in/i)
      }
    }
  })

  describe('where a receiver says 403, which may mean an expired token', () => {
    const page = '<html><head><title>403 Forbidden</title></head></html>'
    const naming = (request: string): string => /token-\d/.exec(request)?.[0] ?? ''

    /** A receiver that says 403 to some tokens, after its first one was got. */
    async function forbidding(
      isForbidden: (token: string) => boolean,
      answers: Record<number, Fault> = {}
    ) {
      const clock = new FakeClock()
      const { tokens, asked } = await tokenSource('token', { clock, answers })
      const server = await receiver((socket, request) => {
        socket.write(isForbidden(naming(request)) ? answer(403, page) : answer(200, ACK))
      })
      const mine = courier(server.url, { tokens })
      await tokens.forReceiver(server.url.href).token()
      const attempt = async (): Promise<string> => {
        const from = server.requests.length
        const { reply } = await mine.attempt(parcel)
        const sent = server.requests.slice(from).map(naming)
        return `${sent.join()} ${reply?.status}`
      }
      return { asked, attempt, clock, source: tokens, tokens: tokens.forReceiver(server.url.href) }
    }

    it('repeats the attempt once with a fresh one if the token is a minute old', async () => {
      const { asked, attempt, clock } = await forbidding((token) => token === 'token-1')
      clock.pass(MINUTE - 1)
      assert.equal(await attempt(), 'token-1 403')
      clock.pass(1)
      assert.equal(await attempt(), 'token-1,token-2 200')
      assert.equal(asked(), 2)
    })

    it('does not, if it has accepted a message with this token within the last minute', async () => {
      let isExpired = false
      const { attempt, clock } = await forbidding((token) => isExpired && token === 'token-1')
      clock.pass(10 * MINUTE)
      assert.equal(await attempt(), 'token-1 200')
      isExpired = true
      clock.pass(MINUTE - 1)
      assert.equal(await attempt(), 'token-1 403')
      clock.pass(1)
      assert.equal(await attempt(), 'token-1,token-2 200')
    })

    it('does so once in five minutes, and marks no token as refused', async () => {
      const { asked, attempt, clock, tokens } = await forbidding(() => true)
      clock.pass(MINUTE)
      assert.equal(await attempt(), 'token-1,token-2 403')
      assert.equal(tokens.status.state, 'ok')
      clock.pass(5 * MINUTE - 1)
      assert.equal(await attempt(), 'token-2 403')
      clock.pass(1)
      assert.equal(await attempt(), 'token-2,token-3 403')
      assert.deepEqual([tokens.status.state, asked()], ['ok', 3])
    })

    it('leaves it at the 403 if the server has no other token', async () => {
      const same = json({ access_token: 'token-1', expires_in: 3600 })
      for (const other of [same, json({ error: 'invalid_client' }, 401)]) {
        const { asked, attempt, clock, tokens } = await forbidding(() => true, { 2: other })
        clock.pass(MINUTE)
        assert.equal(await attempt(), 'token-1 403')
        assert.equal(asked(), 2)
        assert.equal(await tokens.token(), 'token-1', 'others go on with it')
      }
    })

    it('waits for the limits of the token server', async () => {
      const { asked, attempt, clock, tokens } = await forbidding(() => true, {
        2: json({}, 503, { 'retry-after': '400' })
      })
      clock.pass(MINUTE)
      assert.equal(await attempt(), 'token-1 403')
      clock.pass(400_000 - 1)
      assert.equal(await attempt(), 'token-1 403')
      assert.equal(asked(), 2)
      clock.pass(1)
      assert.equal(await attempt(), 'token-1,token-3 403')
      const refusal = { host: 'receiver.example', status: 401 }
      await assert.rejects(tokens.refused('token-3', refusal), { code: 'ERR_TOKEN_REFUSED' })
      assert.equal(asked(), 3, 'a refusal within 10 s forces no other request')
    })

    it('waits 10 s after a request that another receiver has forced', async () => {
      const { asked, attempt, clock, source } = await forbidding(() => true, { 2: json({}, 503) })
      clock.pass(MINUTE)
      const other = source.forReceiver('https://other.example')
      await assert.rejects(other.refused('token-1', { host: 'other.example', status: 401 }))
      clock.pass(9999)
      assert.equal(await attempt(), 'token-1 403')
      assert.equal(asked(), 2)
      clock.pass(1)
      assert.equal(await attempt(), 'token-1,token-3 403')
    })

    it('does not for what merely counts as 403, nor if it acknowledges', async () => {
      const rejected =
        '<html><body>The requested URL was rejected. Please consult with your administrator.</body></html>'
      for (const [status, body] of [
        [200, rejected],
        [403, ACK.replace('AA', 'AR')]
      ] as const) {
        const clock = new FakeClock()
        const { tokens, asked } = await tokenSource('token', { clock })
        const server = await receiver((socket) => {
          socket.write(answer(status, body))
        })
        await tokens.forReceiver(server.url.href).token()
        clock.pass(MINUTE)
        await courier(server.url, { tokens }).attempt(parcel)
        assert.equal(asked(), 1)
      }
    })
  })

  it('keeps a good token where a web page refuses the message, or asks for a login', async () => {
    const page = '<!DOCTYPE html><html><body>Request blocked. Reference 4711</body></html>'
    const rejected =
      '<html><body>The requested URL was rejected. Please consult with your administrator.</body></html>'
    const login = '<html><form><input name="p" type="password"></form></html>'
    const challenge = 'www-authenticate: Bearer error="invalid_token"\r\n'
    for (const [status, body, headers, requests, seen] of [
      [403, page, '', 1, true],
      [403, page.replace('<html>', '<!-- WAF -->\n<html>'), '', 1, true],
      // A server that has judged the token says so.
      [403, page, challenge, 2, undefined],
      [403, '{"error":"no"}', '', 1, undefined],
      [403, `${page}${ACK.replace('AA', 'AE')}`, '', 1, undefined],
      [401, page, '', 2, undefined],
      [200, page, '', 1, undefined],
      [200, rejected, '', 1, true],
      [200, login, '', 1, undefined]
    ] as const) {
      const { tokens, asked } = await tokenSource()
      const server = await receiver((socket) => {
        socket.write(answer(status, body, headers))
      })
      const mine = courier(server.url, { tokens })
      const { isFirewallPage, reply } = await mine.attempt(parcel)
      const what = `${status} ${body} ${headers}`
      assert.deepEqual([reply?.status, isFirewallPage], [status, seen], what)
      assert.deepEqual([server.requests.length, asked()], [requests, requests], what)
    }
  })

  /** A fault of SOAP 1.1 with this code, and perhaps a detail. */
  const fault = (code: string, detail = ''): string =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>${code}</faultcode>${detail}</s:Fault></s:Body></s:Envelope>`

  it('gets a new token where the answer leads to a login', async () => {
    const to = 'https://idp.test/auth?response_type=code&client_id=gate'
    const signIn =
      '<!DOCTYPE html><html><form method="GET" action="/oauth2/start"><input type="hidden" name="rd" value="/"></form></html>'
    for (const [refusal, requests, outcome] of [
      [answer(302, '', `location: ${to}\r\n`), 2, 'accept'],
      [answer(403, signIn), 2, 'accept'],
      [answer(302, '', 'location: https://other.test/hl7\r\n'), 1, 'fail'],
      [answer(403, '<html>Forbidden</html>'), 1, 'fail']
    ] as const) {
      const { tokens, asked } = await tokenSource()
      const server = await receiver((socket, request) => {
        socket.write(request.includes('Bearer token-1\r') ? refusal : answer(200, ACK))
      })
      const { decision } = await courier(server.url, { tokens }).attempt(parcel)
      assert.deepEqual(
        [server.requests.length, asked(), decision.outcome],
        [requests, requests, outcome]
      )
    }
  })

  it('gets a new token where a SOAP fault refuses it, with whatever status', async () => {
    const security = '<detail><SecurityFault xmlns="urn:cdc:iisb:2011"/></detail>'
    for (const [status, refusal, requests] of [
      [500, fault('wsse:FailedAuthentication'), 2],
      [200, fault('wsse:FailedAuthentication'), 2],
      [500, fault('s:Client.Authentication'), 2],
      [500, fault('s:Server', security), 2],
      [500, fault('s:Server'), 1],
      [500, fault('s:Client'), 1],
      [503, fault('wsse:FailedAuthentication'), 1]
    ] as const) {
      const { tokens, asked } = await tokenSource()
      const server = await receiver((socket, request) => {
        socket.write(request.includes('token-1') ? answer(status, refusal) : answer(200, ACK))
      })
      const { decision, requests: made = 1 } = await courier(server.url, { tokens }).attempt(parcel)
      assert.deepEqual([made, asked()], [requests, requests], refusal)
      assert.equal(decision.outcome === 'accept', requests === 2)
    }
  })

  it('gets none for it if no token was sent', async () => {
    const server = await receiver((socket) => {
      socket.write(answer(500, fault('wsse:FailedAuthentication')))
    })
    assert.equal((await courier(server.url).attempt(parcel)).token, 'none')
    assert.equal(server.requests.length, 1)
  })

  it('says what a fault may mean that refuses fresh tokens: the login in the message, or the token', async () => {
    const { tokens } = await tokenSource()
    const server = await receiver((socket) => {
      socket.write(answer(500, fault('wsse:FailedAuthentication')))
    })
    const mine = courier(server.url, { tokens })
    const first = await mine.attempt(parcel)
    assert.deepEqual([first.requests, first.meaning, first.token], [2, 401, undefined])
    const { error, hint, status } = await mine.attempt(parcel)
    assert.deepEqual([error?.code, status], ['ERR_TOKEN_REFUSED', 500])
    assert.match(hint ?? '', /user name and a password in the body/)
  })

  it('takes no answer to an earlier message for a refusal of the token', async () => {
    const { tokens, asked } = await tokenSource()
    const server = await receiver((socket, _request, { all }) => {
      socket.write(all === 0 ? answer(200, ACK) : answer(401, ACK.replace('AA', 'AR')))
    })
    const mine = courier(server.url, { tokens })
    await mine.attempt(parcel)
    const { error } = await mine.attempt(parcelOf('M2'))
    assert.equal(error?.code, 'ERR_EARLIER_ANSWER')
    assert.equal(asked(), 1)
  })

  it('keeps what the receiver said when it refused fresh tokens', async () => {
    const { tokens } = await tokenSource()
    const challenge =
      'Bearer error="invalid_token", error_description="The iss claim is not valid", error_uri="https://tools.ietf.org/html/rfc6750#section-3.1"'
    const server = await receiver((socket) => {
      socket.write(answer(401, '{"detail":"no"}', `www-authenticate: ${challenge}\r\n`))
    })
    const mine = courier(server.url, { tokens })
    await mine.attempt(parcel)
    const again = await mine.attempt(parcel)
    assert.equal(server.requests.length, 2, 'nothing was sent without a token')
    const { error } = settlementOf({ controlId: 'M1', type: '' }, 2, again, 0)
    assert.deepEqual(error?.cause, {
      ...{ code: 'ERR_TOKEN_REFUSED', status: 401, error: 'invalid_token' },
      description: 'The iss claim is not valid'
    })
    assert.match(
      error.message,
      /^ERR_TOKEN_REFUSED: The receiver 127\.0\.0\.1:\d+ refused the token \(HTTP 401\), shortly after another refusal: "The iss claim is not valid"\. The receiver expects tokens of another issuer/
    )
  })

  it('has a message leave with the reply that refused its tokens, though no token was sent at last', async () => {
    const { tokens } = await tokenSource()
    const server = await receiver((socket) => {
      socket.write(answer(401, '{"detail":"no"}', 'x-trace: 4711\r\n'))
    })
    const mine = courier(server.url, { tokens })
    const moves = new EventEmitter()
    const left: Settlement[] = []
    const { add, clock } = await setUp({
      failureTimeoutMs: 20_000,
      failWhileUnreachable: true,
      attempt: (id) => mine.attempt(parcelOf(id)),
      onEvent: (event) => {
        if (event.kind === 'moved') moves.emit(event.to)
      },
      emit: (_message, _content, settlement) => left.push(settlement)
    })
    const refused = once(moves, 'retrying')
    await add('M1')
    await refused
    const withoutToken = once(moves, 'retrying')
    await clock.advance(5000)
    await withoutToken
    assert.equal(server.requests.length, 2)
    await clock.advance(15_000)
    const [{ error, reply } = assert.fail('It should have left.')] = left
    assert.equal(error?.cause?.code, 'ERR_TOKEN_REFUSED')
    assert.deepEqual([reply?.status, reply?.text], [401, '{"detail":"no"}'])
    assert.equal(reply?.headers['x-trace'], '4711')
  })

  it('tells which token a message was accepted with, so that its revocation is none of a fresh one', async (t) => {
    const { tokens } = await tokenSource()
    const server = await receiver((socket, _request, { all }) => {
      socket.write([answer(500), answer(401), answer(200, ACK)][all] ?? '')
    })
    const accepted = t.mock.method(tokens.forReceiver(server.url.href), 'accepted')
    const mine = courier(server.url, { tokens })
    await mine.attempt(parcel)
    assert.equal(accepted.mock.callCount(), 0)
    await mine.attempt(parcel)
    assert.deepEqual(
      accepted.mock.calls.map(({ arguments: [token] }) => token),
      ['token-2']
    )
  })

  it('says how long the token is if the headers are too large', async () => {
    const { tokens } = await tokenSource('t'.repeat(16_000))
    const page =
      '<html>\r\n<head><title>400 Request Header Or Cookie Too Large</title></head>\r\n</html>'
    for (const [status, body] of [
      [431, ''],
      [400, page]
    ] as const) {
      const server = await receiver((socket) => {
        socket.write(answer(status, body))
      })
      const result = await courier(server.url, { tokens }).attempt(parcel)
      const { headerSizes } = result
      assert.deepEqual([headerSizes?.size, result.decision.retry], [16_026, true])
      assert.match(result.operation ?? '', /^Authorization \(16\/16 kB\)$/)
      const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 1, result)
      assert.match(message, /together have 16,\d+ bytes, .* the token takes 16,026 of them/)
      // The token is not to blame for another one.
      const headers = [{ name: 'X-Route', value: 'r'.repeat(20_000) }]
      const other = await courier(server.url, { tokens, headers }).attempt(parcel)
      const { reason, hint } = reasonAndHint(other)
      assert.match(`${reason} ${hint}`, /the largest is X-Route \(20,011\)\. Shorten it/)
    }
  })

  it('asks for a client certificate only where nothing was ever answered', async () => {
    const server = await receiver((socket, _request, { all }) => {
      if (all === 1) socket.end(answer(200, ACK, 'connection: close\r\n'))
      else socket.resetAndDestroy()
    })
    const mine = courier(server.url, { rules: 'E=F' })
    for (const wants of [true, undefined, undefined]) {
      const { mayWantCertificate } = await mine.attempt(parcel)
      assert.equal(mayWantCertificate, wants)
    }
  })

  it('tells an outage from a refusal', async () => {
    const gateway = await receiver((socket) => {
      socket.write(answer(503, '', 'retry-after: 7\r\n'))
    })
    const busy = await courier(gateway.url).attempt(parcel)
    assert.deepEqual([isReached(busy), busy.retryAfterMs], [false, 7000])
    // As on a server whose clock is years behind.
    const dates =
      'date: Fri, 02 Jan 2015 03:04:05 GMT\r\nretry-after: Fri, 02 Jan 2015 03:04:25 GMT\r\n'
    const behind = await receiver((socket) => {
      socket.write(answer(503, '', dates))
    })
    assert.equal((await courier(behind.url).attempt(parcel)).retryAfterMs, 20_000)

    for (const [head, facts] of [
      ['HTTP/1.1 503 x\r\nretry-after: 7', [false, 7000, 503]],
      [`HTTP/1.1 503 x\r\n${dates}`.trimEnd(), [false, 20_000, 503]],
      ['HTTP/1.1 502 x\r\nretry-after: 7', [false, undefined, 502]],
      ['HTTP/1.1 408 x\r\nretry-after: 7', [true, 7000, 408]],
      ['HTTP/1.1 425 x\r\nretry-after: 7', [true, 7000, 425]],
      ['HTTP/1.1 429 x\r\nretry-after: 7', [false, 7000, 429]],
      ['HTTP/1.1 429 x\r\nretry-after: soon', [false, undefined, 429]],
      ['HTTP/1.1 400 x\r\nretry-after: 7', [true, undefined, 400]],
      ['HTTP/1.1 500 x', [true, undefined, 500]]
    ] as const) {
      const cut = await receiver((socket) => {
        socket.end(`${head}\r\ncontent-length: 500\r\n\r\ncut`)
      })
      const result = await courier(cut.url).attempt(parcel)
      const { retryAfterMs, reply, status = reply?.status, error } = result
      assert.deepEqual([isReached(result), retryAfterMs, status], facts, head)
      // The status of a refusal says it all.
      const isRefusal = facts[2] < 500
      assert.deepEqual(
        [error?.family, reply?.text],
        isRefusal ? [undefined, ''] : ['reset', undefined]
      )
    }

    const told = await receiver((socket) => {
      socket.write(answer(500, ACK.replace('AA', 'AE'), 'retry-after: 7\r\n'))
    })
    const refused = await courier(told.url).attempt(parcel)
    assert.deepEqual([isReached(refused), refused.retryAfterMs], [true, undefined])
    assert.equal(refused.decision.outcome, 'fail')

    await told.close()
    const down = await courier(told.url).attempt(parcel)
    assert.deepEqual([isReached(down), down.error?.family], [false, 'connect'])
  })

  it('has the name that the receiver gives a request, of a cut answer too, and without secrets', async () => {
    const named = 'x-request-id: req-7\r\n'
    for (const [sent, requestId] of [
      [answer(200, ACK, named), 'req-7'],
      [answer(503, '', named), 'req-7'],
      [`HTTP/1.1 500 x\r\n${named}content-length: 500\r\n\r\ncut`, 'req-7'],
      [answer(200, ACK, 'x-request-id: of a-secret-name\r\n'), undefined],
      [answer(200, ACK, 'x-request-id: a-secret-name\r\n'), '•••'],
      // Of the message only its control ID: anything else may be the patient.
      [answer(200, ACK, 'x-request-id: M1\r\n'), 'M1'],
      [answer(200, ACK, 'x-request-id: id-20260102\r\n'), undefined],
      [answer(200, ACK), undefined]
    ] as const) {
      const server = await receiver((socket) => {
        socket.end(sent)
      })
      const result = await courier(server.url, { secrets: ['a-secret-name'] }).attempt(parcel)
      assert.equal(result.requestId, requestId, sent)
    }
  })

  it('says what to do if there is no token; a status of the token server is not one of the receiver', async () => {
    const tokensOf = async (
      answerTo: Parameters<typeof startTokenFaultServer>[0],
      settings: Parameters<typeof tokenSettings>[0] = {}
    ): Promise<TokenSource> => {
      const server = await startTokenFaultServer(answerTo)
      const httpClient = tokenHttpClient()
      closing.push(() => server.close())
      closing.push(() => {
        httpClient.close()
      })
      return new TokenSource(
        tokenSettings({
          tokenEndpoint: `${server.origin}/token`,
          clientSecret: 'not-so-secret',
          ...settings
        }),
        { httpClient }
      )
    }
    const server = await receiver((socket) => {
      socket.write(answer(200, ACK))
    })
    const refusing = await tokensOf(json({ error: 'invalid_client' }, 401))
    const mine = courier(server.url, { tokens: refusing, rules: 'E#401=C,E#token=S' })
    const refused = await mine.attempt(parcel)
    assert.deepEqual([refused.decision.rule, refused.status], ['E#token=S', 401])
    assert.match(refused.hint ?? '', /^Check Client ID/)
    assert.doesNotMatch(refused.error?.text ?? '', /Check Client ID/)
    assert.deepEqual([isReached(refused), refused.isPermanent], [false, true])

    const failing = await tokensOf(json({}, 503))
    const outage = await courier(server.url, { tokens: failing }).attempt(parcel)
    assert.deepEqual([isReached(outage), outage.status], [false, 503])
    assert.equal(outage.isPermanent, undefined)

    const unset = await tokensOf(json({}), { clientAuth: 'private_key_jwt' })
    const config = await courier(server.url, { tokens: unset }).attempt(parcel)
    assert.deepEqual([config.error?.code, config.hint], ['CONFIG', undefined])
    assert.equal(server.requests.length, 0)
  })

  it('ends when aborted', async () => {
    const server = await receiver(() => undefined)
    const abort = new AbortController()
    const attempt = courier(server.url).attempt(parcel, abort.signal)
    setTimeout(() => {
      abort.abort()
    }, 50)
    const { error, reply } = await attempt
    assert.equal(error?.code, 'ERR_ABORTED')
    assert.equal(reply, undefined)
  })
})
