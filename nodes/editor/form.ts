import { numberProblem, type PropertyTable, type ReadValue } from '../property-table.ts'
import { addFormStyle } from './form-style.ts'
import { isUnused } from './form-tabs.ts'
import { isVariable } from './host-of.ts'

/** What a form of one node type is made of. */
export interface FormDefinition {
  /** Prefix of the fields' ids: `node-input` or `node-config-input`. */
  prefix: 'node-input' | 'node-config-input'
  /** The type of the node. */
  type: string
  /** How wide it wants to be, in pixels. */
  width: number
  /** What is said of each property: its default, its bounds, whether it is used. */
  table: PropertyTable
  /** For each `data-row` of the form, whether it applies now: of what is no property. */
  rows: Record<string, (value: ReadValue) => boolean>
  /** Selects that offer the usual values of a text field: id of the select by property. */
  choices: Record<string, string>
  /**
   * Why a property's value cannot be used, in words, or an empty string; not asked for numbers, nor
   * for what is not used.
   */
  problem: (property: string, value: unknown, read: ReadValue) => string
}

/** What the two forms have in common: defaults, rows that apply, mistakes in words, numbers. */
export interface Form {
  /** Fills and wires the form; to be called first in `oneditprepare`. */
  prepare: (node: EditorNode) => void
  /** Writes numbers as numbers; to be called in `oneditsave`. */
  save: (node: EditorNode) => void
  /** Forgets the open form; to be called in `oneditcancel`. */
  cancel: () => void
  /** The form's properties and credentials as a flow file has them; lists as they are on the node. */
  properties: () => FormProperties
  /** A validator's answer for Node-RED: `true`, or the reason in words. */
  problem: (node: EditorNode, property: string, value: unknown) => true | string
  /** The words for a mistake in the editor's language; an empty string for none. */
  words: (key: string | undefined, values?: Record<string, string | number>) => string
  /** A label or a message in the editor's language. */
  text: (key: string, values?: Record<string, string | number>) => string
  /** Shows the rows that apply now. */
  showRows: () => void
  /** Calls back whenever a mark for a mistake may have changed. */
  onMarks: (listener: () => void) => void
  /** The id of the field of a property. */
  idOf: (property: string) => string
  /** The field, list or other part of a property; null while the form is closed. */
  element: (property: string) => HTMLElement | null
  /** The form's element while it is open. */
  root: () => HTMLElement
}

/** What a form holds. A password that was not typed anew is `__PWRD__`. */
export interface FormProperties {
  properties: Record<string, unknown>
  credentials: Record<string, string>
}

