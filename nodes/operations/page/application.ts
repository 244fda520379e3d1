import { html, nothing, render, type TemplateResult } from 'lit-html'
import type { AllStates, MessageAnswer, NodeState } from '../answers.ts'
import { AllMessages } from './all-messages.ts'
import { requestTrouble } from './asking.ts'
import { button, type Desk, whyGrey } from './desk.ts'
import { Events } from './events.ts'
import { Find } from './find.ts'
import type { Frame, Place } from './frame.ts'
import { keepPlace } from './keep-place.ts'
import { Latest } from './latest.ts'
import { MessageList } from './message-list.ts'
import { nodeDetails } from './node-details.ts'
import { NodeTable } from './node-table.ts'
import { Pictures } from './pictures.ts'
import { QuestionBox } from './question.ts'
import { Refresh } from './refresh.ts'
import { clockTime } from './times.ts'
import { causeText } from '../../../src/told.ts'
import {
  countInTrouble,
  namesOf,
  reasonOf,
  sharedTroubles,
  shownState,
  summaryOf
} from './words.ts'

/** More changes at once are counted, not read out one by one. */
const READ_OUT = 3

/** What came of an action. */
interface Outcome {
  level: 'good' | 'bad'
  words: string
  /** What somebody may want to read besides. */
  details: readonly string[]
  /** The messages that were sent, with their node. */
  sent?: { node: NodeState; ids: readonly string[] }
}
const NO_OUTCOME: Outcome = { level: 'good', words: '', details: [] }

/** What operators see: all nodes, and more of the chosen one. */
export class Application {
  readonly #root: HTMLElement
  readonly #frame: Frame
  readonly #desk: Desk
  readonly #table: NodeTable
  readonly #all: AllMessages
  readonly #find: Find
  readonly #messages: MessageList
  readonly #pictures: Pictures
  readonly #events: Events
  readonly #refresh: Refresh
  /** What is brought up to date beside the states. */
  readonly #parts: readonly Latest[]
  /** The runtime's clock before the browser's, in milliseconds. */
  #aheadMs = 0
  #states: AllStates | undefined
  #names: ReadonlyMap<string, string> = new Map()
  #chosen: string | undefined
  /** The chosen node, as it was last seen. */
  #node: NodeState | undefined
  /** Of a link: what is listed, or the message that is opened, as soon as the node is known. */
  #wanted: Omit<Place, 'node'> | undefined
  /** Why nothing is known, or no longer. */
  #trouble = ''
  /** What changed, for the ear. */
  #news = ''
  #outcome: Outcome = NO_OUTCOME
  #drawing: Promise<void> | undefined

