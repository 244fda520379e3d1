/**
 * What operators do all day, as one who does not know the page would do it: with nothing but what it says. Everything is
 * real: nodes, servers, page. No patient's name gets into a log, an address or an event.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { EventPage } from '../../nodes/operations/answers.ts'
import { as, PASSWORD } from '../support/admin-users.ts'
import { newPage, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** Where pictures of each step go, to be looked at. */
const { HL7_PICTURES: pictures } = process.env

describe('a day of an operator', () => {
  let world: World
  let page: Page
  let complaints: string[]
  /** The control IDs of this day. */
  const day = 'DAY'
  const asked: string[] = []
  let step = 0

  before(async () => {
    world = await startWorld({ users: true })
    ;({ page, complaints } = await newPage())
    await page.setViewportSize({ width: 300, height: 800 })
    page.on('request', (request) => asked.push(request.url()))
    const kept = { queue: 'disk', contentDays: 7, retryInterval: 60, retryMaxInterval: 600 }
    const nodes = world.flow({ ...kept, name: 'Registry', order: 'fifo', failureTimeout: -1 })
    const out = nodes.find(({ id }) => id === 'out')
    assert.ok(out)
    await world.nodeRed.deploy([
      ...nodes,
      { ...out, id: 'out2', name: 'Archive', order: 'key', orderKey: 'PID-3.1', wires: [[], []] }
    ])
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page`)
    await page.evaluate('localStorage.clear()')
    await page.reload()
    await page.locator('.hl7-node-rows [data-key]').first().waitFor()
    await page.click('#account .hl7-button')
    await page.fill('#hl7-username', 'admin')
    await page.fill('#hl7-password', PASSWORD)
    await page.press('#hl7-password', 'Enter')
    await page.locator('.hl7-node-rows [data-key]').first().waitFor()
  })
  after(async () => {
    await page.close()
    await world.close()
    assert.deepEqual(complaints, [])
  })

  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  /** The same of what happens elsewhere meanwhile. */
  const tells = (selector: string, words: RegExp): Promise<void> =>
    waitForNews(page, selector, words)
  const send = async (...ids: string[]): Promise<void> => {
    for (const id of ids) await world.nodeRed.inject('in', { payload: adt(`${day}${id}`) })
  }
  /** What somebody sees now, at a monitor; and on a phone, which is what they act on. */
  async function look(name: string): Promise<void> {
    step++
    for (const width of [1400, 300]) {
      await page.setViewportSize({ width, height: 800 })
      assert.deepEqual(await sticksOut(page), [], `${name}, ${width} pixels`)
      if (pictures === undefined) continue
      mkdirSync(pictures, { recursive: true })
      const file = `${width}-${String(step).padStart(2, '0')}-${name}.png`
      await page.screenshot({ path: join(pictures, file) })
    }
  }
  const press = async (words: RegExp): Promise<void> => {
    await page.locator('.hl7-button', { hasText: words }).first().click()
  }

  it('sets aside the one that blocks: the others go', async () => {
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      return id.endsWith('BLOCK') ? { status: 500 } : { body: ackFor(id) }
    }
    await send('BLOCK', ...Array.from({ length: 40 }, (_, at) => `Q${at}`))
    await world.eventually(async () => (await world.state()).queued === 41)
    await tells('.hl7-node-rows', /41/)
    await look('blocked')
    await page.locator('.hl7-node-rows [data-key]', { hasText: 'Registry' }).click()
    await look('node')
    const row = page.locator('.hl7-message-rows [data-key]', { hasText: 'BLOCK' })
    await row.click()
    await page.locator('.hl7-story').scrollIntoViewIfNeeded()
    await look('message')
    await press(/^\s*Suspend/)
    await look('question')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /BLOCK/)
    await world.eventually(() => world.left('ack', day).length === 40)
    await tells('.hl7-cell-state', /1 suspended/)
    await look('set-aside')
  })

  it('sends the messages of an hour again, which the receiver has lost, and follows them', async () => {
    await page.selectOption('.hl7-messages .hl7-heading select', 'acked')
    await shows('.hl7-message-rows', /Q39/)
    await look('delivered')
    await press(/^\s*Send again/)
    await shows('.hl7-seen', /40 messages/)
    await look('send-again')
    await page.locator('.hl7-question .hl7-first').click()
    await shows('.hl7-outcome', /was accepted/)
    await look('sent-again')
    await tells('.hl7-count', /40 delivered/)
    await look('followed')
    // The page may count one as delivered a moment before it has reached the flow behind the output.
    await world.eventually(() => world.left('ack', day).length === 80)
  })

  it('corrects a wrong date in a refused one, and sees it accepted', async () => {
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      const isWrong = body.includes('20990101')
      return { body: isWrong ? ackFor(id, 'AE', 'ERR||PID^1^7|102^x^HL70357|E\r') : ackFor(id) }
    }
    await world.nodeRed.inject('in', { payload: adt(`${day}DATE`, { birth: '20990101' }) })
    await page.selectOption('.hl7-messages .hl7-heading select', 'naked')
    await tells('.hl7-message-rows', /DATE/)
    await page.locator('.hl7-message-rows [data-key]', { hasText: 'DATE' }).click()
    await look('refused')
    await press(/^\s*Edit/)
    await shows('.hl7-hint', /Date of birth/)
    await look('edit')
    await page.keyboard.type('19840217')
    await shows('.hl7-seen', /becomes/)
    await page.fill('#hl7-question-reason', 'the ward called')
    await look('edited')
    await page.locator('.hl7-question .hl7-first').click()
    await shows('.hl7-outcome', /DATE was accepted/)
    await look('accepted')
  })

  it('pauses a host until six, and tries it early', async () => {
    await page.locator('.hl7-node-rows [data-key]', { hasText: 'Archive' }).click()
    await press(/^\s*Pause all of/)
    await page.fill('#hl7-question-text', 'new release')
    const end = new Date(Date.now() + 6 * 3_600_000)
    const two = (value: number): string => String(value).padStart(2, '0')
    const date = `${end.getFullYear()}-${two(end.getMonth() + 1)}-${two(end.getDate())}`
    await page.fill('#hl7-question-until', `${date}T${two(end.getHours())}:00`)
    await look('pause')
    await page.locator('.hl7-question .hl7-first').click()
    await shows('.hl7-outcome', /paused/)
    await look('paused')
    await send('EARLY')
    await press(/^\s*Resume all of/)
    await look('resume')
    await page.locator('.hl7-question .hl7-first').click()
    await shows('.hl7-outcome', /the pause has ended/)
    await world.eventually(() => world.left('ack', `${day}EARLY`).length === 1)
    await look('resumed')
  })

  it('leaves no name of a patient in a log, an address or an event', async () => {
    const { text } = await as(world.nodeRed, 'watch', '/hl7-https-out/out/events?limit=1000')
    const { events } = JSON.parse(text) as EventPage
    assert.ok(events.length > 5)
    const log = (await world.nodeRed.printed()).join('\n')
    const hashes = await page.evaluate<string>('location.href')
    for (const where of [text, log, asked.join('\n'), hashes]) {
      assert.doesNotMatch(where, /Lindqvist|NS471100|19840217|20990101/)
    }
  })
})
