import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { Editor, tabs } from '../support/editor.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'

const out = 'hl7-https-out'
const wires = [[], []]
const remove = '.red-ui-editableList-item-remove'
const secret = 'not-to-be-seen-anywhere'

/** What the receiver answers, by path: the rest of the reply after MSH. */
const replies: Record<string, string> = {
  '/aa': 'MSA|AA|1',
  '/ae': 'MSA|AE|1|Not stored'
}

describe('the test message of the form', () => {
  let nodeRed: TestNodeRed
  let editor: Editor
  let url = ''
  const received: { path: string; headers: IncomingMessage['headers']; body: string }[] = []
  const receiver = createServer((request, response) => {
    const { url: path = '', headers } = request
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      received.push({ path, headers, body })
      if (path === '/token') {
        response.setHeader('content-type', 'application/json')
        response.end('{"access_token":"a-token","token_type":"Bearer","expires_in":300}')
        return
      }
      const reply = replies[path]
      const msh = 'MSH|^~\\&|A|B|||20260101||ACK^A01|1|P|2.5.1\r'
      response.end(reply === undefined ? '' : `${msh}${reply}\r`)
    })
  })

  before(async () => {
    await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening))
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    const flows: FlowNode[] = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'node', type: out, z: 'tab', url: `${url}/aa`, wires },
      {
        ...{ id: 'paired', type: out, z: 'tab', url: `${url}/aa`, wires },
        backupUrl: `${url.replace('127.0.0.1', 'localhost')}/ae`
      },
      // Node-RED 4.1 wants all three.
      { id: 'tls', type: 'tls-config', cert: '', key: '', ca: '', verifyservercert: true },
      { id: 'sub', type: 'subflow', name: 'sub', in: [], out: [] },
      { id: 'inner', type: out, z: 'sub', url, wires },
      { id: 'outer-sub', type: 'subflow', name: 'outer', in: [], out: [] },
      { id: 'middle', type: 'subflow:sub', z: 'outer-sub', wires: [] },
      { id: 'outer', type: 'subflow:outer-sub', z: 'tab', wires: [] },
      { id: 'unused-sub', type: 'subflow', name: 'unused', in: [], out: [] },
      { id: 'unused', type: out, z: 'unused-sub', url: `${url}/aa`, wires }
    ]
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'node')
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
    receiver.close()
  })
  afterEach(async () => {
    received.length = 0
    await editor.reset()
  })

  const box = '#hl7-https-out-test-result'
  const send = async (): Promise<string> => {
    await editor.page.click('#hl7-https-out-test-button')
    await editor.page.waitForSelector(`${box} .hl7-https-result-title`)
    return (await editor.page.innerText(`${box} .hl7-https-result-title`)).trim()
  }
  async function addHeader(name: string): Promise<void> {
    await editor.page.click('#hl7-https-out-message .red-ui-editableList-addButton:visible')
    await editor.type('#hl7-https-out-headers .hl7-https-entry-name', name)
  }
  /** The lines below the headline, by their labels. */
  const lines = (): Promise<Record<string, string>> =>
    editor.ask(`Object.fromEntries([...document.querySelectorAll('${box} dt')]
      .map((dt) => [dt.textContent, dt.nextElementSibling.textContent]))`)

  it('is sent with what is in the form, which need not be deployed', async () => {
    await editor.edit('node')
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    await editor.tab('message')
    await editor.more()
    await addHeader('X-Key')
    await editor.ask(
      `$('#hl7-https-out-headers .hl7-https-entry-input').typedInput('type', 'cred') && 0`
    )
    await editor.type('#hl7-https-out-headers .hl7-https-entry-secret', secret)
    await editor.tab('destination')
    await editor.page.selectOption('#hl7-https-out-test-type', 'ORU^R01')
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    const [first, second] = received
    assert.match(first?.body ?? '', /\|\|ADT\^A01\^ADT_A01\|TEST\w+\|T\|/)
    assert.match(second?.body ?? '', /\|\|ORU\^R01\^ORU_R01\|TEST\w+\|T\|[^]*\rOBX\|/)
    assert.equal(second?.headers['x-key'], secret)
    assert.ok(!(await editor.page.innerText(box)).includes(secret))
    assert.match(await editor.page.innerText(`${box} pre >> nth=0`), /MSA\|AA\|1/)
    await editor.page.click(`${box} summary`)
    assert.match(await editor.page.innerText(box), /x-key: •••[^]*\n\nMSH\|[^]*\nPID\|/)
    await editor.close('cancel')
    assert.equal(await editor.changed('node'), false)
  })

  it('shows the request without sending it, and how a template fails, with its line', async () => {
    await editor.edit('node')
    const shows = async (words: RegExp): Promise<void> => {
      await editor.page.click('#hl7-https-out-test-show')
      await editor.page.waitForSelector(`${box} .hl7-https-result-title`)
      assert.match(await editor.page.innerText(box), words)
    }
    await shows(/would be sent; nothing was[^]*POST \/aa HTTP\/1.1\n[^]*\n\nMSH\|[^]*\nPID\|/)
    await editor.tab('message')
    await editor.page.selectOption('#node-input-format', 'text')
    await editor.ask(
      `$('#node-input-bodyTemplate').typedInput('value', '(\\t  $a := 1;\\t  $a + $message\\t)') && 0`
    )
    await editor.tab('destination')
    await shows(/body template cannot be evaluated for this message \(line 3, JSONata's T2002\)/)
    assert.deepEqual(received, [])
  })

  it('may be a sample of its own, which is stored with the node and not exported', async () => {
    await editor.edit('node')
    const sample = 'MSH|^~\\&|A|B|C|D|20260101||ADT^A08|MINE|P^A|2.3\nPID|1||4711\nZZZ|1'
    assert.equal(await editor.page.isVisible('#node-input-sample'), false)
    await editor.page.selectOption('#hl7-https-out-test-type', '')
    await editor.page.fill('#node-input-sample', sample)
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    const expected =
      /^MSH\|\^~\\&\|A\|B\|C\|D\|20260101\|\|ADT\^A08\|TEST\w+\|T\|2\.3\rPID\|1\|\|4711\rZZZ\|1\r$/
    assert.match(received[0]?.body ?? '', expected)
    await editor.close('ok')
    const exported = await editor.ask<string>(
      `JSON.stringify(RED.nodes.createExportableNodeSet([RED.nodes.node('node')]))`
    )
    assert.doesNotMatch(exported, /4711/)
    await editor.edit('node')
    assert.equal(await editor.page.inputValue('#node-input-sample'), sample)
    await editor.page.fill('#node-input-sample', '{}')
    await editor.page.click('#hl7-https-out-test-button')
    await editor.page.waitForSelector(`${box} .hl7-https-result-title`)
    assert.match(await editor.page.innerText(box), /Not sent[^]*JSON/)
  })

  it('goes to both addresses, and says what each answers', async () => {
    await editor.edit('paired')
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    const host = `localhost:${new URL(url).port}`
    assert.equal((await lines())['Backup receiver'], `${host}: AE · HTTP 200`)
    assert.deepEqual(received.map(({ path }) => path).sort(), ['/aa', '/ae'])
    // Each gets a message of its own.
    const ids = received.map(({ body }) => body.split('|')[9])
    assert.equal(new Set(ids).size, 2)

    // Nobody is at the first one.
    received.length = 0
    await editor.type('#node-input-url', 'http://127.0.0.1:9/aa')
    assert.equal(await send(), 'No HL7 reply')
    assert.equal((await lines())['Backup receiver'], `${host}: AE · HTTP 200`)
    assert.deepEqual(
      received.map(({ path }) => path),
      ['/ae']
    )

    // The request that is shown is one.
    await editor.page.click('#hl7-https-out-test-show')
    await editor.page.waitForSelector(`${box} .hl7-https-result-title`)
    assert.equal((await lines())['Backup receiver'], undefined)
  })

  it('may belong to a node in a subflow, which need not be used', async () => {
    await editor.edit('unused')
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    await editor.close('cancel')
    await editor.edit('inner')
    assert.equal(await send(), 'No HL7 reply')
  })

  it('takes node and config nodes as they stand in the editor, before any deploy', async () => {
    // A token server that is not deployed, and a TLS configuration that is deployed with other settings.
    await editor.ask(`RED.nodes.import([{ id: 'new-auth', type: 'oauth2-client-credentials',
      tokenEndpoint: '${url}/token', clientAuth: 'client_secret_post', tls: 'tls',
      credentials: { clientId: 'me', clientSecret: '${secret}' } }], { markChanged: true }) && 0`)
    await editor.ask(`RED.nodes.import([{ id: 'new', type: '${out}', z: 'tab', x: 50, y: 50,
      url: '${url}/aa', auth: 'new-auth', wires: [[], []] }], { generateIds: false }) && 0`)
    await editor.edit('new')
    assert.equal(await send(), 'Accepted (AA): leaves on ACK')
    const [token, message] = received
    assert.match(token?.body ?? '', /client_secret=not-to-be-seen-anywhere/)
    assert.equal(message?.headers.authorization, 'Bearer a-token')
    await editor.close('cancel')
    await editor.editConfig('tls-config', 'tls')
    await editor.type('#node-config-input-servername', 'hl7.example.org')
    await editor.close()
    await editor.editConfig('oauth2-client-credentials', 'new-auth')
    await editor.page.click('#oauth2-client-credentials-test-button')
    await editor.page.getByText('Got a token').waitFor()
    const request = editor.requests.findLast((one) => one.includes('/oauth2-client-credentials/'))
    assert.match(request ?? '', /"nodes":\[\{"id":"tls".*"servername":"hl7\.example\.org"/)
  })

  it('has a result only as long as the form is as it was tested', async () => {
    const { page } = editor
    const title = `${box} .hl7-https-result-title`
    const changes: [tab: string, what: string, change: () => Promise<unknown>][] = [
      ['destination', 'a text', () => editor.type('#node-input-url', `${url}/ae`)],
      ['message', 'a choice', () => page.selectOption('#node-input-format', 'mllp')],
      ['reply', 'a rule', () => page.selectOption('.hl7-https-rule-action >> nth=1', 'S')],
      ['reply', 'a removed rule', () => page.click(`#hl7-https-out-rules-list ${remove} >> nth=0`)],
      ['message', 'an entry', () => addHeader('X-Key')],
      ['message', 'a removed entry', () => page.click(`#hl7-https-out-headers ${remove} >> nth=0`)]
    ]
    await editor.edit('node')
    await send()
    // Looking around changes nothing.
    for (const tab of tabs) await editor.tab(tab)
    for (const [tab, what, change] of changes) {
      await editor.tab('destination')
      if ((await page.locator(title).count()) === 0) await send()
      if (tab === 'reply') await editor.rules()
      else await editor.tab(tab)
      await editor.more()
      assert.equal(await page.locator(title).count(), 1, `before ${what}`)
      await change()
      await page.waitForSelector(title, { state: 'detached', timeout: 5000 })
    }
  })

  it('can be sent through the flow by nodes that are added around it, once', async () => {
    const count = (type: string): Promise<number> =>
      editor.ask(`RED.nodes.filterNodes({ type: '${type}' }).length`)
    const add = async (how: 'ok' | 'cancel'): Promise<number[]> => {
      await editor.edit('node')
      await editor.page.selectOption('#hl7-https-out-test-type', 'ORU^R01')
      await editor.page.click('#hl7-https-out-test-add')
      assert.match(await editor.page.innerText('#hl7-https-out-test-added'), /^Press Done/)
      await editor.close(how)
      return Promise.all([
        ...['inject', 'debug', 'catch', 'status'].map(count),
        editor.ask<number>(links)
      ])
    }
    const links = 'RED.nodes.filterLinks({}).length'
    assert.deepEqual(await add('cancel'), [0, 0, 0, 0, 0])
    assert.deepEqual(await add('ok'), [1, 4, 1, 1, 6])
    assert.deepEqual(await add('ok'), [1, 4, 1, 1, 6])
    for (const type of ['catch', 'status']) {
      const scopes = await editor.ask(
        `RED.nodes.filterNodes({ type: '${type}' }).map(({ scope }) => scope)`
      )
      assert.deepEqual(scopes, [['node']])
    }
    await editor.ask(`RED.history.pop() && 0`)
    assert.equal(await count('debug'), 0)
    assert.deepEqual(await add('ok'), [1, 4, 1, 1, 6])
    // Node-RED's own form does not change it.
    const id = await editor.ask<string>(`RED.nodes.filterNodes({ type: 'inject' })[0].id`)
    const payload = await editor.ask<string>(`RED.nodes.node('${id}').payload`)
    await editor.edit(id)
    await editor.close()
    assert.equal(await editor.ask(`RED.nodes.node('${id}').payload`), payload)
    await editor.page.click('#red-ui-header-button-deploy')
    await editor.page.waitForFunction(`!RED.nodes.dirty()`)
    for (let count = 0; count < 2; count++) {
      const since = Date.now()
      // A deploy is answered before its flows have started.
      while ((await nodeRed.post(`/inject/${id}`, {})).status !== 200) {
        assert.ok(Date.now() - since < 10_000, 'the inject node is not there')
        await editor.settle()
      }
      while (received.length <= count && Date.now() - since < 10_000) await editor.settle()
    }
    const [one = '', other = ''] = received.map(({ body }) => body)
    const message =
      /^MSH\|\^~\\&\|NODE-RED\|TEST\|RECEIVER\|TEST\|\d{14}\|\|ORU\^R01\^ORU_R01\|TEST(\w+)\|T\|2\.5\.1\rPID\|.*\rOBX\|.*\r$/s
    assert.match(one, message)
    assert.match(other, message)
    assert.notEqual(message.exec(one)?.[1], message.exec(other)?.[1])
    assert.deepEqual(editor.complaints, [])
  })
})
