/** Token, proof and TLS of a receiver with two addresses, each of another origin. */
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { after, afterEach, before, describe, it } from 'node:test'
import { close, listen } from '../../demo/loopback.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Courier } from '../../src/delivery/courier.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { faultOf } from '../../src/delivery/fault.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { createClient } from '../http-client/local-server.ts'
import {
  createAuthority,
  issueWrongName,
  type Authority,
  type Certificate
} from '../support/certificates.ts'
import { startDpopReceiver, type DpopReceiver } from '../support/dpop-receiver.ts'
import { plainReceiver } from '../support/exchange.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const parcel = {
  message: readOutgoingMessage('MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1\r', 'auto'),
  input: {},
  responseTimeoutMs: 2000
}

interface Pair {
  source: TokenSource
  attempt: (address: Address) => Promise<AttemptResult>
}

describe('a receiver with two origins', () => {
  let authority: Authority
  let tls: Certificate
  let provider: TokenProvider
  let first: DpopReceiver
  let backup: DpopReceiver
  const closing: (() => unknown)[] = []
  before(async () => {
    authority = await createAuthority()
    tls = await authority.issueServer()
    first = await startDpopReceiver(tls)
    backup = await startDpopReceiver(tls)
    provider = await startTokenProvider({
      tls,
      clients: [
        {
          client_id: 'integration-engine',
          client_secret: 'not-so-secret',
          token_endpoint_auth_method: 'client_secret_basic',
          dpop_bound_access_tokens: true
        }
      ]
    })
  })
  afterEach(async () => {
    for (const end of closing.splice(0)) await end()
    for (const receiver of [first, backup]) {
      Object.assign(receiver, { nonce: undefined, next: undefined, requests: [] })
      receiver.refused.clear()
    }
  })
  after(() => Promise.all([provider.close(), first.close(), backup.close()]))

  function start(urls: { first: string; backup: string }, servername?: string): Pair {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const settings = { issuer: provider.issuer, clientSecret: 'not-so-secret', dpop: true }
    const source = new TokenSource(tokenSettings(settings), { httpClient })
    const client = createClient({
      tls: { ca: authority.ca, ...(servername !== undefined && { servername }) }
    })
    closing.push(() => {
      source.close()
      httpClient.close()
      client.close()
    })
    const url = new URL(urls.first)
    const backupUrl = new URL(urls.backup)
    const courier = new Courier({
      receiver: new Receiver({ ...plainReceiver(url), backupUrl, authScheme: 'DPoP' }, client),
      tokens: source.forReceiver(url.href),
      backupTokens: source.forReceiver(backupUrl.href),
      rules: parseReplyRules(''),
      reply: {},
      secrets: []
    })
    return { source, attempt: (address) => courier.attempt({ ...parcel, address }) }
  }

  const both = (): { first: string; backup: string } => ({
    first: `${first.origin}/hl7`,
    backup: `${backup.origin}/hl7/second`
  })
  const outcomes = ({ requests }: DpopReceiver): (number | string)[] =>
    requests.map(({ problem, status }) => (problem === '' ? status : problem))

  it('gets one token at both, with a proof for the address that is asked', async () => {
    const { attempt, source } = start(both())
    for (const address of ['first', 'backup', 'first'] as const) {
      assert.equal((await attempt(address)).decision.outcome, 'accept')
    }
    assert.deepEqual(
      [...first.requests, ...backup.requests].map(({ claims }) => claims['htu']),
      [`${first.origin}/hl7`, `${first.origin}/hl7`, `${backup.origin}/hl7/second`]
    )
    const tokens = [...first.requests, ...backup.requests].map(({ token }) => token)
    assert.equal(new Set(tokens).size, 1)
    assert.deepEqual(source.requests, { ok: 1, error: 0 })
  })

  it('has a nonce of its own at each', async () => {
    const { attempt } = start(both())
    first.nonce = 'of the first'
    backup.nonce = 'of the backup'
    for (const address of ['first', 'backup', 'first', 'backup'] as const) {
      assert.equal((await attempt(address)).decision.outcome, 'accept')
    }
    // What the other one wants would be refused here.
    assert.deepEqual(outcomes(first), ['use_dpop_nonce', 200, 200])
    assert.deepEqual(outcomes(backup), ['use_dpop_nonce', 200, 200])
  })

  it('may refuse every token at one address: at the other, messages go on with theirs', async () => {
    const { attempt, source } = start(both())
    await attempt('first')
    backup.refused.has = () => true
    closing.push(() => Reflect.deleteProperty(backup.refused, 'has'))
    // A fresh one is fetched for it, once.
    assert.equal((await attempt('backup')).reply?.status, 401)
    assert.deepEqual(outcomes(backup), ['invalid_token', 'invalid_token'])
    assert.equal((await attempt('first')).decision.outcome, 'accept')
    assert.equal((await attempt('backup')).error?.code, 'ERR_TOKEN_REFUSED')
    assert.equal((await attempt('first')).decision.outcome, 'accept')
    assert.deepEqual(source.requests, { ok: 2, error: 0 })
    assert.equal(source.forReceiver(both().first).status.state, 'ok')
    assert.equal(source.forReceiver(both().backup).status.state, 'none')
  })

  it('gives the token to no third one, though an address says that it is there', async () => {
    const third = await startDpopReceiver(tls)
    closing.push(() => third.close())
    const elsewhere = createServer(tls, (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(307, { location: `${third.origin}/hl7` }).end()
      })
    })
    const origin = `https://127.0.0.1:${await listen(elsewhere)}`
    closing.push(() => close(elsewhere))
    const { attempt } = start({ first: `${origin}/a`, backup: `${origin}/b` })
    for (const address of ['first', 'backup'] as const) {
      assert.equal((await attempt(address)).reply?.status, 307)
    }
    assert.deepEqual(third.requests, [])
  })

  it('has a certificate for the name of each: one that is for another turns, and gets no token', async () => {
    const other = await startDpopReceiver(await issueWrongName(authority))
    closing.push(() => other.close())
    const { attempt } = start({ first: `${other.origin}/hl7`, backup: `${backup.origin}/hl7` })
    const refused = await attempt('first')
    assert.equal(refused.error?.family, 'tls')
    assert.equal(faultOf(refused)?.turnsToBackup, 'yes')
    assert.deepEqual(other.requests, [])
    assert.equal((await attempt('backup')).decision.outcome, 'accept')

    // A name that is fixed holds for both.
    const fixed = start(
      { first: `${other.origin}/hl7`, backup: `${backup.origin}/hl7` },
      'other.example'
    )
    assert.equal((await fixed.attempt('first')).decision.outcome, 'accept')
    assert.equal((await fixed.attempt('backup')).error?.family, 'tls')
  })
})
