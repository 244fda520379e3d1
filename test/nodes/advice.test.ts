/**
 * That the advice names what the settings name. Which one is given is in test/delivery/fault.test.ts and conditions.test.ts,
 * its words are in advice-words.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AllStates, NodeState } from '../../nodes/operations/answers.ts'
import { startServer } from '../http-client/local-server.ts'
import { adt, shareWorld } from '../support/world.ts'

describe('the advice for a node', () => {
  const world = shareWorld()

  const CONTACT = 'HL7 desk, +1 555 0100'
  let count = 0
  const send = async (messages = 1): Promise<void> => {
    for (let index = 0; index < messages; index++) {
      await world.nodeRed.inject('in', { payload: adt(`ADVICE${++count}`) })
    }
  }
  const host = (): string => new URL(world.receiver.url).host
  const server = (): string => new URL(world.tokens.issuer).host

  /** Deploys with an empty queue, since one on disk outlives the deploys. */
  async function deploy(
    out: Record<string, unknown> = {},
    auth: Record<string, unknown> = {}
  ): Promise<void> {
    const props = { queue: 'disk', contact: CONTACT, retryInterval: 30, retryMaxInterval: 30 }
    await world.deploy({ ...props, failureTimeout: 0, replyCodeActions: ':?R=F' })
    await world.nodeRed.post('/hl7-https-out/out/resume', {})
    await world.nodeRed.post('/hl7-https-out/out/messages/discard', { all: true })
    await world.eventually(async () => {
      const { inFlight, queued, suspended } = await world.state()
      return queued + inFlight + suspended === 0
    })
    // What an earlier test gave up is not this one's.
    await world.nodeRed.post('/hl7-https-out/out/note', { text: 'I have it' })
    await world.deploy({ ...props, ...out }, auth)
  }

  async function advised(kind: string): Promise<string> {
    let advice: NodeState['advice'] = null
    await world.eventually(async () => {
      const state = await world.state()
      advice = state.advice
      // What is not stored yet does not count as waiting.
      return advice?.kind === kind && state.unconfirmed === 0
    })
    return (advice as NodeState['advice'])?.text ?? ''
  }

  it('names the token server that refuses, and the client', async () => {
    await deploy({}, { credentials: { clientId: 'node-red', clientSecret: 'wrong' } })
    await send()
    const text = await advised('advice-token-refused')
    assert.ok(
      text.startsWith(`The token server ${server()} refuses client node-red (invalid_client)`)
    )
    assert.match(
      text,
      /1 message waits on disk; nothing is lost\. It is sent automatically once this works again\. Check Client ID and secret in the OAuth 2\.0 node: has the secret expired, or been changed\?$/
    )
    assert.ok(!text.includes(host()), 'not the receiver, which has nothing to do with it')
  })

  it('names the proxy that fails', async () => {
    const nodes = world.flow({ proxy: 'proxy', auth: '', queue: 'memory', contact: CONTACT })
    const proxy = { id: 'proxy', type: 'http proxy', url: 'http://127.0.0.1:9', noproxy: [] }
    await world.nodeRed.deploy([...nodes, proxy])
    await send()
    const text = await advised('advice-proxy-away')
    const words = `The proxy 127.0.0.1:9 cannot be reached (ECONNREFUSED), and so neither can ${host()}.`
    assert.ok(text.startsWith(words), text)
  })

  it('names the operation of the body template that the receiver does not have', async () => {
    const uri = 'http://schemas.xmlsoap.org/soap/envelope/'
    const envelope = (content: string): string =>
      `<s:Envelope xmlns:s="${uri}"><s:Body>${content}</s:Body></s:Envelope>`
    const fault = '<s:Fault><faultcode>s:ProcedureNotPresent</faultcode></s:Fault>'
    const headers = { 'content-type': 'text/xml' }
    world.receiver.respond = () => ({ status: 500, body: envelope(fault), headers })
    const bodyTemplate = `"${envelope('<submitIt>').replaceAll('"', '\\"')}" & $xml($message)`
    const template = { format: 'text', bodyTemplate, contentType: 'text/xml' }
    await deploy({ auth: '', replyCodeActions: 'E=R,:?A=C', ...template })
    await send()
    const words = 'does not have the operation submitIt that the body template names (HTTP 500)'
    const text = await advised('advice-operation')
    assert.ok(text.startsWith(`The receiver ${host()} ${words}.`), text)
  })

  it('says of a token server that fails whose trouble that is, and of a secret that it has a blank', async (t) => {
    const server = await startServer(
      (_request, response) => {
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: answer }))
      },
      await world.authority.issueServer()
    )
    t.after(server.close)
    const tokenEndpoint = new URL('/token', server.url).href
    const auth = { issuer: '', tokenEndpoint, clientAuth: 'client_secret_post' }
    let answer = 'server_error'
    await deploy({}, auth)
    await send()
    assert.match(
      await advised('advice-token-server-error'),
      /^The token server \S+ fails \(server_error\)\. .*Its operator has to get it working\. If it has never issued a token, check Client ID/
    )
    answer = 'invalid_grant'
    await deploy({}, { ...auth, credentials: { clientId: 'me', clientSecret: 'pasted ' } })
    await send()
    const text = await advised('advice-token-refused')
    assert.match(text, /refuses client me \(invalid_grant\)\. .*Check Client ID and secret/)
    assert.match(
      text,
      /The secret begins or ends with a blank, which nobody sees: enter it again\./
    )
    assert.ok(!text.includes('pasted'))
  })

  it('says what the settings make of the time that a message has', async () => {
    const unreachable = { auth: '', url: 'https://127.0.0.1:9/hl7' }
    await deploy({ ...unreachable, failureTimeout: 90, failWhileUnreachable: true })
    await send()
    assert.match(
      await advised('advice-unreachable'),
      /it is given up 1 min 30 s after its first try/
    )
  })

  it('says what is wrong with a node that is not set up, and what waits in its file', async () => {
    await deploy()
    await world.nodeRed.post('/hl7-https-out/out/pause', {})
    await send()
    await world.eventually(async () => (await world.state()).queued === 1)
    await world.deploy({ queue: 'disk', url: '', contact: CONTACT })
    const text = await advised('advice-config')
    assert.match(
      text,
      /^Not set up: .*URL.*\. 1 message waits on disk; nothing is lost\. Correct this, and deploy\.$/
    )
    await world.nodeRed.deploy(world.flow().filter(({ id }) => id !== 'out'))
    const { nodes } = (await world.nodeRed.get('/hl7-https-out')).body as AllStates
    assert.equal(
      nodes[0]?.advice?.text,
      'This node is disabled or deleted. 1 message waits on disk; nothing is lost. Enable or restore it, and deploy.'
    )
    await deploy()
  })
})
