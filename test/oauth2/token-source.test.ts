import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { describe, it } from 'node:test'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import { createAuthority } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { json, text } from '../support/token-fault-server.ts'
import { RECEIVER, tokenHttpClient } from '../support/token-settings.ts'
import { tokenTest, withMetadata } from '../support/token-test.ts'
import { startServer } from '../http-client/local-server.ts'

const DAY = 24 * 3_600_000
const TOKEN = 'a-token-in-good-order'

describe('the tokens of a node', () => {
  const test = tokenTest()

  it('are asked for once, after one discovery, for any number of callers', async () => {
    test.server.answer = withMetadata({})
    const source = test.source({ tokenEndpoint: '', issuer: test.server.origin })
    assert.deepEqual(source.forReceiver(RECEIVER).status, { state: 'idle' })
    const all = await Promise.all(
      Array.from({ length: 50 }, () => source.forReceiver(RECEIVER).token())
    )
    assert.deepEqual(new Set(all), new Set([TOKEN]))
    assert.equal(await source.forReceiver(RECEIVER).token(), TOKEN)
    const asked = test.server.seen.map(({ url }) => url)
    assert.deepEqual(asked, ['/.well-known/openid-configuration', '/token'])
    assert.equal(source.forReceiver(RECEIVER).status.state, 'ok')
  })

  const now = new FakeClock().now() / 1000
  const jwt = (claims: object): string =>
    ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'c2ln'].join('.')
  for (const [what, expires_in, token, seconds] of [
    ['as it says', 600, jwt({ exp: now + 60 }), 600],
    ['five minutes if nobody says', undefined, TOKEN, 300],
    ['five minutes if nobody says', null, 'a.token.of-others', 300],
    ['as the token says', undefined, jwt({ exp: now + 900 }), 900],
    ['as the token says, issued again later', '', jwt({ iat: now - 3000, exp: now + 600 }), 600],
    ['as the token says, by a clock ahead', undefined, jwt({ iat: now + 50, exp: now + 90 }), 40],
    ['as the token says, by a clock behind', undefined, jwt({ iat: now - 900, exp: now }), 900],
    ['a day at most', undefined, jwt({ exp: now + 1e9 }), 86_400],
    ['five minutes if its exp is over', undefined, jwt({ exp: now - 1 }), 300],
    ['five minutes if its exp is no number', undefined, jwt({ exp: String(now + 900) }), 300]
  ] as const) {
    it(`live as long as the server says: ${what}`, async () => {
      test.server.answer = json({ access_token: token, expires_in })
      const clock = new FakeClock()
      const source = test.source({}, { clock })
      await source.forReceiver(RECEIVER).token()
      const validUntil = clock.now() + seconds * 1000 - Math.min(10_000, seconds * 100)
      assert.deepEqual(source.forReceiver(RECEIVER).status, { state: 'ok', validUntil })
    })
  }

  it('are not tried for with the password of a person, which could be locked', () => {
    const login = { username: 'interface', password: 'not-so-secret' }
    assert.equal(test.source({ grantType: 'password', ...login }).trials, undefined)
    assert.notEqual(test.source().trials, undefined)
  })

  it('are asked for with a password again within half a minute at first, then an hour', async () => {
    test.server.answer = json({ error: 'invalid_grant' }, 400)
    const clock = new FakeClock()
    const login = { username: 'interface', password: 'not-so-secret' }
    const source = test.source({ grantType: 'password', ...login }, { clock, random: () => 0.5 })
    const waits: number[] = []
    for (let request = 0; request < 9; request++) {
      await assert.rejects(source.forReceiver(RECEIVER).token(), (error: TokenError) => {
        waits.push((error.retryAfterMs ?? 0) / 1000)
        clock.pass(error.retryAfterMs ?? 0)
        return true
      })
    }
    assert.deepEqual(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600])
    assert.equal(test.server.seen.length, 9)
  })

  it('wait for a restart if an update has removed what asks for them', async () => {
    const source = test.source({ tokenEndpoint: '', issuer: test.server.origin })
    const update = registerHooks({
      resolve(specifier, context, resolveNext) {
        const isGone = specifier === 'openid-client'
        return resolveNext(isGone ? './replaced.ts' : specifier, context)
      }
    })
    try {
      const known = { code: 'ERR_MODULE_NOT_FOUND', message: /restart Node-RED/, permanent: true }
      await assert.rejects(source.forReceiver(RECEIVER).token(), known)
      assert.equal(source.forReceiver(RECEIVER).status.state, 'none')
    } finally {
      update.deregister()
    }
  })

  it('show the status of an answer without a code', async () => {
    test.server.answer = text('', 'text/plain', 500)
    const source = test.source()
    await assert.rejects(source.forReceiver(RECEIVER).token(), { code: 'ERR_HTTP_STATUS' })
    const { host } = new URL(test.server.origin)
    assert.deepEqual(source.forReceiver(RECEIVER).status, {
      ...{ state: 'none', code: 'HTTP 500', status: 500, host, permanent: false },
      message: `The token server ${host} answered with HTTP 500.`,
      hint: 'The token server has a problem; the request will be retried. If this goes on, ask its operator.'
    })
  })

  it("come with the date of the server's certificate, or the issuer's if that ends first", async (t) => {
    // Certificates hold times in whole seconds.
    const now = Math.floor(Date.now() / 1000) * 1000
    const authority = await createAuthority()
    const serve = async (days: number, answer: (origin: string) => object): Promise<URL> => {
      const notAfter = new Date(now + days * DAY)
      const server = await startServer(
        (_request, response) => response.end(JSON.stringify(answer(server.url.origin))),
        await authority.issueServer({ notAfter })
      )
      t.after(() => server.close())
      return server.url
    }
    const tokenServer = await serve(60, () => ({ access_token: TOKEN }))
    for (const days of [20, 100]) {
      const { origin } = await serve(days, (issuer) => ({
        issuer,
        token_endpoint: tokenServer.href
      }))
      const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
      const source = test.source({ tokenEndpoint: '', issuer: origin }, { httpClient })
      const validTo = (): unknown => source.certificate?.validTo
      assert.equal(validTo(), undefined)
      await source.forReceiver(RECEIVER).token()
      assert.equal(validTo(), now + Math.min(days, 60) * DAY)
      httpClient.close()
    }
  })
})
