import type { LastPart } from '../../src/english.ts'
import {
  isSecret,
  numberProblem,
  SECRETS,
  slotOf,
  tabOf,
  type CredentialTable,
  type PropertyTable,
  type ReadValue,
  type Tabs
} from '../settings/property-table.ts'
import type { FormText, MistakeText, SharedKey } from '../../src/form-text.ts'
import type { FieldValue } from './field-value.ts'
import { createFormTabs, hasMistake } from './form-tabs.ts'
import { prepareDuration, showDuration, typedNumber } from './duration-field.ts'
import { explainMark } from './mistake-words.ts'
import { listEntry, namedValueProblem, type ListEntry } from './named-value.ts'
import { NamedValueList, type EntryProblem } from './named-value-list.ts'
import { isReference, SecretSlots } from './secret-slots.ts'
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
  /** Enters those of the values that have a field of their own kind, and returns the others. */
  enter?: (values: Readonly<Record<string, FieldValue>>) => Readonly<Record<string, FieldValue>>
}

/**
 * What the two forms have in common: defaults, tabs, rows that apply, mistakes, lists, numbers. Of a form
 * that may be either, the texts are those that both have.
 */
export class Form<TextKey extends string = SharedKey> {
  readonly #definition: FormDefinition
  readonly #fields: Readonly<Record<string, (PropertyTable | CredentialTable)[string]>>
  /** The node whose form is open. */
  #open: EditorNode | undefined
  /** Of the open form, by their properties. */
  #lists = new Map<string, NamedValueList>()
  #secrets: SecretSlots | undefined
  /** Removes from the node the defaults that the form filled in. */
  #takeDefaultsBack = (): void => undefined
  #markTabs = (): void => undefined
  #marks: MutationObserver | undefined

  constructor(definition: FormDefinition) {
    this.#definition = definition
    this.#fields = { ...definition.credentials, ...definition.table }
  }

  /** A label or message in the editor's language. */
  readonly text: FormText<TextKey> = (key, values) => this.#look(key, values)

  /** The text for a mistake, in the editor's language; an empty string if there is no key. */
  readonly words: MistakeText<TextKey> = (key, values) =>
    key === undefined || key === '' ? '' : this.#look(`problem.${key}`, values)

  /** The id of a property's field. */
  idOf(property: string): string {
    return `${this.#definition.prefix}-${property}`
  }

  isOpen(): boolean {
    return this.#open !== undefined
  }

  /** The form's element while it is open. */
  root(): HTMLElement {
    const { type } = this.#definition
    const element = document.getElementById(`${type}-form`)
    if (element === null) throw new Error(`No form of ${type}`)
    return element
  }

  /** Fills and wires the form; call it first in `oneditprepare`. */
  prepare(node: EditorNode): void {
    this.#open = node
    this.#takeDefaultsBack = fillDefaults(node, (property) => this.#field(property))
    this.#makeTabs()
    this.#makeFields(node)
    this.#openSections(node)
    $(this.root()).on('change keyup paste input', () => {
      this.#showRows()
    })
    this.#watchMarks(node)
    this.#showRows()
  }

  /** Sets lists and numbers on the node; call it in `oneditsave`. */
  readonly save = (node: EditorNode): void => {
    this.#secrets?.clear()
    for (const [property, list] of this.#lists) {
      if (list.isChanged()) node[property] = list.entries()
    }
    for (const [property, { kind, default: byDefault }] of Object.entries(this.#definition.table)) {
      if (kind !== 'number') continue
      showDuration(this.#definition.table[property], this.#field(property))
      saveNumber(node, property, this.#field(property), byDefault)
    }
    this.#forget()
  }

  /** Forgets the open form; call it in `oneditcancel`. */
  readonly cancel = (): void => {
    this.#takeDefaultsBack()
    this.#forget()
  }

  /** What a validator returns to Node-RED: `true`, or the field and the reason in words. */
  readonly problem = (
    node: EditorNode,
    property: LastPart<TextKey, 'label'>,
    value: unknown
  ): true | string => {
    const reason = this.#reasonFor(node, property, value)
    return reason === '' || `${this.#nameOf(property)}: ${reason}`
  }

  /**
   * What stands in the form, as in a flow file, with two more: `credentials`, of which a password that was
   * not changed is `__PWRD__`, and as `nodes` the config nodes that it names and that are not deployed.
   */
  settings(): Record<string, unknown> {
    const { table, credentials } = this.#definition
    if (this.#open === undefined) throw new Error('The form is not open')
    const read = this.#readFrom(this.#open)
    const valuesOf = (names: object): Record<string, unknown> =>
      Object.fromEntries(Object.keys(names).map((name) => [name, read(name)]))
    const values = valuesOf(table)
    return { ...values, credentials: valuesOf(credentials), nodes: undeployedNodes(values) }
  }

  /** Adds entries to a list, except those whose name it already has. */
  addEntries(property: string, entries: readonly ListEntry[]): void {
    this.#lists.get(property)?.add(entries)
  }

  /** Enters values as if they were typed: what depends on them follows. A list is replaced. */
  enter(values: Readonly<Record<string, FieldValue>>): void {
    const rest = this.#definition.enter?.(values) ?? values
    for (const [property, value] of Object.entries(rest)) this.#enterValue(property, value)
  }

  #enterValue(property: string, value: FieldValue): void {
    const input = this.#field(property)
    const entry = this.#definition.table[property]
    if (typeof value === 'object') this.#lists.get(property)?.set(value)
    else if (typeof value === 'boolean') input.prop('checked', value).trigger('change')
    else if (entry !== undefined && 'expression' in entry) input.typedInput('value', value)
    else input.val(value).trigger('change')
  }

  #look(key: string, values?: Record<string, string | number>): string {
    // What both forms say is with the texts of the first.
    const catalogues = [this.#definition.type, 'hl7-https-out']
    const keys = catalogues.map((name) => `@hl7-https/node-red-hl7-https-out/${name}:${key}`)
    return RED._(keys, values)
  }

  #field(property: string): EditorElements {
    return $(`#${this.idOf(property)}`)
  }

  /** A property's field or list. */
  #element(property: string): HTMLElement | null {
    const list = `${this.#definition.type}-${property}`
    return this.#field(property)[0] ?? document.getElementById(list)
  }

  /** *More settings*. */
  #sections(): NodeListOf<HTMLDetailsElement> {
    return this.root().querySelectorAll<HTMLDetailsElement>('details[id$="-more"]')
  }

