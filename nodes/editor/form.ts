import type { LastPart } from '../../src/english.ts'
import {
  numberProblem,
  tabOf,
  type CredentialTable,
  type PropertyTable,
  type ReadValue,
  type Tabs
} from '../property-table.ts'
import type { FormText, MistakeText, SharedKey } from './form-text.ts'
import { isUnused } from './form-tabs.ts'
import { explainMark } from './mistake-words.ts'
import { offerUsualValues } from './usual-values.ts'
import { isVariable } from './host-of.ts'
import { entryProblem, type EntryProblem } from './entry-problem.ts'
import { namedValue, type NamedValue } from './named-value.ts'

/** Describes the form of a node type. */
export interface FormDefinition {
  /** Prefix of the fields' ids: `node-input` or `node-config-input`. */
  prefix: 'node-input' | 'node-config-input'
  /** The type of the node. */
  type: 'hl7-https-out' | 'oauth2-client-credentials'
  table: PropertyTable
  credentials: CredentialTable
  tabs: Tabs
  /** Whether each `data-row` of the form applies now: hints, marks, and rows that are not the row of a property. */
  rows: Record<string, (value: ReadValue) => boolean>
  /**
   * Says why a property's value cannot be used, or returns an empty string. Not called for a number that
   * is none or is out of bounds, for properties that are not used, nor for lists.
   */
  problem: (property: string, value: unknown, read: ReadValue) => string
  /** Says the same of the name of a list's entry that its table finds valid. */
  nameProblem?: (property: string, name: string, read: ReadValue) => string
}

/**
 * What the two forms have in common: defaults, rows that apply, mistakes, numbers. Of a form that may be
 * either, the texts are those that both have.
 */
export interface Form<TextKey extends string = SharedKey> {
  table: PropertyTable
  /** Fills and wires the form; call it first in `oneditprepare`. */
  prepare: (node: EditorNode) => void
  /** Writes numbers as numbers; call it in `oneditsave`. */
  save: (node: EditorNode) => void
  /** Forgets the open form; call it in `oneditcancel`. */
  cancel: () => void
  /**
   * The form's properties and, as `credentials`, its credentials, as in a flow file: lists as they are
   * on the node, a password that was not changed as `__PWRD__`.
   */
  settings: () => Record<string, unknown>
  /** What a validator returns to Node-RED: `true`, or the field and the reason in words. */
  problem: (node: EditorNode, property: LastPart<TextKey, 'label'>, value: unknown) => true | string
  /** What is wrong with an entry of a list in the open form. */
  entryProblem: (property: string, entry: NamedValue) => EntryProblem | undefined
  /** The text for a mistake, in the editor's language; an empty string if there is no key. */
  words: MistakeText<TextKey>
  /** A label or message in the editor's language. */
  text: FormText<TextKey>
  /** Shows the rows that apply now. */
  showRows: () => void
  /** Calls back when a mark for a mistake may have changed. */
  onMarks: (listener: () => void) => void
  /** The id of a property's field. */
  idOf: (property: string) => string
  /** A property's field, list or other element; null while the form is closed. */
  element: (property: string) => HTMLElement | null
  /** The form's element while it is open. */
  root: () => HTMLElement
}

