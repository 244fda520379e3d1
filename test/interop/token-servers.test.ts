/**
 * Third-party token servers: which clients get a token that the server itself accepts, what the
 * Test button says to the others, and what becomes of a message whose token is worth nothing.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testToken } from '../../src/oauth2/token-test.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { missing } from '../support/debian-packages.ts'
import { startDpopReceiver } from '../support/dpop-receiver.ts'
import { freePort } from '../support/free-port.ts'
import { RECEIVER, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { type BetterAuthServer, RESOURCE } from './better-auth.ts'
import { type ServerProcess, startNginx } from './servers.ts'
import {
  failures,
  isAccepted,
  leaver,
  obtain,
  otherKey,
  p256,
  plain,
  publicPem,
  rsa,
  SECRET_TO_SIGN,
  special,
  withSource
} from './token-clients.ts'
import { SERVER_NAMES, type ServerName, TOKEN_SERVERS } from './token-servers.ts'
import type { TokenServer } from './token-server.ts'

const ALL = SERVER_NAMES
/** Those that know private_key_jwt. */
const KEYS: readonly ServerName[] = ['Authlib', 'better-auth']
const AUTHLIB: readonly ServerName[] = ['Authlib']
const BETTER: readonly ServerName[] = ['better-auth']
const DJANGO: readonly ServerName[] = ['django-oauth-toolkit']
const POST = 'client_secret_post'
const CHECK = 'Check Client ID and Client secret'
const TRY_BASIC = 'try Authentication "Client secret: Basic"'
const TRY_FORM = 'try Authentication "Client secret: in the form'
const MISSPELT = 'misspelt%secret'

type Given = Partial<TokenSettings>
type Row = readonly [servers: readonly ServerName[], what: string, given: Given]
type Refusal = readonly [...Row, answer: string, hint: string]

/** Settings of a client with a secret. */
const secret = (
  clientId: string,
  clientAuth: TokenSettings['clientAuth'] = 'auto',
  clientSecret = plain.secret
): Given => ({ clientId, clientSecret, clientAuth })
/** Settings of a client with a private key. */
const key = (clientId: string, privateKey: string, signingAlg = ''): Given => ({
  ...{ clientId, privateKey, signingAlg }
})
const ofUsers: Given = { ...secret('engine'), scope: 'openid' }
const publicClient: Given = { clientId: 'public', clientAuth: 'none' }

const ACCEPTED: readonly Row[] = [
  [ALL, 'Automatic, which chooses a method that it knows', secret('engine')],
  [DJANGO, 'a secret that it stores as a hash', secret('hashed')],
  [ALL, 'Basic that is not form-encoded', secret('engine', 'client_secret_basic_raw')],
  [KEYS, 'a JWT with RS256', key('rsa', rsa)],
  [KEYS, 'a JWT with RS384', key('rsa', rsa, 'RS384')],
  [KEYS, 'a JWT with PS256', key('rsa', rsa, 'PS256')],
  [KEYS, 'a JWT with ES256', key('p256', p256)],
  [AUTHLIB, 'a JWT with HS256', secret('signs', 'client_secret_jwt', SECRET_TO_SIGN)],
  [AUTHLIB, 'a public client', publicClient]
]

/** With the status, the error code, and a part of the hint. */
const REFUSED: readonly Refusal[] = [
  [
    ALL,
    'a wrong secret',
    secret('engine', 'client_secret_basic', MISSPELT),
    '401 invalid_client',
    CHECK
  ],
  [BETTER, 'an unknown client', secret('nobody'), '401 invalid_client', CHECK],
  [AUTHLIB, 'the form instead of Basic', secret('engine', POST), '401 invalid_client', TRY_BASIC],
  [BETTER, 'the form instead of Basic', secret('engine', POST), '400 invalid_client', TRY_BASIC],
  [BETTER, 'Basic instead of the form', secret('form'), '401 invalid_client', TRY_FORM],
  [AUTHLIB, 'a JWT of another key', key('p256', otherKey), '400 invalid_client', 'the public key'],
  [BETTER, 'a JWT of another key', key('p256', otherKey), '401 invalid_client', 'the public key'],
  [DJANGO, 'a public client', publicClient, '401 invalid_client', 'fill in Client secret'],
  [BETTER, 'a public client', publicClient, '400 unauthorized_client', 'this grant type'],
  [BETTER, 'a scope that is not for it', ofUsers, '400 invalid_scope', 'Check Scope'],
  [BETTER, 'no DPoP proof', secret('bound'), '400 invalid_dpop_proof', 'tick "DPoP']
]

