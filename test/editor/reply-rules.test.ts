import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor, startBrowser } from '../support/editor.ts'

/** Extra blanks, letters and brackets, which the list would write in another way. */
const typed = ' :?E & @severity:W = WC,\n (:AE) = RF , @*"Not, now"=RF, :?A=C '
const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  ...Object.entries({
    empty: '',
    typed,
    bad: ':?A=C,:?E=CF',
    written: DEFAULT_REPLY_RULES
  }).map(([id, replyCodeActions]) => ({
    id,
    type: 'hl7-https-out',
    z: 'tab',
    url: 'https://hl7.example.org/in',
    replyCodeActions,
    wires: [[], []]
  }))
]
const area = '#node-input-replyCodeActions'
const preset = '#hl7-https-out-rules-preset'

describe('the list of reply rules', () => {
  let nodeRed: TestNodeRed
  let browser: Browser
  let editor: Editor

  before(async () => {
    ;[nodeRed, browser] = await Promise.all([startNodeRed({ flows }), startBrowser()])
    editor = await Editor.open(browser, nodeRed.url, 'empty')
  })
  after(async () => {
    await browser.close()
    await nodeRed.kill()
  })

  const open = async (node: string): Promise<void> => {
    await editor.load()
    await editor.edit(node)
    await editor.tab('reply')
  }
  const stored = (node: string): Promise<string> =>
    editor.ask(`RED.nodes.node('${node}').replyCodeActions`)
  const text = (): Promise<string> => editor.page.inputValue(area)
  /** Each row: condition, fields, action and warning. */
  const rows = (): Promise<string[]> =>
    editor.ask(`[...document.querySelectorAll('.hl7-https-rule')].map((rule) =>
      [...rule.querySelectorAll('select, input')]
        .filter((field) => !field.hidden && !field.closest('label[hidden]'))
        .map((field) => field.type === 'checkbox' ? (field.checked ? 'warn' : '') : field.value)
        .filter((part) => part !== '').join(' '))`)
  const words = (): Promise<string> => editor.page.innerText('#hl7-https-out-rules-words')
  const isDefault = (): Promise<boolean> =>
    editor.ask(`document.querySelector('#hl7-https-out-rules-list').matches('.hl7-https-default')`)

  it('shows the default rules for an empty property, marked as such, and keeps it empty', async () => {
    await open('empty')
    const shown = await rows()
    assert.equal(shown.length, DEFAULT_REPLY_RULES.split(/,(?![^(]*\))/).length)
    assert.deepEqual(shown.slice(0, 2), ['foreignId', 'accepted C'])
    assert.ok(shown.includes('errorStatus 408, 425, 429 R'))
    assert.equal(await isDefault(), true)
    assert.ok(await editor.page.isVisible('#hl7-https-out-rules-default'))
    assert.equal(await editor.page.inputValue(preset), 'default')
    assert.match(await words(), /^From the top, the first that fits decides\.$/)
    const cutOff = await editor.ask(
      `[...document.querySelectorAll('.hl7-https-rule input[type=text]:not([hidden])')]
        .filter((field) => field.scrollWidth > field.clientWidth).map((field) => field.value)`
    )
    assert.deepEqual(cutOff, [])
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.page.click('#hl7-https-out-rules-show-list')
    await editor.close()
    assert.equal(await stored('empty'), '')
    assert.equal(await editor.changed('empty'), false)
  })

  it('writes out the default as text, so that rules can be added', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    assert.equal(await text(), DEFAULT_REPLY_RULES)
    await editor.page.selectOption(preset, 'interSystems')
    await editor.page.selectOption(preset, 'default')
    assert.equal(await text(), DEFAULT_REPLY_RULES)
    assert.equal(await isDefault(), true)
    await editor.page.press(area, 'Control+Home')
    await editor.page.locator(area).pressSequentially(':?E&@severity:W=C,')
    await editor.close()
    assert.equal(await stored('empty'), `:?E&@severity:W=C,${DEFAULT_REPLY_RULES}`)
  })

  it('keeps a written-out default that is not changed', async () => {
    await open('written')
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.close()
    assert.equal(await stored('written'), DEFAULT_REPLY_RULES)
    assert.equal(await editor.changed('written'), false)
  })

  it('keeps typed rules exactly as they were typed', async () => {
    await open('typed')
    assert.deepEqual(await rows(), [
      'own :?E & @severity:W C warn',
      'code AE R',
      'replyText Not, now R',
      'accepted C'
    ])
    assert.equal(await isDefault(), false)
    await editor.close()
    assert.equal(await stored('typed'), typed)
    assert.equal(await editor.changed('typed'), false)
  })

  it('rewrites only the changed rule', async () => {
    await open('typed')
    await editor.page.selectOption('.hl7-https-rule-action >> nth=3', 'S')
    const others = ':?E & @severity:W = WC,(:AE) = RF,@*"Not, now"=RF'
    assert.equal(await text(), `${others},:?A=S`)
    await editor.page.check('.hl7-https-rule-warn >> nth=3')
    await editor.close()
    assert.equal(await stored('typed'), `${others},:?A=WS`)
  })

  it('turns the default into custom rules when a rule is added at the top', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-add')
    assert.match(await editor.mistake(area.slice(1)), /value.*missing/i)
    assert.equal(await editor.page.getAttribute('.hl7-https-rule-value', 'aria-invalid'), 'true')
    await editor.page.fill('.hl7-https-rule-value >> nth=0', '207, 206')
    assert.equal(await text(), `(@ERR-3:207,@ERR-3:206)=R,${DEFAULT_REPLY_RULES}`)
    assert.equal(await editor.mistake(area.slice(1)), '')
    assert.equal(await isDefault(), false)
    assert.equal(await editor.page.inputValue(preset), '')
    assert.match(await words(), /^From the top, the first that fits decides\.$/)
    await editor.close()
    assert.equal(await stored('empty'), `(@ERR-3:207,@ERR-3:206)=R,${DEFAULT_REPLY_RULES}`)
    // Without that rule, it is the default again.
    await editor.edit('empty')
    await editor.tab('reply')
    await editor.page.click('.red-ui-editableList-item-remove:visible >> nth=0')
    await editor.close()
    assert.equal(await stored('empty'), '')
  })

  it('reorders rules by dragging and by keyboard', async () => {
    await open('typed')
    const handles = editor.page.locator(
      '#hl7-https-out-rules-list .red-ui-editableList-item-handle'
    )
    const [from, to] = await Promise.all([
      handles.nth(3).boundingBox(),
      handles.nth(0).boundingBox()
    ])
    assert.ok(from && to)
    await editor.page.mouse.move(from.x + 5, from.y + 5)
    await editor.page.mouse.down()
    await editor.page.mouse.move(from.x + 5, from.y - 20, { steps: 5 })
    await editor.page.mouse.move(to.x + 5, to.y - 8, { steps: 10 })
    await editor.page.mouse.up()
    await editor.settle()
    assert.match(await text(), /^:\?A=C,:\?E & /)
    await editor.page.focus('.hl7-https-rule-condition >> nth=0')
    await editor.page.keyboard.press('Alt+ArrowDown')
    assert.match(await text(), /^:\?E & @severity:W = WC,:\?A=C,/)
    assert.equal(
      await editor.ask(`document.activeElement.closest('li').previousElementSibling !== null`),
      true
    )
  })

  it('offers presets, and the way back to custom rules', async () => {
    await open('typed')
    for (const [name, first] of [
      ['interSystems', 'reject R'],
      ['retryRejects', 'foreignId'],
      ['accept2xx', 'foreignId'],
      ['suspendTimeouts', 'timeout S'],
      ['default', 'foreignId']
    ] as const) {
      // The last typed value must not come back when its field is removed.
      await editor.page.selectOption(preset, '')
      await editor.page.fill('.hl7-https-rule-value:visible >> nth=0', ':?E & @severity:I')
      await editor.page.selectOption(preset, name)
      assert.equal((await rows())[0], first, name)
      assert.equal(await editor.page.inputValue(preset), name)
      assert.doesNotMatch(await text(), /severity/)
    }
    assert.equal(await text(), '')
    await editor.page.selectOption(preset, '')
    assert.match(await text(), /^:\?E & @severity:I=WC,/)
  })

  it('follows the text', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.type(area, ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C')
    assert.equal(await editor.page.inputValue(preset), 'interSystems')
    await editor.page.click('#hl7-https-out-rules-show-list')
    assert.deepEqual(await rows(), [
      'reject R',
      'error S',
      'noAcknowledgement S',
      'accepted C',
      'otherCode S',
      'foreignId',
      'sameType C'
    ])
  })

  it('underlines a mistake in the text, and explains it', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    const mark = editor.page.locator('.hl7-https-underlay mark')
    for (const [rules, marked] of [
      [':?A=C,:?E=CF', 'F'],
      [':?A=C,E#50=RF', '50'],
      [':?A=C,', '\u00a0\u00a0']
    ] as const) {
      await editor.type(area, rules)
      assert.equal(await mark.textContent(), marked, rules)
      assert.match(await editor.mistake(area.slice(1)), /position \d+/, rules)
    }
    // The mark is at the position of the text.
    await editor.type(area, 'E#50=RF')
    const [markBox, areaBox] = [
      await mark.boundingBox(),
      await editor.page.locator(area).boundingBox()
    ]
    assert.ok(markBox && areaBox)
    assert.ok(markBox.y > areaBox.y && markBox.y < areaBox.y + 30)
    assert.ok(markBox.x > areaBox.x + 15 && markBox.x < areaBox.x + 40)
    // The list cannot show this: the text stays.
    await editor.page.click('#hl7-https-out-rules-show-list')
    assert.ok(await editor.page.isVisible(area))
    await editor.type(area, ':?A=C')
    assert.equal(await mark.count(), 0)
  })

  it('opens unreadable rules as text, and loses nothing', async () => {
    await open('bad')
    assert.ok(await editor.page.isVisible(area))
    assert.match(await editor.mistake(area.slice(1)), /position/)
    await editor.close()
    assert.equal(await stored('bad'), ':?A=C,:?E=CF')
    assert.equal(await editor.changed('bad'), false)
  })

  it('says that a value does not fit its condition', async () => {
    await open('typed')
    await editor.page.selectOption('.hl7-https-rule-condition >> nth=3', 'errorStatus')
    await editor.page.fill('.hl7-https-rule-value >> nth=3', 'timeout')
    assert.match(
      await editor.page.innerText('#hl7-https-out-rules-unfit'),
      /is not valid for the condition/
    )
    await editor.page.fill('.hl7-https-rule-value >> nth=3', '503')
    assert.equal(await editor.page.innerText('#hl7-https-out-rules-unfit'), '')
    assert.deepEqual(editor.complaints, [])
  })
})
