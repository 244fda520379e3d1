import { html, nothing, type TemplateResult } from 'lit-html'
import { createRef, ref } from 'lit-html/directives/ref.js'
import type { MessageAnswer, NodeState } from '../answers.ts'
import type { MessageFilter } from '../questions.ts'
import { RequestError } from '../route-request.ts'
import { haveLeft, type On, onMatching, onNode, onRows } from './action.ts'
import { actionsAt } from './action-buttons.ts'
import { requestTrouble } from './asking.ts'
import { printable } from '../../../src/printable.ts'
import type { Desk } from './desk.ts'
import type { ListPlace } from './frame.ts'
import { messageCells, tickBox, type MessageColumn } from './message-columns.ts'
import { ListCounts } from './list-counts.ts'
import {
  followedPage,
  type List,
  LISTED,
  LISTS,
  type Matching,
  messagePage,
  mostTelling
} from './message-query.ts'
import { OpenedMessage } from './opened-message.ts'
import { focusRow, RowKeys } from './row-keys.ts'
import { rowTable } from './row-table.ts'
import { SteadyRows } from './steady-rows.ts'
import { stateWord } from './words.ts'

/** A filter is no longer than what it is compared with. */
const MAX_FILTER = 200
const COLUMNS: readonly MessageColumn[] = ['at', 'controlId', 'type', 'tries', 'said']
const FILTERS = ['controlId', 'type', 'rule'] as const
/** In a link, the list of all messages. */
const ALL = 'all'

