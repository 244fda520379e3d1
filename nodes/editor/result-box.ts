import { html, nothing, render } from 'lit-html'
import type { FormText, SharedKey } from '../../src/form-text.ts'
import { elementOf } from './element-of.ts'

export type ResultLine = readonly [label: string, value: string]

/** Why a test failed. Empty texts are not shown. */
export interface Failure {
  /** A code. */
  error: string
  reason: string
  /** What to do. */
  hint: string
}

/** What a test has shown. */
export interface Result {
  /** Decides the color and the icon. */
  outcome: 'good' | 'bad'
  headline: string
  lines?: readonly ResultLine[]
  /** Texts with several lines: one, such as a reply, and one that is closed until somebody wants it. */
  long?: ResultLine
  closed?: ResultLine
}

/** The lines of a failure: "Error", "Reason", "What to do". */
export function failureLines(
  text: FormText<SharedKey>,
  { error, reason, hint }: Failure
): ResultLine[] {
  return [
    [text('result.error'), error],
    [text('result.reason'), reason],
    [text('result.hint'), hint]
  ]
}

/** Shows the result of a test; screen readers read it out. Everything is bound as text: part of it comes from other servers. */
export class ResultBox {
  readonly #box: HTMLElement

  /** @param id of an element with `role="status"` */
  constructor(id: string) {
    this.#box = elementOf(id, HTMLElement)
  }

  clear(): void {
    this.#draw(nothing)
  }

  /** Shows a single line, for example that something is in progress. */
  say(words: string): void {
    this.#draw(html`<div>${words}</div>`)
  }

  show({ outcome, headline, lines = [], long, closed }: Result): void {
    const shown = lines.filter(([, value]) => value !== '')
    const sign = outcome === 'good' ? 'fa-check-circle' : 'fa-exclamation-circle'
    this.#draw(
      html`<div class="hl7-https-result-title">
          <i class="fa ${sign}" aria-hidden="true"></i> ${headline}
        </div>
        ${
          shown.length === 0
            ? nothing
            : html`<dl>
                ${shown.map(
                  ([label, value]) =>
                    html`<dt>${label}</dt>
                      <dd>${value}</dd>`
                )}
              </dl>`
        }
        ${
          long === undefined || long[1] === ''
            ? nothing
            : html`<div>${long[0]}</div>
                ${longText(long)}`
        }
        ${
          closed === undefined || closed[1] === ''
            ? nothing
            : html`<details>
                <summary>${closed[0]}</summary>
                ${longText(closed)}
              </details>`
        }`,
      outcome
    )
    this.#box.scrollIntoView({ block: 'nearest' })
  }

  #draw(what: unknown, outcome?: 'good' | 'bad'): void {
    this.#box.classList.toggle('hl7-https-good', outcome === 'good')
    this.#box.classList.toggle('hl7-https-bad', outcome === 'bad')
    render(what, this.#box)
  }
}

function longText([label, value]: ResultLine): unknown {
  return html`<pre tabindex="0" role="region" aria-label=${label}>${value}</pre>`
}