/** Creates a {@link Form} from its definition. */
export function createForm<TextKey extends string>(definition: FormDefinition): Form<TextKey> {
  let open: EditorNode | undefined
  /** Removes from the node the defaults that the form filled in. */
  let restore: (() => void) | undefined
  /** The node of a form that is being saved. */
  let saved: EditorNode | undefined
  let listeners: (() => void)[] = []
  let marks: MutationObserver | undefined

  const { type, table, credentials, tabs } = definition
  const fields = { ...credentials, ...table }
  const look: FormText<string> = (key, values) =>
    RED._(`@hl7-https/node-red-hl7-https-out/${type}:${key}`, values)
  const words: MistakeText<SharedKey> = (key = '', values) =>
    key === '' ? '' : look(`problem.${key}`, values)
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

  const problemOfEntry = (
    name: string,
    entry: NamedValue,
    read: ReadValue
  ): EntryProblem | undefined => {
    const property = table[name]
    const names = property?.kind === 'list' ? property.names : 'any'
    const own = definition.nameProblem?.(name, entry.name.trim(), read) ?? ''
    return (
      entryProblem(entry, names, words) ?? (own === '' ? undefined : { field: 'name', words: own })
    )
  }

  /** What is wrong with a value; an empty string if nothing is. */
  const reasonFor = (node: EditorNode, name: string, value: unknown): string => {
    const property = table[name]
    const given = value ?? property?.default ?? ''
    const read = readFrom(node)
    if (property?.kind === 'list') {
      const entries: unknown[] = Array.isArray(given) ? given : []
      const found = entries.map((entry) => problemOfEntry(name, namedValue(entry), read))
      return found.find((problem) => problem !== undefined)?.words ?? ''
    }
    if (fields[name]?.when?.(read) === false) return ''
    if (property?.kind === 'number') {
      const { min, max = '' } = property
      const reason = words(numberProblem(given, property), { min, max })
      if (reason !== '') return reason
    }
    return definition.problem(name, given, read)
  }

  /** How the form names a field, and where it has it: Node-RED lists reasons away from their fields. */
  const nameOf = (name: string): string => {
    const label = look(`label.${name}`)
    const tab = tabOf(tabs, fields[name] ?? {})
    return tab === undefined ? label : look('tab.field', { tab: look(`tab.${tab}`), label })
  }

  const problem: Form<TextKey>['problem'] = (node, name, value) => {
    const reason = reasonFor(node, name, value)
    return reason === '' || `${nameOf(name)}: ${reason}`
  }

  const showRows = (): void => {
    if (open === undefined) return
    const read = readFrom(open)
    for (const [property, { when }] of Object.entries(fields)) {
      const row = element(property)?.closest<HTMLElement>('.form-row')
      // A list is always checked, so its mistake must be visible even if it is not used.
      const mistake = document.getElementById(`${type}-${property}-problem`)
      if (when !== undefined && row) row.hidden = !when(read) && mistake === null
    }
    for (const row of root().querySelectorAll<HTMLElement>('[data-row]')) {
      const applies = definition.rows[row.dataset['row'] ?? '']
      if (applies !== undefined) row.hidden = !applies(read)
    }
  }

  /** Explains each mark under its field, also to screen readers. */
  const explainMarks = (node: EditorNode): void => {
    const properties = [...Object.keys(node._def.defaults), ...Object.keys(node._def.credentials)]
    for (const property of properties) {
      const input = field(property)[0]
      if (input === undefined) continue
      const marked = input.classList.contains('input-error')
      explainMark(input, marked, marked ? reasonFor(node, property, $(input).val()) : '')
    }
    for (const listener of listeners) listener()
  }

  RED.events.on('editor:save', (node) => {
    if (node !== saved) return
    saved = undefined
    restore?.()
  })

  return {
    table,
    text: look,
    words: words as MistakeText<TextKey>,
    showRows,
    root,
    idOf,
    element,
    settings: () => {
      if (open === undefined) throw new Error('The form is not open')
      const { defaults, credentials } = open._def
      const read = readFrom(open)
      const settings: Record<string, unknown> = {}
      for (const [property, { type }] of Object.entries(defaults)) {
        const value = read(property)
        if (table[property]?.kind === 'number' && !isVariable(String(value))) {
          settings[property] = String(value).trim() === '' ? undefined : Number(value)
        } else {
          // `_ADD_` stands for a config node that does not exist yet.
          const none = type !== undefined && (value === '_ADD_' || value === null)
          settings[property] = none ? '' : value
        }
      }
      settings['credentials'] = Object.fromEntries(
        Object.keys(credentials).map((name) => [name, read(name) ?? ''])
      )
      return settings
    },
    problem,
    entryProblem: (property, entry) =>
      problemOfEntry(property, entry, open === undefined ? () => undefined : readFrom(open)),
    onMarks: (listener) => {
      listeners.push(listener)
    },
    prepare: (node) => {
      open = node
      listeners = []
      restore = fillDefaults(node, field)
      for (const [property, entry] of Object.entries(table)) {
        if ('usual' in entry) {
          offerUsualValues(document.getElementById(`${type}-${property}`), field(property))
        }
        if ('expression' in entry) field(property).typedInput({ types: ['jsonata'] })
      }
      $(root()).on('change keyup paste input', showRows)
      marks?.disconnect()
      marks = new MutationObserver(() => {
        if (open === node) explainMarks(node)
      })
      marks.observe(root(), {
        subtree: true,
        // A row that is removed takes its mark along.
        childList: true,
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
 * Sets properties that are not in the flow file to their defaults, on the node and in the fields.
 * Otherwise Node-RED counts the node as changed when the form closes.
 *
 * @returns removes those that still have their default from the node: the next deploy would restart
 *   a node that has more properties than the deployed one
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

/**
 * Sets the number of a field on the node. An empty field takes the default, and so does a hidden
 * one that does not contain a number: its mistake would not be visible.
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
  // Node-RED replaces it with the value of the variable.
  if (isVariable(text)) return
  const unseen = Number.isNaN(Number(text)) && isUnused(input)
  const given = text === '' || unseen ? byDefault : Number(text)
  if (Number.isNaN(given)) return
  input.value = String(given)
  // The flow file may contain the number as text: that is not a change.
  if (Number(node[property]) !== given || node[property] === '') node[property] = given
}