describe('token servers', () => {
  const servers = new Map<ServerName, TokenServer>()
  before(async () => {
    const clients = [
      plain,
      leaver,
      { ...plain, id: 'hashed', hashed: true },
      { ...plain, id: 'form', method: POST },
      { ...plain, id: 'bound', dpop: true },
      { id: 'public', method: 'none' },
      ...special('client_secret_basic'),
      ...special(POST)
    ]
    const keys = [
      { id: 'rsa', method: 'private_key_jwt', key: publicPem(rsa) },
      { id: 'p256', method: 'private_key_jwt', key: publicPem(p256) }
    ]
    const signs = { id: 'signs', method: 'client_secret_jwt', secret: SECRET_TO_SIGN }
    const known = {
      Authlib: [...clients, ...keys, signs],
      'better-auth': [...clients, ...keys],
      'django-oauth-toolkit': clients
    }
    const usable = ALL.filter((name) => TOKEN_SERVERS[name].skip === false)
    await Promise.all(
      usable.map(async (name) => {
        servers.set(name, await TOKEN_SERVERS[name].start(known[name], 300))
      })
    )
  })
  after(() => Promise.all([...servers.values()].map((server) => server.stop())))

  /** The same test with each of the servers. */
  function each(
    names: readonly ServerName[],
    what: string,
    test: (server: TokenServer, name: ServerName) => Promise<void>
  ): void {
    for (const name of names) {
      const { skip } = TOKEN_SERVERS[name]
      it(`${name}: ${what}`, { skip }, () => test(servers.get(name) as TokenServer, name))
    }
  }

  describe('give a token', () => {
    for (const [names, what, given] of ACCEPTED) {
      each(names, what, async (server) => {
        const token = await obtain({ issuer: server.issuer, scope: 'hl7:write', ...given })
        assert.ok(await isAccepted(server, token))
      })
    }

    for (const method of ['client_secret_basic', POST] as const) {
      each(ALL, `special characters in IDs and secrets, ${method}`, async (server) => {
        assert.deepEqual(await failures(server, method), [])
      })
    }

    for (const clientId of ['bound', 'engine']) {
      each(BETTER, `a DPoP proof, client ${clientId}`, async (server) => {
        const result = await tested({ ...secret(clientId), issuer: server.issuer, dpop: true })
        assert.ok(result.ok)
        assert.equal(result.tokenType, 'DPoP')
      })
    }
  })

  describe('refuse, and the hint helps', () => {
    for (const [names, what, given, answer, hint] of REFUSED) {
      each(names, what, async (server) => {
        const result = await tested({ issuer: server.issuer, ...given })
        assert.ok(!result.ok)
        assert.equal(`${result.status} ${result.code}`, answer)
        assert.ok(result.hint.includes(hint), result.hint)
        assert.doesNotMatch(JSON.stringify(result), /misspelt|not-so-secret/)
      })
    }

    each(DJANGO, 'a token URL without the slash at its end', async ({ tokenUrl }) => {
      const result = await tested({ ...secret('engine'), tokenEndpoint: tokenUrl.slice(0, -1) })
      assert.ok(!result.ok)
      assert.equal(result.code, 'ERR_REDIRECT')
    })
  })

  describe('give tokens for three seconds', { concurrency: true }, () => {
    each(ALL, 'none is used after its end', async (_, name) => {
      const server = await TOKEN_SERVERS[name].start([plain], 3)
      const { issuer } = server
      try {
        await withSource({ ...secret('engine'), issuer, scope: 'hl7:write' }, async (source) => {
          const tokens = new Set<string>()
          while (tokens.size < 3) {
            const token = await source.forReceiver(RECEIVER).token()
            tokens.add(token)
            assert.ok(await isAccepted(server, token), `token ${tokens.size}`)
            await sleep(20)
          }
          assert.equal(source.requests.ok, 3)
          const [first = ''] = tokens
          assert.ok(!(await isAccepted(server, first)), 'the server looks at the age')
        })
      } finally {
        await server.stop()
      }
    })
  })

  describe('in a real Node-RED', () => {
    let world: World
    before(async () => {
      world = await startWorld()
    })
    after(() => world.close())

    const deploy = ({ issuer }: TokenServer, url: string, auth: object): Promise<void> =>
      world.deploy({ url, failureTimeout: 0 }, { issuer, ...auth })

    for (const [names, output, statuses] of [
      [ALL.filter((name) => !DJANGO.includes(name)), 'ack', ['accepted', 'refused', 'accepted']],
      // It says 403, within a minute after it has accepted the token.
      [DJANGO, 'caught', ['accepted', 'refused']]
    ] as const) {
      const what = `a token that was revoked: ${output}`
      each(names, what, async (server) => {
        const credentials = secret('engine')
        await deploy(server, server.hl7Url, { credentials })
        const earlier = (await server.seen()).length
        assert.equal((await world.send(adt('REVOKED1'))).output, 'ack')
        await revoke(server, (await server.seen())[earlier]?.token)
        assert.equal((await world.send(adt('REVOKED2'))).output, output)
        const seen = (await server.seen()).slice(earlier)
        assert.deepEqual(
          seen.map(({ status }) => (status === 200 ? 'accepted' : 'refused')),
          statuses
        )
        const [first, again, renewed] = seen.map(({ token }) => token)
        assert.equal(again, first)
        assert.notEqual(renewed, first)
        const log = (await world.nodeRed.printed()).join('\n')
        for (const { token } of seen) assert.ok(!log.includes(token))
      })
    }

    each(BETTER, 'a bound token is accepted only with proofs of its key', async (server) => {
      const receiver = await startDpopReceiver(await world.authority.issueServer())
      const auth = { dpop: true, resource: RESOURCE, credentials: secret('bound') }
      await deploy(server, `${receiver.origin}/hl7`, auth)
      receiver.nonce = 'wanted'
      assert.equal((await world.send(adt('BOUND1'))).output, 'ack')
      assert.deepEqual(
        receiver.requests.map(({ status, problem }) => problem || status),
        ['use_dpop_nonce', 200]
      )
      await receiver.close()
    })

    each(BETTER, 'a client that is deleted, and the error says why', async (server) => {
      const earlier = (await server.seen()).length
      const credentials = { clientId: leaver.id, clientSecret: leaver.secret }
      // It is registered for Basic; Automatic would use Post for such a secret.
      await deploy(server, server.hl7Url, { clientAuth: 'client_secret_basic', credentials })
      assert.equal((await world.send(adt('LEAVER1'))).output, 'ack')
      await (server as BetterAuthServer).deleteClient(leaver.id)
      const { code, message } = (await world.caught(adt('LEAVER2'))).error
      assert.equal(code, 'HL7_DELIVERY_FAILED')
      assert.match(message, /HTTP 401.*invalid_client/s)
      const told = (await world.nodeRed.printed()).join('\n') + message
      const token = (await server.seen())[earlier]?.token ?? ''
      for (const hidden of [leaver.secret, encodeURIComponent(leaver.secret), token]) {
        assert.ok(hidden !== '' && !told.includes(hidden))
      }
    })
  })
})

