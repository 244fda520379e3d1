/**
 * `npm run screenshots` takes the pictures of README.md and docs/operations.md from the demo: a film
 * of an outage, both forms, a failed test, the rule list, the page and the sidebar tab, into docs/images/. Those
 * in the dark theme go into screenshots/, for review only. An hour of trouble cannot be waited for:
 * what page and tab show comes from the answers that its tests use. The film needs ffmpeg (Debian:
 * apt-get install ffmpeg).
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { demoButtons } from '../demo/demo-flow.ts'
import type { EventRow, NodeState, StoryRow } from '../nodes/operations/answers.ts'
import { ago, FakeOperations, messageRow } from '../test/support/fake-operations.ts'
import { startBrowser } from '../test/support/browser.ts'
import { Film } from './film.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const directories = { light: join(root, 'docs', 'images'), dark: join(root, 'screenshots') }

const demo = spawn(process.execPath, [join(root, 'demo', 'start.js')], {
  stdio: ['ignore', 'pipe', 'inherit']
})
const browser = await startBrowser(({ executablePath, env: { FONTCONFIG_FILE: _, ...env } }) =>
  chromium.launch({
    executablePath,
    // With the machine's fonts: those of the browser from npm have no arrows.
    env,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  })
)
try {
  const url = await editorUrl()
  for (const theme of ['light', 'dark'] as const) {
    mkdirSync(directories[theme], { recursive: true })
    const picture = (name: string) => ({ path: join(directories[theme], `${name}.png`) })
    const forms = await openEditor(url, theme)
    const form = (name: string) => forms.locator('.red-ui-tray').last().screenshot(picture(name))
    await forms.setViewportSize({ width: 1000, height: 800 })
    await forms.evaluate(`RED.editor.edit(RED.nodes.filterNodes({ type: 'hl7-https-out' })[0])`)
    await forms.waitForSelector('#node-input-url')
    await forms.waitForTimeout(600)
    await form('hl7-https-out')
    await forms.click('#hl7-https-out-test-show')
    await forms.waitForSelector('#hl7-https-out-test-result pre')
    await form('show-request')
    await forms.click('#red-ui-tab-hl7-https-out-reply a')
    await forms.waitForTimeout(300)
    await form('reply-rules')
    await forms.click('#hl7-https-out-try summary')
    await forms.waitForSelector('.hl7-https-tried-decides')
    await forms.setViewportSize({ width: 1000, height: 1150 })
    await forms.evaluate(
      `document.querySelector('#hl7-https-out-try').scrollIntoView({ block: 'end' })`
    )
    await form('try-rules')
    await forms.setViewportSize({ width: 1000, height: 800 })
    await forms.click('#red-ui-tab-hl7-https-out-destination a')
    await forms.setViewportSize({ width: 1000, height: 700 })
    await forms.click('#node-input-lookup-auth, #node-input-btn-auth-edit')
    await forms.waitForSelector('#oauth2-client-credentials-address + .red-ui-typedInput-container')
    await forms.waitForTimeout(600)
    await forms.click('#oauth2-client-credentials-test-button')
    await forms.waitForSelector('#oauth2-client-credentials-test-result dd')
    await form('oauth2-client-credentials')
    await forms.fill('#node-config-input-clientSecret', 'not the secret')
    await forms.click('#oauth2-client-credentials-test-button')
    await forms.waitForSelector(
      '#oauth2-client-credentials-test-result dd:has-text("invalid_client")'
    )
    await form('failed-test')
    await forms.close()
    const night = await openEditor(url, theme, {
      viewport: { width: 1400, height: 1120 },
      timezoneId: threeInTheMorning()
    })
    await showTab(night)
    await night.locator('.hl7-tab').screenshot(picture('hl7-tab'))
    await night.close()
    const page = await browser.newPage({
      viewport: { width: 1400, height: 1080 },
      timezoneId: threeInTheMorning(),
      colorScheme: theme
    })
    await showPage(page, new URL('hl7-https-out/page', url))
    await page.screenshot(picture('page'))
    await page.close()
  }
  await filmOutage(url, join(directories.light, 'outage.gif'))
} finally {
  await browser.close()
  demo.kill('SIGINT')
}

/** The editor with the flow and the debug messages. */
async function openEditor(
  url: string,
  theme: 'light' | 'dark',
  options: BrowserContextOptions = {}
): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 560 }, ...options })
  await page.goto(url)
  await page.waitForSelector('#red-ui-palette .red-ui-palette-node', { state: 'attached' })
  await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
  await page.evaluate(
    `document.documentElement.classList.toggle('nr-theme-dark', ${theme === 'dark'})`
  )
  // Makes room for flow and debug messages; Node-RED remembers what is hidden.
  if (await page.isVisible('#red-ui-palette')) {
    await page.evaluate(`RED.actions.invoke('core:toggle-palette')`)
  }
  const information = 'button[data-tab-id="info"].selected'
  if (await page.isVisible(information)) await page.click(information)
  await page.evaluate(`RED.actions.invoke('core:clear-debug-messages')`)
  await page.waitForTimeout(800)
  await page.evaluate(`document.querySelector('#red-ui-workspace-chart').scrollTo(0, 0)`)
  return page
}

