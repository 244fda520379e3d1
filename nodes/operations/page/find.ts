import { html, nothing, type TemplateResult } from 'lit-html'
import { createRef, ref } from 'lit-html/directives/ref.js'
import { repeat } from 'lit-html/directives/repeat.js'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { RequestError } from '../route-request.ts'
import { askEach } from './asking.ts'
import { printable } from '../../../src/printable.ts'
import { button, type Desk, whyGrey } from './desk.ts'
import { namedPath } from './story/field-name.ts'
import { foundSentence } from './words.ts'

/** How many messages of one node a search returns. */
const LIMIT = 20
/** How many results are listed. */
const MAX_RESULTS = 50
/** MSH-10 has at most 199 characters; what identifies a patient or an order is shorter. */
const MAX_VALUE = 199
/** Stands for the control ID where otherwise the path of a field is. */
const CONTROL_ID = ''

interface Found {
  field: string
  value: string
  rows: { node: NodeState; row: MessageAnswer }[]
  /** So many nodes did not answer. */
  silent: number
}

/** Finds messages, waiting or long gone, by their control ID or by a searchable field. */
export class Find {
  readonly #desk: Desk
  readonly #input = createRef<HTMLInputElement>()
  #field = CONTROL_ID
  #found: Found | 'busy' | undefined
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
  }

  view(): TemplateResult {
    const { text } = this.#desk
    const submitted = (event: SubmitEvent): void => {
      event.preventDefault()
      void this.#find(this.#input.value?.value.trim() ?? '')
    }
    const pressed = ({ key }: KeyboardEvent): void => {
      if (key !== 'Escape') return
      if (this.#input.value !== undefined) this.#input.value.value = ''
      void this.#find('')
    }
    return html`<form
      class="hl7-find"
      role="search"
      aria-label=${text('find.label')}
      @submit=${submitted}
    >
      <div class="hl7-find-row">
        ${this.#choice()}
        <input
          type="text"
          id="hl7-find"
          aria-label=${this.#field === CONTROL_ID ? nothing : this.#field}
          maxlength=${MAX_VALUE}
          spellcheck="false"
          autocomplete="off"
          ${ref(this.#input)}
          @keydown=${pressed}
        />
        <button class="hl7-button">${text('find.button')}</button>
      </div>
      <div role="status">${this.#results()}</div>
    </form>`
  }

  /** The choice of what to search by; only a label if no node has searchable fields. */
  #choice(): TemplateResult {
    const { nodes, text, draw } = this.#desk
    const fields = [...new Set(nodes().flatMap(({ searchFields }) => searchFields))].sort()
    const label = html`<label for="hl7-find">${text('find.label')}</label>`
    if (fields.length === 0) return label
    return html`<select
      aria-label=${text('find.by')}
      @change=${({ target }: Event) => {
        this.#field = (target as HTMLSelectElement).value
        this.#forget()
        void draw()
      }}
    >
      <option value=${CONTROL_ID}>${text('find.label')}</option>
      ${fields.map(
        (field) =>
          html`<option value=${field}>
            ${text('find.field', { field: namedPath(field, text) })}
          </option>`
      )}
    </select>`
  }

  #results(): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const found = this.#found
    if (found === undefined) return nothing
    if (found === 'busy') return html`<p>${text('find.busy')}</p>`
    const { field, value, rows, silent } = found
    const isField = field !== CONTROL_ID
    const n = rows.length
    const controlId = printable(value)
    const summary = [
      n > 0
        ? ''
        : isField
          ? text('find.nothingIn', { field })
          : text('find.nothing', { controlId }),
      n < 2
        ? ''
        : isField
          ? text('find.foundIn', { n, field })
          : text('find.found', { n, controlId }),
      rows.length > MAX_RESULTS ? text('find.more', { n: MAX_RESULTS }) : '',
      silent > 0 ? text('find.silent', { count: silent }) : ''
    ]
    return html`<p>${summary.filter(Boolean).join(' ')}</p>
      <ul>
        ${repeat(
          rows.slice(0, MAX_RESULTS),
          ({ node, row }) => `${node.id} ${row.id}`,
          (one) => this.#result(one, isField || n === 1)
        )}
      </ul>`
  }

  #result({ node, row }: Found['rows'][number], saysWhich: boolean): TemplateResult {
    const desk = this.#desk
    const words = foundSentence(row, desk.name(node.id), desk)
    // If several have the same control ID, the line above names it.
    const sentence = saysWhich ? `${printable(row.controlId)}: ${words}` : words
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

  /** Drops the results, and those that are still on their way. */
  #forget(): void {
    this.#asked += 1
    this.#found = undefined
  }

  /** @param value nothing clears the results */
  async #find(value: string): Promise<void> {
    const { nodes, frame, say, draw } = this.#desk
    const field = this.#field
    if (value === '') {
      this.#forget()
      void draw()
      return
    }
    const why = field === CONTROL_ID ? '' : whyGrey(this.#desk, 'searchMessages')
    if (why !== '') {
      say('bad', why)
      return
    }
    const asked = ++this.#asked
    this.#found = 'busy'
    void draw()
    // What a node without a running instance holds, nobody can tell.
    const running = nodes().filter(
      ({ state, searchFields }) =>
        state !== 'stopped' && (field === CONTROL_ID || searchFields.includes(field))
    )
    const pages = await askEach(running, async (node) => {
      const { id } = node
      const { messages } = await (field === CONTROL_ID
        ? frame.ask('messages', { id }, { controlId: value, limit: LIMIT })
        : frame.ask('searchMessages', { id }, { field, value, limit: LIMIT }))
      return messages.map((row) => ({ node, row }))
    })
    if (asked !== this.#asked) return
    this.#found = {
      field,
      value,
      rows: pages
        .flatMap((page) => (page instanceof RequestError ? [] : page))
        .sort((one, other) => other.row.acceptedAt.localeCompare(one.row.acceptedAt)),
      silent: pages.filter((page) => page instanceof RequestError).length
    }
    void draw()
  }
}
