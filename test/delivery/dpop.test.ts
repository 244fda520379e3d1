import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { whyFailed } from '../../src/delivery/explain.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import type { ReceiverTokens } from '../../src/oauth2/receiver-tokens.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { createClient } from '../http-client/local-server.ts'
import { plainReceiver } from '../support/exchange.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { startDpopReceiver, type DpopReceiver } from '../support/dpop-receiver.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const parcel = {
  message: readOutgoingMessage('MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1\r', 'auto'),
  input: {},
  responseTimeoutMs: 2000
}

describe('a receiver that wants DPoP', () => {
  let authority: Authority
  let provider: TokenProvider
  let receiver: DpopReceiver
  const closing: (() => void)[] = []
  before(async () => {
    authority = await createAuthority('Test authority')
    const tls = await authority.issueServer()
    receiver = await startDpopReceiver(tls)
    provider = await startTokenProvider({
      tls,
      wantsNonce: true,
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
  afterEach(() => {
    for (const close of closing.splice(0)) close()
    Object.assign(receiver, { nonce: undefined, next: undefined, requests: [] })
    receiver.refused.clear()
  })
  after(async () => {
    await provider.close()
    await receiver.close()
  })

  /** A node's tokens, and a courier that takes them to the receiver. */
  function start(): {
    source: TokenSource
    tokens: ReceiverTokens
    attempt: () => Promise<AttemptResult>
  } {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    const settings = { issuer: provider.issuer, clientSecret: 'not-so-secret', dpop: true }
    const source = new TokenSource(tokenSettings(settings), { httpClient })
    const tokens = source.forReceiver(receiver.origin)
    const client = createClient({ tls: { ca: authority.ca } })
    closing.push(() => {
      source.close()
      httpClient.close()
      client.close()
    })
    const courier = new Courier({
      receiver: new Receiver(
        {
          ...plainReceiver(new URL(`${receiver.origin}/hl7/in[1]?site=7`)),
          authScheme: 'DPoP'
        },
        client
      ),
      tokens,
      rules: parseReplyRules(''),
      reply: {},
      secrets: []
    })
    return { source, tokens, attempt: () => courier.attempt(parcel) }
  }

  const statuses = (): (number | string)[] =>
    receiver.requests.map(({ status, problem }) => (status === 200 ? 200 : problem))

  it('gets another proof with each message', async () => {
    const { attempt } = start()
    for (let sent = 0; sent < 3; sent++) {
      assert.equal((await attempt()).decision.outcome, 'accept')
    }
    assert.deepEqual(statuses(), [200, 200, 200])
    const [first] = receiver.requests
    assert.equal(first?.claims['htm'], 'POST')
    assert.equal(first.claims['htu'], `${receiver.origin}/hl7/in%5B1%5D`)
    assert.equal(new Set(receiver.requests.map(({ token }) => token)).size, 1)
  })

  it('gets its nonce in the same attempt, with the same token', async () => {
    const { source, attempt } = start()
    receiver.nonce = 'first'
    const result = await attempt()
    assert.equal(result.decision.outcome, 'accept')
    assert.deepEqual(statuses(), ['use_dpop_nonce', 200])
    receiver.next = 'second'
    await attempt()
    // A successful answer may bring the next nonce.
    receiver.nonce = 'second'
    assert.equal((await attempt()).decision.outcome, 'accept')
    assert.deepEqual(statuses(), ['use_dpop_nonce', 200, 200, 200])
    assert.equal(new Set(receiver.requests.map(({ token }) => token)).size, 1)
    assert.deepEqual(source.requests, { ok: 1, error: 0 })
  })

  it('is asked twice at most if it never accepts a nonce; the token is kept, and told nowhere', async () => {
    const { tokens, attempt } = start()
    receiver.nonce = () => String(Math.random())
    const result = await attempt()
    assert.equal(result.reply?.status, 401)
    assert.deepEqual(statuses(), ['use_dpop_nonce', 'use_dpop_nonce'])
    assert.equal(tokens.status.state, 'ok')
    assert.match(whyFailed(result), /^HTTP 401 .*does not accept the DPoP proof/)
    assert.equal(await tokens.token(), receiver.requests[0]?.token)
    // Its answer repeats proof and token.
    assert.match(result.reply.text, /eyJ/)
    const told = `${JSON.stringify({ ...result, reply: null })} ${whyFailed(result)}`
    assert.doesNotMatch(told, /eyJ/)
  })

  it('may want another nonce while several messages are in flight', async () => {
    const { source, attempt } = start()
    // Each is good for 40 requests.
    receiver.nonce = () => `n${Math.floor(receiver.requests.length / 40)}`
    const results: AttemptResult[] = []
    let left = 50
    const sendOn = async (): Promise<void> => {
      while (left-- > 0) results.push(await attempt())
    }
    await Promise.all(Array.from({ length: 8 }, sendOn))
    assert.equal(results.length, 50)
    for (const { decision, requests = 1 } of results) {
      assert.equal(decision.outcome, 'accept')
      assert.ok(requests <= 2)
    }
    assert.ok(receiver.requests.length > 51, 'two nonces have ended')
    assert.equal(new Set(receiver.requests.map(({ token }) => token)).size, 1)
    assert.deepEqual(source.requests, { ok: 1, error: 0 })
  })

  it('may refuse the token, and then want another nonce with the next', async () => {
    const { source, tokens, attempt } = start()
    await attempt()
    const old = await tokens.token()
    receiver.refused.add(old)
    receiver.nonce = 'n'
    assert.equal((await attempt()).decision.outcome, 'accept')
    assert.deepEqual(statuses(), [200, 'use_dpop_nonce', 'invalid_token', 200])
    assert.notEqual(receiver.requests.at(-1)?.token, old)
    assert.deepEqual(source.requests, { ok: 2, error: 0 })
  })

  it('sees no proof without DPoP', async () => {
    const { source, tokens, attempt } = start()
    Object.defineProperty(tokens, 'proofs', { value: undefined })
    await attempt()
    assert.equal(receiver.requests[0]?.proof, 'undefined')
    // Without DPoP, its refusal is one of the token.
    assert.deepEqual(source.requests, { ok: 2, error: 0 })
  })
})