/** A time zone in which it is between three and four now. */
function threeInTheMorning(): string {
  const hours = new Date().getUTCHours() - 3
  // These names count to the west, and end at 12.
  const west = hours > 12 ? hours - 24 : hours
  return `Etc/GMT${west < 0 ? '' : '+'}${west}`
}

/** Three nodes in trouble, with the messages and the events of one. */
function nodesAtNight(): FakeOperations {
  const night = new FakeOperations()
  // What there is to do about them.
  const advice: Record<string, NonNullable<NodeState['advice']>> = {
    Pharmacy: {
      kind: 'advice-paused',
      values: { by: 'admin', note: 'upgrade', waiting: 50, queue: 'disk' },
      text: ''
    },
    Laboratory: {
      kind: 'advice-suspended',
      values: {
        ...{ host: 'laboratory.example.org', count: 8, queue: 'disk' },
        ...{ answer: 'AE 206 Application record locked', rule: '@ERR-3:206=S' },
        contact: 'Laboratory IT, +1 555 0100'
      },
      text: ''
    },
    Registry: {
      kind: 'advice-unavailable',
      values: {
        ...{ host: 'registry.example.org', cause: '503', waiting: 120, queue: 'disk' },
        ...{ giveUpSeconds: 0, contact: 'Registry desk, +1 555 0142' }
      },
      text: ''
    }
  }
  night.nodes = night.nodes.map((node) => ({ ...node, advice: advice[node.id] ?? null }))
  const types = ['ADT^A01', 'ADT^A08', 'ORU^R01']
  const suspended = Array.from({ length: 8 }, (_, index) => {
    const at = ago(17 - index * 0.02)
    const type = types[index % 3] ?? ''
    return messageRow(String(1072 + index), { type, acceptedAt: at, settledAt: at })
  })
  night.messages.set('Laboratory', suspended.reverse())
  const step = (minutes: number, row: Omit<StoryRow, 'at' | 'text'>): StoryRow => ({
    ...{ at: ago(minutes), text: '' },
    ...row
  })
  night.content = {
    story: [
      step(16.861, { kind: 'message-accepted', by: '', values: {} }),
      step(16.861, { kind: 'message-attempt', by: '', values: { cause: 'AE', ms: 38 } }),
      step(16.86, { kind: 'message-suspended', by: 'rule', values: { rule: '@ERR-3:206=S' } })
    ]
  }
  const event = (minutes: number, row: Partial<EventRow>): EventRow => ({
    ...{ at: ago(minutes), kind: 'ok', by: '', values: {}, text: '' },
    ...row
  })
  night.events.set('Laboratory', [
    event(4, { kind: 'tested', by: 'night', values: { type: 'ADT^A01' } }),
    event(17, { kind: 'suspended', by: 'rule', values: { count: 8, rule: '@ERR-3:206=S' } }),
    event(38, { kind: 'recovered', values: { seconds: 95 } }),
    event(40, { kind: 'retrying', values: { cause: 'ETIMEDOUT', controlId: 'OB-0988' } })
  ])
  return night
}

