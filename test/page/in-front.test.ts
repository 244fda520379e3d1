import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { adminAuth } from '../support/admin-users.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { lookAgain, newPage, waitForNews, waitForWords } from '../support/page.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'Admissions' },
  {
    ...{ id: 'registry', type: 'hl7-https-out', z: 'tab', name: 'Registry' },
    ...{ url: 'https://registry.example.org', queue: 'memory', wires: [[], []] }
  }
]

describe('a server in front of Node-RED', () => {
  let nodeRed: TestNodeRed
  let page: Page
  let complaints: string[]
  /** What the server answers by itself, if it does. */
  let own: ((response: ServerResponse, path: string) => void) | undefined
  const server = createServer((asked, response) => {
    const { headers, method, url = '' } = asked
    if (own !== undefined) {
      own(response, url)
      return
    }
    const passed = request(`${nodeRed.url}${url}`, { headers, method }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    asked.pipe(passed)
  })
  let url = ''

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(async () => {
    server.closeAllConnections()
    server.close()
    await nodeRed.close()
  })
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
    await page.goto(`${url}/hl7-https-out/page`)
    await waitForWords(page, '.hl7-node-rows', /Registry/)
  })
  afterEach(async () => {
    own = undefined
    assert.deepEqual(complaints, [])
    await page.close()
  })

  for (const [how, answer] of [
    [
      'a redirect to another host',
      (response) => response.writeHead(302, { Location: 'https://login.example/' }).end()
    ],
    [
      'a web page',
      (response) =>
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>Log in</title>')
    ]
  ] satisfies [string, (response: ServerResponse) => unknown][]) {
    it(`that wants a login again, with ${how}, is told as it, and the page goes on after it`, async () => {
      own = answer
      const words = /The server in front of Node-RED wants a login: reload the page\./
      await waitForNews(page, '.hl7-trouble', words)
      assert.equal(await page.isVisible('#login'), false)
      own = undefined
      await lookAgain(page)
      for (const told of await page.locator('.hl7-trouble').all()) {
        await told.waitFor({ state: 'detached' })
      }
      await waitForWords(page, '.hl7-node-rows', /Registry/)
    })
  }

  it('that gives up waiting is told as it: what was wanted may go on', async () => {
    own = (response, path) => {
      response.writeHead(path.endsWith('/pause') ? 504 : 200, { 'Content-Type': 'text/html' }).end()
    }
    await page.click('.hl7-details [data-button=pause]')
    await page.locator('.hl7-question button', { hasText: 'Pause' }).first().click()
    await waitForWords(page, '.hl7-outcome', /gave up waiting \(504\)\..* may go on: see Events/)
  })
})

describe('an editor that is elsewhere, as that of a device of FlowFuse', () => {
  it('is where the login leads, in the words of whoever set it up', async () => {
    const login = {
      message: 'Access the editor through the platform',
      button: { label: 'Open the platform', url: 'https://platform.example/device/4711' }
    }
    const settings = {
      adminAuth: { ...adminAuth({ watch: ['read'] }), default: undefined },
      editorTheme: { tours: false, login }
    }
    const nodeRed = await startNodeRed({ settings })
    try {
      const { page, complaints } = await newPage()
      await page.goto(`${nodeRed.url}/hl7-https-out/page`)
      await waitForWords(page, '#login', /Access the editor through the platform/)
      const link = page.locator('#login a')
      assert.equal(await link.count(), 1)
      assert.equal(await link.innerText(), login.button.label)
      assert.equal(await link.getAttribute('href'), login.button.url)
      assert.deepEqual(complaints, [])
      await page.close()
    } finally {
      await nodeRed.close()
    }
  })
})
