import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import got, { type OptionsOfTextResponseBody, type Response } from 'got'
import { decodeJwt } from 'jose'
import {
  type AuthorizationServer,
  startAuthorizationServer
} from '../../demo/authorization-server.ts'
import { type Authority, createAuthority } from '../../demo/certificates.ts'
import { type Hl7Receiver, startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { REGISTRY } from '../../demo/soap-registry.ts'

const audience = 'urn:example:receiver'
const message = [
  'MSH|^~\\&|SENDER|WARD|RECEIVER|CLINIC|20250101120000||ADT^A01^ADT_A01|ID1|P|2.5.1',
  'EVN||20250101120000',
  'PID|1||1000^^^WARD^MR||Muster^Anna||19800101|F',
  'PV1|1|I'
].join('\r')

describe('the authorization server and HL7 receiver of the demo', () => {
  let authority: Authority
  let issuer: AuthorizationServer
  let receiver: Hl7Receiver

  before(async () => {
    authority = await createAuthority()
    const tls = await authority.issueServer()
    issuer = await startIssuer()
    receiver = await startHl7Receiver({
      tls,
      token: { issuer: issuer.issuer, audience, ca: authority.ca }
    })
  })
  after(() => Promise.all([receiver.close(), issuer.close()]))

  async function startIssuer(options: { audience?: string; tokenLifetime?: number } = {}) {
    return startAuthorizationServer({
      tls: await authority.issueServer(),
      clientId: 'client',
      clientSecret: 'secret',
      audience,
      scope: 'hl7',
      ...options
    })
  }

  function request(url: string, options: OptionsOfTextResponseBody): Promise<Response<string>> {
    return got(url, {
      method: 'POST',
      https: { certificateAuthority: authority.ca },
      throwHttpErrors: false,
      retry: { limit: 0 },
      ...options
    })
  }

  async function tokenOf(server: AuthorizationServer): Promise<string> {
    const { body } = await request(`${server.issuer}/token`, {
      username: 'client',
      password: 'secret',
      form: { grant_type: 'client_credentials', scope: 'hl7' }
    })
    return (JSON.parse(body) as { access_token: string }).access_token
  }

  function post(body: string, token: string | undefined): Promise<Response<string>> {
    return request(receiver.url, {
      body,
      headers: {
        'content-type': 'application/hl7-v2; charset=utf-8',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      }
    })
  }

  it('issues a JWT for the audience, with the secret in the header or in the form', async () => {
    const form = { grant_type: 'client_credentials', scope: 'hl7' }
    const before = issuer.tokenRequests
    for (const how of [
      { username: 'client', password: 'secret', form },
      { form: { ...form, client_id: 'client', client_secret: 'secret' } }
    ]) {
      const { statusCode, body } = await request(`${issuer.issuer}/token`, how)
      assert.equal(statusCode, 200)
      const answer = JSON.parse(body) as Record<string, unknown>
      assert.equal(answer['token_type'], 'Bearer')
      assert.equal(answer['expires_in'], 300)
      const claims = decodeJwt(String(answer['access_token']))
      assert.deepEqual(
        [claims.iss, claims.aud, claims['client_id'], claims['scope']],
        [issuer.issuer, audience, 'client', 'hl7']
      )
    }
    assert.equal(issuer.tokenRequests - before, 2)
  })

  it('rejects a wrong secret as invalid_client', async () => {
    const { statusCode, body } = await request(`${issuer.issuer}/token`, {
      username: 'client',
      password: 'wrong',
      form: { grant_type: 'client_credentials' }
    })
    assert.equal(statusCode, 401)
    assert.equal((JSON.parse(body) as { error: string }).error, 'invalid_client')
  })

  it('rejects a scope that it does not know as invalid_scope', async () => {
    const { statusCode, body } = await request(`${issuer.issuer}/token`, {
      username: 'client',
      password: 'secret',
      form: { grant_type: 'client_credentials', scope: 'hl7 HL7' }
    })
    assert.equal(statusCode, 400)
    const { error, scope } = JSON.parse(body) as Record<string, string>
    assert.deepEqual([error, scope], ['invalid_scope', 'HL7'])
  })

  it('acknowledges a message with a valid token', async () => {
    const { statusCode, headers, body } = await post(message, await tokenOf(issuer))
    assert.equal(statusCode, 200)
    assert.equal(headers['content-type'], 'application/hl7-v2; charset=utf-8')
    const [msh, msa] = body.split('\r')
    assert.match(
      msh ?? '',
      /^MSH\|\^~\\&\|RECEIVER\|CLINIC\|SENDER\|WARD\|\d{14}\+0000\|\|ACK\^A01/
    )
    assert.equal(msa, 'MSA|AA|ID1')
    assert.deepEqual(receiver.requests.at(-1)?.body, Buffer.from(message))
  })

  it('answers a missing, changed or foreign token with a challenge', async (t) => {
    const good = await tokenOf(issuer)
    const otherAudience = await startIssuer({ audience: 'urn:example:other' })
    t.after(() => otherAudience.close())
    const otherIssuer = await startIssuer()
    t.after(() => otherIssuer.close())
    const refused = {
      missing: undefined,
      changed: good.slice(0, -6) + (good.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'),
      'of another issuer': await tokenOf(otherIssuer),
      'for another audience': await tokenOf(otherAudience)
    }
    for (const [what, token] of Object.entries(refused)) {
      const { statusCode, headers, body } = await post(message, token)
      assert.equal(statusCode, 401, what)
      assert.match(headers['www-authenticate'] ?? '', /^Bearer realm="HL7"/, what)
      assert.equal(body, '', what)
    }
    assert.equal(receiver.counters.unauthorized, 4)
  })

  it('takes a user name and a password in a form or in SOAP in place of a token', async () => {
    const form = { USERID: 'ward', PASSWORD: 'any', MESSAGEDATA: message }
    const soap = (password: string) => ({
      headers: {
        'content-type': `application/soap+xml; charset=utf-8; action="${REGISTRY}:submitSingleMessage"`
      },
      body:
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>' +
        `<submitSingleMessage xmlns="${REGISTRY}"><username>ward</username><password>${password}` +
        '</password><facilityID/><hl7Message>' +
        message.replaceAll('&', '&amp;').replaceAll('\r', '&#13;') +
        '</hl7Message></submitSingleMessage></e:Body></e:Envelope>'
    })
    for (const accepted of [{ form }, soap('any')]) {
      const { statusCode, body } = await request(receiver.url, accepted)
      assert.equal(statusCode, 200)
      assert.match(body, /MSA\|AA\|ID1/)
    }
    for (const refused of [{ form: { ...form, PASSWORD: '' } }, soap('')]) {
      assert.equal((await request(receiver.url, refused)).statusCode, 401)
    }
  })

  it('answers an upload with JSON if it accepts the message, else with HL7', async () => {
    const upload = async (text: string): Promise<Response<string>> => {
      const body = new FormData()
      body.set('payload', new Blob([text]), 'message.hl7')
      const authorization = `Bearer ${await tokenOf(issuer)}`
      return request(receiver.url, { body, headers: { authorization } })
    }
    assert.equal((await upload(message)).body, '{"status":"received"}')
    assert.match((await upload(message.replace('|2.5.1', '|9.9'))).body, /^MSH.*\rMSA\|AR\|ID1\r/)
  })

  it('rejects an expired token, and says why', async (t) => {
    const shortLived = await startIssuer({ tokenLifetime: 1 })
    t.after(() => shortLived.close())
    const strict = await startHl7Receiver({
      tls: await authority.issueServer(),
      token: { issuer: shortLived.issuer, audience, ca: authority.ca }
    })
    t.after(() => strict.close())
    const token = await tokenOf(shortLived)
    await wait((decodeJwt(token).exp ?? 0) * 1000 - Date.now() + 10)
    const { statusCode, headers } = await request(strict.url, {
      body: message,
      headers: { authorization: `Bearer ${token}` }
    })
    assert.equal(statusCode, 401)
    assert.match(headers['www-authenticate'] ?? '', /invalid_token.*has expired/)
  })

  it('rejects anything but an HL7 message, another path and another method', async () => {
    const token = await tokenOf(issuer)
    assert.equal((await post('<html></html>', token)).statusCode, 400)
    const headers = { authorization: `Bearer ${token}` }
    const elsewhere = await request(new URL('/', receiver.url).href, { body: message, headers })
    assert.equal(elsewhere.statusCode, 404)
    assert.equal((await request(receiver.url, { method: 'DELETE', headers })).statusCode, 405)
  })

  it('does what a test wants: gives another answer, or cuts the connection before or within it', async () => {
    receiver.respond = () => ({ status: 503, headers: { 'Retry-After': '7' }, body: 'later' })
    const { statusCode, headers, body } = await post(message, undefined)
    assert.deepEqual([statusCode, headers['retry-after'], body], [503, '7', 'later'])
    for (const cut of ['before', 'within'] as const) {
      receiver.respond = () => ({ body: 'MSH|^~', cut })
      await assert.rejects(post(message, undefined), /hang up|aborted|mismatch/)
    }
    receiver.respond = () => undefined
    assert.equal((await post(message, undefined)).statusCode, 401)
    receiver.respond = undefined
  })

  it('is trusted only by clients that know its CA certificate', async () => {
    const other = await createAuthority()
    await assert.rejects(
      got.post(receiver.url, { https: { certificateAuthority: other.ca }, retry: { limit: 0 } }),
      { code: /CERT_SIGNATURE_FAILURE|UNABLE_TO_VERIFY/ }
    )
  })
})