/** The page, with one of the nodes chosen, and one of its messages. */
async function showPage(page: Page, url: URL): Promise<void> {
  await nodesAtNight().serve(page)
  await page.goto(url.href)
  await chooseMessage(page)
  await page.evaluate(`scrollTo(0, 0)`)
}

/** A node and one of its messages, as if both were clicked. */
async function chooseMessage(page: Page): Promise<void> {
  await page.click('.hl7-node-rows [data-key=Laboratory]')
  await page.click('.hl7-message-rows [data-key]')
  // The outline of what was clicked is for those who use the keyboard.
  await page.evaluate(`document.activeElement.blur()`)
  await page.mouse.move(0, 0)
  await page.waitForTimeout(600)
}

/** The tab, with the same. */
async function showTab(page: Page): Promise<void> {
  const night = nodesAtNight()
  await night.serve(page)
  // Node-RED remembers what is open, for the pictures in the other theme too.
  await page.route('**/settings/user', (route) =>
    route.request().method() === 'POST' ? route.fulfill({ status: 204 }) : route.continue()
  )
  await page.evaluate(`(() => {
    const z = RED.workspaces.active()
    for (const { id } of ${JSON.stringify(night.nodes)}) {
      RED.nodes.import([{ id, z, type: 'hl7-https-out', name: id, x: 0, y: 0, wires: [[], []] }])
    }
    RED.sidebar.show('hl7-https-out')
    const tab = document.querySelector('.hl7-tab')
    const sidebar = tab.closest('.red-ui-sidebar') ?? document.getElementById('red-ui-sidebar')
    sidebar.style.width = '320px'
    RED.events.emit('sidebar:resize')
  })()`)
  // Node-RED 5 has a second part of the sidebar below.
  const debug = 'button[data-tab-id="debug"].selected'
  if (await page.isVisible(debug)) await page.click(debug)
}

/** Waits until the demo is ready. It keeps printing, so its output is read to the end. */
function editorUrl(): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    demo.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const found = /Editor\s+(http:\S+)/.exec(printed)
      if (found?.[1] !== undefined) resolve(found[1])
    })
    demo.stdout.once('end', () => {
      reject(new Error(`The demo did not start:\n${printed}`))
    })
  })
}

/** Films an outage: an ACK, the receiver goes away, twelve messages wait, it is back, twelve ACKs. */
async function filmOutage(url: string, file: string): Promise<void> {
  const page = await openEditor(url, 'light', { viewport: { width: 1200, height: 720 } })
  const button = (id: string) => `[id="${id}"] .red-ui-flow-node-button-button`
  await page.evaluate(`RED.sidebar.show('hl7-https-out')`)
  await page.evaluate(`document.querySelector('#red-ui-workspace-chart').scrollTo(0, 120)`)
  const out = await page.evaluate<string>(`RED.nodes.filterNodes({ type: 'hl7-https-out' })[0].id`)
  const shows = async (facts: Record<string, number>): Promise<void> => {
    for (let looks = 0; looks < 600; looks++) {
      const answer = await fetch(`${url}hl7-https-out/${out}`)
      const state = (await answer.json()) as Record<string, unknown>
      if (Object.entries(facts).every(([name, value]) => state[name] === value)) return
      await page.waitForTimeout(100)
    }
    throw new Error(`The node never had ${JSON.stringify(facts)}.`)
  }
  const film = new Film(page)
  await film.say('A message is sent. The receiver accepts it: ACK')
  await film.roll(1)
  await film.click(button('a1d7c0dedef00010'))
  await film.roll(2)
  await film.say('The receiver goes away')
  await film.click(button(demoButtons.away))
  await film.roll(1.5)
  await film.say('12 messages wait in the queue on disk')
  await film.click(button(demoButtons.twelve))
  await film.roll(5)
  // The button is for 30 seconds; a film need not last so long.
  const back = { p: 'seconds', v: '0.1', vt: 'num' }
  const away = { p: 'payload', v: 'away', vt: 'str' }
  await fetch(`${url}inject/${demoButtons.away}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ __user_inject_props__: [away, back] })
  })
  await film.say('The receiver is back')
  await film.roll(1)
  await shows({ queued: 0 })
  await film.say('All 12 are sent, in order: ACK')
  await film.roll(5)
  film.write(file)
  await page.close()
}
