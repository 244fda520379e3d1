import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, beforeEach, describe, it } from 'node:test'
import { bodyPresets } from '../../nodes/editor/body-presets.ts'
import type { Browser } from 'playwright-core'
import { outProperties } from '../../nodes/hl7-https-out-properties.ts'
import { tokenProperties } from '../../nodes/oauth2-client-credentials-properties.ts'
import { defaultsOf } from '../../nodes/property-table.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { Editor, startBrowser } from '../support/editor.ts'

const out = 'hl7-https-out'
const config = 'oauth2-client-credentials'
const slots = ['secret1', 'secret2', 'secret3', 'secret4', 'secret5', 'secret6']

const outDefaults = defaultsOf(outProperties)
const configDefaults = defaultsOf(tokenProperties)
const configCredentials = [
  'clientId',
  'clientSecret',
  'privateKey',
  'privateKeyPassphrase',
  'username',
  'password',
  ...slots
]

const secret = 'not-to-be-seen-anywhere'
const flows: FlowNode[] = [
  { id: 'tab', type: 'tab', label: 'test' },
  // As in a very old flow file: almost nothing.
  {
    id: 'old',
    type: out,
    z: 'tab',
    url: 'https://hl7.example.org/in',
    auth: 'auth',
    wires: [[], []]
  },
  { id: 'empty', type: out, z: 'tab', wires: [[], []] },
  { id: 'auth', type: config, issuer: 'https://login.example.org' },
  {
    id: 'full',
    type: out,
    z: 'tab',
    ...outDefaults,
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
    credentials: { secret2: secret },
    wires: [[], []]
  },
  {
    id: 'known',
    type: config,
    ...configDefaults,
    issuer: 'https://login.example.org/realms/hl7',
    extraParams: [{ name: 'tenant', value: 'TENANT', valueType: 'env' }],
    credentials: { clientId: 'engine', clientSecret: secret }
  }
]

