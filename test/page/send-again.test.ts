import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, pageViolations, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** The page on its real routes: a receiver was restored from a backup, and lacks a morning. */
describe('on the page, what has left', () => {
  let world: World
  let page: Page
  let complaints: string[]

  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body)) })
  })
  after(() => world.close())
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (width: number): Promise<void> => {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
    await page.selectOption('.hl7-messages .hl7-heading select', 'acked')
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)

  it('is sent again of a time: counted first, once, and what is left out is said', async () => {
    await world.deploy({ queue: 'disk', keepContents: 'all' })
    for (const id of ['LOST1', 'LOST2', 'LOST3']) await world.send(adt(id))
    await open(300)
    await page.click('[data-button=send-again-many]')
    await shows('.hl7-seen', /3 messages\./)
    await shows('.hl7-seen', /From LOST1, which left at .* to LOST3/)
    await shows('#hl7-question', /the receiver may get them a second time/)
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /LOST1 was accepted; 2 more are being sent/)
    await world.eventually(() => world.left('ack', 'LOST').length === 6)
    await open(1400)
    await page.click('[data-button=send-again-many]')
    await shows('.hl7-seen', /6 more are left out/)
    await shows('.hl7-seen', /There is nothing to send/)
    // Those that were sent before, if one asks for them: of each the newest.
    await page.check('#hl7-question-again')
    await shows('.hl7-seen', /^\s*3 messages\./)
    await page.check('#hl7-question-newIds')
    await page.uncheck('#hl7-question-first')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /3 messages were sent again/)
    await page.click('.hl7-outcome-details summary')
    await shows('.hl7-outcome-details', /A newer copy was sent in their place: LOST1, LOST2, LOST3/)
    await world.eventually(() => world.left('ack').length === 9)
  })

  it('is sent again if it is ticked, and a second click sends nothing', async () => {
    await world.deploy({ queue: 'disk', keepContents: 'all' })
    await world.send(adt('TICKED1'))
    await open(1400)
    await page.fill('.hl7-filter input', 'TICKED1')
    await page.press('.hl7-filter input', 'Enter')
    const tick = page.locator('.hl7-message-rows tbody input[type=checkbox]')
    await world.eventually(async () => (await tick.count()) === 1)
    await page.click('[data-button=send-again-many]')
    await shows('#hl7-question', /Only those with: Control ID TICKED1\./)
    await page.keyboard.press('Escape')
    await tick.check()
    await page.click('[data-button=resend-chosen]')
    await shows('.hl7-seen', /1 message\./)
    const answered = Promise.withResolvers<undefined>()
    await page.route('**/messages?ids=*', async (route) => {
      await answered.promise
      await route.continue()
    })
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /TICKED1 was accepted/)
    assert.equal(await page.locator('[data-button=resend-chosen]').count(), 0)
    // Until the new one is known, the old one is not taken for it.
    await page.waitForFunction(
      `document.querySelector('.hl7-messages .hl7-heading select').value === 'followed'`
    )
    assert.equal(await page.locator('.hl7-message-rows').count(), 0)
    assert.equal(await page.locator('.hl7-count').textContent(), '')
    answered.resolve(undefined)
    // What is listed now is the new one.
    await shows('.hl7-message-rows', /TICKED1[^]*delivered/)
    assert.equal(await page.inputValue('.hl7-messages .hl7-heading select'), 'followed')
    assert.equal(await tick.first().isChecked(), false)
    // The same of the one that is open.
    const key = await page.locator('.hl7-message-rows [data-key]').first().getAttribute('data-key')
    await page.selectOption('.hl7-messages .hl7-heading select', 'acked')
    await page.click(`.hl7-message-rows [data-key="${key}"]`)
    await page.click('[data-button=resend-one]')
    await page.click('.hl7-question .hl7-first')
    await page.waitForSelector(`.hl7-message-rows:not(:has([data-key="${key}"]))`)
    await shows('.hl7-message-rows', /TICKED1[^]*delivered/)
    assert.equal(await page.inputValue('.hl7-messages .hl7-heading select'), 'followed')
  })

  it('is not sent again by somebody who means to resend what another one has resent meanwhile', async () => {
    await world.deploy({ queue: 'disk', keepContents: 'all', replyCodeActions: ':?E=S,:?A=C' })
    const usual = world.receiver.respond
    for (const button of ['resend-one', 'resend-chosen'] as const) {
      world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body), 'AE') })
      const controlId = button.toUpperCase()
      await world.nodeRed.inject('in', { payload: adt(controlId) })
      await world.eventually(async () => (await world.state()).suspended === 1)
      await page.goto('about:blank')
      await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
      const row = page.locator('.hl7-message-rows [data-key]', { hasText: controlId })
      if (button === 'resend-one') await row.click()
      else await row.locator('input').check()
      await page.locator(`[data-button=${button}]`).waitFor()
      // What somebody else does is not yet seen here.
      await page.route('**/hl7-https-out', (route) => route.abort())
      world.receiver.respond = usual
      await world.nodeRed.post('/hl7-https-out/out/messages/resend', { all: true })
      await world.eventually(() => world.left('ack', controlId).length === 1)
      await page.click(`[data-button=${button}]`)
      await shows(
        '.hl7-outcome',
        button === 'resend-one'
          ? /is not suspended, or no longer/
          : /0 messages are back in the queue/
      )
      await page.unroute('**/hl7-https-out')
      assert.deepEqual(world.sent(controlId), [controlId, controlId], button)
    }
    world.receiver.respond = usual
  })

  it('is followed one by one: each message, with its ACK or NAK', async () => {
    await world.deploy({ queue: 'disk', keepContents: 'all' })
    for (const id of ['EACH1', 'EACH2', 'EACH3']) await world.send(adt(id))
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      return { body: ackFor(id, id === 'EACH2' ? 'AE' : 'AA', id === 'EACH2' ? 'ERR|||206\r' : '') }
    }
    await open(300)
    for (const id of ['EACH1', 'EACH2', 'EACH3']) {
      await page
        .locator('.hl7-message-rows [data-key]', { hasText: id })
        .last()
        .locator('input')
        .check()
    }
    await page.click('[data-button=resend-chosen]')
    await shows('.hl7-seen', /3 messages\./)
    await page.uncheck('#hl7-question-first')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /3 messages were sent again/)
    // They are listed at once, in the order of acceptance, which is that of what was chosen: a message, or its copy.
    await waitForNews(page, '.hl7-count', /2 delivered/)
    await shows('.hl7-count', /1 refused \(NAK\)/)
    const rows = page.locator('.hl7-message-rows [data-key]')
    assert.equal(await rows.filter({ hasText: /EACH2[^]*refused \(NAK\): AE 206/ }).count(), 1)
    assert.equal(await rows.filter({ hasText: /EACH[13][^]*delivered/ }).count(), 2)
    assert.equal(await page.inputValue('.hl7-messages .hl7-heading select'), 'followed')
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    // All of them can be taken out, too.
    await page.click('[data-button=list-csv]')
    await shows('.hl7-outcome', /The list has been saved: 3 messages/)
    await shows('[data-button=export]', /Download these 3/)
    await page.click('[data-button=export]')
    await shows('.hl7-seen', /3 messages\./)
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body)) })
  })

  it('cannot be sent again where contents are not kept: the button says which setting does that', async () => {
    await world.deploy({ queue: 'disk', contentDays: 0 })
    await world.send(adt('UNKEPT1'))
    await open(1400)
    const button = page.locator('[data-button=send-again-many]')
    await page.waitForSelector('[data-button=send-again-many][aria-disabled=true]')
    assert.match((await button.getAttribute('title')) ?? '', /“Keep contents”/)
    await button.click({ force: true })
    assert.equal(await page.locator('.hl7-question').count(), 0)
  })
})
