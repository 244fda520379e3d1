import type { FormText, SharedKey } from '../../../src/form-text.ts'
import type { Property } from '../../settings/property-table.ts'
import type { FieldValue } from '../field-value.ts'
import type { ListEntry } from '../named-value.ts'
import type { ImportForm, ImportRow, NoteKey } from './import-row.ts'
import { HIDDEN, shownText } from './shown-value.ts'

/** What the table needs from its form. */
export interface ImportTableOptions {
  form: ImportForm
  rows: readonly ImportRow[]
  text: FormText<SharedKey>
  /** Of the form: what a property is; undefined for a credential. */
  propertyOf: (name: string) => Property | undefined
  isPassword: (name: string) => boolean
  /** Called when a row with a tick is ticked or not. */
  onTick: (row: ImportRow, ticked: boolean) => void
}

/** Settings of which only this is said need nothing: they stand at the end. */
const QUIET: readonly NoteKey[] = ['asHere', 'empty', 'notNeeded']

/** All settings of a source: theirs, ours, and why not. Everything is put in as text, never as markup. */
export function createImportTable(options: ImportTableOptions): HTMLElement {
  const { form, rows, text } = options
  const isQuiet = (row: ImportRow): boolean =>
    row.out === undefined &&
    row.token === undefined &&
    row.notes.every(({ key }) => QUIET.includes(key))
  const quiet = rows.filter(isQuiet)
  const whole = made('div', '')
  whole.append(
    tableOf(
      rows.filter((row) => !isQuiet(row)),
      options
    )
  )
  if (quiet.length > 0) {
    const rest = document.createElement('details')
    rest.append(made('summary', text('import.rest', { number: quiet.length })))
    rest.append(tableOf(quiet, options))
    whole.append(rest)
  }
  whole.className = 'hl7-https-import-rows'
  whole.dataset['form'] = form
  return whole
}

function tableOf(rows: readonly ImportRow[], options: ImportTableOptions): HTMLElement {
  const { text } = options
  const table = document.createElement('table')
  const head = document.createElement('tr')
  for (const key of ['setting', 'given', 'property', 'note'] as const) {
    const cell = made('th', text(`import.${key}`))
    cell.setAttribute('scope', 'col')
    head.append(cell)
  }
  const body = document.createElement('tbody')
  const shown = new Map<string, string>()
  body.append(...rows.map((row) => lineOf(row, shown, options)))
  const headPart = document.createElement('thead')
  headPart.append(head)
  table.append(headPart, body)
  return table
}

/** @param shown what the lines above have shown, by property: a long value is not repeated */
function lineOf(
  row: ImportRow,
  shown: Map<string, string>,
  options: ImportTableOptions
): HTMLElement {
  const { form, text } = options
  const line = document.createElement('tr')
  const name = made('th', row.setting)
  name.setAttribute('scope', 'row')
  const here = document.createElement('td')
  for (const [property, value] of Object.entries<FieldValue | undefined>(row[form] ?? {})) {
    if (value === undefined) continue
    const label = text(`label.${property}` as SharedKey)
    const words = shownHere(property, value, options)
    const isAbove = words.length > 20 && shown.get(property) === words
    here.append(made('div', `${label}: ${isAbove ? text('import.above') : words}`))
    shown.set(property, words)
  }
  const notes = document.createElement('td')
  if (row.tick === true && row[form] !== undefined) notes.append(tickOf(row, options))
  for (const { key, values } of row.notes) {
    notes.append(made('div', text(`importNote.${key}`, values)))
  }
  const other = form === 'out' ? row.token : row.out
  if (row[form] === undefined && other !== undefined) {
    notes.append(made('div', text(`importNote.${form === 'out' ? 'inTokenForm' : 'inOutForm'}`)))
  }
  line.append(name, made('td', row.given), here, notes)
  return line
}

function tickOf(row: ImportRow, { text, onTick }: ImportTableOptions): HTMLElement {
  const label = made('label', ` ${text('import.take')}`)
  const tick = document.createElement('input')
  tick.type = 'checkbox'
  tick.addEventListener('change', () => {
    onTick(row, tick.checked)
  })
  label.prepend(tick)
  return label
}

/** A value as the form shows it; of a secret, that there is one. */
function shownHere(
  name: string,
  value: FieldValue,
  { text, propertyOf, isPassword }: ImportTableOptions
): string {
  if (isPassword(name)) return HIDDEN
  if (typeof value === 'boolean') return text(value ? 'import.yes' : 'import.no')
  if (typeof value === 'object') {
    return value.map((entry) => entryWords(entry, text)).join(', ')
  }
  if (propertyOf(name)?.kind !== 'choice') return shownText(value)
  const key = `option.${name}.${value}`
  const words = text(key as SharedKey)
  // Some words stand for themselves.
  return words.endsWith(key) ? value : words
}

function entryWords({ name, value, valueType }: ListEntry, text: FormText<SharedKey>): string {
  const shown = valueType === 'cred' ? text(`label.${value}` as SharedKey) : shownText(value)
  return `${name}: ${valueType === 'env' ? `\${${shown}}` : shown}`
}

function made(name: string, text: string): HTMLElement {
  const element = document.createElement(name)
  element.textContent = text
  return element
}
