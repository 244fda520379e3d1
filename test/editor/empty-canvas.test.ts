import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../support/editor.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

/** Where the three nodes go on the canvas. */
const places = { inject: [120, 120], 'hl7-https-out': [340, 120], debug: [560, 120] } as const
type Type = keyof typeof places

describe('the path from an empty canvas to an ACK, with mouse and keyboard', () => {
  let world: World
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  /** What the page sent, by path. */
  const requests: { path: string; body: string }[] = []
  const console: string[] = []

  before(async () => {
    world = await startWorld()
    // A certificate authority that has to be chosen.
    const tls = world.flow().filter(({ id }) => id === 'tls')
    await world.nodeRed.deploy([{ id: 'tab', type: 'tab', label: 'Flow 1' }, ...tls])
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => console.push(message.text()))
    page.on('request', (request) => {
      requests.push({ path: new URL(request.url()).pathname, body: request.postData() ?? '' })
    })
    await page.goto(world.nodeRed.url)
    await page.waitForSelector('.red-ui-palette-node', { state: 'attached', timeout: 30_000 })
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
  })
  after(async () => {
    await browser.close()
    await world.close()
  })

  it('drags three nodes from the palette and wires them', async () => {
    for (const type of Object.keys(places) as Type[]) {
      const from = page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`)
      await from.scrollIntoViewIfNeeded()
      const start = await middle(from)
      const [x, y] = await onCanvas(type)
      await page.mouse.move(...start)
      await page.mouse.down()
      await page.mouse.move(start[0] + 60, start[1] + 20, { steps: 5 })
      await page.mouse.move(x, y, { steps: 10 })
      await page.mouse.up()
      await page.waitForSelector(await nodeOf(type))
    }
    await wire('inject', 'hl7-https-out')
    await wire('hl7-https-out', 'debug')
    await page.waitForFunction(`RED.nodes.filterLinks({}).length === 2`)
    // A node without a URL is marked.
    assert.equal(await isInvalid(), true)
  })

  it('types the URL, and the three fields of a new OAuth configuration', async () => {
    await openForm('hl7-https-out')
    await page.fill('#node-input-url', world.receiver.url)
    await page.click('#hl7-https-out-more')
    await page.selectOption('#node-input-tls', 'tls')
    await page.click('#node-input-btn-auth-add, #node-input-lookup-auth')
    await page.waitForSelector('#node-config-input-issuer')
    await page.waitForTimeout(500)
    await page.fill('#node-config-input-issuer', world.tokens.issuer)
    await page.fill('#node-config-input-clientId', CLIENT_ID)
    await page.fill('#node-config-input-clientSecret', CLIENT_SECRET)
  })

  it('learns from the Test button what is missing, and then that it works', async () => {
    const result = page.locator('#oauth2-client-credentials-test-result')
    await page.fill('#node-config-input-clientSecret', '')
    await page.click('#oauth2-client-credentials-test-button')
    await result.getByText('No token').waitFor()
    // For a missing setting, the reason already says what to do.
    assert.deepEqual(await result.locator('dt').allInnerTexts(), ['Error', 'Reason'])
    await page.fill('#node-config-input-clientSecret', CLIENT_SECRET)
    await page.click('#oauth2-client-credentials-test-button')
    await result.getByText('What to do').waitFor()
    // The certificate authority is not known: the hint says where to choose it.
    assert.match(await result.innerText(), /TLS/)
    await page.click('#oauth2-client-credentials-more')
    await page.selectOption('#node-config-input-tls', 'tls')
    await page.click('#oauth2-client-credentials-test-button')
    await result.getByText('Got a token').waitFor()
    assert.match(await result.innerText(), /Bearer[\s\S]*seconds[\s\S]*\/token[\s\S]* ms/)
    await page.click('#node-config-dialog-ok')
    await page.waitForSelector('#node-config-input-issuer', { state: 'detached' })
    await page.waitForTimeout(500)
    assert.equal(await page.locator('.input-error').count(), 0)
    await page.click('#node-dialog-ok')
    await page.waitForSelector('#node-input-url', { state: 'detached' })
    assert.equal(await isInvalid(), false)
  })

  it('gives the inject node a message, and deploys', async () => {
    await openForm('inject')
    await page.evaluate(
      `$('.node-input-prop-property-value').first().typedInput('type', 'jsonata')
        .typedInput('value', ${JSON.stringify(JSON.stringify(adt('CANVAS-1')))}) && 0`
    )
    await page.click('#node-dialog-ok')
    await page.waitForTimeout(500)
    await page.click('#red-ui-header-button-deploy')
    await page.waitForFunction(`!RED.nodes.dirty()`)
    // Node-RED dims its window for a moment.
    await page.waitForSelector('#red-ui-editor-shade', { state: 'hidden' })
  })

  it('sends a test message from the form, and sees the decision', async () => {
    await openForm('hl7-https-out')
    await page.click('#hl7-https-out-test-button')
    const result = page.locator('#hl7-https-out-test-result')
    await result.getByText('Accepted (AA)').waitFor()
    const shown = await result.innerText()
    assert.match(shown, /accepted \(AA or CA\) \(rule :\?A=C\)/)
    assert.match(shown, /authorization: .*•••/i)
    assert.match(shown, /MSA\|AA\|/)
    await page.click('#node-dialog-cancel')
    await page.waitForSelector('#node-input-url', { state: 'detached' })
    await page.waitForTimeout(500)
  })

  it('presses the inject button and sees the ACK', async () => {
    await page.evaluate(`RED.sidebar.show('debug')`)
    await page.click(`${await nodeOf('inject')} .red-ui-flow-node-button-button`)
    const message = page.locator('.red-ui-debug-msg')
    await message.waitFor()
    assert.match(await message.innerText(), /ACK\^A01/)
    await page
      .locator(`${await nodeOf('hl7-https-out')} text:has-text("ACK AA")`)
      .first()
      .waitFor()
  })

  it('leaves the secret only in the deploy and the test, and the token nowhere', async () => {
    const carriers = requests.filter(({ body }) => body.includes(CLIENT_SECRET))
    const paths = carriers.map(({ path }) => path.replace(/credentials\/\w+\//, 'credentials/ID/'))
    assert.deepEqual([...new Set(paths)], ['/oauth2-client-credentials/ID/test', '/flows'])
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
      assert.ok(!console.join('\n').includes(secret))
    }
    assert.ok(!requests.some(({ body }) => body.includes(token)))
    assert.deepEqual(complaints, [])
  })

  /** A selector for the only node of a type on the canvas. */
  const nodeOf = async (type: Type): Promise<string> => {
    await page.waitForFunction(`RED.nodes.filterNodes({ type: '${type}' }).length === 1`)
    return page.evaluate<string>(
      `'[id="' + RED.nodes.filterNodes({ type: '${type}' })[0].id + '"]'`
    )
  }
  const onCanvas = async (type: Type): Promise<[number, number]> => {
    const box = await page.locator('#red-ui-workspace-chart').boundingBox()
    assert.ok(box)
    return [box.x + places[type][0], box.y + places[type][1]]
  }
  const isInvalid = (): Promise<boolean> =>
    page.evaluate<boolean>(`!RED.nodes.filterNodes({ type: 'hl7-https-out' })[0].valid`)

  async function middle(locator: ReturnType<Page['locator']>): Promise<[number, number]> {
    const box = await locator.boundingBox()
    assert.ok(box)
    return [box.x + box.width / 2, box.y + box.height / 2]
  }

  async function openForm(type: Type): Promise<void> {
    await page.locator(await nodeOf(type)).dblclick({ delay: 30 })
    await page.waitForSelector('#node-input-name')
    await page.waitForTimeout(500)
  }

  /** Draws a wire from the first output of one node to the input of another. */
  async function wire(from: Type, to: Type): Promise<void> {
    const output = page.locator(`${await nodeOf(from)} .red-ui-flow-port-output .red-ui-flow-port`)
    const input = page.locator(`${await nodeOf(to)} .red-ui-flow-port-input .red-ui-flow-port`)
    const [start, end] = [await middle(output.first()), await middle(input)]
    await page.mouse.move(...start)
    await page.mouse.down()
    await page.mouse.move((start[0] + end[0]) / 2, end[1] + 10, { steps: 5 })
    await page.mouse.move(...end, { steps: 5 })
    await page.mouse.up()
  }
})
