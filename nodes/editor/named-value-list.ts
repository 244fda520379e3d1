import { html, nothing, render } from 'lit-html'
import { basicParts, slotOf, type ValueType } from '../settings/property-table.ts'
import type { FormText, OutKey, SharedKey } from '../../src/form-text.ts'
import { showMistake } from './mistake-words.ts'
import { isReference, type SecretSlots } from './secret-slots.ts'
import { listEntry, type ListEntry } from './named-value.ts'

/** What is wrong with an entry, in words, and in which of its fields. */
export interface EntryProblem {
  field: 'name' | 'value' | 'secret'
  words: string
}

/** What a list needs from its form. */
export interface NamedValueListOptions {
  /** The `ol` that becomes the list. */
  element: HTMLElement
  /** As the node has them: from a flow file, which may contain anything. */
  stored: unknown
  types: readonly ValueType[]
  text: FormText<SharedKey>
  problem: (entry: ListEntry) => EntryProblem | undefined
  secrets: SecretSlots
}

/** A list of names and typed values in a form, in Node-RED's editable list. Each change is a `change` of its element. */
export class NamedValueList {
  readonly #options: NamedValueListOptions
  readonly #list: EditorElements
  /** The entries when the form was opened. */
  readonly #before: string

  constructor(options: NamedValueListOptions) {
    this.#options = options
    this.#list = $(options.element)
    const reportChange = (): void => {
      this.#reportChange()
    }
    this.#list.editableList({
      sortable: true,
      removable: true,
      height: 'auto',
      removeItem: reportChange,
      sortItems: reportChange,
      addItem: (container, _index, item) => {
        if (container[0]) this.#makeRow(container[0], listEntry(item))
      }
    })
    this.#list.on('change keyup paste input', () => {
      this.#checkAll()
    })
    const stored = Array.isArray(options.stored) ? (options.stored as unknown[]) : []
    this.#append(stored.map(listEntry))
    this.#before = JSON.stringify(this.entries())
    this.#checkAll()
  }

  /** The current entries, except those without name and value. */
  entries(): ListEntry[] {
    return this.#rows()
      .map(readRow)
      .filter((entry) => !isBlank(entry))
  }

  /** Adds entries, except those whose name is already there. */
  add(more: readonly ListEntry[]): void {
    const names = this.entries().map(({ name }) => name)
    this.#append(more.filter(({ name }) => !names.includes(name)))
    this.#reportChange()
  }

  /** Replaces all entries. */
  set(all: readonly ListEntry[]): void {
    this.#list.editableList('empty')
    this.#append(all)
    this.#reportChange()
  }

  /** Secrets have changed elsewhere. */
  showSecrets(): void {
    for (const row of this.#rows()) this.#showSecret(row)
  }

  isChanged(): boolean {
    return JSON.stringify(this.entries()) !== this.#before
  }

  #append(entries: readonly ListEntry[]): void {
    for (const entry of entries) this.#list.editableList('addItem', { ...entry })
  }

  #rows(): HTMLElement[] {
    // A removed row fades out before it leaves the page.
    const rows = 'li:not(.red-ui-editableList-item-deleting) .hl7-https-entry'
    return [...this.#options.element.querySelectorAll<HTMLElement>(rows)]
  }

  /** Drawn once: Node-RED's typed input is made of one of its fields. */
  #makeRow(container: HTMLElement, { name, value, valueType }: ListEntry): void {
    const { text, types } = this.#options
    const field = (part: string, label: string, typed: string, onInput?: (event: Event) => void) =>
      html`<input
        type="text"
        class="hl7-https-entry-${part}"
        placeholder=${label}
        aria-label=${label}
        spellcheck="false"
        autocomplete=${part === 'secret' ? 'off' : nothing}
        style=${part === 'input' ? 'width: 100%' : nothing}
        .value=${typed}
        @input=${onInput ?? nothing}
      />`
    const secret = field('secret', text('type.secret'), '', (event) => {
      this.#typeSecret(event.target as HTMLInputElement)
    })
    render(
      html`<div class="hl7-https-entry">
        ${field('name', text('label.entryName'), name)}
        <div class="hl7-https-entry-value">${field('input', text('label.entryValue'), value)}</div>
        ${types.includes('cred') ? secret : nothing}
      </div>`,
      container
    )
    const row = container.querySelector<HTMLElement>('.hl7-https-entry')
    const made = container.querySelector('.hl7-https-entry-input')
    if (row === null || made === null) return
    const input = $(made).typedInput({ types: types.map((type) => typeOf(type, text)) })
    const { user } = basicParts(value)
    row.dataset['slot'] = slotOf({ value, valueType })
    input.typedInput('type', valueType)
    input.typedInput('value', valueType === 'basic' ? user : valueType === 'cred' ? '' : value)
    input.on('change', () => {
      this.#showSecret(row)
    })
    this.#showSecret(row)
  }

  /** Where its secret is typed. Which slot holds it, is decided then. */
  #typeSecret(input: HTMLInputElement): void {
    const { secrets } = this.#options
    const row = input.closest<HTMLElement>('.hl7-https-entry')
    if (row === null) return
    row.dataset['slot'] ||= secrets.take()
    secrets.write(row.dataset['slot'], input.value)
    this.#showSecret(row)
  }

  #showSecret(row: HTMLElement): void {
    const input = row.querySelector<HTMLInputElement>('.hl7-https-entry-secret')
    if (input === null) return
    const { valueType } = readRow(row)
    const value = this.#options.secrets.read(row.dataset['slot'] ?? '')
    input.hidden = valueType !== 'cred' && valueType !== 'basic'
    row.classList.toggle('hl7-https-entry-cred', valueType === 'cred')
    if (row.dataset['slot'] !== '' && input.value !== value) input.value = value
    input.type = isReference(input.value) ? 'text' : 'password'
  }

  #checkAll(): void {
    const reasons = this.#rows().map((row) => this.#check(row))
    showMistake(this.#options.element, reasons.find((reason) => reason !== '') ?? '')
  }

  /** Marks the mistake in a row, and returns its text. */
  #check(row: HTMLElement): string {
    const entry = readRow(row)
    const found = isBlank(entry) ? undefined : this.#options.problem(entry)
    const name = row.querySelector('.hl7-https-entry-name')
    const value = row.querySelector('.hl7-https-entry-value .red-ui-typedInput-container')
    name?.classList.toggle('input-error', found?.field === 'name')
    value?.classList.toggle('input-error', found?.field === 'value')
    row
      .querySelector('.hl7-https-entry-secret')
      ?.classList.toggle('input-error', found?.field === 'secret')
    return found?.words ?? ''
  }

  #reportChange(): void {
    this.#list.trigger('change')
  }
}

function readRow(row: HTMLElement): ListEntry {
  const name = row.querySelector<HTMLInputElement>('.hl7-https-entry-name')
  const value = row.querySelector<HTMLInputElement>('.hl7-https-entry-input')
  const entry: ListEntry = { name: name?.value.trim() ?? '', value: '', valueType: 'str' }
  if (value === null) return entry
  const valueType = $(value).typedInput('type')
  const typed = $(value).typedInput('value')
  const { slot = '' } = row.dataset
  if (valueType === 'cred') return { ...entry, value: slot, valueType }
  return { ...entry, value: valueType === 'basic' ? `${typed} ${slot}` : typed, valueType }
}

function isBlank({ name, value }: ListEntry): boolean {
  return name === '' && value.trim() === ''
}

function typeOf(type: ValueType, text: FormText<SharedKey>): string | TypedInputType {
  if (type === 'cred') {
    return { value: 'cred', label: text('type.secret'), icon: 'fa fa-lock', hasValue: false }
  }
  if (type === 'basic') return { value: 'basic', label: 'Basic', icon: 'fa fa-user' }
  // Only one form has lists of such values.
  if (type === 'hl7') return { value: 'hl7', label: (text as FormText<OutKey>)('type.hl7') }
  return type
}
