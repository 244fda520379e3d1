import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, pageViolations, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** The page on its real routes: what is suspended or refused, by type, rule and error. */
describe('on the page, the kinds of messages', () => {
  let world: World
  let page: Page
  let complaints: string[]

  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (width: number, hash = '#node=out'): Promise<void> => {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page${hash}`)
    await page.locator('.hl7-node-rows [data-key]').first().waitFor()
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  const listed = async (): Promise<string[]> =>
    (await page.locator('.hl7-message-rows td.hl7-cell-controlId').allInnerTexts()).map((one) =>
      one.trim()
    )
  const lists = async (ids: readonly string[]): Promise<void> => {
    for (const since = Date.now(); Date.now() < since + 10_000;) {
      if (String(await listed()) === String(ids)) return
      await page.waitForTimeout(20)
    }
    assert.deepEqual(await listed(), ids)
  }

  /** Dates wrong in three, one locked, one with another type. */
  async function refuse(): Promise<void> {
    await world.deploy({ queue: 'memory', order: 'none', replyCodeActions: ':?E=S,:?A=C' })
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      const code = id.startsWith('LOCK') ? '206' : '102'
      return { body: ackFor(id, 'AE', `ERR|||${code}^x^HL70357|E\r`) }
    }
    for (const id of ['DATE1', 'DATE2', 'DATE3', 'LOCK1']) {
      const payload = id === 'DATE3' ? adt(id).replace('ADT^A01', 'ORU^R01') : adt(id)
      await world.nodeRed.inject('in', { payload })
    }
    await world.eventually(async () => (await world.state()).suspended === 4)
  }

  it('are counts to click: they narrow the list, what is acted on, and a link to it', async () => {
    await refuse()
    const date = '[data-button="only-error-102"]'
    await open(300)
    await shows('.hl7-counts', /102 Data type error \(3\)/)
    await shows('.hl7-counts', /206 Application record locked \(1\)/)
    await shows('.hl7-counts', /ADT\^A01 \(3\)/)
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    await page.click(date)
    await lists(['DATE3', 'DATE2', 'DATE1'])
    await shows('.hl7-count', /3 of 4 suspended messages match/)
    await page.click('[data-button="only-type-ADT^A01"]')
    await lists(['DATE2', 'DATE1'])
    await shows('[data-button=resend-these]', /2/)
    const hash = new URLSearchParams((await page.evaluate<string>('location.hash')).slice(1))
    assert.deepEqual(Object.fromEntries(hash), {
      ...{ node: 'out', list: 'suspended', type: 'ADT^A01', error: '102' }
    })
    // A colleague opens it.
    await page.goto('about:blank')
    await open(300, `#${hash.toString()}`)
    await lists(['DATE2', 'DATE1'])
    assert.equal(await page.getAttribute(date, 'aria-pressed'), 'true')
    assert.equal(await page.inputValue('.hl7-filter input[aria-label=Type]'), 'ADT^A01')
    await page.click(date)
    await page.click('[data-button="only-type-ADT^A01"]')
    await lists(['LOCK1', 'DATE3', 'DATE2', 'DATE1'])
    world.receiver.respond = undefined
    await page.click(date)
    await page.click('[data-button=resend-these]')
    await page.uncheck('#hl7-question-first')
    await page.click('.hl7-question .hl7-first')
    await world.eventually(async () => (await world.state()).suspended === 1)
    // Side by side, without an order.
    await world.eventually(() => world.left('ack', 'DATE').length === 3)
    assert.deepEqual(world.left('ack', 'LOCK'), [])
  })

  it('are discarded as they were counted: not what has been suspended since the question', async () => {
    await refuse()
    await open(1400)
    await page.click('[data-button=discard-all]')
    await shows('#hl7-question', /Discard the 4 suspended messages/)
    await world.nodeRed.inject('in', { payload: adt('LATE1') })
    await world.eventually(async () => (await world.state()).suspended === 5)
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /4 messages were discarded/)
    await lists(['LATE1'])
  })

  it('are in no link as long as somebody has only typed them, and control IDs never are', async () => {
    await refuse()
    await open(1400)
    await lists(['LOCK1', 'DATE3', 'DATE2', 'DATE1'])
    const hash = (): Promise<string> => page.evaluate<string>('location.hash')
    for (const [label, value, rows] of [
      ['Control ID', 'LOCK1', ['LOCK1']],
      ['Type', 'LINDQVIST^ASTRID', []]
    ] as const) {
      const field = `.hl7-filter input[aria-label="${label}"]`
      await page.fill(field, value)
      await page.press(field, 'Enter')
      await lists(rows)
      assert.doesNotMatch(decodeURIComponent(await hash()), /LOCK1|LINDQVIST/)
      await page.fill(field, '')
      await page.press(field, 'Enter')
      await lists(['LOCK1', 'DATE3', 'DATE2', 'DATE1'])
    }
  })

  it('may take long: the states go on, and another node is listed at once', async () => {
    await refuse()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const listOf = /\/hl7-https-out\/out\/messages/
    await page.route(listOf, async (route) => {
      await held
      await route.continue()
    })
    await open(1400)
    await shows('.hl7-node-rows', /4/)
    for (const id of ['LOCK2', 'LOCK3']) {
      await world.nodeRed.inject('in', { payload: adt(id) })
      await waitForNews(page, '.hl7-cell-state', id === 'LOCK2' ? /5 suspended/ : /6 suspended/)
    }
    assert.deepEqual(await listed(), [])
    release()
    await lists(['LOCK3', 'LOCK2', 'LOCK1', 'DATE3', 'DATE2', 'DATE1'])
    await page.unrouteAll({ behavior: 'wait' })
  })
})
