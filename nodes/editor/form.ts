import type { LastPart } from '../../src/english.ts'
import {
  numberProblem,
  tabOf,
  type CredentialTable,
  type PropertyTable,
  type ReadValue,
  type Tabs
} from '../settings/property-table.ts'
import type { FormText, MistakeText, SharedKey } from '../../src/form-text.ts'
import { createFormTabs, hasMistake } from './form-tabs.ts'
import { explainMark } from './mistake-words.ts'
import { namedValue, namedValueProblem, type NamedValue } from './named-value.ts'
import { createNamedValueList, type EntryProblem, type NamedValueList } from './named-value-list.ts'
import { undeployedNodes } from './undeployed-nodes.ts'
import { offerUsualValues } from './usual-values.ts'

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
 * What the two forms have in common: defaults, tabs, rows that apply, mistakes, lists, numbers. Of a form
 * that may be either, the texts are those that both have.
 */
export interface Form<TextKey extends string = SharedKey> {
  /** Fills and wires the form; call it first in `oneditprepare`. */
  prepare: (node: EditorNode) => void
  /** Sets lists and numbers on the node; call it in `oneditsave`. */
  save: (node: EditorNode) => void
  /** Forgets the open form; call it in `oneditcancel`. */
  cancel: () => void
  /**
   * What stands in the form, as in a flow file, with two more: `credentials`, of which a password that was
   * not changed is `__PWRD__`, and as `nodes` the config nodes that it names and that are not deployed.
   */
  settings: () => Record<string, unknown>
  /** Adds entries to a list, except those whose name it already has. */
  addEntries: (property: string, entries: readonly NamedValue[]) => void
  /** What a validator returns to Node-RED: `true`, or the field and the reason in words. */
  problem: (node: EditorNode, property: LastPart<TextKey, 'label'>, value: unknown) => true | string
  /** The text for a mistake, in the editor's language; an empty string if there is no key. */
  words: MistakeText<TextKey>
  /** A label or message in the editor's language. */
  text: FormText<TextKey>
  /** The id of a property's field. */
  idOf: (property: string) => string
  isOpen: () => boolean
  /** The form's element while it is open. */
  root: () => HTMLElement
}

