import { html, nothing, type TemplateResult } from 'lit-html'
import { printable } from '../../../src/printable.ts'
import type { AllMessagesPage, NodeMessage, NodeState } from '../answers.ts'
import { RequestError } from '../route-request.ts'
import { requestTrouble } from './asking.ts'
import { button, type Desk } from './desk.ts'
import { RowKeys } from './row-keys.ts'
import { rowTable } from './row-table.ts'
import { SteadyRows } from './steady-rows.ts'
import { clockTime } from './times.ts'
import { receiverSaid } from './words.ts'

/** So many messages are listed at first, and so many more each time; so many an answer can have. */
const LISTED = 100
const MOST_LISTED = 1000
const COLUMNS = ['at', 'node', 'controlId', 'type', 'said'] as const

/** The suspended messages of all nodes in one list, if several nodes have some. */
export class AllSuspended {
  readonly #desk: Desk
  readonly #keys: RowKeys
  readonly #steady: SteadyRows
  #isOpen = false
  #limit = LISTED
  #page: AllMessagesPage | undefined
  #trouble = ''

  constructor(desk: Desk) {
    this.#desk = desk
    this.#steady = new SteadyRows(() => desk.draw())
    this.#keys = new RowKeys(
      () => desk.draw(),
      (key) => {
        const row = this.#page?.messages.find((one) => keyOf(one) === key)
        if (row !== undefined) desk.open(row.node, row)
      }
    )
  }

  /** Asks for what is shown. Never rejects. */
  async load(): Promise<void> {
    if (!this.#isOpen) return
    const { draw, frame, text } = this.#desk
    const limit = this.#limit
    try {
      const page = await frame.ask('searchAllMessages', {}, { state: 'suspended', limit })
      if (limit !== this.#limit) return
      this.#page = page
      this.#trouble = ''
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      this.#trouble = requestTrouble(error, text)
    }
    await draw()
  }

  /** @param nodes all of them */
  view(nodes: readonly NodeState[]): TemplateResult | typeof nothing {
    const having = nodes.filter(({ suspended }) => suspended > 0)
    if (having.length < 2 && !this.#isOpen) return nothing
    const { text } = this.#desk
    const count = having.reduce((sum, { suspended }) => sum + suspended, 0)
    return html`<section class="hl7-all-suspended" aria-label=${text('allSuspended.title')}>
      <div class="hl7-buttons">
        ${button(this.#desk, {
          id: 'all-suspended',
          label: text(this.#isOpen ? 'allSuspended.hide' : 'allSuspended.show', {
            count,
            n: having.length
          }),
          isExpanded: this.#isOpen,
          press: () => this.#toggle()
        })}
      </div>
      ${this.#isOpen ? this.#list() : nothing}
    </section>`
  }

  #toggle(): Promise<void> {
    this.#isOpen = !this.#isOpen
    this.#limit = LISTED
    this.#page = undefined
    void this.#desk.draw()
    return this.load()
  }

  #list(): TemplateResult | typeof nothing {
    const { text, name } = this.#desk
    const page = this.#page
    if (this.#trouble !== '') return html`<p class="hl7-count">${this.#trouble}</p>`
    if (page === undefined) return html`<p class="hl7-count">${text('find.busy')}</p>`
    const { messages, more, silent = [] } = page
    const rows = messages.map((row) => ({ ...row, id: keyOf(row), row }))
    const names = silent.map(({ id }) => name(id)).join(', ')
    return html`${
      messages.length === 0 ? html`<p class="hl7-count">${text('count.none')}</p>` : nothing
    }
    ${
      names === ''
        ? nothing
        : html`<p class="hl7-count">${text('allSuspended.silent', { names })}</p>`
    }
    ${
      messages.length === 0
        ? nothing
        : html`<div class="hl7-scroll">
            ${rowTable({
              of: 'all',
              label: text('allSuspended.title'),
              keys: this.#keys,
              steady: this.#steady,
              columns: COLUMNS,
              head: (column) => text(`column.${column}`),
              rows: this.#steady.arrange(rows),
              chosen: undefined,
              row: ({ id, row }) => this.#row(id, row)
            })}
          </div>`
    }
    ${more ? this.#moreButton() : nothing}`
  }

  #row(key: string, row: NodeMessage): TemplateResult {
    const { language, name, now } = this.#desk
    return html`<tr role="row" data-key=${key} tabindex=${this.#keys.tabIndex(key)}>
      <td role="gridcell" class="hl7-cell-at">
        ${clockTime(row.settledAt ?? row.acceptedAt, now(), language, true)}
      </td>
      <td role="gridcell" class="hl7-cell-node">${name(row.node)}</td>
      <td role="gridcell" class="hl7-cell-controlId">${printable(row.controlId)}</td>
      <td role="gridcell" class="hl7-cell-type">${printable(row.type, 30)}</td>
      <td role="gridcell" class="hl7-cell-said">${receiverSaid(row, this.#desk)}</td>
    </tr>`
  }

  #moreButton(): TemplateResult {
    const { text } = this.#desk
    const isAll = this.#limit >= MOST_LISTED
    return html`<div class="hl7-buttons">
      ${button(this.#desk, {
        id: 'all-suspended-more',
        label: text('messages.older'),
        why: isAll ? text('find.more', { n: MOST_LISTED }) : '',
        press: () => {
          this.#limit += LISTED
          return this.load()
        }
      })}
    </div>`
  }
}

/** Messages of two nodes can have the same id. */
function keyOf({ id, node }: Pick<NodeMessage, 'id' | 'node'>): string {
  return `${node} ${id}`
}
