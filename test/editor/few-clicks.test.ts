import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../support/editor.ts'
import { CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

/** From dragging the node to the ACK; a double-click counts once, as does a drag. */
const MOST_CLICKS = 15

describe('a newcomer with a URL, an issuer and credentials', () => {
  let world: World
  let browser: Browser
  let page: Page

  before(async () => {
    world = await startWorld()
    await world.nodeRed.deploy([{ id: 'tab', type: 'tab', label: 'Flow 1' }])
    browser = await startBrowser()
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write']
    })
    page = await context.newPage()
    await page.goto(world.nodeRed.url)
    await page.waitForSelector('.red-ui-palette-node', { state: 'attached', timeout: 30_000 })
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
    await page.evaluate(`(() => {
      window.clicks = 0
      addEventListener('mousedown', ({ detail }) => { if (detail < 2) clicks += 1 }, true)
    })()`)
  })
  after(async () => {
    await browser.close()
    await world.close()
  })

  it(`sees an ACK on the canvas after at most ${MOST_CLICKS} clicks`, async (test) => {
    const canvas = await box('#red-ui-workspace-chart')
    const palette = page.locator('.red-ui-palette-node[data-palette-type="hl7-https-out"]')
    await palette.scrollIntoViewIfNeeded()
    const from = await palette.boundingBox()
    assert.ok(from)
    await drag([from.x + 20, from.y + 10], [canvas.x + 400, canvas.y + 120])
    const node = await only('hl7-https-out')
    await page.locator(node).dblclick({ delay: 30 })
    await page.waitForFunction(`document.activeElement.id === 'node-input-url'`)
    // It is still there when the form has come to rest.
    await page.waitForTimeout(500)
    await page.keyboard.insertText(world.receiver.url)
    await page.click('#node-input-btn-auth-add, #node-input-lookup-auth')
    await page.waitForFunction(`document.activeElement.id === 'node-config-input-issuer'`)
    await page.waitForTimeout(500)
    await page.keyboard.insertText(world.tokens.issuer)
    await page.keyboard.press('Tab')
    await page.keyboard.insertText(CLIENT_ID)
    await page.keyboard.press('Tab')
    await page.keyboard.insertText(CLIENT_SECRET)
    await page.click('#oauth2-client-credentials-test-button')
    await page.getByText('Got a token').waitFor()
    await page.click('#node-config-dialog-ok')
    await page.waitForSelector('#node-config-input-issuer', { state: 'detached' })
    await page.click('#hl7-https-out-test-copy')
    await page.getByText('Copied. Close this form').waitFor()
    await page.click('#node-dialog-ok')
    await page.waitForSelector('#node-input-url', { state: 'detached' })
    await page.keyboard.press('Control+i')
    await page.waitForSelector('#red-ui-clipboard-dialog-import-text')
    await page.waitForFunction(
      `document.activeElement.id === 'red-ui-clipboard-dialog-import-text'`
    )
    await page.keyboard.press('Control+v')
    await page.click('#red-ui-clipboard-dialog-ok')
    await page.mouse.move(canvas.x + 150, canvas.y + 120)
    await page.mouse.click(canvas.x + 150, canvas.y + 120)
    const inject = await only('inject')
    await drag(
      await middle(`${inject} .red-ui-flow-port-output .red-ui-flow-port`),
      await middle(`${node} .red-ui-flow-port-input .red-ui-flow-port`)
    )
    await page.waitForFunction(`RED.nodes.filterLinks({}).length === 1`)
    await page.click('#red-ui-header-button-deploy')
    await page.waitForFunction(`!RED.nodes.dirty()`)
    await page.waitForSelector('#red-ui-editor-shade', { state: 'hidden' })
    await page.click(`${inject} .red-ui-flow-node-button-button`)
    await page.locator(`${node} text:has-text("ACK AA")`).first().waitFor()

    const clicks = await page.evaluate<number>('clicks')
    assert.ok(clicks > 8 && clicks <= MOST_CLICKS, `${clicks} clicks`)
    test.diagnostic(`${clicks} clicks`)
  })

  /** A selector for the only node of a type on the canvas. */
  async function only(type: string): Promise<string> {
    await page.waitForFunction(`RED.nodes.filterNodes({ type: '${type}' }).length === 1`)
    const id = await page.evaluate<string>(`RED.nodes.filterNodes({ type: '${type}' })[0].id`)
    await page.waitForSelector(`[id="${id}"]`)
    return `[id="${id}"]`
  }

  async function box(selector: string): Promise<{ x: number; y: number }> {
    const found = await page.locator(selector).first().boundingBox()
    assert.ok(found)
    return found
  }

  async function middle(selector: string): Promise<[number, number]> {
    const found = await page.locator(selector).first().boundingBox()
    assert.ok(found)
    return [found.x + found.width / 2, found.y + found.height / 2]
  }

  async function drag(from: [number, number], to: [number, number]): Promise<void> {
    await page.mouse.move(...from)
    await page.mouse.down()
    await page.mouse.move(from[0] + 40, from[1] + 20, { steps: 5 })
    await page.mouse.move(...to, { steps: 10 })
    await page.mouse.up()
  }
})
