import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { adminAuth, logIn, PASSWORD } from '../support/admin-users.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { newPage, waitForNews, waitForWords } from '../support/page.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'Admissions' },
  {
    id: 'registry',
    type: 'hl7-https-out',
    z: 'tab',
    name: 'Registry',
    url: 'https://registry.example.org',
    queue: 'memory',
    wires: [[], []]
  }
]
const users = {
  watch: ['read'],
  night: ['read', 'hl7-https-out.write'],
  /** May see this package, and nothing else of Node-RED. */
  guest: ['hl7-https-out.read'],
  stranger: ['flows.read']
} as const

const directories: string[] = []
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** What Node-RED says of its login where users are those of another server. */
const ELSEWHERE = {
  type: 'strategy',
  prompts: [{ type: 'button', url: 'auth/strategy' }]
}

describe('the login of the page', () => {
  let nodeRed: TestNodeRed
  let page: Page
  let complaints: string[]

  before(async () => {
    const auth = adminAuth(users) as Record<string, unknown>
    const userDir = mkdtempSync(join(tmpdir(), 'hl7-https-out-page-'))
    directories.push(userDir)
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    // Whoever has not logged in may do something, but not this.
    const settings = { adminAuth: { ...auth, default: { permissions: ['flows.read'] } } }
    nodeRed = await startNodeRed({ userDir, settings })
  })
  after(() => nodeRed.close())
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.evaluate(`localStorage.clear()`)
    await page.close()
  })

  const open = async (): Promise<void> => {
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
  }
  const enter = async (user: string, password: string): Promise<void> => {
    await page.fill('#hl7-username', user)
    await page.fill('#hl7-password', password)
    await page.keyboard.press('Enter')
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)

  /** The same of what happens elsewhere meanwhile. */
  const tells = (selector: string, words: RegExp): Promise<void> =>
    waitForNews(page, selector, words)

  it('is asked for, refuses a wrong password, and leads to the nodes', async () => {
    await open()
    await shows('#login', /Log in with your Node-RED user/)
    assert.equal(await page.evaluate(`document.activeElement.id`), 'hl7-username')
    await enter('night', 'wrong')
    await shows('#login', /Node-RED did not accept the user name or the password/)
    assert.equal(await page.evaluate(`document.activeElement.id`), 'hl7-password')
    await enter('night', PASSWORD)
    await shows('.hl7-node-rows', /Registry/)
    await shows('#account', /night/)
    assert.equal(await page.isVisible('#login'), false)
    // The editor knows it by the same key.
    assert.equal(await page.evaluate(`'auth-tokens' in localStorage`), true)
    await page.reload()
    await shows('.hl7-node-rows', /Registry/)

    await page.click('#account button')
    await shows('#login', /Log in with your Node-RED user/)
    assert.equal(await page.evaluate(`'auth-tokens' in localStorage`), false)
    assert.equal(await page.locator('#application').count(), 0)
  })

  it('is that of the editor in this browser, and said to have ended when it has', async () => {
    const token = await logIn(nodeRed, 'night')
    await open()
    await page.waitForSelector('#login input')
    // Somebody logs in to the editor, in another tab.
    const { page: other } = await newPage()
    await other.goto(`${nodeRed.url}/hl7-https-out/page`)
    await other.evaluate(
      `localStorage.setItem('auth-tokens', ${JSON.stringify(JSON.stringify({ access_token: token }))})`
    )
    await shows('.hl7-node-rows', /Registry/)
    await page.click('.hl7-details [data-button=pause]')
    await page.waitForSelector('.hl7-question')
    const revoked = await fetch(`${nodeRed.url}/auth/revoke`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ token })
    })
    assert.equal(revoked.status, 200)
    await tells('#login', /Your session has ended/)
    // Nobody can read it in the page.
    assert.equal(await page.locator('#application, .hl7-question').count(), 0)
    assert.doesNotMatch(await page.content(), /Registry/)
    // What was open is still there after the login.
    await enter('night', PASSWORD)
    await shows('.hl7-question', /Pause Registry/)
    await other.close()
  })

  it('shows a user nothing of what another one had opened', async () => {
    await open()
    await enter('night', PASSWORD)
    await page.click('.hl7-details [data-button=pause]')
    await page.waitForSelector('.hl7-question')
    await page.evaluate(`fetch('../auth/revoke', {
      method: 'POST',
      headers: { Authorization: 'Bearer ' + JSON.parse(localStorage['auth-tokens']).access_token },
      body: new URLSearchParams({ token: JSON.parse(localStorage['auth-tokens']).access_token })
    })`)
    await tells('#login', /Your session has ended/)
    await enter('watch', PASSWORD)
    await shows('#account', /watch/)
    await shows('.hl7-node-rows', /Registry/)
    assert.equal(await page.locator('.hl7-question').count(), 0)
  })

  it('shows nothing of it either to one who logs in in another tab, or once somebody logs out there', async () => {
    const tokens = await Promise.all(['night', 'watch'].map((user) => logIn(nodeRed, user)))
    const [night = '', watch = ''] = tokens.map((token) => JSON.stringify({ access_token: token }))
    const { page: other } = await newPage()
    await other.goto(`${nodeRed.url}/hl7-https-out/page`)
    const keep = (token: string): Promise<unknown> =>
      other.evaluate(`localStorage.setItem('auth-tokens', ${JSON.stringify(token)})`)
    await keep(night)
    await open()
    await page.click('.hl7-details [data-button=pause]')
    await page.waitForSelector('.hl7-question')
    await keep(watch)
    await tells('#account', /watch/)
    await shows('.hl7-node-rows', /Registry/)
    assert.equal(await page.locator('.hl7-question').count(), 0)
    await other.evaluate(`localStorage.removeItem('auth-tokens')`)
    await tells('#login', /Log in with your Node-RED user/)
    assert.equal(await page.locator('#application').count(), 0)
    await other.close()
  })

  it('shows what a user may not do, and why', async () => {
    await open()
    await page.waitForSelector('#login input')
    await enter('guest', PASSWORD)
    await shows('.hl7-node-rows', /Registry/)
    await page.locator('.hl7-details [data-button=pause]').click({ force: true })
    await shows('.hl7-outcome', /You need the permission hl7-https-out\.write/)
    assert.equal(await page.locator('[data-button=show-in-flow]').count(), 1)
  })

  it('leads to the editor if another server is asked', async () => {
    await page.route('**/auth/login', (route) => route.fulfill({ json: ELSEWHERE }))
    await open()
    await shows('#login', /Log in to the editor in this browser/)
    assert.equal(await page.locator('#login a').getAttribute('href'), `${nodeRed.url}/`)
  })

  it('offers none to whom a server in front of Node-RED has logged in', async () => {
    await page.setExtraHTTPHeaders({ Authorization: `Bearer ${await logIn(nodeRed, 'night')}` })
    await open()
    await shows('#account', /night/)
    await shows('.hl7-node-rows', /Registry/)
    assert.equal(await page.locator('#account button').count(), 0)
  })

  it('says so to a user who may not even look', async () => {
    await open()
    await page.waitForSelector('#login input')
    await enter('stranger', PASSWORD)
    await shows('.hl7-trouble', /You need the permission hl7-https-out\.read/)
  })
})

