import { html, nothing, type TemplateResult } from 'lit-html'
import { printable } from '../../../src/printable.ts'
import type { AllMessagesPage, NodeMessage, NodeState } from '../answers.ts'
import type { QuestionOf } from '../questions.ts'
import { RequestError } from '../route-request.ts'
import { onNode, onRows } from './action.ts'
import { actionsAt } from './action-buttons.ts'
import { requestTrouble } from './asking.ts'
import { button, type Desk } from './desk.ts'
import { foundTable, idsSentence, mostUrgentFirst } from './found-ids.ts'
import { messageCells, tickBox, type MessageColumn } from './message-columns.ts'
import { LISTED } from './message-query.ts'
import { RowKeys } from './row-keys.ts'
import { rowTable } from './row-table.ts'
import { saveAll } from './save-list.ts'
import { SteadyRows } from './steady-rows.ts'
import { copyText } from './story/copy-text.ts'
import { namedPath } from './story/field-name.ts'
import { tabbed } from './csv.ts'

/** So many control IDs that nobody knows are named. */
const MOST_UNKNOWN = 50
const COLUMNS = ['at', 'node', 'controlId', 'type', 'tries', 'state'] as const
const SUSPENDED_COLUMNS = ['at', 'node', 'controlId', 'type', 'tries', 'said'] as const

/** What is listed of all nodes: what is suspended, or what somebody looks for. */
export type Wanted =
  | { kind: 'suspended' }
  /** Without `field`, a control ID. */
  | { kind: 'one'; field: string; value: string }
  | { kind: 'list'; ids: readonly string[] }

