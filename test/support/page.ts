import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { browser } from './editor.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What the page complains about; must be empty at the end. */
export interface OpenedPage {
  page: Page
  complaints: string[]
}

/** A new tab of the browser for the page of operators; nothing is opened in it yet. */
export async function newPage(): Promise<OpenedPage> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // The browser itself tells of answers such as 401.
    if (/Content Security Policy|Error:/.test(message.text())) complaints.push(message.text())
  })
  return { page, complaints }
}

/** Leaves the page as a new one, for the next test: to make one takes as long as a test. */
export async function leave(page: Page): Promise<void> {
  await page.goto('about:blank')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.mouse.move(0, 0)
}

/** Waits until an element of the page has these words. */
export function waitForWords(page: Page, selector: string, words: RegExp): Promise<void> {
  return page.locator(selector, { hasText: words }).first().waitFor({ timeout: 20_000 })
}

/** Tells the page that somebody looks at it again: it asks at once, and not when its time has come. */
export function lookAgain(page: Page): Promise<void> {
  return page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
}

/** Waits for words about what happens elsewhere, and looks again and again: the page need not wait until it asks by itself. */
export async function waitForNews(page: Page, selector: string, words: RegExp): Promise<void> {
  // A page that is being loaded again cannot be told; it asks anyway.
  const timer = setInterval(() => void lookAgain(page).catch(() => undefined), 100)
  try {
    await waitForWords(page, selector, words)
  } finally {
    clearInterval(timer)
  }
}

/** What axe-core finds wrong in the page, in the light and in the dark theme. */
export async function pageViolations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found: string[] = []
  // In the dark, only colors differ.
  for (const [colorScheme, options] of [
    ['light', '{}'],
    ['dark', "{ runOnly: ['color-contrast'] }"]
  ] as const) {
    await page.emulateMedia({ colorScheme })
    const wrong = await page.evaluate<
      string[]
    >(`axe.run(document, ${options}).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
        [id, html.slice(0, 120), ...[...any, ...all, ...none].map(({ message }) => message)].join(' ')))
    )`)
    found.push(...wrong.map((one) => `${colorScheme}: ${one}`))
  }
  await page.emulateMedia({ colorScheme: null })
  return found
}

/** What is wider than the page, as text. */
export function sticksOut(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('body *')]
    .filter((one) => one.checkVisibility() && !one.closest('pre, thead, .hl7-ear'))
    .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map((one) => one.className + ': ' + one.textContent.trim().slice(0, 80))`)
}
