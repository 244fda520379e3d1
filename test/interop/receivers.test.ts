/**
 * The real node against third-party servers: nginx as a TLS proxy, Apache as an OAuth resource
 * server, and python-hl7 to read the messages and write the acknowledgements.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { adt, startWorld, type World } from '../support/world.ts'
import { missing } from '../support/debian-packages.ts'
import {
  type PythonReceiver,
  type Seen,
  type ServerProcess,
  startApache,
  startNginx,
  startPythonReceiver
} from './servers.ts'

type Message = Record<string, unknown> & { hl7: Record<string, unknown> }
type Caught = Message & {
  error: { code: string; message: string; cause?: { code: string; status?: number } }
}

const skip = missing('nginx', 'Apache', 'mod_auth_openidc', 'mod_oauth2', 'python-hl7')

describe('against nginx, Apache and python-hl7', { skip }, () => {
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

  /** Sends a message. @returns where it left, and what python-hl7 found in it */
  async function send(
    payload: string
  ): Promise<{ probe: string; msg: Message; seen: Seen | undefined }> {
    const { nodeRed } = world
    const probes = ['ack', 'nak', 'caught']
    const before = probes.map((probe) => nodeRed.messages(probe).length)
    const earlier = (await python.seen()).length
    await nodeRed.inject('in', { payload })
    const probe = await nodeRed.waitFor(() =>
      probes.find((name, index) => nodeRed.messages(name).length > (before[index] ?? 0))
    )
    const msg = nodeRed.messages(probe).at(-1) as Message
    return { probe, msg, seen: (await python.seen())[earlier] }
  }

  /** Sends 1,000 messages, which must arrive once each, and in order where there is one. */
  async function sendThousand(order: string): Promise<void> {
    const { nodeRed } = world
    const before = nodeRed.messages('ack').length
    const earlier = (await python.seen()).length
    const ids = Array.from({ length: 1000 }, (_, index) => `${order}${index}`)
    for (const id of ids) await nodeRed.inject('in', { payload: adt(id) })
    await nodeRed.waitFor(
      () => (nodeRed.messages('ack').length >= before + ids.length ? true : undefined),
      60_000
    )
    const seen = (await python.seen()).slice(earlier).map(({ messages }) => messages[0]?.id)
    if (order === 'fifo') assert.deepEqual(seen, ids)
    else assert.deepEqual(seen.sort(), ids.sort())
  }

  async function caught(payload: string): Promise<Caught> {
    const { probe, msg } = await send(payload)
    assert.equal(probe, 'caught', JSON.stringify(msg))
    return msg as Caught
  }

  describe('nginx that requires a client certificate', () => {
    let nginx: ServerProcess
    before(async () => {
      nginx = await startNginx(await world.authority.issueServer(), python.port, (directory) => {
        writeFileSync(join(directory, 'ca.crt'), world.authority.ca)
        return `
    ssl_client_certificate ca.crt;
    ssl_verify_client on;
    keepalive_timeout 1s;
    client_max_body_size 1m;
    gzip on;
    gzip_proxied any;
    gzip_types application/hl7-v2;`
      })
    })
    after(() => nginx.stop())

    const deploy = async (
      { cert, key } = { cert: '', key: '' },
      out: Record<string, unknown> = {}
    ) => {
      const url = `https://127.0.0.1:${nginx.port}/hl7`
      const flow = world.flow({ url, failureTimeout: 0, ...out })
      await world.nodeRed.deploy(
        flow.map((node) =>
          node.id === 'tls'
            ? {
                ...node,
                // Empty values remove what an earlier deploy stored.
                credentials: { cadata: world.authority.ca, certdata: cert, keydata: key }
              }
            : node
        )
      )
    }

    it('accepts messages with a certificate, and compresses its answers if it is asked to', async () => {
      await deploy(await world.authority.issueClient({ commonName: 'ward-12' }), {
        headers: [{ name: 'Accept-Encoding', value: 'gzip', valueType: 'str' }]
      })
      const { probe, msg, seen } = await send(adt('NGINX001'))
      assert.equal(probe, 'ack', JSON.stringify(msg['error']))
      assert.equal(seen?.subject, 'CN=ward-12')
      assert.equal(seen.forwarded, 'https')
      assert.deepEqual(seen.messages, [
        {
          id: 'NGINX001',
          type: 'ADT^A01^ADT_A01',
          segments: ['MSH', 'EVN', 'PID', 'PV1'],
          family: 'Lindqvist'
        }
      ])
      assert.equal(seen.type, 'application/hl7-v2')
      assert.equal((msg['headers'] as Record<string, string>)['content-encoding'], 'gzip')
      const { code, controlId } = msg.hl7['ack'] as Record<string, string>
      assert.deepEqual({ code, controlId }, { code: 'AA', controlId: 'NGINX001' })
      assert.match(String(msg['payload']), /NTE\|1\|\|stored/)
    })

    for (const order of ['fifo', 'none']) {
      it(`gets 1,000 messages once each, with order ${order}`, async () => {
        await deploy(await world.authority.issueClient(), { order, failureTimeout: 900 })
        await sendThousand(order)
      })
    }

    it('passes on a NAK of python-hl7', async () => {
      const { probe, msg } = await send(adt('NGINX002').replace('Lindqvist', 'Refused'))
      assert.equal(probe, 'nak')
      assert.equal((msg.hl7['ack'] as { code: string }).code, 'AE')
    })

    it('closes idle connections, and no message is lost', async () => {
      for (const id of ['NGINX003', 'NGINX004', 'NGINX005']) {
        const { probe, msg } = await send(adt(id))
        assert.equal(probe, 'ack', JSON.stringify(msg['error']))
        // Around the one second after which nginx closes the connection.
        await new Promise((resolve) => setTimeout(resolve, id === 'NGINX003' ? 1000 : 1300))
      }
    })

    it('accepts other character sets and batches, which python-hl7 can read', async () => {
      await deploy(await world.authority.issueClient(), { charset: 'iso-8859-1' })
      const latin = await send(adt('NGINX006').replace('Lindqvist', 'Søndergård'))
      assert.equal(latin.seen?.charset, 'iso-8859-1')
      assert.equal(latin.seen.messages[0]?.family, 'Søndergård')
      await deploy(await world.authority.issueClient())
      const utf8 = await send(adt('NGINX007').replace('Lindqvist', '李小龍'))
      assert.equal(utf8.seen?.messages[0]?.family, '李小龍')
      const batch = [
        'FHS|^~\\&|WARDSYS|NORTHSIDE|||20260102||||F1',
        'BHS|^~\\&|WARDSYS|NORTHSIDE|||20260102||||B1',
        adt('NGINX008'),
        adt('NGINX009'),
        'BTS|2',
        'FTS|1'
      ].join('\r')
      const { seen } = await send(batch)
      assert.deepEqual(
        seen?.messages.map(({ id }) => id),
        ['NGINX008', 'NGINX009']
      )
    })

    it('refuses a message that is too large, and the error says so', async () => {
      const large = `${adt('NGINX010')}\rOBX|1|ED|PDF||${'QUJD'.repeat(400_000)}`
      const { error, ...msg } = await caught(large)
      assert.equal(error.code, 'HL7_DELIVERY_FAILED')
      assert.equal(error.cause?.status, 413)
      assert.match(error.message, /too large for the receiver/)
      assert.match(String(msg.hl7['reply']), /nginx/)
    })

    it('answers 400 with HTML to a sender without a certificate', async () => {
      await deploy()
      const { error, ...msg } = await caught(adt('NGINX011'))
      assert.equal(error.cause?.status, 400)
      assert.match(String(msg.hl7['reply']), /No required SSL certificate was sent/)
    })

    it('answers 400 to a sender whose certificate it does not trust', async () => {
      const { createAuthority } = await import('../support/certificates.ts')
      await deploy(await (await createAuthority('Another')).issueClient())
      const { error } = await caught(adt('NGINX012'))
      assert.equal(error.cause?.status, 400)
    })

    it('answers 502 when the receiver behind it is away', async () => {
      const gone = await startPythonReceiver()
      await gone.stop()
      const alone = await startNginx(await world.authority.issueServer(), gone.port, () => '')
      try {
        await world.deploy({ url: `https://127.0.0.1:${alone.port}/`, failureTimeout: 0 })
        const { error } = await caught(adt('NGINX013'))
        assert.equal(error.cause?.status, 502)
        assert.match(error.message, /gateway/)
      } finally {
        await alone.stop()
      }
    })
  })

  describe('Apache that checks the token', () => {
    let apache: ServerProcess
    before(async () => {
      apache = await startApache(await world.authority.issueServer(), python.port, {
        jwksUri: `${world.tokens.issuer}/jwks`,
        audience: 'https://hl7.test'
      })
    })
    after(() => apache.stop())
    const deploy = (path: string, out: Record<string, unknown> = {}) =>
      world.deploy({
        url: `https://127.0.0.1:${apache.port}${path}`,
        failureTimeout: 0,
        ...out
      })

    for (const [module, path] of [
      ['mod_auth_openidc', '/openidc'],
      ['mod_oauth2', '/oauth2']
    ] as const) {
      it(`lets our token pass with ${module}`, async () => {
        await deploy(path)
        const { probe, msg, seen } = await send(adt('APACHE01'))
        assert.equal(probe, 'ack', JSON.stringify(msg['error']))
        assert.equal(seen?.subject, 'test-client')
        assert.equal(seen.messages[0]?.id, 'APACHE01')
      })

      it(`gets 1,000 messages once each with ${module}`, async () => {
        await deploy(path, { failureTimeout: 900 })
        await sendThousand('fifo')
      })

      it(`refuses a sender without a token with ${module}`, async () => {
        const before = (await python.seen()).length
        await deploy(path, { auth: '' })
        const { error } = await caught(adt('APACHE02'))
        assert.equal(error.cause?.status, 401)
        assert.equal((await python.seen()).length, before)
      })
    }

    it('refuses a token for another audience, after one try with a new token', async () => {
      await deploy('/other')
      const tokens = world.tokens.tokenRequests
      const before = (await python.seen()).length
      const { error } = await caught(adt('APACHE03'))
      assert.equal(error.cause?.status, 401)
      assert.match(error.message, /refuse/)
      assert.equal(world.tokens.tokenRequests - tokens, 2)
      assert.equal((await python.seen()).length, before)
    })
  })
})
