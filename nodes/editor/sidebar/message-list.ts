import type { MessagePage, MessageAnswer, NodeState } from '../../operations/answers.ts'
import type { MessageFilter } from '../../operations/questions.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { requestTrouble } from './asking.ts'
import type { Desk } from './desk.ts'
import { element, setText } from './dom.ts'
import { type Matching, MessageActions } from './message-actions.ts'
import { RowTable } from './row-table.ts'
import { clockTime } from './times.ts'
import { cut } from './told.ts'
import { receiverSaid, stateWord } from './words.ts'

/** So many messages are listed. */
const LISTED = 100
/** To count the suspended messages that match a filter, so many are asked for, and so often. */
const COUNTED = { page: 500, pages: 4 }
/** A filter is no longer than what it is compared with. */
const MAX_FILTER = 200

/** What can be listed; `''` is everything. */
const STATES = [
  'suspended',
  'retrying',
  'awaiting',
  'waiting',
  'naked',
  'failed',
  'acked',
  ''
] as const
/** The messages of the chosen node. */
export class MessageList {
  readonly element = element('section', { class: 'hl7-https-messages' })
  readonly #desk: Desk
  readonly #table: RowTable<MessageAnswer>
  readonly #title = element('h3', { tabindex: '-1' })
  readonly #state = element('select', {})
  readonly #fields: Record<keyof MessageFilter, HTMLInputElement>
  readonly #count = element('p', { class: 'hl7-https-count' })
  readonly #actions: MessageActions
  #node: NodeState | undefined
  /** The user chose what is listed. */
  #fixed = false
  #filter: MessageFilter = {}
  #rows: readonly MessageAnswer[] = []
  #more = false
  #chosen: string | undefined
  /** The search found the chosen message: it has the focus once it is listed. */
  #focusChosen = false
  /** Undefined without a filter, and until it has been counted what matches. */
  #matching: Matching | undefined
  /** Counts the questions, so that a late answer to an earlier one is not shown. */
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
    const { text } = desk
    this.#table = new RowTable<MessageAnswer>({
      label: text('messages.title'),
      className: 'hl7-https-message-rows',
      columns: (['at', 'controlId', 'type', 'tries', 'said'] as const).map((id) => ({
        id,
        title: text(`column.${id}`)
      })),
      key: ({ id }) => id,
      cells: (row) => this.#cells(row),
      choose: (key) => {
        this.#choose(key === this.#chosen ? undefined : key)
      }
    })
    this.#actions = new MessageActions(desk)
    setText(this.#title, text('messages.title'))
    for (const state of STATES) {
      this.#state.append(
        element('option', {
          value: state,
          text: text(state === '' ? 'messages.all' : `messageState.${state}`)
        })
      )
    }
    this.#state.setAttribute('aria-label', text('messages.which'))
    this.#state.addEventListener('change', () => {
      this.#fixed = true
      this.#filterChanged()
    })
    const field = (name: keyof MessageFilter): HTMLInputElement => {
      const made = element('input', {
        type: 'text',
        maxlength: String(MAX_FILTER),
        spellcheck: 'false',
        'aria-label': text(`filter.${name}`),
        placeholder: text(`filter.${name}`)
      })
      made.addEventListener('change', () => {
        this.#filterChanged()
      })
      made.addEventListener('keydown', (event) => {
        event.stopPropagation()
      })
      return made
    }
    this.#fields = { controlId: field('controlId'), type: field('type'), rule: field('rule') }
    this.element.append(
      element('div', { class: 'hl7-https-heading' }, this.#title, this.#state),
      element('div', { class: 'hl7-https-filter' }, ...Object.values(this.#fields)),
      this.#count,
      this.#actions.many,
      element('div', { class: 'hl7-https-scroll' }, this.#table.element),
      this.#actions.one
    )
  }

  /** Shows what is known of a node; its messages come with `load`. */
  show(node: NodeState): void {
    if (node.id !== this.#node?.id) {
      this.#rows = []
      this.#more = false
      this.#fixed = false
      this.#clearFields()
      this.#readFilter()
    }
    this.#node = node
    if (!this.#fixed) this.#state.value = mostTelling(node)
    this.#update()
  }

  /** Asks for the messages of the node that is shown. Never rejects. */
  async load(): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    const asked = ++this.#asked
    const filter = this.#filter
    const state = this.#state.value
    try {
      const page = await askNodeRed(
        'messages',
        { id: node.id },
        { state, ...filter, limit: LISTED }
      )
      const matching =
        state === 'suspended' && Object.keys(filter).length > 0
          ? await this.#countMatching(node.id, filter, page)
          : undefined
      if (asked !== this.#asked) return
      this.#rows = page.messages
      this.#more = page.more
      this.#matching = matching
      this.#update()
      if (this.#focusChosen && this.#chosen !== undefined) this.#table.focus(this.#chosen)
      this.#focusChosen = false
    } catch (error) {
      if (asked !== this.#asked) return
      setText(this.#count, requestTrouble(error, this.#desk.text))
    }
  }

  /** Chooses a message that the search found; it is listed with the next `load`. */
  open(message: MessageAnswer): void {
    this.#clearFields()
    this.#fields.controlId.value = message.controlId
    this.#state.value = ''
    this.#fixed = true
    this.#readFilter()
    this.#choose(message.id)
    this.#focusChosen = true
  }

  #clearFields(): void {
    for (const field of Object.values(this.#fields)) field.value = ''
  }

  #filterChanged(): void {
    this.#readFilter()
    this.#update()
    void this.load()
  }

  /** What was counted or is being asked with another filter counts no longer. */
  #readFilter(): void {
    this.#asked += 1
    this.#matching = undefined
    this.#chosen = undefined
    this.#filter = {}
    for (const name of ['controlId', 'type', 'rule'] as const) {
      const value = this.#fields[name].value.trim()
      if (value !== '') this.#filter[name] = value
    }
  }

  /** Which suspended messages match a filter: what a button says must be what it does. */
  async #countMatching(node: string, filter: MessageFilter, first: MessagePage): Promise<Matching> {
    let count = first.messages.length
    let page = first
    for (let asked = 0; page.more && asked < COUNTED.pages; asked++) {
      const before = page.messages.at(-1)?.id
      if (before === undefined) break
      const question = { state: 'suspended', ...filter, before, limit: COUNTED.page }
      page = await askNodeRed('messages', { id: node }, question)
      count += page.messages.length
    }
    return { filter, count, more: page.more }
  }

  #cells(row: MessageAnswer) {
    const { language, now } = this.#desk
    const listed = this.#state.value
    const said = receiverSaid(row, this.#desk)
    return {
      at: { text: clockTime(row.settledAt ?? row.acceptedAt, now(), language, true) },
      controlId: { text: cut(row.controlId, 80) },
      type: { text: cut(row.type, 30) },
      tries: {
        text: String(row.attempts),
        unit: this.#desk.text('unit.tries', { count: row.attempts })
      },
      said: {
        text: listed === '' ? [stateWord(row, this.#desk), said].filter(Boolean).join(': ') : said
      }
    }
  }

  #choose(id: string | undefined): void {
    this.#chosen = id
    this.#focusChosen = false
    this.#update()
  }

  #update(): void {
    const node = this.#node
    if (node === undefined) return
    const hadFocus = this.element.contains(document.activeElement)
    this.#table.update(this.#rows, this.#chosen)
    this.#table.element.hidden = this.#rows.length === 0
    setText(this.#count, this.#countWords(node))

    const row = this.#rows.find(({ id }) => id === this.#chosen)
    this.#actions.show(node, row, this.#matching)
    // The chosen message left, and its buttons with it.
    if (hadFocus && !isFocused(this.element) && !this.#table.focus()) this.#title.focus()
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
    if (this.#rows.length === 0) return text('count.none')
    if (this.#more) return text('count.first', { n: this.#rows.length })
    return ''
  }
}

function isFocused(within: Element): boolean {
  const focused = document.activeElement
  return focused !== null && within.contains(focused) && focused.checkVisibility()
}

/** What somebody wants to see of a node. */
function mostTelling(node: NodeState): string {
  if (node.suspended > 0) return 'suspended'
  return node.retrying > 0 ? 'retrying' : ''
}
