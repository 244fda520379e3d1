/** What better-auth has beyond the other token servers: DPoP, and clients that are deleted. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { startDpopReceiver, type DpopReceiver } from '../support/dpop-receiver.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { RESOURCE, startBetterAuth, type BetterAuthServer } from './better-auth.ts'

const secret = 'näive & 100% +:secret'
const CLIENTS = [
  { id: 'basic', method: 'client_secret_basic', secret },
  { id: 'post', method: 'client_secret_post', secret },
  { id: 'bound', method: 'client_secret_basic', secret, dpop: true },
  { id: 'leaver', method: 'client_secret_basic', secret },
  { id: 'public', method: 'none' }
]

describe('better-auth', () => {
  let server: BetterAuthServer
  before(async () => {
    server = await startBetterAuth(CLIENTS, 300)
  })
  after(() => server.stop())

  /** The result of the Test button. */
  async function tested(given: Partial<TokenSettings>): ReturnType<typeof testToken> {
    const httpClient = tokenHttpClient()
    const settings = tokenSettings({ issuer: server.issuer, clientSecret: secret, ...given })
    const result = await testToken(settings, httpClient)
    httpClient.close()
    return result
  }

  for (const [what, given, expected] of [
    [
      'a wrong secret with Basic',
      { clientId: 'basic', clientSecret: 'misspelt' },
      ['invalid_client', 401, /^Check Client ID and Client secret.*in the form \(Post\)/]
    ],
    [
      'a wrong secret in the form',
      { clientId: 'post', clientSecret: 'misspelt', clientAuth: 'client_secret_post' },
      ['invalid_client', 400, /^Check Client ID and Client secret.*"Client secret: Basic"/]
    ],
    [
      'a client for another method',
      { clientId: 'post' },
      ['invalid_client', 401, /^Check Client ID.*try Authentication "Client secret: in the form/]
    ],
    [
      'an unknown client',
      { clientId: 'nobody' },
      ['invalid_client', 401, /^Check Client ID and Client secret/]
    ],
    [
      'a public client',
      { clientId: 'public', clientSecret: '', clientAuth: 'none' },
      ['unauthorized_client', 400, /may not use the grant type client_credentials/]
    ],
    [
      'a scope of another client',
      { clientId: 'basic', scope: 'openid' },
      ['invalid_scope', 400, /^Check Scope/]
    ],
    [
      'a request without the proof that the client needs',
      { clientId: 'bound' },
      ['invalid_dpop_proof', 400, /^The token server wants DPoP: tick "DPoP/]
    ]
  ] as const) {
    it(`refuses ${what}, and the hint helps`, async () => {
      const result = await tested(given)
      assert.ok(!result.ok)
      const [code, status, hint] = expected
      assert.deepEqual([result.code, result.status], [code, status])
      assert.match(result.hint, hint)
      assert.doesNotMatch(JSON.stringify(result), /misspelt|näive/)
    })
  }

  it('gives DPoP tokens to any client that sends a proof', async () => {
    for (const clientId of ['bound', 'basic']) {
      const result = await tested({ clientId, dpop: true })
      assert.ok(result.ok)
      assert.equal(result.tokenType, 'DPoP')
    }
  })

  describe('in a real Node-RED', () => {
    let world: World
    let receiver: DpopReceiver
    before(async () => {
      world = await startWorld()
      receiver = await startDpopReceiver(await world.authority.issueServer())
    })
    after(async () => {
      await world.close()
      await receiver.close()
    })

    const deploy = (url: string, auth: Record<string, unknown>): Promise<void> =>
      world.deploy({ url, failureTimeout: 0 }, { issuer: server.issuer, ...auth })

    it('gives a token that a receiver accepts only with proofs of its key', async () => {
      const credentials = { clientId: 'bound', clientSecret: secret }
      await deploy(`${receiver.origin}/hl7`, { dpop: true, resource: RESOURCE, credentials })
      receiver.nonce = 'wanted'
      await world.nodeRed.inject('in', { payload: adt('BOUND1') })
      await world.nodeRed.waitForMessages('ack', 1)
      assert.deepEqual(
        receiver.requests.map(({ status, problem }) => problem || status),
        ['use_dpop_nonce', 200]
      )
    })

    it('no longer knows a deleted client: its token is refused, and the error says why', async () => {
      const { nodeRed } = world
      const credentials = { clientId: 'leaver', clientSecret: secret }
      await deploy(server.hl7Url, { credentials })
      const sent = nodeRed.messages('ack').length
      await nodeRed.inject('in', { payload: adt('LEAVER1') })
      await nodeRed.waitForMessages('ack', sent + 1)
      await server.deleteClient('leaver')
      await nodeRed.inject('in', { payload: adt('LEAVER2') })
      const [msg] = await nodeRed.waitForMessages('caught', 1)
      const { code, message } = (msg as { error: { code: string; message: string } }).error
      assert.equal(code, 'HL7_DELIVERY_FAILED')
      assert.match(message, /HTTP 401.*invalid_client/s)
      const told = (await nodeRed.printed()).join('\n') + message
      const [token = ''] = (await server.seen()).map((request) => request.token)
      for (const hidden of [secret, encodeURIComponent(secret), token]) {
        assert.ok(hidden !== '' && !told.includes(hidden))
      }
    })
  })
})
