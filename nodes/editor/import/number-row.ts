import { outProperties } from '../../settings/hl7-https-out-properties.ts'
import { numberProblem } from '../../settings/property-table.ts'
import { note, told, type ImportRow, type NoteKey } from './import-row.ts'

/**
 * A number that one or more properties take.
 *
 * @param row how the source has it
 * @param value in the unit of the properties
 * @param unfit what is told if one of them cannot take it
 * @param keys what is told if they can
 */
export function numberRow(
  { setting, given }: Pick<ImportRow, 'setting' | 'given'>,
  value: string,
  properties: readonly (keyof typeof outProperties)[],
  unfit: NoteKey,
  keys: readonly NoteKey[]
): ImportRow {
  const fits = properties.every((name) => {
    const property = outProperties[name]
    return property.kind === 'number' && numberProblem(value, property) === ''
  })
  if (!fits) return told(setting, given, unfit)
  const out = Object.fromEntries(properties.map((name) => [name, String(Number(value))]))
  return { setting, given, out, notes: keys.map((key) => note(key)) }
}
