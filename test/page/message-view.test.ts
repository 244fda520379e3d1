import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import type { MessageContent } from '../../nodes/operations/answers.ts'
import { hl7ParserPlugin } from '../../scripts/hl7-parser-plugin.ts'
import { browser } from '../support/editor.ts'
import { messageRow } from '../support/fake-operations.ts'
import { tabText } from '../support/tab-texts.ts'

const text = tabText()
const fileOf = createRequire(import.meta.url).resolve
const texts = (name: string): string =>
  readFileSync(new URL(`../../locales/en-US/${name}.json`, import.meta.url), 'utf8')

let script = ''
let style = ''

const MESSAGE: MessageContent = {
  ...messageRow('17', {
    acceptedAt: '2026-11-25T02:40:58.120Z',
    settledAt: '2026-11-25T02:41:05.300Z',
    attempts: 2
  }),
  attemptList: [
    { at: '2026-11-25T02:41:01.000Z', ms: 4250, result: '503' },
    { at: '2026-11-25T02:41:05.000Z', ms: 120, result: 'AE' }
  ],
  story: [
    {
      at: '2026-11-25T02:40:58.120Z',
      by: '',
      kind: 'message-accepted',
      values: {},
      text: 'Accepted by the node'
    },
    {
      at: null,
      by: '',
      kind: 'message-unlisted',
      values: { count: 2 },
      text: '2 more attempts are not listed'
    },
    {
      at: '2026-11-25T02:41:01.000Z',
      by: '',
      kind: 'message-attempt',
      values: { cause: '503', ms: 425 },
      text: 'Attempt: HTTP 503 after 425 ms'
    },
    {
      at: '2026-11-25T02:41:04.000Z',
      by: 'ada',
      kind: 'message-resent',
      values: {},
      text: 'Resent'
    },
    {
      at: '2026-11-25T02:41:05.200Z',
      by: 'rule',
      kind: 'message-suspended',
      values: { rule: '@ERR-3:206=S' },
      text: 'Suspended by rule “ERR-3 is 206: Suspend” (@ERR-3:206=S)'
    }
  ],
  request: [
    'MSH|^~\\&|ADT|HOSP|||20261125||ADT^A01|OB-17|P|2.5.1',
    `PID|1||4711^^^HOSP^MR~0815^^^INS||Sample^Eve||19700101|F${'|'.repeat(40)}last`,
    ...Array.from({ length: 40 }, (_, index) => `OBX|${index + 1}|ST|CODE${index}||value`),
    `OBX|41|ED|DOC||${'JVBERi0x'.repeat(10_000)}|kPa|high`
  ].join('\r'),
  reply: [
    'MSH|^~\\&|||||||ACK|1|P|2.5.1',
    'MSA|AE|OB-17|Patient unknown',
    'ERR||PID^1^3^2^1|204^Unknown key identifier|E|||no such number|Register first',
    'ERR||PID^1^11|101|E',
    'ERR||OBX^41^7|103^Too high for us|W',
    'ERR||PV2^1^3|101|E',
    'ERR||the whole message|207|E'
  ].join('\r')
}

