import assert from 'node:assert/strict'
import { it } from 'node:test'
import { FakeOperations, messageRow } from '../support/fake-operations.ts'
import { browser } from '../support/editor.ts'
import { shareWorld } from '../support/world.ts'

const world = shareWorld()

it('the page has room for a finger on a phone: every button is 44 px high', async () => {
  const page = await browser.newPage()
  try {
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('Emulation.setTouchEmulationEnabled', { enabled: true })
    await page.setViewportSize({ width: 390, height: 800 })
    const fake = new FakeOperations()
    fake.messages.set('Laboratory', [messageRow('1')])
    await fake.serve(page)
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=Laboratory`)
    await page.click('[data-key="1"]')
    await page.click('[data-button=discard-one]')
    await page.waitForSelector('.hl7-question')
    const heights = await page.evaluate<[string, number][]>(`
      [...document.querySelectorAll('.hl7-button, .hl7-page select')]
        .filter((one) => one.checkVisibility())
        .map((one) => [one.textContent.trim().slice(0, 30), one.getBoundingClientRect().height])`)
    assert.ok(heights.length > 10)
    assert.deepEqual(
      heights.filter(([, height]) => height < 44),
      []
    )
  } finally {
    await page.close()
  }
})
