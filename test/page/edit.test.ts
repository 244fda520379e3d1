import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, pageViolations, sticksOut, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** The page on its real routes: a refused message has a wrong date of birth. */
describe('on the page, a refused message', () => {
  let world: World
  let page: Page
  let complaints: string[]

  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      const isWrong = body.includes('19801301')
      return { body: isWrong ? ackFor(id, 'AE', 'ERR||PID^1^7|102|E\r') : ackFor(id) }
    }
    await world.deploy({ queue: 'disk', keepContents: 'all', replyCodeActions: ':?E=F,:?A=C' })
  })
  after(() => world.close())
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)

  it('is corrected where the receiver says, seen before it is sent, and accepted', async () => {
    const header = adt('BIRTH1').split('\r')[0] ?? ''
    await world.send(`${header}\rPID|1||4711||Test^Ann||19801301|F\r`)
    await page.setViewportSize({ width: 300, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
    await page.selectOption('.hl7-messages .hl7-heading select', 'naked')
    await page.locator('.hl7-message-rows', { hasText: 'BIRTH1' }).waitFor()
    await page.locator('.hl7-message-rows [data-key]').first().click()
    await page.click('[data-button=edit-one]')
    await shows('.hl7-hint', /its sender may have been told AE already/)
    await shows('.hl7-hint', /The receiver names Date of birth \(PID-7\): “19801301”/)
    // The field is chosen: what one types takes its place.
    const chosen = await page
      .locator('#hl7-question-text')
      .evaluate((one: HTMLTextAreaElement) => one.value.slice(one.selectionStart, one.selectionEnd))
    assert.equal(chosen, '19801301')
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    await page.focus('#hl7-question-text')
    await page.keyboard.type('19800113')
    await shows('.hl7-seen', /Date of birth \(PID-7\): “19801301” becomes “19800113”/)
    await page.fill('#hl7-question-reason', 'the ward called')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /BIRTH1 was accepted: AA/)
    assert.equal(await page.locator('.hl7-opened').count(), 1)
    // The new one says what it was before.
    const refused = await page.locator('.hl7-message-rows [data-key]').getAttribute('data-key')
    await page.selectOption('.hl7-messages .hl7-heading select', 'acked')
    await page.locator(`.hl7-message-rows [data-key]:not([data-key="${refused}"])`).click()
    await shows('.hl7-story-rows', /Edited and resent: “the ward called”/)
    await page.click('[data-button=show-message]')
    await page.click('.hl7-original summary')
    await shows('.hl7-original', /PID\|1\|\|4711\|\|Test\^Ann\|\|19801301/)
    // Nothing of it gets into an address, an event or a log.
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events?limit=1000')
    const log = (await world.nodeRed.printed()).join('\n')
    assert.doesNotMatch(`${page.url()}${JSON.stringify(body)}${log}`, /4711|Ann|19801301|19800113/)
  })
})
