import type { FormText, SharedKey } from '../../../src/form-text.ts'
import type { ImportRow, ImportSource } from './import-row.ts'
import { valuesOf } from './import-row.ts'
import { createImportTable, type ImportTableOptions } from './import-table.ts'
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
  ticked: ReadonlySet<ImportRow>
  table: HTMLElement
}

/**
 * A field to paste into, and a table of what would be filled in. What was pasted is gone when the dialog closes: it
 * may hold secrets.
 */
export class ImportDialog {
  readonly #options: ImportDialogOptions
  readonly #dialog = document.createElement('dialog')
  readonly #area = document.createElement('textarea')
  readonly #choice = document.createElement('select')
  readonly #choiceRow = element('label', '')
  readonly #words = element('div', '')
  readonly #table = element('div', '')
  readonly #fill: HTMLButtonElement
  #sources: readonly ImportSource[] = []
  #chosen: ChosenSource | undefined

  constructor(options: ImportDialogOptions) {
    this.#options = options
    const { text, root } = options
    this.#fill = button(text('import.fill'), 'primary')
    this.#build(text)
    root.append(this.#dialog)
    this.#listen()
    this.#show(undefined, '')
    this.#dialog.showModal()
    this.#area.focus()
  }

  #build(text: FormText<SharedKey>): void {
    const title = element('h3', text('import.title'))
    title.id = 'hl7-https-import-title'
    this.#dialog.className = 'hl7-https-import-dialog'
    this.#dialog.setAttribute('aria-labelledby', title.id)
    this.#area.rows = 6
    this.#area.spellcheck = false
    this.#area.autocomplete = 'off'
    this.#area.id = 'hl7-https-import-area'
    const label = element('label', text('import.paste'))
    label.setAttribute('for', this.#area.id)
    this.#choiceRow.append(`${text('import.choose')} `, this.#choice)
    this.#words.setAttribute('role', 'status')
    this.#words.className = 'hl7-https-import-words'
    this.#table.className = 'hl7-https-import-table'
    this.#table.tabIndex = 0
    this.#table.setAttribute('role', 'region')
    this.#table.setAttribute('aria-label', text('import.title'))
    const cancel = button(text('import.cancel'), '')
    cancel.addEventListener('click', () => {
      this.#dialog.close()
    })
    const buttons = element('div', '')
    buttons.className = 'hl7-https-import-buttons'
    buttons.append(cancel, this.#fill)
    const privacy = element('div', text('import.privacy'))
    this.#dialog.append(
      ...[title, label, this.#area, privacy, this.#choiceRow, this.#words, this.#table, buttons]
    )
  }

  #listen(): void {
    // The editor has keys of its own: Escape would close the form.
    for (const event of ['keydown', 'keyup', 'keypress', 'change', 'input', 'paste']) {
      this.#dialog.addEventListener(event, (one) => {
        one.stopPropagation()
      })
    }
    // Not by the browser: that takes seconds for a long text, and keeps it to be undone.
    this.#area.addEventListener('paste', (event) => {
      const text = event.clipboardData?.getData('text/plain') ?? ''
      event.preventDefault()
      if (text.length > MAX_SOURCE) {
        this.#show(undefined, 'tooLarge')
        return
      }
      const { selectionStart, selectionEnd } = this.#area
      this.#area.setRangeText(text, selectionStart, selectionEnd, 'end')
      this.#read()
    })
    this.#area.addEventListener('input', () => {
      this.#read()
    })
    this.#choice.addEventListener('change', () => {
      this.#choose(this.#sources[this.#choice.selectedIndex])
    })
    this.#fill.addEventListener('click', () => {
      const chosen = this.#chosen
      this.#dialog.close()
      if (chosen !== undefined) this.#options.fill(chosen)
    })
    this.#dialog.addEventListener('close', () => {
      this.#area.value = ''
      this.#sources = []
      this.#chosen = undefined
      this.#dialog.remove()
    })
  }

  #read(): void {
    this.#choice.replaceChildren()
    this.#sources = []
    if (this.#area.value.trim() === '') {
      this.#show(undefined, '')
      return
    }
    const { sources, refusal } = readSource(this.#area.value, new DOMParser())
    if (sources === undefined) {
      this.#show(undefined, refusal)
      return
    }
    this.#sources = sources
    for (const { name } of sources) this.#choice.append(new Option(name))
    const isToken = this.#options.form === 'token'
    const at = Math.max(
      sources.findIndex(({ isTokenRequest }) => isTokenRequest === isToken),
      0
    )
    this.#choice.selectedIndex = at
    this.#choose(sources[at])
  }

  #choose(source: ImportSource | undefined): void {
    const { form, freeSlots, ...rest } = this.#options
    if (source === undefined) return
    const rows = source.rows(freeSlots())
    if (rows.length > MAX_SETTINGS) {
      this.#show(undefined, 'tooMany')
      return
    }
    const ticked = new Set<ImportRow>()
    const onTick = (row: ImportRow, isTicked: boolean): void => {
      if (isTicked) ticked.add(row)
      else ticked.delete(row)
    }
    const table = createImportTable({ ...rest, form, rows, onTick })
    this.#show({ source, rows, ticked, table }, '')
  }

  #show(chosen: ChosenSource | undefined, refusal: ImportRefusal | ''): void {
    const { form, text } = this.#options
    const taken = (chosen?.rows ?? []).filter((row) => row[form] !== undefined && !row.tick)
    const isEmpty = chosen === undefined || Object.keys(valuesOf(form, chosen.rows)).length === 0
    this.#chosen = isEmpty ? undefined : chosen
    this.#choiceRow.hidden = this.#sources.length < 2
    this.#fill.disabled = isEmpty
    this.#table.replaceChildren(...(chosen === undefined ? [] : [chosen.table]))
    this.#table.hidden = chosen === undefined
    const summary = { taken: taken.length, all: chosen?.rows.length ?? 0 }
    this.#words.classList.toggle('hl7-https-problem', refusal !== '')
    this.#words.textContent =
      refusal !== ''
        ? text(`importRefusal.${refusal}`)
        : chosen === undefined
          ? ''
          : text(isEmpty ? 'import.nothing' : 'import.summary', summary)
  }
}

function element(name: string, text: string): HTMLElement {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

function button(text: string, kind: string): HTMLButtonElement {
  const made = document.createElement('button')
  made.type = 'button'
  made.className = `red-ui-button ${kind}`.trim()
  made.textContent = text
  return made
}
