import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor, startBrowser, tabs } from '../support/editor.ts'

const directory = new URL('../../examples/', import.meta.url)
const examples = readdirSync(directory).map((file) => file.replace(/\.json$/, ''))
const types = ['hl7-https-out', 'oauth2-client-credentials']

describe('the examples, imported in the editor', () => {
  let nodeRed: TestNodeRed
  let browser: Browser
  let editor: Editor

  before(async () => {
    const flows = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'any', type: 'comment', z: 'tab', wires: [] }
    ]
    ;[nodeRed, browser] = await Promise.all([startNodeRed({ flows }), startBrowser()])
    editor = await Editor.open(browser, nodeRed.url, 'any')
  })
  after(async () => {
    await browser.close()
    await nodeRed.kill()
  })

  it('are all in the menu', async () => {
    await editor.page.keyboard.press('Control+i')
    await editor.page.click('a[href="#red-ui-clipboard-dialog-import-tab-examples"]')
    const tree = editor.page.locator('#red-ui-clipboard-dialog-import-tab-examples')
    await tree.getByText('node-red-hl7-https-out').click()
    for (const example of examples) await tree.getByText(example, { exact: true }).waitFor()
    await editor.page.click('#red-ui-clipboard-dialog-cancel')
  })

  for (const example of examples) {
    it(`have forms that mark nothing and close without a change: ${example}`, async () => {
      await editor.load()
      const text = readFileSync(new URL(`${example}.json`, directory), 'utf8')
      const ours = (JSON.parse(text) as FlowNode[]).filter(({ type }) => types.includes(type))
      await editor.ask(`RED.view.importNodes(${text}, { generateIds: false }) && 0`)
      await editor.page.keyboard.press('Escape')
      // As after a deploy: nothing has changed yet.
      await editor.ask(`RED.nodes.eachNode((node) => { node.changed = false }),
        RED.nodes.eachConfig((node) => { node.changed = false }), RED.nodes.dirty(false)`)
      for (const { id, type } of ours) {
        if (type === types[0]) {
          await editor.edit(id)
          for (const tab of tabs) await editor.tab(tab)
          // In the examples, URLs and secrets are variables.
          const marked = editor.page.locator('#hl7-https-out-form .input-error')
          assert.equal(await marked.count(), 0, id)
        } else {
          await editor.editConfig(type, id)
        }
        await editor.close()
        assert.equal(await editor.changed(id), false, id)
      }
      assert.deepEqual(editor.complaints, [])
    })
  }
})
