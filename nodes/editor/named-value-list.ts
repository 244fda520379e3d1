import { basicParts, SECRETS, type ValueType } from '../settings/property-table.ts'
import type { FormText, OutKey, SharedKey } from '../../src/form-text.ts'
import { showMistake } from './mistake-words.ts'
import { listEntry, type ListEntry } from './named-value.ts'

/** What is wrong with an entry, in words, and in which of its fields. */
export interface EntryProblem {
  field: 'name' | 'value'
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
}

const slotNames = Object.keys(SECRETS) as (keyof typeof SECRETS)[]

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
        container[0]?.append(this.#makeRow(listEntry(item)))
        this.#fillRow(container[0], listEntry(item))
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

  isChanged(): boolean {
    return JSON.stringify(this.entries()) !== this.#before
  }

  #append(entries: readonly ListEntry[]): void {
    for (const entry of entries) this.#list.editableList('addItem', { ...entry })
  }

  #rows(): Element[] {
    // A removed row fades out before it leaves the page.
    const rows = 'li:not(.red-ui-editableList-item-deleting) .hl7-https-entry'
    return [...this.#options.element.querySelectorAll(rows)]
  }

  #makeRow({ name, value }: ListEntry): HTMLElement {
    const { text } = this.#options
    const row = document.createElement('div')
    row.className = 'hl7-https-entry'
    const cell = document.createElement('div')
    cell.className = 'hl7-https-entry-value'
    const input = textInput('hl7-https-entry-input', value, text('label.entryValue'))
    input.setAttribute('style', 'width: 100%')
    cell.append(input)
    row.append(textInput('hl7-https-entry-name', name, text('label.entryName')), cell)
    if (this.#options.types.includes('basic')) row.append(slotSelect(text))
    return row
  }

  /** A typed input is made of a field that is in the page. */
  #fillRow(row: Element | undefined, { value, valueType }: ListEntry): void {
    const { text, types } = this.#options
    const field = row?.querySelector<HTMLInputElement>('.hl7-https-entry-input')
    if (!field) return
    const input = $(field).typedInput({ types: types.map((type) => typeOf(type, text)) })
    const slots = row?.querySelector<HTMLSelectElement>('.hl7-https-entry-slot')
    const { user, slot } = basicParts(value)
    input.typedInput('type', valueType)
    input.typedInput('value', valueType === 'basic' ? user : value)
    if (!slots) return
    if (valueType === 'basic') slots.value = slot
    const showSlots = (): void => {
      slots.hidden = input.typedInput('type') !== 'basic'
    }
    input.on('change', showSlots)
    showSlots()
  }

  #checkAll(): void {
    const reasons = this.#rows().map((row) => this.#check(row))
    showMistake(this.#options.element, reasons.find((reason) => reason !== '') ?? '')
  }

  /** Marks the mistake in a row, and returns its text. */
  #check(row: Element): string {
    const entry = readRow(row)
    const found = isBlank(entry) ? undefined : this.#options.problem(entry)
    const name = row.querySelector('.hl7-https-entry-name')
    const value = row.querySelector('.hl7-https-entry-value .red-ui-typedInput-container')
    name?.classList.toggle('input-error', found?.field === 'name')
    value?.classList.toggle('input-error', found?.field === 'value')
    return found?.words ?? ''
  }

  #reportChange(): void {
    this.#list.trigger('change')
  }
}

function readRow(row: Element): ListEntry {
  const name = row.querySelector<HTMLInputElement>('.hl7-https-entry-name')
  const value = row.querySelector<HTMLInputElement>('.hl7-https-entry-input')
  const entry: ListEntry = { name: name?.value.trim() ?? '', value: '', valueType: 'str' }
  if (value === null) return entry
  const valueType = $(value).typedInput('type')
  const typed = $(value).typedInput('value')
  const slot = row.querySelector<HTMLSelectElement>('.hl7-https-entry-slot')?.value ?? ''
  return { ...entry, value: valueType === 'basic' ? `${typed} ${slot}` : typed, valueType }
}

function isBlank({ name, value }: ListEntry): boolean {
  return name === '' && value === ''
}

function textInput(className: string, value: string, label: string): HTMLInputElement {
  const input = document.createElement('input')
  input.type = 'text'
  input.className = className
  input.value = value
  input.placeholder = label
  input.setAttribute('aria-label', label)
  input.spellcheck = false
  return input
}

/** Beside the user name of a value of the type Basic: where its secret is. */
function slotSelect(text: FormText<SharedKey>): HTMLSelectElement {
  const made = document.createElement('select')
  made.className = 'hl7-https-entry-slot'
  made.setAttribute('aria-label', text('type.secret'))
  made.hidden = true
  for (const slot of slotNames) made.append(new Option(text(`label.${slot}`), slot))
  return made
}

function typeOf(type: ValueType, text: FormText<SharedKey>): string | TypedInputType {
  if (type === 'cred') {
    return {
      value: 'cred',
      label: text('type.secret'),
      icon: 'fa fa-lock',
      options: slotNames.map((slot) => ({ value: slot, label: text(`label.${slot}`) }))
    }
  }
  if (type === 'basic') return { value: 'basic', label: 'Basic', icon: 'fa fa-user' }
  // Only one form has lists of such values.
  if (type === 'hl7') return { value: 'hl7', label: (text as FormText<OutKey>)('type.hl7') }
  return type
}
