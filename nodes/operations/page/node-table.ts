import { html, nothing, type TemplateResult } from 'lit-html'
import { createRef, ref } from 'lit-html/directives/ref.js'
import type { NodeState } from '../answers.ts'
import { printable } from '../../../src/printable.ts'
import type { Desk } from './desk.ts'
import { RowKeys } from './row-keys.ts'
import { rowTable } from './row-table.ts'
import { SteadyRows } from './steady-rows.ts'
import { clockTime } from './times.ts'
import { callOf, heldFor, needsLook, nameOf, shortWhyOf, shownState, whyOf } from './words.ts'

const COLUMNS = [
  'node',
  'flow',
  'state',
  'since',
  'wait',
  'susp',
  'oldest',
  'perMinute',
  'p95',
  'lastAck',
  'why'
] as const

/** So many nodes can be looked through without a filter. */
const FEW = 5

type State = NodeState['state']
/** What the filter by state offers, besides the states that there are. */
const ANY = ''
const LOOK = 'look'
type Filter = State | typeof ANY | typeof LOOK

/** All nodes, what needs a person first. */
export class NodeTable {
  readonly #desk: Desk
  readonly #keys: RowKeys
  readonly #steady: SteadyRows
  readonly #scroller = createRef<HTMLElement>()
  #words = ''
  #state: Filter = ANY
  /** The node at the top when it was drawn last. */
  #top: string | undefined

  /** @param choose it is entered with the keyboard: the focus goes to what can be done with it */
  constructor(desk: Desk, choose: (id: string, isEntered: boolean) => void) {
    this.#desk = desk
    this.#keys = new RowKeys(() => desk.draw(), choose)
    this.#steady = new SteadyRows(() => desk.draw())
  }

  view(nodes: readonly NodeState[], chosen: string | undefined): TemplateResult | typeof nothing {
    if (nodes.length === 0) return nothing
    const { text } = this.#desk
    const shown = this.#steady.arrange(nodes).filter((node) => this.#fits(node))
    this.#showTop(shown[0])
    return html`${nodes.length > FEW ? this.#filter(nodes, shown) : nothing}
      <div class="hl7-scroll" ${ref(this.#scroller)}>
        ${rowTable({
          of: 'node',
          label: text('nodes.label'),
          keys: this.#keys,
          steady: this.#steady,
          columns: COLUMNS,
          head: (column) => this.#head(column),
          rows: shown,
          chosen,
          row: (node) => this.#row(node, node.id === chosen)
        })}
      </div>`
  }

  /** Another node needs attention most: it comes into sight, unless somebody uses the table. */
  #showTop(top: NodeState | undefined): void {
    const isNew = this.#top !== undefined && top !== undefined && top.id !== this.#top
    this.#top = top?.id
    if (!isNew || !needsLook(top) || this.#steady.isHeld) return
    // Once it is drawn.
    queueMicrotask(() => {
      if (this.#scroller.value !== undefined) this.#scroller.value.scrollTop = 0
    })
  }

  #head(column: (typeof COLUMNS)[number]): TemplateResult | string {
    const { text } = this.#desk
    const name = text(`column.${column}`)
    return column === 'p95' || column === 'perMinute'
      ? html`<span title=${text(`columnMeans.${column}`)}>${name}</span>`
      : name
  }

