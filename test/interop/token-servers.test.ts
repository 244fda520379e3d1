/**
 * Tokens from third-party token servers, with every authentication method that each knows and with
 * secrets that are hard to transmit; and what happens to a message when its token was revoked.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testToken } from '../../src/oauth2/token-client.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import {
  assertWorks,
  failures,
  isAccepted,
  obtain,
  p256,
  plain,
  privatePem,
  publicPem,
  rsa,
  SECRET_TO_SIGN,
  special
} from './token-clients.ts'
import { SERVER_NAMES, type ServerName, TOKEN_SERVERS, type TokenServer } from './token-servers.ts'

describe('token servers', () => {
  const servers = new Map<string, TokenServer>()
  const serverOf = (name: ServerName) => servers.get(name) as TokenServer
  const skipOf = (name: ServerName) => ({ skip: TOKEN_SERVERS[name].skip })
  before(async () => {
    const clients = [
      plain,
      { ...plain, id: 'hashed', hashed: true },
      { id: 'public', method: 'none' },
      ...special('client_secret_basic'),
      ...special('client_secret_post')
    ]
    const rsaAndP256 = [
      { id: 'rsa', method: 'private_key_jwt', key: publicPem(rsa) },
      { id: 'p256', method: 'private_key_jwt', key: publicPem(p256) }
    ]
    const signsWithSecret = {
      id: 'secret-jwt',
      method: 'client_secret_jwt',
      secret: SECRET_TO_SIGN
    }
    const known = {
      Authlib: [...clients, ...rsaAndP256, signsWithSecret],
      'better-auth': [...clients, ...rsaAndP256],
      'django-oauth-toolkit': clients
    }
    await Promise.all(
      SERVER_NAMES.filter((name) => TOKEN_SERVERS[name].skip === false).map(async (name) => {
        servers.set(name, await TOKEN_SERVERS[name].start(known[name]))
      })
    )
  })
  after(() => Promise.all([...servers.values()].map((server) => server.stop())))

  for (const name of SERVER_NAMES) {
    describe(name, skipOf(name), () => {
      it('is found by its issuer, and Automatic chooses a method that it knows', async () => {
        for (const clientId of ['engine', 'hashed']) {
          await assertWorks(serverOf(name), { clientId, clientSecret: plain.secret })
        }
      })

      for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
        it(`understands special characters in IDs and secrets with ${method}`, async () => {
          assert.deepEqual(await failures(serverOf(name), method), [])
        })
      }

      it('understands Basic that is not form-encoded', async () => {
        await assertWorks(serverOf(name), {
          clientId: plain.id,
          clientSecret: plain.secret,
          clientAuth: 'client_secret_basic_raw'
        })
      })

      it('refuses a wrong secret, and the result says so without it', async () => {
        const httpClient = tokenHttpClient()
        const { issuer } = serverOf(name)
        const clientSecret = 'misspelt%secret'
        const result = await testToken(
          tokenSettings({ issuer, clientId: plain.id, clientSecret }),
          httpClient
        )
        httpClient.close()
        assert.ok(!result.ok)
        assert.deepEqual([result.code, result.status], ['invalid_client', 401])
        assert.doesNotMatch(JSON.stringify(result), /misspelt/)
      })

      it('gives tokens for seconds, and none is used after its end', async () => {
        const server = await TOKEN_SERVERS[name].start([plain], 3)
        const httpClient = tokenHttpClient()
        const source = new TokenSource(
          tokenSettings({
            issuer: server.issuer,
            scope: 'hl7:write',
            clientId: plain.id,
            clientSecret: plain.secret
          }),
          { httpClient }
        )
        try {
          const tokens = new Set<string>()
          while (tokens.size < 3) {
            const token = await source.token()
            tokens.add(token)
            assert.ok(await isAccepted(server, token), `token ${tokens.size}`)
            await sleep(20)
          }
          assert.equal(source.requests.ok, 3)
          const [first = ''] = tokens
          assert.ok(!(await isAccepted(server, first)), 'the server looks at the age')
        } finally {
          source.close()
          httpClient.close()
          await server.stop()
        }
      })
    })
  }

  for (const name of ['Authlib', 'better-auth'] as const) {
    describe(`${name}, which knows keys`, skipOf(name), () => {
      for (const [clientId, pair, signingAlg] of [
        ['rsa', rsa, ''],
        ['rsa', rsa, 'RS384'],
        ['rsa', rsa, 'PS256'],
        ['p256', p256, '']
      ] as const) {
        it(`accepts a JWT that the key ${clientId} signed, algorithm "${signingAlg}"`, async () => {
          const privateKey = privatePem(pair)
          await assertWorks(serverOf(name), { clientId, privateKey, signingAlg })
        })
      }

      it('refuses a JWT that another key signed', async () => {
        const { issuer } = serverOf(name)
        const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
        const privateKey = privatePem(other)
        assert.equal(await obtain({ issuer, clientId: 'p256', privateKey }), 'invalid_client')
      })

      it('refuses a client that uses another method than the registered one', async () => {
        const { issuer } = serverOf(name)
        const given = { issuer, clientId: plain.id, clientSecret: plain.secret }
        assert.equal(await obtain({ ...given, clientAuth: 'client_secret_post' }), 'invalid_client')
      })
    })
  }

  describe('Authlib, which knows more methods', skipOf('Authlib'), () => {
    it('accepts a JWT that the secret signed', async () => {
      await assertWorks(serverOf('Authlib'), {
        clientId: 'secret-jwt',
        clientSecret: SECRET_TO_SIGN,
        clientAuth: 'client_secret_jwt'
      })
    })

    it('accepts a public client', async () => {
      await assertWorks(serverOf('Authlib'), { clientId: 'public', clientAuth: 'none' })
    })
  })

  describe('django-oauth-toolkit, which knows fewer', skipOf('django-oauth-toolkit'), () => {
    it('refuses a public client', async () => {
      const { issuer } = serverOf('django-oauth-toolkit')
      assert.equal(
        await obtain({ issuer, clientId: 'public', clientAuth: 'none' }),
        'invalid_client'
      )
    })

    it('redirects from a token URL without the slash at its end, and the error says so', async () => {
      const { tokenUrl } = serverOf('django-oauth-toolkit')
      const tokenEndpoint = tokenUrl.slice(0, -1)
      const given = { tokenEndpoint, clientId: plain.id, clientSecret: plain.secret }
      assert.equal(await obtain(given), 'ERR_REDIRECT')
    })
  })

  describe('a token that was revoked', () => {
    let world: World
    before(async () => {
      world = await startWorld()
    })
    after(() => world.close())

    const deploy = (server: TokenServer, auth: Record<string, unknown>) =>
      world.deploy(
        { url: server.hl7Url, failureTimeout: 0 },
        {
          issuer: server.issuer,
          credentials: { clientId: plain.id, clientSecret: plain.secret },
          ...auth
        }
      )

    /** Sends a message. @returns the probe that it reached */
    async function send(id: string): Promise<string> {
      const { nodeRed } = world
      const probes = ['ack', 'nak', 'caught']
      const before = probes.map((probe) => nodeRed.messages(probe).length)
      await nodeRed.inject('in', { payload: adt(id) })
      return nodeRed.waitFor(() =>
        probes.find((probe, at) => nodeRed.messages(probe).length > (before[at] ?? 0))
      )
    }

    for (const name of SERVER_NAMES) {
      it(`of ${name} is replaced, and the message arrives`, skipOf(name), async () => {
        const server = serverOf(name)
        const { refusal } = TOKEN_SERVERS[name]
        await deploy(server, { refreshOnStatus: '401,403' })
        const earlier = (await server.seen()).length
        assert.equal(await send('REVOKED1'), 'ack')
        await revoke(server, (await server.seen())[earlier]?.token)
        assert.equal(await send('REVOKED2'), 'ack')
        const seen = (await server.seen()).slice(earlier)
        assert.deepEqual(
          seen.map(({ status }) => status),
          [200, refusal, 200]
        )
        assert.equal(seen[1]?.token, seen[0]?.token)
        assert.notEqual(seen[2]?.token, seen[0]?.token)
        const log = (await world.nodeRed.printed()).join('\n')
        for (const { token } of seen) assert.ok(!log.includes(token))
      })
    }

    it(
      'of django-oauth-toolkit is not recognised as refused without 403',
      skipOf('django-oauth-toolkit'),
      async () => {
        const server = serverOf('django-oauth-toolkit')
        await deploy(server, {})
        const earlier = (await server.seen()).length
        assert.equal(await send('REVOKED3'), 'ack')
        await revoke(server, (await server.seen())[earlier]?.token)
        assert.equal(await send('REVOKED4'), 'caught')
        assert.deepEqual(
          (await server.seen()).slice(earlier).map(({ status }) => status),
          [200, 403]
        )
      }
    )
  })
})

/** Revokes a token as the client to which it was given (RFC 7009). */
async function revoke({ revocationUrl }: TokenServer, token?: string): Promise<void> {
  assert.ok(token, 'a token was used')
  const { status } = await fetch(revocationUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${plain.id}:${plain.secret}`)}` },
    body: new URLSearchParams({ token })
  })
  assert.equal(status, 200)
}
