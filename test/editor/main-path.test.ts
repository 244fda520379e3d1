import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../support/editor.ts'
import { CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

const EXAMPLE = '1 Send HL7 and route ACK and NAK'

describe('the path of a new user', () => {
  let world: World
  let browser: Browser
  let page: Page
  /** What the page sent, by URL; a secret may only be in the deploy. */
  const requests: { url: string; body: string }[] = []
  const complaints: string[] = []

  before(async () => {
    world = await startWorld()
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    page.on('request', (request) => {
      requests.push({ url: request.url(), body: request.postData() ?? '' })
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(world.nodeRed.url)
    await page.waitForSelector('#red-ui-palette .red-ui-palette-node', { timeout: 30_000 })
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
  })
  after(async () => {
    await browser.close()
    await world.close()
  })

  it('finds the node in the palette', async () => {
    const node = page.locator('.red-ui-palette-node[data-palette-type="hl7-https-out"]')
    await node.scrollIntoViewIfNeeded()
    assert.ok(await node.isVisible())
  })

  it('imports the example from the menu', async () => {
    await page.keyboard.press('Control+i')
    await page.click('a[href="#red-ui-clipboard-dialog-import-tab-examples"]')
    await openLeaf(page, 'node-red-hl7-https-out')
    await page.getByText(EXAMPLE, { exact: true }).click()
    await page.click('#red-ui-clipboard-dialog-ok')
    await page.waitForFunction(`RED.nodes.filterNodes({ type: 'hl7-https-out' }).length === 1`)
    await page.click(`#red-ui-workspace-tabs li:has-text("${EXAMPLE}") a`)
  })

  it('types the URL, the issuer and the credentials into the two forms', async () => {
    // The demo servers have certificates of their own authority.
    await page.evaluate(
      `RED.nodes.add({ id: 'tls-of-test', type: 'tls-config', _def: RED.nodes.getType('tls-config'), name: 'test CA',
        certType: 'files', cert: '', key: '', ca: '', certname: '', keyname: '', caname: 'ca.pem', servername: '',
        verifyservercert: true, alpnprotocol: '', users: [], label: RED.nodes.getType('tls-config').label,
        credentials: { cadata: ${JSON.stringify(world.authority.ca)} } })`
    )
    await page.evaluate(`RED.editor.edit(RED.nodes.filterNodes({ type: 'hl7-https-out' })[0])`)
    await page.waitForSelector('#node-input-url')
    await page.fill('#node-input-url', world.receiver.url)
    await showMoreSettings(page, 'hl7-https-out', 'node-input-tls')
    await page.selectOption('#node-input-tls', 'tls-of-test')
    await page.waitForTimeout(400)
    await page.click('#node-input-lookup-auth, #node-input-btn-auth-edit')
    await page.waitForSelector('#node-config-input-issuer')
    await page.waitForTimeout(400)
    await page.fill('#node-config-input-issuer', world.tokens.issuer)
    await page.fill('#node-config-input-clientId', CLIENT_ID)
    await page.fill('#node-config-input-clientSecret', CLIENT_SECRET)
    await page.fill('#node-config-input-scope', 'hl7:write')
    await showMoreSettings(page, 'oauth2-client-credentials', 'node-config-input-tls')
    await page.selectOption('#node-config-input-tls', 'tls-of-test')
    assert.equal(await page.getAttribute('#node-config-input-clientSecret', 'type'), 'password')
    await page.click('#node-config-dialog-ok')
    await page.waitForSelector('#node-config-input-issuer', { state: 'detached' })
    assert.equal(await page.locator('.input-error').count(), 0, 'valid fields marked red')
    await page.waitForTimeout(400)
    await page.click('#node-dialog-ok')
    await page.waitForSelector('#node-input-url', { state: 'detached' })
  })

  it('deploys', async () => {
    await page.waitForTimeout(400)
    await page.click('#red-ui-header-button-deploy')
    await page.waitForFunction(`!RED.nodes.dirty()`, undefined, { timeout: 15_000 })
  })

  it('presses the inject buttons and sees ACK and NAK in the debug sidebar', async () => {
    await page.evaluate(`RED.sidebar.show('debug')`)
    const codes = async () =>
      (await page.locator('.red-ui-debug-msg').allInnerTexts()).map(
        (text) => /MSA\|(\w\w)\|/.exec(text)?.[1] ?? text
      )
    const injects = await page.evaluate<string[]>(
      `RED.nodes.filterNodes({ type: 'inject' }).sort((a, b) => a.y - b.y).map((node) => node.id)`
    )
    assert.equal(injects.length, 3)
    for (const [index, id] of injects.entries()) {
      await page.click(`[id="${id}"] .red-ui-flow-node-button-button`)
      await page.waitForFunction(
        `document.querySelectorAll('.red-ui-debug-msg').length === ${index + 1}`,
        undefined,
        { timeout: 15_000 }
      )
    }
    const shown = await page.locator('.red-ui-debug-msg').allInnerTexts()
    const where = shown.map((text) => (/\b(ACK|NAK)\b/.exec(text) ?? [])[1])
    assert.deepEqual(where, ['ACK', 'NAK', 'NAK'], shown.join('\n---\n'))
    assert.deepEqual(
      [world.receiver.counters.AA, world.receiver.counters.AE, world.receiver.counters.AR],
      [1, 1, 1],
      (await codes()).join()
    )
  })

  it('leaves the secret only in the deploy', async () => {
    const carriers = requests
      .filter(({ body }) => body.includes(CLIENT_SECRET))
      .map(({ url }) => url)
    assert.deepEqual(
      carriers.map((url) => new URL(url).pathname),
      ['/flows']
    )
    assert.ok(!(await page.content()).includes(CLIENT_SECRET))
    const exported = await page.evaluate<string>(
      `JSON.stringify(RED.nodes.createExportableNodeSet(RED.nodes.filterNodes({ type: 'hl7-https-out' })))`
    )
    assert.ok(exported.includes('oauth2-client-credentials') && !exported.includes(CLIENT_SECRET))
    assert.deepEqual(complaints, [])
  })
})

/** Opens a branch in the tree of examples. */
async function openLeaf(page: Page, name: string): Promise<void> {
  const leaf = page.locator('#red-ui-clipboard-dialog-import-tab-examples').getByText(name)
  await leaf.first().waitFor({ timeout: 10_000 })
  await leaf.first().click()
}

async function showMoreSettings(page: Page, type: string, field: string): Promise<void> {
  if (!(await page.isVisible(`#${field}`))) await page.click(`#${type}-more`)
}
