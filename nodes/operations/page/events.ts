import { html, nothing, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import type { EventRow, NodeState } from '../answers.ts'
import { RequestError } from '../route-request.ts'
import { askEach, requestTrouble } from './asking.ts'
import { csv } from './csv.ts'
import { button, type Desk } from './desk.ts'
import { csvFile, saveFile } from './save-file.ts'
import { clockTime } from './times.ts'
import { told } from './told.ts'
import { eventSentence } from './words.ts'

/** So many events are listed, and at most so many of each node written to a file. */
const LISTED = 50
const IN_FILE = 1000
/** Those of all nodes take a request for each: no more often than this without being asked, in ms. */
const ALL_EVERY_MS = 30_000
/** The time ranges, in minutes. */
const RANGES = [60, 360, 1440] as const

/** An event, and whose it is. */
type NodeEvent = EventRow & { node: string }

/** What happened to the chosen node, or to all: newest first. */
export class Events {
  readonly #desk: Desk
  #events: readonly NodeEvent[] = []
  #note = ''
  #which: 'node' | 'all' = 'node'
  #node: NodeState | undefined
  #minutes: (typeof RANGES)[number] = 1440
  #asked = 0
  #allAt = -Infinity

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Another node, perhaps. */
  show(node: NodeState): void {
    if (node.id !== this.#node?.id && this.#which === 'node') {
      this.#asked += 1
      this.#events = []
      this.#note = ''
    }
    this.#node = node
  }

  view(): TemplateResult {
    const desk = this.#desk
    const { text, language, now } = desk
    const option = (value: string, chosen: string, words: string): TemplateResult =>
      html`<option value=${value} .selected=${value === chosen}>${words}</option>`
    return html`<section class="hl7-events">
      <div class="hl7-heading">
        <h3 tabindex="-1">${text('events.title')}</h3>
        <select
          aria-label=${text('events.which')}
          @change=${({ target }: Event) => {
            this.#which = (target as HTMLSelectElement).value === 'all' ? 'all' : 'node'
            this.expire()
            void this.load()
          }}
        >
          ${(['node', 'all'] as const).map((which) =>
            option(which, this.#which, text(`events.${which}`))
          )}
        </select>
        <select
          aria-label=${text('range.label')}
          @change=${({ target }: Event) => {
            const chosen = (target as HTMLSelectElement).value
            this.#minutes = RANGES.find((minutes) => String(minutes) === chosen) ?? 1440
            this.expire()
            void this.load()
          }}
        >
          ${RANGES.map((minutes) =>
            option(String(minutes), String(this.#minutes), text(`range.${minutes}`))
          )}
        </select>
        ${button(desk, { id: 'csv', label: text('events.csv'), press: () => this.#download() })}
      </div>
      ${this.#note === '' ? nothing : html`<p class="hl7-count">${this.#note}</p>`}
      <ul>
        ${repeat(
          this.#events.slice(0, LISTED),
          ({ at, kind, node }, index) => `${node} ${at} ${kind} ${index}`,
          (event) =>
            html`<li>
              <time datetime=${event.at}>${clockTime(event.at, now(), language, true)}</time>
              <span
                >${[this.#which === 'all' ? event.node : '', eventSentence(event, desk)]
                  .filter(Boolean)
                  .join(': ')}</span
              >
            </li>`
        )}
      </ul>
    </section>`
  }

  /** Those that are shown are no longer enough. */
  expire(): void {
    this.#allAt = -Infinity
  }

  /** Asks for the events that are shown. Never rejects. */
  async load(): Promise<void> {
    if (this.#which === 'all') {
      if (performance.now() < this.#allAt + ALL_EVERY_MS) return
      this.#allAt = performance.now()
    }
    const asked = ++this.#asked
    const { events, failed } = await this.#ask(LISTED)
    if (asked !== this.#asked) return
    this.#events = events
    this.#note = failed || (events.length === 0 ? this.#desk.text('events.none') : '')
    void this.#desk.draw()
  }

  /** @returns the events, and why some are missing, in words */
  async #ask(limit: number): Promise<{ events: NodeEvent[]; failed: string }> {
    const { nodes, text, now, frame, name } = this.#desk
    const since = new Date(now() - this.#minutes * 60_000).toISOString()
    const asked = this.#which === 'all' ? nodes() : this.#node === undefined ? [] : [this.#node]
    const running = asked.filter(({ state }) => state !== 'stopped')
    const pages = await askEach(running, async ({ id }) => {
      const { events } = await frame.ask('events', { id }, { since, limit })
      return events.map((event) => ({ ...event, node: name(id) }))
    })
    const events = pages.flatMap((page) => (page instanceof RequestError ? [] : page))
    const refusal = pages.find((page) => page instanceof RequestError)
    return {
      events: events.sort((one, other) => other.at.localeCompare(one.at)),
      failed: refusal === undefined ? '' : requestTrouble(refusal, text)
    }
  }

  async #download(): Promise<void> {
    const { text, say } = this.#desk
    const { events, failed } = await this.#ask(IN_FILE)
    if (failed !== '') say('bad', failed)
    const head = (['at', 'node', 'kind', 'by', 'text'] as const).map((column) =>
      text(`csv.${column}`)
    )
    const rows = events.map((event) => [
      event.at,
      event.node,
      event.kind,
      event.by,
      told(event, event.text, this.#desk)
    ])
    const file = `hl7-events-${this.#which === 'all' ? 'all' : (this.#node?.id ?? '')}.csv`
    saveFile(file, csvFile(csv([head, ...rows])))
  }
}
