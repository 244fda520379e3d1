import { html, nothing, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import type { RowKeys } from './row-keys.ts'
import type { SteadyRows } from './steady-rows.ts'

export interface RowTable<Row extends { id: string }, Column extends string> {
  /** In the name of its class, `hl7-node-rows`. */
  of: 'all' | 'message' | 'node'
  label: string
  /** Several rows can be chosen, and one can be expanded. */
  isTree?: boolean
  keys: RowKeys
  steady: SteadyRows
  columns: readonly Column[]
  head: (column: Column) => unknown
  rows: readonly Row[]
  /** The id of the row that the Tab key reaches at first. */
  chosen: string | undefined
  /** A `tr` with `data-key`. */
  row: (row: Row) => TemplateResult
}

/** A table whose rows can be chosen, with the mouse and with keys. */
export function rowTable<Row extends { id: string }, Column extends string>({
  of,
  label,
  isTree = false,
  keys,
  steady,
  columns,
  head,
  rows,
  chosen,
  row
}: RowTable<Row, Column>): TemplateResult {
  keys.set(
    rows.map(({ id }) => id),
    chosen
  )
  return html`<table
    role=${isTree ? 'treegrid' : 'grid'}
    aria-multiselectable=${isTree ? 'true' : nothing}
    class="hl7-rows hl7-${of}-rows"
    aria-label=${label}
    @click=${keys.clicked}
    @keydown=${keys.pressed}
    @focusin=${keys.focused}
  >
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          (column) =>
            html`<th role="columnheader" scope="col" class="hl7-cell-${column}">
              ${head(column)}
            </th>`
        )}
      </tr>
    </thead>
    <tbody
      role="rowgroup"
      @keydown=${steady.hold}
      @pointermove=${steady.hold}
      @pointerleave=${steady.left}
    >
      ${repeat(rows, ({ id }) => id, row)}
    </tbody>
  </table>`
}
