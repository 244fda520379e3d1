import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { startServer, type LocalServer } from '../http-client/local-server.ts'
import { Editor, startBrowser } from '../support/editor.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

const PASSWORD = 'a password of a test'
/** The hash of PASSWORD, with the lowest cost of bcrypt. */
const HASH = '$2y$04$uhAQja9hZo0tOYz.j/4TNu4UXD3jF2ijr.SRpAb1XjbTNdNvQig6i'

describe('the Test button for a user who may not deploy', () => {
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
        adminAuth: {
          type: 'credentials',
          // For the deploys of this test, which do not log in.
          default: { permissions: '*' },
          users: [
            {
              ...{ username: 'tester', password: HASH },
              permissions: ['read', 'oauth2-client-credentials.write']
            }
          ]
        }
      },
      flows: flow()
    })
    const form = { client_id: 'node-red-admin', grant_type: 'password', scope: '' }
    const user = { username: 'tester', password: PASSWORD }
    const { body } = await nodeRed.post('/auth/token', { ...form, ...user })
    const session = (body as { access_token: string }).access_token
    browser = await startBrowser()
    const context = await browser.newContext({
      extraHTTPHeaders: { Authorization: `Bearer ${session}` }
    })
    editor = await Editor.open(context, nodeRed.url, 'auth')
    const extraHTTPHeaders = { Authorization: `Bearer ${session}` }
    const other = await browser.newContext({ extraHTTPHeaders, locale: 'de' })
    german = await Editor.open(other, nodeRed.url, 'auth')
  })
  after(async () => {
    await browser.close()
    await nodeRed.stop()
    await server.close()
  })

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

  it('tests the deployed settings as the form shows them', async () => {
    await editor.editConfig('oauth2-client-credentials', 'auth')
    assert.match(await result(), /Got a token/)
  })

  it('says what to do about settings that are not deployed', async () => {
    await editor.type('#node-config-input-scope', 'another')
    assert.match(
      await result(),
      /No token[^]*ERR_NOT_ALLOWED[^]*not the deployed settings[^]*Deploy first, or ask for the permission flows\.write\./
    )
    await editor.close('cancel')
  })

  it('says it in the language of the reader, with the labels of the form', async () => {
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

  it('shows the error of the server if another spelling of the issuer may not be tried', async () => {
    await editor.editConfig('oauth2-client-credentials', 'other')
    assert.match(await result(), /ERR_ISSUER_MISMATCH/)
    await editor.close('cancel')
  })

  it('writes nothing to the browser console', () => {
    const unexpected = editor.complaints.filter((words) => !words.includes('403'))
    assert.deepEqual(unexpected, [])
  })
})
