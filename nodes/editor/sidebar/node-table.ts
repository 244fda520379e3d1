import { durationText } from '../../../src/told.ts'
import type { NodeState } from '../../operations/answers.ts'
import type { Desk } from './desk.ts'
import { element } from './dom.ts'
import { RowTable } from './row-table.ts'
import { clockTime } from './times.ts'
import { nameOf, reasonOf, stateOf } from './words.ts'

const COLUMNS = [
  'node',
  'state',
  'since',
  'wait',
  'susp',
  'oldest',
  'lastAck',
  'perMinute',
  'why'
] as const

/** All nodes, what needs a person first. */
export class NodeTable {
  readonly element: HTMLElement
  readonly #table: RowTable<NodeState>

  constructor(desk: Desk, choose: (id: string) => void) {
    const { text, language, now } = desk
    this.#table = new RowTable<NodeState>({
      label: text('nodes.label'),
      className: 'hl7-https-node-rows',
      columns: COLUMNS.map((id) => ({ id, title: text(`column.${id}`) })),
      key: ({ id }) => id,
      cells: (node) => {
        const { word, level } = stateOf(node, desk)
        const held = node.queued + node.suspended > 0
        return {
          node: { text: nameOf(node), dot: level },
          state: { text: word },
          since: { text: clockTime(node.since, now(), language), lead: text('unit.since') },
          wait: {
            text: String(node.queued),
            unit: text('unit.waiting'),
            fold: node.queued === 0
          },
          susp: {
            text: String(node.suspended),
            unit: text('unit.suspended'),
            // If it is not folded away, the state says something worse.
            fold: node.suspended === 0 || isSaid(node)
          },
          oldest: held
            ? { text: durationText(node.oldestAgeMs, text), lead: text('unit.for') }
            : { text: '' },
          lastAck: { text: clockTime(node.lastAckAt, now(), language), fold: true },
          perMinute: { text: String(node.perMinute), fold: true },
          why: { text: reasonOf(node, desk) }
        }
      },
      choose
    })
    this.element = element('div', { class: 'hl7-https-scroll' }, this.#table.element)
  }

  show(nodes: readonly NodeState[], chosen: string | undefined): void {
    this.#table.element.hidden = nodes.length === 0
    this.#table.update(nodes, chosen)
  }
}

/** Whether its state says how many messages are suspended. */
function isSaid({ state }: NodeState): boolean {
  return state === 'idle' || state === 'sending'
}
