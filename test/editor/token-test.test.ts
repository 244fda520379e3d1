import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { startServer, type LocalServer } from '../http-client/local-server.ts'
import { Editor } from '../support/editor.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

const config = 'oauth2-client-credentials'

describe('the Test button of the OAuth 2.0 node', () => {
  let nodeRed: TestNodeRed
  let server: LocalServer
  let editor: Editor

  before(async () => {
    server = await startServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(
        request.url === '/token'
          ? '{"access_token":"a-token","token_type":"Bearer","expires_in":300}'
          : `{"issuer":"${own('/realm/')}/","token_endpoint":"${own('/token')}"}`
      )
    })
    nodeRed = await startNodeRed({ flows: flow() })
    editor = await Editor.open(nodeRed.url, 'auth')
  })
  afterEach(() => editor.reset())
  after(async () => {
    await editor.leave()
    await nodeRed.close()
    await server.close()
  })

  const own = (path: string): string => new URL(path, server.url).href
  // Written by hand: missing properties have their defaults, in the form too.
  const flow = (): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    {
      ...{ id: 'auth', type: config, tokenEndpoint: own('/token') },
      extraParams: [{ name: 'tenant', value: 'here' }],
      credentials: { clientId: 'me', clientSecret: 'not-so-secret' }
    },
    {
      ...{ id: 'other', type: config, issuer: own('/realm') },
      credentials: { clientId: 'me', clientSecret: 'not-so-secret' }
    }
  ]

  /** The text below the button. */
  async function result(): Promise<string> {
    await editor.page.click(`#${config}-test-button`)
    await editor.page.waitForSelector(`#${config}-test-result .hl7-https-result-title`)
    return (await editor.page.innerText(`#${config}-test-result`)).trim()
  }
  /** What Node-RED answers to the next test. */
  async function answer(status: number, json: object): Promise<void> {
    const answered = `**/${config}/auth/test`
    await editor.page.route(answered, (route) => route.fulfill({ status, json }), { times: 1 })
  }

  it('shows the token that it got, and what it took, but not the token itself', async () => {
    await editor.editConfig(config, 'auth')
    const shown = await result()
    assert.match(shown, /^Got a token[^]*Bearer[^]*300 seconds[^]*\/token[^]* ms/)
    assert.doesNotMatch(shown, /a-token/)
  })

  it('shows the scope that was asked for if the answer has none, and none if none was', async () => {
    await editor.editConfig(config, 'auth')
    assert.doesNotMatch(await result(), /Scope/)
    await editor.type('#node-config-input-scope', 'hl7:write')
    assert.match(await result(), /Scope\s+hl7:write/)
  })

  it('says which setting is missing, without a hint', async () => {
    await editor.editConfig(config, 'auth')
    await editor.type('#node-config-input-clientSecret', '')
    assert.match(await result(), /^No token/)
    const labels = editor.page.locator(`#${config}-test-result dt`)
    assert.deepEqual(await labels.allInnerTexts(), ['Error', 'Reason'])
  })

  it('tells a user who may not deploy which permission it needs', async () => {
    await answer(403, {})
    await editor.editConfig(config, 'auth')
    assert.match(await result(), /You do not have the permission for this: ask for flows\.write\./)
  })

  it('does not blame Node-RED for what a server in front of it answers', async () => {
    // Nobody has to log in to this Node-RED.
    await answer(401, {})
    await editor.editConfig(config, 'auth')
    const login = /^The server in front of Node-RED wants a login: reload the page\./
    assert.match(await result(), login)
    const answered = `**/${config}/auth/test`
    const page = { contentType: 'text/html', body: '<title>Log in</title>' }
    await editor.page.route(answered, (route) => route.fulfill(page), { times: 1 })
    assert.match(await result(), login)
    await answer(504, {})
    assert.match(await result(), /gave up waiting \(504\)\. The test may go on: see Events/)
  })

  it('forgets a test whose form is closed before its answer comes', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<undefined>()
    await editor.page.route(
      `**/${config}/auth/test`,
      async (route) => {
        await closed
        await route.fulfill({ json: { ok: false, code: 'x', status: null, hints: [] } })
      },
      { times: 1 }
    )
    await editor.editConfig(config, 'auth')
    const answered = editor.page.waitForResponse(`**/${config}/auth/test`)
    await editor.page.click(`#${config}-test-button`)
    await editor.close('cancel')
    close(undefined)
    await answered
    await editor.settle()
    assert.deepEqual(editor.complaints, [])
  })

  it('enters the issuer as the server spells it, if only the last slash differs', async () => {
    const got = {
      ...{ ok: true, tokenEndpoint: own('/token'), clientAuth: 'client_secret_basic' },
      ...{ tokenType: 'Bearer', expiresIn: 300, scope: '', elapsedMs: 1 }
    }
    const refused = {
      ...{ ok: false, code: 'ERR_ISSUER_MISMATCH', status: null },
      ...{ description: 'It is not the issuer.', hint: '', hints: [] }
    }
    await editor.page.route(
      `**/${config}/other/test`,
      (route) => {
        const { issuer } = route.request().postDataJSON() as { issuer: string }
        return route.fulfill({ json: issuer.endsWith('/') ? got : refused })
      },
      { times: 2 }
    )
    await editor.editConfig(config, 'other')
    assert.match(await result(), /^Got a token/)
    assert.equal(await editor.page.inputValue('#node-config-input-issuer'), own('/realm/'))
    await editor.type(`.form-row:has(#${config}-address) .red-ui-typedInput-input`, own('/realm'))
    assert.equal(await editor.page.innerText(`#${config}-test-result`), '')
  })

  it('says what to do in the language of the reader, with the labels of the form', async () => {
    await editor.speak('de')
    await editor.editConfig(config, 'other')
    const shown = await result()
    assert.match(
      shown,
      /Abhilfe[^]*in Issuer-URL eintragen; oder dort die ganze Well-known-URL; oder stattdessen die Token-URL\./
    )
    assert.doesNotMatch(shown, /__/)
    // What both forms say is with the texts of the other one.
    assert.equal(await editor.page.innerText(`#${config}-more summary`), 'Weitere Einstellungen')
  })

  it('shows the English text of a hint that it does not know', async () => {
    const hint = 'Do something new.'
    await answer(200, {
      ...{ ok: false, code: 'ERR_NEW', status: null, description: 'It broke.', hint },
      hints: [{ key: 'clock' }, { key: 'somethingNew' }]
    })
    await editor.editConfig(config, 'auth')
    assert.match(await result(), /ERR_NEW[^]*It broke\.[^]*Do something new\.$/)
    // The browser itself reports the refusal above.
    assert.deepEqual(
      editor.complaints.filter((words) => !words.includes('401')),
      []
    )
  })
})