/** Makes a {@link Form} of its definition. */
export function createForm(definition: FormDefinition): Form {
  let open: EditorNode | undefined
  /** Takes the defaults that the form has filled in off the node again. */
  let restore: (() => void) | undefined
  /** The node of a form that is being saved. */
  let saved: EditorNode | undefined
  let listeners: (() => void)[] = []
  let marks: MutationObserver | undefined

  const { type, table } = definition
  const text: Form['text'] = (key, values) =>
    RED._(`@hl7-https/node-red-hl7-https-out/${type}:${key}`, values)
  const words: Form['words'] = (key = '', values) =>
    key === '' ? '' : text(`problem.${key}`, values)
  const idOf = (property: string): string => `${definition.prefix}-${property}`
  const field = (property: string): EditorElements => $(`#${idOf(property)}`)
  const root = (): HTMLElement => {
    const element = document.getElementById(`${type}-form`)
    if (element === null) throw new Error(`No form of ${type}`)
    return element
  }
  const element: Form['element'] = (property) =>
    field(property)[0] ?? document.getElementById(`${type}-${property}`)

  const readFrom =
    (node: EditorNode): ReadValue =>
    (property) => {
      if (node === open) {
        const input = field(property)[0]
        if (input instanceof HTMLInputElement && input.type === 'checkbox') return input.checked
        if (input !== undefined) return $(input).val()
      }
      return node[property] ?? table[property]?.default
    }

  const problem: Form['problem'] = (node, name, value) => {
    const property = table[name]
    const given = value ?? property?.default ?? ''
    const read = readFrom(node)
    if (property?.kind !== 'list' && property?.when?.(read) === false) return true
    if (property?.kind !== 'number') return definition.problem(name, given, read) || true
    const { min, max = '' } = property
    return words(numberProblem(given, property), { min, max }) || true
  }

  const showRows = (): void => {
    if (open === undefined) return
    const read = readFrom(open)
    for (const [property, { when }] of Object.entries(table)) {
      const row = element(property)?.closest<HTMLElement>('.form-row')
      // A list is judged whether it is used or not: its mistake is not to be hidden.
      const mistake = document.getElementById(`${type}-${property}-problem`)
      if (when !== undefined && row) row.hidden = !when(read) && mistake === null
    }
    for (const row of root().querySelectorAll<HTMLElement>('[data-row]')) {
      const applies = definition.rows[row.dataset['row'] ?? '']
      if (applies !== undefined) row.hidden = !applies(read)
    }
  }

  /** Says under each field what its mark means; a reader of the screen hears it too. */
  const explainMarks = (node: EditorNode): void => {
    const properties = [...Object.keys(node._def.defaults), ...Object.keys(node._def.credentials)]
    for (const property of properties) {
      const input = field(property)[0]
      if (input === undefined) continue
      const marked = input.classList.contains('input-error')
      const answer = marked ? problem(node, property, $(input).val()) : true
      explain(input, marked, answer === true ? '' : answer)
    }
    for (const listener of listeners) listener()
  }

  RED.events.on('editor:save', (node) => {
    if (node !== saved) return
    saved = undefined
    restore?.()
  })

  return {
    text,
    words,
    showRows,
    root,
    idOf,
    element,
    properties: () => {
      if (open === undefined) throw new Error('The form is not open')
      const { defaults, credentials } = open._def
      const read = readFrom(open)
      const text = (property: string): string => {
        const value = read(property)
        return typeof value === 'string' ? value : ''
      }
      return {
        properties: Object.fromEntries(
          Object.entries(defaults).map(([property, { type }]) => {
            const value = read(property)
            if (table[property]?.kind === 'number' && !isVariable(String(value))) {
              return [property, String(value).trim() === '' ? undefined : Number(value)]
            }
            // A config node that is yet to be added is none.
            const none = type !== undefined && (value === '_ADD_' || value === null)
            return [property, none ? '' : value]
          })
        ),
        credentials: Object.fromEntries(Object.keys(credentials).map((name) => [name, text(name)]))
      }
    },
    problem,
    onMarks: (listener) => {
      listeners.push(listener)
    },
    prepare: (node) => {
      open = node
      listeners = []
      addFormStyle()
      chooseWidth(root(), definition.width)
      restore = fillDefaults(node, field)
      for (const [property, select] of Object.entries(definition.choices)) {
        offerChoices(document.getElementById(select), field(property))
      }
      $(root()).on('change keyup paste input', showRows)
      marks?.disconnect()
      marks = new MutationObserver(() => {
        if (open === node) explainMarks(node)
      })
      marks.observe(root(), {
        subtree: true,
        attributes: true,
        attributeFilter: ['class', 'hidden']
      })
      showRows()
    },
    save: (node) => {
      for (const [property, { kind, default: byDefault }] of Object.entries(table)) {
        if (kind === 'number') saveNumber(node, property, field(property), byDefault)
      }
      saved = open
      open = undefined
      marks?.disconnect()
    },
    cancel: () => {
      restore?.()
      open = undefined
      marks?.disconnect()
    }
  }
}

/**
 * Node-RED never makes a dialog narrower than its content wanted to be at first, and cuts it off in a
 * narrow window. So the form asks for no more than there is.
 */
function chooseWidth(root: HTMLElement, width: number): void {
  const room = $('#red-ui-editor-stack').position().left - 56
  root.style.minWidth = `${Math.max(400, Math.min(width, room))}px`
}

