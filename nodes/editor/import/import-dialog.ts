import { html, nothing, render, type TemplateResult } from 'lit-html'
import type { ImportRow, ImportSource } from './import-row.ts'
import { valuesOf } from './import-row.ts'
import { importTable, type ImportTableOptions } from './import-table.ts'
import { MAX_SETTINGS, MAX_SOURCE, readSource, type ImportRefusal } from './read-source.ts'

/** What the dialog needs from its form. */
export interface ImportDialogOptions extends Pick<
  ImportTableOptions,
  'form' | 'text' | 'propertyOf' | 'isPassword'
> {
  /** In which the dialog stands. */
  root: HTMLElement
  /** Slots for secrets that the form does not use. */
  freeSlots: () => readonly string[]
  /** Called with what the user wants: the dialog is then closed. */
  fill: (chosen: ChosenSource) => void
}

/** A source with what the user has ticked. */
export interface ChosenSource {
  source: ImportSource
  rows: readonly ImportRow[]
  ticked: Set<ImportRow>
}

const stop = (event: Event): void => {
  event.stopPropagation()
}

/**
 * A field to paste into, and a table of what would be filled in. What was pasted is gone when the dialog closes: it
 * may hold secrets.
 */
export class ImportDialog {
  readonly #options: ImportDialogOptions
  #sources: readonly ImportSource[] = []
  #chosen: ChosenSource | undefined
  #refusal: ImportRefusal | '' = ''

  constructor(options: ImportDialogOptions) {
    this.#options = options
    this.#draw()
    const { root } = options
    root.querySelector('dialog')?.showModal()
    root.querySelector<HTMLElement>('#hl7-https-import-area')?.focus()
  }

  #read(text: string): void {
    this.#sources = []
    this.#chosen = undefined
    this.#refusal = ''
    if (text.trim() !== '') {
      const { sources = [], refusal = '' } = readSource(text, new DOMParser())
      this.#sources = sources
      this.#refusal = refusal
      const isToken = this.#options.form === 'token'
      this.#choose(sources.find((one) => one.isTokenRequest === isToken) ?? sources[0])
    }
    this.#draw()
  }

  #choose(source: ImportSource | undefined): void {
    const rows = source?.rows(this.#options.freeSlots()) ?? []
    const isTooMany = rows.length > MAX_SETTINGS
    if (isTooMany) this.#refusal = 'tooMany'
    this.#chosen = source && !isTooMany ? { source, rows, ticked: new Set() } : undefined
  }

  /** Not by the browser: that takes seconds for a long text, and keeps it to be undone. */
  readonly #paste = (event: ClipboardEvent): void => {
    stop(event)
    event.preventDefault()
    const area = event.target as HTMLTextAreaElement
    const text = event.clipboardData?.getData('text/plain') ?? ''
    if (text.length > MAX_SOURCE) {
      this.#chosen = undefined
      this.#refusal = 'tooLarge'
      this.#draw()
      return
    }
    area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end')
    this.#read(area.value)
  }

  #isEmpty(): boolean {
    const { form } = this.#options
    return Object.keys(valuesOf(form, this.#chosen?.rows ?? [])).length === 0
  }

  readonly #close = (): void => {
    this.#sources = []
    this.#chosen = undefined
    render(nothing, this.#options.root)
  }

  readonly #fill = (): void => {
    const chosen = this.#chosen
    this.#close()
    if (chosen !== undefined) this.#options.fill(chosen)
  }

  #draw(): void {
    render(this.#view(), this.#options.root)
  }

  /** The editor has keys of its own: Escape would close the form. */
  #view(): TemplateResult {
    const { text } = this.#options
    return html`<dialog
      class="hl7-https-import-dialog"
      aria-labelledby="hl7-https-import-title"
      @keydown=${stop}
      @keyup=${stop}
      @keypress=${stop}
      @change=${stop}
      @input=${stop}
      @close=${this.#close}
    >
      <h3 id="hl7-https-import-title">${text('import.title')}</h3>
      <label for="hl7-https-import-area">${text('import.paste')}</label>
      <textarea
        id="hl7-https-import-area"
        rows="6"
        spellcheck="false"
        autocomplete="off"
        @paste=${this.#paste}
        @input=${({ target }: Event) => {
          this.#read((target as HTMLTextAreaElement).value)
        }}
      ></textarea>
      <div>${text('import.privacy')}</div>
      ${this.#choice()}
      <div
        role="status"
        class="hl7-https-import-words ${this.#refusal === '' ? '' : 'hl7-https-problem'}"
      >
        ${this.#words()}
      </div>
      <div
        class="hl7-https-import-table"
        tabindex="0"
        role="region"
        aria-label=${text('import.title')}
        ?hidden=${this.#chosen === undefined}
      >
        ${this.#table()}
      </div>
      <div class="hl7-https-import-buttons">
        <button type="button" class="red-ui-button" @click=${this.#close}>
          ${text('import.cancel')}
        </button>
        <button
          type="button"
          class="red-ui-button primary"
          ?disabled=${this.#isEmpty()}
          @click=${this.#fill}
        >
          ${text('import.fill')}
        </button>
      </div>
    </dialog>`
  }

  #choice(): TemplateResult {
    const { text } = this.#options
    const choose = ({ target }: Event): void => {
      this.#refusal = ''
      this.#choose(this.#sources[(target as HTMLSelectElement).selectedIndex])
      this.#draw()
    }
    return html`<label ?hidden=${this.#sources.length < 2}>
      ${text('import.choose')}
      <select @change=${choose}>
        ${this.#sources.map(
          (one) => html`<option .selected=${one === this.#chosen?.source}>${one.name}</option>`
        )}
      </select>
    </label>`
  }

  #words(): string {
    const { form, text } = this.#options
    if (this.#refusal !== '') return text(`importRefusal.${this.#refusal}`)
    if (this.#chosen === undefined) return ''
    const { rows } = this.#chosen
    const taken = rows.filter((row) => row[form] !== undefined && row.tick !== true).length
    return text(this.#isEmpty() ? 'import.nothing' : 'import.summary', { taken, all: rows.length })
  }

  #table(): TemplateResult | typeof nothing {
    if (this.#chosen === undefined) return nothing
    const { rows, ticked } = this.#chosen
    const onTick = (row: ImportRow, isTicked: boolean): void => {
      if (isTicked) ticked.add(row)
      else ticked.delete(row)
    }
    return importTable({ ...this.#options, rows, ticked, onTick })
  }
}
