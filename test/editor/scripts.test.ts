import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { Editor } from '../support/editor.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'test' },
  {
    id: 'out',
    type: 'hl7-https-out',
    z: 'tab',
    x: 0,
    y: 0,
    replyCodeActions: ':?A=C',
    wires: [[], []]
  }
]
const button = '#hl7-https-out-import-button'
const dialog = '.hl7-https-import-dialog'
const importScript = '**/resources/**/import-form-*'
const replyScript = '**/resources/**/reply-tab-*'
/** What an editor may have to load at its start, in bytes. */
const MOST = 120_000

/** What an administrator may put in front of an editor, which itself needs the two last words. */
const POLICY = "script-src 'self' 'unsafe-inline' 'unsafe-eval'"

describe('what is loaded when it is needed, below httpAdminRoot and with a Content-Security-Policy', () => {
  let userDir: string
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    userDir = mkdtempSync(join(tmpdir(), 'hl7-https-out-editor-'))
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    nodeRed = await startNodeRed({ userDir, settings: { httpAdminRoot: '/one/two' } })
    await openEditor()
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
    rmSync(userDir, { recursive: true, force: true })
  })
  afterEach(() => editor.reset())

  async function openEditor(): Promise<void> {
    const url = `${nodeRed.url}/one/two/`
    editor = await Editor.open(url, 'out', async (page) => {
      await page.route(url, async (route) => {
        const response = await route.fetch()
        const headers = { ...response.headers(), 'content-security-policy': POLICY }
        await route.fulfill({ response, headers })
      })
    })
  }

  it(`is not what the editor loads at its start: less than ${MOST / 1000} kB of scripts`, async (test) => {
    const sizes = await editor.ask<number[]>(`performance.getEntriesByType('resource')
      .filter(({ name }) => /node-red-hl7-https-out\\/.*\\.js$/.test(name))
      .map(({ decodedBodySize }) => decodedBodySize)`)
    const all = sizes.reduce((sum, size) => sum + size, 0)
    assert.ok(sizes.length > 2 && all > 50_000 && all < MOST, `${all} bytes`)
    test.diagnostic(`${all} bytes`)
  })

  it('keeps the rules of a form whose Reply tab cannot be loaded, and says so there', async () => {
    await editor.page.route(replyScript, (route) => route.abort(), { times: 1 })
    await editor.edit('out')
    await editor.tab('reply')
    await editor.page
      .locator('#hl7-https-out-reply-note', { hasText: 'could not be loaded' })
      .waitFor()
    assert.ok(await editor.page.isDisabled('#hl7-https-out-rules-preset'))
    await editor.close()
    assert.equal(await editor.ask(`RED.nodes.node('out').replyCodeActions`), ':?A=C')
    assert.equal(await editor.changed('out'), false)
  })

  it('says beside the button that the import cannot be loaded', async () => {
    await editor.edit('out')
    await editor.page.route(importScript, (route) => route.abort(), { times: 1 })
    await editor.page.click(button)
    await editor.page
      .locator('#hl7-https-out-import-note', { hasText: 'could not be loaded' })
      .waitFor()
    assert.equal(await editor.page.locator(dialog).count(), 0)
  })

  it('fills no form that is opened after one that was closed before its Reply tab was there', async () => {
    // A browser may try no script again that it could not load: the texts say to reload the editor.
    await editor.leave()
    await openEditor()
    const { promise: held, resolve: go } = Promise.withResolvers<true>()
    await editor.page.route(replyScript, async (route) => {
      await held
      await route.fallback()
    })
    const open = `RED.editor.edit(RED.nodes.node('out'))`
    await editor.ask(open)
    await editor.page.waitForSelector('#hl7-https-out-reply[aria-busy]', { state: 'attached' })
    await editor.settle()
    await editor.close('cancel')
    await editor.ask(open)
    await editor.page.waitForSelector('#node-input-name')
    go(true)
    await editor.page.waitForSelector('[aria-busy]', { state: 'detached' })
    await editor.rules()
    await editor.page.click('#hl7-https-out-rules-add')
    assert.equal(await editor.page.locator('.hl7-https-rule').count(), 2)
  })

  it('opens no import over a form that is closed meanwhile', async () => {
    await editor.edit('out')
    const { promise: held, resolve: go } = Promise.withResolvers<true>()
    await editor.page.route(importScript, async (route) => {
      await held
      await route.fallback()
    })
    await editor.page.click(button)
    await editor.close('cancel')
    const loaded = editor.page.waitForResponse(importScript)
    go(true)
    await loaded
    await editor.settle()
    assert.equal(await editor.page.locator(dialog).count(), 0)
  })

  it('loads the import when its button is pressed; two clicks open one dialog', async () => {
    await editor.edit('out')
    await editor.page.dblclick(button)
    await editor.page.waitForSelector(dialog)
    assert.equal(await editor.page.locator(dialog).count(), 1)
    await editor.page.keyboard.press('Escape')
    await editor.page.waitForSelector(dialog, { state: 'detached' })
    // The answer of a test server is from no network, so that the browser lets it open no connection.
    const complaints = editor.complaints.filter((one) => !one.includes('/comms'))
    assert.deepEqual(complaints, [])
  })
})
