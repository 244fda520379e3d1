import { html, nothing, type TemplateResult } from 'lit-html'
import { ERROR_CODES } from '../../../src/hl7/error-codes.ts'
import { printable } from '../../../src/printable.ts'
import { SET_ASIDE } from '../../../src/queue/message-row.ts'
import { causeText } from '../../../src/told.ts'
import type { MessageCountsAnswer, NodeState } from '../answers.ts'
import type { MessageFilter } from '../questions.ts'
import { RequestError } from '../route-request.ts'
import { button, type Desk } from './desk.ts'
import type { List, Matching } from './message-query.ts'
import { ruleWords } from './rule.ts'

/** What can be chosen by a click, in this order. */
const KINDS = [
  { name: 'error', counted: 'errors' },
  { name: 'type', counted: 'types' },
  { name: 'rule', counted: 'rules' }
] as const
type Name = (typeof KINDS)[number]['name']

/** So many of a kind are offered. */
const OFFERED = 6
/** Counting takes at most this part of the time: it looks at every message of a list. */
const PART_OF_TIME = 1 / 20

/** The lists whose messages are counted, with the figure that changes when they do. */
const COUNTED: Readonly<Partial<Record<List, 'suspended' | 'naked' | 'failed'>>> = {
  suspended: 'suspended',
  naked: 'naked',
  failed: 'failed'
}

/** How many messages of a list have each type, rule and error: a click narrows the list to them. */
export class ListCounts {
  readonly #desk: Desk
  /** What was counted last, and how many there were then. */
  #of = ''
  #figure: number | undefined
  #answer: { filter: MessageFilter; counts: MessageCountsAnswer } | undefined
  #isBusy = false
  #notBefore = -Infinity

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Counts, if that may have changed. Never rejects. */
  async load(node: NodeState, list: List, filter: MessageFilter): Promise<void> {
    const counted = COUNTED[list]
    const of = JSON.stringify([node.id, list, filter])
    const isOther = of !== this.#of
    if (isOther) this.forget()
    this.#of = of
    if (counted === undefined) return
    const isDue = node[counted] !== this.#figure && performance.now() >= this.#notBefore
    if (!isOther && (!isDue || this.#isBusy)) return
    const { draw, frame } = this.#desk
    const began = performance.now()
    this.#isBusy = true
    this.#figure = node[counted]
    try {
      const counts = await frame.ask(
        'messageCounts',
        { id: node.id },
        { state: counted, ...filter }
      )
      if (of !== this.#of) return
      this.#answer = { filter, counts }
    } catch (error) {
      // The list says why Node-RED does not answer.
      if (!(error instanceof RequestError)) throw error
      if (of === this.#of) this.#figure = undefined
    } finally {
      const now = performance.now()
      if (of === this.#of) {
        this.#isBusy = false
        this.#notBefore = now + (now - began) / PART_OF_TIME
      }
    }
    await draw()
  }

  /** What was counted is about another list, or was acted on. */
  forget(): void {
    this.#of = ''
    this.#figure = undefined
    this.#answer = undefined
    this.#isBusy = false
    this.#notBefore = -Infinity
  }

  /** How many match what has been entered; undefined until that is counted, and if nothing is. */
  get matching(): Matching | undefined {
    if (this.#answer === undefined) return undefined
    const { filter, counts } = this.#answer
    if (Object.keys(filter).length === 0) return undefined
    return { filter, count: counts.count, more: counts.more }
  }

  /**
   * What there is to choose, and what is chosen.
   *
   * @param choose narrows the list to a value, or with `''` no longer
   */
  view(
    filter: MessageFilter,
    choose: (name: Name, value: string) => void
  ): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const groups = KINDS.map(({ name, counted }) => {
      const chosen = filter[name]
      const values = this.#answer?.counts[counted] ?? []
      const offered =
        chosen === undefined
          ? values.slice(0, OFFERED)
          : [values.find(({ value }) => value === chosen) ?? { value: chosen, count: undefined }]
      // Where all are alike, there is nothing to choose. What is typed stands in its field.
      const isThere =
        chosen === undefined ? values.length > 1 : name === 'error' || values.length > 0
      if (!isThere) return nothing
      return html`<div class="hl7-counted">
        <span>${text(`filter.${name}`)}</span>
        ${offered.map((one) => this.#choice(name, one, chosen, choose))}
        ${
          chosen === undefined && values.length > OFFERED
            ? html`<span>${text('counts.others', { count: values.length - OFFERED })}</span>`
            : nothing
        }
      </div>`
    })
    if (groups.every((group) => group === nothing)) return nothing
    return html`<div class="hl7-counts" role="group" aria-label=${text('counts.label')}>
      ${groups}
    </div>`
  }

  #choice(
    name: Name,
    { value, count }: { value: string; count: number | undefined },
    chosen: string | undefined,
    choose: (name: Name, value: string) => void
  ): TemplateResult {
    const isChosen = value === chosen
    const more = this.#answer?.counts.more === true ? '+' : ''
    const words = this.#words(name, value)
    const label = count === undefined ? words : `${words} (${count}${more})`
    return button(this.#desk, {
      id: `only-${name}-${value}`,
      label: isChosen ? `${label} ×` : label,
      ...(isChosen && { hint: this.#desk.text('counts.all', { what: label }) }),
      isPressed: isChosen,
      press: () => {
        choose(name, isChosen ? '' : value)
      }
    })
  }

  #words(name: Name, value: string): string {
    const { text, ruleText } = this.#desk
    const shown = printable(value, 60)
    if (name === 'rule') return ruleWords(value, ruleText) || shown
    if (name === 'type') return shown
    if (value === SET_ASIDE) return text('told.suspended-by-hand')
    const meaning = ERROR_CODES.get(value) ?? ''
    return meaning === '' ? causeText(shown, text) : `${value} ${meaning}`
  }
}
