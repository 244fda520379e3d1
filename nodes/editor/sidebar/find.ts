import type { MessagePage, NodeState } from '../../operations/answers.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { askEach } from './asking.ts'
import type { Desk } from './desk.ts'
import { Button, element, setText } from './dom.ts'
import { cut } from './told.ts'
import { foundSentence, nameOf } from './words.ts'

/** Of one control ID, so many messages of a node are looked at. */
const LIMIT = 20
/** So many results are listed. */
const MAX_RESULTS = 50
/** MSH-10 has at most 199 characters. */
const MAX_CONTROL_ID = 199

/** Finds a message by its control ID, in all nodes: waiting or long gone. */
export class Find {
  readonly element = element('form', { class: 'hl7-https-find', role: 'search' })
  readonly #desk: Desk
  readonly #input = element('input', {
    type: 'text',
    id: 'hl7-https-find',
    maxlength: String(MAX_CONTROL_ID),
    spellcheck: 'false',
    autocomplete: 'off'
  })
  readonly #summary = element('p')
  readonly #results = element('ul')
  #asked = 0

  constructor(desk: Desk) {
    this.#desk = desk
    const { text } = desk
    const button = new Button('search', () => this.#find())
    button.show(text('find.button'))
    this.#results.hidden = true
    this.element.append(
      element(
        'div',
        { class: 'hl7-https-find-row' },
        element('label', { for: this.#input.id, text: text('find.label') }),
        this.#input,
        button.element
      ),
      element('div', { role: 'status' }, this.#summary, this.#results)
    )
    this.element.addEventListener('submit', (event) => {
      event.preventDefault()
    })
    this.#input.addEventListener('keydown', (event) => {
      event.stopPropagation()
      if (event.key === 'Enter') button.element.click()
      if (event.key === 'Escape') this.#clear()
    })
  }

  #clear(): void {
    this.#asked += 1
    this.#input.value = ''
    this.#results.replaceChildren()
    this.#results.hidden = true
    setText(this.#summary, '')
  }

  async #find(): Promise<void> {
    const { text, nodes } = this.#desk
    const controlId = this.#input.value.trim()
    if (controlId === '') {
      this.#clear()
      this.#input.focus()
      return
    }
    const asked = ++this.#asked
    setText(this.#summary, text('find.busy'))
    // What a node without a running instance holds, nobody can tell.
    const all = nodes().filter(({ state }) => state !== 'stopped')
    const pages = await askEach(all, ({ id }) =>
      askNodeRed('messages', { id }, { controlId, limit: LIMIT })
    )
    if (asked === this.#asked) this.#show(controlId, all, pages)
  }

  #show(
    controlId: string,
    nodes: readonly NodeState[],
    pages: readonly (MessagePage | undefined)[]
  ): void {
    const { text } = this.#desk
    const found = nodes
      .flatMap((node, index) => (pages[index]?.messages ?? []).map((row) => ({ node, row })))
      .sort((one, other) => other.row.acceptedAt.localeCompare(one.row.acceptedAt))
    const silent = pages.filter((page) => page === undefined).length
    const about = { controlId: cut(controlId, 80) }
    const items = found.slice(0, MAX_RESULTS).map(({ node, row }) => {
      const show = new Button('', () => {
        this.#desk.open(node.id, row)
      })
      show.show(text('find.show'))
      const name = nameOf(node)
      const words = foundSentence(row, name, this.#desk)
      // Of several, the line above names the control ID.
      const sentence = found.length === 1 ? `${about.controlId}: ${words}` : words
      show.element.setAttribute('aria-label', text('find.showOf', { sentence }))
      return element('li', {}, element('span', { text: sentence }), show.element)
    })
    this.#results.replaceChildren(...items)
    this.#results.hidden = items.length === 0
    setText(
      this.#summary,
      [
        found.length === 0 ? text('find.nothing', about) : '',
        found.length > 1 ? text('find.found', { ...about, n: found.length }) : '',
        found.length > MAX_RESULTS ? text('find.more', { n: MAX_RESULTS }) : '',
        silent > 0 ? text('find.silent', { count: silent }) : ''
      ]
        .filter(Boolean)
        .join(' ')
    )
  }
}
