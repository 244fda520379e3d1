import { html, nothing, type TemplateResult } from 'lit-html'
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
  ticked: ReadonlySet<ImportRow>
  /** Called when a row with a tick is ticked or not; without it, none can be. */
  onTick?: (row: ImportRow, ticked: boolean) => void
}

/** Settings of which only this is said need nothing: they stand at the end. */
const QUIET: readonly NoteKey[] = ['asHere', 'empty', 'notNeeded']

/** All settings of a source: theirs, ours, and why not. */
export function importTable(options: ImportTableOptions): TemplateResult {
  const { form, rows, text } = options
  const isQuiet = (row: ImportRow): boolean =>
    row.out === undefined &&
    row.token === undefined &&
    row.notes.every(({ key }) => QUIET.includes(key))
  const quiet = rows.filter(isQuiet)
  const told = rows.filter((row) => !isQuiet(row))
  const rest = html`<details>
    <summary>${text('import.rest', { number: quiet.length })}</summary>
    ${tableOf(quiet, options)}
  </details>`
  return html`<div class="hl7-https-import-rows" data-form=${form}>
    ${tableOf(told, options)}${quiet.length > 0 ? rest : nothing}
  </div>`
}

function tableOf(rows: readonly ImportRow[], options: ImportTableOptions): TemplateResult {
  const columns = ['setting', 'given', 'property', 'note'] as const
  const shown = new Map<string, string>()
  return html`<table>
    <thead>
      <tr>
        ${columns.map((key) => html`<th scope="col">${options.text(`import.${key}`)}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => lineOf(row, shown, options))}
    </tbody>
  </table>`
}

/** @param shown what the lines above have shown, by property: a long value is not repeated */
function lineOf(
  row: ImportRow,
  shown: Map<string, string>,
  options: ImportTableOptions
): TemplateResult {
  const { form, text } = options
  const here = Object.entries<FieldValue | undefined>(row[form] ?? {}).flatMap(
    ([property, value]) => {
      if (value === undefined) return []
      const words = shownHere(property, value, options)
      const isAbove = words.length > 20 && shown.get(property) === words
      shown.set(property, words)
      const label = text(`label.${property}` as SharedKey)
      return [`${label}: ${isAbove ? text('import.above') : words}`]
    }
  )
  const notes = row.notes.map(({ key, values }) => text(`importNote.${key}`, values))
  const other = form === 'out' ? row.token : row.out
  if (row[form] === undefined && other !== undefined) {
    notes.push(text(`importNote.${form === 'out' ? 'inTokenForm' : 'inOutForm'}`))
  }
  const tick = row.tick === true && row[form] !== undefined ? tickOf(row, options) : nothing
  return html`<tr>
    <th scope="row">${row.setting}</th>
    <td>${row.given}</td>
    <td>${here.map(line)}</td>
    <td>${tick}${notes.map(line)}</td>
  </tr>`
}

function line(words: string): TemplateResult {
  return html`<div>${words}</div>`
}

function tickOf(row: ImportRow, { text, ticked, onTick }: ImportTableOptions): TemplateResult {
  return html`<label
    ><input
      type="checkbox"
      .checked=${ticked.has(row)}
      ?disabled=${onTick === undefined}
      @change=${({ target }: Event) => onTick?.(row, (target as HTMLInputElement).checked)}
    />
    ${text('import.take')}</label
  >`
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
