import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { startDpopReceiver, type DpopReceiver } from '../support/dpop-receiver.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

describe('DPoP in a real Node-RED', () => {
  let world: World
  let provider: TokenProvider
  let receiver: DpopReceiver
  before(async () => {
    world = await startWorld()
    const tls = await world.authority.issueServer()
    receiver = await startDpopReceiver(tls)
    provider = await startTokenProvider({
      tls,
      wantsNonce: true,
      clients: [
        {
          client_id: CLIENT_ID,
          client_secret: CLIENT_SECRET,
          token_endpoint_auth_method: 'client_secret_basic',
          dpop_bound_access_tokens: true
        }
      ]
    })
  })
  after(async () => {
    await world.close()
    await provider.close()
    await receiver.close()
  })
  beforeEach(() => {
    receiver.nonce = undefined
    receiver.requests.length = 0
  })

  const auth = (): Record<string, unknown> => ({ issuer: provider.issuer, scope: '', dpop: true })
  const deploy = (out: object = {}): Promise<void> =>
    world.deploy({ url: `${receiver.origin}/hl7?site=7`, failureTimeout: 0, ...out }, auth())

  it('a message arrives in one attempt, and no log, status or test page shows a proof', async () => {
    const { nodeRed } = world
    // The scheme of the form is not used.
    await deploy({ authScheme: 'Token' })
    receiver.nonce = 'first'
    await nodeRed.inject('in', { payload: adt('DPOP1') })
    const [acked] = await nodeRed.waitForMessages('ack', 1)
    assert.equal((acked?.['hl7'] as { attempts?: unknown } | undefined)?.attempts, 1)
    assert.deepEqual(
      receiver.requests.map(({ status, problem }) => problem || status),
      ['use_dpop_nonce', 200]
    )

    receiver.nonce = () => String(Math.random())
    await nodeRed.inject('in', { payload: adt('DPOP2') })
    const [failed] = await nodeRed.waitForMessages('caught', 1)
    const { error } = failed as { error: { message: string } }
    assert.match(error.message, /does not accept the DPoP proof/)
    const { body } = await nodeRed.post('/hl7-https-out/out/test', {})
    const { request, reply } = body as {
      request: { headers: Record<string, string> }
      reply: string
    }
    assert.equal(request.headers['dpop'], '•••')
    assert.equal(request.headers['authorization'], 'DPoP •••')
    // The receiver repeats token and proof.
    assert.equal(reply, 'use_dpop_nonce ••• •••')

    const { body: state } = await nodeRed.get('/hl7-https-out/out')
    const shown = [error, body, state, nodeRed.statuses('out')].map((one) => JSON.stringify(one))
    shown.push(...(await nodeRed.printed()))
    const { proof = '' } = receiver.requests[0] ?? {}
    for (const one of shown) {
      assert.doesNotMatch(one, /eyJ/)
      for (const part of proof.split('.')) assert.ok(!one.includes(part.slice(0, 20)))
    }

    const node = world.flow({}, auth()).find(({ id }) => id === 'auth') ?? {}
    const tested = await nodeRed.post('/oauth2-client-credentials/auth/test', node)
    assert.equal((tested.body as { tokenType?: string }).tokenType, 'DPoP')
  })

  it('a token in another place than the header, or a second proof, is a configuration error', async () => {
    const { nodeRed } = world
    for (const [out, problem] of [
      [
        { tokenPlacement: 'body', format: 'form' },
        /Send token in: The OAuth 2\.0 node uses DPoP: the token goes in the header/
      ],
      [
        { tokenPlacement: 'query' },
        /Send token in: The OAuth 2\.0 node uses DPoP: the token goes in the header/
      ],
      [
        { headers: [{ name: 'dpop', value: 'x', valueType: 'str' }] },
        /Headers, dpop: The node itself sets this header/
      ]
    ] as const) {
      await deploy(out)
      const caught = nodeRed.messages('caught').length
      await nodeRed.inject('in', { payload: adt('DPOP4') })
      const [msg] = (await nodeRed.waitForMessages('caught', caught + 1)).slice(caught)
      const { error } = msg as { error: { code: string; message: string } }
      assert.equal(error.code, 'HL7_CONFIG')
      assert.match(error.message, problem)
    }
    assert.deepEqual(receiver.requests, [])
  })
})
