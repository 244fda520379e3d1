import type { Form } from './form.ts'
import type { FormText, OutKey } from './form-text.ts'
import { showMistake } from './mistake-words.ts'
import { namedValue, type NamedValue } from './named-value.ts'
import type { ValueType } from '../property-table.ts'

/** The lists of an open form. */
export interface NamedValueLists {
  /** The current entries of each property, except those without name and value. */
  entries: () => Record<string, NamedValue[]>
  /** Adds entries to a property, except those whose name it already has. */
  add: (property: string, entries: readonly NamedValue[]) => void
  /** Sets the lists that have changed on the node. */
  save: () => void
}

/** Shows a node's lists, and those of its six secrets that are filled or used by a value. */
export function createNamedValueLists(form: Form, node: EditorNode): NamedValueLists {
  const secrets = [1, 2, 3, 4, 5, 6].map((number) => createSecretRow(form, node, number))
  const lists: [property: string, list: NamedValueList][] = []
  const showSecrets = (): void => {
    const used = lists.flatMap(([, list]) => list.entries())
    for (const { row, input, slot } of secrets) {
      row.hidden =
        input.value === '' &&
        !used.some(({ value, valueType }) => valueType === 'cred' && value === slot)
    }
  }
  for (const [property, entry] of Object.entries(form.table)) {
    if (entry.kind !== 'list') continue
    lists.push([property, createNamedValueList(form, node, property, entry.types, showSecrets)])
  }
  showSecrets()
  return {
    entries: () => Object.fromEntries(lists.map(([property, list]) => [property, list.entries()])),
    add: (property, entries) => {
      for (const [name, list] of lists) if (name === property) list.add(entries)
    },
    save: () => {
      for (const [property, list] of lists) {
        if (list.isChanged()) node[property] = list.entries()
      }
    }
  }
}

/** Adds the row of a secret, filled as Node-RED does it: `__PWRD__` for a stored secret. */
function createSecretRow(
  form: Form,
  node: EditorNode,
  number: number
): { row: HTMLElement; input: HTMLInputElement; slot: string } {
  const slot = `secret${number}`
  const row = document.createElement('div')
  row.className = 'form-row'
  const label = document.createElement('label')
  const icon = document.createElement('i')
  icon.className = 'fa fa-lock'
  label.append(icon, ` ${form.text('label.secret', { number })}`)
  const input = document.createElement('input')
  input.type = 'password'
  input.autocomplete = 'off'
  input.id = label.htmlFor = form.idOf(slot)
  const stored = node.credentials?.[`has_${slot}`] === true ? '__PWRD__' : ''
  const typed = node.credentials?.[slot]
  input.value = typeof typed === 'string' ? typed : stored
  row.append(label, input)
  form.element('secrets')?.append(row)
  return { row, input, slot }
}

interface NamedValueList {
  entries: () => NamedValue[]
  add: (entries: readonly NamedValue[]) => void
  isChanged: () => boolean
}

/** Shows a node's list of names and typed values in an editable list. */
function createNamedValueList(
  form: Form,
  node: EditorNode,
  property: string,
  types: readonly ValueType[],
  onChange: () => void
): NamedValueList {
  const { text } = form
  const element = form.element(property)
  if (element === null) throw new Error(`No list for ${property}`)
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
    const problem = isBlank(entry) ? undefined : form.entryProblem(property, entry)
    const name = row.querySelector('.hl7-https-entry-name')
    const value = row.querySelector('.hl7-https-entry-value .red-ui-typedInput-container')
    name?.classList.toggle('input-error', problem?.field === 'name')
    value?.classList.toggle('input-error', problem?.field === 'value')
    return problem?.words ?? ''
  }
  const changed = (): void => {
    const reasons = rows().map(check)
    showMistake(element, reasons.find((reason) => reason !== '') ?? '')
    onChange()
  }

  list.editableList({
    sortable: true,
    removable: true,
    height: 'auto',
    removeItem: () => {
      changed()
    },
    sortItems: () => {
      changed()
    },
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
      $(row).on('change keyup paste input', changed)
    }
  })
  const stored = node[property]
  for (const entry of Array.isArray(stored) ? (stored as unknown[]) : []) {
    list.editableList('addItem', { ...namedValue(entry) })
  }
  const before = JSON.stringify(entries())
  changed()

  return {
    entries,
    add: (more) => {
      const names = entries().map(({ name }) => name)
      for (const entry of more) {
        if (!names.includes(entry.name)) list.editableList('addItem', { ...entry })
      }
      changed()
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

function typeOf(type: ValueType, text: Form['text']): string | TypedInputType {
  if (type === 'cred') {
    return {
      value: 'cred',
      label: text('type.secret'),
      icon: 'fa fa-lock',
      options: [1, 2, 3, 4, 5, 6].map((slot) => ({
        value: `secret${slot}`,
        label: text('label.secret', { number: slot })
      }))
    }
  }
  // Only one form has lists of such values.
  if (type === 'hl7') return { value: 'hl7', label: (text as FormText<OutKey>)('type.hl7') }
  return type
}
