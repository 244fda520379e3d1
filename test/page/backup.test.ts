import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { close, listen } from '../../demo/loopback.ts'
import { logIn, type User } from '../support/admin-users.ts'
import { newPage, pageViolations, sticksOut, waitForWords } from '../support/page.ts'
import { adt, shareWorld } from '../support/world.ts'

/** The page on its real routes: a receiver with a backup. */
describe('on the page, a backup receiver', () => {
  const world = shareWorld({ users: true })
  let page: Page
  let complaints: string[]
  /** It accepts everything, without a token. */
  let other: Server
  let backup = ''

  before(async () => {
    other = createServer(await world.authority.issueServer(), (request, response) => {
      request.resume().on('end', () => {
        response.end('MSH|^~\\&|A|B|||20260101||ACK^A01|1|P|2.5.1\rMSA|AA|1\r')
      })
    })
    backup = `127.0.0.1:${await listen(other)}`
  })
  after(() => close(other))
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
    const props = { name: 'First', url: world.receiver.url, queue: 'disk' }
    await world.deploy({ ...props, backupUrl: `https://${backup}/`, backupAfter: 0 })
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (user: User, width: number): Promise<void> => {
    const token = await logIn(world.nodeRed, user)
    const stored = JSON.stringify(JSON.stringify({ access_token: token }))
    await page.addInitScript(`localStorage.setItem('auth-tokens', ${stored})`)
    await page.setViewportSize({ width, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
    await page.waitForSelector('[data-button=backup]')
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  const host = async (id: string): Promise<unknown> => (await world.send(adt(id))).msg.hl7['host']

  it('is switched to and back from by somebody who may, after a question; that is seen and audited', async () => {
    const first = new URL(world.receiver.url).host
    await open('night', 300)
    await shows('[data-button=backup]', /^\s*Switch to the backup\s*$/)
    await page.click('[data-button=backup]')
    await shows(
      '#hl7-question',
      new RegExp(`to the backup ${backup}, until somebody switches back\\?`)
    )
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    // Who changes their mind has changed nothing.
    await page.keyboard.press('Escape')
    await page.locator('#hl7-question').waitFor({ state: 'detached' })
    assert.equal((await world.state()).backup, null)
    assert.equal(await host(`BEFORE`), first)

    await page.click('[data-button=backup]')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', new RegExp(`^\\s*First: Messages go to ${backup}\\.`))
    await shows('.hl7-do', new RegExp(`Switched by night.*${backup}.*Nothing is lost`))
    assert.equal(await host(`BACKUP`), backup)
    assert.equal((await world.state()).backup?.by, 'night')
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])

    await shows('[data-button=backup]', /^\s*Switch back\s*$/)
    await page.click('[data-button=backup]')
    await shows('#hl7-question', new RegExp(first))
    await page.click('.hl7-question .hl7-first')
    await shows('[data-button=backup]', /^\s*Switch to the backup\s*$/)
    assert.equal(await host(`BACK`), first)
    assert.equal((await world.state()).backup, null)
    await shows('.hl7-events', new RegExp(`Back to the first address ${first}`))
    await shows('.hl7-events', new RegExp(`To the backup ${backup}`))
    const printed = await world.nodeRed.printed()
    const audited = printed.filter((line) => line.includes('hl7-https-out.backup'))
    assert.equal(audited.length, 2)
    for (const line of audited) assert.match(line, /"night"/)
  })

  it('is not spoken of where there is none', async () => {
    await world.deploy({ name: 'First', url: world.receiver.url, queue: 'disk' })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
    await page.waitForSelector('[data-button=resend-all]')
    assert.equal(await page.locator('[data-button=backup]').count(), 0)
  })
})
