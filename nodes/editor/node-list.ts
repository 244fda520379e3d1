import { html, nothing, render, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import { printable } from '../../src/printable.ts'
import type { AllStates, NodeState } from '../operations/answers.ts'
import { requestTrouble } from '../operations/page/asking.ts'
import type { Frame } from '../operations/page/frame.ts'
import { inFlow } from '../operations/page/in-flow.ts'
import { keepPlace } from '../operations/page/keep-place.ts'
import { Refresh } from '../operations/page/refresh.ts'
import { SteadyRows } from '../operations/page/steady-rows.ts'
import { clockTime } from '../operations/page/times.ts'
import type { Speech } from '../operations/page/told.ts'
import {
  callOf,
  countInTrouble,
  heldFor,
  namesOf,
  needsLook,
  shortWhyOf,
  shownState,
  summaryOf
} from '../operations/page/words.ts'

/** What the list needs of the editor. */
export interface ListFrame extends Pick<Frame, 'text' | 'ruleText' | 'language' | 'may'> {
  /** @throws {RequestError} */
  ask: () => Promise<AllStates>
  flow: NonNullable<Frame['flow']>
  /** Where the page is, on which one acts. */
  pageUrl: string
  attention: (count: number) => void
}

/** Without a tick, ages are brought up to date so often, in milliseconds. */
const SLOWLY_MS = 10_000
const READ = 'hl7-https-out.read'

/** All nodes, what needs somebody first: why, whom to call, and the way to the flow and to the page. */
export class NodeList {
  readonly #root: HTMLElement
  readonly #frame: ListFrame
  readonly #refresh = new Refresh(
    () => this.#update(),
    () => SLOWLY_MS
  )
  readonly #steady = new SteadyRows(() => {
    this.#draw()
    return Promise.resolve()
  })
  #states: AllStates | undefined
  /** Why nothing is known, or no longer. */
  #trouble = ''

  /** @param root the element that it fills */
  constructor(root: HTMLElement, frame: ListFrame) {
    this.#root = root
    this.#frame = frame
    this.#draw()
  }

  /** Whether somebody sees it. */
  look(looking: boolean): void {
    const mayRead = this.#frame.may(READ)
    if (!mayRead) this.#fail(this.#frame.text('trouble.permission', { permission: READ }))
    this.#refresh.look(looking && mayRead)
  }

  /** Something changed in the runtime. */
  tick(): void {
    this.#refresh.now()
  }

  /** Never rejects. */
  async #update(): Promise<void> {
    const { ask, attention, text } = this.#frame
    try {
      this.#states = await ask()
    } catch (error) {
      const old = this.#states === undefined ? '' : text('trouble.old')
      this.#fail([requestTrouble(error, text), old].filter(Boolean).join(' '))
      return
    }
    this.#trouble = ''
    attention(countInTrouble(this.#states.nodes))
    this.#draw()
  }

  #fail(words: string): void {
    this.#trouble = words
    this.#draw()
  }

  #draw(): void {
    keepPlace(this.#root, () => {
      render(this.#view(), this.#root)
    })
  }

  #view(): TemplateResult {
    const { pageUrl, text } = this.#frame
    const states = this.#states
    return html`
      <p class="hl7-head">${this.#toPage(pageUrl, text('openPage'))}</p>
      ${
        this.#trouble === ''
          ? nothing
          : html`<p class="hl7-trouble" role="alert">${this.#trouble}</p>`
      }
      <p class="hl7-summary" role="status">
        ${states === undefined ? nothing : summaryOf(states.nodes, text).words}
      </p>
      ${states === undefined ? nothing : this.#list(states)}
    `
  }

  #list({ at, nodes }: AllStates): TemplateResult {
    const { language, ruleText, text } = this.#frame
    const names = namesOf(nodes)
    const now = Date.parse(at)
    const speech: Speech = { language, ruleText, text, now: () => now }
    return html`<ul
      aria-label=${text('nodes.label')}
      @keydown=${this.#steady.hold}
      @pointermove=${this.#steady.hold}
      @pointerleave=${this.#steady.left}
    >
      ${repeat(
        this.#steady.arrange(nodes),
        ({ id }) => id,
        (node) => this.#node(node, names.get(node.id) ?? '', speech)
      )}
    </ul>`
  }

  #node(node: NodeState, name: string, speech: Speech): TemplateResult {
    const { flow, pageUrl, text } = this.#frame
    const { level, word } = shownState(node, speech)
    const since = clockTime(node.since, speech.now(), speech.language)
    const state = since === '' ? word : text('since', { state: word, since })
    const why = needsLook(node) ? shortWhyOf(node, speech) : ''
    const call = callOf(node, why, speech)
    const shown = inFlow(node.id, flow.has)
    return html`<li data-key=${node.id}>
      <p>
        <span class="hl7-dot" data-level=${level} aria-hidden="true"></span
        ><b>${printable(name, 160)}</b>
      </p>
      <p class="hl7-state">${[state, heldWords(node, speech)].filter(Boolean).join(' · ')}</p>
      ${why === '' ? nothing : html`<p class="hl7-why">${why}</p>`}
      ${call === '' ? nothing : html`<p class="hl7-contact">${call}</p>`}
      <p class="hl7-ways">
        <button
          type="button"
          aria-disabled=${shown === undefined ? 'true' : nothing}
          title=${shown === undefined ? text('trouble.notInEditor') : nothing}
          @click=${() => {
            if (shown !== undefined) flow.reveal(shown)
          }}
        >
          ${text('button.showInFlow')}
        </button>
        ${this.#toPage(`${pageUrl}#${new URLSearchParams({ node: node.id }).toString()}`, text('onPage'))}
      </p>
    </li>`
  }

  #toPage(href: string, words: string): TemplateResult {
    return html`<a href=${href} target="hl7-https-out-page">${words}</a>`
  }
}

/** `120 waiting for 31 min` */
function heldWords(node: NodeState, { text }: Speech): string {
  if (node.queued === 0) return ''
  const held = heldFor(node, text)
  return [node.queued, text('unit.waiting'), ...(held === '' ? [] : [text('unit.for'), held])].join(
    ' '
  )
}