describe('the login of the page, without the editor', () => {
  it('leads to the nodes, and not to the editor: it says that there is none', async () => {
    const userDir = mkdtempSync(join(tmpdir(), 'hl7-https-out-page-'))
    directories.push(userDir)
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    const auth = { ...(adminAuth(users) as Record<string, unknown>), default: undefined }
    const settings = { adminAuth: auth, disableEditor: true }
    const nodeRed = await startNodeRed({ userDir, settings })
    try {
      const { page, complaints } = await newPage()
      await page.goto(`${nodeRed.url}/hl7-https-out/page`)
      await page.fill('#hl7-username', 'guest')
      await page.fill('#hl7-password', PASSWORD)
      await page.keyboard.press('Enter')
      await waitForWords(page, '.hl7-node-rows', /Registry/)
      assert.equal(await page.locator('[data-button=show-in-flow]').count(), 0)
      await page.evaluate(`localStorage.clear()`)
      await page.route('**/auth/login', (route) => route.fulfill({ json: ELSEWHERE }))
      await page.reload()
      await waitForWords(
        page,
        '#login',
        /That works in the editor only, and the editor is disabled/
      )
      assert.equal(await page.locator('#login a').count(), 0)
      assert.deepEqual(complaints, [])
      await page.close()
    } finally {
      await nodeRed.close()
    }
  })
})

