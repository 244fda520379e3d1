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

it('a test from the page takes a type, or the own text of somebody who may see texts', async () => {
  for (const mayContent of [true, false]) {
    const page = await browser.newPage()
    try {
      const fake = new FakeOperations()
      if (!mayContent) fake.permissions = ['hl7-https-out.read', 'hl7-https-out.write']
      await fake.serve(page)
      await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=Laboratory`)
      await page.click('[data-button=test]')
      await page.fill('#hl7-question-type', 'ORU^R01')
      const sample = page.locator('#hl7-question-sample')
      assert.equal(await sample.count(), mayContent ? 1 : 0)
      if (mayContent) await sample.fill('MSH|^~\\&|A')
      await page.click('.hl7-question .hl7-first')
      await page.locator('.hl7-outcome', { hasText: 'The test message was accepted' }).waitFor()
      const expected = { type: 'ORU^R01', ...(mayContent && { sample: 'MSH|^~\\&|A' }) }
      assert.ok(fake.asked.includes(`/hl7-https-out/Laboratory/test ${JSON.stringify(expected)}`))
    } finally {
      await page.close()
    }
  }
})