/**
 * Sets what the flow file lacks to its default, on the node and in its field. Otherwise Node-RED
 * counts it as changed when the form closes.
 *
 * @returns takes what still has its default off the node again: the next deploy would restart a node
 *   that has more properties than the deployed one
 */
function fillDefaults(node: EditorNode, field: (property: string) => EditorElements): () => void {
  const filled: string[] = []
  for (const [property, { value, type }] of Object.entries(node._def.defaults)) {
    if (node[property] !== undefined) continue
    filled.push(property)
    node[property] = structuredClone(value)
    if (typeof value === 'boolean') field(property).prop('checked', value)
    else if (type === undefined && !Array.isArray(value)) field(property).val(String(value))
  }
  const credentials = (node.credentials ??= {})
  const stored = (credentials._ ??= {})
  for (const [name, { type }] of Object.entries(node._def.credentials)) {
    const key = type === 'password' ? `has_${name}` : name
    const absent = type === 'password' ? false : ''
    credentials[key] ??= absent
    stored[key] ??= absent
  }
  return () => {
    for (const property of filled.splice(0)) {
      const byDefault = node._def.defaults[property]?.value
      if (JSON.stringify(node[property]) === JSON.stringify(byDefault)) {
        Reflect.deleteProperty(node, property)
      }
    }
  }
}

/** Lets a select stand for the usual values of a text field; its option with the empty value is "other". */
function offerChoices(select: HTMLElement | null, field: EditorElements): void {
  const input = field[0]
  if (!(select instanceof HTMLSelectElement) || !(input instanceof HTMLInputElement)) return
  const usual = [...select.options].map((option) => option.value).filter((value) => value !== '')
  const show = (): void => {
    const other = select.value === ''
    input.hidden = !other
    const unit = input.nextElementSibling
    if (unit instanceof HTMLElement && unit.classList.contains('hl7-https-unit')) {
      unit.hidden = !other
    }
  }
  let typed = usual.includes(input.value) ? '' : input.value
  select.value = usual.includes(input.value) ? input.value : ''
  show()
  $(select).on('change', () => {
    if (select.value === '') {
      input.value = typed
    } else {
      if (!usual.includes(input.value)) typed = input.value
      input.value = select.value
    }
    show()
    field.trigger('change')
  })
}

/**
 * Puts the number in a field on the node. An empty field takes the default, and so does one that does
 * not apply and holds no number: nobody could see the mistake.
 */
function saveNumber(
  node: EditorNode,
  property: string,
  field: EditorElements,
  byDefault: number
): void {
  const input = field[0]
  if (!(input instanceof HTMLInputElement)) return
  const text = input.value.trim()
  // Node-RED puts the variable's value in its place.
  if (isVariable(text)) return
  const unseen = Number.isNaN(Number(text)) && isUnused(input)
  const given = text === '' || unseen ? byDefault : Number(text)
  if (Number.isNaN(given)) return
  input.value = String(given)
  // A flow file may hold the number as text: the same number is no change.
  if (Number(node[property]) !== given || node[property] === '') node[property] = given
}

/** Marks a field for readers of the screen, and says under it why. */
function explain(input: HTMLElement, marked: boolean, reason: string): void {
  showReason(input, reason)
  if (marked) input.setAttribute('aria-invalid', 'true')
  else input.removeAttribute('aria-invalid')
  if (reason === '') input.removeAttribute('aria-describedby')
  else input.setAttribute('aria-describedby', `${input.id}-problem`)
}

/** Adds, changes or removes the words for a mistake under a field or a list. */
export function showReason(field: HTMLElement, reason: string): void {
  const id = `${field.id}-problem`
  let words = document.getElementById(id)
  if (reason === '') {
    words?.remove()
    return
  }
  if (words === null) {
    words = document.createElement('div')
    words.id = id
    words.className = 'hl7-https-problem'
    words.classList.toggle('hl7-https-list-problem', field instanceof HTMLOListElement)
    words.setAttribute('role', 'status')
    const row = field.closest('.form-row')
    row?.insertBefore(words, row.querySelector(':scope > .hl7-https-hint'))
  }
  if (words.textContent !== reason) words.textContent = reason
}