describe('a form of another site, where nobody has to log in', () => {
  it('does nothing', async () => {
    const nodeRed = await startNodeRed({ flows })
    try {
      const { page } = await newPage()
      const url = `${nodeRed.url}/hl7-https-out/registry`
      for (const enctype of ['text/plain', 'application/x-www-form-urlencoded']) {
        await page.goto('about:blank')
        await page.setContent(`<form method="post" action="${url}/pause" enctype="${enctype}">
          <input name="reason" value="gotcha" /><button>Win</button></form>`)
        await page.click('button')
        await page.getByText('A browser sends application/json here').waitFor()
      }
      const { body } = await nodeRed.get('/hl7-https-out/registry')
      assert.equal((body as { paused: unknown }).paused, null)
      await page.close()
    } finally {
      await nodeRed.close()
    }
  })
})

describe('the page below httpAdminRoot', () => {
  it('uses the token of that editor, and works without a login where none is asked for', async () => {
    const nodeRed = await startNodeRed({ settings: { httpAdminRoot: '/one/two' } })
    try {
      const { page, complaints } = await newPage()
      const asked: string[] = []
      page.on('request', (request) => {
        asked.push(request.headers()['authorization'] ?? 'none')
      })
      await page.addInitScript(`localStorage.setItem('auth-tokens', '{"access_token":"of another"}')
        localStorage.setItem('auth-tokens-one-two', '{"access_token":"of this"}')`)
      await page.goto(`${nodeRed.url}/one/two/hl7-https-out/page`)
      await page.locator('.hl7-summary', { hasText: 'No hl7-https-out node is deployed' }).waitFor()
      assert.ok(asked.includes('Bearer of this'))
      assert.ok(!asked.includes('Bearer of another'))
      assert.equal(await page.isVisible('#account button'), false)
      assert.deepEqual(complaints, [])
      await page.evaluate(`localStorage.clear()`)
      await page.close()
    } finally {
      await nodeRed.close()
    }
  })
})

describe('a session that ends where anybody may look', () => {
  let nodeRed: TestNodeRed
  before(async () => {
    const userDir = mkdtempSync(join(tmpdir(), 'hl7-https-out-page-'))
    directories.push(userDir)
    writeFileSync(join(userDir, 'flows.json'), JSON.stringify(flows))
    const auth = adminAuth(users) as Record<string, unknown>
    const settings = { adminAuth: { ...auth, default: { permissions: 'read' } } }
    nodeRed = await startNodeRed({ userDir, settings })
  })
  after(() => nodeRed.close())

  it('leaves nothing of what was opened, and the login is offered', async () => {
    const { page, complaints } = await newPage()
    await page.clock.install()
    const token = await logIn(nodeRed, 'night')
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
    await page.evaluate(
      `localStorage.setItem('auth-tokens', ${JSON.stringify(JSON.stringify({ access_token: token }))})`
    )
    await page.reload()
    await waitForWords(page, '#account', /night\s*Log out/)
    await page.click('.hl7-details [data-button=pause]')
    await page.waitForSelector('.hl7-question')
    await fetch(`${nodeRed.url}/auth/revoke`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ token })
    })
    await page.clock.fastForward('01:01')
    await waitForWords(page, '#account', /^\s*Log in/)
    assert.equal(await page.locator('.hl7-question').count(), 0)
    await page.click('#account button')
    await page.fill('#hl7-username', 'night')
    await page.fill('#hl7-password', PASSWORD)
    await page.keyboard.press('Enter')
    await waitForWords(page, '#account', /night\s*Log out/)
    await page.evaluate(`localStorage.clear()`)
    assert.deepEqual(complaints, [])
    await page.close()
  })
})
