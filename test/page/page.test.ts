import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import {
  evil,
  evilOperations,
  FakeOperations,
  messageRow,
  nodeState
} from '../support/fake-operations.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import {
  leave,
  lookAgain,
  newPage,
  pageViolations,
  sticksOut,
  waitForWords
} from '../support/page.ts'

describe('the page', () => {
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

  const widen = (width: number): Promise<void> => page.setViewportSize({ width, height: 900 })
  const open = async (width = 1400, hash = ''): Promise<void> => {
    await widen(width)
    await page.goto(`${nodeRed.url}/hl7-https-out/page${hash}`)
    await page.locator('.hl7-node-rows [data-key]').first().waitFor()
  }
  const text = (selector: string): Promise<string> => page.locator(selector).first().innerText()
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  /** The same of what has happened elsewhere. */
  const tells = async (selector: string, words: RegExp): Promise<void> => {
    await lookAgain(page)
    await shows(selector, words)
  }
  const until = async (expression: string): Promise<void> => {
    for (const since = Date.now(); Date.now() < since + 20_000;) {
      if (await page.evaluate(expression)) return
      await page.waitForTimeout(20)
    }
    assert.fail(`waited in vain: ${expression}`)
  }
  const keys = (of: 'node' | 'message'): Promise<string[]> =>
    page.evaluate(
      `[...document.querySelectorAll('.hl7-${of}-rows [data-key]')].map((row) => row.dataset.key)`
    )
  const focused = (): Promise<string> =>
    page.evaluate(
      `document.activeElement.dataset.key ?? document.activeElement.dataset.button ?? document.activeElement.id`
    )
  const posted = (): string[] => fake.asked.filter((path) => path.includes(' {'))

  it('needs no login for its HTML, which holds no data and lets nothing in from elsewhere', async () => {
    for (const path of ['', '/page.js', '/page.css', '/en-US.json', '/de.json']) {
      const answer = await fetch(`${nodeRed.url}/hl7-https-out/page${path}`)
      assert.equal(answer.status, 200, path)
      const policy = answer.headers.get('content-security-policy') ?? ''
      assert.match(
        policy,
        /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/
      )
      assert.doesNotMatch(policy, /unsafe/)
    }
    for (const path of [
      '/../hl7-https-out.js',
      '/xx.json',
      '/package.json',
      '/%2e%2e%2fpackage.json'
    ]) {
      const { status } = await fetch(`${nodeRed.url}/hl7-https-out/page${path}`)
      assert.equal(status, 404, path)
    }
    const slash = await fetch(`${nodeRed.url}/hl7-https-out/page/`, { redirect: 'manual' })
    assert.equal(slash.headers.get('location'), '../page')
  })

  it('says in words that its texts did not come, and loads them again', async () => {
    await page.route('**/page/en-US.json', (route) => route.abort())
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
    await shows('.hl7-trouble', /^\s*Node-RED does not answer\./)
    await page.unroute('**/page/en-US.json')
    // A gateway in front of Node-RED.
    await page.route('**/page/en-US.json', (route) =>
      route.fulfill({ status: 503, json: { message: 'no server is available' } })
    )
    const refused = page.waitForResponse('**/page/en-US.json')
    await page.locator('button', { hasText: 'Try again' }).click()
    await refused
    await shows('.hl7-trouble', /^\s*Node-RED does not answer\./)
    await page.unroute('**/page/en-US.json')
    await page.locator('button', { hasText: 'Try again' }).click()
    await shows('.hl7-summary', /3 of 4 nodes need attention/)
    assert.equal(await page.locator('.hl7-trouble').count(), 0)
  })

  it('shows what is wrong with each node, and has room for all', async () => {
    fake.messages.set('Laboratory', [messageRow('1072'), messageRow('1073')])
    fake.content = { request: 'MSH|^~\\&|A\rPID|1', reply: 'MSH|^~\\&|B\rMSA|AE|1' }
    await open()
    assert.deepEqual(await keys('node'), ['Pharmacy', 'Laboratory', 'Registry', 'Radiology'])
    assert.match(await text('.hl7-summary'), /^3 of 4 nodes need attention$/)
    assert.equal(await page.title(), '(3) HL7 delivery')
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1072"]')
    await page.click('[data-button=show-message]')
    await page.locator('.hl7-story').waitFor()
    // The rule in words, and as it is written.
    await shows('.hl7-advice .hl7-rule', /ERR-3 is 206: Suspend” @ERR-3:206=S/)
    assert.equal(await page.locator('.hl7-rule').count(), 1)
    await page.click('[data-button=pause]')
    await page.waitForSelector('.hl7-question')
    await widen(300)
    const row = (await text('[data-key=Registry]')).replace(/\s+/g, ' ')
    for (const word of ['retrying', '120', '31 min', 'HTTP 503, try 12 in 20 s']) {
      assert.ok(row.includes(word), `${word} in ${row}`)
    }
    assert.deepEqual(await sticksOut(page), [])
  })

  it('says in the list what to do and whom to call, however much there is to say', async () => {
    const contact = 'on-call of the registry, +44 20 7946 0000'
    const advice = {
      kind: 'advice-unreachable',
      values: {
        ...{
          host: 'registry.a-very-long-domain-of-the-receiver.example.org',
          cause: 'ECONNREFUSED'
        },
        ...{ waiting: 12, besides: 3, queue: 'disk', giveUpSeconds: 900, contact }
      },
      text: ''
    } as const
    fake.nodes = fake.nodes.map((node) =>
      node.id === 'Registry' ? { ...node, advice, contact } : node
    )
    await open()
    const row = page.locator('[data-key=Registry]')
    const call = row.locator('.hl7-contact')
    assert.match(
      await call.innerText(),
      /^Receiver's contact: on-call of the registry, \+44 20 7946 0000$/
    )
    const why = row.locator('.hl7-cell-why > div')
    assert.equal(await why.evaluate((one) => one.scrollHeight > one.clientHeight), false)
    assert.match(
      await why.innerText(),
      /cannot be reached \(ECONNREFUSED\)\. Check that it is running/
    )
    // What else there is to know is one look away.
    assert.match((await why.getAttribute('title')) ?? '', /12 messages wait on disk/)
    await row.click()
    assert.match(
      await text('.hl7-do'),
      /12 messages wait on disk.*Receiver's contact: on-call of the registry/s
    )
  })

  it('shows the node that has just come into trouble, unless somebody uses the list', async () => {
    const well = Array.from({ length: 60 }, (_, index) => nodeState(`Well${index + 10}`))
    fake.nodes = well
    const trouble = (id: string): void => {
      fake.nodes = [
        nodeState(id, { state: 'error', kind: 'error', values: { cause: 'EIO' } }),
        ...well
      ]
    }
    await open()
    const scroller = page.locator('.hl7-scroll')
    const top = (): Promise<number> => scroller.evaluate((one) => one.scrollTop)
    await scroller.evaluate((one) => {
      one.scrollTo(0, 600)
    })
    trouble('Broken')
    await lookAgain(page)
    await until(`document.querySelector('.hl7-node-rows [data-key]').dataset.key === 'Broken'`)
    assert.equal(await top(), 0)
    // A pointer in the list: what is below it stays.
    await scroller.evaluate((one) => {
      one.scrollTo(0, 600)
    })
    await page.mouse.move(200, 300)
    await page.mouse.move(205, 305)
    trouble('Other')
    await lookAgain(page)
    await until(`document.querySelector('[data-key=Other]') !== null`)
    assert.ok((await top()) > 300)
  })

  it('follows the rules of axe-core, light and dark, wide and narrow', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    fake.content = { request: 'MSH|^~\\&|A', reply: null }
    fake.nodes.push(...['a', 'b', 'c'].map((id) => nodeState(id)))
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    await page.click('[data-button=show-message]')
    await page.locator('.hl7-story').waitFor()
    await page.click('[data-button=discard-one]')
    await page.waitForSelector('.hl7-question')
    for (const width of [300, 1400]) {
      await widen(width)
      assert.deepEqual(await pageViolations(page), [], `${width} pixels`)
    }
  })

  it('draws 200 nodes within 50 ms, and keeps focus and place when they move', async (t) => {
    // A time of another day is shown with its date, which takes longer.
    const yesterday = new Date(Date.now() - 86_400_000).toISOString()
    fake.nodes = Array.from({ length: 200 }, (_, index) =>
      nodeState(`n${index}`, { name: `Node ${index}`, since: yesterday, lastAckAt: yesterday })
    )
    await open()
    // Nothing is shown, then everything: 200 new rows.
    const times = await page.evaluate<number[]>(`(async () => {
      const field = document.querySelector('.hl7-node-filter input')
      const draw = async (words) => {
        field.value = words
        const began = performance.now()
        field.dispatchEvent(new Event('input'))
        await new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)))
        return performance.now() - began
      }
      const times = []
      // Other tests take the processor away: what counts is the time when they did not.
      do {
        await draw('nothing has this name')
        times.push(await draw(''))
      } while (times.at(-1) >= 50 && times.length < 50)
      return times
    })()`)
    t.diagnostic(`200 new rows: ${times.map((ms) => ms.toFixed(1)).join(', ')} ms`)
    assert.equal((await keys('node')).length, 200)
    assert.ok(Math.min(...times) < 50, times.join())

    await page.focus('[data-key=n59]')
    await page.keyboard.press('ArrowDown')
    const scrolled = await page.evaluate(`document.querySelector('.hl7-scroll').scrollTop`)
    assert.ok(Number(scrolled) > 0)
    // The last node is in trouble, and comes first once the rows are no longer in use; later the focused one does.
    const [last] = fake.nodes.splice(199, 1)
    assert.ok(last)
    fake.nodes.unshift({ ...last, suspended: 3 })
    await tells('[data-key=n199]', /3 suspended/)
    assert.equal((await keys('node'))[0], 'n0')
    await page.hover('[data-key=n60]')
    await page.mouse.move(0, 0)
    await lookAgain(page)
    await until(`document.querySelector('.hl7-node-rows [data-key]').dataset.key === 'n199'`)
    assert.equal(await focused(), 'n60')
    fake.nodes.sort((one, other) => Number(other.id === 'n60') - Number(one.id === 'n60'))
    await lookAgain(page)
    await until(`document.querySelector('.hl7-node-rows [data-key]').dataset.key === 'n60'`)
    assert.equal(await focused(), 'n60')
  })

  it('moves nothing under a resting pointer', async () => {
    fake.nodes = Array.from({ length: 60 }, (_, index) => nodeState(`n${index}`))
    await open()
    await page.hover('[data-key=n5]')
    const place = async (): Promise<number> =>
      (await page.locator('[data-key=n5]').boundingBox())?.y ?? 0
    const before = await place()
    const values = { by: '', reason: 'Out of order. '.repeat(20) }
    const trouble = { suspended: 3, kind: 'paused' as const, values }
    fake.nodes.unshift(...fake.nodes.splice(2, 1).map((node) => ({ ...node, ...trouble })))
    fake.nodes.unshift(...fake.nodes.splice(50, 1).map((node) => ({ ...node, suspended: 1 })))
    await tells('[data-key=n2]', /Out of order/)
    assert.ok(Math.abs((await place()) - before) < 1)
    assert.equal((await keys('node'))[0], 'n0')
    await page.mouse.move(0, 0)
    await lookAgain(page)
    await until(`document.querySelector('.hl7-node-rows [data-key]').dataset.key === 'n50'`)
  })

  it('keeps a message open, however many newer ones come', async () => {
    const rows = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) =>
        messageRow(String(from - index), { state: 'acked', outcome: 'ack' })
      )
    fake.messages.set('Radiology', rows(150, 150))
    await open()
    await page.click('[data-key=Radiology]')
    await page.click('[data-key="120"]')
    await page.waitForSelector('[data-key="120"][aria-expanded=true]')
    await page.hover('.hl7-events h3')
    fake.messages.set(
      'Radiology',
      rows(350, 350).map((row) => ({ ...row, attempts: 7 }))
    )
    fake.nodes = fake.nodes.map((node) => ({ ...node, acked: node.acked + 200 }))
    await tells('[data-key="120"] .hl7-cell-tries', /7/)
    assert.equal((await keys('message'))[0], '150')
    assert.equal(await page.locator('[data-key="120"][aria-expanded=true]').count(), 1)
    await page.click('[data-key="120"]')
    await page.hover('.hl7-events h3')
    await lookAgain(page)
    await page.waitForSelector('[data-key="350"]')
  })

  it('says how many suspended messages it does not list while one is open', async () => {
    fake.messages.set('Laboratory', [messageRow('2'), messageRow('1')])
    fake.nodes = fake.nodes.map((node) => ({ ...node, suspended: 2 }))
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    fake.messages.set('Laboratory', [messageRow('3'), messageRow('2'), messageRow('1')])
    fake.nodes = fake.nodes.map((node) => ({ ...node, suspended: 3 }))
    await tells('.hl7-messages .hl7-count', /1 newer message is not listed yet/)
    await page.click('[data-key="1"]')
    await page.hover('.hl7-events h3')
    await lookAgain(page)
    await page.waitForSelector('[data-key="3"]')
    await until(`document.querySelector('.hl7-messages .hl7-count').innerText === ''`)
  })

  it('finds nodes by words and by state', async () => {
    fake.nodes.push(
      nodeState('x1', { name: 'Lab', flow: 'North' }),
      nodeState('x2', { name: 'Lab', flow: 'South', host: 'lab.example.com' })
    )
    await open(520)
    // Equal names show their flows, also where there is no column for them.
    assert.match(await text('[data-key=x1]'), /Lab\s+· North/)
    await page.fill('.hl7-node-filter input', 'lab south')
    await until(`document.querySelectorAll('.hl7-node-rows [data-key]').length === 1`)
    assert.deepEqual(await keys('node'), ['x2'])
    await shows('.hl7-node-filter', /1 of 6 nodes/)
    await page.fill('.hl7-node-filter input', '')
    await page.selectOption('.hl7-node-filter select', 'look')
    await until(`document.querySelectorAll('.hl7-node-rows [data-key]').length === 3`)
    await page.selectOption('.hl7-node-filter select', 'paused')
    await until(`document.querySelectorAll('.hl7-node-rows [data-key]').length === 1`)
    assert.deepEqual(await keys('node'), ['Pharmacy'])
    // A row that says something worse is none of those that are idle.
    fake.nodes = fake.nodes.map((node) => ({ ...node, paused: null, state: 'idle' }))
    await lookAgain(page)
    await until(`document.querySelectorAll('.hl7-node-rows [data-key]').length === 0`)
    assert.equal(await page.inputValue('.hl7-node-filter select'), 'paused')
    await page.selectOption('.hl7-node-filter select', 'idle')
    await until(`document.querySelectorAll('.hl7-node-rows [data-key]').length > 0`)
    for (const words of await page
      .locator('.hl7-node-rows [data-key] .hl7-cell-state')
      .allInnerTexts()) {
      assert.equal(words, 'idle')
    }
  })

  it('lists 100 of 1000 messages at a time, and acts on those that are chosen', async () => {
    fake.messages.set(
      'Laboratory',
      Array.from({ length: 1000 }, (_, index) => messageRow(String(1000 - index)))
    )
    await open()
    await page.click('[data-key=Laboratory]')
    await page.waitForSelector('[data-key="1000"]')
    assert.equal((await keys('message')).length, 100)
    await page.click('.hl7-messages button:has-text("Older")')
    await page.waitForSelector('[data-key="900"]')
    assert.equal((await keys('message')).length, 100)
    await shows('.hl7-messages .hl7-count', /101 to 200, newest first/)

    await page.focus('[data-key="900"]')
    await page.keyboard.press('Space')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Space')
    await page.click('[data-button=discard-chosen]')
    assert.match(await text('.hl7-question'), /Discard the 2 chosen messages of Laboratory\?/)
    assert.deepEqual(posted(), [])
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /2 messages were discarded/)
    assert.equal(posted()[0], '/hl7-https-out/Laboratory/messages/discard {"ids":["900","899"]}')
  })

  it('lets an operator edit a suspended message, and keeps what was written if it is refused', async () => {
    fake.messages.set('Laboratory', [messageRow('7')])
    fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711\r' }
    fake.refusals = ['This message has no control ID (MSH-10).']
    await open(300)
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="7"]')
    await page.click('[data-button=edit-one]')
    await shows('.hl7-question', /Edit .* and resend it to laboratory\.example\.org\?/)
    const field = page.locator('.hl7-question textarea')
    assert.equal(await focused(), 'hl7-question-text')
    assert.equal(await field.inputValue(), 'MSH|^~\\&|A\nPID|1||4711\n')
    assert.deepEqual(await sticksOut(page), [])
    const { height = 0, width = 0 } = (await field.boundingBox()) ?? {}
    assert.ok(height > 150 && width > 200, `${width} × ${height}`)
    // Blanks at its end belong to the message.
    await field.fill('MSH|^~\\&|A\nPID|1||4712 ')
    await shows('.hl7-seen', /Patient ID \(PID-3\): “4711” becomes “4712 ?”/)
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /has no control ID/)
    assert.equal(await field.inputValue(), 'MSH|^~\\&|A\nPID|1||4712 ')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /has been edited and is back in the queue/)
    assert.equal(await field.count(), 0)
    const payload = 'MSH|^~\\&|A\nPID|1||4712 '
    // Not one that somebody else has discarded meanwhile.
    const body = { wait: true, state: 'suspended', payload }
    const asked = `/hl7-https-out/Laboratory/messages/7/resend ${JSON.stringify(body)}`
    assert.deepEqual(posted(), [asked, asked])
  })

  it('keeps the node that is chosen, and what is written there, while a deploy restarts it', async () => {
    fake.messages.set('Laboratory', [messageRow('7')])
    fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711\r' }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="7"]')
    await page.click('[data-button=edit-one]')
    const field = page.locator('.hl7-question textarea')
    await field.fill('MSH|^~\\&|A\nPID|1||4712')
    const all = fake.nodes
    fake.nodes = all.filter(({ id }) => id !== 'Laboratory')
    await tells(
      '.hl7-trouble',
      /Node-RED no longer knows this node or message\. What you see may be/
    )
    assert.equal(await page.locator('[data-key=Laboratory]').count(), 0)
    assert.equal(await focused(), 'hl7-question-text')
    fake.nodes = all
    await lookAgain(page)
    await page.locator('[data-key=Laboratory]').waitFor()
    assert.equal(await page.locator('.hl7-trouble').count(), 0)
    assert.equal(await text('.hl7-details h2'), 'Laboratory')
    assert.equal(await field.inputValue(), 'MSH|^~\\&|A\nPID|1||4712')
    assert.match(page.url(), /#node=Laboratory&message=7$/)
  })

  it('leaves nothing of a message that is edited in the page once something else is opened', async () => {
    for (const id of ['Laboratory', 'Registry']) {
      fake.messages.set(id, [messageRow('8'), messageRow('7')])
    }
    fake.nodes = fake.nodes.map((node) => ({ ...node, suspended: 2 }))
    fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711\r' }
    const isShown = (): Promise<boolean> =>
      page.evaluate(`document.body.textContent.includes('4711') ||
        [...document.querySelectorAll('textarea')].some(({ value }) => value.includes('4711'))`)
    const edit = async (): Promise<void> => {
      await page.click('[data-button=edit-one]')
      await page.waitForSelector('.hl7-question textarea')
    }
    /** In this order, what is opened last is the message that is edited next. */
    const leave: Record<string, () => Promise<void>> = {
      cancel: () => page.click('.hl7-question .hl7-no'),
      'another message': () => page.click('[data-key="8"]'),
      'the message closed and opened': async () => {
        // What is below it moves up.
        await page.click('[data-key="8"]')
        await page.click('[data-key="8"]')
      },
      'another node': async () => {
        await page.click('[data-key=Registry]')
        await page.click('.hl7-messages [data-key="7"]')
      },
      'another list': async () => {
        await page.selectOption('.hl7-messages select', '')
        await page.click('[data-key="8"]')
      }
    }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="7"]')
    for (const [way, go] of Object.entries(leave)) {
      await edit()
      assert.equal(await isShown(), true, way)
      await go()
      assert.equal(await isShown(), false, way)
      assert.equal(await page.locator('.hl7-question').count(), 0, way)
    }
  })

  for (const button of ['edit-one', 'show-message']) {
    it(`shows no text that comes when another node is chosen, of ${button}`, async () => {
      for (const id of ['Laboratory', 'Registry']) fake.messages.set(id, [messageRow('7')])
      fake.nodes = fake.nodes.map((node) => ({ ...node, suspended: 1 }))
      await open()
      await page.click('[data-key=Laboratory]')
      await page.click('[data-key="7"]')
      await page.locator('.hl7-story').waitFor()
      fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711\r' }
      const { promise: released, resolve: release } = Promise.withResolvers<undefined>()
      await page.route('**/Laboratory/messages/7', async (route) => {
        await released
        await route.fallback()
      })
      await page.click(`[data-button=${button}]`)
      await page.click('[data-key=Registry]')
      await page.click('.hl7-messages [data-key="7"]')
      await page.locator('.hl7-story').waitFor()
      const late = page.waitForResponse('**/Laboratory/messages/7')
      release(undefined)
      await (await late).finished()
      await until(`document.querySelector('[data-button=${button}][aria-busy]') === null`)
      assert.equal(await page.locator('.hl7-question').count(), 0)
      assert.equal(await page.evaluate(`document.body.textContent.includes('4711')`), false)
    })
  }

  it('lists what waits, and first what the others wait for', async () => {
    const untried = { attempts: 0, ackCode: '', errors: [], rule: '', kind: 'ok' } as const
    fake.messages.set('Registry', [
      ...Array.from({ length: 119 }, (_, index) =>
        messageRow(String(130 - index), { state: 'waiting', ...untried })
      ),
      messageRow('11', { state: 'retrying' }),
      messageRow('10', { state: 'acked' })
    ])
    await open()
    await page.click('[data-key=Registry]')
    await page.waitForSelector('[data-key="11"]')
    assert.equal((await keys('message')).length, 100)
    assert.deepEqual((await keys('message')).slice(0, 3), ['11', '130', '129'])
    assert.match(
      await page.evaluate(`document.querySelector('.hl7-messages select').selectedOptions[0].text`),
      /^\s*120 waiting\s*$/
    )
    // The receiver has said nothing about those that were never sent.
    assert.equal(await text('.hl7-message-rows th.hl7-cell-said'), 'State')
    assert.equal(await text('[data-key="130"] .hl7-cell-said'), 'waiting')
    await page.click('.hl7-messages button:has-text("Older")')
    await page.waitForSelector('[data-key="12"]')
    assert.equal((await keys('message')).length, 20)
  })

  it('resends messages of a paused node without trying one first, and says that they stay', async () => {
    fake.nodes = fake.nodes.map((node) => ({ ...node, suspended: 2 }))
    fake.messages.set('Pharmacy', [messageRow('1'), messageRow('2')])
    await open()
    await page.click('[data-button=resend-all]')
    assert.match(await text('.hl7-question'), /Resend the 2 suspended messages of Pharmacy\?/)
    assert.equal(await page.locator('.hl7-question input').count(), 0)
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /2 messages are back in the queue\. The node is paused: nothing/)
    assert.match(posted()[0] ?? '', /"firstAlone":false/)
  })

  it('says of which node a result is, and is busy for that node only', async () => {
    await open()
    const { promise, resolve } = Promise.withResolvers<undefined>()
    fake.slow = promise
    const test = async (): Promise<void> => {
      await page.click('[data-button=test]')
      await page.locator('.hl7-question .hl7-first').click()
    }
    await test()
    await shows('[data-button=test][aria-busy=true]', /Test/)
    await page.click('[data-key=Radiology]')
    await shows('.hl7-details h2', /Radiology/)
    assert.equal(await page.locator('[data-button=test]').getAttribute('aria-busy'), null)
    fake.slow = undefined
    fake.tested = { status: 200, ack: { code: 'CA' } as never, action: 'AF', elapsedMs: 7 }
    await test()
    await shows(
      '.hl7-outcome[data-level=good]',
      /^\s*Radiology: The test message was accepted; await the application ACK: CA, HTTP 200, 7 ms/
    )
    const ack = { code: 'AR', text: '', errors: [{ code: '202' } as never] }
    fake.tested = { status: 200, ack, action: 'F', elapsedMs: 8 }
    resolve(undefined)
    await shows(
      '.hl7-outcome[data-level=bad]',
      /^\s*Pharmacy: The test message was refused: AR, HTTP 200, 8 ms\. Path and login work; this receiver takes no test messages/
    )
  })

  it('suspends what holds up the others after a question, and keeps it in sight', async () => {
    const waiting = {
      state: 'retrying',
      settledAt: null,
      ackCode: '',
      errors: [],
      status: 500
    } as const
    fake.messages.set('Registry', [
      messageRow('9', { ...waiting, state: 'waiting' }),
      messageRow('8', waiting)
    ])
    await open()
    await page.click('[data-key=Registry]')
    await page.click('[data-key="8"]')
    await page.click('[data-button=suspend-one]')
    await shows(
      '.hl7-question',
      /Suspend OB-8\? It is not sent to registry\.example\.org until somebody resends it; the others go on/
    )
    assert.deepEqual(posted(), [])
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /Registry: OB-8 is suspended\./)
    assert.deepEqual(posted(), [
      '/hl7-https-out/Registry/messages/suspend {"ids":["8"],"state":"waiting"}'
    ])
    // It is no longer in this list, and stays open in it.
    await shows('[data-key="8"] .hl7-cell-said', /suspended/)
    await page.locator('[data-button=resend-one]').waitFor()

    fake.inFlight = 1
    await page.click('[data-key="9"] input')
    await page.click('[data-button=suspend-chosen]')
    await shows('.hl7-question', /Suspend the chosen message of Registry\?/)
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /Registry: 1 message is suspended\. 1 of them is on its way/)
  })

  it('resends one message, keeps it open and says what became of it', async () => {
    fake.messages.set('Laboratory', [messageRow('2'), messageRow('1')])
    const first = { kind: 'ok', values: {}, reason: '', ackCode: 'AA', outcome: 'ack' } as const
    fake.tried = { first: { ...first, controlId: 'OB-1' } }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    await page.click('[data-button=resend-one]')
    await shows('.hl7-outcome', /Laboratory: OB-1 was accepted: AA/)
    assert.deepEqual(posted(), [
      '/hl7-https-out/Laboratory/messages/1/resend {"wait":true,"state":"suspended"}'
    ])
    await shows('[data-key="1"] .hl7-cell-said', /delivered/)
    assert.deepEqual(await keys('message'), ['2', '1'])
    await page.locator('.hl7-message [data-button=resend-one]', { hasText: 'Send again' }).waitFor()
    await page.click('[data-key="1"]')
    await page.click('[data-key="2"]')
    await lookAgain(page)
    await until(`document.querySelector('[data-key="1"]') === null`)
  })

  it('tries at once, after a question where one try too many may cost something', async () => {
    await open()
    await page.click('[data-key=Registry]')
    await page.click('[data-button=try-now]')
    await shows('.hl7-outcome', /Registry: One message is on its way/)
    fake.nodes = fake.nodes.map((node) =>
      node.id === 'Registry' ? { ...node, values: { ...node.values, cause: '401' } } : node
    )
    await lookAgain(page)
    await until(`/401/.test(document.querySelector('[data-key=Registry]').textContent)`)
    await page.click('[data-button=try-now]')
    await shows(
      '.hl7-question',
      /Try now, before the wait is over\? One message goes to registry\.example\.org\. After HTTP 401/
    )
    await page.click('.hl7-question .hl7-first')
    await until(`!document.querySelector('.hl7-question')`)
    assert.deepEqual(posted(), Array(2).fill('/hl7-https-out/Registry/try {}'))
    // Nothing waits for an attempt.
    await page.click('[data-key=Radiology]')
    await shows('.hl7-details h2', /Radiology/)
    assert.equal(await page.locator('[data-button=try-now]').count(), 0)
  })

  it('opens the editor at the node', async () => {
    await open()
    await page.context().route(`${nodeRed.url}/`, (route) => route.fulfill({ body: 'the editor' }))
    const [editor] = await Promise.all([
      page.context().waitForEvent('page'),
      page.click('[data-button=show-in-flow]')
    ])
    assert.equal(editor.url(), `${nodeRed.url}/#node/Pharmacy`)
    await editor.close()
    await page.context().unroute(`${nodeRed.url}/`)
  })

  it('can be used with the keyboard alone', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    await open()
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Pharmacy')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForSelector('[data-key="1"]')
    // To what can be done with the node; back to the table it is as far as to Find.
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'pause')
    await page.focus('[data-key=Laboratory]')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'hl7-find')
    await page.focus('.hl7-details [data-button=test]')
    await page.keyboard.press('Enter')
    await shows('.hl7-question', /Send a test message to laboratory\.example\.org/)
    await page.keyboard.press('Escape')
    assert.equal(await focused(), 'test')
    // One question takes the place of another, and the focus.
    await page.keyboard.press('Enter')
    await shows('.hl7-question', /Send a test message/)
    await page.locator('.hl7-details [data-button=pause]').press('Enter')
    await shows('.hl7-question', /Pause Laboratory/)
    await page.evaluate(`new Promise((resolve) => requestAnimationFrame(resolve))`)
    assert.equal(await focused(), 'hl7-question-text')
    await page.focus('[data-key="1"]')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'resend-one')
    // The message leaves, and its buttons with it: the focus goes to its neighbour.
    fake.messages.set('Laboratory', [messageRow('2')])
    await page.keyboard.press('Enter')
    await page.waitForSelector('[data-key="1"]', { state: 'detached' })
    assert.equal(await focused(), '2')
    assert.equal(
      posted()[0],
      '/hl7-https-out/Laboratory/messages/1/resend {"wait":true,"state":"suspended"}'
    )
  })

  it('has an address for the node and the message that are open', async () => {
    fake.messages.set('Laboratory', [messageRow('1073'), messageRow('1072')])
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1072"]')
    await until(`location.hash === '#node=Laboratory&message=1072'`)
    await page.reload()
    await page.waitForSelector('[data-key="1072"][aria-expanded=true]')
    assert.equal(await text('.hl7-details h2'), 'Laboratory')
  })

  it('opens no message of another node if the one in the address is gone, until it is back', async () => {
    for (const id of ['Pharmacy', 'Laboratory']) fake.messages.set(id, [messageRow('7')])
    const all = fake.nodes
    fake.nodes = all.filter(({ id }) => id !== 'Laboratory')
    await open(1400, '#node=Laboratory&message=7')
    await shows('.hl7-trouble', /^Node-RED no longer knows this node or message\.$/)
    assert.equal(await page.locator('.hl7-details, .hl7-opened').count(), 0)
    assert.deepEqual(
      fake.asked.filter((path) => path.includes('Pharmacy')),
      []
    )
    fake.nodes = all
    await lookAgain(page)
    await page.waitForSelector('[data-key="7"][aria-expanded=true]')
    assert.equal(await text('.hl7-details h2'), 'Laboratory')
    // Of another node that is not there either, nothing of this one is shown.
    await page.evaluate(`location.hash = '#node=Gone&message=7'`)
    await shows('.hl7-trouble', /^Node-RED no longer knows this node or message\.$/)
    assert.equal(await page.locator('.hl7-details, .hl7-opened').count(), 0)
    await page.click('[data-key=Pharmacy]')
    await shows('.hl7-details h2', /^Pharmacy$/)
    assert.equal(await page.locator('.hl7-opened, .hl7-trouble').count(), 0)
  })

  it('takes no time of which a part is missing for none', async () => {
    await open()
    await page.click('[data-key=Radiology]')
    await shows('.hl7-details h2', /^Radiology$/)
    await page.click('[data-button=pause]')
    await page.focus('#hl7-question-until')
    await page.keyboard.type('12242027')
    assert.equal(await page.inputValue('#hl7-question-until'), '')
    await page.click('.hl7-question .hl7-first')
    assert.equal(await focused(), 'hl7-question-until')
    assert.equal(await page.locator('.hl7-question').count(), 1)
    assert.deepEqual(posted(), [])
    await page.fill('#hl7-question-until', '2027-12-24T06:00')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /Radiology is paused/)
    assert.match(posted()[0] ?? '', /"until":"2027-12-2/)
  })

  it('shows markup from outside as text, in every field', async () => {
    await evilOperations().serve(page)
    await open()
    await page.click('[data-key="1"]')
    await page.click('[data-button=show-message]')
    await page.locator('.hl7-story').waitFor()
    await page.fill('#hl7-find', evil)
    await page.press('#hl7-find', 'Enter')
    await page.waitForSelector('.hl7-all-rows [data-key]')
    await page.click('[data-button=discard-one]')
    await page.waitForSelector('.hl7-question')
    for (const place of ['.hl7-do', '.hl7-all', '.hl7-find option >> nth=1', '.hl7-events li']) {
      assert.ok((await text(place)).includes('<script>'), place)
    }
    await page.click('[data-key=n1]')
    await shows('.hl7-rule', /<script>/)
    assert.equal(await page.evaluate(`window.hacked`), undefined)
    assert.equal(
      await page.evaluate(`document.querySelectorAll('main :is(img, script)').length`),
      0
    )
  })

  // The last one: the page keeps what is said of its languages.
  it('speaks the language of the browser, and has room for it at 150 %', async () => {
    await page.addInitScript(
      `Object.defineProperty(navigator, 'languages', { get: () => ['ko', 'de-AT', 'fr'] })`
    )
    // 1400 pixels at 150 %.
    await open(933)
    assert.equal(await page.evaluate(`document.documentElement.lang`), 'de')
    assert.match(await text('.hl7-summary'), /3 von 4 Nodes mit Handlungsbedarf/)
    assert.deepEqual(await sticksOut(page), [])
  })
})
