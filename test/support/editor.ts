import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after } from 'node:test'
import { chromium, type Page } from 'playwright-core'
import { startBrowser } from './browser.ts'

const fileOf = createRequire(import.meta.url).resolve

/** The tabs of the form of hl7-https-out. */
export const tabs = ['destination', 'message', 'reply', 'delivery'] as const

/** Node-RED's own transitions take a third of a second for each form. */
const WITHOUT_TRANSITIONS = `{
  const style = new CSSStyleSheet()
  style.replaceSync('*, ::before, ::after { transition: none !important }')
  document.adoptedStyleSheets.push(style)
}`

/** Node-RED remembers which parts of its sidebar were open: the next page would start with them. */
const WITHOUT_MEMORY = `{
  const open = XMLHttpRequest.prototype.open
  XMLHttpRequest.prototype.open = function (method, url, ...more) {
    const remembers = method === 'POST' && String(url).endsWith('settings/user')
    return remembers ? open.call(this, 'GET', 'data:,') : open.call(this, method, url, ...more)
  }
}`

/**
 * Makes texts as wide on every machine: the font that Node-RED asks for first is there, and as wide
 * as Arial. At once, since Node-RED measures the label of a node when it draws it.
 */
const WITH_FONT = [400, 700]
  .map((weight) => {
    const file = fileOf(`@fontsource/arimo/files/arimo-latin-${weight}-normal.woff2`)
    return `document.fonts.add(new FontFace('Helvetica Neue',
      Uint8Array.from(atob('${readFileSync(file, 'base64')}'), (byte) => byte.charCodeAt(0)),
      { weight: '${weight}' }))`
  })
  .join('\n')

/**
 * The browser of this process. With a profile of its own, which playwright-core removes: so it keeps
 * Node-RED's scripts compiled from page to page. Started when this file is loaded: without a browser,
 * a test file says so at once, before it has started anything else.
 */
