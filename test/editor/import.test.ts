import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Editor } from '../support/editor.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

const directory = new URL('../../examples/', import.meta.url)
const examples = readdirSync(directory).map((file) => file.replace(/\.json$/, ''))

describe('the examples, imported in the editor', () => {
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    const flows = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'any', type: 'comment', z: 'tab', wires: [] }
    ]
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'any')
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })

  it('are all in the menu', async () => {
    await editor.page.keyboard.press('Control+i')
    await editor.page.click('a[href="#red-ui-clipboard-dialog-import-tab-examples"]')
    const tree = editor.page.locator('#red-ui-clipboard-dialog-import-tab-examples')
    await tree.getByText('node-red-hl7-https-out').click()
    for (const example of examples) await tree.getByText(example, { exact: true }).waitFor()
    await editor.page.click('#red-ui-clipboard-dialog-cancel')
  })

  it('have nodes that are marked nowhere', async () => {
    const nodes = examples.flatMap(
      (example) =>
        JSON.parse(readFileSync(new URL(`${example}.json`, directory), 'utf8')) as FlowNode[]
    )
    await editor.ask(`RED.view.importNodes(${JSON.stringify(nodes)}, { generateIds: false }) && 0`)
    await editor.page.keyboard.press('Escape')
    const marked = await editor.ask<unknown[]>(`(() => {
      const all = []
      const look = (node) => all.push([node.type, node.name, node.valid, node.validationErrors])
      RED.nodes.eachNode(look)
      RED.nodes.eachConfig(look)
      return [all.length, ...all.filter(([, , valid]) => valid === false)]
    })()`)
    // That comment, and no tab is a node.
    const count = 1 + nodes.filter(({ type }) => type !== 'tab').length
    assert.deepEqual(marked, [count])
    assert.deepEqual(editor.complaints, [])
  })
})
