import { SECRETS, type ValueType } from '../settings/property-table.ts'
import type { FormText, OutKey, SharedKey } from '../../src/form-text.ts'
import { showMistake } from './mistake-words.ts'
import { namedValue, type NamedValue } from './named-value.ts'

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
  problem: (entry: NamedValue) => EntryProblem | undefined
}

/** A list of names and typed values in a form. */
export interface NamedValueList {
  /** The current entries, except those without name and value. */
  entries: () => NamedValue[]
  /** Adds entries, except those whose name is already there. */
  add: (entries: readonly NamedValue[]) => void
  /** Replaces all entries. */
  set: (entries: readonly NamedValue[]) => void
  isChanged: () => boolean
}

/** Shows a list of names and typed values in Node-RED's editable list. Each change is a `change` of its element. */
export function createNamedValueList(options: NamedValueListOptions): NamedValueList {
  const { element, stored, types, text, problem } = options
  const list = $(element)

  const readRow = (row: Element): NamedValue => {
    const name = row.querySelector<HTMLInputElement>('.hl7-https-entry-name')
    const value = row.querySelector<HTMLInputElement>('.hl7-https-entry-input')
    const entry: NamedValue = { name: name?.value.trim() ?? '', value: '', valueType: 'str' }
    if (value === null) return entry
    const valueType = $(value).typedInput('type')
    return { ...entry, value: $(value).typedInput('value'), valueType }
  }
  const rows = (): Element[] => [
    // A removed row fades out before it leaves the page.
    ...element.querySelectorAll('li:not(.red-ui-editableList-item-deleting) .hl7-https-entry')
  ]
  const isBlank = (entry: NamedValue): boolean => entry.name === '' && entry.value === ''
  const entries = (): NamedValue[] =>
    rows()
      .map(readRow)
      .filter((entry) => !isBlank(entry))

  /** Marks the mistake in a row, and returns its text. */
  const check = (row: Element): string => {
    const entry = readRow(row)
    const found = isBlank(entry) ? undefined : problem(entry)
    const name = row.querySelector('.hl7-https-entry-name')
    const value = row.querySelector('.hl7-https-entry-value .red-ui-typedInput-container')
    name?.classList.toggle('input-error', found?.field === 'name')
    value?.classList.toggle('input-error', found?.field === 'value')
    return found?.words ?? ''
  }
  const checkAll = (): void => {
    const reasons = rows().map(check)
    showMistake(element, reasons.find((reason) => reason !== '') ?? '')
  }
  const reportChange = (): void => {
    list.trigger('change')
  }

  list.editableList({
    sortable: true,
    removable: true,
    height: 'auto',
    removeItem: reportChange,
    sortItems: reportChange,
    addItem: (container, _index, item) => {
      const entry = namedValue(item)
      const row = document.createElement('div')
      row.className = 'hl7-https-entry'
      const name = textInput('hl7-https-entry-name', entry.name, text('label.entryName'))
      const cell = document.createElement('div')
      cell.className = 'hl7-https-entry-value'
      const value = textInput('hl7-https-entry-input', entry.value, text('label.entryValue'))
      value.setAttribute('style', 'width: 100%')
      cell.append(value)
      row.append(name, cell)
      container[0]?.append(row)
      const input = $(value).typedInput({ types: types.map((type) => typeOf(type, text)) })
      input.typedInput('type', entry.valueType)
      input.typedInput('value', entry.value)
    }
  })
  list.on('change keyup paste input', checkAll)
  for (const entry of Array.isArray(stored) ? (stored as unknown[]) : []) {
    list.editableList('addItem', { ...namedValue(entry) })
  }
  const before = JSON.stringify(entries())
  checkAll()

  return {
    entries,
    add: (more) => {
      const names = entries().map(({ name }) => name)
      for (const entry of more) {
        if (!names.includes(entry.name)) list.editableList('addItem', { ...entry })
      }
      reportChange()
    },
    set: (all) => {
      list.editableList('empty')
      for (const entry of all) list.editableList('addItem', { ...entry })
      reportChange()
    },
    isChanged: () => JSON.stringify(entries()) !== before
  }
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

function typeOf(type: ValueType, text: FormText<SharedKey>): string | TypedInputType {
  if (type === 'cred') {
    const slots = Object.keys(SECRETS) as (keyof typeof SECRETS)[]
    return {
      value: 'cred',
      label: text('type.secret'),
      icon: 'fa fa-lock',
      options: slots.map((slot) => ({ value: slot, label: text(`label.${slot}`) }))
    }
  }
  // Only one form has lists of such values.
  if (type === 'hl7') return { value: 'hl7', label: (text as FormText<OutKey>)('type.hl7') }
  return type
}