describe('one message in the page', () => {
  const pages: Page[] = []
  before(async () => {
    const bundle = await build({
      entryPoints: ['test/page/in-page/message-view.ts'],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2023',
      plugins: [hl7ParserPlugin],
      define: {
        PACKAGE_VERSION: '"1.2.3"',
        TAB: texts('sidebar'),
        FORMS: texts('hl7-https-out')
      }
    })
    script = bundle.outputFiles[0]?.text ?? ''
    const css = await build({
      entryPoints: ['nodes/operations/page/own/page.css'],
      bundle: true,
      write: false
    })
    style = css.outputFiles[0]?.text ?? ''
  })
  after(() => Promise.all(pages.map((page) => page.close())))

  async function open(
    message: MessageContent,
    { width = 1400, scheme = 'https' } = {}
  ): Promise<Page> {
    const page = await browser.newPage()
    pages.push(page)
    await page.setViewportSize({ width, height: 700 })
    page.on('pageerror', (error) => {
      throw error
    })
    await page.route(`${scheme}://page.test/`, (route) =>
      route.fulfill({
        contentType: 'text/html; charset=utf-8',
        body: `<!doctype html><html lang="en"><title>HL7</title><style>${style}</style>
          <body class="hl7-page"><main><h1>HL7</h1><h2>A</h2><h3>B</h3><div></div><p style="height: 900px"></p></main></body></html>`
      })
    )
    await page.goto(`${scheme}://page.test/`)
    await page.addScriptTag({ type: 'module', content: script })
    await page.waitForFunction('"show" in window')
    await show(page, message)
    return page
  }
  async function show(page: Page, message: MessageContent): Promise<void> {
    await page.evaluate(`show(${JSON.stringify(message)})`)
    // The panes are scrolled with the next frame.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'
    )
  }

  const marked = (page: Page): Promise<string[]> => page.locator('.hl7-mark').allTextContents()
  const place = (page: Page, words: string) => page.getByRole('button', { name: words })

  /** Whether all of it can be seen in its pane, and the pane's part in the window. */
  const isSeen = (page: Page): Promise<boolean> =>
    page.evaluate(`(() => {
      const inner = document.querySelector('.hl7-mark').getBoundingClientRect()
      const outer = document.querySelector('.hl7-mark').closest('.hl7-lines').getBoundingClientRect()
      return inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top &&
        inner.bottom <= outer.bottom && inner.top >= 0 && inner.bottom <= innerHeight
    })()`)

  it('says what happened to it, in order', async () => {
    const page = await open(MESSAGE)
    const said = await page.locator('.hl7-story-rows li span').allTextContents()
    assert.deepEqual(said, [
      'Accepted by the node',
      '2 more attempts are not listed',
      'Attempt: HTTP 503 after 425 ms',
      'Resent · by ada',
      'Suspended by rule “ERR-3 is 206: Suspend” (@ERR-3:206=S)'
    ])
    const times = await page
      .locator('.hl7-story-rows time')
      .evaluateAll((all) => all.map((one) => one.getAttribute('datetime')))
    assert.deepEqual(times[0], '2026-11-25T02:40:58.120Z')
  })

  it('names a value of the request that is clicked, also behind what is left out of its line', async () => {
    const page = await open(MESSAGE)
    const click = async (line: number, words: string): Promise<string> => {
      const { x, y } = await page.evaluate<{ x: number; y: number }>(`(() => {
        const line = document.querySelector('.hl7-request [data-number="${line}"]')
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT)
        let node = walker.nextNode()
        while (!node.data.includes('${words}')) node = walker.nextNode()
        const range = document.createRange()
        range.setStart(node, node.data.indexOf('${words}') + 1)
        range.setEnd(node, node.data.indexOf('${words}') + 2)
        line.scrollIntoView({ block: 'center' })
        node.parentElement.closest('.hl7-lines').scrollLeft += range.getBoundingClientRect().left - 200
        const { left, top, height } = range.getBoundingClientRect()
        return { x: left + 1, y: top + height / 2 }
      })()`)
      await page.mouse.click(x, y)
      return page.locator('.hl7-request [role=status]').innerText()
    }
    assert.equal(await click(2, 'Eve'), 'Patient name (PID-5.2) in the request: “Eve”')
    assert.equal(await page.locator('.hl7-request .hl7-mark').innerText(), 'Eve')
    assert.equal(await click(2, 'INS'), 'Patient ID (PID-3(2).4) in the request: “INS”')
    assert.equal(await click(43, 'kPa'), 'OBX[41]-6 in the request: “kPa”')
  })

  it('names the fields of each error, and marks the place that it is about', async () => {
    const page = await open(MESSAGE)
    const errors = await page.locator('.hl7-error').allInnerTexts()
    // What the receiver says in words comes before what its code may mean.
    assert.match(
      errors[0] ?? '',
      /^For the user\s+Register first\s+Diagnostic\s+no such number\s+204 Unknown key identifier \(error\)/
    )
    assert.match(errors[2] ?? '', /^103 Table value not found \(warning\) Too high for us/)
    assert.match(errors[3] ?? '', /The request has no PV2-3/)
    assert.match(errors[4] ?? '', /“the whole message” names no place in the request/)
    assert.match(await page.locator('.hl7-answer').innerText(), /^AE error Patient unknown$/)

    assert.deepEqual(await marked(page), ['0815'])
    assert.ok(await isSeen(page))
    await place(page, 'PID-11 is empty').click()
    assert.deepEqual(await marked(page), [''])
    assert.equal(await page.locator('.hl7-line:has(.hl7-mark) b').textContent(), 'PID')
    assert.equal(await page.locator('.hl7-line-on').getAttribute('data-number'), '4')
    // In the segment with the document, far below.
    await page.keyboard.press('Tab')
    assert.deepEqual(await marked(page), ['high'])
    await page.keyboard.press('Enter')
    assert.ok(await isSeen(page))
    assert.equal(
      await page.locator('[aria-pressed=true]').innerText(),
      'OBX[41]-7 in the request: “high”'
    )
    // Drawn again, it stays.
    await page.evaluate('draw()')
    assert.deepEqual(await marked(page), ['high'])
    // An ERR leads there too.
    await page.locator('.hl7-reply [data-number="3"]').click()
    assert.deepEqual(await marked(page), ['0815'])
  })

  it('scrolls the page only for whoever wants to go there', async () => {
    const page = await open(MESSAGE, { width: 520 })
    const top = (): Promise<number> => page.evaluate('scrollY')
    await place(page, 'OBX[41]-7').hover()
    assert.deepEqual(await marked(page), ['high'])
    const before = await top()
    await page.mouse.move(0, 0)
    await place(page, 'PID-3(2).1').hover()
    assert.equal(await top(), before)
    await place(page, 'OBX[41]-7').press('Enter')
    assert.ok(await isSeen(page))
    assert.ok((await top()) > before)
  })

  for (const [width, isBeside] of [
    [900, true],
    [300, false]
  ] as const) {
    it(`has request and reply ${isBeside ? 'beside' : 'below'} each other in ${width} pixels, and never scrolls sideways`, async () => {
      const page = await open(MESSAGE, { width })
      const request = await page.locator('.hl7-request').boundingBox()
      const reply = await page.locator('.hl7-reply').boundingBox()
      assert.ok(request && reply)
      assert.equal(reply.x > request.x + request.width - 1, isBeside)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
      assert.ok(
        await page.evaluate(
          `document.querySelector('.hl7-lines').scrollWidth > document.querySelector('.hl7-lines').clientWidth`
        )
      )
    })
  }

  it('follows the rules of axe-core, by day and by night', async () => {
    const page = await open(MESSAGE)
    await page.addScriptTag({ path: fileOf('axe-core/axe.min.js') })
    await page.setViewportSize({ width: 1400, height: 2000 })
    for (const [colorScheme, options] of [
      ['light', '{}'],
      ['dark', "{ runOnly: ['color-contrast'] }"]
    ] as const) {
      await page.emulateMedia({ colorScheme })
      const wrong = await page.evaluate(
        `axe.run(document, ${options}).then(({ violations }) => violations.map(({ id, nodes }) => id + nodes[0].html))`
      )
      assert.deepEqual(wrong, [], colorScheme)
    }
  })

  it('shows every text from outside as text', async () => {
    const evil = '<img src=x onerror="window.harmed = true">'
    const at = MESSAGE.acceptedAt
    const page = await open({
      ...MESSAGE,
      controlId: evil,
      type: evil,
      rule: evil,
      ackCode: evil,
      errorCode: evil,
      attemptList: [{ at, ms: 1, result: evil }],
      story: [{ at, by: evil, kind: 'resent', values: { rule: evil }, text: evil }],
      request: `MSH|^~\\&|||||||ADT^A01|1\rPID|1||${evil}\r${evil}`,
      reply: `MSH|^~\\&|||||||ACK|1\rMSA|${evil}|${evil}|${evil}\rERR||PID^1^3|${evil}^${evil}|${evil}|||${evil}|${evil}\rERR||${evil}|101`
    })
    assert.equal(await page.evaluate(`'harmed' in window`), false)
    assert.equal(await page.locator('img').count(), 0)
    assert.ok((await page.locator('main').innerText()).includes(evil))
  })

  it('shows a reply that is not HL7 as it is, and first what an OperationOutcome says', async () => {
    const page = await open({ ...MESSAGE, reply: '<html>\n  <h1>502 Bad Gateway</h1>\n</html>' })
    assert.equal(await page.locator('.hl7-reply p').innerText(), text('story.notHl7'))
    assert.deepEqual(await page.locator('.hl7-reply .hl7-line').allTextContents(), [
      '<html>',
      '  <h1>502 Bad Gateway</h1>',
      '</html>'
    ])
    const issue = [{ code: 'invalid', details: { text: '<b>No PID</b>' } }]
    const reply = JSON.stringify({ resourceType: 'OperationOutcome', issue })
    await show(page, { ...MESSAGE, reply })
    const said = await page.locator('.hl7-said').innerText()
    assert.match(said, /What the receiver says\s+invalid <b>No PID<\/b>/)
    // No sign is hidden, nor turns the writing direction.
    await show(page, { ...MESSAGE, request: 'PID|1||\u202e4711\u0000', reply: null })
    assert.equal(await page.locator('.hl7-line').textContent(), 'PID|1||?4711?')
  })

  for (const [scheme, why] of [
    ['https', 'with the clipboard'],
    ['http', 'where a page may not use the clipboard']
  ] as const) {
    it(`copies the report, ${why}`, async () => {
      const page = await open(MESSAGE, { scheme })
      await page.getByRole('button', { name: text('story.copyReport') }).click()
      await page.waitForFunction('said.length > 0')
      assert.deepEqual(await page.evaluate('said'), [text('story.copied')])
      // It can be read before it is sent.
      await page.getByText(text('story.reportLabel')).click()
      const report = await page.locator('.hl7-report pre').innerText()
      assert.match(report, /^Sent by: node-red-hl7-https-out 1\.2\.3$/m)
      const other = await open({ ...MESSAGE, request: null, reply: null })
      await other.evaluate(`document.querySelector('main').innerHTML = '<textarea></textarea>'`)
      await other.focus('textarea')
      await other.keyboard.press('Control+V')
      assert.equal(await other.inputValue('textarea'), report)
    })
  }

  it('says why there is no text', async () => {
    const { request: _request, reply: _reply, ...codes } = MESSAGE
    const without = { ...codes, request: null, reply: null }
    const page = await open(codes)
    const permission = text('trouble.permission', { permission: 'hl7-https-out.content' })
    assert.equal(await page.locator('.hl7-story > p').innerText(), permission)
    assert.equal(await page.locator('.hl7-lines').count(), 0)
    await show(page, without)
    assert.equal(await page.locator('.hl7-story > p').innerText(), text('story.gone'))
    await show(page, { ...MESSAGE, reply: null })
    assert.equal(await page.locator('.hl7-reply p').innerText(), text('story.noReply'))
  })

  it('shows a part of a message of 50 MB, and what an error in it is about', async () => {
    const segment = `OBX|1|ST|CODE||${'x'.repeat(80)}\r`
    const page = await open({
      ...MESSAGE,
      // Made in the page: to hand over so much takes long.
      request: '',
      reply: 'MSH|^~\\&\rMSA|AE|OB-17\rERR||OBX^400000^3|103|E'
    })
    await page.evaluate(`show({ ...${JSON.stringify({ ...MESSAGE, request: '' })},
      reply: ${JSON.stringify('MSH|^~\\&\rMSA|AE|OB-17\rERR||OBX^400000^4|103|E')},
      request: 'MSH|^~\\\\&\\r' + ${JSON.stringify(segment)}.repeat(520_000) })`)
    assert.equal(await page.locator('.hl7-request .hl7-line').count(), 501)
    assert.equal(
      await page.locator('.hl7-line:has(.hl7-mark)').getAttribute('data-number'),
      '400001'
    )
    assert.equal(
      await page.locator('.hl7-request .hl7-left-out').innerText(),
      text('story.linesLeftOut', { count: 520_001 - 501 })
    )
  })
})
