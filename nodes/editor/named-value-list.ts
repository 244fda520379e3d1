import { entryProblem } from './entry-problem.ts'
import { namedValue, type NamedValue } from './named-value.ts'
import { createTypedInput } from './typed-input.ts'

/** What a list of names and values offers. */
export interface NamedValueListOptions {
  /** The property of the node that holds the list. */
  property: string
  /** The `ol` of the form. */
  element: string
  /** The types of a value; none: plain text without `valueType`. */
  types: readonly ('str' | 'env' | 'cred' | 'msg' | 'jsonata' | 'hl7')[]
  /** What names have to be; see {@link entryProblem}. */
  names: 'header' | 'any'
  /** Labels and messages in the editor's language. */
  text: (key: string, values?: Record<string, string | number>) => string
  /** Called when an entry was added, changed, moved or removed. */
  onChange: () => void
}

/** A list in an open form. */
export interface NamedValueList {
  /** The entries as they are now; empty ones, without name and value, are left out. */
  entries: () => NamedValue[]
  /** Writes the entries on the node, unless nothing has changed. */
  save: (node: EditorNode) => void
  /** The secret slots in use. */
  slots: () => string[]
}

/** Shows a node's list of names and typed values in an editable list. */
export function createNamedValueList(
  node: EditorNode,
  options: NamedValueListOptions
): NamedValueList {
  const { types, names, text, onChange } = options
  const list = $(`#${options.element}`)

  const readRow = (row: Element): NamedValue => {
    const name = row.querySelector<HTMLInputElement>('.hl7-https-entry-name')
    const value = row.querySelector<HTMLInputElement>('.hl7-https-entry-input')
    const entry: NamedValue = { name: name?.value.trim() ?? '', value: '' }
    if (value === null) return entry
    if (types.length === 0) return { ...entry, value: value.value }
    const valueType = $(value).typedInput('type')
    return { ...entry, value: $(value).typedInput('value'), valueType }
  }
  const rows = (): Element[] => [
    // A removed row fades out before it is gone.
    ...(document
      .getElementById(options.element)
      ?.querySelectorAll('li:not(.red-ui-editableList-item-deleting) .hl7-https-entry') ?? [])
  ]
  const isBlank = (entry: NamedValue): boolean => entry.name === '' && entry.value === ''
  const entries = (): NamedValue[] =>
    rows()
      .map(readRow)
      .filter((entry) => !isBlank(entry))

  /** Marks what is wrong in a row, and returns why. */
  const check = (row: Element): string => {
    const entry = readRow(row)
    const problem = isBlank(entry) ? undefined : entryProblem(entry, names, text)
    const name = row.querySelector('.hl7-https-entry-name')
    const value = row.querySelector('.hl7-https-entry-value .red-ui-typedInput-container')
    name?.classList.toggle('input-error', problem?.field === 'name')
    value?.classList.toggle('input-error', problem?.field === 'value')
    return problem?.words ?? ''
  }
  const changed = (): void => {
    const reasons = rows().map(check)
    showReason(options.element, reasons.find((reason) => reason !== '') ?? '')
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
      // Node-RED's remove button is an icon without a name.
      container[0]
        ?.closest('li')
        ?.querySelector('.red-ui-editableList-item-remove')
        ?.setAttribute('aria-label', text('label.remove'))
      if (types.length > 0) {
        const input = createTypedInput(
          value,
          types.map((type) => typeOf(type, text)),
          text('label.entryValue'),
          text('label.expand')
        )
        input.typedInput('type', entry.valueType ?? 'str')
        input.typedInput('value', entry.value)
      }
      $(row).on('change keyup paste input', changed)
    }
  })
  const stored = node[options.property]
  for (const entry of Array.isArray(stored) ? (stored as unknown[]) : []) {
    list.editableList('addItem', { ...namedValue(entry) })
  }
  const before = JSON.stringify(entries())
  changed()

  return {
    entries,
    save: (saved) => {
      const now = entries()
      if (JSON.stringify(now) !== before) saved[options.property] = now
    },
    slots: () =>
      entries()
        .filter(({ valueType }) => valueType === 'cred')
        .map(({ value }) => value)
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

function typeOf(
  type: NamedValueListOptions['types'][number],
  text: NamedValueListOptions['text']
): string | TypedInputType {
  if (type === 'cred') {
    return {
      value: 'cred',
      label: text('type.secret'),
      icon: 'fa fa-lock',
      options: [1, 2, 3, 4, 5, 6].map((slot) => ({
        value: `secret${slot}`,
        label: text(`label.secret${slot}`)
      }))
    }
  }
  if (type === 'hl7') return { value: 'hl7', label: text('type.hl7') }
  return type
}

/** Says under a list what is wrong in it: the first mistake. */
function showReason(list: string, reason: string): void {
  const id = `${list}-problem`
  const shown = document.getElementById(id)
  if (reason === '') {
    shown?.remove()
    return
  }
  const words = shown ?? document.createElement('div')
  words.id = id
  words.className = 'hl7-https-problem hl7-https-list-problem'
  words.setAttribute('role', 'status')
  words.textContent = reason
  if (shown === null) document.getElementById(list)?.closest('.form-row')?.append(words)
}
