import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Page, Route } from 'playwright-core'
import { Editor } from '../support/editor.ts'
import {
  ago,
  evil,
  evilOperations,
  FakeOperations,
  messageRow,
  NEWER,
  nodesInTrouble,
  nodeState
} from '../support/fake-operations.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'test' },
  { id: 'other', type: 'tab', label: 'elsewhere' },
  { id: 'Registry', type: 'hl7-https-out', z: 'other', x: 3000, y: 2000, wires: [[], []] },
  { id: 'sub', type: 'subflow', name: 'sub', in: [], out: [] },
  { id: 'inner-1', type: 'hl7-https-out', z: 'sub', wires: [[], []] },
  { id: 'instance', type: 'subflow:sub', z: 'tab', wires: [] }
]

describe('the sidebar tab', () => {
  let nodeRed: TestNodeRed
  let editor: Editor
  let page: Page
  let fake: FakeOperations

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'Registry')
    page = editor.page
    // Node-RED's own tick after the deploy of these flows comes within two seconds; all others are those of `tick`.
    await wait(2100)
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  beforeEach(async () => {
    await page.unrouteAll()
    fake = new FakeOperations()
    await fake.serve(page)
    await editor.ask(`RED.workspaces.show('tab'), delete document.hidden, delete RED.settings.user`)
    await editor.newTab()
  })

  async function open(): Promise<void> {
    await editor.ask(`RED.actions.invoke('hl7-https-out:show-tab')`)
    await page.waitForSelector('.hl7-node-rows tbody tr')
  }
  /** Asks again, as a tick makes the tab do. */
  async function tick(): Promise<void> {
    await editor.ask(`RED.events.emit('deploy')`)
    await editor.rest()
  }
  async function until(look: () => boolean | Promise<boolean>): Promise<void> {
    for (const since = Date.now(); Date.now() < since + 20_000;) {
      if (await look()) return
      await editor.settle(0)
    }
    assert.fail(`waited in vain: ${look.toString()}`)
  }
  const seen = (selector: string): Promise<string> =>
    editor.ask(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`)
  const rows = (of = 'node'): Promise<string[]> =>
    editor.ask(`[...document.querySelectorAll('.hl7-${of}-rows tbody [data-key]')]
      .map((row) => row.dataset.key)`)
  const button = (label: string) => page.locator('.hl7-tab button', { hasText: label }).first()
  const posted = (): string[] => fake.asked.filter((path) => path.includes(' {'))
  const focused = (): Promise<string> =>
    editor.ask(`document.activeElement.dataset.key ?? document.activeElement.innerText`)

  it('asks for nothing but the number on its icon until it is opened, nor while the page is hidden', async () => {
    await until(() => fake.asked.length === 1)
    await until(() => editor.ask(`document.querySelector('.hl7-badge')?.textContent === '3'`))
    // A minute has not passed.
    await tick()
    await tick()
    assert.deepEqual(fake.asked, ['/hl7-https-out'])
    await open()
    await editor.rest()
    assert.equal(fake.asked.filter((path) => path === '/hl7-https-out').length, 2)

    await editor.ask(`RED.sidebar.show('info')`)
    await until(() => editor.ask(`!document.querySelector('.hl7-tab').checkVisibility()`))
    await editor.drawn()
    await editor.rest()
    const before = fake.asked.length
    await tick()
    assert.equal(fake.asked.length, before)

    // Back again: up to date at once.
    fake.nodes = [nodeState('Radiology')]
    await editor.ask(`RED.sidebar.show('hl7-https-out')`)
    await until(() => fake.asked.length > before)
    await editor.rest()
    assert.equal(await editor.ask(`document.querySelector('.hl7-badge')`), null)
    await editor.ask(`(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })()`)
    await editor.rest()
    const hidden = fake.asked.length
    await tick()
    assert.equal(fake.asked.length, hidden)
    assert.deepEqual(editor.complaints, [])
  })

  it('shows all nodes in the order of the answer, and why, since when, how many', async () => {
    await open()
    assert.deepEqual(await rows(), ['Pharmacy', 'Laboratory', 'Registry', 'Radiology'])
    await editor.sidebarWidth(760)
    const registry = await seen('.hl7-node-rows [data-key=Registry]')
    for (const word of ['retrying', '120', '31 min', 'HTTP 503, try 12 in 20 s']) {
      assert.ok(registry.includes(word), `${word} in ${registry}`)
    }
    assert.match(await seen('.hl7-summary'), /3 of 4 nodes need attention/)
    assert.equal(
      await editor.ask(`getComputedStyle(document.querySelector('.hl7-tab th')).clipPath`),
      'none'
    )
  })

  it('folds into two lines for each node in a narrow sidebar', async () => {
    await open()
    await editor.sidebarWidth(300)
    const line = (await seen('.hl7-node-rows [data-key=Registry]')).replace(/\s+/g, ' ')
    assert.match(
      line,
      // With the date, in the first half hour of a day.
      /^Registry retrying since .+ 120 waiting for 31 min HTTP 503, try 12 in 20 s$/
    )
    const box = await page.locator('.hl7-node-rows [data-key=Registry]').boundingBox()
    assert.ok((box?.height ?? 0) < 60, `${box?.height}`)
  })

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
      await editor.ask(`document.querySelector('.hl7-node-rows [aria-selected=true]').dataset.key`),
      'Laboratory'
    )
  })

  it('has words for what each picture shows, of the last hour and the last day', async () => {
    await open()
    await page.click('[data-key=Registry]')
    await until(async () => !(await seen('.hl7-pictures')).includes('–'))
    const labels = await editor.ask<string[]>(
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

  it('is brought up to date in place: focus, rows and scroll position stay', async () => {
    fake.nodes = Array.from({ length: 100 }, (_, index) => nodeState(`n${index}`))
    await open()
    await page.focus('[data-key=n0]')
    for (let count = 0; count < 40; count++) await page.keyboard.press('ArrowDown')
    assert.equal(await focused(), 'n40')
    await editor.ask(`window.before = new Map([...document.querySelectorAll('.hl7-node-rows tbody tr')]
      .map((row) => [row.dataset.key, row]))`)
    const scrolled = await editor.ask(`document.querySelector('.hl7-scroll').scrollTop`)
    assert.ok(Number(scrolled) > 0)
    // The rows are no longer in use.
    await page.hover('[data-key=n40]')
    await page.mouse.move(0, 0)

    // The last one is in trouble now, and comes first; one is gone.
    const [last] = fake.nodes.splice(99, 1)
    assert.ok(last)
    fake.nodes.unshift(nodeState(last.id, { suspended: 3 }))
    fake.nodes.splice(50, 1)
    const asked = fake.asked.length
    await tick()
    // A tick of its own may add the same again, and what is shown of the first one.
    const more = fake.asked.slice(asked).filter((path) => !path.startsWith('/hl7-https-out/n0/'))
    assert.deepEqual([...new Set(more)], ['/hl7-https-out'], 'one request for all nodes')
    assert.deepEqual(
      await rows(),
      fake.nodes.map(({ id }) => id)
    )
    assert.equal(await focused(), 'n40')
    assert.equal(
      await editor.ask(`[...document.querySelectorAll('.hl7-node-rows tbody tr')]
        .every((row) => window.before.get(row.dataset.key) === row)`),
      true
    )
    assert.match(await seen('.hl7-ear'), /n99: 3 suspended/)

    // The focused one comes first itself.
    fake.nodes.sort((one, other) => Number(other.id === 'n40') - Number(one.id === 'n40'))
    await tick()
    assert.equal((await rows())[0], 'n40')
    assert.equal(await focused(), 'n40')

    // The focused one goes: the focus goes to its neighbour.
    fake.nodes = fake.nodes.filter(({ id }) => id !== 'n40')
    await tick()
    assert.equal(await focused(), 'n99')
  })

  it('can be used with the keyboard alone', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    await open()
    await page.focus('.hl7-head a')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Pharmacy')
    await page.keyboard.press('End')
    assert.equal(await focused(), 'Radiology')
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.hl7-message-rows [data-key="1"]')
    assert.equal(await seen('.hl7-details h2'), 'Laboratory')
    // The focus is at what can be done with it.
    await page.keyboard.press('Tab')
    assert.equal(await editor.ask(`document.activeElement.dataset.button`), 'pause')
    // One stop for the table, whatever its length.
    await page.focus('[data-key=Laboratory]')
    await page.keyboard.press('Tab')
    assert.equal(await editor.ask(`document.activeElement.id`), 'hl7-find')

    await page.focus('.hl7-message-rows [data-key="1"]')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.match(await focused(), /Resend/)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.hl7-question')
    assert.equal(await focused(), 'Cancel')
    await page.keyboard.press('Escape')
    assert.match(await focused(), /Discard/)
    assert.deepEqual(posted(), [])
  })

  it('pauses with a reason, and resumes', async () => {
    await open()
    await page.click('[data-key=Radiology]')
    await button('Pause').click()
    await page.waitForSelector('.hl7-question input')
    await page.keyboard.insertText(`new disk ${'x'.repeat(300)}`)
    await page.keyboard.press('Enter')
    await until(() => posted().length === 1)
    const [path = '', body = ''] = (posted()[0] ?? '').split(/ (.*)/)
    assert.equal(path, '/hl7-https-out/Radiology/pause')
    assert.equal((JSON.parse(body) as { reason: string }).reason.length, 200)
    await until(async () => (await seen('.hl7-outcome')) === 'Radiology is paused.')
    await page.click('[data-key=Pharmacy]')
    await button('Resume').click()
    await until(() => posted()[1] === '/hl7-https-out/Pharmacy/resume {}')
  })

  for (const [action, question, body] of [
    [
      'Resend',
      /Resend the 8 suspended messages of Laboratory/,
      '{"all":true,"firstAlone":true,"follow":true}'
    ],
    ['Discard', /Discard the 8 suspended messages of Laboratory/, '{"all":true}']
  ] as const) {
    it(`${action.toLowerCase()}s all only after a question that says how many`, async () => {
      fake.messages.set(
        'Laboratory',
        Array.from({ length: 8 }, (_, index) => messageRow(`${index}`))
      )
      await open()
      await page.click('[data-key=Laboratory]')
      await button(`${action} all 8`).click()
      assert.match(await seen('.hl7-question'), question)
      await button('Cancel').click()
      await editor.rest()
      assert.deepEqual(posted(), [])
      await button(`${action} all 8`).click()
      await page.locator('.hl7-question button.hl7-first').click()
      const path = `/hl7-https-out/Laboratory/messages/${action.toLowerCase()}`
      // When it was asked.
      const asked = (): string => posted()[0]?.replace(/,"before":"[^"]+"/, '') ?? ''
      await until(() => asked() === `${path} ${body}`)
      const done =
        action === 'Resend'
          ? /^Laboratory: 8 messages are back in the queue\.$/
          : /^Laboratory: 8 messages/
      await until(async () => done.test(await seen('.hl7-outcome')))
    })
  }

  for (const [outcome, first, resent, expected] of [
    ['ack', {}, 8, 'Laboratory: OB-1 was accepted; 7 more are being sent.'],
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

  it('counts what matches a filter, and acts on just that', async () => {
    const many = Array.from({ length: 700 }, (_, index) =>
      messageRow(`${1000 - index}`, index % 7 === 0 ? { type: 'ORU^R01' } : {})
    )
    fake.messages.set('Laboratory', many)
    fake.nodes = nodesInTrouble().map((node) =>
      node.id === 'Laboratory' ? { ...node, suspended: 700 } : node
    )
    await open()
    await page.click('[data-key=Laboratory]')
    await until(async () => (await rows('message')).length === 100)
    assert.match(await seen('.hl7-messages .hl7-count'), /The newest 100/)
    await page.fill('.hl7-filter [aria-label=Type]', 'ADT^A01')
    await page.keyboard.press('Enter')
    await until(async () => (await seen('.hl7-messages .hl7-count')).startsWith('600 of 700'))
    await button('Discard these 600').click()
    assert.match(await seen('.hl7-question'), /Discard the 600 .* that match: ADT\^A01\?/)
    await page.locator('.hl7-question button.hl7-first').click()
    await until(() => posted().length === 1)
    assert.match(
      posted()[0] ?? '',
      /\/Laboratory\/messages\/discard \{"type":"ADT\^A01","before":"/
    )

    await page.fill('.hl7-filter [aria-label=Type]', 'ORU^R01')
    await page.keyboard.press('Enter')
    await until(async () => (await seen('.hl7-messages .hl7-count')).startsWith('100 of 700'))
    await button('Resend these 100').click()
    await page.uncheck('.hl7-question input[type=checkbox]')
    await page.locator('.hl7-question button.hl7-first').click()
    await until(() => posted().length === 2)
    assert.equal(
      posted()[1],
      '/hl7-https-out/Laboratory/messages/resend {"type":"ORU^R01","firstAlone":false,"follow":true}'
    )
  })

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

  it('asks each route once for a tick, a click and an action', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    await open()
    await editor.rest()
    const askedFor = async (act: () => Promise<void>): Promise<string[]> => {
      fake.asked.length = 0
      await act()
      await editor.rest()
      return fake.asked.map((path) => path.replace(/[?{].*/, '').trim()).sort()
    }
    const all = ['', '/Laboratory/events', '/Laboratory/history', '/Laboratory/messages'].map(
      (path) => `/hl7-https-out${path}`
    )
    // The day's history too, which is then asked for once a minute, and how many messages there are of each kind,
    // which is asked for again when their number changes.
    const first = [
      ...all,
      ...['history', 'messages/counts'].map((one) => `/hl7-https-out/Laboratory/${one}`)
    ].sort()
    assert.deepEqual(await askedFor(() => page.click('[data-key=Laboratory]')), first)
    fake.nodes = fake.nodes.map((node) => ({ ...node, acked: node.acked + 1 }))
    assert.deepEqual(await askedFor(() => editor.ask(`RED.events.emit('deploy')`)), all)
    await page.click('[data-key="1"]')
    await editor.rest()
    const resend = page.locator('[data-button=resend-one]')
    assert.deepEqual(await askedFor(() => resend.click()), [
      ...all,
      '/hl7-https-out/Laboratory/messages/1/resend'
    ])
    await page.fill('#hl7-find', 'OB-2')
    await page.press('#hl7-find', 'Enter')
    const show = page.locator('.hl7-find li button')
    await show.waitFor()
    assert.deepEqual(await askedFor(() => show.click()), [
      ...all,
      '/hl7-https-out/Laboratory/messages/2'
    ])
  })

  it('shows a message as text, a segment a line, and drops it with the next choice', async () => {
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711\r', reply: 'MSH|^~\\&|B\rMSA|AE|1\r' }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    // Its story, without its text.
    await page.waitForSelector('.hl7-story')
    assert.equal(await editor.ask(`document.body.textContent.includes('4711')`), false)
    await button('Show message').click()
    await page.waitForSelector('.hl7-lines')
    const texts = await editor.ask<string[]>(
      `[...document.querySelectorAll('.hl7-line')].map((line) => line.textContent)`
    )
    assert.deepEqual(texts, ['MSH|^~\\&|A', 'PID|1||4711', 'MSH|^~\\&|B', 'MSA|AE|1'])
    await tick()
    assert.equal(await editor.ask(`document.querySelectorAll('.hl7-lines').length`), 2)
    await page.click('[data-key="2"]')
    assert.equal(await editor.ask(`document.body.textContent.includes('4711')`), false)
    await page.click('[data-button=resend-one]')
    const resent = '/hl7-https-out/Laboratory/messages/2/resend {"wait":true,"state":"suspended"}'
    await until(() => posted()[0] === resent)
  })

  it('saves messages that are taken out, as the page does', async () => {
    fake.messages.set('Laboratory', [messageRow('1')])
    await open()
    await page.click('[data-key=Laboratory]')
    await page.locator('.hl7-message-rows input').last().check()
    await button('Download it …').click()
    await page.fill('#hl7-question-reason', 'ticket 7')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button('Download 1 message').click()
    ])
    assert.equal(download.suggestedFilename(), 'hl7-fake.hl7')
    await until(async () => /1 message was downloaded\.$/.test(await seen('.hl7-outcome')))
    assert.equal(
      posted().at(-1),
      '/hl7-https-out/Laboratory/messages/export {"ids":["1"],"reason":"ticket 7","clear":false,"replies":false}'
    )
  })

  it('says in a sentence what became of a control ID, asking all nodes', async () => {
    fake.messages.set('Registry', [
      messageRow('9', {
        controlId: 'OA-1009',
        state: 'acked',
        outcome: 'ack',
        ackCode: 'AA',
        errors: []
      })
    ])
    fake.messages.set('Laboratory', [messageRow('1072'), messageRow('7', { controlId: 'TWICE' })])
    fake.messages.set('Pharmacy', [messageRow('8', { controlId: 'TWICE', state: 'waiting' })])
    await open()
    const find = async (controlId: string, pattern: RegExp): Promise<void> => {
      await page.fill('#hl7-find', controlId)
      await page.press('#hl7-find', 'Enter')
      await until(async () => pattern.test(await seen('.hl7-find [role=status]')))
    }
    await find('OA-1009', /^OA-1009: delivered (?:.+ )?\d\d:\d\d:\d\d, AA, 1 try, Registry/)
    assert.deepEqual(
      fake.asked.filter((path) => path.includes('OA-1009')),
      ['/hl7-https-out/messages/search {"controlId":"OA-1009","limit":50}'],
      'one request, and no value in its URL'
    )
    await find('TWICE', /^2 messages have the control ID TWICE:/)
    await find('OX-1', /^No running node knows OX-1/)
    await find('OB-1072', /^OB-1072: suspended .*, AE 206 E .*, 1 try, Laboratory/)
    await button('Show').click()
    await until(async () => (await rows('message')).length === 1)
    assert.equal(await seen('.hl7-details h2'), 'Laboratory')
    await page.waitForSelector('.hl7-message-rows [aria-expanded=true][data-key="1072"]')
    assert.ok(await button('Show message').isVisible())
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

  it('shows the node in the flow', async () => {
    await open()
    await page.click('[data-key=Registry]')
    await button('Show in flow').click()
    await until(() => editor.ask(`RED.workspaces.active() === 'other'`))
    // Not in the editor: it says so. In a subflow: the node in its template.
    await page.click('[data-key=Laboratory]')
    assert.equal(await button('Show in flow').getAttribute('aria-disabled'), 'true')
    fake.nodes = [nodeState('instance-inner-1')]
    await tick()
    await page.click('[data-key=instance-inner-1]')
    await button('Show in flow').click()
    await until(() => editor.ask(`RED.workspaces.active() === 'sub'`))
  })

  it('sends a test message and says what came back', async () => {
    await open()
    await button('Test').click()
    // It is a real request, to a real host.
    assert.match(
      await seen('.hl7-question'),
      /Send a test message to pharmacy\.example\.org, the receiver of Pharmacy\?.*invented patient/
    )
    await button('Cancel').click()
    await editor.rest()
    assert.deepEqual(posted(), [])
    await button('Test').click()
    await button('Send a test message to pharmacy.example.org').click()
    await until(() => posted()[0] === '/hl7-https-out/Pharmacy/test {"type":"ADT^A01"}')
    await until(
      async () =>
        (await seen('.hl7-outcome')) ===
        'Pharmacy: The test message was accepted: AA, HTTP 200, 31 ms'
    )
  })

  for (const [permissions, greyed, kept] of [
    [
      ['read'],
      ['Pause', 'Resend all', 'Discard all', 'Test', 'Show message', 'Resend', 'Discard'],
      ['Show in flow', 'Find', 'CSV']
    ],
    [['read', 'hl7-https-out.write'], ['Show message'], ['Pause', 'Test', 'Resend all']],
    [
      ['read', 'hl7-https-out.content'],
      ['Pause', 'Test', 'Resend all'],
      ['Show message', 'Find']
    ]
  ] as const) {
    it(`greys out what ${permissions.join(' and ')} may not do, and says why`, async () => {
      await editor.ask(
        `RED.settings.user = { username: 'u', permissions: ${JSON.stringify(permissions)} }`
      )
      fake.nodes = fake.nodes.map((node) =>
        node.id === 'Registry' ? { ...node, suspended: 2, state: 'idle' } : node
      )
      fake.messages.set('Registry', [messageRow('1'), messageRow('2')])
      await open()
      await page.click('[data-key=Registry]')
      await page.click('[data-key="1"]')
      for (const label of greyed) {
        const one = button(label)
        assert.equal(await one.getAttribute('aria-disabled'), 'true', label)
        // Playwright waits until it is enabled.
        await one.click({ force: true })
        assert.match(
          await seen('.hl7-outcome'),
          /You need the permission hl7-https-out\.(write|content)/
        )
      }
      for (const label of kept) {
        assert.equal(await button(label).getAttribute('aria-disabled'), null, label)
      }
      assert.deepEqual(posted(), [])
    })
  }

  it('asks nothing for a user without hl7-https-out.read, and says so', async () => {
    await editor.ask(
      `RED.settings.user = { permissions: ['flows.read', 'flows.write', 'status.read'] }`
    )
    await editor.rest()
    fake.asked.length = 0
    await editor.newTab()
    await editor.ask(`RED.actions.invoke('hl7-https-out:show-tab')`)
    await until(async () =>
      (await seen('.hl7-trouble')).includes('You need the permission hl7-https-out.read')
    )
    assert.deepEqual(fake.asked, [])
  })

  it('tells a refusal of the server and a Node-RED that is gone in words, and recovers', async () => {
    await open()
    fake.status = 403
    await editor.ask(`RED.events.emit('deploy')`)
    await until(async () => (await seen('.hl7-trouble')).startsWith('Node-RED refused'))
    // Nobody has to log in to this Node-RED.
    fake.status = 401
    await editor.ask(`RED.events.emit('deploy')`)
    await until(async () =>
      (await seen('.hl7-trouble')).startsWith('The server in front of Node-RED wants a login')
    )
    await page.route('**/hl7-https-out', (route) => route.abort())
    await editor.ask(`RED.events.emit('deploy')`)
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

  it('closes what is open when the session has ended', async () => {
    fake.messages.set('Laboratory', [messageRow('1')])
    fake.content = { request: 'MSH|^~\\&|A\rPID|1||4711', reply: '' }
    await open()
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    await button('Show message').click()
    await page.getByText('4711').waitFor()
    await button('Discard …').click()
    await page.waitForSelector('.hl7-question')
    // Somebody has logged in to this Node-RED.
    await editor.ask(`RED.settings.user = { permissions: '*' }`)
    fake.status = 401
    await editor.ask(`RED.events.emit('deploy')`)
    await page.locator('.hl7-trouble', { hasText: 'your session has expired' }).waitFor()
    await editor.ask(`delete RED.settings.user`)
    await until(async () => (await page.locator('.hl7-message, .hl7-question').count()) === 0)
    assert.doesNotMatch(await page.content(), /4711/)
  })

  it('shows markup from outside as text, in every field', async () => {
    await evilOperations().serve(page)
    await open()
    await page.click('.hl7-message-rows [data-key="1"]')
    await button('Show message').click()
    await page.waitForSelector('.hl7-lines')
    await page.selectOption('.hl7-events select >> nth=0', 'all')
    await page.fill('#hl7-find', evil)
    await page.press('#hl7-find', 'Enter')
    await page.waitForSelector('.hl7-find li')
    await button('Discard …').click()
    for (const id of ['n1', 'n2']) await page.click(`[data-key=${id}]`)
    await tick()
    assert.equal(await editor.ask(`window.hacked`), undefined)
    assert.equal(
      await editor.ask(`document.querySelectorAll('.hl7-tab :is(img, script)').length`),
      0
    )
    assert.ok((await seen('.hl7-node-rows')).includes('<script>'))
  })

  it('follows the rules of axe-core', async () => {
    const followed = async (what: string): Promise<void> => {
      for (const width of [300, 760]) {
        await editor.sidebarWidth(width)
        assert.deepEqual(await editor.violations('.hl7-tab'), [], `${what}, ${width} pixels`)
      }
    }
    fake.messages.set('Laboratory', [messageRow('1'), messageRow('2')])
    fake.content = { request: 'MSH|^~\\&|A', reply: null }
    fake.events.set('Laboratory', [
      { at: ago(10), by: 'admin', kind: 'paused', values: { by: 'admin', reason: 'x' }, text: '' }
    ])
    await open()
    await followed('the first node')
    await page.click('[data-key=Laboratory]')
    await page.click('[data-key="1"]')
    await button('Show message').click()
    await page.waitForSelector('.hl7-lines')
    await page.fill('#hl7-find', 'OB-1')
    await page.press('#hl7-find', 'Enter')
    await page.waitForSelector('.hl7-find li')
    await button('Pause').click()
    await followed('a node, a message, a question')
    await page.keyboard.press('Escape')
    fake.status = 500
    await tick()
    await page.waitForSelector('.hl7-trouble:visible')
    await followed('trouble')
  })
})
