import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { after, afterEach, before, describe, it } from 'node:test'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor } from '../support/editor.ts'

const directory = new URL('../../examples/', import.meta.url)
const examples = readdirSync(directory).map((file) => file.replace(/\.json$/, ''))
const types = ['hl7-https-out', 'oauth2-client-credentials']

/** The widest font that Node-RED's font list comes to: that of a Linux desktop without Arial. */
const WIDEST = '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'

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
    // Debian: fonts-dejavu-core. Without it, texts are as wide as in Arial.
    if (!existsSync(WIDEST)) return
    await editor.ask(`(async () => {
      const bytes = atob('${readFileSync(WIDEST, 'base64')}')
      const font = new FontFace('Helvetica Neue', Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
      document.fonts.clear()
      document.fonts.add(await font.load())
    })()`)
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  afterEach(() => editor.reset())

  it('are all in the menu', async () => {
    await editor.page.keyboard.press('Control+i')
    await editor.page.click('a[href="#red-ui-clipboard-dialog-import-tab-examples"]')
    const tree = editor.page.locator('#red-ui-clipboard-dialog-import-tab-examples')
    await tree.getByText('node-red-hl7-https-out').click()
    for (const example of examples) await tree.getByText(example, { exact: true }).waitFor()
    await editor.page.click('#red-ui-clipboard-dialog-cancel')
  })

  /** The labels of nodes with their buttons that are under a sidebar, or under another node. */
  function misplaced(): Promise<string[]> {
    return editor.ask(`(() => {
      const box = (id) => document.getElementById(id).getBoundingClientRect()
      const from = box('red-ui-workspace-chart').left
      const to = box('red-ui-sidebar').left
      const boxes = [...document.querySelectorAll('.red-ui-flow-node-group')].map((node) => {
        const parts = ['.red-ui-flow-node', '.red-ui-flow-node-button']
        const found = parts.flatMap((part) => [...node.querySelectorAll(part)])
        const all = found.map((part) => part.getBoundingClientRect())
        return {
          label: node.textContent,
          left: Math.min(...all.map(({ left }) => left)),
          right: Math.max(...all.map(({ right }) => right)),
          top: Math.min(...all.map(({ top }) => top)),
          bottom: Math.max(...all.map(({ bottom }) => bottom))
        }
      })
      const meets = (a, b) =>
        a !== b && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
      return boxes
        .filter((a) => !(a.left > from && a.right < to) || boxes.some((b) => meets(a, b)))
        .map(({ label, left, right }) => [label, left, right].join(' '))
    })()`)
  }

  for (const example of examples) {
    it(`are in sight, with forms that mark nothing and close without a change: ${example}`, async () => {
      const text = readFileSync(new URL(`${example}.json`, directory), 'utf8')
      const flow = JSON.parse(text) as FlowNode[]
      const ours = flow.filter(({ type }) => types.includes(type))
      const placed = flow.filter((node) => 'wires' in node).map(({ id }) => id)
      await editor.ask(`RED.view.importNodes(${text}, { generateIds: false }) && 0`)
      await editor.page.keyboard.press('Escape')
      await editor.ask(`RED.workspaces.show(${JSON.stringify(flow[0]?.id)})`)
      for (const id of placed) await editor.page.locator(`[id="${id}"]`).waitFor()
      assert.deepEqual(await misplaced(), [])
      // As after a deploy: nothing has changed yet.
      await editor.ask(`RED.nodes.eachNode((node) => { node.changed = false }),
        RED.nodes.eachConfig((node) => { node.changed = false }), RED.nodes.dirty(false)`)
      for (const { id, type } of ours) {
        if (type === types[0]) {
          await editor.edit(id)
          // In the examples, URLs are variables; a secret that a value refers to is for the user to fill in.
          const marked = editor.page.locator('#hl7-https-out-form .input-error')
          const names = await marked.evaluateAll((fields) =>
            fields.map((field) => field.getAttribute('class'))
          )
          const secrets = secretsOf(flow.find((node) => node.id === id))
          assert.deepEqual(
            names,
            secrets.map(() => 'hl7-https-entry-secret input-error'),
            id
          )
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

/** The secrets that the values of a node refer to. */
function secretsOf(node: FlowNode | undefined): string[] {
  const lists = [node?.['headers'], node?.['formFields']] as (
    { value: string; valueType: string }[] | undefined
  )[]
  const entries = lists.flatMap((list) => list ?? [])
  const names = entries.filter(({ valueType }) => valueType === 'cred').map(({ value }) => value)
  return [...new Set(names)].sort()
}
