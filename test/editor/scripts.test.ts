import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Editor } from '../support/editor.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'test' },
  { id: 'out', type: 'hl7-https-out', z: 'tab', x: 0, y: 0, wires: [[], []] }
]
const button = '#hl7-https-out-import-button'
const dialog = '.hl7-https-import-dialog'
const importScript = '**/resources/**/import-form-*'

/** What an administrator may put in front of an editor, which itself needs the two last words. */
const POLICY = "script-src 'self' 'unsafe-inline' 'unsafe-eval'"

describe('the import, below httpAdminRoot and with a Content-Security-Policy', () => {
  let userDir: string
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    userDir = mkdtempSync(join(tmpdir(), 'hl7-https-out-editor-'))
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    nodeRed = await startNodeRed({ userDir, settings: { httpAdminRoot: '/one/two' } })
  })
  after(async () => {
    await nodeRed.close()
    rmSync(userDir, { recursive: true, force: true })
  })
  beforeEach(async () => {
    editor = await Editor.open(`${nodeRed.url}/one/two/`, 'out')
    await editor.page.route(`${nodeRed.url}/one/two/`, async (route) => {
      const response = await route.fetch()
      const headers = { ...response.headers(), 'content-security-policy': POLICY }
      await route.fulfill({ response, headers })
    })
    editor.requests.length = 0
    await editor.load()
    await editor.edit('out')
  })
  afterEach(() => editor.leave())

  it('is loaded when its button is pressed, not with the editor; two clicks open one dialog', async () => {
    const own = editor.requests.filter((one) => /node-red-hl7-https-out\/.*\.js /.test(one))
    assert.ok(own.length > 2)
    assert.deepEqual(
      own.filter((one) => one.includes('import-form')),
      []
    )
    await editor.page.dblclick(button)
    await editor.page.waitForSelector(dialog)
    assert.equal(await editor.page.locator(dialog).count(), 1)
    // The answer of a test server is from no network, so that the browser lets it open no connection.
    const complaints = editor.complaints.filter((one) => !one.includes('/comms'))
    assert.deepEqual(complaints, [])
  })

  it('says so beside the button if it cannot be loaded', async () => {
    await editor.page.route(importScript, (route) => route.abort())
    await editor.page.click(button)
    await editor.page
      .locator('#hl7-https-out-import-note', { hasText: 'could not be loaded' })
      .waitFor()
    assert.equal(await editor.page.locator(dialog).count(), 0)
  })

  it('opens nothing over a form that is closed meanwhile', async () => {
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
})
