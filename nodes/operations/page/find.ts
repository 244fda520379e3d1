import { html, nothing, type TemplateResult } from 'lit-html'
import { createRef, ref } from 'lit-html/directives/ref.js'
import { MOST_CONTROL_IDS } from '../most-control-ids.ts'
import { RequestError } from '../route-request.ts'
import type { AllMessages } from './all-messages.ts'
import { type Desk, whyGrey } from './desk.ts'
import { inOneLine, pastedIds } from './pasted-ids.ts'
import { namedPath } from './story/field-name.ts'

/** Stands for the control ID where otherwise the path of a field is. */
const CONTROL_ID = ''

/** Finds messages, waiting or long gone: by a control ID or many of them, or by a searchable field. */
export class Find {
  readonly #desk: Desk
  readonly #all: AllMessages
  readonly #input = createRef<HTMLInputElement>()
  #field = CONTROL_ID
  #asked = 0

  /** @param all where what is found is listed */
  constructor(desk: Desk, all: AllMessages) {
    this.#desk = desk
    this.#all = all
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
          aria-label=${this.#field === CONTROL_ID ? nothing : namedPath(this.#field, text)}
          placeholder=${this.#field === CONTROL_ID ? text('find.hint') : nothing}
          spellcheck="false"
          autocomplete="off"
          ${ref(this.#input)}
          @keydown=${pressed}
          @paste=${(event: ClipboardEvent) => {
            this.#paste(event)
          }}
        />
        <button class="hl7-button">${text('find.button')}</button>
      </div>
    </form>`
  }

  /**
   * The field has one line: a browser would put the lines of a list together without anything between them. A field of
   * several lines is no better: with thousands, a browser takes half a minute to select them.
   */
  #paste(event: ClipboardEvent): void {
    const input = this.#input.value
    const pasted = event.clipboardData?.getData('text/plain') ?? ''
    const line = inOneLine(pasted)
    if (input === undefined || line === pasted) return
    event.preventDefault()
    input.setRangeText(line, input.selectionStart ?? 0, input.selectionEnd ?? 0, 'end')
  }

  /** The choice of what to search by; only a label if no node has searchable fields. */
  #choice(): TemplateResult {
    const { nodes, text } = this.#desk
    const fields = [...new Set(nodes().flatMap(({ searchFields }) => searchFields))].sort()
    const label = html`<label for="hl7-find">${text('find.label')}</label>`
    if (fields.length === 0) return label
    return html`<select
      aria-label=${text('find.by')}
      @change=${({ target }: Event) => {
        this.#field = (target as HTMLSelectElement).value
        this.#asked += 1
        void this.#all.list(undefined)
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

  /** @param value nothing clears the results */
  async #find(value: string): Promise<void> {
    const { text, say, language } = this.#desk
    const field = this.#field
    const asked = ++this.#asked
    if (value === '') return this.#all.list(undefined)
    if (field !== CONTROL_ID) {
      const why = whyGrey(this.#desk, 'searchMessages')
      if (why === '') return this.#all.list({ kind: 'one', field, value })
      say('bad', why)
      return
    }
    const { ids, whole } = pastedIds(value)
    if (ids.length > MOST_CONTROL_IDS) {
      const inFigures = (n: number): string => n.toLocaleString(language)
      const values = { n: inFigures(ids.length), most: inFigures(MOST_CONTROL_IDS) }
      this.#all.refuse(text('find.tooMany', values))
      return
    }
    const [one = '', ...others] = ids
    const isOne = others.length === 0 || (whole !== undefined && (await this.#isKnown(whole)))
    if (asked !== this.#asked) return
    return this.#all.list(
      isOne ? { kind: 'one', field, value: whole ?? one } : { kind: 'list', ids }
    )
  }

  /** A text with blanks or commas in it may be one control ID. */
  async #isKnown(controlId: string): Promise<boolean> {
    try {
      const question = { controlId, limit: 1 }
      return (await this.#desk.frame.ask('searchAllMessages', {}, question)).messages.length > 0
    } catch (error) {
      // The list says why Node-RED does not answer.
      if (error instanceof RequestError) return false
      throw error
    }
  }
}
