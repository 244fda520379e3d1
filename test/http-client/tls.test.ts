import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import {
  type Authority,
  createAuthority,
  issueWrongName,
  selfSignedCertificate
} from '../support/certificates.ts'
import { errorOf, type Handler, httpTest, post, start } from './local-server.ts'

const ok: Handler = (_request, response) => response.end('ok')

for (const library of ['undici', 'got'] as const) {
  describe(`the TLS settings of a request with ${library}`, () => {
    const test = httpTest()
    let authority: Authority
    before(async () => {
      authority = await createAuthority()
    })

    it('accept any certificate if they say so, and only then', async () => {
      const { url } = await test.serve(ok, await selfSignedCertificate())
      assert.equal(
        (await post(test[library]({ tls: { rejectUnauthorized: false } }), url)).status,
        200
      )
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        const error = await errorOf(post(test[library](), url))
        assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
    })

    it('name the server that is asked for and checked', async () => {
      const names: unknown[] = []
      const { url } = await test.serve(ok, {
        ...(await issueWrongName(authority)),
        SNICallback: (name, answer) => {
          names.push(name)
          answer(null)
        }
      })
      const tls = { ca: authority.ca, servername: 'other.example' }
      assert.equal((await post(test[library]({ tls }), url)).status, 200)
      const wrong = { ca: authority.ca, servername: 'wrong.example' }
      const error = await errorOf(post(test[library]({ tls: wrong }), url))
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
      assert.deepEqual(names, ['other.example', 'wrong.example'])
    })

    it('hold the client certificate that is sent', async () => {
      const presented: unknown[] = []
      const strict = { ...(await authority.issueServer()), requestCert: true, ca: authority.ca }
      const server = createServer(strict, (request, response) => {
        presented.push((request.socket as unknown as TLSSocket).getPeerCertificate().subject.CN)
        response.end('ok')
      })
      const { url, close } = await start(server, 'https:')
      test.closing(close)
      const own = await authority.issueClient({ commonName: 'ward-12' })
      const mine = test[library]({ tls: { ca: authority.ca, ...own } })
      for (const sent of [1, 2]) {
        assert.equal((await post(mine, url)).status, 200)
        assert.equal(presented.length, sent)
      }
      assert.deepEqual(presented, ['ward-12', 'ward-12'])
    })
  })
}
