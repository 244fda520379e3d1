import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { Editor, startBrowser } from '../support/editor.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const out = 'hl7-https-out'
const config = 'oauth2-client-credentials'
const wires = [[], []]

/** Stored values stay as they are until someone changes them; values that the form accepts work. */
describe('the values of the forms', () => {
  let nodeRed: TestNodeRed
  let browser: Browser
  let editor: Editor
  before(async () => {
    const url = 'https://hl7.example.org/in'
    const flows: FlowNode[] = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'bare', type: out, z: 'tab', url, wires },
      {
        id: 'variables',
        type: out,
        z: 'tab',
        url,
        maxInFlight: '${MAX_IN_FLIGHT}',
        retryInterval: '${RETRY}',
        wires
      },
      { id: 'auth', type: config, issuer: 'https://login.example.org' },
      {
        id: 'scoped',
        type: config,
        issuer: 'https://login.example.org',
        audience: 'https://hl7.example.org'
      },
      { id: 'listed', type: config, extraParams: [{ name: 'tenant', value: 'north' }] },
      { id: 'put', type: out, z: 'tab', url, method: 'PUT', wires },
      { id: 'named', type: out, z: 'tab', url, name: 'named', auth: 'auth', wires }
    ]
    const env = { MAX_IN_FLIGHT: '4', RETRY: '3' }
    ;[nodeRed, browser] = await Promise.all([startNodeRed({ flows, env }), startBrowser()])
    editor = await Editor.open(browser, nodeRed.url, 'bare')
  })
  after(async () => {
    await browser.close()
    await nodeRed.close()
  })
  beforeEach(async () => {
    if (await editor.isUsed()) await editor.load()
  })

  /** The node as a deploy sends it. */
  const exported = (id: string): Promise<string> =>
    editor.ask(
      `JSON.stringify(Object.entries(RED.nodes.convertNode(RED.nodes.node('${id}'))).sort())`
    )

  it('are handled by one script for each form, beside that of the sidebar', () => {
    const scripts = editor.requests.filter((request) => request.includes('/resources/@hl7-https/'))
    assert.deepEqual(
      [...new Set(scripts)].map((request) => /[\w-]+\.js/.exec(request)?.[0]).sort(),
      [`${out}.js`, `${config}.js`, 'sidebar.js']
    )
  })

  for (const how of ['cancel', 'ok'] as const) {
    it(`are not written to the node if the form is closed by ${how} without a change`, async () => {
      for (const id of ['bare', 'variables', 'auth', 'listed']) {
        const before = await exported(id)
        if (id === 'auth' || id === 'listed') await editor.editConfig(config, id)
        else await editor.edit(id)
        await editor.close(how)
        assert.equal(await exported(id), before, id)
        assert.equal(await editor.changed(id), false, id)
      }
    })
  }

  it('are written only if they were changed', async () => {
    await editor.edit('bare')
    await editor.tab('delivery')
    await editor.type('#node-input-retryInterval', '7')
    await editor.close()
    const [retryInterval, retryMaxInterval] = await editor.ask<unknown[]>(
      `['retryInterval', 'retryMaxInterval'].map((name) => RED.nodes.node('bare')[name])`
    )
    assert.deepEqual([retryInterval, retryMaxInterval], [7, undefined])
    // A form that is opened again shows the stored values.
    await editor.edit('bare')
    assert.equal(await editor.page.inputValue('#node-input-retryInterval'), '7')
    assert.equal(await editor.page.inputValue('#node-input-retryMaxInterval'), '60')
    await editor.close('cancel')
  })

  it('may be variables instead of numbers, even in a hidden row', async () => {
    await editor.edit('variables')
    await editor.tab('delivery')
    assert.equal(await editor.page.isVisible('#node-input-maxInFlight'), false)
    await editor.type('#node-input-connectTimeout', '${RETRY}')
    await editor.close()
    assert.deepEqual(
      await editor.ask(
        `['maxInFlight', 'retryInterval', 'connectTimeout'].map((name) => RED.nodes.node('variables')[name])`
      ),
      ['${MAX_IN_FLIGHT}', '${RETRY}', '${RETRY}']
    )
  })

  it('are visible: More settings is open if any of them are set', async () => {
    for (const [id, open] of [
      ['auth', false],
      ['scoped', true],
      ['listed', true]
    ] as const) {
      await editor.editConfig(config, id)
      assert.equal(await editor.page.isVisible('#node-config-input-audience'), open, id)
      await editor.close('cancel')
    }
    for (const [id, open] of [
      ['bare', false],
      ['named', false],
      ['put', true]
    ] as const) {
      await editor.edit(id)
      assert.equal(await editor.page.isVisible('#node-input-method'), open, id)
      await editor.close('cancel')
    }
  })

  it('in lists are checked as at run time', async () => {
    const add = async (pane: string): Promise<void> => {
      await editor.page.click(`${pane} .red-ui-editableList-addButton:visible`)
    }
    await editor.edit('bare')
    await editor.tab('message')
    await add('#hl7-https-out-message')
    await editor.type('#hl7-https-out-headers .hl7-https-entry-name', 'X-Ward')
    const value = `$('#hl7-https-out-headers .hl7-https-entry-input')`
    const problem = async (type: string, text: string): Promise<string> => {
      const typed = `typedInput('type', '${type}').typedInput('value', ${JSON.stringify(text)})`
      await editor.ask(`${value}.${typed} && 0`)
      const words = editor.page.locator('#hl7-https-out-headers-problem')
      return (await words.count()) === 0 ? '' : words.innerText()
    }
    assert.equal(await problem('str', 'Søndergård'), '')
    assert.match(await problem('str', 'Ж'), /cannot carry/)
    assert.match(await problem('env', ''), /environment variable/)
    assert.equal(await problem('env', 'WARD'), '')
    await editor.page.selectOption('#node-input-format', 'form')
    await editor.page.click(
      '.form-row:has(#hl7-https-out-formFields) .red-ui-editableList-addButton'
    )
    await editor.ask(
      `$('#hl7-https-out-formFields .hl7-https-entry-input').typedInput('value', 'x') && 0`
    )
    // The runtime reads them whatever the format: the mistake stays visible.
    await editor.page.selectOption('#node-input-format', 'raw')
    assert.match(await editor.page.innerText('#hl7-https-out-formFields-problem'), /Enter a name/)
    await editor.type('#node-input-contentType', 'application/жlm')
    assert.match(await editor.mistake('node-input-contentType'), /cannot carry/)
  })

  it('for the character set must be names that the runtime knows', async () => {
    await editor.edit('bare')
    await editor.tab('message')
    await editor.page.selectOption('#hl7-https-out-charset', '')
    for (const [name, words] of [
      ['windows-1250', /^$/],
      ['ISO_8859-2', /^$/],
      ['8859/15', /^$/],
      ['koi8-r', /^$/],
      ['nonsense', /known/],
      ['base64', /known/]
    ] as const) {
      await editor.type('#node-input-charset', name)
      assert.match(await editor.mistake('node-input-charset'), words, name)
    }
  })

  it('must be numbers within the bounds of the runtime, and integers where needed', async () => {
    await editor.edit('bare')
    await editor.tab('delivery')
    await editor.page.selectOption('#node-input-order', 'none')
    for (const [field, value, words] of [
      ['failureTimeout', '-0.5', /minimum is 0/],
      ['failureTimeout', '0.5', /^$/],
      ['connectTimeout', '3601', /maximum is 3600/],
      ['maxInFlight', '1.5', /whole/],
      ['queueLimit', '0', /minimum is 1/]
    ] as const) {
      await editor.type(`#node-input-${field}`, value)
      assert.match(await editor.mistake(`node-input-${field}`), words, value)
    }
  })
})