  /**
   * @param root the element that it fills
   * @param place what is chosen at first
   */
  constructor(root: HTMLElement, frame: Frame, place: Place = {}) {
    this.#root = root
    this.#frame = frame
    this.#chosen = place.node
    this.#wanted = place
    this.#refresh = new Refresh(() => this.#update(), frame.everyMs)
    const draw = (): Promise<void> => this.#draw()
    const { text, ruleText, language } = frame
    this.#desk = {
      frame,
      text,
      ruleText,
      language,
      now: () => Date.now() + this.#aheadMs,
      question: new QuestionBox(text, draw),
      nodes: () => this.#states?.nodes ?? [],
      name: (id) => this.#names.get(id) ?? '',
      say: (level, words, of, { details = [], ids = [] } = {}) => {
        const name = of === undefined ? '' : this.#desk.name(of.id)
        const said = name === '' ? words : text('ofNode', { name, words })
        const sent = of === undefined || ids.length === 0 ? {} : { sent: { node: of, ids } }
        this.#outcome = { level, words: said, details, ...sent }
        void draw()
      },
      refresh: () => {
        this.#events.expire()
        this.#refresh.now()
      },
      open: (node, message) => {
        this.#open(node, message)
      },
      follow: (node, ids, opened) => {
        const isElse = this.#messages.opened !== opened || this.#desk.question.isOpen
        if (ids.length > 0 && node.id === this.#chosen && !isElse) this.#messages.follow(node, ids)
      },
      draw,
      busy: new Set()
    }
    this.#table = new NodeTable(this.#desk, (id, isEntered) => {
      this.#choose(id)
      void this.#reveal(isEntered)
    })
    this.#all = new AllMessages(this.#desk)
    this.#find = new Find(this.#desk, this.#all)
    this.#messages = new MessageList(this.#desk)
    this.#pictures = new Pictures(this.#desk)
    this.#events = new Events(this.#desk)
    const parts = [this.#all, this.#pictures, this.#messages, this.#events]
    this.#parts = parts.map((part) => new Latest(() => part.load()))
    void draw()
  }

  /** Whether somebody sees it. */
  look(looking: boolean): void {
    this.#refresh.look(looking && this.#mayRead())
  }

  /** Something changed in the runtime. */
  tick(): void {
    this.#refresh.now()
  }

  /** Chooses what a link names. */
  goTo(place: Place): void {
    const { node } = place
    if (node === undefined || isSame(place, this.#place)) return
    this.#choose(node)
    this.#wanted = place
  }

  get #place(): Place {
    const message = this.#messages.opened
    if (this.#chosen === undefined) return {}
    // What is listed is of the node that was chosen before.
    if (this.#node === undefined) return { node: this.#chosen }
    return {
      node: this.#chosen,
      ...(message === undefined ? this.#messages.place : { message })
    }
  }

  #mayRead(): boolean {
    const why = whyGrey(this.#desk, 'nodes')
    if (why !== '') this.#fail(why)
    return why === ''
  }

  /** Draws soon, once for all that changes until then. */
  #draw(): Promise<void> {
    this.#drawing ??= Promise.resolve().then(() => {
      this.#drawing = undefined
      keepPlace(this.#root, () => {
        render(this.#view(), this.#root)
      })
      this.#frame.chosen?.(this.#place)
    })
    return this.#drawing
  }

  #view(): TemplateResult {
    const { text, language, now } = this.#desk
    const outcome = this.#outcome
    const nodes = this.#states?.nodes ?? []
    return html`
      <header class="hl7-head">
        <h1>${text('title')}</h1>
        <span class="hl7-clock" title=${text('clock')}
          >${this.#states === undefined ? nothing : clockTime(this.#states.at, now(), language, true)}</span
        >
      </header>
      ${
        this.#trouble === ''
          ? nothing
          : html`<p class="hl7-trouble" role="alert">${this.#trouble}</p>`
      }
      ${this.#states === undefined ? nothing : this.#summary(nodes)}
      ${this.#table.view(nodes, this.#chosen)} ${this.#all.button(nodes)}
      ${nodes.length === 0 ? nothing : this.#find.view()} ${this.#all.view()} ${this.#below(nodes)}
      <footer>
        <p
          class="hl7-outcome"
          role="status"
          data-level=${outcome.words === '' ? nothing : outcome.level}
        >
          ${outcome.words}
        </p>
        ${
          // Beside a question, and once they are listed, it would only take room.
          outcome.sent === undefined || this.#desk.question.isOpen || this.#messages.isFollowing
            ? nothing
            : this.#followButton(outcome.sent)
        }
        ${
          outcome.details.length === 0
            ? nothing
            : html`<details class="hl7-outcome-details">
                <summary>${text('done.details')}</summary>
                <ul>
                  ${outcome.details.map((words) => html`<li>${words}</li>`)}
                </ul>
              </details>`
        }
      </footer>
      <div class="hl7-ear" role="status">${this.#news}</div>
    `
  }

  /** Each message that was sent, with what becomes of it. */
  #followButton({ node, ids }: NonNullable<Outcome['sent']>): TemplateResult {
    return html`<div class="hl7-buttons hl7-follow">
      ${button(this.#desk, {
        id: 'follow',
        label: this.#desk.text('button.follow', { count: ids.length }),
        press: () => {
          this.#choose(node.id)
          this.#messages.follow(node, ids)
        }
      })}
    </div>`
  }

  #summary(nodes: readonly NodeState[]): TemplateResult {
    const { text } = this.#desk
    const { level, words } = summaryOf(nodes, text)
    const shared = sharedTroubles(nodes).map(({ of, ...values }) => {
      const cause = causeText(values.cause, text)
      return html`<p class="hl7-summary" data-level="warn">
        ${text(`shared.${of}`, { ...values, cause })}
      </p>`
    })
    return html`<p class="hl7-summary" data-level=${level}>${words}</p>
      ${shared}`
  }

  /** The chosen node. While it is gone, what is open stays: it may only be restarted, and somebody writes there. */
  #below(nodes: readonly NodeState[]): TemplateResult {
    const { text } = this.#desk
    const node = this.#node
    const isGone =
      this.#states !== undefined &&
      this.#chosen !== undefined &&
      !nodes.some(({ id }) => id === this.#chosen)
    const words = [text('trouble.notFound'), node === undefined ? '' : text('trouble.old')]
    // Of one that does not run nothing more can be asked, and an empty list would say that there is nothing.
    const isRunning = node?.state !== 'stopped'
    return html`${
      isGone
        ? html`<p class="hl7-trouble" role="alert">${words.filter(Boolean).join(' ')}</p>`
        : nothing
    }
    ${
      node === undefined
        ? nothing
        : html`<div class="hl7-below">
            <div class="hl7-first-column">
              ${nodeDetails(node, this.#desk)} ${isRunning ? this.#messages.view() : nothing}
            </div>
            ${
              isRunning
                ? html`<div class="hl7-second-column">
                    ${this.#pictures.view()} ${this.#events.view()}
                  </div>`
                : nothing
            }
          </div>`
    }`
  }

  /** Asks for all nodes, and for more of the chosen one. Never rejects. */
  async #update(): Promise<void> {
    const { text } = this.#desk
    let states: AllStates
    try {
      states = await this.#frame.ask('nodes', {}, {})
    } catch (error) {
      const since = this.#states === undefined ? '' : text('trouble.old')
      this.#fail([requestTrouble(error, text), since].filter(Boolean).join(' '))
      return
    }
    this.#aheadMs = Date.parse(states.at) - Date.now()
    this.#trouble = ''
    this.#names = namesOf(states.nodes)
    this.#readOut(this.#states?.nodes, states.nodes)
    this.#states = states
    this.#frame.attention?.(countInTrouble(states.nodes))
    this.#show()
    await this.#draw()
    // What is slow, such as a long list, does not hold up the states.
    void this.#openWanted().then(() => {
      for (const part of this.#parts) part.run(this.#chosen ?? '')
    })
  }

  #fail(words: string): void {
    this.#trouble = words
    void this.#draw()
  }

  /** Hands the chosen node on; the first one, until another is chosen. A deploy may have it gone for a moment. */
  #show(): void {
    const nodes = this.#states?.nodes ?? []
    this.#chosen ??= nodes[0]?.id
    const node = nodes.find(({ id }) => id === this.#chosen)
    if (node === undefined) return
    this.#node = node
    this.#pictures.show(node)
    this.#messages.show(node)
    this.#events.show(node)
  }

  #choose(id: string): void {
    if (id !== this.#chosen) {
      this.#outcome = NO_OUTCOME
      this.#desk.question.close()
      this.#wanted = undefined
      this.#node = undefined
    }
    this.#chosen = id
    this.#show()
    void this.#draw()
    this.#refresh.now()
  }

  /** On a narrow screen, what can be done with the chosen node comes into sight; for the keyboard, the focus goes there. */
  async #reveal(isEntered: boolean): Promise<void> {
    await this.#draw()
    const details = this.#root.querySelector('.hl7-details')
    if (isEntered) details?.querySelector('h2')?.focus({ preventScroll: true })
    if (!isEntered && !isNarrow(this.#root)) return
    details?.querySelector('.hl7-buttons')?.scrollIntoView({ block: 'nearest' })
  }

  #open(id: string, message: MessageAnswer): void {
    this.#choose(id)
    const node = this.#states?.nodes.find((one) => one.id === id)
    if (node !== undefined) this.#messages.open(node, message)
  }

  /** Lists what a link named, or opens the message. */
  async #openWanted(): Promise<void> {
    const wanted = this.#wanted
    const node = this.#states?.nodes.find(({ id }) => id === this.#chosen)
    if (wanted === undefined || node === undefined) return
    this.#wanted = undefined
    this.#messages.goTo(wanted)
    const { message } = wanted
    if (message === undefined || node.state === 'stopped') return
    const { text, say } = this.#desk
    try {
      const params = { id: node.id, messageId: message }
      this.#open(node.id, await this.#frame.ask('message', params, { content: 'false' }))
    } catch (error) {
      say('bad', requestTrouble(error, text))
    }
  }

  /** Reads out what changed since the last answer. */
  #readOut(before: readonly NodeState[] | undefined, after: readonly NodeState[]): void {
    const { text, name } = this.#desk
    if (before === undefined) return
    const old = new Map(before.map((node) => [node.id, shownState(node, this.#desk).word]))
    const changed = after.filter(
      (node) => node.state !== 'sending' && old.get(node.id) !== shownState(node, this.#desk).word
    )
    if (changed.length === 0) return
    this.#news =
      changed.length > READ_OUT
        ? text('news.many', { count: changed.length })
        : changed
            .map((node) => {
              const said = [shownState(node, this.#desk).word, reasonOf(node, this.#desk)]
              return `${name(node.id)}: ${said.filter(Boolean).join(', ')}`
            })
            .join('. ')
  }
}

function isSame(one: Place, other: Place): boolean {
  const words = (place: Place): string => new URLSearchParams({ ...place }).toString()
  return words(one) === words(other)
}

/** Whether all is in one column, as in `application.css`. */
function isNarrow(root: HTMLElement): boolean {
  return root.clientWidth <= 44 * Number.parseFloat(getComputedStyle(root).fontSize)
}
