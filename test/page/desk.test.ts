import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page, Route } from 'playwright-core'
import { ago, FakeOperations, messageRow, NEWER } from '../support/fake-operations.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { leave, lookAgain, newPage } from '../support/page.ts'

describe('what an operator does on the page', () => {
  let nodeRed: TestNodeRed
  let page: Page
  let complaints: string[]
  let fake: FakeOperations

  before(async () => {
    nodeRed = await startNodeRed({ flows: [] })
    ;({ page, complaints } = await newPage())
  })
  after(async () => {
    await page.close()
    await nodeRed.close()
  })
  beforeEach(async () => {
    fake = new FakeOperations()
    await fake.serve(page)
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await leave(page)
  })

  async function open(): Promise<void> {
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
    await page.waitForSelector('.hl7-node-rows tbody tr')
  }
  /** Waits until all that was asked is answered, and nothing more was asked then. */
  async function rest(): Promise<void> {
    await until(async () => {
      const before = fake.asked.length
      await page.evaluate(`new Promise((resolve) => setTimeout(resolve, 50))`)
      return fake.isAnswered && fake.asked.length === before
    })
  }
  /** Asks again, as a page does that somebody looks at. */
  async function tick(): Promise<void> {
    await lookAgain(page)
    await rest()
  }
  async function until(look: () => boolean | Promise<boolean>): Promise<void> {
    for (const since = Date.now(); Date.now() < since + 20_000;) {
      if (await look()) return
      await page.waitForTimeout(10)
    }
    assert.fail(`waited in vain: ${look.toString()}`)
  }
  const seen = (selector: string): Promise<string> =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`)
  const rows = (of = 'node'): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('.hl7-${of}-rows tbody [data-key]')]
      .map((row) => row.dataset.key)`)
  const button = (label: string) => page.locator('button', { hasText: label }).first()
  const posted = (): string[] => fake.asked.filter((path) => path.includes(' {'))

  it('shows the first node at once, and another with one click', async () => {
    await open()
    assert.equal(await seen('.hl7-details h2'), 'Pharmacy')
    assert.match(await seen('.hl7-why'), /paused since .* by admin: “upgrade”/)
    fake.messages.set('Laboratory', [messageRow('1072'), messageRow('1074')])
    await page.click('[data-key=Laboratory]')
    await page.waitForSelector('.hl7-message-rows tbody tr')
    assert.deepEqual(await rows('message'), ['1072', '1074'])
    assert.match(await seen('[data-key="1072"]'), /AE 206 E Application record locked/)
    assert.match(
      await seen('.hl7-facts'),
      /last ACK .* · token valid for 4\d min · certificate of the receiver expires in 9 days/
    )
    assert.equal(
      await page.evaluate(
        `document.querySelector('.hl7-node-rows [aria-selected=true]').dataset.key`
      ),
      'Laboratory'
    )
  })

  it('has words for what each picture shows, of the last hour and the last day', async () => {
    await open()
    await page.click('[data-key=Registry]')
    await until(async () => !(await seen('.hl7-pictures')).includes('–'))
    const labels = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.hl7-pictures svg')].map((svg) => svg.getAttribute('aria-label'))`
    )
    assert.equal(labels.length, 10)
    assert.match(labels[0] ?? '', /^Acknowledged in the last hour: \d+, at most \d+ a minute$/)
    assert.match(
      labels[1] ?? '',
      /^Acknowledged in the last 24 hours: [\d,]+, at most \d+ a minute$/
    )
    assert.match(labels[6] ?? '', /^In the queue: 1\d\d now, at most \d+ in the last hour$/)
  })

  it('pauses until a time that is one click away, with a reason of at most 200 characters', async () => {
    await open()
    await page.click('[data-key=Radiology]')
    for (const [choice, least, most] of [
      ['30', 29, 31],
      ['120', 119, 121],
      ['tomorrow', 7 * 60, 31 * 60]
    ] as const) {
      fake.asked.length = 0
      await button('Pause').click()
      await page.keyboard.insertText('x'.repeat(300))
      await page.selectOption('#hl7-question-for', choice)
      await page.locator('.hl7-question .hl7-first').click()
      await until(() => posted().length === 1)
      const [path = '', body = ''] = (posted()[0] ?? '').split(/ (.*)/)
      assert.equal(path, '/hl7-https-out/Radiology/pause')
      const { reason, until: end } = JSON.parse(body) as { reason: string; until: string }
      assert.equal(reason.length, 200)
      const minutes = (Date.parse(end) - Date.now()) / 60_000
      assert.ok(minutes > least && minutes < most, `${choice}: ${end}`)
    }
  })

  it('discards all only after a question that says how many', async () => {
    fake.messages.set(
      'Laboratory',
      Array.from({ length: 8 }, (_, index) => messageRow(`${index}`))
    )
    await open()
    await page.click('[data-key=Laboratory]')
    await button('Discard all 8').click()
    assert.match(await seen('.hl7-question'), /Discard the 8 suspended messages of Laboratory/)
    await button('Cancel').click()
    await rest()
    assert.deepEqual(posted(), [])
    await button('Discard all 8').click()
    await page.locator('.hl7-question button.hl7-first').click()
    // When it was asked.
    const asked = (): string => posted()[0]?.replace(/,"before":"[^"]+"/, '') ?? ''
    await until(() => asked() === '/hl7-https-out/Laboratory/messages/discard {"all":true}')
    await until(async () => (await seen('.hl7-outcome')).startsWith('Laboratory: 8 messages'))
  })

  for (const [outcome, first, resent, expected] of [
    [
      'suspended',
      { kind: 'verdict', values: { ackCode: 'AE', errors: '206', status: 200, rule: ':?E=S' } },
      1,
      'Laboratory: OB-1 was not accepted; the others stay suspended. AE 206 · rule “error (AE or CE): Suspend” (:?E=S)'
    ],
    [
      null,
      { kind: 'first-open', values: { seconds: 50 } },
      1,
      'Laboratory: OB-1: Not decided within 50 s: the others follow if it is accepted'
    ]
  ] as const) {
    it(`says what became of the one that went first: ${outcome ?? 'not decided'}`, async () => {
      fake.messages.set('Laboratory', [messageRow('1')])
      const nothing = { kind: 'ok', values: {}, reason: '' } as const
      fake.tried = {
        first: { controlId: 'OB-1', outcome, ackCode: '', ...nothing, ...first },
        resent
      }
      await open()
      await page.click('[data-key=Laboratory]')
      await button('Resend all 8').click()
      await page.locator('.hl7-question button.hl7-first').click()
      await until(async () => (await seen('.hl7-outcome')) === expected)
    })
  }

  it('acts on what the question said, whatever a filter has become since', async () => {
    fake.messages.set('Laboratory', [
      messageRow('1'),
      ...Array.from({ length: 7 }, (_, index) => messageRow(`${index + 2}`, { type: 'ORU^R01' }))
    ])
    await open()
    await page.click('[data-key=Laboratory]')
    await page.fill('.hl7-filter [aria-label=Type]', 'ADT^A01')
    await page.keyboard.press('Enter')
    await button('Discard it …').click()
    await page.fill('.hl7-filter [aria-label=Type]', 'ORU^R01')
    await page.keyboard.press('Enter')
    await button('Discard these 7').waitFor()
    assert.match(
      await seen('.hl7-question'),
      /Discard the suspended message that matches: ADT\^A01/
    )
    await page.locator('.hl7-question button.hl7-first').click()
    await until(() => posted().length === 1)
    assert.match(
      posted()[0] ?? '',
      /\/Laboratory\/messages\/discard \{"type":"ADT\^A01","before":"/
    )

    // Not counted yet: the click that ends the input finds no button.
    await page.fill('.hl7-filter [aria-label=Type]', 'ADT^A01')
    const { x = 0, y = 0 } = (await button('Discard these 7').boundingBox()) ?? {}
    const { promise: counting, resolve: count } = Promise.withResolvers<true>()
    const hold = async (route: Route): Promise<void> => {
      await counting
      await route.fallback()
    }
    await page.route('**/messages?*', hold, { times: 1 })
    await page.mouse.click(x + 5, y + 5)
    assert.equal(await page.isVisible('.hl7-question'), false)
    assert.equal(await button('Discard these').isVisible(), false)
    count(true)
    await button('Discard it …').waitFor()
    assert.equal(posted().length, 1)
  })

  it('asks for what is shown, and no more, at a look, a click and an action', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    await open()
    await rest()
    // It also asks by itself, every two seconds and a half.
    const askedFor = async (act: () => Promise<void>): Promise<string[]> => {
      fake.asked.length = 0
      await act()
      await rest()
      const asked = fake.asked.map((path) => path.replace(/[?{].*/, '').trim())
      return [...new Set(asked)].sort()
    }
    const all = ['', '/Laboratory/events', '/Laboratory/history', '/Laboratory/messages'].map(
      (path) => `/hl7-https-out${path}`
    )
    // How many messages there are of each kind is asked for again when their number changes.
    const first = [...all, '/hl7-https-out/Laboratory/messages/counts'].sort()
    assert.deepEqual(await askedFor(() => page.click('[data-key=Laboratory]')), first)
    fake.nodes = fake.nodes.map((node) => ({ ...node, acked: node.acked + 1 }))
    assert.deepEqual(await askedFor(() => lookAgain(page)), all)
    await page.click('[data-key="1"]')
    await rest()
    const resend = page.locator('[data-button=resend-one]')
    assert.deepEqual(await askedFor(() => resend.click()), [
      ...all,
      '/hl7-https-out/Laboratory/messages/1/resend'
    ])
  })

  it('shows at once what the receiver has said to who may read it, before its codes', async () => {
    fake.permissions = ['hl7-https-out.read', 'hl7-https-out.content']
    fake.messages.set('Laboratory', [messageRow('1')])
    fake.content = {
      request: 'MSH|^~\\&|A\rPID|1||4711',
      reply: 'MSH|^~\\&|B\rMSA|AE|OB-1\rERR|||206|E|||lock 7|Chart is open at the ward'
    }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    await page.waitForSelector('.hl7-said')
    assert.match(await seen('.hl7-said'), /Chart is open at the ward[^]*lock 7[^]*206/)
    assert.equal(await page.isVisible('.hl7-request'), false)
    assert.equal(await page.evaluate('document.body.innerText.includes("4711")'), false)
    // Nobody else is told.
    fake.asked.length = 0
    fake.permissions = ['hl7-https-out.read']
    // Its link opens it.
    await page.reload()
    await page.waitForSelector('.hl7-story')
    assert.ok(fake.asked.some((path) => path.includes('/messages/1?content=false')))
    assert.equal(await page.isVisible('.hl7-said'), false)
  })

  it('lists events, of one node or of all, and writes them to a file without formulas', async () => {
    fake.events.set('Pharmacy', [
      {
        ...{ at: ago(10), by: '=cmd', text: '' },
        ...{ kind: 'paused', values: { by: '=cmd', reason: '=1+1' } }
      }
    ])
    fake.events.set('Registry', [
      { at: ago(31), by: '', kind: NEWER, values: {}, text: '=HYPERLINK("http://x")' }
    ])
    await open()
    await until(async () => (await seen('.hl7-events ul')).includes('Paused by =cmd: “=1+1”'))
    await page.selectOption('.hl7-events select >> nth=0', 'all')
    await until(async () => (await seen('.hl7-events ul')).includes('Registry: =HYPERLINK'))
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('[data-button=csv]')
    ])
    assert.equal(download.suggestedFilename(), 'hl7-events-all.csv')
    const file = readFileSync(await download.path(), 'utf8')
    assert.match(file, /^\u{feff}time \(UTC\),node,kind,by,text\r\n/u)
    assert.match(file, /Z,Pharmacy,paused,'=cmd,Paused by =cmd: “=1\+1”\r\n/)
    assert.match(file, /Z,Registry,brand-new,,"'=HYPERLINK\(""http:\/\/x""\)"\r\n$/)
  })

  it('shows the events of all nodes in another time range at once', async () => {
    await open()
    await page.selectOption('.hl7-events select >> nth=0', 'all')
    const since = (): number[] =>
      fake.asked.flatMap((path) => {
        const [, at] = /Radiology\/events\?since=([^&]+)/.exec(path) ?? []
        return at === undefined
          ? []
          : [Math.round((Date.now() - Date.parse(decodeURIComponent(at))) / 60_000)]
      })
    await until(() => since().length === 1)
    await page.selectOption('.hl7-events select >> nth=1', '360')
    await until(() => since().length === 2)
    assert.deepEqual(since(), [1440, 360])
    // Without being asked, not that often.
    fake.nodes = fake.nodes.map((node) => ({ ...node, acked: node.acked + 1 }))
    await tick()
    assert.deepEqual(since(), [1440, 360])
  })

  it('greys out what somebody may not do who may only look, and says why', async () => {
    fake.permissions = ['hl7-https-out.read']
    fake.nodes = fake.nodes.map((node) =>
      node.id === 'Registry' ? { ...node, suspended: 2, state: 'idle' } : node
    )
    fake.messages.set('Registry', [messageRow('1'), messageRow('2')])
    await open()
    await page.click('[data-key=Registry]')
    await page.click('[data-key="1"]')
    const onMessages = ['Show message', 'Resend', 'Discard']
    for (const label of ['Pause', 'Resend all', 'Discard all', 'Test', ...onMessages]) {
      const one = button(label)
      assert.equal(await one.getAttribute('aria-disabled'), 'true', label)
      // Playwright waits until it is enabled.
      await one.click({ force: true })
      assert.match(
        await seen('.hl7-outcome'),
        /You need the permission hl7-https-out\.(write|content)/
      )
    }
    for (const label of ['Show in flow', 'Find', 'CSV']) {
      assert.equal(await button(label).getAttribute('aria-disabled'), null, label)
    }
    assert.deepEqual(posted(), [])
  })

  it('tells of a Node-RED that is gone, and what it refuses, in words, and recovers', async () => {
    await open()
    await page.route('**/hl7-https-out', (route) => route.abort())
    await lookAgain(page)
    await until(async () => (await seen('.hl7-trouble')).startsWith('Node-RED does not answer'))
    assert.equal((await rows()).length, 4)
    await page.unroute('**/hl7-https-out')
    fake.status = 200
    await tick()
    assert.equal(await page.isVisible('.hl7-trouble'), false)
    await page.route('**/hl7-https-out/Pharmacy/resume', (route) =>
      route.fulfill({ status: 500, json: { error: 'The queue has a fault.' } })
    )
    await button('Resume').click()
    await until(async () => (await seen('.hl7-outcome')) === 'Pharmacy: The queue has a fault.')
  })
})
