import { html, nothing, render } from 'lit-html'
import { outCredentials, outProperties } from '../../settings/hl7-https-out-properties.ts'
import {
  tokenCredentials,
  tokenProperties
} from '../../settings/oauth2-client-credentials-properties.ts'
import {
  SECRETS,
  slotOf,
  type CredentialTable,
  type PropertyTable
} from '../../settings/property-table.ts'
import type { FieldValue } from '../field-value.ts'
import type { Form } from '../form.ts'
import { listEntry } from '../named-value.ts'
import { ImportDialog, type ChosenSource } from './import-dialog.ts'
import { joinEntries, valuesOf, type ImportForm } from './import-row.ts'
import { importTable } from './import-table.ts'

const TABLES = {
  out: { type: 'hl7-https-out', properties: outProperties, credentials: outCredentials },
  token: {
    type: 'oauth2-client-credentials',
    properties: tokenProperties,
    credentials: tokenCredentials
  }
} as const satisfies Record<
  ImportForm,
  { type: string; properties: PropertyTable; credentials: CredentialTable }
>

/**
 * The import into an open form, with "Undo".
 *
 * @returns what opens the dialog
 */
export function importInto(form: Form, kind: ImportForm): () => void {
  const { type, ...tables } = TABLES[kind]
  const properties: PropertyTable = tables.properties
  const credentials: CredentialTable = tables.credentials
  const at = (name: string): HTMLElement | null => document.getElementById(`${type}-import-${name}`)
  const undo = at('undo')
  const note = at('note')
  const details = at('table')
  const shown = {
    form: kind,
    text: form.text,
    propertyOf: (name: string) => properties[name],
    isPassword: (name: string) => credentials[name]?.type === 'password'
  }
  /** What the import has replaced; forgotten with the form. */
  let before: Record<string, FieldValue> | undefined

  const say = (words: string): void => {
    if (note !== null) note.textContent = words
    if (undo !== null) undo.hidden = before === undefined
    if (details !== null) details.hidden = before === undefined
  }

  const fill = ({ source, rows, ticked }: ChosenSource): void => {
    const values = valuesOf(kind, rows, ticked)
    // The token server has one field for both of its addresses.
    const names =
      'tokenEndpoint' in values ? [...Object.keys(values), 'issuer'] : Object.keys(values)
    const current = currentValues(form)
    before = Object.fromEntries(names.map((name) => [name, current(name)]))
    for (const [name, value] of Object.entries(values)) {
      const old = before[name]
      if (typeof value !== 'object' || typeof old !== 'object') continue
      values[name] = joinEntries(old, value)
    }
    form.enter(values)
    for (const [name, value] of Object.entries(values)) {
      const usual = properties[name]?.default ?? ''
      const isUsual =
        JSON.stringify(value) === JSON.stringify(typeof usual === 'number' ? String(usual) : usual)
      // A part of the form that was closed, such as that of the backup.
      const part = document.getElementById(form.idOf(name))?.closest('details')
      if (part && !isUsual) part.open = true
    }
    const summary = form.text('import.table', { name: source.name })
    const table = importTable({ ...shown, rows, ticked })
    if (details) render([html`<summary>${summary}</summary>`, table], details)
    say(form.text('import.filled', { name: source.name }))
    undo?.focus()
  }

  undo?.addEventListener('click', () => {
    if (before !== undefined) form.enter(before)
    before = undefined
    if (details) render(nothing, details)
    say(form.text('import.undone'))
    at('button')?.focus()
  })
  return () => {
    new ImportDialog({
      ...shown,
      root: form.root(),
      freeSlots: () => freeSlots(form, properties),
      fill
    })
  }
}

/** Reads what stands in a form. */
function currentValues(form: Form): (name: string) => FieldValue {
  const settings = form.settings()
  const credentials = settings['credentials'] as Record<string, unknown>
  return (name) => {
    const value = settings[name] ?? credentials[name]
    if (Array.isArray(value)) return value.map(listEntry)
    return typeof value === 'boolean' || typeof value === 'string' ? value : ''
  }
}

/** Slots in which nothing is, and to which no list refers. */
function freeSlots(form: Form, properties: PropertyTable): string[] {
  const current = currentValues(form)
  const lists = Object.keys(properties).map(current)
  const used = lists.flatMap((list) =>
    typeof list === 'object' ? list.map((entry) => slotOf(entry)) : []
  )
  return Object.keys(SECRETS).filter((slot) => current(slot) === '' && !used.includes(slot))
}
