import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import type { AllStates } from '../../nodes/operations/answers.ts'
import { adminAuth, logIn, PASSWORD } from '../support/admin-users.ts'
import type { Page } from 'playwright-core'
import { type FlowNode, startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { lookAgain, newPage } from '../support/page.ts'
import { adt } from '../support/world.ts'

const users = {
  operator: ['read', 'hl7-https-out.write'],
  analyst: ['read', 'hl7-https-out.content'],
  admin: '*'
} as const
type User = keyof typeof users

describe('the person called at night, with real nodes in trouble', () => {
  let nodeRed: TestNodeRed
  let page: Page
  let receiver: Server
  let recordLocked = true
  let clicks = 0

  before(async () => {
    // Takes one message for the registry and then is not there, and holds a record of the laboratory.
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
        const error = isLocked ? 'ERR||PID^1|206^Locked^HL70357|E||||Ask ward 3\r' : ''
        response.setHeader('content-type', 'application/hl7-v2')
        response.end(
          `MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|${isLocked ? 'AE' : 'AA'}|${id}\r${error}`
        )
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    nodeRed = await startNodeRed({ settings: { adminAuth: adminAuth(users) } })
    await getInTrouble()
  })
  afterEach(async () => {
    await page.evaluate(`localStorage.clear()`)
    await page.close()
  })
  after(async () => {
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
      ...node('Registry', { callAfter: 0 }),
      ...node('Laboratory', { replyCodeActions: '@ERR-3:206=S,:?A=C', order: 'none' }),
      ...node('Pharmacy')
    ])
    const send = (to: string, id: string): Promise<void> =>
      nodeRed.inject(`in-${to}`, { payload: adt(id) })
    await send('registry', 'OA-1009')
    await eventually(async () => (await state('registry')).acked === 1)
    for (let count = 10; count < 13; count++) await send('registry', `OA-10${count}`)
    for (let count = 72; count < 80; count++) await send('laboratory', `OB-10${count}`)
    const paused = await fetch(`${nodeRed.url}/hl7-https-out/pharmacy/pause`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${await logIn(nodeRed, 'operator')}`
      },
      body: '{"reason":"upgrade"}'
    })
    assert.equal(paused.status, 200)
    await send('pharmacy', 'OC-1')
    await eventually(
      async () =>
        (await state('laboratory')).suspended === 8 &&
        (await state('registry')).state === 'retrying' &&
        (await state('pharmacy')).queued === 1
    )
  }

  async function state(id: string): Promise<AllStates['nodes'][number]> {
    const { body } = await nodeRed.get('/hl7-https-out')
    const found = (body as AllStates).nodes.find((one) => one.id === id)
    assert.ok(found)
    return found
  }

  async function eventually(check: () => Promise<boolean>): Promise<void> {
    for (const since = Date.now(); Date.now() < since + 30_000;) {
      if (await check()) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.fail(`it does not happen: ${check.toString()}`)
  }

  /** Opens the page of a user, on a phone. */
  async function open(user: User): Promise<void> {
    ;({ page } = await newPage())
    await page.setViewportSize({ width: 390, height: 800 })
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
    await page.click('#account .hl7-button')
    await page.fill('#hl7-username', user)
    await page.fill('#hl7-password', PASSWORD)
    await page.keyboard.press('Enter')
    await page.locator('#account', { hasText: user }).waitFor()
    await page.locator('.hl7-node-rows [data-key=registry]').waitFor()
    clicks = 0
  }

  async function click(selector: string): Promise<void> {
    clicks += 1
    await page.locator(selector).first().click()
  }

  async function shows(selector: string, pattern: RegExp): Promise<void> {
    let text = ''
    for (const since = Date.now(); Date.now() < since + 30_000;) {
      const texts = await page.locator(selector).allInnerTexts()
      text = texts.join(' ').replace(/\s+/g, ' ').trim()
      if (pattern.test(text)) return
      await lookAgain(page)
      await page.waitForTimeout(50)
    }
    assert.match(text, pattern)
  }

  it('sees what is wrong with each node, what was delivered and who did what, and helps', async () => {
    await open('operator')
    // What is suspended can wait for a quarter of an hour.
    await shows('.hl7-summary', /^2 of 3 nodes need attention$/)
    for (const [node, words] of [
      ['registry', /Registry retrying since \d\d:\d\d 3 waiting .*is not available \(HTTP 503\)/],
      ['laboratory', /Laboratory 8 suspended since .* answered AE 206 Application record locked/],
      ['pharmacy', /Pharmacy paused since .*1 waiting .*by operator: “upgrade”/]
    ] as const) {
      await shows(`[data-key=${node}]`, words)
    }
    const first = page.locator('.hl7-node-rows tbody tr').first()
    assert.equal(await first.getAttribute('data-key'), 'pharmacy')
    await click('[data-key=registry]')
    await shows('.hl7-why', /^retrying since .* · try \d+ (?:in \d+ s|now)$/)
    await shows('.hl7-events', /HTTP 503: retrying OA-1010/)
    await page
      .locator('.hl7-picture-acked svg[aria-label^="Acknowledged in the last hour: 1,"]')
      .waitFor()
    await page.fill('#hl7-find', 'OA-1009')
    await page.press('#hl7-find', 'Enter')
    await shows('.hl7-all-rows', /\d\d:\d\d:\d\d Registry OA-1009 .*delivered: AA/)

    await click('[data-key=pharmacy]')
    await shows('.hl7-events', /Paused by operator: “upgrade”/)
    await click('.hl7-details button:has-text("Resume")')
    await shows('[data-key=pharmacy]', /Pharmacy idle/)
    await eventually(async () => (await state('pharmacy')).acked === 1)
    await click('.hl7-details button:has-text("Pause")')
    await page.keyboard.insertText('again')
    await page.keyboard.press('Enter')
    await shows('[data-key=pharmacy]', /paused .*by operator: “again”/)
  })

  it('sees what a message is and what the receiver said, if they may, and it is noted', async () => {
    await open('analyst')
    await click('[data-key=laboratory]')
    await shows('.hl7-message-rows', /OB-1074 .*AE 206 E Application record locked/)
    await click('.hl7-message-rows tbody tr:has-text("OB-1074")')
    // What the receiver says comes first, and before its codes.
    await shows(
      '.hl7-story',
      /^What the receiver says .*Ask ward 3 .*206 Application record locked .*Accepted/
    )
    assert.equal(await page.locator('.hl7-lines').count(), 0)
    await click('.hl7-messages button:has-text("Show message")')
    await shows('.hl7-texts', /PID\|1\|\|NS471100.*MSA\|AE\|OB-1074/)
    assert.equal(clicks, 3)
    await shows('.hl7-events', /The content of OB-1074 was shown · by analyst/)
    // An analyst acts on nothing.
    const pause = page.locator('.hl7-details [data-button=pause]')
    assert.equal(await pause.getAttribute('aria-disabled'), 'true')
  })

  it('sees the story of a message, and no patient, without the permission for its text', async () => {
    await open('operator')
    await click('[data-key=laboratory]')
    await click('.hl7-message-rows tbody tr:has-text("OB-1073")')
    await shows(
      '.hl7-story',
      /Accepted .*Attempt: AE after \d+ ms .*Suspended by rule “ERR-3 is 206: Suspend”/
    )
    await shows('.hl7-story', /You need the permission hl7-https-out\.content/)
    assert.equal(await page.locator('.hl7-lines, .hl7-said').count(), 0)
    await click('.hl7-report summary')
    await shows('.hl7-report', /Control ID \(MSH-10\): OB-1073 .*206 Application record locked/)
    const told = await page.locator('.hl7-events').innerText()
    assert.doesNotMatch(told, /OB-1073 was shown/)
  })

  it('resends all in three clicks, and sees what is left', async () => {
    await open('operator')
    await click('[data-key=laboratory]')
    await shows('.hl7-details', /Resend all 8/)
    recordLocked = false
    await click('.hl7-details button:has-text("Resend all 8")')
    await click('.hl7-question button.hl7-first')
    assert.equal(clicks, 3)
    await shows('.hl7-outcome', /^\S.*: OB-1072 was accepted; 7 more are being sent\.$/)
    await eventually(async () => (await state('laboratory')).acked === 8)
    await shows('.hl7-summary', /^2 of 3 nodes need attention$/)
    await shows('.hl7-events', /7 messages resent · by operator .*1 message resent · by operator/)
  })
})