  #readFrom(node: EditorNode): ReadValue {
    return (property) => {
      const list = this.#lists.get(property)
      const input = this.#field(property)[0]
      if (node === this.#open && list !== undefined) return list.entries()
      if (node !== this.#open || input === undefined) {
        return node[property] ?? this.#definition.table[property]?.default
      }
      if (input instanceof HTMLInputElement && input.type === 'checkbox') return input.checked
      const value = typedNumber(this.#definition.table[property], $(input).val())
      // Of a config node: one that may be added, or none to choose from.
      return value === '_ADD_' || value === null ? '' : value
    }
  }

  /** What is wrong with a value; an empty string if nothing is, or if the property is not used. */
  #reasonFor(node: EditorNode, name: string, value: unknown): string {
    const { credentials, table, problem } = this.#definition
    const property = table[name]
    const given = typedNumber(property, value ?? property?.default ?? '')
    const read = this.#readFrom(node)
    if (this.#fields[name]?.when?.(read) === false) return ''
    if (property?.kind === 'list') {
      const entries: unknown[] = Array.isArray(given) ? given : []
      const found = entries.map((entry) => this.#problemOfEntry(name, listEntry(entry), read))
      return found.find((one) => one !== undefined)?.words ?? ''
    }
    if (property?.kind === 'number') {
      const { min, max = '' } = property
      const mistake = numberProblem(given, property)
      if (mistake !== '') return this.#look(`problem.${mistake}`, { min, max })
    }
    // What is wrong with a secret is said at its row.
    if (isSecret(name)) return ''
    const reason = problem(name, given, read)
    return reason === '' && name in credentials && hasBlankAround(given)
      ? this.#look('problem.blankAround')
      : reason
  }

  #problemOfEntry(name: string, entry: ListEntry, read: ReadValue): EntryProblem | undefined {
    const { table, nameProblem } = this.#definition
    const property = table[name]
    const problem = namedValueProblem(entry, property?.kind === 'list' ? property.names : 'any')
    if (problem?.key === 'secretSlot') return this.#secretProblem(read)
    if (problem !== undefined) {
      return { field: problem.field, words: this.#look(`problem.${problem.key}`) }
    }
    const slot = slotOf(entry)
    // Only an open form knows it.
    if (slot !== '' && read(slot) === '') return this.#secretProblem(read)
    if (slot !== '' && hasBlankAround(read(slot))) {
      return { field: 'secret', words: this.#look('problem.blankAround') }
    }
    const inName = nameProblem?.(name, entry.name.trim(), read) ?? ''
    if (inName !== '') return { field: 'name', words: inName }
    const { value, valueType } = entry
    if (valueType !== 'msg' && valueType !== 'jsonata') return undefined
    const inValue = RED.utils.validateTypedProperty(value, valueType, {})
    return inValue === true ? undefined : { field: 'value', words: inValue }
  }

  #secretProblem(read: ReadValue): EntryProblem {
    const isFull = Object.keys(SECRETS).every(
      (slot) => ![undefined, ''].includes(read(slot) as string | undefined)
    )
    return {
      field: 'secret',
      words: this.#look(isFull ? 'problem.secretsInUse' : 'problem.secretSlot')
    }
  }

  /** How the form names a field, and where it has it: Node-RED lists reasons away from their fields. */
  #nameOf(name: string): string {
    const label = this.#look(`label.${name}`)
    const tab = tabOf(this.#definition.tabs, this.#fields[name] ?? {})
    if (tab === undefined) return label
    return this.#look('tab.field', { tab: this.#look(`tab.${tab}`), label })
  }

  #makeTabs(): void {
    const { tabs, type } = this.#definition
    const names = Object.keys(tabs)
    if (names.length === 0) return
    this.#markTabs = createFormTabs(
      `${type}-tabs`,
      names.map((tab) => ({ pane: `${type}-${tab}`, label: this.#look(`tab.${tab}`) })),
      this.#look('tab.mark')
    )
  }

  #makeFields(node: EditorNode): void {
    const { table, type } = this.#definition
    this.#lists = new Map()
    const secrets = new SecretSlots(
      (slot) => this.#field(slot),
      () => [...this.#lists.values()].flatMap((list) => list.entries().map(slotOf))
    )
    this.#secrets = secrets
    for (const slot of Object.keys(SECRETS)) {
      this.#field(slot).on('change', () => {
        for (const list of this.#lists.values()) list.showSecrets()
      })
    }
    for (const [property, entry] of Object.entries(table)) {
      const own = document.getElementById(`${type}-${property}`)
      if ('usual' in entry) offerUsualValues(own, this.#field(property))
      if (entry.kind === 'number') prepareDuration(entry, this.#field(property))
      if ('expression' in entry) this.#field(property).typedInput({ types: ['jsonata'] })
      if (entry.kind !== 'list' || own === null) continue
      const list = new NamedValueList({
        element: own,
        stored: node[property],
        types: entry.types,
        text: (key, values) => this.#look(key, values),
        problem: (one) => this.#problemOfEntry(property, one, this.#readFrom(node)),
        secrets
      })
      this.#lists.set(property, list)
    }
    secrets.watch()
  }

  /** Each is open if something in it is not as usual. */
  #openSections(node: EditorNode): void {
    for (const section of this.#sections()) {
      section.open = Object.entries(this.#definition.table).some(
        ([property, { default: byDefault }]) =>
          section.contains(this.#element(property)) &&
          JSON.stringify(node[property]) !== JSON.stringify(byDefault)
      )
    }
  }

  #showRows(): void {
    if (this.#open === undefined) return
    const read = this.#readFrom(this.#open)
    this.#showReferences(read)
    for (const [property, { when }] of Object.entries(this.#fields)) {
      const row = this.#element(property)?.closest<HTMLElement>('.form-row')
      if (when !== undefined && row) row.hidden = !when(read)
    }
    for (const row of this.root().querySelectorAll<HTMLElement>('[data-row]')) {
      const applies = this.#definition.rows[row.dataset['row'] ?? '']
      if (applies !== undefined) row.hidden = !applies(read)
    }
  }

  /** Dots would hide a mistake in `${NAME}` and `${file:/path}`, which are no secrets themselves. */
  #showReferences(read: ReadValue): void {
    for (const [name, { type }] of Object.entries(this.#definition.credentials)) {
      const field = this.#field(name)[0]
      if (type !== 'password' || field === undefined || isSecret(name)) continue
      const isShown = isReference(String(read(name)))
      if (field instanceof HTMLInputElement) field.type = isShown ? 'text' : 'password'
      else field.classList.toggle('hl7-https-masked', !isShown)
    }
  }

  /** Node-RED marks the fields that its validators refuse. */
  #watchMarks(node: EditorNode): void {
    this.#marks = new MutationObserver(() => {
      if (this.#open === node) this.#explainMarks(node)
    })
    this.#marks.observe(this.root(), {
      subtree: true,
      // A row that is removed takes its mark along.
      childList: true,
      attributes: true,
      attributeFilter: ['class', 'hidden']
    })
  }

  /**
   * Explains each mark under its field, also to screen readers, and shows where there is one. The reason is that of
   * the value now: its line goes while one types, not with the click on another field, which it would move away.
   */
  #explainMarks(node: EditorNode): void {
    for (const property of Object.keys(this.#fields)) {
      const input = this.#field(property)[0]
      if (input === undefined) continue
      const marked = input.classList.contains('input-error')
      explainMark(input, marked, marked ? this.#reasonFor(node, property, $(input).val()) : '')
    }
    for (const section of this.#sections()) if (hasMistake(section)) section.open = true
    this.#markTabs()
  }

  #forget(): void {
    this.#open = undefined
    this.#lists = new Map()
    this.#marks?.disconnect()
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

/** A key has lines, and may end in one. */
function hasBlankAround(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value !== value.trim() &&
    !/[\r\n]/.test(value)
  )
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
