import type { EventRow, NodeState } from '../../operations/answers.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { askEach, requestTrouble } from './asking.ts'
import { csv } from './csv.ts'
import type { Desk } from './desk.ts'
import { Button, element, setText } from './dom.ts'
import { clockTime } from './times.ts'
import { cut, told } from './told.ts'
import { eventSentence, nameOf } from './words.ts'

/** So many events are listed, and at most so many of each node written to a file. */
const LISTED = 50
const IN_FILE = 1000
/** Those of all nodes take a request for each: no more often than this without being asked, in ms. */
const ALL_EVERY_MS = 30_000

/** An event, and whose it is. */
type NodeEvent = EventRow & { node: string }

/** What happened to the chosen node, or to all: newest first. */
export class Events {
  readonly element = element('section', { class: 'hl7-https-events' })
  readonly #desk: Desk
  readonly #list = element('ul')
  readonly #note = element('p', { class: 'hl7-https-count' })
  readonly #which = element('select')
  #node: NodeState | undefined
  #minutes = 60
  #asked = 0
  #allAt = -Infinity

  constructor(desk: Desk) {
    this.#desk = desk
    const { text } = desk
    for (const which of ['node', 'all'] as const) {
      this.#which.append(element('option', { value: which, text: text(`events.${which}`) }))
    }
    this.#which.setAttribute('aria-label', text('events.which'))
    this.#which.addEventListener('change', () => void this.load(true))
    const file = new Button('download', () => this.#download())
    file.show(text('events.csv'))
    this.element.append(
      element(
        'div',
        { class: 'hl7-https-heading' },
        element('h3', { text: text('events.title') }),
        this.#which,
        file.element
      ),
      this.#note,
      this.#list
    )
  }

  show(node: NodeState, minutes: number): void {
    if (node.id !== this.#node?.id && this.#which.value === 'node') {
      this.#asked += 1
      this.#list.replaceChildren()
      setText(this.#note, '')
    }
    this.#node = node
    this.#minutes = minutes
  }

  /**
   * Asks for the events that are shown. Never rejects.
   *
   * @param wanted a user wants them now
   */
  async load(wanted = false): Promise<void> {
    if (this.#which.value === 'all') {
      if (!wanted && performance.now() < this.#allAt + ALL_EVERY_MS) return
      this.#allAt = performance.now()
    }
    const asked = ++this.#asked
    const { events, failed } = await this.#ask(LISTED)
    if (asked !== this.#asked) return
    const { text, language, now } = this.#desk
    const named = this.#which.value === 'all'
    const items = events.slice(0, LISTED).map((event) =>
      element(
        'li',
        {},
        element('time', {
          datetime: event.at,
          text: clockTime(event.at, now(), language)
        }),
        element('span', {
          text: [named ? event.node : '', eventSentence(event, this.#desk)]
            .filter(Boolean)
            .join(': ')
        })
      )
    )
    const before = this.#list.textContent
    const list = element('ul', {}, ...items)
    if (list.textContent !== before) this.#list.replaceChildren(...items)
    setText(this.#note, failed || (items.length === 0 ? text('events.none') : ''))
  }

  /** @returns the events, and why some are missing, in words */
  async #ask(limit: number): Promise<{ events: NodeEvent[]; failed: string }> {
    const { nodes, text, now } = this.#desk
    const since = new Date(now() - this.#minutes * 60_000).toISOString()
    let failed = ''
    const asked =
      this.#which.value === 'all' ? nodes() : this.#node === undefined ? [] : [this.#node]
    const running = asked.filter(({ state }) => state !== 'stopped')
    const pages = await askEach(running, async ({ id }) => {
      try {
        return await askNodeRed('events', { id }, { since, limit })
      } catch (error) {
        failed = requestTrouble(error, text)
        throw error
      }
    })
    const events = running.flatMap((node, index) =>
      (pages[index]?.events ?? []).map((event) => ({ ...event, node: nameOf(node) }))
    )
    return { events: events.sort((one, other) => other.at.localeCompare(one.at)), failed }
  }

  async #download(): Promise<void> {
    const { text, say } = this.#desk
    const { events, failed } = await this.#ask(IN_FILE)
    if (failed !== '') say('bad', failed)
    const head = (['at', 'node', 'kind', 'by', 'text'] as const).map((name) => text(`csv.${name}`))
    const rows = events.map((event) => [
      event.at,
      event.node,
      event.kind,
      event.by,
      told(event, event.text, this.#desk)
    ])
    // The mark at its beginning tells a spreadsheet that it is UTF-8.
    const blob = new Blob(['\u{feff}', csv([head, ...rows])], { type: 'text/csv;charset=utf-8' })
    const url = URL.createObjectURL(blob)
    const name = this.#which.value === 'all' ? 'all' : cut(this.#node?.id ?? '', 40)
    element('a', { href: url, download: `hl7-events-${name}.csv` }).click()
    setTimeout(() => {
      URL.revokeObjectURL(url)
    }, 10_000)
  }
}
