import { html, type TemplateResult } from 'lit-html'
import { printable } from '../../../src/printable.ts'
import type { MessageAnswer, NodeMessage } from '../answers.ts'
import type { Desk } from './desk.ts'
import { clockTime } from './times.ts'
import { receiverSaid, stateWord } from './words.ts'

/** A message in a list; of one node, every row is of that one. */
export type ListedMessage = MessageAnswer & Partial<Pick<NodeMessage, 'node'>>

/** What the lists of messages show of each; what it is called is under `column` in the texts. */
const CELLS = {
  at: (row, { language, now }) => clockTime(row.settledAt ?? row.acceptedAt, now(), language, true),
  node: ({ node = '' }, { name }) => name(node),
  controlId: ({ controlId }) => printable(controlId),
  type: ({ type }) => printable(type, 30),
  tries: ({ attempts }, { text }) =>
    html`${attempts} <span class="hl7-unit">${text('unit.tries', { count: attempts })}</span>`,
  /** With its state, in a list of messages that have others. */
  state: (row, desk) => [stateWord(row, desk), receiverSaid(row, desk)].filter(Boolean).join(': '),
  said: (row, desk) => receiverSaid(row, desk)
} satisfies Record<string, (row: ListedMessage, desk: Desk) => TemplateResult | string>

export type MessageColumn = keyof typeof CELLS

/** The cells of a row, after that with its tick. */
export function messageCells(
  columns: readonly MessageColumn[],
  row: ListedMessage,
  desk: Desk
): TemplateResult[] {
  return columns.map(
    (column) =>
      // The state and what the receiver said have one place.
      html`<td role="gridcell" class="hl7-cell-${column === 'state' ? 'said' : column}">
        ${CELLS[column](row, desk)}
      </td>`
  )
}

/** The box that chooses a row; in the head of a table, all of them. */
export function tickBox(label: string, isTicked: boolean, tick: () => void): TemplateResult {
  return html`<input
    type="checkbox"
    tabindex="-1"
    aria-label=${label}
    .checked=${isTicked}
    @change=${tick}
  />`
}
