/**
 * The real node against third-party servers: nginx and HAProxy as TLS proxies, Apache as an OAuth
 * resource server, and python-hl7 to read the messages and write the acknowledgements.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { type LocalServer, startTcpServer } from '../http-client/local-server.ts'
import { createAuthority } from '../support/certificates.ts'
import { missing } from '../support/debian-packages.ts'
import { adt, changed, type LeftMessage, startWorld, type World } from '../support/world.ts'
import {
  type PythonReceiver,
  type Seen,
  type ServerProcess,
  type HaproxyProcess,
  startApache,
  startHaproxy,
  startNginx,
  startPythonReceiver
} from './servers.ts'

/** Apache closes a connection after 100 requests, nginx here after fewer. */
const MANY = 250
const KEEPALIVE_REQUESTS = 20
const KEEPALIVE_MS = 200
/** From one end of a long line to the other. */
const LATENCY_MS = 25

const skip = missing('nginx', 'Apache', 'mod_auth_openidc', 'mod_oauth2', 'HAProxy', 'python-hl7')

describe('against nginx, Apache, HAProxy and python-hl7', { skip }, () => {
  let world: World
  let python: PythonReceiver
  before(async () => {
    world = await startWorld()
    python = await startPythonReceiver()
  })
  after(async () => {
    await python.stop()
    await world.close()
  })

  /** What python-hl7 has found in the requests since then. */
  const seenSince = async (count: number): Promise<readonly Seen[]> =>
    (await python.seen()).slice(count)

  /** Sends a message that is accepted. @returns what python-hl7 found in it, and the answer */
  async function accepted(payload: string): Promise<{ seen: Seen; msg: LeftMessage }> {
    const earlier = (await python.seen()).length
    const { output, msg } = await world.send(payload)
    assert.equal(output, 'ack', JSON.stringify(msg.error))
    const [seen] = await seenSince(earlier)
    assert.ok(seen)
    return { seen, msg }
  }

  /** Sends a message that is refused before python-hl7 sees it; `told` in the error or the reply. */
  async function refused(payload: string, status: number, told: RegExp): Promise<void> {
    const earlier = (await python.seen()).length
    const { error, hl7 } = await world.caught(payload)
    assert.equal(error.code, 'HL7_DELIVERY_FAILED')
    assert.equal(error.cause?.status, status)
    assert.match(`${error.message}\n${hl7.reply}`, told)
    assert.deepEqual(await seenSince(earlier), [])
  }

  /** Sends many messages, which must arrive once each, and in order where there is one. */
  async function sendMany(order: 'fifo' | 'none'): Promise<void> {
    const { nodeRed } = world
    const before = nodeRed.messages('ack').length
    const earlier = (await python.seen()).length
    const ids = Array.from({ length: MANY }, (_, index) => `${order}${index}`)
    for (const id of ids) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitForMessages('ack', before + MANY, 60_000)
    const seen = (await seenSince(earlier)).map(({ messages }) => messages[0]?.id)
    if (order === 'none') assert.deepEqual(seen.sort(), ids.sort())
    else assert.deepEqual(seen, ids)
  }

  /** Deploys the node with a client certificate of this authority, or without one. */
  async function deployWith(
    url: string,
    by: typeof world.authority | null,
    out: Record<string, unknown> = {}
  ): Promise<void> {
    const { cert, key } = (await by?.issueClient({ commonName: 'ward-12' })) ?? {
      cert: '',
      key: ''
    }
    // Empty values remove what an earlier deploy stored.
    const credentials = { cadata: world.authority.ca, certdata: cert, keydata: key }
    const flow = world.flow({ url, failureTimeout: 0, ...out })
    await world.nodeRed.deploy(changed(flow, { tls: { credentials } }))
  }

  describe('nginx that requires a client certificate', () => {
    let nginx: ServerProcess
    before(async () => {
      nginx = await startNginx(await world.authority.issueServer(), python.port, (directory) => {
        writeFileSync(join(directory, 'ca.crt'), world.authority.ca)
        return `
    ssl_client_certificate ca.crt;
    ssl_verify_client on;
    keepalive_timeout ${KEEPALIVE_MS}ms;
    keepalive_requests ${KEEPALIVE_REQUESTS};
    client_max_body_size 1m;
    gzip on;
    gzip_proxied any;
    gzip_types application/hl7-v2;`
      })
    })
    after(() => nginx.stop())

    const deploy = (
      out: Record<string, unknown> = {},
      by: typeof world.authority | null = world.authority
    ): Promise<void> => deployWith(`https://127.0.0.1:${nginx.port}/hl7`, by, out)

    it('accepts a message with a certificate, and compresses its answer if it is asked to', async () => {
      await deploy({ headers: [{ name: 'Accept-Encoding', value: 'gzip', valueType: 'str' }] })
      const { seen, msg } = await accepted(adt('NGINX001'))
      const { subject, forwarded, type, messages } = seen
      assert.deepEqual([subject, forwarded, type], ['CN=ward-12', 'https', 'application/hl7-v2'])
      assert.deepEqual(messages, [
        {
          id: 'NGINX001',
          type: 'ADT^A01^ADT_A01',
          segments: ['MSH', 'EVN', 'PID', 'PV1'],
          family: 'Lindqvist'
        }
      ])
      const headers = msg['headers'] as Record<string, string>
      assert.equal(headers['content-encoding'], 'gzip')
      assert.deepEqual([msg.hl7.ack?.code, msg.hl7.ack?.controlId], ['AA', 'NGINX001'])
      assert.match(String(msg['payload']), /NTE\|1\|\|stored/)
    })

    it('passes on a NAK of python-hl7', async () => {
      const { output, msg } = await world.send(adt('NGINX002').replace('Lindqvist', 'Refused'))
      assert.equal(output, 'nak')
      assert.equal(msg.hl7.ack?.code, 'AE')
    })

    it('closes idle connections, and no message is lost', async () => {
      for (const late of [0, 60, 60]) {
        await accepted(adt('NGINX003'))
        await wait(KEEPALIVE_MS + late)
      }
    })

    for (const order of ['fifo', 'none'] as const) {
      it(`gets ${MANY} messages once each, with order ${order}`, async () => {
        await deploy({ order, failureTimeout: 900 })
        await sendMany(order)
      })
    }

    for (const [charset, family] of [
      ['iso-8859-1', 'Søndergård'],
      ['utf-8', '李小龍']
    ] as const) {
      it(`accepts ${charset}, which python-hl7 can read`, async () => {
        await deploy({ charset })
        const { seen } = await accepted(adt('NGINX006').replace('Lindqvist', family))
        assert.deepEqual([seen.charset, seen.messages[0]?.family], [charset, family])
      })
    }

    it('accepts a batch, which python-hl7 can read', async () => {
      await deploy()
      const batch = [
        'FHS|^~\\&|WARDSYS|NORTHSIDE|||20260102||||F1',
        'BHS|^~\\&|WARDSYS|NORTHSIDE|||20260102||||B1',
        adt('NGINX008'),
        adt('NGINX009'),
        'BTS|2',
        'FTS|1'
      ].join('\r')
      const { seen } = await accepted(batch)
      assert.deepEqual(
        seen.messages.map(({ id }) => id),
        ['NGINX008', 'NGINX009']
      )
    })

    it('refuses a message that is too large, and the error says so', async () => {
      const large = `${adt('NGINX010')}\rOBX|1|ED|PDF||${'QUJD'.repeat(400_000)}`
      await refused(large, 413, /too large for the receiver.*nginx/s)
    })

    it('answers 400 with HTML to a sender without a certificate', async () => {
      await deploy({}, null)
      await refused(
        adt('NGINX011'),
        400,
        /Add a client certificate.*No required SSL certificate was sent/s
      )
    })

    it('answers 400 to a sender whose certificate it does not trust', async () => {
      await deploy({}, await createAuthority('Another'))
      await refused(adt('NGINX012'), 400, /Add a client certificate.*The SSL certificate error/s)
    })

    it('answers 400 to headers that are too large', async () => {
      const headers = [{ name: 'X-Large', value: 'x'.repeat(9_000), valueType: 'str' }]
      await deploy({ headers })
      await refused(
        adt('NGINX014'),
        400,
        /too much for the receiver; the largest is X-Large.*Request Header Or Cookie Too Large/s
      )
    })

    it('answers 502 when the receiver behind it is away', async () => {
      const gone = await startPythonReceiver()
      await gone.stop()
      const alone = await startNginx(await world.authority.issueServer(), gone.port, () => '')
      try {
        await world.deploy({ url: `https://127.0.0.1:${alone.port}/`, failureTimeout: 0 })
        await refused(adt('NGINX013'), 502, /gateway/)
      } finally {
        await alone.stop()
      }
    })
  })

  describe('Apache that checks the token', () => {
    let apache: ServerProcess
    before(async () => {
      apache = await start('all')
    })
    const start = async (protocol: 'all' | 'TLSv1.2'): Promise<ServerProcess> => {
      const token = { jwksUri: `${world.tokens.issuer}/jwks`, audience: 'https://hl7.test' }
      const server = await world.authority.issueServer()
      return startApache(server, python.port, token, world.authority.ca, protocol)
    }
    after(() => apache.stop())
    const deploy = (path: string, out: Record<string, unknown> = {}): Promise<void> => {
      const url = `https://127.0.0.1:${apache.port}${path}`
      return world.deploy({ url, failureTimeout: 0, ...out })
    }

    for (const [module, path] of [
      ['mod_auth_openidc', '/openidc'],
      ['mod_oauth2', '/oauth2']
    ] as const) {
      it(`${module} lets our token pass`, async () => {
        await deploy(path)
        const { seen } = await accepted(adt('APACHE01'))
        assert.equal(seen.subject, 'test-client')
        assert.equal(seen.messages[0]?.id, 'APACHE01')
      })

      it(`${module} refuses a sender without a token`, async () => {
        await deploy(path, { auth: '' })
        await refused(adt('APACHE02'), 401, /Unauthorized/)
      })
    }

    it(`gets ${MANY} messages once each, though it closes the connection in between`, async () => {
      await deploy('/oauth2', { failureTimeout: 900 })
      await sendMany('fifo')
    })

    const deployLate = ({ port }: ServerProcess): Promise<void> =>
      deployWith(`https://127.0.0.1:${port}/late`, world.authority)

    it('refuses every client where it wants a certificate after the handshake', async () => {
      await deployLate(apache)
      await refused(
        adt('APACHE04'),
        403,
        /only after the TLS handshake.*Cannot perform Post-Handshake Authentication/s
      )
    })

    it('gets the certificate after the handshake with TLS 1.2', async () => {
      const older = await start('TLSv1.2')
      try {
        await deployLate(older)
        await accepted(adt('APACHE05'))
      } finally {
        await older.stop()
      }
    })

    it('refuses a token for another audience, after one try with a new token', async () => {
      await deploy('/other')
      const tokens = world.tokens.tokenRequests
      await refused(adt('APACHE03'), 401, /refuse/)
      assert.equal(world.tokens.tokenRequests - tokens, 2)
    })
  })

  describe('HAProxy', () => {
    const KEEP_ALIVE_MS = 150
    const WAITING = 40
    let haproxy: HaproxyProcess
    const start = async (bind?: string): Promise<HaproxyProcess> =>
      startHaproxy(await world.authority.issueServer(), python.port, world.authority.ca, {
        ...(bind !== undefined && { bind }),
        keepAliveMs: KEEP_ALIVE_MS
      })
    before(async () => {
      haproxy = await start()
    })
    after(() => haproxy.stop())

    /** Sends many messages, and waits for this request. @returns their control IDs, and the number of requests per second */
    async function sendInOutage(
      name: string,
      requests: number
    ): Promise<{ ids: string[]; perSecond: number }> {
      const before = await haproxy.requests()
      const since = performance.now()
      const ids = Array.from({ length: WAITING }, (_, index) => `${name}${index}`)
      for (const id of ids) await world.nodeRed.inject('in', { payload: adt(id) })
      const sent = async (): Promise<number> => (await haproxy.requests()) - before
      await world.eventually(
        async () => (await sent()) >= requests && (await world.state()).queued === WAITING
      )
      return { ids, perSecond: ((await sent()) - 1) / ((performance.now() - since) / 1000) }
    }

    for (const order of ['none', 'fifo'] as const) {
      it(`gets a request a second while the receiver behind it is away, then each message once, with order ${order}`, async () => {
        const earlier = (await python.seen()).length
        const url = `https://127.0.0.1:${haproxy.port}/`
        await world.deploy({ url, order, retryInterval: 1, retryMaxInterval: 1 })
        await haproxy.setServer('maint')
        const { ids, perSecond } = await sendInOutage(`OUTAGE${order}`, 4)
        assert.ok(perSecond <= 1, `${perSecond} per second`)
        await haproxy.setServer('ready')
        const seen = async () => (await seenSince(earlier)).map(({ messages }) => messages[0]?.id)
        await world.eventually(async () => (await seen()).length === WAITING)
        if (order === 'none') assert.deepEqual((await seen()).sort(), ids.sort())
        else assert.deepEqual(await seen(), ids)
      })
    }

    it('is left alone for as long as it asks', async () => {
      await world.deploy({ url: `https://127.0.0.1:${haproxy.port}/busy`, order: 'none' })
      const before = await haproxy.requests()
      await sendInOutage('BUSY', 1)
      const { nextAt } = (await world.state()).retry ?? {}
      const waitMs = Date.parse(nextAt ?? '') - Date.now()
      assert.ok(waitMs > 20_000 && waitMs <= 30_000, `${waitMs}`)
      assert.equal((await haproxy.requests()) - before, 1)
    })

    it('closes idle connections far away, and "Suspend after a timeout" suspends nothing', async () => {
      const line = await startLongLine(haproxy.port)
      try {
        await world.deploy({
          url: line.url.href,
          replyCodeActions: replyRulePresets.suspendTimeouts
        })
        for (let sent = 0; sent < 20; sent++) {
          const { seen, msg } = await accepted(adt(`IDLE${sent}`))
          assert.deepEqual([seen.messages[0]?.id, msg.hl7.attempts], [`IDLE${sent}`, 1])
          // It has closed the connection, or is about to, and that is not known here yet.
          await wait(KEEP_ALIVE_MS - LATENCY_MS - 20 + sent)
        }
      } finally {
        await line.close()
      }
    })

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`refuses the handshake without its client certificate, ${version}`, async () => {
        const strict = await start(`verify required ssl-min-ver ${version} ssl-max-ver ${version}`)
        try {
          const url = `https://127.0.0.1:${strict.port}/`
          const rules = { replyCodeActions: 'E#tls=F,:?A=C' }
          for (const [by, told] of [
            [null, /wants? a client certificate, or a different one/],
            [await createAuthority('Another'), /does not trust the CA of the client certificate/]
          ] as const) {
            await deployWith(url, by, rules)
            const { error, hl7 } = await world.caught(adt('HANDSHAKE'))
            assert.match(error.message, told)
            assert.match(error.message, /Add a client certificate .* was not delivered/)
            assert.equal(hl7.rule, 'E#tls=F')
          }
          await deployWith(url, world.authority, rules)
          await accepted(adt('HANDSHAKE'))
        } finally {
          await strict.stop()
        }
      })
    }
  })
})

/** A line to a local server on which everything takes a while. */
function startLongLine(port: number): Promise<LocalServer> {
  return startTcpServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      from.on('error', () => undefined)
      from.on('data', (bytes: Buffer) => setTimeout(() => to.write(bytes), LATENCY_MS))
      from.once('close', () => setTimeout(() => to.destroy(), LATENCY_MS))
    }
  }, 'https:')
}
