/** "Try the rules" in the form. What is decided and why: test/rules/try-rules.test.ts. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor } from '../support/editor.ts'

const node = { type: 'hl7-https-out', z: 'tab', url: 'https://127.0.0.1:1/in', wires: [[], []] }
const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  { ...node, id: 'out', replyCodeActions: ':?R=F,@ERR-3:207=R5S,:?E=F,:?A=C' },
  { ...node, id: 'json', replyPath: 'second', replyCodeActions: ':?A=C,:?E=S' }
]
const prefix = '#hl7-https-out-try'

describe('trying the rules of the form', () => {
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

  const open = async (id: string): Promise<void> => {
    await editor.edit(id)
    await editor.rules()
    await editor.page.click(`${prefix} summary`)
  }
  const choose = (answer: string): Promise<unknown> =>
    editor.page.selectOption(`${prefix}-answer`, answer)
  async function until(look: () => Promise<boolean>): Promise<void> {
    for (const since = Date.now(); Date.now() < since + 10_000;) {
      if (await look()) return
      await editor.settle(0)
    }
  }
  const result = (): Promise<string> => editor.page.innerText(`${prefix}-result`)
  const says = async (pattern: RegExp): Promise<void> => {
    await until(async () => pattern.test(await result()))
    assert.match(await result(), pattern)
  }
  /** What stands at each rule. */
  const atRules = (): Promise<string[]> =>
    editor.ask(`[...document.querySelectorAll('.hl7-https-rule-trial')]
      .filter((one) => one.checkVisibility()).map((one) => one.textContent.trim())`)

  it('says at each rule whether it matches and why not, and below what follows, with times', async () => {
    await open('out')
    await says(/Rule 2 decides: ERR-3 is 207 → Retry \(at most 5 ×\), then suspend/)
    assert.deepEqual(await atRules(), [
      'MSA-1 is AE, not AR or CR',
      'decides',
      'not asked: rule 2 decides for this reply',
      'not asked: rule 2 decides for this reply'
    ])
    await says(
      /after 5 sec, 10 sec, 20 sec, 40 sec … \(1 min at most\), 5 times\. Then: .*suspended/
    )
    await choose('AR')
    await says(/Rule 1 decides.*\n.*leaves on NAK/s)
    await choose('html')
    await says(
      /default rules decide.*until the receiver can be reached.*all messages of this node wait/s
    )
    await choose('timeout')
    await says(/until 15 min have passed since the first attempt/)
    assert.equal(await editor.page.isVisible(`${prefix}-text`), false)
  })

  it('follows what is typed: the reply, its status, the rules, and their text', async () => {
    await open('out')
    await choose('AA')
    await says(/Rule 4 decides/)
    await editor.page.fill(`${prefix}-status`, '500')
    await says(/default rules decide/)
    assert.equal(await editor.page.inputValue(`${prefix}-answer`), 'own')
    assert.match((await atRules())[3] ?? '', /AA does not count with HTTP 500/)
    await editor.page.fill(`${prefix}-text`, 'Accepted')
    await editor.page.fill(`${prefix}-status`, '200')
    await says(/No rule matches: failed/)
    await editor.page.click('#hl7-https-out-rules-show-text')
    await editor.type('#node-input-replyCodeActions', ':~=C')
    await says(/Rule 1 decides/)
    assert.equal(await editor.page.innerText(`${prefix}-list`), ':~=C decides')
    await editor.type('#node-input-replyCodeActions', ':~=CF')
    await says(/cannot be read/)
  })

  it('finds the reply by the expression of the form', async () => {
    await open('json')
    const reply = (code: string): string => `MSH|^~\\&|||||||ACK|R|P|2.5\rMSA|${code}|TEST1`
    const text = JSON.stringify({ first: reply('AA'), second: reply('AE') })
    await editor.page.fill(`${prefix}-text`, text)
    await says(/Rule 2 decides/)
  })

  it('is gone from the rules when it is closed, sends nothing, and changes nothing', async () => {
    await open('out')
    await says(/Rule 2/)
    assert.deepEqual(
      editor.requests.filter((request) => request.includes('/test')),
      []
    )
    await editor.page.click(`${prefix} summary`)
    await until(async () => (await atRules()).length === 0)
    await editor.close('ok')
    assert.equal(await editor.ask(`RED.nodes.node('out').changed ?? false`), false)
    assert.deepEqual(editor.complaints, [])
  })
})
