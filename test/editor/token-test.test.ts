import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { startServer, type LocalServer } from '../http-client/local-server.ts'
import { adminAuth, logIn } from '../support/admin-users.ts'
import { Editor, startBrowser } from '../support/editor.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

describe('the Test button of the OAuth 2.0 node', () => {
  let nodeRed: TestNodeRed
  let server: LocalServer
  let browser: Browser
  let editor: Editor
  let german: Editor

  before(async () => {
    server = await startServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(
        request.url === '/token'
          ? '{"access_token":"a-token","token_type":"Bearer","expires_in":300}'
          : `{"issuer":"${own('/realm/')}/","token_endpoint":"${own('/token')}"}`
      )
    })
    nodeRed = await startNodeRed({
      settings: {
        adminAuth: adminAuth({ reader: ['read'], author: ['read', 'write'] })
      },
      flows: flow()
    })
    browser = await startBrowser()
    editor = await open('reader')
    german = await open('author', 'de')
  })
  after(async () => {
    await browser.close()
    await nodeRed.close()
    await server.close()
  })

  async function open(username: string, locale = 'en-US'): Promise<Editor> {
    const session = await logIn(nodeRed, username)
    const extraHTTPHeaders = { Authorization: `Bearer ${session}` }
    return Editor.open(await browser.newContext({ extraHTTPHeaders, locale }), nodeRed.url, 'auth')
  }

  const own = (path: string): string => new URL(path, server.url).href
  // Written by hand: missing properties have their defaults, in the form too.
  const flow = (): FlowNode[] => [
    { id: 'tab', type: 'tab', label: 'test' },
    {
      ...{ id: 'auth', type: 'oauth2-client-credentials', tokenEndpoint: own('/token') },
      extraParams: [{ name: 'tenant', value: 'here' }],
      credentials: { clientId: 'me', clientSecret: 'not-so-secret' }
    },
    {
      ...{ id: 'other', type: 'oauth2-client-credentials', issuer: own('/realm') },
      credentials: { clientId: 'me', clientSecret: 'not-so-secret' }
    }
  ]

  async function result({ page } = editor): Promise<string> {
    await page.click('#oauth2-client-credentials-test-button')
    const title = '#oauth2-client-credentials-test-result .hl7-https-result-title'
    await page.waitForSelector(title)
    return page.innerText('#oauth2-client-credentials-test-result')
  }

  it('tells a user who may not deploy which permission it needs', async () => {
    await editor.editConfig('oauth2-client-credentials', 'auth')
    assert.match(await result(), /You do not have the permission for this: ask for flows\.write\./)
    await editor.close('cancel')
  })

  it('says what to do in the language of the reader, with the labels of the form', async () => {
    const { page } = german
    await german.editConfig('oauth2-client-credentials', 'other')
    assert.match(
      await result(german),
      /Abhilfe[^]*Well-known-URL in Issuer-URL eintragen oder Token-URL ausfüllen/
    )
    assert.doesNotMatch(await page.innerText('#oauth2-client-credentials-test-result'), /__/)
    await german.close('cancel')
  })

  it('shows the English text of a hint that it does not know', async () => {
    const { page } = german
    const hint = 'Do something new.'
    await page.route('**/oauth2-client-credentials/auth/test', (route) =>
      route.fulfill({
        json: {
          ...{ ok: false, code: 'ERR_NEW', status: null, description: 'It broke.', hint },
          hints: [{ key: 'clock' }, { key: 'somethingNew' }]
        }
      })
    )
    await german.editConfig('oauth2-client-credentials', 'auth')
    assert.match(await result(german), /ERR_NEW[^]*It broke\.[^]*Do something new\.$/)
    await german.close('cancel')
  })

  it('writes nothing to the browser console', () => {
    const unexpected = editor.complaints.filter((words) => !words.includes('401'))
    assert.deepEqual(unexpected, [])
  })
})