export const browser = await startBrowser((installed) =>
  chromium.launchPersistentContext('', {
    ...installed,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    viewport: { width: 1400, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write']
  })
)
for (const script of [WITHOUT_TRANSITIONS, WITHOUT_MEMORY, WITH_FONT]) {
  await browser.addInitScript(script)
}
after(() => browser.close())

/**
 * Counts the requests that are made by `fetch`, as jQuery counts its own: until what follows from their answer has been
 * done, which may be another one.
 */
const COUNT_REQUESTS = `
  window.underWay = 0
  const { fetch } = window
  window.fetch = async (...args) => {
    const done = () => setTimeout(() => window.underWay--)
    window.underWay++
    try {
      const response = await fetch(...args)
      for (const how of ['text', 'blob', 'json']) {
        const read = response[how].bind(response)
        response[how] = () => read().finally(done)
      }
      return response
    } catch (error) {
      done()
      throw error
    }
  }`

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
  /** What the page has written to its console. */
  readonly printed: string[] = []
  /** Method, URL and body of each request. */
  readonly requests: string[] = []

  readonly #url: string
  readonly #nodeId: string
  #flows = ''

  private constructor(page: Page, url: string, nodeId: string) {
    this.page = page
    this.#url = url
    this.#nodeId = nodeId
    // The editor asks before a changed flow is left.
    page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined))
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      this.printed.push(message.text())
      if (/error|oneditprepare|oneditsave/i.test(message.text())) {
        this.complaints.push(message.text())
      }
    })
    page.on('request', (request) => {
      this.requests.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`)
    })
  }

  /** Opens the editor in a new page, after `prepare`, and waits until the node is there. */
  static async open(
    url: string,
    nodeId: string,
    prepare?: (page: Page) => Promise<void>
  ): Promise<Editor> {
    const page = await browser.newPage()
    await page.addInitScript(COUNT_REQUESTS)
    await prepare?.(page)
    const editor = new Editor(page, url, nodeId)
    await editor.#load()
    return editor
  }

  async #load(): Promise<void> {
    await this.page.goto(this.#url)
    await this.page.waitForFunction(
      `window.RED && RED.nodes && RED.nodes.node && RED.nodes.node(${JSON.stringify(this.#nodeId)})`
    )
    await this.page.waitForFunction(`document.querySelector('#red-ui-loading-progress') === null ||
      !document.querySelector('#red-ui-loading-progress').checkVisibility()`)
    this.#flows = await this.ask(
      `JSON.stringify(RED.nodes.createCompleteNodeSet({ credentials: false }))`
    )
  }

  /** Speaks a language in every form and sidebar tab that is opened from now on. */
  async speak(language: string): Promise<void> {
    await this.ask(`(async () => {
      localStorage.setItem('editor-language', '${language}')
      await i18next.changeLanguage('${language}')
      await new Promise((resolve) => RED.i18n.loadNodeCatalogs(resolve))
      await new Promise((resolve) => RED.i18n.loadPluginCatalogs(resolve))
    })()`)
  }

  /** Replaces the sidebar tab of this package by a new one, as loading the page again would. */
  async newTab(): Promise<void> {
    // Node-RED 5 has a second part of the sidebar below.
    const below = 'button[data-tab-id="debug"].selected'
    if (await this.page.isVisible(below)) await this.page.click(below)
    await this.ask(`RED.sidebar.show('info'), RED.sidebar.removeTab('hl7-https-out'),
      RED.actions.remove('hl7-https-out:show-tab'),
      RED.plugins.getPlugin('hl7-https-out-sidebar').onadd()`)
  }

  /** Closes what is open and takes back what was changed, as loading the page again would. */
  async reset(): Promise<void> {
    while (await this.ask<boolean>(`document.querySelector('.red-ui-tray') !== null`)) {
      await this.close('cancel')
    }
    await this.ask(`(() => {
      const loaded = ${JSON.stringify(this.#flows)}
      const now = JSON.stringify(RED.nodes.createCompleteNodeSet({ credentials: false }))
      if (!RED.nodes.dirty() && now === loaded) return
      RED.nodes.clear()
      RED.nodes.import(JSON.parse(loaded))
      RED.history.clear()
      RED.nodes.dirty(false)
      RED.view.redraw(true)
    })()`)
  }

  /** Closes the page. The next one knows nothing of it. */
  async leave(): Promise<void> {
    await this.page.evaluate(`localStorage.clear()`)
    await this.page.close()
  }

  /** Waits until what was shown or hidden has been drawn, and observers have been told. */
  async drawn(): Promise<void> {
    await this.ask(`new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)))
    })`)
  }

  /** Sets the width of the sidebar in which the tab of this package is. */
  async sidebarWidth(pixels: number): Promise<void> {
    await this.ask(`(() => {
      const tab = document.querySelector('.hl7-tab')
      const sidebar = tab.closest('.red-ui-sidebar') ?? document.getElementById('red-ui-sidebar')
      sidebar.style.width = '${pixels}px'
      RED.events.emit('sidebar:resize')
    })()`)
  }

  /** Waits until Node-RED has answered all requests of the page, and nothing more was asked then. */
  async rest(): Promise<void> {
    await this.page.waitForFunction(`$.active === 0 && window.underWay === 0`)
  }

  /** The value of an expression in the page. */
  ask<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression)
  }

  /** Opens the form of a node. */
  async edit(nodeId: string): Promise<void> {
    await this.ask(`RED.editor.edit(RED.nodes.node(${JSON.stringify(nodeId)}))`)
    await this.page.waitForSelector('#node-input-name')
    // What is loaded then is there.
    await this.page.waitForSelector('.red-ui-tray [aria-busy]', { state: 'detached' })
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
    const tab = `#red-ui-tab-hl7-https-out-${name}`
    // Node-RED 4 takes quick clicks on two tabs for a double click, which does nothing.
    do await this.page.click(`${tab} a`)
    while (await this.page.isHidden(`${tab}.active`))
    // Its tooltip would lie over what is below it.
    await this.page.mouse.move(0, 0)
  }

  /** Shows the reply rules, if only what becomes of replies is in sight. */
  async rules(): Promise<void> {
    await this.tab('reply')
    const change = '#hl7-https-out-rules-change'
    if (await this.page.isVisible(change)) await this.page.click(change)
  }

  /** Opens "More settings" of the tab that is open, if it is not. */
  async more(): Promise<void> {
    const closed = '.hl7-https-form details[id$="-more"]:not([open]) > summary:visible'
    if ((await this.page.locator(closed).count()) > 0) await this.page.click(closed)
  }

  /**
   * What axe-core finds wrong within an element, in the light theme and then, where only colors
   * differ, in the dark one: the rule, the element, and why.
   */
  async violations(within: string): Promise<string[]> {
    if (!(await this.ask<boolean>(`'axe' in window`))) {
      await this.page.addScriptTag({ path: fileOf('axe-core/axe.min.js') })
      // It looks at no text outside of a body without height that hides its overflow, nor at what
      // would have to be scrolled to.
      await this.page.addStyleTag({ content: 'html, body { height: 100% !important }' })
      if (await this.isNodeRed4()) {
        // Those of Node-RED 4 are too pale for the rules.
        const content = ':is(.red-ui-button, .red-ui-tab-label, #more) { color: black !important }'
        await this.page.addStyleTag({ content })
      }
      await this.page.setViewportSize({ width: 1400, height: 1800 })
    }
    // The colors of a button under the mouse, or with the focus, are Node-RED's.
    await this.page.mouse.move(0, 0)
    await this.ask(`document.activeElement.closest('.red-ui-button')?.blur()`)
    const found: string[] = []
    for (const [theme, options] of [
      ['light', {}],
      ['dark', { runOnly: ['color-contrast'] }]
    ] as const) {
      await this.dark(theme === 'dark')
      const context = { include: within, exclude: await this.#namelessOfCore() }
      const wrong = await this.ask<
        string[]
      >(`axe.run(${JSON.stringify(context)}, ${JSON.stringify(options)}).then(
        ({ passes, violations }) =>
          [...passes, ...violations]
            .flatMap(({ id, nodes }) => id === 'color-contrast' ? nodes : [])
            .filter(({ html }) => !/^<(?:input|select|textarea)/.test(html)).length < 10
            ? ['hardly any text was looked at']
            : violations.flatMap(({ id, nodes }) => nodes.filter(({ html }) =>
                // Node-RED makes what cannot be changed pale.
                id !== 'color-contrast' || !html.includes('readonly')).map(({ html, any, all, none }) =>
                [id, html.slice(0, 120), ...[...any, ...all, ...none].map(({ message }) => message)].join(' ')))
      )`)
      found.push(...wrong.map((one) => `${theme}: ${one}`))
    }
    await this.dark(false)
    return found
  }

  /** Parts of Node-RED's own widgets, to which it gives no name in the form of any node. */
  async #namelessOfCore(): Promise<string[]> {
    const nameless = ['.red-ui-editableList-item-remove', '.red-ui-typedInput-option-expand']
    return (await this.isNodeRed4()) ? [...nameless, '.red-ui-typedInput-input'] : nameless
  }

  /** Whether it is Node-RED 4, some of whose widgets work differently. */
  async isNodeRed4(): Promise<boolean> {
    return this.ask(`RED.settings.version.startsWith('4.')`)
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
