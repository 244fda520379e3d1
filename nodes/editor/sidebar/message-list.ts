import type {
  MessageContent,
  MessagePage,
  MessageRow,
  NodeState
} from '../../operations/answers.ts'
import { type MessageFilter, requestTrouble, routes } from './asking.ts'
import { type Desk, refusal } from './desk.ts'
import { Button, element, setText } from './dom.ts'
import { MessageText } from './message-text.ts'
import { RowTable } from './row-table.ts'
import { clockTime } from './times.ts'
import { cut } from './told.ts'
import { receiverSaid, stateWord } from './words.ts'

/** So many messages are listed. */
const LISTED = 100
/** To count the suspended messages that a filter fits, so many are asked for, and so often. */
const COUNTED = { page: 500, pages: 4 }
/** A filter is no longer than what it is compared with. */
const MAX_FILTER = 200

/** What can be listed; `''` is everything. */
const STATES = ['suspended', 'retrying', 'awaiting', 'waiting', 'naked', 'failed', 'acked', '']
/** No longer in the queue. */
const HAS_LEFT: readonly string[] = ['acked', 'naked', 'failed']

/** The messages of the chosen node, and what can be done with one or with those that a filter fits. */
export class MessageList {
  readonly element = element('section', { class: 'hl7-https-messages' })
  readonly #desk: Desk
  readonly #table: RowTable<MessageRow>
  readonly #title = element('h3', { tabindex: '-1' })
  readonly #state = element('select', {})
  readonly #fields: Record<keyof MessageFilter, HTMLInputElement>
  readonly #count = element('p', { class: 'hl7-https-count' })
  readonly #bulkResend: Button
  readonly #bulkDiscard: Button
  readonly #bulk = element('div', { class: 'hl7-https-buttons' })
  readonly #one = element('div', { class: 'hl7-https-buttons' })
  readonly #show: Button
  readonly #resend: Button
  readonly #discard: Button
  readonly #content: MessageText
  #node: NodeState | undefined
  /** The user chose what is listed. */
  #fixed = false
  #rows: readonly MessageRow[] = []
  #more = false
  #chosen: string | undefined
  /** So many suspended messages fit the filter; undefined without a filter. */
  #fitting: { count: number; more: boolean } | undefined
  /** Counts the questions, so that a late answer to an earlier one is not shown. */
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
    const { text } = desk
    this.#table = new RowTable<MessageRow>({
      label: text('messages.label'),
      className: 'hl7-https-message-rows',
      columns: ['at', 'controlId', 'type', 'tries', 'said'].map((id) => ({
        id,
        title: text(`column.${id}`)
      })),
      key: ({ id }) => id,
      cells: (row) => this.#cells(row),
      choose: (key) => {
        this.#choose(key === this.#chosen ? undefined : key)
      }
    })
    const refused = (why: string): void => {
      desk.say('bad', why)
    }
    const button = (icon: string, press: () => Promise<void>): Button =>
      new Button(icon, press, refused)
    this.#bulkResend = button('repeat', () => this.#bulkAct('resend'))
    this.#bulkDiscard = button('trash-o', () => this.#bulkAct('discard'))
    this.#show = button('file-text-o', () => this.#showContent())
    this.#resend = button('repeat', () => this.#actOnOne('resend'))
    this.#discard = button('trash-o', () => this.#actOnOne('discard'))
    this.#content = new MessageText(desk)
    this.#bulk.append(this.#bulkResend.element, this.#bulkDiscard.element)
    this.#one.append(this.#show.element, this.#resend.element, this.#discard.element)

    for (const state of STATES) {
      this.#state.append(
        element('option', { value: state, text: text(`list.${state === '' ? 'all' : state}`) })
      )
    }
    this.#state.setAttribute('aria-label', text('messages.which'))
    this.#state.addEventListener('change', () => {
      this.#fixed = true
      void this.#filterChanged()
    })
    const field = (name: string): HTMLInputElement => {
      const made = element('input', {
        type: 'text',
        maxlength: String(MAX_FILTER),
        spellcheck: 'false',
        'aria-label': text(`filter.${name}`),
        placeholder: text(`filter.${name}`)
      })
      made.addEventListener('change', () => void this.#filterChanged())
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
      this.#bulk,
      element('div', { class: 'hl7-https-scroll' }, this.#table.element),
      this.#one,
      this.#content.element
    )
  }

  /** Shows what is known of a node; its messages come with `load`. */
  show(node: NodeState): void {
    if (node.id !== this.#node?.id) {
      this.#asked += 1
      this.#rows = []
      this.#more = false
      this.#fitting = undefined
      this.#fixed = false
      for (const field of Object.values(this.#fields)) field.value = ''
      this.#choose(undefined)
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
    const filter = this.#filter()
    const state = this.#state.value
    try {
      const page = await routes.messages(node.id, { state, ...filter, limit: LISTED })
      const fitting =
        state === 'suspended' && Object.keys(filter).length > 0
          ? await this.#countFitting(node.id, filter, page)
          : undefined
      if (asked !== this.#asked) return
      this.#rows = page.messages
      this.#more = page.more
      this.#fitting = fitting
      this.#update()
    } catch (error) {
      if (asked !== this.#asked) return
      setText(this.#count, requestTrouble(error, this.#desk.text))
    }
  }

  /** Chooses a message that the search found. */
  async open(message: MessageRow): Promise<void> {
    this.#fields.controlId.value = message.controlId
    this.#state.value = ''
    this.#fixed = true
    await this.load()
    this.#choose(message.id)
    this.#table.focus(message.id)
  }

  #filter(): MessageFilter {
    const filter: MessageFilter = {}
    for (const name of ['controlId', 'type', 'rule'] as const) {
      const value = this.#fields[name].value.trim()
      if (value !== '') filter[name] = value
    }
    return filter
  }

  async #filterChanged(): Promise<void> {
    this.#choose(undefined)
    await this.load()
  }

  /** How many suspended messages fit a filter: what a button says must be what it does. */
  async #countFitting(
    node: string,
    filter: MessageFilter,
    first: MessagePage
  ): Promise<{ count: number; more: boolean }> {
    let count = first.messages.length
    let page = first
    for (let asked = 0; page.more && asked < COUNTED.pages; asked++) {
      const before = page.messages.at(-1)?.id
      if (before === undefined) break
      const question = { state: 'suspended', ...filter, before, limit: COUNTED.page }
      page = await routes.messages(node, question)
      count += page.messages.length
    }
    return { count, more: page.more }
  }

  #cells(row: MessageRow) {
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
    if (id !== this.#chosen) this.#content.clear()
    this.#chosen = id
    this.#update()
  }

  #update(): void {
    const { text } = this.#desk
    const node = this.#node
    if (node === undefined) return
    setText(this.#title, text('messages.title'))
    const hadFocus = this.element.contains(document.activeElement)
    this.#table.update(this.#rows, this.#chosen)
    this.#table.element.hidden = this.#rows.length === 0
    setText(this.#count, this.#countWords(node))

    const write = refusal(this.#desk, 'hl7-https-out.write')
    const fitting = this.#fitting
    this.#bulk.hidden = fitting === undefined || fitting.count === 0
    if (fitting !== undefined) {
      const count = `${fitting.count}${fitting.more ? '+' : ''}`
      this.#bulkResend.show(text('button.resendThese', { n: count }), write)
      this.#bulkDiscard.show(text('button.discardThese', { n: count }), write)
    }

    const row = this.#rows.find(({ id }) => id === this.#chosen)
    this.#one.hidden = row === undefined
    if (row === undefined) {
      this.#content.clear()
    } else {
      const suspended = row.state === 'suspended' ? '' : text('trouble.notSuspended')
      const left = HAS_LEFT.includes(row.state) ? text('trouble.left') : ''
      this.#show.show(
        text('button.showMessage'),
        refusal(this.#desk, 'hl7-https-out.content') || left
      )
      this.#resend.show(text('button.resendOne'), write || suspended)
      this.#discard.show(text('button.discardOne'), write || suspended)
    }
    // The chosen message left, and its buttons with it.
    if (hadFocus && !isFocused(this.element) && !this.#table.focus()) this.#title.focus()
  }

  #countWords(node: NodeState): string {
    const { text } = this.#desk
    const fitting = this.#fitting
    if (fitting !== undefined) {
      return text(fitting.more ? 'count.fittingMore' : 'count.fitting', {
        n: fitting.count,
        all: node.suspended
      })
    }
    if (this.#rows.length === 0) return text('count.none')
    if (this.#more) return text('count.first', { n: this.#rows.length })
    return ''
  }

  async #bulkAct(action: 'resend' | 'discard'): Promise<void> {
    const { text, question } = this.#desk
    const node = this.#node
    const fitting = this.#fitting
    const filter = this.#filter()
    if (node === undefined || fitting === undefined) return
    const count = fitting.count
    const values = {
      count,
      n: `${count}${fitting.more ? '+' : ''}`,
      filter: Object.values(filter).join(', ')
    }
    const consent = await question.ask({
      title: text(`question.${action}These`, values),
      ...(action === 'resend' && count > 1 ? { check: text('question.firstAlone') } : {}),
      confirm: text(`button.${action}These`, values)
    })
    if (consent === undefined) return
    await this.#act(async () => {
      const first = action === 'resend' && count > 1 ? { firstAlone: consent.checked } : {}
      const { found } = await routes.bulk(node.id, action, { ...filter, ...first })
      return text(action === 'resend' ? 'done.resent' : 'done.discarded', { count: found })
    })
  }

  async #actOnOne(action: 'resend' | 'discard'): Promise<void> {
    const { text, question } = this.#desk
    const node = this.#node
    const row = this.#rows.find(({ id }) => id === this.#chosen)
    if (node === undefined || row === undefined) return
    const controlId = cut(row.controlId, 80)
    if (action === 'discard') {
      const consent = await question.ask({
        title: text('question.discardOne', { controlId }),
        confirm: text('button.discardThis')
      })
      if (consent === undefined) return
    }
    await this.#act(async () => {
      await routes.one(node.id, row.id, action)
      return text(action === 'resend' ? 'done.resentOne' : 'done.discardedOne', { controlId })
    })
  }

  async #act(work: () => Promise<string>): Promise<void> {
    const { text, say, refresh } = this.#desk
    try {
      say('good', await work())
    } catch (error) {
      say('bad', requestTrouble(error, text))
    }
    refresh()
    await this.load()
  }

  async #showContent(): Promise<void> {
    const { text, say, refresh } = this.#desk
    const node = this.#node
    const id = this.#chosen
    if (node === undefined || id === undefined) return
    let content: MessageContent
    try {
      content = await routes.content(node.id, id)
    } catch (error) {
      say('bad', requestTrouble(error, text))
      return
    }
    // Another message may have been chosen meanwhile.
    if (this.#chosen === id && this.#node?.id === node.id) this.#content.show(content)
    // That it was shown is an event.
    refresh()
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