/** Creates a {@link Form} from its definition. */
export function createForm<TextKey extends string>(definition: FormDefinition): Form<TextKey> {
  let open: EditorNode | undefined
  /** Of the open form, by their properties. */
  let lists: ReadonlyMap<string, NamedValueList> = new Map()
  /** Removes from the node the defaults that the form filled in. */
  let takeDefaultsBack = (): void => undefined
  let markTabs = (): void => undefined
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
  /** A property's field or list. */
  const element = (property: string): HTMLElement | null =>
    field(property)[0] ?? document.getElementById(`${type}-${property}`)
  /** "More settings". */
  const section = (): HTMLDetailsElement | null =>
    document.querySelector<HTMLDetailsElement>(`#${type}-form details`)

  const readFrom =
    (node: EditorNode): ReadValue =>
    (property) => {
      const list = lists.get(property)
      const input = field(property)[0]
      if (node === open && list !== undefined) return list.entries()
      if (node !== open || input === undefined) return node[property] ?? table[property]?.default
      if (input instanceof HTMLInputElement && input.type === 'checkbox') return input.checked
      const value = $(input).val()
      // Of a config node: one that may be added, or none to choose from.
      return value === '_ADD_' || value === null ? '' : value
    }

  const problemOfEntry = (
    name: string,
    entry: NamedValue,
    read: ReadValue
  ): EntryProblem | undefined => {
    const property = table[name]
    const problem = namedValueProblem(entry, property?.kind === 'list' ? property.names : 'any')
    if (problem !== undefined) {
      return { field: problem.field, words: look(`problem.${problem.key}`) }
    }
    const inName = definition.nameProblem?.(name, entry.name.trim(), read) ?? ''
    if (inName !== '') return { field: 'name', words: inName }
    const { value, valueType } = entry
    if (valueType !== 'msg' && valueType !== 'jsonata') return undefined
    const inValue = RED.utils.validateTypedProperty(value, valueType, {})
    return inValue === true ? undefined : { field: 'value', words: inValue }
  }

  /** What is wrong with a value; an empty string if nothing is, or if the property is not used. */
  const reasonFor = (node: EditorNode, name: string, value: unknown): string => {
    const property = table[name]
    const given = value ?? property?.default ?? ''
    const read = readFrom(node)
    if (fields[name]?.when?.(read) === false) return ''
    if (property?.kind === 'list') {
      const entries: unknown[] = Array.isArray(given) ? given : []
      const found = entries.map((entry) => problemOfEntry(name, namedValue(entry), read))
      return found.find((problem) => problem !== undefined)?.words ?? ''
    }
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

  const showRows = (): void => {
    if (open === undefined) return
    const read = readFrom(open)
    for (const [property, { when }] of Object.entries(fields)) {
      const row = element(property)?.closest<HTMLElement>('.form-row')
      if (when !== undefined && row) row.hidden = !when(read)
    }
    for (const row of root().querySelectorAll<HTMLElement>('[data-row]')) {
      const applies = definition.rows[row.dataset['row'] ?? '']
      if (applies !== undefined) row.hidden = !applies(read)
    }
  }

  /** Explains each mark under its field, also to screen readers, and shows where there is one. */
  const explainMarks = (node: EditorNode): void => {
    for (const property of Object.keys(fields)) {
      const input = field(property)[0]
      if (input === undefined) continue
      const marked = input.classList.contains('input-error')
      explainMark(input, marked, marked ? reasonFor(node, property, $(input).val()) : '')
    }
    const more = section()
    if (more !== null && hasMistake(more)) more.open = true
    markTabs()
  }

  const forget = (): void => {
    open = undefined
    lists = new Map()
    marks?.disconnect()
  }

  return {
    text: look,
    words: words as MistakeText<TextKey>,
    root,
    idOf,
    isOpen: () => open !== undefined,
    settings: () => {
      if (open === undefined) throw new Error('The form is not open')
      const read = readFrom(open)
      const valuesOf = (names: object): Record<string, unknown> =>
        Object.fromEntries(Object.keys(names).map((name) => [name, read(name)]))
      const values = valuesOf(table)
      return { ...values, credentials: valuesOf(credentials), nodes: undeployedNodes(values) }
    },
    addEntries: (property, entries) => {
      lists.get(property)?.add(entries)
    },
    problem: (node, name, value) => {
      const reason = reasonFor(node, name, value)
      return reason === '' || `${nameOf(name)}: ${reason}`
    },
    prepare: (node) => {
      open = node
      takeDefaultsBack = fillDefaults(node, field)
      const names = Object.keys(tabs)
      if (names.length > 0) {
        markTabs = createFormTabs(
          `${type}-tabs`,
          names.map((tab) => ({ pane: `${type}-${tab}`, label: look(`tab.${tab}`) })),
          look('tab.mark')
        )
      }
      const made = new Map<string, NamedValueList>()
      lists = made
      for (const [property, entry] of Object.entries(table)) {
        const own = document.getElementById(`${type}-${property}`)
        if ('usual' in entry) offerUsualValues(own, field(property))
        if ('expression' in entry) field(property).typedInput({ types: ['jsonata'] })
        if (entry.kind !== 'list' || own === null) continue
        const list = createNamedValueList({
          element: own,
          stored: node[property],
          types: entry.types,
          text: look,
          problem: (one) => problemOfEntry(property, one, readFrom(node))
        })
        made.set(property, list)
      }
      const more = section()
      if (more !== null) {
        more.open = Object.entries(table).some(
          ([property, { default: byDefault }]) =>
            more.contains(element(property)) &&
            JSON.stringify(node[property]) !== JSON.stringify(byDefault)
        )
      }
      $(root()).on('change keyup paste input', showRows)
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
      for (const [property, list] of lists) {
        if (list.isChanged()) node[property] = list.entries()
      }
      for (const [property, { kind, default: byDefault }] of Object.entries(table)) {
        if (kind === 'number') saveNumber(node, property, field(property), byDefault)
      }
      forget()
    },
    cancel: () => {
      takeDefaultsBack()
      forget()
    }
  }
}

/**
 * Sets properties that are not in the flow file to their defaults, on the node and in the fields.
 * Otherwise Node-RED counts the node as changed when the form closes.
 *
 * @returns removes them from the node again
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
    for (const property of filled) Reflect.deleteProperty(node, property)
  }
}

/**
 * Sets a number as a number: Node-RED would set the text of the field. An empty field takes the default;
 * a variable stays, and so does a mistake.
 */
function saveNumber(
  node: EditorNode,
  property: string,
  field: EditorElements,
  byDefault: number
): void {
  const text = String(field.val()).trim()
  const number = text === '' ? byDefault : Number(text)
  if (Number.isNaN(number)) return
  field.val(String(number))
  // The flow file may contain the number as text: that is not a change.
  if (Number(node[property]) !== number) node[property] = number
}
