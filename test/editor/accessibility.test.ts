import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Editor } from '../support/editor.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const out = 'hl7-https-out'
const config = 'oauth2-client-credentials'

/** One value of each type. */
const values = ['str', 'env', 'cred', 'msg', 'jsonata', 'hl7'].map((valueType) => ({
  name: `X-${valueType}`,
  value: valueType === 'cred' ? 'secret1' : valueType === 'hl7' ? 'MSH-4' : 'value',
  valueType
}))
/** Forms that are as full as possible, with some mistakes. */
const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  {
    id: 'out',
    type: out,
    z: 'tab',
    url: 'no URL',
    auth: 'auth',
    tokenPlacement: 'query',
    format: 'multipart',
    formFields: values,
    headers: values,
    replyCodeActions: '@ERR-4:E=RW,@severity:W=W,:AE=S,(:?A&@status:2xx)=C,@*stored=C',
    order: 'key',
    connectTimeout: 0,
    wires: [[], []]
  },
  {
    id: 'auth',
    type: config,
    issuer: 'https://127.0.0.1:1',
    grantType: 'jwt_bearer',
    extraParams: values.slice(0, 3),
    assertionClaims: [{ name: 'claim', value: 'value' }],
    credentials: { clientId: 'engine', secret1: 'secret' }
  }
]

describe('the forms, for everyone', () => {
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'out')
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  afterEach(() => editor.reset())

  it('follow the rules of axe-core', async () => {
    const { page } = editor
    const followed = async (what: string, type = out): Promise<void> => {
      assert.deepEqual(await editor.violations(`#${type}-form`), [], what)
    }
    await editor.edit('out')
    await editor.tab('destination')
    await editor.more()
    await page.click('#hl7-https-out-test-button')
    await page.waitForSelector('#hl7-https-out-test-result .hl7-https-result-title')
    await followed('destination, with the result of a test message')
    for (const tab of ['message', 'delivery'] as const) {
      await editor.tab(tab)
      await editor.more()
      await followed(tab)
    }
    await editor.rules()
    await editor.more()
    await page.click('#hl7-https-out-try summary')
    await page.waitForSelector('.hl7-https-tried-decides')
    await followed('the rules, tried')
    await page.click('#hl7-https-out-rules-show-text')
    await editor.type('#node-input-replyCodeActions', ':?A=CF')
    await followed('the rules as text')
    await editor.close('cancel')

    await editor.editConfig(config, 'auth')
    await editor.more()
    await page.click(`#${config}-test-button`)
    await page.waitForSelector(`#${config}-test-result .hl7-https-result-title`)
    await followed('JWT bearer', config)
  })

  it('move the focus from top to bottom, and show where it is', async () => {
    await editor.edit('out')
    for (const tab of ['message', 'reply']) {
      await editor.tab(tab)
      await editor.more()
      await editor.page.focus('#red-ui-tab-hl7-https-out-delivery a')
      await walk(`#${out}-${tab}`)
    }
    await editor.close('cancel')
    await editor.editConfig(config, 'auth')
    await editor.more()
    await editor.page.focus('#node-config-input-name')
    await editor.page.keyboard.press('Shift+Tab')
    await walk(`#${config}-form`)
  })

  /** Presses Tab through all focusable elements of a container. */
  async function walk(within: string): Promise<void> {
    const usable = `[...document.querySelectorAll('${within} :is(a[href], button, input, select, textarea, [tabindex])')]
      .filter((e) => e.checkVisibility() && e.tabIndex >= 0 && !e.disabled)`
    const expected = await editor.ask<number>(`${usable}.length`)
    assert.ok(expected > 3, within)
    // The focus is marked on the element itself, or on the typed input around it.
    await editor.ask(`window.looks = (e) => [e, e.closest('.red-ui-typedInput-container') ?? e].map((at) => {
      const { outline, borderColor, boxShadow, backgroundColor } = getComputedStyle(at)
      return [outline, borderColor, boxShadow, backgroundColor].join()
    }).join()`)
    await editor.ask(`(window.before = new Map(${usable}.map((e) => [e, looks(e)])), 0)`)
    const seen: { name: string; top: number; left: number; bottom: number; marked: boolean }[] = []
    for (let count = 0; count < expected; count++) {
      await editor.page.keyboard.press('Tab')
      seen.push(
        await editor.ask(`(() => {
          const e = document.activeElement
          const scroll = document.querySelector('${within}').getBoundingClientRect()
          const { top, bottom, left } = e.getBoundingClientRect()
          return {
            name: e.closest('${within}') ? e.id || e.className : 'outside: ' + e.outerHTML.slice(0, 99),
            top: top - scroll.top, bottom: bottom - scroll.top, left,
            marked: window.before.get(e) !== looks(e)
          }
        })()`)
      )
    }
    assert.deepEqual(
      seen.filter(({ name }) => name.startsWith('outside')).map(({ name }) => name),
      []
    )
    assert.deepEqual(
      seen.filter(({ marked }) => !marked).map(({ name }) => name),
      [],
      'elements without a visible focus'
    )
    const backwards = seen.filter((one, index) => {
      const last = seen[index - 1]
      return (
        last !== undefined &&
        (one.bottom <= last.top ||
          (one.top < last.bottom && one.bottom > last.top && one.left < last.left))
      )
    })
    assert.deepEqual(backwards, [])
  }
})