/** The messages of all nodes in one list: what is suspended, or was found. */
export class AllMessages {
  readonly #desk: Desk
  readonly #keys: RowKeys
  readonly #steady: SteadyRows
  #wanted: Wanted | undefined
  /** The cursors of the pages before this one. */
  #pages: string[] = []
  #page: AllMessagesPage | undefined
  #chosen = new Set<string>()
  #trouble = ''
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
    this.#steady = new SteadyRows(() => desk.draw())
    this.#keys = new RowKeys(
      () => desk.draw(),
      (key) => {
        const row = this.#page?.messages.find((one) => keyOf(one) === key)
        if (row !== undefined) desk.open(row.node, row)
      },
      (key) => {
        this.#tick(key)
      }
    )
  }

  /** Lists something else; nothing closes the list. */
  list(wanted: Wanted | undefined): Promise<void> {
    this.#wanted = wanted
    this.#page = undefined
    this.#trouble = ''
    this.#turn([])
    void this.#desk.draw()
    return this.#load()
  }

  /** Says why there is nothing to list. */
  refuse(trouble: string): void {
    void this.list(undefined)
    this.#trouble = trouble
  }

  /** Brings what is suspended up to date. Never rejects. */
  async load(): Promise<void> {
    // What was found stays as it was found: each search for a patient is in the audit log.
    if (this.#wanted?.kind === 'suspended') await this.#load()
  }

  async #load(): Promise<void> {
    const { draw, frame, text } = this.#desk
    const wanted = this.#wanted
    const asked = ++this.#asked
    if (wanted === undefined) return
    try {
      const page = await frame.ask('searchAllMessages', {}, questionOf(wanted, this.#pages.at(-1)))
      if (asked !== this.#asked) return
      this.#page = page
      this.#trouble = ''
      const listed = new Set(page.messages.map(keyOf))
      this.#chosen = new Set([...this.#chosen].filter((key) => listed.has(key)))
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      if (asked !== this.#asked) return
      this.#trouble = requestTrouble(error, text)
    }
    await draw()
  }

  /** What is suspended, if several nodes have some: it is listed at a click. */
  button(nodes: readonly NodeState[]): TemplateResult | typeof nothing {
    const having = nodes.filter(({ suspended }) => suspended > 0)
    const isOpen = this.#wanted?.kind === 'suspended'
    if (having.length < 2 && !isOpen) return nothing
    const { text } = this.#desk
    const count = having.reduce((sum, { suspended }) => sum + suspended, 0)
    return html`<div class="hl7-buttons hl7-all-suspended">
      ${button(this.#desk, {
        id: 'all-suspended',
        label: text(isOpen ? 'allSuspended.hide' : 'allSuspended.show', {
          count,
          n: having.length
        }),
        isExpanded: isOpen,
        press: () => this.list(isOpen ? undefined : { kind: 'suspended' })
      })}
    </div>`
  }

  view(): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const wanted = this.#wanted
    if (wanted === undefined && this.#trouble === '') return nothing
    return html`<section class="hl7-all" aria-label=${text('messages.title')}>
      <div role="status">
        ${this.#words(wanted).map((words) => html`<p class="hl7-count">${words}</p>`)}
      </div>
      ${wanted === undefined || this.#page === undefined ? nothing : this.#list(wanted, this.#page)}
    </section>`
  }

  #words(wanted: Wanted | undefined): string[] {
    const { name, text } = this.#desk
    if (this.#trouble !== '') return [this.#trouble]
    const page = this.#page
    if (wanted === undefined || page === undefined) return [text('find.busy')]
    const { messages, silent = [], unknown = [] } = page
    const names = silent.map(({ id }) => name(id)).join(', ')
    const words = [
      ...(wanted.kind === 'list' ? idsSentence(wanted.ids.length, page, this.#desk) : []),
      wanted.kind === 'one' ? this.#oneWords(wanted, page) : '',
      wanted.kind === 'suspended' && messages.length === 0 ? text('count.none') : '',
      wanted.kind === 'list' && page.more ? text('find.cut') : '',
      unknown.length > MOST_UNKNOWN ? text('find.moreOfList', { n: MOST_UNKNOWN }) : '',
      names === '' ? '' : text('find.silentNodes', { names })
    ]
    const controlId = unknown
      .slice(0, MOST_UNKNOWN)
      .map((one) => printable(one))
      .join(', ')
    return [
      words.filter(Boolean).join(' '),
      controlId === '' ? '' : text('find.unknownOne', { controlId })
    ].filter(Boolean)
  }

  #oneWords({ field, value }: Extract<Wanted, { kind: 'one' }>, page: AllMessagesPage): string {
    const { text } = this.#desk
    const n = `${page.messages.length}${page.more ? '+' : ''}`
    const controlId = printable(value)
    const named = field === '' ? '' : namedPath(field, text)
    if (page.messages.length === 0 && this.#pages.length === 0) {
      return named === ''
        ? text('find.nothing', { controlId })
        : text('find.nothingIn', { field: named })
    }
    if (this.#pages.length > 0 || page.messages.length === 1) return ''
    return named === ''
      ? text('find.found', { n, controlId })
      : text('find.foundIn', { n, field: named })
  }

  #list(wanted: Wanted, page: AllMessagesPage): TemplateResult {
    const rows = this.#shown(wanted, page)
    return html`${this.#actions(rows)} ${this.#tools(wanted, page)}
    ${this.#desk.question.view('all')} ${rows.length === 0 ? nothing : this.#table(wanted, rows)}
    ${this.#paging(wanted, page)}`
  }

  /** Of a list of control IDs, all are there at once: a part of them is shown. */
  #shown(wanted: Wanted, { messages }: AllMessagesPage): readonly NodeMessage[] {
    if (wanted.kind !== 'list') return messages
    const from = this.#pages.length * LISTED
    return mostUrgentFirst(messages).slice(from, from + LISTED)
  }

  /** What can be done with those that are ticked, node by node. */
  #actions(rows: readonly NodeMessage[]): TemplateResult[] {
    const desk = this.#desk
    const chosen = rows.filter((row) => this.#chosen.has(keyOf(row)))
    return desk.nodes().flatMap((node) => {
      const ofNode = chosen.filter((row) => row.node === node.id)
      if (ofNode.length === 0) return []
      const done = (): void => {
        this.#chosen.clear()
      }
      return [
        html`<p class="hl7-count">${desk.name(node.id)}</p>
          <div class="hl7-buttons">
            ${actionsAt('chosen', onRows(onNode(node, desk), 'all', ofNode, done), desk)}
          </div>`
      ]
    })
  }

  #tools(wanted: Wanted, page: AllMessagesPage): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const { messages, unknown = [] } = page
    if (messages.length + unknown.length < 2) return nothing
    return html`<div class="hl7-buttons">
      ${
        wanted.kind === 'list'
          ? button(this.#desk, {
              id: 'copy-found',
              label: text('find.copy'),
              press: () => this.#copy(page)
            })
          : nothing
      }
      ${button(this.#desk, {
        id: 'all-csv',
        label: text('button.listCsv'),
        press: () =>
          wanted.kind === 'list'
            ? saveAll(this.#desk, messages)
            : saveAll(this.#desk, undefined, questionOf(wanted, undefined))
      })}
    </div>`
  }

  async #copy(page: AllMessagesPage): Promise<void> {
    const { say, text } = this.#desk
    const isCopied = await copyText(tabbed(foundTable(page, this.#desk)))
    say(isCopied ? 'good' : 'bad', text(isCopied ? 'find.copied' : 'story.notCopied'))
  }

  #table(wanted: Wanted, messages: readonly NodeMessage[]): TemplateResult {
    const { text } = this.#desk
    const columns: readonly MessageColumn[] =
      wanted.kind === 'suspended' ? SUSPENDED_COLUMNS : COLUMNS
    const rows = messages.map((row) => ({ id: keyOf(row), row }))
    const isAll = rows.every(({ id }) => this.#chosen.has(id))
    const all = (): void => {
      this.#chosen = new Set(isAll ? [] : rows.map(({ id }) => id))
      void this.#desk.draw()
    }
    return html`<div class="hl7-scroll">
      ${rowTable({
        of: 'all',
        label: text('messages.title'),
        isTree: true,
        keys: this.#keys,
        steady: this.#steady,
        columns: ['tick', ...columns] as const,
        head: (column) =>
          column === 'tick'
            ? tickBox(text('messages.chooseAll'), isAll, all)
            : text(`column.${column}`),
        rows: this.#steady.arrange(rows),
        chosen: undefined,
        row: ({ id, row }) => this.#row(id, row, columns)
      })}
    </div>`
  }

  #row(key: string, row: NodeMessage, columns: readonly MessageColumn[]): TemplateResult {
    const { text } = this.#desk
    const isTicked = this.#chosen.has(key)
    const label = text('messages.choose', { controlId: printable(row.controlId) })
    return html`<tr
      role="row"
      data-key=${key}
      tabindex=${this.#keys.tabIndex(key)}
      aria-selected=${isTicked ? 'true' : 'false'}
    >
      <td role="gridcell" class="hl7-cell-tick">
        ${tickBox(label, isTicked, () => {
          this.#tick(key)
        })}
      </td>
      ${messageCells(columns, row, this.#desk)}
    </tr>`
  }

  #tick(key: string): void {
    if (!this.#chosen.delete(key)) this.#chosen.add(key)
    void this.#desk.draw()
  }

  #paging(wanted: Wanted, page: AllMessagesPage): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const isList = wanted.kind === 'list'
    const end = (this.#pages.length + 1) * LISTED
    const next = isList ? (page.messages.length > end ? String(end) : undefined) : page.next
    if (next === undefined && this.#pages.length === 0) return nothing
    const go = async (pages: string[]): Promise<void> => {
      this.#turn(pages)
      await (isList ? this.#desk.draw() : this.#load())
    }
    return html`<div class="hl7-buttons">
      <button
        type="button"
        class="hl7-button"
        ?disabled=${this.#pages.length === 0}
        @click=${() => void go(this.#pages.slice(0, -1))}
      >
        ${text('messages.newer')}
      </button>
      <button
        type="button"
        class="hl7-button"
        ?disabled=${next === undefined}
        @click=${() => void go([...this.#pages, next ?? ''])}
      >
        ${text('messages.older')}
      </button>
    </div>`
  }

  #turn(pages: string[]): void {
    this.#pages = pages
    this.#chosen.clear()
    this.#steady.release()
  }
}

function questionOf(wanted: Wanted, cursor: string | undefined): QuestionOf<'searchAllMessages'> {
  if (wanted.kind === 'list') return { controlIds: wanted.ids }
  const page = { limit: LISTED, ...(cursor !== undefined && { cursor }) }
  if (wanted.kind === 'suspended') return { state: 'suspended', ...page }
  const { field, value } = wanted
  return field === '' ? { controlId: value, ...page } : { field, value, ...page }
}

/** Messages of two nodes can have the same id. */
function keyOf({ id, node }: Pick<NodeMessage, 'id' | 'node'>): string {
  return `${node} ${id}`
}
