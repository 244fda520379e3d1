import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { browserPath } from './browser.ts'

/** Starts the installed Chromium. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  })
}

/** The tabs of the form of hl7-https-out. */
export const tabs = ['destination', 'message', 'reply', 'delivery'] as const

/** Node-RED's own transitions take a third of a second for each form. */
const WITHOUT_TRANSITIONS = `addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style')
  style.textContent = '*, ::before, ::after { transition: none !important }'
  document.head.append(style)
})`

/**
 * How long Node-RED's timers take that show a form and move the focus into it, in milliseconds
 * (RED.tray, in 4.1 and 5).
 */
const SHOWN = 150

/** Node-RED's editor in a page, with methods for what the tests do in it. */
export class Editor {
  readonly page: Page
  /** Errors of the page and complaints on its console; must be empty at the end. */
  readonly complaints: string[] = []
  /** Method, URL and body of each request. */
  readonly requests: string[] = []

  readonly #url: string
  readonly #nodeId: string

  private constructor(page: Page, url: string, nodeId: string) {
    this.page = page
    this.#url = url
    this.#nodeId = nodeId
    // The editor asks before a changed flow is left.
    page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined))
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (/error|oneditprepare|oneditsave/i.test(message.text())) {
        this.complaints.push(message.text())
      }
    })
    page.on('request', (request) => {
      this.requests.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`)
    })
  }

  /** Opens the editor in a new page, and waits until the node is there. */
  static async open(
    browser: Browser | BrowserContext,
    url: string,
    nodeId: string
  ): Promise<Editor> {
    const page = await browser.newPage()
    await page.addInitScript(WITHOUT_TRANSITIONS)
    const editor = new Editor(page, url, nodeId)
    await editor.load()
    return editor
  }

  /** Reloads the editor: no form is open, nothing is changed. */
  async load(): Promise<void> {
    await this.page.setViewportSize({ width: 1400, height: 900 })
    await this.page.goto('about:blank')
    await this.page.goto(this.#url)
    await this.page.waitForFunction(
      `window.RED && RED.nodes && RED.nodes.node && RED.nodes.node(${JSON.stringify(this.#nodeId)})`
    )
    await this.page.waitForFunction(`document.querySelector('#red-ui-loading-progress') === null ||
      !document.querySelector('#red-ui-loading-progress').checkVisibility()`)
  }

  /** Whether a form is open, or something was changed. */
  isUsed(): Promise<boolean> {
    return this.ask(`RED.nodes.dirty() || document.querySelector('.red-ui-tray') !== null`)
  }

  /** The value of an expression in the page. */
  ask<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression)
  }

  /** Opens the form of a node. */
  async edit(nodeId: string): Promise<void> {
    await this.ask(`RED.editor.edit(RED.nodes.node(${JSON.stringify(nodeId)}))`)
    await this.page.waitForSelector('#node-input-name')
    await this.settle()
  }

  /** Opens the form of a config node; by default of a new one. */
  async editConfig(type: string, nodeId = '_ADD_'): Promise<void> {
    await this.ask(`RED.editor.editConfig('', ${JSON.stringify(type)}, ${JSON.stringify(nodeId)})`)
    await this.page.waitForSelector('#node-config-input-name')
    await this.settle()
  }

  /** Presses Done, Update or Cancel, and waits until the form is closed. */
  async close(how: 'ok' | 'cancel' = 'ok'): Promise<void> {
    const prefix = (await this.page.$('#node-config-input-name')) ? 'node-config' : 'node'
    await this.page.click(`#${prefix}-dialog-${how}`)
    const field = prefix === 'node' ? '#node-input-name' : '#node-config-input-name'
    await this.page.waitForSelector(field, { state: 'detached' })
    await this.settle(0)
  }

  /** Types into a field as a user does. */
  async type(selector: string, text: string): Promise<void> {
    await this.page.fill(selector, text)
    await this.page.press(selector, 'End')
  }

  /** Shows a tab of the form of hl7-https-out. */
  async tab(name: string): Promise<void> {
    await this.page.click(`#red-ui-tab-hl7-https-out-${name} a`)
  }

  /** Opens "More settings" in the form that is open, if it is not. */
  async more(): Promise<void> {
    const closed = '.hl7-https-section-head[aria-expanded=false]:visible'
    if ((await this.page.locator(closed).count()) > 0) await this.page.click(closed)
  }

  /** Switches the theme as Node-RED 5 does it; Node-RED 4 has only the light one. */
  async dark(dark: boolean): Promise<void> {
    await this.ask(`document.documentElement.classList.toggle('nr-theme-dark', ${dark})`)
  }

  /** Whether each of the fields is visible. */
  async seen(...ids: string[]): Promise<Record<string, boolean>> {
    const pairs = await Promise.all(
      ids.map(async (id) => [id, await this.page.isVisible(`#${id}`)] as const)
    )
    return Object.fromEntries(pairs)
  }

  /** The text of the mistake that a field shows; an empty string if it is not marked. */
  async mistake(field: string): Promise<string> {
    return this.ask(`new Promise((resolve) => setTimeout(() => {
      const input = document.getElementById(${JSON.stringify(field)})
      const words = document.getElementById(${JSON.stringify(`${field}-problem`)})
      if (!input.classList.contains('input-error')) resolve(words ? 'words without mark' : '')
      else resolve(words ? words.textContent : 'mark without words')
    }))`)
  }

  /** Whether the editor counts the node as changed. */
  async changed(nodeId: string): Promise<boolean> {
    return this.ask(
      `Boolean(RED.nodes.node(${JSON.stringify(nodeId)}).changed) || RED.nodes.dirty()`
    )
  }

  /**
   * Waits until the form that was opened is shown and has the focus, or with 0, until the one below
   * a closed one is back: a page's timers end in the order in which they are due, so Node-RED's have
   * ended before these.
   */
  async settle(ms = SHOWN): Promise<void> {
    await this.ask(`new Promise((resolve) => {
      setTimeout(() => setTimeout(() => setTimeout(resolve), ${ms}))
    })`)
  }
}
