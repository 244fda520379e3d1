import { html, nothing, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { askEach } from './asking.ts'
import { cut } from './cut.ts'
import { button, type Desk } from './desk.ts'
import { foundSentence } from './words.ts'

/** Of one control ID, so many messages of a node are looked at. */
const LIMIT = 20
/** So many results are listed. */
const MAX_RESULTS = 50
/** MSH-10 has at most 199 characters. */
const MAX_CONTROL_ID = 199

interface Found {
  controlId: string
  rows: { node: NodeState; row: MessageAnswer }[]
  /** So many nodes did not answer. */
  silent: number
}

/** Finds a message by its control ID, in all nodes: waiting or long gone. */
export class Find {
  readonly #desk: Desk
  #words = ''
  #found: Found | 'busy' | undefined
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
  }

  view(): TemplateResult {
    const { text } = this.#desk
    const submitted = (event: Event): void => {
      event.preventDefault()
      void this.#find()
    }
    const pressed = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') this.#clear()
    }
    const typed = ({ target }: Event): void => {
      this.#words = (target as HTMLInputElement).value
    }
    return html`<form
      class="hl7-find"
      role="search"
      aria-label=${text('find.label')}
      @submit=${submitted}
    >
      <div class="hl7-find-row">
        <label for="hl7-find">${text('find.label')}</label>
        <input
          type="text"
          id="hl7-find"
          maxlength=${MAX_CONTROL_ID}
          spellcheck="false"
          autocomplete="off"
          .value=${this.#words}
          @input=${typed}
          @keydown=${pressed}
        />
        <button class="hl7-button">${text('find.button')}</button>
      </div>
      <div role="status">${this.#results()}</div>
    </form>`
  }

  #results(): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const found = this.#found
    if (found === undefined) return nothing
    if (found === 'busy') return html`<p>${text('find.busy')}</p>`
    const { controlId, rows, silent } = found
    const about = { controlId: cut(controlId, 80) }
    const summary = [
      rows.length === 0 ? text('find.nothing', about) : '',
      rows.length > 1 ? text('find.found', { ...about, n: rows.length }) : '',
      rows.length > MAX_RESULTS ? text('find.more', { n: MAX_RESULTS }) : '',
      silent > 0 ? text('find.silent', { count: silent }) : ''
    ]
    return html`<p>${summary.filter(Boolean).join(' ')}</p>
      <ul>
        ${repeat(
          rows.slice(0, MAX_RESULTS),
          ({ node, row }) => `${node.id} ${row.id}`,
          (one) => this.#result(one, rows.length === 1)
        )}
      </ul>`
  }

  #result({ node, row }: Found['rows'][number], isOnly: boolean): TemplateResult {
    const desk = this.#desk
    const words = foundSentence(row, desk.name(node.id), desk)
    // Of several, the line above names the control ID.
    const sentence = isOnly ? `${cut(row.controlId, 80)}: ${words}` : words
    return html`<li>
      <span>${sentence}</span>
      ${button(desk, {
        id: `find ${node.id} ${row.id}`,
        label: desk.text('find.show'),
        hint: desk.text('find.showOf', { sentence }),
        press: () => {
          desk.open(node.id, row)
        }
      })}
    </li>`
  }

  #clear(): void {
    this.#asked += 1
    this.#words = ''
    this.#found = undefined
    void this.#desk.draw()
  }

  async #find(): Promise<void> {
    const { nodes, frame, draw } = this.#desk
    const controlId = this.#words.trim()
    if (controlId === '') {
      this.#clear()
      return
    }
    const asked = ++this.#asked
    this.#found = 'busy'
    void draw()
    // What a node without a running instance holds, nobody can tell.
    const running = nodes().filter(({ state }) => state !== 'stopped')
    const pages = await askEach(running, ({ id }) =>
      frame.ask('messages', { id }, { controlId, limit: LIMIT })
    )
    if (asked !== this.#asked) return
    this.#found = {
      controlId,
      rows: running
        .flatMap((node, index) => (pages[index]?.messages ?? []).map((row) => ({ node, row })))
        .sort((one, other) => other.row.acceptedAt.localeCompare(one.row.acceptedAt)),
      silent: pages.filter((page) => page === undefined).length
    }
    void draw()
  }
}