/** The messages of the chosen node: a page of them, of which several can be chosen and one opened. */
export class MessageList {
  readonly #desk: Desk
  readonly #keys: RowKeys
  readonly #steady: SteadyRows
  readonly #opened: OpenedMessage
  readonly #section = createRef<HTMLElement>()
  #node: NodeState | undefined
  #list: List = ''
  /** The user chose what is listed. */
  #isFixed = false
  /** What has been entered in the fields; what is empty is missing. */
  #filter: MessageFilter = {}
  /** The last messages of the pages before this one. */
  #pages: MessageAnswer[] = []
  #rows: readonly MessageAnswer[] = []
  #more = false
  /** The rows are of this list: until it is loaded, there are none, which does not mean that it is empty. */
  #isLoaded = false
  #trouble = ''
  #chosen = new Set<string>()
  /** The search found the opened message: it has the focus once it is listed. */
  #focusOpened = false
  readonly #counts: ListCounts
  /** The ids of messages of this node that were sent just now, of which somebody wants to know what becomes of them. */
  #followed: readonly string[] = []
  /** What may stand in a link: types, rules and codes of messages, but nothing that somebody typed. */
  readonly #linkable = new Set<string>()
  /** Counts the questions, so that a late answer to an earlier one is not shown. */
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
    this.#opened = new OpenedMessage(desk)
    this.#counts = new ListCounts(desk)
    this.#steady = new SteadyRows(() => desk.draw())
    this.#keys = new RowKeys(
      () => desk.draw(),
      (key) => {
        this.#open(key)
      },
      (key) => {
        this.#choose(key)
      }
    )
  }

  /** The id of the opened message. */
  get opened(): string | undefined {
    return this.#opened.id
  }

  /** It lists what was sent just now. */
  get isFollowing(): boolean {
    return this.#list === 'followed'
  }

  /** What is listed, for a link; empty unless somebody chose it. */
  get place(): ListPlace {
    if (!this.#isFixed || this.#list === 'followed' || this.opened !== undefined) return {}
    const { type = '', rule = '', error = '' } = this.#filter
    const place = Object.entries({ type, rule, error }).filter(
      ([, value]) => value !== '' && this.#linkable.has(value)
    )
    return { list: this.#list === '' ? ALL : this.#list, ...Object.fromEntries(place) }
  }

  /** Lists what a link names. */
  goTo({ list, type, rule, error }: ListPlace): void {
    const found = list === ALL ? '' : LISTS.find((one) => one !== '' && one === list)
    if (found === undefined || found === 'followed') return
    this.#startList(found)
    this.#isFixed = true
    this.#filter = {}
    for (const [name, value = ''] of Object.entries({ type, rule, error })) {
      if (value === '' || value.length > MAX_FILTER) continue
      this.#linkable.add(value)
      this.#filter = { ...this.#filter, [name]: value }
    }
  }

  /** Of suspended messages, those that match what has been entered. */
  get #matching(): Matching | undefined {
    return this.#list === 'suspended' ? this.#counts.matching : undefined
  }

  /** Whether a message is open or ticked. */
  get #isInUse(): boolean {
    return this.opened !== undefined || this.#chosen.size > 0
  }

  /**
   * Only messages older than this one are listed. While somebody uses the list, newer messages do not push its rows
   * away; the list of waiting messages has a different order, and is not held.
   */
  get #olderThan(): MessageAnswer | undefined {
    const before = this.#pages.at(-1)
    const [first] = this.#rows
    const isAtIt = this.#isInUse || this.#steady.isHeld
    if (before !== undefined || first === undefined || !isAtIt || this.#isMoving) {
      return before
    }
    const newest = Math.max(...this.#rows.map(({ id }) => Number(id)))
    return { ...first, id: String(newest + 1) }
  }

  /** Whether the list is in an order of its own. */
  get #isMoving(): boolean {
    return this.#list === 'queued' || this.#list === 'followed'
  }

  /** Whether the listed messages can be in different states; each row then shows its own. */
  get #isMixed(): boolean {
    return this.#list === '' || this.#isMoving
  }

  /** Shows what is known of a node; its messages come with `load`. */
  show(node: NodeState): void {
    if (node.id !== this.#node?.id) {
      this.#followed = []
      this.#isFixed = false
      this.#filter = {}
      this.#startList(mostTelling(node))
    }
    this.#node = node
    if (!this.#isFixed && !this.#isInUse && this.#list !== mostTelling(node)) {
      this.#startList(mostTelling(node))
    }
  }

  /** Asks for the messages of the node that is shown. Never rejects. */
  async load(): Promise<void> {
    const node = this.#node
    // Of one that does not run, more cannot be asked.
    if (node === undefined || node.state === 'stopped') return
    const { frame, draw, text } = this.#desk
    const asked = ++this.#asked
    void this.#counts.load(node, this.#list, this.#filter)
    const filter = this.#filter
    const list = this.#list
    try {
      const page =
        list === 'followed'
          ? await followedPage(frame, node.id, this.#followed)
          : await messagePage(frame, node.id, list, filter, this.#olderThan)
      const rows = await this.#withOpened(node, page.messages)
      if (asked !== this.#asked) return
      this.#rows = rows
      this.#more = page.more
      this.#isLoaded = true
      this.#trouble = ''
      for (const { rule, type } of rows) this.#linkable.add(type).add(rule)
      const listed = new Set(rows.map(({ id }) => id))
      this.#chosen = new Set([...this.#chosen].filter((id) => listed.has(id)))
      this.#opened.follow(node, rows)
    } catch (error) {
      if (asked !== this.#asked) return
      this.#trouble = requestTrouble(error, text)
    }
    await draw()
    if (this.#focusOpened && this.opened !== undefined && this.#section.value) {
      focusRow(this.#section.value, this.opened)
    }
    this.#focusOpened = false
  }

  /** The same rows, and where it was the one that is open, if somebody waits for what becomes of it. */
  async #withOpened(
    node: NodeState,
    rows: readonly MessageAnswer[]
  ): Promise<readonly MessageAnswer[]> {
    const messageId = this.opened
    if (messageId === undefined || !this.#opened.isKept) return rows
    if (rows.some(({ id }) => id === messageId)) return rows
    const params = { id: node.id, messageId }
    const row = await this.#desk.frame
      .ask('message', params, { content: 'false' })
      .catch((error: unknown) => {
        // Nothing is remembered of it.
        if (error instanceof RequestError && error.status === 404) return undefined
        throw error
      })
    if (row === undefined) return rows
    const before = this.#rows.findIndex(({ id }) => id === messageId)
    return rows.toSpliced(Math.max(before, 0), 0, row)
  }

  /** Opens a message that the search found, or a link names; it is listed with the next `load`. */
  open(node: NodeState, message: MessageAnswer): void {
    this.#filter = { controlId: message.controlId }
    this.#isFixed = true
    this.#startList('')
    this.#opened.open(node, message)
    this.#focusOpened = true
  }

  /** Lists messages that were sent, with what becomes of each. */
  follow(node: NodeState, ids: readonly string[]): void {
    this.show(node)
    this.#followed = ids
    this.#filter = {}
    this.#turnTo('followed')
    void this.#desk.draw().then(() => {
      const heading = this.#section.value?.querySelector('h3')
      heading?.scrollIntoView({ block: 'start' })
      heading?.focus()
    })
  }

  view(): TemplateResult | typeof nothing {
    const node = this.#node
    if (node === undefined) return nothing
    const desk = this.#desk
    const { text, question } = desk
    const chosen = this.#rows.filter(({ id }) => this.#chosen.has(id))
    return html`<section class="hl7-messages" ${ref(this.#section)}>
      <div class="hl7-heading">
        <h3 tabindex="-1">${text('messages.title')}</h3>
        <select
          aria-label=${text('messages.which')}
          @change=${({ target }: Event) => {
            const { value } = target as HTMLSelectElement
            this.#turnTo(LISTS.find((list) => list === value) ?? '')
          }}
        >
          ${LISTS.filter((list) => list !== 'followed' || this.#followed.length > 0).map(
            (list) =>
              html`<option value=${list} .selected=${list === this.#list}>
                ${
                  list === 'followed'
                    ? text('messages.followed', { count: this.#followed.length })
                    : listWords(list, node, desk)
                }
              </option>`
          )}
        </select>
      </div>
      ${
        // It is listed as it was sent.
        this.#list === 'followed'
          ? nothing
          : html`<div class="hl7-filter">${FILTERS.map((name) => this.#field(name))}</div>`
      }
      ${this.#counts.view(this.#filter, (name, value) => {
        this.#linkable.add(value)
        this.#narrow(name, value)
      })}
      <p class="hl7-count">${this.#trouble || this.#countWords(node)}</p>
      ${this.#actions(node, chosen)} ${question.view('messages')}
      ${this.#rows.length === 0 ? nothing : this.#table(node)} ${this.#paging()}
    </section>`
  }

  /** What can be done with those that are ticked, or else with all that match, or have left; and with all that are listed. */
  #actions(node: NodeState, chosen: readonly MessageAnswer[]): TemplateResult {
    const desk = this.#desk
    const done = (): void => {
      this.#chosen.clear()
    }
    const listed: On = {
      ...onNode(node, desk),
      place: 'messages',
      list: this.#list,
      filter: this.#filter,
      done
    }
    const on = chosen.length === 0 ? listed : onRows(listed, 'messages', chosen)
    const matching = this.#matching
    const buttons =
      chosen.length > 0
        ? actionsAt('chosen', on, desk)
        : matching !== undefined
          ? actionsAt('matching', onMatching(listed, matching), desk)
          : haveLeft(listed)
            ? actionsAt('left', listed, desk)
            : undefined
    // No filter finds those that were sent just now: all of them are listed.
    const isAll = chosen.length === 0 && this.isFollowing
    const taken = isAll ? onRows(listed, 'messages', this.#rows) : on
    return html`${buttons === undefined ? nothing : html`<div class="hl7-buttons">${buttons}</div>`}
      <div class="hl7-buttons">${actionsAt('listed', taken, desk)}</div>`
  }

  #field(name: (typeof FILTERS)[number]): TemplateResult {
    const { text } = this.#desk
    return html`<input
      type="text"
      maxlength=${MAX_FILTER}
      spellcheck="false"
      aria-label=${text(`filter.${name}`)}
      placeholder=${text(`filter.${name}`)}
      .value=${this.#filter[name] ?? ''}
      @change=${({ target }: Event) => {
        this.#narrow(name, (target as HTMLInputElement).value.trim())
      }}
    />`
  }

  /** @param value `''` for any */
  #narrow(name: keyof MessageFilter, value: string): void {
    const { [name]: _, ...others } = this.#filter
    this.#filter = value === '' ? others : { ...others, [name]: value }
    this.#isFixed = true
    this.#start()
    this.#show()
  }

  #table(node: NodeState): TemplateResult {
    return rowTable({
      of: 'message',
      label: this.#desk.text('messages.title'),
      isTree: true,
      keys: this.#keys,
      steady: this.#steady,
      columns: ['tick', ...COLUMNS] as const,
      head: (column) => this.#head(column),
      rows: this.#steady.arrange(this.#rows),
      chosen: this.opened,
      row: (row) => this.#row(node, row)
    })
  }

  #head(column: MessageColumn | 'tick'): TemplateResult | string {
    const { text, draw } = this.#desk
    if (column === 'said' && this.#isMixed) return text('column.state')
    if (column !== 'tick') return text(`column.${column}`)
    const isAll = this.#rows.every(({ id }) => this.#chosen.has(id))
    return tickBox(text('messages.chooseAll'), isAll, () => {
      this.#chosen = new Set(isAll ? [] : this.#rows.map(({ id }) => id))
      void draw()
    })
  }

  #row(node: NodeState, row: MessageAnswer): TemplateResult {
    const { text } = this.#desk
    const { id } = row
    const isOpened = id === this.opened
    const isChosen = this.#chosen.has(id)
    const controlId = printable(row.controlId)
    // Where all are in one state, another one is said.
    const isSaid = this.#isMixed || row.state !== this.#list
    const columns = isSaid ? COLUMNS.with(-1, 'state') : COLUMNS
    return html`<tr
        role="row"
        data-key=${id}
        tabindex=${this.#keys.tabIndex(id)}
        aria-selected=${isChosen ? 'true' : 'false'}
        aria-expanded=${isOpened ? 'true' : 'false'}
      >
        <td role="gridcell" class="hl7-cell-tick">
          ${tickBox(text('messages.choose', { controlId }), isChosen, () => {
            this.#choose(id)
          })}
        </td>
        ${messageCells(columns, row, this.#desk)}
      </tr>
      ${
        isOpened
          ? html`<tr role="row" class="hl7-opened">
              <td role="gridcell" colspan=${COLUMNS.length + 1}>${this.#opened.view(node, row)}</td>
            </tr>`
          : nothing
      }`
  }

  #paging(): TemplateResult | typeof nothing {
    const { text } = this.#desk
    if (!this.#more && this.#pages.length === 0) return nothing
    const turn = (label: string, isThere: boolean, go: () => void): TemplateResult =>
      html`<button type="button" class="hl7-button" ?disabled=${!isThere} @click=${go}>
        ${label}
      </button>`
    return html`<div class="hl7-buttons">
      ${turn(text('messages.newer'), this.#pages.length > 0, () => {
        this.#pages.pop()
        this.#turned()
      })}
      ${turn(text('messages.older'), this.#more, () => {
        const last = this.#rows.at(-1)
        if (last !== undefined) this.#pages.push(last)
        this.#turned()
      })}
    </div>`
  }

  #turned(): void {
    this.#chosen.clear()
    this.#opened.close()
    void this.load()
  }

  /** Somebody wants this list. */
  #turnTo(list: List): void {
    this.#isFixed = true
    this.#startList(list)
    this.#show()
  }

  #show(): void {
    void this.#desk.draw()
    void this.load()
  }

  /** Starts a list: rows of the one before would be taken for its own. */
  #startList(list: List): void {
    this.#list = list
    this.#rows = []
    this.#more = false
    this.#isLoaded = false
    this.#start()
  }

  /** Starts at the first page, and drops what was counted or asked with an earlier filter. */
  #start(): void {
    this.#asked += 1
    this.#counts.forget()
    this.#pages = []
    this.#chosen.clear()
    this.#opened.close()
    this.#steady.release()
  }

  #choose(id: string): void {
    if (!this.#chosen.delete(id)) this.#chosen.add(id)
    void this.#desk.draw()
  }

  #open(id: string): void {
    const row = this.#rows.find((one) => one.id === id)
    const node = this.#node
    if (row === undefined || node === undefined) return
    if (id === this.opened) this.#opened.close()
    else this.#opened.open(node, row)
    void this.#desk.draw()
  }

  /** `30 delivered, 2 refused (NAK)` */
  #statesWords(): string {
    const counts = new Map<string, number>()
    for (const row of this.#rows) {
      const word = stateWord(row, this.#desk)
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
    return [...counts].map(([word, count]) => `${count} ${word}`).join(', ')
  }

  #countWords(node: NodeState): string {
    const { text } = this.#desk
    const matching = this.#matching
    if (matching !== undefined) {
      return text(matching.more ? 'count.matchingMore' : 'count.matching', {
        count: matching.count,
        all: node.suspended
      })
    }
    if (!this.#isLoaded) return ''
    if (this.#rows.length === 0) return text('count.none')
    if (this.#list === 'followed') return this.#statesWords()
    if (this.#pages.length > 0) {
      const from = this.#pages.length * LISTED + 1
      return text('count.from', { from, to: from + this.#rows.length - 1 })
    }
    const isAll = this.#list === 'suspended' && Object.keys(this.#filter).length === 0
    const newer = isAll ? node.suspended - this.#rows.length : 0
    if (!this.#more) return newer > 0 ? text('count.newer', { count: newer }) : ''
    return text(this.#list === 'queued' ? 'count.tried' : 'count.first', { n: this.#rows.length })
  }
}

/** What is listed, with how many there are of what waits for somebody. */
function listWords(list: Exclude<List, 'followed'>, node: NodeState, { text }: Desk): string {
  if (list === '') return text('messages.all')
  if (list === 'queued') return text('messages.queued', { count: node.queued })
  if (list === 'suspended') return text('state.SUSPENDED', { count: node.suspended })
  return text(`messageState.${list}`)
}