  #filter(nodes: readonly NodeState[], shown: readonly NodeState[]): TemplateResult {
    const { text, draw } = this.#desk
    // What is chosen stays, though no node is in that state by now.
    const chosen = this.#state === ANY || this.#state === LOOK ? [] : [this.#state]
    const states = [...new Set([...nodes.flatMap((node) => this.#stateOf(node)), ...chosen])]
    return html`<div class="hl7-node-filter" role="search" aria-label=${text('nodes.filter')}>
      <input
        type="search"
        aria-label=${text('nodes.words')}
        placeholder=${text('nodes.words')}
        maxlength="200"
        .value=${this.#words}
        @input=${({ target }: Event) => {
          this.#words = (target as HTMLInputElement).value
          void draw()
        }}
      />
      <select
        aria-label=${text('nodes.states')}
        @change=${({ target }: Event) => {
          this.#state = (target as HTMLSelectElement).value as Filter
          void draw()
        }}
      >
        <option value=${ANY}>${text('nodes.all')}</option>
        <option value=${LOOK}>${text('nodes.look')}</option>
        ${states.map(
          (state) =>
            html`<option value=${state} .selected=${state === this.#state}>
              ${text(`state.${state}`)}
            </option>`
        )}
      </select>
      <span class="hl7-count">
        ${
          shown.length === nodes.length
            ? nothing
            : text('nodes.shown', { n: shown.length, count: nodes.length })
        }
      </span>
    </div>`
  }

  #fits(node: NodeState): boolean {
    const { name, flow, host } = node
    const isState =
      this.#state === ANY ||
      (this.#state === LOOK ? needsLook(node) : this.#stateOf(node).includes(this.#state))
    const all = [name, flow, host].join(' ').toLowerCase()
    const words = this.#words.toLowerCase().split(/\s+/)
    return isState && words.every((word) => all.includes(word))
  }

  /** What it does, if that is what its row says; else it is found among those that need attention. */
  #stateOf(node: NodeState): State[] {
    const word = this.#desk.text(`state.${node.state}`)
    return shownState(node, this.#desk).word === word ? [node.state] : []
  }

  #row(node: NodeState, isChosen: boolean): TemplateResult {
    const { text, language, now, name } = this.#desk
    const { id, flow, latencyMs, lastAckAt, perMinute, queued, since, suspended } = node
    const { word, level } = shownState(node, this.#desk)
    const held = heldFor(node, text)
    // What it is called in a narrow sidebar, where no column has its flow.
    const whole = name(id)
    const short = nameOf(node)
    const why = shortWhyOf(node, this.#desk)
    const call = callOf(node, why, this.#desk)
    // One template for all cells: 200 nodes are drawn at once.
    return html`<tr
      role="row"
      data-key=${id}
      tabindex=${this.#keys.tabIndex(id)}
      aria-selected=${isChosen ? 'true' : 'false'}
    >
      <td role="gridcell" class="hl7-cell-node">
        <div class="hl7-named">
          <span class="hl7-dot" data-level=${level} aria-hidden="true"></span>
          <span><b>${short}</b><span class="hl7-unit">${whole.slice(short.length)}</span></span>
        </div>
      </td>
      <td role="gridcell" class="hl7-cell-flow">${printable(flow)}</td>
      <td role="gridcell" class="hl7-cell-state">${word}</td>
      <td role="gridcell" class=${cell('since', since === null)}>
        <span class="hl7-unit">${text('unit.since')}</span> ${clockTime(since, now(), language)}
      </td>
      <td role="gridcell" class=${cell('wait', queued === 0)}>
        ${queued} <span class="hl7-unit">${text('unit.waiting')}</span>
      </td>
      <td
        role="gridcell"
        class=${
          // If it is not folded away, the state says something worse.
          cell('susp', suspended === 0 || isSaid(node))
        }
      >
        ${suspended} <span class="hl7-unit">${text('unit.suspended')}</span>
      </td>
      <td
        role="gridcell"
        class=${
          // Folded away, it goes on after “12 waiting”.
          cell('oldest', queued === 0)
        }
      >
        <span class="hl7-unit">${held === '' ? '' : text('unit.for')}</span>
        ${held}
      </td>
      <td role="gridcell" class="hl7-cell-perMinute hl7-fold">${perMinute}</td>
      <td role="gridcell" class="hl7-cell-p95 hl7-fold">
        ${latencyMs.p95 === 0 ? '' : text('age.ms', { n: Math.round(latencyMs.p95) })}
      </td>
      <td role="gridcell" class="hl7-cell-lastAck hl7-fold">
        ${clockTime(lastAckAt, now(), language)}
      </td>
      <td role="gridcell" class="hl7-cell-why">
        <div title=${whyOf(node, this.#desk)}>${why}</div>
        ${call === '' ? nothing : html`<p class="hl7-contact">${call}</p>`}
      </td>
    </tr>`
  }
}

/** The class of a cell: not worth a place in a narrow sidebar if it is folded away. */
function cell(column: (typeof COLUMNS)[number], isFolded: boolean): string {
  return `hl7-cell-${column}${isFolded ? ' hl7-fold' : ''}`
}

/** Whether its state says how many messages are suspended. */
function isSaid({ state }: NodeState): boolean {
  return state === 'idle' || state === 'sending'
}