describe('nginx in front of a token server', { skip: missing('nginx') }, () => {
  let nginx: ServerProcess
  let authority: Authority
  before(async () => {
    authority = await createAuthority()
    nginx = await startNginx(await authority.issueServer(), await freePort(), (directory) => {
      writeFileSync(join(directory, 'ca.crt'), authority.ca)
      return 'ssl_client_certificate ca.crt; ssl_verify_client on;'
    })
  })
  after(() => nginx.stop())

  for (const [what, by] of [
    ['without a client certificate', undefined],
    ['with one that it does not trust', 'Another']
  ] as const) {
    it(`answers 400 ${what}, and the hint names the certificate`, async () => {
      const other = by === undefined ? undefined : await createAuthority(by)
      const client = await other?.issueClient({ commonName: 'ward-12' })
      const httpClient = tokenHttpClient({
        tls: { ca: authority.ca, ...(client && { cert: client.cert, key: client.key }) }
      })
      const tokenEndpoint = `https://127.0.0.1:${nginx.port}/token`
      const result = await testToken(
        tokenSettings({ tokenEndpoint, ...secret('engine') }),
        httpClient
      )
      httpClient.close()
      assert.ok(!result.ok)
      assert.equal(result.status, 400)
      assert.match(result.hint, /client certificate/)
    })
  }
})

/** The result of the Test button. */
async function tested(given: Given): ReturnType<typeof testToken> {
  const httpClient = tokenHttpClient()
  const result = await testToken(tokenSettings(given), httpClient)
  httpClient.close()
  return result
}

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
