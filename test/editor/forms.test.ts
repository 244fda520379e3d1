import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, describe, it } from 'node:test'
import { bodyPresets } from '../../nodes/editor/body-presets.ts'
import { outProperties, outTabs } from '../../nodes/settings/hl7-https-out-properties.ts'
import { tokenProperties } from '../../nodes/settings/oauth2-client-credentials-properties.ts'
import { tabOf } from '../../nodes/settings/property-table.ts'
import { defaultsOf } from '../support/defaults-of.ts'
import { Editor, tabs } from '../support/editor.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const out = 'hl7-https-out'
const config = 'oauth2-client-credentials'
const slots = ['secret1', 'secret2', 'secret3', 'secret4', 'secret5', 'secret6']
const configCredentials = [
  'clientId',
  'clientSecret',
  'privateKey',
  'privateKeyPassphrase',
  'username',
  'password',
  ...slots
]

const addressField = `.form-row:has(#${config}-address) .red-ui-typedInput-input`
const url = 'https://hl7.example.org:8443/in'
const issuer = 'https://login.example.org'
const secret = 'not-to-be-seen-anywhere'
const node = (id: string, properties: object): FlowNode => ({
  ...{ id, type: out, z: 'tab', wires: [[], []] },
  ...properties
})
const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  // As somebody may write it by hand: almost nothing.
  node('old', { url, auth: 'auth' }),
  node('named', { url, auth: 'auth', name: 'named' }),
  node('more', { url, authScheme: '', charset: 'gb18030', queueLimit: 5 }),
  node('empty', {}),
  node('variables', { url, maxInFlight: '${MAX_IN_FLIGHT}', retryInterval: '${RETRY}' }),
  node('full', {
    ...defaultsOf(outProperties),
    url: '${HL7_URL}',
    auth: 'known',
    // Numbers as text, an entry without a type, an option that the list does not offer.
    retryInterval: '5',
    charset: 'windows-1250',
    failureTimeout: -1,
    headers: [
      { name: 'client', value: 'north' },
      { name: 'X-Key', value: 'secret2', valueType: 'cred' },
      { name: 'X-Facility', value: 'MSH-4.1', valueType: 'hl7' }
    ],
    bodyTemplate: '{"body": $message}',
    credentials: { secret2: secret }
  }),
  node('crowded', {
    headers: slots.map((value) => ({ name: `X-${value}`, value, valueType: 'cred' })),
    credentials: Object.fromEntries(slots.map((name) => [name, secret]))
  }),
  { id: 'auth', type: config, issuer },
  { id: 'both', type: config, issuer, tokenEndpoint: `${issuer}/token` },
  { id: 'listed', type: config, extraParams: [{ name: 'tenant', value: 'north' }] },
  {
    id: 'known',
    type: config,
    ...defaultsOf(tokenProperties),
    issuer: `${issuer}/realms/hl7`,
    extraParams: [{ name: 'tenant', value: 'TENANT', valueType: 'env' }],
    credentials: { clientId: 'engine', clientSecret: secret }
  }
]
const configs = ['auth', 'both', 'listed', 'known']

