import type { AllStates, History, MessageAnswer, NodeState } from '../../operations/answers.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { Refresh, requestTrouble } from './asking.ts'
import { type Desk, refusal } from './desk.ts'
import { element, setAttribute, setText } from './dom.ts'
import { Events } from './events.ts'
import { Find } from './find.ts'
import { MessageList } from './message-list.ts'
import { NodeDetails } from './node-details.ts'
import { NodeTable } from './node-table.ts'
import { QuestionBox } from './question.ts'
import { clockTime, type Text } from './times.ts'
import { nameOf, needsLook, reasonOf, stateOf } from './words.ts'

/** Without a tick, ages and figures are brought up to date so often, in milliseconds. */
const SLOWLY_MS = 10_000
/** The time ranges, in minutes. */
const RANGES = [60, 360, 1440] as const
/** More changes at once are counted, not read out one by one. */
const READ_OUT = 3

/** The tab: what there is on it, and when it is brought up to date. */
export class Tab {
  readonly element = element('div', { class: 'hl7-https-tab' })
  readonly #frame = element('div', { class: 'hl7-https-frame' })
  readonly #desk: Desk
  readonly #clock = element('span', { class: 'hl7-https-clock' })
  readonly #summary = element('span', { class: 'hl7-https-summary' })
  readonly #range = element('select')
  readonly #trouble = element('p', { class: 'hl7-https-trouble', role: 'alert' })
  /** What changed, for the ear. */
  readonly #news = element('div', { class: 'hl7-https-ear', role: 'status' })
  /** What came of an action. */
  readonly #outcome = element('p', { class: 'hl7-https-outcome', role: 'status' })
  readonly #below = element('div', { class: 'hl7-https-below' })
  readonly #table: NodeTable
  readonly #details: NodeDetails
  readonly #messages: MessageList
  readonly #events: Events
  readonly #refresh: Refresh
  /** The runtime's clock before the browser's. */
  #aheadMs = 0
  #states: AllStates | undefined
  #chosen: string | undefined
  /**
   * What the details were asked for last: they are asked again if it is something else now. Empty:
   * in any case, because a user waits for them.
   */
  #detailsOf = ''
  #history: { node: string; minutes: number; history: History } | undefined

