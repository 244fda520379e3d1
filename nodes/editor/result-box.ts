import type { FormText, SharedKey } from '../../src/form-text.ts'

export type ResultLine = readonly [label: string, value: string]

/** Why a test failed. Empty texts are not shown. */
export interface Failure {
  /** A code. */
  error: string
  reason: string
  /** What to do. */
  hint: string
}

/**
 * Shows the result of a test; screen readers read it out. Everything is inserted as text, never as
 * markup: part of it comes from other servers.
 */
export class ResultBox {
  readonly #box: HTMLElement

  /** @param id of an element with `role="status"` */
  constructor(id: string) {
    const box = document.getElementById(id)
    if (box === null) throw new Error(`No element ${id}`)
    this.#box = box
  }

  clear(): void {
    this.#box.replaceChildren()
    this.#box.classList.remove('hl7-https-good', 'hl7-https-bad')
  }

  /** Shows a single line, for example that something is in progress. */
  say(words: string): void {
    this.clear()
    this.#box.append(element('div', words))
  }

  /** Shows a failure: "Error", "Reason", "What to do", then what else is known. */
  fail(
    text: FormText<SharedKey>,
    headline: string,
    { error, reason, hint }: Failure,
    lines: readonly ResultLine[] = [],
    long: readonly ResultLine[] = []
  ): void {
    const why: ResultLine[] = [
      [text('result.error'), error],
      [text('result.reason'), reason],
      [text('result.hint'), hint]
    ]
    this.show('bad', headline, [...why, ...lines], long)
  }

  /**
   * Shows a result.
   *
   * @param outcome decides the colour and the icon
   * @param long texts with several lines, such as a reply
   * @param isAsked somebody pressed a button for it, and wants to see it
   */
  show(
    outcome: 'good' | 'bad',
    headline: string,
    lines: readonly ResultLine[],
    long: readonly ResultLine[] = [],
    isAsked = true
  ): void {
    this.clear()
    this.#box.classList.add(`hl7-https-${outcome}`)
    const title = element('div', '')
    title.className = 'hl7-https-result-title'
    const sign = document.createElement('i')
    sign.className = `fa ${outcome === 'good' ? 'fa-check-circle' : 'fa-exclamation-circle'}`
    sign.setAttribute('aria-hidden', 'true')
    title.append(sign, ` ${headline}`)
    this.#box.append(title)
    const list = document.createElement('dl')
    for (const [label, value] of lines) {
      if (value !== '') list.append(element('dt', label), element('dd', value))
    }
    if (list.childElementCount > 0) this.#box.append(list)
    for (const [label, value] of long) {
      if (value === '') continue
      const text = element('pre', value)
      text.tabIndex = 0
      text.setAttribute('role', 'region')
      text.setAttribute('aria-label', label)
      this.#box.append(element('div', label), text)
    }
    if (isAsked) this.#box.scrollIntoView({ block: 'nearest' })
  }
}

function element(name: string, text: string): HTMLElement {
  const made = document.createElement(name)
  made.textContent = text
  return made
}
