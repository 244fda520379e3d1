import { html, nothing, type TemplateResult } from 'lit-html'
import { createRef, ref } from 'lit-html/directives/ref.js'
import { repeat } from 'lit-html/directives/repeat.js'
import type { AllMessagesPage, NodeMessage } from '../answers.ts'
import { MOST_CONTROL_IDS } from '../most-control-ids.ts'
import { RequestError } from '../route-request.ts'
import { requestTrouble } from './asking.ts'
import { printable } from '../../../src/printable.ts'
import { button, type Desk, whyGrey } from './desk.ts'
import { foundTable, idsSentence, mostUrgentFirst } from './found-ids.ts'
import { inOneLine, pastedIds } from './pasted-ids.ts'
import { copyText } from './story/copy-text.ts'
import { namedPath } from './story/field-name.ts'
import { tabbed } from './csv.ts'
import { foundSentence } from './words.ts'

/** How many results are listed. */
const MAX_RESULTS = 50
/** Stands for the control ID where otherwise the path of a field is. */
const CONTROL_ID = ''

/** What was looked for, and what came of it. */
interface Found {
  /** Control IDs; or a value, of a field unless it is a control ID. */
  of: { kind: 'list'; ids: readonly string[] } | { kind: 'one'; field: string; value: string }
  page: AllMessagesPage
}

type Result = Found | { trouble: string }

/** Finds messages, waiting or long gone: by a control ID or many of them, or by a searchable field. */
export class Find {
  readonly #desk: Desk
  readonly #input = createRef<HTMLInputElement>()
  #field = CONTROL_ID
  #found: Result | 'busy' | undefined
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
      <div role="status">${this.#results()}</div>
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
    const desk = this.#desk
    const { text } = desk
    const found = this.#found
    if (found === undefined) return nothing
    if (found === 'busy') return html`<p>${text('find.busy')}</p>`
    if ('trouble' in found) return html`<p>${found.trouble}</p>`
    const { of, page } = found
    const { silent = [], unknown = [] } = page
    const isList = of.kind === 'list'
    const rows = isList ? mostUrgentFirst(page.messages) : page.messages
    const names = silent.map(({ id }) => desk.name(id)).join(', ')
    const words = [
      ...(isList ? idsSentence(of.ids.length, page, desk) : this.#oneWords(of, rows.length)),
      isList && page.more ? text('find.cut') : '',
      page.more || rows.length + unknown.length > MAX_RESULTS
        ? text(isList ? 'find.moreOfList' : 'find.more', { n: MAX_RESULTS })
        : '',
      names === '' ? '' : text('find.silentNodes', { names })
    ]
    const shown = unknown.slice(0, MAX_RESULTS)
    return html`<p>${words.filter(Boolean).join(' ')}</p>
      ${
        rows.length + unknown.length > 1
          ? button(desk, {
              id: 'copy-found',
              label: text('find.copy'),
              press: () => this.#copy(found)
            })
          : nothing
      }
      <ul>
        ${shown.map(
          (controlId) =>
            html`<li>
              <span>${text('find.unknownOne', { controlId: printable(controlId) })}</span>
            </li>`
        )}
        ${repeat(
          rows.slice(0, MAX_RESULTS - shown.length),
          ({ id, node }) => `${node} ${id}`,
          (row) => this.#result(row, isList || of.field !== CONTROL_ID || rows.length === 1)
        )}
      </ul>`
  }

  /** What came of the search for one value. */
  #oneWords({ field, value }: Extract<Found['of'], { kind: 'one' }>, n: number): string[] {
    const { text } = this.#desk
    const named = field === CONTROL_ID ? '' : namedPath(field, text)
    const controlId = printable(value)
    if (n === 0) {
      return [
        named === ''
          ? text('find.nothing', { controlId })
          : text('find.nothingIn', { field: named })
      ]
    }
    if (n === 1) return []
    return [
      named === ''
        ? text('find.found', { n, controlId })
        : text('find.foundIn', { n, field: named })
    ]
  }

  #result(row: NodeMessage, saysWhich: boolean): TemplateResult {
    const desk = this.#desk
    const words = foundSentence(row, desk.name(row.node), desk)
    // If several have the same control ID, the line above names it.
    const sentence = saysWhich ? `${printable(row.controlId)}: ${words}` : words
    return html`<li>
      <span>${sentence}</span>
      ${button(desk, {
        id: `find ${row.node} ${row.id}`,
        label: desk.text('find.show'),
        hint: desk.text('find.showOf', { sentence }),
        press: () => {
          desk.open(row.node, row)
        }
      })}
    </li>`
  }

  async #copy({ page }: Found): Promise<void> {
    const { say, text } = this.#desk
    const isCopied = await copyText(tabbed(foundTable(page, this.#desk)))
    say(isCopied ? 'good' : 'bad', text(isCopied ? 'find.copied' : 'story.notCopied'))
  }

  /** Drops the results, and those that are still on their way. */
  #forget(): void {
    this.#asked += 1
    this.#found = undefined
  }

  /** @param value nothing clears the results */
  async #find(value: string): Promise<void> {
    const { text, say, draw } = this.#desk
    const field = this.#field
    this.#forget()
    if (value === '') {
      void draw()
      return
    }
    const why = field === CONTROL_ID ? '' : whyGrey(this.#desk, 'searchMessages')
    if (why !== '') {
      say('bad', why)
      return
    }
    const asked = this.#asked
    this.#found = 'busy'
    void draw()
    let found: Result
    try {
      found = await (field === CONTROL_ID ? this.#byControlId(value) : this.#byField(field, value))
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      found = { trouble: requestTrouble(error, text) }
    }
    if (asked !== this.#asked) return
    this.#found = found
    void draw()
  }

  /** All nodes that can be searched by it; one that is slow does not hold up the others. */
  async #byField(field: string, value: string): Promise<Found> {
    const question = { field, value, limit: MAX_RESULTS }
    const page = await this.#desk.frame.ask('searchAllMessages', {}, question)
    return { of: { kind: 'one', field, value }, page }
  }

  async #byControlId(value: string): Promise<Result> {
    const { frame, language, text } = this.#desk
    const inFigures = (n: number): string => n.toLocaleString(language)
    const { ids, whole } = pastedIds(value)
    if (ids.length > MOST_CONTROL_IDS) {
      const values = { n: inFigures(ids.length), most: inFigures(MOST_CONTROL_IDS) }
      return { trouble: text('find.tooMany', values) }
    }
    if (whole !== undefined || ids.length === 1) {
      const one = whole ?? ids[0] ?? ''
      const page = await frame.ask('searchAllMessages', {}, { controlId: one, limit: MAX_RESULTS })
      if (whole === undefined || page.messages.length > 0) {
        return { of: { kind: 'one', field: CONTROL_ID, value: one }, page }
      }
    }
    const page = await frame.ask('searchAllMessages', {}, { controlIds: ids })
    return { of: { kind: 'list', ids }, page }
  }
}