describe('the forms in the editor', () => {
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'old')
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  afterEach(() => editor.reset())

  const edit = (id: string): Promise<void> =>
    configs.includes(id) ? editor.editConfig(config, id) : editor.edit(id)
  /** What a node in the editor has for these properties. */
  const stored = (id: string, ...properties: string[]): Promise<unknown> =>
    editor.ask(`${JSON.stringify(properties)}.map((name) => RED.nodes.node('${id}')[name])`)
  const label = (id: string): Promise<string> =>
    editor.ask(`RED.utils.getNodeLabel(RED.nodes.node('${id}'))`)
  const headers = '#hl7-https-out-headers'
  /** Adds an entry to the list of headers. */
  const addHeader = (): Promise<void> =>
    editor.page.click('#hl7-https-out-message .red-ui-editableList-addButton:visible')

  it('give the node an icon, two named outputs and a label', async () => {
    const icon = await fetch(`${nodeRed.url}/icons/@hl7-https/node-red-hl7-https-out/${out}.svg`)
    assert.equal(
      await icon.text(),
      readFileSync(new URL(`../../icons/${out}.svg`, import.meta.url), 'utf8')
    )
    assert.deepEqual(await editor.ask(`RED.nodes.getType('${out}').outputLabels`), ['ACK', 'NAK'])
    assert.equal(await label('named'), 'named')
    assert.equal(await label('old'), 'hl7.example.org:8443')
    assert.equal(await label('full'), '${HL7_URL}')
    assert.equal(await label('empty'), 'hl7 https out')
    await editor.ask(`RED.nodes.node('empty').url = 'nonsense'`)
    assert.equal(await label('empty'), 'hl7 https out')
    assert.equal(await label('known'), 'login.example.org')
  })

  it('have every credential, and show only those that are no secret', async () => {
    for (const [type, credentials] of [
      [out, [...slots, 'sample']],
      [config, configCredentials]
    ] as const) {
      const kinds = await editor.ask<Record<string, { type: string }>>(
        `JSON.parse(JSON.stringify(RED.nodes.getType('${type}').credentials))`
      )
      assert.deepEqual(
        kinds,
        Object.fromEntries(
          credentials.map((name) => {
            const open = ['clientId', 'sample', 'username'].includes(name)
            return [name, { type: open ? 'text' : 'password' }]
          })
        )
      )
    }
  })

  for (const [type, id, prefix, properties] of [
    [out, 'empty', 'node-input', [...Object.keys(outProperties), ...slots]],
    [config, 'auth', 'node-config-input', [...Object.keys(tokenProperties), ...configCredentials]]
  ] as const) {
    it(`have a field for each property of ${type}, each with a label, all translated`, async () => {
      await edit(id)
      const missing = await editor.ask<string[]>(`${JSON.stringify(properties)}.filter((name) =>
        !document.getElementById('${prefix}-' + name) && !document.getElementById('${type}-' + name))`)
      assert.deepEqual(missing, [])
      const nameless = await editor.ask<string[]>(`
        [...document.querySelectorAll('#${type}-form :is(input, select, textarea)')]
          .filter((field) => !['hidden', 'file'].includes(field.type))
          .filter((field) => !(${await editor.isNodeRed4()} && field.matches('.red-ui-typedInput-input')))
          .filter((field) => !field.labels?.length && !field.getAttribute('aria-label') &&
            !document.getElementById(field.getAttribute('aria-labelledby')))
          .map((field) => field.id || field.className)`)
      assert.deepEqual(nameless, [])
      const text = await editor.ask<string>(`document.getElementById('${type}-form').textContent`)
      assert.doesNotMatch(text, /\b(?:label|option|hint|heading|unit)\.|\b[a-z]+\.[a-z]+[A-Z]/)
      if (type === out) {
        assert.deepEqual(await tabsOfFields(), tabsOfProperties)
        await assertFewFields()
      }
    })
  }

  /** The tab that an error about a property names. */
  const tabsOfProperties = Object.fromEntries(
    Object.entries(outProperties).map(([name, property]) => [name, tabOf(outTabs, property)])
  )
  /** The tab in which it is. */
  const tabsOfFields = (): Promise<Record<string, string>> =>
    editor.ask(`Object.fromEntries(
      ${JSON.stringify(Object.keys(outProperties))}.map((name) => {
        const field = document.getElementById('node-input-' + name)
          ?? document.getElementById('hl7-https-out-' + name)
        return [name, field.closest('.hl7-https-pane').id.replace('hl7-https-out-', '')]
      }))`)
  /** A new node shows what everybody needs. */
  async function assertFewFields(): Promise<void> {
    const limits = { destination: 7, message: 2, reply: 2, delivery: 8 }
    for (const [tab, most] of Object.entries(limits)) {
      await editor.tab(tab)
      const seen = await editor.ask<string[]>(
        `[...document.querySelectorAll('#hl7-https-out-${tab} :is(input, select, textarea)')]
          .filter((field) => field.checkVisibility()).map(({ id }) => id)`
      )
      assert.ok(seen.length > 0 && seen.length <= most, `${tab}: ${seen.join()}`)
    }
  }

  it('do not change the node if they are closed without a change, and open More settings if any are set', async () => {
    /** The node as a deploy sends it. */
    const exported = (id: string): Promise<string> =>
      editor.ask(
        `JSON.stringify(Object.entries(RED.nodes.convertNode(RED.nodes.node('${id}'))).sort())`
      )
    const open = (): Promise<string[]> =>
      editor.ask(`[...document.querySelectorAll('details[id$="-more"]')]
        .filter((section) => section.open).map(({ id }) => id)`)
    const ofTabs = ['', '-message', '-delivery'].map((tab) => `${out}${tab}-more`)
    for (const [id, how, sections] of [
      ['old', 'cancel', []],
      ['more', 'ok', ofTabs],
      ['variables', 'ok', [`${out}-delivery-more`]],
      ['full', 'ok'],
      ['auth', 'cancel', []],
      ['both', 'ok', []],
      ['listed', 'ok', [`${config}-more`]],
      ['known', 'ok']
    ] as const) {
      const before = await exported(id)
      await edit(id)
      if (sections) assert.deepEqual(await open(), sections, id)
      if (id === 'full') for (const tab of tabs) await editor.tab(tab)
      await editor.close(how)
      // Of a node that lacks properties, Done adds their defaults.
      const isWhole = how === 'cancel' || ['full', 'known'].includes(id)
      if (isWhole) assert.equal(await exported(id), before, id)
      assert.equal(await editor.changed(id), false, id)
    }
    assert.deepEqual(editor.complaints, [])
  })

  it('store a changed number as a number, and an emptied one as its default', async () => {
    await edit('variables')
    await editor.tab('delivery')
    await editor.more()
    assert.equal(await editor.page.isVisible('#node-input-maxInFlight'), false)
    await editor.type('#node-input-retryMaxInterval', '7.5')
    await editor.type('#node-input-queueLimit', '')
    await editor.type('#node-input-connectTimeout', '${RETRY}')
    await editor.close()
    const names = ['maxInFlight', 'retryMaxInterval', 'queueLimit', 'connectTimeout']
    const values = ['${MAX_IN_FLIGHT}', 7.5, 100_000, '${RETRY}']
    assert.deepEqual(await stored('variables', ...names), values)
    assert.equal(await editor.changed('variables'), true)
    // A form that is opened again shows the stored values, and the defaults of the others.
    await edit('variables')
    assert.equal(await editor.page.inputValue('#node-input-retryMaxInterval'), '7.5')
    assert.equal(await editor.page.inputValue('#node-input-responseTimeout'), '30')
  })

  it('say at a field what is wrong with it', async () => {
    const ok = /^$/
    const path = '#node-input-replyPath + .red-ui-typedInput-container .red-ui-typedInput-input'
    await edit('empty')
    assert.match(await editor.mistake('node-input-url'), /Enter the URL/)
    for (const [tab, field, value, words] of [
      // What is judged, and by which words, is in test/forms/out-problems.test.ts.
      ['destination', 'url', 'http://hl7.example.org/in', /localhost/],
      ['destination', 'url', url, ok],
      ['message', 'charset', 'nonsense', /known/],
      ['message', 'charset', 'windows-1250', ok],
      ['reply', 'replyPath', 'data.(', /JSONata/],
      ['reply', 'replyPath', 'data.hl7Ack', ok],
      ['delivery', 'retryMaxInterval', '4', /less than the first wait.*take 5 seconds/],
      ['delivery', 'retryMaxInterval', '5', ok],
      ['delivery', 'connectTimeout', '2 hours', /maximum is 3600/]
    ] as const) {
      if (field === 'replyPath') await editor.rules()
      else await editor.tab(tab)
      await editor.more()
      if (field === 'charset') await editor.page.selectOption('#hl7-https-out-charset', '')
      await editor.type(field === 'replyPath' ? path : `#node-input-${field}`, value)
      assert.match(await editor.mistake(`node-input-${field}`), words, `${field}: ${value}`)
      if (field === 'replyPath') continue
      const marked = await editor.page.getAttribute(`#node-input-${field}`, 'aria-invalid')
      assert.equal(marked, words === ok ? null : 'true', `${field}: ${value}`)
    }
    await editor.close('cancel')
    await edit('known')
    for (const [field, value, words] of [
      ['issuer', 'http://login.example.org', /localhost/],
      ['issuer', `${issuer}/.well-known/openid-configuration`, ok],
      ['clientSecret', 'copied ', /begins or ends with a blank/],
      ['clientSecret', '${SECRET}', ok]
    ] as const) {
      await editor.type(field === 'issuer' ? addressField : `#node-config-input-${field}`, value)
      assert.match(await editor.mistake(`node-config-input-${field}`), words, value)
    }
    assert.equal(await editor.page.locator(`#${config}-form .input-error`).count(), 0)
  })

  it('take a length of time as people say it, and say what a number of seconds means', async () => {
    await edit('old')
    await editor.tab('delivery')
    await editor.more()
    const saysOf = (field: string): Promise<string> =>
      editor.page.innerText(`#node-input-${field} + .hl7-https-unit`)
    assert.match(await saysOf('failureTimeout'), /= 15 min$/)
    await editor.type('#node-input-failureTimeout', '2 days')
    await editor.page.press('#node-input-failureTimeout', 'Tab')
    assert.equal(await editor.page.inputValue('#node-input-failureTimeout'), '172800')
    assert.match(await saysOf('failureTimeout'), /= 2 days$/)
    // A number that means something of its own has a name.
    await editor.type('#node-input-failureTimeout', '-1')
    await editor.page.press('#node-input-failureTimeout', 'Tab')
    assert.equal(await editor.page.inputValue('#hl7-https-out-failureTimeout'), '-1')
    assert.equal(await editor.page.isVisible('#node-input-failureTimeout'), false)
    await editor.type('#node-input-journalDays', '48 h')
    await editor.close()
    assert.deepEqual(await stored('old', 'failureTimeout', 'journalDays'), [-1, 2])
  })

  it('say which environment variables Node-RED has no value for, before a deploy', async () => {
    await edit('variables')
    const note = '#hl7-https-out-unset'
    await editor.page.waitForSelector(`${note}:not([hidden])`)
    assert.match(
      await editor.page.innerText(note),
      /no value for \$\{MAX_IN_FLIGHT\}, \$\{RETRY\}:/
    )
    await editor.tab('delivery')
    await editor.type('#node-input-retryInterval', '5')
    await editor.page.press('#node-input-retryInterval', 'Tab')
    await editor.page.waitForSelector(`${note}:not(:has-text("RETRY"))`)
    assert.match(await editor.page.innerText(note), /no value for \$\{MAX_IN_FLIGHT\}:/)
  })

  it('say at a list what is wrong with an entry', async () => {
    const problem = '#hl7-https-out-headers-problem'
    await edit('old')
    await editor.tab('message')
    await editor.more()
    await addHeader()
    for (const [name, type, value, words] of [
      ['Content-Length', 'str', '1', /The node itself sets this header/],
      ['X-Ward', 'str', 'Ж', /cannot carry/],
      ['X-Ward', 'msg', 'topic[', /property/],
      ['X-Ward', 'msg', 'topic', /^$/]
    ] as const) {
      await editor.type(`${headers} .hl7-https-entry-name`, name)
      await editor.ask(`$('${headers} .hl7-https-entry-input').typedInput('type', '${type}')
        .typedInput('value', ${JSON.stringify(value)}) && 0`)
      const shown = await editor.page.locator(problem).allInnerTexts()
      assert.match(shown.join(), words, `${name}: ${value}`)
    }
    await editor.page.selectOption('#node-input-format', 'form')
    await editor.page.click(
      '.form-row:has(#hl7-https-out-formFields) .red-ui-editableList-addButton'
    )
    await editor.ask(
      `$('#hl7-https-out-formFields .hl7-https-entry-input').typedInput('value', 'x') && 0`
    )
    const inList = editor.page.locator('#hl7-https-out-formFields-problem')
    assert.match(await inList.innerText(), /Enter a name/)
    // With the format raw there are no fields, and the runtime does not read them.
    await editor.page.selectOption('#node-input-format', 'raw')
    assert.equal(await inList.isVisible(), false)
    // The node is marked on the canvas.
    await editor.type(`${headers} .hl7-https-entry-name`, 'authorization')
    const already = 'This header already carries the token.'
    assert.deepEqual(await editor.page.locator(problem).allInnerTexts(), [already])
    await editor.close()
    const [problems] = (await stored('old', 'validationErrors')) as [string[]]
    assert.deepEqual(problems, ['Message tab, Headers: This header already carries the token.'])
  })

  it('mark only nodes on the canvas that cannot work', async () => {
    for (const [id, valid] of [
      ['old', true],
      ['full', true],
      ['empty', false]
    ] as const) {
      assert.deepEqual(await stored(id, 'valid'), [valid], id)
    }
  })

  it('mark a tab that has invalid fields', async () => {
    const marked = (): Promise<string[]> =>
      editor.ask(`new Promise((resolve) => setTimeout(() => resolve([...document.querySelectorAll('.hl7-https-tab-mark')]
        .map((mark) => mark.closest('li').id.replace('red-ui-tab-hl7-https-out-', '')))))`)
    await edit('old')
    assert.deepEqual(await marked(), [])
    await editor.type('#node-input-url', 'x')
    await editor.tab('delivery')
    await editor.more()
    await editor.type('#node-input-connectTimeout', '0')
    assert.deepEqual(await marked(), ['destination', 'delivery'])
    await editor.type('#node-input-connectTimeout', '3')
    await editor.tab('destination')
    await editor.type('#node-input-url', url)
    assert.deepEqual(await marked(), [])
    // A field that does not apply is not checked.
    await editor.tab('delivery')
    await editor.page.selectOption('#node-input-order', 'key')
    await editor.type('#node-input-orderKey', 'nonsense')
    await editor.type('#node-input-maxInFlight', 'many')
    assert.deepEqual(await marked(), ['delivery'])
    await editor.page.selectOption('#node-input-order', 'fifo')
    assert.deepEqual(await marked(), [])
    await editor.close()
    assert.deepEqual(await stored('old', 'maxInFlight', 'valid'), ['many', true])
  })

  // Which these are is in test/forms/fields-that-apply.test.ts.
  it('show only the fields that apply', async () => {
    const fields = ['#node-input-bodyField', '#node-input-bodyEncoding', '#node-input-orderKey']
    const rows = ['.form-row:has(#hl7-https-out-formFields)', '[data-row="hint.formFields"]']
    await edit('old')
    for (const [tab, field, choice, seen] of [
      ['message', 'format', 'form', ['#node-input-bodyField', '#node-input-bodyEncoding', rows[0]]],
      ['message', 'format', 'text', ['#node-input-bodyEncoding', ...rows]],
      ['message', 'format', 'raw', []],
      ['delivery', 'order', 'key', ['#node-input-orderKey']]
    ] as const) {
      await editor.tab(tab)
      await editor.more()
      await editor.page.selectOption(`#node-input-${field}`, choice)
      const visible: string[] = []
      for (const selector of [...fields, ...rows]) {
        if (await editor.page.isVisible(selector)) visible.push(selector)
      }
      assert.deepEqual(visible, seen, `${field}: ${choice}`)
      if (choice !== 'text') continue
      const placeholder = await editor.page.getAttribute('#node-input-contentType', 'placeholder')
      assert.equal(placeholder, 'text/plain; charset=utf-8')
    }
    await editor.close()

    await edit('auth')
    await editor.page.focus(`#${config}-more summary`)
    await editor.page.keyboard.press('Enter')
    await editor.page.selectOption('#node-config-input-clientAuth', 'private_key_jwt')
    const names = ['clientSecret', 'privateKey', 'keyId', 'assertionFile']
    const visible = await editor.seen(...names.map((name) => `node-config-input-${name}`))
    assert.deepEqual(Object.values(visible), [false, true, true, false])
    assert.match(await editor.mistake('node-config-input-privateKey'), /private key/)
  })

  it('tell hl7-https-out that its OAuth 2.0 node uses DPoP', async () => {
    await editor.ask(`RED.nodes.node('auth').dpop = true`)
    await edit('old')
    await editor.more()
    for (const [placement, words] of [
      ['query', /the token goes in the header/],
      ['header', /^$/]
    ] as const) {
      await editor.page.selectOption('#node-input-tokenPlacement', placement)
      await editor.settle(0)
      assert.match(await editor.mistake('node-input-tokenPlacement'), words)
    }
    await editor.tab('message')
    await editor.more()
    await addHeader()
    await editor.type(`${headers} .hl7-https-entry-name`, 'dpop')
    await editor.close()
    const [problems] = (await stored('old', 'validationErrors')) as [string[]]
    assert.deepEqual(problems, ['Message tab, Headers: The node itself sets this header.'])
  })

  it('fill in template, content type, fields and headers from a preset', async () => {
    await edit('old')
    await editor.tab('message')
    await editor.page.selectOption('#node-input-format', 'text')
    assert.match(await editor.mistake('node-input-bodyTemplate'), /needs a template/)
    const preset = '#hl7-https-out-body-preset'
    await editor.page.selectOption(preset, 'soap11')
    await editor.page.selectOption(preset, 'soap12')
    assert.equal(await editor.mistake('node-input-bodyTemplate'), '')
    const fields = editor.page.locator('#hl7-https-out-formFields-problem')
    assert.equal(await fields.innerText(), 'Enter the secret.')
    await editor.type('#hl7-https-out-formFields .hl7-https-entry-secret:visible', secret)
    assert.equal(await fields.count(), 0)
    // The user's own template comes back.
    const template = '#node-input-bodyTemplate ~ .red-ui-typedInput-container input'
    await editor.type(template, '"own"')
    await editor.page.press(template, 'Tab')
    assert.equal(await editor.page.inputValue(preset), '')
    await editor.page.selectOption(preset, 'soap12')
    await editor.page.selectOption(preset, '')
    assert.equal(await editor.page.inputValue(template), '"own"')
    await editor.page.selectOption(preset, 'soap11')
    await editor.close()
    const { soap11 } = bodyPresets
    const formFields = soap11.formFields.map((field) =>
      field.valueType === 'cred' ? { ...field, value: 'secret1' } : field
    )
    const all = { ...soap11, formFields }
    assert.deepEqual(await stored('old', ...Object.keys(all)), Object.values(all))
    await edit('old')
    assert.equal(await editor.page.inputValue(preset), 'soap11')
  })

  it('ask only for issuer, client ID and secret in a new configuration', async () => {
    await editor.editConfig(config)
    const marked = (): Promise<string[]> =>
      editor.ask(`new Promise((resolve) => setTimeout(() => resolve(
        [...document.querySelectorAll('#${config}-form .input-error')]
          .filter((field) => field.checkVisibility()).map((field) => field.id || field.className))))`)
    const [first, ...asked] = await marked()
    assert.match(first ?? '', /red-ui-typedInput-container/)
    assert.deepEqual(
      asked,
      ['clientId', 'clientSecret'].map((name) => `node-config-input-${name}`)
    )
    for (const field of [addressField, ...asked.map((id) => `#${id}`)]) {
      await editor.type(field, issuer)
    }
    assert.deepEqual(await marked(), [])
  })

  it('read a private key from a file into its field', async () => {
    await edit('known')
    await editor.more()
    await editor.page.selectOption('#node-config-input-clientAuth', 'private_key_jwt')
    const field = 'node-config-input-privateKey'
    const choosing = editor.page.waitForEvent('filechooser')
    await editor.page.click(`#${config}-key-load`)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await (
      await choosing
    ).setFiles({ name: 'key.pem', mimeType: 'text/plain', buffer: Buffer.from(pem) })
    await editor.page.waitForFunction(`document.getElementById('${field}').value !== ''`)
    assert.equal(await editor.page.inputValue(`#${field}`), pem)
    assert.equal(await editor.mistake(field), '')
  })

  /** The address in the form of a token server: type, value, what is said of it, and what is saved. */
  const address = (): Promise<[type: string, value: string, note: string, saved: string[]]> =>
    editor.ask(`[$('#${config}-address').typedInput('type'), $('#${config}-address').typedInput('value'),
      document.getElementById('${config}-note').textContent,
      ['issuer', 'tokenEndpoint'].map((name) => document.getElementById('node-config-input-' + name).value)]`)

  it('recognize the address of a token server, typed or pasted', async () => {
    const tokenUrl = `${issuer}/realms/hl7/protocol/openid-connect/token`
    const lookedUp = 'Taken as the issuer: the token URL is looked up at'
    await edit('known')
    const known = `${issuer}/realms/hl7`
    const document = '/.well-known/openid-configuration'
    const asIssuer = ['issuer', known, `${lookedUp} ${known}${document}.`, [known, '']]
    assert.deepEqual(await address(), asIssuer)
    await editor.ask(`navigator.clipboard.writeText('"${tokenUrl}",')`)
    await editor.page.focus(addressField)
    await editor.page.keyboard.press('Control+a')
    await editor.page.keyboard.press('Control+v')
    const taken = 'Taken as the token URL: tokens are requested there, and nothing is looked up.'
    assert.equal((await address())[0], 'tokenEndpoint')
    await editor.page.keyboard.press('Tab')
    assert.deepEqual(await address(), ['tokenEndpoint', tokenUrl, taken, ['', tokenUrl]])
    await editor.type(addressField, '')
    assert.deepEqual(await address(), ['tokenEndpoint', '', '', ['', '']])
    assert.match(await editor.mistake('node-config-input-issuer'), /issuer URL or the token URL/)
    await editor.page.locator(addressField).pressSequentially(known)
    assert.deepEqual(await address(), asIssuer)
    assert.equal(await editor.page.inputValue(addressField), known)
    await editor.type(addressField, `${known}${document}`)
    assert.match((await address())[2], /^Taken as a well-known document/)
    // The user knows better.
    await editor.type(addressField, `${known}/tokens`)
    await chooseType('Issuer URL')
    const chosen = `${known}/tokens`
    const note = `${lookedUp} ${chosen}${document}.`
    assert.deepEqual(await address(), ['issuer', chosen, note, [chosen, '']])
    await editor.close()
    assert.deepEqual(await stored('known', 'issuer', 'tokenEndpoint'), [chosen, ''])
  })

  it('show the token URL where an issuer is set too, which is kept', async () => {
    await edit('both')
    const tokenUrl = `${issuer}/token`
    const [type, value, note] = await address()
    assert.deepEqual([type, value], ['tokenEndpoint', tokenUrl])
    assert.match(
      note,
      /The issuer URL https:\/\/login\.example\.org, which is set too, is not used\.$/
    )
    await editor.more()
    await editor.page.selectOption('#node-config-input-clientAuth', 'client_secret_jwt')
    await editor.page.selectOption(`#${config}-assertionAudience`, 'issuer')
    assert.match((await address())[2], /is only the audience of assertions\.$/)
    await chooseType('Issuer URL')
    assert.deepEqual((await address())[3], [issuer, ''])
    await chooseType('Token URL')
    assert.deepEqual((await address())[3], [issuer, tokenUrl])
    await editor.type(addressField, `${issuer}/other/token`)
    assert.deepEqual((await address())[3], [issuer, `${issuer}/other/token`])
  })

  /** Chooses what the address of a token server is. */
  async function chooseType(label: 'Issuer URL' | 'Token URL'): Promise<void> {
    await editor.page.click(`.form-row:has(#${config}-address) .red-ui-typedInput-type-select`)
    await editor.page.locator('.red-ui-typedInput-options a:visible', { hasText: label }).click()
    // The field follows when the menu has closed.
    const type = label === 'Issuer URL' ? 'issuer' : 'tokenEndpoint'
    await editor.page.waitForFunction(`$('#${config}-address').typedInput('type') === '${type}'`)
  }

  it('take a secret in its row, and keep it in a slot that nobody sees', async () => {
    const row = `${headers} .hl7-https-entry`
    const typed = `${row}-secret`
    const ofType = (type: string, at = 0): Promise<unknown> =>
      editor.ask(`$($('${row}-input')[${at}]).typedInput('type', '${type}') && 0`)
    const slot = (name: string): Promise<string> => editor.page.inputValue(`#node-input-${name}`)
    const problem = editor.page.locator('#hl7-https-out-headers-problem')
    await edit('old')
    await editor.tab('message')
    await editor.more()
    await addHeader()
    await editor.type(`${row}-name`, 'X-Api-Key')
    assert.equal(await editor.page.isVisible(typed), false)
    await ofType('cred')
    assert.equal(await problem.innerText(), 'Enter the secret.')
    await editor.type(typed, secret)
    assert.equal(await problem.count(), 0)
    assert.equal(await editor.page.getAttribute(typed, 'type'), 'password')
    await editor.type(typed, '${file:/run/secrets/key}')
    assert.equal(await editor.page.getAttribute(typed, 'type'), 'text')
    // Basic: a user name beside the secret.
    await addHeader()
    await editor.type(`${row}-name >> nth=1`, 'Authorization')
    await ofType('basic', 1)
    // One slot is in use, and not all of them.
    assert.equal(await problem.innerText(), 'Enter the secret.')
    await editor.ask(`$($('${row}-input')[1]).typedInput('value', 'hl7 user') && 0`)
    await editor.type(`${typed} >> nth=1`, secret)
    await editor.close()
    assert.deepEqual(await stored('old', 'headers'), [
      [
        { name: 'X-Api-Key', value: 'secret1', valueType: 'cred' },
        { name: 'Authorization', value: 'hl7 user secret2', valueType: 'basic' }
      ]
    ])
    assert.equal(await editor.changed('old'), true)

    // A secret goes with its row.
    await edit('old')
    await editor.tab('message')
    assert.equal(await editor.page.inputValue(`${typed} >> nth=1`), secret)
    await editor.page.click(`${headers} .red-ui-editableList-item-remove >> nth=0`)
    await editor.page.locator(row).nth(1).waitFor({ state: 'detached' })
    await editor.close()
    await edit('old')
    assert.deepEqual([await slot('secret1'), await slot('secret2')], ['', secret])
    await editor.close('cancel')

    // One that is stored never comes back to the editor. There are six.
    await edit('crowded')
    await editor.tab('message')
    assert.equal(await editor.page.inputValue(`${typed}:visible >> nth=5`), '__PWRD__')
    await addHeader()
    await editor.type(`${row}-name >> nth=6`, 'X-7')
    await ofType('cred', 6)
    assert.equal(await problem.innerText(), 'At most six secrets: all are in use.')
  })

  it('hide credentials: in the form, in an export, in requests and in the console', async () => {
    await edit('known')
    for (const name of configCredentials) {
      if (name === 'clientId' || name === 'username') continue
      const field = editor.page.locator(`#node-config-input-${name}`)
      if (name === 'privateKey') {
        // A password input would drop the line breaks of a PEM.
        const mask = await editor.ask(
          `getComputedStyle(document.getElementById('node-config-input-privateKey')).webkitTextSecurity`
        )
        assert.equal(mask, 'disc')
      } else {
        assert.equal(await field.getAttribute('type'), 'password', name)
      }
    }
    assert.equal(await editor.page.inputValue('#node-config-input-clientSecret'), '__PWRD__')
    // Where a secret is, is none.
    const isShown = (): Promise<boolean[]> =>
      editor.ask(`['clientSecret', 'privateKey'].map((name) => {
        const field = document.getElementById('node-config-input-' + name)
        return field.type === 'text' || getComputedStyle(field).webkitTextSecurity === 'none'
      })`)
    for (const [text, shown] of [
      ['${file:/run/secrets/hl7}', true],
      ['hunter2-hunter2', false]
    ] as const) {
      await editor.type('#node-config-input-clientSecret', text)
      await editor.ask(`$('#node-config-input-privateKey').val('${text}').trigger('change').length`)
      assert.deepEqual(await isShown(), [shown, shown], text)
    }
    await editor.ask(`$('#node-config-input-privateKey').val('').trigger('change').length`)
    await editor.type('#node-config-input-clientSecret', `${secret}-2`)
    await editor.close()

    const exported = await editor.ask<string>(
      `JSON.stringify(RED.nodes.createExportableNodeSet([RED.nodes.node('full'), RED.nodes.node('known')]))`
    )
    assert.match(exported, /"issuer"/)
    assert.doesNotMatch(exported, /not-to-be-seen|clientSecret|"credentials"/)
    assert.doesNotMatch(JSON.stringify(await nodeRed.flows()), /not-to-be-seen/)
    assert.doesNotMatch(await editor.page.content(), /not-to-be-seen/)
    assert.doesNotMatch(editor.printed.join(), /not-to-be-seen/)
    assert.deepEqual(
      editor.requests.filter((request) => request.includes('not-to-be-seen')),
      []
    )
    assert.deepEqual(editor.complaints, [])
  })

  it('fit into a window of 1280 pixels at 200 %', async () => {
    await editor.page.setViewportSize({ width: 640, height: 400 })
    await edit('full')
    for (const tab of tabs) {
      await editor.tab(tab)
      await editor.more()
      assert.deepEqual(await overflowing(), [], tab)
    }
    await editor.close('cancel')
    await edit('known')
    await editor.more()
    assert.deepEqual(await overflowing(), [], config)
    await editor.page.setViewportSize({ width: 1400, height: 900 })
  })

  /** What is wider than its place: the form, the dialog around it, or the page. */
  function overflowing(): Promise<string[]> {
    return editor.ask(`[document.scrollingElement, ...document.querySelectorAll('.red-ui-tray-body-wrapper, .red-ui-tray-body-wrapper *')]
      .filter((e) => e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth &&
        getComputedStyle(e).display !== 'inline' &&
        // A field scrolls, and so do the tabs of Node-RED's dialog.
        !e.matches('input, textarea, select, option') &&
        (e.closest('.hl7-https-form') || !e.closest('.red-ui-tab')))
      .map((e) => (e.id || e.className) + ' ' + e.scrollWidth + ' > ' + e.clientWidth)`)
  }

  it('open the help by its link', async () => {
    await edit('old')
    await editor.rules()
    await editor.page.click('#hl7-https-out-rules-help')
    await editor.page.waitForSelector('.red-ui-help h3:has-text("Inputs")')
  })
})
