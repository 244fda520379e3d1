import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, pageViolations, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** The page on its real routes: three messages go to the support of the receiver. */
describe('on the page, messages are taken out', () => {
  let world: World
  let page: Page
  let complaints: string[]

  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body)) })
    await world.deploy({ queue: 'disk', contentDays: 0, name: 'Registry' })
    await world.send(adt('GONE-1'))
    await world.deploy({ queue: 'disk', keepContents: 'all', name: 'Registry' })
    for (const id of ['=OUT-1', 'OUT-2', 'OUT-3']) await world.send(adt(id))
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
    await shows('.hl7-message-rows', /OUT-3/)
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  const saved = async (press: () => Promise<void>): Promise<{ name: string; text: string }> => {
    const [download] = await Promise.all([page.waitForEvent('download'), press()])
    return {
      name: download.suggestedFilename(),
      text: await readFile(await download.path(), 'utf8')
    }
  }
  const confirm = '.hl7-question .hl7-first'

  it('those that are ticked, masked, with a reason; what is masked is said first', async () => {
    await open(300)
    for (const id of ['OUT-2', 'OUT-3']) {
      await page.locator('.hl7-message-rows tr', { hasText: id }).locator('input').check()
    }
    await shows('[data-button=export]', /Download these 2 …/)
    await page.click('[data-button=export]')
    await shows('.hl7-question', /Masked: every value becomes “X”, a date 19000101/)
    await shows('.hl7-question', /A control ID stays as it is/)
    await shows('.hl7-seen', /2 messages\.\s*Say why\./)
    assert.equal(await page.getAttribute(confirm, 'aria-disabled'), 'true')
    await page.fill('#hl7-question-reason', 'ticket 4711')
    await page.waitForSelector(`${confirm}:not([aria-disabled])`)
    await shows(confirm, /Download 2 messages/)
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    const { name, text } = await saved(() => page.click(confirm))
    assert.match(name, /^hl7-out-\d{8}T\d{6}Z\.hl7$/)
    assert.match(text, /^FHS\|[^\r]*\rBHS\|[^\r]*\rMSH\|.*\|OUT-2\|[^]*\|OUT-3\|[^]*\rBTS\|2\|/)
    assert.doesNotMatch(text, /Lindqvist|NS471100|19840217/)
    await shows('.hl7-outcome', /2 messages were downloaded\.\s*$/)
    await waitForNews(
      page,
      '.hl7-events',
      /2 messages taken out, with names and numbers masked: “ticket 4711”/
    )
  })

  it('all that are listed, with nothing masked and with replies if one asks; what is missing is named', async () => {
    // Everything is listed, and that is said: the route takes no empty filter for it.
    await open(1400)
    await page.selectOption('.hl7-messages .hl7-heading select', '')
    await page.click('[data-button=export]')
    await shows('.hl7-seen', /4 messages; of 3 of them the content is kept/)
    await page.goto('about:blank')
    await open(1400)
    await page.click('[data-button=export]')
    await shows('.hl7-seen', /4 messages; of 3 of them the content is kept/)
    await page.fill('#hl7-question-reason', 'ticket 4712')
    await page.check('#hl7-question-clear')
    await page.check('#hl7-question-replies')
    await page.waitForSelector(`${confirm}:not([aria-disabled])`)
    const { text } = await saved(() => page.click(confirm))
    assert.equal(text.match(/Lindqvist\^Astrid/g)?.length, 3)
    assert.equal(text.match(/\rMSA\|AA\|/g)?.length, 3)
    await shows(
      '.hl7-outcome',
      /3 messages were downloaded\. 1 is missing: its content is not kept\./
    )
  })

  it('the list as CSV, without content and without formulas', async () => {
    await open(1400)
    const { name, text } = await saved(() => page.click('[data-button=list-csv]'))
    assert.equal(name, 'hl7-messages-out.csv')
    const [head = '', ...rows] = text.trimEnd().split('\r\n')
    assert.equal(
      head,
      '\ufeffControl ID,Type,Node,State,accepted (UTC),left or suspended (UTC),Tries,Receiver said,Rule'
    )
    assert.deepEqual(
      rows.map((row) => row.split(',')[0]),
      ['OUT-3', 'OUT-2', "'=OUT-1", 'GONE-1']
    )
    assert.match(rows[0] ?? '', /^OUT-3,ADT\^A01,Registry,delivered,\d{4}-.*Z,\d{4}-.*Z,1,AA,/)
    assert.doesNotMatch(text, /Lindqvist|NS471100/)
    await shows('.hl7-outcome', /The list has been saved: 4 messages\./)
    await page.locator('.hl7-message-rows tr', { hasText: 'OUT-2' }).locator('input').check()
    const ticked = await saved(() => page.click('[data-button=list-csv]'))
    assert.equal(ticked.text.trimEnd().split('\r\n').length, 2)
  })

  it('not by whoever may not, and not where contents are not kept: the button says why', async () => {
    await open(1400)
    await page.route('**/hl7-https-out/user', (route) =>
      route.fulfill({
        json: { name: '', permissions: ['hl7-https-out.read'], hasEditor: true }
      })
    )
    await page.reload()
    const button = page.locator('[data-button=export]')
    await button.waitFor()
    assert.match((await button.getAttribute('title')) ?? '', /permission hl7-https-out\.export/)
    await page.unroute('**/hl7-https-out/user')
    await world.deploy({ queue: 'disk', contentDays: 0, name: 'Registry' })
    await page.reload()
    await page.selectOption('.hl7-messages .hl7-heading select', 'acked')
    await page.waitForSelector('[data-button=export][aria-disabled]')
    assert.match((await button.getAttribute('title')) ?? '', /“Keep contents”/)
  })
})
