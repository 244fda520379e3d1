import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { ImportRow } from '../../nodes/editor/import/import-row.ts'
import { Editor } from '../support/editor.ts'
import { readText, recording, SLOTS } from '../support/import-table.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'

const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  {
    ...{ id: 'fresh', type: 'hl7-https-out', z: 'tab', wires: [[], []] },
    url: 'https://old.example.org/in'
  },
  {
    ...{ id: 'used', type: 'hl7-https-out', z: 'tab', wires: [[], []] },
    url: 'https://old.example.org/in',
    charset: 'windows-1250',
    failureTimeout: -1,
    format: 'json',
    bodyTemplate: '{"old": $message}',
    replyCodeActions: ':?A=C,E=RF',
    headers: [
      { name: 'x-site', value: 'south', valueType: 'str' },
      { name: 'X-Key', value: 'secret1', valueType: 'cred' }
    ],
    credentials: { secret1: 'old-secret' }
  },
  {
    ...{ id: 'auth', type: 'oauth2-client-credentials', issuer: 'https://old.example.org/realm' },
    credentials: { clientId: 'old', clientSecret: 'old-secret' }
  },
  { id: 'empty', type: 'oauth2-client-credentials', issuer: '' }
]
const out = '#hl7-https-out-import'
const token = '#oauth2-client-credentials-import'
const area = '#hl7-https-import-area'
const dialog = '.hl7-https-import-dialog'

