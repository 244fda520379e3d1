import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { Editor } from '../support/editor.ts'
import { CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

/**
 * From dragging the node to the ACK, with the mouse but for the texts and the Tab key between two of their
 * fields. Each press of the button counts; a double-click counts once, as does a drag.
 */
const MOST_CLICKS = 15
const FIELDS = 4

describe('a newcomer with a URL, an issuer and credentials, at an empty canvas', () => {
  let world: World
  let editor: Editor
  let page: Page

  before(async () => {
    world = await startWorld()
    await world.nodeRed.deploy([
      { id: 'tab', type: 'tab', label: 'Flow 1' },
      { id: 'note', type: 'comment', z: 'tab', x: 700, y: 600, wires: [] }
    ])
    editor = await Editor.open(world.nodeRed.url, 'note')
    page = editor.page
    await page.evaluate(`(() => {
      window.clicks = 0
      window.typed = new Set()
      addEventListener('input', ({ target }) => typed.add(target), true)
      addEventListener('mousedown', ({ detail }) => { if (detail < 2) clicks += 1 }, true)
    })()`)
  })
  after(async () => {
    await editor.leave()
    await world.close()
  })

  it(`sees an ACK on the canvas after at most ${MOST_CLICKS} clicks`, async (test) => {
    const canvas = await box('#red-ui-workspace-chart')
    const palette = '.red-ui-palette-node[data-palette-type="hl7-https-out"]'
    await page.locator(palette).scrollIntoViewIfNeeded()
    await drag(await middle(palette), [canvas.x + 400, canvas.y + 300])
    const node = await only('hl7-https-out')
    assert.equal(await isValid(), false, 'a node without a URL')
    await page.locator(node).dblclick({ delay: 30 })
    await page.waitForSelector('#node-input-url')
    // Node-RED moves the focus when the form has come to rest.
    await editor.settle()
    await page.click('#node-input-url')
    await page.keyboard.insertText(world.receiver.url)
    await page.click('#node-input-btn-auth-add, #node-input-lookup-auth')
    const address = '.form-row:has(#oauth2-client-credentials-address) .red-ui-typedInput-input'
    await page.waitForSelector(address)
    await editor.settle()
    await page.click(address)
    for (const text of [world.tokens.issuer, CLIENT_ID, CLIENT_SECRET]) {
      await page.keyboard.insertText(text)
      await page.keyboard.press('Tab')
    }
    await page.click('#oauth2-client-credentials-test-button')
    await page.getByText('Got a token').waitFor()
    await editor.close()
    await page.click('#hl7-https-out-test-add')
    await editor.close()
    assert.equal(await isValid(), true)
    await page.waitForFunction(`RED.nodes.filterLinks({}).length === 6`)
    const inject = await only('inject')
    await page.click('#red-ui-header-button-deploy')
    await page.waitForFunction(`!RED.nodes.dirty()`)
    await page.waitForSelector('#red-ui-editor-shade', { state: 'hidden' })
    await page.click(`${inject} .red-ui-flow-node-button-button`)
    await page.locator(`${node} text:has-text("ACK AA")`).first().waitFor()

    const clicks = await page.evaluate<number>('clicks')
    assert.ok(clicks > 8 && clicks <= MOST_CLICKS, `${clicks} clicks`)
    const fields = await page.evaluate<number>('typed.size')
    assert.equal(fields, FIELDS)
    test.diagnostic(`${clicks} clicks, ${fields} fields`)
  })

  it('leaves the secret only in the deploy and the test, and the token nowhere', async () => {
    const carriers = editor.requests.filter((request) => request.includes(CLIENT_SECRET))
    assert.deepEqual(
      [...new Set(carriers.map((request) => /(test|flows) /.exec(request)?.[1]))],
      ['test', 'flows']
    )
    const token = world.receiver.requests
      .map(({ headers }) => headers.authorization?.split(' ')[1] ?? '')
      .find((one) => one !== '')
    assert.ok(token)
    const exported = await page.evaluate<string>(
      `JSON.stringify(RED.nodes.createCompleteNodeSet({ credentials: false }))`
    )
    assert.match(exported, /oauth2-client-credentials/)
    for (const secret of [CLIENT_SECRET, token]) {
      assert.ok(!exported.includes(secret))
      assert.ok(!(await page.content()).includes(secret))
      assert.ok(!editor.printed.join('\n').includes(secret))
    }
    assert.ok(!editor.requests.some((request) => request.includes(token)))
    assert.deepEqual(editor.complaints, [])
  })

  /** A selector for the only node of a type on the canvas. */
  async function only(type: string): Promise<string> {
    await page.waitForFunction(`RED.nodes.filterNodes({ type: '${type}' }).length === 1`)
    const id = await page.evaluate<string>(`RED.nodes.filterNodes({ type: '${type}' })[0].id`)
    await page.waitForSelector(`[id="${id}"]`)
    return `[id="${id}"]`
  }

  const isValid = (): Promise<boolean> =>
    page.evaluate(`RED.nodes.filterNodes({ type: 'hl7-https-out' })[0].valid`)

  async function box(
    selector: string
  ): Promise<{ x: number; y: number; width: number; height: number }> {
    const found = await page.locator(selector).first().boundingBox()
    assert.ok(found)
    return found
  }

  async function middle(selector: string): Promise<[number, number]> {
    const { x, y, width, height } = await box(selector)
    return [x + width / 2, y + height / 2]
  }

  async function drag(from: [number, number], to: [number, number]): Promise<void> {
    await page.mouse.move(...from)
    await page.mouse.down()
    await page.mouse.move(from[0] + 40, from[1] + 20, { steps: 5 })
    await page.mouse.move(...to, { steps: 10 })
    await page.mouse.up()
  }
})
