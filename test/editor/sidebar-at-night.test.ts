import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { AllStates } from '../../nodes/operations/answers.ts'
import { adminAuth, logIn } from '../support/admin-users.ts'
import { Editor, startBrowser } from '../support/editor.ts'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { adt } from '../support/world.ts'

const users = {
  watcher: ['read'],
  operator: ['read', 'hl7-https-out.write'],
  analyst: ['read', 'hl7-https-out.content'],
  // All of the editor, and nothing of this package.
  author: [
    'flows.read',
    'flows.write',
    'nodes.read',
    'settings.read',
    'status.read',
    'plugins.read'
  ],
  admin: '*'
} as const
type User = keyof typeof users

const evil = '<img src=x onerror="window.hacked=1">'

describe('the person called at night sees in the tab', () => {
  let nodeRed: TestNodeRed
  let browser: Browser
  let editor: Editor | undefined
  /** Who asks nothing locks no record, is not there, or takes everything. */
  let receiver: Server
  let recordLocked = true

  before(async () => {
    receiver = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const id = body.split('|')[9] ?? ''
        if (request.url === '/registry' && id !== 'OA-1009') {
          response.statusCode = 503
          response.end()
          return
        }
        const isLocked = recordLocked && id.startsWith('OB-')
        const error = isLocked ? `ERR||PID^1|206^${evil}^HL70357|E||||${evil}\r` : ''
        const msa = `MSA|${isLocked ? 'AE' : 'AA'}|${id}|${isLocked ? evil : ''}\r`
        response.setHeader('content-type', 'application/hl7-v2')
        response.end(`MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\r${msa}${error}`)
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    ;[nodeRed, browser] = await Promise.all([
      startNodeRed({
        settings: {
          adminAuth: adminAuth(users)
        }
      }),
      startBrowser()
    ])
    await getInTrouble()
  })
  afterEach(async () => {
    await editor?.page.close()
    editor = undefined
  })
  after(async () => {
    await browser.close()
    await nodeRed.close()
    receiver.closeAllConnections()
    receiver.close()
  })

  /** Three nodes in trouble, each in its own. */
  async function getInTrouble(): Promise<void> {
    const { port } = receiver.address() as AddressInfo
    const node = (name: string, more: Record<string, unknown> = {}): FlowNode[] => {
      const id = name.toLowerCase()
      const url = `http://127.0.0.1:${port}/${id}`
      return [
        { id: `in-${id}`, type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [[id]] },
        {
          id,
          type: 'hl7-https-out',
          z: 'tab',
          name,
          url,
          retryInterval: 3,

          wires: [[], []],
          ...more
        }
      ]
    }
    await nodeRed.deploy([
      { id: 'tab', type: 'tab', label: 'Admissions' },
      ...node('Registry'),
      ...node('Laboratory', { replyCodeActions: '@ERR-3:206=S,:?A=C', order: 'none' }),
      ...node('Pharmacy')
    ])
    const send = (to: string, id: string): Promise<void> =>
      nodeRed.inject(`in-${to}`, { payload: adt(id) })
    await send('registry', 'OA-1009')
    await eventually(async () => (await state('registry')).acked === 1)
    for (let count = 10; count < 13; count++) await send('registry', `OA-10${count}`)
    for (let count = 72; count < 80; count++) await send('laboratory', `OB-10${count}`)
    await as('operator', 'pharmacy/pause', { reason: 'upgrade' })
    await send('pharmacy', 'OC-1')
    await eventually(
      async () =>
        (await state('laboratory')).suspended === 8 &&
        (await state('registry')).state === 'retrying' &&
        (await state('pharmacy')).queued === 1
    )
  }

  async function as(user: User, path: string, body: unknown): Promise<void> {
    const response = await fetch(`${nodeRed.url}/hl7-https-out/${path}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${await logIn(nodeRed, user)}`
      },
      body: JSON.stringify(body)
    })
    assert.equal(response.status, 200)
  }

  async function state(id: string): Promise<AllStates['nodes'][number]> {
    const { body } = await nodeRed.get('/hl7-https-out')
    const found = (body as AllStates).nodes.find((one) => one.id === id)
    assert.ok(found)
    return found
  }

  async function eventually(check: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if (await check()) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.fail(`it does not happen: ${check.toString()}`)
  }

  /** The tab of a user, opened, and each click counted. */
  async function open(user: User): Promise<{
    page: Page
    click: (selector: string) => Promise<void>
    shows: (selector: string, pattern: RegExp) => Promise<void>
    clicks: () => number
  }> {
    editor = await Editor.open(
      browser,
      `${nodeRed.url}/?access_token=${await logIn(nodeRed, user)}`,
      'registry'
    )
    const { page } = editor
    const debug = 'button[data-tab-id="debug"].selected'
    if (await page.isVisible(debug)) await page.click(debug)
    await page.evaluate(`RED.sidebar.show('hl7-https-out')`)
    let clicks = 0
    return {
      page,
      click: async (selector) => {
        clicks += 1
        await page.locator(selector).first().click()
      },
      shows: async (selector, pattern) => {
        let text = ''
        for (let tries = 0; tries < 300; tries++) {
          const texts = await page.locator(selector).allInnerTexts()
          text = texts.join(' ').replace(/\s+/g, ' ').trim()
          if (pattern.test(text)) return
          await page.waitForTimeout(50)
        }
        assert.match(text, pattern)
      },
      clicks: () => clicks
    }
  }

  it('what is wrong with each node, since when and why, at a glance', async () => {
    const { page, shows } = await open('watcher')
    await shows('.hl7-https-summary', /^3 of 3 nodes in trouble$/)
    await shows(
      '[data-key=registry]',
      /Registry retrying since \d\d:\d\d .*3 waiting .*HTTP 503, try \d/
    )
    await shows(
      '[data-key=laboratory]',
      /Laboratory 8 suspended since .*AE 206 Application record locked · rule @ERR-3:206=S/
    )
    await shows('[data-key=pharmacy]', /Pharmacy paused since .*1 waiting .*by operator: “upgrade”/)
    assert.equal(
      await page.locator('.hl7-https-node-rows tbody tr').first().getAttribute('data-key'),
      'pharmacy'
    )
  })

  it('who did it, and what happened in the last hour', async () => {
    const { click, shows, clicks, page } = await open('watcher')
    await click('[data-key=pharmacy]')
    await shows('.hl7-https-events', /paused: “upgrade” · by operator/)
    await click('[data-key=registry]')
    await shows('.hl7-https-events', /HTTP 503: retrying OA-1010/)
    await eventually(async () =>
      /^Acknowledged in the last hour: 1,/.test(
        (await page.locator('.hl7-https-picture-acked svg').getAttribute('aria-label')) ?? ''
      )
    )
    assert.equal(clicks(), 2)
  })

  it('whether a message was delivered, and when', async () => {
    const { page, shows } = await open('watcher')
    await shows('.hl7-https-summary', /3 nodes/)
    await page.fill('#hl7-https-find', 'OA-1009')
    await page.press('#hl7-https-find', 'Enter')
    await shows('.hl7-https-find', /OA-1009: delivered \d\d:\d\d:\d\d, AA, 1 try, Registry/)
  })

  it('what a message is, and what the receiver said, as text, if they may', async () => {
    const { click, shows, clicks, page } = await open('analyst')
    await click('[data-key=laboratory]')
    await shows('.hl7-https-message-rows', /OB-1074 .*AE 206 E Application record locked/)
    await click('.hl7-https-message-rows tbody tr:has-text("OB-1074")')
    await click('.hl7-https-messages button:has-text("Show message")')
    await shows('.hl7-https-content', /PID\|1\|\|471100.*MSA\|AE\|OB-1074\|<img src=x/)
    assert.equal(clicks(), 3)
    assert.equal(await page.evaluate(`window.hacked`), undefined)
    assert.equal(await page.evaluate(`document.querySelectorAll('.hl7-https-tab img').length`), 0)
    // It was noted, and an analyst acts on nothing.
    await shows('.hl7-https-events', /the content of OB-1074 was shown · by analyst/)
    assert.equal(
      await page
        .locator('.hl7-https-details button:has-text("Pause")')
        .getAttribute('aria-disabled'),
      'true'
    )
  })

  it('nothing without the permission', async () => {
    const { shows, page } = await open('author')
    await shows('.hl7-https-trouble', /You need the permission hl7-https-out\.read/)
    assert.equal(await page.locator('.hl7-https-node-rows tbody tr').count(), 0)
  })

  it('what is left after a resend of all, in three clicks', async () => {
    const { click, shows, clicks } = await open('operator')
    await click('[data-key=laboratory]')
    await shows('.hl7-https-details', /Resend all 8/)
    recordLocked = false
    await click('.hl7-https-details button:has-text("Resend all 8")')
    await click('.hl7-https-question button.hl7-https-yes')
    assert.equal(clicks(), 3)
    await shows('.hl7-https-outcome', /^8 messages are back in the queue\.$/)
    await eventually(async () => (await state('laboratory')).acked === 8)
    await shows('.hl7-https-summary', /^2 of 3 nodes in trouble$/)
    await shows(
      '.hl7-https-events',
      /7 messages resent · by operator .*1 message resent · by operator/
    )
  })

  it('a node go on that is resumed, and wait that is paused', async () => {
    const { click, shows } = await open('operator')
    await click('[data-key=pharmacy]')
    await click('.hl7-https-details button:has-text("Resume")')
    await shows('[data-key=pharmacy]', /Pharmacy idle/)
    await eventually(async () => (await state('pharmacy')).acked === 1)
    await click('.hl7-https-details button:has-text("Pause")')
    await editor?.page.keyboard.type('again')
    await editor?.page.keyboard.press('Enter')
    await shows('[data-key=pharmacy]', /paused .*by operator: “again”/)
  })
})
