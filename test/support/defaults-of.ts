import type { PropertyTable } from '../../nodes/settings/property-table.ts'

/** What a flow file that lacks all properties means. */
export function defaultsOf(table: PropertyTable): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, property]) => [name, property.default])
  )
}
