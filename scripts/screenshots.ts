/**
 * `npm run screenshots` takes the pictures of README.md from the demo: the flow and both forms,
 * into docs/images/. Those in the dark theme go into screenshots/, for review only.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import { browserPath } from './browser.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const directories = { light: join(root, 'docs', 'images'), dark: join(root, 'screenshots') }

const demo = spawn(process.execPath, [join(root, 'demo', 'start.ts')], {
  stdio: ['ignore', 'pipe', 'inherit']
})
const browser = await chromium.launch({
  executablePath: browserPath(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
})
try {
  const url = await editorUrl()
  for (const theme of ['light', 'dark'] as const) {
    mkdirSync(directories[theme], { recursive: true })
    const picture = (name: string) => ({ path: join(directories[theme], `${name}.png`) })
    const page = await openEditor(url, theme)
    const form = (name: string) => page.locator('.red-ui-tray').last().screenshot(picture(name))
    await pressInjects(page)
    await page.screenshot(picture('flow'))
    await page.setViewportSize({ width: 1000, height: 800 })
    await page.evaluate(`RED.editor.edit(RED.nodes.filterNodes({ type: 'hl7-https-out' })[0])`)
    await page.waitForSelector('#node-input-url')
    await page.waitForTimeout(600)
    await form('hl7-https-out')
    await page.setViewportSize({ width: 1000, height: 700 })
    await page.click('#node-input-lookup-auth, #node-input-btn-auth-edit')
    await page.waitForSelector('#node-config-input-issuer')
    await page.waitForTimeout(600)
    await page.click('#oauth2-client-credentials-test-button')
    await page.waitForSelector('#oauth2-client-credentials-test-result dd')
    await form('oauth2-client-credentials')
    await page.close()
  }
} finally {
  await browser.close()
  demo.kill('SIGINT')
}

/** The editor with the flow and the debug messages. */
async function openEditor(url: string, theme: 'light' | 'dark'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 560 } })
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

async function editorUrl(): Promise<string> {
  let printed = ''
  for await (const chunk of demo.stdout) {
    printed += String(chunk)
    const found = /Editor\s+(http:\S+)/.exec(printed)
    if (found?.[1] !== undefined) return found[1]
  }
  throw new Error(`The demo did not start:\n${printed}`)
}

async function pressInjects(page: Page): Promise<void> {
  const ids = await page.evaluate<string[]>(
    `RED.nodes.filterNodes({ type: 'inject' }).sort((a, b) => a.y - b.y).map((node) => node.id)`
  )
  for (const id of ids) {
    await page.click(`[id="${id}"] .red-ui-flow-node-button-button`)
    await page.waitForTimeout(400)
  }
  await page.evaluate(`document.querySelector('#red-ui-notifications').hidden = true`)
  await page.waitForTimeout(400)
}