describe('the forms in the editor', () => {
  let nodeRed: TestNodeRed
  let browser: Browser
  let editor: Editor

  before(async () => {
    ;[nodeRed, browser] = await Promise.all([startNodeRed({ flows }), startBrowser()])
    editor = await Editor.open(browser, nodeRed.url, 'old')
  })
  after(async () => {
    await browser.close()
    await nodeRed.close()
  })
  beforeEach(async () => {
    if (await editor.isUsed()) await editor.load()
  })

  it('have every property and credential, with its default', async () => {
    for (const [type, defaults, credentials] of [
      [out, outDefaults, slots],
      [config, configDefaults, configCredentials]
    ] as const) {
      const known = await editor.ask<[string, unknown][]>(
        `Object.entries(RED.nodes.getType('${type}').defaults).map(([name, { value }]) => [name, value])`
      )
      assert.deepEqual(Object.fromEntries(known), defaults)
      const kinds = await editor.ask<Record<string, { type: string }>>(
        `JSON.parse(JSON.stringify(RED.nodes.getType('${type}').credentials))`
      )
      assert.deepEqual(Object.keys(kinds).sort(), [...credentials].sort())
      for (const [name, kind] of Object.entries(kinds)) {
        const open = name === 'clientId' || name === 'username'
        assert.equal(kind.type, open ? 'text' : 'password', name)
      }
    }
  })

  it('have a labelled field for each property', async () => {
    await editor.edit('old')
    await checkFields(out, 'node-input', [...Object.keys(outDefaults), ...slots])
    await editor.close('cancel')
    await editor.editConfig(config, 'auth')
    await checkFields(config, 'node-config-input', [
      ...Object.keys(configDefaults),
      ...configCredentials
    ])

    async function checkFields(type: string, prefix: string, properties: string[]): Promise<void> {
      const missing = await editor.ask<string[]>(`${JSON.stringify(properties)}.filter((name) =>
        !document.getElementById('${prefix}-' + name) && !document.getElementById('${type}-' + name))`)
      assert.deepEqual(missing, [])
      const nameless = await editor.ask<string[]>(`
        [...document.querySelectorAll('#${type}-form :is(input, select, textarea)')]
          .filter((field) => !['hidden', 'file'].includes(field.type))
          .filter((field) => !field.labels?.length && !field.getAttribute('aria-label') &&
            !document.getElementById(field.getAttribute('aria-labelledby')))
          .map((field) => field.id || field.className)`)
      assert.deepEqual(nameless, [])
    }
  })

  it('show no untranslated text', async () => {
    await editor.edit('old')
    assert.doesNotMatch(await editor.page.innerText('#hl7-https-out-form'), /\b[a-z]+\.[a-z]+[A-Z]/)
    await editor.close('cancel')
    await editor.editConfig(config, 'auth')
    const text = await editor.page.innerText(`#${config}-form`)
    assert.match(text, /Issuer URL/)
    assert.doesNotMatch(text, /(?:label|option|hint|heading|unit)\./)
  })

  it('leave the flow unchanged when opened and closed', async () => {
    await editor.load()
    for (const node of ['old', 'empty', 'full']) {
      await editor.edit(node)
      for (const tab of ['message', 'reply', 'delivery']) await editor.tab(tab)
      await editor.close()
      assert.equal(await editor.changed(node), false, node)
    }
    for (const node of ['auth', 'known']) {
      await editor.editConfig(config, node)
      await editor.close()
      assert.equal(await editor.changed(node), false, node)
    }
    assert.deepEqual(editor.complaints, [])
  })

  it('store a changed number as a number, and an emptied one as its default', async () => {
    await editor.load()
    await editor.edit('full')
    await editor.tab('delivery')
    await editor.type('#node-input-retryInterval', '7.5')
    await editor.type('#node-input-queueLimit', '')
    await editor.close()
    assert.equal(await editor.ask(`RED.nodes.node('full').retryInterval`), 7.5)
    assert.equal(await editor.ask(`RED.nodes.node('full').queueLimit`), 100000)
    assert.equal(await editor.changed('full'), true)
  })

  it('mark an invalid URL, and say why', async () => {
    await editor.edit('empty')
    assert.match(await editor.mistake('node-input-url'), /Enter the URL/)
    for (const [url, words] of [
      ['http://hl7.example.org/in', /localhost/],
      ['hl7.example.org', /not a URL/],
      ['ftp://hl7.example.org', /https/],
      ['https://user:pass@hl7.example.org', /password/],
      ['https://${HOST}/in', /whole URL/]
    ] as const) {
      await editor.type('#node-input-url', url)
      assert.match(await editor.mistake('node-input-url'), words, url)
      assert.equal(await editor.page.getAttribute('#node-input-url', 'aria-invalid'), 'true')
    }
  })

  it('mark no valid values', async () => {
    const urls = [
      'https://hl7.example.org/in',
      'https://hl7_gateway:8443/in?site=7',
      'https://[2001:db8::1]:8443/in',
      `https://${'long-name.'.repeat(20)}example.org/`,
      'http://127.0.0.1:2575',
      'http://[::1]/',
      'http://localhost:8080/in',
      '${HL7_URL}'
    ]
    await editor.edit('old')
    for (const url of urls) {
      await editor.type('#node-input-url', url)
      assert.equal(await editor.mistake('node-input-url'), '', url)
    }
    assert.equal(await editor.page.locator('#hl7-https-out-form .input-error').count(), 0)
    await editor.close('cancel')
    await editor.editConfig(config, 'known')
    for (const url of [...urls, 'https://login.example.org/.well-known/openid-configuration']) {
      await editor.type('#node-config-input-issuer', url)
      assert.equal(await editor.mistake('node-config-input-issuer'), '', url)
    }
    for (const id of ['clientId', 'clientSecret']) {
      await editor.type(`#node-config-input-${id}`, '${OAUTH}')
      assert.equal(await editor.mistake(`node-config-input-${id}`), '', id)
    }
    assert.equal(await editor.page.locator(`#${config}-form .input-error`).count(), 0)
  })

  it('mark only nodes that cannot work on the canvas', async () => {
    const valid = (id: string) => editor.ask<boolean>(`RED.nodes.node('${id}').valid`)
    assert.equal(await valid('old'), true)
    assert.equal(await valid('full'), true)
    assert.equal(await valid('empty'), false)
  })

  it('find a mistake in the rules where the runtime does', async () => {
    await editor.edit('old')
    await editor.tab('reply')
    const rules = '#node-input-replyCodeActions'
    await editor.page.click('#hl7-https-out-rules-show-text')
    assert.match((await editor.page.getAttribute(rules, 'placeholder')) ?? '', /^:I\?=W,:\?A=C/)
    await editor.type(rules, ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C')
    assert.equal(await editor.mistake('node-input-replyCodeActions'), '')
    await editor.type(rules, ':?A=C,:?E=CF')
    assert.match(await editor.mistake('node-input-replyCodeActions'), /position 1\d/)
  })

  it('check JSONata and message properties as Node-RED does, and accept empty ones', async () => {
    await editor.edit('old')
    await editor.tab('reply')
    const path = '#node-input-replyPath + .red-ui-typedInput-container .red-ui-typedInput-input'
    for (const [expression, words] of [
      ['data.hl7Ack', /^$/],
      ['data.(', /JSONata/],
      ['', /^$/]
    ] as const) {
      await editor.type(path, expression)
      assert.match(await editor.mistake('node-input-replyPath'), words, expression)
    }
    await editor.tab('message')
    await editor.page.click('#hl7-https-out-message .red-ui-editableList-addButton:visible')
    await editor.type('#hl7-https-out-headers .hl7-https-entry-name', 'client')
    const value = `$('#hl7-https-out-headers .hl7-https-entry-input')`
    await editor.ask(`${value}.typedInput('type', 'msg').typedInput('value', 'topic[') && 0`)
    assert.match(await editor.page.innerText('#hl7-https-out-headers-problem'), /property/)
    await editor.ask(`${value}.typedInput('value', 'topic') && 0`)
    assert.equal(await editor.page.locator('#hl7-https-out-headers-problem').count(), 0)
  })

  it('reject headers that the token or the connection sets', async () => {
    await editor.edit('old')
    await editor.tab('message')
    await editor.page.click('#hl7-https-out-message .red-ui-editableList-addButton:visible')
    const name = '#hl7-https-out-headers .hl7-https-entry-name'
    await editor.type(name, 'Content-Length')
    assert.match(
      await editor.page.innerText('#hl7-https-out-headers-problem'),
      /set by the connection itself/
    )
    await editor.type(name, 'authorization')
    await editor.close()
    assert.deepEqual(await editor.ask(`RED.nodes.node('old').validationErrors`), [
      'Headers: This header already carries the token.'
    ])
  })

  it('mark a tab that has invalid fields', async () => {
    const marked = (): Promise<string[]> =>
      editor.ask(`[...document.querySelectorAll('.hl7-https-tab-mark')]
        .map((mark) => mark.closest('li').id.replace('red-ui-tab-hl7-https-out-', ''))`)
    await editor.edit('old')
    assert.deepEqual(await marked(), [])
    await editor.type('#node-input-url', 'x')
    await editor.tab('delivery')
    await editor.type('#node-input-connectTimeout', '0')
    assert.match(await editor.mistake('node-input-connectTimeout'), /The minimum is/)
    assert.deepEqual(await marked(), ['destination', 'delivery'])
    await editor.type('#node-input-connectTimeout', '3')
    await editor.tab('destination')
    await editor.type('#node-input-url', 'https://hl7.example.org')
    await editor.settle()
    assert.deepEqual(await marked(), [])
    // A field that does not apply is not checked.
    await editor.tab('delivery')
    await editor.page.selectOption('#node-input-order', 'key')
    await editor.type('#node-input-orderKey', 'nonsense')
    await editor.type('#node-input-maxInFlight', 'many')
    await editor.settle()
    assert.deepEqual(await marked(), ['delivery'])
    await editor.page.selectOption('#node-input-order', 'fifo')
    await editor.settle()
    assert.deepEqual(await marked(), [])
    await editor.close()
    // It was not set, and still is not.
    assert.equal(await editor.ask(`RED.nodes.node('old').maxInFlight`), undefined)
    assert.equal(await editor.ask(`RED.nodes.node('old').valid`), true)
  })

  it('tell hl7-https-out that its OAuth 2.0 node uses DPoP', async () => {
    const hints = '#hl7-https-out-form [data-row="dpop"], #hl7-https-out-form [data-row="scheme"]'
    const shown = (): Promise<string[]> =>
      editor.page
        .locator(hints)
        .filter({ visible: true })
        .evaluateAll((found) => found.map((hint) => (hint as HTMLElement).dataset['row'] ?? ''))
    await editor.edit('old')
    await editor.more()
    assert.deepEqual(await shown(), ['scheme'])
    await editor.close('cancel')
    await editor.editConfig(config, 'auth')
    await editor.more()
    await editor.page.check('#node-config-input-dpop')
    await editor.close()
    assert.equal(await editor.ask(`RED.nodes.node('auth').dpop`), true)
    await editor.edit('old')
    await editor.more()
    assert.deepEqual(await shown(), ['dpop'])
    await editor.page.selectOption('#node-input-tokenPlacement', 'query')
    await editor.settle()
    assert.match(await editor.mistake('node-input-tokenPlacement'), /the token goes in the header/)
    await editor.page.selectOption('#node-input-tokenPlacement', 'header')
    await editor.settle()
    assert.equal(await editor.mistake('node-input-tokenPlacement'), '')
    await editor.close('cancel')
  })

  it('show only the fields of hl7-https-out that apply', async () => {
    await editor.edit('old')
    await editor.more()
    const header = { 'node-input-authHeader': true, 'node-input-authScheme': true }
    assert.deepEqual(await editor.seen(...Object.keys(header)), header)
    await editor.page.selectOption('#node-input-tokenPlacement', 'query')
    assert.deepEqual(await editor.seen('node-input-authHeader', 'node-input-authScheme'), {
      'node-input-authHeader': false,
      'node-input-authScheme': false
    })
    assert.ok(await editor.page.isVisible('#hl7-https-out-form .form-tips'))

    await editor.tab('message')
    const fields = ['bodyField', 'bodyFileName', 'bodyPartType', 'bodyEncoding']
    for (const [format, seen] of [
      ['raw', []],
      ['mllp', []],
      ['form', ['bodyField', 'bodyEncoding']],
      ['multipart', fields],
      ['json', ['bodyEncoding']],
      ['text', ['bodyEncoding']]
    ] as const) {
      await editor.page.selectOption('#node-input-format', format)
      const expected = fields.map((name) => [
        `node-input-${name}`,
        (seen as readonly string[]).includes(name)
      ])
      assert.deepEqual(
        await editor.seen(...fields.map((name) => `node-input-${name}`)),
        Object.fromEntries(expected),
        format
      )
      assert.equal(
        await editor.page.isVisible('.form-row:has(#hl7-https-out-formFields)'),
        format !== 'raw' && format !== 'mllp',
        format
      )
      assert.equal(
        await editor.page.isVisible('[data-row=templateFields]'),
        format === 'json' || format === 'text',
        format
      )
    }
    assert.equal(
      await editor.page.getAttribute('#node-input-contentType', 'placeholder'),
      'text/plain; charset=utf-8'
    )

    await editor.tab('delivery')
    for (const [order, key, inFlight] of [
      ['fifo', false, false],
      ['key', true, true],
      ['none', false, true]
    ] as const) {
      await editor.page.selectOption('#node-input-order', order)
      assert.deepEqual(await editor.seen('node-input-orderKey', 'node-input-maxInFlight'), {
        'node-input-orderKey': key,
        'node-input-maxInFlight': inFlight
      })
    }
    await editor.page.selectOption('#hl7-https-out-failureTimeout', '-1')
    assert.equal(await editor.page.isVisible('#node-input-failureTimeout'), false)
    await editor.close()
    assert.equal(await editor.ask(`RED.nodes.node('old').failureTimeout`), -1)
  })

  it('fill in template, content type, fields and headers from a preset', async () => {
    await editor.edit('old')
    await editor.tab('message')
    await editor.page.selectOption('#node-input-format', 'text')
    assert.match(await editor.mistake('node-input-bodyTemplate'), /needs a template/)
    const preset = '#hl7-https-out-body-preset'
    await editor.page.selectOption(preset, 'soap11')
    await editor.page.selectOption(preset, 'soap12')
    assert.equal(await editor.mistake('node-input-bodyTemplate'), '')
    assert.ok(await editor.page.isVisible('#node-input-secret1'))
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
    const properties = Object.keys(soap11)
    assert.deepEqual(
      await editor.ask(
        `Object.fromEntries(${JSON.stringify(properties)}.map((name) => [name, RED.nodes.node('old')[name]]))`
      ),
      soap11
    )
    await editor.edit('old')
    assert.equal(await editor.page.inputValue(preset), 'soap11')
    await editor.close()
  })

  it('show only the fields of oauth2-client-credentials that apply', async () => {
    await editor.editConfig(config, 'auth')
    const more = `#${config}-more`
    assert.equal(await editor.page.isVisible('#node-config-input-tokenEndpoint'), false)
    await editor.page.focus(more)
    await editor.page.keyboard.press('Enter')
    assert.equal(await editor.page.getAttribute(more, 'aria-expanded'), 'true')
    assert.equal(await editor.page.isVisible('#node-config-input-tokenEndpoint'), true)

    const look = async (): Promise<string[]> => {
      const names = [
        'clientSecret',
        'privateKey',
        'keyId',
        'assertionFile',
        'signingAlg',
        'assertionSubject',
        'username',
        'password'
      ]
      const seen = await editor.seen(...names.map((name) => `node-config-input-${name}`))
      return names.filter((name) => seen[`node-config-input-${name}`])
    }
    const auth = '#node-config-input-clientAuth'
    const grant = '#node-config-input-grantType'
    assert.deepEqual(await look(), ['clientSecret'])
    await editor.page.selectOption(auth, 'private_key_jwt')
    assert.deepEqual(await look(), ['privateKey', 'keyId', 'signingAlg'])
    assert.match(await editor.mistake('node-config-input-privateKey'), /private key/)
    await editor.page.selectOption(auth, 'client_secret_jwt')
    assert.deepEqual(await look(), ['clientSecret', 'signingAlg'])
    await editor.page.selectOption(auth, 'tls_client_auth')
    assert.deepEqual(await look(), [])
    await editor.page.selectOption(auth, 'client_assertion_file')
    assert.deepEqual(await look(), ['assertionFile'])
    assert.match(await editor.mistake('node-config-input-assertionFile'), /path of the file/)
    await editor.page.selectOption(auth, 'none')
    await editor.page.selectOption(grant, 'jwt_bearer')
    assert.deepEqual(await look(), ['privateKey', 'keyId', 'signingAlg', 'assertionSubject'])
    await editor.page.selectOption(auth, 'client_secret_basic')
    await editor.page.selectOption(grant, 'password')
    assert.deepEqual(await look(), ['clientSecret', 'username', 'password'])
    assert.match(await editor.mistake('node-config-input-username'), /user name/)
  })

  it('ask only for issuer, client ID and secret in a new configuration', async () => {
    await editor.editConfig(config)
    const marked = (): Promise<string[]> =>
      editor.ask(`[...document.querySelectorAll('#${config}-form .input-error')]
        .filter((field) => field.checkVisibility()).map((field) => field.id)`)
    assert.deepEqual(await marked(), [
      'node-config-input-issuer',
      'node-config-input-clientId',
      'node-config-input-clientSecret'
    ])
    await editor.type('#node-config-input-issuer', 'https://login.example.org')
    await editor.type('#node-config-input-clientId', 'engine')
    await editor.type('#node-config-input-clientSecret', secret)
    await editor.settle()
    assert.deepEqual(await marked(), [])
  })

  it('read a private key from a file into its field', async () => {
    await editor.editConfig(config, 'known')
    await editor.more()
    await editor.page.selectOption('#node-config-input-clientAuth', 'private_key_jwt')
    const field = 'node-config-input-privateKey'
    assert.match(await editor.mistake(field), /private key/)
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
    await editor.close('cancel')
  })

  it('move a token URL pasted as the issuer to its field', async () => {
    await editor.editConfig(config, 'known')
    const url = 'https://login.example.org/realms/hl7/protocol/openid-connect/token'
    await editor.page.fill('#node-config-input-name', url)
    for (const [field, key] of [
      ['name', 'x'],
      ['issuer', 'v']
    ] as const) {
      await editor.page.focus(`#node-config-input-${field}`)
      await editor.page.keyboard.press('Control+a')
      await editor.page.keyboard.press(`Control+${key}`)
    }
    assert.equal(await editor.page.inputValue('#node-config-input-tokenEndpoint'), url)
    assert.equal(await editor.page.inputValue('#node-config-input-issuer'), '')
    assert.equal(await editor.mistake('node-config-input-issuer'), '')
    assert.match(await editor.page.innerText(`#${config}-note`), /token URL/)
  })

  it('let the configuration be chosen and opened with the pencil', async () => {
    await editor.edit('old')
    await editor.page.selectOption('#node-input-auth', 'known')
    await editor.page.click('#node-input-btn-auth-edit')
    await editor.page.waitForSelector('#node-config-input-issuer')
    await editor.settle()
    assert.equal(
      await editor.page.inputValue('#node-config-input-issuer'),
      'https://login.example.org/realms/hl7'
    )
    await editor.close()
    assert.equal(await editor.page.inputValue('#node-input-auth'), 'known')
  })

  it('keep list entries with their types, and assign a slot to a secret', async () => {
    await editor.edit('old')
    await editor.tab('message')
    await editor.page.click('#hl7-https-out-message .red-ui-editableList-addButton:visible')
    const name = '#hl7-https-out-headers .hl7-https-entry-name'
    const value = '#hl7-https-out-headers .hl7-https-entry-input'
    await editor.type(name, 'two words')
    assert.match(await editor.page.innerText('#hl7-https-out-headers-problem'), /header name/)
    await editor.type(name, 'X-Api-Key')
    assert.equal(await editor.page.locator('#hl7-https-out-headers-problem').count(), 0)
    assert.equal(await editor.page.isVisible('#node-input-secret1'), false)
    await editor.ask(`$('${value}').typedInput('type', 'cred') && 0`)
    await editor.page.waitForSelector('#node-input-secret1')
    await editor.type('#node-input-secret1', secret)
    await editor.close()
    assert.deepEqual(await editor.ask(`RED.nodes.node('old').headers`), [
      { name: 'X-Api-Key', value: 'secret1', valueType: 'cred' }
    ])
    assert.equal(await editor.changed('old'), true)

    await editor.edit('full')
    await editor.tab('message')
    assert.deepEqual(await editor.seen('node-input-secret1', 'node-input-secret2'), {
      'node-input-secret1': false,
      'node-input-secret2': true
    })
  })

  it('hide credentials: in the form, in an export, in requests and in the console', async () => {
    await editor.editConfig(config, 'known')
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
    await editor.type('#node-config-input-clientSecret', `${secret}-2`)
    await editor.close()

    const exported = await editor.ask<string>(
      `JSON.stringify(RED.nodes.createExportableNodeSet([RED.nodes.node('full'), RED.nodes.node('known')]))`
    )
    assert.match(exported, /"issuer"/)
    assert.doesNotMatch(exported, /not-to-be-seen|clientSecret|"credentials"/)
    assert.doesNotMatch(JSON.stringify(await nodeRed.flows()), /not-to-be-seen/)
    assert.doesNotMatch(await editor.page.content(), /not-to-be-seen/)
    assert.deepEqual(
      editor.requests.filter((request) => request.includes('not-to-be-seen')),
      []
    )
    assert.deepEqual(editor.complaints, [])
  })

  it('are readable in the light and the dark theme', async () => {
    for (const dark of [false, true]) {
      await editor.ask(`document.documentElement.classList.toggle('nr-theme-dark', ${dark})`)
      await editor.edit('empty')
      await editor.page.selectOption('#node-input-auth', 'known')
      await editor.more()
      await editor.page.selectOption('#node-input-tokenPlacement', 'query')
      for (const tab of ['destination', 'message', 'reply', 'delivery']) {
        await editor.tab(tab)
        assert.deepEqual(await faint(`#${out}-form .hl7-https-panes`), [], `${tab}, dark: ${dark}`)
      }
      await editor.close('cancel')
      await editor.editConfig(config, 'auth')
      await editor.more()
      await editor.page.selectOption('#node-config-input-grantType', 'jwt_bearer')
      assert.deepEqual(await faint(`#${config}-form`), [], `config, dark: ${dark}`)
      await editor.close('cancel')
    }

    /** Texts with a contrast below 4.5 to 1 (WCAG 2.2, 1.4.3), and texts that are cut off. */
    function faint(within: string): Promise<string[]> {
      return editor.ask(`(() => {
        const channels = (color) => color.match(/[\\d.]+/g).map(Number)
        const luminance = (rgb) => {
          const [r, g, b] = rgb.map((v) => v / 255).map((v) =>
            v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const background = (element) => {
          for (let at = element; at; at = at.parentElement) {
            const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor)
            if (a === 1) return [r, g, b]
          }
          return [255, 255, 255]
        }
        return [...document.querySelectorAll('${within} :is(label, span, div, h4, a, input, select, textarea)')]
          .filter((e) => e.checkVisibility() && (e.matches('input, select, textarea') ||
            [...e.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())))
          .flatMap((e) => {
            const [a, b] = [luminance(channels(getComputedStyle(e).color).slice(0, 3)),
              luminance(background(e))].sort((x, y) => y - x)
            const ratio = (a + 0.05) / (b + 0.05)
            const cut = !e.matches('input, select, textarea') && e.scrollWidth > e.clientWidth + 1 &&
              getComputedStyle(e).display !== 'inline'
            return ratio < 4.5 || cut ? [(e.textContent.trim() || e.id) + ' ' + ratio.toFixed(2)] : []
          })
      })()`)
    }
  })

  for (const [width, height] of [
    [1000, 800],
    // 1400 and 1280 pixels at 200 %.
    [700, 450],
    [640, 400]
  ] as const) {
    it(`fit into a window ${width} pixels wide`, async () => {
      await editor.page.setViewportSize({ width, height })
      await editor.edit('full')
      await editor.more()
      for (const tab of ['destination', 'message', 'reply', 'delivery']) {
        await editor.tab(tab)
        assert.deepEqual(await overflowing(), [], tab)
      }
      await editor.close('cancel')
      await editor.editConfig(config, 'known')
      await editor.more()
      assert.deepEqual(await overflowing(), [], config)
      await editor.close('cancel')
    })
  }

  /** What is wider than its place: the form, the dialog around it, or the page. */
  function overflowing(): Promise<string[]> {
    return editor.ask(`[document.scrollingElement, ...document.querySelectorAll('.red-ui-tray-body-wrapper, .red-ui-tray-body-wrapper *')]
      .filter((e) => e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth &&
        getComputedStyle(e).display !== 'inline' &&
        // A field scrolls, and so do Node-RED's tabs.
        !e.matches('input, textarea, select, option') && !e.closest('.red-ui-tab'))
      .map((e) => (e.id || e.className) + ' ' + e.scrollWidth + ' > ' + e.clientWidth)`)
  }

  it('open at the first field that has to be filled in', async () => {
    const focused = (): Promise<string> => editor.ask(`document.activeElement.id`)
    await editor.edit('empty')
    await editor.settle()
    assert.equal(await focused(), 'node-input-url')
    await editor.close('cancel')
    await editor.editConfig(config)
    await editor.settle()
    assert.equal(await focused(), 'node-config-input-issuer')
    await editor.close('cancel')
    await editor.edit('old')
    await editor.settle()
    assert.notEqual(await focused(), 'node-input-url')
  })

  it('have an icon, two named outputs and a label', async () => {
    const icon = await fetch(`${nodeRed.url}/icons/@hl7-https/node-red-hl7-https-out/${out}.svg`)
    assert.equal(
      await icon.text(),
      readFileSync(new URL(`../../icons/${out}.svg`, import.meta.url), 'utf8')
    )
    assert.deepEqual(await editor.ask(`RED.nodes.getType('${out}').outputLabels`), ['ACK', 'NAK'])
    const label = (id: string) =>
      editor.ask<string>(`RED.utils.getNodeLabel(RED.nodes.node('${id}'))`)
    assert.equal(await label('old'), 'hl7.example.org')
    assert.equal(await label('full'), '${HL7_URL}')
    assert.equal(await label('empty'), 'hl7 https out')
    assert.equal(await label('known'), 'login.example.org')
  })

  it('open the help by its link', async () => {
    await editor.edit('old')
    await editor.tab('reply')
    await editor.page.click('#hl7-https-out-rules-help')
    await editor.page.waitForSelector('.red-ui-help h3:has-text("Inputs")')
  })
})