describe('Import settings …', () => {
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'fresh')
    editor.page.setDefaultTimeout(20_000)
  })
  afterEach(async () => {
    // Nothing else can be pressed while it is open.
    await editor.ask(`document.querySelector('${dialog}')?.close()`)
    await editor.reset()
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })

  const open = async (button = `${out}-button`): Promise<void> => {
    await editor.page.click(button)
    await editor.page.waitForSelector(area)
  }
  /** Into the field, in place of what is there. */
  const insert = async (text: string): Promise<void> => {
    await editor.ask(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await editor.page.focus(area)
    await editor.page.keyboard.press('Control+a')
    await editor.page.keyboard.press(text === '' ? 'Delete' : 'Control+v')
  }
  const paste = async (text: string, button?: string): Promise<void> => {
    await open(button)
    await insert(text)
  }
  const words = (): Promise<string> => editor.page.innerText('.hl7-https-import-words')
  const fill = async (): Promise<void> => {
    await editor.page.click(`${dialog} .primary`)
    await editor.page.waitForSelector(dialog, { state: 'detached' })
  }
  const choose = (name: string): Promise<unknown> =>
    editor.page.selectOption(`${dialog} select`, { label: name })
  /** The name of each setting and its value, as the table has them. */
  const lines = (): Promise<[string, string][]> =>
    editor.ask(`[...document.querySelectorAll('${dialog} tbody tr')].map((row) =>
      [row.children[0].textContent, row.children[1].textContent])`)
  /** All that stands in the fields of the open form. */
  const fields = (): Promise<string> =>
    editor.ask(`JSON.stringify([...document.querySelectorAll(
      '.hl7-https-form :is(input, select, textarea):not([type=search])')].map((field) =>
      [field.id || field.className, field.type === 'checkbox' ? field.checked : field.value]))`)
  const value = (field: string): Promise<string> => editor.ask(`String($('#${field}').val())`)
  const rowsOf = (name: string, source: number): ImportRow[] =>
    readText(recording(name)).sources?.[source]?.rows(SLOTS) ?? []
  const node = (id: string): Promise<Record<string, unknown>> =>
    editor.ask(`JSON.parse(JSON.stringify(RED.nodes.convertNode(RED.nodes.node('${id}'), true)))`)

  it('takes what is pasted, and shows each setting of what is chosen', async () => {
    await editor.edit('fresh')
    await paste(recording('production.cls'))
    const options = editor.page.locator(`${dialog} select option`)
    assert.deepEqual(await options.allInnerTexts(), ['ADT to registry', 'ADT to laboratory'])
    for (const [at, name] of ['ADT to registry', 'ADT to laboratory'].entries()) {
      await choose(name)
      const expected = rowsOf('production.cls', at).map(({ setting, given }) => [setting, given])
      assert.deepEqual((await lines()).sort(), expected.sort())
    }
    assert.match(await words(), /^\d+ of \d+ settings are taken\.$/)
    await choose('ADT to registry')
    await fill()
    assert.equal(await editor.page.inputValue('#node-input-backupAfter'), '45')
    assert.equal(await editor.page.isVisible('#node-input-backupUrl'), true)
    // What is still to be entered.
    const marked = editor.page.locator('#hl7-https-out-form .input-error')
    const classes = await marked.evaluateAll((all) => all.map((one) => one.getAttribute('class')))
    assert.deepEqual(classes, ['hl7-https-entry-secret input-error'])
  })

  it('reads in the browser what it reads in the tests', async () => {
    await editor.edit('fresh')
    await open()
    for (const name of [
      'channel.xml',
      'connector.xml',
      'web-service.xml',
      'own-class.xml',
      'send.txt'
    ]) {
      await insert(recording(name))
      const expected = rowsOf(name, 0).map(({ setting, given }) => [setting, given])
      assert.deepEqual((await lines()).sort(), expected.sort(), name)
    }
  })

  it('fills the form as if it were typed: what depends on a field follows', async () => {
    await editor.edit('used')
    await paste(recording('channel.xml'))
    await fill()
    assert.equal(await value('node-input-url'), 'https://hl7.example.org/in?v=2&facility=17')
    assert.equal(await value('node-input-format'), 'raw')
    // The list of usual values shows the one that was filled in.
    assert.equal(await value('hl7-https-out-charset'), 'utf-8')
    assert.equal(await value('hl7-https-out-failureTimeout'), '-1')
    await editor.tab('message')
    assert.equal(await editor.page.isVisible('#node-input-bodyTemplate'), false)
    const secrets = editor.page.locator('#hl7-https-out-headers .hl7-https-entry-secret:visible')
    assert.equal(await secrets.count(), 2)
    const names = editor.page.locator('#hl7-https-out-headers .hl7-https-entry-name')
    const entries = await names.evaluateAll((all) =>
      all.map((one) => (one as { value?: string }).value)
    )
    assert.deepEqual(entries, ['X-Key', 'X-Site', 'apikey'])
    await editor.tab('reply')
    const first = editor.page.locator('#hl7-https-out-rules-list .hl7-https-rule-value').first()
    assert.equal(await first.inputValue(), '(E,:?E,:?R)')
    assert.deepEqual(editor.complaints, [])
  })

  it('gives the form back with Undo, as it was: nothing has changed', async () => {
    for (const [id, name] of [
      ['used', 'channel.xml'],
      ['fresh', 'production.cls']
    ] as const) {
      await editor.edit(id)
      const before = await fields()
      await paste(recording(name))
      await fill()
      assert.notEqual(await fields(), before)
      await editor.page.click(`${out}-undo`)
      assert.equal(await fields(), before, `${id} ${name}`)
      assert.equal(await editor.page.isVisible(`${out}-undo`), false)
      await editor.close()
      assert.equal(await editor.changed(id), false, `${id} ${name}`)
    }
  })

  it('leaves a node like any other after Done, and a secret in its field only', async () => {
    await editor.edit('fresh')
    await paste(recording('send.txt'))
    assert.doesNotMatch(await editor.page.content(), /not-to-be-seen/)
    const requests = editor.requests.length
    await fill()
    assert.doesNotMatch(await editor.page.content(), /not-to-be-seen/)
    assert.equal(await value('node-input-secret1'), 'not-to-be-seen')
    await editor.close()
    const { credentials, ...rest } = await node('fresh')
    assert.equal(rest['url'], 'https://hl7.example.org/in?site=north')
    assert.equal(rest['responseTimeout'], 45)
    assert.deepEqual(rest['headers'], [
      { name: 'Ocp-Apim-Subscription-Key', value: 'secret1', valueType: 'cred' },
      { name: 'X-Facility', value: 'FACILITY', valueType: 'env' },
      { name: 'User-Agent', value: 'North/1', valueType: 'str' }
    ])
    assert.deepEqual(credentials, { secret1: 'not-to-be-seen' })
    const elsewhere = await editor.ask<string>(`JSON.stringify([
      RED.history.list().map((event) => [event.t, event.changes]), { ...localStorage }, { ...sessionStorage },
      ${JSON.stringify(rest)}])`)
    assert.doesNotMatch(elsewhere + editor.printed.join(), /not-to-be-seen/)
    assert.deepEqual(editor.requests.slice(requests), [])
  })

  it('is as careless as its source by a tick', async () => {
    await editor.edit('fresh')
    await paste(recording('connector.xml'))
    await editor.page.check(`${dialog} input[type=checkbox]`)
    await fill()
    assert.match(await value('node-input-replyCodeActions'), /^E=RF,\(@status:2xx,X\)=C,/)
  })

  it('says why it reads nothing, and leaves the form alone', async () => {
    await editor.edit('used')
    const before = await fields()
    await open()
    const says = async (text: string): Promise<string> => {
      await insert(text)
      assert.equal(await editor.page.isDisabled(`${dialog} .primary`), true)
      return words()
    }
    const requests = editor.requests.length
    assert.match(
      await says('<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><Item Name="x"/>'),
      /document type/
    )
    assert.match(await says('<channel>&unknown;</channel>'), /damaged/)
    assert.match(await says('<channel><a></b></channel>'), /damaged/)
    assert.match(
      await says(`<channel>${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</channel>`),
      /damaged/
    )
    assert.match(await says(recording('channel.xml').slice(0, 3000)), /The end is missing/)
    assert.match(await says('good morning'), /none of the three/)
    assert.match(await says(recording('send.txt').slice(0, 150)), /The end is missing/)
    const many = '<Setting Target="Host" Name="x">y</Setting>'.repeat(1001)
    assert.match(
      await says(`<Item ClassName="EnsLib.HL7.Operation.HTTPOperation">${many}</Item>`),
      /1000/
    )
    assert.equal(await says(''), '')
    assert.deepEqual(editor.requests.slice(requests), [])
    await editor.page.keyboard.press('Escape')
    await editor.page.waitForSelector(dialog, { state: 'detached' })
    // Only the dialog has gone.
    assert.equal(await fields(), before)
    await editor.close()
    assert.equal(await editor.changed('used'), false)
  })

  it('does not even take in 20 MB', async () => {
    await editor.edit('fresh')
    await open()
    await editor.ask(`(() => {
      const data = new DataTransfer()
      data.setData('text/plain', '<Item>'.repeat(20_000_000 / 6))
      const event = new ClipboardEvent('paste', { clipboardData: data, cancelable: true, bubbles: true })
      document.querySelector('${area}').dispatchEvent(event)
    })()`)
    assert.match(await words(), /2 million/)
    assert.equal(await value('hl7-https-import-area'), '')
  })

  it('runs nothing: what is pasted is text', async () => {
    await editor.edit('fresh')
    const name = '&lt;img src=x onerror="window.hacked = 1">'
    const text = `<Item Name='${name}' ClassName="EnsLib.HL7.Operation.HTTPOperation">
      <Setting Target="Host" Name='${name}'>${name}</Setting>
      <script xmlns="http://www.w3.org/1999/xhtml">window.hacked = 2</script>
      <Setting Target="Adapter" Name="HTTPServer">javascript:alert(1)</Setting></Item>`
    await paste(text)
    await editor.drawn()
    assert.equal(await editor.page.locator(`${dialog} :is(img, script)`).count(), 0)
    await fill()
    await editor.drawn()
    assert.equal(await editor.ask(`typeof window.hacked`), 'undefined')
    assert.equal(await value('node-input-url'), 'https://old.example.org/in')
    assert.deepEqual(editor.complaints, [])
  })

  it('can be used with a screen reader', async () => {
    await editor.edit('fresh')
    await paste(recording('connector.xml'))
    assert.deepEqual(await editor.violations(dialog), [])
  })

  it('fills the form of the OAuth 2.0 node from a token request, and gives it back', async () => {
    await editor.editConfig('oauth2-client-credentials', 'auth')
    const before = await fields()
    await paste(recording('token.txt'), `${token}-button`)
    await fill()
    const prefix = 'node-config-input'
    const endpoint = 'https://login.example.org/realms/hl7/protocol/openid-connect/token'
    assert.equal(await value(`${prefix}-tokenEndpoint`), endpoint)
    assert.equal(await value(`${prefix}-issuer`), '')
    assert.match(await editor.page.innerText('#oauth2-client-credentials-note'), /token URL/)
    assert.equal(await value(`${prefix}-clientId`), 'north-site')
    assert.equal(await value(`${prefix}-clientSecret`), 's3cret+not-to-be-seen')
    assert.equal(await value(`${prefix}-clientAuth`), 'client_secret_basic_raw')
    assert.equal(await value(`${prefix}-resource`), 'urn:a urn:b')
    assert.equal(await value(`${prefix}-secret1`), '0123456789-not-to-be-seen')
    assert.doesNotMatch(await editor.page.content(), /not-to-be-seen/)
    await editor.page.click(`${token}-undo`)
    assert.equal(await fields(), before)
    await editor.close()
    assert.equal(await editor.changed('auth'), false)
  })

  it('gives back an OAuth 2.0 node that had no address yet', async () => {
    await editor.editConfig('oauth2-client-credentials', 'empty')
    const before = await fields()
    await paste(recording('token.txt'), `${token}-button`)
    await fill()
    assert.notEqual(await fields(), before)
    await editor.page.click(`${token}-undo`)
    assert.equal(await fields(), before)
    await editor.close('cancel')
  })

  it('takes of an item what belongs into the form, and names the other one', async () => {
    await editor.editConfig('oauth2-client-credentials', 'auth')
    await paste(recording('own-class.xml'), `${token}-button`)
    assert.match(await words(), /^2 of /)
    assert.match(await editor.page.innerText(dialog), /in the form of the hl7-https-out node/)
    await editor.page.keyboard.press('Escape')
    await editor.close('cancel')
    await editor.edit('fresh')
    const request = recording('token.txt').split('and this')[0] ?? ''
    await paste(request)
    assert.match(await words(), /None of these settings/)
    assert.match(await editor.page.innerText(dialog), /in the form of the OAuth 2\.0 node/)
    assert.equal(await editor.page.isDisabled(`${dialog} .primary`), true)
  })
})
