import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor } from '../support/editor.ts'

/** Extra blanks, letters and brackets, which the list would write in another way. */
const typed = ' (:?E & @severity:W, :CE) = WC,\n (:AE) = RF , @*"Not, now"=RF, :?A=C '
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
  let editor: Editor

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'empty')
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  afterEach(() => editor.reset())

  const open = async (node: string): Promise<void> => {
    await editor.edit(node)
    await editor.rules()
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
  /** Waits until it is said what becomes of each kind of reply: the lines are made while others are shown. */
  const say = (pattern: RegExp): Promise<unknown> =>
    editor.page.locator('#hl7-https-out-rules-lines').getByText(pattern).first().waitFor()
  /** The yellow notes, each with the place of its rule. */
  const warnings = (): Promise<string[]> =>
    editor.ask(`[...document.querySelectorAll('.hl7-https-rule')].flatMap((rule, index) => {
      const note = rule.querySelector('.hl7-https-rule-note')
      return note.hidden ? [] : [index + ' ' + note.textContent]
    })`)
  const isDefault = (): Promise<boolean> =>
    editor.ask(`document.querySelector('#hl7-https-out-rules-list').matches('.hl7-https-default')`)

  it('shows the default rules for an empty property, marked as such, and keeps it empty', async () => {
    await open('empty')
    const shown = await rows()
    assert.equal(shown.length, DEFAULT_REPLY_RULES.split(/,(?![^(]*\))/).length)
    assert.deepEqual(shown.slice(0, 2), ['foreignId', 'accepted C'])
    assert.ok(shown.includes('errorStatus 408, 425, 429 R'))
    assert.equal(await isDefault(), true)
    assert.equal(await editor.page.inputValue(preset), 'default')
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
    await editor.page.selectOption(preset, 'suspendRefusals')
    await editor.page.selectOption(preset, 'default')
    await editor.rules()
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
      'own (:?E & @severity:W, :CE) C warn',
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
    const others = '(:?E & @severity:W, :CE) = WC,(:AE) = RF,@*"Not, now"=RF'
    assert.equal(await text(), `${others},:?A=S`)
    await editor.page.check('.hl7-https-rule-warn >> nth=3')
    await editor.close()
    assert.equal(await stored('typed'), `${others},:?A=WS`)
  })

  it('turns the default into custom rules when a rule is added, below those for MSA-1', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-add')
    assert.match(await editor.mistake(area.slice(1)), /value.*missing/i)
    const value = '.hl7-https-rule-value[aria-invalid]'
    await editor.page.fill(value, '202')
    const action = '.hl7-https-rule-action[aria-invalid]'
    assert.match(await editor.mistake(area.slice(1)), /no action: choose one/)
    await editor.page.selectOption(action, 'C')
    assert.equal(await editor.page.locator(action).count(), 0)
    const [above = '', below = ''] = DEFAULT_REPLY_RULES.split(/(?<=:\*=F,)/)
    assert.equal(await text(), `${above}@status:202=C,${below}`)
    assert.equal(await editor.mistake(area.slice(1)), '')
    assert.equal(await isDefault(), false)
    assert.equal(await editor.page.inputValue(preset), '')
    assert.deepEqual(await warnings(), [])
    await editor.close()
    assert.equal(await stored('empty'), `${above}@status:202=C,${below}`)
    // Without that rule, it is the default again.
    await open('empty')
    await editor.page.click('.red-ui-editableList-item-remove:visible >> nth=6')
    await editor.close()
    assert.equal(await stored('empty'), '')
  })

  it('moves a new rule above those for MSA-1 if it looks at the acknowledgement', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-add')
    const focused = (): Promise<number> =>
      editor.ask(`[...document.querySelectorAll('.hl7-https-rule')]
        .findIndex((rule) => rule.contains(document.activeElement))`)
    assert.equal(await focused(), 6)
    await editor.page.selectOption('.hl7-https-rule-condition >> nth=6', 'errorNumber')
    assert.equal(await focused(), 1)
    await editor.page.fill('.hl7-https-rule-value:visible >> nth=0', '207, 206')
    await editor.page.selectOption('.hl7-https-rule-action >> nth=1', 'R')
    const rest = DEFAULT_REPLY_RULES.replace(':I?=W,', '')
    assert.equal(await text(), `:I?=W,(@ERR-3:207,@ERR-3:206)=R,${rest}`)
    assert.deepEqual(await warnings(), [])
    // Once the user has moved it, it stays.
    await editor.page.focus('.hl7-https-rule-condition >> nth=1')
    await editor.page.keyboard.press('Alt+ArrowUp')
    await editor.page.selectOption('.hl7-https-rule-condition >> nth=0', 'noReply')
    assert.equal((await rows())[0], 'noReply R')
  })

  it('says in yellow what is doubtful about a rule, which follows its place', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.type(area, `:I?=W,@status:201=C,${DEFAULT_REPLY_RULES}`)
    const move = 'This rule also accepts AE and AR: move it below the rules for MSA-1.'
    const below = await editor.page.innerText('#hl7-https-out-rules-hidden')
    assert.equal(below, `@status:201=C – ${move}`)
    await editor.page.click('#hl7-https-out-rules-show-list')
    assert.deepEqual(await warnings(), [`1 ${move}`])
    await editor.page.focus('.hl7-https-rule-action >> nth=1')
    for (let presses = 0; presses < 4; presses++) await editor.page.keyboard.press('Alt+ArrowDown')
    assert.deepEqual(await warnings(), [])
  })

  it('adds a second condition, and removes it', async () => {
    await open('typed')
    const and = '.hl7-https-rule-and >> nth=3'
    await editor.page.click(and)
    assert.match(await editor.mistake(area.slice(1)), /value.*missing/i)
    await editor.page.fill('.hl7-https-rule-value:visible >> nth=-1', '206, 207')
    assert.match(await text(), /,\(:\?A&@ERR-3:206,:\?A&@ERR-3:207\)=C$/)
    assert.equal((await rows())[3], 'accepted errorNumber 206, 207 C')
    assert.equal(await editor.page.isVisible(and), false)
    // As one rule, it can be read again.
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.type(area, `${await text()},:?E&@severity:I=C`)
    await editor.page.click('#hl7-https-out-rules-show-list')
    assert.equal((await rows())[3], 'accepted errorNumber 206, 207 C')
    assert.equal((await rows())[4], 'error severity I C')
    await editor.page.click('.hl7-https-rule-without >> nth=0')
    assert.match(await text(), /,:\?A=C,:\?E&@severity:I=C$/)
    assert.equal(await editor.ask(`document.activeElement.matches('.hl7-https-rule-and')`), true)
  })

  it('reorders rules by dragging and by keyboard', async () => {
    await open('typed')
    const handles = editor.page.locator(
      '#hl7-https-out-rules-list .red-ui-editableList-item-handle'
    )
    await handles.nth(3).scrollIntoViewIfNeeded()
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
    assert.match(await text(), /^:\?A=C,\(:\?E & /)
    await editor.page.focus('.hl7-https-rule-condition >> nth=0')
    await editor.page.keyboard.press('Alt+ArrowDown')
    assert.match(await text(), /^\(:\?E & @severity:W, :CE\) = WC,:\?A=C,/)
    assert.equal(
      await editor.ask(`document.activeElement.closest('li').previousElementSibling !== null`),
      true
    )
  })

  it('offers presets, and the way back to custom rules', async () => {
    await open('typed')
    for (const [name, first] of [
      ['suspendTimeouts', 'errorStatus 501, 503 R'],
      ['default', 'foreignId']
    ] as const) {
      // The last typed value must not come back when its field is removed.
      await editor.page.selectOption(preset, '')
      await editor.page.fill('.hl7-https-rule-value:visible >> nth=0', ':?E & @severity:I')
      await editor.page.selectOption(preset, name)
      assert.equal((await rows())[0], first, name)
      assert.equal(await editor.page.inputValue(preset), name)
      assert.doesNotMatch(await text(), / & /)
    }
    assert.equal(await text(), '')
    await editor.page.selectOption(preset, '')
    assert.match(await text(), /^:\?E & @severity:I=WC,/)
  })

  it('is behind a button until somebody wants it, which a preset undoes', async () => {
    const list = '#hl7-https-out-rules-list'
    await editor.edit('empty')
    await editor.tab('reply')
    assert.equal(await editor.page.isVisible(list), false)
    await say(/^AE, AR, any other code$/)
    await editor.page.selectOption(preset, 'suspendTimeouts')
    await say(/^What may have arrived is not sent twice/)
    assert.equal(await editor.page.isVisible(list), false)
    await editor.page.click('#hl7-https-out-rules-change')
    assert.equal(await editor.page.isVisible(list), true)
    await editor.page.selectOption('.hl7-https-rule-action >> nth=0', 'D')
    assert.equal(await editor.page.inputValue(preset), '')
    await say(/^The node pauses until somebody resumes it$/i)
    await editor.page.click('#hl7-https-out-rules-back')
    assert.equal(await editor.page.inputValue(preset), 'suspendTimeouts')
    assert.equal(await editor.page.isVisible(list), false)
    // Own rules are in sight at once.
    await editor.close('cancel')
    await editor.edit('typed')
    await editor.tab('reply')
    assert.equal(await editor.page.isVisible(list), true)
  })

  it('says where what is refused is gone', async () => {
    await editor.edit('empty')
    await editor.tab('reply')
    await say(/^NAK and Catch: kept here for 7 days,/)
    await say(/^NAK is not wired: look at the HL7 page\.$/)
    await editor.tab('delivery')
    await editor.page.selectOption('#node-input-keepContents', 'none')
    await editor.tab('reply')
    await say(/^NAK and Catch: not kept here\.$/)
  })

  it('takes how often a rule retries', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.type(area, ':?A=C,@ERR-3:206=R5S,(:?E,:?R,:_,:*,:~,X)=F,E=R')
    await editor.page.click('#hl7-https-out-rules-show-list')
    assert.equal((await rows())[1], 'errorNumber 206 RS 5')
    await editor.page.fill('.hl7-https-rule-count >> nth=1', '10')
    assert.equal(await text(), ':?A=C,@ERR-3:206=R10S,(:?E,:?R,:_,:*,:~,X)=F,E=R')
    await editor.page.fill('.hl7-https-rule-count >> nth=3', '0')
    assert.match(await editor.mistake(area.slice(1)), /count/)
    await editor.page.fill('.hl7-https-rule-count >> nth=3', '')
    assert.match(await text(), /,E=R$/)
  })

  it('underlines a mistake in the text, and explains it', async () => {
    await open('empty')
    await editor.page.click('#hl7-https-out-rules-show-text')
    const mark = editor.page.locator('.hl7-https-underlay mark')
    for (const [rules, marked] of [
      [':?A=C,E#50=RF', '50'],
      [':?A=C,', '\u00a0\u00a0']
    ] as const) {
      await editor.type(area, rules)
      assert.equal(await mark.textContent(), marked, rules)
      assert.match(await editor.mistake(area.slice(1)), /position \d+/, rules)
    }
    // The list cannot show this: the text stays.
    await editor.type(area, 'E#50=RF')
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

  it('marks a value that does not fit its condition and its tab, until the field is gone', async () => {
    const marks = editor.page.locator('#red-ui-tab-hl7-https-out-reply .hl7-https-tab-mark')
    const unfit = (): Promise<string> => editor.page.innerText('#hl7-https-out-rules-unfit')
    await open('typed')
    await editor.page.selectOption('.hl7-https-rule-condition >> nth=3', 'errorStatus')
    await editor.page.fill('.hl7-https-rule-value >> nth=3', 'timeout')
    assert.match(await unfit(), /is not valid for the condition/)
    await editor.page.fill('.hl7-https-rule-value >> nth=3', '503')
    assert.equal(await unfit(), '')
    await editor.page.fill('.hl7-https-rule-value >> nth=3', '')
    await marks.waitFor()
    await editor.page.selectOption('.hl7-https-rule-condition >> nth=3', 'accepted')
    await marks.waitFor({ state: 'detached' })
    await editor.page.click('#hl7-https-out-rules-add')
    await marks.waitFor()
    await editor.page.click('.red-ui-editableList-item-remove:visible >> nth=4')
    await marks.waitFor({ state: 'detached' })
    assert.deepEqual(editor.complaints, [])
  })
})
