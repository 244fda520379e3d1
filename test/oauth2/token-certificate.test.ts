import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { startServer, type LocalServer } from '../http-client/local-server.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const DAY = 24 * 3_600_000
// Certificates hold times in whole seconds.
const now = Math.floor(Date.now() / 1000) * 1000

describe('the certificate of a token server', () => {
  let authority: Authority
  const closing: (() => void | Promise<void>)[] = []
  before(async () => {
    authority = await createAuthority()
  })
  after(async () => {
    for (const close of closing.reverse()) await close()
  })

  const serve = async (days: number, answer: (server: LocalServer) => object) => {
    const notAfter = new Date(now + days * DAY)
    const server = await startServer(
      (_request, response) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(answer(server)))
      },
      await authority.issueServer({ notAfter })
    )
    closing.push(server.close)
    return server
  }
  const source = (settings: Parameters<typeof tokenSettings>[0]): TokenSource => {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const tokens = new TokenSource(tokenSettings({ clientSecret: 'not-so-secret', ...settings }), {
      httpClient
    })
    closing.push(() => {
      tokens.close()
      httpClient.close()
    })
    return tokens
  }
  const granted = () => ({ access_token: 'a-token', token_type: 'Bearer', expires_in: 300 })

  it('is known once a token was asked for', async () => {
    const server = await serve(60, granted)
    const tokens = source({ tokenEndpoint: server.url.href })
    const validTo = () => tokens.certificate?.validTo
    assert.equal(validTo(), undefined)
    await tokens.token()
    assert.equal(validTo(), now + 60 * DAY)
  })

  it("is the issuer's if that ends first", async () => {
    for (const days of [20, 100]) {
      const server = await serve(60, granted)
      const issuer = await serve(days, ({ url }) => ({
        issuer: url.origin,
        token_endpoint: server.url.href
      }))
      const tokens = source({ issuer: issuer.url.origin })
      await tokens.token()
      assert.equal(tokens.certificate?.validTo, now + Math.min(days, 60) * DAY)
    }
  })
})
