import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { ago, FakeOperations, nodeState } from '../support/fake-operations.ts'
import { newPage, pageViolations, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, shareWorld } from '../support/world.ts'

/** What can be done is within reach of a thumb and of the keyboard. */
describe('on the page, with many nodes', () => {
  const world = shareWorld()
  let page: Page
  let complaints: string[]
  let fake: FakeOperations

  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
    fake = new FakeOperations(
      Array.from({ length: 40 }, (_, at) =>
        nodeState(`N${at}`, {
          ...{ suspended: 123_456, queued: 1_234_567, since: ago(at), oldestAgeMs: 1e9 },
          ...{ kind: 'verdict', values: { ackCode: 'AE', errors: '101', status: 200, cause: '' } }
        })
      )
    )
    await fake.serve(page)
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (width: number, height: number): Promise<void> => {
    await page.setViewportSize({ width, height })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page`)
    await page.locator('.hl7-node-rows [data-key]').first().waitFor()
  }
  const inView = (selector: string): Promise<boolean> =>
    page.evaluate(`(() => {
      const { top, bottom } = document.querySelector('${selector}').getBoundingClientRect()
      return top >= 0 && bottom <= innerHeight
    })()`)

  it('the actions of the node that is chosen come into sight on a phone', async () => {
    await open(300, 650)
    for (const id of ['N3', 'N1']) {
      await page.locator(`[data-key=${id}]`).click()
      await waitForWords(page, '.hl7-details h2', new RegExp(`^${id}$`))
      for (const button of ['pause', 'resend-all', 'discard-all']) {
        assert.ok(await inView(`[data-button=${button}]`), `${id} ${button}`)
      }
    }
  })

  it('the keyboard reaches “Resend all” from the row of a node: Enter, Tab, Tab', async () => {
    await open(300, 800)
    await page.locator('[data-key=N0]').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForFunction(`document.activeElement.textContent === 'N2'`)
    for (let tabs = 0; tabs < 2; tabs++) await page.keyboard.press('Tab')
    const reached = await page.evaluate(`document.activeElement.dataset.button`)
    assert.equal(reached, 'resend-all')
  })
})

/** On its real routes. */
describe('on the page, the suspended messages of all nodes', () => {
  const world = shareWorld()

  it('are in one list: each with its node, which a click opens', async () => {
    const nodes = world.flow({ replyCodeActions: ':?E=S,:?A=C', name: 'First' })
    const out = nodes.find(({ id }) => id === 'out')
    assert.ok(out)
    const second = { ...out, id: 'out2', name: 'Second', wires: [[], []] }
    const wired = nodes.map((node) =>
      node.id === 'in' ? { ...node, wires: [['out', 'out2']] } : node
    )
    world.receiver.respond = ({ body }) => {
      return { body: ackFor(controlIdIn(body), 'AE', 'ERR|||102^x^HL70357|E\r') }
    }
    await world.nodeRed.deploy([...wired, second])
    const { page, complaints } = await newPage()
    try {
      await page.goto(`${world.nodeRed.url}/hl7-https-out/page`)
      await page.locator('.hl7-node-rows [data-key]').first().waitFor()
      assert.equal(await page.locator('[data-button=all-suspended]').count(), 0)
      for (const id of ['ALL1', 'ALL2']) await world.nodeRed.inject('in', { payload: adt(id) })
      await waitForNews(page, '[data-button=all-suspended]', /4 suspended messages at 2 nodes/)
      await page.setViewportSize({ width: 300, height: 800 })
      await page.click('[data-button=all-suspended]')
      const rows = page.locator('.hl7-all-rows [data-key]')
      await world.eventually(async () => (await rows.count()) === 4)
      await waitForWords(page, '.hl7-all-rows', /Second[^]*ALL1[^]*AE 102 E Data type error/)
      assert.deepEqual(await sticksOut(page), [])
      assert.deepEqual(await pageViolations(page), [])
      await rows.filter({ hasText: 'Second' }).last().click()
      await waitForWords(page, '.hl7-details h2', /^Second$/)
      await waitForWords(page, '.hl7-opened', /Suspended by rule/)
      await page.click('[data-button=all-suspended]')
      assert.equal(await rows.count(), 0)
    } finally {
      await page.close()
    }
    assert.deepEqual(complaints, [])
  })
})