  constructor(text: Text, language: string) {
    this.#refresh = new Refresh(() => this.#update(), SLOWLY_MS)
    const desk: Desk = {
      text,
      language,
      now: () => Date.now() + this.#aheadMs,
      question: new QuestionBox(text),
      nodes: () => this.#states?.nodes ?? [],
      say: (outcome, words) => {
        setText(this.#outcome, words)
        setAttribute(this.#outcome, 'data-level', outcome)
      },
      refresh: () => {
        this.#detailsOf = ''
        this.#refresh.now()
      },
      open: (node, message) => {
        this.#open(node, message)
      }
    }
    this.#desk = desk
    this.#table = new NodeTable(desk, (id) => {
      this.#choose(id)
    })
    this.#details = new NodeDetails(desk)
    this.#messages = new MessageList(desk)
    this.#events = new Events(desk)
    for (const minutes of RANGES) {
      this.#range.append(
        element('option', { value: String(minutes), text: text(`range.${minutes}`) })
      )
    }
    this.#range.setAttribute('aria-label', text('range.label'))
    this.#range.addEventListener('change', () => {
      desk.refresh()
    })
    this.#clock.title = text('clock')
    this.#trouble.hidden = true
    this.#below.hidden = true
    this.#below.append(this.#details.element, this.#messages.element, this.#events.element)
    this.#frame.append(
      element(
        'header',
        { class: 'hl7-https-head' },
        element('h1', { text: text('title') }),
        this.#clock,
        this.#range
      ),
      this.#trouble,
      this.#summary,
      this.#table.element,
      new Find(desk).element,
      this.#below,
      element('footer', {}, desk.question.element, this.#outcome),
      this.#news
    )
    this.element.append(this.#frame)
  }

  /** Whether somebody sees it. */
  look(looking: boolean): void {
    this.#refresh.look(looking && this.#mayRead())
  }

  /** Something changed in the runtime. */
  tick(): void {
    this.#refresh.now()
  }

  #mayRead(): boolean {
    const why = refusal(this.#desk, 'nodes')
    if (why !== '') this.#fail(why)
    return why === ''
  }

  /** Asks for all nodes, and for more of the chosen one if that has changed. Never rejects. */
  async #update(): Promise<void> {
    const { text, language, now } = this.#desk
    let states: AllStates
    try {
      states = await askNodeRed('nodes', {}, {})
    } catch (error) {
      const since = this.#states === undefined ? '' : text('trouble.old')
      this.#fail([requestTrouble(error, text), since].filter(Boolean).join(' '))
      return
    }
    this.#aheadMs = Date.parse(states.at) - Date.now()
    this.#trouble.hidden = true
    this.#readOut(this.#states?.nodes, states.nodes)
    this.#states = states
    setText(this.#clock, clockTime(states.at, now(), language, true))
    this.#show()
    await this.#updateDetails()
  }

  #fail(words: string): void {
    this.#trouble.hidden = false
    setText(this.#trouble, words)
  }

  #show(): void {
    const nodes = this.#states?.nodes ?? []
    const { text } = this.#desk
    if (!nodes.some(({ id }) => id === this.#chosen)) this.#chosen = nodes[0]?.id
    const inTrouble = nodes.filter((node) => needsLook(node, this.#desk)).length
    setText(
      this.#summary,
      nodes.length === 0
        ? text('summary.none')
        : inTrouble === 0
          ? text('summary.fine', { count: nodes.length })
          : text('summary.trouble', { n: inTrouble, count: nodes.length })
    )
    setAttribute(
      this.#summary,
      'data-level',
      nodes.length === 0 ? null : inTrouble === 0 ? 'good' : 'warn'
    )
    this.#table.show(nodes, this.#chosen)
    const node = nodes.find(({ id }) => id === this.#chosen)
    this.#below.hidden = node === undefined
    if (node === undefined) return
    this.#details.show(node)
    this.#showHistory()
    this.#messages.show(node)
    this.#events.show(node, this.#minutes)
  }

  async #updateDetails(): Promise<void> {
    const node = this.#states?.nodes.find(({ id }) => id === this.#chosen)
    if (node === undefined) return
    // As often as without ticks at least: pictures go on, and some events come late.
    const period = Math.floor(this.#desk.now() / SLOWLY_MS)
    const { acked, naked, failed, suspended, retrying, queued, state, retry, lastError } = node
    const now = JSON.stringify([
      ...[node.id, this.#range.value, period, acked, naked, failed, suspended, retrying, queued],
      ...[state, retry?.attempts, lastError, node.paused, node.token?.state]
    ])
    if (now === this.#detailsOf) return
    const wanted = this.#detailsOf === ''
    this.#detailsOf = now
    await Promise.all([this.#updateHistory(node), this.#messages.load(), this.#events.load(wanted)])
  }

  async #updateHistory({ id }: NodeState): Promise<void> {
    const minutes = this.#minutes
    try {
      const history = await askNodeRed('history', { id }, { minutes })
      this.#history = { node: id, minutes, history }
      this.#showHistory()
    } catch (error) {
      this.#desk.say('bad', requestTrouble(error, this.#desk.text))
    }
  }

  /** Nothing while that of this node and range has not arrived. */
  #showHistory(): void {
    const { node, minutes, history } = this.#history ?? {}
    const isIt = node === this.#chosen && minutes === this.#minutes
    this.#details.history(isIt ? history : undefined, this.#desk.text(`range.${this.#minutes}`))
  }

  get #minutes(): (typeof RANGES)[number] {
    return RANGES.find((minutes) => String(minutes) === this.#range.value) ?? 60
  }

  #choose(id: string): void {
    if (id !== this.#chosen) this.#desk.say('good', '')
    this.#chosen = id
    this.#below.scrollTop = 0
    this.#show()
    this.#refresh.now()
  }

  #open(node: string, message: MessageAnswer): void {
    this.#detailsOf = ''
    this.#choose(node)
    this.#messages.open(message)
  }

  /** Reads out what changed since the last answer. */
  #readOut(before: readonly NodeState[] | undefined, after: readonly NodeState[]): void {
    const { text } = this.#desk
    if (before === undefined) return
    const old = new Map(before.map((node) => [node.id, stateOf(node, this.#desk).word]))
    const changed = after.filter(
      (node) => node.state !== 'sending' && old.get(node.id) !== stateOf(node, this.#desk).word
    )
    if (changed.length === 0) return
    const news =
      changed.length > READ_OUT
        ? text('news.many', { count: changed.length })
        : changed
            .map((node) => {
              const said = [stateOf(node, this.#desk).word, reasonOf(node, this.#desk)]
              return `${nameOf(node)}: ${said.filter(Boolean).join(', ')}`
            })
            .join('. ')
    setText(this.#news, news)
  }
}
